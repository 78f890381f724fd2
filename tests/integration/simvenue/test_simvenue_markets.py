"""Where markets come from: the seeded universe, a rules file, recordings; and that prices move through the wire."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

pytestmark = pytest.mark.integration
RULES = {"symbol": "ABCUSDT", "base": "ABC", "quote": "USDT", "tick": "0.01", "step": "1", "reference": "5.00"}


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "XYZUSDT-perp-1m-2022-01.csv"
    start = 1_640_995_200_000
    rows = [f"{start + 60_000 * n},{10 + n}.00,{11 + n}.00,{9 + n}.50,{10 + n}.50,100" for n in range(50)]
    path.write_text("open_time,open,high,low,close,volume\n" + "\n".join(rows) + "\n")
    return path


async def test_made_up_markets_move(start_venue: Any, connect: Any) -> None:
    venue = await start_venue(markets={"synthetic": 5}, profile="demo")
    client = await connect(venue)
    frames = [
        await client.frame(lambda frame: isinstance(frame, dict) and frame.get("e") == "bookTicker")
        for _ in range(3)
        if await client.watch_bids_asks(["BTC/USDT:USDT"])
    ]
    assert len({frame["u"] for frame in frames}) == 3
    assert all(float(frame["b"]) < float(frame["a"]) for frame in frames)


async def test_the_same_seed_lists_the_same_markets(start_venue: Any) -> None:
    first = await start_venue(markets={"synthetic": 60, "scripted": True}, seed=5)
    second = await start_venue(markets={"synthetic": 60, "scripted": True}, seed=5)
    assert await first.admin("GET", "/markets") == await second.admin("GET", "/markets")


async def test_markets_of_a_rules_file_are_listed(start_venue: Any, tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(yaml.safe_dump({"markets": [RULES]}))
    venue = await start_venue(markets={"synthetic": 0, "rules": str(path), "scripted": True})
    (market,) = (await venue.admin("GET", "/markets"))["markets"]
    assert (market["symbol"], market["tick"], market["last_price"]) == ("ABCUSDT", "0.01", "5.00")


async def test_a_recording_is_played(start_venue: Any, connect: Any, recording: Path) -> None:
    venue = await start_venue(markets={"synthetic": 0, "replay": [str(recording)], "loop": True}, speed=6_000)
    client = await connect(venue)
    assert list(client.markets) == ["XYZ/USDT:USDT"]
    quote = (await client.fetch_bids_asks())["XYZ/USDT:USDT"]
    while (await client.fetch_bids_asks())["XYZ/USDT:USDT"]["bid"] == quote["bid"]:
        pass
    assert 9 < quote["bid"] < 61


async def test_a_recording_listed_twice_is_refused(start_venue: Any, recording: Path) -> None:
    with pytest.raises(ValueError, match="listed already"):
        await start_venue(markets={"synthetic": 0, "replay": [str(recording), str(recording)]})
