"""What `opensqt check` shows of a good configuration: a ladder for each symbol, then one line each. Only formatting."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from opensqt_actors.cli.render import plain

if TYPE_CHECKING:
    from opensqt_actors.app.market_rules import Known
    from opensqt_actors.backtest.prospect import Inventory, Prospect
    from opensqt_actors.config.settings import Settings
    from opensqt_actors.domain.settings import GridSettings, SymbolSpec

DIGITS = 4
"""Significant digits of small amounts of money."""


def checked(
    settings: Settings, specs: tuple[SymbolSpec, ...], known: Known, found: dict[tuple[str, str], Prospect]
) -> Group:
    """The accounts, the ladders that are known, and a line for each symbol."""
    head = Text("the configuration is good\n", "green")
    for name, account in settings.accounts.items():
        where = f"simulated on port {account.simulated.port}" if account.simulated else "the real venue"
        head.append(
            f"account {name}: {account.venue.value}, {where}, {account.budget.orders_per_second} orders/s\n", ""
        )
        if name in known.away:
            blank = sum(1 for spec in specs if spec.account == name and (name, spec.symbol) not in known.facts)
            head.append(f"account {name}: the venue did not tell its rules: {known.away[name]}\n", "yellow")
            if blank:
                head.append(f"account {name}: no ladder for {blank} of its symbols; ", "yellow")
                head.append("give --rules FILE and --price SYMBOL=PRICE\n", "yellow")
    head.append(f"state in {settings.state_dir}, socket {settings.socket}", "")
    parts: list[RenderableType] = [head, ""]
    for spec in specs:
        made = found.get((spec.account, spec.symbol))
        if made is not None:
            parts += [ladder(spec, made), ""]
    for name in settings.accounts:
        together = [made for (account, _), made in found.items() if account == name]
        if len(together) > 1:
            parts += [_margins(name, together), ""]
    return Group(*parts, _summary(specs))


def _margins(account: str, together: list[Prospect]) -> Text:
    """What the grids of one account need at once, which no check of a single one sees."""
    needed = sum((made.margin for made in together), Decimal(0))
    line = f"account {account}: {len(together)} grids need a margin of {_money(needed)} together"
    state = together[0].facts.account
    if state is None:
        return Text(line)
    return Text(f"{line}; {_money(state.available)} are free", "yellow" if needed > state.available else "")


def _summary(specs: tuple[SymbolSpec, ...]) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("account", "symbol", "mode"):
        table.add_column(name, no_wrap=True)
    for name in ("amount", "interval", "buys", "sells", "most held", "orders"):
        table.add_column(name, justify="right", no_wrap=True)
    for spec in specs:
        grid = spec.grid
        table.add_row(
            spec.account,
            spec.symbol,
            grid.mode.value,
            plain(grid.amount),
            _interval(grid),
            str(grid.buy_window),
            str(grid.sell_window),
            plain(grid.position_limit),
            str(grid.max_open_orders),
        )
    return table


def _interval(grid: GridSettings) -> str:
    return f"{plain(grid.interval_percent)} %" if grid.interval_percent is not None else plain(grid.interval)


def ladder(spec: SymbolSpec, made: Prospect) -> Group:
    """One symbol: its market, its levels, what a round trip costs and leaves, the worst case, the margin."""
    facts = made.facts
    instrument = facts.instrument
    head = Text(spec.symbol, "bold")
    head.append(
        f" on {spec.account}: {spec.grid.mode.value} grid, {plain(spec.grid.amount)} {instrument.quote} a level every "
        f"{_interval(spec.grid)}, here {plain(made.interval)}\n",
        "",
    )
    head.append(
        f"price {instrument.price(facts.price):f}  centre {made.centre:f}  tick {plain(instrument.tick)}  "
        f"step {plain(instrument.step)}  least order {plain(instrument.min_notional)}\n",
        "",
    )
    head.append(f"rules: {facts.source}", "")
    if facts.assumed:
        head.append(f"; assumed: {', '.join(facts.assumed)}", "yellow")
    tail = Text()
    tail.append(_round_trips(made))
    for inventory in made.worst:
        tail.append("\n" + _worst(inventory, made))
    tail.append(f"\nmargin: {_money(made.margin)} {instrument.quote} at leverage {made.leverage}")
    if facts.leverage is None:
        tail.append(", the highest that pre-flight allows")
    if facts.account is not None:
        tail.append(f"; {_money(facts.account.available)} are free")
    return Group(head, _levels(made), tail)


def _levels(made: Prospect) -> Group:
    """The levels; reasons are numbered and told below, so that no row needs a second line."""
    if not made.levels:
        return Group(Text("no level: min_price and max_price forbid all of the window", "yellow"))
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    table.add_column("side", no_wrap=True)
    for name in ("price", "quantity", "notional", "exit at", "fees", "profit"):
        table.add_column(name, justify="right", no_wrap=True)
    reasons = list(dict.fromkeys(level.reason for level in made.levels if level.reason))
    if reasons:
        table.add_column("no order", no_wrap=True)
    for level in made.levels:
        table.add_row(
            Text(level.side, "green" if level.side == "buy" else "red"),
            f"{level.price:f}",
            f"{level.quantity:f}",
            _money(level.notional),
            f"{level.exit_price:f}",
            _money(level.fees),
            _money(level.profit),
            *([f"({reasons.index(level.reason) + 1})" if level.reason else ""] if reasons else []),
            style="dim" if level.reason else "",
        )
    notes = [Text(f"({number}) {reason}", "yellow") for number, reason in enumerate(reasons, 1)]
    return Group(table, *notes)


def _round_trips(made: Prospect) -> str:
    fee = plain(200 * made.facts.fees.maker)
    if not made.levels:
        return f"round trip: {fee} % in fees"
    fees, profits = [level.fees for level in made.levels], [level.profit for level in made.levels]
    return (
        f"round trip: {fee} % in fees, {_between(fees)} {made.facts.instrument.quote}; "
        f"it leaves {_between(profits)}"
    )  # fmt: skip


def _between(values: list[Decimal]) -> str:
    low, high = _money(min(values)), _money(max(values))
    return low if low == high else f"{low} to {high}"


def _worst(inventory: Inventory, made: Prospect) -> str:
    instrument = made.facts.instrument
    if inventory.last_price is None:
        return f"worst case {inventory.side}: nothing opens on this side"
    move = 100 * (inventory.last_price / instrument.price(made.facts.price) - 1)
    return (
        f"worst case {inventory.side}: {inventory.levels} levels, {inventory.quantity:f} {instrument.base} for "
        f"{_money(inventory.cost)} {instrument.quote} when the price goes straight to {inventory.last_price:f} "
        f"({move:+.1f} %), then {_money(inventory.loss)} under water"
    )  # fmt: skip


def _money(value: Decimal) -> str:
    """Money to the cent, small amounts to four digits that count."""
    if value and abs(value) < 1:
        return plain(value.quantize(Decimal(1).scaleb(value.adjusted() - DIGITS + 1), ROUND_HALF_EVEN))
    return f"{value.quantize(Decimal('0.01'), ROUND_HALF_EVEN):,}"
