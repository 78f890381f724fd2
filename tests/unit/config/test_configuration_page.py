from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import BaseModel

from opensqt_actors.config.settings import Account, Budget, GridDefaults, Settings, SimulatedVenue, SymbolEntry

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "configuration.md"


def inside(name: str, section: type[BaseModel]) -> list[str]:
    """Every setting of a section, those of its own sections included."""
    names: list[str] = []
    for inner, field in section.model_fields.items():
        kind = field.annotation
        nested = isinstance(kind, type) and issubclass(kind, BaseModel)
        names += inside(f"{name}.{inner}", kind) if nested else [f"{name}.{inner}"]
    return names


def settings() -> list[str]:
    names = [f"accounts.NAME.{name}" for name in ("venue", "api_key", "secret")]
    names += [f"accounts.NAME.simulated.{name}" for name in SimulatedVenue.model_fields]
    names += [f"accounts.NAME.budget.{name}" for name in Budget.model_fields]
    names.append("accounts.NAME.dead_man_switch")
    names += list(GridDefaults.model_fields) + list(SymbolEntry.model_fields)
    for name, field in Settings.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel) and kind is not GridDefaults:
            names += inside(name, kind)
        else:
            names.append(name)
    return sorted(set(names))


@pytest.mark.parametrize("name", settings())
def test_the_page_describes_every_setting(name: str) -> None:
    assert f"`{name}`" in PAGE.read_text()


def test_no_part_of_an_account_is_forgotten_here() -> None:
    assert set(Account.model_fields) == {"venue", "simulated", "api_key", "secret", "budget", "dead_man_switch"}
