import datetime

from google.protobuf import timestamp_pb2 as _timestamp_pb2
from opensqt_actors.wire.v1 import common_pb2 as _common_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class EventKind(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    EVENT_KIND_UNSPECIFIED: _ClassVar[EventKind]
    EVENT_KIND_SYMBOL: _ClassVar[EventKind]
    EVENT_KIND_ORDER: _ClassVar[EventKind]
    EVENT_KIND_FILL: _ClassVar[EventKind]
    EVENT_KIND_RISK: _ClassVar[EventKind]
    EVENT_KIND_ACTOR: _ClassVar[EventKind]
    EVENT_KIND_VENUE: _ClassVar[EventKind]
    EVENT_KIND_RECONCILIATION: _ClassVar[EventKind]
    EVENT_KIND_ILLEGAL_TRANSITION: _ClassVar[EventKind]
    EVENT_KIND_SYSTEM: _ClassVar[EventKind]
EVENT_KIND_UNSPECIFIED: EventKind
EVENT_KIND_SYMBOL: EventKind
EVENT_KIND_ORDER: EventKind
EVENT_KIND_FILL: EventKind
EVENT_KIND_RISK: EventKind
EVENT_KIND_ACTOR: EventKind
EVENT_KIND_VENUE: EventKind
EVENT_KIND_RECONCILIATION: EventKind
EVENT_KIND_ILLEGAL_TRANSITION: EventKind
EVENT_KIND_SYSTEM: EventKind

class Event(_message.Message):
    __slots__ = ("sequence", "kind", "code", "severity", "account", "symbol", "sentence", "details", "occurred_at")
    class DetailsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    SEQUENCE_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    OCCURRED_AT_FIELD_NUMBER: _ClassVar[int]
    sequence: int
    kind: EventKind
    code: str
    severity: _common_pb2.Severity
    account: str
    symbol: str
    sentence: str
    details: _containers.ScalarMap[str, str]
    occurred_at: _timestamp_pb2.Timestamp
    def __init__(self, sequence: _Optional[int] = ..., kind: _Optional[_Union[EventKind, str]] = ..., code: _Optional[str] = ..., severity: _Optional[_Union[_common_pb2.Severity, str]] = ..., account: _Optional[str] = ..., symbol: _Optional[str] = ..., sentence: _Optional[str] = ..., details: _Optional[_Mapping[str, str]] = ..., occurred_at: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...
