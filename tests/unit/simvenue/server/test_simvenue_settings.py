"""The venue's settings: defaults, presets, and mistakes told in a sentence."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import pytest

from opensqt_actors.simvenue.server.config import SettingsError, VenueSettings, read, settings_from
from opensqt_actors.simvenue.server.limits import PRESETS, Limits


def test_the_default_account_is_the_documented_one() -> None:
    (account,) = VenueSettings().accounts
    assert (account.key, account.secret, account.balance) == ("sim-demo-key", "sim-demo-secret", Decimal(1_000_000))


def test_a_secret_is_not_shown() -> None:
    assert "sim-demo-secret" not in repr(VenueSettings())


@pytest.mark.parametrize(
    ("document", "limits"),
    [
        ({}, PRESETS["market-maker"]),
        ({"profile": "calm"}, PRESETS["standard"]),
        ({"limits": "standard"}, PRESETS["standard"]),
        ({"limits": {"orders_per_10s": 7}}, Limits(orders_per_10s=7)),
    ],
)
def test_the_limits_in_force(document: dict[str, object], limits: Limits) -> None:
    assert settings_from(document).limits_in_force() == limits


@pytest.mark.parametrize(
    ("document", "words"),
    [
        ({"colour": 1}, "colour: is not a known setting"),
        ({"markets": {"colour": 1}}, "markets.colour: is not a known setting"),
        ({"accounts": []}, "accounts"),
        ({"accounts": [{"key": "mine"}]}, "must begin with sim-"),
        ({"accounts": [{}, {}]}, "only once"),
        ({"fees": {"maker": "2"}}, "fees.maker"),
        ({"speed": 0}, "speed"),
        ("nonsense", "the file"),
    ],
)
def test_a_mistake_names_its_field(document: object, words: str) -> None:
    with pytest.raises(SettingsError, match=words):
        settings_from(document)


def test_settings_are_read_from_yaml(tmp_path: Path) -> None:
    path = tmp_path / "venue.yaml"
    path.write_text("seed: 9\nmarkets: {synthetic: 5, scripted: true}\nlatency: {request_ms: 3}\n")
    settings = settings_from(read(path))
    assert (settings.seed, settings.markets.synthetic, settings.latency.request_ms) == (9, 5, 3)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"none\.yaml cannot be read"):
        read(tmp_path / "none.yaml")
    broken = tmp_path / "broken.yaml"
    broken.write_text("a: [")
    with pytest.raises(SettingsError, match="is not YAML"):
        read(broken)
    broken.write_text("")
    assert read(broken) == {}
