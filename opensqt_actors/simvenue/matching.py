"""Matching: incoming orders against the book, market moves against resting orders, and what trades do to accounts.

Not the rules of admission (`checks`) and not the public face (`exchange`). Every change to an order, a position or a
wallet passes through here and leaves its events.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from itertools import count

from opensqt_actors.simvenue.account import ZERO, Account, Position
from opensqt_actors.simvenue.book import LiveOrder
from opensqt_actors.simvenue.events import (
    AccountUpdate,
    Event,
    Execution,
    ExpiryReason,
    Fill,
    Income,
    IncomeType,
    OrderStatus,
    OrderType,
    OrderUpdate,
    SelfTrade,
    Side,
    TimeInForce,
    UpdateReason,
)
from opensqt_actors.simvenue.markets.market import Market
from opensqt_actors.simvenue.markets.model import Move


class Matching:
    """Works on markets and on the accounts of the dictionary that it is given. Ids begin at `first_id`."""

    def __init__(self, accounts: dict[str, Account], emit: Callable[[Event], None], first_id: int) -> None:
        self._accounts = accounts
        self._emit = emit
        self._order_ids = count(first_id)
        self._tran_ids = count(first_id)

    def next_order_id(self) -> int:
        return next(self._order_ids)

    # --- incoming orders ---

    def submit(self, market: Market, account: Account, order: LiveOrder, now: int) -> None:
        """Match an admitted order and rest or end what is left of it."""
        account.accept(order)
        self._report(market, account, order, Execution.NEW, now)
        self._match(market, account, order, now)
        if order.status.open:
            self._settle_rest(market, account, order, now)
        market.report_quote(now)

    def _settle_rest(self, market: Market, account: Account, order: LiveOrder, now: int) -> None:
        if order.type is OrderType.LIMIT and order.time_in_force in {TimeInForce.GTC, TimeInForce.GTX}:
            self._rest(market, account, order, now)
        else:
            self.end(market, order, OrderStatus.EXPIRED, ExpiryReason.UNFILLED_REMAINDER, now)

    def _rest(self, market: Market, account: Account, order: LiveOrder, now: int) -> None:
        market.book.add(order)
        position = account.position(market)
        position.resting += 1
        if order.reduce_only:
            position.reducing.append(order)
            self._trim(account, position, now)
        else:
            position.reserve(order.side, order.price * order.remaining)

    def unrest(self, market: Market, order: LiveOrder) -> None:
        """Take an order out of the book and release what it reserved; it stays open."""
        market.book.remove(order)
        position = self._accounts[order.account].position(market)
        position.resting -= 1
        if order.reduce_only:
            position.reducing.remove(order)
        else:
            position.reserve(order.side, -order.price * order.remaining)

    def shrink(self, market: Market, order: LiveOrder, quantity: int, now: int) -> None:
        """Amend a resting order to a smaller quantity: it keeps its place."""
        account = self._accounts[order.account]
        if not order.reduce_only:
            account.position(market).reserve(order.side, -order.price * (order.quantity - quantity))
        order.quantity = quantity
        order.updated = now
        order.amended += 1
        self._report(market, account, order, Execution.AMENDMENT, now)
        market.report_quote(now)

    def reprice(self, market: Market, order: LiveOrder, quantity: int, price: int, now: int) -> None:
        """Amend a resting order: it goes to the end of its new queue, and trades if it crosses."""
        account = self._accounts[order.account]
        self.unrest(market, order)
        order.quantity, order.price, order.updated = quantity, price, now
        order.amended += 1
        self._report(market, account, order, Execution.AMENDMENT, now)
        self._match(market, account, order, now)
        if order.status.open:
            self._settle_rest(market, account, order, now)
        market.report_quote(now)

    def _match(self, market: Market, account: Account, taker: LiveOrder, now: int) -> None:
        book, other = market.book, taker.side.opposite
        limit = taker.price if taker.type is OrderType.LIMIT else 0
        while taker.status.open and taker.remaining:
            wanted = self._allowed(account, market, taker)
            if not wanted:
                self.end(market, taker, OrderStatus.EXPIRED, ExpiryReason.REDUCE_ONLY, now)
                return
            price = book.best(other)
            if not price or (limit and (price > limit if taker.side is Side.BUY else price < limit)):
                return
            background = book.background(other, price)
            maker = book.first(other, price)
            if maker is None or (maker.ahead and background):
                quantity = min(wanted, background if maker is None else min(maker.ahead, background))
                book.take(other, price, quantity)
                trade_id = market.trade(price, quantity, taker.side is Side.SELL, now)
                self._fill(market, taker, price, quantity, trade_id, now, maker=False)
                continue
            if maker.account == taker.account and taker.self_trade is not SelfTrade.NONE:
                self._prevent_self_trade(market, taker, maker, now)
                continue
            quantity = min(wanted, self._allowed(self._accounts[maker.account], market, maker))
            trade_id = market.trade(price, quantity, taker.side is Side.SELL, now)
            self._fill(market, maker, price, quantity, trade_id, now, maker=True)
            self._fill(market, taker, price, quantity, trade_id, now, maker=False)

    def _prevent_self_trade(self, market: Market, taker: LiveOrder, maker: LiveOrder, now: int) -> None:
        if taker.self_trade is not SelfTrade.EXPIRE_TAKER:
            self.end(market, maker, OrderStatus.EXPIRED_IN_MATCH, ExpiryReason.SELF_TRADE, now)
        if taker.self_trade is not SelfTrade.EXPIRE_MAKER:
            self.end(market, taker, OrderStatus.EXPIRED_IN_MATCH, ExpiryReason.SELF_TRADE, now)

    @staticmethod
    def _allowed(account: Account, market: Market, order: LiveOrder) -> int:
        """How much of the order may trade now: a reduce-only one never more than the position. Never 0 for one
        that rests, because `_trim` ends those that have nothing to reduce."""
        if not order.reduce_only:
            return order.remaining
        amount = account.position(market).amount
        return min(order.remaining, abs(amount)) if amount * order.side.sign < 0 else 0

    # --- the market moves ---

    def move(self, market: Market, move: Move, now: int) -> None:
        """The market trades through to a new price: what it passes fills, flow hits the touch, quotes follow."""
        book, price, before = market.book, move.price, market.reference
        asks_hit = book.ask_prices and book.ask_prices[0] < price
        bids_hit = book.bid_prices and book.bid_prices[-1] > price
        if asks_hit or bids_hit:
            for side in (Side.SELL, Side.BUY) if price >= before else (Side.BUY, Side.SELL):
                self._sweep(market, side, price, now)
        market.requote(move)
        if book.ask_prices and book.ask_prices[0] <= book.bid:
            self._sweep(market, Side.SELL, book.bid + 1, now)
        if book.bid_prices and book.ask and book.bid_prices[-1] >= book.ask:
            self._sweep(market, Side.BUY, book.ask - 1, now)
        if move.volume > 0:
            if price != before:
                buying = price > before
            elif book.ask and not book.bid < price < book.ask:
                buying = price >= book.ask
            else:
                buying = move.buying
            self._flow(market, price, move.volume, now, buying=buying)
        market.report_quote(now)

    def _sweep(self, market: Market, side: Side, price: int, now: int) -> None:
        """Fill every resting order of a side that is better than a price, at its own price."""
        book = market.book
        while (order := book.foremost(side)) is not None:
            level = order.price
            if level >= price if side is Side.SELL else level <= price:
                return
            quantity = self._allowed(self._accounts[order.account], market, order)
            split = market.model.liquidity.split
            if quantity > 1 and split and market.random.random() < split:
                quantity = 1 + int(market.random.random() * (quantity - 1))
            trade_id = market.trade(level, quantity, side is Side.BUY, now)
            self._fill(market, order, level, quantity, trade_id, now, maker=True)

    def _flow(self, market: Market, price: int, volume: int, now: int, *, buying: bool) -> None:
        """Background takers trade at a price: first what is ahead in the queue, then the users' orders, in turn."""
        book, side = market.book, Side.SELL if buying else Side.BUY
        printed = 0
        while volume and (order := book.first(side, price)) is not None:
            if order.ahead:
                passed = min(volume, order.ahead)
                book.pass_by(side, price, passed)
                printed += passed
                volume -= passed
                continue
            quantity = min(volume, self._allowed(self._accounts[order.account], market, order))
            trade_id = market.trade(price, quantity, not buying, now)
            self._fill(market, order, price, quantity, trade_id, now, maker=True)
            volume -= quantity
        if printed + volume:
            market.trade(price, printed + volume, not buying, now)

    # --- what a trade does ---

    def _fill(
        self, market: Market, order: LiveOrder, price: int, quantity: int, trade_id: int, now: int, *, maker: bool,
        free: bool = False,
    ) -> None:  # fmt: skip
        account, rules = self._accounts[order.account], market.rules
        position = account.position(market)
        if order.rests and not order.reduce_only:
            position.reserve(order.side, -order.price * quantity)
        realized = position.trade(order.side, price, quantity)
        quote = rules.quantum * (price * quantity)
        rate = ZERO if free else account.maker if maker else account.taker
        commission = (quote * rate).quantize(rules.cent)
        position.fees = position.fees + commission if position.amount else ZERO
        position.updated = order.updated = now
        order.executed += quantity
        order.quote += price * quantity
        order.status = OrderStatus.PARTIALLY_FILLED if order.remaining else OrderStatus.FILLED
        fill = Fill(
            trade_id=trade_id,
            order_id=order.order_id,
            client_id=order.client_id,
            account=account.key,
            symbol=order.symbol,
            side=order.side,
            price=price,
            quantity=quantity,
            quote=quote,
            commission=commission,
            realized=realized,
            maker=maker,
            reduce_only=order.reduce_only,
            time=now,
        )
        account.book_fill(fill)
        if realized:
            self._income(account, IncomeType.REALIZED_PNL, order.symbol, realized, now, trade_id)
        if commission:
            self._income(account, IncomeType.COMMISSION, order.symbol, -commission, now, trade_id)
        self._report_account(account, UpdateReason.ORDER, ZERO, now, position)
        execution = Execution.CALCULATED if order.type is OrderType.LIQUIDATION else Execution.TRADE
        self._report(market, account, order, execution, now, fill)
        if not order.remaining:
            if order.rests:
                self.unrest(market, order)
            account.close(order)
        self._trim(account, position, now)

    def _trim(self, account: Account, position: Position, now: int) -> None:
        """Reduce-only orders never add up to more than the position: those of the lowest priority have to go."""
        if not position.reducing:
            return
        left, closing = abs(position.amount), Side.SELL if position.amount > 0 else Side.BUY
        for order in sorted(position.reducing, key=priority):
            if left <= 0 or order.side is not closing:
                self.end(position.market, order, OrderStatus.EXPIRED, ExpiryReason.REDUCE_ONLY, now)
            else:
                left -= order.remaining

    def end(self, market: Market, order: LiveOrder, status: OrderStatus, reason: ExpiryReason, now: int) -> None:
        """Close an open order unfilled: it leaves the book and its owner is told."""
        account = self._accounts[order.account]
        if order.rests:
            self.unrest(market, order)
        order.status = status
        order.updated = now
        account.close(order)
        execution = Execution.CANCELED if status is OrderStatus.CANCELED else Execution.EXPIRED
        self._report(market, account, order, execution, now, expiry=reason)

    # --- the venue's own doings ---

    def liquidate(self, account: Account, now: int) -> None:
        """Cancel all orders, then close positions, the heaviest first, until the rest is covered again. What the book
        cannot take is taken by the venue at the mark price; a wallet below zero is filled up by the insurance."""
        for order in list(account.live.values()):
            market = account.positions[order.symbol].market
            self.end(market, order, OrderStatus.EXPIRED, ExpiryReason.LIQUIDATION, now)
            market.report_quote(now)
        while account.under_water():
            worst = max((p for p in account.positions.values() if p.amount), key=lambda p: p.maintenance())
            self.close_out(account, worst, f"autoclose-{now}", now, by_book=True)
        if account.wallet < 0 and not any(position.amount for position in account.positions.values()):
            gift = -account.wallet
            self._income(account, IncomeType.INSURANCE_CLEAR, "", gift, now)
            self._report_account(account, UpdateReason.INSURANCE_CLEAR, gift, now)

    def close_out(self, account: Account, position: Position, prefix: str, now: int, *, by_book: bool) -> None:
        """Close a position by an order of the venue's: into the book with the taker fee, or at the mark for nothing."""
        market, order_id = position.market, self.next_order_id()
        order = LiveOrder(
            order_id=order_id,
            client_id=f"{prefix}{order_id}"[:36],
            account=account.key,
            symbol=market.rules.symbol,
            side=Side.SELL if position.amount > 0 else Side.BUY,
            type=OrderType.LIQUIDATION if by_book else OrderType.MARKET,
            time_in_force=TimeInForce.IOC,
            price=0,
            quantity=abs(position.amount),
            reduce_only=False,
            self_trade=SelfTrade.NONE,
            created=now,
            updated=now,
        )
        account.accept(order)
        self._report(market, account, order, Execution.NEW, now)
        if by_book:
            self._match(market, account, order, now)
        if order.remaining:
            trade_id = market.trade(market.mark, order.remaining, order.side is Side.SELL, now)
            self._fill(market, order, market.mark, order.remaining, trade_id, now, maker=False, free=not by_book)
        market.report_quote(now)

    def remark(self, market: Market, now: int) -> None:
        """The mark price follows the market, and so do the accounts' margins."""
        if market.remark(now):
            for account in self._accounts.values():
                account.remark(market.rules.symbol)

    def charge_funding(self, market: Market, rate: Decimal, now: int) -> None:
        """Longs pay shorts (rate > 0) on the mark value of their positions."""
        rules = market.rules
        for account in self._accounts.values():
            position = account.positions.get(rules.symbol)
            if position is None or not position.amount:
                continue
            amount = (-rate * (rules.quantum * (position.amount * market.mark))).quantize(rules.cent)
            if amount:
                self._income(account, IncomeType.FUNDING_FEE, rules.symbol, amount, now)
                self._report_account(account, UpdateReason.FUNDING_FEE, amount, now, position)

    def transfer(self, account: Account, amount: Decimal, now: int) -> None:
        """Money from or to the outside."""
        self._income(account, IncomeType.TRANSFER, "", amount, now)
        self._report_account(account, UpdateReason.ADJUSTMENT, amount, now)

    # --- telling ---

    def _income(
        self, account: Account, kind: IncomeType, symbol: str, amount: Decimal, now: int, trade_id: int = 0
    ) -> None:
        account.book_income(Income(next(self._tran_ids), kind, symbol, amount, now, trade_id))

    def _report(
        self,
        market: Market,
        account: Account,
        order: LiveOrder,
        execution: Execution,
        now: int,
        fill: Fill | None = None,
        expiry: ExpiryReason = ExpiryReason.NONE,
    ) -> None:
        account.sequence += 1
        view = order.view(market.rules)
        self._emit(OrderUpdate(account.key, account.sequence, now, execution, view, fill, expiry))

    def _report_account(
        self, account: Account, reason: UpdateReason, change: Decimal, now: int, *positions: Position
    ) -> None:
        account.sequence += 1
        views = tuple(position.view() for position in positions)
        self._emit(AccountUpdate(account.key, account.sequence, now, reason, account.wallet, change, views))

    def report_margin_type(self, account: Account, position: Position, now: int) -> None:
        """The margin type of a symbol was changed."""
        self._report_account(account, UpdateReason.MARGIN_TYPE_CHANGE, ZERO, now, position)


def priority(order: LiveOrder) -> tuple[int, int]:
    """Sorts orders of one side: best price first, then first in the queue."""
    return (order.price if order.side is Side.SELL else -order.price, order.queued)
