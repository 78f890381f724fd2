"""One process that has loaded everything and forks others that have: what a new shard would import is there already.

Its standard input is a socket. A line `launch TICKET NUMBER` is answered with `launched TICKET PID`; the end of each
child with `ended PID CODE`, a code below zero being a signal. It ends with that socket; its children do not.
"""

from __future__ import annotations

import os
import selectors
import signal
import socket
import stat
from contextlib import suppress

STANDARD_INPUT = 0
GO = b"g"
MOST_READ = 65_536


def asked_by_a_supervisor() -> bool:
    """Whether standard input is a socket: somebody may ask."""
    return stat.S_ISSOCK(os.fstat(STANDARD_INPUT).st_mode)


def serve() -> int | None:
    """Fork whoever is asked for. Returns in each child its number, and None in the server when nobody asks any more."""
    with socket.socket(fileno=STANDARD_INPUT) as line:
        return _Server(line).run()


class _Server:
    """Has one thread for ever: whoever forks with several copies locks that nobody will open."""

    def __init__(self, line: socket.socket) -> None:
        self._line = line
        self._rest = b""
        self._woken, self._wake = socket.socketpair()
        self._woken.setblocking(False)
        self._wake.setblocking(False)

    def run(self) -> int | None:
        signal.set_wakeup_fd(self._wake.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        with selectors.DefaultSelector() as selector, self._woken, self._wake, suppress(ConnectionError):
            selector.register(self._line, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            while True:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._woken in ready:
                    with suppress(BlockingIOError):
                        self._woken.recv(MOST_READ)
                    self._reap()
                if self._line in ready:
                    read = self._line.recv(MOST_READ)
                    if not read:
                        return None
                    *asked, self._rest = (self._rest + read).split(b"\n")
                    for request in asked:
                        number = self._launch(request)
                        if number is not None:
                            return number
        return None

    def _reap(self) -> None:
        """Tell of every child that has ended."""
        with suppress(ChildProcessError):
            while (ended := os.waitpid(-1, os.WNOHANG))[0]:
                self._line.sendall(b"ended %d %d\n" % (ended[0], os.waitstatus_to_exitcode(ended[1])))

    def _launch(self, request: bytes) -> int | None:
        """Fork. The number in the child, None in the server."""
        _, ticket, number = request.split()
        waits, goes = os.pipe()
        pid = os.fork()
        if not pid:
            os.close(goes)
            return self._become(int(number), waits)
        os.close(waits)
        try:
            self._line.sendall(b"launched %s %d\n" % (ticket, pid))
            with suppress(BrokenPipeError):  # it has been killed already: that is told like any other end
                os.write(goes, GO)
        finally:
            os.close(goes)
        return None

    def _become(self, number: int, waits: int) -> int:
        """In the child: wait until it is known who this is, so that nobody lives of whom nobody knows."""
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        go = os.read(waits, 1)
        os.close(waits)
        if go != GO:
            os._exit(0)
        os.setsid()  # Ctrl-C is for the supervisor, which ends the shards in order
        self._line.detach()
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, STANDARD_INPUT)
        os.close(nothing)
        return number
