"""What is known of a configuration's markets before anything trades: from their venues, else from what is at hand.

Only asks: no stream is opened and nothing is changed at a venue. What had to be assumed is said.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any

from msgspec import Struct, field

from opensqt_actors.actors.exchange_risk import HISTORY
from opensqt_actors.backtest.prospect import MarketFacts
from opensqt_actors.config.errors import ConfigError
from opensqt_actors.config.settings import Account, Settings
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import Fees
from opensqt_actors.domain.settings import SymbolSpec
from opensqt_actors.simvenue.rules import MarketRules, universe
from opensqt_actors.simvenue.server.assembly import MOST_MARKETS
from opensqt_actors.simvenue.server.config import FeeSettings
from opensqt_actors.venues.ccxt.binance_values import instruments_of
from opensqt_actors.venues.ccxt.binanceusdm import BinanceUsdm
from opensqt_actors.venues.ccxt.secrets import Credentials
from opensqt_actors.venues.ccxt.simulated import SimulatedSite
from opensqt_actors.venues.port import VenueError
from opensqt_actors.venues.procedures import not_there

AT_ONCE = 8
FIRST_TIER = Fees(Decimal("0.0002"), Decimal("0.0005"))
"""What Binance USD-M asks of an account without a discount."""
FEES_ASSUMED = "the fees of an account without a discount"


class Known(Struct, frozen=True):
    """facts: by account and symbol; refused: a sentence for what its venue does not trade; away: accounts by reason."""

    facts: dict[tuple[str, str], MarketFacts] = field(default_factory=dict)
    refused: dict[tuple[str, str], str] = field(default_factory=dict)
    away: dict[str, str] = field(default_factory=dict)


class AtHand(Struct, frozen=True):
    """What an operator hands over for venues that are away. rules: by symbol; prices: in quote currency."""

    rules: Mapping[str, Instrument] = field(default_factory=dict)
    prices: Mapping[str, Decimal] = field(default_factory=dict)


def read_rules(path: Path) -> dict[str, Instrument]:
    """Instruments of a saved answer of the venue to `exchangeInfo`. ConfigError when it is none."""
    try:
        found, _ = instruments_of(json.loads(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise ConfigError(f"rules {path} cannot be read: {error.strerror}") from None
    except (ValueError, KeyError, TypeError, AttributeError, ArithmeticError):
        raise ConfigError(f"rules {path} is not what the venue answers to exchangeInfo (JSON)") from None
    return found


async def look_up(
    settings: Settings, specs: Sequence[SymbolSpec], at_hand: AtHand, *, patience: float, offline: bool
) -> Known:
    """Ask every account's venue, all at once; for one that is away take what is at hand. patience: seconds.

    ConfigError when a real venue refuses an account's key for good.
    """
    known = Known()
    by_account = {
        name: [spec for spec in specs if spec.account == name]
        for name in settings.accounts
        if any(spec.account == name for spec in specs)
    }

    async def one(name: str) -> None:
        reason = "it was not asked"
        if not offline:
            try:
                async with asyncio.timeout(patience):
                    await _ask(name, settings.accounts[name], by_account[name], known)
                return
            except TimeoutError:
                reason = f"no answer within {patience:g} s"
            except VenueError as error:
                if error.final and settings.accounts[name].simulated is None:
                    raise ConfigError(f"accounts.{name}: {error.sentence}") from error
                reason = error.sentence
        known.away[name] = reason
        for spec in by_account[name]:
            _from_hand(settings.accounts[name], spec, at_hand, known)

    await asyncio.gather(*(one(name) for name in by_account))
    return known


async def _ask(name: str, account: Account, specs: Sequence[SymbolSpec], known: Known) -> None:
    """Everything of one account that its venue tells. VenueError when it does not."""
    site = account.simulated
    venue = BinanceUsdm(
        name, Credentials(account.api_key, account.secret), None if site is None else SimulatedSite(site.port, site.ca)
    )
    turns = asyncio.Semaphore(AT_ONCE)
    found: dict[tuple[str, str], MarketFacts] = {}

    async def one(spec: SymbolSpec) -> None:
        instrument = venue.instruments().get(spec.symbol)
        if instrument is None:
            known.refused[name, spec.symbol] = f"symbol: {not_there(venue, spec.symbol)}"
            return
        async with turns:
            fees, leverage, history, price = await asyncio.gather(
                venue.fees(spec.symbol),
                venue.leverage(spec.symbol),
                venue.candles(spec.symbol, "1m", HISTORY),
                venue.mid(spec.symbol),
            )
        if price > 0:
            found[name, spec.symbol] = MarketFacts(
                instrument, fees, price, tuple(history), leverage, state, "the venue"
            )
        else:
            known.refused[name, spec.symbol] = f"symbol: {spec.symbol} has no bid and ask now; try again later"

    try:
        await venue.connect()
        state = await venue.account()
        await asyncio.gather(*(one(spec) for spec in specs))
    finally:
        await venue.close()
    known.facts.update(found)


def _from_hand(account: Account, spec: SymbolSpec, at_hand: AtHand, known: Known) -> None:
    """Rules from a file; for the simulated venue those that it makes itself of the same name."""
    here = (spec.account, spec.symbol)
    price = at_hand.prices.get(spec.symbol)
    if at_hand.rules:
        instrument = at_hand.rules.get(spec.symbol)
        if instrument is None:
            known.refused[here] = f"symbol: {spec.symbol} is not among the rules that were given"
        elif price is not None and price > 0:
            known.facts[here] = _assumed(instrument, FIRST_TIER, price, "the rules that were given", FEES_ASSUMED)
    elif account.simulated is not None:
        rules = _simulated().get(spec.symbol)
        if rules is not None:
            fees, source = FeeSettings(), "what the simulated venue makes of this name"
            assumed = "its usual fees" if price is not None else "its opening price and usual fees"
            known.facts[here] = _assumed(
                _instrument(rules), Fees(fees.maker, fees.taker), price or rules.reference, source, assumed
            )


def _assumed(instrument: Instrument, fees: Fees, price: Decimal, source: str, assumed: str) -> MarketFacts:
    return MarketFacts(instrument, fees, instrument.price_to_ticks(price), source=source, assumed=(assumed,))


@cache
def _simulated() -> dict[str, MarketRules]:
    return {rules.symbol: rules for rules in universe(MOST_MARKETS)}


def _instrument(rules: MarketRules) -> Instrument:
    """As the venue would tell it: the smaller of its two limits on an order's size counts."""
    values: dict[str, Any] = {name: getattr(rules, name) for name in ("symbol", "base", "quote", "tick", "step")}
    return Instrument(
        **values,
        min_quantity=rules.min_qty,
        max_quantity=min(rules.max_qty, rules.market_max_qty),
        min_notional=rules.min_notional,
    )
