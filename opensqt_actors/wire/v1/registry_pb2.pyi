import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from opensqt_actors.wire.v1 import common_pb2 as _common_pb2
from opensqt_actors.wire.v1 import position_pb2 as _position_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class GridMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GRID_MODE_UNSPECIFIED: _ClassVar[GridMode]
    GRID_MODE_LONG: _ClassVar[GridMode]
    GRID_MODE_SHORT: _ClassVar[GridMode]
    GRID_MODE_NEUTRAL: _ClassVar[GridMode]

class GridTrail(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GRID_TRAIL_UNSPECIFIED: _ClassVar[GridTrail]
    GRID_TRAIL_BOTH: _ClassVar[GridTrail]
    GRID_TRAIL_UP: _ClassVar[GridTrail]
    GRID_TRAIL_DOWN: _ClassVar[GridTrail]
    GRID_TRAIL_NONE: _ClassVar[GridTrail]

class SymbolState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SYMBOL_STATE_UNSPECIFIED: _ClassVar[SymbolState]
    SYMBOL_STATE_STARTING: _ClassVar[SymbolState]
    SYMBOL_STATE_TRADING: _ClassVar[SymbolState]
    SYMBOL_STATE_PAUSED: _ClassVar[SymbolState]
    SYMBOL_STATE_REMOVING: _ClassVar[SymbolState]
    SYMBOL_STATE_REFUSED: _ClassVar[SymbolState]
    SYMBOL_STATE_QUARANTINED: _ClassVar[SymbolState]
    SYMBOL_STATE_STOPPED: _ClassVar[SymbolState]
    SYMBOL_STATE_REMOVED: _ClassVar[SymbolState]

class RemoveMode(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    REMOVE_MODE_UNSPECIFIED: _ClassVar[RemoveMode]
    REMOVE_MODE_GRACEFUL: _ClassVar[RemoveMode]
    REMOVE_MODE_FLATTEN: _ClassVar[RemoveMode]
    REMOVE_MODE_LEAVE: _ClassVar[RemoveMode]

class GateReason(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    GATE_REASON_UNSPECIFIED: _ClassVar[GateReason]
    GATE_REASON_RISK: _ClassVar[GateReason]
    GATE_REASON_BREAKER: _ClassVar[GateReason]
    GATE_REASON_MARGIN_LOCK: _ClassVar[GateReason]
    GATE_REASON_PAUSED: _ClassVar[GateReason]
    GATE_REASON_STALE_PRICE: _ClassVar[GateReason]
    GATE_REASON_NO_PRICE: _ClassVar[GateReason]
    GATE_REASON_ORDER_STREAM: _ClassVar[GateReason]
    GATE_REASON_RECONCILING: _ClassVar[GateReason]
    GATE_REASON_REMOVING: _ClassVar[GateReason]
    GATE_REASON_EXPOSURE: _ClassVar[GateReason]
    GATE_REASON_STOPPING: _ClassVar[GateReason]
    GATE_REASON_JOURNAL: _ClassVar[GateReason]
    GATE_REASON_OTHER: _ClassVar[GateReason]
GRID_MODE_UNSPECIFIED: GridMode
GRID_MODE_LONG: GridMode
GRID_MODE_SHORT: GridMode
GRID_MODE_NEUTRAL: GridMode
GRID_TRAIL_UNSPECIFIED: GridTrail
GRID_TRAIL_BOTH: GridTrail
GRID_TRAIL_UP: GridTrail
GRID_TRAIL_DOWN: GridTrail
GRID_TRAIL_NONE: GridTrail
SYMBOL_STATE_UNSPECIFIED: SymbolState
SYMBOL_STATE_STARTING: SymbolState
SYMBOL_STATE_TRADING: SymbolState
SYMBOL_STATE_PAUSED: SymbolState
SYMBOL_STATE_REMOVING: SymbolState
SYMBOL_STATE_REFUSED: SymbolState
SYMBOL_STATE_QUARANTINED: SymbolState
SYMBOL_STATE_STOPPED: SymbolState
SYMBOL_STATE_REMOVED: SymbolState
REMOVE_MODE_UNSPECIFIED: RemoveMode
REMOVE_MODE_GRACEFUL: RemoveMode
REMOVE_MODE_FLATTEN: RemoveMode
REMOVE_MODE_LEAVE: RemoveMode
GATE_REASON_UNSPECIFIED: GateReason
GATE_REASON_RISK: GateReason
GATE_REASON_BREAKER: GateReason
GATE_REASON_MARGIN_LOCK: GateReason
GATE_REASON_PAUSED: GateReason
GATE_REASON_STALE_PRICE: GateReason
GATE_REASON_NO_PRICE: GateReason
GATE_REASON_ORDER_STREAM: GateReason
GATE_REASON_RECONCILING: GateReason
GATE_REASON_REMOVING: GateReason
GATE_REASON_EXPOSURE: GateReason
GATE_REASON_STOPPING: GateReason
GATE_REASON_JOURNAL: GateReason
GATE_REASON_OTHER: GateReason

class Gate(_message.Message):
    __slots__ = ("reason", "code", "sentence")
    REASON_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    reason: GateReason
    code: str
    sentence: str
    def __init__(self, reason: _Optional[_Union[GateReason, str]] = ..., code: _Optional[str] = ..., sentence: _Optional[str] = ...) -> None: ...

class GridSettings(_message.Message):
    __slots__ = ("mode", "amount", "interval", "interval_percent", "buy_window", "sell_window", "skew", "atr_scale", "max_multiple", "volatility_sizing", "max_position", "max_open_orders", "anchor", "min_price", "max_price", "trail")
    MODE_FIELD_NUMBER: _ClassVar[int]
    AMOUNT_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_PERCENT_FIELD_NUMBER: _ClassVar[int]
    BUY_WINDOW_FIELD_NUMBER: _ClassVar[int]
    SELL_WINDOW_FIELD_NUMBER: _ClassVar[int]
    SKEW_FIELD_NUMBER: _ClassVar[int]
    ATR_SCALE_FIELD_NUMBER: _ClassVar[int]
    MAX_MULTIPLE_FIELD_NUMBER: _ClassVar[int]
    VOLATILITY_SIZING_FIELD_NUMBER: _ClassVar[int]
    MAX_POSITION_FIELD_NUMBER: _ClassVar[int]
    MAX_OPEN_ORDERS_FIELD_NUMBER: _ClassVar[int]
    ANCHOR_FIELD_NUMBER: _ClassVar[int]
    MIN_PRICE_FIELD_NUMBER: _ClassVar[int]
    MAX_PRICE_FIELD_NUMBER: _ClassVar[int]
    TRAIL_FIELD_NUMBER: _ClassVar[int]
    mode: GridMode
    amount: _common_pb2.Decimal
    interval: _common_pb2.Decimal
    interval_percent: _common_pb2.Decimal
    buy_window: int
    sell_window: int
    skew: _common_pb2.Decimal
    atr_scale: _common_pb2.Decimal
    max_multiple: int
    volatility_sizing: bool
    max_position: _common_pb2.Decimal
    max_open_orders: int
    anchor: _common_pb2.Decimal
    min_price: _common_pb2.Decimal
    max_price: _common_pb2.Decimal
    trail: GridTrail
    def __init__(self, mode: _Optional[_Union[GridMode, str]] = ..., amount: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., interval: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., interval_percent: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., buy_window: _Optional[int] = ..., sell_window: _Optional[int] = ..., skew: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., atr_scale: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., max_multiple: _Optional[int] = ..., volatility_sizing: _Optional[bool] = ..., max_position: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., max_open_orders: _Optional[int] = ..., anchor: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., min_price: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., max_price: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., trail: _Optional[_Union[GridTrail, str]] = ...) -> None: ...

class SymbolSpec(_message.Message):
    __slots__ = ("account", "symbol", "strategy", "grid", "adopt_position")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    STRATEGY_FIELD_NUMBER: _ClassVar[int]
    GRID_FIELD_NUMBER: _ClassVar[int]
    ADOPT_POSITION_FIELD_NUMBER: _ClassVar[int]
    account: str
    symbol: str
    strategy: str
    grid: GridSettings
    adopt_position: bool
    def __init__(self, account: _Optional[str] = ..., symbol: _Optional[str] = ..., strategy: _Optional[str] = ..., grid: _Optional[_Union[GridSettings, _Mapping]] = ..., adopt_position: _Optional[bool] = ...) -> None: ...

class SymbolStatus(_message.Message):
    __slots__ = ("account", "symbol", "mode", "state", "slots_filled", "slots_total", "open_orders", "position", "pnl", "fills", "orders_placed", "orders_cancelled", "illegal_transitions", "restarts", "bid", "ask", "last_tick_at", "why", "grid_pnl")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FILLED_FIELD_NUMBER: _ClassVar[int]
    SLOTS_TOTAL_FIELD_NUMBER: _ClassVar[int]
    OPEN_ORDERS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    PNL_FIELD_NUMBER: _ClassVar[int]
    FILLS_FIELD_NUMBER: _ClassVar[int]
    ORDERS_PLACED_FIELD_NUMBER: _ClassVar[int]
    ORDERS_CANCELLED_FIELD_NUMBER: _ClassVar[int]
    ILLEGAL_TRANSITIONS_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    BID_FIELD_NUMBER: _ClassVar[int]
    ASK_FIELD_NUMBER: _ClassVar[int]
    LAST_TICK_AT_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    GRID_PNL_FIELD_NUMBER: _ClassVar[int]
    account: str
    symbol: str
    mode: GridMode
    state: SymbolState
    slots_filled: int
    slots_total: int
    open_orders: int
    position: _position_pb2.Position
    pnl: _position_pb2.ProfitAndLoss
    fills: int
    orders_placed: int
    orders_cancelled: int
    illegal_transitions: int
    restarts: int
    bid: _common_pb2.Decimal
    ask: _common_pb2.Decimal
    last_tick_at: _timestamp_pb2.Timestamp
    why: str
    grid_pnl: _common_pb2.Decimal
    def __init__(self, account: _Optional[str] = ..., symbol: _Optional[str] = ..., mode: _Optional[_Union[GridMode, str]] = ..., state: _Optional[_Union[SymbolState, str]] = ..., slots_filled: _Optional[int] = ..., slots_total: _Optional[int] = ..., open_orders: _Optional[int] = ..., position: _Optional[_Union[_position_pb2.Position, _Mapping]] = ..., pnl: _Optional[_Union[_position_pb2.ProfitAndLoss, _Mapping]] = ..., fills: _Optional[int] = ..., orders_placed: _Optional[int] = ..., orders_cancelled: _Optional[int] = ..., illegal_transitions: _Optional[int] = ..., restarts: _Optional[int] = ..., bid: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., ask: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., last_tick_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., why: _Optional[str] = ..., grid_pnl: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ...) -> None: ...
