"""`opensqt check`: what a configuration would do, before anything of it trades."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opensqt_actors.cli.failure import Exit, Failure
from opensqt_actors.cli.options import Json, as_json, given

if TYPE_CHECKING:
    from opensqt_actors.app.market_rules import AtHand, Known
    from opensqt_actors.backtest.prospect import Prospect
    from opensqt_actors.config.settings import Settings
    from opensqt_actors.domain.settings import SymbolSpec

PATIENCE = 15.0  # seconds for all questions to the venues


def check(
    context: typer.Context,
    config: Annotated[Path, typer.Argument(metavar="CONFIG", help="The configuration file.")],
    symbol: Annotated[list[str] | None, typer.Option(help="Only these markets.")] = None,
    brief: Annotated[bool, typer.Option("--brief", help="One line a symbol, without the ladders.")] = False,
    offline: Annotated[bool, typer.Option("--offline", help="Ask no venue; use what is at hand.")] = False,
    rules: Annotated[
        Path | None, typer.Option(metavar="FILE", help="A saved answer to exchangeInfo, for a venue that is away.")
    ] = None,
    price: Annotated[
        list[str] | None, typer.Option(metavar="SYMBOL=PRICE", help="A price, for a venue that is away.")
    ] = None,
    json: Json = False,
) -> None:
    """Check a configuration, without starting anything, and show the ladders that it would make.

    The venues are asked for rules, fees, leverage, balance and price; nothing is opened or changed there.
    """
    from opensqt_actors.app.market_rules import AtHand, read_rules
    from opensqt_actors.config.errors import ConfigError
    from opensqt_actors.config.loading import load

    try:
        settings = load(config)
        at_hand = AtHand({} if rules is None else read_rules(rules), _prices(price or ()))
        specs = _wanted(settings.specs(), symbol)
        known = _look_up(settings, specs, at_hand, patience=given(context).timeout or PATIENCE, offline=offline)
    except ConfigError as error:
        raise Failure(Exit.CONFIGURATION, error.code, error.sentence) from None
    found = _prospects(settings, specs, known)
    if as_json(context, json):
        from opensqt_actors.cli import check_json, json_output

        print(json_output.dump(check_json.document(settings, specs, known, found)))
        return
    from opensqt_actors.cli.check_table import checked
    from opensqt_actors.cli.render import show

    show(checked(settings, specs, known, {} if brief else found))


def _look_up(
    settings: Settings, specs: tuple[SymbolSpec, ...], at_hand: AtHand, *, patience: float, offline: bool
) -> Known:
    import asyncio

    from loguru import logger

    from opensqt_actors.app.market_rules import look_up

    logger.disable("opensqt_actors")  # what matters is in the answer
    try:
        return asyncio.run(look_up(settings, specs, at_hand, patience=patience, offline=offline))
    finally:
        logger.enable("opensqt_actors")


def _prices(words: list[str] | tuple[()]) -> dict[str, Decimal]:
    """SYMBOL=PRICE, as often as it is given."""
    prices: dict[str, Decimal] = {}
    for word in words:
        symbol, _, text = word.partition("=")
        try:
            prices[symbol] = Decimal(text)
        except InvalidOperation:
            prices[symbol] = Decimal("NaN")
        if not (symbol and prices[symbol].is_finite() and prices[symbol] > 0):
            raise Failure(Exit.ERROR, "invalid", f"--price must be SYMBOL=PRICE, like BTCUSDT=96000, not {word[:40]!r}")
    return prices


def _wanted(specs: tuple[SymbolSpec, ...], symbols: list[str] | None) -> tuple[SymbolSpec, ...]:
    missing = [name for name in symbols or () if all(spec.symbol != name for spec in specs)]
    if missing:
        raise Failure(Exit.NOT_FOUND, "not_found", f"--symbol: {missing[0][:40]!r} is not among the configured symbols")
    return tuple(spec for spec in specs if not symbols or spec.symbol in symbols)


def _prospects(settings: Settings, specs: tuple[SymbolSpec, ...], known: Known) -> dict[tuple[str, str], Prospect]:
    """What each grid would do. A Failure with one sentence for each symbol that cannot work."""
    from opensqt_actors.app.strategies import BUILT_IN, installed
    from opensqt_actors.backtest.prospect import prospect
    from opensqt_actors.config.errors import ConfigError
    from opensqt_actors.domain.errors import InvalidValue
    from opensqt_actors.domain.preflight import Preflight

    preflight = Preflight(settings.risk.preflight.settings())
    places = {(settings.account_of(entry), entry.symbol): index for index, entry in enumerate(settings.symbols)}
    found: dict[tuple[str, str], Prospect] = {}
    problems: list[str] = []
    strategies = installed()
    for spec in specs:
        here = (spec.account, spec.symbol)
        sentence = known.refused.get(here)
        facts = known.facts.get(here) if spec.strategy in BUILT_IN else None  # only our own can be asked for a ladder
        if spec.strategy not in strategies:
            sentence = f"strategy: {spec.strategy[:40]!r} is not installed; there are {', '.join(sorted(strategies))}"
        if facts is not None:
            try:
                found[here] = made = prospect(spec.symbol, spec.grid, facts, preflight)
            except InvalidValue as error:
                sentence = error.sentence
            else:
                sentence = next((f"{problem.field}: {problem.sentence}" for problem in made.problems), None)
        if sentence is not None:
            problems.append(f"symbols[{places[here]}] ({spec.symbol}): {sentence}")
    if problems:
        refusal = ConfigError(*problems)
        raise Failure(Exit.CONFIGURATION, refusal.code, refusal.sentence)
    return found
