"""Exposure limits of one venue account: whether an opening order may be sent, from sums that are kept up to date.

A symbol's exposure is the larger of its two sides, each side being what is held plus the opening orders at rest: the
most that its position can come to while every fill goes the wrong way. Nothing is journalled: slots and orders are.
"""

from __future__ import annotations

from decimal import ROUND_CEILING, Decimal
from typing import NamedTuple

from msgspec import Struct, field

from opensqt_actors.domain.ids import ClientId

UNIT = 10**18  # sums are whole numbers of 1 / UNIT of the quote currency: exact for every quantum that exists
NO_LIMIT = 1 << 200


class Limit(Struct, frozen=True):
    """The most that there may be, None = no limit. notional: quote currency; leverage: notional / equity."""

    notional: Decimal | None = None
    leverage: Decimal | None = None


class ExposureLimits(Struct, frozen=True):
    """For one opening order, one symbol and one account. The limit of everything together reaches it as a share."""

    order: Limit = field(default_factory=Limit)
    symbol: Limit = field(default_factory=Limit)
    account: Limit = field(default_factory=Limit)


class Blocked(NamedTuple):
    """An opening order that may not be sent. code: stable; sentence: what it would come to, and the limit."""

    code: str
    sentence: str


class Cap(NamedTuple):
    """The tighter of a notional and a leverage limit. most: units; limit: as the operator knows it."""

    most: int
    code: str
    limit: str


class _Side:
    """One direction of a symbol, in units. total: held plus opening orders at rest."""

    __slots__ = ("held", "total")

    def __init__(self) -> None:
        self.held = 0
        self.total = 0


class _Market:
    """One symbol. quantum: units; used: the larger side."""

    __slots__ = ("buys", "quantum", "sells", "used")

    def __init__(self, quantum: int) -> None:
        self.quantum = quantum
        self.buys = _Side()
        self.sells = _Side()
        self.used = 0


class AccountExposure:
    """The sums of one account. Values come in quanta of their symbol and are set, not added: told twice is told once.

    used: units. Exits are not told and not asked about: what reduces a position always passes. A symbol that was not
    added is a programming error (KeyError).
    """

    def __init__(self, limits: ExposureLimits | None = None, *, shared: bool = False) -> None:
        self.used = 0
        self.share = 0 if shared else NO_LIMIT
        self._limits = limits or ExposureLimits()
        self._equity: int | None = None
        self._markets: dict[str, _Market] = {}
        self._orders: dict[ClientId, tuple[_Market, _Side, int]] = {}
        self._recap()

    # --- what it is told -------------------------------------------------------------------------------------------

    def add(self, symbol: str, quantum: Decimal) -> None:
        """A symbol, with the quote value of its quantum; again with another quantum: its sums begin anew."""
        units = int((quantum * UNIT).to_integral_value(ROUND_CEILING))
        known = self._markets.get(symbol)
        if known is None or known.quantum != units:
            self.remove(symbol)
            self._markets[symbol] = _Market(units)

    def remove(self, symbol: str) -> None:
        """A symbol has left, with everything of it."""
        market = self._markets.pop(symbol, None)
        if market is not None:
            self.used -= market.used
            self._orders = {client_id: row for client_id, row in self._orders.items() if row[0] is not market}

    def hold(self, symbol: str, long: int, short: int) -> None:
        """What is held now on either side, in quanta, both from 0: a net position on one of them, or slots on both."""
        market = self._markets[symbol]
        for side, value in ((market.buys, long), (market.sells, short)):
            units = value * market.quantum
            side.total += units - side.held
            side.held = units
        self._sum(market)

    def order(self, client_id: ClientId, symbol: str, *, buys: bool, value: int) -> None:
        """An opening order that rests or is on its way: what is left of it, in quanta; 0 once it has ended."""
        self.ended(client_id)
        if value > 0:
            market = self._markets[symbol]
            side = market.buys if buys else market.sells
            units = value * market.quantum
            side.total += units
            self._orders[client_id] = market, side, units
            self._sum(market)

    def ended(self, client_id: ClientId) -> None:
        """An order has ended; an unknown one is no news."""
        row = self._orders.pop(client_id, None)
        if row is not None:
            market, side, units = row
            side.total -= units
            self._sum(market)

    def equity(self, value: Decimal | None) -> None:
        """The account's equity in quote currency; None: unknown, which closes every leverage limit."""
        self._equity = None if value is None else int(value * UNIT)
        self._recap()

    def limit(self, limits: ExposureLimits) -> None:
        """Other limits from now on. What rests or is held stays; only what would grow is blocked."""
        self._limits = limits
        self._recap()

    # --- what it answers -------------------------------------------------------------------------------------------

    def check(self, symbol: str, *, buys: bool, value: int) -> Blocked | None:
        """Why an opening order of this value (quanta) may not be sent, or None.

        Passes whatever the limits: an order that, with all that rests on its side, at most closes what is held on the
        other. Passes all but the limit for one order: an order that does not raise the symbol's exposure.
        """
        market = self._markets[symbol]
        side, other = (market.buys, market.sells) if buys else (market.sells, market.buys)
        units = value * market.quantum
        after = side.total + units
        if after <= other.held:
            return None
        if units > self._order_most:
            return _blocked(f"an order of {symbol}", units, self._order_cap.code, self._order_cap.limit)
        grows = after - market.used
        if grows <= 0:
            return None
        if after > self._symbol_most:
            return _blocked(symbol, after, self._symbol_cap.code, self._symbol_cap.limit)
        used = self.used + grows
        if used > self._account_most:
            return _blocked("the account", used, self._account_cap.code, self._account_cap.limit)
        if used > self.share:
            limit = f"its share of the total limit, {self.share / UNIT:.2f} now"
            return _blocked("the account", used, "exposure_total", limit)
        return None

    def reserve(self, client_id: ClientId, symbol: str, *, buys: bool, value: int) -> Blocked | None:
        """`check`, and when it passes count the order from now on."""
        blocked = self.check(symbol, buys=buys, value=value)
        if blocked is None:
            self.order(client_id, symbol, buys=buys, value=value)
        return blocked

    def of(self, symbol: str) -> Decimal:
        """A symbol's exposure in quote currency."""
        return Decimal(self._markets[symbol].used) / UNIT

    # --- inside ------------------------------------------------------------------------------------------------------

    def _sum(self, market: _Market) -> None:
        used = max(market.buys.total, market.sells.total)
        self.used += used - market.used
        market.used = used

    def _recap(self) -> None:
        self._order_cap = cap(self._limits.order, self._equity, "order")
        self._symbol_cap = cap(self._limits.symbol, self._equity, "symbol")
        self._account_cap = cap(self._limits.account, self._equity, "account")
        self._order_most = self._order_cap.most  # plain whole numbers: this is asked for each order
        self._symbol_most = self._symbol_cap.most
        self._account_most = self._account_cap.most


def cap(limit: Limit, equity: int | None, level: str) -> Cap:
    """What a limit comes to with this equity (units, None = unknown). Codes: exposure_*, leverage_*, equity_unknown."""
    found = Cap(NO_LIMIT, "", "")
    if limit.notional is not None:
        found = Cap(int(limit.notional * UNIT), f"exposure_{level}", f"{limit.notional:f} (notional, {level})")
    if limit.leverage is not None:
        if equity is None:
            return Cap(0, "equity_unknown", f"leverage {limit.leverage:f} ({level}) of an equity that is not known yet")
        most = int(limit.leverage * max(equity, 0))
        if most < found.most:
            text = f"leverage {limit.leverage:f} ({level}) of an equity of {equity / UNIT:.2f}"
            found = Cap(most, f"leverage_{level}", text)
    return found


def _blocked(what: str, units: int, code: str, limit: str) -> Blocked:
    return Blocked(code, f"{what} would come to {units / UNIT:.2f}, above the limit: {limit}")


# --- everything together ---------------------------------------------------------------------------------------------


class _Account:
    """used, equity: as last reported, units; sent: the share it was told; share: the one it last said to work under."""

    __slots__ = ("equity", "sent", "share", "used")

    def __init__(self, used: int, share: int, equity: int | None) -> None:
        self.sent = self.share = share
        self.used = used
        self.equity = equity

    @property
    def reserved(self) -> int:
        """What it may come to, whatever message is still on its way."""
        return max(self.sent, self.share, self.used)


class TotalShares:
    """Divides the total limit among accounts in such a way that together they cannot come to more than it.

    Each account reports about once a second and works under the share that it was told last. A share is raised only
    by what no other account may still use; nothing is given out before every account has reported once.
    """

    def __init__(self, limit: Limit, accounts: frozenset[str]) -> None:
        self.limit = limit
        self._waiting = set(accounts)
        self._accounts: dict[str, _Account] = {}

    def report(self, account: str, *, used: int, share: int, equity: int | None) -> int | None:
        """An account's `used`, `share` and equity (units). The share to tell it, or None: it has the right one."""
        here = self._accounts.get(account)
        if here is None:
            here = self._accounts[account] = _Account(used, share, equity)
        else:
            here.used, here.share, here.equity = used, share, equity
        self._waiting.discard(account)
        if self._waiting:
            return None
        if here.share == here.sent:
            here.sent = self._share(here)
        return here.sent if here.sent != here.share else None

    def forget(self, account: str) -> None:
        """An account is not traded any more."""
        self._waiting.discard(account)
        self._accounts.pop(account, None)

    @property
    def cap(self) -> Cap:
        """What the total limit comes to; leverage is of the sum of all equities, and closed while one is unknown."""
        equities = [account.equity for account in self._accounts.values()]
        known = [equity for equity in equities if equity is not None]
        return cap(self.limit, sum(known) if len(known) == len(equities) else None, "total")

    def _share(self, here: _Account) -> int:
        """What it uses and an even part of what is free, as far as the others cannot use it."""
        most = self.cap.most
        if most == NO_LIMIT:
            return NO_LIMIT
        others = sum(account.reserved for account in self._accounts.values()) - here.reserved
        spare = most - sum(account.used for account in self._accounts.values())
        return max(min(here.used + spare // len(self._accounts), most - others), 0)
