"""The SupervisorActor's answers to operations: what may come again after a kill does no harm."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from msgspec.structs import replace
from support.market import FEES, GRID, INSTRUMENT, SPEC

from opensqt_actors.actors import exchange, operator, ports, symbol
from opensqt_actors.actors.shard_messages import AddSymbolActor, ReleaseSymbol, SymbolReleased, ToSymbol
from opensqt_actors.actors.supervisor import StartSupervisor, SupervisorActor
from opensqt_actors.actors.views import HoldingsView, RegistryView
from opensqt_actors.domain.orders import AccountState
from opensqt_actors.domain.settings import RemoveMode, SymbolSpec, SymbolState
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import Tell

SUPERVISOR, SHARD = ActorId("supervisor"), ActorId("supervisor/shard-0")
OTHER = replace(GRID, buy_window=GRID.buy_window + 1)
ACCOUNT = AccountState(Decimal(1_000), Decimal(1_000), hedged=False, can_trade=True)
FINE = ports.SymbolPrepared(INSTRUMENT, FEES, ACCOUNT, 5, ())


class Nothing:
    """An actor that is never stepped."""

    def __init__(self, *given: Any) -> None:
        self.given = given

    def step(self, message: Any, now: int) -> list[Any]:
        return []


class Bench:
    """A supervisor with one shard in its process, and its registry's writer."""

    def __init__(self, spec: SymbolSpec = SPEC) -> None:
        self.actor = SupervisorActor(
            SUPERVISOR, [spec], ("main",), Nothing, strategies=frozenset({"grid"}), version="1", instance="aa",
            portfolio=Nothing,
        )  # fmt: skip
        self.sent: list[Any] = []
        self.step(StartSupervisor())

    def step(self, message: Any) -> list[Any]:
        self.sent = list(self.actor.step(message, 1))
        return self.sent

    def written(self) -> list[SymbolSpec]:
        """Registry rows on their way."""
        return [effect.spec for effect in self.sent if isinstance(effect, ports.SaveSpec)]

    def saved(self) -> list[Any]:
        """What is on its way is durable."""
        [save] = [effect for effect in self.sent if isinstance(effect, ports.SaveSpec)]
        return self.step(ports.SpecSaved(save.request, save.spec))

    def told(self, to: ActorId = SHARD) -> list[Any]:
        return [effect.message for effect in self.sent if isinstance(effect, Tell) and effect.to == to]

    def reply(self) -> Any:
        [reply] = [effect for effect in self.sent if isinstance(effect, ports.Reply)]
        return reply.payload


@pytest.fixture
def bench() -> Bench:
    return Bench()


def test_changed_settings_are_durable_before_the_actor_begins_anew_with_them(bench: Bench) -> None:
    bench.step(operator.ReconfigureSymbol(5, "main", "XUSDT", OTHER))
    assert bench.written() == [replace(SPEC, grid=OTHER)]
    assert not bench.told()
    bench.saved()
    assert bench.told() == [ReleaseSymbol("main", "XUSDT")]
    assert isinstance(bench.reply(), operator.Done)
    bench.step(SymbolReleased("main", "XUSDT"))
    assert bench.told() == [AddSymbolActor(replace(SPEC, grid=OTHER))]


def test_settings_that_are_there_already_change_nothing(bench: Bench) -> None:
    bench.step(operator.ReconfigureSymbol(5, "main", "XUSDT", SPEC.grid))
    assert bench.sent == [ports.Reply(5, operator.Done("XUSDT has these settings"))]


def test_settings_are_not_changed_while_the_actor_is_on_its_way(bench: Bench) -> None:
    bench.step(operator.ReconfigureSymbol(5, "main", "XUSDT", OTHER))
    bench.saved()
    bench.step(operator.ReconfigureSymbol(6, "main", "XUSDT", SPEC.grid))
    assert bench.reply().code == "unavailable"
    assert not bench.written()


def test_a_failed_write_leaves_settings_and_actor_as_they_were(bench: Bench) -> None:
    bench.step(operator.ReconfigureSymbol(5, "main", "XUSDT", OTHER))
    [save] = [effect for effect in bench.sent if isinstance(effect, ports.SaveSpec)]
    bench.step(ports.SpecFailed(save.request, save.spec, "disk full"))
    assert bench.reply().code == "unavailable"
    assert not bench.told()
    assert bench.actor.specs["main", "XUSDT"] == SPEC


@pytest.mark.parametrize(
    "request_",
    [operator.ReconfigureSymbol(5, "main", "XUSDT", OTHER), operator.FlattenSymbol(5, "main", "XUSDT")],
)
def test_a_symbol_that_is_being_removed_is_left_to_that(request_: Any) -> None:
    bench = Bench(replace(SPEC, state=SymbolState.REMOVING, remove_mode=RemoveMode.GRACEFUL))
    bench.step(request_)
    assert bench.reply() == operator.Refusal("failed", "symbol: XUSDT is being removed")
    assert not bench.told()


def test_settings_are_checked_with_the_venue_and_nothing_is_written(bench: Bench) -> None:
    bench.step(operator.CheckSettings(5, "main", "XUSDT", OTHER))
    [question] = bench.told()
    assert isinstance(question, exchange.CheckSymbol)
    bench.step(exchange.SymbolChecked(question.request, FINE))
    assert isinstance(bench.reply(), operator.Done)
    assert not bench.written()
    assert bench.actor.specs["main", "XUSDT"] == SPEC


def test_settings_that_cannot_make_a_profit_are_refused_by_name(bench: Bench) -> None:
    bench.step(
        operator.CheckSettings(5, "main", "XUSDT", replace(GRID, interval=None, interval_percent=Decimal("0.01")))
    )
    [question] = bench.told()
    bench.step(exchange.SymbolChecked(question.request, FINE))
    assert bench.reply().code == "invalid"
    assert "interval" in bench.reply().sentence
    # a check holds nobody up
    bench.step(operator.PauseSymbol(6, "main", "XUSDT"))
    assert bench.written()


def test_the_order_to_close_is_passed_on_and_not_written(bench: Bench) -> None:
    bench.step(operator.FlattenSymbol(5, "main", "XUSDT"))
    assert bench.told() == [ToSymbol("main", "XUSDT", symbol.Flatten())]
    assert isinstance(bench.reply(), operator.Done)
    assert not bench.written()


def test_the_registry_is_shown_with_where_each_symbol_stands(bench: Bench) -> None:
    bench.step(operator.GetRegistry(5))
    view = bench.reply()
    assert isinstance(view, RegistryView)
    row = view.find("main", "XUSDT")
    assert row is not None
    assert (row.spec, row.shard, row.moving) == (SPEC, "shard-0", False)
    assert view.find("main", "YUSDT") is None
    bench.step(operator.ReconfigureSymbol(6, "main", "XUSDT", OTHER))
    bench.saved()
    bench.step(operator.GetRegistry(7))
    assert bench.reply().find("main", "XUSDT").moving


def test_the_venue_is_asked_about_one_market_or_about_all_that_are_traded(bench: Bench) -> None:
    bench.step(operator.GetHoldings(5, "main"))
    assert bench.told() == [exchange.CheckHoldings(5, "main", ("XUSDT",), "aa", whole=True)]
    bench.step(operator.GetHoldings(6, "main", "GONEUSDT"))
    assert bench.told() == [exchange.CheckHoldings(6, "main", ("GONEUSDT",), "aa")]
    bench.step(operator.GetHoldings(7, "spare"))
    assert bench.reply().code == "not_found"


def test_what_is_held_is_said_in_one_sentence() -> None:
    assert HoldingsView("main", (), ()).sentence == "holds nothing and rests nothing"
    view = HoldingsView("main", (("XUSDT", Decimal("-0.5")),), (("XUSDT", 1), ("YUSDT", 2)))
    assert view.sentence == "holds -0.5 XUSDT and rests 1 order of XUSDT, 2 orders of YUSDT"
    assert not view.flat
