"""The main job as its users run it: the simulated venue and supervisors as processes, with waits that have deadlines.

Whatever is started here is ended by the fixture that started it; a failure shows the end of every log.
"""

from __future__ import annotations

import copy
import json
import os
import select
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar
from urllib.error import HTTPError

import grpc
import yaml

from opensqt_actors.config.paths import DATABASE_NAME, socket_path
from opensqt_actors.wire.v1 import common_pb2, registry_pb2
from opensqt_actors.wire.v1 import orchestrator_pb2 as pb
from opensqt_actors.wire.v1.orchestrator_pb2_grpc import OrchestratorServiceStub

KEY = "sim-demo-key"
SECRET = "sim-demo-secret"
ACCOUNT = "main"
PATIENCE = 60.0
"""Seconds for what takes one or two on an idle machine."""
LOOK = 0.05
LOG_TAIL = 60

T = TypeVar("T")


def wait_until(look: Callable[[], T], what: str, timeout: float = PATIENCE) -> T:
    """The first true answer of `look`; fails after `timeout` seconds with `what` and the last answer."""
    deadline = time.monotonic() + timeout
    while True:
        found = look()
        if found:
            return found
        assert time.monotonic() < deadline, f"not within {timeout:g} s: {what}; last seen: {found!r}"
        time.sleep(LOOK)


def tail(path: Path) -> str:
    """The end of a log, for a failure's report."""
    lines = path.read_text(errors="replace").splitlines() if path.exists() else []
    return "\n".join(lines[-LOG_TAIL:])


class VenueProcess:
    """The simulated venue as a process, with its admin port."""

    def __init__(self, folder: Path, arguments: Sequence[str]) -> None:
        self.folder = folder
        self.log = folder / "venue.log"
        folder.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", "opensqt_actors.simvenue", "--dir", str(folder)]
        command += ["--port", "0", "--admin-port", "0", *arguments]
        with self.log.open("wb") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        self.port = self.admin_port = 0
        self.ca = folder / "ca.pem"
        self.key = KEY

    def of(self, key: str) -> VenueProcess:
        """The same venue as another account sees it."""
        seen = copy.copy(self)
        seen.key = key
        return seen

    def ready(self) -> VenueProcess:
        """Wait for its one line."""
        assert self.process.stdout is not None
        seen, _, _ = select.select([self.process.stdout], [], [], PATIENCE)
        line = self.process.stdout.readline() if seen else b""
        assert line, f"the simulated venue did not start\n{tail(self.log)}"
        told = json.loads(line)
        self.port, self.admin_port, self.ca = told["port"], told["admin_port"], Path(told["ca"])
        return self

    def stop(self) -> None:
        """End it, in order if it lets itself be ended."""
        if self.process.stdout is not None:
            self.process.stdout.close()
        end(self.process)

    def ended(self) -> str:
        """How it ended; "" while it lives."""
        code = self.process.poll()
        return "" if code is None else f"the venue has ended with {code}\n{tail(self.log)}"

    def admin(self, method: str, path: str, body: object = None) -> Any:
        """One request to the admin port; fails with its sentence when it is refused."""
        assert not (gone := self.ended()), gone
        data = json.dumps(body).encode() if body is not None else None
        request = urllib.request.Request(f"http://127.0.0.1:{self.admin_port}{path}", data, method=method)
        try:
            with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
                return json.loads(answer.read())
        except HTTPError as error:
            with error:
                raise AssertionError(f"{method} {path}: {error.read().decode()}") from None

    def pause(self, *symbols: str) -> None:
        """Let the prices of these markets, or of all, stand still."""
        self.admin("POST", "/markets/pause", {"symbols": list(symbols) or None})

    def resume(self, *symbols: str) -> None:
        """Let them move again."""
        self.admin("POST", "/markets/resume", {"symbols": list(symbols) or None})

    def markets(self) -> dict[str, dict[str, Any]]:
        """Every market by symbol."""
        return {market["symbol"]: market for market in self.admin("GET", "/markets")["markets"]}

    def set_price(self, symbol: str, price: Decimal) -> None:
        """Move a market's price at once, on one of its ticks."""
        self.admin("POST", f"/markets/{symbol}/price", {"price": f"{price:f}"})

    def move(self, symbol: str, percent: str) -> None:
        """Move a market's price by so many percent of its bid, trading with whatever rests on the way."""
        market = self.markets()[symbol]
        tick = Decimal(market["tick"])
        self.set_price(symbol, Decimal(market["bid"]) * (1 + Decimal(percent) / 100) // tick * tick)

    def charge_funding(self, symbol: str) -> None:
        """Book funding of a market now, at its own rate, on every account."""
        self.admin("POST", f"/accounts/{self.key}/funding", {"symbol": symbol})

    def stir(self) -> None:
        """Raise every market by a tick, whatever its spread: one that stands still is not heard of."""
        for symbol, market in self.markets().items():
            self.set_price(symbol, Decimal(market["ask"]) + Decimal(market["tick"]))

    def account(self, key: str | None = None) -> dict[str, Any]:
        """Money and positions."""
        answer: dict[str, Any] = self.admin("GET", f"/accounts/{key or self.key}")
        return answer

    def fills(self, key: str | None = None) -> list[dict[str, Any]]:
        """Every fill of the account, oldest first."""
        answer: list[dict[str, Any]] = self.admin("GET", f"/accounts/{key or self.key}/fills")["fills"]
        return answer

    def wait_fills(self, count: int) -> None:
        """Wait until the account has `count` fills more than now, whoever notices."""
        goal = self.account()["fills"] + count
        wait_until(lambda: self.account()["fills"] >= goal, f"{goal} fills at the venue")

    def open_orders(self, key: str | None = None, symbol: str | None = None) -> list[dict[str, Any]]:
        """Every order that rests."""
        wanted = f"&symbol={symbol}" if symbol else ""
        answer: list[dict[str, Any]] = self.admin("GET", f"/accounts/{key or self.key}/orders?open=true{wanted}")[
            "orders"
        ]
        return answer

    def orders(self, key: str | None = None) -> list[dict[str, Any]]:
        """Every order that the account ever had, ended ones included."""
        answer: list[dict[str, Any]] = self.admin("GET", f"/accounts/{key or self.key}/orders")["orders"]
        return answer

    def stats(self) -> dict[str, Any]:
        """Its counters."""
        answer: dict[str, Any] = self.admin("GET", "/stats")
        return answer


class Supervisor:
    """A supervisor on one configuration, started and ended as often as a test likes."""

    def __init__(
        self,
        config: Path,
        state: Path,
        environment: Mapping[str, str] | None = None,
        database_url: str | None = None,
    ) -> None:
        self.config = config
        self.state = state
        self.database_url = database_url or f"sqlite:///{state / DATABASE_NAME}"
        self.log = config.with_suffix(".log")
        self.environment = dict(os.environ) | dict(environment or {})
        self.process: subprocess.Popen[bytes] | None = None
        self.unread: int | None = None
        self._channel: grpc.Channel | None = None

    def start(self, *, unread: bool = False) -> Supervisor:
        """Begin a process; its log goes on where the one before ended, or, unread, into a pipe that nobody reads."""
        assert self.process is None, "it runs already"
        command = [sys.executable, "-m", "opensqt_actors.supervisor", "--config", str(self.config)]
        if unread:
            self.unread, log = os.pipe()
        else:
            log = os.open(self.log, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=self.environment)
        finally:
            os.close(log)
        return self

    def kill(self) -> None:
        """SIGKILL: nothing of the process is asked."""
        assert self.process is not None
        self.process.kill()
        self._ended(self.process.wait(PATIENCE))

    def terminate(self, timeout: float = PATIENCE) -> int:
        """SIGTERM, and the exit code."""
        self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal to the running process."""
        assert self.process is not None
        self.process.send_signal(number)

    def wait(self, timeout: float = PATIENCE) -> int:
        """The exit code, once the process has ended."""
        assert self.process is not None
        return self._ended(self.process.wait(timeout))

    def stop(self) -> None:
        """For teardown: end it whatever it is doing."""
        if self.process is not None:
            end(self.process)
            self._ended(0)

    def _ended(self, code: int) -> int:
        self.process = None
        if self.unread is not None:
            os.close(self.unread)
            self.unread = None
        if self._channel is not None:
            self._channel.close()
            self._channel = None
        return code

    # --- operators' questions ----------------------------------------------------------------------------------------

    def ask(self, method: str, request: Any) -> Any:
        """One call to the operators' socket. Raises grpc.RpcError for a refusal."""
        if self._channel is None:
            # An attempt before the socket is there must not put off the next one for a second.
            options = (("grpc.initial_reconnect_backoff_ms", 50), ("grpc.max_reconnect_backoff_ms", 100))
            self._channel = grpc.insecure_channel(f"unix:{socket_path(self.state)}", options=options)
        return getattr(OrchestratorServiceStub(self._channel), method)(request, timeout=10)

    def status(self) -> pb.GetStatusResponse | None:
        """How it is; None while nobody answers."""
        assert self.process is not None
        assert self.process.poll() is None, f"the supervisor has ended with {self.process.returncode}\n{tail(self.log)}"
        try:
            answer: pb.GetStatusResponse = self.ask("GetStatus", pb.GetStatusRequest())
        except grpc.RpcError as error:
            if error.code() in {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.DEADLINE_EXCEEDED}:
                return None
            raise
        return answer

    def rows(self) -> dict[str, registry_pb2.SymbolStatus]:
        """The line of every symbol."""
        status = self.status()
        return {row.symbol: row for row in status.symbols} if status is not None else {}

    def refusal(self, method: str, request: Any) -> tuple[grpc.StatusCode, str]:
        """The code and the sentence of a call that must be refused."""
        try:
            answer = self.ask(method, request)
        except grpc.RpcError as error:
            return error.code(), error.details() or ""
        raise AssertionError(f"{method} was not refused: {answer}")

    def wait_trading(self, count: int, stir: Callable[[], None] | None = None, timeout: float = PATIENCE) -> float:
        """Wait until `count` symbols are TRADING; seconds waited. stir: moves prices that do not move by themselves."""
        began = time.monotonic()

        def trading() -> bool:
            rows = self.rows().values()
            if rows and stir is not None:
                stir()
            return sum(row.state == registry_pb2.SYMBOL_STATE_TRADING for row in rows) >= count

        wait_until(trading, f"{count} symbols trading", timeout)
        return time.monotonic() - began

    def wait_fills(self, count: int, timeout: float = PATIENCE) -> int:
        """Wait until the process has booked `count` fills more than now."""
        goal = self.counters().fills + count
        return wait_until(lambda: fills if (fills := self.counters().fills) >= goal else 0, f"{goal} fills", timeout)

    def counters(self) -> pb.Counters:
        """The totals."""
        status = wait_until(self.status, "an answer of the supervisor")
        assert status is not None
        return status.counters

    def add(self, symbol: str, **spec: Any) -> str:
        """Add a symbol; the sentence that says that it was done. Raises grpc.RpcError when it is refused."""
        return str(self.ask("AddSymbol", added(symbol, **spec)).sentence)

    def wait_state(self, symbol: str, state: registry_pb2.SymbolState, timeout: float = PATIENCE) -> None:
        """Wait until a symbol is in this state."""
        name = registry_pb2.SymbolState.Name(state)
        wait_until(lambda: symbol in (rows := self.rows()) and rows[symbol].state == state, f"{symbol} {name}", timeout)

    def wait_gone(self, symbol: str, timeout: float = PATIENCE) -> None:
        """Wait until a symbol is not listed any more."""
        wait_until(lambda: (rows := self.rows()) and symbol not in rows, f"{symbol} gone", timeout)

    def describe(self, symbol: str) -> pb.DescribeSymbolResponse:
        """Every level of a symbol."""
        answer: pb.DescribeSymbolResponse = self.ask("DescribeSymbol", pb.DescribeSymbolRequest(symbol=symbol))
        return answer


def added(symbol: str, *, interval_percent: str = "0.3", amount: str = "30", **spec: Any) -> pb.AddSymbolRequest:
    """The request that adds a symbol."""
    grid = registry_pb2.GridSettings(
        interval_percent=common_pb2.Decimal(value=interval_percent), amount=common_pb2.Decimal(value=amount)
    )
    return pb.AddSymbolRequest(spec=registry_pb2.SymbolSpec(symbol=symbol, grid=grid, **spec))


def end(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and SIGKILL when that does not help."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def configuration(
    venue: VenueProcess, state: Path, symbols: Sequence[Mapping[str, Any] | str], **sections: Any
) -> dict[str, Any]:
    """A configuration document like the demo's; `sections` are laid over it, section by section."""
    document: dict[str, Any] = {
        "state_dir": str(state),
        "accounts": {
            ACCOUNT: {
                "venue": "binanceusdm",
                "simulated": {"port": venue.port, "ca": str(venue.ca)},
                "api_key": venue.key,
                "secret": SECRET,
                "budget": {"orders_per_second": 1000, "burst": 1000},
            }
        },
        "defaults": {"mode": "long", "amount": 30, "interval_percent": 0.4, "buy_window": 10, "sell_window": 10},
        "risk": {"preflight": {"max_leverage": 20}},
        "telemetry": {"log_level": "debug", "log_format": "text"},
        "symbols": list(symbols),
    }
    for name, section in sections.items():
        known = document.get(name)
        document[name] = {**known, **section} if isinstance(known, dict) and isinstance(section, dict) else section
    return document


def write_config(path: Path, document: Mapping[str, Any]) -> Path:
    """The document as YAML."""
    path.write_text(yaml.safe_dump(dict(document), sort_keys=False))
    return path


def mixed(symbols: Sequence[str]) -> list[dict[str, Any]]:
    """Symbols in the three modes: mostly long, every sixth short, every sixth neutral, at several intervals."""
    entries: list[dict[str, Any]] = []
    for index, symbol in enumerate(symbols):
        entry: dict[str, Any] = {"symbol": symbol, "interval_percent": (0.2, 0.3, 0.25, 0.4)[index % 4]}
        entry["amount"] = 60 if symbol == "BTCUSDT" else 20 + index % 5 * 10
        if index % 6 == 3:
            entry["mode"] = "short"
        elif index % 6 == 5:
            entry |= {"mode": "neutral", "skew": 0.001}
        entries.append(entry)
    return entries


__all__ = [
    "ACCOUNT",
    "KEY",
    "PATIENCE",
    "SECRET",
    "Supervisor",
    "VenueProcess",
    "added",
    "configuration",
    "end",
    "mixed",
    "pb",
    "registry_pb2",
    "tail",
    "wait_until",
    "write_config",
]
