"""Do our books and the venue's agree? Reads both, changes neither, and names every difference.

The venue's books are a witness: what it says of an account was never computed by us.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Protocol

from msgspec import Struct

from opensqt_actors.storage import books
from opensqt_actors.storage.database import Database

TOLERANCE = Decimal("0.00001")  # quote currency: the venue divides when it averages entry prices
_ZERO = Decimal(0)
_NO_SLOTS = books.SlotSum(0, 0, 0, 0)


class VenueBooks(Protocol):
    """The simulated venue's books, as its admin port gives them: amounts are decimals as text."""

    def markets(self) -> list[dict[str, Any]]:
        """symbol, tick and step of every market."""

    def account(self, key: str) -> dict[str, Any]:
        """wallet_balance, initial_balance, transfers, realized_pnl, fees, funding, positions, open_orders, fills."""

    def fills(self, key: str, symbol: str) -> list[dict[str, Any]]:
        """Every trade of the account in a market that the venue remembers: side, price, qty, commission."""

    def duplicates(self) -> int:
        """Orders that were accepted twice under one client id."""


class Audit(Struct, frozen=True):
    """What was compared and what did not agree. open_orders: resting at the venue, all accounts together."""

    differences: tuple[str, ...]
    symbols: int
    fills: int
    open_orders: int

    @property
    def verdict(self) -> str | list[str]:
        """ "ok", or the differences."""
        return list(self.differences) or "ok"


class _Market(Struct, frozen=True):
    tick: Decimal
    step: Decimal

    @property
    def quantum(self) -> Decimal:
        return self.tick * self.step


class _Ours(Struct):
    """Our books of one account."""

    ledgers: dict[str, books.Ledger]
    slots: dict[str, books.SlotSum]
    totals: dict[str, Any]
    funding: dict[str, Decimal]


def audit(database: Database, accounts: Mapping[str, str], venue: VenueBooks) -> Audit:
    """Compare. accounts: name in our registry -> key at the venue. StorageError when the database cannot be read."""
    markets = {row["symbol"]: _Market(Decimal(row["tick"]), Decimal(row["step"])) for row in venue.markets()}
    differences: list[str] = []
    symbols: set[tuple[str, str]] = set()
    fills = open_orders = 0
    for name, key in accounts.items():
        ours = _read(database, name)
        theirs = venue.account(key)
        open_orders += int(theirs["open_orders"])
        held = {symbol: Decimal(entry["amount"]) for symbol, entry in theirs["positions"].items()}
        known = sorted(ours.ledgers.keys() | ours.slots.keys() | ours.totals.keys() | held.keys())
        symbols |= {(name, symbol) for symbol in known}
        fills += sum(ledger.fills for ledger in ours.ledgers.values())
        for symbol in known:
            market = markets.get(symbol)
            if market is None:
                differences.append(
                    f"{symbol}: our books have it or a position is held in it, but the venue does not list it"
                )
                continue
            remembered = venue.fills(key, symbol) if not int(theirs.get("fills_dropped", 0)) else None
            differences += _symbol(symbol, market, ours, held.get(symbol, _ZERO), remembered)
        differences += _money(name, ours, theirs, markets)
    if duplicates := venue.duplicates():
        differences.append(f"the venue accepted {duplicates} orders under a client id that it had seen before")
    return Audit(tuple(differences), len(symbols), fills, open_orders)


def _read(database: Database, account: str) -> _Ours:
    """One snapshot of everything."""
    with database.read() as connection:
        return _Ours(
            ledgers={symbol: ledger for (_, symbol), ledger in books.ledgers(connection, account).items()},
            slots={symbol: slots for (_, symbol), slots in books.slot_sums(connection, account).items()},
            totals={symbol: totals for (_, symbol), totals in books.all_totals(connection, account).items()},
            funding={symbol: amount for (_, symbol), amount in books.funding_sums(connection, account).items()},
        )


def _symbol(
    symbol: str, market: _Market, ours: _Ours, held: Decimal, remembered: list[dict[str, Any]] | None
) -> Iterator[str]:
    """One market: slots = ledger = venue, in steps; every fill there, once; money of the round trips."""
    ledger = ours.ledgers.get(symbol, books.Ledger())
    slots = ours.slots.get(symbol, _NO_SLOTS)
    steps = held / market.step
    if slots.position != ledger.net:
        yield f"{symbol}: the slots hold {slots.position} steps, the fills in our ledger come to {ledger.net}"
    if steps != ledger.net:
        yield f"{symbol}: the venue holds {steps:f} steps, the fills in our ledger come to {ledger.net}"
    if ledger.inferred:
        yield (
            f"{symbol}: {ledger.inferred} of our fills, {ledger.inferred_net:+} steps together, were inferred by "
            "reconciliation and not told by the venue: their prices and fees are not its own"
        )
    if ledger.cash + slots.cost != ledger.realized:
        yield (
            f"{symbol}: fills cost {-ledger.cash} quanta, of which {slots.cost} are held and {-ledger.realized} are "
            "realised: they do not add up"
        )
    totals = ours.totals.get(symbol)
    if totals is not None and totals.realized != ledger.realized:
        yield f"{symbol}: the totals say {totals.realized} quanta realised, the fills {ledger.realized}"
    if totals is not None and totals.fees != ledger.fees:
        yield f"{symbol}: the totals say {totals.fees} fees, the fills {ledger.fees}"
    paid = ours.funding.get(symbol, _ZERO)
    if totals is not None and totals.funding != paid:
        yield f"{symbol}: the totals say {totals.funding} of funding, the payments {paid}"
    if remembered is None:
        return
    told = ledger.fills - ledger.inferred
    if len(remembered) != told:
        yield f"{symbol}: the venue knows {len(remembered)} fills, our ledger {told} that it told"
    fees = sum((Decimal(fill["commission"]) for fill in remembered), _ZERO)
    if abs(fees - ledger.fees) > TOLERANCE:
        yield f"{symbol}: the venue took {fees} in fees, our ledger has {ledger.fees}"
    cash = sum((_cash(fill) for fill in remembered), _ZERO)
    if not ledger.inferred and cash != ledger.cash * market.quantum:
        # with equal positions, fees and funding this is the change of equity, market by market
        yield f"{symbol}: the venue's fills brought in {cash}, those of our ledger {ledger.cash * market.quantum}"


def _cash(fill: Mapping[str, Any]) -> Decimal:
    """Quote currency that a fill of the venue's brought in, fees apart."""
    value = Decimal(fill["price"]) * Decimal(fill["qty"])
    return value if fill["side"] == "SELL" else -value


def _money(name: str, ours: _Ours, theirs: Mapping[str, Any], markets: Mapping[str, _Market]) -> Iterator[str]:
    """The whole account: fees, funding, and the change of equity against cash flow and position at mark."""
    fees = sum((ledger.fees for ledger in ours.ledgers.values()), _ZERO)
    funding = sum(ours.funding.values(), _ZERO)
    cash = position = _ZERO
    for symbol, ledger in ours.ledgers.items():
        market = markets.get(symbol)
        if market is not None:
            held = theirs["positions"].get(symbol)
            cash += ledger.cash * market.quantum
            position += ledger.net * market.step * Decimal(held["mark_price"]) if held else _ZERO
    said = {
        field: Decimal(theirs[field])
        for field in ("wallet_balance", "initial_balance", "transfers", "realized_pnl", "fees", "funding")
    }
    change = said["wallet_balance"] - said["initial_balance"] - said["transfers"] - Decimal(theirs.get("insurance", 0))
    booked = said["realized_pnl"] - said["fees"] + said["funding"]
    if abs(change - booked) > TOLERANCE:
        yield f"{name}: the venue's wallet changed by {change}, what it booked comes to {booked}"
    if abs(fees - said["fees"]) > TOLERANCE:
        yield f"{name}: the venue took {said['fees']} in fees, our ledger has {fees}"
    if abs(funding - said["funding"]) > TOLERANCE:
        yield f"{name}: the venue booked {said['funding']} of funding, our ledger has {funding}"
    unrealized = sum((Decimal(entry["unrealized_pnl"]) for entry in theirs["positions"].values()), _ZERO)
    equity = change + unrealized
    expected = cash + position - fees + funding
    # every position's unrealised profit is rounded to eight decimals by the venue
    if abs(equity - expected) > TOLERANCE:
        yield f"{name}: the venue's equity changed by {equity}, our cash flow, position, fees and funding by {expected}"
