"""What was earned: open profit, fees in quote currency, and totals that survive a restart."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import Fees, Fill, Side
from opensqt_actors.domain.pnl import Totals, fee_in_quote, unrealized
from opensqt_actors.domain.records import TotalsSaved

INSTRUMENT = Instrument("XUSDT", "X", "USDT", Decimal("0.1"), Decimal("0.001"))
RATES = Fees(Decimal("0.0002"), Decimal("0.0005"))
FILL = Fill(
    "XUSDT", 7, ClientId("c"), "v", Side.BUY, 20_000, 500, fee=Decimal("0.3"), fee_asset="USDT", maker=True, at=1
)  # 0.5 X at 2,000 USDT: a notional of 1,000 USDT


@pytest.mark.parametrize(
    ("position", "cost", "mark", "profit"),
    [
        (0, 0, 100, 0),
        (3, 300, 100, 0),
        (3, 300, 110, 30),
        (3, 300, 90, -30),
        (-3, -300, 110, -30),  # sold at 100, would have to be bought back at 110
        (-3, -300, 90, 30),
    ],
)
def test_open_profit_is_what_closing_at_the_mark_would_bring(position: int, cost: int, mark: int, profit: int) -> None:
    assert unrealized(position, cost, mark) == profit


@pytest.mark.parametrize("asset", ["USDT", ""])
def test_a_fee_in_quote_currency_is_taken_as_it_stands(asset: str) -> None:
    assert fee_in_quote(replace(FILL, fee_asset=asset), INSTRUMENT, RATES) == Decimal("0.3")


def test_a_fee_in_the_base_asset_is_valued_at_the_price_of_its_fill() -> None:
    fill = replace(FILL, fee_asset="X", fee=Decimal("0.0001"))
    assert fee_in_quote(fill, INSTRUMENT, RATES) == Decimal("0.2")


@pytest.mark.parametrize(("maker", "fee"), [(True, Decimal("0.2")), (False, Decimal("0.5"))])
def test_a_fee_in_a_third_asset_is_valued_at_the_rate_of_its_side(maker: bool, fee: Decimal) -> None:
    """The amount of the discount token says nothing without its price."""
    fill = replace(FILL, fee_asset="TOKEN", fee=Decimal(99), maker=maker)
    assert fee_in_quote(fill, INSTRUMENT, RATES) == fee


def test_a_rebate_stays_negative() -> None:
    assert fee_in_quote(replace(FILL, fee=Decimal("-0.1")), INSTRUMENT, RATES) == Decimal("-0.1")


def test_totals_come_back_from_the_journal_as_they_went_in() -> None:
    saved = TotalsSaved("main", "XUSDT", 11, Decimal("2.2"), Decimal("-3.3"), 4, 55)
    totals = Totals(saved)
    assert (totals.realized, totals.fees, totals.funding) == (11, Decimal("2.2"), Decimal("-3.3"))
    assert (totals.round_trips, totals.confirmed) == (4, 55)
    assert totals.saved("main", "XUSDT") == saved
