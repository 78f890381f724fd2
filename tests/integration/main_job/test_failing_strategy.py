"""A strategy that raises (F30): its actor alone is restarted or, beyond the intensity, stands still until resumed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from support.accounting import openings, settled
from support.processes import mixed, pb, registry_pb2, wait_until

pytestmark = [pytest.mark.integration, pytest.mark.slow]

OTHERS = 12
STRATEGY = '''"""A grid that raises when the sky says so: once for a drop, again and again in a storm."""
from pathlib import Path

from opensqt_actors.domain.grid import Grid

SKY = Path(__file__).parent


class Moody(Grid):
    def decide(self, *arguments):
        drop = SKY / "drop"
        if drop.exists():
            drop.unlink()
            raise RuntimeError("a drop of rain")
        if (SKY / "storm").exists():
            raise RuntimeError("a storm")
        return super().decide(*arguments)
'''


@pytest.fixture
def sky(tmp_path: Path) -> Path:
    """A folder with an installed distribution that registers the strategy."""
    (tmp_path / "moody.py").write_text(STRATEGY)
    about = tmp_path / "moody-1.0.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: moody\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text("[opensqt_actors.strategies]\nmoody = moody:Moody\n")
    return tmp_path


@pytest.mark.timeout(150)
def test_f30_a_strategy_that_raises_stops_its_own_actor_alone(
    start_venue: Any, make_supervisor: Any, sky: Path, python_path: Callable[[Path], dict[str, str]]
) -> None:
    venue = start_venue(OTHERS + 1)
    *others, name = sorted(venue.markets())
    supervision = {"intensity": 2, "period": 60, "backoff_initial": 2, "backoff_max": 2}
    supervisor = make_supervisor(venue, mixed(others), python_path(sky), supervision=supervision).start()
    supervisor.wait_trading(OTHERS)
    supervisor.add(name, strategy="moody", interval_percent="0.2")
    supervisor.wait_trading(OTHERS + 1)
    wait_until(lambda: len(openings(venue, name)) >= 8, "its ladder")

    def fills_of_the_others() -> int:
        rows = supervisor.rows()
        return sum(rows[other].fills for other in others if other in rows)

    before = fills_of_the_others()
    (sky / "drop").touch()
    wait_until(lambda: supervisor.counters().restarts == 1, "the failure")
    wait_until(lambda: not openings(venue, name), "its openings cancelled")
    wait_until(lambda: fills_of_the_others() > before, "fills of the others meanwhile")
    wait_until(lambda: supervisor.rows()[name].restarts == 1, "its restart")
    wait_until(lambda: openings(venue, name), "its openings again")

    before = fills_of_the_others()
    (sky / "storm").touch()
    supervisor.wait_state(name, registry_pb2.SYMBOL_STATE_QUARANTINED)
    why = supervisor.rows()[name].why
    assert "a storm" in why
    code, sentence = supervisor.refusal("DescribeSymbol", pb.DescribeSymbolRequest(symbol=name))
    assert code is grpc.StatusCode.FAILED_PRECONDITION
    assert "a storm" in sentence
    wait_until(lambda: not openings(venue, name), "its openings cancelled")
    wait_until(lambda: fills_of_the_others() > before, "fills of the others meanwhile")
    assert {row.restarts for other, row in supervisor.rows().items() if other != name} == {0}

    (sky / "storm").unlink()
    supervisor.ask("ResumeSymbol", pb.ResumeSymbolRequest(symbol=name))
    supervisor.wait_state(name, registry_pb2.SYMBOL_STATE_TRADING)
    wait_until(lambda: openings(venue, name), "its openings again")
    settled(supervisor.database_url, venue)
    assert supervisor.counters().illegal_transitions == 0
