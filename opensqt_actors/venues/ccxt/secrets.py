"""Credentials of one account, and the scrubber that keeps them out of every text that leaves the adapter."""

from __future__ import annotations

from msgspec import Struct
from pydantic import SecretStr

_SHORTEST = 4


class Credentials(Struct, frozen=True):
    """API key and secret; both stay wrapped until they are handed to ccxt."""

    api_key: SecretStr
    secret: SecretStr


class Scrubber:
    """Replaces known secrets in a text. Passing ones (listen keys) can be added; the newest 16 of them stay known."""

    def __init__(self, credentials: Credentials) -> None:
        self._fixed = tuple(
            text
            for text in (credentials.api_key.get_secret_value(), credentials.secret.get_secret_value())
            if len(text) >= _SHORTEST
        )
        self._passing: list[str] = []

    def add(self, secret: str) -> None:
        """Hide this text from now on."""
        if len(secret) >= _SHORTEST and secret not in self._passing:
            self._passing = [*self._passing[-15:], secret]

    def clean(self, text: object, limit: int = 300) -> str:
        """The text without secrets, on one line, cut to `limit` characters."""
        cleaned = " ".join(str(text).split())
        for secret in (*self._fixed, *self._passing):
            cleaned = cleaned.replace(secret, "***")
        return cleaned[:limit]
