"""Announcements on the wire, and the subscribers' filter."""

from __future__ import annotations

from typing import Any

from opensqt_actors.api.events import Happening
from opensqt_actors.api.values import time_to
from opensqt_actors.domain.errors import InvalidValue
from opensqt_actors.wire.v1 import common_pb2, event_pb2, orchestrator_pb2

SEVERITIES = {
    "debug": common_pb2.SEVERITY_DEBUG,
    "info": common_pb2.SEVERITY_INFO,
    "warning": common_pb2.SEVERITY_WARNING,
    "error": common_pb2.SEVERITY_ERROR,
    "critical": common_pb2.SEVERITY_CRITICAL,
}
SEVERITY_NAMES = {number: name for name, number in SEVERITIES.items()}

# the first word of an announcement's kind: "symbol.added"
_KINDS = {
    "symbol": event_pb2.EVENT_KIND_SYMBOL,
    "order": event_pb2.EVENT_KIND_ORDER,
    "orders": event_pb2.EVENT_KIND_ORDER,
    "fill": event_pb2.EVENT_KIND_FILL,
    "risk": event_pb2.EVENT_KIND_RISK,
    "margin": event_pb2.EVENT_KIND_RISK,
    "breaker": event_pb2.EVENT_KIND_RISK,
    "shard": event_pb2.EVENT_KIND_ACTOR,
    "actor": event_pb2.EVENT_KIND_ACTOR,
    "venue": event_pb2.EVENT_KIND_VENUE,
    "stream": event_pb2.EVENT_KIND_VENUE,
    "price": event_pb2.EVENT_KIND_VENUE,
    "flat": event_pb2.EVENT_KIND_RISK,
    "position": event_pb2.EVENT_KIND_RECONCILIATION,
    "reconcile": event_pb2.EVENT_KIND_RECONCILIATION,
    "slot": event_pb2.EVENT_KIND_ILLEGAL_TRANSITION,
}


def kind_of(code: str) -> event_pb2.EventKind:
    """The kind of an announcement, by the first word of its code; what concerns no part is the system's."""
    return _KINDS.get(code.partition(".")[0], event_pb2.EVENT_KIND_SYSTEM)


def event_to(happening: Happening) -> event_pb2.Event:
    """One event."""
    announce = happening.announce
    return event_pb2.Event(
        sequence=happening.sequence,
        kind=kind_of(announce.kind),
        code=announce.kind,
        severity=SEVERITIES.get(announce.level, common_pb2.SEVERITY_INFO),
        account=announce.account,
        symbol=announce.symbol,
        sentence=announce.sentence,
        details={str(key): detail_text(value) for key, value in (announce.data or {}).items()},
        occurred_at=time_to(happening.at),
    )


def detail_text(value: Any) -> str:
    """A figure of an event as text."""
    return ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def check_filter(request: orchestrator_pb2.SubscribeEventsRequest) -> None:
    """InvalidValue for kinds and severities that this version does not know."""
    for kind in request.kinds:
        if kind == event_pb2.EVENT_KIND_UNSPECIFIED or kind not in event_pb2.EventKind.values():
            raise InvalidValue("kinds", f"{kind} is no kind of event")
    if request.minimum_severity and request.minimum_severity not in SEVERITY_NAMES:
        raise InvalidValue("minimum_severity", f"{request.minimum_severity} is no severity")


def passes(event: event_pb2.Event, request: orchestrator_pb2.SubscribeEventsRequest) -> bool:
    """Whether the subscriber asked for this event."""
    return (
        (not request.account or event.account == request.account)
        and (not request.symbols or event.symbol in request.symbols)
        and (not request.kinds or event.kind in request.kinds)
        and event.severity >= request.minimum_severity
    )
