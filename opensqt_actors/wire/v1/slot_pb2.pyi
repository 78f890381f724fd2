from opensqt_actors.wire.v1 import common_pb2 as _common_pb2
from opensqt_actors.wire.v1 import order_pb2 as _order_pb2
from opensqt_actors.wire.v1 import position_pb2 as _position_pb2
from google.protobuf.internal import enum_type_wrapper as _enum_type_wrapper
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class SlotStatus(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SLOT_STATUS_UNSPECIFIED: _ClassVar[SlotStatus]
    SLOT_STATUS_FREE: _ClassVar[SlotStatus]
    SLOT_STATUS_PENDING: _ClassVar[SlotStatus]
    SLOT_STATUS_LOCKED: _ClassVar[SlotStatus]

class SlotPosition(int, metaclass=_enum_type_wrapper.EnumTypeWrapper):
    __slots__ = ()
    SLOT_POSITION_UNSPECIFIED: _ClassVar[SlotPosition]
    SLOT_POSITION_EMPTY: _ClassVar[SlotPosition]
    SLOT_POSITION_FILLED: _ClassVar[SlotPosition]
SLOT_STATUS_UNSPECIFIED: SlotStatus
SLOT_STATUS_FREE: SlotStatus
SLOT_STATUS_PENDING: SlotStatus
SLOT_STATUS_LOCKED: SlotStatus
SLOT_POSITION_UNSPECIFIED: SlotPosition
SLOT_POSITION_EMPTY: SlotPosition
SLOT_POSITION_FILLED: SlotPosition

class SlotReason(_message.Message):
    __slots__ = ("code", "sentence")
    CODE_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    code: str
    sentence: str
    def __init__(self, code: _Optional[str] = ..., sentence: _Optional[str] = ...) -> None: ...

class Slot(_message.Message):
    __slots__ = ("level", "price", "status", "position", "quantity", "order", "exit_price", "reason", "cost", "pnl")
    LEVEL_FIELD_NUMBER: _ClassVar[int]
    PRICE_FIELD_NUMBER: _ClassVar[int]
    STATUS_FIELD_NUMBER: _ClassVar[int]
    POSITION_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    ORDER_FIELD_NUMBER: _ClassVar[int]
    EXIT_PRICE_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    COST_FIELD_NUMBER: _ClassVar[int]
    PNL_FIELD_NUMBER: _ClassVar[int]
    level: int
    price: _common_pb2.Decimal
    status: SlotStatus
    position: SlotPosition
    quantity: _common_pb2.Decimal
    order: _order_pb2.Order
    exit_price: _common_pb2.Decimal
    reason: SlotReason
    cost: _common_pb2.Decimal
    pnl: _position_pb2.ProfitAndLoss
    def __init__(self, level: _Optional[int] = ..., price: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., status: _Optional[_Union[SlotStatus, str]] = ..., position: _Optional[_Union[SlotPosition, str]] = ..., quantity: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., order: _Optional[_Union[_order_pb2.Order, _Mapping]] = ..., exit_price: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., reason: _Optional[_Union[SlotReason, _Mapping]] = ..., cost: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., pnl: _Optional[_Union[_position_pb2.ProfitAndLoss, _Mapping]] = ...) -> None: ...
