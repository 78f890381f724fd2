"""What a demo shows while it runs, and how it tells that trading has begun."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.live import Live

from opensqt_actors.actors.views import StatusView
from opensqt_actors.cli.failure import Exit, Failure
from opensqt_actors.cli.watch import picture, stderr_console
from opensqt_actors.domain.settings import SymbolState

SUPERVISOR_START = 60.0  # seconds
TRADING_START = 120.0
LINE_EVERY = 5.0
_NEVER = frozenset({SymbolState.REFUSED, SymbolState.QUARANTINED})


def say(sentence: str) -> None:
    """Progress is for people: standard error."""
    print(sentence, file=sys.stderr, flush=True)


def trades(view: StatusView, first: StatusView | None = None) -> bool:
    """Whether trading has begun: a fill since the first look, or every symbol that can trade does."""
    states = [row.state for row in view.symbols]
    ready = SymbolState.TRADING in states and SymbolState.STARTING not in states
    return ready or (first is not None and view.fills > first.fills)


def check_start(last: StatusView | None, waited: float, *, trading: bool) -> None:
    """Failure when trading does not begin, or cannot."""
    if last is not None and last.symbols and all(row.state in _NEVER for row in last.symbols):
        why = "; ".join(f"{row.symbol} is {row.state.value}: {row.why}" for row in last.symbols[:3])
        raise Failure(Exit.ERROR, "no_trading", f"no symbol trades: {why}")
    if last is None and waited > SUPERVISOR_START:
        raise Failure(Exit.TIMEOUT, "timeout", f"the supervisor did not answer within {SUPERVISOR_START:g} s")
    if not trading and waited > TRADING_START:
        why = (
            next((f"{row.symbol}: {row.why}" for row in last.symbols if row.why), "no symbol says why") if last else ""
        )
        raise Failure(Exit.TIMEOUT, "timeout", f"trading did not begin within {TRADING_START:g} s ({why})")


Show = Callable[[StatusView | Failure, StatusView | None], None]


@contextmanager
def shown() -> Iterator[Show]:
    """The live table on a terminal, a line now and then elsewhere; on standard error."""
    console = stderr_console()
    if console.is_terminal:
        with Live(console=console, auto_refresh=False, screen=True) as live:
            yield lambda found, last: live.update(picture(found, last, console.height), refresh=True)
        return
    told = 0.0

    def line(found: StatusView | Failure, _: StatusView | None) -> None:
        nonlocal told
        if isinstance(found, StatusView) and time.monotonic() - told >= LINE_EVERY:
            told = time.monotonic()
            trading = sum(1 for row in found.symbols if row.state.value == "trading")
            net = found.realized_pnl - found.fees + found.funding
            say(
                f"{trading} of {len(found.symbols)} symbols trade, {found.orders_placed} orders, {found.fills} fills, "
                f"grid P&L {net:.2f}, unrealised {found.unrealized_pnl:.2f}"
            )

    yield line
