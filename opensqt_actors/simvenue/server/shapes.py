"""The venue's JSON shapes: engine values to what REST answers and user-data frames carry, decimals as strings."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from opensqt_actors.simvenue.events import (
    AccountSummary,
    AccountUpdate,
    ConfigUpdate,
    Execution,
    ExpiryReason,
    Fill,
    Income,
    MarketStatus,
    Order,
    OrderUpdate,
    PositionView,
)
from opensqt_actors.simvenue.rules import MarketRules

Json = dict[str, Any]

_CENT = Decimal("1e-8")
_ZERO = Decimal(0)
PERPETUAL_DELIVERY = 4_133_404_800_000
ORDER_TYPES = ("LIMIT", "MARKET")
TIMES_IN_FORCE = ("GTC", "IOC", "FOK", "GTX")


def money(amount: Decimal) -> str:
    """An exact amount with at least eight decimals."""
    exponent = amount.as_tuple().exponent
    exact = isinstance(exponent, int) and exponent < -8
    return format(amount if exact else amount.quantize(_CENT), "f")


def average(price: Decimal, rules: MarketRules) -> str:
    """A price that need not lie on a tick, with a few more digits than the tick has."""
    return format(round(price, rules.price_digits + 6), "f")


def order(value: Order, rules: MarketRules) -> Json:
    """An order as place, amend and cancel answer it."""
    executed = rules.quantity_text(value.executed)
    return {
        "orderId": value.order_id,
        "symbol": value.symbol,
        "status": value.status.value,
        "clientOrderId": value.client_id,
        "price": rules.price_text(value.price),
        "avgPrice": average(value.average_price, rules),
        "origQty": rules.quantity_text(value.quantity),
        "executedQty": executed,
        "cumQty": executed,
        "cumQuote": money(value.quote),
        "timeInForce": value.time_in_force.value,
        "type": value.type.value,
        "reduceOnly": value.reduce_only,
        "closePosition": False,
        "side": value.side.value,
        "positionSide": value.position_side.value,
        "stopPrice": rules.price_text(0),
        "workingType": "CONTRACT_PRICE",
        "priceProtect": False,
        "origType": value.type.value,
        "priceMatch": "NONE",
        "selfTradePreventionMode": value.self_trade.value,
        "goodTillDate": 0,
        "updateTime": value.updated,
    }


def stored_order(value: Order, rules: MarketRules) -> Json:
    """An order as queries answer it."""
    answer = order(value, rules)
    del answer["cumQty"]
    answer["time"] = value.created
    return answer


def fill(value: Fill, rules: MarketRules) -> Json:
    """A trade of the account."""
    return {
        "symbol": value.symbol,
        "id": value.trade_id,
        "orderId": value.order_id,
        "side": value.side.value,
        "price": rules.price_text(value.price),
        "qty": rules.quantity_text(value.quantity),
        "realizedPnl": money(value.realized),
        "quoteQty": money(value.quote),
        "commission": money(value.commission),
        "commissionAsset": rules.quote,
        "time": value.time,
        "positionSide": "BOTH",
        "buyer": value.side.sign > 0,
        "maker": value.maker,
    }


def income(value: Income, asset: str) -> Json:
    trade = str(value.trade_id) if value.trade_id else ""
    return {
        "symbol": value.symbol,
        "incomeType": value.type.value,
        "income": money(value.amount),
        "asset": asset,
        "time": value.time,
        "info": trade or value.type.value,
        "tranId": value.tran_id,
        "tradeId": trade,
    }


def position(value: PositionView, rules: MarketRules) -> Json:
    """A position as /fapi/v3/positionRisk answers it."""
    notional = money(value.notional)
    bid, ask = (notional, "0") if value.amount > 0 else ("0", notional)
    return {
        "symbol": value.symbol,
        "positionSide": "BOTH",
        "positionAmt": rules.quantity_text(value.amount),
        "entryPrice": average(value.entry_price, rules),
        "breakEvenPrice": average(value.break_even, rules),
        "markPrice": rules.price_text(value.mark_price),
        "unRealizedProfit": money(value.unrealized),
        "liquidationPrice": average(value.liquidation_price, rules),
        "isolatedMargin": "0",
        "notional": notional,
        "marginAsset": rules.quote,
        "isolatedWallet": "0",
        "initialMargin": money(value.initial_margin + value.order_margin),
        "maintMargin": money(value.maintenance_margin),
        "positionInitialMargin": money(value.initial_margin),
        "openOrderInitialMargin": money(value.order_margin),
        "adl": 0,
        "bidNotional": bid,
        "askNotional": ask,
        "updateTime": value.updated,
    }


def position_v2(value: PositionView, rules: MarketRules) -> Json:
    """A position as /fapi/v2/positionRisk answers it."""
    answer = position(value, rules)
    return {
        name: answer[name]
        for name in (
            "symbol", "positionAmt", "entryPrice", "breakEvenPrice", "markPrice", "unRealizedProfit",
            "liquidationPrice", "isolatedMargin", "notional", "isolatedWallet", "positionSide", "updateTime",
        )
    } | {
        "leverage": str(value.leverage),
        "maxNotionalValue": format(rules.cap_at(value.leverage), "f"),
        "marginType": "cross" if value.margin_type.value == "CROSSED" else "isolated",
        "isAutoAddMargin": "false",
    }  # fmt: skip


def account_position(value: PositionView, rules: MarketRules, *, v2: bool) -> Json:
    """A position inside /fapi/v2/account or /fapi/v3/account."""
    answer: Json = {
        "symbol": value.symbol,
        "positionSide": "BOTH",
        "positionAmt": rules.quantity_text(value.amount),
        "unrealizedProfit": money(value.unrealized),
        "isolatedMargin": "0",
        "notional": money(value.notional),
        "isolatedWallet": "0",
        "initialMargin": money(value.initial_margin + value.order_margin),
        "maintMargin": money(value.maintenance_margin),
        "updateTime": value.updated,
    }
    if v2:
        answer |= {
            "positionInitialMargin": money(value.initial_margin),
            "openOrderInitialMargin": money(value.order_margin),
            "leverage": str(value.leverage),
            "isolated": value.margin_type.value == "ISOLATED",
            "entryPrice": average(value.entry_price, rules),
            "breakEvenPrice": average(value.break_even, rules),
            "maxNotional": format(rules.cap_at(value.leverage), "f"),
            "bidNotional": "0",
            "askNotional": "0",
        }
    return answer


def account(summary: AccountSummary, assets: list[str], positions: list[Json], now: int, *, v2: bool) -> Json:
    """/fapi/v2/account or /fapi/v3/account. Every margin asset shows the one nominal wallet."""
    initial = money(summary.position_margin + summary.order_margin)
    totals: Json = {
        "totalInitialMargin": initial,
        "totalMaintMargin": money(summary.maintenance_margin),
        "totalWalletBalance": money(summary.wallet),
        "totalUnrealizedProfit": money(summary.unrealized),
        "totalMarginBalance": money(summary.margin_balance),
        "totalPositionInitialMargin": money(summary.position_margin),
        "totalOpenOrderInitialMargin": money(summary.order_margin),
        "totalCrossWalletBalance": money(summary.wallet),
        "totalCrossUnPnl": money(summary.unrealized),
        "availableBalance": money(summary.available),
        "maxWithdrawAmount": money(summary.available),
    }
    asset: Json = {
        "walletBalance": totals["totalWalletBalance"],
        "unrealizedProfit": totals["totalUnrealizedProfit"],
        "marginBalance": totals["totalMarginBalance"],
        "maintMargin": totals["totalMaintMargin"],
        "initialMargin": initial,
        "positionInitialMargin": totals["totalPositionInitialMargin"],
        "openOrderInitialMargin": totals["totalOpenOrderInitialMargin"],
        "crossWalletBalance": totals["totalWalletBalance"],
        "crossUnPnl": totals["totalUnrealizedProfit"],
        "availableBalance": totals["availableBalance"],
        "maxWithdrawAmount": totals["availableBalance"],
        "updateTime": now,
    }
    answer = totals | {"assets": [{"asset": name} | asset for name in assets], "positions": positions}
    if v2:
        answer |= {
            "feeTier": 0,
            "canTrade": True,
            "canDeposit": True,
            "canWithdraw": True,
            "feeBurn": False,
            "tradeGroupId": -1,
            "updateTime": 0,
            "multiAssetsMargin": False,
        }
    return answer


def balance(summary: AccountSummary, asset: str, now: int) -> Json:
    """One entry of /fapi/v2/balance and /fapi/v3/balance."""
    return {
        "accountAlias": "sim",
        "asset": asset,
        "balance": money(summary.wallet),
        "crossWalletBalance": money(summary.wallet),
        "crossUnPnl": money(summary.unrealized),
        "availableBalance": money(summary.available),
        "maxWithdrawAmount": money(summary.available),
        "marginAvailable": True,
        "updateTime": now,
    }


def market(rules: MarketRules, status: MarketStatus, listed: int) -> Json:
    """One symbol of exchangeInfo."""
    first = rules.brackets[0]
    ceiling = rules.tick * max(1_000_000, 100 * rules.to_ticks(rules.reference))
    lot = {"minQty": rules.quantity_text(rules.min_qty), "stepSize": format(rules.step, "f")}
    return {
        "symbol": rules.symbol,
        "pair": rules.symbol,
        "contractType": "PERPETUAL",
        "deliveryDate": PERPETUAL_DELIVERY,
        "onboardDate": listed,
        "status": status.value,
        "maintMarginPercent": format(first.rate * 100, ".4f"),
        "requiredMarginPercent": format(Decimal(100) / first.max_leverage, ".4f"),
        "baseAsset": rules.base,
        "quoteAsset": rules.quote,
        "marginAsset": rules.quote,
        "pricePrecision": rules.price_digits,
        "quantityPrecision": rules.quantity_digits,
        "baseAssetPrecision": 8,
        "quotePrecision": 8,
        "underlyingType": "COIN",
        "underlyingSubType": [],
        "triggerProtect": "0.0500",
        "liquidationFee": "0.012500",
        "marketTakeBound": "0.05",
        "maxMoveOrderLimit": 10_000,
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": format(rules.tick, "f"),
                "maxPrice": format(ceiling, "f"),
                "tickSize": format(rules.tick, "f"),
            },
            {"filterType": "LOT_SIZE", "maxQty": rules.quantity_text(rules.max_qty)} | lot,
            {"filterType": "MARKET_LOT_SIZE", "maxQty": rules.quantity_text(rules.market_max_qty)} | lot,
            {"filterType": "MAX_NUM_ORDERS", "limit": rules.max_orders},
            {"filterType": "MIN_NOTIONAL", "notional": format(rules.min_notional, "f")},
            {
                "filterType": "PERCENT_PRICE",
                "multiplierUp": format(rules.multiplier_up, "f"),
                "multiplierDown": format(rules.multiplier_down, "f"),
                "multiplierDecimal": "4",
            },
        ],
        "orderTypes": list(ORDER_TYPES),
        "timeInForce": list(TIMES_IN_FORCE),
    }


def leverage_brackets(rules: MarketRules) -> Json:
    floor = _ZERO
    ladder = []
    for index, bracket in enumerate(rules.brackets, start=1):
        ladder.append(
            {
                "bracket": index,
                "initialLeverage": bracket.max_leverage,
                "notionalCap": float(bracket.cap),
                "notionalFloor": float(floor),
                "maintMarginRatio": float(bracket.rate),
                "cum": float(bracket.deduction),
            }
        )
        floor = bracket.cap
    return {"symbol": rules.symbol, "brackets": ladder}


def order_update(event: OrderUpdate, rules: MarketRules, now: int) -> Json:
    """An ORDER_TRADE_UPDATE frame."""
    value = event.order
    made = event.fill
    last: Json = {"l": rules.quantity_text(0), "L": rules.price_text(0), "t": 0, "m": False, "rp": "0"}
    if made is not None:
        last = {
            "l": rules.quantity_text(made.quantity),
            "L": rules.price_text(made.price),
            "N": rules.quote,
            "n": money(made.commission),
            "t": made.trade_id,
            "m": made.maker,
            "rp": money(made.realized),
        }
    body: Json = {
        "s": value.symbol,
        "c": value.client_id,
        "S": value.side.value,
        "o": value.type.value,
        "f": value.time_in_force.value,
        "q": rules.quantity_text(value.quantity),
        "p": rules.price_text(value.price),
        "ap": average(value.average_price, rules),
        "sp": "0",
        "x": event.execution.value,
        "X": value.status.value,
        "i": value.order_id,
        "z": rules.quantity_text(value.executed),
        "T": event.time,
        "b": "0",
        "a": "0",
        "R": value.reduce_only,
        "wt": "CONTRACT_PRICE",
        "ot": value.type.value,
        "ps": value.position_side.value,
        "cp": False,
        "pP": False,
        "si": 0,
        "ss": 0,
        "V": value.self_trade.value,
        "pm": "NONE",
        "gtd": 0,
    }
    if event.execution is Execution.EXPIRED or event.expiry is not ExpiryReason.NONE:
        body["er"] = str(event.expiry.value)
    return {"e": "ORDER_TRADE_UPDATE", "T": event.time, "E": now, "o": body | last}


def account_update(
    event: AccountUpdate, assets: list[str], positions: list[tuple[PositionView, MarketRules]], now: int
) -> Json:
    """An ACCOUNT_UPDATE frame."""
    wallet = money(event.wallet)
    return {
        "e": "ACCOUNT_UPDATE",
        "T": event.time,
        "E": now,
        "a": {
            "m": event.reason.value,
            "B": [{"a": asset, "wb": wallet, "cw": wallet, "bc": money(event.change)} for asset in assets],
            "P": [
                {
                    "s": value.symbol,
                    "pa": rules.quantity_text(value.amount),
                    "ep": average(value.entry_price, rules),
                    "bep": average(value.break_even, rules),
                    "cr": money(value.realized),
                    "up": money(value.unrealized),
                    "mt": "cross" if value.margin_type.value == "CROSSED" else "isolated",
                    "iw": "0",
                    "ps": "BOTH",
                    "ma": rules.quote,
                }
                for value, rules in positions
            ],
        },
    }


def config_update(event: ConfigUpdate, now: int) -> Json:
    """An ACCOUNT_CONFIG_UPDATE frame."""
    frame: Json = {"e": "ACCOUNT_CONFIG_UPDATE", "E": now, "T": event.time}
    if event.symbol is not None:
        frame["ac"] = {"s": event.symbol, "l": event.leverage}
    if event.hedge_mode is not None:
        frame["ai"] = {"j": False, "dualSidePosition": event.hedge_mode}
    return frame
