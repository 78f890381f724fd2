from opensqt_actors.wire.v1 import common_pb2 as _common_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class Position(_message.Message):
    __slots__ = ("account", "symbol", "quantity", "entry_price", "mark_price")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    ENTRY_PRICE_FIELD_NUMBER: _ClassVar[int]
    MARK_PRICE_FIELD_NUMBER: _ClassVar[int]
    account: str
    symbol: str
    quantity: _common_pb2.Decimal
    entry_price: _common_pb2.Decimal
    mark_price: _common_pb2.Decimal
    def __init__(self, account: _Optional[str] = ..., symbol: _Optional[str] = ..., quantity: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., entry_price: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., mark_price: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ...) -> None: ...

class ProfitAndLoss(_message.Message):
    __slots__ = ("realized", "unrealized", "fees", "funding", "round_trips")
    REALIZED_FIELD_NUMBER: _ClassVar[int]
    UNREALIZED_FIELD_NUMBER: _ClassVar[int]
    FEES_FIELD_NUMBER: _ClassVar[int]
    FUNDING_FIELD_NUMBER: _ClassVar[int]
    ROUND_TRIPS_FIELD_NUMBER: _ClassVar[int]
    realized: _common_pb2.Decimal
    unrealized: _common_pb2.Decimal
    fees: _common_pb2.Decimal
    funding: _common_pb2.Decimal
    round_trips: int
    def __init__(self, realized: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., unrealized: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., fees: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., funding: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., round_trips: _Optional[int] = ...) -> None: ...
