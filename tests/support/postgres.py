"""A PostgreSQL server of a test's own, which it may stop and start: the one of all tests serves others, too."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

INSTALLED = Path("/usr/lib/postgresql")
OWNER = "postgres"
USER = "opensqt"


def programs() -> Path | None:
    """The folder of the newest server that is installed here, if there is one."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    folders = sorted(INSTALLED.glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return folders[-1].parent if folders else None


class Server:
    """Made in a folder of its own, with a database `name`; `close` removes it. The server does not run as root."""

    def __init__(self, folder: Path, name: str) -> None:
        self._programs = folder
        self._owner = OWNER if os.geteuid() == 0 else None
        self._home = Path(tempfile.mkdtemp(prefix="opensqt-"))
        if self._owner is not None:
            shutil.chown(self._home, self._owner)
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self.port = int(probe.getsockname()[1])
        self._call("initdb", "-U", USER, "--auth=trust", "--encoding=UTF8", "--locale=C", "--no-sync")
        self.start()
        create = ["createdb", "-h", "127.0.0.1", "-p", str(self.port), "-U", USER, name]
        subprocess.run([self._programs / create[0], *create[1:]], check=True, capture_output=True)
        self.url = f"postgresql+psycopg://{USER}@127.0.0.1:{self.port}/{name}"

    def start(self) -> None:
        """Begin to serve; returns when it does."""
        options = f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories={self._home} -c fsync=off"
        self._call("pg_ctl", "-l", str(self._home / "log"), "-w", "-t", "30", "-o", options, "start")

    def stop(self) -> None:
        """End every session, and the server: what a restart begins with."""
        self._call("pg_ctl", "-m", "fast", "-w", "stop")

    def close(self) -> None:
        """Nothing of it stays."""
        if (self._home / "data" / "postmaster.pid").exists():
            self._call("pg_ctl", "-m", "immediate", "-w", "stop")
        shutil.rmtree(self._home, ignore_errors=True)

    def _call(self, program: str, *arguments: str) -> None:
        """Run one of its programs on its data. Not its pipes: the server that is started would keep them open."""
        command = [str(self._programs / program), "-D", str(self._home / "data"), *arguments]
        ended = subprocess.run(
            command, user=self._owner, cwd=self._home, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=False
        )
        assert ended.returncode == 0, f"{program} ended with {ended.returncode}"
