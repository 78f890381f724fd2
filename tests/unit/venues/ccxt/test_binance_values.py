"""Binance's JSON as values, on payloads in the shapes that the venue documents."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import OrderRequest, OrderStatus, Side
from opensqt_actors.venues.ccxt import binance_values as values

BTC = Instrument("BTCUSDT", "BTC", "USDT", Decimal("0.1"), Decimal("0.001"), min_notional=Decimal(5))
PEPE = Instrument("1000PEPEUSDT", "1000PEPE", "USDT", Decimal("0.0000001"), Decimal(1), min_notional=Decimal(5))


def symbol_row(**changes: Any) -> dict[str, Any]:
    return {
        "symbol": "BTCUSDT",
        "contractType": "PERPETUAL",
        "status": "TRADING",
        "baseAsset": "BTC",
        "quoteAsset": "USDT",
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": "556.80", "maxPrice": "4529764", "tickSize": "0.10"},
            {"filterType": "LOT_SIZE", "minQty": "0.001", "maxQty": "1000", "stepSize": "0.001"},
            {"filterType": "MARKET_LOT_SIZE", "minQty": "0.001", "maxQty": "120", "stepSize": "0.001"},
            {"filterType": "MAX_NUM_ORDERS", "limit": 200},
            {"filterType": "MIN_NOTIONAL", "notional": "100"},
        ],
    } | changes


def test_rules_are_read_exactly() -> None:
    found, closed = values.instruments_of({"symbols": [symbol_row()]})
    assert found == {
        "BTCUSDT": Instrument(
            symbol="BTCUSDT",
            base="BTC",
            quote="USDT",
            tick=Decimal("0.1"),
            step=Decimal("0.001"),
            min_quantity=1,
            max_quantity=120_000,
            min_notional=Decimal(100),
            min_price=5_568,
            max_price=45_297_640,
        )
    }
    assert closed == {}


def test_only_perpetuals_that_trade_are_tradable() -> None:
    found, closed = values.instruments_of(
        {
            "symbols": [
                symbol_row(symbol="BTCUSDT_261225", contractType="CURRENT_QUARTER"),
                symbol_row(symbol="OLDUSDT", status="SETTLING"),
                symbol_row(symbol="TSLAUSDT", contractType="TRADIFI_PERPETUAL"),
            ]
        }
    )
    assert list(found) == ["TSLAUSDT"]
    assert closed == {"OLDUSDT": "SETTLING"}


def test_limits_are_read_and_absent_ones_are_zero() -> None:
    info = {
        "rateLimits": [
            {"rateLimitType": "REQUEST_WEIGHT", "interval": "MINUTE", "intervalNum": 1, "limit": 2400},
            {"rateLimitType": "ORDERS", "interval": "SECOND", "intervalNum": 10, "limit": 300},
        ]
    }
    published = values.published_of(info)
    assert (published.weight_per_minute, published.orders_per_10s, published.orders_per_minute) == (2400, 300, 0)
    assert (published.place_batch, published.cancel_batch, published.view_weight) == (5, 10, 11)


@given(st.integers(1, 10**9), st.integers(1, 10**9), st.sampled_from([BTC, PEPE]))
def test_an_order_on_the_wire_is_exact_and_has_no_exponent(ticks: int, steps: int, rules: Instrument) -> None:
    order = OrderRequest(ClientId("sq1"), rules.symbol, Side.BUY, ticks, steps)
    params = values.order_params(order, rules)
    assert Decimal(params["price"]) == ticks * rules.tick
    assert Decimal(params["quantity"]) == steps * rules.step
    assert "e" not in (params["price"] + params["quantity"]).lower()


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ({"price": 5, "post_only": True}, {"type": "LIMIT", "timeInForce": "GTX", "reduceOnly": None}),
        ({"price": 5, "post_only": False, "reduce_only": True}, {"timeInForce": "GTC", "reduceOnly": "true"}),
        ({"price": None, "post_only": False}, {"type": "MARKET", "timeInForce": None, "price": None}),
    ],
)
def test_the_kind_of_an_order_on_the_wire(order: dict[str, Any], expected: dict[str, Any]) -> None:
    params = values.order_params(OrderRequest(ClientId("sq1"), "BTCUSDT", Side.SELL, quantity=1, **order), BTC)
    assert {name: params.get(name) for name in expected} == expected
    assert (params["side"], params["newClientOrderId"]) == ("SELL", "sq1")


def update(**changes: Any) -> dict[str, Any]:
    order = {
        "s": "BTCUSDT", "c": "sq00", "S": "BUY", "o": "LIMIT", "f": "GTX", "q": "0.010", "p": "43000.10", "ap": "0",
        "sp": "0", "x": "NEW", "X": "NEW", "i": 8886774, "l": "0", "z": "0", "L": "0", "T": 1568879465650, "t": 0,
        "b": "0", "a": "9.91", "m": False, "R": False, "wt": "CONTRACT_PRICE", "ot": "LIMIT", "ps": "BOTH", "rp": "0",
    }  # fmt: skip
    return {"e": "ORDER_TRADE_UPDATE", "E": 1568879465651, "T": 1568879465650, "o": order | changes}


def test_a_new_order_is_told_without_a_fill() -> None:
    event = values.order_event_of(update(), BTC)
    assert event.fill is None
    report = event.report
    assert (report.client_id, report.venue_id, report.side, report.status) == (
        *("sq00", "8886774"),
        *(Side.BUY, OrderStatus.NEW),
    )
    assert (report.price, report.quantity, report.filled, report.at) == (430_001, 10, 0, 1568879465650_000_000)


def test_a_partial_fill_is_told_with_its_trade() -> None:
    frame = update(
        x="TRADE", X="PARTIALLY_FILLED", l="0.003", z="0.004", L="43000.0", n="0.00258", N="USDT", t=77, m=True
    )
    event = values.order_event_of(frame, BTC)
    assert (event.report.status, event.report.filled) == (OrderStatus.PARTIALLY_FILLED, 4)
    fill = event.fill
    assert fill is not None
    assert (fill.trade_id, fill.price, fill.quantity, fill.fee, fill.fee_asset, fill.maker) == (
        *(77, 430_000, 3),
        *(Decimal("0.00258"), "USDT", True),
    )


def test_a_rebate_stays_negative_and_another_asset_is_named() -> None:
    fill = values.order_event_of(update(X="FILLED", l="0.01", z="0.01", L="43000.1", n="-0.1", N="BNB", t=1), BTC).fill
    assert fill is not None
    assert (fill.fee, fill.fee_asset) == (Decimal("-0.1"), "BNB")


@pytest.mark.parametrize(
    ("changes", "status", "reason"),
    [
        ({"X": "EXPIRED"}, OrderStatus.EXPIRED, "post_only_would_cross"),
        ({"X": "EXPIRED", "f": "GTC"}, OrderStatus.EXPIRED, ""),
        ({"X": "EXPIRED", "z": "0.001"}, OrderStatus.EXPIRED, ""),
        ({"X": "EXPIRED_IN_MATCH", "f": "IOC"}, OrderStatus.EXPIRED, ""),
        ({"X": "CANCELED"}, OrderStatus.CANCELED, ""),
        ({"X": "NEW_ADL", "c": "adl_autoclose"}, OrderStatus.NEW, "auto_deleveraging"),
        ({"X": "FILLED", "c": "autoclose-123"}, OrderStatus.FILLED, "liquidation"),
    ],
)
def test_each_status_of_the_venue_has_its_meaning(changes: dict[str, Any], status: OrderStatus, reason: str) -> None:
    report = values.order_event_of(update(**changes), BTC).report
    assert (report.status, report.reason) == (status, reason)


def test_a_market_order_has_no_price() -> None:
    assert values.order_event_of(update(o="MARKET", p="0"), BTC).report.price == 0


def test_a_status_that_is_unknown_is_an_error_and_not_a_guess() -> None:
    with pytest.raises(KeyError):
        values.order_event_of(update(X="SOMETHING_NEW"), BTC)


def test_a_hedged_position_is_netted_and_other_symbols_are_left_out() -> None:
    rows = [
        {"symbol": "BTCUSDT", "positionAmt": "0.010", "entryPrice": "40000"},
        {"symbol": "BTCUSDT", "positionAmt": "-0.004", "entryPrice": "41000"},
        {"symbol": "ETHUSDT", "positionAmt": "1", "entryPrice": "2000"},
    ]
    position = values.position_of(rows, BTC)
    assert (position.quantity, position.entry_price) == (6, Decimal(40000))
    assert values.position_of([], BTC).quantity == 0


def test_a_candle_is_closed_when_its_time_is_over() -> None:
    row = [1499040000000, "1.5", "2.5", "0.5", "2.0", "148.9", 1499040059999, "0", 308, "0", "0", "0"]
    assert values.candle_of("BTCUSDT", row, 1499040060000).closed
    candle = values.candle_of("BTCUSDT", row, 1499040059999)
    assert not candle.closed
    assert (candle.open, candle.high, candle.low, candle.close, candle.volume) == (1.5, 2.5, 0.5, 2.0, 148.9)


def test_a_trade_of_the_list_has_no_client_id() -> None:
    row = {
        "buyer": False, "commission": "0.078", "commissionAsset": "USDT", "id": 698759, "maker": False,
        "orderId": 25851813, "price": "7819.1", "qty": "0.002", "quoteQty": "15.63802", "realizedPnl": "-0.91539999",
        "side": "SELL", "positionSide": "BOTH", "symbol": "BTCUSDT", "time": 1569514978020,
    }  # fmt: skip
    fill = values.fill_of(row, BTC)
    assert (fill.client_id, fill.venue_id, fill.price, fill.quantity) == ("", "25851813", 78_191, 2)
    assert (fill.side, fill.fee, fill.at) == (Side.SELL, Decimal("0.078"), 1569514978020_000_000)
