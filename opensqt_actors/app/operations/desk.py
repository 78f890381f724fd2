"""The desk in front of operations: keys, who may change a symbol now, what is at which step, who waits for an answer.

Emergency exits do not pass here. One that has begun, whoever began it, is followed by the question whether it is flat.
"""

from __future__ import annotations

import asyncio
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from typing import Any

from loguru import logger
from msgspec import Struct, field

from opensqt_actors.actors import operator
from opensqt_actors.actors.operations import Ended, Json, Kind, Outcome, Record, Run, Runner
from opensqt_actors.actors.ports import Announce
from opensqt_actors.actors.views import RiskView
from opensqt_actors.api.operations import Answer, OperationView
from opensqt_actors.app.operations.procedures import PROCEDURES
from opensqt_actors.app.operations.tools import Backend, Pace, Tools
from opensqt_actors.domain.errors import OpenSqtError
from opensqt_actors.runtime.failpoints import Failpoint, unarmed
from opensqt_actors.storage import StorageError

MOST_RUNNING = 1_000
WATCH = 1.0
"""Seconds between two looks for emergency exits that nobody has asked the venue about yet."""
BEGINNING = 2.0
"""Seconds that a command which is being written down may take at the end."""
_KEY = re.compile(r"[A-Za-z0-9][A-Za-z0-9._:-]{0,63}")
Symbol = tuple[str, str]


class _Broken(Exception):
    """A step raised what no procedure foresaw."""


class _Work(Struct, eq=False):
    """An operation at work in this process. changes: symbols that nobody else may change while it holds them.

    It holds them until it is answered: what it waits for after that others may change, and it notices. A roll-out holds
    them until its end.
    """

    key: str
    kind: Kind
    changes: frozenset[Symbol]
    answered: asyncio.Future[Outcome] = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    step: str = ""
    since: int = 0
    holds: bool = True

    def answer(self, outcome: Outcome) -> None:
        """The first answer counts."""
        self.holds = self.kind is Kind.APPLY_CONFIG
        if not self.answered.done():
            self.answered.set_result(outcome)


class OperationsDesk:
    """See api.operations.Operations. running: whether the SupervisorActor takes commands."""

    def __init__(
        self,
        runner: Runner,
        backend: Backend,
        *,
        running: Callable[[], bool],
        failpoint: Failpoint = unarmed,
        pace: Pace | None = None,
    ) -> None:
        self._runner = runner
        self._backend = backend
        self._running = running
        self._failpoint = failpoint
        self._pace = pace or Pace()
        self._work: dict[str, _Work] = {}
        self._beginning: set[asyncio.Task[operator.Refusal | _Work | None]] = set()
        self._seen: set[str] = set()
        self._watch: asyncio.Task[None] | None = None
        self._open = False

    async def start(self) -> None:
        """Take up what an earlier process left. StorageError when the database cannot be used."""
        for record in await self._runner.unfinished():
            self._enter(record.key, record.kind, record.arguments)
        await self._runner.start(self._body)
        self._open = True
        self._watch = asyncio.get_running_loop().create_task(self._watch_exits(), name="watch exits")

    async def close(self) -> None:
        """Leave what is at work to the next process."""
        self._open = False
        if self._beginning:
            await asyncio.wait(self._beginning, timeout=BEGINNING)
        if self._watch is not None:
            self._watch.cancel()
            with suppress(asyncio.CancelledError):
                await self._watch
        await self._runner.close()

    # --- asking for something ----------------------------------------------------------------------------------------

    async def perform(
        self, kind: Kind, key: str, arguments: Mapping[str, Json], timeout: float, *, same: bool = True
    ) -> Answer:
        """Begin an operation and wait until it is under way; Refusal "timeout" when that takes more than `timeout` s.

        key: "" = a new one; a known one is not begun again, and answered with what came of it. same: whether the
        arguments have to be those that are recorded.
        """
        refusal = self._closed() or _key_refusal(key)
        if refusal is not None:
            return Answer(key, refusal)
        name = key or _new_key(kind, str(arguments.get("symbol", "")))
        try:
            async with asyncio.timeout(timeout):
                known = await self.known(name, kind, arguments if same else None) if key else None
                if known is not None:
                    return known
                # Not given up with whoever waits: what is written down is carried out in this process.
                beginning = asyncio.get_running_loop().create_task(self._begin(name, kind, arguments))
                self._beginning.add(beginning)
                beginning.add_done_callback(self._beginning.discard)
                begun = await asyncio.shield(beginning)
                if isinstance(begun, operator.Refusal):
                    return Answer(name, begun)
                if begun is not None:
                    return Answer(name, _payload(await asyncio.shield(begun.answered)))
                return await self.known(name, kind, arguments if same else None) or await self._answer(name)
        except TimeoutError:
            sentence = f"no answer in time; `opensqt operations show {name}` tells what comes of it"
            return Answer(name, operator.Refusal("timeout", sentence))
        except StorageError as error:
            sentence = f"the command could not be written down ({error.sentence}); `opensqt operations show {name}` "
            sentence += "tells whether it was after all"
            return Answer(name, operator.Refusal("unavailable", sentence))

    async def known(self, key: str, kind: Kind, arguments: Mapping[str, Json] | None = None) -> Answer | None:
        """What came of a key; None when it has not been used. StorageError. arguments: None = whatever they were."""
        record = await self._runner.show(key)
        if record is None:
            return None
        if record.kind is not kind or (arguments is not None and dict(record.arguments) != dict(arguments)):
            about = record.arguments.get("symbol") or record.arguments.get("account") or ""
            sentence = f"operation_key: {key} was used for {record.kind.value} {about}".rstrip()
            return Answer(key, operator.Refusal("already_exists", f"{sentence}; give another one"))
        if record.outcome is not None:
            return Answer(key, _payload(record.outcome))
        return await self._answer(key)

    def _closed(self) -> operator.Refusal | None:
        if not self._open:
            return operator.Refusal("unavailable", "the supervisor is starting or stopping; try again in a moment")
        if not self._running():
            return operator.Refusal("unavailable", "the supervisor is shutting down")
        return None

    async def _begin(self, key: str, kind: Kind, arguments: Mapping[str, Json]) -> operator.Refusal | _Work | None:
        """None: the key is known by now."""
        changes = _changes(kind, arguments)
        for work in self._work.values():
            if work.holds and work.changes & changes and work.key != key:
                _, symbol = min(work.changes & changes)
                sentence = f"symbol: {symbol} is being changed by operation {work.key} ({work.kind.value}); try again"
                return operator.Refusal("unavailable", sentence)
        if len(self._work) >= MOST_RUNNING:
            return operator.Refusal("unavailable", f"{MOST_RUNNING} operations are at work already; try again")
        self._failpoint("operation.asked")
        entered = key not in self._work
        work = self._enter(key, kind, arguments)
        try:
            begun = await self._runner.submit(key, kind, arguments)
        except BaseException:
            # Whether it was written is not known for certain: if it was, the runner takes it up.
            if entered and not work.step:
                self._work.pop(key, None)
            raise
        if not begun and entered and not work.step:
            self._work.pop(key, None)
        return work if begun else None

    def _enter(self, key: str, kind: Kind, arguments: Mapping[str, Json]) -> _Work:
        work = self._work.get(key)
        if work is None:
            work = self._work[key] = _Work(key, kind, _changes(kind, arguments), since=time.time_ns())
        return work

    async def _answer(self, key: str) -> Answer:
        """Of one that is written down: what it says first, or its outcome, which is recorded a moment after its end."""
        while True:
            work = self._work.get(key)
            if work is not None:
                return Answer(key, _payload(await asyncio.shield(work.answered)))
            record = await self._runner.show(key)
            if record is not None and record.outcome is not None:
                return Answer(key, _payload(record.outcome))
            await asyncio.sleep(self._pace.look)

    # --- carrying one out --------------------------------------------------------------------------------------------

    async def _body(self, run: Run) -> Outcome:
        """What the runner runs. A step that breaks ends the operation, not the process."""
        work = self._enter(run.key, run.kind, run.arguments)
        self._failpoint("operation.begun")
        try:
            watched = _Watched(run, work, self._failpoint)
            tools = Tools(watched, self._backend, self._pace, _answers(work), self._running)
            outcome = await PROCEDURES[run.kind](tools)
        except _Broken as error:
            outcome = Outcome(Ended.FAILED, f"{run.kind.value} broke: {error}; the supervisor's log has the details")
        except (StorageError, asyncio.CancelledError):
            raise
        except OpenSqtError as error:
            outcome = Outcome(Ended.FAILED, f"{run.kind.value} cannot go on: {error.sentence}")
        except Exception as error:  # noqa: BLE001 - a mistake of ours must not be tried again for ever
            logger.opt(exception=error).error("operation {} broke", run.key)
            outcome = Outcome(Ended.FAILED, f"{run.kind.value} broke; the supervisor's log has the details")
        self._failpoint("operation.ended")
        self._work.pop(run.key, None)
        work.answer(outcome)
        if outcome.ended is not Ended.REFUSED:
            self._tell(run, outcome)
        return outcome

    def _tell(self, run: Run, outcome: Outcome) -> None:
        account, symbol = str(run.arguments.get("account", "")), str(run.arguments.get("symbol", ""))
        level = "error" if outcome.ended is Ended.FAILED else "info"
        data = {"operation": run.key, "kind": run.kind.value}
        self._backend.announce(
            Announce(f"operation.{outcome.ended.value}", account, symbol, outcome.sentence, level, data)
        )

    # --- showing -----------------------------------------------------------------------------------------------------

    async def records(self, limit: int, *, running: bool) -> tuple[OperationView, ...]:
        """The newest first. StorageError."""
        found = (await self._runner.unfinished())[::-1][:limit] if running else await self._runner.records(limit)
        return tuple(self._view(record) for record in found)

    async def show(self, key: str) -> OperationView | None:
        """One of them, with its steps. StorageError."""
        record = await self._runner.show(key)
        return None if record is None else self._view(record)

    def _view(self, record: Record) -> OperationView:
        work = self._work.get(record.key)
        if record.outcome is not None:
            return OperationView(record, "", 0)
        return OperationView(record, work.step or "to begin", work.since) if work else OperationView(record, "", 0)

    # --- emergency exits ---------------------------------------------------------------------------------------------

    async def _watch_exits(self) -> None:
        """Each emergency exit is followed by one question to the venue, under a key that says which exit it was."""
        while True:
            try:
                view = await self._backend.ask(operator.GetRisk, self._pace.ask)
                rules = view.rules if isinstance(view, RiskView) else ()
                self._seen &= {f"flat-{row.account}-{row.since}" for row in rules}
                for row in rules:
                    key = f"flat-{row.account}-{row.since}"
                    if row.scope != "emergency" or row.state != "exited" or key in self._seen:
                        continue
                    if not self._running():
                        continue
                    arguments = {"account": row.account, "symbol": "", "emergency": True}
                    await self._runner.submit(key, Kind.VERIFY_FLAT, arguments)
                    self._seen.add(key)
            except (StorageError, TimeoutError) as error:
                logger.debug("emergency exits could not be followed up yet: {}", error)
            await asyncio.sleep(WATCH)


class _Watched:
    """A run whose steps are seen by the desk, with a failpoint around each."""

    def __init__(self, run: Run, work: _Work, failpoint: Failpoint) -> None:
        self._run = run
        self._work = work
        self._failpoint = failpoint
        self.key = run.key
        self.kind = run.kind
        self.arguments = run.arguments

    async def step(self, name: str, work: Callable[[], Awaitable[Json]]) -> Json:
        """See Run.step."""
        self._work.step = name
        self._work.since = time.time_ns()
        ran = False

        async def watched() -> Json:
            nonlocal ran
            ran = True
            self._failpoint("operation.before_step")
            try:
                result = await work()
            except Exception as error:  # noqa: BLE001 - recorded as it is, so that every life of it ends alike
                logger.opt(exception=error).error("step {} of operation {} broke", name, self.key)
                return {"broken": f"{name}: {type(error).__name__}"}
            self._failpoint("operation.after_step")
            return result

        result: Any = await self._run.step(name, watched)
        if isinstance(result, dict) and "broken" in result:
            raise _Broken(result["broken"])
        if ran:
            self._failpoint("operation.step_recorded")
        return result


def _answers(work: _Work) -> Callable[[str], None]:
    return lambda sentence: work.answer(Outcome(Ended.DONE, sentence))


def _payload(outcome: Outcome) -> operator.Done | operator.Refusal:
    if outcome.ended is Ended.DONE:
        return operator.Done(outcome.sentence)
    return operator.Refusal(outcome.code or "failed", outcome.sentence)


def _changes(kind: Kind, arguments: Mapping[str, Json]) -> frozenset[Symbol]:
    if kind is Kind.VERIFY_FLAT:
        return frozenset()
    if kind is Kind.APPLY_CONFIG:
        return frozenset((target["account"], target["symbol"]) for target in arguments["targets"])
    return frozenset({(arguments["account"], arguments["symbol"])})


def _new_key(kind: Kind, symbol: str) -> str:
    """A key that people can read and say."""
    about = re.sub(r"[^A-Za-z0-9]", "", symbol)[:20]
    return "-".join(part for part in (kind.value.replace("_", "-"), about, secrets.token_hex(4)) if part)


def _key_refusal(key: str) -> operator.Refusal | None:
    if not key or _KEY.fullmatch(key):
        return None
    sentence = "operation_key: must be at most 64 letters, digits, and . _ : - after the first, like pause-BTC-1"
    return operator.Refusal("invalid", sentence)
