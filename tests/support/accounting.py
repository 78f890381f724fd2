"""What the journal says against the venue's own books: every fill, every position, every order, all the money."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable
from decimal import Decimal
from typing import Any

import sqlalchemy as sa
from support.processes import ACCOUNT, KEY, LOOK, PATIENCE, VenueProcess

from opensqt_actors.app.audit import audit
from opensqt_actors.cli.venue_admin import VenueAdmin
from opensqt_actors.domain.ids import decode
from opensqt_actors.storage import Database, books
from opensqt_actors.storage.tables import fills as fills_table
from opensqt_actors.storage.tables import orders as orders_table
from opensqt_actors.storage.tables import symbols as symbols_table

LIVE_STAGES = 3
MONEY = Decimal("0.000001")
"""The venue shows money with eight digits; a sum of rounded sums may be off by a few of the last."""


def registry_rows(database_url: str) -> list[Any]:
    """Every row of the registry, as it stands in the database."""
    database = Database(database_url, create=False)
    try:
        with database.read() as connection:
            return list(connection.execute(sa.select(symbols_table).order_by(symbols_table.c.number)))
    finally:
        database.close()


def openings(venue: VenueProcess, symbol: str | None = None) -> set[str]:
    """The client ids of our opening orders that rest at the venue."""
    return {client_id for client_id in _resting(venue, symbol) if _opens(client_id)}


def exit_orders(venue: VenueProcess, symbol: str | None = None) -> set[str]:
    """The client ids of our orders that rest at the venue and do not open."""
    return {client_id for client_id in _resting(venue, symbol) if not _opens(client_id)}


def _resting(venue: VenueProcess, symbol: str | None) -> list[str]:
    """One look: of two, an order that ends between them would be in the first alone."""
    return [order["clientOrderId"] for order in venue.open_orders(symbol=symbol)]


def _opens(client_id: str) -> bool:
    key = decode(client_id)
    return key is not None and key.kind.opens


def differences(database_url: str, venue: VenueProcess, account: str = ACCOUNT) -> list[str]:
    """Every difference between the journal and the venue's books of an account; empty when they agree.

    Both must stand still: prices paused, nothing in flight.
    """
    database = Database(database_url, create=False)
    try:
        with database.read() as connection:
            ledgers = books.ledgers(connection, account)
            slots = books.slot_sums(connection, account)
            totals = books.all_totals(connection, account)
            payments = books.funding_sums(connection, account)
            rows = sa.select(fills_table).where(fills_table.c.account == account)
            ours = connection.execute(rows).mappings().all()
            at_work = sa.select(orders_table.c.client_id).where(
                orders_table.c.stage < LIVE_STAGES, orders_table.c.account == account
            )
            live = set(connection.scalars(at_work))
    finally:
        database.close()
    markets, wallet, theirs = venue.markets(), venue.account(), venue.fills()
    found = list(_fills(ours, theirs, markets))
    found += _symbols(ledgers, slots, totals, markets, account, wallet, Counter(fill["symbol"] for fill in theirs))
    found += _funding(payments, totals)
    found += _money(ledgers, sum(payments.values(), Decimal(0)), wallet, markets)
    found += _orders(live, venue)
    return found


def audited(database_url: str, venue: VenueProcess) -> str | list[str]:
    """The verdict of the program's own audit, as the demo prints it."""
    database = Database(database_url, create=False)
    try:
        return audit(database, {ACCOUNT: KEY}, VenueAdmin(venue.admin_port)).verdict
    finally:
        database.close()


def order_differences(venue: VenueProcess) -> list[str]:
    """Orders that must not be: two under one client id, two for one slot."""
    found: list[str] = []
    repeated = venue.stats()["duplicate_client_ids"]
    if repeated["count"]:
        found.append(f"client ids that were accepted twice: {repeated['ids']}")
    if not repeated["complete"]:
        found.append("the venue's ledger of client ids is not complete")
    slots: Counter[tuple[str, int]] = Counter()
    for order in venue.open_orders():
        key = decode(order["clientOrderId"])
        if key is None:
            found.append(f"an open order that nobody can explain: {order}")
        else:
            slots[order["symbol"], key.level] += 1
    found += [f"{count} open orders for level {level} of {name}" for (name, level), count in slots.items() if count > 1]
    return found


def _fills(ours: Iterable[Any], theirs: Iterable[dict[str, Any]], markets: dict[str, dict[str, Any]]) -> Iterable[str]:
    steps = {name: (Decimal(market["tick"]), Decimal(market["step"])) for name, market in markets.items()}
    journal = {
        (row["symbol"], row["trade_id"]): (
            row["side"],
            row["price"] * steps[row["symbol"]][0],
            row["quantity"] * steps[row["symbol"]][1],
            row["venue_fee"],
            row["client_id"],
        )
        for row in ours
    }
    venue = {
        (fill["symbol"], fill["id"]): (
            fill["side"].lower(),
            Decimal(fill["price"]),
            Decimal(fill["qty"]),
            Decimal(fill["commission"]),
            fill["clientOrderId"],
        )
        for fill in theirs
    }
    for key in sorted(journal.keys() | venue.keys()):
        mine, its = journal.get(key), venue.get(key)
        if mine != its:
            yield f"fill {key}: the journal has {mine}, the venue {its}"


def _symbols(
    ledgers: dict[Any, books.Ledger],
    slots: dict[Any, books.SlotSum],
    totals: dict[Any, Any],
    markets: dict[str, dict[str, Any]],
    account: str,
    wallet: dict[str, Any],
    counts: Counter[str],
) -> Iterable[str]:
    names = {name for _, name in ledgers} | {name for _, name in slots} | wallet["positions"].keys()
    for name in sorted(names):
        key = (account, name)
        ledger, slot = ledgers.get(key, books.Ledger()), slots.get(key, books.SlotSum(0, 0, 0, 0))
        held = Decimal(wallet["positions"].get(name, {}).get("amount", 0)) / Decimal(markets[name]["step"])
        if not slot.position == ledger.net == held:
            yield f"{name}: the slots hold {slot.position} steps, the ledger {ledger.net}, the venue {held}"
        if ledger.fills != counts[name]:
            yield f"{name}: {ledger.fills} fills in the ledger, {counts[name]} at the venue"
        if ledger.cash + slot.cost != ledger.realized:
            yield f"{name}: cash {ledger.cash} + cost {slot.cost} is not realised {ledger.realized}"
        total = totals.get(key)
        if total is not None and (total.realized, total.fees) != (ledger.realized, ledger.fees):
            yield f"{name}: totals {total.realized}, {total.fees}; ledger {ledger.realized}, {ledger.fees}"


def _funding(payments: dict[Any, Decimal], totals: dict[Any, Any]) -> Iterable[str]:
    for key, total in totals.items():
        paid = payments.get(key, Decimal(0))
        if total.funding != paid:
            yield f"{key[1]}: funding of {total.funding} in the totals, of {paid} in the payments"


def _money(
    ledgers: dict[Any, books.Ledger], funding: Decimal, wallet: dict[str, Any], markets: dict[str, dict[str, Any]]
) -> Iterable[str]:
    fees = sum((ledger.fees for ledger in ledgers.values()), Decimal(0))
    if abs(fees - Decimal(wallet["fees"])) > MONEY:
        yield f"fees: {fees} in the ledger, {wallet['fees']} at the venue"
    if abs(funding - Decimal(wallet["funding"])) > MONEY:
        yield f"funding: {funding} in the journal, {wallet['funding']} at the venue"
    ours = funding - fees + Decimal(wallet["insurance"])
    for (_, name), ledger in ledgers.items():
        market = markets[name]
        quantum = Decimal(market["tick"]) * Decimal(market["step"])
        mark = Decimal(wallet["positions"].get(name, {}).get("mark_price", 0))
        ours += ledger.cash * quantum + ledger.net * Decimal(market["step"]) * mark
    theirs = (
        Decimal(wallet["wallet_balance"])
        - Decimal(wallet["initial_balance"])
        - Decimal(wallet["transfers"])
        + Decimal(wallet["unrealized_pnl"])
    )
    if abs(ours - theirs) > MONEY * max(1, len(ledgers)):
        yield f"equity changed by {ours} in the ledger, by {theirs} at the venue"


def _orders(live: set[str], venue: VenueProcess) -> Iterable[str]:
    resting = {order["clientOrderId"] for order in venue.open_orders()}
    for client_id in sorted(live ^ resting):
        where = "in the journal alone" if client_id in live else "at the venue alone"
        yield f"live order {client_id} {where}"


def unjournalled(database_url: str, venue: VenueProcess) -> set[str]:
    """Client ids that the venue has accepted although no intent of them is in the journal."""
    sent = {order["clientOrderId"] for order in venue.orders()}
    database = Database(database_url, create=False)
    try:
        with database.read() as connection:
            intents = set(connection.scalars(sa.select(orders_table.c.client_id)))
    finally:
        database.close()
    return {client_id for client_id in sent - intents if decode(client_id) is not None}


def exposed(venue: VenueProcess) -> list[str]:
    """Positions that no resting exit closes. A part that an opening has filled so far waits for the opening's end."""
    covered: dict[str, Decimal] = {}
    for order in venue.open_orders():
        key = decode(order["clientOrderId"])
        if key is None:
            continue
        filled, left = Decimal(order["executedQty"]), Decimal(order["origQty"]) - Decimal(order["executedQty"])
        signed = (filled if key.kind.buys else -filled) if key.kind.opens else (-left if key.kind.buys else left)
        covered[order["symbol"]] = covered.get(order["symbol"], Decimal(0)) + signed
    markets, found = venue.markets(), []
    for name, position in venue.account()["positions"].items():
        rest = Decimal(position["amount"]) - covered.get(name, Decimal(0))
        if abs(rest) * Decimal(position["mark_price"]) >= Decimal(markets[name]["min_notional"]):
            found.append(f"{name}: {rest} of {position['amount']} without an exit")
    return found


def settled(
    database_url: str,
    venue: VenueProcess,
    timeout: float = PATIENCE,
    *,
    exits: bool = True,
    account: str = ACCOUNT,
) -> None:
    """Wait, prices paused, until journal and venue agree and every position has its exits (unless `exits` is False)."""
    venue.pause()
    deadline = time.monotonic() + timeout
    while found := differences(database_url, venue, account) + (exposed(venue) if exits else []):
        assert time.monotonic() < deadline, "\n".join(found[:30])
        time.sleep(LOOK)
    assert order_differences(venue) == []
    assert unjournalled(database_url, venue) == set()
