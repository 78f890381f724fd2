"""A strategy of somebody else's distribution trades with all of the program's machinery, and over a restart."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path

import pytest
from fleet.world import ACCOUNT, Setup, World

from opensqt_actors.app.strategies import BrokenStrategy, installed
from opensqt_actors.domain.grid import Grid
from opensqt_actors.domain.settings import GridSettings

PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "write-a-strategy.md"


@pytest.fixture
def distribution(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The strategy of the page, installed beside the program."""
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    (tmp_path / "ladder1.py").write_text(code[-1])
    register(tmp_path, "ladder1 = ladder1:Ladder1")
    monkeypatch.syspath_prepend(str(tmp_path))
    yield tmp_path
    sys.modules.pop("ladder1", None)


def register(folder: Path, line: str) -> None:
    about = folder / "my_strategies-1.0.dist-info"
    about.mkdir(exist_ok=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: my-strategies\nVersion: 1.0\n")
    (about / "entry_points.txt").write_text(f"[opensqt_actors.strategies]\n{line}\n")


@pytest.mark.usefixtures("distribution")
def test_a_strategy_of_another_distribution_trades_and_goes_on_after_a_kill() -> None:
    strategies = installed()
    assert set(strategies) == {"grid", "ladder1"}
    grid = GridSettings(amount=Decimal(30), interval_percent=Decimal("0.2"))
    world = World(3, Setup(symbols=2, grid=grid, strategies=strategies, strategy="ladder1")).start()
    world.advance(30)
    first = world.engine.summary(ACCOUNT).fills
    assert first > 20
    levels = {name: world.tables.memories[ACCOUNT, name].numbers for name in world.names}
    world.kill()
    world.start()
    world.advance(2)
    for name in world.names:
        actor = world.symbol(name)
        assert actor is not None
        assert actor.strategy is not None
        assert not isinstance(actor.strategy, Grid)
        assert abs(actor.strategy.memory[0] - levels[name][0]) < 40
    world.advance(30)
    world.settle()
    assert world.engine.summary(ACCOUNT).fills > first + 5
    assert world.crashes == []
    assert world.violations == []
    for name in world.names:
        actor = world.symbol(name)
        assert actor is not None
        assert actor.slots.position == world.engine.position(ACCOUNT, name).amount
        assert actor.slots.illegal == 0
        assert all(slot.order is not None for slot in actor.slots.held.values())


@pytest.mark.parametrize(
    ("line", "sentence"),
    [
        ("grid = ladder1:Ladder1", "claims the built-in strategy name 'grid'"),
        ("other = nowhere:Thing", "strategy 'other' cannot be imported from 'nowhere:Thing'"),
        ("other = ladder1:FAR", "strategy 'other': 'ladder1:FAR' is not callable"),
    ],
)
def test_a_strategy_that_cannot_be_is_refused_in_one_sentence(distribution: Path, line: str, sentence: str) -> None:
    register(distribution, line)
    with pytest.raises(BrokenStrategy) as error:
        installed()
    assert sentence in error.value.sentence
