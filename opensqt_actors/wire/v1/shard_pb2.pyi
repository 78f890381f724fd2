from opensqt_actors.wire.v1 import common_pb2 as _common_pb2
from opensqt_actors.wire.v1 import event_pb2 as _event_pb2
from opensqt_actors.wire.v1 import orchestrator_pb2 as _orchestrator_pb2
from opensqt_actors.wire.v1 import registry_pb2 as _registry_pb2
from opensqt_actors.wire.v1 import risk_pb2 as _risk_pb2
from google.protobuf.internal import containers as _containers
from google.protobuf import descriptor as _descriptor
from google.protobuf import message as _message
from collections.abc import Iterable as _Iterable, Mapping as _Mapping
from typing import ClassVar as _ClassVar, Optional as _Optional, Union as _Union

DESCRIPTOR: _descriptor.FileDescriptor

class AttachRequest(_message.Message):
    __slots__ = ("start", "add", "release", "pause", "resume", "remove", "describe", "check", "share", "stop", "word", "exposure", "trip", "reset", "exit", "clear", "reconcile", "flatten", "holdings")
    START_FIELD_NUMBER: _ClassVar[int]
    ADD_FIELD_NUMBER: _ClassVar[int]
    RELEASE_FIELD_NUMBER: _ClassVar[int]
    PAUSE_FIELD_NUMBER: _ClassVar[int]
    RESUME_FIELD_NUMBER: _ClassVar[int]
    REMOVE_FIELD_NUMBER: _ClassVar[int]
    DESCRIBE_FIELD_NUMBER: _ClassVar[int]
    CHECK_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    STOP_FIELD_NUMBER: _ClassVar[int]
    WORD_FIELD_NUMBER: _ClassVar[int]
    EXPOSURE_FIELD_NUMBER: _ClassVar[int]
    TRIP_FIELD_NUMBER: _ClassVar[int]
    RESET_FIELD_NUMBER: _ClassVar[int]
    EXIT_FIELD_NUMBER: _ClassVar[int]
    CLEAR_FIELD_NUMBER: _ClassVar[int]
    RECONCILE_FIELD_NUMBER: _ClassVar[int]
    FLATTEN_FIELD_NUMBER: _ClassVar[int]
    HOLDINGS_FIELD_NUMBER: _ClassVar[int]
    start: ShardStart
    add: ShardSymbol
    release: SymbolName
    pause: SymbolName
    resume: SymbolName
    remove: ShardRemove
    describe: ShardQuestion
    check: ShardQuestion
    share: BudgetShare
    stop: ShardStop
    word: GlobalWord
    exposure: ExposureShare
    trip: RiskOrder
    reset: RiskOrder
    exit: RiskOrder
    clear: RiskOrder
    reconcile: ShardReconcile
    flatten: SymbolName
    holdings: ShardHoldingsQuestion
    def __init__(self, start: _Optional[_Union[ShardStart, _Mapping]] = ..., add: _Optional[_Union[ShardSymbol, _Mapping]] = ..., release: _Optional[_Union[SymbolName, _Mapping]] = ..., pause: _Optional[_Union[SymbolName, _Mapping]] = ..., resume: _Optional[_Union[SymbolName, _Mapping]] = ..., remove: _Optional[_Union[ShardRemove, _Mapping]] = ..., describe: _Optional[_Union[ShardQuestion, _Mapping]] = ..., check: _Optional[_Union[ShardQuestion, _Mapping]] = ..., share: _Optional[_Union[BudgetShare, _Mapping]] = ..., stop: _Optional[_Union[ShardStop, _Mapping]] = ..., word: _Optional[_Union[GlobalWord, _Mapping]] = ..., exposure: _Optional[_Union[ExposureShare, _Mapping]] = ..., trip: _Optional[_Union[RiskOrder, _Mapping]] = ..., reset: _Optional[_Union[RiskOrder, _Mapping]] = ..., exit: _Optional[_Union[RiskOrder, _Mapping]] = ..., clear: _Optional[_Union[RiskOrder, _Mapping]] = ..., reconcile: _Optional[_Union[ShardReconcile, _Mapping]] = ..., flatten: _Optional[_Union[SymbolName, _Mapping]] = ..., holdings: _Optional[_Union[ShardHoldingsQuestion, _Mapping]] = ...) -> None: ...

class AttachResponse(_message.Message):
    __slots__ = ("hello", "screens", "event", "described", "refused", "checked", "left", "released", "quarantined", "unable", "restarted", "stopped", "rule", "saved", "facts", "exposure", "done", "reconciled", "holdings")
    HELLO_FIELD_NUMBER: _ClassVar[int]
    SCREENS_FIELD_NUMBER: _ClassVar[int]
    EVENT_FIELD_NUMBER: _ClassVar[int]
    DESCRIBED_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    CHECKED_FIELD_NUMBER: _ClassVar[int]
    LEFT_FIELD_NUMBER: _ClassVar[int]
    RELEASED_FIELD_NUMBER: _ClassVar[int]
    QUARANTINED_FIELD_NUMBER: _ClassVar[int]
    UNABLE_FIELD_NUMBER: _ClassVar[int]
    RESTARTED_FIELD_NUMBER: _ClassVar[int]
    STOPPED_FIELD_NUMBER: _ClassVar[int]
    RULE_FIELD_NUMBER: _ClassVar[int]
    SAVED_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    EXPOSURE_FIELD_NUMBER: _ClassVar[int]
    DONE_FIELD_NUMBER: _ClassVar[int]
    RECONCILED_FIELD_NUMBER: _ClassVar[int]
    HOLDINGS_FIELD_NUMBER: _ClassVar[int]
    hello: ShardHello
    screens: ShardScreens
    event: ShardEvent
    described: ShardDescribed
    refused: ShardRefused
    checked: ShardChecked
    left: SymbolName
    released: SymbolName
    quarantined: SymbolSentence
    unable: SymbolSentence
    restarted: ActorRestarted
    stopped: ShardStopped
    rule: _risk_pb2.RiskRule
    saved: SavedRule
    facts: RiskFacts
    exposure: ExposureUse
    done: ShardDone
    reconciled: ShardReconciled
    holdings: ShardHoldings
    def __init__(self, hello: _Optional[_Union[ShardHello, _Mapping]] = ..., screens: _Optional[_Union[ShardScreens, _Mapping]] = ..., event: _Optional[_Union[ShardEvent, _Mapping]] = ..., described: _Optional[_Union[ShardDescribed, _Mapping]] = ..., refused: _Optional[_Union[ShardRefused, _Mapping]] = ..., checked: _Optional[_Union[ShardChecked, _Mapping]] = ..., left: _Optional[_Union[SymbolName, _Mapping]] = ..., released: _Optional[_Union[SymbolName, _Mapping]] = ..., quarantined: _Optional[_Union[SymbolSentence, _Mapping]] = ..., unable: _Optional[_Union[SymbolSentence, _Mapping]] = ..., restarted: _Optional[_Union[ActorRestarted, _Mapping]] = ..., stopped: _Optional[_Union[ShardStopped, _Mapping]] = ..., rule: _Optional[_Union[_risk_pb2.RiskRule, _Mapping]] = ..., saved: _Optional[_Union[SavedRule, _Mapping]] = ..., facts: _Optional[_Union[RiskFacts, _Mapping]] = ..., exposure: _Optional[_Union[ExposureUse, _Mapping]] = ..., done: _Optional[_Union[ShardDone, _Mapping]] = ..., reconciled: _Optional[_Union[ShardReconciled, _Mapping]] = ..., holdings: _Optional[_Union[ShardHoldings, _Mapping]] = ...) -> None: ...

class SymbolName(_message.Message):
    __slots__ = ("account", "symbol")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    account: str
    symbol: str
    def __init__(self, account: _Optional[str] = ..., symbol: _Optional[str] = ...) -> None: ...

class SymbolSentence(_message.Message):
    __slots__ = ("account", "symbol", "sentence")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    account: str
    symbol: str
    sentence: str
    def __init__(self, account: _Optional[str] = ..., symbol: _Optional[str] = ..., sentence: _Optional[str] = ...) -> None: ...

class ShardStart(_message.Message):
    __slots__ = ("shares", "saved")
    SHARES_FIELD_NUMBER: _ClassVar[int]
    SAVED_FIELD_NUMBER: _ClassVar[int]
    shares: _containers.RepeatedCompositeFieldContainer[BudgetShare]
    saved: _containers.RepeatedCompositeFieldContainer[SavedRule]
    def __init__(self, shares: _Optional[_Iterable[_Union[BudgetShare, _Mapping]]] = ..., saved: _Optional[_Iterable[_Union[SavedRule, _Mapping]]] = ...) -> None: ...

class SavedRule(_message.Message):
    __slots__ = ("scope", "account", "symbol", "state", "at")
    SCOPE_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    AT_FIELD_NUMBER: _ClassVar[int]
    scope: str
    account: str
    symbol: str
    state: str
    at: int
    def __init__(self, scope: _Optional[str] = ..., account: _Optional[str] = ..., symbol: _Optional[str] = ..., state: _Optional[str] = ..., at: _Optional[int] = ...) -> None: ...

class GlobalWord(_message.Message):
    __slots__ = ("closed", "allowance", "limited")
    CLOSED_FIELD_NUMBER: _ClassVar[int]
    ALLOWANCE_FIELD_NUMBER: _ClassVar[int]
    LIMITED_FIELD_NUMBER: _ClassVar[int]
    closed: _containers.RepeatedCompositeFieldContainer[WordGate]
    allowance: int
    limited: WordGate
    def __init__(self, closed: _Optional[_Iterable[_Union[WordGate, _Mapping]]] = ..., allowance: _Optional[int] = ..., limited: _Optional[_Union[WordGate, _Mapping]] = ...) -> None: ...

class WordGate(_message.Message):
    __slots__ = ("code", "sentence")
    CODE_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    code: str
    sentence: str
    def __init__(self, code: _Optional[str] = ..., sentence: _Optional[str] = ...) -> None: ...

class ExposureShare(_message.Message):
    __slots__ = ("account", "share")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SHARE_FIELD_NUMBER: _ClassVar[int]
    account: str
    share: _common_pb2.Decimal
    def __init__(self, account: _Optional[str] = ..., share: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ...) -> None: ...

class RiskOrder(_message.Message):
    __slots__ = ("request", "account", "symbol", "reason", "unasked")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    UNASKED_FIELD_NUMBER: _ClassVar[int]
    request: int
    account: str
    symbol: str
    reason: str
    unasked: bool
    def __init__(self, request: _Optional[int] = ..., account: _Optional[str] = ..., symbol: _Optional[str] = ..., reason: _Optional[str] = ..., unasked: _Optional[bool] = ...) -> None: ...

class RiskFacts(_message.Message):
    __slots__ = ("shard", "trips", "change", "capital", "answers", "age", "equities")
    class EquitiesEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: _common_pb2.Decimal
        def __init__(self, key: _Optional[str] = ..., value: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ...) -> None: ...
    SHARD_FIELD_NUMBER: _ClassVar[int]
    TRIPS_FIELD_NUMBER: _ClassVar[int]
    CHANGE_FIELD_NUMBER: _ClassVar[int]
    CAPITAL_FIELD_NUMBER: _ClassVar[int]
    ANSWERS_FIELD_NUMBER: _ClassVar[int]
    AGE_FIELD_NUMBER: _ClassVar[int]
    EQUITIES_FIELD_NUMBER: _ClassVar[int]
    shard: str
    trips: _containers.RepeatedCompositeFieldContainer[_common_pb2.Decimal]
    change: _common_pb2.Decimal
    capital: _common_pb2.Decimal
    answers: _containers.RepeatedCompositeFieldContainer[VenueAnswer]
    age: int
    equities: _containers.MessageMap[str, _common_pb2.Decimal]
    def __init__(self, shard: _Optional[str] = ..., trips: _Optional[_Iterable[_Union[_common_pb2.Decimal, _Mapping]]] = ..., change: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., capital: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., answers: _Optional[_Iterable[_Union[VenueAnswer, _Mapping]]] = ..., age: _Optional[int] = ..., equities: _Optional[_Mapping[str, _common_pb2.Decimal]] = ...) -> None: ...

class VenueAnswer(_message.Message):
    __slots__ = ("failed", "latency")
    FAILED_FIELD_NUMBER: _ClassVar[int]
    LATENCY_FIELD_NUMBER: _ClassVar[int]
    failed: bool
    latency: int
    def __init__(self, failed: _Optional[bool] = ..., latency: _Optional[int] = ...) -> None: ...

class ExposureUse(_message.Message):
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

class ShardDone(_message.Message):
    __slots__ = ("request", "sentence")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    request: int
    sentence: str
    def __init__(self, request: _Optional[int] = ..., sentence: _Optional[str] = ...) -> None: ...

class BudgetShare(_message.Message):
    __slots__ = ("account", "thousandths")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    THOUSANDTHS_FIELD_NUMBER: _ClassVar[int]
    account: str
    thousandths: int
    def __init__(self, account: _Optional[str] = ..., thousandths: _Optional[int] = ...) -> None: ...

class ShardSymbol(_message.Message):
    __slots__ = ("spec", "number", "state", "remove_mode", "epoch", "saved")
    SPEC_FIELD_NUMBER: _ClassVar[int]
    NUMBER_FIELD_NUMBER: _ClassVar[int]
    STATE_FIELD_NUMBER: _ClassVar[int]
    REMOVE_MODE_FIELD_NUMBER: _ClassVar[int]
    EPOCH_FIELD_NUMBER: _ClassVar[int]
    SAVED_FIELD_NUMBER: _ClassVar[int]
    spec: _registry_pb2.SymbolSpec
    number: int
    state: _registry_pb2.SymbolState
    remove_mode: _registry_pb2.RemoveMode
    epoch: int
    saved: _containers.RepeatedCompositeFieldContainer[SavedRule]
    def __init__(self, spec: _Optional[_Union[_registry_pb2.SymbolSpec, _Mapping]] = ..., number: _Optional[int] = ..., state: _Optional[_Union[_registry_pb2.SymbolState, str]] = ..., remove_mode: _Optional[_Union[_registry_pb2.RemoveMode, str]] = ..., epoch: _Optional[int] = ..., saved: _Optional[_Iterable[_Union[SavedRule, _Mapping]]] = ...) -> None: ...

class ShardRemove(_message.Message):
    __slots__ = ("account", "symbol", "mode")
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    MODE_FIELD_NUMBER: _ClassVar[int]
    account: str
    symbol: str
    mode: _registry_pb2.RemoveMode
    def __init__(self, account: _Optional[str] = ..., symbol: _Optional[str] = ..., mode: _Optional[_Union[_registry_pb2.RemoveMode, str]] = ...) -> None: ...

class ShardQuestion(_message.Message):
    __slots__ = ("request", "account", "symbol")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    request: int
    account: str
    symbol: str
    def __init__(self, request: _Optional[int] = ..., account: _Optional[str] = ..., symbol: _Optional[str] = ...) -> None: ...

class ShardReconcile(_message.Message):
    __slots__ = ("request", "account", "symbol", "accept")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    ACCEPT_FIELD_NUMBER: _ClassVar[int]
    request: int
    account: str
    symbol: str
    accept: bool
    def __init__(self, request: _Optional[int] = ..., account: _Optional[str] = ..., symbol: _Optional[str] = ..., accept: _Optional[bool] = ...) -> None: ...

class ShardReconciled(_message.Message):
    __slots__ = ("request", "account", "symbol", "view")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    request: int
    account: str
    symbol: str
    view: _orchestrator_pb2.ReconcileSymbolResponse
    def __init__(self, request: _Optional[int] = ..., account: _Optional[str] = ..., symbol: _Optional[str] = ..., view: _Optional[_Union[_orchestrator_pb2.ReconcileSymbolResponse, _Mapping]] = ...) -> None: ...

class ShardStop(_message.Message):
    __slots__ = ("cancel_openings", "cancel_exits")
    CANCEL_OPENINGS_FIELD_NUMBER: _ClassVar[int]
    CANCEL_EXITS_FIELD_NUMBER: _ClassVar[int]
    cancel_openings: bool
    cancel_exits: bool
    def __init__(self, cancel_openings: _Optional[bool] = ..., cancel_exits: _Optional[bool] = ...) -> None: ...

class ShardHello(_message.Message):
    __slots__ = ("shard", "pid", "version", "configuration", "started", "symbols")
    SHARD_FIELD_NUMBER: _ClassVar[int]
    PID_FIELD_NUMBER: _ClassVar[int]
    VERSION_FIELD_NUMBER: _ClassVar[int]
    CONFIGURATION_FIELD_NUMBER: _ClassVar[int]
    STARTED_FIELD_NUMBER: _ClassVar[int]
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    shard: int
    pid: int
    version: str
    configuration: str
    started: bool
    symbols: _containers.RepeatedCompositeFieldContainer[ShardSymbol]
    def __init__(self, shard: _Optional[int] = ..., pid: _Optional[int] = ..., version: _Optional[str] = ..., configuration: _Optional[str] = ..., started: _Optional[bool] = ..., symbols: _Optional[_Iterable[_Union[ShardSymbol, _Mapping]]] = ...) -> None: ...

class ShardScreens(_message.Message):
    __slots__ = ("symbols", "accounts", "resident", "pending", "durations")
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    ACCOUNTS_FIELD_NUMBER: _ClassVar[int]
    RESIDENT_FIELD_NUMBER: _ClassVar[int]
    PENDING_FIELD_NUMBER: _ClassVar[int]
    DURATIONS_FIELD_NUMBER: _ClassVar[int]
    symbols: _containers.RepeatedCompositeFieldContainer[_registry_pb2.SymbolStatus]
    accounts: _containers.RepeatedCompositeFieldContainer[ShardAccount]
    resident: int
    pending: int
    durations: _containers.RepeatedCompositeFieldContainer[ShardDurations]
    def __init__(self, symbols: _Optional[_Iterable[_Union[_registry_pb2.SymbolStatus, _Mapping]]] = ..., accounts: _Optional[_Iterable[_Union[ShardAccount, _Mapping]]] = ..., resident: _Optional[int] = ..., pending: _Optional[int] = ..., durations: _Optional[_Iterable[_Union[ShardDurations, _Mapping]]] = ...) -> None: ...

class ShardDurations(_message.Message):
    __slots__ = ("name", "counts", "total")
    NAME_FIELD_NUMBER: _ClassVar[int]
    COUNTS_FIELD_NUMBER: _ClassVar[int]
    TOTAL_FIELD_NUMBER: _ClassVar[int]
    name: str
    counts: _containers.RepeatedScalarFieldContainer[int]
    total: float
    def __init__(self, name: _Optional[str] = ..., counts: _Optional[_Iterable[int]] = ..., total: _Optional[float] = ...) -> None: ...

class ShardAccount(_message.Message):
    __slots__ = ("status", "thousandths")
    STATUS_FIELD_NUMBER: _ClassVar[int]
    THOUSANDTHS_FIELD_NUMBER: _ClassVar[int]
    status: _orchestrator_pb2.AccountStatus
    thousandths: int
    def __init__(self, status: _Optional[_Union[_orchestrator_pb2.AccountStatus, _Mapping]] = ..., thousandths: _Optional[int] = ...) -> None: ...

class ShardEvent(_message.Message):
    __slots__ = ("code", "severity", "account", "symbol", "sentence", "details", "kind")
    class DetailsEntry(_message.Message):
        __slots__ = ("key", "value")
        KEY_FIELD_NUMBER: _ClassVar[int]
        VALUE_FIELD_NUMBER: _ClassVar[int]
        key: str
        value: str
        def __init__(self, key: _Optional[str] = ..., value: _Optional[str] = ...) -> None: ...
    CODE_FIELD_NUMBER: _ClassVar[int]
    SEVERITY_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    DETAILS_FIELD_NUMBER: _ClassVar[int]
    KIND_FIELD_NUMBER: _ClassVar[int]
    code: str
    severity: _common_pb2.Severity
    account: str
    symbol: str
    sentence: str
    details: _containers.ScalarMap[str, str]
    kind: _event_pb2.EventKind
    def __init__(self, code: _Optional[str] = ..., severity: _Optional[_Union[_common_pb2.Severity, str]] = ..., account: _Optional[str] = ..., symbol: _Optional[str] = ..., sentence: _Optional[str] = ..., details: _Optional[_Mapping[str, str]] = ..., kind: _Optional[_Union[_event_pb2.EventKind, str]] = ...) -> None: ...

class ShardDescribed(_message.Message):
    __slots__ = ("request", "view")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    VIEW_FIELD_NUMBER: _ClassVar[int]
    request: int
    view: _orchestrator_pb2.DescribeSymbolResponse
    def __init__(self, request: _Optional[int] = ..., view: _Optional[_Union[_orchestrator_pb2.DescribeSymbolResponse, _Mapping]] = ...) -> None: ...

class ShardRefused(_message.Message):
    __slots__ = ("request", "code", "sentence")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    CODE_FIELD_NUMBER: _ClassVar[int]
    SENTENCE_FIELD_NUMBER: _ClassVar[int]
    request: int
    code: str
    sentence: str
    def __init__(self, request: _Optional[int] = ..., code: _Optional[str] = ..., sentence: _Optional[str] = ...) -> None: ...

class ShardChecked(_message.Message):
    __slots__ = ("request", "facts", "refused")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    FACTS_FIELD_NUMBER: _ClassVar[int]
    REFUSED_FIELD_NUMBER: _ClassVar[int]
    request: int
    facts: MarketFacts
    refused: MarketRefused
    def __init__(self, request: _Optional[int] = ..., facts: _Optional[_Union[MarketFacts, _Mapping]] = ..., refused: _Optional[_Union[MarketRefused, _Mapping]] = ...) -> None: ...

class MarketFacts(_message.Message):
    __slots__ = ("symbol", "base", "quote", "tick", "step", "contract_size", "min_quantity", "max_quantity", "min_notional", "min_price", "max_price", "maker", "taker", "leverage", "close")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    BASE_FIELD_NUMBER: _ClassVar[int]
    QUOTE_FIELD_NUMBER: _ClassVar[int]
    TICK_FIELD_NUMBER: _ClassVar[int]
    STEP_FIELD_NUMBER: _ClassVar[int]
    CONTRACT_SIZE_FIELD_NUMBER: _ClassVar[int]
    MIN_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    MAX_QUANTITY_FIELD_NUMBER: _ClassVar[int]
    MIN_NOTIONAL_FIELD_NUMBER: _ClassVar[int]
    MIN_PRICE_FIELD_NUMBER: _ClassVar[int]
    MAX_PRICE_FIELD_NUMBER: _ClassVar[int]
    MAKER_FIELD_NUMBER: _ClassVar[int]
    TAKER_FIELD_NUMBER: _ClassVar[int]
    LEVERAGE_FIELD_NUMBER: _ClassVar[int]
    CLOSE_FIELD_NUMBER: _ClassVar[int]
    symbol: str
    base: str
    quote: str
    tick: _common_pb2.Decimal
    step: _common_pb2.Decimal
    contract_size: _common_pb2.Decimal
    min_quantity: int
    max_quantity: int
    min_notional: _common_pb2.Decimal
    min_price: int
    max_price: int
    maker: _common_pb2.Decimal
    taker: _common_pb2.Decimal
    leverage: int
    close: _common_pb2.Decimal
    def __init__(self, symbol: _Optional[str] = ..., base: _Optional[str] = ..., quote: _Optional[str] = ..., tick: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., step: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., contract_size: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., min_quantity: _Optional[int] = ..., max_quantity: _Optional[int] = ..., min_notional: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., min_price: _Optional[int] = ..., max_price: _Optional[int] = ..., maker: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., taker: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ..., leverage: _Optional[int] = ..., close: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ...) -> None: ...

class MarketRefused(_message.Message):
    __slots__ = ("symbol", "reason", "final")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    FINAL_FIELD_NUMBER: _ClassVar[int]
    symbol: str
    reason: str
    final: bool
    def __init__(self, symbol: _Optional[str] = ..., reason: _Optional[str] = ..., final: _Optional[bool] = ...) -> None: ...

class ActorRestarted(_message.Message):
    __slots__ = ("actor", "reason")
    ACTOR_FIELD_NUMBER: _ClassVar[int]
    REASON_FIELD_NUMBER: _ClassVar[int]
    actor: str
    reason: str
    def __init__(self, actor: _Optional[str] = ..., reason: _Optional[str] = ...) -> None: ...

class ShardStopped(_message.Message):
    __slots__ = ()
    def __init__(self) -> None: ...

class ShardHoldingsQuestion(_message.Message):
    __slots__ = ("request", "account", "symbols", "instance", "whole")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    SYMBOLS_FIELD_NUMBER: _ClassVar[int]
    INSTANCE_FIELD_NUMBER: _ClassVar[int]
    WHOLE_FIELD_NUMBER: _ClassVar[int]
    request: int
    account: str
    symbols: _containers.RepeatedScalarFieldContainer[str]
    instance: str
    whole: bool
    def __init__(self, request: _Optional[int] = ..., account: _Optional[str] = ..., symbols: _Optional[_Iterable[str]] = ..., instance: _Optional[str] = ..., whole: _Optional[bool] = ...) -> None: ...

class ShardHoldings(_message.Message):
    __slots__ = ("request", "account", "positions", "orders")
    REQUEST_FIELD_NUMBER: _ClassVar[int]
    ACCOUNT_FIELD_NUMBER: _ClassVar[int]
    POSITIONS_FIELD_NUMBER: _ClassVar[int]
    ORDERS_FIELD_NUMBER: _ClassVar[int]
    request: int
    account: str
    positions: _containers.RepeatedCompositeFieldContainer[HeldPosition]
    orders: _containers.RepeatedCompositeFieldContainer[RestingOrders]
    def __init__(self, request: _Optional[int] = ..., account: _Optional[str] = ..., positions: _Optional[_Iterable[_Union[HeldPosition, _Mapping]]] = ..., orders: _Optional[_Iterable[_Union[RestingOrders, _Mapping]]] = ...) -> None: ...

class HeldPosition(_message.Message):
    __slots__ = ("symbol", "quantity")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    QUANTITY_FIELD_NUMBER: _ClassVar[int]
    symbol: str
    quantity: _common_pb2.Decimal
    def __init__(self, symbol: _Optional[str] = ..., quantity: _Optional[_Union[_common_pb2.Decimal, _Mapping]] = ...) -> None: ...

class RestingOrders(_message.Message):
    __slots__ = ("symbol", "count")
    SYMBOL_FIELD_NUMBER: _ClassVar[int]
    COUNT_FIELD_NUMBER: _ClassVar[int]
    symbol: str
    count: int
    def __init__(self, symbol: _Optional[str] = ..., count: _Optional[int] = ...) -> None: ...
