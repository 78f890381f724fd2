"""Failure catalogue, accounts: modes, money, other hands on them, and a market that is taken away. One supervisor."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal
from itertools import pairwise
from typing import Any

import pytest
from support.accounting import differences
from support.processes import VenueProcess, pb, registry_pb2, wait_until
from support.stage import WINDOW, Hire, Stage

from opensqt_actors.domain.ids import IdCoder, OrderKind, decode

pytestmark = [pytest.mark.integration, pytest.mark.slow, pytest.mark.timeout(150)]

SHARED, POOR, HEDGED, GONE, LEFT = "AVAXUSDT", "DOTUSDT", "LTCUSDT", "GONEUSDT", "ATOMUSDT"
WIDE = ["TRXUSDT", "UNIUSDT", "NEARUSDT", "APTUSDT", "ARBUSDT"]
LEVELS, PER_10S = 80, 300
HELD = 3
SECOND_MS = 1_000
MARGIN, TOO_MANY = "-2019", "-1015"
BESIDE = {"poor": "sim-poor", "hedged": "sim-hedged", "gone": "sim-gone", "wide": "sim-wide"}
NEVER = {"stale_after": 0, "max_drawdown_percent": 0, "max_losses": 0, "max_error_rate": 0}


@pytest.fixture(scope="module")
def stage(hire: Hire, venue: VenueProcess) -> Stage:
    """Five accounts: what is done to one is nothing to the others. No rule of ours acts before the venue does."""
    rules = {"symbol": GONE, "base": "GONE", "quote": "USDT", "tick": "0.001", "step": "0.01", "reference": "20"}
    venue.admin("POST", "/markets", {"rules": rules | {"min_notional": "5"}, "scripted": True})
    own = {"poor": [POOR], "hedged": [HEDGED], "gone": [GONE, LEFT]}
    others = [{"symbol": name, "account": account} for account, names in own.items() for name in names]
    grid = {"amount": 10, "interval_percent": 0.2, "buy_window": LEVELS, "max_open_orders": LEVELS}
    stage = hire(
        "sim-people",
        [SHARED],
        beside=BESIDE,
        others=[*others, *({"symbol": name, "account": "wide"} | grid for name in WIDE)],
        execution={"margin_lock": 1, "margin_lock_max": 4},
        risk={
            "preflight": {"max_leverage": 20, "required_positions": 1},
            "emergency": {"liquidation_distance": 0, "equity_loss": 0},
            "breaker": NEVER,
            "global_breaker": NEVER,
        },
    )
    stage.stir(POOR, HEDGED, GONE, LEFT, *WIDE)
    return stage


def side(stage: Stage, account: str) -> Stage:
    """One of the other accounts."""
    return stage.beside(account, BESIDE[account])


def why(stage: Stage, name: str) -> str:
    """What keeps a market from opening, as operators read it."""
    return "; ".join(gate.sentence for gate in stage.describe(name).gates)


# --- F19 -------------------------------------------------------------------------------------------------------------


def set_mode(stage: Stage, hedge: bool) -> None:
    """A human changes the position mode of the account on the venue."""
    stage.venue.admin("POST", f"/accounts/{stage.venue.key}/hedge-mode", {"hedge_mode": hedge})


def refused(hedged: Stage) -> bool:
    """Whether nothing is done in the account's market until somebody acts."""
    return hedged.row(HEDGED).state == registry_pb2.SYMBOL_STATE_REFUSED


def one_way(stage: Stage) -> Stage:
    """The hedged account, made fit for trading by its owner."""
    hedged = side(stage, "hedged")
    if hedged.venue.account()["hedge_mode"]:
        wait_until(lambda: refused(hedged), "the refusal")
        set_mode(hedged, False)
    wait_until(lambda: not refused(hedged) or hedged.resume(HEDGED), "the refusal's end")
    hedged.wait_trading(HEDGED)
    hedged.laid(HEDGED)
    return hedged


def test_f19_an_account_in_hedge_mode_is_refused_before_the_first_order_and_never_changed(stage: Stage) -> None:
    hedged = side(stage, "hedged")
    wait_until(lambda: refused(hedged), "the refusal")
    assert "hedge" in hedged.row(HEDGED).why
    told = len(hedged.said("symbol.refused", HEDGED))
    hedged.resume(HEDGED)
    wait_until(lambda: len(hedged.said("symbol.refused", HEDGED)) == told + 1, "the same refusal again")
    assert hedged.venue.orders() == []
    assert hedged.venue.account()["hedge_mode"] is True
    assert len(stage.laid(SHARED)) == WINDOW
    one_way(stage).settled()


def test_f19_a_mode_that_flips_while_trading_closes_the_gate_until_it_is_changed_back_by_hand(stage: Stage) -> None:
    hedged = one_way(stage)
    hedged.pause(HEDGED)  # a venue changes the mode of an account without orders alone
    before, restored = len(hedged.said("account.mode_changed")), len(hedged.said("account.mode_restored"))
    set_mode(hedged, True)
    told = wait_until(lambda: hedged.said("account.mode_changed")[before:], "the change told")
    placed = len(hedged.venue.orders())
    hedged.resume(HEDGED)
    hedged.venue.move(HEDGED, "0.5")
    wait_until(lambda: "hedge" in why(hedged, HEDGED), "the gate")
    assert {slot.reason.code for level, slot in hedged.bare(HEDGED).items() if level < 0} - {"centre"} == {
        "position_mode"
    }
    assert len(told) == len(hedged.said("account.mode_changed")) - before == 1
    assert "hedge" in told[0]
    assert hedged.venue.account()["hedge_mode"] is True
    assert len(hedged.venue.orders()) == placed
    assert len(stage.laid(SHARED)) == WINDOW
    set_mode(hedged, False)
    hedged.laid(HEDGED)
    assert len(hedged.said("account.mode_restored")) == restored + 1
    hedged.settled()


# --- F10, F18 --------------------------------------------------------------------------------------------------------


def transfer(stage: Stage, amount: Decimal) -> None:
    """Money comes to the account, or goes."""
    stage.venue.admin("POST", f"/accounts/{stage.venue.key}/transfer", {"amount": str(amount)})


def funded(stage: Stage) -> Stage:
    """The poor account with more money than it needs, its ladder laid."""
    poor = side(stage, "poor")
    if (money := Decimal(poor.venue.account()["wallet_balance"])) < 900:
        transfer(poor, 1_000 - money)
    poor.wait_trading(POOR)
    poor.laid(POOR)
    return poor


def test_f10_want_of_margin_is_asked_for_once_a_lock_and_longer_each_time(stage: Stage, venue: VenueProcess) -> None:
    poor = side(stage, "poor")
    locks = wait_until(lambda: found if len(found := poor.events("margin.locked", POOR)) >= 3 else [], "three locks")
    reasons = {slot.reason.code: slot.reason.sentence for slot in poor.bare(POOR).values()}
    assert "margin does not suffice" in why(poor, POOR)
    assert "margin_lock" in reasons
    at = [event.occurred_at.ToNanoseconds() / 1e9 for event in locks]
    assert all(later - earlier >= 0.95 * 2**n for n, (earlier, later) in enumerate(pairwise(at[:3])))
    assert 0 < venue.stats()["rejections"][MARGIN] <= len(poor.events("margin.locked", POOR)) * WINDOW
    assert poor.venue.account()["positions"] == {}
    funded(stage)
    told = len(poor.events("margin.locked", POOR))
    poor.venue.move(POOR, "0.45")
    poor.laid(POOR)
    assert len(poor.events("margin.locked", POOR)) == told
    poor.settled()


def holding(stage: Stage) -> tuple[Stage, Decimal]:
    """The poor account with something held in three levels or more, each with its exit."""
    poor = funded(stage)
    if len(poor.exits(POOR)) < HELD:
        poor.fill_down(POOR, HELD)
        wait_until(lambda: len(poor.exits(POOR)) == HELD, "the exits")
        poor.laid(POOR)
    return poor, poor.position(POOR)


def left(order: dict[str, Any]) -> Decimal:
    """What of an order is still to be filled."""
    return Decimal(order["origQty"]) - Decimal(order["executedQty"])


def test_f18_a_small_part_that_is_closed_by_hand_is_corrected_without_a_question(stage: Stage) -> None:
    poor, position = holding(stage)
    told = len(poor.said("position.corrected", POOR))
    part = (position * Decimal("0.03")).quantize(Decimal("0.1"))
    order = {"symbol": POOR, "side": "SELL", "quantity": str(part)}
    poor.venue.admin("POST", f"/accounts/{poor.venue.key}/orders", order)
    wait_until(lambda: sum(poor.held(POOR).values()) == position - part, "the slots corrected")
    wait_until(lambda: sum(map(left, poor.exits(POOR))) == position - part, "exits of what is left")
    assert len(poor.said("position.corrected", POOR)) == told + 1
    assert poor.said("position.mismatch", POOR) == []
    poor.laid(POOR)
    assert why(poor, POOR) == ""


def test_f18_a_position_that_the_venue_liquidates_is_seen_within_seconds_and_never_bought_back(stage: Stage) -> None:
    poor, position = holding(stage)
    mark = Decimal(poor.venue.account()["positions"][POOR]["mark_price"])
    transfer(poor, mark * position / 20 - Decimal(poor.venue.account()["wallet_balance"]))
    poor.venue.move(POOR, "-6")
    wait_until(lambda: not poor.position(POOR), "the liquidation")
    last = max(order["orderId"] for order in poor.venue.orders())
    told = wait_until(lambda: poor.said("position.mismatch", POOR), "the difference told", 10)
    assert told[0].startswith("the venue holds 0")
    assert not poor.buys(POOR)
    assert told[0] in why(poor, POOR)
    transfer(poor, Decimal(1_000))
    poor.venue.move(POOR, "0.9")
    assert poor.reconcile(POOR).verdict == "different"
    keys = [decode(order["clientOrderId"]) for order in poor.venue.orders() if order["orderId"] > last]
    assert not [key for key in keys if key is not None and key.kind.opens]
    assert poor.reconcile(POOR, accept=True).verdict == "same"
    wait_until(lambda: not poor.exits(POOR) and not poor.held(POOR), "nothing held and no exit")
    poor.laid(POOR)
    assert len(poor.said("position.mismatch", POOR)) == 1


# --- F25 -------------------------------------------------------------------------------------------------------------


def test_f25_a_delisted_market_opens_nothing_is_told_once_and_the_others_trade_on(stage: Stage) -> None:
    gone = side(stage, "gone")
    gone.wait_trading(GONE, LEFT)
    gone.laid(GONE)
    gone.fill_down(GONE, 2)
    wait_until(lambda: len(gone.exits(GONE)) == 2, "two exits")
    gone.laid(GONE)
    gone.venue.admin("POST", f"/markets/{GONE}/delist", {"settle": False})
    wait_until(lambda: gone.said("market.closed", GONE), "the end of the market told")
    assert "takes no orders" in why(gone, GONE)
    placed = [order for order in gone.venue.orders() if order["symbol"] == GONE]
    levels = gone.laid(LEFT)[0]["price"]
    gone.venue.move(LEFT, "0.9")
    wait_until(lambda: Decimal(gone.buys(LEFT)[0]["price"]) > Decimal(levels), "the other market's ladder moved up")
    gone.laid(LEFT)
    assert [order for order in gone.venue.orders() if order["symbol"] == GONE] == placed
    assert len(gone.said("market.closed", GONE)) == 1
    assert {slot.reason.code for slot in gone.bare(GONE).values()} <= {"market_closed", "centre", "blocked", "held"}
    gone.settled(exits=False)


# --- F09, F26 --------------------------------------------------------------------------------------------------------


def test_f09_a_wide_ladder_is_laid_from_the_nearest_level_on_and_within_the_published_limit(
    stage: Stage, venue: VenueProcess
) -> None:
    wide = side(stage, "wide")
    for name in WIDE:
        wide.laid(name, LEVELS)
    sent = sorted(wide.venue.orders(), key=lambda order: order["orderId"])
    assert len(sent) == LEVELS * len(WIDE) > PER_10S
    times = [order["time"] for order in sent]
    assert max(Counter(time // (10 * SECOND_MS) for time in times).values()) <= PER_10S
    assert times[-1] - times[0] >= 9 * SECOND_MS
    assert TOO_MANY not in venue.stats()["rejections"]
    for name in WIDE:
        prices = [Decimal(order["price"]) for order in sent if order["symbol"] == name]
        far = max(prices[at] - max(prices[at:]) for at in range(len(prices)))
        assert far <= 0
    wide.settled()


def test_f26_orders_of_others_stay_where_they_are_and_are_reported(stage: Stage) -> None:
    """A human's order and one of another installation of this program; then we leave."""
    laid = stage.laid(SHARED)
    key = stage.key(laid[0])
    mate = IdCoder("zz" if key.instance != "zz" else "yy", key.symbol, key.epoch).encode(-3, OrderKind.OPEN_BUY, 1)
    price = Decimal(laid[-1]["price"]) * Decimal("0.95") // Decimal("0.001") * Decimal("0.001")
    order = {"symbol": SHARED, "side": "BUY", "type": "LIMIT", "quantity": "2", "price": str(price)}
    path = f"/accounts/{stage.venue.key}/orders"
    theirs = {stage.venue.admin("POST", path, order | extra)["clientOrderId"] for extra in ({}, {"client_id": mate})}
    told = wait_until(lambda: stage.said("order.foreign", SHARED), "the report")
    assert any(name in told[0] for name in theirs)
    found = stage.reconcile(SHARED)
    assert (found.verdict, found.foreign_orders) == ("same", 2)
    stage.supervisor.ask("PauseSymbol", pb.PauseSymbolRequest(account=stage.account, symbol=SHARED))
    wait_until(lambda: {order["clientOrderId"] for order in stage.venue.open_orders()} == theirs, "ours cancelled")
    stage.resume(SHARED)
    stage.laid(SHARED, WINDOW + 1)  # the other installation's order is there, too
    assert len(stage.said("order.foreign", SHARED)) == 1
    assert theirs < {order["clientOrderId"] for order in stage.venue.open_orders()}
    stage.supervisor.ask("Shutdown", pb.ShutdownRequest())
    assert stage.supervisor.wait() == 0
    assert {order["clientOrderId"] for order in stage.venue.open_orders()} == theirs
    stage.venue.admin("DELETE", path)
    assert differences(stage.supervisor.database_url, stage.venue) == []
