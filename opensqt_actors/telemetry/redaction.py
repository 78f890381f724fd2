"""Secrets that must never be written: known texts are replaced wherever they turn up."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from urllib.parse import quote, quote_plus

HIDDEN = "[hidden]"
SHORTEST = 4  # a shorter "secret" would black out half of every line


class Redactor:
    """Replaces registered secrets, also as they look inside URLs and JSON. Safe to use from several threads."""

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        self._known: frozenset[str] = frozenset()
        self._pattern: re.Pattern[str] | None = None
        self.add(*secrets)

    def __repr__(self) -> str:
        return f"Redactor({len(self._known)} texts)"

    def add(self, *secrets: str) -> None:
        """Hide these from now on. Texts shorter than four characters are not taken."""
        forms = set(self._known)
        for secret in secrets:
            if len(secret) >= SHORTEST:
                forms |= {
                    secret,
                    quote(secret, safe=""),
                    quote_plus(secret),
                    json.dumps(secret)[1:-1],
                    repr(secret)[1:-1],
                }
        self._known = frozenset(forms)
        # the longest first: one secret may begin with another
        ordered = sorted(forms, key=lambda form: (-len(form), form))
        self._pattern = re.compile("|".join(map(re.escape, ordered))) if ordered else None

    def scrub(self, text: str) -> str:
        """The text without any registered secret."""
        pattern = self._pattern
        return pattern.sub(HIDDEN, text) if pattern else text
