"""The fee rates of an account, kept from one life of the process to the next.

The venue tells them one symbol a request, at a high weight (20 on Binance): asking for hundreds anew at each start
would use up minutes of the venue's limit, and what is held would wait for its exits meanwhile.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from collections.abc import Callable
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import orjson
from loguru import logger
from pydantic import SecretStr

from opensqt_actors.domain.orders import Fees

STAY = 24 * 3600.0
"""Seconds: rates change with an account's tier, which the venue looks at once a day."""
_SLACK = 60.0
_MOST = 5_000


class KeptRates:
    """Rates by symbol, each with the second at which it was told. path: None keeps them in memory only.

    A file of another API key, of another form, or one that cannot be read or written counts as none: what is missing is
    asked for. Several processes may share one; who writes last takes over what the others have written.
    """

    def __init__(self, path: Path | None, api_key: SecretStr, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self._owner = hashlib.sha256(b"rates of " + api_key.get_secret_value().encode()).hexdigest()[:16]
        self._clock = clock
        self._rates: dict[str, tuple[Fees, float]] = self._load()
        self._changed = False

    def get(self, symbol: str) -> Fees | None:
        """What was told within the last day."""
        found = self._rates.get(symbol)
        return found[0] if found is not None and self._fresh(found[1]) else None

    def put(self, symbol: str, fees: Fees) -> None:
        """The venue has told them now."""
        self._rates[symbol] = (fees, self._clock())
        self._changed = True

    def save(self) -> None:
        """Write what is new; nothing when there is nothing."""
        if self._path is None or not self._changed:
            return
        self._changed = False
        both = {**self._load(), **{symbol: told for symbol, told in self._rates.items() if self._fresh(told[1])}}
        newest = sorted(both, key=lambda symbol: both[symbol][1])[-_MOST:]
        rows = {symbol: [str(both[symbol][0].maker), str(both[symbol][0].taker), both[symbol][1]] for symbol in newest}
        try:
            _replace(self._path, orjson.dumps({"owner": self._owner, "rates": rows}))
        except OSError as error:
            logger.warning("the fee rates could not be kept for the next start: {}", error.strerror)

    def _fresh(self, at: float) -> bool:
        return -_SLACK <= self._clock() - at < STAY

    def _load(self) -> dict[str, tuple[Fees, float]]:
        if self._path is None:
            return {}
        try:
            told: Any = orjson.loads(self._path.read_bytes())
            if told["owner"] != self._owner:
                return {}
            rates = {
                str(symbol): (Fees(Decimal(maker), Decimal(taker)), float(at))
                for symbol, (maker, taker, at) in told["rates"].items()
            }
        except (OSError, ValueError, TypeError, KeyError, AttributeError, InvalidOperation):
            return {}
        sound = all(fees.maker.is_finite() and fees.taker.is_finite() for fees, _ in rates.values())
        return {symbol: row for symbol, row in rates.items() if self._fresh(row[1])} if sound else {}


def _replace(path: Path, content: bytes) -> None:
    """Whole or not at all, for its owner alone."""
    partial = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        file = os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            os.write(file, content)
        finally:
            os.close(file)
        partial.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            partial.unlink()
        raise
