"""Views on the wire, both ways: the service writes them, the command line reads them back. Without loss."""

from __future__ import annotations

from decimal import Decimal

from opensqt_actors.actors.views import AccountRow, LevelView, ShardRow, StatusView, SymbolRow, SymbolView
from opensqt_actors.api.risk_mapping import CIRCUIT_NAMES, CIRCUITS
from opensqt_actors.api.values import (
    KINDS,
    MODES,
    SIDES,
    SLOTS,
    STATES,
    TRAILS,
    decimal_from,
    decimal_to,
    optional_from,
    optional_to,
    present,
    time_from,
    time_to,
)
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.settings import GridSettings
from opensqt_actors.wire.v1 import (
    common_pb2,
    orchestrator_pb2,
    order_pb2,
    position_pb2,
    registry_pb2,
    risk_pb2,
    slot_pb2,
)

NANOSECONDS = 1_000_000_000

_SYSTEM = {
    "starting": orchestrator_pb2.SYSTEM_STATE_STARTING,
    "running": orchestrator_pb2.SYSTEM_STATE_RUNNING,
    "stopping": orchestrator_pb2.SYSTEM_STATE_STOPPING,
    "stopped": orchestrator_pb2.SYSTEM_STATE_STOPPED,
}
_SYSTEM_NAMES = {number: name for name, number in _SYSTEM.items()}
_SHARD = {
    "starting": orchestrator_pb2.SHARD_STATE_STARTING,
    "running": orchestrator_pb2.SHARD_STATE_RUNNING,
    "stopping": orchestrator_pb2.SHARD_STATE_RUNNING,
    "ending": orchestrator_pb2.SHARD_STATE_UNREACHABLE,
    "quarantined": orchestrator_pb2.SHARD_STATE_QUARANTINED,
    "drained": orchestrator_pb2.SHARD_STATE_DRAINED,
    "stopped": orchestrator_pb2.SHARD_STATE_STOPPED,
}
_SHARD_NAMES = {number: name for name, number in _SHARD.items() if name != "stopping"}

_GATES = {
    "risk": registry_pb2.GATE_REASON_RISK,
    "risk_unknown": registry_pb2.GATE_REASON_RISK,
    "emergency": registry_pb2.GATE_REASON_RISK,
    "portfolio_unheard": registry_pb2.GATE_REASON_RISK,
    "breaker": registry_pb2.GATE_REASON_BREAKER,
    "breaker_global": registry_pb2.GATE_REASON_BREAKER,
    "position_mismatch": registry_pb2.GATE_REASON_BREAKER,
    "position_mode": registry_pb2.GATE_REASON_RISK,
    "foreign_fill": registry_pb2.GATE_REASON_RECONCILING,
    "margin_lock": registry_pb2.GATE_REASON_MARGIN_LOCK,
    "paused": registry_pb2.GATE_REASON_PAUSED,
    "stale_price": registry_pb2.GATE_REASON_STALE_PRICE,
    "no_price": registry_pb2.GATE_REASON_NO_PRICE,
    "order_stream": registry_pb2.GATE_REASON_ORDER_STREAM,
    "reconciling": registry_pb2.GATE_REASON_RECONCILING,
    "removing": registry_pb2.GATE_REASON_REMOVING,
    "exposure": registry_pb2.GATE_REASON_EXPOSURE,
    "stopping": registry_pb2.GATE_REASON_STOPPING,
    "journal": registry_pb2.GATE_REASON_JOURNAL,
}


def row_to(row: SymbolRow) -> registry_pb2.SymbolStatus:
    """The line of a symbol. On the wire `grid_pnl` is net of fees and funding, `pnl.realized` is before them."""
    return registry_pb2.SymbolStatus(
        account=row.account,
        symbol=row.symbol,
        mode=MODES.to(row.mode),
        state=STATES.to(row.state),
        slots_filled=row.slots_filled,
        slots_total=row.slots_total,
        open_orders=row.open_orders,
        position=position_pb2.Position(account=row.account, symbol=row.symbol, quantity=decimal_to(row.position)),
        pnl=position_pb2.ProfitAndLoss(
            realized=decimal_to(row.grid_pnl),
            unrealized=decimal_to(row.unrealized_pnl),
            fees=decimal_to(row.fees),
            funding=decimal_to(row.funding),
            round_trips=row.round_trips,
        ),
        fills=row.fills,
        orders_placed=row.orders_placed,
        orders_cancelled=row.orders_cancelled,
        illegal_transitions=row.illegal_transitions,
        restarts=row.restarts,
        bid=optional_to(row.bid),
        ask=optional_to(row.ask),
        last_tick_at=time_to(row.last_tick),
        why=row.why,
        grid_pnl=decimal_to(row.grid_pnl - row.fees + row.funding),
    )


def row_from(message: registry_pb2.SymbolStatus) -> SymbolRow:
    """The line of a symbol, as it was before `row_to`."""
    return SymbolRow(
        account=message.account,
        symbol=message.symbol,
        mode=MODES.read(message.mode, "mode").value,
        state=STATES.read(message.state, "state"),
        slots_filled=message.slots_filled,
        slots_total=message.slots_total,
        open_orders=message.open_orders,
        position=present(message.position, "quantity"),
        grid_pnl=present(message.pnl, "realized"),
        unrealized_pnl=present(message.pnl, "unrealized"),
        fees=present(message.pnl, "fees"),
        funding=present(message.pnl, "funding"),
        fills=message.fills,
        round_trips=message.pnl.round_trips,
        orders_placed=message.orders_placed,
        orders_cancelled=message.orders_cancelled,
        illegal_transitions=message.illegal_transitions,
        restarts=message.restarts,
        bid=optional_from(message, "bid"),
        ask=optional_from(message, "ask"),
        last_tick=time_from(message.last_tick_at),
        why=message.why,
    )


def settings_to(grid: GridSettings) -> registry_pb2.GridSettings:
    """All settings of a grid."""
    return registry_pb2.GridSettings(
        mode=MODES.to(grid.mode),
        amount=decimal_to(grid.amount),
        interval=optional_to(grid.interval),
        interval_percent=optional_to(grid.interval_percent),
        buy_window=grid.buy_window,
        sell_window=grid.sell_window,
        skew=decimal_to(grid.skew),
        atr_scale=decimal_to(grid.atr_scale),
        max_multiple=grid.max_multiple,
        volatility_sizing=grid.volatility_sizing,
        max_position=optional_to(grid.max_position),
        max_open_orders=grid.max_open_orders,
        anchor=optional_to(grid.anchor),
        min_price=optional_to(grid.min_price),
        max_price=optional_to(grid.max_price),
        trail=TRAILS.to(grid.trail),
    )


def settings_from(message: registry_pb2.GridSettings, defaults: GridSettings) -> GridSettings:
    """Settings of a grid; what is not set has the value of `defaults`. A spacing of either kind replaces theirs.

    InvalidValue names the field whose text is no decimal or whose number is no mode. Bounds are checked elsewhere.
    """
    interval, percent = defaults.interval, defaults.interval_percent
    spacing = message.WhichOneof("spacing")
    if spacing is not None:
        interval = optional_from(message, "interval")
        percent = optional_from(message, "interval_percent")

    def decimal(field: str, default: Decimal) -> Decimal:
        given = optional_from(message, field)
        return default if given is None else given

    def optional(field: str, default: Decimal | None) -> Decimal | None:
        given = optional_from(message, field)
        return default if given is None else given

    return GridSettings(
        mode=MODES.read(message.mode, "mode") if message.mode else defaults.mode,
        amount=decimal("amount", defaults.amount),
        interval=interval,
        interval_percent=percent,
        buy_window=message.buy_window if message.HasField("buy_window") else defaults.buy_window,
        sell_window=message.sell_window if message.HasField("sell_window") else defaults.sell_window,
        skew=decimal("skew", defaults.skew),
        atr_scale=decimal("atr_scale", defaults.atr_scale),
        max_multiple=message.max_multiple if message.HasField("max_multiple") else defaults.max_multiple,
        volatility_sizing=(
            message.volatility_sizing if message.HasField("volatility_sizing") else defaults.volatility_sizing
        ),
        max_position=optional("max_position", defaults.max_position),
        max_open_orders=message.max_open_orders if message.HasField("max_open_orders") else defaults.max_open_orders,
        anchor=optional("anchor", defaults.anchor),
        min_price=optional("min_price", defaults.min_price),
        max_price=optional("max_price", defaults.max_price),
        trail=TRAILS.read(message.trail, "trail") if message.trail else defaults.trail,
    )


def _order_to(view: LevelView, row: SymbolRow) -> order_pb2.Order | None:
    if not view.order_id:
        return None
    return order_pb2.Order(
        account=row.account,
        symbol=row.symbol,
        client_order_id=view.order_id,
        kind=KINDS.to(OrderKind[view.order_kind.upper()]),
        side=SIDES.to(view.order_side),
        price=optional_to(view.order_price),
        quantity=optional_to(view.order_quantity),
        filled_quantity=optional_to(view.order_filled),
    )


def _level_to(view: LevelView, row: SymbolRow) -> slot_pb2.Slot:
    held = slot_pb2.SLOT_POSITION_FILLED if view.position else slot_pb2.SLOT_POSITION_EMPTY
    reason = slot_pb2.SlotReason(code=view.reason_code, sentence=view.reason)
    return slot_pb2.Slot(
        level=view.level,
        price=decimal_to(view.price),
        status=SLOTS.to(view.status),
        position=held,
        quantity=decimal_to(view.position),
        order=_order_to(view, row),
        exit_price=optional_to(view.exit_price),
        reason=reason if view.reason_code or view.reason else None,
        cost=decimal_to(view.cost),
        pnl=position_pb2.ProfitAndLoss(
            realized=decimal_to(view.realized_pnl),
            unrealized=decimal_to(view.unrealized_pnl),
            fees=decimal_to(view.fees),
            round_trips=view.round_trips,
        ),
    )


def _level_from(message: slot_pb2.Slot) -> LevelView:
    order = message.order if message.HasField("order") else None
    return LevelView(
        level=message.level,
        price=decimal_from(message.price, "price"),
        status=SLOTS.read(message.status, "status").value,
        position=present(message, "quantity"),
        order_id=order.client_order_id if order else "",
        order_kind=KINDS.read(order.kind, "kind").name.lower() if order else "",
        order_side=SIDES.read(order.side, "side").value if order else "",
        order_price=optional_from(order, "price") if order else None,
        order_quantity=optional_from(order, "quantity") if order else None,
        order_filled=optional_from(order, "filled_quantity") if order else None,
        exit_price=optional_from(message, "exit_price"),
        reason_code=message.reason.code,
        reason=message.reason.sentence,
        cost=present(message, "cost"),
        unrealized_pnl=present(message.pnl, "unrealized"),
        realized_pnl=present(message.pnl, "realized"),
        fees=present(message.pnl, "fees"),
        round_trips=message.pnl.round_trips,
    )


def symbol_to(view: SymbolView) -> orchestrator_pb2.DescribeSymbolResponse:
    """Everything about one symbol."""
    band = None
    if view.band_low is not None or view.band_high is not None:
        band = common_pb2.PriceBand(low=optional_to(view.band_low), high=optional_to(view.band_high))
    return orchestrator_pb2.DescribeSymbolResponse(
        status=row_to(view.row),
        grid=settings_to(view.settings),
        centre=optional_to(view.centre),
        interval=optional_to(view.interval),
        quiet_band=band,
        gates=[
            registry_pb2.Gate(reason=_GATES.get(code, registry_pb2.GATE_REASON_OTHER), code=code, sentence=sentence)
            for code, sentence in view.gates
        ],
        slots=[_level_to(level, view.row) for level in view.levels],
        history=view.history,
    )


def symbol_from(message: orchestrator_pb2.DescribeSymbolResponse) -> SymbolView:
    """Everything about one symbol, as it was before `symbol_to`."""
    return SymbolView(
        row=row_from(message.status),
        settings=settings_from(message.grid, GridSettings()),
        centre=optional_from(message, "centre"),
        interval=optional_from(message, "interval"),
        band_low=optional_from(message.quiet_band, "low"),
        band_high=optional_from(message.quiet_band, "high"),
        gates=tuple((gate.code, gate.sentence) for gate in message.gates),
        levels=tuple(_level_from(slot) for slot in message.slots),
        history=tuple(message.history),
    )


def account_to(row: AccountRow) -> orchestrator_pb2.AccountStatus:
    """The line of an account, without what is a shard's own."""
    return orchestrator_pb2.AccountStatus(
        account=row.account,
        orders_stream_up=row.orders_stream,
        prices_stream_up=row.prices_stream,
        live_orders=row.live_orders,
        waiting_requests=row.waiting,
        paused_until=time_to(row.paused_until),
        ticks=row.ticks,
        ticks_skipped=row.ticks_skipped,
    )


def account_from(message: orchestrator_pb2.AccountStatus) -> AccountRow:
    """The line of an account, as it was before `account_to`."""
    return AccountRow(
        account=message.account,
        orders_stream=message.orders_stream_up,
        prices_stream=message.prices_stream_up,
        live_orders=message.live_orders,
        waiting=message.waiting_requests,
        paused_until=time_from(message.paused_until),
        ticks=message.ticks,
        ticks_skipped=message.ticks_skipped,
    )


def _shard_to(row: ShardRow, pid: int) -> orchestrator_pb2.ShardStatus:
    return orchestrator_pb2.ShardStatus(
        shard_id=row.shard,
        state=_SHARD.get(row.state, orchestrator_pb2.SHARD_STATE_UNSPECIFIED),
        pid=row.pid or pid,
        symbols=row.symbols,
        restarts=row.restarts,
        resident=row.resident,
        why=row.why,
    )


def _shard_from(message: orchestrator_pb2.ShardStatus) -> ShardRow:
    return ShardRow(
        shard=message.shard_id,
        state=_SHARD_NAMES.get(message.state, "unknown"),
        pid=message.pid,
        symbols=message.symbols,
        restarts=message.restarts,
        resident=message.resident,
        why=message.why,
    )


def _shards_to(view: StatusView, pid: int) -> list[orchestrator_pb2.ShardStatus]:
    """The shards; a single one without a process of its own is in the one that answers."""
    inside = len(view.shard_rows) == 1 and not view.shard_rows[0].pid
    return [_shard_to(row, pid if inside else 0) for row in view.shard_rows]


def status_to(view: StatusView, *, pid: int, now: int) -> orchestrator_pb2.GetStatusResponse:
    """How the system is. pid: of the process that holds the shard; now: ns."""
    message = orchestrator_pb2.GetStatusResponse(
        version=view.version,
        instance=view.instance,
        state=_SYSTEM.get(view.state, orchestrator_pb2.SYSTEM_STATE_UNSPECIFIED),
        started_at=time_to(view.started),
        shards=_shards_to(view, pid),
        accounts=[account_to(row) for row in view.accounts],
        counters=orchestrator_pb2.Counters(
            ticks=view.ticks,
            ticks_skipped=view.ticks_skipped,
            orders_placed=view.orders_placed,
            orders_cancelled=view.orders_cancelled,
            fills=view.fills,
            realized_pnl=decimal_to(view.realized_pnl),
            unrealized_pnl=decimal_to(view.unrealized_pnl),
            fees=decimal_to(view.fees),
            funding=decimal_to(view.funding),
            restarts=view.restarts,
            illegal_transitions=view.illegal_transitions,
        ),
        risk=risk_pb2.RiskState(
            triggered=view.risk_triggered, reason=view.risk_reason, breaker=CIRCUITS.get(view.breaker)
        ),
        symbols=[row_to(row) for row in view.symbols],
    )
    if view.started:
        message.uptime.FromNanoseconds(max(now - view.started, 0))
    return message


def status_from(message: orchestrator_pb2.GetStatusResponse) -> StatusView:
    """How the system is, as it was before `status_to`."""
    counters = message.counters
    return StatusView(
        version=message.version,
        instance=message.instance,
        started=time_from(message.started_at),
        state=_SYSTEM_NAMES.get(message.state, "unknown"),
        shards=len(message.shards),
        ticks=counters.ticks,
        ticks_skipped=counters.ticks_skipped,
        orders_placed=counters.orders_placed,
        orders_cancelled=counters.orders_cancelled,
        fills=counters.fills,
        realized_pnl=present(counters, "realized_pnl"),
        unrealized_pnl=present(counters, "unrealized_pnl"),
        fees=present(counters, "fees"),
        funding=present(counters, "funding"),
        restarts=counters.restarts,
        illegal_transitions=counters.illegal_transitions,
        risk_triggered=message.risk.triggered,
        risk_reason=message.risk.reason,
        breaker=CIRCUIT_NAMES.get(message.risk.breaker, "closed"),
        accounts=tuple(account_from(row) for row in message.accounts),
        symbols=tuple(row_from(row) for row in message.symbols),
        shard_rows=tuple(_shard_from(row) for row in message.shards),
    )
