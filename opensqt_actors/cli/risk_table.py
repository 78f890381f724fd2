"""What `opensqt risk status` shows to people. Only formatting."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.table import Table
from rich.text import Text

from opensqt_actors.cli.render import NANOSECONDS, money

if TYPE_CHECKING:
    from opensqt_actors.actors.views import RiskRow, RiskView

_NAMES = {
    "monitor": "volume-spike monitor",
    "global": "global breaker",
    "symbol": "breaker",
    "emergency": "emergency exit",
}
_STYLES = {"closed": "green", "calm": "green", "half_open": "yellow"}


def risk_table(view: RiskView, now: int) -> Group:
    """Rules first, then exposure; a breaker that has never moved is not listed."""
    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for name in ("rule", "of", "state", "for", "until", "why"):
        table.add_column(name, no_wrap=name != "why")
    for row in view.rules:
        table.add_row(
            _NAMES[row.scope], f"{row.account} {row.symbol}".strip() or "all",
            Text(row.state.replace("_", "-"), _STYLES.get(row.state, "bold red")),
            _seconds(now - row.since) if row.since else "-", _until(row, now), row.sentence,
        )  # fmt: skip
    parts: list[Table | str] = [table]
    if view.exposure:
        used = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
        used.add_column("account")
        for name in ("used", "share of the total limit", "equity"):
            used.add_column(name, justify="right")
        for account in view.exposure:
            used.add_row(
                account.account, money(account.used), "-" if account.share is None else money(account.share),
                "-" if account.equity is None else money(account.equity),
            )  # fmt: skip
        parts += ["", used]
    return Group(*parts)


def _until(row: RiskRow, now: int) -> str:
    if row.state not in ("open", "exited"):
        return "-"
    return f"{_seconds(row.until - now)} more" if row.until else "reset by hand"


def _seconds(ns: int) -> str:
    seconds = max(ns, 0) / NANOSECONDS
    return f"{seconds:.0f} s" if seconds < 600 else f"{seconds / 60:.0f} min"
