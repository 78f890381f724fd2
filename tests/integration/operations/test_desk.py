"""The desk and its procedures over a real runner and a fleet in a dictionary: answers, keys, turns, alarms."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from operations_fleet import GRID, Fleet, made

from opensqt_actors.actors import operator
from opensqt_actors.actors.operations import Ended, Kind, Record, grid_to_json
from opensqt_actors.actors.views import HoldingsView, RiskRow
from opensqt_actors.api.operations import Answer
from opensqt_actors.app.operations.desk import OperationsDesk
from opensqt_actors.domain.settings import SymbolState
from opensqt_actors.storage import Database

pytestmark = pytest.mark.integration

ABOUT = {"account": "main", "symbol": "BTCUSDT"}
WIDE = replace(GRID, buy_window=20)
Open = Callable[..., Awaitable[OperationsDesk]]


@pytest.fixture
def fleet() -> Fleet:
    return Fleet("BTCUSDT", "ETHUSDT", "SOLUSDT")


@pytest.fixture
async def opened(fleet: Fleet, tmp_path: Path) -> AsyncIterator[Open]:
    """Opens a desk on one database; the one before is closed, as by a kill, in whatever it was doing."""
    url = f"sqlite:///{tmp_path}/opensqt.db"
    database = Database(url)
    database.migrate()
    database.close()
    desks: list[tuple[OperationsDesk, Database]] = []

    async def close() -> None:
        for desk, held in desks:
            await desk.close()
            held.close()
        desks.clear()

    async def open_(**pace: Any) -> OperationsDesk:
        await close()
        desks.append(made(fleet, url, **pace))
        await desks[-1][0].start()
        return desks[-1][0]

    yield open_
    await close()


async def ended(desk: OperationsDesk, key: str) -> Record:
    async with asyncio.timeout(10):
        while True:
            view = await desk.show(key)
            if view is not None and view.record.outcome is not None:
                return view.record
            await asyncio.sleep(0.005)


async def asked(fleet: Fleet, kind: type) -> None:
    async with asyncio.timeout(10):
        while not any(isinstance(request, kind) for request in fleet.asked):  # noqa: ASYNC110 - seen from outside
            await asyncio.sleep(0.005)


def sentence(answer: Answer) -> str:
    assert isinstance(answer.payload, operator.Done), answer
    return answer.payload.sentence


def refusal(answer: Answer) -> operator.Refusal:
    assert isinstance(answer.payload, operator.Refusal), answer
    return answer.payload


# --- keys and turns --------------------------------------------------------------------------------------------------


async def test_a_command_is_answered_when_it_is_durable_and_its_outcome_can_be_asked_for(
    opened: Open, fleet: Fleet
) -> None:
    desk = await opened()
    answer = await desk.perform(Kind.PAUSE, "", ABOUT, 5)
    assert sentence(answer) == "PauseSymbol BTCUSDT"
    assert answer.key.startswith("pause-BTCUSDT-")
    record = await ended(desk, answer.key)
    assert record.outcome is not None
    assert record.outcome.ended is Ended.DONE
    assert [step.name for step in record.steps] == ["pause", "rest"]
    assert [announce.kind for announce in fleet.told] == ["operation.done"]


async def test_a_known_key_is_answered_with_its_outcome_and_nothing_is_done(opened: Open, fleet: Fleet) -> None:
    desk = await opened()
    await desk.perform(Kind.PAUSE, "k1", ABOUT, 5)
    await ended(desk, "k1")
    fleet.asked.clear()
    for _ in range(2):
        assert sentence(await desk.perform(Kind.PAUSE, "k1", ABOUT, 5)) == "PauseSymbol BTCUSDT"
        assert not fleet.changes()
        desk = await opened()


@pytest.mark.parametrize(
    ("kind", "about"), [(Kind.RESUME, ABOUT), (Kind.PAUSE, {"account": "main", "symbol": "ETHUSDT"})]
)
async def test_a_key_is_for_one_command(opened: Open, fleet: Fleet, kind: Kind, about: dict[str, str]) -> None:
    desk = await opened()
    await desk.perform(Kind.PAUSE, "k1", ABOUT, 5)
    fleet.asked.clear()
    found = refusal(await desk.perform(kind, "k1", about, 5))
    assert (found.code, found.sentence) == (
        "already_exists", "operation_key: k1 was used for pause BTCUSDT; give another one",
    )  # fmt: skip
    assert not fleet.changes()


@pytest.mark.parametrize("key", ["-x", "a b", "x" * 65, "schön"])
async def test_a_key_that_nobody_could_type_is_refused(opened: Open, fleet: Fleet, key: str) -> None:
    desk = await opened()
    assert refusal(await desk.perform(Kind.PAUSE, key, ABOUT, 5)).code == "invalid"
    assert not fleet.changes()


async def test_a_refusal_is_an_outcome_and_is_not_announced(opened: Open, fleet: Fleet) -> None:
    desk = await opened()
    about = {"account": "main", "symbol": "XRPUSDT"}
    for _ in range(2):
        found = refusal(await desk.perform(Kind.PAUSE, "k1", about, 5))
        assert (found.code, found.sentence) == ("not_found", "symbol: XRPUSDT is not traded on main")
        assert (await ended(desk, "k1")).outcome is not None
        assert not fleet.told


async def test_one_symbol_has_one_change_at_a_time_and_others_are_free(opened: Open, fleet: Fleet) -> None:
    desk = await opened()
    fleet.hangs.add(operator.PauseSymbol)
    first = asyncio.create_task(desk.perform(Kind.PAUSE, "k1", ABOUT, 2))
    await asked(fleet, operator.PauseSymbol)
    found = refusal(await desk.perform(Kind.RESUME, "", ABOUT, 5))
    assert (found.code, "k1 (pause)" in found.sentence) == ("unavailable", True)
    other = {"account": "main", "symbol": "ETHUSDT"}
    assert sentence(await desk.perform(Kind.RESUME, "", other, 5))
    assert refusal(await first).code == "timeout"
    # after a restart it has its turn before anybody else
    desk = await opened()
    assert refusal(await desk.perform(Kind.RESUME, "", ABOUT, 5)).code == "unavailable"


async def test_what_is_busy_for_a_moment_is_asked_again(opened: Open, fleet: Fleet) -> None:
    desk = await opened()
    busy = [operator.Refusal("unavailable", "another change is being written")] * 3
    fleet.answers[operator.PauseSymbol] = lambda request: busy.pop() if busy else None
    assert sentence(await desk.perform(Kind.PAUSE, "", ABOUT, 5)) == "PauseSymbol BTCUSDT"


async def test_what_stays_away_is_refused_in_the_end(opened: Open, fleet: Fleet) -> None:
    desk = await opened()
    fleet.answers[operator.PauseSymbol] = operator.Refusal("unavailable", "the registry could not be written")
    assert refusal(await desk.perform(Kind.PAUSE, "", ABOUT, 5)).sentence == "the registry could not be written"


async def test_a_supervisor_that_shuts_down_takes_nothing_and_writes_nothing_down(opened: Open, fleet: Fleet) -> None:
    desk = await opened()
    fleet.running = False
    assert refusal(await desk.perform(Kind.PAUSE, "k1", ABOUT, 5)).code == "unavailable"
    assert await desk.records(10, running=False) == ()


async def test_what_is_under_way_at_a_shut_down_is_left_to_the_next_process(opened: Open, fleet: Fleet) -> None:
    desk = await opened()
    stopping = operator.Refusal("unavailable", "the supervisor is shutting down")

    def refused(request: Any) -> Any:
        fleet.running = False
        return stopping

    fleet.answers[operator.PauseSymbol] = refused
    # far beyond the time for which it insists
    assert refusal(await desk.perform(Kind.PAUSE, "k1", ABOUT, 1)).code == "timeout"
    fleet.running = True
    fleet.answers.clear()
    desk = await opened()
    record = await ended(desk, "k1")
    assert record.outcome is not None
    assert record.outcome.ended is Ended.DONE


async def test_a_step_that_breaks_ends_its_operation_and_no_other(opened: Open, fleet: Fleet) -> None:
    desk = await opened()

    def broken(request: Any) -> Any:
        raise ValueError("a mistake of ours")

    fleet.answers[operator.PauseSymbol] = broken
    found = refusal(await desk.perform(Kind.PAUSE, "k1", ABOUT, 5))
    assert (found.code, "ValueError" in found.sentence) == ("failed", True)
    assert "a mistake" not in found.sentence
    assert sentence(await desk.perform(Kind.RESUME, "", ABOUT, 5))


# --- what comes again after a kill -----------------------------------------------------------------------------------


def add(symbol: str = "XRPUSDT") -> dict[str, Any]:
    return {"account": "main", "symbol": symbol, "grid": grid_to_json(GRID), "strategy": "grid", "adopt": False}


async def test_an_addition_that_was_done_and_not_recorded_is_not_refused_by_itself(opened: Open, fleet: Fleet) -> None:
    desk = await opened()
    fleet.hangs.add(operator.AddSymbol)
    task = asyncio.create_task(desk.perform(Kind.ADD, "k1", add(), 5))
    await asked(fleet, operator.AddSymbol)
    assert "XRPUSDT" in fleet.rows
    fleet.hangs.clear()
    desk = await opened()
    task.cancel()
    record = await ended(desk, "k1")
    assert record.outcome is not None
    assert record.outcome.sentence == "XRPUSDT was added on main: it is trading"
    assert len([request for request in fleet.asked if isinstance(request, operator.AddSymbol)]) == 1
    found = refusal(await desk.perform(Kind.ADD, "k2", add(), 5))
    assert found.code == "already_exists"


async def test_a_removal_that_was_done_and_not_recorded_is_done(opened: Open, fleet: Fleet) -> None:
    desk = await opened()
    fleet.hangs.add(operator.RemoveSymbol)
    task = asyncio.create_task(desk.perform(Kind.REMOVE, "k1", {**ABOUT, "mode": "leave"}, 5))
    await asked(fleet, operator.RemoveSymbol)
    fleet.hangs.clear()
    desk = await opened()
    task.cancel()
    record = await ended(desk, "k1")
    assert record.outcome is not None
    assert (record.outcome.ended, record.outcome.sentence) == (Ended.DONE, "BTCUSDT was removed from main")


async def test_a_move_that_was_done_and_not_recorded_is_done(opened: Open, fleet: Fleet) -> None:
    desk = await opened()
    fleet.hangs.add(operator.MoveSymbol)
    task = asyncio.create_task(desk.perform(Kind.MOVE, "k1", {**ABOUT, "shard": "shard-1"}, 5))
    await asked(fleet, operator.MoveSymbol)
    fleet.hangs.clear()
    desk = await opened()
    task.cancel()
    record = await ended(desk, "k1")
    assert record.outcome is not None
    assert record.outcome.sentence == "BTCUSDT was moved to shard-1: it is trading"
    found = refusal(await desk.perform(Kind.MOVE, "k2", {**ABOUT, "shard": "shard-1"}, 5))
    assert found.sentence == "symbol: BTCUSDT is on shard-1 already"


# --- flat ------------------------------------------------------------------------------------------------------------


async def test_a_market_is_closed_by_being_told_until_it_is_flat_and_then_the_venue_says_so(
    opened: Open, fleet: Fleet
) -> None:
    desk = await opened()
    fleet.held["BTCUSDT"] = Decimal(3)
    deaf = [operator.Done("told")] * 3  # its actor began anew each time and knows of nothing

    def close(request: Any) -> Any:
        fleet.place(fleet.spec("BTCUSDT"), state=SymbolState.PAUSED, position=Decimal(3), open_orders=1)
        return deaf.pop() if deaf else None

    fleet.answers[operator.FlattenSymbol] = close
    assert "being closed" in sentence(await desk.perform(Kind.FLATTEN, "k1", ABOUT, 5))
    record = await ended(desk, "k1")
    assert record.outcome is not None
    assert record.outcome.ended is Ended.DONE
    assert "says the venue" in record.outcome.sentence
    assert len([request for request in fleet.asked if isinstance(request, operator.FlattenSymbol)]) == 4


async def test_closing_ends_where_somebody_resumes_the_market(opened: Open, fleet: Fleet) -> None:
    desk = await opened()

    def resumed(request: Any) -> Any:
        fleet.place(replace(fleet.spec("BTCUSDT"), state=SymbolState.TRADING), position=Decimal(3))
        return operator.Done("told")

    fleet.answers[operator.FlattenSymbol] = resumed
    await desk.perform(Kind.FLATTEN, "k1", ABOUT, 5)
    record = await ended(desk, "k1")
    assert record.outcome is not None
    assert record.outcome.ended is Ended.FAILED
    assert "was resumed or removed" in record.outcome.sentence


async def test_what_is_not_flat_raises_one_alarm_and_fails_in_the_end(opened: Open, fleet: Fleet) -> None:
    desk = await opened()
    fleet.held["BTCUSDT"] = Decimal("0.5")
    await desk.perform(Kind.VERIFY_FLAT, "k1", {"account": "main", "symbol": "BTCUSDT"}, 5)
    record = await ended(desk, "k1")
    assert record.outcome is not None
    assert record.outcome.ended is Ended.FAILED
    assert "holds 0.5 BTCUSDT" in record.outcome.sentence
    alarms = [announce for announce in fleet.told if announce.kind == "flat.unverified"]
    assert [(alarm.level, alarm.symbol) for alarm in alarms] == [("critical", "BTCUSDT")]
    assert "holds 0.5 BTCUSDT" in alarms[0].sentence


async def test_a_venue_that_does_not_answer_is_not_flat(opened: Open, fleet: Fleet) -> None:
    desk = await opened()
    fleet.answers[operator.GetHoldings] = operator.Refusal("unavailable", "the venue is away")
    await desk.perform(Kind.VERIFY_FLAT, "k1", {"account": "main", "symbol": ""}, 5)
    record = await ended(desk, "k1")
    assert record.outcome is not None
    assert (record.outcome.ended, "the venue is away" in record.outcome.sentence) == (Ended.FAILED, True)
    assert [announce.kind for announce in fleet.told][:1] == ["flat.unverified"]


async def test_one_clean_answer_between_two_others_is_not_enough(opened: Open, fleet: Fleet) -> None:
    desk = await opened(alarm=5, give_up=9)
    held = HoldingsView("main", (("BTCUSDT", Decimal(1)),), ())
    flat = HoldingsView("main", (), ())
    said = [flat, flat, held, flat, held]
    fleet.answers[operator.GetHoldings] = lambda request: said.pop() if said else flat
    await desk.perform(Kind.VERIFY_FLAT, "k1", {"account": "main", "symbol": ""}, 5)
    record = await ended(desk, "k1")
    assert record.outcome is not None
    assert record.outcome.ended is Ended.DONE
    assert not said


def exited(since: int = 77, state: str = "exited") -> RiskRow:
    return RiskRow("emergency", "main", "", state, "operator", "asked for", since)


async def test_each_emergency_exit_is_followed_by_one_question_to_the_venue(opened: Open, fleet: Fleet) -> None:
    desk = await opened()
    fleet.risk = (exited(),)
    record = await ended(desk, "flat-main-77")
    assert record.outcome is not None
    assert record.outcome.ended is Ended.DONE
    desk = await opened()  # the rule is still there after a restart
    await asked(fleet, operator.GetRisk)
    fleet.risk = (exited(88),)
    await ended(desk, "flat-main-88")
    keys = [view.record.key for view in await desk.records(10, running=False)]
    assert sorted(keys) == ["flat-main-77", "flat-main-88"]


async def test_an_exit_that_is_cleared_is_not_asked_about_any_more(opened: Open, fleet: Fleet) -> None:
    desk = await opened(give_up=9, alarm=9)
    fleet.held["BTCUSDT"] = Decimal(1)
    fleet.risk = (exited(66, "calm"), exited())
    await asked(fleet, operator.GetHoldings)
    fleet.risk = (exited(state="calm"),)
    record = await ended(desk, "flat-main-77")
    assert record.outcome is not None
    assert "was cleared" in record.outcome.sentence
    assert [view.record.key for view in await desk.records(10, running=False)] == ["flat-main-77"]


# --- roll-out --------------------------------------------------------------------------------------------------------


def targets(*symbols: str) -> dict[str, Any]:
    return {"targets": [{"account": "main", "symbol": name, "grid": grid_to_json(WIDE)} for name in symbols]}


async def test_a_roll_out_changes_one_symbol_after_the_other(opened: Open, fleet: Fleet) -> None:
    desk = await opened()
    await desk.perform(Kind.APPLY_CONFIG, "k1", targets("ETHUSDT", "BTCUSDT"), 5)
    record = await ended(desk, "k1")
    assert record.outcome is not None
    assert record.outcome.sentence == "2 symbols have taken changed settings up"
    assert [request.symbol for request in fleet.changes()] == ["ETHUSDT", "BTCUSDT"]
    assert fleet.spec("BTCUSDT").grid == fleet.spec("ETHUSDT").grid == WIDE
    assert fleet.spec("SOLUSDT").grid == GRID


async def test_a_change_that_cannot_work_on_one_market_changes_none(opened: Open, fleet: Fleet) -> None:
    desk = await opened()
    fleet.answers[operator.CheckSettings] = lambda request: (
        operator.Refusal("invalid", "interval: too narrow") if request.symbol != "BTCUSDT" else None
    )
    found = refusal(await desk.perform(Kind.APPLY_CONFIG, "", targets("BTCUSDT", "ETHUSDT", "SOLUSDT"), 5))
    assert (found.code, found.sentence) == (
        "invalid", "ETHUSDT: interval: too narrow; SOLUSDT: interval: too narrow",
    )  # fmt: skip
    assert not fleet.changes()


async def test_a_symbol_that_does_not_take_its_change_up_gets_it_taken_back_and_the_rest_is_not_touched(
    opened: Open, fleet: Fleet
) -> None:
    desk = await opened()

    def refuses(request: Any) -> Any:
        if request.symbol != "ETHUSDT" or request.grid != WIDE:
            return None
        fleet.place(replace(fleet.spec("ETHUSDT"), grid=WIDE), state=SymbolState.REFUSED, why="no such interval")
        return operator.Done("changed")

    fleet.answers[operator.ReconfigureSymbol] = refuses
    await desk.perform(Kind.APPLY_CONFIG, "k1", targets("BTCUSDT", "ETHUSDT", "SOLUSDT"), 5)
    record = await ended(desk, "k1")
    assert record.outcome is not None
    assert (record.outcome.ended, record.outcome.sentence) == (
        Ended.FAILED,
        "1 of 3 symbols changed; ETHUSDT was put back: no such interval; 1 more was not touched",
    )
    assert [fleet.spec(name).grid for name in ("BTCUSDT", "ETHUSDT", "SOLUSDT")] == [WIDE, GRID, GRID]


async def test_during_a_roll_out_its_symbols_are_nobody_elses(opened: Open, fleet: Fleet) -> None:
    desk = await opened(settle=5)

    def begins(request: Any) -> Any:
        fleet.place(replace(fleet.spec(request.symbol), grid=request.grid), state=SymbolState.STARTING)
        return operator.Done("changed")

    fleet.answers[operator.ReconfigureSymbol] = begins
    await desk.perform(Kind.APPLY_CONFIG, "k1", targets("BTCUSDT", "ETHUSDT"), 5)
    await asked(fleet, operator.ReconfigureSymbol)
    for symbol in ("BTCUSDT", "ETHUSDT"):
        assert (
            refusal(await desk.perform(Kind.PAUSE, "", {"account": "main", "symbol": symbol}, 5)).code == "unavailable"
        )
    assert sentence(await desk.perform(Kind.PAUSE, "", {"account": "main", "symbol": "SOLUSDT"}, 5))


async def test_a_symbol_that_is_removed_during_a_roll_out_is_left_out_of_it(opened: Open, fleet: Fleet) -> None:
    desk = await opened()
    gone = operator.Refusal("failed", "symbol: BTCUSDT is being removed")
    fleet.answers[operator.ReconfigureSymbol] = lambda request: gone if request.symbol == "BTCUSDT" else None
    await desk.perform(Kind.APPLY_CONFIG, "k1", targets("BTCUSDT", "ETHUSDT"), 5)
    record = await ended(desk, "k1")
    assert record.outcome is not None
    assert record.outcome.ended is Ended.FAILED
    assert "1 of 2 symbols changed; BTCUSDT was left as it is" in record.outcome.sentence
    assert fleet.spec("ETHUSDT").grid == WIDE
