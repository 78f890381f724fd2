"""The configuration of a demo: demo.yaml with this run's ports, folders and markets."""

from __future__ import annotations

import itertools
from decimal import ROUND_UP, Decimal
from pathlib import Path
from typing import Any

import yaml

from opensqt_actors import resources

ACCOUNT = "main"
KEY = "sim-demo-key"
SHUTDOWN_DEADLINE = 6  # seconds: Ctrl-C ends everything within ten
SHARD_ALONE = 30  # seconds: a demo that is killed leaves nothing behind for long
LEVEL_VALUE = 6  # times the least order value that the venue takes
LEVEL_STEPS = 3  # least steps of quantity in one level

# the mix for markets that demo.yaml does not name
_MODES = ("long", "long", "long", "short", "long", "neutral")
_PERCENTS = ("0.4", "0.3", "0.5", "0.25", "0.35")


def write_config(
    path: Path, *, state_dir: Path, port: int, ca: str, markets: list[dict[str, Any]], shards: int = 0
) -> None:
    """Write the configuration. markets: as the venue's admin port lists them."""
    document = yaml.safe_load(resources.config("demo.yaml").read_text(encoding="utf-8"))
    document["state_dir"] = str(state_dir)
    document["accounts"][ACCOUNT]["simulated"] = {"port": port, "ca": ca}
    document["shutdown"] = {"deadline": SHUTDOWN_DEADLINE}
    document["shards"] = shards
    document["supervision"] = {**document.get("supervision", {}), "shard_alone": SHARD_ALONE}
    document["symbols"] = symbols(document["symbols"], markets)
    text = "# Made by `opensqt demo` for one run.\n" + yaml.safe_dump(document, sort_keys=False)
    path.write_text(text, encoding="utf-8")


def symbols(known: list[Any], markets: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """One grid a market: the one that demo.yaml has for it, or one of the mix that fits its prices."""
    by_name = {entry["symbol"]: entry for entry in (_mapping(entry) for entry in known)}
    modes, percents = itertools.cycle(_MODES), itertools.cycle(_PERCENTS)
    entries = []
    for market in markets:
        entry = by_name.get(market["symbol"])
        if entry is None or not _tradable(market, Decimal(str(entry.get("amount", 30)))):
            entry = {
                "symbol": market["symbol"],
                "mode": next(modes),
                "amount": str(level_amount(market)),
                "interval_percent": next(percents),
            }
        entries.append(entry)
    return entries


def _mapping(entry: Any) -> dict[str, Any]:
    return {"symbol": entry} if isinstance(entry, str) else dict(entry)


def level_amount(market: dict[str, Any]) -> Decimal:
    """Quote currency per level: well above the venue's least order, and several steps of quantity."""
    step_value = Decimal(market["step"]) * Decimal(market["last_price"])
    amount = max(LEVEL_VALUE * Decimal(market["min_notional"]), LEVEL_STEPS * step_value)
    digits = Decimal(1).scaleb(amount.adjusted() - 1)
    return amount.quantize(digits, ROUND_UP).normalize() + 0


def _tradable(market: dict[str, Any], amount: Decimal) -> bool:
    """Whether an amount buys at least the least order, with room for a higher price."""
    step_value = Decimal(market["step"]) * Decimal(market["last_price"])
    return amount >= 2 * step_value and amount >= Decimal("1.5") * Decimal(market["min_notional"])
