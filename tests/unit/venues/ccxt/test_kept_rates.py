"""Fee rates from one start to the next: who has been told them within a day asks for none."""

from __future__ import annotations

import stat
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import SecretStr

from opensqt_actors.domain.orders import Fees
from opensqt_actors.venues.ccxt.kept_rates import STAY, KeptRates

KEY = SecretStr("sim-key-of-these-rates")
LOW = Fees(Decimal("0.0002"), Decimal("0.0005"))
REBATE = Fees(Decimal("-0.00005"), Decimal("0.0003"))


class Clock:
    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "rates-main.json"


def test_the_next_process_knows_what_the_last_one_was_told(path: Path) -> None:
    first = KeptRates(path, KEY)
    first.put("BTCUSDT", LOW)
    first.put("ETHUSDT", REBATE)
    first.save()
    second = KeptRates(path, KEY)
    assert (second.get("BTCUSDT"), second.get("ETHUSDT"), second.get("XRPUSDT")) == (LOW, REBATE, None)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert KEY.get_secret_value() not in path.read_text()
    assert [found.name for found in path.parent.iterdir()] == [path.name]


def test_after_a_day_the_venue_is_asked_again(path: Path) -> None:
    clock = Clock()
    rates = KeptRates(path, KEY, clock)
    rates.put("BTCUSDT", LOW)
    rates.save()
    clock.now += STAY - 1
    assert KeptRates(path, KEY, clock).get("BTCUSDT") == rates.get("BTCUSDT") == LOW
    clock.now += 1
    assert KeptRates(path, KEY, clock).get("BTCUSDT") is rates.get("BTCUSDT") is None


def test_what_was_told_in_the_future_is_not_believed(path: Path) -> None:
    """A clock that went back must not keep a rate for ever."""
    clock = Clock()
    rates = KeptRates(path, KEY, clock)
    rates.put("BTCUSDT", LOW)
    rates.save()
    clock.now -= 3_600
    assert KeptRates(path, KEY, clock).get("BTCUSDT") is rates.get("BTCUSDT") is None


def test_another_key_is_another_tier(path: Path) -> None:
    rates = KeptRates(path, KEY)
    rates.put("BTCUSDT", LOW)
    rates.save()
    assert KeptRates(path, SecretStr("sim-key-of-somebody-else")).get("BTCUSDT") is None


def test_two_processes_take_over_what_the_other_has_written(path: Path) -> None:
    one, other = KeptRates(path, KEY), KeptRates(path, KEY)
    one.put("BTCUSDT", LOW)
    other.put("ETHUSDT", REBATE)
    one.save()
    other.save()
    next_one = KeptRates(path, KEY)
    assert (next_one.get("BTCUSDT"), next_one.get("ETHUSDT")) == (LOW, REBATE)


@pytest.mark.parametrize(
    "content",
    [
        "", "{", "[]", "null", '{"owner": "x"}', '{"owner": OWNER, "rates": []}',
        '{"owner": OWNER, "rates": {"BTCUSDT": ["low", "high", 1000000.0]}}',
        '{"owner": OWNER, "rates": {"BTCUSDT": ["NaN", "0.0005", 1000000.0]}}',
        '{"owner": OWNER, "rates": {"BTCUSDT": ["0.0002", "0.0005"]}}',
        '{"owner": OWNER, "rates": {"BTCUSDT": ["0.0002", "0.0005", null]}}',
    ],
)  # fmt: skip
def test_a_file_of_another_form_counts_as_none(path: Path, content: str) -> None:
    clock = Clock()
    before = KeptRates(path, KEY, clock)
    before.put("BTCUSDT", LOW)
    before.save()
    owner = path.read_text().split('"owner":')[1].split(",")[0]
    path.write_text(content.replace("OWNER", owner))
    rates = KeptRates(path, KEY, clock)
    assert rates.get("BTCUSDT") is None
    rates.put("BTCUSDT", REBATE)
    rates.save()
    assert KeptRates(path, KEY, clock).get("BTCUSDT") == REBATE


def test_a_disk_that_takes_nothing_stops_nobody(tmp_path: Path) -> None:
    rates = KeptRates(tmp_path / "away" / "rates-main.json", KEY)
    rates.put("BTCUSDT", LOW)
    rates.save()
    assert rates.get("BTCUSDT") == LOW


def test_nothing_is_written_when_nothing_is_new(path: Path) -> None:
    rates = KeptRates(path, KEY)
    rates.save()
    assert not path.exists()
