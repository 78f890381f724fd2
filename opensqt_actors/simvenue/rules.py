"""The rules of a market (tick, step, limits, brackets), a universe of plausible markets, and their file format.

Not the market itself: no prices move here. Prices count in ticks and quantities in steps everywhere behind these rules.
"""

from __future__ import annotations

import json
import math
from decimal import ROUND_DOWN, Decimal, InvalidOperation
from functools import cached_property
from pathlib import Path
from random import Random
from typing import Any

import yaml
from msgspec import Struct, field

CENT = Decimal("1e-8")  # the finest amount of money that the real venue books


class RulesError(ValueError):
    """Market rules that cannot be used; the message names the market and the field."""


class Bracket(Struct, frozen=True):
    """Up to `cap` of notional value: at most `max_leverage`, and maintenance = notional * rate - deduction."""

    cap: Decimal
    max_leverage: int
    rate: Decimal
    deduction: Decimal


def brackets(max_leverage: int, first_cap: int = 50_000) -> tuple[Bracket, ...]:
    """A plausible ladder of leverage brackets: each ten times as large, at half the leverage, at least 1."""
    ladder: list[Bracket] = []
    cap, leverage, deduction = Decimal(first_cap), max_leverage, Decimal(0)
    while True:
        rate = (Decimal(1) / (2 * leverage)).quantize(Decimal("0.0001"))
        if ladder:
            deduction += ladder[-1].cap * (rate - ladder[-1].rate)
        ladder.append(Bracket(cap, leverage, rate, deduction))
        if leverage == 1 or len(ladder) == 7:
            return tuple(ladder)
        cap, leverage = cap * 10, max(1, leverage // 2)


class MarketRules(Struct, frozen=True, dict=True):
    """What may be traded and how. `tick` and `step` in quote and base; `min_qty`, `max_qty`, `market_max_qty` in steps;
    `min_notional` in quote; a buy above mark * multiplier_up or a sell below mark * multiplier_down is refused;
    `max_orders` open per account; `funding_interval` in hours; `reference` is the price at which the market opens.

    All money is settled 1:1 in the venue's one settlement currency, whatever the quote is called: a market quoted in
    BTC pays its P&L in that same nominal currency.
    """

    symbol: str
    base: str
    quote: str
    tick: Decimal
    step: Decimal
    reference: Decimal
    min_qty: int = 1
    max_qty: int = 10_000_000
    market_max_qty: int = 2_000_000
    min_notional: Decimal = Decimal(5)
    multiplier_up: Decimal = Decimal("1.15")
    multiplier_down: Decimal = Decimal("0.85")
    max_orders: int = 200
    funding_interval: int = 8
    brackets: tuple[Bracket, ...] = field(default_factory=lambda: brackets(50))

    def __post_init__(self) -> None:
        for name in ("tick", "step", "reference", "multiplier_up", "multiplier_down"):
            if not getattr(self, name) > 0:
                raise RulesError(f"{self.symbol}: {name} must be more than 0, not {getattr(self, name)}.")
        if self.reference % self.tick:
            raise RulesError(f"{self.symbol}: reference {self.reference} must be a multiple of the tick {self.tick}.")
        if not 1 <= self.min_qty <= self.max_qty:
            raise RulesError(f"{self.symbol}: min_qty must be at least one step and at most max_qty.")
        if not self.brackets:
            raise RulesError(f"{self.symbol}: at least one leverage bracket is needed.")

    @cached_property
    def quantum(self) -> Decimal:
        """The value of one tick of price on one step of quantity: money is an exact whole multiple of it."""
        return self.tick * self.step

    @cached_property
    def cent(self) -> Decimal:
        """What amounts of money are told in."""
        return min(CENT, Decimal(1).scaleb(_exponent(self.quantum)))

    @cached_property
    def price_digits(self) -> int:
        """Digits of a price after the point."""
        return max(0, -_exponent(self.tick))

    @cached_property
    def quantity_digits(self) -> int:
        """Digits of a quantity after the point."""
        return max(0, -_exponent(self.step))

    @property
    def scale(self) -> Decimal:
        """How large usual amounts of money are in this quote, 1 for a dollar."""
        return _QUOTE_SCALE.get(self.quote, Decimal(1))

    def price(self, ticks: int) -> Decimal:
        """Price in quote per base."""
        return self.tick * ticks

    def quantity(self, steps: int) -> Decimal:
        """Quantity in base."""
        return self.step * steps

    def money(self, ticks_times_steps: int) -> Decimal:
        """Exact quote value of a price in ticks times a quantity in steps."""
        return self.quantum * ticks_times_steps

    def price_text(self, ticks: int) -> str:
        """Price as a plain decimal string with all digits of the tick ("0" -> "0.00")."""
        return format(self.tick * ticks, "f")

    def quantity_text(self, steps: int) -> str:
        """Quantity as a plain decimal string with all digits of the step."""
        return format(self.step * steps, "f")

    def to_ticks(self, price: Decimal) -> int:
        """Whole ticks, rounded to the nearest."""
        return int((price / self.tick).to_integral_value())

    def to_steps(self, quantity: Decimal) -> int:
        """Whole steps, rounded down."""
        return int((quantity / self.step).to_integral_value(ROUND_DOWN))

    def bracket(self, notional: Decimal) -> Bracket:
        """The bracket that holds a notional value; the last one holds everything above."""
        for candidate in self.brackets:
            if notional <= candidate.cap:
                return candidate
        return self.brackets[-1]

    def cap_at(self, leverage: int) -> Decimal:
        """Largest position value that this leverage allows; 0 when the leverage itself is not allowed."""
        return max((b.cap for b in self.brackets if b.max_leverage >= leverage), default=Decimal(0))


# What one USDT is, roughly, in another quote: limits and sizes of its markets are scaled by it.
_QUOTE_SCALE = {"BTC": Decimal("2e-5"), "ETH": Decimal("4e-4"), "BNB": Decimal("2e-3")}


def _exponent(value: Decimal) -> int:
    exponent = value.normalize().as_tuple().exponent
    if not isinstance(exponent, int):
        raise RulesError(f"{value} is not a finite number.")
    return exponent


# Names that a reader knows, in the order of a screen, with a price of roughly the right size.
_KNOWN = (
    ("BTC", "96350"), ("ETH", "3412"), ("SOL", "187.4"), ("BNB", "652.3"), ("XRP", "1.432"), ("DOGE", "0.3871"),
    ("ADA", "0.8042"), ("AVAX", "36.21"), ("LINK", "15.83"), ("DOT", "6.118"), ("LTC", "88.46"), ("BCH", "468.7"),
    ("TRX", "0.2013"), ("UNI", "9.274"), ("ATOM", "6.842"), ("NEAR", "5.719"), ("APT", "12.37"), ("ARB", "0.7346"),
    ("OP", "1.953"), ("SUI", "3.466"), ("FIL", "4.581"), ("ETC", "26.94"), ("INJ", "25.38"), ("AAVE", "174.6"),
    ("RUNE", "5.823"), ("SEI", "0.4917"), ("TIA", "5.236"), ("FTM", "0.7185"), ("ALGO", "0.2264"), ("XLM", "0.2438"),
    ("ICP", "10.62"), ("HBAR", "0.1279"), ("SAND", "0.4153"), ("GALA", "0.02941"), ("WIF", "3.108"), ("ENA", "0.5862"),
    ("PEPE", "0.00002047"), ("SHIB", "0.00002514"), ("BONK", "0.00004386"), ("FLOKI", "0.0002193"), ("YFI", "8214"),
    ("MKR", "1583"), ("COMP", "71.45"), ("CRV", "0.4872"), ("LDO", "1.394"), ("ORDI", "41.28"), ("JUP", "1.127"),
    ("DYDX", "1.248"),
)  # fmt: skip
_FINE = {"BTC": Decimal("0.1"), "ETH": Decimal("0.01")}
_SYLLABLES = (
    "BA",
    "CO",
    "DE",
    "FI",
    "GU",
    "HO",
    "JA",
    "KE",
    "LU",
    "MI",
    "NO",
    "PA",
    "QI",
    "RO",
    "SU",
    "TE",
    "VA",
    "ZO",
)


def make_rules(base: str, quote: str, reference: Decimal, *, tick: Decimal | None = None) -> MarketRules:
    """Sensible rules for a price: a tick of about 1/50,000 of it, a step worth at most one unit of money."""
    scale = _QUOTE_SCALE.get(quote, Decimal(1))
    magnitude = reference.adjusted()
    if tick is None:
        tick = Decimal(1).scaleb(max(-8, magnitude - 4))
    snapped = max(tick, (reference / tick).to_integral_value() * tick)
    step = Decimal(1).scaleb(min(0, math.floor(math.log10(float(scale) / float(reference)))))
    return MarketRules(
        symbol=f"{base}{quote}",
        base=base,
        quote=quote,
        tick=tick,
        step=step,
        reference=snapped,
        max_qty=max(1_000, int(2_000_000 * scale / (snapped * step))),
        market_max_qty=max(1_000, int(400_000 * scale / (snapped * step))),
        min_notional=5 * scale,
        brackets=brackets(125 if base in _FINE else 50),
    )


def universe(count: int, seed: int = 1) -> list[MarketRules]:
    """`count` plausible USDT markets, the well-known names first. A prefix of a longer universe of the same seed:
    `universe(48)[:36] == universe(36)`."""
    markets: list[MarketRules] = []
    taken = {name for name, _ in _KNOWN}
    for index in range(count):
        random = Random(f"universe:{seed}:{index}")
        if index < len(_KNOWN):
            name, price = _KNOWN[index]
            reference = Decimal(price)
        else:
            name = "".join(random.choice(_SYLLABLES) for _ in range(2))
            if name in taken:
                name = f"{name}{index}"
            reference = Decimal(f"{10 ** random.uniform(-4, 3):.4g}")
        taken.add(name)
        markets.append(make_rules(name, "USDT", reference, tick=_FINE.get(name)))
    return markets


_DECIMALS = frozenset({"tick", "step", "reference", "min_notional", "multiplier_up", "multiplier_down"})
_NUMBERS = frozenset({"min_qty", "max_qty", "market_max_qty", "max_orders", "funding_interval"})
_NAMES = frozenset({"symbol", "base", "quote"})
_REQUIRED = ("symbol", "base", "quote", "tick", "step", "reference")


def rules_from(entry: object) -> MarketRules:
    """Rules from one mapping of the file format (see `load_rules`). Raises RulesError with a clear sentence."""
    if not isinstance(entry, dict):
        raise RulesError(f"A market must be a mapping of fields, not {entry!r}.")
    symbol = entry.get("symbol", "?")
    missing = [name for name in _REQUIRED if name not in entry]
    if missing:
        raise RulesError(f"Market {symbol}: {', '.join(missing)} missing.")
    values: dict[str, Any] = {}
    for key, value in entry.items():
        if key in _NAMES:
            values[key] = str(value)
        elif key in _DECIMALS:
            values[key] = _decimal(symbol, key, value)
        elif key in _NUMBERS:
            if not isinstance(value, int) or isinstance(value, bool):
                raise RulesError(f"Market {symbol}: {key} must be a whole number, not {value!r}.")
            values[key] = value
        elif key == "brackets":
            values[key] = tuple(_bracket(symbol, item) for item in value)
        else:
            raise RulesError(f"Market {symbol}: unknown field {key!r}.")
    return MarketRules(**values)


def _decimal(symbol: object, key: str, value: object) -> Decimal:
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        number = Decimal("NaN")
    if isinstance(value, bool) or not number.is_finite():
        raise RulesError(f"Market {symbol}: {key} must be a decimal number, not {value!r}.")
    return number


def _bracket(symbol: object, item: object) -> Bracket:
    if not isinstance(item, dict) or set(item) != {"cap", "max_leverage", "rate", "deduction"}:
        raise RulesError(f"Market {symbol}: a bracket needs exactly cap, max_leverage, rate and deduction.")
    cap, rate, deduction = (_decimal(symbol, key, item[key]) for key in ("cap", "rate", "deduction"))
    return Bracket(cap, int(item["max_leverage"]), rate, deduction)


def rules_to(rules: MarketRules) -> dict[str, object]:
    """One mapping of the file format."""
    entry: dict[str, object] = {}
    for name in rules.__struct_fields__:
        value = getattr(rules, name)
        if name == "brackets":
            entry["brackets"] = [
                {"cap": str(b.cap), "max_leverage": b.max_leverage, "rate": str(b.rate), "deduction": str(b.deduction)}
                for b in rules.brackets
            ]
        else:
            entry[name] = format(value, "f") if isinstance(value, Decimal) else value
    return entry


def load_rules(path: Path) -> list[MarketRules]:
    """Markets from a YAML or JSON file: a mapping with one key `markets`, a list of mappings whose keys are the fields
    of `MarketRules`. Decimals are best written as strings; symbol, base, quote, tick, step and reference are required;
    a bracket is a mapping of cap, max_leverage, rate, deduction. Raises RulesError (format) or OSError (file)."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))  # JSON is YAML
    except yaml.YAMLError as error:
        raise RulesError(f"{path.name} is neither YAML nor JSON: {error}") from error
    if not isinstance(document, dict) or not isinstance(document.get("markets"), list):
        raise RulesError(f"{path.name} must have one key `markets` with a list of markets.")
    markets = [rules_from(entry) for entry in document["markets"]]
    twice = {m.symbol for m in markets if sum(o.symbol == m.symbol for o in markets) > 1}
    if twice:
        raise RulesError(f"{path.name} names {', '.join(sorted(twice))} more than once.")
    return markets


def dump_rules(markets: list[MarketRules], path: Path) -> None:
    """Write the format that `load_rules` reads: JSON when the name ends in .json, else YAML."""
    document = {"markets": [rules_to(market) for market in markets]}
    if path.suffix == ".json":
        text = json.dumps(document, indent=2) + "\n"
    else:
        text = yaml.safe_dump(document, sort_keys=False)
    path.write_text(text, encoding="utf-8")
