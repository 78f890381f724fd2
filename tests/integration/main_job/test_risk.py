"""The risk rules on the whole stack: breakers, the emergency exit, the limit over two accounts."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
import yaml
from support.accounting import exit_orders, openings, settled
from support.processes import ACCOUNT, KEY, PATIENCE, SECRET, mixed, pb, registry_pb2, wait_until

from opensqt_actors.config.paths import DATABASE_NAME, socket_path
from opensqt_actors.domain.records import RiskScope
from opensqt_actors.storage import Database, load_risk
from opensqt_actors.wire.v1 import risk_pb2

pytestmark = [pytest.mark.integration, pytest.mark.slow]

STRATEGY = '''"""A grid that, in haste, closes at the market what its even levels hold, below their price."""
from pathlib import Path

from opensqt_actors.domain.grid import Grid
from opensqt_actors.domain.ids import OrderKind

HASTE = Path(__file__).parent / "haste"


class Hasty(Grid):
    def decide(self, *arguments):
        decision = super().decide(*arguments)
        return decision._replace(places=[self.hurry(place) for place in decision.places])

    def hurry(self, place):
        if place.kind is OrderKind.EXIT_SELL and place.level % 2 == 0 and HASTE.exists():
            return place._replace(kind=OrderKind.FLATTEN_SELL, price=0, reduce_only=True)
        return place
'''


@pytest.fixture
def hasty(tmp_path: Path, python_path: Callable[[Path], dict[str, str]]) -> dict[str, str]:
    """The environment in which the strategy is installed, and in haste."""
    (tmp_path / "haste").touch()
    (tmp_path / "hasty.py").write_text(STRATEGY)
    about = tmp_path / "hasty-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: hasty\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[opensqt_actors.strategies]\nhasty = hasty:Hasty\n")
    return python_path(tmp_path)


def opensqt(supervisor: Any, *words: str) -> str:
    """What the command says; it must succeed."""
    command = [sys.executable, "-m", "opensqt_actors.cli.main", "--socket", str(socket_path(supervisor.state)), *words]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
    assert ended.returncode == 0, ended.stderr
    return ended.stdout


def rules(supervisor: Any) -> dict[tuple[int, str], risk_pb2.RiskRule]:
    """Every rule that has something to say, by scope and symbol."""
    return {(rule.scope, rule.symbol): rule for rule in supervisor.ask("GetRisk", pb.GetRiskRequest()).rules}


def breaker(supervisor: Any, symbol: str) -> int:
    """The state of a symbol's breaker."""
    rule = rules(supervisor).get((risk_pb2.RISK_SCOPE_SYMBOL, symbol))
    return risk_pb2.CIRCUIT_STATE_CLOSED if rule is None else rule.breaker


def codes(supervisor: Any) -> list[str]:
    """Codes of everything announced so far."""
    request = pb.SubscribeEventsRequest(latest=1_000, past_only=True)
    return [answer.event.code for answer in supervisor.ask("SubscribeEvents", request)]


@pytest.mark.timeout(120)
def test_losing_round_trips_open_the_breaker_of_their_symbol_alone(
    start_venue: Any, make_supervisor: Any, hasty: dict[str, str], tmp_path: Path
) -> None:
    venue = start_venue(2)
    name, other = "BTCUSDT", "ETHUSDT"
    quick = {"max_losses": 2, "cool_down": 4, "probe_time": 1, "max_latency": 0, "stale_after": 0}
    supervisor = make_supervisor(
        venue, [other], hasty, risk={"breaker": quick, "global_breaker": {"max_losses": 0, "stale_after": 0}}
    ).start()
    supervisor.wait_trading(1)
    supervisor.add(name, strategy="hasty", interval_percent="0.2", amount="60")
    wait_until(lambda: len(openings(venue, name)) >= 8, "its ladder")

    venue.pause(name)
    venue.move(name, "-1.3")
    wait_until(lambda: breaker(supervisor, name) == risk_pb2.CIRCUIT_STATE_OPEN, "its breaker opened")
    (tmp_path / "haste").unlink()
    rule = rules(supervisor)[risk_pb2.RISK_SCOPE_SYMBOL, name]
    assert rule.cause == "consecutive_losses"
    wait_until(lambda: not openings(venue, name), "its openings cancelled")
    assert exit_orders(venue, name)
    assert openings(venue, other)
    assert "the circuit breaker is open until" in supervisor.rows()[name].why
    reasons = {slot.reason.code for slot in supervisor.describe(name).slots if not slot.HasField("order")}
    assert "breaker" in reasons

    venue.resume(name)
    wait_until(lambda: breaker(supervisor, name) != risk_pb2.CIRCUIT_STATE_OPEN, "the cool-down to end")
    wait_until(lambda: breaker(supervisor, name) == risk_pb2.CIRCUIT_STATE_CLOSED, "the trial to go well")
    wait_until(lambda: len(openings(venue, name)) > 2, "its ladder again")
    told = codes(supervisor)
    assert [code for code in told if code.startswith("breaker.")][:3] == [
        "breaker.opened", "breaker.half_open", "breaker.closed"
    ]  # fmt: skip


@pytest.mark.timeout(120)
def test_a_breaker_that_is_open_is_still_open_after_a_kill(start_venue: Any, make_supervisor: Any) -> None:
    venue = start_venue(3)
    names = sorted(venue.markets())
    supervisor = make_supervisor(venue, mixed(names)).start()
    supervisor.wait_trading(3)
    wait_until(lambda: openings(venue, names[0]) and openings(venue, names[1]), "ladders")
    opensqt(supervisor, "risk", "trip", names[0], "--reason", "the news at eight")
    wait_until(lambda: not openings(venue, names[0]), "its openings cancelled")
    supervisor.kill()

    supervisor.start()
    supervisor.wait_trading(3, venue.stir)
    wait_until(lambda: openings(venue, names[1]), "the others' ladders")
    wait_until(lambda: "the news at eight" in supervisor.rows()[names[0]].why, "the reason, once there is a price")
    assert not openings(venue, names[0])
    assert "the news at eight" in opensqt(supervisor, "risk", "status")
    opensqt(supervisor, "risk", "trip")
    wait_until(lambda: not openings(venue), "all openings cancelled by the global breaker")
    supervisor.kill()

    supervisor.start()
    supervisor.wait_trading(3, venue.stir)
    status = supervisor.status()
    assert status.risk.triggered
    assert status.risk.breaker == risk_pb2.CIRCUIT_STATE_OPEN
    assert not openings(venue)
    opensqt(supervisor, "risk", "reset")
    wait_until(lambda: openings(venue, names[1]), "the others' ladders again")
    assert not openings(venue, names[0])
    opensqt(supervisor, "risk", "reset", names[0])
    wait_until(lambda: openings(venue, names[0]), "its ladder again")


def flat(venue: Any, key: str = KEY) -> bool:
    """Whether the account has no order and no position."""
    return not venue.open_orders(key) and not venue.account(key)["positions"]


@pytest.mark.timeout(150)
def test_an_operators_emergency_exit_leaves_no_order_and_no_position(start_venue: Any, make_supervisor: Any) -> None:
    venue = start_venue(6)
    names = sorted(venue.markets())
    supervisor = make_supervisor(venue, mixed(names)).start()  # one is short, one neutral
    supervisor.wait_trading(6)
    wait_until(lambda: len(venue.open_orders()) > 20, "ladders")
    for name in names:
        venue.move(name, "-0.9")
        venue.move(name, "0.5")
    wait_until(lambda: len(venue.account()["positions"]) >= 4, "positions")

    opensqt(supervisor, "risk", "emergency-exit", "--yes", "--reason", "a drill")
    wait_until(lambda: flat(venue), "no order and no position")
    wait_until(
        lambda: all(row.state == registry_pb2.SYMBOL_STATE_PAUSED for row in supervisor.rows().values()), "a pause"
    )
    assert "risk.emergency_exit" in codes(supervisor)
    settled(supervisor.database_url, venue, exits=False)
    supervisor.kill()

    supervisor.start()
    wait_until(lambda: len(supervisor.rows()) == 6, "its rows")
    venue.stir()
    wait_until(lambda: all("a drill" in row.why for row in supervisor.rows().values()), "why nothing is done")
    assert flat(venue)
    for name in names:
        venue.resume(name)
    opensqt(supervisor, "risk", "clear-emergency", "--reason", "it went well")
    supervisor.wait_trading(6, venue.stir)
    wait_until(lambda: all(openings(venue, name) for name in names), "ladders again")


@pytest.mark.timeout(120)
def test_an_emergency_exit_does_not_wait_for_a_database_that_is_away(start_venue: Any, make_supervisor: Any) -> None:
    venue = start_venue(3)
    names = sorted(venue.markets())
    supervisor = make_supervisor(venue, names).start()
    supervisor.wait_trading(3)
    wait_until(lambda: all(openings(venue, name) for name in names), "ladders")
    for name in names:
        venue.move(name, "-0.9")
    wait_until(lambda: len(venue.account()["positions"]) == 3, "positions")
    with sqlite3.connect(supervisor.state / DATABASE_NAME, isolation_level=None) as other:
        other.execute("begin immediate")
        opensqt(supervisor, "risk", "emergency-exit", "--yes")
        wait_until(lambda: flat(venue), "no order and no position while nothing can be written")
        other.execute("rollback")
    other.close()
    settled(supervisor.database_url, venue, exits=False)
    supervisor.kill()
    supervisor.start()
    wait_until(lambda: len(supervisor.rows()) == 3, "its rows")
    venue.stir()
    wait_until(lambda: all("emergency exit" in row.why for row in supervisor.rows().values()), "the exit remembered")


@pytest.mark.timeout(120)
def test_a_loss_of_equity_closes_everything(start_venue: Any, make_supervisor: Any) -> None:
    venue = start_venue(2)
    supervisor = make_supervisor(venue, ["BTCUSDT", "ETHUSDT"], risk={"emergency": {"equity_loss": 20}}).start()
    supervisor.wait_trading(2)
    venue.move("BTCUSDT", "-1")
    wait_until(lambda: venue.account()["positions"] and openings(venue, "ETHUSDT"), "a position and a ladder")
    wallet = Decimal(venue.account()["wallet_balance"])
    wait_until(lambda: first_equity(supervisor), "a first reading of the equity")
    venue.admin("POST", f"/accounts/{KEY}/transfer", {"amount": str(-wallet * 3 // 10)})
    wait_until(lambda: flat(venue), "no order and no position")
    rule = rules(supervisor)[risk_pb2.RISK_SCOPE_EMERGENCY, ""]
    assert (rule.cause, rule.active) == ("equity_loss", True)
    assert "equity has fallen" in supervisor.status().risk.reason


def first_equity(supervisor: Any) -> bool:
    """Whether the equity that losses are measured from has been written down."""
    database = Database(supervisor.database_url, create=False)
    try:
        return any(row.scope is RiskScope.EMERGENCY and row.state["reference"] for row in load_risk(database))
    finally:
        database.close()


def at_rest(venue: Any, key: str) -> Decimal:
    """Value of the opening orders and positions of an account: these grids are long."""
    orders = [order for order in venue.open_orders(key) if order["side"] == "BUY"]
    resting = sum((Decimal(order["price"]) * Decimal(order["origQty"]) for order in orders), Decimal(0))
    held = venue.account(key)["positions"].values()
    return resting + sum(
        (Decimal(position["amount"]) * Decimal(position["entry_price"]) for position in held), Decimal(0)
    )


@pytest.mark.timeout(120)
def test_two_accounts_together_stay_within_the_total_limit(
    start_venue: Any, make_supervisor: Any, tmp_path: Path
) -> None:
    keys = [KEY, "sim-second-key"]
    secrets = [SECRET, "sim-second-secret"]
    document = {"accounts": [{"key": key, "secret": secret} for key, secret in zip(keys, secrets, strict=True)]}
    (tmp_path / "venue.yaml").write_text(yaml.safe_dump(document))
    venue = start_venue(2, "--config", str(tmp_path / "venue.yaml"))
    second = {
        "venue": "binanceusdm",
        "simulated": {"port": venue.port, "ca": str(venue.ca)},
        "api_key": keys[1],
        "secret": secrets[1],
    }
    symbols = [{"symbol": "BTCUSDT", "account": ACCOUNT}, {"symbol": "ETHUSDT", "account": "second"}]
    supervisor = make_supervisor(
        venue, symbols, accounts={"second": second}, defaults={"amount": 60},
        risk={"exposure": {"total": {"notional": 500}}},
    ).start()  # fmt: skip
    supervisor.wait_trading(2)

    def waits() -> bool:
        views = [supervisor.ask("DescribeSymbol", pb.DescribeSymbolRequest(**symbol)) for symbol in symbols]
        return all(any("exposure_total" in slot.reason.sentence for slot in view.slots) for view in views)

    wait_until(lambda: all(at_rest(venue, key) for key in keys), "orders of both")
    wait_until(waits, "levels of both that name the limit")
    for _ in range(20):
        used = [at_rest(venue, key) for key in keys]
        assert sum(used) <= 500
        assert all(used)
    exposure = supervisor.ask("GetRisk", pb.GetRiskRequest()).exposure
    assert [row.account for row in exposure] == [ACCOUNT, "second"]
    assert sum(Decimal(row.share.value) for row in exposure) <= 500
