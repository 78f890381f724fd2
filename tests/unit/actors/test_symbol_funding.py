"""Funding that a symbol is told of: booked once, and only what was paid since the symbol was added."""

from __future__ import annotations

from decimal import Decimal

from msgspec.structs import replace
from support.symbol_bench import NOW, Bench, saved

from opensqt_actors.actors import ports
from opensqt_actors.domain.orders import FundingPayment


def test_funding_is_booked_once_and_not_from_before_the_symbol_was_added() -> None:
    bench = Bench(replace(saved(), since=NOW))
    bench.begin()
    before = FundingPayment("XUSDT", "1", Decimal(-3), NOW - 1)
    after = FundingPayment("XUSDT", "2", Decimal(-2), NOW + 1)
    bench.step(ports.FundingSeen((before, after)))
    bench.step(ports.FundingSeen((after,)))
    assert bench.actor.ledger.totals.funding == Decimal(-2)
