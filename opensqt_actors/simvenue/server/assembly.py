"""From settings to a stocked engine: accounts, and markets with their models."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Any

from opensqt_actors.simvenue.exchange import Exchange
from opensqt_actors.simvenue.markets.files import FileError
from opensqt_actors.simvenue.markets.model import MarketModel
from opensqt_actors.simvenue.markets.replay import replay_market
from opensqt_actors.simvenue.markets.scripted import ScriptedModel
from opensqt_actors.simvenue.markets.synthetic import PROFILES, SyntheticModel
from opensqt_actors.simvenue.rules import MarketRules, RulesError, load_rules, make_rules, rules_from, universe
from opensqt_actors.simvenue.server.clock import VenueClock
from opensqt_actors.simvenue.server.config import SettingsError, VenueSettings
from opensqt_actors.simvenue.server.core import Core

MOST_MARKETS = 2_000


def build(settings: VenueSettings, clock: VenueClock) -> Core:
    """A core with all accounts and markets of the settings. Raises SettingsError with one sentence."""
    now = clock.now()
    exchange = Exchange(settings.seed, now=now)
    for account in settings.accounts:
        fees = account.fees or settings.fees
        exchange.add_account(
            account.key, account.balance, maker=fees.maker, taker=fees.taker, hedge_mode=account.hedge_mode
        )
    core = Core(exchange, settings, clock)
    wanted = settings.markets
    try:
        markets = universe(wanted.synthetic, settings.seed)
        if wanted.rules is not None:
            markets += load_rules(wanted.rules)
        for rules in markets:
            _list(core, rules, _model(settings, wanted.scripted), now)
        for path in wanted.replay:
            _replay(core, path, now)
    except (RulesError, FileError, OSError) as error:
        raise SettingsError(_sentence(error)) from error
    if not exchange.symbols():
        raise SettingsError("Setting markets: at least one market is needed, synthetic, from a rules file or replayed.")
    core.settle()
    return core


def list_market(
    core: Core,
    *,
    rules: dict[str, Any] | None,
    symbol: str | None,
    reference: Decimal | None,
    quote: str,
    scripted: bool | None,
) -> MarketRules:
    """List one more market, by its rules or by a symbol; one that the universe does not know needs a reference price.
    Raises RulesError."""
    if (rules is None) == (symbol is None):
        raise RulesError("A new market needs either rules, or a symbol with a reference price.")
    if rules is not None:
        made = rules_from(rules)
    elif reference is None:
        made = _known(str(symbol), core.settings.seed)
    else:
        base = str(symbol).removesuffix(quote)
        if not base or base == symbol:
            raise RulesError(f"{symbol}: a symbol is a base followed by its quote, as in BTC{quote}.")
        made = make_rules(base, quote, reference)
    if len(core.exchange.symbols()) >= MOST_MARKETS:
        raise RulesError(f"There are already {MOST_MARKETS} markets.")
    still = core.settings.markets.scripted if scripted is None else scripted
    _list(core, made, _model(core.settings, still), core.now())
    return made


def _known(symbol: str, seed: int) -> MarketRules:
    for rules in universe(MOST_MARKETS, seed):
        if rules.symbol == symbol:
            return rules
    raise RulesError(f"{symbol}: reference, the price at which the market opens, is missing.")


def _list(core: Core, rules: MarketRules, model: MarketModel, now: int) -> None:
    if core.exchange.has_market(rules.symbol):
        raise RulesError(f"{rules.symbol} is listed already.")
    core.exchange.add_market(rules, model, now, past_candles=core.settings.markets.past_candles)


def _model(settings: VenueSettings, scripted: bool) -> MarketModel:
    if scripted:
        return ScriptedModel()
    profile = PROFILES[settings.profile]
    return SyntheticModel(profile.faster(settings.speed) if settings.speed is not None else profile)


def _replay(core: Core, path: Path, now: int) -> None:
    settings = core.settings
    speed = PROFILES[settings.profile].speed if settings.speed is None else settings.speed
    rules, model = replay_market(path, speed, loop=settings.markets.loop)
    _list(core, rules, model, now)


def _sentence(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename:
        return f"{Path(error.filename).name} cannot be read: {error.strerror}."
    return str(error)
