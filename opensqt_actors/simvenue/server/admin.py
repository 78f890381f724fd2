"""The admin port: plain HTTP and JSON on loopback, for tests and operators. No venue has such a thing."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Annotated, Any, Literal, TypeVar

import orjson
from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from opensqt_actors.simvenue.events import NewOrder, OrderType, Rejection, Side, TimeInForce
from opensqt_actors.simvenue.rules import RulesError
from opensqt_actors.simvenue.server import shapes
from opensqt_actors.simvenue.server.assembly import list_market
from opensqt_actors.simvenue.server.core import Core
from opensqt_actors.simvenue.server.faults import rule_from
from opensqt_actors.simvenue.server.sockets import Sockets

M = TypeVar("M", bound=BaseModel)
SocketKind = Literal["user", "market", "api", "all"]
MOST_ROWS = 100_000
_ADDRESS = "127.0.0.1"


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class SymbolsBody(_Body):
    symbols: list[str] | None = None


class PriceBody(_Body):
    price: Decimal = Field(gt=0)


class QuoteBody(_Body):
    bid: Decimal = Field(ge=0)
    ask: Decimal = Field(ge=0)


class MarketBody(_Body):
    """Either the `rules` of the file format, or a `symbol` with a `reference` price."""

    rules: dict[str, Any] | None = None
    symbol: str | None = None
    reference: Decimal | None = Field(default=None, gt=0)
    quote: str = "USDT"
    scripted: bool | None = None


class DelistBody(_Body):
    settle: bool = False


class OrderBody(_Body):
    symbol: str
    side: Side
    type: OrderType = OrderType.MARKET
    quantity: Decimal = Field(gt=0)
    price: Decimal | None = None
    time_in_force: TimeInForce = TimeInForce.GTC
    reduce_only: bool = False
    client_id: str | None = None


class FundingBody(_Body):
    symbol: str
    rate: Decimal | None = None


class TransferBody(_Body):
    amount: Decimal


class HedgeBody(_Body):
    hedge_mode: bool


class ResetBody(_Body):
    kind: SocketKind = "all"


class SilenceBody(_Body):
    kind: SocketKind = "all"
    symbols: list[str] | None = None


class ClockBody(_Body):
    skew_ms: Annotated[int, Field(ge=-86_400_000, le=86_400_000)]


class BanBody(_Body):
    seconds: int | None = Field(default=None, ge=1)


class Refused(Exception):
    """What the caller did wrong: a status and a sentence."""

    def __init__(self, status: int, sentence: str) -> None:
        super().__init__(sentence)
        self.status = status


class Admin:
    """Handlers of the admin port."""

    def __init__(self, core: Core, sockets: Sockets) -> None:
        self._core = core
        self._exchange = core.exchange
        self._sockets = sockets

    def application(self) -> web.Application:
        app = web.Application(middlewares=[_as_json])
        app.add_routes(
            [
                web.get("/health", self._health),
                web.get("/markets", self._markets),
                web.post("/markets", self._add_market),
                web.post("/markets/pause", self._pause),
                web.post("/markets/resume", self._resume),
                web.post("/markets/{symbol}/price", self._price),
                web.post("/markets/{symbol}/quote", self._quote),
                web.post("/markets/{symbol}/delist", self._delist),
                web.get("/accounts/{key}", self._account),
                web.get("/accounts/{key}/orders", self._orders),
                web.post("/accounts/{key}/orders", self._place),
                web.delete("/accounts/{key}/orders", self._cancel),
                web.get("/accounts/{key}/fills", self._fills),
                web.post("/accounts/{key}/funding", self._funding),
                web.post("/accounts/{key}/transfer", self._transfer),
                web.post("/accounts/{key}/hedge-mode", self._hedge_mode),
                web.post("/accounts/{key}/listen-key/expire", self._expire_listen_key),
                web.get("/faults", self._faults),
                web.post("/faults", self._add_fault),
                web.delete("/faults", self._remove_faults),
                web.delete("/faults/{id}", self._remove_faults),
                web.post("/sockets/reset", self._reset_sockets),
                web.post("/sockets/silence", self._silence),
                web.delete("/sockets/silence", self._unsilence),
                web.post("/clock", self._clock),
                web.post("/ban", self._ban),
                web.delete("/ban", self._lift_ban),
                web.get("/stats", self._stats),
                web.post("/reset-stats", self._reset_stats),
            ]
        )
        return app

    async def _health(self, _: web.Request) -> Any:
        return {
            "status": "ok",
            "time": self._core.now(),
            "skew_ms": self._core.clock.skew,
            "markets": len(self._exchange.symbols()),
            "sockets": {kind: self._sockets.count(kind) for kind in ("market", "user", "api")},
        }

    async def _markets(self, _: web.Request) -> Any:
        rows = []
        for symbol in self._exchange.symbols():
            rules, quote = self._exchange.rules(symbol), self._exchange.book_ticker(symbol)
            rows.append(
                {
                    "symbol": symbol,
                    "status": self._exchange.status(symbol).value,
                    "paused": self._exchange.paused(symbol),
                    "bid": rules.price_text(quote.bid),
                    "ask": rules.price_text(quote.ask),
                    "last_price": rules.price_text(self._exchange.last_price(symbol)),
                    "mark_price": rules.price_text(self._exchange.mark_price(symbol).price),
                    "tick": format(rules.tick, "f"),
                    "step": format(rules.step, "f"),
                    "min_notional": format(rules.min_notional, "f"),
                }
            )
        return {"markets": rows}

    async def _add_market(self, request: web.Request) -> Any:
        body = await _read(request, MarketBody)
        try:
            rules = list_market(
                self._core,
                rules=body.rules,
                symbol=body.symbol,
                reference=body.reference,
                quote=body.quote,
                scripted=body.scripted,
            )
        except (RulesError, ValueError) as error:
            raise Refused(422, str(error)) from None
        self._core.settle()
        return {"symbol": rules.symbol}

    async def _pause(self, request: web.Request) -> Any:
        symbols = self._named((await _read(request, SymbolsBody)).symbols)
        for symbol in symbols:
            self._exchange.pause(symbol, self._core.now())
        self._core.settle()
        return {"paused": symbols}

    async def _resume(self, request: web.Request) -> Any:
        symbols = self._named((await _read(request, SymbolsBody)).symbols)
        for symbol in symbols:
            self._exchange.resume(symbol, self._core.now())
        self._core.settle()
        return {"resumed": symbols}

    async def _price(self, request: web.Request) -> Any:
        symbol = self._symbol(request.match_info["symbol"])
        body = await _read(request, PriceBody)
        rules = self._exchange.rules(symbol)
        ticks = rules.to_ticks(body.price)
        if ticks < 1:
            raise Refused(422, f"price: {body.price} is less than one tick ({rules.tick}) of {symbol}.")
        self._exchange.set_price(symbol, ticks, self._core.now())
        self._core.settle()
        return {"symbol": symbol, "price": rules.price_text(ticks)}

    async def _quote(self, request: web.Request) -> Any:
        symbol = self._symbol(request.match_info["symbol"])
        body = await _read(request, QuoteBody)
        rules = self._exchange.rules(symbol)
        return {"told": self._sockets.misquote(symbol, rules.to_ticks(body.bid), rules.to_ticks(body.ask))}

    async def _delist(self, request: web.Request) -> Any:
        symbol = self._symbol(request.match_info["symbol"])
        body = await _read(request, DelistBody)
        self._exchange.delist(symbol, self._core.now(), settle=body.settle)
        self._core.settle()
        return {"symbol": symbol, "status": self._exchange.status(symbol).value}

    async def _account(self, request: web.Request) -> Any:
        key = self._key(request)
        summary = self._exchange.summary(key)
        positions = {}
        for view in self._exchange.positions(key):
            if view.amount:
                rules = self._exchange.rules(view.symbol)
                positions[view.symbol] = {
                    "amount": rules.quantity_text(view.amount),
                    "entry_price": shapes.average(view.entry_price, rules),
                    "mark_price": rules.price_text(view.mark_price),
                    "unrealized_pnl": shapes.money(view.unrealized),
                }
        return {
            "wallet_balance": shapes.money(summary.wallet),
            "initial_balance": shapes.money(summary.initial),
            "transfers": shapes.money(summary.transfers),
            "realized_pnl": shapes.money(summary.realized),
            "fees": shapes.money(summary.fees),
            "funding": shapes.money(summary.funding),
            "insurance": shapes.money(summary.insurance),
            "unrealized_pnl": shapes.money(summary.unrealized),
            "available_balance": shapes.money(summary.available),
            "hedge_mode": self._exchange.hedge_mode(key),
            "positions": positions,
            "countdowns": self._exchange.countdowns(key),
            "open_orders": summary.open_orders,
            "fills": summary.fills,
            "fills_dropped": summary.fills_dropped,
        }

    async def _orders(self, request: web.Request) -> Any:
        key, symbol = self._key(request), self._optional_symbol(request)
        if request.query.get("open", "false").lower() == "true":
            found = self._exchange.open_orders(key, symbol)
        else:
            found = self._exchange.orders(key, symbol, limit=MOST_ROWS)
        return {"orders": [shapes.stored_order(order, self._exchange.rules(order.symbol)) for order in found]}

    async def _place(self, request: web.Request) -> Any:
        key = self._key(request)
        body = await _read(request, OrderBody)
        self._symbol(body.symbol)
        placed = self._exchange.place(
            key,
            NewOrder(
                symbol=body.symbol,
                side=body.side,
                type=body.type,
                quantity=body.quantity,
                price=body.price,
                time_in_force=body.time_in_force,
                reduce_only=body.reduce_only,
                client_id=body.client_id,
            ),
            self._core.now(),
        )
        self._core.settle()
        if isinstance(placed, Rejection):
            raise Refused(422, f"{placed.code}: {placed.message}")
        return shapes.stored_order(placed, self._exchange.rules(placed.symbol))

    async def _cancel(self, request: web.Request) -> Any:
        cancelled = self._exchange.cancel_all(self._key(request), self._core.now(), self._optional_symbol(request))
        self._core.settle()
        return {"cancelled": len(cancelled)}

    async def _fills(self, request: web.Request) -> Any:
        key, symbol = self._key(request), self._optional_symbol(request)
        text = request.query.get("from_id")
        if text is not None and (symbol is None or not text.isdecimal()):
            raise Refused(422, "from_id: a whole trade id, together with a symbol (trade ids count per symbol).")
        found = self._exchange.fills(key, symbol, from_id=int(text) if text else None, limit=MOST_ROWS)
        return {
            "fills": [
                shapes.fill(fill, self._exchange.rules(fill.symbol)) | {"clientOrderId": fill.client_id}
                for fill in found
            ]
        }

    async def _funding(self, request: web.Request) -> Any:
        self._key(request)
        body = await _read(request, FundingBody)
        symbol = self._symbol(body.symbol)
        self._exchange.charge_funding(symbol, self._core.now(), body.rate)
        self._core.settle()
        return {"symbol": symbol}

    async def _transfer(self, request: web.Request) -> Any:
        key = self._key(request)
        body = await _read(request, TransferBody)
        self._exchange.transfer(key, body.amount, self._core.now())
        self._core.settle()
        return {"wallet_balance": shapes.money(self._exchange.summary(key).wallet)}

    async def _hedge_mode(self, request: web.Request) -> Any:
        key = self._key(request)
        body = await _read(request, HedgeBody)
        rejection = self._exchange.set_hedge_mode(key, body.hedge_mode, self._core.now())
        self._core.settle()
        if rejection is not None:
            raise Refused(422, f"{rejection.code}: {rejection.message}")
        return {"hedge_mode": body.hedge_mode}

    async def _expire_listen_key(self, request: web.Request) -> Any:
        ended = self._core.listen_keys.delete(self._key(request))
        self._sockets.tick()
        return {"expired": ended}

    async def _faults(self, _: web.Request) -> Any:
        return {"faults": [rule.model_dump(mode="json", exclude_none=True) for rule in self._core.faults.rules()]}

    async def _add_fault(self, request: web.Request) -> Any:
        try:
            rule = self._core.faults.add(rule_from(await _json(request)))
        except ValidationError as error:
            raise Refused(422, _sentence(error)) from None
        except ValueError as error:
            raise Refused(422, str(error)) from None
        return {"id": rule.id}

    async def _remove_faults(self, request: web.Request) -> Any:
        return {"removed": self._core.faults.remove(request.match_info.get("id") or request.query.get("id"))}

    async def _reset_sockets(self, request: web.Request) -> Any:
        return {"reset": self._sockets.reset((await _read(request, ResetBody)).kind)}

    async def _silence(self, request: web.Request) -> Any:
        body = await _read(request, SilenceBody)
        return {"silenced": self._sockets.silence(body.kind, body.symbols)}

    async def _unsilence(self, _: web.Request) -> Any:
        self._sockets.unsilence()
        return {"silenced": 0}

    async def _clock(self, request: web.Request) -> Any:
        self._core.clock.skew = (await _read(request, ClockBody)).skew_ms
        return {"skew_ms": self._core.clock.skew, "time": self._core.clock.told()}

    async def _ban(self, request: web.Request) -> Any:
        body = await _read(request, BanBody)
        return {"until": self._core.limiter.ban(_ADDRESS, self._core.now(), body.seconds)}

    async def _lift_ban(self, _: web.Request) -> Any:
        self._core.limiter.lift()
        return {"until": 0}

    async def _stats(self, _: web.Request) -> Any:
        sockets = {kind: self._sockets.count(kind) for kind in ("market", "user", "api")}
        return self._core.stats.report() | {"sockets": sockets}

    async def _reset_stats(self, _: web.Request) -> Any:
        self._core.stats.reset()
        return {"reset": True}

    def _key(self, request: web.Request) -> str:
        key = request.match_info["key"]
        if not self._exchange.has_account(key):
            raise Refused(404, f"There is no account {key}.")
        return key

    def _symbol(self, symbol: str) -> str:
        if not self._exchange.has_market(symbol):
            raise Refused(404, f"There is no market {symbol}.")
        return symbol

    def _optional_symbol(self, request: web.Request) -> str | None:
        symbol = request.query.get("symbol")
        return self._symbol(symbol) if symbol else None

    def _named(self, symbols: list[str] | None) -> list[str]:
        return self._exchange.symbols() if symbols is None else [self._symbol(symbol) for symbol in symbols]


@web.middleware
async def _as_json(request: web.Request, handler: Callable[[web.Request], Awaitable[Any]]) -> web.Response:
    try:
        status, document = 200, await handler(request)
    except Refused as refused:
        status, document = refused.status, {"error": str(refused)}
    except web.HTTPException as error:
        status, document = error.status, {"error": f"{request.method} {request.path}: {error.reason}"}
    return web.Response(status=status, body=orjson.dumps(document), content_type="application/json")


async def _json(request: web.Request) -> Any:
    text = await request.read()
    try:
        return orjson.loads(text) if text else {}
    except orjson.JSONDecodeError as error:
        raise Refused(400, f"The body is not JSON: {error}.") from None


async def _read(request: web.Request, kind: type[M]) -> M:
    try:
        return kind.model_validate(await _json(request))
    except ValidationError as error:
        raise Refused(422, _sentence(error)) from None


def _sentence(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(part) for part in first["loc"]) or "body"
    return f"{where}: {first['msg']}."
