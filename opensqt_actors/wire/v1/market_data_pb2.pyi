import datetime

from google.protobuf import duration_pb2 as _duration_pb2
from google.protobuf import timestamp_pb2 as _timestamp_pb2
from opensqt_actors.wire.v1 import common_pb2 as _common_pb2
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class BookTicker(_message.Message):
    __slots__ = ("symbol", "bid_price", "bid_quantity", "ask_price", "ask_quantity", "event_time")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    BID_PRICE_FIELD_NUMBER: _ClassVar[int]
    BID_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    ASK_PRICE_FIELD_NUMBER: _ClassVar[int]
    ASK_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIME_FIELD_NUMBER: _ClassVar[int]
    symbol: str
    bid_price: _common_pb2.Decimal
    bid_quantity: _common_pb2.Decimal
    ask_price: _common_pb2.Decimal
    ask_quantity: _common_pb2.Decimal
    event_time: _timestamp_pb2.Timestamp
    def __init__(self, symbol: _Optional[str] = ..., bid_price: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., bid_quantity: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., ask_price: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., ask_quantity: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., event_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Candle(_message.Message):
    __slots__ = ("symbol", "interval", "open_time", "open", "high", "low", "close", "volume", "closed")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    INTERVAL_FIELD_NUMBER: _ClassVar[int]
    OPEN_TIME_FIELD_NUMBER: _ClassVar[int]
    OPEN_FIELD_NUMBER: _ClassVar[int]
    HIGH_FIELD_NUMBER: _ClassVar[int]
    LOW_FIELD_NUMBER: _ClassVar[int]
    CLOSE_FIELD_NUMBER: _ClassVar[int]
    VOLUME_FIELD_NUMBER: _ClassVar[int]
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    symbol: str
    interval: _duration_pb2.Duration
    open_time: _timestamp_pb2.Timestamp
    open: _common_pb2.Decimal
    high: _common_pb2.Decimal
    low: _common_pb2.Decimal
    close: _common_pb2.Decimal
    volume: _common_pb2.Decimal
    closed: bool
    def __init__(self, symbol: _Optional[str] = ..., interval: _Optional[_Union[datetime.timedelta, _duration_pb2.Duration, _Mapping]] = ..., open_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., open: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., high: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., low: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., close: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., volume: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., closed: _Optional[bool] = ...) -> None: ...

class MarkPrice(_message.Message):
    __slots__ = ("symbol", "mark_price", "index_price", "funding_rate", "next_funding_time", "event_time")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    MARK_PRICE_FIELD_NUMBER: _ClassVar[int]
    INDEX_PRICE_FIELD_NUMBER: _ClassVar[int]
    FUNDING_RATE_FIELD_NUMBER: _ClassVar[int]
    NEXT_FUNDING_TIME_FIELD_NUMBER: _ClassVar[int]
    EVENT_TIME_FIELD_NUMBER: _ClassVar[int]
    symbol: str
    mark_price: _common_pb2.Decimal
    index_price: _common_pb2.Decimal
    funding_rate: _common_pb2.Decimal
    next_funding_time: _timestamp_pb2.Timestamp
    event_time: _timestamp_pb2.Timestamp
    def __init__(self, symbol: _Optional[str] = ..., mark_price: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., index_price: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., funding_rate: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., next_funding_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ..., event_time: _Optional[_Union[datetime.datetime, _timestamp_pb2.Timestamp, _Mapping]] = ...) -> None: ...

class Instrument(_message.Message):
    __slots__ = ("symbol", "base_asset", "quote_asset", "tick_size", "lot_size", "contract_size", "min_quantity", "max_quantity", "min_notional")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    BASE_ASSET_FIELD_NUMBER: _ClassVar[int]
    QUOTE_ASSET_FIELD_NUMBER: _ClassVar[int]
    TICK_SIZE_FIELD_NUMBER: _ClassVar[int]
    LOT_SIZE_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_SIZE_FIELD_NUMBER: _ClassVar[int]
    MIN_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    MAX_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    MIN_NOTIONAL_FIELD_NUMBER: _ClassVar[int]
    symbol: str
    base_asset: str
    quote_asset: str
    tick_size: _common_pb2.Decimal
    lot_size: _common_pb2.Decimal
    contract_size: _common_pb2.Decimal
    min_quantity: _common_pb2.Decimal
    max_quantity: _common_pb2.Decimal
    min_notional: _common_pb2.Decimal
    def __init__(self, symbol: _Optional[str] = ..., base_asset: _Optional[str] = ..., quote_asset: _Optional[str] = ..., tick_size: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., lot_size: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., contract_size: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., min_quantity: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., max_quantity: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., min_notional: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ...) -> None: ...
