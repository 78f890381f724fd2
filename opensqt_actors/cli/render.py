"""What people see on a terminal: the live table, the levels of a grid, events. Only formatting."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from typing import TYPE_CHECKING, Literal

from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from opensqt_actors.cli.json_output import account_money, net

if TYPE_CHECKING:
    from opensqt_actors.actors.views import LevelView, StatusView, SymbolRow, SymbolView

NANOSECONDS = 1_000_000_000
STALE = 10.0  # seconds
CENT = Decimal("0.01")
WIDE = 240  # columns where nobody's screen sets a limit

STATE_STYLES = {
    "trading": "green",
    "running": "green",
    "starting": "cyan",
    "ending": "yellow",
    "drained": "yellow",
    "paused": "yellow",
    "removing": "yellow",
    "refused": "red",
    "quarantined": "bold red",
    "removed": "dim",
}


def show(what: RenderableType) -> None:
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


# (header, short header, justify) of the live table; "why" takes the room that is left
_COLUMNS: tuple[tuple[str, str, Literal["left", "right"]], ...] = (
    ("account", "account", "left"),
    ("symbol", "symbol", "left"),
    ("mode", "mode", "left"),
    ("state", "state", "left"),
    ("slots", "slots", "right"),
    ("orders", "ord.", "right"),
    ("position", "position", "right"),
    ("grid P&L", "grid", "right"),
    ("unrealised", "open", "right"),
    ("fills", "fills", "right"),
    ("last tick", "tick", "right"),
)
_LEAST_WHY = 12
# (short headers, gap between columns, columns left out), the widest first
_LAYOUTS: tuple[tuple[bool, int, frozenset[str]], ...] = (
    (False, 2, frozenset()),
    (True, 1, frozenset()),
    (True, 1, frozenset({"fills"})),
    (True, 1, frozenset({"fills", "mode"})),
    (True, 1, frozenset({"fills", "mode", "position"})),
)


class SymbolsTable:
    """The live table. On a narrow screen headers get shorter and the least needed columns go, never half a number."""

    def __init__(self, rows: tuple[SymbolRow, ...], now: int, *, accounts: bool = False) -> None:
        self._rows = [_cells(row, now) for row in rows]
        self._why = [row.why for row in rows]
        self._accounts = accounts

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        """The widest layout that fits."""
        short, gap, columns, left = self._layout(options.max_width)
        told = left >= len("why")
        table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, gap, 0, 0))
        for index in columns:
            width = self._width(index, short=short)
            table.add_column(_COLUMNS[index][short], justify=_COLUMNS[index][2], no_wrap=True, min_width=width)
        if told:
            table.add_column("why", overflow="ellipsis", no_wrap=True, max_width=left)
        for cells, why in zip(self._rows, self._why, strict=True):
            table.add_row(*(cells[index] for index in columns), *([why] if told else []))
        yield table

    def _layout(self, width: int) -> tuple[bool, int, list[int], int]:
        """(short headers, gap, columns, room for "why") of the first layout that fits, else of the narrowest."""
        least = _LEAST_WHY if any(self._why) else 0
        layouts = iter(_LAYOUTS)
        while True:
            short, gap, dropped = next(layouts)
            gone = dropped if self._accounts else dropped | {"account"}
            columns = [index for index, names in enumerate(_COLUMNS) if names[0] not in gone]
            left = width - sum(self._width(index, short=short) + gap for index in columns)
            if left >= least or (short, gap, dropped) == _LAYOUTS[-1]:
                return short, gap, columns, left

    def _width(self, index: int, *, short: bool) -> int:
        return max(len(_COLUMNS[index][short]), *(cells[index].cell_len for cells in self._rows), 0)


def _cells(row: SymbolRow, now: int) -> list[Text]:
    state = row.state.value
    return [
        Text(row.account),
        Text(row.symbol),
        Text(row.mode),
        Text(state, STATE_STYLES.get(state, "")),
        Text(f"{row.slots_filled}/{row.slots_total}"),
        Text(str(row.open_orders)),
        Text(plain(row.position)),
        money(net(row)),
        money(row.unrealized_pnl),
        Text(str(row.fills)),
        age(row.last_tick, now),
    ]


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
    line.append("  fees ")
    line.append_text(money(-view.fees))
    line.append("  funding ")
    line.append_text(money(view.funding))
    skipped = f"{100 * view.ticks_skipped / view.ticks:.0f} %" if view.ticks else "-"
    line.append(f"  ticks {view.ticks:,} ({skipped} skipped)")
    if view.restarts:
        line.append(f"  restarts {view.restarts}", "yellow")
    if view.illegal_transitions:
        line.append(f"  illegal transitions {view.illegal_transitions}", "red")
    if view.risk_triggered:
        line.append(f"\nrisk: {view.risk_reason}", "bold red")
    for account in view.accounts:
        if len(view.accounts) > 1:
            line.append(f"\n{account.account}:")
            sums = account_money(view, account.account)
            for name, amount in (
                ("grid P&L", sums["realized_pnl"] - sums["fees"] + sums["funding"]),
                ("unrealised", sums["unrealized_pnl"]),
                ("fees", -sums["fees"]),
                ("funding", sums["funding"]),
            ):
                line.append(f"  {name} ").append_text(money(amount))
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
    parts: list[RenderableType] = [summary(view, now), ""]
    if len(view.shard_rows) > 1 or any(row.why for row in view.shard_rows):
        parts += [shards_table(view), ""]
    return Group(*parts, SymbolsTable(view.symbols, now, accounts=several))


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
    head.append("\nrealised ").append_text(money(row.grid_pnl)).append("  fees ").append_text(money(-row.fees))
    head.append("  funding ").append_text(money(row.funding)).append("  unrealised ")
    head.append_text(money(row.unrealized_pnl)).append(f"  round trips {row.round_trips:,}")
    for code, sentence in view.gates:
        head.append(f"\nno openings ({code}): {sentence}", "yellow")
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("level", "price"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("slot")
    table.add_column("holds", justify="right", no_wrap=True)
    for name in ("cost", "unrealised", "exit at", "grid P&L"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("order", no_wrap=True)
    table.add_column("why there is none")
    market = row.bid
    for level in view.levels:
        if market is not None and level.price <= market:
            table.add_row("", Text(plain(market), "bold"), Text("- best bid -", "dim"))
            market = None
        table.add_row(
            str(level.level),
            plain(level.price),
            level.status,
            plain(level.position) if level.position else "",
            money(level.cost) if level.position else "",
            money(level.unrealized_pnl) if level.position else "",
            plain(level.exit_price) if level.exit_price is not None else "",
            money(level.realized_pnl - level.fees) if level.realized_pnl or level.fees else "",
            _order(level),
            level.reason if level.reason or not level.reason_code else level.reason_code,
        )
    parts: list[Text | Table | str] = [head, "", table]
    if not view.levels:
        parts.append(Text("no level is known yet: the first price has not come in", "dim"))
    if view.history:
        parts += ["", Text("\n".join(view.history), "dim")]
    return Group(*parts)


def shards_table(view: StatusView) -> Table:
    """The shards, one line each."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for header, justify in _SHARD_COLUMNS:
        table.add_column(header, justify=justify, no_wrap=header != "why")
    for row in view.shard_rows:
        memory = f"{row.resident / (1 << 20):.0f} MB" if row.resident else "-"
        state = Text(row.state, STATE_STYLES.get(row.state, ""))
        table.add_row(row.shard, state, str(row.pid or "-"), str(row.symbols), str(row.restarts), memory, Text(row.why))
    return table


_SHARD_COLUMNS: tuple[tuple[str, Literal["left", "right"]], ...] = (
    ("shard", "left"),
    ("state", "left"),
    ("process", "right"),
    ("symbols", "right"),
    ("restarts", "right"),
    ("memory", "right"),
    ("why", "left"),
)
