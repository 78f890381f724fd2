"""The SupervisorActor's view of its shards: which symbol is whose, what may be handed over, who has which budget.

A symbol has one owner: it is given to a shard only when no other process can have it any more.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from msgspec.structs import replace

from opensqt_actors.actors.risk_messages import GlobalWord
from opensqt_actors.actors.shard_messages import AddSymbolActor, ReleaseSymbol, ShareBudget, StartShard
from opensqt_actors.actors.shard_shares import SharedBudget
from opensqt_actors.actors.views import AccountRow, ShardRow, SymbolRow
from opensqt_actors.domain.placement import Key, place
from opensqt_actors.domain.records import RiskSaved
from opensqt_actors.domain.settings import SymbolSpec, SymbolState
from opensqt_actors.runtime.behaviour import ActorId, Behaviour
from opensqt_actors.runtime.effects import Effect, Spawn, Tell

MakeShard = Callable[[ActorId, int], Behaviour]


class Fleet:
    """processes: how many shards are processes of their own; 0 = one shard, in this process.

    whole: accounts that stay on one shard, because a limit holds for all their symbols together.
    """

    def __init__(self, me: ActorId, make: MakeShard, processes: int, whole: frozenset[str] = frozenset()) -> None:
        self.me = me
        self.make = make
        self.processes = processes
        self.whole = whole
        self.numbers = range(max(processes, 1))
        self.rows = {number: ShardRow(self.name(number), "starting", 0, 0, 0, 0, "") for number in self.numbers}
        self.drained: set[int] = set()
        self.moving: dict[Key, int] = {}
        self.arriving: set[Key] = set()
        self.stopped: set[int] = set()
        self._unheard = set(self.numbers) if processes else set()
        self._owned: dict[int, frozenset[Key]] = {}
        self._incarnations: Counter[int] = Counter()
        self._budgets: dict[str, SharedBudget] = {}
        self._waiting: dict[str, dict[int, int]] = {}

    def name(self, number: int) -> str:
        """What operators call a shard."""
        return f"shard-{number}"

    def number(self, name: str) -> int | None:
        """The shard of this name, or None."""
        return next((number for number in self.numbers if self.name(number) == name), None)

    def actor(self, number: int) -> ActorId:
        """The actor that stands for a shard."""
        return ActorId(f"{self.me}/{self.name(number)}")

    def home(self, spec: SymbolSpec) -> int:
        """The shard of a symbol."""
        return spec.shard if self.processes and spec.shard in self.numbers and spec.shard is not None else 0

    def of(self, spec: SymbolSpec) -> ActorId:
        """The actor that stands for the shard of a symbol."""
        return self.actor(self.home(spec))

    def for_account(self, account: str, specs: Iterable[SymbolSpec]) -> ActorId:
        """A shard that can ask this account's venue: a running one, best one that trades on it."""
        mine = {self.home(spec) for spec in specs if spec.account == account}
        best = min(self.numbers, key=lambda n: (self.rows[n].state != "running", n not in mine, n))
        return self.actor(best)

    # --- starting ----------------------------------------------------------------------------------------------------

    def actors(self) -> list[ActorId]:
        """The actors that stand for the shards."""
        return [self.actor(number) for number in self.numbers]

    def placed(self, spec: SymbolSpec, specs: Iterable[SymbolSpec]) -> SymbolSpec:
        """A new symbol with its shard."""
        if not self.processes:
            return spec
        return place((*specs, spec), self.processes, whole=self.whole, closed=frozenset(self.drained))[-1]

    def emptied(self, number: int, specs: Sequence[SymbolSpec]) -> list[SymbolSpec]:
        """The symbols of a shard that takes none any more, with their new shards."""
        there = [spec for spec in specs if self.home(spec) == number]
        placed = place(specs, self.processes, whole=self.whole, closed=frozenset(self.drained))
        return [after for before, after in zip(specs, placed, strict=True) if before in there]

    def spawn(
        self, number: int, specs: Mapping[Key, SymbolSpec], word: GlobalWord, saved: tuple[RiskSaved, ...]
    ) -> list[Effect]:
        """Start the actor of a shard. What it is to trade follows at once where nobody else can have it."""
        self._incarnations[number] += 1
        actor, parent = self.actor(number), self.me
        shares = tuple((name, budget.of(number)) for name, budget in self._budgets.items())
        effects: list[Effect] = [
            Spawn(actor, lambda: self.make(parent, number), self._incarnations[number]),
            Tell(actor, word),
            Tell(actor, StartShard(saved, shares)),
        ]
        return effects if self._unheard else effects + self._assign(number, specs)

    def _assign(self, number: int, specs: Mapping[Key, SymbolSpec]) -> list[Effect]:
        return [
            Tell(self.actor(number), AddSymbolActor(spec))
            for key, spec in specs.items()
            if self.home(spec) == number and spec.state is not SymbolState.REMOVED and key not in self.moving
        ]

    def owns(self, number: int, keys: Iterable[Key], specs: Mapping[Key, SymbolSpec]) -> list[Effect]:
        """A shard has said what it was found to trade. When all have, every symbol goes where it belongs."""
        if number not in self._unheard:
            return []
        self._unheard.discard(number)
        self._owned[number] = frozenset(keys)
        if self._unheard:
            return []
        effects: list[Effect] = []
        for owner, found in self._owned.items():
            for key in sorted(found):
                spec = specs.get(key)
                if spec is None or self.home(spec) != owner:
                    self.moving[key] = self.moving.get(key, 0) + 1
                    effects.append(Tell(self.actor(owner), ReleaseSymbol(*key)))
        self._owned.clear()
        for each in self.numbers:
            effects += self._assign(each, specs)
        return effects

    # --- moving ------------------------------------------------------------------------------------------------------

    def move(self, spec: SymbolSpec, old: int) -> list[Effect]:
        """A symbol's place has changed: its old shard lets it go first."""
        key = (spec.account, spec.symbol)
        self.moving[key] = self.moving.get(key, 0) + 1
        return [Tell(self.actor(old), ReleaseSymbol(*key))]

    def released(self, key: Key, spec: SymbolSpec | None, saved: tuple[RiskSaved, ...]) -> list[Effect]:
        """A shard has let a symbol go. saved: what the risk rules remember of it."""
        left = self.moving.get(key, 0) - 1
        if left > 0:
            self.moving[key] = left
            return []
        if self.moving.pop(key, None) is None or spec is None or spec.state is SymbolState.REMOVED:
            return []
        self.arriving.add(key)
        return [Tell(self.of(spec), AddSymbolActor(spec, saved))]

    @property
    def in_transit(self) -> bool:
        """Whether a symbol is between two shards, where nobody could cancel its orders."""
        return bool(self.moving or self.arriving)

    def arrived(self, row: SymbolRow) -> None:
        """A symbol's line: once it has been compared with the venue, its new shard has its orders in hand."""
        if row.state is not SymbolState.STARTING:
            self.arriving.discard((row.account, row.symbol))

    # --- budgets -----------------------------------------------------------------------------------------------------

    def share_out(self, accounts: Iterable[str], specs: Iterable[SymbolSpec]) -> None:
        """First parts of every account's budget, before anything starts."""
        if not self.processes:
            return
        rows = tuple(specs)
        for account in accounts:
            budget = self._budgets[account] = SharedBudget()
            budget.begin(self._symbols(account, rows))

    def _symbols(self, account: str, specs: Iterable[SymbolSpec]) -> Counter[int]:
        return Counter(self.home(spec) for spec in specs if spec.account == account)

    def heard(self, row: AccountRow, specs: Iterable[SymbolSpec]) -> list[Effect]:
        """An account's line in one shard: parts of its budget may change hands."""
        budget = self._budgets.get(row.account)
        if budget is None:
            return []
        budget.heard(row.shard, row.thousandths)
        waiting = self._waiting.setdefault(row.account, {})
        waiting[row.shard] = row.waiting
        told = budget.rebalance(self._symbols(row.account, specs), waiting)
        return [Tell(self.actor(to), ShareBudget(row.account, part)) for to, part in told.items()]

    def down(self, number: int) -> None:
        """A shard's process has ended. What was on its way there does not arrive soon."""
        self.arriving.clear()
        for account, budget in self._budgets.items():
            budget.down(number)
            self._waiting.get(account, {}).pop(number, None)

    # --- showing -----------------------------------------------------------------------------------------------------

    def shown(self, specs: Iterable[SymbolSpec], state: str) -> tuple[ShardRow, ...]:
        """Every shard's line. state: of the supervisor, which is that of a shard in its own process."""
        load = Counter(self.home(spec) for spec in specs)
        if not self.processes:
            return (replace(self.rows[0], state=state, symbols=load[0]),)
        return tuple(
            replace(row, symbols=load[number], state="drained" if self._is_drained(number, row, load) else row.state)
            for number, row in self.rows.items()
        )

    def _is_drained(self, number: int, row: ShardRow, load: Counter[int]) -> bool:
        return number in self.drained and not load[number] and row.state == "running"
