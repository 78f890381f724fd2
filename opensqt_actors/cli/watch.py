"""The live table: asks again and again, and goes on when the supervisor is away for a while."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Callable

from msgspec.structs import replace
from rich.console import Console, RenderableType
from rich.live import Live
from rich.text import Text

from opensqt_actors.actors.views import StatusView
from opensqt_actors.api.mapping import status_from
from opensqt_actors.cli import json_output, render
from opensqt_actors.cli.client import Client
from opensqt_actors.cli.failure import Exit, Failure


class Watcher:
    """Keeps a connection for as long as it lasts. `last`: the newest status seen."""

    def __init__(self, connect: Callable[[], Client]) -> None:
        self._connect = connect
        self._client: Client | None = None
        self.last: StatusView | None = None

    def poll(self) -> StatusView | Failure:
        """The status, or why there is none just now."""
        try:
            if self._client is None:
                self._client = self._connect()
            self.last = status_from(self._client.status())
        except Failure as failure:
            self.close()  # a fresh connection finds a restarted supervisor at once
            if failure.exit_code not in {Exit.NOT_RUNNING, Exit.TIMEOUT} and failure.code != "unavailable":
                raise
            return failure
        return self.last

    def close(self) -> None:
        """Give the connection back."""
        if self._client is not None:
            self._client.close()
            self._client = None


def watch(connect: Callable[[], Client], interval: float, *, as_json: bool) -> None:
    """Show the status until Ctrl-C. Without a terminal, or for JSON: one line a poll."""
    watcher = Watcher(connect)
    stop = threading.Event()
    try:
        if as_json:
            _lines(watcher, interval, stop)
        else:
            _screen(watcher, interval, stop)
    except KeyboardInterrupt:
        stop.set()
    finally:
        watcher.close()


def _lines(watcher: Watcher, interval: float, stop: threading.Event) -> None:
    while True:
        found = watcher.poll()
        if isinstance(found, Failure):
            line = json_output.dump({"error": {"code": found.code, "sentence": found.sentence}})
        else:
            line = json_output.dump(json_output.status(found))
        print(line, flush=True)
        stop.wait(interval)


def _screen(watcher: Watcher, interval: float, stop: threading.Event) -> None:
    console = Console()
    with Live(console=console, screen=console.is_terminal, auto_refresh=False, transient=False) as live:
        while True:
            live.update(picture(watcher.poll(), watcher.last, console.height), refresh=True)
            stop.wait(interval)


def picture(found: StatusView | Failure, last: StatusView | None, height: int) -> RenderableType:
    """What to show: the status, cut to the screen's height, or the old one with the reason why it is old."""
    from rich.console import Group

    now = time.time_ns()
    if isinstance(found, StatusView):
        return fit(found, now, height)
    waiting = Text(f"{found.sentence}; trying again", "bold yellow")
    return Group(waiting, fit(last, now, height - 2)) if last is not None else waiting


def fit(view: StatusView, now: int, height: int) -> RenderableType:
    """The status with at most so many lines: what does not fit is counted, what needs looking at comes first."""

    from rich.console import Group

    room = max(height - 6 - (len(view.accounts) if len(view.accounts) > 1 else 0), 5)
    if len(view.symbols) <= room:
        return render.status(view, now)
    ordered = sorted(view.symbols, key=lambda row: row.state.value == "trading" and not row.why)
    kept = set(map(id, ordered[: room - 1]))
    shown = tuple(row for row in view.symbols if id(row) in kept)
    hidden = Text(f"and {len(view.symbols) - len(shown)} more; `opensqt symbols list` shows all", "dim")
    several = len({row.account for row in view.symbols}) > 1
    return Group(
        render.summary(view, now),
        "",
        render.SymbolsTable(replace(view, symbols=shown).symbols, now, accounts=several),
        hidden,
    )


def stderr_console() -> Console:
    """A console on standard error: standard output is for results."""
    return Console(file=sys.stderr)
