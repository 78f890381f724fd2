"""What people see on a terminal: the live table, the levels of a grid, events. Only formatting."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING

from rich.console import Console, Group
from rich.table import Table
from rich.text import Text

from opensqt_actors.cli.json_output import net

if TYPE_CHECKING:
    from opensqt_actors.actors.views import LevelView, StatusView, SymbolRow, SymbolView

NANOSECONDS = 1_000_000_000
STALE = 10.0  # seconds
CENT = Decimal("0.01")
WIDE = 240  # columns where nobody's screen sets a limit

STATE_STYLES = {
    "trading": "green",
    "starting": "cyan",
    "paused": "yellow",
    "removing": "yellow",
    "refused": "red",
    "quarantined": "bold red",
    "removed": "dim",
}


def show(what: Group | Table) -> None:
    """Print it; not cut to eighty columns when the output goes into a file or a pipe."""
    console = Console()
    if not console.is_terminal:
        console = Console(width=WIDE)
    console.print(what)


def plain(value: Decimal | None) -> str:
    """A decimal without trailing zeros."""
    if value is None:
        return "-"
    return format(value.normalize(), "f") if value else "0"


def money(value: Decimal) -> Text:
    """An amount in quote currency, to the cent, red below and green above zero."""
    rounded = value.quantize(CENT, ROUND_HALF_EVEN)
    style = "green" if rounded > 0 else "red" if rounded < 0 else ""
    return Text(f"{rounded + 0:,}", style)


def age(at: int, now: int) -> Text:
    """Seconds since a time in ns; red when a price is that old."""
    if not at:
        return Text("-", "dim")
    seconds = max(now - at, 0) / NANOSECONDS
    shown = f"{seconds:.1f} s" if seconds < 100 else f"{seconds / 60:.0f} min"
    return Text(shown, "red" if seconds > STALE else "")


def symbols_table(rows: tuple[SymbolRow, ...], now: int, *, accounts: bool = False) -> Table:
    """The live table. accounts: with a column for them."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    if accounts:
        table.add_column("account")
    table.add_column("symbol", no_wrap=True)
    table.add_column("mode")
    table.add_column("state", no_wrap=True)
    for name in ("slots", "orders", "position", "grid P&L", "unrealised", "fills", "last tick"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("why", overflow="ellipsis", no_wrap=True)
    for row in rows:
        state = row.state.value
        cells: list[str | Text] = [
            row.symbol,
            row.mode,
            Text(state, STATE_STYLES.get(state, "")),
            f"{row.slots_filled}/{row.slots_total}",
            str(row.open_orders),
            plain(row.position),
            money(net(row)),
            money(row.unrealized_pnl),
            str(row.fills),
            age(row.last_tick, now),
            row.why,
        ]
        table.add_row(*([row.account, *cells] if accounts else cells))
    return table


def summary(view: StatusView, now: int) -> Text:
    """The lines above the table."""
    trading = sum(1 for row in view.symbols if row.state.value == "trading")
    line = Text()
    line.append(f"{view.state}", "green" if view.state == "running" else "yellow")
    line.append(f"  {uptime(view.started, now)}  {trading} of {len(view.symbols)} symbols trade")
    line.append(f"  orders {view.orders_placed:,}  cancels {view.orders_cancelled:,}  fills {view.fills:,}  grid P&L ")
    line.append_text(money(view.realized_pnl - view.fees + view.funding))
    line.append("  unrealised ")
    line.append_text(money(view.unrealized_pnl))
    skipped = f"{100 * view.ticks_skipped / view.ticks:.0f} %" if view.ticks else "-"
    line.append(f"  ticks {view.ticks:,} ({skipped} skipped)")
    if view.restarts:
        line.append(f"  restarts {view.restarts}", "yellow")
    if view.illegal_transitions:
        line.append(f"  illegal transitions {view.illegal_transitions}", "red")
    if view.risk_triggered:
        line.append(f"\nrisk: {view.risk_reason}", "bold red")
    for account in view.accounts:
        down = [name for name, up in (("order", account.orders_stream), ("price", account.prices_stream)) if not up]
        if down:
            line.append(f"\n{account.account}: {' and '.join(down)} stream down", "bold red")
        if account.paused_until > now:
            left = (account.paused_until - now) / NANOSECONDS
            line.append(f"\n{account.account}: the venue asked for silence, {left:.0f} s left", "bold yellow")
    return line


def uptime(started: int, now: int) -> str:
    """`up 1:02:03`"""
    if not started:
        return "up -"
    minutes, seconds = divmod(max(now - started, 0) // NANOSECONDS, 60)
    hours, minutes = divmod(minutes, 60)
    return f"up {hours}:{minutes:02}:{seconds:02}"


def status(view: StatusView, now: int) -> Group:
    """Everything that `opensqt status` shows."""
    several = len({row.account for row in view.symbols} | {row.account for row in view.accounts}) > 1
    return Group(summary(view, now), "", symbols_table(view.symbols, now, accounts=several))


def _order(level: LevelView) -> Text:
    if not level.order_id:
        return Text("")
    style = "green" if level.order_side == "buy" else "red"
    text = Text(f"{level.order_side} {plain(level.order_quantity)} at {plain(level.order_price)}", style)
    if level.order_filled:
        text.append(f", {plain(level.order_filled)} filled", "yellow")
    return text


def explain(view: SymbolView, now: int) -> Group:
    """Every level with its order, or the reason why it has none."""
    row, grid = view.row, view.settings
    spacing = f"{plain(grid.interval_percent)} %" if grid.interval_percent is not None else plain(grid.interval)
    head = Text()
    head.append(f"{row.symbol}", "bold")
    head.append(f" on {row.account}: {row.mode} grid, {plain(grid.amount)} a level every {spacing}, ")
    head.append(row.state.value, STATE_STYLES.get(row.state.value, ""))
    if row.why:
        head.append(f": {row.why}")
    head.append(f"\nbid {plain(row.bid)}  ask {plain(row.ask)}  last tick ")
    head.append_text(age(row.last_tick, now))
    head.append(f"  centre {plain(view.centre)}  interval {plain(view.interval)}")
    head.append(f"  quiet from {plain(view.band_low)} to {plain(view.band_high)}")
    for code, sentence in view.gates:
        head.append(f"\nno openings ({code}): {sentence}", "yellow")
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("level", "price"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("slot")
    table.add_column("holds", justify="right", no_wrap=True)
    table.add_column("exit at", justify="right", no_wrap=True)
    table.add_column("order", no_wrap=True)
    table.add_column("why there is none")
    market = row.bid
    for level in view.levels:
        if market is not None and level.price <= market:
            table.add_row("", Text(plain(market), "bold"), Text("- best bid -", "dim"), "", "", "", "")
            market = None
        table.add_row(
            str(level.level),
            plain(level.price),
            level.status,
            plain(level.position) if level.position else "",
            plain(level.exit_price) if level.exit_price is not None else "",
            _order(level),
            level.reason if level.reason or not level.reason_code else level.reason_code,
        )
    parts: list[Text | Table | str] = [head, "", table]
    if not view.levels:
        parts.append(Text("no level is known yet: the first price has not come in", "dim"))
    if view.history:
        parts += ["", Text("\n".join(view.history), "dim")]
    return Group(*parts)
