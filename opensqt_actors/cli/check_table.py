"""What `opensqt check` shows of a good configuration."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from opensqt_actors.cli.render import plain

if TYPE_CHECKING:
    from opensqt_actors.config.settings import Settings
    from opensqt_actors.domain.settings import SymbolSpec


def specs_table(specs: tuple[SymbolSpec, ...], settings: Settings) -> Group:
    """The accounts and the symbols with what their grids would be."""
    head = Text("the configuration is good\n", "green")
    for name, account in settings.accounts.items():
        where = f"simulated on port {account.simulated.port}" if account.simulated else "the real venue"
        head.append(
            f"account {name}: {account.venue.value}, {where}, {account.budget.orders_per_second} orders/s\n", ""
        )
    head.append(f"state in {settings.state_dir}, socket {settings.socket}", "")
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("account", "symbol", "mode"):
        table.add_column(name, no_wrap=True)
    for name in ("amount", "interval", "buys", "sells", "max. position", "max. orders"):
        table.add_column(name, justify="right", no_wrap=True)
    for spec in specs:
        grid = spec.grid
        table.add_row(
            spec.account,
            spec.symbol,
            grid.mode.value,
            plain(grid.amount),
            f"{plain(grid.interval_percent)} %" if grid.interval_percent is not None else plain(grid.interval),
            str(grid.buy_window),
            str(grid.sell_window),
            plain(grid.position_limit),
            str(grid.max_open_orders),
        )
    return Group(head, "", table)
