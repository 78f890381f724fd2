"""The SymbolActor: what it shows an operator, level by level, and what each level has earned."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace
from support.market import EMPTY, GRID, SPEC, Market, holding

from opensqt_actors.actors import ports
from opensqt_actors.actors.symbol import Describe
from opensqt_actors.actors.views import SymbolView
from opensqt_actors.domain.orders import OrderStatus
from opensqt_actors.domain.pnl import KNOWN_LEVELS, Earned, EarnedByLevel
from opensqt_actors.domain.records import LatticeSaved
from opensqt_actors.domain.settings import GridMode, SymbolState


def test_an_operator_sees_every_level_with_its_order_or_the_reason_why_it_has_none() -> None:
    market = holding()
    market.step(Describe(5))
    (reply,) = market.effects(ports.Reply)
    view = reply.payload
    assert isinstance(view, SymbolView)
    assert reply.request == 5
    assert [level.level for level in view.levels] == [0, -1, -2, -3]
    assert [level.order_kind for level in view.levels] == ["", "exit_sell", "open_buy", "open_buy"]
    assert [bool(level.reason_code) for level in view.levels] == [True, False, False, False]
    assert view.centre == Decimal(10_000)
    assert view.levels[1].exit_price == Decimal(10_000)
    assert view.row.open_orders == 3


def described(market: Market) -> SymbolView:
    market.step(Describe(5))
    view = market.effects(ports.Reply)[0].payload
    assert isinstance(view, SymbolView)
    return view


@pytest.mark.parametrize("mode", [GridMode.LONG, GridMode.SHORT])
def test_each_slot_tells_its_cost_its_open_and_its_earned_profit_and_they_add_up(mode: GridMode) -> None:
    sign, level = (1, -1) if mode is GridMode.LONG else (-1, 1)
    spec = replace(SPEC, grid=replace(GRID, mode=mode, buy_window=3, sell_window=3))
    market = Market(spec).trade()
    market.fills(market.plan(level))
    market.update(market.plan(level), OrderStatus.NEW)
    view = described(market)
    shown = next(slot for slot in view.levels if slot.level == level)
    mark = (Decimal("10000.0") + Decimal("10000.1")) / 2
    assert shown.cost == shown.position * shown.price
    assert shown.position * sign > 0
    assert abs(shown.unrealized_pnl - shown.position * (mark - shown.price)) <= abs(shown.position) * Decimal("0.05")
    assert (shown.realized_pnl, shown.fees, shown.round_trips) == (0, 1, 0)
    assert sum(slot.unrealized_pnl for slot in view.levels) == view.row.unrealized_pnl

    profit = sign * shown.position.copy_abs() * ((shown.order_price or 0) - shown.price)
    market.fills(market.plan(level))
    view = described(market)
    shown = next(slot for slot in view.levels if slot.level == level)
    assert (shown.cost, shown.unrealized_pnl) == (0, 0)
    assert (shown.fees, shown.round_trips) == (2, 1)
    assert shown.realized_pnl == view.row.grid_pnl == profit > 0
    assert view.row.fees == sum(slot.fees for slot in view.levels)


def test_what_levels_have_earned_is_forgotten_when_they_mean_other_prices() -> None:
    market = holding()
    market.fills(market.plan(-1))
    assert market.actor.ledger.earned.of(-1).round_trips == 1
    market.actor.ledger.anchor(200_000)
    assert market.actor.ledger.earned.of(-1) == Earned()
    assert market.actor.totals.realized == 5_010


def test_the_memory_of_what_levels_have_earned_is_bounded() -> None:
    earned = EarnedByLevel()
    for level in range(KNOWN_LEVELS + 1):
        earned.add(level, 7, Decimal(1), round_trip=True)
    assert earned.of(0) == Earned()
    assert earned.of(KNOWN_LEVELS) == Earned(7, Decimal(1), 1)


def test_before_the_rules_there_is_little_to_show() -> None:
    market = Market()
    market.step(Describe(5))
    view = market.effects(ports.Reply)[0].payload
    assert (view.levels, view.centre, view.row.state) == ((), None, SymbolState.STARTING)


def test_before_the_first_price_the_restored_levels_are_shown() -> None:
    market = Market(restored=replace(EMPTY, lattice=LatticeSaved("main", "XUSDT", 100_000, 500, None)))
    market.prepare()
    market.step(Describe(5))
    assert market.effects(ports.Reply)[0].payload.band_low is None
