"""Faults that a test asks for: which request or user-data frame is hit, how often, by what. Decides, does no I/O."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from enum import StrEnum
from random import Random
from typing import Any, Self

from msgspec import Struct
from pydantic import BaseModel, ConfigDict, Field, model_validator

MAX_RULES = 1_000


class Action(StrEnum):
    """What happens to what a rule matches; the first group hits requests, the second user-data frames."""

    TIMEOUT_BEFORE_ACCEPT = "timeout_before_accept"
    TIMEOUT_AFTER_ACCEPT = "timeout_after_accept"
    DROP = "drop"
    RESET = "reset"
    RESET_AFTER_ACCEPT = "reset_after_accept"
    DELAY = "delay"
    ERROR = "error"
    ERROR_AFTER_ACCEPT = "error_after_accept"

    DUPLICATE_EVENT = "duplicate_event"
    REORDER_EVENTS = "reorder_events"
    DROP_EVENT = "drop_event"
    DELAY_EVENT = "delay_event"

    @property
    def on_events(self) -> bool:
        return self.value.endswith(("_event", "_events"))


class Match(BaseModel):
    """Conditions that must all hold; one that is not given always does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str | None = None
    method: str | None = None
    account: str | None = None
    symbol: str | None = None
    client_id_prefix: str | None = None
    time_in_force: str | None = None
    event: str | None = None
    execution: str | None = None
    status: str | None = None


class Rule(BaseModel):
    """One fault. `count` times (default: without end), each with `probability`. `ms`: a delay, or how long a time-out
    holds the connection. `answer_ms` delays the answer instead of the request. `http_status`, `code`, `msg`,
    `retry_after`: the error's parts. `each`: an error hits the matching orders of a batch one by one."""

    model_config = ConfigDict(extra="forbid")

    id: str = Field(default="", max_length=100)
    match: Match = Match()
    action: Action
    count: int | None = Field(default=None, ge=1)
    probability: float = Field(default=1.0, gt=0, le=1)
    ms: int | None = Field(default=None, ge=0, le=600_000)
    answer_ms: int = Field(default=0, ge=0, le=600_000)
    http_status: int = Field(default=503, ge=200, le=599)
    code: int | None = None
    msg: str = "Unknown error, please check your request or try again later."
    retry_after: int | None = Field(default=None, ge=0)
    each: bool = False
    hits: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if self.action.on_events and (self.match.path or self.match.method):
            raise ValueError(f"{self.action.value} hits user-data frames: match them by event, not by path or method.")
        if self.action.on_events and self.match.time_in_force:
            raise ValueError(f"{self.action.value} hits user-data frames, which are not matched by time_in_force.")
        if not self.action.on_events and (self.match.event or self.match.execution or self.match.status):
            raise ValueError(f"{self.action.value} hits requests: match them by path and method, not by event.")
        if self.each and self.action is not Action.ERROR:
            raise ValueError("each is only for the action error.")
        return self


class Request(Struct, frozen=True):
    """What is known of a request when it arrives. A batch has several symbols, client ids, times in force."""

    path: str
    method: str
    account: str
    symbols: Collection[str] = ()
    client_ids: Collection[str] = ()
    times_in_force: Collection[str] = ()


class UserFrame(Struct, frozen=True):
    """What is known of a user-data frame before it is sent."""

    account: str
    event: str
    symbols: Collection[str] = ()
    client_id: str = ""
    execution: str = ""
    status: str = ""


class Faults:
    """The rules in force, oldest first. The first one that matches a thing hits it."""

    def __init__(self, seed: int = 1) -> None:
        self._rules: dict[str, Rule] = {}
        self._random = Random(f"faults:{seed}")
        self._made = 0

    def add(self, rule: Rule) -> Rule:
        """Put a rule in force; one with the same id is replaced. Raises ValueError when there are too many."""
        if not rule.id:
            self._made += 1
            rule = rule.model_copy(update={"id": f"fault-{self._made}"})
        if rule.id not in self._rules and len(self._rules) >= MAX_RULES:
            raise ValueError(f"There are already {MAX_RULES} fault rules; delete some first.")
        self._rules[rule.id] = rule
        return rule

    def remove(self, rule_id: str | None = None) -> int:
        """Drop one rule, or all; how many there were."""
        if rule_id is None:
            count = len(self._rules)
            self._rules.clear()
            return count
        return 0 if self._rules.pop(rule_id, None) is None else 1

    def rules(self) -> list[Rule]:
        """Also those that are used up, with the number of their hits."""
        return list(self._rules.values())

    @property
    def none(self) -> bool:
        """Whether there is nothing to look for."""
        return not self._rules

    def on_request(self, request: Request) -> Rule | None:
        """The rule that hits a whole request."""
        return self._first(
            rule
            for rule in self._rules.values()
            if not rule.action.on_events and not rule.each and _request_matches(rule.match, request)
        )

    def on_batch_item(self, request: Request) -> Rule | None:
        """The rule that hits one order of a batch; `request` holds that order's symbol and client id only."""
        if not self._rules:
            return None
        return self._first(rule for rule in self._rules.values() if rule.each and _request_matches(rule.match, request))

    def on_frame(self, frame: UserFrame) -> Rule | None:
        """The rule that hits a user-data frame."""
        if not self._rules:
            return None
        return self._first(
            rule for rule in self._rules.values() if rule.action.on_events and _frame_matches(rule.match, frame)
        )

    def _first(self, candidates: Iterable[Rule]) -> Rule | None:
        for rule in candidates:
            if rule.count is not None and rule.hits >= rule.count:
                continue
            if rule.probability < 1 and self._random.random() >= rule.probability:
                continue
            rule.hits += 1
            return rule
        return None


def _request_matches(match: Match, request: Request) -> bool:
    return (
        _is(match.path, request.path)
        and _is(match.method, request.method)
        and _is(match.account, request.account)
        and _among(match.symbol, request.symbols)
        and _any_starts(match.client_id_prefix, request.client_ids)
        and _among(match.time_in_force, request.times_in_force)
    )


def _frame_matches(match: Match, frame: UserFrame) -> bool:
    return (
        _is(match.event, frame.event)
        and _is(match.execution, frame.execution)
        and _is(match.status, frame.status)
        and _is(match.account, frame.account)
        and _among(match.symbol, frame.symbols)
        and _any_starts(match.client_id_prefix, (frame.client_id,))
    )


def _is(wanted: str | None, value: str) -> bool:
    return wanted is None or wanted == value


def _among(wanted: str | None, values: Collection[str]) -> bool:
    return wanted is None or wanted in values


def _any_starts(prefix: str | None, values: Iterable[str]) -> bool:
    return prefix is None or any(value.startswith(prefix) for value in values)


def rule_from(document: Any) -> Rule:
    """A rule from JSON. Raises pydantic.ValidationError."""
    rule = Rule.model_validate(document)
    rule.hits = 0
    return rule
