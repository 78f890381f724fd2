"""The state of the risk rules on the wire, both ways."""

from __future__ import annotations

from opensqt_actors.actors.views import ExposureRow, RiskRow, RiskView
from opensqt_actors.api.values import decimal_to, optional_from, optional_to, present, time_from, time_to
from opensqt_actors.domain.errors import InvalidValue
from opensqt_actors.wire.v1 import orchestrator_pb2, risk_pb2

_SCOPES = {
    "monitor": risk_pb2.RISK_SCOPE_MONITOR,
    "global": risk_pb2.RISK_SCOPE_GLOBAL,
    "symbol": risk_pb2.RISK_SCOPE_SYMBOL,
    "emergency": risk_pb2.RISK_SCOPE_EMERGENCY,
}
_SCOPE_NAMES = {number: name for name, number in _SCOPES.items()}
CIRCUITS = {
    "closed": risk_pb2.CIRCUIT_STATE_CLOSED,
    "open": risk_pb2.CIRCUIT_STATE_OPEN,
    "half_open": risk_pb2.CIRCUIT_STATE_HALF_OPEN,
}
CIRCUIT_NAMES = {number: name for name, number in CIRCUITS.items()}
_CALM = frozenset({"closed", "calm"})


def risk_to(view: RiskView) -> orchestrator_pb2.GetRiskResponse:
    """How the risk rules are."""
    return orchestrator_pb2.GetRiskResponse(
        rules=[rule_to(row) for row in view.rules],
        exposure=[
            risk_pb2.AccountExposure(
                account=row.account,
                used=decimal_to(row.used),
                share=optional_to(row.share),
                equity=optional_to(row.equity),
            )
            for row in view.exposure
        ],
    )


def risk_from(message: orchestrator_pb2.GetRiskResponse) -> RiskView:
    """How the risk rules are, as it was before `risk_to`."""
    return RiskView(
        tuple(rule_from(rule) for rule in message.rules),
        tuple(
            ExposureRow(row.account, present(row, "used"), optional_from(row, "share"), optional_from(row, "equity"))
            for row in message.exposure
        ),
    )


def rule_to(row: RiskRow) -> risk_pb2.RiskRule:
    """One rule's line."""
    return risk_pb2.RiskRule(
        scope=_SCOPES[row.scope],
        account=row.account,
        symbol=row.symbol,
        breaker=CIRCUITS.get(row.state),
        active=row.state not in _CALM,
        cause=row.cause,
        sentence=row.sentence,
        since=time_to(row.since),
        until=time_to(row.until),
    )


def rule_from(rule: risk_pb2.RiskRule) -> RiskRow:
    """One rule's line, as it was before `rule_to`."""
    scope = _SCOPE_NAMES.get(rule.scope)
    if scope is None:
        raise InvalidValue("scope", f"{rule.scope} is no risk rule that this version knows")
    active = "exited" if scope == "emergency" else "triggered"
    state = CIRCUIT_NAMES.get(rule.breaker) or (active if rule.active else "calm")
    return RiskRow(
        scope, rule.account, rule.symbol, state, rule.cause, rule.sentence, time_from(rule.since), time_from(rule.until)
    )
