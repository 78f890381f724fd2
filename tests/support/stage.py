"""One supervisor on an account of its own at a simulated venue, and what a scenario of the catalogue asks it."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from support.accounting import settled
from support.processes import ACCOUNT, Supervisor, VenueProcess, pb, registry_pb2, wait_until

from opensqt_actors.domain.ids import IdCoder, OrderKey, OrderKind, decode

WINDOW = 6
"""Levels of a stage's grids, on either side."""
GRID = {"amount": 60, "interval_percent": 0.4, "buy_window": WINDOW, "sell_window": WINDOW}


class Stage:
    """venue: as the account sees it, its prices moved by the scenarios alone; account: its configured name."""

    def __init__(self, venue: VenueProcess, supervisor: Supervisor, account: str = ACCOUNT) -> None:
        self.venue = venue
        self.supervisor = supervisor
        self.account = account

    def beside(self, account: str, key: str) -> Stage:
        """Another account of the same supervisor."""
        return Stage(self.venue.of(key), self.supervisor, account)

    # --- what the venue has ------------------------------------------------------------------------------------------

    def orders(self, name: str, *kinds: OrderKind) -> list[dict[str, Any]]:
        """Our resting orders of these kinds, or of all, highest price first."""
        found = []
        for order in self.venue.open_orders(symbol=name):
            key = decode(order["clientOrderId"])
            if key is not None and (not kinds or key.kind in kinds):
                found.append(order)
        return sorted(found, key=lambda order: -Decimal(order["price"]))

    def buys(self, name: str) -> list[dict[str, Any]]:
        """Resting openings of a long grid, the nearest first."""
        return self.orders(name, OrderKind.OPEN_BUY)

    def exits(self, name: str) -> list[dict[str, Any]]:
        """Resting exits of a long grid, highest price first."""
        return self.orders(name, OrderKind.EXIT_SELL)

    def position(self, name: str) -> Decimal:
        """What the account holds, signed."""
        return Decimal(self.venue.account()["positions"].get(name, {}).get("amount", 0))

    def fills_of(self, name: str) -> list[dict[str, Any]]:
        """Every fill of a market, oldest first."""
        return [fill for fill in self.venue.fills() if fill["symbol"] == name]

    def below(self, name: str, price: str, ticks: int = 2) -> None:
        """The market falls through this price."""
        self.venue.set_price(name, Decimal(price) - ticks * Decimal(self.venue.markets()[name]["tick"]))

    def fill_down(self, name: str, count: int) -> list[dict[str, Any]]:
        """Let the market fall through so many of our buys; returns them as they rested."""
        buys = self.buys(name)[:count]
        assert len(buys) == count, buys
        self.below(name, buys[-1]["price"])
        return buys

    def stir(self, *names: str) -> None:
        """Raise these markets by a tick: one that stands still is not heard of."""
        markets = self.venue.markets()
        for name in names:
            self.venue.set_price(name, Decimal(markets[name]["ask"]) + Decimal(markets[name]["tick"]))

    def wait_trading(self, *names: str) -> None:
        """Stir these markets until each of them is traded."""

        def trading() -> bool:
            rows = self.supervisor.rows()
            self.stir(*(names if rows else ()))
            return all(name in rows and rows[name].state == registry_pb2.SYMBOL_STATE_TRADING for name in names)

        wait_until(trading, f"{', '.join(names)} trading")

    def hits(self, *faults: str) -> int:
        """How often these faults have hit."""
        rules = self.venue.admin("GET", "/faults")["faults"]
        return sum(rule["hits"] for rule in rules if rule["id"] in faults)

    def refuse(self, match: dict[str, Any], code: int, msg: str, count: int | None = None) -> list[str]:
        """The venue refuses orders that match, alone or in a batch; the ids of the two faults."""
        error = {"action": "error", "code": code, "msg": msg, "http_status": 400, "count": count}
        match = match | {"method": "POST", "account": self.venue.key}
        single = error | {"match": match | {"path": "/fapi/v1/order"}}
        batch = error | {"match": match | {"path": "/fapi/v1/batchOrders"}, "each": True}
        return [self.venue.admin("POST", "/faults", fault)["id"] for fault in (single, batch)]

    def forgive(self, *faults: str) -> None:
        """Those faults are over."""
        for fault in faults:
            self.venue.admin("DELETE", f"/faults/{fault}")

    # --- what the program says ---------------------------------------------------------------------------------------

    def levels(self, name: str) -> dict[int, Any]:
        """What an operator reads of every level."""
        return {slot.level: slot for slot in self.describe(name).slots}

    def describe(self, name: str) -> pb.DescribeSymbolResponse:
        """What an operator reads of a market."""
        request = pb.DescribeSymbolRequest(account=self.account, symbol=name)
        answer: pb.DescribeSymbolResponse = self.supervisor.ask("DescribeSymbol", request)
        return answer

    def bare(self, name: str) -> dict[int, Any]:
        """The levels that have no order, with what an operator reads of them."""
        return {level: slot for level, slot in self.levels(name).items() if not slot.order.client_order_id}

    def held(self, name: str) -> dict[int, Decimal]:
        """What the slots hold, by level."""
        found = {level: Decimal(slot.quantity.value or 0) for level, slot in self.levels(name).items()}
        return {level: quantity for level, quantity in found.items() if quantity}

    def events(self, code: str, name: str = "") -> list[Any]:
        """The announcements of this code about this account and this market, or any, oldest first."""
        symbols = [name] if name else []
        request = pb.SubscribeEventsRequest(latest=1_000, past_only=True, symbols=symbols)
        answers = self.supervisor.ask("SubscribeEvents", request)
        found = [answer.event for answer in answers if answer.event.code == code]
        return [event for event in found if event.account in ("", self.account)]

    def said(self, code: str, name: str = "") -> list[str]:
        """The sentences of these announcements."""
        return [event.sentence for event in self.events(code, name)]

    def row(self, name: str) -> registry_pb2.SymbolStatus:
        """The line of a market."""
        return wait_until(self.supervisor.rows, "an answer")[name]

    # --- what an operator does ---------------------------------------------------------------------------------------

    def pause(self, name: str) -> None:
        """Take the openings away; what is held keeps its exits."""
        self.supervisor.ask("PauseSymbol", pb.PauseSymbolRequest(account=self.account, symbol=name))
        wait_until(lambda: not self.buys(name), f"no openings of {name}")

    def resume(self, name: str) -> None:
        """Let them come back."""
        self.supervisor.ask("ResumeSymbol", pb.ResumeSymbolRequest(account=self.account, symbol=name))

    def reconcile(self, name: str, *, accept: bool = False) -> pb.ReconcileSymbolResponse:
        """Compare with the venue now; accept: its position is the true one."""
        request = pb.ReconcileSymbolRequest(account=self.account, symbol=name, accept=accept)
        answer: pb.ReconcileSymbolResponse = self.supervisor.ask("ReconcileSymbol", request)
        return answer

    def laid(self, name: str, count: int = WINDOW) -> list[dict[str, Any]]:
        """The ladder once it rests, the nearest first."""
        return wait_until(lambda: buys if len(buys := self.buys(name)) == count else [], f"{count} buys of {name}")

    def prefix(self, name: str, level: int, kind: OrderKind = OrderKind.OPEN_BUY) -> str:
        """What the client id of every order of this kind at this level begins with."""
        key = self.key(self.orders(name)[0])
        return IdCoder(key.instance, key.symbol, key.epoch).encode(level, kind, 0)[:15]

    @staticmethod
    def key(order: dict[str, Any]) -> OrderKey:
        """What an order's client id says."""
        key = decode(order["clientOrderId"])
        assert key is not None, order
        return key

    def settled(self, *, exits: bool = True) -> None:
        """Journal and venue agree, every position has its exits, and no slot was asked for what it cannot do."""
        settled(self.supervisor.database_url, self.venue, exits=exits, account=self.account)
        assert self.supervisor.counters().illegal_transitions == 0


Hire = Callable[..., Stage]
