"""One demo from its first process to its last line: start, watch, stop in order, compare the books."""

from __future__ import annotations

import ctypes
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Any

from opensqt_actors.actors.views import StatusView
from opensqt_actors.cli import json_output
from opensqt_actors.cli.client import Client
from opensqt_actors.cli.demo_config import ACCOUNT, KEY, write_config
from opensqt_actors.cli.demo_folder import PATIENCE, DemoFolder, Options, Recorded
from opensqt_actors.cli.demo_view import check_start, say, shown, trades
from opensqt_actors.cli.failure import Exit, Failure
from opensqt_actors.cli.venue_admin import VenueAdmin
from opensqt_actors.cli.watch import Watcher

VENUE_START = 30.0  # seconds
CALL_TIMEOUT = 5.0
STOP_TIMEOUT = 9.0
SETTLE = 1.0
VENUE_STOP = 3.0
LOOK = 0.5
PR_SET_PDEATHSIG = 1
UNKNOWN = -1_000


class Demo:
    """The processes of one demo, and what has been seen of them."""

    def __init__(self, folder: DemoFolder, options: Options) -> None:
        self.folder = folder
        self.options = options
        self.stop = threading.Event()
        self.signals = 0
        self.traded = False
        self.venue: Recorded | None = None
        self.supervisor: Recorded | None = None
        self.admin: VenueAdmin | None = None
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def start(self) -> None:
        """Bring up what is not there yet. Failure says what did not come up, and why."""
        known, venue, supervisor = self.folder.recorded()
        ports = self.folder.venue_ports()
        if venue and venue.process() and ports and VenueAdmin(ports[1]).alive():
            if known != self.options:
                raise Failure(
                    Exit.ERROR,
                    "other_demo",
                    f"a demo with other options is alive in {self.folder.path}; end it with `opensqt demo --stop`",
                )
            self.venue = venue
            say(f"the simulated venue is still there; going on with what is in {self.folder.path}")
        else:
            for left in (supervisor, *self.folder.shards(), venue):
                if left is not None:
                    left.end(VENUE_STOP)
            supervisor = None
            self.folder.wipe()
            ports = self._start_venue()
        port, admin_port, ca = ports
        self.admin = VenueAdmin(admin_port)
        self.admin.resume()
        if supervisor and supervisor.process():
            self.supervisor = supervisor
        else:
            write_config(
                self.folder.config,
                state_dir=self.folder.path,
                port=port,
                ca=ca,
                markets=self.admin.markets(),
                shards=self.options.shards,
            )
            self.supervisor = self._spawn("supervisor", "--config", str(self.folder.config))
        self._record()

    def _record(self) -> None:
        if self.venue is not None:
            self.folder.record(self.options, self.venue, self.supervisor)

    def _start_venue(self) -> tuple[int, int, str]:
        arguments = ["--port", "0", "--admin-port", "0", "--dir", str(self.folder.venue_dir)]
        arguments += ["--seed", str(self.options.seed), "--profile", "demo", "--limits", "market-maker"]
        if self.options.speed is not None:
            arguments += ["--speed", str(self.options.speed)]
        if self.options.replay:
            for path in self.options.replay:
                arguments += ["--replay", path]
        else:
            arguments += ["--symbols", str(self.options.symbols)]
        self.folder.venue_dir.mkdir(parents=True, exist_ok=True)
        self.venue = self._spawn("simvenue", *arguments)
        self._record()
        deadline = time.monotonic() + VENUE_START
        while (ports := self.folder.venue_ports()) is None:
            self._still_there("simvenue", self.venue, "the simulated venue")
            if time.monotonic() > deadline:
                raise Failure(Exit.TIMEOUT, "timeout", f"the simulated venue was not ready within {VENUE_START:g} s")
            self._pause(0.02)
        return ports

    def _spawn(self, name: str, *arguments: str) -> Recorded:
        with self.folder.log(name).open("ab") as log:
            child = subprocess.Popen(  # noqa: S603 - our own modules
                [sys.executable, "-m", f"opensqt_actors.{name}", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for us: we end the others in order
                preexec_fn=None if self.folder.kept else _die_with_parent,  # noqa: PLW1509 - no threads yet
            )
        self._children[child.pid] = child
        return Recorded.of(child.pid)

    def ended(self, process: Recorded | None) -> int | None:
        """The exit code of a process that has ended, None while it lives; UNKNOWN when it was not our child."""
        if process is None:
            return UNKNOWN
        child = self._children.get(process.pid)
        if child is not None:
            return child.poll()
        return None if process.process() else UNKNOWN

    def _still_there(self, name: str, process: Recorded | None, called: str) -> None:
        code = self.ended(process)
        if code is not None and code < 0:
            how = f"was killed (signal {-code})" if code != UNKNOWN else "is gone"
            again = "; its state is kept, run the demo again to go on" if self.folder.kept else ""
            raise Failure(Exit.ERROR, "killed", f"{called} {how}{again}")
        if code is not None:
            exit_code = Exit(code) if code in set(Exit) and code else Exit.ERROR
            raise Failure(exit_code, "ended", f"{called} has ended: {last_line(self.folder.log(name))}")

    def _pause(self, seconds: float) -> None:
        if self.stop.wait(seconds):
            raise Interrupted

    def connect(self) -> Client:
        """A connection to the supervisor."""
        return Client(self.folder.socket, CALL_TIMEOUT)

    def trade(self, run_for: float | None) -> StatusView | None:
        """Watch until the time is over, a signal comes or the supervisor ends in order. The newest status."""
        watcher = Watcher(self.connect)
        began, trading_since = time.monotonic(), 0.0
        first: StatusView | None = None
        try:
            with shown() as show:
                while not self.stop.is_set():
                    found = watcher.poll()
                    code = self.ended(self.supervisor)
                    if code == 0:
                        say("the supervisor was shut down")
                        break
                    self._still_there("supervisor", self.supervisor, "the supervisor")
                    now = time.monotonic()
                    first = first or watcher.last
                    if not trading_since and isinstance(found, StatusView) and trades(found, first):
                        trading_since = now
                        self.traded = True
                    check_start(watcher.last, now - began, trading=bool(trading_since))
                    show(found, watcher.last)
                    if run_for is not None and trading_since and now - trading_since >= run_for:
                        break
                    left = trading_since + run_for - now if run_for is not None and trading_since else LOOK
                    self.stop.wait(min(LOOK, max(left, 0)))
            return watcher.last
        finally:
            watcher.close()

    def shut_down(self) -> None:
        """Let the markets stand still, the last fills come in, the supervisor end in order."""
        if self.admin is not None:
            self.admin.pause()
            self._settle(self.admin)
        if self.supervisor is None or self.ended(self.supervisor) is not None:
            return
        try:
            with self.connect() as client:
                client.call("Shutdown", client.pb.ShutdownRequest())
        except Failure:
            self.supervisor.end(STOP_TIMEOUT)
        deadline = time.monotonic() + STOP_TIMEOUT
        while self.ended(self.supervisor) is None:
            if time.monotonic() > deadline or self.signals > 1:
                for process in (self.supervisor, *self.folder.shards()):
                    process.end(1.0, signal.SIGKILL)
                raise Failure(Exit.ERROR, "killed", "the supervisor did not end in time and was killed")
            time.sleep(0.02)

    def _settle(self, admin: VenueAdmin) -> None:
        """Wait until the supervisor has seen every fill that the venue has made."""
        deadline = time.monotonic() + SETTLE
        watcher = Watcher(self.connect)
        try:
            while time.monotonic() < deadline and self.signals <= 1:
                found = watcher.poll()
                # the signal may come between two looks: what traded meanwhile has books to compare
                self.traded = self.traded or (isinstance(found, StatusView) and trades(found))
                if not isinstance(found, StatusView) or found.fills >= int(admin.account(KEY)["fills"]):
                    return
                time.sleep(0.05)
        finally:
            watcher.close()

    def result(self, last: StatusView | None) -> dict[str, Any]:
        """The last line: what was traded, and whether the books agree."""
        from opensqt_actors.app.audit import audit
        from opensqt_actors.config.loading import load
        from opensqt_actors.domain.errors import OpenSqtError
        from opensqt_actors.storage import books
        from opensqt_actors.storage.database import Database

        if self.admin is None:
            raise Failure(Exit.ERROR, "venue_away", "there is no venue to compare the books with")
        try:
            database = Database(load(self.folder.config).database_url.get_secret_value())
            try:
                compared = audit(database, {ACCOUNT: KEY}, self.admin)
                with database.read() as connection:
                    ends = books.newest_events(connection, kind="run.ended", limit=1)
            finally:
                database.close()
        except OpenSqtError as error:
            raise Failure(Exit.ERROR, error.code, f"the books cannot be compared: {error.sentence}") from None
        figures = dict(ends[0].data) if ends else {}
        if last is not None:
            figures = json_output.counters(last) | figures
        keys = (
            "shards",
            "ticks",
            "ticks_skipped",
            "orders_placed",
            "orders_cancelled",
            "fills",
            "realized_pnl",
            "fees",
        )
        symbols = len(last.symbols) if last is not None else compared.symbols
        return {
            "symbols": figures.get("symbols", symbols),
            **{key: figures.get(key, 0) for key in keys},
            "restarts": figures.get("restarts", 0),
            "illegal_transitions": figures.get("illegal_transitions", 0),
            "accounting": compared.verdict,
            "open_orders_left": compared.open_orders,
        }

    def end_venue(self) -> None:
        """The venue goes last: its books were needed until now."""
        if self.venue is not None:
            self.venue.end(VENUE_STOP)

    def kill(self) -> None:
        """At once."""
        for process in (self.supervisor, *self.folder.shards(), self.venue):
            if process is not None:
                process.end(1.0, signal.SIGKILL)


class Interrupted(Exception):
    """A signal came while something was being started."""


def _die_with_parent() -> None:
    """In the child: end when the demo is killed, so that a run that keeps nothing leaves nothing."""
    ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGTERM)


def last_line(path: Path) -> str:
    """What a process said last."""
    try:
        lines = path.read_bytes()[-4_096:].decode(errors="replace").strip().splitlines()
    except OSError:
        lines = []
    return lines[-1] if lines else f"it said nothing (log: {path})"


def run_demo(options: Options, state: Path | None, run_for: float | None) -> int:
    """Run a demo to its end; the exit code."""
    folder = DemoFolder.choose(state, ends_by_itself=run_for is not None)
    folder.open()
    demo = Demo(folder, options)
    good = False
    try:
        with _signals(demo):
            result = _run(demo, run_for)
        if result is None:
            good = True
            return Exit.OK
        good = result["accounting"] == "ok"
        print(json_output.dump(result), flush=True)
        return Exit.OK if good else Exit.ERROR
    except Interrupted:
        good = True
        return Exit.OK
    finally:
        folder.close()
        if not folder.kept:
            if good:
                shutil.rmtree(folder.path, ignore_errors=True)
            else:
                say(f"state and logs are in {folder.path}")


def _run(demo: Demo, run_for: float | None) -> dict[str, Any] | None:
    """The figures of the run; None when it was ended before trading began."""
    folder = demo.folder
    try:
        demo.start()
        say(f"watch it from elsewhere: opensqt --socket {folder.socket} status --watch")
        last = demo.trade(run_for)
        demo.shut_down()
        if demo.traded:
            result = demo.result(last)
        else:
            result = None
            say("ended before trading began: there are no books to compare")
    except BaseException:
        # a kept demo whose supervisor was killed goes on with the same venue at its next start
        if not folder.kept or demo.signals:
            demo.kill()
        raise
    demo.end_venue()
    return result


@contextmanager
def _signals(demo: Demo) -> Iterator[None]:
    """The first Ctrl-C ends in order, the second at once."""

    def caught(number: int, frame: FrameType | None) -> None:
        demo.signals += 1
        demo.stop.set()

    before = {number: signal.signal(number, caught) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def stop_demo(state: Path | None) -> None:
    """End a demo that runs, or what one has left behind. Failure when there is nothing to end."""
    folder = DemoFolder.choose(state, ends_by_itself=False)
    runner = folder.runner()
    if runner is not None:
        if not runner.end(PATIENCE):
            raise Failure(Exit.ERROR, "killed", "the demo did not end in time and was killed")
        print("the demo has ended")
        return
    _, venue, supervisor = folder.recorded()
    ours = (supervisor, *folder.shards(), venue)
    alive = [process for process in ours if process is not None and process.process()]
    if not alive:
        raise Failure(Exit.NOT_RUNNING, "not_running", f"no demo is running in {folder.path}")
    for process in alive:
        process.end(PATIENCE)
    print("what the demo had left running has ended")
