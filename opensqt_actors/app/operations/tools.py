"""What procedures work with: the SupervisorActor's answers, patience, the alarm. No procedure waits otherwise."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from msgspec import Struct

from opensqt_actors.actors import operator
from opensqt_actors.actors.operations import Ended, Json, Outcome, Run
from opensqt_actors.actors.ports import Announce
from opensqt_actors.actors.views import HoldingsView, RegistryRow, RegistryView, RiskView
from opensqt_actors.api.backend import MakeRequest


class Backend(Protocol):
    """The actor system, as procedures see it."""

    async def ask(self, make: MakeRequest, timeout: float) -> Any:
        """See api.backend.Backend.ask."""

    def announce(self, announce: Announce) -> None:
        """Tell operators something."""


class Pace(Struct, frozen=True):
    """Seconds. ask: for one answer; add: for the venue's word on a market; insist: for what is busy or away for now;

    look: between two looks at how a symbol stands; look_slowly: the same where days may pass; settle: until a symbol
    has taken a change up; close: until a symbol says that it holds nothing; again: between two orders to close;
    verify: between two questions to the venue; alarm: until the alarm; give_up: until nobody asks any more.
    """

    ask: float = 15.0
    add: float = 60.0
    insist: float = 20.0
    look: float = 0.25
    look_slowly: float = 2.0
    settle: float = 90.0
    close: float = 120.0
    again: float = 2.0
    verify: float = 2.0
    alarm: float = 60.0
    give_up: float = 3_600.0


class Tools:
    """One procedure's hands. answer: tells whoever asked that it is under way, before it ends.

    running: whether the supervisor takes commands; while it shuts down nothing is given up: the next process goes on.
    """

    def __init__(
        self, run: Run, backend: Backend, pace: Pace, answer: Callable[[str], None], running: Callable[[], bool]
    ) -> None:
        self.run = run
        self.backend = backend
        self.pace = pace
        self.answer = answer
        self.running = running

    @property
    def account(self) -> str:
        """The account that it is about."""
        return str(self.run.arguments.get("account", ""))

    @property
    def symbol(self) -> str:
        """The market that it is about."""
        return str(self.run.arguments.get("symbol", ""))

    async def step(self, name: str, work: Callable[[], Awaitable[Json]]) -> Json:
        """See Run.step."""
        return await self.run.step(name, work)

    # --- asking ------------------------------------------------------------------------------------------------------

    async def rows(self) -> RegistryView:
        """The registry, once there is an answer."""
        while True:
            try:
                view = await self.backend.ask(operator.GetRegistry, self.pace.ask)
            except TimeoutError:
                continue
            if isinstance(view, RegistryView):
                return view
            await asyncio.sleep(self.pace.look)

    async def row(self) -> RegistryRow | None:
        """The registry's row of the market."""
        return (await self.rows()).find(self.account, self.symbol)

    async def do(self, make: MakeRequest, *, timeout: float | None = None) -> Json:
        """Have something done. What is busy or away for a moment is asked again; asking twice must do no harm.

        {"done": sentence}, or {"refused": sentence, "code": code}.
        """
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.pace.insist
        while True:
            try:
                answer = await self.backend.ask(make, timeout or self.pace.ask)
            except TimeoutError:
                answer = operator.Refusal("unavailable", "the supervisor did not answer itself in time")
            if isinstance(answer, operator.Done):
                return {"done": answer.sentence}
            if not isinstance(answer, operator.Refusal):
                raise TypeError(f"expected Done or Refusal, got {type(answer).__name__}")
            if answer.code != "unavailable" or (loop.time() > deadline and self.running()):
                return {"refused": answer.sentence, "code": answer.code}
            await asyncio.sleep(self.pace.look)

    async def until(
        self, look: Callable[[RegistryRow | None], Json], patience: float | None, every: float | None = None
    ) -> Json:
        """Look at the market's row until `look` has something to say; None after `patience` s (None: for ever)."""
        return await self.until_of(self.account, self.symbol, look, patience, every)

    async def until_of(
        self,
        account: str,
        symbol: str,
        look: Callable[[RegistryRow | None], Json],
        patience: float | None,
        every: float | None = None,
    ) -> Json:
        """The same, of any market."""
        loop = asyncio.get_running_loop()
        deadline = None if patience is None else loop.time() + patience
        while True:
            found = look((await self.rows()).find(account, symbol))
            if found is not None:
                return found
            if deadline is not None and loop.time() > deadline and self.running():
                return None
            await asyncio.sleep(every or self.pace.look)

    # --- the venue's word --------------------------------------------------------------------------------------------

    async def verified(self, account: str, symbol: str, stop: Callable[[], Awaitable[str]]) -> Json:
        """Ask the venue until nothing is held and nothing of ours rests, twice in a row; an alarm when that takes long.

        stop: why asking makes no sense any more, "" while it does. {"flat": bool, "sentence": what was seen last}.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        alarmed = False
        clean = 0
        what = f"{symbol} of {account}" if symbol else account
        seen = f"nobody could tell what {what} holds"
        while True:
            over = await stop()
            if over:
                return {"flat": False, "over": True, "sentence": over}
            try:
                answer = await self.backend.ask(
                    lambda number: operator.GetHoldings(number, account, symbol), self.pace.ask
                )
            except TimeoutError:
                answer = operator.Refusal("unavailable", f"the venue did not say in time what {what} holds")
            clean = clean + 1 if isinstance(answer, HoldingsView) and answer.flat else 0
            if clean == 2:
                return {"flat": True, "sentence": f"{what} holds nothing and rests nothing, says the venue"}
            if isinstance(answer, HoldingsView) and not answer.flat:
                seen = f"{what}: the venue {answer.sentence}"
            elif isinstance(answer, operator.Refusal):
                seen = answer.sentence
            passed = loop.time() - began
            if not clean and not alarmed and passed > self.pace.alarm:
                alarmed = True
                sentence = f"not flat after {passed:.0f} s: {seen}; look at the venue"
                self.backend.announce(
                    Announce("flat.unverified", account, symbol, sentence, "critical", {"operation": self.run.key})
                )
            if passed > self.pace.give_up:
                return {"flat": False, "over": False, "sentence": f"gave up after {passed:.0f} s: {seen}"}
            await asyncio.sleep(self.pace.look if clean else self.pace.verify)

    async def exited(self, account: str) -> bool:
        """Whether an emergency exit of the account is in force, as far as can be told."""
        try:
            view = await self.backend.ask(operator.GetRisk, self.pace.ask)
        except TimeoutError:
            return True
        if not isinstance(view, RiskView):
            return True
        return any(row.scope == "emergency" and row.account == account and row.state == "exited" for row in view.rules)


def refused(result: Json) -> Outcome | None:
    """The outcome that a refused step comes to; None when it was not refused."""
    if "refused" not in result:
        return None
    return Outcome(Ended.REFUSED, result["refused"], result["code"])
