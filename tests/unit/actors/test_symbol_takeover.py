"""A symbol under a lease: what the last owner left is cancelled, exits come at once, openings after two more looks."""

from __future__ import annotations

import sys
from pathlib import Path

from msgspec.structs import replace

sys.path.insert(0, str(Path(__file__).parents[2]))

from support.symbol_bench import NOW, Bench, held, saved

from opensqt_actors.actors.exchange_messages import OrderUpdate, Submit
from opensqt_actors.actors.symbol_messages import AskPast, Phase, Reconcile
from opensqt_actors.actors.symbol_takeover import LOOKS, LookAgain
from opensqt_actors.domain.ids import ClientId, IdCoder, OrderKind, decode
from opensqt_actors.domain.orders import OrderReport, OrderStatus, Side
from opensqt_actors.domain.records import Intent, LiveOrder

SECOND = 1_000_000_000
EXIT = IdCoder("s1", 1, 2).encode(-1, OrderKind.EXIT_SELL, 7)
OPENING = IdCoder("s1", 1, 2).encode(-2, OrderKind.OPEN_BUY, 8)


def report(client_id: ClientId, status: OrderStatus = OrderStatus.NEW) -> OrderReport:
    side = Side.SELL if client_id == EXIT else Side.BUY
    return OrderReport(client_id, "XUSDT", f"v{client_id}", side, status, 10_000, 30, 0, NOW, "")


def live(client_id: ClientId, status: OrderStatus = OrderStatus.NEW, ago: int = 60 * SECOND) -> LiveOrder:
    key = decode(client_id)
    assert key is not None
    side = Side.SELL if client_id == EXIT else Side.BUY
    intent = Intent(
        "main", "XUSDT", client_id, key.level, key.kind, key.generation, side, 10_000, 30, True, True, NOW - ago
    )
    return LiveOrder(intent, status, 0, "" if status is OrderStatus.PENDING else f"v{client_id}")


def taken_over(*orders: LiveOrder, resting: tuple[ClientId, ...] = (), epoch: int = 3) -> Bench:
    bench = Bench(replace(held(), orders=orders), epoch=epoch)
    bench.resting = {client_id: report(client_id) for client_id in resting}
    bench.begin()
    return bench


def cancels(bench: Bench) -> list[ClientId]:
    return [name for told in bench.told if isinstance(told, Submit) for name in told.cancels]


def placed(bench: Bench) -> list[ClientId]:
    return [plan.request.client_id for told in bench.told if isinstance(told, Submit) for plan in told.places]


def gone(bench: Bench, client_id: ClientId) -> None:
    """The venue has cancelled it, says so, and is asked again."""
    del bench.resting[client_id]
    bench.step(OrderUpdate(report(client_id, OrderStatus.CANCELED), None))
    bench.step(Reconcile())


def look(bench: Bench, after: int) -> None:
    bench.now = NOW + after
    bench.step(LookAgain())


def test_f36_orders_of_earlier_epochs_are_cancelled_before_anything_is_placed() -> None:
    bench = taken_over(live(EXIT), live(OPENING), resting=(EXIT, OPENING))
    assert sorted(cancels(bench)) == sorted([EXIT, OPENING])
    assert placed(bench) == []
    gone(bench, OPENING)
    assert bench.actor.phase is Phase.SYNCING
    assert placed(bench) == []
    gone(bench, EXIT)
    assert bench.actor.phase is Phase.TRADING


def test_what_is_held_gets_its_exit_at_once_under_the_new_epoch_and_openings_wait_for_two_looks() -> None:
    bench = taken_over()
    [exit_order] = placed(bench)
    key = decode(exit_order)
    assert key is not None
    assert (key.epoch, key.kind) == (3, OrderKind.EXIT_SELL)
    bench.step(AskPast())
    look(bench, LOOKS[0])
    assert bench.openings == 0
    assert "takeover" in bench.actor.gates
    look(bench, LOOKS[1])
    assert "takeover" not in bench.actor.gates
    assert bench.openings == 2
    assert "lease.taken_over" in bench.announced()


def test_a_late_order_of_an_earlier_epoch_is_cancelled_and_openings_wait_until_it_is_gone() -> None:
    bench = taken_over()
    look(bench, LOOKS[0])
    bench.resting[OPENING] = report(OPENING)
    look(bench, LOOKS[1])
    assert cancels(bench) == [OPENING]
    bench.step(OrderUpdate(report(OPENING, OrderStatus.CANCELED), None))
    assert placed(bench).count(OPENING) == 0


def test_f36_an_order_of_an_earlier_epoch_that_is_not_known_here_is_cancelled_without_a_grace() -> None:
    bench = taken_over(resting=(OPENING,))
    assert cancels(bench) == [OPENING]


def test_f36_an_exit_that_the_last_owner_never_got_out_is_not_sent_under_its_epoch() -> None:
    bench = taken_over(live(EXIT, OrderStatus.PENDING))
    assert EXIT not in placed(bench)
    assert {decode(name).epoch for name in placed(bench)} == {3}  # type: ignore[union-attr]


def test_one_that_was_sent_a_moment_ago_is_waited_for_first() -> None:
    bench = taken_over(live(EXIT, OrderStatus.PENDING, ago=SECOND))
    assert placed(bench) == []
    bench.now += 6 * SECOND
    bench.step(Reconcile())
    assert [decode(name).epoch for name in placed(bench)] == [3]  # type: ignore[union-attr]


def test_a_symbol_that_nobody_has_traded_opens_at_once() -> None:
    bench = Bench(saved(), epoch=3)
    bench.begin()
    assert "takeover" not in bench.actor.gates
    assert bench.openings == 3


def test_without_leases_what_rests_is_kept() -> None:
    bench = Bench(replace(held(), orders=(live(EXIT),)))
    bench.resting = {EXIT: report(EXIT)}
    bench.begin()
    assert cancels(bench) == []
    assert bench.actor.phase is Phase.TRADING
    assert "takeover" not in bench.actor.gates


def test_under_the_same_epoch_what_rests_is_kept_after_the_actor_alone_was_restarted() -> None:
    bench = taken_over(live(EXIT), resting=(EXIT,), epoch=2)
    assert cancels(bench) == []
    assert bench.actor.phase is Phase.TRADING
