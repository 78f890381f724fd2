"""The frame hooks: which of an account's order events a process reads when others share the account."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from opensqt_actors.domain.ids import PREFIX, IdCoder, OrderKind
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.venues.ccxt.binance_frames import Frames
from opensqt_actors.venues.ccxt.expected import Expected

BTC, ETH = (Instrument(f"{base}USDT", base, "USDT", Decimal("0.1"), Decimal("0.001")) for base in ("BTC", "ETH"))
OURS = IdCoder("aa", 1, 0).encode(3, OrderKind.OPEN_BUY, 1)
ANOTHERS = IdCoder("bb", 1, 0).encode(3, OrderKind.OPEN_BUY, 1)


def update(symbol: str, client_id: str) -> dict[str, Any]:
    order = {
        "s": symbol, "c": client_id, "S": "BUY", "f": "GTX", "q": "0.010", "p": "43000.10", "X": "NEW", "i": 1,
        "l": "0", "z": "0", "L": "0", "T": 5, "t": 0,
    }  # fmt: skip
    return {"e": "ORDER_TRADE_UPDATE", "E": 6, "T": 5, "o": order}


class Bench:
    def __init__(self, ours: str) -> None:
        self.heard: list[Any] = []
        self.now = 0.0
        self.expected = Expected(1.0, lambda: self.now)
        instruments = {BTC.symbol: BTC, ETH.symbol: ETH}
        self.frames = Frames(instruments, lambda *_: None, self.heard.append, lambda _: None, self.expected, ours)
        self.frames.watched.add(BTC.symbol)

    def hears(self, symbol: str, client_id: str) -> bool:
        self.heard.clear()
        self.frames.user(update(symbol, client_id))
        return bool(self.heard)


@pytest.fixture
def bench() -> Bench:
    return Bench(f"{PREFIX}aa")


def test_orders_of_other_processes_on_symbols_of_theirs_are_not_read(bench: Bench) -> None:
    assert bench.hears("BTCUSDT", OURS)
    assert not bench.hears("ETHUSDT", OURS)
    bench.frames.watched.add("ETHUSDT")
    assert bench.hears("ETHUSDT", OURS), "it has come here"
    bench.frames.forget("ETHUSDT")
    assert not bench.hears("ETHUSDT", OURS), "it has left"


def test_what_is_not_of_this_registry_is_read_whatever_the_symbol(bench: Bench) -> None:
    assert bench.hears("ETHUSDT", ANOTHERS)
    assert bench.hears("ETHUSDT", "web_1")
    assert bench.hears("BTCUSDT", "web_1")


def test_everything_is_read_while_nobody_says_which_ids_are_ours() -> None:
    assert Bench("").hears("ETHUSDT", OURS)


def test_an_event_that_is_not_read_still_proves_that_the_stream_lives(bench: Bench) -> None:
    bench.expected.asked([OURS])
    bench.expected.answered(OURS, taken=True)
    bench.now = 2.0
    assert bench.expected.overdue() == OURS
    bench.hears("ETHUSDT", OURS)
    assert bench.expected.overdue() is None
