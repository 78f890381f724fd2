"""Whether grid settings can work on a market, from what its venue says of it."""

from __future__ import annotations

from decimal import Decimal

from opensqt_actors.actors import ports
from opensqt_actors.domain.errors import InvalidValue
from opensqt_actors.domain.grid import anchor_lattice, check_profit
from opensqt_actors.domain.settings import GridSettings
from opensqt_actors.domain.strategy import Market

ANY_PRICE = 10**12


def check_settings(grid: GridSettings, prepared: ports.SymbolPrepared) -> str | None:
    """Why these grid settings cannot work on this market, or None. Uses the newest closed candle as the price.

    Without one, only what does not depend on the price is checked.
    """
    instrument = prepared.instrument
    close = prepared.history[-1].close if prepared.history else 0.0
    price = instrument.price_to_ticks(Decimal(str(close))) if close else 0
    try:
        if price <= 0 and grid.interval_percent is None:
            return None
        lattice = anchor_lattice(instrument, grid, price if price > 0 else ANY_PRICE)
        check_profit(Market(instrument, prepared.fees, grid, lattice))
    except InvalidValue as error:
        return error.sentence
    small = instrument.too_small(price, instrument.steps_for(instrument.quanta(grid.amount), price)) if price else None
    if small is not None:
        return f"amount: {grid.amount} {instrument.quote} a level is too little for {instrument.symbol}: {small}"
    return None
