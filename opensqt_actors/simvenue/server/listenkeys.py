"""Keys of the user data stream: one per account, valid for an hour unless renewed. Times in ms."""

from __future__ import annotations

import secrets

from msgspec import Struct


class _Key(Struct):
    text: str
    valid_until: int


class ListenKeys:
    """At most one valid key per account."""

    def __init__(self, validity_ms: int) -> None:
        self._validity = validity_ms
        self._keys: dict[str, _Key] = {}
        self._deleted: list[tuple[str, str]] = []

    def create(self, account: str, now: int) -> str:
        """The account's key: the valid one, renewed, or a new one."""
        key = self._keys.get(account)
        if key is None or key.valid_until <= now:
            if key is not None:
                self._deleted.append((account, key.text))
            key = self._keys[account] = _Key(secrets.token_hex(32), 0)
        key.valid_until = now + self._validity
        return key.text

    def renew(self, account: str, now: int) -> str | None:
        """The renewed key, or None when there is no valid one."""
        key = self._keys.get(account)
        if key is None or key.valid_until <= now:
            return None
        key.valid_until = now + self._validity
        return key.text

    def delete(self, account: str) -> bool:
        """The account's key is no longer valid; whether there was one."""
        key = self._keys.pop(account, None)
        if key is None:
            return False
        self._deleted.append((account, key.text))
        return True

    def account(self, text: str, now: int) -> str | None:
        """Whose valid key this is."""
        for account, key in self._keys.items():
            if secrets.compare_digest(key.text, text) and key.valid_until > now:
                return account
        return None

    def ended(self, now: int) -> list[tuple[str, str]]:
        """Account and key of those that were deleted or whose time has run out since the last call."""
        gone, self._deleted = self._deleted, []
        late = [(account, key.text) for account, key in self._keys.items() if key.valid_until <= now]
        for account, _ in late:
            del self._keys[account]
        return gone + late
