"""The RiskActor: the monitor, the symbols' breakers, the accounts' emergency exits, message by message."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypeVar

import pytest
from msgspec.structs import replace

from opensqt_actors.actors import operator, ports
from opensqt_actors.actors.exchange_messages import CancelEverything, CancelOpeningBuys, CancelOpenings
from opensqt_actors.actors.risk import RiskActor, RiskRules
from opensqt_actors.actors.risk_messages import (
    Connect,
    ExitBegun,
    FaultFound,
    FaultSettled,
    GlobalWord,
    Ignore,
    Listen,
    Measured,
    RiskChanged,
    RoundTripDone,
    ShardFacts,
    Tick,
    WatchCandles,
)
from opensqt_actors.actors.views import RiskRow, SymbolRow
from opensqt_actors.domain.breaker import BreakerSettings, OrderAnswer
from opensqt_actors.domain.emergency import EmergencySettings
from opensqt_actors.domain.orders import Candle, Position
from opensqt_actors.domain.records import RiskSaved, RiskScope
from opensqt_actors.domain.risk import RiskSettings
from opensqt_actors.domain.settings import SymbolState
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import SetTimer, Tell

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND
ME, SHARD, MAIN, OTHER = ActorId("risk"), ActorId("shard"), ActorId("exchange:main"), ActorId("exchange:other")
RULES = RiskRules(
    breaker=BreakerSettings(max_losses=2, cool_down=60 * SECOND, probe_time=10 * SECOND),
    emergency=EmergencySettings(Decimal(5), Decimal(25), confirmations=2),
    run=1,
)
T = TypeVar("T")


class Bench:
    """A RiskActor with the symbols A and B of the account main, and C of another."""

    def __init__(self, rules: RiskRules = RULES, saved: Sequence[RiskSaved] = (), *, there: bool = True) -> None:
        self.now = NOW
        self.actor = RiskActor(rules, me=ME, parent=SHARD, saved=saved)
        self.sent: list[Any] = []
        if there:
            self.step(Connect(MAIN, "main"))
            self.step(Connect(OTHER, "other"))
            for account, symbol in (("main", "A"), ("main", "B"), ("other", "C")):
                self.step(Listen(ActorId(symbol), account, symbol))

    def step(self, message: Any, after: int = 0) -> list[Any]:
        self.now += after
        self.sent = list(self.actor.step(message, self.now))
        return self.sent

    def told(self, kind: type[T], to: ActorId | None = None) -> list[T]:
        tells = [effect for effect in self.sent if isinstance(effect, Tell) and to in (None, effect.to)]
        return [tell.message for tell in tells if isinstance(tell.message, kind)]

    def word(self, symbol: str) -> RiskChanged:
        """What the last step told a symbol."""
        [word] = self.told(RiskChanged, ActorId(symbol))
        return word

    def announced(self) -> list[str]:
        return [effect.kind for effect in self.sent if isinstance(effect, ports.Announce)]

    def kept(self) -> list[RiskSaved]:
        return [entry for effect in self.sent if isinstance(effect, ports.Persist) for entry in effect.entries]

    def lose(self, symbol: str = "A", times: int = 2) -> None:
        for _ in range(times):
            self.step(RoundTripDone("main", symbol, Decimal(-1)))

    def equity(self, value: int, account: str = "main") -> None:
        self.step(Measured(account, equity=Decimal(value)), 6 * SECOND)


@pytest.fixture
def bench() -> Bench:
    return Bench()


def line(symbol: str = "A", profit: int = 0, bid: int | None = 1) -> SymbolRow:
    nothing = Decimal(0)
    return SymbolRow(
        "main", symbol, "long", SymbolState.TRADING, 0, 0, 0, nothing, Decimal(profit), nothing, nothing, nothing,
        0, 0, 0, 0, 0, 0, None if bid is None else Decimal(bid), None, 0, "",
    )  # fmt: skip


# --- breakers --------------------------------------------------------------------------------------------------------


def test_whoever_listens_is_told_the_state_at_once() -> None:
    bench = Bench(there=False)
    bench.step(Listen(ActorId("A"), "main", "A"))
    assert bench.word("A") == RiskChanged()


def test_losses_open_the_breaker_of_their_symbol_and_the_orders_go_first(bench: Bench) -> None:
    bench.lose(times=1)
    assert not bench.told(RiskChanged)
    assert [row.state["losses"] for row in bench.kept()] == [1]
    bench.lose(times=1)
    first, second, *_ = bench.sent
    assert first == Tell(MAIN, CancelOpenings("2 losing round trips in a row (max_losses 2)", "A"))
    assert second.to == "A"
    [(code, sentence)] = second.message.closed
    assert code == "breaker"
    assert sentence == (
        "the circuit breaker is open until 2023-11-14 22:14:20 UTC: 2 losing round trips in a row (max_losses 2)"
    )
    assert bench.announced() == ["breaker.opened"]
    assert not bench.told(RiskChanged, ActorId("B"))
    [row] = bench.told(RiskRow)
    assert (row.scope, row.symbol, row.state, row.until) == ("symbol", "A", "open", NOW + 60 * SECOND)


def test_it_is_kept_with_the_parent_before_it_is_written(bench: Bench) -> None:
    bench.lose()
    kept, written = bench.sent[-2:]
    assert kept.to == SHARD
    assert written == ports.Persist((kept.message,))
    assert json.loads(json.dumps(dict(kept.message.state)))["state"] == "open"


def test_time_alone_half_opens_it_and_a_good_trial_closes_it(bench: Bench) -> None:
    bench.lose()
    bench.step(Tick(), 61 * SECOND)
    word = bench.word("A")
    assert (word.closed, word.allowance, word.limited[0]) == ((), 2, "breaker_half_open")
    assert "lets 2 opening orders be tried" in word.limited[1]
    bench.step(Measured("main", answers=(("A", OrderAnswer(False, 1)),)))
    bench.step(Tick(), 11 * SECOND)
    assert bench.word("A") == RiskChanged()
    assert bench.announced() == ["breaker.closed"]


def test_a_loss_in_the_trial_opens_it_again(bench: Bench) -> None:
    bench.lose()
    bench.step(Tick(), 61 * SECOND)
    bench.lose(times=1)
    assert bench.word("A").closed
    [row] = bench.told(RiskRow)
    assert row.until == bench.now + 120 * SECOND


def test_a_next_life_goes_on_from_what_was_kept(bench: Bench) -> None:
    bench.lose()
    again = Bench(saved=bench.kept(), there=False)
    again.step(Listen(ActorId("A"), "main", "A"))
    assert again.word("A").closed[0][0] == "breaker"
    assert [row.state for row in again.told(RiskRow)] == ["open"]
    again.step(Connect(MAIN, "main"))
    again.step(Tick(), 61 * SECOND)
    assert again.word("A").allowance == 2


def test_what_a_later_version_has_written_is_read_as_far_as_it_is_known() -> None:
    saved = RiskSaved(RiskScope.SYMBOL, "main", "A", {"state": "open", "sentence": "so it was", "mood": "dark"}, NOW)
    again = Bench(saved=[saved], there=False)
    again.step(Listen(ActorId("A"), "main", "A"))
    assert "so it was" in again.word("A").closed[0][1]


def test_failed_answers_slow_ones_and_a_silent_feed_open_it(bench: Bench) -> None:
    bench.step(Measured("main", answers=tuple(("A", OrderAnswer(True, 1)) for _ in range(20))))
    assert bench.word("A").closed
    assert bench.told(RiskRow)[0].cause == "order_errors"
    bench.step(Measured("main", answers=tuple(("B", OrderAnswer(False, 6 * SECOND)) for _ in range(20))))
    assert bench.told(RiskRow)[0].cause == "order_latency"
    bench.step(Measured("other", ages=(("C", 30 * SECOND),)))
    assert bench.told(RiskRow)[0].cause == "stale_feed"
    assert bench.told(CancelOpenings, OTHER)


def test_a_drawdown_is_measured_against_the_accounts_equity(bench: Bench) -> None:
    bench.step(line(profit=50))
    bench.step(line(profit=-1_000))
    assert not bench.told(RiskChanged), "the equity is not known yet"
    bench.equity(1_000)
    bench.step(line(profit=50))
    bench.step(line(profit=-49))
    assert not bench.told(RiskChanged)
    bench.step(line(profit=-70))
    assert bench.told(RiskRow)[0].cause == "drawdown_percent"


def test_a_line_without_a_price_says_nothing_of_profit(bench: Bench) -> None:
    bench.equity(1_000)
    bench.step(line(profit=50))
    bench.step(line(profit=-900, bid=None))
    assert not bench.sent


def test_peaks_are_written_down_once_a_minute(bench: Bench) -> None:
    bench.equity(1_000)
    bench.step(line(profit=50))
    assert not bench.kept()
    written = []
    for _ in range(60):
        bench.step(Tick(), SECOND)
        written += bench.kept()
    assert [row.state["peak"] for row in written] == ["50"]


def test_a_symbol_that_has_gone_is_told_no_more_and_its_breaker_stays(bench: Bench) -> None:
    bench.step(Ignore(ActorId("A")))
    bench.lose()
    assert not bench.told(RiskChanged)
    bench.step(Listen(ActorId("A2"), "main", "A"))
    assert bench.word("A2").closed


def test_an_operator_trips_and_resets_a_breaker(bench: Bench) -> None:
    bench.step(operator.TripBreaker(7, "main", "B", "the news"))
    assert bench.told(CancelOpenings, MAIN)
    assert "open until it is reset: opened by an operator: the news" in bench.word("B").closed[0][1]
    assert [type(effect) for effect in bench.sent[-2:]] == [ports.Persist, ports.AwaitWritten]
    bench.step(ports.Written(7))
    (reply,) = bench.sent
    assert (reply.request, type(reply.payload)) == (7, operator.Done)
    bench.step(Tick(), 10_000 * SECOND)
    assert not bench.told(RiskChanged)
    bench.step(operator.ResetBreaker(8, "main", "B", "it is over"))
    assert bench.word("B") == RiskChanged()
    bench.step(operator.ResetBreaker(9, "main", "B", "it is over"))
    assert bench.sent == [ports.AwaitWritten(9)]
    bench.step(ports.Written(9))
    assert bench.sent == [ports.Reply(9, operator.Done("the circuit breaker of B is closed already"))]


# --- the global breaker's word ---------------------------------------------------------------------------------------


def test_the_global_word_closes_every_symbol_and_the_tighter_trial_counts(bench: Bench) -> None:
    word = GlobalWord((("breaker_global", "the global circuit breaker is open"),))
    bench.step(word)
    assert [effect.to for effect in bench.sent] == [MAIN, OTHER, "A", "B", "C"]
    assert bench.word("C").closed == word.closed
    bench.step(word)
    assert not bench.sent
    bench.lose()
    assert [code for code, _ in bench.word("A").closed] == ["breaker_global", "breaker"]
    bench.step(Tick(), 61 * SECOND)
    bench.step(GlobalWord((), 1, ("breaker_global_half_open", "one")))
    assert (bench.word("A").allowance, bench.word("A").limited[1]) == (1, "one")
    assert not bench.told(CancelOpenings)


def test_the_rules_of_a_shard_do_not_judge_silence_so_that_one_in_the_supervisors_process_never_closes_for_it(
    bench: Bench,
) -> None:
    bench.step(GlobalWord())
    for _ in range(100):
        bench.step(Tick(), 60 * SECOND)
        assert not bench.told(RiskChanged)


def test_once_a_second_it_reports_what_it_has_seen(bench: Bench) -> None:
    bench.equity(100)
    bench.equity(50, "other")
    bench.step(line(profit=3))
    bench.step(line(profit=10))
    bench.lose(times=1)
    answers = (("A", OrderAnswer(True, 5)),)
    bench.step(Measured("main", (("A", 4), ("B", 2)), answers))
    bench.step(Tick())
    [facts] = bench.told(ShardFacts, SHARD)
    equities = (("main", Decimal(100)), ("other", Decimal(50)))
    assert facts == ShardFacts(ME, (Decimal(-1),), Decimal(7), Decimal(150), (OrderAnswer(True, 5),), 2, equities)
    bench.step(Tick())
    assert bench.told(ShardFacts) == [ShardFacts(ME, (), Decimal(0), Decimal(150), (), None, equities)]
    assert SetTimer("tick", SECOND, Tick()) in bench.sent


# --- the monitor -----------------------------------------------------------------------------------------------------

MONITOR = RiskSettings(monitor=("A", "X"), window=3, trigger="any")


def candle(symbol: str, minute: int, close: float, volume: float) -> Candle:
    return Candle(symbol, minute * 60 * SECOND, close, close, close, close, volume, True)


def calm(symbol: str, first: int, count: int) -> tuple[Candle, ...]:
    return tuple(candle(symbol, first + index, 100.0, 10.0) for index in range(count))


def test_it_asks_the_first_exchange_for_the_monitored_candles_with_their_past() -> None:
    bench = Bench(replace(RULES, monitor=MONITOR), there=False)
    bench.step(Connect(MAIN, "main"))
    assert bench.told(WatchCandles, MAIN) == [WatchCandles(("A", "X"), "1m", 4)]
    bench.step(Connect(OTHER, "other"))
    assert not bench.told(WatchCandles)
    bench.step(Connect(MAIN, "main"))
    assert bench.told(WatchCandles, MAIN), "it has been started again"


def test_a_spike_takes_the_buys_back_first_and_a_majority_recovers() -> None:
    bench = Bench(replace(RULES, monitor=MONITOR))
    for symbol in ("A", "X"):
        bench.step(ports.CandlesFetched(symbol, "1m", calm(symbol, 0, 4)))
    bench.step(ports.CandleSeen(candle("X", 4, 90.0, 100.0)))
    assert [type(effect.message) for effect in bench.sent[:2]] == [CancelOpeningBuys, CancelOpeningBuys]
    assert bench.word("C").closed[0][0] == "risk"
    assert bench.announced() == ["risk.triggered"]
    bench.step(ports.CandleSeen(candle("X", 5, 110.0, 9.0)))
    assert not bench.sent, "one of two is no majority"
    bench.step(ports.CandleSeen(candle("A", 4, 110.0, 9.0)))
    assert bench.word("C") == RiskChanged()
    assert bench.announced() == ["risk.recovered"]
    assert [row.state for row in bench.told(RiskRow)] == ["calm"]


def test_all_must_spike_when_that_is_asked_for() -> None:
    bench = Bench(replace(RULES, monitor=replace(MONITOR, trigger="all")))
    for symbol in ("A", "X"):
        bench.step(ports.CandlesFetched(symbol, "1m", calm(symbol, 0, 4)))
    bench.step(ports.CandleSeen(candle("X", 4, 90.0, 100.0)))
    assert not bench.sent
    bench.step(ports.CandleSeen(candle("A", 4, 90.0, 100.0)))
    assert bench.announced() == ["risk.triggered"]


def test_a_spike_of_the_past_is_known_at_the_start() -> None:
    bench = Bench(replace(RULES, monitor=replace(MONITOR, monitor=("A",))))
    bench.step(ports.CandlesFetched("A", "1m", (*calm("A", 0, 3), candle("A", 3, 90.0, 100.0))))
    assert bench.word("A").closed[0][0] == "risk"


# --- emergency exits -------------------------------------------------------------------------------------------------


def test_a_loss_of_equity_that_is_confirmed_closes_the_account_alone(bench: Bench) -> None:
    bench.equity(1_000)
    assert bench.kept()[0].state["reference"] == "1000"
    bench.equity(740)
    assert not bench.told(CancelEverything)
    bench.equity(740)
    order = [type(effect.message) if isinstance(effect, Tell) else type(effect) for effect in bench.sent]
    assert order == [
        CancelEverything, RiskChanged, RiskChanged, ExitBegun, ports.Announce, RiskRow, RiskSaved, ports.Persist
    ]  # fmt: skip
    word = bench.word("A")
    assert word.exit == "equity has fallen from 1000 to 740, by 26.00 %, more than 25 %"
    assert word.closed[0] == ("emergency", f"an emergency exit was made, until it is cleared: {word.exit}")
    assert not bench.told(RiskChanged, ActorId("C"))
    bench.equity(700)
    assert not bench.told(CancelEverything), "it begins once"


def test_one_absurd_reading_closes_nothing(bench: Bench) -> None:
    for value in (1_000, 1, 1_000, 1, 999):
        bench.equity(value)
        assert not bench.told(CancelEverything)


def near(liquidation: int) -> tuple[Position, ...]:
    far = Position("B", 5, Decimal(100), Decimal(10), Decimal(100))
    return far, Position("A", 5, Decimal(100), Decimal(liquidation), Decimal(100))


def test_the_nearest_liquidation_price_counts(bench: Bench) -> None:
    bench.step(Measured("main", positions=near(96)))
    bench.step(Measured("main", positions=near(94)))
    bench.step(Measured("main", positions=near(96)))
    assert not bench.told(CancelEverything)
    bench.step(Measured("main", positions=near(96)))
    assert "the liquidation price 96 is 4.00 % away" in bench.word("A").exit


def test_readings_of_the_equity_and_of_prices_do_not_confirm_each_other(bench: Bench) -> None:
    bench.equity(1_000)
    bench.equity(700)
    bench.step(Measured("main", positions=near(96)))
    assert not bench.told(CancelEverything)
    bench.step(Measured("main", positions=near(90)))
    bench.equity(700)
    assert bench.told(CancelEverything)


def test_an_operators_exit_is_immediate_and_survives_until_it_is_cleared(bench: Bench) -> None:
    bench.step(operator.EmergencyExit(3, "main", "a fire"))
    assert bench.told(CancelEverything, MAIN)
    assert bench.sent[-1] == ports.AwaitWritten(3)
    kept = bench.kept()
    bench.step(ports.Written(3))
    assert bench.sent[-1].payload.sentence.startswith("the emergency exit of main has begun")
    bench.step(operator.EmergencyExit(4, "main", "a fire"))
    assert bench.sent == [ports.AwaitWritten(4)]

    again = Bench(replace(RULES, run=2), kept, there=False)
    again.step(Connect(MAIN, "main"))
    assert again.told(CancelEverything, MAIN)
    again.step(Listen(ActorId("A"), "main", "A"))
    assert again.word("A").exit == "asked for by an operator: a fire"
    again.step(operator.ClearEmergency(5, "main", "it is out"))
    assert again.word("A") == RiskChanged()
    assert again.announced() == ["risk.emergency_cleared"]
    assert again.kept()[0].state["code"] == ""
    again.step(operator.ClearEmergency(6, "main", "it is out"))
    assert again.sent[-1].payload.code == "failed"


def test_the_reference_is_the_same_for_every_life_in_one_process_only(bench: Bench) -> None:
    bench.equity(1_000)
    kept = bench.kept()
    for run, exits in ((1, True), (2, False)):
        again = Bench(replace(RULES, run=run), kept)
        again.equity(700)
        again.equity(700)
        assert bool(again.told(CancelEverything)) is exits


def test_clearing_measures_from_the_equity_of_then(bench: Bench) -> None:
    bench.equity(1_000)
    bench.step(operator.EmergencyExit(3, "main", "a fire"))
    bench.equity(700)
    bench.step(operator.ClearEmergency(5, "main", ""))
    for _ in range(3):
        bench.equity(690)
        assert not bench.told(CancelEverything)


def test_what_an_exit_closes_is_no_row_of_losses(bench: Bench) -> None:
    bench.step(operator.EmergencyExit(3, "main", "a fire"))
    bench.lose(times=5)
    bench.step(operator.ClearEmergency(5, "main", ""))
    assert bench.word("A") == RiskChanged()


def test_a_message_of_an_unknown_type_is_a_programming_error(bench: Bench) -> None:
    with pytest.raises(KeyError):
        bench.step("hello")


# --- the position mode -----------------------------------------------------------------------------------------------


def test_f19_a_mode_that_flips_takes_back_openings_and_closes_the_gate_of_the_account_alone() -> None:
    bench = Bench()
    bench.step(Measured("main", hedged=False))
    assert not bench.told(RiskChanged)
    bench.step(Measured("main", hedged=True))
    assert bench.told(CancelOpenings, MAIN)
    assert not bench.told(CancelOpenings, OTHER)
    assert [code for code, _ in bench.word("A").closed] == ["position_mode"]
    assert "one-way" in bench.word("B").closed[0][1]
    assert not bench.told(RiskChanged, ActorId("C"))
    assert bench.announced() == ["account.mode_changed"]
    bench.step(Measured("main", hedged=True))
    bench.step(Measured("main"))
    assert not bench.told(RiskChanged)
    bench.step(Measured("main", hedged=False))
    assert not bench.word("A").closed
    assert bench.announced() == ["account.mode_restored"]


def test_a_position_that_does_not_match_opens_the_breaker_of_its_symbol_until_it_is_settled() -> None:
    bench = Bench()
    bench.step(FaultFound("main", "A", "the venue holds 2, the slots 1"))
    assert [cancel.symbol for cancel in bench.told(CancelOpenings, MAIN)] == ["A"]
    assert bench.word("A").closed[0][0] == "breaker"
    assert "the venue holds 2" in bench.word("A").closed[0][1]
    assert not bench.told(RiskChanged, ActorId("B"))
    [saved] = [entry for effect in bench.sent if isinstance(effect, ports.Persist) for entry in effect.entries]
    assert (saved.symbol, saved.state["cause"]) == ("A", "fault")
    bench.step(FaultSettled("main", "A", "accepted"), SECOND)
    assert bench.word("A") == RiskChanged()


def test_a_fault_that_nobody_settles_is_followed_by_a_trial() -> None:
    bench = Bench()
    bench.step(FaultFound("main", "A", "no match"))
    bench.step(Tick(), 60 * SECOND)
    assert bench.word("A").closed == ()
    assert bench.word("A").allowance == 2


def test_settling_a_fault_closes_no_breaker_that_something_else_has_opened() -> None:
    bench = Bench()
    bench.step(operator.TripBreaker(1, "main", "A", "the news"))
    bench.step(FaultFound("main", "A", "no match"), SECOND)
    assert bench.step(FaultSettled("main", "A", "accepted"), SECOND) == []
