import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from opensqt_actors.wire.v1 import common_pb2 as _common_pb2
from opensqt_actors.wire.v1 import event_pb2 as _event_pb2
from opensqt_actors.wire.v1 import registry_pb2 as _registry_pb2
from opensqt_actors.wire.v1 import risk_pb2 as _risk_pb2
from opensqt_actors.wire.v1 import slot_pb2 as _slot_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SystemState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SYSTEM_STATE_UNSPECIFIED: _ClassVar[SystemState]
    SYSTEM_STATE_STARTING: _ClassVar[SystemState]
    SYSTEM_STATE_RUNNING: _ClassVar[SystemState]
    SYSTEM_STATE_STOPPING: _ClassVar[SystemState]
    SYSTEM_STATE_STOPPED: _ClassVar[SystemState]

class ShardState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SHARD_STATE_UNSPECIFIED: _ClassVar[ShardState]
    SHARD_STATE_STARTING: _ClassVar[ShardState]
    SHARD_STATE_RUNNING: _ClassVar[ShardState]
    SHARD_STATE_UNREACHABLE: _ClassVar[ShardState]
    SHARD_STATE_STOPPED: _ClassVar[ShardState]
    SHARD_STATE_QUARANTINED: _ClassVar[ShardState]
    SHARD_STATE_DRAINED: _ClassVar[ShardState]

class OperationState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    OPERATION_STATE_UNSPECIFIED: _ClassVar[OperationState]
    OPERATION_STATE_RUNNING: _ClassVar[OperationState]
    OPERATION_STATE_DONE: _ClassVar[OperationState]
    OPERATION_STATE_REFUSED: _ClassVar[OperationState]
    OPERATION_STATE_FAILED: _ClassVar[OperationState]
SYSTEM_STATE_UNSPECIFIED: SystemState
SYSTEM_STATE_STARTING: SystemState
SYSTEM_STATE_RUNNING: SystemState
SYSTEM_STATE_STOPPING: SystemState
SYSTEM_STATE_STOPPED: SystemState
SHARD_STATE_UNSPECIFIED: ShardState
SHARD_STATE_STARTING: ShardState
SHARD_STATE_RUNNING: ShardState
SHARD_STATE_UNREACHABLE: ShardState
SHARD_STATE_STOPPED: ShardState
SHARD_STATE_QUARANTINED: ShardState
SHARD_STATE_DRAINED: ShardState
OPERATION_STATE_UNSPECIFIED: OperationState
OPERATION_STATE_RUNNING: OperationState
OPERATION_STATE_DONE: OperationState
OPERATION_STATE_REFUSED: OperationState
OPERATION_STATE_FAILED: OperationState

class AddSymbolRequest(_message.Message):
    __slots__ = ("spec", "operation_key")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    OPERATION_KEY_FIELD_NUMBER: _ClassVar[int]
    spec: _registry_pb2.SymbolSpec
    operation_key: str
    def __init__(self, spec: _Optional[_Union[_registry_pb2.SymbolSpec, _Mapping]] = ..., operation_key: _Optional[str] = ...) -> None: ...

class AddSymbolResponse(_message.Message):
    __slots__ = ("sentence", "operation_key")
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    OPERATION_KEY_FIELD_NUMBER: _ClassVar[int]
    sentence: str
    operation_key: str
    def __init__(self, sentence: _Optional[str] = ..., operation_key: _Optional[str] = ...) -> None: ...

class RemoveSymbolRequest(_message.Message):
    __slots__ = ("account", "symbol", "mode", "operation_key")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    OPERATION_KEY_FIELD_NUMBER: _ClassVar[int]
    account: str
    symbol: str
    mode: _registry_pb2.RemoveMode
    operation_key: str
    def __init__(self, account: _Optional[str] = ..., symbol: _Optional[str] = ..., mode: _Optional[_Union[_registry_pb2.RemoveMode, str]] = ..., operation_key: _Optional[str] = ...) -> None: ...

class RemoveSymbolResponse(_message.Message):
    __slots__ = ("sentence", "operation_key")
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    OPERATION_KEY_FIELD_NUMBER: _ClassVar[int]
    sentence: str
    operation_key: str
    def __init__(self, sentence: _Optional[str] = ..., operation_key: _Optional[str] = ...) -> None: ...

class PauseSymbolRequest(_message.Message):
    __slots__ = ("account", "symbol", "operation_key")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    OPERATION_KEY_FIELD_NUMBER: _ClassVar[int]
    account: str
    symbol: str
    operation_key: str
    def __init__(self, account: _Optional[str] = ..., symbol: _Optional[str] = ..., operation_key: _Optional[str] = ...) -> None: ...

class PauseSymbolResponse(_message.Message):
    __slots__ = ("sentence", "operation_key")
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    OPERATION_KEY_FIELD_NUMBER: _ClassVar[int]
    sentence: str
    operation_key: str
    def __init__(self, sentence: _Optional[str] = ..., operation_key: _Optional[str] = ...) -> None: ...

class ResumeSymbolRequest(_message.Message):
    __slots__ = ("account", "symbol", "operation_key")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    OPERATION_KEY_FIELD_NUMBER: _ClassVar[int]
    account: str
    symbol: str
    operation_key: str
    def __init__(self, account: _Optional[str] = ..., symbol: _Optional[str] = ..., operation_key: _Optional[str] = ...) -> None: ...

class ResumeSymbolResponse(_message.Message):
    __slots__ = ("sentence", "operation_key")
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    OPERATION_KEY_FIELD_NUMBER: _ClassVar[int]
    sentence: str
    operation_key: str
    def __init__(self, sentence: _Optional[str] = ..., operation_key: _Optional[str] = ...) -> None: ...

class ListSymbolsRequest(_message.Message):
    __slots__ = ("account", "states")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    STATES_FIELD_NUMBER: _ClassVar[int]
    account: str
    states: _containers.RepeatedScalarFieldContainer[_registry_pb2.SymbolState]
    def __init__(self, account: _Optional[str] = ..., states: _Optional[_Iterable[_Union[_registry_pb2.SymbolState, str]]] = ...) -> None: ...

class ListSymbolsResponse(_message.Message):
    __slots__ = ("symbols",)
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    symbols: _containers.RepeatedCompositeFieldContainer[_registry_pb2.SymbolStatus]
    def __init__(self, symbols: _Optional[_Iterable[_Union[_registry_pb2.SymbolStatus, _Mapping]]] = ...) -> None: ...

class DescribeSymbolRequest(_message.Message):
    __slots__ = ("account", "symbol")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    account: str
    symbol: str
    def __init__(self, account: _Optional[str] = ..., symbol: _Optional[str] = ...) -> None: ...

class DescribeSymbolResponse(_message.Message):
    __slots__ = ("status", "grid", "centre", "interval", "quiet_band", "gates", "slots", "history")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    GRID_FIELD_NUMBER: _ClassVar[int]
    CENTRE_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    QUIET_BAND_FIELD_NUMBER: _ClassVar[int]
    GATES_FIELD_NUMBER: _ClassVar[int]
    SLOTS_FIELD_NUMBER: _ClassVar[int]
    HISTORY_FIELD_NUMBER: _ClassVar[int]
    status: _registry_pb2.SymbolStatus
    grid: _registry_pb2.GridSettings
    centre: _common_pb2.Decimal
    interval: _common_pb2.Decimal
    quiet_band: _common_pb2.PriceBand
    gates: _containers.RepeatedCompositeFieldContainer[_registry_pb2.Gate]
    slots: _containers.RepeatedCompositeFieldContainer[_slot_pb2.Slot]
    history: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, status: _Optional[_Union[_registry_pb2.SymbolStatus, _Mapping]] = ..., grid: _Optional[_Union[_registry_pb2.GridSettings, _Mapping]] = ..., centre: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., interval: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., quiet_band: _Optional[_Union[_common_pb2.PriceBand, _Mapping]] = ..., gates: _Optional[_Iterable[_Union[_registry_pb2.Gate, _Mapping]]] = ..., slots: _Optional[_Iterable[_Union[_slot_pb2.Slot, _Mapping]]] = ..., history: _Optional[_Iterable[str]] = ...) -> None: ...

class GetStatusRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ShardStatus(_message.Message):
    __slots__ = ("shard_id", "state", "pid", "symbols", "restarts", "resident", "why")
    SHARD_ID_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    RESIDENT_FIELD_NUMBER: _ClassVar[int]
    WHY_FIELD_NUMBER: _ClassVar[int]
    shard_id: str
    state: ShardState
    pid: int
    symbols: int
    restarts: int
    resident: int
    why: str
    def __init__(self, shard_id: _Optional[str] = ..., state: _Optional[_Union[ShardState, str]] = ..., pid: _Optional[int] = ..., symbols: _Optional[int] = ..., restarts: _Optional[int] = ..., resident: _Optional[int] = ..., why: _Optional[str] = ...) -> None: ...

class AccountStatus(_message.Message):
    __slots__ = ("account", "orders_stream_up", "prices_stream_up", "live_orders", "waiting_requests", "paused_until", "ticks", "ticks_skipped")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    ORDERS_STREAM_UP_FIELD_NUMBER: _ClassVar[int]
    PRICES_STREAM_UP_FIELD_NUMBER: _ClassVar[int]
    LIVE_ORDERS_FIELD_NUMBER: _ClassVar[int]
    WAITING_REQUESTS_FIELD_NUMBER: _ClassVar[int]
    PAUSED_UNTIL_FIELD_NUMBER: _ClassVar[int]
    TICKS_FIELD_NUMBER: _ClassVar[int]
    TICKS_SKIPPED_FIELD_NUMBER: _ClassVar[int]
    account: str
    orders_stream_up: bool
    prices_stream_up: bool
    live_orders: int
    waiting_requests: int
    paused_until: _timestamp_pb2.Timestamp
    ticks: int
    ticks_skipped: int
    def __init__(self, account: _Optional[str] = ..., orders_stream_up: _Optional[bool] = ..., prices_stream_up: _Optional[bool] = ..., live_orders: _Optional[int] = ..., waiting_requests: _Optional[int] = ..., paused_until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ticks: _Optional[int] = ..., ticks_skipped: _Optional[int] = ...) -> None: ...

class Counters(_message.Message):
    __slots__ = ("ticks", "ticks_skipped", "orders_placed", "orders_cancelled", "fills", "realized_pnl", "unrealized_pnl", "fees", "funding", "restarts", "illegal_transitions")
    TICKS_FIELD_NUMBER: _ClassVar[int]
    TICKS_SKIPPED_FIELD_NUMBER: _ClassVar[int]
    ORDERS_PLACED_FIELD_NUMBER: _ClassVar[int]
    ORDERS_CANCELLED_FIELD_NUMBER: _ClassVar[int]
    FILLS_FIELD_NUMBER: _ClassVar[int]
    REALIZED_PNL_FIELD_NUMBER: _ClassVar[int]
    UNREALIZED_PNL_FIELD_NUMBER: _ClassVar[int]
    FEES_FIELD_NUMBER: _ClassVar[int]
    FUNDING_FIELD_NUMBER: _ClassVar[int]
    RESTARTS_FIELD_NUMBER: _ClassVar[int]
    ILLEGAL_TRANSITIONS_FIELD_NUMBER: _ClassVar[int]
    ticks: int
    ticks_skipped: int
    orders_placed: int
    orders_cancelled: int
    fills: int
    realized_pnl: _common_pb2.Decimal
    unrealized_pnl: _common_pb2.Decimal
    fees: _common_pb2.Decimal
    funding: _common_pb2.Decimal
    restarts: int
    illegal_transitions: int
    def __init__(self, ticks: _Optional[int] = ..., ticks_skipped: _Optional[int] = ..., orders_placed: _Optional[int] = ..., orders_cancelled: _Optional[int] = ..., fills: _Optional[int] = ..., realized_pnl: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., unrealized_pnl: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., fees: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., funding: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., restarts: _Optional[int] = ..., illegal_transitions: _Optional[int] = ...) -> None: ...

class GetStatusResponse(_message.Message):
    __slots__ = ("version", "instance", "state", "started_at", "uptime", "shards", "accounts", "counters", "risk", "symbols")
    VERSION_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STARTED_AT_FIELD_NUMBER: _ClassVar[int]
    UPTIME_FIELD_NUMBER: _ClassVar[int]
    SHARDS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    COUNTERS_FIELD_NUMBER: _ClassVar[int]
    RISK_FIELD_NUMBER: _ClassVar[int]
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    version: str
    instance: str
    state: SystemState
    started_at: _timestamp_pb2.Timestamp
    uptime: _duration_pb2.Duration
    shards: _containers.RepeatedCompositeFieldContainer[ShardStatus]
    accounts: _containers.RepeatedCompositeFieldContainer[AccountStatus]
    counters: Counters
    risk: _risk_pb2.RiskState
    symbols: _containers.RepeatedCompositeFieldContainer[_registry_pb2.SymbolStatus]
    def __init__(self, version: _Optional[str] = ..., instance: _Optional[str] = ..., state: _Optional[_Union[SystemState, str]] = ..., started_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., uptime: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., shards: _Optional[_Iterable[_Union[ShardStatus, _Mapping]]] = ..., accounts: _Optional[_Iterable[_Union[AccountStatus, _Mapping]]] = ..., counters: _Optional[_Union[Counters, _Mapping]] = ..., risk: _Optional[_Union[_risk_pb2.RiskState, _Mapping]] = ..., symbols: _Optional[_Iterable[_Union[_registry_pb2.SymbolStatus, _Mapping]]] = ...) -> None: ...

class GetRiskRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class GetRiskResponse(_message.Message):
    __slots__ = ("rules", "exposure")
    RULES_FIELD_NUMBER: _ClassVar[int]
    EXPOSURE_FIELD_NUMBER: _ClassVar[int]
    rules: _containers.RepeatedCompositeFieldContainer[_risk_pb2.RiskRule]
    exposure: _containers.RepeatedCompositeFieldContainer[_risk_pb2.AccountExposure]
    def __init__(self, rules: _Optional[_Iterable[_Union[_risk_pb2.RiskRule, _Mapping]]] = ..., exposure: _Optional[_Iterable[_Union[_risk_pb2.AccountExposure, _Mapping]]] = ...) -> None: ...

class TripBreakerRequest(_message.Message):
    __slots__ = ("account", "symbol", "reason")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    account: str
    symbol: str
    reason: str
    def __init__(self, account: _Optional[str] = ..., symbol: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class TripBreakerResponse(_message.Message):
    __slots__ = ("sentence",)
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    sentence: str
    def __init__(self, sentence: _Optional[str] = ...) -> None: ...

class ResetBreakerRequest(_message.Message):
    __slots__ = ("account", "symbol", "reason")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    account: str
    symbol: str
    reason: str
    def __init__(self, account: _Optional[str] = ..., symbol: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ResetBreakerResponse(_message.Message):
    __slots__ = ("sentence",)
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    sentence: str
    def __init__(self, sentence: _Optional[str] = ...) -> None: ...

class EmergencyExitRequest(_message.Message):
    __slots__ = ("account", "reason")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    account: str
    reason: str
    def __init__(self, account: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class EmergencyExitResponse(_message.Message):
    __slots__ = ("sentence",)
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    sentence: str
    def __init__(self, sentence: _Optional[str] = ...) -> None: ...

class ClearEmergencyRequest(_message.Message):
    __slots__ = ("account", "reason")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    account: str
    reason: str
    def __init__(self, account: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ClearEmergencyResponse(_message.Message):
    __slots__ = ("sentence",)
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    sentence: str
    def __init__(self, sentence: _Optional[str] = ...) -> None: ...

class ShutdownRequest(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ShutdownResponse(_message.Message):
    __slots__ = ("sentence",)
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    sentence: str
    def __init__(self, sentence: _Optional[str] = ...) -> None: ...

class MoveSymbolRequest(_message.Message):
    __slots__ = ("account", "symbol", "shard_id", "operation_key")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    SHARD_ID_FIELD_NUMBER: _ClassVar[int]
    OPERATION_KEY_FIELD_NUMBER: _ClassVar[int]
    account: str
    symbol: str
    shard_id: str
    operation_key: str
    def __init__(self, account: _Optional[str] = ..., symbol: _Optional[str] = ..., shard_id: _Optional[str] = ..., operation_key: _Optional[str] = ...) -> None: ...

class MoveSymbolResponse(_message.Message):
    __slots__ = ("sentence", "operation_key")
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    OPERATION_KEY_FIELD_NUMBER: _ClassVar[int]
    sentence: str
    operation_key: str
    def __init__(self, sentence: _Optional[str] = ..., operation_key: _Optional[str] = ...) -> None: ...

class DrainShardRequest(_message.Message):
    __slots__ = ("shard_id",)
    SHARD_ID_FIELD_NUMBER: _ClassVar[int]
    shard_id: str
    def __init__(self, shard_id: _Optional[str] = ...) -> None: ...

class DrainShardResponse(_message.Message):
    __slots__ = ("sentence",)
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    sentence: str
    def __init__(self, sentence: _Optional[str] = ...) -> None: ...

class RestartShardRequest(_message.Message):
    __slots__ = ("shard_id",)
    SHARD_ID_FIELD_NUMBER: _ClassVar[int]
    shard_id: str
    def __init__(self, shard_id: _Optional[str] = ...) -> None: ...

class RestartShardResponse(_message.Message):
    __slots__ = ("sentence",)
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    sentence: str
    def __init__(self, sentence: _Optional[str] = ...) -> None: ...

class SubscribeEventsRequest(_message.Message):
    __slots__ = ("account", "symbols", "kinds", "minimum_severity", "latest", "past_only")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    KINDS_FIELD_NUMBER: _ClassVar[int]
    MINIMUM_SEVERITY_FIELD_NUMBER: _ClassVar[int]
    LATEST_FIELD_NUMBER: _ClassVar[int]
    PAST_ONLY_FIELD_NUMBER: _ClassVar[int]
    account: str
    symbols: _containers.RepeatedScalarFieldContainer[str]
    kinds: _containers.RepeatedScalarFieldContainer[_event_pb2.EventKind]
    minimum_severity: _common_pb2.Severity
    latest: int
    past_only: bool
    def __init__(self, account: _Optional[str] = ..., symbols: _Optional[_Iterable[str]] = ..., kinds: _Optional[_Iterable[_Union[_event_pb2.EventKind, str]]] = ..., minimum_severity: _Optional[_Union[_common_pb2.Severity, str]] = ..., latest: _Optional[int] = ..., past_only: _Optional[bool] = ...) -> None: ...

class SubscribeEventsResponse(_message.Message):
    __slots__ = ("event",)
    EVENT_FIELD_NUMBER: _ClassVar[int]
    event: _event_pb2.Event
    def __init__(self, event: _Optional[_Union[_event_pb2.Event, _Mapping]] = ...) -> None: ...

class ReconcileSymbolRequest(_message.Message):
    __slots__ = ("account", "symbol", "accept")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_FIELD_NUMBER: _ClassVar[int]
    account: str
    symbol: str
    accept: bool
    def __init__(self, account: _Optional[str] = ..., symbol: _Optional[str] = ..., accept: _Optional[bool] = ...) -> None: ...

class ReconcileSymbolResponse(_message.Message):
    __slots__ = ("sentence", "verdict", "slots_position", "venue_position", "corrected", "orders", "foreign_orders", "missed_fills", "foreign_trades")
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    VERDICT_FIELD_NUMBER: _ClassVar[int]
    SLOTS_POSITION_FIELD_NUMBER: _ClassVar[int]
    VENUE_POSITION_FIELD_NUMBER: _ClassVar[int]
    CORRECTED_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    FOREIGN_ORDERS_FIELD_NUMBER: _ClassVar[int]
    MISSED_FILLS_FIELD_NUMBER: _ClassVar[int]
    FOREIGN_TRADES_FIELD_NUMBER: _ClassVar[int]
    sentence: str
    verdict: str
    slots_position: _common_pb2.Decimal
    venue_position: _common_pb2.Decimal
    corrected: _common_pb2.Decimal
    orders: int
    foreign_orders: int
    missed_fills: int
    foreign_trades: int
    def __init__(self, sentence: _Optional[str] = ..., verdict: _Optional[str] = ..., slots_position: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., venue_position: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., corrected: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., orders: _Optional[int] = ..., foreign_orders: _Optional[int] = ..., missed_fills: _Optional[int] = ..., foreign_trades: _Optional[int] = ...) -> None: ...

class FlattenSymbolRequest(_message.Message):
    __slots__ = ("account", "symbol", "operation_key")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    OPERATION_KEY_FIELD_NUMBER: _ClassVar[int]
    account: str
    symbol: str
    operation_key: str
    def __init__(self, account: _Optional[str] = ..., symbol: _Optional[str] = ..., operation_key: _Optional[str] = ...) -> None: ...

class FlattenSymbolResponse(_message.Message):
    __slots__ = ("sentence", "operation_key")
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    OPERATION_KEY_FIELD_NUMBER: _ClassVar[int]
    sentence: str
    operation_key: str
    def __init__(self, sentence: _Optional[str] = ..., operation_key: _Optional[str] = ...) -> None: ...

class ApplyConfigRequest(_message.Message):
    __slots__ = ("operation_key",)
    OPERATION_KEY_FIELD_NUMBER: _ClassVar[int]
    operation_key: str
    def __init__(self, operation_key: _Optional[str] = ...) -> None: ...

class ApplyConfigResponse(_message.Message):
    __slots__ = ("sentence", "operation_key", "notes")
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    OPERATION_KEY_FIELD_NUMBER: _ClassVar[int]
    NOTES_FIELD_NUMBER: _ClassVar[int]
    sentence: str
    operation_key: str
    notes: _containers.RepeatedScalarFieldContainer[str]
    def __init__(self, sentence: _Optional[str] = ..., operation_key: _Optional[str] = ..., notes: _Optional[_Iterable[str]] = ...) -> None: ...

class VerifyFlatRequest(_message.Message):
    __slots__ = ("account", "symbol", "operation_key")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    OPERATION_KEY_FIELD_NUMBER: _ClassVar[int]
    account: str
    symbol: str
    operation_key: str
    def __init__(self, account: _Optional[str] = ..., symbol: _Optional[str] = ..., operation_key: _Optional[str] = ...) -> None: ...

class VerifyFlatResponse(_message.Message):
    __slots__ = ("sentence", "operation_key")
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    OPERATION_KEY_FIELD_NUMBER: _ClassVar[int]
    sentence: str
    operation_key: str
    def __init__(self, sentence: _Optional[str] = ..., operation_key: _Optional[str] = ...) -> None: ...

class Operation(_message.Message):
    __slots__ = ("key", "kind", "account", "symbol", "state", "step", "step_since", "asked_at", "ended_at", "sentence")
    KEY_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    STEP_SINCE_FIELD_NUMBER: _ClassVar[int]
    ASKED_AT_FIELD_NUMBER: _ClassVar[int]
    ENDED_AT_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    key: str
    kind: str
    account: str
    symbol: str
    state: OperationState
    step: str
    step_since: _timestamp_pb2.Timestamp
    asked_at: _timestamp_pb2.Timestamp
    ended_at: _timestamp_pb2.Timestamp
    sentence: str
    def __init__(self, key: _Optional[str] = ..., kind: _Optional[str] = ..., account: _Optional[str] = ..., symbol: _Optional[str] = ..., state: _Optional[_Union[OperationState, str]] = ..., step: _Optional[str] = ..., step_since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., asked_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., ended_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., sentence: _Optional[str] = ...) -> None: ...

class OperationStep(_message.Message):
    __slots__ = ("name", "at", "result")
    NAME_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    RESULT_FIELD_NUMBER: _ClassVar[int]
    name: str
    at: _timestamp_pb2.Timestamp
    result: str
    def __init__(self, name: _Optional[str] = ..., at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., result: _Optional[str] = ...) -> None: ...

class ListOperationsRequest(_message.Message):
    __slots__ = ("running_only", "limit")
    RUNNING_ONLY_FIELD_NUMBER: _ClassVar[int]
    LIMIT_FIELD_NUMBER: _ClassVar[int]
    running_only: bool
    limit: int
    def __init__(self, running_only: _Optional[bool] = ..., limit: _Optional[int] = ...) -> None: ...

class ListOperationsResponse(_message.Message):
    __slots__ = ("operations",)
    OPERATIONS_FIELD_NUMBER: _ClassVar[int]
    operations: _containers.RepeatedCompositeFieldContainer[Operation]
    def __init__(self, operations: _Optional[_Iterable[_Union[Operation, _Mapping]]] = ...) -> None: ...

class GetOperationRequest(_message.Message):
    __slots__ = ("key",)
    KEY_FIELD_NUMBER: _ClassVar[int]
    key: str
    def __init__(self, key: _Optional[str] = ...) -> None: ...

class GetOperationResponse(_message.Message):
    __slots__ = ("operation", "steps", "arguments")
    OPERATION_FIELD_NUMBER: _ClassVar[int]
    STEPS_FIELD_NUMBER: _ClassVar[int]
    ARGUMENTS_FIELD_NUMBER: _ClassVar[int]
    operation: Operation
    steps: _containers.RepeatedCompositeFieldContainer[OperationStep]
    arguments: str
    def __init__(self, operation: _Optional[_Union[Operation, _Mapping]] = ..., steps: _Optional[_Iterable[_Union[OperationStep, _Mapping]]] = ..., arguments: _Optional[str] = ...) -> None: ...
