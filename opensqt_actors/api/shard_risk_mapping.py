"""What the risk rules of a shard and of the supervisor tell each other on the wire, both ways."""

from __future__ import annotations

from typing import Any

import orjson

from opensqt_actors.actors import operator
from opensqt_actors.actors.risk_messages import ExposureReport, GlobalWord, ShardFacts, ShareGiven
from opensqt_actors.actors.views import RiskRow
from opensqt_actors.api.risk_mapping import rule_from, rule_to
from opensqt_actors.api.values import decimal_from, decimal_to, optional_from, optional_to
from opensqt_actors.domain.breaker import OrderAnswer
from opensqt_actors.domain.errors import InvalidValue
from opensqt_actors.domain.records import RiskSaved, RiskScope
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.wire.v1 import common_pb2, shard_pb2

MAX_DIGITS = 128
_ORDERS: dict[str, Any] = {
    "trip": operator.TripBreaker,
    "reset": operator.ResetBreaker,
    "exit": operator.EmergencyExit,
    "clear": operator.ClearEmergency,
}


class UnknownMessage(Exception):
    """A message that this version of the program does not know."""


def saved_to(saved: RiskSaved) -> shard_pb2.SavedRule:
    """What a rule has written down."""
    state = orjson.dumps(dict(saved.state)).decode()
    return shard_pb2.SavedRule(
        scope=saved.scope.value, account=saved.account, symbol=saved.symbol, state=state, at=saved.at
    )


def saved_from(message: shard_pb2.SavedRule) -> RiskSaved:
    """What a rule has written down, as it was before `saved_to`. InvalidValue for what this version does not know."""
    try:
        scope, state = RiskScope(message.scope), orjson.loads(message.state)
    except ValueError as error:
        raise InvalidValue("saved", f"is no state of a risk rule: {error}") from None
    return RiskSaved(scope, message.account, message.symbol, state, message.at)


def risk_command_to(command: Any) -> shard_pb2.AttachRequest:
    """A command to the risk rules."""
    match command:
        case GlobalWord(closed, allowance, limited):
            word = shard_pb2.GlobalWord(
                closed=[shard_pb2.WordGate(code=code, sentence=sentence) for code, sentence in closed],
                allowance=allowance,
                limited=shard_pb2.WordGate(code=limited[0], sentence=limited[1]),
            )
            return shard_pb2.AttachRequest(word=word)
        case ShareGiven(account, share):
            return shard_pb2.AttachRequest(exposure=shard_pb2.ExposureShare(account=account, share=_whole_to(share)))
        case operator.TripBreaker():
            return shard_pb2.AttachRequest(trip=_order_to(command, command.symbol))
        case operator.ResetBreaker():
            return shard_pb2.AttachRequest(reset=_order_to(command, command.symbol))
        case operator.EmergencyExit():
            return shard_pb2.AttachRequest(exit=_order_to(command))
        case operator.ClearEmergency():
            return shard_pb2.AttachRequest(clear=_order_to(command))
        case _:
            raise UnknownMessage(f"no command on the wire for {type(command).__name__}")


def risk_command_from(message: shard_pb2.AttachRequest) -> Any:
    """The command as it was before `risk_command_to`."""
    kind = message.WhichOneof("command") or ""
    if kind == "word":
        word = message.word
        return GlobalWord(
            tuple((gate.code, gate.sentence) for gate in word.closed),
            word.allowance if word.HasField("allowance") else None,
            (word.limited.code, word.limited.sentence),
        )
    if kind == "exposure":
        return ShareGiven(message.exposure.account, _whole_from(message.exposure.share, "share"))
    make = _ORDERS.get(kind)
    if make is None:
        raise UnknownMessage(f"a command that this version does not know: {kind}")
    order: shard_pb2.RiskOrder = getattr(message, kind)
    request = -1 if order.unasked else order.request
    if kind in {"trip", "reset"}:
        return make(request, order.account, order.symbol, order.reason)
    return make(request, order.account, order.reason)


def risk_fact_to(fact: Any) -> shard_pb2.AttachResponse:
    """A fact of the risk rules."""
    match fact:
        case RiskRow():
            return shard_pb2.AttachResponse(rule=rule_to(fact))
        case RiskSaved():
            return shard_pb2.AttachResponse(saved=saved_to(fact))
        case ShardFacts():
            return shard_pb2.AttachResponse(facts=_facts_to(fact))
        case ExposureReport(account, used, share, equity):
            use = shard_pb2.ExposureUse(
                account=account,
                used=_whole_to(used),
                share=_whole_to(share),
                equity=None if equity is None else _whole_to(equity),
            )
            return shard_pb2.AttachResponse(exposure=use)
        case _:
            raise UnknownMessage(f"no fact on the wire for {type(fact).__name__}")


def risk_fact_from(message: shard_pb2.AttachResponse) -> Any:
    """The fact as it was before `risk_fact_to`."""
    match message.WhichOneof("fact"):
        case "rule":
            return rule_from(message.rule)
        case "saved":
            return saved_from(message.saved)
        case "facts":
            return _facts_from(message.facts)
        case "exposure":
            use = message.exposure
            equity = _whole_from(use.equity, "equity") if use.HasField("equity") else None
            return ExposureReport(use.account, _whole_from(use.used, "used"), _whole_from(use.share, "share"), equity)
        case other:
            raise UnknownMessage(f"a fact that this version does not know: {other}")


def _facts_to(facts: ShardFacts) -> shard_pb2.RiskFacts:
    return shard_pb2.RiskFacts(
        shard=facts.shard,
        trips=[decimal_to(profit) for profit in facts.trips],
        change=decimal_to(facts.change),
        capital=optional_to(facts.capital),
        answers=[shard_pb2.VenueAnswer(failed=answer.failed, latency=answer.latency) for answer in facts.answers],
        age=facts.age,
        equities={account: decimal_to(equity) for account, equity in facts.equities},
    )


def _facts_from(message: shard_pb2.RiskFacts) -> ShardFacts:
    return ShardFacts(
        ActorId(message.shard),
        tuple(decimal_from(profit, "trips") for profit in message.trips),
        decimal_from(message.change, "change"),
        optional_from(message, "capital"),
        tuple(OrderAnswer(answer.failed, answer.latency) for answer in message.answers),
        message.age if message.HasField("age") else None,
        tuple((account, decimal_from(equity, "equities")) for account, equity in sorted(message.equities.items())),
    )


def _order_to(order: Any, symbol: str = "") -> shard_pb2.RiskOrder:
    unasked = order.request < 0
    return shard_pb2.RiskOrder(
        request=0 if unasked else order.request,
        account=order.account,
        symbol=symbol,
        reason=order.reason,
        unasked=unasked,
    )


def _whole_to(value: int) -> common_pb2.Decimal:
    """A whole number that may not fit into 64 bits."""
    return common_pb2.Decimal(value=str(value))


def _whole_from(message: common_pb2.Decimal, field: str) -> int:
    text = message.value
    if len(text) > MAX_DIGITS or not text.removeprefix("-").isdecimal():
        raise InvalidValue(field, f"must be a whole number, not {text[:40]!r}")
    return int(text)
