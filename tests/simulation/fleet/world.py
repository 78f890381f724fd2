"""A whole fleet on virtual time: the real actors on the seeded scheduler, the engine as the venue, a journal in memory.

The process can be killed and started again at any moment; the venue and what was written outlive it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from types import MethodType
from typing import Any, cast

from fleet.faults import Faults, InjectedKill
from fleet.journal import Journal, Tables
from fleet.mischief import Mischief
from fleet.process_clock import ProcessClock
from fleet.venue import MS, SECOND, Latency, SimulatedVenue
from fleet.watch import Watch
from msgspec import Struct, field
from msgspec.structs import replace

from opensqt_actors.actors import operator, ports
from opensqt_actors.actors.budget import Limits
from opensqt_actors.actors.exchange import ExchangeActor
from opensqt_actors.actors.portfolio_risk import PortfolioRiskActor
from opensqt_actors.actors.prices import PriceBoard
from opensqt_actors.actors.risk import RiskActor, RiskRules
from opensqt_actors.actors.shard import ShardActor, ShardParts
from opensqt_actors.actors.supervisor import ShutdownPolicy, StartSupervisor, SupervisorActor
from opensqt_actors.actors.symbol import Execution, SymbolActor
from opensqt_actors.domain.breaker import BreakerSettings
from opensqt_actors.domain.cleanup import CleanupSettings
from opensqt_actors.domain.emergency import EmergencySettings
from opensqt_actors.domain.exposure import ExposureLimits, Limit
from opensqt_actors.domain.grid import Grid
from opensqt_actors.domain.ids import decode
from opensqt_actors.domain.orders import OrderRequest
from opensqt_actors.domain.preflight import PreflightSettings
from opensqt_actors.domain.records import Intent
from opensqt_actors.domain.risk import RiskSettings
from opensqt_actors.domain.settings import GridSettings, SymbolSpec, SymbolState
from opensqt_actors.domain.slots import Slots
from opensqt_actors.domain.strategy import Decision, Gate, Market, StrategyFactory
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.clock import ManualClock
from opensqt_actors.runtime.effects import ActorFailed
from opensqt_actors.runtime.kernel import ActorRef, StepRecord
from opensqt_actors.runtime.scheduler import SeededScheduler
from opensqt_actors.runtime.supervision import RestartPolicy
from opensqt_actors.simvenue.exchange import Exchange
from opensqt_actors.simvenue.markets.model import MarketModel
from opensqt_actors.simvenue.markets.synthetic import PROFILES, SyntheticModel
from opensqt_actors.simvenue.rules import MarketRules, universe

START = 1_767_225_600 * SECOND  # 2026-01-01
SUPERVISOR = ActorId("supervisor")
ACCOUNT = "main"
SHARD = ActorId(f"{SUPERVISOR}/shard-0")
EXCHANGE = ActorId(f"{SHARD}/exchange:{ACCOUNT}")
STEP = 50 * MS


BREAKER_OFF = BreakerSettings(
    max_losses=0, max_drawdown_percent=Decimal(0), max_error_rate=0.0, max_latency=0, stale_after=0
)


class StrategyRaised(RuntimeError):
    """An injected failure of a strategy."""


class Setup(Struct, frozen=True):
    """What a world is made of. balance: quote currency; pending_timeout and reconcile_interval: ns."""

    symbols: int = 3
    grid: GridSettings = field(
        default_factory=lambda: GridSettings(interval_percent=Decimal("0.4"), amount=Decimal(30), buy_window=6)
    )
    grids: Mapping[int, GridSettings] = field(default_factory=dict)
    balance: Decimal = Decimal(100_000)
    profile: str = "demo"
    latency: Latency = field(default_factory=Latency)
    limits: Limits = field(default_factory=lambda: Limits(25.0, 30))
    published: ports.Published = field(default_factory=lambda: ports.Published(place_batch=5, cancel_batch=10))
    execution: Execution = field(default_factory=lambda: Execution(reconcile_interval=10 * SECOND))
    preflight: PreflightSettings = field(default_factory=lambda: PreflightSettings(max_leverage=20))
    exposure: ExposureLimits = field(default_factory=ExposureLimits)
    risk: RiskSettings = field(default_factory=RiskSettings)
    breaker: BreakerSettings = field(default_factory=lambda: BREAKER_OFF)
    global_breaker: BreakerSettings = field(default_factory=lambda: BREAKER_OFF)
    emergency: EmergencySettings = field(default_factory=EmergencySettings)
    total: Limit = field(default_factory=Limit)
    cleanup: CleanupSettings | None = None
    pending_timeout: int = 2 * SECOND
    stale_after: int = 10
    policy: RestartPolicy = field(default_factory=lambda: RestartPolicy(5, 30 * SECOND, SECOND // 5, 5 * SECOND))
    shutdown: ShutdownPolicy = field(default_factory=ShutdownPolicy)
    rates: Mapping[str, float] = field(default_factory=dict)
    model: Callable[[MarketRules], MarketModel] | None = None
    rules: tuple[MarketRules, ...] = ()
    strategies: Mapping[str, StrategyFactory] = field(default_factory=dict)
    strategy: str = "grid"


class World:
    """One seed's fleet. `violations` collects what must never happen, as it happens."""

    account = ACCOUNT
    supervisor_id = SUPERVISOR
    shard_id = SHARD
    exchange_id = EXCHANGE

    def __init__(self, seed: int, setup: Setup | None = None) -> None:
        self.seed = seed
        self.setup = setup = setup or Setup()
        self.began = START
        self.clock = ManualClock(START)
        self.faults = Faults(seed, setup.rates)
        self.tables = Tables()
        self.rules = list(setup.rules) or universe(setup.symbols, seed)
        self.engine = Exchange(seed, now=START // MS, sink=self._sink, intervals=("1m",), history=1_000_000)
        self.engine.add_account(ACCOUNT, setup.balance)
        self.venue = SimulatedVenue(self.engine, ACCOUNT, self.clock, seed, self.faults, setup.latency)
        self.venue.on_arrival = self._arrived
        self.venue.on_send = self._sent
        self.venue.failpoint = self.faults.failpoint
        self.venue.may_double = self._may_double
        self.process_clock = ProcessClock(self.clock)
        self.venue.process_now = self.process_clock.now
        self.mischief = Mischief(self)
        for rules in self.rules:
            model = setup.model(rules) if setup.model else SyntheticModel(PROFILES[setup.profile])
            self.engine.add_market(rules, model, START // MS, past_candles=60)
        for index, rules in enumerate(self.rules):
            grid = setup.grids.get(index, setup.grid)
            self.tables.save_spec(SymbolSpec(ACCOUNT, rules.symbol, -1, grid, setup.strategy), START)
        self.clock.call_at(START + STEP, self._tick)
        self.host: SeededScheduler | None = None
        self.journal: Journal | None = None
        self.lives = 0
        self.budgets: list[int] = []
        self.requests = 0
        self.replies: dict[int, Any] = {}
        self.announced: list[ports.Announce] = []
        self.exited: int | None = None
        self.failures: list[ActorFailed] = []
        self.crashes: list[str] = []
        self.violations: list[str] = []
        self.steps = 0
        self.closed: dict[str, int] = {}
        self.broken: set[str] = set()
        self.undecided: set[str] = set()
        self.touched: set[str] = set()
        self.unowned: dict[str, Decimal] = dict.fromkeys(self.names, Decimal(0))
        self.watch = Watch(self)
        self.on_step: Callable[[StepRecord], None] | None = None

    # --- the process -------------------------------------------------------------------------------------------------

    def start(self) -> World:
        """Start the process on what the journal holds."""
        assert self.host is None, "the process runs already"
        self.lives += 1
        self.exited = None
        setup, seed = self.setup, self.seed * 1_000 + self.lives
        self.host = host = SeededScheduler(seed, self.clock, on_root_failure=self.failures.append, record=self._record)
        self.process_clock.restart()
        host._now = self.process_clock.now
        board = PriceBoard()
        self._bind(host)
        self.venue.connect(host, board, EXCHANGE)

        def make_exchange(risk: ActorId) -> ExchangeActor:
            self.budgets.append(self.clock.now())
            actor = ExchangeActor(
                ACCOUNT, board, setup.limits, risk=risk, published=setup.published,
                pending_timeout=setup.pending_timeout, stale_after=setup.stale_after, seed=seed,
                exposure=setup.exposure, total=setup.total, cleanup=setup.cleanup,
            )  # fmt: skip
            line = self.venue.line
            actor.orders_up = actor.prices_up = line is not None and line.orders_up
            return actor

        parts = ShardParts(
            instance="s1",
            exchanges={ACCOUNT: make_exchange},
            risk=lambda me, parent, saved: RiskActor(
                RiskRules(setup.risk, setup.breaker, setup.emergency, self.lives), me=me, parent=parent, saved=saved
            ),
            strategies={"grid": self._grid, **setup.strategies},
            execution=replace(setup.execution, preflight=setup.preflight),
            policy=setup.policy,
        )
        supervisor = SupervisorActor(
            SUPERVISOR, self.tables.registry(), (ACCOUNT,),
            lambda parent: ShardActor(SHARD, parent, parts),
            strategies=frozenset({"grid"}), version="0", instance="s1", shutdown=setup.shutdown,
            portfolio=lambda parent, saved: PortfolioRiskActor(
                parent=parent, breaker=setup.global_breaker, total=setup.total, accounts=frozenset({ACCOUNT}),
                saved=saved,
            ),
            risk=tuple(self.tables.risk.values()),
        )  # fmt: skip
        host.start(SUPERVISOR, supervisor)
        host.tell(SUPERVISOR, StartSupervisor())
        return self

    def kill(self) -> None:
        """The process dies: queued messages, timers and unwritten entries are gone, sent requests are not."""
        assert self.host is not None, "no process runs"
        self.venue.disconnect()
        host, self.host, self.journal = self.host, None, None
        host.close()

    def die(self) -> None:
        """The process dies, and is started again within seconds."""
        self.kill()
        self.clock.advance(self.faults.random.randint(0, 3_000) * MS)
        self.start()

    def _grid(self, market: Market) -> Grid:
        return _Failing(market, self.faults, self.broken)

    def _bind(self, host: SeededScheduler) -> None:
        def later(ns: int, call: Callable[[], None]) -> None:
            self.clock.call_at(self.clock.now() + ns, lambda: call() if self.host is host else None)

        journal = self.journal = Journal(self.tables, later, self._journal_latency, self.faults)

        def persist(sender: ActorRef, effect: ports.Persist) -> None:
            journal.put(lambda: self.tables.write(effect.entries))

        def commit(sender: ActorRef, effect: ports.CommitIntents) -> None:
            def refuse() -> None:
                host.tell(sender, ports.IntentsFailed(effect.batch, "the database is away"))

            if self.faults.strike("journal.refused"):
                later(MS, refuse)
                return
            journal.put(lambda: self._commit(host, sender, effect.batch, effect.intents), refuse)

        def await_written(sender: ActorRef, effect: ports.AwaitWritten) -> None:
            journal.put(
                lambda: host.tell(sender, ports.Written(effect.request)),
                lambda: host.tell(sender, ports.Written(effect.request, "the database is away")),
            )

        def load(sender: ActorRef, effect: ports.LoadSymbol) -> None:
            journal.put(
                lambda: host.tell(sender, ports.SymbolLoaded(self.tables.load(effect.account, effect.symbol))),
                lambda: host.tell(sender, ports.LoadFailed(effect.account, effect.symbol, "the database is away")),
            )

        def save(sender: ActorRef, effect: ports.SaveSpec) -> None:
            def saved() -> None:
                stored = self.tables.save_spec(effect.spec, self.clock.now())
                host.tell(sender, ports.SpecSaved(effect.request, stored))

            journal.put(
                saved, lambda: host.tell(sender, ports.SpecFailed(effect.request, effect.spec, "the database is away"))
            )

        def reply(sender: ActorRef, effect: ports.Reply) -> None:
            self.replies[effect.request] = effect.payload

        host.bind(ports.Persist, persist)
        host.bind(ports.AwaitWritten, await_written)
        host.bind(ports.CommitIntents, commit)
        host.bind(ports.LoadSymbol, load)
        host.bind(ports.SaveSpec, save)
        host.bind(ports.Reply, reply)
        host.bind(ports.Announce, lambda sender, effect: self.announced.append(effect))
        host.bind(ports.Exited, self._exited)

    def _commit(self, host: SeededScheduler, sender: ActorRef, batch: int, intents: Sequence[Intent]) -> None:
        repeated = [intent.client_id for intent in intents if intent.client_id in self.tables.orders]
        if repeated:
            if batch not in self.exchange.desk.adoptions.writing:
                self.violations.append(f"client ids used twice: {', '.join(repeated)}")
            host.tell(sender, ports.IntentsFailed(batch, "a client id is known already"))
            return
        self.tables.write(intents)
        host.tell(sender, ports.IntentsCommitted(batch))

    def _exited(self, sender: ActorRef, effect: ports.Exited) -> None:
        self.exited = effect.code

    def _journal_latency(self) -> int:
        return SECOND if self.faults.strike("journal.slow") else self.venue.random.randint(1, 4) * MS

    # --- time --------------------------------------------------------------------------------------------------------

    def _tick(self) -> None:
        self.engine.advance(self.clock.now() // MS)
        self.clock.call_at(self.clock.now() + STEP, self._tick)

    def _sink(self, event: Any) -> None:
        self.venue.on_engine_event(event)

    def advance(self, seconds: float) -> None:
        """Let time pass, with whatever the seed wants to happen on the way."""
        until = self.clock.now() + round(seconds * SECOND)
        while self.clock.now() < until:
            before = self.clock.now()
            self._pass(min(SECOND // 10, until - before))
            if self.host is not None:
                self.watch.look(self.clock.now() - before)
                self.mischief.strike(self.host)

    def _pass(self, ns: int) -> None:
        if self.host is None:
            self.clock.advance(ns)
            return
        try:
            self.host.advance(ns)
        except InjectedKill:
            self.die()

    def _record(self, record: StepRecord) -> None:
        self.steps += 1
        if record.failure is None:
            self._gate(record)
        elif InjectedKill.__name__ not in record.failure:
            self.crashes.append(f"{record.actor.id}: {record.failure}")
        if self.on_step is not None:
            self.on_step(record)

    def _gate(self, record: StepRecord) -> None:
        """Remember since when a symbol's gate is closed."""
        actor = self.behaviour(record.actor.id)
        if isinstance(actor, SymbolActor):
            if actor.gate.opens:
                self.closed.pop(actor.symbol, None)
            else:
                self.closed.setdefault(actor.symbol, self.clock.now())

    def _sent(self, request: OrderRequest, now: int) -> None:
        """An order leaves: none that opens while its symbol's gate is closed."""
        key = decode(request.client_id)
        if key is not None and key.kind.opens and self.closed.get(request.symbol, now) < now:
            actor = self.symbol(request.symbol)
            gates = actor.gates if actor is not None else {}
            self.violations.append(f"{request.symbol}: {request.client_id} was sent with the gate closed by {gates}")

    def _may_double(self, request: OrderRequest) -> bool:
        """Whether a request may come twice: not one that closes at market, nor in a market that is being left."""
        actor = self.symbol(request.symbol) if self.host is not None else None
        return request.price is not None and actor is not None and actor.leaving is None

    def _arrived(self, request: OrderRequest) -> None:
        """An order reaches the venue: its intent must be durable."""
        if request.client_id not in self.tables.orders:
            self.violations.append(f"{request.client_id} was sent without a durable intent")

    # --- operators and looks inside ----------------------------------------------------------------------------------

    def ask(self, make: Callable[[int], Any], patience: float = 5.0) -> Any:
        """Ask the supervisor and let time pass until it answers."""
        assert self.host is not None
        self.requests += 1
        request = self.requests
        self.host.tell(SUPERVISOR, make(request))
        for _ in range(round(patience * 20)):
            self.advance(0.05)
            if request in self.replies:
                return self.replies.pop(request)
        raise AssertionError(f"no answer within {patience} s")

    def add(self, symbol: str, grid: GridSettings, *, adopt: bool = False) -> Any:
        """Add a market as an operator does."""
        return self.ask(lambda request: operator.AddSymbol(request, ACCOUNT, symbol, grid, "grid", adopt))

    def behaviour(self, actor: str) -> Any:
        """A living actor's behaviour, by the end of its id; None when it does not live."""
        assert self.host is not None
        cell = self.host._cells.get(ActorId(actor))
        return None if cell is None else cast(MethodType, cell.step).__self__

    @staticmethod
    def symbol_id(name: str) -> ActorId:
        """The id of a symbol's actor."""
        return ActorId(f"{SHARD}/symbol:{ACCOUNT}:{name}")

    def symbol(self, name: str) -> SymbolActor | None:
        """A symbol's actor."""
        found = self.behaviour(self.symbol_id(name))
        assert found is None or isinstance(found, SymbolActor)
        return found

    @property
    def exchange(self) -> ExchangeActor:
        """The account's ExchangeActor."""
        found = self.behaviour(EXCHANGE)
        assert isinstance(found, ExchangeActor)
        return found

    @property
    def supervisor(self) -> SupervisorActor:
        """The SupervisorActor."""
        found = self.behaviour(SUPERVISOR)
        assert isinstance(found, SupervisorActor)
        return found

    @property
    def names(self) -> list[str]:
        """All markets of the venue."""
        return [rules.symbol for rules in self.rules]

    def settle(self, seconds: float = 40.0) -> None:
        """Stop the markets and the faults, resume what stands still, and let everything on its way arrive."""
        self.faults.active = False
        self.process_clock.correct()
        for name in self.names:
            self.engine.pause(name, self.venue.now_ms)
        if self.host is None:
            self.start()
        self.advance(seconds / 2)
        self.mischief.accept()
        rows = self.supervisor.view().symbols
        for row in rows:
            if row.state in (SymbolState.QUARANTINED, SymbolState.PAUSED):
                self.mischief.tell_supervisor(operator.ResumeSymbol, row.symbol)
        self.advance(seconds / 4)
        # what was in quarantine has only now been compared with the venue
        self.mischief.accept(row.symbol for row in rows if row.state is SymbolState.QUARANTINED)
        self.advance(seconds / 4)


class _Failing(Grid):
    """The grid, raising on a decision when the seed wants it, or always while its market is `broken`."""

    def __init__(self, market: Market, faults: Faults, broken: set[str]) -> None:
        super().__init__(market)
        self._symbol = market.instrument.symbol
        self._faults = faults
        self._broken = broken

    def decide(self, slots: Slots, bid: int, ask: int, gate: Gate, now: int) -> Decision:
        if self._symbol in self._broken or self._faults.strike("strategy.raises"):
            raise StrategyRaised("injected")
        return super().decide(slots, bid, ask, gate, now)
