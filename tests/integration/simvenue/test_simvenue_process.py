"""The venue as a process: its one line, its files, its end, and what it says to an operator's mistakes."""

from __future__ import annotations

import json
import signal
import socket
import ssl
import stat
import subprocess
import sys
import urllib.request
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.integration
COMMAND = [sys.executable, "-m", "opensqt_actors.simvenue"]
UPGRADE = (
    "GET /ws/btcusdt@bookTicker HTTP/1.1\r\nHost: fstream.binance.com\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, timeout=30, check=False)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_process_says_one_line_and_ends_cleanly(tmp_path: Path, number: signal.Signals) -> None:
    arguments = ["--port", "0", "--admin-port", "0", "--dir", str(tmp_path), "--symbols", "4", "--seed", "7"]
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        ready = json.loads(line)
        assert (ready["ready"], ready["symbols"]) == (True, 4)
        assert (tmp_path / "simvenue.json").read_text() == line
        assert Path(ready["ca"]) == tmp_path / "ca.pem"
        for name in ("ca.key", "venue.key"):
            assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600
        with urllib.request.urlopen(f"http://127.0.0.1:{ready['admin_port']}/health", timeout=10) as answer:
            assert json.load(answer)["markets"] == 4
        process.send_signal(number)
        rest, _ = process.communicate(timeout=2)
    assert process.returncode == 0
    assert rest == ""


def test_deaf_sockets_and_held_requests_do_not_delay_the_end(tmp_path: Path) -> None:
    arguments = ["--port", "0", "--admin-port", "0", "--dir", str(tmp_path), "--symbols", "1", "--scripted"]
    with subprocess.Popen([*COMMAND, *arguments], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as process:
        assert process.stdout is not None
        ready = json.loads(process.stdout.readline())
        fault = json.dumps({"action": "timeout_before_accept", "match": {"path": "/fapi/v1/time"}}).encode()
        admin = f"http://127.0.0.1:{ready['admin_port']}"
        urllib.request.urlopen(f"{admin}/faults", data=fault, timeout=10).close()
        trust = ssl.create_default_context(cafile=ready["ca"])
        with ExitStack() as open_sockets:
            for request in (UPGRADE, "GET /fapi/v1/time HTTP/1.1\r\nHost: fapi.binance.com\r\n\r\n"):
                plain = open_sockets.enter_context(socket.create_connection(("127.0.0.1", ready["port"])))
                secure = open_sockets.enter_context(trust.wrap_socket(plain, server_hostname="fapi.binance.com"))
                secure.sendall(request.encode())
                if request is UPGRADE:
                    assert secure.recv(4_096).startswith(b"HTTP/1.1 101")
            while stats(admin)["faults"] != {"timeout_before_accept": 1}:
                pass
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=2)
    assert process.returncode == 0


def stats(admin: str) -> Any:
    with urllib.request.urlopen(f"{admin}/stats", timeout=10) as answer:
        return json.load(answer)


def test_a_port_in_use_is_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = run("--port", str(port), "--admin-port", "0", "--dir", str(tmp_path), "--symbols", "1")
    assert ended.returncode == 1
    assert ended.stderr.splitlines() == [
        f"Port {port} (--port) is in use or not allowed: choose another one, or 0 for any."
    ]
    assert ended.stdout == ""


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("colour: red", "Setting colour: is not a known setting."),
        ("accounts: [{key: real-key}]", "Setting accounts.0.key"),
        ("limits: none", "Setting limits"),
        ("markets: {synthetic: 0}", "Setting markets: at least one market is needed"),
        ("a: [", "is not YAML"),
        ("- 1", "must be a mapping"),
    ],
)
def test_a_mistake_in_the_settings_is_one_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    settings = tmp_path / "venue.yaml"
    settings.write_text(text)
    ended = run("--port", "0", "--admin-port", "0", "--dir", str(tmp_path / "v"), "--config", str(settings))
    assert ended.returncode == 1
    assert sentence in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


def test_a_recording_that_is_not_there_is_named(tmp_path: Path) -> None:
    ended = run("--port", "0", "--admin-port", "0", "--dir", str(tmp_path), "--replay", str(tmp_path / "none.csv"))
    assert ended.returncode == 1
    assert "none.csv" in ended.stderr
    assert len(ended.stderr.splitlines()) == 1
