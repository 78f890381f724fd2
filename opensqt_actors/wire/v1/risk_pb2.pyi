import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from opensqt_actors.wire.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class CircuitState(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    CIRCUIT_STATE_UNSPECIFIED: _ClassVar[CircuitState]
    CIRCUIT_STATE_CLOSED: _ClassVar[CircuitState]
    CIRCUIT_STATE_OPEN: _ClassVar[CircuitState]
    CIRCUIT_STATE_HALF_OPEN: _ClassVar[CircuitState]

class RiskScope(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    RISK_SCOPE_UNSPECIFIED: _ClassVar[RiskScope]
    RISK_SCOPE_MONITOR: _ClassVar[RiskScope]
    RISK_SCOPE_GLOBAL: _ClassVar[RiskScope]
    RISK_SCOPE_SYMBOL: _ClassVar[RiskScope]
    RISK_SCOPE_EMERGENCY: _ClassVar[RiskScope]
CIRCUIT_STATE_UNSPECIFIED: CircuitState
CIRCUIT_STATE_CLOSED: CircuitState
CIRCUIT_STATE_OPEN: CircuitState
CIRCUIT_STATE_HALF_OPEN: CircuitState
RISK_SCOPE_UNSPECIFIED: RiskScope
RISK_SCOPE_MONITOR: RiskScope
RISK_SCOPE_GLOBAL: RiskScope
RISK_SCOPE_SYMBOL: RiskScope
RISK_SCOPE_EMERGENCY: RiskScope

class RiskState(_message.Message):
    __slots__ = ("triggered", "reason", "breaker", "since")
    TRIGGERED_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    BREAKER_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    triggered: bool
    reason: str
    breaker: CircuitState
    since: _timestamp_pb2.Timestamp
    def __init__(self, triggered: _Optional[bool] = ..., reason: _Optional[str] = ..., breaker: _Optional[_Union[CircuitState, str]] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class RiskRule(_message.Message):
    __slots__ = ("scope", "account", "symbol", "breaker", "active", "cause", "sentence", "since", "until")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    BREAKER_FIELD_NUMBER: _ClassVar[int]
    ACTIVE_FIELD_NUMBER: _ClassVar[int]
    CAUSE_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    SINCE_FIELD_NUMBER: _ClassVar[int]
    UNTIL_FIELD_NUMBER: _ClassVar[int]
    scope: RiskScope
    account: str
    symbol: str
    breaker: CircuitState
    active: bool
    cause: str
    sentence: str
    since: _timestamp_pb2.Timestamp
    until: _timestamp_pb2.Timestamp
    def __init__(self, scope: _Optional[_Union[RiskScope, str]] = ..., account: _Optional[str] = ..., symbol: _Optional[str] = ..., breaker: _Optional[_Union[CircuitState, str]] = ..., active: _Optional[bool] = ..., cause: _Optional[str] = ..., sentence: _Optional[str] = ..., since: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., until: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class AccountExposure(_message.Message):
    __slots__ = ("account", "used", "share", "equity")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    USED_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    EQUITY_FIELD_NUMBER: _ClassVar[int]
    account: str
    used: _common_pb2.Decimal
    share: _common_pb2.Decimal
    equity: _common_pb2.Decimal
    def __init__(self, account: _Optional[str] = ..., used: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., share: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., equity: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ...) -> None: ...
