"""What others do to the account by hand, and what the venue does to it: orders, closes, liquidation, delisting."""

from __future__ import annotations

from random import Random

from opensqt_actors.simvenue import events as engine
from opensqt_actors.simvenue.exchange import Exchange


def manual_order(exchange: Exchange, account: str, symbol: str, now_ms: int, random: Random) -> None:
    """Somebody rests an order of their own, far from the market, and leaves it there."""
    rules = exchange.rules(symbol)
    price = exchange.book_ticker(symbol).bid // 2
    steps = int(rules.min_notional * 3 / rules.money(price)) + 1
    order = engine.NewOrder(
        symbol=symbol,
        side=engine.Side.BUY,
        type=engine.OrderType.LIMIT,
        quantity=rules.quantity(max(steps, rules.min_qty)),
        price=rules.price(price),
        client_id=f"web_{random.randrange(10**9)}",
    )
    exchange.place(account, order, now_ms)


def market_buy(exchange: Exchange, account: str, symbol: str, worth: int, now_ms: int) -> None:
    """Somebody buys by hand for about so much quote currency."""
    rules = exchange.rules(symbol)
    steps = int(worth / rules.money(exchange.book_ticker(symbol).ask))
    order = engine.NewOrder(symbol, engine.Side.BUY, engine.OrderType.MARKET, rules.quantity(steps))
    exchange.place(account, order, now_ms)


def manual_close(exchange: Exchange, account: str, symbol: str, now_ms: int, part: float = 1.0) -> bool:
    """Somebody closes the position, or a part of it, at the market. Whether there was one."""
    held = exchange.position(account, symbol).amount
    steps = int(abs(held) * part)
    if not steps:
        return False
    side = engine.Side.SELL if held > 0 else engine.Side.BUY
    quantity = exchange.rules(symbol).quantity(steps)
    order = engine.NewOrder(symbol, side, engine.OrderType.MARKET, quantity, reduce_only=True)
    return not isinstance(exchange.place(account, order, now_ms), engine.Rejection)


def liquidate(exchange: Exchange, account: str, symbol: str, now_ms: int) -> bool:
    """The venue liquidates one position: its orders are cancelled, then it is closed. Whether there was one."""
    exchange.advance(now_ms)
    ours = exchange._accounts[account]
    position = ours.positions.get(symbol)
    if position is None or not position.amount:
        return False
    exchange.cancel_all(account, now_ms, symbol)
    if position.amount:
        exchange._matching.close_out(ours, position, "autoclose-", now_ms, by_book=True)
    return True
