"""One account: its money, positions, margin, orders and history. It books what it is told; it never matches.

Margin is always computed as crossed, also where a symbol's margin type says isolated: that is stored and reported only.
"""

from __future__ import annotations

from collections import deque
from decimal import Decimal

from opensqt_actors.simvenue.book import LiveOrder
from opensqt_actors.simvenue.events import (
    AccountSummary,
    Fill,
    Income,
    IncomeType,
    MarginType,
    Order,
    PositionView,
    Side,
)
from opensqt_actors.simvenue.log import Log, page
from opensqt_actors.simvenue.markets.market import Market

ZERO = Decimal(0)
DEFAULT_LEVERAGE = 20
DUPLICATES_KEPT = 10_000


class Position:
    """One symbol of one account, one-way mode. `amount` signed steps, `cost` its signed entry value, `fees` those paid
    since it was opened; `bids` and `asks` what its open orders may add, in ticks x steps; `reducing` its reduce-only
    orders; `resting` how many orders it has in the book. `changed` collects positions whose `burden` is out of date."""

    __slots__ = (
        "_changed",
        "amount",
        "asks",
        "bids",
        "burden",
        "cost",
        "fees",
        "leverage",
        "margin_type",
        "market",
        "realized",
        "reducing",
        "resting",
        "updated",
    )

    def __init__(self, market: Market, changed: dict[Position, None]) -> None:
        self.market = market
        self._changed = changed
        self.burden = ZERO  # initial margin minus unrealised P&L, as last computed by the account
        self.resting = 0
        self.amount = 0
        self.cost = ZERO
        self.fees = ZERO
        self.realized = ZERO
        self.bids = 0
        self.asks = 0
        self.leverage = min(DEFAULT_LEVERAGE, market.rules.brackets[0].max_leverage)
        self.margin_type = MarginType.CROSSED
        self.reducing: list[LiveOrder] = []
        self.updated = 0

    @property
    def idle(self) -> bool:
        return not (self.amount or self.bids or self.asks or self.reducing)

    def reserve(self, side: Side, value: int) -> None:
        """Open orders of that side grew by so much (ticks x steps, negative: shrank)."""
        if side is Side.BUY:
            self.bids += value
        else:
            self.asks += value
        self._changed[self] = None

    def lever(self, leverage: int) -> None:
        """Set the leverage."""
        self.leverage = leverage
        self._changed[self] = None

    def trade(self, side: Side, price: int, quantity: int) -> Decimal:
        """Book a trade; returns the P&L that it realises, exact to the market's cent."""
        rules = self.market.rules
        self._changed[self] = None
        signed = side.sign * quantity
        if self.amount * signed >= 0:
            self.cost += rules.quantum * (price * signed)
            self.amount += signed
            return ZERO
        closing = min(abs(self.amount), quantity)
        if closing == abs(self.amount):
            released = self.cost
        else:
            released = (self.cost * closing / abs(self.amount)).quantize(rules.cent)
        realized = -side.sign * (rules.quantum * (price * closing)) - released
        self.cost -= released
        self.amount += side.sign * closing
        self.realized += realized
        if not self.amount:
            self.fees = ZERO
        if quantity > closing:
            rest = side.sign * (quantity - closing)
            self.cost += rules.quantum * (price * rest)
            self.amount = rest
        return realized

    def unrealized(self) -> Decimal:
        return self.market.rules.quantum * (self.amount * self.market.mark) - self.cost

    def initial_margin(self, more_bids: int = 0, more_asks: int = 0) -> Decimal:
        """Margin for the worst the position can become by its open orders (and some more)."""
        held = self.amount * self.market.mark
        worst = max(abs(held), abs(held + self.bids + more_bids), abs(held - self.asks - more_asks))
        rules = self.market.rules
        return (rules.quantum * worst / self.leverage).quantize(rules.cent)

    def position_margin(self) -> Decimal:
        rules = self.market.rules
        return (rules.quantum * abs(self.amount * self.market.mark) / self.leverage).quantize(rules.cent)

    def maintenance(self) -> Decimal:
        if not self.amount:
            return ZERO
        notional = self.market.rules.quantum * abs(self.amount * self.market.mark)
        bracket = self.market.rules.bracket(notional)
        return max(ZERO, notional * bracket.rate - bracket.deduction)

    def view(self, liquidation_price: Decimal = ZERO) -> PositionView:
        rules = self.market.rules
        base = rules.step * self.amount
        position_margin = self.position_margin()
        return PositionView(
            symbol=rules.symbol,
            amount=self.amount,
            cost=self.cost,
            entry_price=self.cost / base if self.amount else ZERO,
            break_even=(self.cost + self.fees) / base if self.amount else ZERO,
            mark_price=self.market.mark,
            unrealized=self.unrealized(),
            realized=self.realized,
            leverage=self.leverage,
            margin_type=self.margin_type,
            initial_margin=position_margin,
            order_margin=self.initial_margin() - position_margin,
            maintenance_margin=self.maintenance(),
            liquidation_price=liquidation_price,
            notional=rules.quantum * (self.amount * self.market.mark),
            updated=self.updated,
        )


class Account:
    """Money: always `wallet == initial + transfers + realized - fees + funding + insurance`. `history` bounds the
    fills, the closed orders and the income that are kept, each."""

    def __init__(
        self, key: str, balance: Decimal, maker: Decimal, taker: Decimal, history: int, *, hedge: bool
    ) -> None:
        self.key = key
        self.maker, self.taker = maker, taker
        self.hedge_mode = hedge
        self.initial = self.wallet = balance
        self.transfers = self.realized = self.fees = self.funding = self.insurance = ZERO
        self.positions: dict[str, Position] = {}
        self.live: dict[int, LiveOrder] = {}
        self.open_ids: dict[str, int] = {}  # client id -> order id, of open orders
        self.countdowns: dict[str, int] = {}  # symbol -> when its orders are cancelled
        self.sequence = 0
        self.fill_count = 0
        self.duplicates: dict[str, int] = {}
        self._history = history
        self._changed: dict[Position, None] = {}
        self._burden = ZERO  # of all positions, those that changed aside
        self._known_ids: dict[str, int] = {}  # client id -> newest order id, open or kept
        self._orders: dict[str, dict[int, LiveOrder]] = {}
        self._closed: deque[LiveOrder] = deque()
        self._orders_dropped = 0
        self._fills: Log[Fill] = Log()
        self._fills_of: dict[str, Log[Fill]] = {}
        self._income: Log[Income] = Log()

    def position(self, market: Market) -> Position:
        """The symbol's position, made on first use."""
        position = self.positions.get(market.rules.symbol)
        if position is None:
            position = self.positions[market.rules.symbol] = Position(market, self._changed)
        return position

    # --- margin ---

    def available(self) -> Decimal:
        """Margin balance minus initial margin of positions and open orders; may be negative."""
        for position in self._changed:
            burden = position.initial_margin() - position.unrealized()
            self._burden += burden - position.burden
            position.burden = burden
        self._changed.clear()
        return self.wallet - self._burden

    def remark(self, symbol: str) -> None:
        """The symbol's mark price changed."""
        position = self.positions.get(symbol)
        if position is not None and not position.idle:
            self._changed[position] = None

    def under_water(self) -> bool:
        """Whether the margin balance no longer covers the maintenance margin."""
        held = [position for position in self.positions.values() if position.amount]
        if not held:
            return False
        return self.wallet + sum((p.unrealized() for p in held), ZERO) < sum((p.maintenance() for p in held), ZERO)

    def cushion(self) -> Decimal:
        """What is left above the maintenance margin of all positions."""
        return self.wallet + sum((p.unrealized() - p.maintenance() for p in self.positions.values() if p.amount), ZERO)

    def liquidation_price(self, position: Position, cushion: Decimal) -> Decimal:
        """Mark price at which the account would be liquidated if only this symbol moved; 0 when there is none.

        cushion: the account's, worked out once for all symbols that are asked about.
        """
        if not position.amount:
            return ZERO
        rules = position.market.rules
        money = cushion - (position.unrealized() - position.maintenance())
        bracket = rules.bracket(rules.quantum * abs(position.amount * position.market.mark))
        sign = 1 if position.amount > 0 else -1
        size = rules.step * abs(position.amount)
        price = (money + bracket.deduction - position.cost) / (size * (bracket.rate - sign))
        return max(ZERO, price)

    # --- orders ---

    def accept(self, order: LiveOrder) -> None:
        """A new order is the account's. An id that an earlier order had is counted."""
        known = self.duplicates.get(order.client_id, 1)
        if order.client_id in self._known_ids and (known > 1 or len(self.duplicates) < DUPLICATES_KEPT):
            self.duplicates[order.client_id] = known + 1
        self._known_ids[order.client_id] = order.order_id
        self.live[order.order_id] = order
        self.open_ids[order.client_id] = order.order_id
        self._orders.setdefault(order.symbol, {})[order.order_id] = order

    def close(self, order: LiveOrder) -> None:
        """An order has ended: it goes to the history, whose oldest entry may have to go."""
        del self.live[order.order_id]
        if self.open_ids.get(order.client_id) == order.order_id:
            del self.open_ids[order.client_id]
        self._closed.append(order)
        if len(self._closed) > self._history:
            oldest = self._closed.popleft()
            del self._orders[oldest.symbol][oldest.order_id]
            if self._known_ids.get(oldest.client_id) == oldest.order_id:
                del self._known_ids[oldest.client_id]
            self._orders_dropped += 1

    def find(self, symbol: str, order_id: int | None, client_id: str | None) -> LiveOrder | None:
        """An order of that symbol, open or kept, by either id."""
        if order_id is None and client_id is not None:
            order_id = self.open_ids.get(client_id, self._known_ids.get(client_id))
        return None if order_id is None else self._orders.get(symbol, {}).get(order_id)

    def open_orders(self, symbol: str | None) -> list[LiveOrder]:
        return [o for _, o in sorted(self.live.items()) if symbol is None or o.symbol == symbol]

    def orders(
        self, symbol: str | None, from_id: int | None, start: int | None, end: int | None, limit: int
    ) -> list[Order]:
        names = list(self._orders) if symbol is None else [symbol]
        found = [
            order
            for name in names
            for order in self._orders.get(name, {}).values()
            if (from_id is None or order.order_id >= from_id)
            and (start is None or order.created >= start)
            and (end is None or order.created <= end)
        ]
        found.sort(key=lambda order: order.order_id)
        chosen = page(found, limit, oldest=from_id is not None or start is not None)
        return [order.view(self.positions[order.symbol].market.rules) for order in chosen]

    # --- money and history ---

    def book_fill(self, fill: Fill) -> None:
        """The money of a trade and the trade itself."""
        self.realized += fill.realized
        self.fees += fill.commission
        self.wallet += fill.realized - fill.commission
        self.fill_count += 1
        self._fills.append(fill)
        self._fills_of.setdefault(fill.symbol, Log()).append(fill)
        if len(self._fills) > self._history:
            self._fills_of[self._fills.drop_oldest().symbol].drop_oldest()

    def book_income(self, income: Income) -> None:
        """A line of the income history; funding, transfers and insurance move money, the rest is booked by its fill."""
        match income.type:
            case IncomeType.FUNDING_FEE:
                self.funding += income.amount
                self.wallet += income.amount
            case IncomeType.TRANSFER:
                self.transfers += income.amount
                self.wallet += income.amount
            case IncomeType.INSURANCE_CLEAR:
                self.insurance += income.amount
                self.wallet += income.amount
            case IncomeType.REALIZED_PNL | IncomeType.COMMISSION:
                pass
        self._income.append(income)
        if len(self._income) > self._history:
            self._income.drop_oldest()

    def fills(
        self,
        symbol: str | None,
        from_id: int | None,
        start: int | None,
        end: int | None,
        order_id: int | None,
        limit: int,
    ) -> list[Fill]:
        log = self._fills if symbol is None else self._fills_of.get(symbol, Log())
        if from_id is not None:
            found = log.select(lambda fill: fill.trade_id, from_id, None)
            found = [f for f in found if (start is None or f.time >= start) and (end is None or f.time <= end)]
        else:
            found = log.select(lambda fill: fill.time, start, end)
        if order_id is not None:
            found = [fill for fill in found if fill.order_id == order_id]
        return page(found, limit, oldest=from_id is not None or start is not None)

    def income(
        self, symbol: str | None, kind: IncomeType | None, start: int | None, end: int | None, limit: int
    ) -> list[Income]:
        found = [
            income
            for income in self._income.select(lambda income: income.time, start, end)
            if (symbol is None or income.symbol == symbol) and (kind is None or income.type is kind)
        ]
        return page(found, limit, oldest=start is not None)

    def summary(self) -> AccountSummary:
        active = [p for p in self.positions.values() if not p.idle]
        unrealized = sum((p.unrealized() for p in active), ZERO)
        position_margin = sum((p.position_margin() for p in active), ZERO)
        initial = sum((p.initial_margin() for p in active), ZERO)
        return AccountSummary(
            account=self.key,
            initial=self.initial,
            transfers=self.transfers,
            wallet=self.wallet,
            realized=self.realized,
            fees=self.fees,
            funding=self.funding,
            insurance=self.insurance,
            unrealized=unrealized,
            margin_balance=self.wallet + unrealized,
            position_margin=position_margin,
            order_margin=initial - position_margin,
            maintenance_margin=sum((p.maintenance() for p in active), ZERO),
            available=max(ZERO, self.wallet + unrealized - initial),
            open_orders=len(self.live),
            fills=self.fill_count,
            fills_dropped=self._fills.dropped,
            orders_dropped=self._orders_dropped,
            income_dropped=self._income.dropped,
        )
