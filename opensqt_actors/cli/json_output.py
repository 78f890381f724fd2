"""The JSON that commands print: stable, decimals as strings, times in ISO 8601. docs/reference/cli.md describes it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import orjson

if TYPE_CHECKING:
    from opensqt_actors.actors.views import (
        AccountRow,
        LevelView,
        ReconcileView,
        RiskView,
        StatusView,
        SymbolRow,
        SymbolView,
    )
    from opensqt_actors.domain.settings import GridSettings
    from opensqt_actors.wire.v1 import event_pb2

NANOSECONDS = 1_000_000_000


def dump(document: Any, *, pretty: bool = False) -> str:
    """One line, or several for people."""
    return orjson.dumps(document, option=orjson.OPT_INDENT_2 if pretty else 0).decode()


def text(value: Decimal | None) -> str | None:
    """A decimal in plain notation."""
    return None if value is None else format(value, "f")


def moment(ns: int) -> str | None:
    """A time in UTC with microseconds; None for 0."""
    if not ns:
        return None
    seconds, rest = divmod(ns, NANOSECONDS)
    at = datetime.fromtimestamp(seconds, UTC).replace(microsecond=rest // 1_000)
    return at.isoformat(timespec="microseconds").replace("+00:00", "Z")


def net(row: SymbolRow) -> Decimal:
    """What a grid has made: realised, less fees, with funding."""
    return row.grid_pnl - row.fees + row.funding


def symbol_row(row: SymbolRow) -> dict[str, Any]:
    """A symbol's line."""
    return {
        "account": row.account,
        "symbol": row.symbol,
        "mode": row.mode,
        "state": row.state.value,
        "slots_filled": row.slots_filled,
        "slots_total": row.slots_total,
        "open_orders": row.open_orders,
        "position": text(row.position),
        "grid_pnl": text(net(row)),
        "realized_pnl": text(row.grid_pnl),
        "unrealized_pnl": text(row.unrealized_pnl),
        "fees": text(row.fees),
        "funding": text(row.funding),
        "fills": row.fills,
        "round_trips": row.round_trips,
        "orders_placed": row.orders_placed,
        "orders_cancelled": row.orders_cancelled,
        "illegal_transitions": row.illegal_transitions,
        "restarts": row.restarts,
        "bid": text(row.bid),
        "ask": text(row.ask),
        "last_tick": moment(row.last_tick),
        "why": row.why,
    }


def account_money(view: StatusView, account: str) -> dict[str, Decimal]:
    """Sums over the symbols of an account, kept apart: realised before fees, open at the mark, fees, funding."""
    rows = [row for row in view.symbols if row.account == account]
    return {
        "realized_pnl": sum((row.grid_pnl for row in rows), Decimal(0)),
        "unrealized_pnl": sum((row.unrealized_pnl for row in rows), Decimal(0)),
        "fees": sum((row.fees for row in rows), Decimal(0)),
        "funding": sum((row.funding for row in rows), Decimal(0)),
    }


def _account(row: AccountRow, view: StatusView) -> dict[str, Any]:
    return {
        "account": row.account,
        **{name: text(value) for name, value in account_money(view, row.account).items()},
        "orders_stream": row.orders_stream,
        "prices_stream": row.prices_stream,
        "live_orders": row.live_orders,
        "waiting": row.waiting,
        "paused_until": moment(row.paused_until),
        "ticks": row.ticks,
        "ticks_skipped": row.ticks_skipped,
    }


def shards(view: StatusView) -> list[dict[str, Any]]:
    """Every shard. resident: bytes."""
    return [
        {
            "shard": row.shard,
            "state": row.state,
            "pid": row.pid,
            "symbols": row.symbols,
            "restarts": row.restarts,
            "resident": row.resident,
            "why": row.why,
        }
        for row in view.shard_rows
    ]


def counters(view: StatusView) -> dict[str, Any]:
    """Totals over all symbols."""
    return {
        "shards": view.shards,
        "ticks": view.ticks,
        "ticks_skipped": view.ticks_skipped,
        "orders_placed": view.orders_placed,
        "orders_cancelled": view.orders_cancelled,
        "fills": view.fills,
        "realized_pnl": text(view.realized_pnl),
        "unrealized_pnl": text(view.unrealized_pnl),
        "fees": text(view.fees),
        "funding": text(view.funding),
        "restarts": view.restarts,
        "illegal_transitions": view.illegal_transitions,
    }


def status(view: StatusView) -> dict[str, Any]:
    """The whole system."""
    return {
        "version": view.version,
        "instance": view.instance,
        "state": view.state,
        "started": moment(view.started),
        **counters(view),
        "shard_rows": shards(view),
        "risk": {"triggered": view.risk_triggered, "reason": view.risk_reason, "breaker": view.breaker},
        "accounts": [_account(row, view) for row in view.accounts],
        "symbols": [symbol_row(row) for row in view.symbols],
    }


def risk(view: RiskView) -> dict[str, Any]:
    """The state of the risk rules."""
    return {
        "rules": [
            {
                "scope": row.scope,
                "account": row.account,
                "symbol": row.symbol,
                "state": row.state,
                "cause": row.cause,
                "sentence": row.sentence,
                "since": moment(row.since),
                "until": moment(row.until),
            }
            for row in view.rules
        ],
        "exposure": [
            {
                "account": row.account,
                "used": text(row.used),
                "share": text(row.share),
                "equity": text(row.equity),
            }
            for row in view.exposure
        ],
    }


def settings(grid: GridSettings) -> dict[str, Any]:
    """The settings of a grid."""
    return {
        "mode": grid.mode.value,
        "amount": text(grid.amount),
        "interval": text(grid.interval),
        "interval_percent": text(grid.interval_percent),
        "buy_window": grid.buy_window,
        "sell_window": grid.sell_window,
        "skew": text(grid.skew),
        "atr_scale": text(grid.atr_scale),
        "max_multiple": grid.max_multiple,
        "volatility_sizing": grid.volatility_sizing,
        "max_position": text(grid.max_position),
        "max_open_orders": grid.max_open_orders,
        "anchor": text(grid.anchor),
        "min_price": text(grid.min_price),
        "max_price": text(grid.max_price),
        "trail": grid.trail.value,
    }


def _level(level: LevelView) -> dict[str, Any]:
    order = None
    if level.order_id:
        order = {
            "id": level.order_id,
            "kind": level.order_kind,
            "side": level.order_side,
            "price": text(level.order_price),
            "quantity": text(level.order_quantity),
            "filled": text(level.order_filled),
        }
    reason = {"code": level.reason_code, "sentence": level.reason} if level.reason_code or level.reason else None
    return {
        "level": level.level,
        "price": text(level.price),
        "status": level.status,
        "position": text(level.position),
        "exit_price": text(level.exit_price),
        "cost": text(level.cost),
        "unrealized_pnl": text(level.unrealized_pnl),
        "realized_pnl": text(level.realized_pnl),
        "fees": text(level.fees),
        "round_trips": level.round_trips,
        "order": order,
        "reason": reason,
    }


def symbol(view: SymbolView) -> dict[str, Any]:
    """Everything about one symbol."""
    return {
        "symbol": symbol_row(view.row),
        "settings": settings(view.settings),
        "centre": text(view.centre),
        "interval": text(view.interval),
        "quiet_band": {"low": text(view.band_low), "high": text(view.band_high)},
        "gates": [{"code": code, "sentence": sentence} for code, sentence in view.gates],
        "levels": [_level(level) for level in view.levels],
        "history": list(view.history),
    }


def reconciled(view: ReconcileView) -> dict[str, Any]:
    """A comparison with the venue. ok: whether both agree."""
    return {
        "ok": view.verdict == "same",
        "symbol": view.symbol,
        "verdict": view.verdict,
        "slots_position": text(view.slots_position),
        "venue_position": text(view.venue_position),
        "corrected": text(view.corrected),
        "orders": view.orders,
        "foreign_orders": view.foreign_orders,
        "missed_fills": view.missed_fills,
        "foreign_trades": view.foreign_trades,
        "sentence": view.sentence,
    }


def event(message: event_pb2.Event, severities: dict[Any, str]) -> dict[str, Any]:
    """One event."""
    return {
        "sequence": message.sequence,
        "time": moment(message.occurred_at.seconds * NANOSECONDS + message.occurred_at.nanos),
        "severity": severities.get(message.severity, "info"),
        "code": message.code,
        "account": message.account,
        "symbol": message.symbol,
        "sentence": message.sentence,
        "details": dict(message.details),
    }
