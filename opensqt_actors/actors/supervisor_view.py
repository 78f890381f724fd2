"""What the SupervisorActor shows: rows as they come in, totals that outlive restarts and removals, the status view."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any

from msgspec.structs import replace

from opensqt_actors.actors.views import AccountRow, RiskRow, ShardRow, StatusView, SymbolRow
from opensqt_actors.domain.settings import SymbolSpec, SymbolState

Key = tuple[str, str]
_ZERO = Decimal(0)
_STOPS = frozenset({"open", "triggered", "exited"})


class Screen:
    """The newest row of every symbol and account. unable: why a symbol stands still, until it trades again."""

    def __init__(self) -> None:
        self.rows: dict[Key, SymbolRow] = {}
        self.accounts: dict[tuple[str, int], AccountRow] = {}
        self.unable: dict[Key, tuple[SymbolState, str]] = {}
        self._placed = self._cancelled = self._fills = self._illegal = 0
        self._realized = self._fees = self._funding = _ZERO
        self._ticks = self._skipped = 0

    def row(self, row: SymbolRow, *, moving: bool = False) -> None:
        """A symbol's newest row. Its counters begin anew with each life of its actor. moving: to another shard."""
        key = (row.account, row.symbol)
        old = self.rows.get(key)
        if old is not None and old.restarts != row.restarts:
            self._count(old)
        self.rows[key] = row
        if row.state is not SymbolState.REFUSED and not moving:
            self.unable.pop(key, None)

    def account(self, row: AccountRow) -> None:
        """An account's newest line in one shard."""
        self.accounts[row.account, row.shard] = row

    def down(self, shard: int, keys: Iterable[Key], state: SymbolState, sentence: str) -> None:
        """A shard's process has ended: its next one counts from nothing, and until then its symbols stand still."""
        for key in keys:
            self.ended(key)
            self.unable[key] = (state, sentence)
        for place in [place for place in self.accounts if place[1] == shard]:
            row = self.accounts.pop(place)
            self._ticks += row.ticks
            self._skipped += row.ticks_skipped

    def ended(self, key: Key) -> None:
        """A symbol's actor has ended where it was, and begins anew elsewhere: what it held is still held."""
        row = self.rows.get(key)
        if row is not None:
            self._count(row)
            self.rows[key] = replace(
                row, orders_placed=0, orders_cancelled=0, fills=0, illegal_transitions=0, state=SymbolState.STARTING
            )

    def left(self, key: Key) -> None:
        """A symbol is gone; what it did in this run still counts."""
        self.unable.pop(key, None)
        row = self.rows.pop(key, None)
        if row is not None:
            self._count(row)
            self._realized += row.grid_pnl
            self._fees += row.fees
            self._funding += row.funding

    def _count(self, row: SymbolRow) -> None:
        self._placed += row.orders_placed
        self._cancelled += row.orders_cancelled
        self._fills += row.fills
        self._illegal += row.illegal_transitions

    def shown(self, spec: SymbolSpec) -> SymbolRow:
        """A symbol's line, also before its actor has said anything."""
        key = (spec.account, spec.symbol)
        row = self.rows.get(key) or SymbolRow(
            spec.account, spec.symbol, spec.grid.mode.value, SymbolState.STARTING, 0, 0, 0, _ZERO, _ZERO, _ZERO, _ZERO,
            _ZERO, 0, 0, 0, 0, 0, 0, None, None, 0, "starting",
        )  # fmt: skip
        state = self.unable.get(key)
        return replace(row, state=state[0], why=state[1]) if state is not None else row

    def view(
        self,
        specs: Iterable[SymbolSpec],
        *,
        version: str,
        instance: str,
        started: int,
        state: str,
        restarts: int,
        shards: tuple[ShardRow, ...],
        risk: Iterable[RiskRow] = (),
    ) -> StatusView:
        """Everything at a glance."""
        rows = tuple(self.shown(spec) for spec in specs)
        accounts = merged(self.accounts.values())
        risk = tuple(risk)
        reasons = [rule.sentence for rule in risk if rule.scope != "symbol" and rule.state in _STOPS]
        return StatusView(
            version=version,
            instance=instance,
            started=started,
            state=state,
            shards=len(shards),
            ticks=sum(row.ticks for row in accounts) + self._ticks,
            ticks_skipped=sum(row.ticks_skipped for row in accounts) + self._skipped,
            orders_placed=sum(row.orders_placed for row in rows) + self._placed,
            orders_cancelled=sum(row.orders_cancelled for row in rows) + self._cancelled,
            fills=sum(row.fills for row in rows) + self._fills,
            realized_pnl=sum((row.grid_pnl for row in rows), self._realized),
            unrealized_pnl=sum((row.unrealized_pnl for row in rows), _ZERO),
            fees=sum((row.fees for row in rows), self._fees),
            funding=sum((row.funding for row in rows), self._funding),
            restarts=restarts,
            illegal_transitions=sum(row.illegal_transitions for row in rows) + self._illegal,
            risk_triggered=bool(reasons),
            risk_reason="; ".join(reasons),
            breaker=next((rule.state for rule in risk if rule.scope == "global"), "closed"),
            accounts=accounts,
            symbols=rows,
            shard_rows=shards,
        )


def merged(rows: Iterable[AccountRow]) -> tuple[AccountRow, ...]:
    """One line for each account: a stream is up where every shard has it, requests and orders are added up."""
    found: dict[str, AccountRow] = {}
    for row in rows:
        known = found.get(row.account)
        if known is None:
            found[row.account] = row
            continue
        found[row.account] = AccountRow(
            account=row.account,
            orders_stream=known.orders_stream and row.orders_stream,
            prices_stream=known.prices_stream and row.prices_stream,
            live_orders=known.live_orders + row.live_orders,
            waiting=known.waiting + row.waiting,
            paused_until=max(known.paused_until, row.paused_until),
            ticks=known.ticks + row.ticks,
            ticks_skipped=known.ticks_skipped + row.ticks_skipped,
            thousandths=known.thousandths + row.thousandths,
        )
    return tuple(found.values())


def counters(view: StatusView) -> dict[str, Any]:
    """The run's totals as JSON-able data."""
    return {
        "symbols": len(view.symbols),
        "shards": view.shards,
        "ticks": view.ticks,
        "ticks_skipped": view.ticks_skipped,
        "orders_placed": view.orders_placed,
        "orders_cancelled": view.orders_cancelled,
        "fills": view.fills,
        "realized_pnl": str(view.realized_pnl),
        "unrealized_pnl": str(view.unrealized_pnl),
        "fees": str(view.fees),
        "funding": str(view.funding),
        "restarts": view.restarts,
        "illegal_transitions": view.illegal_transitions,
        "open_orders": sum(row.open_orders for row in view.symbols),
    }
