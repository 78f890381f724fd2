from __future__ import annotations

import io
import json
import logging
import stat
import threading
import warnings
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from loguru import logger

from opensqt_actors.telemetry.logs import LogFileUnusable, configure
from opensqt_actors.telemetry.redaction import HIDDEN, Redactor

CANARY = 'Canary/7f+3a"9b'


@dataclass(frozen=True)
class Settings:
    log_level: str = "info"
    log_format: str = "json"
    log_file: Path | None = None


@pytest.fixture(autouse=True)
def undisturbed() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    logger.remove()
    logging.captureWarnings(False)
    root.handlers[:], root.level = handlers, level


def written(settings: Settings, work: Any, secrets: tuple[str, ...] = ()) -> str:
    stream = io.StringIO()
    logs = configure(settings, secrets, stream=stream)
    work()
    logs.close()
    assert logs.failures == 0
    return stream.getvalue()


def lines(settings: Settings, work: Any, secrets: tuple[str, ...] = ()) -> list[dict[str, Any]]:
    return [json.loads(line) for line in written(settings, work, secrets).splitlines()]


def test_a_json_line_has_time_level_message_and_what_was_bound() -> None:
    (line,) = lines(Settings(), lambda: logger.bind(symbol="BTCUSDT", code="x.y", account="").info("hello {}", 3))
    assert line.pop("time").endswith("Z")
    assert line == {"level": "info", "message": "hello 3", "symbol": "BTCUSDT", "code": "x.y"}


def test_an_error_comes_with_its_traceback_without_values_of_variables() -> None:
    def work() -> None:
        hidden_local = "local-value-7f3a"
        try:
            raise ValueError(f"bad {len(hidden_local)}")
        except ValueError:
            logger.exception("it failed")

    (line,) = lines(Settings(), work)
    assert line["error"].endswith("ValueError: bad 16\n")
    assert "in work" in line["error"]
    assert "= 'local-value" not in line["error"]


def test_text_is_one_line_with_the_market_and_no_colours_outside_a_terminal() -> None:
    text = written(Settings(log_format="text"), lambda: logger.bind(account="main", symbol="BTCUSDT").warning("slow"))
    assert text[13:] == "WARNING  main BTCUSDT slow\n"
    assert "\x1b" not in text


def test_a_terminal_gets_colours_unless_it_asks_for_none(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for variable, coloured in ((None, True), ("1", False)):
        monkeypatch.delenv("NO_COLOR", raising=False)
        if variable:
            monkeypatch.setenv("NO_COLOR", variable)
        terminal = Terminal()
        logs = configure(Settings(log_format="text"), stream=terminal)
        logger.error("bad")
        logs.close()
        assert ("\x1b[" in terminal.getvalue()) is coloured


def test_what_is_below_the_level_is_not_written() -> None:
    def work() -> None:
        logger.debug("no")
        logger.info("no")
        logger.warning("yes")

    assert [line["message"] for line in lines(Settings(log_level="warning"), work)] == ["yes"]


def test_the_standard_librarys_records_and_warnings_come_too() -> None:
    def work() -> None:
        logging.getLogger("somebody").error("broken: %s", 7)
        logging.getLogger("ccxt.base").info("chatter")
        with warnings.catch_warnings():
            warnings.simplefilter("always")
            warnings.warn("old", UserWarning, stacklevel=1)

    first, second = lines(Settings(), work)
    assert (first["message"], first["level"]) == ("broken: 7", "error")
    assert first["where"].startswith("somebody:")
    assert "UserWarning: old" in second["message"]


@pytest.mark.parametrize("log_format", ["json", "text"])
def test_a_registered_secret_is_in_no_line_in_whatever_form(log_format: str, tmp_path: Path) -> None:
    path = tmp_path / "x.log"

    def work() -> None:
        logger.info("key {}", CANARY)
        logger.bind(url=f"https://x/?k={CANARY}").info("bound")
        logger.info("quoted https://x/?k=Canary%2F7f%2B3a%229b and {!r}", CANARY)
        try:
            raise ValueError(CANARY)
        except ValueError:
            logger.exception("failed with {}", {"key": CANARY})
        logging.getLogger("x").error(CANARY)

    text = written(Settings(log_format=log_format, log_file=path), work, (CANARY,)) + path.read_text()
    assert text.count("failed with") == 2
    for piece in ("Canary", "7f+3a", "7f%2B3a"):
        assert piece not in text
    assert HIDDEN in text


def test_the_file_can_be_read_by_its_user_alone(tmp_path: Path) -> None:
    path = tmp_path / "log" / "x.log"
    written(Settings(log_file=path), lambda: logger.info("hello"))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert json.loads(path.read_text())["message"] == "hello"


def test_a_file_that_cannot_be_opened_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(LogFileUnusable, match=r"telemetry\.log_file: .* cannot be written"):
        configure(Settings(log_file=tmp_path / "file" / "x.log"))


def test_when_writing_is_blocked_nobody_waits_and_the_oldest_lines_are_dropped_and_counted() -> None:
    blocked, let_go = threading.Event(), threading.Event()

    class Stuck(io.StringIO):
        def write(self, text: str) -> int:
            blocked.set()
            let_go.wait(10)
            return super().write(text)

    stream = Stuck()
    logs = configure(Settings(), stream=stream, backlog=3)
    logger.info("first")
    assert blocked.wait(10)
    for number in range(10):
        logger.info("line {}", number)
    assert logs.dropped == 7
    let_go.set()
    logs.close()
    messages = [json.loads(line)["message"] for line in stream.getvalue().splitlines()]
    assert messages == ["first", "(7 log lines before this one were dropped)", "line 7", "line 8", "line 9"]


def test_a_writer_that_fails_is_counted_and_the_next_one_still_writes(tmp_path: Path) -> None:
    class Broken(io.StringIO):
        def write(self, text: str) -> int:
            raise OSError("no space left")

    path = tmp_path / "x.log"
    logs = configure(Settings(log_file=path), stream=Broken())
    logger.info("hello")
    logs.close()
    assert logs.failures == 1
    assert json.loads(path.read_text())["message"] == "hello"


odd = st.text(alphabet='0123456789AB%/+" \\', max_size=12)


@given(odd.filter(lambda text: len(text) >= 4), odd, odd)
def test_scrubbing_leaves_nothing_of_a_secret(secret: str, before: str, after: str) -> None:
    assert secret not in Redactor([secret]).scrub(before + secret + after)


def test_short_texts_are_no_secrets_and_a_redactor_never_shows_its_own() -> None:
    redactor = Redactor(["abc", CANARY])
    assert redactor.scrub("abc") == "abc"
    assert "Canary" not in repr(redactor)
    assert Redactor().scrub("x") == "x"
