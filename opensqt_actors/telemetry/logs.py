"""Log lines for people or machines, to standard error and a rotating file, through loguru.

A record costs its caller one append to a bounded queue: a thread formats and writes. When writing cannot keep up
(a full disk, a blocked terminal) the oldest waiting records go, are counted, and the next line says how many.
"""

from __future__ import annotations

import logging
import os
import sys
import threading
import traceback
from collections import deque
from collections.abc import Callable, Iterable
from datetime import UTC
from io import TextIOWrapper
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TextIO

import orjson
from loguru import logger

from opensqt_actors.domain.errors import OpenSqtError
from opensqt_actors.telemetry.redaction import Redactor

if TYPE_CHECKING:
    from loguru import Message, Record

BACKLOG = 10_000
BATCH = 500
FILE_BYTES = 50 * 1024 * 1024
FILES = 5
CLOSE_TIMEOUT = 2.0
QUIET = ("asyncio", "aiohttp", "ccxt", "alembic", "sqlalchemy", "urllib3", "grpc", "thespian", "Thespian")

_COLOURS = {"DEBUG": "\x1b[2m", "INFO": "", "WARNING": "\x1b[33m", "ERROR": "\x1b[31m", "CRITICAL": "\x1b[1;31m"}
_RESET, _DIM, _CYAN = "\x1b[0m", "\x1b[2m", "\x1b[36m"
_PLAIN = (str, int, float, bool, type(None))


class LogFileUnusable(OpenSqtError):
    """The log file cannot be opened."""

    code = "log_file_unusable"


class LogSettings(Protocol):
    """What the configuration says about logs. level: debug to error; format: text or json."""

    @property
    def log_level(self) -> str: ...
    @property
    def log_format(self) -> str: ...
    @property
    def log_file(self) -> Path | None: ...


Formatter = Callable[["Record"], str]


def as_json(record: Record) -> str:
    """One compact JSON object: time (UTC, ISO 8601), level, message, what was bound, and the error if there is one."""
    line: dict[str, Any] = {
        "time": record["time"].astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z"),
        "level": record["level"].name.lower(),
        "message": record["message"],
    }
    for key, value in record["extra"].items():
        if value not in ("", None) and key not in line:
            line[key] = value if isinstance(value, _PLAIN) else str(value)
    if record["level"].no >= logging.WARNING:
        line["where"] = f"{record['name']}:{record['line']}"
    if record["exception"] is not None:
        line["error"] = _trace(record)
    return orjson.dumps(line, default=str, option=orjson.OPT_NON_STR_KEYS).decode()


def as_text(record: Record, colour: bool = False) -> str:
    """`12:34:56.789 WARNING BTCUSDT message`, the error below it."""
    level = record["level"].name
    extra = record["extra"]
    about = " ".join(str(extra[key]) for key in ("account", "symbol") if extra.get(key))
    time = record["time"].strftime("%H:%M:%S.%f")[:-3]
    if colour:
        subject = f"{_CYAN}{about}{_RESET} " if about else ""
        line = f"{_DIM}{time}{_RESET} {_COLOURS.get(level, '')}{level:<8}{_RESET} {subject}{record['message']}"
    else:
        line = f"{time} {level:<8} {about + ' ' if about else ''}{record['message']}"
    if record["exception"] is not None:
        line += "\n" + _trace(record).rstrip()
    return line


def _trace(record: Record) -> str:
    """The traceback, without values of variables."""
    error = record["exception"]
    if error is None or error.value is None:
        return ""
    return "".join(traceback.format_exception(error.type, error.value, error.traceback))


class PrivateRotatingFile(RotatingFileHandler):
    """A rotating file that only its user can read. `failures` counts what could not be written."""

    failures = 0

    def _open(self) -> TextIOWrapper:
        descriptor = os.open(self.baseFilename, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        return os.fdopen(descriptor, "a", encoding="utf-8")

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name is the library's
        """Count it: there is nobody left to tell."""
        self.failures += 1


class Logs:
    """The queue between those who log and the thread that writes. Close it at the end of the process."""

    def __init__(
        self,
        writers: list[tuple[Formatter, Callable[[str], None]]],
        redactor: Redactor,
        *,
        files: Iterable[logging.Handler] = (),
        backlog: int = BACKLOG,
    ) -> None:
        self.dropped = 0
        self.failures = 0
        self.redactor = redactor
        self._writers = writers
        self._files = tuple(files)
        self._queue: deque[Record] = deque(maxlen=backlog)
        self._wake = threading.Condition()
        self._closed = False
        self._told = 0
        self._thread = threading.Thread(target=self._write_all, name="log-writer", daemon=True)
        self._thread.start()

    def sink(self, message: Message) -> None:
        """Where loguru puts a record."""
        with self._wake:
            if len(self._queue) == self._queue.maxlen:
                self.dropped += 1
            self._queue.append(message.record)
            self._wake.notify()

    def close(self, timeout: float = CLOSE_TIMEOUT) -> None:
        """Write what waits, for at most `timeout` seconds. Records that come after this are not written."""
        with self._wake:
            self._closed = True
            self._wake.notify()
        self._thread.join(timeout)
        if not self._thread.is_alive():
            for file in self._files:
                file.close()

    def _write_all(self) -> None:
        while True:
            with self._wake:
                while not self._queue and not self._closed:
                    self._wake.wait()
                batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
                if not batch and self._closed:
                    return
                dropped = self.dropped
            if dropped > self._told:
                self._line(_note(batch[0], f"({dropped - self._told} log lines before this one were dropped)"))
                self._told = dropped
            for record in batch:
                self._line(record)

    def _line(self, record: Record) -> None:
        for formatter, write in self._writers:
            try:
                write(self.redactor.scrub(formatter(record)) + "\n")
            except Exception:  # noqa: BLE001 - a log that cannot be written has nobody left to tell but its counter
                self.failures += 1


def _note(record: Record, sentence: str) -> Record:
    """A line of the log about itself, at the time of the record that follows."""
    own: Any = dict(record) | {"message": sentence, "extra": {"code": "log.dropped"}, "exception": None}
    return own  # type: ignore[no-any-return] # a copy of a TypedDict is a dict


def configure(
    settings: LogSettings, secrets: Iterable[str] = (), *, stream: TextIO | None = None, backlog: int = BACKLOG
) -> Logs:
    """Send everything that is logged, by loguru or by the standard library, to `stream` (stderr) and the file.

    LogFileUnusable when the file cannot be opened. Replaces whatever was configured before.
    """
    target = stream or sys.stderr
    redactor = Redactor(secrets)
    plain: Formatter = as_json if settings.log_format == "json" else as_text
    colour = settings.log_format != "json" and target.isatty() and "NO_COLOR" not in os.environ
    writers: list[tuple[Formatter, Callable[[str], None]]] = [
        (_coloured if colour else plain, _flushing(target)),
    ]
    files = [] if settings.log_file is None else [_open(settings.log_file)]
    writers += [(plain, _emitting(file)) for file in files]
    logs = Logs(writers, redactor, files=files, backlog=backlog)
    level = str(settings.log_level).upper()
    logger.remove()
    # the format is the bare message: the thread makes the line from the record
    logger.add(logs.sink, level=level, format=lambda _: "", backtrace=False, diagnose=False, catch=True)
    _take_over(level)
    return logs


def _coloured(record: Record) -> str:
    return as_text(record, colour=True)


def _flushing(target: TextIO) -> Callable[[str], None]:
    def write(text: str) -> None:
        target.write(text)
        target.flush()

    return write


def _open(path: Path) -> PrivateRotatingFile:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handler = PrivateRotatingFile(path, maxBytes=FILE_BYTES, backupCount=FILES, encoding="utf-8")
    except OSError as error:
        raise LogFileUnusable(f"telemetry.log_file: {path} cannot be written: {error.strerror}") from None
    handler.terminator = ""
    return handler


def _emitting(handler: logging.Handler) -> Callable[[str], None]:
    def write(text: str) -> None:
        handler.emit(logging.makeLogRecord({"msg": text, "args": None}))

    return write


class _Forward(logging.Handler):
    """Gives the standard library's records to loguru, under the place where they were made."""

    def emit(self, record: logging.LogRecord) -> None:
        """Pass one record on."""
        level: str | int = record.levelname if record.levelname in _COLOURS else record.levelno

        def place(ours: Record) -> None:
            ours["name"], ours["function"], ours["line"] = record.name, record.funcName, record.lineno

        logger.patch(place).opt(exception=record.exc_info).log(level, "{}", record.getMessage())


def _take_over(level: str) -> None:
    logging.basicConfig(handlers=[_Forward()], level=level, force=True)
    logging.captureWarnings(True)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelNamesMapping().get(level, 0)))
