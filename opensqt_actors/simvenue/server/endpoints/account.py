"""The account: balance, positions, fees, income, leverage and modes, limits used, and keys of the user data stream."""

from __future__ import annotations

from typing import Any

from opensqt_actors.simvenue.events import IncomeType, MarginType, PositionView
from opensqt_actors.simvenue.server import shapes
from opensqt_actors.simvenue.server.endpoints.call import Call, Security, route
from opensqt_actors.simvenue.server.endpoints.public import rate_limits
from opensqt_actors.simvenue.server.errors import VenueError, illegal, mandatory, refused
from opensqt_actors.simvenue.server.shapes import Json

_SUCCESS: Json = {"code": 200, "msg": "success"}


def _account(call: Call, *, v2: bool) -> Json:
    positions = [
        shapes.account_position(position, call.rules(position.symbol), v2=v2)
        for position in call.core.exchange.positions(call.account, all_symbols=v2)
    ]
    summary = call.core.exchange.summary(call.account)
    return shapes.account(summary, call.core.margin_assets(), positions, call.now, v2=v2)


@route("GET", "/fapi/v3/account", weight=5, security=Security.SIGNED)
def account_v3(call: Call) -> Json:
    return _account(call, v2=False)


@route("GET", "/fapi/v1/account", "/fapi/v2/account", weight=5, security=Security.SIGNED)
def account_v2(call: Call) -> Json:
    return _account(call, v2=True)


@route("GET", "/fapi/v1/balance", "/fapi/v2/balance", "/fapi/v3/balance", weight=5, security=Security.SIGNED)
def balance(call: Call) -> Any:
    summary = call.core.exchange.summary(call.account)
    return [shapes.balance(summary, asset, call.now) for asset in call.core.margin_assets()]


def _positions(call: Call, *, all_symbols: bool) -> list[PositionView]:
    symbol = call.symbol(optional=True)
    if symbol:
        return [call.core.exchange.position(call.account, symbol)]
    return call.core.exchange.positions(call.account, all_symbols=all_symbols)


@route("GET", "/fapi/v3/positionRisk", weight=5, security=Security.SIGNED)
def position_risk_v3(call: Call) -> Any:
    return [shapes.position(view, call.rules(view.symbol)) for view in _positions(call, all_symbols=False)]


@route("GET", "/fapi/v1/positionRisk", "/fapi/v2/positionRisk", weight=5, security=Security.SIGNED)
def position_risk_v2(call: Call) -> Any:
    return [shapes.position_v2(view, call.rules(view.symbol)) for view in _positions(call, all_symbols=True)]


@route("GET", "/fapi/v1/accountConfig", weight=5, security=Security.SIGNED)
def account_config(call: Call) -> Json:
    return {
        "feeTier": 0,
        "canTrade": True,
        "canDeposit": True,
        "canWithdraw": True,
        "dualSidePosition": call.core.exchange.hedge_mode(call.account),
        "updateTime": 0,
        "multiAssetsMargin": False,
        "tradeGroupId": -1,
    }


@route("GET", "/fapi/v1/symbolConfig", weight=5, security=Security.SIGNED)
def symbol_config(call: Call) -> Any:
    return [
        {
            "symbol": view.symbol,
            "marginType": view.margin_type.value,
            "isAutoAddMargin": "false",
            "leverage": view.leverage,
            "maxNotionalValue": format(call.rules(view.symbol).cap_at(view.leverage), "f"),
        }
        for view in _positions(call, all_symbols=True)
    ]


@route("GET", "/fapi/v1/leverageBracket", security=Security.SIGNED)
def leverage_bracket(call: Call) -> Any:
    symbol = call.symbol(optional=True)
    symbols = [symbol] if symbol else call.core.exchange.symbols()
    return [shapes.leverage_brackets(call.rules(name)) for name in symbols]


@route("GET", "/fapi/v1/commissionRate", weight=20, security=Security.SIGNED)
def commission_rate(call: Call) -> Json:
    maker, taker = call.core.exchange.fees(call.account)
    return {
        "symbol": call.symbol(),
        "makerCommissionRate": format(maker, "f"),
        "takerCommissionRate": format(taker, "f"),
        "rpiCommissionRate": "0",
    }


@route("GET", "/fapi/v1/income", weight=30, security=Security.SIGNED)
def income(call: Call) -> Any:
    entries = call.core.exchange.income(
        call.account,
        symbol=call.symbol(optional=True) or None,
        type=call.choice("incomeType", IncomeType, illegal("incomeType")),
        start=call.whole("startTime"),
        end=call.whole("endTime"),
        limit=call.limit(100, 1_000),
    )
    assets = call.core.margin_assets()
    return [shapes.income(entry, call.rules(entry.symbol).quote if entry.symbol else assets[0]) for entry in entries]


@route("POST", "/fapi/v1/leverage", security=Security.SIGNED)
def set_leverage(call: Call) -> Json:
    symbol = call.symbol()
    leverage = call.whole("leverage")
    if leverage is None:
        raise mandatory("leverage")
    rejection = call.core.exchange.set_leverage(call.account, symbol, leverage, call.now)
    if rejection is not None:
        raise refused(rejection)
    return {
        "symbol": symbol,
        "leverage": leverage,
        "maxNotionalValue": format(call.rules(symbol).cap_at(leverage), "f"),
    }


@route("POST", "/fapi/v1/marginType", security=Security.SIGNED)
def set_margin_type(call: Call) -> Json:
    symbol = call.symbol()
    kind = call.choice("marginType", MarginType, VenueError(-4139, "Invalid margin type."))
    if kind is None:
        raise mandatory("marginType")
    rejection = call.core.exchange.set_margin_type(call.account, symbol, kind, call.now)
    if rejection is not None:
        raise refused(rejection)
    return _SUCCESS


@route("GET", "/fapi/v1/positionSide/dual", weight=30, security=Security.SIGNED)
def position_mode(call: Call) -> Json:
    return {"dualSidePosition": call.core.exchange.hedge_mode(call.account)}


@route("POST", "/fapi/v1/positionSide/dual", security=Security.SIGNED)
def set_position_mode(call: Call) -> Json:
    hedge = call.flag("dualSidePosition")
    if hedge is None:
        raise mandatory("dualSidePosition")
    rejection = call.core.exchange.set_hedge_mode(call.account, hedge, call.now)
    if rejection is not None:
        raise refused(rejection)
    return _SUCCESS


@route("GET", "/fapi/v1/multiAssetsMargin", weight=30, security=Security.SIGNED)
def multi_assets(_: Call) -> Json:
    return {"multiAssetsMargin": False}


@route("POST", "/fapi/v1/multiAssetsMargin", security=Security.SIGNED)
def set_multi_assets(call: Call) -> Json:
    wanted = call.flag("multiAssetsMargin")
    if wanted is None:
        raise mandatory("multiAssetsMargin")
    if wanted:
        raise VenueError(-4170, "Multi-Assets mode is not offered by this venue.")
    raise VenueError(-4171, "No need to change Multi-Assets mode.")


@route("GET", "/fapi/v1/rateLimit/order", security=Security.SIGNED)
def order_limits(call: Call) -> Any:
    return [row for row in rate_limits(call.core.limiter.limits) if row["rateLimitType"] == "ORDERS"]


@route("POST", "/fapi/v1/listenKey", security=Security.KEY)
def create_listen_key(call: Call) -> Json:
    return {"listenKey": call.core.listen_keys.create(call.account, call.now)}


@route("PUT", "/fapi/v1/listenKey", security=Security.KEY)
def renew_listen_key(call: Call) -> Json:
    key = call.core.listen_keys.renew(call.account, call.now)
    if key is None:
        raise VenueError(-1125, "This listenKey does not exist.")
    return {"listenKey": key}


@route("DELETE", "/fapi/v1/listenKey", security=Security.KEY)
def delete_listen_key(call: Call) -> Json:
    call.core.listen_keys.delete(call.account)
    return {}
