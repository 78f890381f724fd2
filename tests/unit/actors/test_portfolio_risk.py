"""The PortfolioRiskActor: the global breaker over all shards, and the total limit divided among accounts."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal
from typing import Any, TypeVar

import pytest

from opensqt_actors.actors import operator, ports
from opensqt_actors.actors.portfolio_risk import PortfolioRiskActor
from opensqt_actors.actors.risk_messages import (
    ExposureReport,
    GlobalWord,
    ShardAway,
    ShardFacts,
    ShareGiven,
    Tick,
    Wake,
)
from opensqt_actors.actors.views import RiskRow
from opensqt_actors.domain.breaker import BreakerSettings, OrderAnswer
from opensqt_actors.domain.exposure import UNIT, Limit
from opensqt_actors.domain.records import RiskSaved, RiskScope
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import SetTimer, Tell

SECOND = 1_000_000_000
NOW = 1_700_000_000 * SECOND
PARENT, ONE, TWO = ActorId("supervisor"), ActorId("one"), ActorId("two")
T = TypeVar("T")


class Bench:
    """The actor with two accounts and a total limit of 1,000."""

    def __init__(self, saved: Sequence[RiskSaved] = ()) -> None:
        self.now = NOW
        self.actor = PortfolioRiskActor(
            parent=PARENT, breaker=BreakerSettings(max_losses=3, cool_down=60 * SECOND), total=Limit(Decimal(1_000)),
            accounts=frozenset({"main", "other"}), saved=saved,
        )  # fmt: skip
        self.sent: list[Any] = []

    def step(self, message: Any, after: int = 0) -> list[Any]:
        self.now += after
        self.sent = list(self.actor.step(message, self.now))
        return self.sent

    def told(self, kind: type[T]) -> list[T]:
        tells = [effect for effect in self.sent if isinstance(effect, Tell) and effect.to == PARENT]
        return [tell.message for tell in tells if isinstance(tell.message, kind)]

    def facts(self, shard: ActorId, **given: Any) -> list[Any]:
        facts = {"trips": (), "change": Decimal(0), "capital": Decimal(1_000), "answers": (), "age": 0} | given
        return self.step(ShardFacts(shard, **facts), SECOND)


@pytest.fixture
def bench() -> Bench:
    made = Bench()
    made.step(Wake())
    return made


def test_it_begins_with_what_is_remembered() -> None:
    bench = Bench()
    bench.step(Wake())
    assert bench.told(GlobalWord) == [GlobalWord()]
    assert [row.state for row in bench.told(RiskRow)] == ["closed"]
    assert SetTimer("tick", SECOND, Tick()) in bench.sent


def test_losses_of_all_shards_make_one_row(bench: Bench) -> None:
    bench.facts(ONE, trips=(Decimal(-1), Decimal(-1)))
    assert not bench.told(GlobalWord)
    bench.facts(TWO, trips=(Decimal(-1),))
    [word] = bench.told(GlobalWord)
    assert word.closed[0][0] == "breaker_global"
    assert word.closed[0][1].startswith("the global circuit breaker is open until 2023-11-14 22:14:22 UTC")
    [announce] = [effect for effect in bench.sent if isinstance(effect, ports.Announce)]
    assert (announce.kind, announce.symbol, announce.level) == ("breaker.opened", "", "error")
    [row] = bench.told(RiskRow)
    assert (row.scope, row.state) == ("global", "open")


def test_a_drawdown_is_of_all_profit_and_all_equity(bench: Bench) -> None:
    for shard in (ONE, TWO):
        bench.facts(shard, change=Decimal(100))
    bench.facts(ONE, change=Decimal(-150))
    assert not bench.told(GlobalWord)
    bench.facts(TWO, change=Decimal(-100))
    assert bench.told(RiskRow)[0].cause == "drawdown_percent"


def test_without_every_equity_no_percentage_is_taken(bench: Bench) -> None:
    bench.facts(ONE, change=Decimal(100))
    bench.facts(TWO, change=Decimal(100), capital=None)
    bench.facts(ONE, change=Decimal(-10_000))
    assert not bench.told(GlobalWord)


def test_losses_go_on_counting_while_another_shard_is_down(bench: Bench) -> None:
    """A shard in quarantine must not switch the limit off for all others."""
    for shard in (ONE, TWO):
        bench.facts(shard, change=Decimal(100))
    assert not bench.step(ShardAway(ONE), SECOND)
    bench.facts(TWO, change=Decimal(-250))
    assert bench.told(RiskRow)[0].cause == "drawdown_percent"


def test_the_feed_of_a_shard_that_is_down_is_not_taken_for_fresh(bench: Bench) -> None:
    bench.facts(ONE, age=SECOND)
    bench.step(ShardAway(ONE), SECOND)
    bench.facts(TWO, age=40 * SECOND)
    assert bench.told(RiskRow)[0].cause == "stale_feed"


def test_its_word_is_repeated_every_second_so_that_its_silence_is_noticed(bench: Bench) -> None:
    for _ in range(3):
        bench.step(Tick(), SECOND)
        assert bench.told(GlobalWord) == [GlobalWord()]
    bench.step(operator.TripBreaker(1, "", "", "the news"))
    [word] = bench.told(GlobalWord)
    bench.step(Tick(), SECOND)
    assert bench.told(GlobalWord) == [word]


def test_the_freshest_feed_and_the_answers_of_all_count(bench: Bench) -> None:
    bench.facts(ONE, age=40 * SECOND)
    assert bench.told(RiskRow)[0].cause == "stale_feed"
    other = Bench()
    other.facts(TWO, age=SECOND)
    other.facts(ONE, age=40 * SECOND)
    assert not other.told(RiskRow)
    other.facts(TWO, age=None)
    other.facts(ONE, answers=tuple(OrderAnswer(True, 1) for _ in range(20)), age=SECOND)
    assert other.told(RiskRow)[0].cause == "order_errors"


def test_state_and_profit_survive(bench: Bench) -> None:
    bench.facts(ONE, change=Decimal(100), trips=(Decimal(-1),) * 3)
    [saved] = bench.told(RiskSaved)
    assert ports.Persist((saved,)) in bench.sent
    assert saved.key == (RiskScope.GLOBAL, "", "")
    again = Bench([saved])
    again.step(Wake())
    assert again.told(GlobalWord)[0].closed
    assert again.actor.profit == 100
    again.step(Tick(), 62 * SECOND)
    assert again.told(GlobalWord)[0].allowance == 2


def test_the_peak_is_written_down_once_a_minute(bench: Bench) -> None:
    written = []
    for _ in range(120):
        bench.step(Tick(), SECOND)
        written += bench.told(RiskSaved)
    assert len(written) == 2


def test_an_operator_trips_and_resets_it(bench: Bench) -> None:
    bench.step(operator.TripBreaker(1, "", "", "the news"))
    assert "the news" in bench.told(GlobalWord)[0].closed[0][1]
    assert bench.sent[-2:] == [ports.Persist(tuple(bench.told(RiskSaved))), ports.AwaitWritten(1)]
    bench.step(ports.Written(1))
    assert bench.sent == [ports.Reply(1, operator.Done("the global circuit breaker is open until reset"))]
    bench.step(operator.ResetBreaker(2, "", "", ""))
    assert bench.told(GlobalWord) == [GlobalWord()]
    bench.step(operator.ResetBreaker(3, "", "", ""))
    assert bench.sent == [ports.AwaitWritten(3)]
    bench.step(ports.Written(3))
    assert bench.sent == [ports.Reply(3, operator.Done("the global circuit breaker is closed already"))]


def test_the_total_limit_is_shared_once_every_account_has_reported(bench: Bench) -> None:
    bench.step(ExposureReport("main", 0, 0, None))
    assert not bench.sent
    bench.step(ExposureReport("other", 0, 0, None))
    assert bench.told(ShareGiven) == [ShareGiven("other", 500 * UNIT)]
    bench.step(ExposureReport("main", 0, 0, None))
    assert bench.told(ShareGiven) == [ShareGiven("main", 500 * UNIT)]
    bench.step(ExposureReport("main", 0, 500 * UNIT, None))
    assert not bench.sent
