"""What an operator says about one market: its registry entry and its grid settings, as values in quote units."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

from msgspec import Struct, field


class GridMode(StrEnum):
    """Which side opens: long buys below the market, short sells above, neutral does both."""

    LONG = "long"
    SHORT = "short"
    NEUTRAL = "neutral"


class Trail(StrEnum):
    """In which directions the centre of the grid may follow the price."""

    BOTH = "both"
    UP = "up"
    DOWN = "down"
    NONE = "none"


class SymbolState(StrEnum):
    """Where a symbol stands in its life; persisted in the registry except STARTING."""

    STARTING = "starting"
    TRADING = "trading"
    PAUSED = "paused"
    REMOVING = "removing"
    REFUSED = "refused"
    QUARANTINED = "quarantined"
    REMOVED = "removed"


class RemoveMode(StrEnum):
    """graceful: no new openings, exits stay until flat; flatten: close now; leave: cancel orders, keep the position."""

    GRACEFUL = "graceful"
    FLATTEN = "flatten"
    LEAVE = "leave"


class GridSettings(Struct, frozen=True):
    """One grid. Exactly one of `interval` (quote currency, arithmetic) and `interval_percent` (geometric) is set.

    amount: quote currency per level; windows: levels; skew, atr_scale: dimensionless, 0 = off;
    max_position: quote currency at cost, None = 2 x amount x the larger window;
    max_open_orders: resting orders of the symbol, exits included;
    min_price, max_price: quote currency, no opening order outside, None = no limit;
    trail: where the centre may go; with up it never falls, with down it never rises, not beyond the anchor either, with
    none it stays at the anchor.
    """

    mode: GridMode = GridMode.LONG
    amount: Decimal = Decimal(30)
    interval: Decimal | None = None
    interval_percent: Decimal | None = None
    buy_window: int = 10
    sell_window: int = 10
    skew: Decimal = Decimal(0)
    atr_scale: Decimal = Decimal(0)
    max_multiple: int = 8
    volatility_sizing: bool = False
    max_position: Decimal | None = None
    max_open_orders: int = 50
    anchor: Decimal | None = None
    min_price: Decimal | None = None
    max_price: Decimal | None = None
    trail: Trail = Trail.BOTH

    @property
    def position_limit(self) -> Decimal:
        """The largest position value at cost, in quote currency."""
        if self.max_position is not None:
            return self.max_position
        return 2 * self.amount * max(self.buy_window, self.sell_window)


class SymbolSpec(Struct, frozen=True):
    """A registry row. number: 0 to 46,655, stable, in every client order id; epoch: of the lease, 0 without leases.

    shard: the process that trades it where there are several, None = not placed yet.
    """

    account: str
    symbol: str
    number: int
    grid: GridSettings = field(default_factory=GridSettings)
    strategy: str = "grid"
    state: SymbolState = SymbolState.TRADING
    remove_mode: RemoveMode | None = None
    adopt: bool = False
    epoch: int = 0
    shard: int | None = None
