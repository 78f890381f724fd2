"""One market's book: the users' resting orders in price-time priority, over a background that is a formula.

Not the matching: it keeps queues and answers questions. Synthetic orders do not exist as objects, so a market costs the
same whatever depth it shows.
"""

from __future__ import annotations

from bisect import bisect_left, insort

from msgspec import Struct

from opensqt_actors.simvenue.events import (
    Order,
    OrderStatus,
    OrderType,
    PositionSide,
    SelfTrade,
    Side,
    TimeInForce,
)
from opensqt_actors.simvenue.rules import MarketRules

_HASH = 2_654_435_761  # Knuth's multiplicative hash: the size at a price looks random and stays what it is


class LiveOrder(Struct, eq=False):
    """The venue's own record of an order. `ahead` is the background quantity before it in its queue, `quote` the value
    executed so far in ticks x steps, `queued` its rank in time among the orders of the book that it `rests` in;
    `created` and `updated` in ms."""

    order_id: int
    client_id: str
    account: str
    symbol: str
    side: Side
    type: OrderType
    time_in_force: TimeInForce
    price: int
    quantity: int
    reduce_only: bool
    self_trade: SelfTrade
    created: int
    updated: int
    executed: int = 0
    quote: int = 0
    status: OrderStatus = OrderStatus.NEW
    ahead: int = 0
    amended: int = 0
    rests: bool = False
    queued: int = 0

    @property
    def remaining(self) -> int:
        return self.quantity - self.executed

    def view(self, rules: MarketRules) -> Order:
        """The order as it stands now."""
        return Order(
            order_id=self.order_id,
            client_id=self.client_id,
            account=self.account,
            symbol=self.symbol,
            side=self.side,
            type=self.type,
            time_in_force=self.time_in_force,
            price=self.price,
            quantity=self.quantity,
            executed=self.executed,
            quote=rules.quantum * self.quote,
            average_price=rules.tick * self.quote / self.executed if self.executed else rules.tick * 0,
            status=self.status,
            reduce_only=self.reduce_only,
            position_side=PositionSide.BOTH,
            self_trade=self.self_trade,
            created=self.created,
            updated=self.updated,
        )


class Book:
    """Queues of resting orders and the background around them. Prices in ticks, quantities in steps.

    The background's best prices are `bid` and `ask` (0: that side is empty); further levels follow every `gap` ticks.
    """

    __slots__ = (
        "_asks",
        "_bids",
        "_queued",
        "ask",
        "ask_prices",
        "base",
        "bid",
        "bid_prices",
        "gap",
        "levels",
        "taken_asks",
        "taken_bids",
    )

    def __init__(self, base: int, levels: int, gap: int) -> None:
        self.base = max(1, base)
        self.levels = levels
        self.gap = max(1, gap)
        self.bid = 0
        self.ask = 0
        self.bid_prices: list[int] = []  # of user orders, ascending: the best is last
        self.ask_prices: list[int] = []  # of user orders, ascending: the best is first
        self._bids: dict[int, list[LiveOrder]] = {}
        self._asks: dict[int, list[LiveOrder]] = {}
        self._queued = 0
        self.taken_bids: dict[int, int] = {}  # what takers took of the background; it grows back with the next move
        self.taken_asks: dict[int, int] = {}

    # --- the background ---

    def quote(self, bid: int, ask: int) -> None:
        """Put the background's best prices there, as thick as ever. Without levels there is no background."""
        if self.levels:
            self.bid, self.ask = bid, ask
            if self.taken_bids:
                self.taken_bids.clear()
            if self.taken_asks:
                self.taken_asks.clear()

    def nominal(self, price: int) -> int:
        """Usual background size at a price."""
        return 1 + int(self.base * (0.4 + 1.2 * ((price * _HASH & 0xFFFF) / 65536)))

    def background(self, side: Side, price: int) -> int:
        """Background quantity resting at this price on this side of the book."""
        if side is Side.SELL:
            best, offset, taken = self.ask, price - self.ask, self.taken_asks
        else:
            best, offset, taken = self.bid, self.bid - price, self.taken_bids
        if offset < 0 or not best or price <= 0:
            return 0
        level, rest = divmod(offset, self.gap)
        if rest or level >= self.levels:
            return 0
        return max(0, self.nominal(price) * (2 + level) // 2 - taken.get(price, 0))

    def _background_best(self, side: Side) -> int:
        price = self.ask if side is Side.SELL else self.bid
        if not price or not (self.taken_asks if side is Side.SELL else self.taken_bids):
            return price
        step = self.gap if side is Side.SELL else -self.gap
        for level in range(self.levels):
            candidate = price + level * step
            if candidate > 0 and self.background(side, candidate):
                return candidate
        return 0

    def take(self, side: Side, price: int, quantity: int) -> None:
        """A taker took background quantity: it is gone until the market moves, and those behind it move up."""
        taken = self.taken_asks if side is Side.SELL else self.taken_bids
        taken[price] = taken.get(price, 0) + quantity
        self.pass_by(side, price, quantity)

    def pass_by(self, side: Side, price: int, quantity: int) -> None:
        """Background quantity before the orders at this price has traded."""
        for order in self._side(side).get(price, ()):
            order.ahead = max(0, order.ahead - quantity)

    # --- the users' orders ---

    def _side(self, side: Side) -> dict[int, list[LiveOrder]]:
        return self._asks if side is Side.SELL else self._bids

    def add(self, order: LiveOrder) -> None:
        """Queue an order behind everything that rests at its price."""
        side = order.side
        best = self._background_best(side)
        behind = best and (order.price >= best if side is Side.SELL else order.price <= best)
        order.ahead = (self.background(side, order.price) or self.nominal(order.price)) if behind else 0
        self._queued += 1
        order.queued, order.rests = self._queued, True
        queues = self._side(side)
        queue = queues.get(order.price)
        if queue is None:
            queues[order.price] = [order]
            insort(self.ask_prices if side is Side.SELL else self.bid_prices, order.price)
        else:
            queue.append(order)

    def remove(self, order: LiveOrder) -> None:
        """Take an order out of its queue. Raises KeyError or ValueError when it does not rest here."""
        queues = self._side(order.side)
        queue = queues[order.price]
        queue.remove(order)
        order.rests = False
        if not queue:
            del queues[order.price]
            prices = self.ask_prices if order.side is Side.SELL else self.bid_prices
            del prices[bisect_left(prices, order.price)]

    def first(self, side: Side, price: int) -> LiveOrder | None:
        """The user order with time priority at this price."""
        queue = self._side(side).get(price)
        return queue[0] if queue else None

    def foremost(self, side: Side) -> LiveOrder | None:
        """The user order of the best price and, at that, of the highest time priority."""
        if side is Side.SELL:
            return self._asks[self.ask_prices[0]][0] if self.ask_prices else None
        return self._bids[self.bid_prices[-1]][0] if self.bid_prices else None

    def resting(self, side: Side) -> list[LiveOrder]:
        """All user orders of a side, best price first, then oldest first."""
        queues = self._side(side)
        prices = self.ask_prices if side is Side.SELL else reversed(self.bid_prices)
        return [order for price in prices for order in queues[price]]

    # --- both together ---

    def best(self, side: Side) -> int:
        """Best price of a side, 0 when it is empty."""
        background = self._background_best(side)
        if side is Side.SELL:
            user = self.ask_prices[0] if self.ask_prices else 0
            return min(user, background) if user and background else user or background
        user = self.bid_prices[-1] if self.bid_prices else 0
        return max(user, background)

    def top(self) -> tuple[int, int, int, int]:
        """Best bid, its size, best ask, its size; zeros for an empty side."""
        bid, ask = self.bid, self.ask
        # Nearly always the untouched background is alone at the top, and this is asked at every step.
        if bid and not self.taken_bids and (not self.bid_prices or self.bid_prices[-1] < bid):
            bid_size = self.nominal(bid)
        else:
            bid = self.best(Side.BUY)
            bid_size = self.size(Side.BUY, bid) if bid else 0
        if ask and not self.taken_asks and (not self.ask_prices or self.ask_prices[0] > ask):
            ask_size = self.nominal(ask)
        else:
            ask = self.best(Side.SELL)
            ask_size = self.size(Side.SELL, ask) if ask else 0
        return bid, bid_size, ask, ask_size

    def size(self, side: Side, price: int) -> int:
        """Everything that rests at this price."""
        total = self.background(side, price)
        queue = self._side(side).get(price)
        if queue:
            total += sum(order.quantity - order.executed for order in queue)
        return total

    def available(self, side: Side, limit: int, wanted: int) -> bool:
        """Whether at least `wanted` rests on this side at the limit price or better (limit 0: any price)."""
        for price, size in self.side_levels(side, None):
            if limit and (price > limit if side is Side.SELL else price < limit):
                return False
            wanted -= size
            if wanted <= 0:
                return True
        return False

    def side_levels(self, side: Side, count: int | None) -> list[tuple[int, int]]:
        """The best `count` levels of a side (all of them: None), best first, as (price, size)."""
        step = self.gap if side is Side.SELL else -self.gap
        start = self.ask if side is Side.SELL else self.bid
        background = (start + level * step for level in range(self.levels)) if start else ()
        prices = {price for price in background if self.background(side, price)} | self._side(side).keys()
        ordered = sorted(prices, reverse=side is Side.BUY)[:count]
        return [(price, self.size(side, price)) for price in ordered]
