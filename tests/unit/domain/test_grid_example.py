"""The worked example of docs/concepts/grid.md, row by row."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from support.desk import Desk

from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import Candle, Fees
from opensqt_actors.domain.settings import GridMode, GridSettings

PAGE = Path(__file__).parents[3] / "docs" / "concepts" / "grid.md"
INSTRUMENT = Instrument("XUSDT", "X", "USDT", Decimal(1), Decimal("0.01"), min_notional=Decimal(5))
FEES = Fees(Decimal("0.0002"), Decimal("0.0005"))
MINUTE = 60_000_000_000

Row = dict[str, str]


def examples() -> dict[str, tuple[GridSettings, list[Row]]]:
    """The settings and rows below each third-level heading of the worked example."""
    found: dict[str, tuple[GridSettings, list[Row]]] = {}
    for part in PAGE.read_text(encoding="utf-8").split("\n### ")[1:]:
        title, text = part.split("\n", 1)
        said = re.search(r"^Settings: (.*)\.$", text, re.MULTILINE)
        assert said is not None, title
        lines = [
            [cell.strip() for cell in line.strip("|").split("|")]
            for line in re.findall(r"^\|.*\|$", text, re.MULTILINE)
        ]
        found[title] = (grid(said[1]), [dict(zip(lines[0], line, strict=True)) for line in lines[2:]])
    return found


def grid(text: str) -> GridSettings:
    """`mode long, interval 10, ...` as settings."""
    words = dict(item.split(" ") for item in text.split(", "))
    whole = {name: int(words.pop(name)) for name in ("buy_window", "sell_window") if name in words}
    mode = GridMode(words.pop("mode"))
    return GridSettings(mode=mode, **whole, **{name: Decimal(value) for name, value in words.items()})


class Player:
    """Plays the market's part of a row and writes down the grid's."""

    def __init__(self, settings: GridSettings) -> None:
        self.desk = Desk(settings, 1_000, INSTRUMENT, FEES)
        self.bid = 0
        self.candles = 0

    def play(self, market: str) -> Row:
        """What the grid does, in the words of the table."""
        for happening in market.split(", "):
            self.happen(happening.split(" "))
        placed: list[str] = []
        cancelled: list[str] = []
        desk = self.desk
        for _ in range(4):
            decision = desk.decide(self.bid, self.bid + 1)
            for level in decision.cancels:
                order = desk.slots.by_level[level].order
                assert order is not None
                cancelled.append(f"{order.side.value} {order.price}")
            for place in decision.places:
                side = "buy" if place.kind.buys else "sell"
                placed.append(f"{side} {INSTRUMENT.quantity(place.quantity)} @ {place.price}")
            desk.carry_out(decision)
        return {
            "placed": ", ".join(placed) or "-",
            "cancelled": ", ".join(cancelled) or "-",
            "centre": str(desk.grid.centre_price()),
            "position": f"{INSTRUMENT.quantity(desk.slots.position):.2f}",
            "realised": f"{INSTRUMENT.money(desk.realized):.2f}",
        }

    def happen(self, words: list[str]) -> None:
        """`price 995`, `buy 0.04 @ 990` or `candles 14 of range 18`."""
        match words:
            case ["price", price]:
                self.bid = int(price)
            case ["buy" | "sell" as side, quantity, "@", price]:
                [client_id] = [
                    client_id
                    for client_id, resting in self.desk.venue.items()
                    if (resting.order.side.value, str(resting.order.price)) == (side, price)
                ]
                booked = self.desk.fill(client_id, INSTRUMENT.quantity_to_steps(Decimal(quantity)))
                assert booked is not None
            case ["candles", count, "of", "range", span]:
                for _ in range(int(count)):
                    self.candles += 1
                    high, low = self.bid + float(span) / 2, self.bid - float(span) / 2
                    at = self.candles * MINUTE
                    self.desk.grid.candle(Candle("XUSDT", at, self.bid, high, low, self.bid, volume=1, closed=True))
            case _:
                pytest.fail(f"the table says something that is not understood: {' '.join(words)}")


EXAMPLES = examples()


@pytest.mark.parametrize("title", EXAMPLES)
def test_the_grid_does_what_the_worked_example_says(title: str) -> None:
    settings, rows = EXAMPLES[title]
    player = Player(settings)
    for number, row in enumerate(rows, 1):
        assert row["#"] == str(number)
        done = player.play(row["market"])
        assert done == {name: row[name] for name in done}, f"{title}, row {number}"


def test_the_worked_example_shows_all_modes_and_what_is_special() -> None:
    assert {settings.mode for settings, _ in EXAMPLES.values()} == set(GridMode)
    assert any(settings.skew for settings, _ in EXAMPLES.values())
    assert any(settings.atr_scale for settings, _ in EXAMPLES.values())
    assert sum(len(rows) for _, rows in EXAMPLES.values()) >= 20
