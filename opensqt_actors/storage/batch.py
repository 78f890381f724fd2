"""Entries of one transaction as rows, and the statements that write them. Writing a batch twice changes nothing more.

Rows are grouped by table so that each statement runs once for many rows; of entries that replace each other (slots,
totals, lattices, memories) only the last is written. The order in which entries of one row came is kept.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any, assert_never

import sqlalchemy as sa
from sqlalchemy.engine import Connection

from opensqt_actors.domain.orders import OrderStatus
from opensqt_actors.domain.records import (
    Entry,
    EventSaved,
    FillSaved,
    FundingSaved,
    Intent,
    LatticeSaved,
    MemorySaved,
    OrderSaved,
    RiskSaved,
    SlotDropped,
    SlotSaved,
    TotalsSaved,
)
from opensqt_actors.storage import tables
from opensqt_actors.storage.dialect import insert_of
from opensqt_actors.storage.errors import BadEntry
from opensqt_actors.storage.merge import STAGES, merge_statement
from opensqt_actors.storage.tables import INT64_MAX

Row = dict[str, Any]
Market = tuple[str, str]
MOST_NUMBERS = 64
"""Of what a strategy keeps over a restart."""


class Batch:
    """Rows to write in one transaction. `add` raises BadEntry for an entry that no database could take."""

    def __init__(self) -> None:
        self.size = 0
        self._new_intents: list[Row] = []
        self._intents: list[Row] = []
        self._updates: list[Row] = []
        self._fills: list[Row] = []
        self._slots: dict[tuple[str, str, int], Row] = {}
        self._dropped: dict[tuple[str, str, int], Row] = {}
        self._floors: dict[Market, int] = {}
        self._totals: dict[Market, Row] = {}
        self._lattices: dict[Market, Row] = {}
        self._memories: dict[Market, Row] = {}
        self._funding: list[Row] = []
        self._events: list[Row] = []
        self._risk: dict[tuple[str, str, str], Row] = {}

    def add_new(self, intents: Iterable[Intent]) -> None:
        """Intents whose client ids must not be known yet: a known one makes `write` fail with an IntegrityError."""
        for intent in intents:
            self._new_intents.append(_intent_row(intent))
            self.size += 1

    def add(self, entry: Entry, key: str) -> None:
        """One entry. `key` identifies it among all events of all time, whichever process wrote them."""
        match entry:
            case Intent():
                self._intents.append(_intent_row(entry))
            case OrderSaved():
                self._updates.append(_update_row(entry))
            case FillSaved():
                self._fills.append(_fill_row(entry))
            case SlotSaved():
                self._add_slot(entry)
            case SlotDropped():
                self._drop_slot(entry)
            case TotalsSaved():
                self._totals[entry.account, entry.symbol] = _totals_row(entry)
            case LatticeSaved():
                self._lattices[entry.account, entry.symbol] = _lattice_row(entry)
            case MemorySaved():
                self._memories[entry.account, entry.symbol] = _memory_row(entry)
            case FundingSaved():
                self._funding.append(_funding_row(entry))
            case EventSaved():
                self._events.append(_event_row(entry, key))
            case RiskSaved():
                self._risk[entry.key] = _risk_row(entry)
            case _:
                assert_never(entry)
        self.size += 1

    def write(self, connection: Connection) -> int:
        """Write everything into the connection's transaction; returns how many order updates met no order."""
        run = statements(connection.dialect.name)
        execute = connection.execute
        if self._new_intents:
            execute(run.new_intent, self._new_intents)
        if self._intents:
            execute(run.intent, self._intents)
        strays = 0
        if self._updates:
            strays = len(self._updates) - execute(run.update, self._updates).rowcount
        if self._fills:
            execute(run.fill, self._fills)
        if self._dropped:
            dropped = list(self._dropped.values())
            execute(run.floor_of_slot, dropped)
            execute(run.drop_slot, dropped)
        if self._floors:
            raise_floors(connection, self._floors)
        if self._slots:
            execute(run.slot, list(self._slots.values()))
        if self._totals:
            execute(run.totals, list(self._totals.values()))
        if self._lattices:
            execute(run.lattice, list(self._lattices.values()))
        if self._memories:
            execute(run.memory, list(self._memories.values()))
        if self._funding:
            execute(run.funding, self._funding)
        if self._events:
            execute(run.event, self._events)
        if self._risk:
            execute(run.risk, list(self._risk.values()))
        return strays

    def _add_slot(self, entry: SlotSaved) -> None:
        self._slots[entry.account, entry.symbol, entry.level] = {
            "account": _text("account", entry.account),
            "symbol": _text("symbol", entry.symbol),
            "level": _int64("level", entry.level),
            "position": _int64("position", entry.position),
            "cost": _whole("cost", entry.cost),
            "exit_level": None if entry.exit_level is None else _int64("exit_level", entry.exit_level),
            "generation": _int64("generation", entry.generation),
        }

    def _drop_slot(self, entry: SlotDropped) -> None:
        key = (_text("account", entry.account), _text("symbol", entry.symbol), _int64("level", entry.level))
        unwritten = self._slots.pop(key, None)
        if unwritten is not None:
            market = (entry.account, entry.symbol)
            self._floors[market] = max(self._floors.get(market, 0), unwritten["generation"])
        self._dropped[key] = {"d_account": key[0], "d_symbol": key[1], "d_level": key[2]}


class Statements:
    """The statements of one kind of database, built once so that SQLAlchemy and the driver keep them prepared."""

    def __init__(self, dialect: str) -> None:
        insert: Any = insert_of(dialect)
        slots, totals = tables.slots, tables.totals
        self.new_intent = sa.insert(tables.orders)
        self.intent = insert(tables.orders).on_conflict_do_nothing()
        self.update = merge_statement()
        self.fill = insert(tables.fills).on_conflict_do_nothing()
        self.slot = _upsert(insert(slots), slots, "position", "cost", "exit_level", "generation")
        this_slot = sa.and_(
            slots.c.account == sa.bindparam("d_account", type_=sa.Text),
            slots.c.symbol == sa.bindparam("d_symbol", type_=sa.Text),
            slots.c.level == sa.bindparam("d_level", type_=sa.BigInteger),
        )
        self.drop_slot = sa.delete(slots).where(this_slot)
        self.floor_of_slot = _raise_floor(
            insert(totals).from_select(
                _FLOOR_COLUMNS,
                sa.select(slots.c.account, slots.c.symbol, *_ZEROS, slots.c.generation).where(this_slot),
            )
        )
        self.floor = _raise_floor(insert(totals))
        self.totals = _upsert(insert(totals), totals, "realized", "fees", "funding", "round_trips", "last_trade_id")
        self.lattice = _upsert(insert(tables.lattices), tables.lattices, "anchor", "base", "ratio")
        self.memory = _upsert(insert(tables.memories), tables.memories, "strategy", "numbers")
        self.funding = insert(tables.funding).on_conflict_do_nothing()
        self.risk = _upsert(insert(tables.risk_states), tables.risk_states, "state", "at")
        self.event = insert(tables.events).on_conflict_do_nothing(index_elements=["key"])


@lru_cache
def statements(dialect: str) -> Statements:
    """The statements for "sqlite" or "postgresql"."""
    return Statements(dialect)


def raise_floors(connection: Connection, floors: dict[Market, int]) -> None:
    """Remember, for rows about to go, the highest generation that they carried; a floor never falls."""
    rows = [
        {**_NO_TOTALS, "account": account, "symbol": symbol, "generation_floor": generation}
        for (account, symbol), generation in floors.items()
    ]
    connection.execute(statements(connection.dialect.name).floor, rows)


_NO_TOTALS: Row = {
    "realized": 0,
    "fees": Decimal(0),
    "funding": Decimal(0),
    "round_trips": 0,
    "last_trade_id": 0,
}
_FLOOR_COLUMNS = ["account", "symbol", *_NO_TOTALS, "generation_floor"]
_ZEROS = tuple(sa.literal(value, tables.totals.c[name].type) for name, value in _NO_TOTALS.items())


def _upsert(insert: Any, table: sa.Table, *columns: str) -> Any:
    return insert.on_conflict_do_update(
        index_elements=list(table.primary_key.columns), set_={name: insert.excluded[name] for name in columns}
    )


def _raise_floor(insert: Any) -> Any:
    old, new = tables.totals.c.generation_floor, insert.excluded.generation_floor
    return insert.on_conflict_do_update(
        index_elements=["account", "symbol"], set_={"generation_floor": sa.case((new > old, new), else_=old)}
    )


def _intent_row(intent: Intent) -> Row:
    at = _int64("at", intent.at)
    return {
        "client_id": _text("client_id", intent.client_id),
        "account": _text("account", intent.account),
        "symbol": _text("symbol", intent.symbol),
        "level": _int64("level", intent.level),
        "kind": intent.kind.value,
        "generation": _int64("generation", intent.generation),
        "side": intent.side.value,
        "price": _int64("price", intent.price),
        "quantity": _int64("quantity", intent.quantity),
        "reduce_only": intent.reduce_only,
        "post_only": intent.post_only,
        "created_at": at,
        "stage": STAGES[OrderStatus.PENDING],
        "status": OrderStatus.PENDING.value,
        "filled": 0,
        "venue_id": "",
        "reason": "",
        "updated_at": at,
    }


def _update_row(entry: OrderSaved) -> Row:
    return {
        "u_id": _text("client_id", entry.client_id),
        "u_stage": STAGES[entry.status],
        "u_status": entry.status.value,
        "u_filled": _int64("filled", entry.filled),
        "u_venue": _text("venue_id", entry.venue_id),
        "u_reason": _text("reason", entry.reason),
        "u_at": _int64("at", entry.at),
    }


def _fill_row(entry: FillSaved) -> Row:
    fill = entry.fill
    return {
        "account": _text("account", entry.account),
        "symbol": _text("symbol", fill.symbol),
        "trade_id": _int64("trade_id", fill.trade_id),
        "client_id": _text("client_id", fill.client_id),
        "venue_id": _text("venue_id", fill.venue_id),
        "side": fill.side.value,
        "price": _int64("price", fill.price),
        "quantity": _int64("quantity", fill.quantity),
        "venue_fee": _decimal("fill.fee", fill.fee),
        "fee_asset": _text("fee_asset", fill.fee_asset),
        "maker": fill.maker,
        "at": _int64("at", fill.at),
        "level": _int64("level", entry.level),
        "realized": _whole("realized", entry.realized),
        "fee": _decimal("fee", entry.fee),
        "inferred": entry.inferred,
    }


def _totals_row(entry: TotalsSaved) -> Row:
    return {
        "account": _text("account", entry.account),
        "symbol": _text("symbol", entry.symbol),
        "realized": _whole("realized", entry.realized),
        "fees": _decimal("fees", entry.fees),
        "funding": _decimal("funding", entry.funding),
        "round_trips": _int64("round_trips", entry.round_trips),
        "last_trade_id": _int64("last_trade_id", entry.last_trade_id),
        "generation_floor": 0,
    }


def _lattice_row(entry: LatticeSaved) -> Row:
    return {
        "account": _text("account", entry.account),
        "symbol": _text("symbol", entry.symbol),
        "anchor": _int64("anchor", entry.anchor),
        "base": _int64("base", entry.base),
        "ratio": None if entry.ratio is None else _decimal("ratio", entry.ratio),
    }


def _memory_row(entry: MemorySaved) -> Row:
    if len(entry.numbers) > MOST_NUMBERS:
        raise BadEntry(f"numbers: must be at most {MOST_NUMBERS}, not {len(entry.numbers)}")
    return {
        "account": _text("account", entry.account),
        "symbol": _text("symbol", entry.symbol),
        "strategy": _text("strategy", entry.strategy),
        "numbers": json.dumps([_int64("numbers", number) for number in entry.numbers]),
    }


def _funding_row(entry: FundingSaved) -> Row:
    payment = entry.payment
    return {
        "account": _text("account", entry.account),
        "payment_id": _text("payment_id", payment.payment_id),
        "symbol": _text("symbol", payment.symbol),
        "amount": _decimal("amount", payment.amount),
        "at": _int64("at", payment.at),
    }


def _risk_row(entry: RiskSaved) -> Row:
    return {
        "scope": entry.scope.value,
        "account": _text("account", entry.account),
        "symbol": _text("symbol", entry.symbol),
        "state": _json("state", entry.state).replace("\\u0000", ""),
        "at": _int64("at", entry.at),
    }


def _event_row(entry: EventSaved, key: str) -> Row:
    data = _json("data", entry.data)
    return {
        "key": key,
        "account": _text("account", entry.account),
        "symbol": _text("symbol", entry.symbol),
        "kind": _text("kind", entry.kind),
        "sentence": _text("sentence", entry.sentence),
        "data": data.replace("\\u0000", ""),
        "at": _int64("at", entry.at),
    }


def _json(field: str, value: Mapping[str, Any]) -> str:
    try:
        return json.dumps(dict(value), default=_exact_text, allow_nan=False, separators=(",", ":"))
    except (TypeError, ValueError) as error:
        raise BadEntry(f"{field}: must be JSON-able ({error})") from None


def _exact_text(value: Any) -> str:
    if isinstance(value, Decimal):
        return format(value, "f")
    raise TypeError(f"{type(value).__name__} is none of the types of JSON")


def _int64(field: str, value: int) -> int:
    if type(value) is not int or not -INT64_MAX <= value <= INT64_MAX:
        raise BadEntry(f"{field}: must be a whole number within 64 bits, not {value!r}")
    return value


def _whole(field: str, value: int) -> int:
    if type(value) is not int or not -(10**1000) < value < 10**1000:
        raise BadEntry(f"{field}: must be a whole number of at most 1,000 digits, not {type(value).__name__}")
    return value


def _decimal(field: str, value: Decimal) -> Decimal:
    if type(value) is not Decimal or not value.is_finite() or not -1000 < value.adjusted() < 1000:
        raise BadEntry(f"{field}: must be a finite decimal of at most 1,000 digits, not {value!r}")
    return value


def _text(field: str, value: str) -> str:
    if "\0" in value or not (value.isascii() or _encodable(value)):
        raise BadEntry(f"{field}: must be text without zero bytes and lone surrogates, not {value!r}")
    return value


def _encodable(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
