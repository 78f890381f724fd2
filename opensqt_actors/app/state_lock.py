"""The lock of a state folder: one supervisor, or host, works on it."""

from __future__ import annotations

import fcntl
import os

from opensqt_actors.config.errors import ConfigError
from opensqt_actors.config.settings import Settings
from opensqt_actors.domain.errors import OpenSqtError


class AlreadyRunning(OpenSqtError):
    """Another supervisor works on the same state folder."""

    code = "already_running"


class StateLock:
    """One supervisor on one state folder; released by the kernel however the process ends."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._file = -1

    def __enter__(self) -> None:
        folder = self._settings.state_dir
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            self._file = os.open(self._settings.lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise ConfigError(f"state_dir: {folder} cannot be used ({error.strerror})") from error
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._file)
            raise AlreadyRunning(
                f"state_dir: another supervisor is at work on {folder}; stop it, or give this one a folder of its own"
            ) from None

    def __exit__(self, *_: object) -> None:
        os.close(self._file)
