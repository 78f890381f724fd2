"""The JSON of `opensqt check`. docs/reference/cli.md describes it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from opensqt_actors.cli.json_output import settings as grid_settings
from opensqt_actors.cli.json_output import text

if TYPE_CHECKING:
    from opensqt_actors.app.market_rules import Known
    from opensqt_actors.backtest.prospect import Inventory, PlannedLevel, Prospect
    from opensqt_actors.config.settings import Settings
    from opensqt_actors.domain.settings import SymbolSpec


def document(
    settings: Settings, specs: tuple[SymbolSpec, ...], known: Known, found: dict[tuple[str, str], Prospect]
) -> dict[str, Any]:
    """A good configuration."""
    return {
        "ok": True,
        "state_dir": str(settings.state_dir),
        "socket": str(settings.socket),
        "away": [{"account": account, "reason": reason} for account, reason in known.away.items()],
        "symbols": [
            {
                "account": spec.account,
                "symbol": spec.symbol,
                "adopt": spec.adopt,
                "settings": grid_settings(spec.grid),
                "prospect": _prospect(found.get((spec.account, spec.symbol))),
            }
            for spec in specs
        ],
    }


def _prospect(made: Prospect | None) -> dict[str, Any] | None:
    if made is None:
        return None
    facts = made.facts
    instrument = facts.instrument
    return {
        "source": facts.source,
        "assumed": list(facts.assumed),
        "rules": {
            "tick": text(instrument.tick),
            "step": text(instrument.step),
            "min_quantity": text(instrument.quantity(instrument.min_quantity)),
            "min_notional": text(instrument.min_notional),
        },
        "fees": {
            "maker": text(facts.fees.maker),
            "taker": text(facts.fees.taker),
            "round_trip": text(2 * facts.fees.maker),
        },
        "price": text(instrument.price(facts.price)),
        "centre": text(made.centre),
        "interval": text(made.interval),
        "ladder": [_level(level) for level in made.levels],
        "worst_case": [_inventory(inventory) for inventory in made.worst],
        "margin": {
            "needed": text(made.margin),
            "leverage": made.leverage,
            "leverage_known": facts.leverage is not None,
            "available": None if facts.account is None else text(facts.account.available),
        },
    }


def _level(level: PlannedLevel) -> dict[str, Any]:
    return {
        "level": level.level,
        "side": level.side,
        "price": text(level.price),
        "quantity": text(level.quantity),
        "notional": text(level.notional),
        "exit_price": text(level.exit_price),
        "fees": text(level.fees),
        "profit": text(level.profit),
        "reason": level.reason or None,
    }


def _inventory(inventory: Inventory) -> dict[str, Any]:
    return {
        "side": inventory.side,
        "levels": inventory.levels,
        "quantity": text(inventory.quantity),
        "cost": text(inventory.cost),
        "last_price": text(inventory.last_price),
        "loss": text(inventory.loss),
    }
