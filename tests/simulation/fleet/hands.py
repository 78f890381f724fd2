"""What others do to the account by hand, and what the venue does to it: orders, closes, liquidation, delisting."""

from __future__ import annotations

from random import Random

from opensqt_actors.domain.ids import IdCoder, decode
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


def replace_by_stranger(
    exchange: Exchange, account: str, order: engine.Order, now_ms: int, random: Random, strangers: set[str]
) -> bool:
    """An opening order of ours gives way to one under an id that nobody has ever journalled: the same, or a step more.

    So it looks when a journal was put back that is older than the orders. The id is added to `strangers`.
    """
    key = decode(order.client_id)
    if key is None or not key.kind.opens or order.executed:
        return False
    generation = key.generation + random.randint(50, 500)
    client_id = IdCoder(key.instance, key.symbol, key.epoch).encode(key.level, key.kind, generation)
    rules = exchange.rules(order.symbol)
    stranger = engine.NewOrder(
        symbol=order.symbol,
        side=order.side,
        type=engine.OrderType.LIMIT,
        quantity=rules.quantity(order.quantity + random.choice([0, 0, 1])),
        price=rules.price(order.price),
        time_in_force=engine.TimeInForce.GTX,
        client_id=client_id,
    )
    strangers.add(client_id)
    # when it is there first its slot waits for it; when it comes second the slot has an order of its own again
    first = random.random() < 0.7
    placed = exchange.place(account, stranger, now_ms) if first else None
    exchange.cancel(account, order.symbol, now_ms, client_id=order.client_id)
    placed = placed or exchange.place(account, stranger, now_ms)
    return not isinstance(placed, engine.Rejection)


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
