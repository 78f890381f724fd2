"""Parts of a request budget change hands without ever coming to more than the whole."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from opensqt_actors.actors.budget import SECOND, Budget, Limits
from opensqt_actors.actors.shard_shares import SharedBudget
from opensqt_actors.domain.placement import WHOLE

SHARDS = range(3)


class Sharing(RuleBasedStateMachine):
    """Shards that take what they are told late, or die and start again with what they were given."""

    def __init__(self) -> None:
        super().__init__()
        self.symbols = {0: 4, 1: 2, 2: 1}
        self.budget = SharedBudget()
        self.budget.begin(self.symbols)
        self.in_force = {shard: self.budget.of(shard) for shard in SHARDS}
        for shard, part in self.in_force.items():
            self.budget.heard(shard, part)
        self.on_the_way: dict[int, list[int]] = {shard: [] for shard in SHARDS}

    @rule(waiting=st.dictionaries(st.sampled_from(list(SHARDS)), st.integers(0, 100)))
    def rebalances(self, waiting: dict[int, int]) -> None:
        for shard, part in self.budget.rebalance(self.symbols, waiting).items():
            self.on_the_way[shard].append(part)

    @rule(shard=st.sampled_from(list(SHARDS)), count=st.integers(0, 5))
    def symbols_move(self, shard: int, count: int) -> None:
        self.symbols[shard] = count

    @rule(shard=st.sampled_from(list(SHARDS)))
    def a_shard_takes_what_it_was_told(self, shard: int) -> None:
        if self.on_the_way[shard]:
            self.in_force[shard] = self.on_the_way[shard].pop(0)

    @rule(shard=st.sampled_from(list(SHARDS)))
    def a_shard_tells(self, shard: int) -> None:
        self.budget.heard(shard, self.in_force[shard])

    @rule(shard=st.sampled_from(list(SHARDS)))
    def a_shard_starts_anew(self, shard: int) -> None:
        self.budget.down(shard)
        self.on_the_way[shard].clear()
        self.in_force[shard] = self.budget.of(shard)
        self.budget.heard(shard, self.in_force[shard])

    @invariant()
    def never_more_than_the_whole(self) -> None:
        assert sum(self.in_force.values()) <= WHOLE


TestSharing = Sharing.TestCase
TestSharing.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)


def test_a_share_scales_pace_burst_and_windows_and_keeps_what_was_sent() -> None:
    budget = Budget(Limits(100, 40, 300, 1_200))
    budget.take(SECOND, 40)
    budget.share(250)
    assert (budget.limits.orders_per_second, budget.limits.burst) == (25, 10)
    assert (budget.limits.per_10s, budget.limits.per_minute) == (75, 300)
    assert budget.room(2 * SECOND) == 10
    budget.share(1_000)
    assert budget.limits == Limits(100, 40, 300, 1_200)
    assert budget.room(12 * SECOND) == 40
