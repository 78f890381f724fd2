"""Prometheus metrics. What the status knows is read from it when scraped; only durations are counted as they happen."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

from opensqt_actors.actors.views import Durations, StatusView
from opensqt_actors.domain.settings import SymbolState

NANOSECONDS = 1_000_000_000
MAX_REJECT_CODES = 100
OWN = "shard-0"
"""The shard inside a supervisor's process, or a host's."""

COMMIT_BUCKETS = (0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2)
TICK_BUCKETS = (0.00001, 0.00002, 0.00005, 0.0001, 0.0002, 0.0005, 0.001, 0.002, 0.005, 0.01, 0.05, 0.25)

_TOTALS = (
    ("opensqt_ticks", "Price updates received.", "ticks"),
    ("opensqt_ticks_skipped", "Price updates ended by the quiet band.", "ticks_skipped"),
    ("opensqt_orders_placed", "Orders sent.", "orders_placed"),
    ("opensqt_orders_cancelled", "Cancels sent.", "orders_cancelled"),
    ("opensqt_fills", "Trades of ours.", "fills"),
    ("opensqt_restarts", "Restarts of actors.", "restarts"),
    ("opensqt_illegal_transitions", "Requests and events that a slot's state could not take.", "illegal_transitions"),
)
_MONEY = (
    ("opensqt_realized_pnl", "Realised profit before fees, quote currency.", "realized_pnl"),
    ("opensqt_unrealized_pnl", "Profit of open positions at mark prices, quote currency.", "unrealized_pnl"),
    ("opensqt_fees_total", "Fees paid since each symbol was added, quote currency; rebates make it smaller.", "fees"),
    ("opensqt_funding_total", "Funding received since each symbol was added, quote currency.", "funding"),
)
_PER_SYMBOL = (
    ("opensqt_position", "Net position, venue units.", "position"),
    ("opensqt_open_orders", "Orders that rest or are in flight.", "open_orders"),
    ("opensqt_symbol_realized_pnl", "Realised profit before fees, quote currency.", "grid_pnl"),
    (
        "opensqt_symbol_unrealized_pnl",
        "Profit of the open position at the mark price, quote currency.",
        "unrealized_pnl",
    ),
)


class StatusCollector(Collector):
    """Turns the newest StatusView into samples."""

    def __init__(self) -> None:
        self.view: StatusView | None = None

    def describe(self) -> Iterable[Metric]:
        """Nothing: the registry need not collect in order to learn the names."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All samples of the view; none before there is one."""
        view = self.view
        if view is None:
            return
        for name, text, attribute in _TOTALS:
            yield CounterMetricFamily(name, text, value=getattr(view, attribute))
        for name, text, attribute in _MONEY:
            yield GaugeMetricFamily(name, text, value=float(getattr(view, attribute)))
        yield GaugeMetricFamily("opensqt_risk_triggered", "1 while risk keeps grids from opening.", view.risk_triggered)
        yield GaugeMetricFamily("opensqt_started_seconds", "Start of the process.", value=view.started / NANOSECONDS)
        yield from self._accounts(view)
        yield from self._symbols(view)
        yield from self._shards(view)

    @staticmethod
    def _accounts(view: StatusView) -> Iterator[Metric]:
        streams = GaugeMetricFamily("opensqt_stream_up", "1 while a stream is up.", labels=("account", "stream"))
        waiting = GaugeMetricFamily("opensqt_budget_waiting", "Requests that wait for the budget.", labels=("account",))
        paused = GaugeMetricFamily(
            "opensqt_paused_until_seconds", "Until when the venue asked for silence.", labels=("account",)
        )
        for account in view.accounts:
            streams.add_metric((account.account, "orders"), account.orders_stream)
            streams.add_metric((account.account, "prices"), account.prices_stream)
            waiting.add_metric((account.account,), account.waiting)
            paused.add_metric((account.account,), account.paused_until / NANOSECONDS)
        yield from (streams, waiting, paused)

    @staticmethod
    def _shards(view: StatusView) -> Iterator[Metric]:
        labels = ("shard",)
        state = GaugeMetricFamily("opensqt_shard_state", "1 for the state of a shard.", labels=(*labels, "state"))
        memory = GaugeMetricFamily("opensqt_shard_resident_bytes", "Memory of a shard's process.", labels=labels)
        pending = GaugeMetricFamily(
            "opensqt_shard_journal_pending", "Entries that a shard's process has not written yet.", labels=labels
        )
        restarts = CounterMetricFamily("opensqt_shard_restarts", "Restarts of a shard's process.", labels=labels)
        for row in view.shard_rows:
            state.add_metric((row.shard, row.state), 1)
            restarts.add_metric((row.shard,), row.restarts)
            if row.resident:
                memory.add_metric((row.shard,), row.resident)
                pending.add_metric((row.shard,), row.pending)
        yield from (state, memory, pending, restarts)

    @staticmethod
    def _symbols(view: StatusView) -> Iterator[Metric]:
        labels = ("account", "symbol")
        keys = [(row.account, row.symbol) for row in view.symbols]
        for name, text, attribute in _PER_SYMBOL:
            family = GaugeMetricFamily(name, text, labels=labels)
            for key, row in zip(keys, view.symbols, strict=True):
                family.add_metric(key, float(getattr(row, attribute)))
            yield family
        slots = GaugeMetricFamily(
            "opensqt_slots", "Slots in memory, by whether they hold anything.", labels=(*labels, "status")
        )
        state = GaugeMetricFamily("opensqt_symbol_state", "1 for the state of a symbol.", labels=(*labels, "state"))
        tick = GaugeMetricFamily("opensqt_last_tick_seconds", "Time of the newest price.", labels=labels)
        for key, row in zip(keys, view.symbols, strict=True):
            slots.add_metric((*key, "filled"), row.slots_filled)
            slots.add_metric((*key, "empty"), row.slots_total - row.slots_filled)
            state.add_metric((*key, SymbolState(row.state).value), 1)
            if row.last_tick:
                tick.add_metric(key, row.last_tick / NANOSECONDS)
        yield from (slots, state, tick)


class Timed(Collector):
    """A histogram of this process, and beside it what shards' processes have counted under its name."""

    def __init__(self, name: str, text: str, buckets: Sequence[float], status: StatusCollector) -> None:
        self.name = name
        self._text = text
        self._status = status
        self._own = Histogram(name, text, buckets=buckets, registry=None)
        (family,) = self._own.collect()
        self._bounds = [sample.labels["le"] for sample in family.samples if sample.name.endswith("_bucket")]
        self.observe = self._own.observe

    def durations(self) -> Durations:
        """What this process has counted."""
        (family,) = self._own.collect()
        counts = tuple(int(sample.value) for sample in family.samples if sample.name.endswith("_bucket"))
        (total,) = (sample.value for sample in family.samples if sample.name.endswith("_sum"))
        return Durations(self.name, counts, total)

    def describe(self) -> Iterable[Metric]:
        """See StatusCollector."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """One family: where there are shards' processes theirs, by shard, else ours, of the shard that is in here."""
        family = HistogramMetricFamily(self.name, self._text, labels=("shard",))
        view = self._status.view
        theirs = {
            row.shard: one
            for row in (view.shard_rows if view is not None else ())
            for one in row.durations
            if one.name == self.name and len(one.counts) == len(self._bounds)
        }
        for shard, one in (theirs or {OWN: self.durations()}).items():
            family.add_metric((shard,), list(zip(self._bounds, one.counts, strict=True)), one.total)
        yield family


class Metrics:
    """A registry of its own, so that two systems in one process do not mix."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.status = StatusCollector()
        self.registry.register(self.status)
        self.journal_commit_seconds = self._timed(
            "opensqt_journal_commit_seconds", "From an intent's hand-over to its being durable.", COMMIT_BUCKETS
        )
        self.tick_to_order_seconds = self._timed(
            "opensqt_tick_to_order_seconds",
            "From the frame hook's call to the hand-over of the order's intent; its commit is counted apart.",
            TICK_BUCKETS,
        )
        self.journal_pending = Gauge("opensqt_journal_pending", "Entries not written yet.", registry=self.registry)
        self.log_dropped = Gauge("opensqt_log_lines_dropped", "Log lines dropped.", registry=self.registry)
        self.events_dropped = Gauge("opensqt_events_dropped", "Events not delivered.", registry=self.registry)
        self.startup_seconds = Gauge(
            "opensqt_startup_seconds",
            "From the start of the process to the end of each phase of its start.",
            ("phase",),
            registry=self.registry,
        )
        self._rejected = Counter(
            "opensqt_orders_rejected", "Orders refused by the venue.", ("code",), registry=self.registry
        )
        self._codes: set[str] = set()

    def _timed(self, name: str, text: str, buckets: Sequence[float]) -> Timed:
        timed = Timed(name, text, buckets, self.status)
        self.registry.register(timed)
        return timed

    def durations(self) -> tuple[Durations, ...]:
        """What this process has timed, for the supervisor of a shard."""
        return self.journal_commit_seconds.durations(), self.tick_to_order_seconds.durations()

    def rejected(self, code: str) -> None:
        """Count a refusal under its code; codes beyond a bound share one."""
        if code not in self._codes:
            code = code if len(self._codes) < MAX_REJECT_CODES else "other"
            self._codes.add(code)
        self._rejected.labels(code).inc()

    def exposition(self, view: StatusView | None) -> bytes:
        """Everything in Prometheus' text format. Takes milliseconds for a hundred symbols: not for the event loop."""
        self.status.view = view
        return generate_latest(self.registry)
