"""The procedures: what each kind of operation does, step by step, so that any step may be the last of its process.

The first step that changes something is the registry's row, from which every actor starts after a kill. The later ones
wait until it is so, and ask the venue where money is at stake.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from opensqt_actors.actors import operator
from opensqt_actors.actors.operations import Ended, Json, Kind, Outcome, grid_from_json, grid_to_json
from opensqt_actors.actors.views import RegistryRow
from opensqt_actors.app.operations.tools import Tools, refused
from opensqt_actors.domain.settings import RemoveMode, SymbolState

Procedure = Callable[[Tools], Awaitable[Outcome]]
_STANDS = frozenset({SymbolState.REFUSED, SymbolState.QUARANTINED})


def _done(sentence: str) -> Outcome:
    return Outcome(Ended.DONE, sentence)


def _failed(sentence: str) -> Outcome:
    return Outcome(Ended.FAILED, sentence)


# --- add -------------------------------------------------------------------------------------------------------------


async def add(tools: Tools) -> Outcome:
    """Check that it is not there, add it, wait until it has been taken up."""
    name, account = tools.symbol, tools.account
    given = tools.run.arguments
    grid, strategy, adopt = grid_from_json(given["grid"]), str(given["strategy"]), bool(given["adopt"])

    async def check() -> Json:
        if await tools.row() is not None:
            sentence = f"symbol: {name} is traded on {account} already"
            return {"refused": sentence, "code": "already_exists"}
        return {"done": "it is not traded yet"}

    async def change() -> Json:
        row = await tools.row()
        if row is not None and (row.spec.grid, row.spec.strategy, row.spec.adopt) == (grid, strategy, adopt):
            return {"done": f"{name} was added on {account}"}  # by an earlier life of this operation
        return await tools.do(
            lambda number: operator.AddSymbol(number, account, name, grid, strategy, adopt), timeout=tools.pace.add
        )

    if refusal := refused(await tools.step("check", check)):
        return refusal
    result = await tools.step("add", change)
    if refusal := refused(result):
        return refusal
    tools.answer(result["done"])

    def begun(row: RegistryRow | None) -> Json:
        return {"state": "elsewhere"} if row is None else _taken_up(row)

    stands = await tools.step("begin", lambda: tools.until(begun, tools.pace.settle))
    if stands is not None and stands["state"] == "elsewhere":
        return _done(result["done"])  # another host trades it, or it was removed at once
    return _begun(f"{name} was added on {account}", stands)


def _taken_up(row: RegistryRow | None) -> Json:
    """How a symbol stands once its actor has compared it with the venue."""
    if row is None or row.spec.state is SymbolState.REMOVING:
        return {"state": "removing", "why": "it is being removed"}
    if row.moving or row.row.state is SymbolState.STARTING:
        return None
    return {"state": row.row.state.value, "why": row.row.why}


def _begun(what: str, stands: Json) -> Outcome:
    if stands is None:
        return _failed(f"{what}, but has not begun yet; it goes on trying: `opensqt explain` says what is missing")
    if stands["state"] in {state.value for state in _STANDS}:
        return _failed(f"{what}, but is {stands['state']}: {stands['why']}")
    return _done(f"{what}: it is {stands['state']}")


# --- move ------------------------------------------------------------------------------------------------------------


async def move(tools: Tools) -> Outcome:
    """Write the new place down, wait until the symbol trades there."""
    name, target = tools.symbol, str(tools.run.arguments["shard"])

    async def check() -> Json:
        row = await tools.row()
        if row is not None and row.shard == target:
            return {"refused": f"symbol: {name} is on {target} already", "code": "failed"}
        return {"done": "it is elsewhere"}

    async def place() -> Json:
        row = await tools.row()
        if row is not None and row.shard == target:
            return {"done": f"{name} is on its way to {target}"}
        return await tools.do(lambda number: operator.MoveSymbol(number, tools.account, name, target))

    if refusal := refused(await tools.step("check", check)):
        return refusal
    result = await tools.step("place", place)
    if refusal := refused(result):
        return refusal
    tools.answer(result["done"])

    def arrived(row: RegistryRow | None) -> Json:
        if row is not None and row.shard != target:
            return {"state": "elsewhere", "why": f"it was moved on to {row.shard}"}
        return _taken_up(row)

    stands = await tools.step("arrive", lambda: tools.until(arrived, tools.pace.settle))
    return _begun(f"{name} was moved to {target}", stands)


# --- pause, resume ---------------------------------------------------------------------------------------------------


async def pause(tools: Tools) -> Outcome:
    """Write the pause down, wait until the symbol has taken its openings back."""
    result = await tools.step("pause", lambda: _told(tools, operator.PauseSymbol))
    if refusal := refused(result):
        return refusal
    tools.answer(result["done"])

    def rests(row: RegistryRow | None) -> Json:
        if row is None or row.spec.state is not SymbolState.PAUSED:
            return {"state": "changed"}
        return {"state": "paused"} if row.row.state in _STANDS | {SymbolState.PAUSED} else None

    stands = await tools.step("rest", lambda: tools.until(rests, tools.pace.settle))
    if stands is None:
        return _failed(f"{tools.symbol} is paused in the registry, but has not said so: its shard does not answer")
    return _done(
        result["done"] if stands["state"] == "paused" else f"{tools.symbol} was paused, and changed after that"
    )


async def resume(tools: Tools) -> Outcome:
    """Write it down, wait until the symbol has begun again."""
    result = await tools.step("resume", lambda: _told(tools, operator.ResumeSymbol))
    if refusal := refused(result):
        return refusal
    tools.answer(result["done"])

    def begun(row: RegistryRow | None) -> Json:
        if row is None or row.spec.state is not SymbolState.TRADING:
            return {"state": "changed", "why": "it was changed after that"}
        return _taken_up(row)

    stands = await tools.step("begin", lambda: tools.until(begun, tools.pace.settle))
    return _begun(f"{tools.symbol} was resumed", stands)


def _told(tools: Tools, request: Any) -> Awaitable[Json]:
    return tools.do(lambda number: request(number, tools.account, tools.symbol))


# --- flatten, remove -------------------------------------------------------------------------------------------------


async def flatten(tools: Tools) -> Outcome:
    """Pause, close until the symbol holds nothing, and hear it from the venue."""
    name = tools.symbol
    result = await tools.step("pause", lambda: _told(tools, operator.PauseSymbol))
    if refusal := refused(result):
        return refusal
    tools.answer(f"{name} is paused and being closed at the market")
    closed = await tools.step("close", lambda: _close(tools))
    if closed["state"] == "changed":
        return _failed(f"{name} was resumed or removed while it was being closed")

    async def over() -> str:
        row = await tools.row()
        if row is None or row.spec.state is not SymbolState.PAUSED:
            return f"{name} was resumed or removed before the venue said that it is flat"
        return ""

    return await _verify(tools, f"{name} is closed and paused", over)


async def _close(tools: Tools) -> Json:
    """Tell the symbol to close, again and again: its actor may begin anew meanwhile and would not know of it."""
    rounds = max(1, round(tools.pace.close / tools.pace.again))

    def flat(row: RegistryRow | None) -> Json:
        if row is None or row.spec.state is not SymbolState.PAUSED:
            return {"state": "changed"}
        settled = not row.moving and row.row.state in {SymbolState.PAUSED, SymbolState.REFUSED}
        return {"state": "flat"} if settled and not row.row.position and not row.row.open_orders else None

    for _ in range(rounds):
        told = await _told(tools, operator.FlattenSymbol)
        found = await tools.until(flat, tools.pace.again)
        if found is not None:
            return found
        if told.get("code") == "not_found":
            return {"state": "changed"}
    return {"state": "late"}


async def remove(tools: Tools) -> Outcome:
    """Write it down, wait until the symbol has left; where it was closed, hear from the venue that it is."""
    name, account = tools.symbol, tools.account
    mode = RemoveMode(tools.run.arguments["mode"])

    async def check() -> Json:
        if await tools.row() is None:
            return {"refused": f"symbol: {name} is not traded on {account}", "code": "not_found"}
        return {"done": "it is traded"}

    async def change() -> Json:
        result = await tools.do(lambda number: operator.RemoveSymbol(number, account, name, mode))
        if result.get("code") == "not_found":
            return {"done": f"{name} is removed"}  # by an earlier life of this operation
        return result

    if refusal := refused(await tools.step("check", check)):
        return refusal
    result = await tools.step("remove", change)
    if refusal := refused(result):
        return refusal
    tools.answer(result["done"])

    def left(row: RegistryRow | None) -> Json:
        return {"state": "left"} if row is None or row.spec.state is not SymbolState.REMOVING else None

    every = tools.pace.look_slowly if mode is RemoveMode.GRACEFUL else tools.pace.look
    await tools.step("leave", lambda: tools.until(left, None, every))
    if mode is not RemoveMode.FLATTEN:
        return _done(f"{name} was removed from {account}")

    async def over() -> str:
        return f"{name} was added again before the venue said that it is flat" if await tools.row() else ""

    return await _verify(tools, f"{name} was closed and removed from {account}", over)


# --- verify flat -----------------------------------------------------------------------------------------------------


async def verify_flat(tools: Tools) -> Outcome:
    """Ask the venue. emergency: only for as long as the account's emergency exit is in force."""
    what = f"{tools.symbol} of {tools.account}" if tools.symbol else tools.account
    tools.answer(f"the venue is being asked whether {what} is flat")

    async def over() -> str:
        if tools.run.arguments.get("emergency") and not await tools.exited(tools.account):
            return f"the emergency exit of {tools.account} was cleared before the venue said that it is flat"
        return ""

    return await _verify(tools, "", over)


async def _verify(tools: Tools, what: str, over: Callable[[], Awaitable[str]]) -> Outcome:
    told = await tools.step("verify", lambda: tools.verified(tools.account, tools.symbol, over))
    sentence = f"{what}; {told['sentence']}" if what and told["flat"] else str(told["sentence"])
    return _done(sentence) if told["flat"] else _failed(sentence)


# --- apply the configuration -----------------------------------------------------------------------------------------


async def apply_config(tools: Tools) -> Outcome:
    """Check every change with the venue; then one symbol after the other takes its change up, or gets it taken back."""
    targets: list[Mapping[str, Any]] = list(tools.run.arguments["targets"])
    checked = await tools.step("check", lambda: _check_all(tools, targets))
    if refusal := refused(checked):
        return refusal
    count = len(targets)
    tools.answer(f"{count} symbol{'s' if count > 1 else ''} {'take' if count > 1 else 'takes'} changed settings up")
    left: list[str] = []
    for index, (target, before) in enumerate(zip(targets, checked["before"], strict=True)):
        one = _One(tools, target, before)
        result = await tools.step(f"change {one.path}", one.take_up)
        if refusal := refused(result):
            left.append(f"{one.symbol} was left as it is: {refusal.sentence}")
            continue
        stands = await tools.step(f"settle {one.path}", one.settled)
        if stands["state"] == "ok":
            continue
        result = await tools.step(f"restore {one.path}", one.put_back)
        restored = f"could not be put back ({result['refused']})" if refused(result) else "was put back"
        rest = count - index - 1
        after = f"; {rest} more {'was' if rest == 1 else 'were'} not touched" if rest else ""
        sentence = f"{index - len(left)} of {count} symbols changed; {one.symbol} {restored}: {stands['why']}{after}"
        return _failed("; ".join([sentence, *left]))
    if left:
        return _failed("; ".join([f"{count - len(left)} of {count} symbols changed", *left]))
    return _done(f"{count} symbol{'s have' if count > 1 else ' has'} taken changed settings up")


async def _check_all(tools: Tools, targets: list[Mapping[str, Any]]) -> Json:
    """{"before": the settings in force, by target}, or a refusal with one sentence for each that cannot work."""
    view = await tools.rows()
    before: list[Json] = []
    problems: list[str] = []
    for target in targets:
        row = view.find(target["account"], target["symbol"])
        if row is None or row.spec.state is SymbolState.REMOVING:
            problems.append(f"{target['symbol']}: is not traded any more")
            continue
        before.append({"grid": grid_to_json(row.spec.grid), "state": row.row.state.value})
        answer = await _One(tools, target).check()
        if found := refused(answer):
            problems.append(f"{target['symbol']}: {found.sentence}")
    if problems:
        return {"refused": "; ".join(problems), "code": "invalid"}
    return {"before": before}


class _One:
    """One symbol whose settings change. before: what it had, and how it stood."""

    def __init__(self, tools: Tools, target: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> None:
        self.tools = tools
        self.target = target
        self.before = before or {}
        self.stood = self.before.get("state", "")
        self.account = str(target["account"])
        self.symbol = str(target["symbol"])
        self.path = f"{self.account}/{self.symbol}"

    async def check(self) -> Json:
        grid = grid_from_json(self.target["grid"])
        return await self.tools.do(
            lambda number: operator.CheckSettings(number, self.account, self.symbol, grid), timeout=self.tools.pace.add
        )

    async def take_up(self) -> Json:
        return await self._change(self.target["grid"])

    async def put_back(self) -> Json:
        return await self._change(self.before["grid"])

    async def _change(self, grid: Json) -> Json:
        settings = grid_from_json(grid)
        return await self.tools.do(
            lambda number: operator.ReconfigureSymbol(number, self.account, self.symbol, settings)
        )

    async def settled(self) -> Json:
        """Whether it has taken the change up; a symbol that stood still before may go on standing still."""
        tools = self.tools
        found = await tools.until_of(self.account, self.symbol, _taken_up, tools.pace.settle)
        if found is None:
            return {"state": "late", "why": f"it had not taken them up after {tools.pace.settle:g} s"}
        if found["state"] in {state.value for state in _STANDS} and found["state"] != self.stood:
            return {"state": found["state"], "why": found["why"]}
        return {"state": "ok", "why": ""}


PROCEDURES: Mapping[Kind, Procedure] = {
    Kind.ADD: add,
    Kind.MOVE: move,
    Kind.PAUSE: pause,
    Kind.RESUME: resume,
    Kind.FLATTEN: flatten,
    Kind.REMOVE: remove,
    Kind.APPLY_CONFIG: apply_config,
    Kind.VERIFY_FLAT: verify_flat,
}
