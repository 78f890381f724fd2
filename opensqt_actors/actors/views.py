"""What operators see: values built by the actors for the CLI, the API and the page. No behaviour."""

from __future__ import annotations

from decimal import Decimal

from msgspec import Struct, field

from opensqt_actors.domain.settings import GridSettings, SymbolSpec, SymbolState


class SymbolRow(Struct, frozen=True):
    """One line of the live table. Prices and quantities in venue units, money in quote currency, times in ns."""

    account: str
    symbol: str
    mode: str
    state: SymbolState
    slots_filled: int
    slots_total: int
    open_orders: int
    position: Decimal
    grid_pnl: Decimal
    unrealized_pnl: Decimal
    fees: Decimal
    funding: Decimal
    fills: int
    round_trips: int
    orders_placed: int
    orders_cancelled: int
    illegal_transitions: int
    restarts: int
    bid: Decimal | None
    ask: Decimal | None
    last_tick: int
    why: str


class LevelView(Struct, frozen=True):
    """One lattice level: its slot, its order, or the reason why it has none.

    status: free, pending or locked; reason_code: stable, "" when an order rests; exit_price: where what it holds is
    closed. Money is quote currency; cost: paid for what it holds, negative when short; unrealized_pnl: at the mark
    price; realized_pnl (before fees), fees and round_trips: since the actor of the symbol started.
    """

    level: int
    price: Decimal
    status: str
    position: Decimal
    order_id: str
    order_kind: str
    order_side: str
    order_price: Decimal | None
    order_quantity: Decimal | None
    order_filled: Decimal | None
    exit_price: Decimal | None
    reason_code: str
    reason: str
    cost: Decimal = Decimal(0)
    unrealized_pnl: Decimal = Decimal(0)
    realized_pnl: Decimal = Decimal(0)
    fees: Decimal = Decimal(0)
    round_trips: int = 0


class SymbolView(Struct, frozen=True):
    """Answer to DescribeSymbol: the row, the grid and every level, highest price first."""

    row: SymbolRow
    settings: GridSettings
    centre: Decimal | None
    interval: Decimal | None
    band_low: Decimal | None
    band_high: Decimal | None
    gates: tuple[tuple[str, str], ...]
    levels: tuple[LevelView, ...]
    history: tuple[str, ...] = ()


class ReconcileView(Struct, frozen=True):
    """Answer to ReconcileSymbol. verdict: same, busy, unsure, close or different; positions as they were found.

    corrected: what the slots were changed by; orders: ours that rest at the venue; missed_fills: booked by this
    comparison; foreign_trades: trades in this market that are not ours, among those that were new.
    """

    account: str
    symbol: str
    verdict: str
    slots_position: Decimal
    venue_position: Decimal
    corrected: Decimal
    orders: int
    foreign_orders: int
    missed_fills: int
    foreign_trades: int
    sentence: str


class AccountRow(Struct, frozen=True):
    """One venue account in one shard: its streams, and its budget, of which this many thousandths are this shard's."""

    account: str
    orders_stream: bool
    prices_stream: bool
    live_orders: int
    waiting: int
    paused_until: int
    ticks: int
    ticks_skipped: int
    thousandths: int = 1_000
    shard: int = 0


class Durations(Struct, frozen=True):
    """How long one thing took since the process began. counts: of each bucket and all below it; total: seconds."""

    name: str
    counts: tuple[int, ...]
    total: float


class ShardRow(Struct, frozen=True):
    """One shard. state: starting, running, ending, quarantined, drained or stopped; resident: bytes, 0 = not known.

    pending: entries that its journal has not written yet; durations: of its process, none of one inside the
    supervisor's, which counts them itself.
    """

    shard: str
    state: str
    pid: int
    symbols: int
    restarts: int
    resident: int
    why: str
    pending: int = 0
    durations: tuple[Durations, ...] = ()


class RiskRow(Struct, frozen=True):
    """The state of one risk rule. scope: a RiskScope, or "monitor"; account, symbol: "" where it has none.

    state: of a breaker, else "calm", "triggered" or "exited"; cause: stable code; since, until: ns, 0 = not known, or
    until an operator resets it.
    """

    scope: str
    account: str
    symbol: str
    state: str
    cause: str = ""
    sentence: str = ""
    since: int = 0
    until: int = 0


class ExposureRow(Struct, frozen=True):
    """What an account uses of the total limit, quote currency. share: the most that it may use now, None = no limit."""

    account: str
    used: Decimal
    share: Decimal | None
    equity: Decimal | None


class RiskView(Struct, frozen=True):
    """Answer to GetRisk: every rule that has something to say, and what the accounts use."""

    rules: tuple[RiskRow, ...]
    exposure: tuple[ExposureRow, ...]


class StatusView(Struct, frozen=True):
    """Answer to GetStatus. started: ns; totals since the process started, P&L since each symbol was added.

    breaker: the state of the global one; risk_triggered: whether the monitor, the global breaker or an emergency exit
    keeps everything from opening.
    """

    version: str
    instance: str
    started: int
    state: str
    shards: int
    ticks: int
    ticks_skipped: int
    orders_placed: int
    orders_cancelled: int
    fills: int
    realized_pnl: Decimal
    unrealized_pnl: Decimal
    fees: Decimal
    funding: Decimal
    restarts: int
    illegal_transitions: int
    risk_triggered: bool
    risk_reason: str
    accounts: tuple[AccountRow, ...] = ()
    symbols: tuple[SymbolRow, ...] = field(default=())
    breaker: str = "closed"
    shard_rows: tuple[ShardRow, ...] = ()


class RegistryRow(Struct, frozen=True):
    """A registry row and how its symbol stands. shard: its name; moving: its actor is being handed over."""

    spec: SymbolSpec
    shard: str
    moving: bool
    row: SymbolRow


class RegistryView(Struct, frozen=True):
    """Answer to GetRegistry."""

    rows: tuple[RegistryRow, ...]

    def find(self, account: str, symbol: str) -> RegistryRow | None:
        """The row of a symbol, or None."""
        return next((r for r in self.rows if (r.spec.account, r.spec.symbol) == (account, symbol)), None)


class HoldingsView(Struct, frozen=True):
    """Answer to GetHoldings, as the venue said it. positions: not 0, signed, in base units; orders: ours, by symbol."""

    account: str
    positions: tuple[tuple[str, Decimal], ...]
    orders: tuple[tuple[str, int], ...]

    @property
    def flat(self) -> bool:
        """Nothing is held and nothing rests."""
        return not self.positions and not self.orders

    @property
    def sentence(self) -> str:
        """What is held and what rests, for people."""
        held = [f"{quantity:f} {symbol}" for symbol, quantity in self.positions]
        rests = [f"{count} order{'s' if count > 1 else ''} of {symbol}" for symbol, count in self.orders]
        parts = [*([f"holds {', '.join(held)}"] if held else []), *([f"rests {', '.join(rests)}"] if rests else [])]
        return " and ".join(parts) or "holds nothing and rests nothing"
