"""How fast the simulated venue's engine is: one JSON line.

steps_per_s: market steps with all events made; steps_per_s_orders: the same with 20 resting orders in each market that
fill and are replaced; cpu_share: of one core, for so many symbols at 20 steps/s with those orders; place_us, cancel_us:
one order, with positions in all markets; events_per_s: made in a second of the venue's time.
"""

from __future__ import annotations

import argparse
import json
import time
from decimal import Decimal

from opensqt_actors.simvenue.events import Event, NewOrder, Order, OrderType, OrderUpdate, Side
from opensqt_actors.simvenue.exchange import Exchange
from opensqt_actors.simvenue.markets.synthetic import PROFILES, SyntheticModel
from opensqt_actors.simvenue.rules import universe

KEY = "sim-bench"
STEP_MS = 50


class Bench:
    """A venue with so many demo markets, and counters of what it says."""

    def __init__(self, symbols: int, seed: int) -> None:
        self.events = 0
        self.filled: list[Order] = []
        self.exchange = Exchange(seed, sink=self.hear)
        self.exchange.add_account(KEY, Decimal(1_000_000_000))
        for rules in universe(symbols):
            self.exchange.add_market(rules, SyntheticModel(PROFILES["demo"]), 0)
        self.now = 0

    def hear(self, event: Event) -> None:
        self.events += 1
        if isinstance(event, OrderUpdate) and event.fill is not None and not event.order.status.open:
            self.filled.append(event.order)

    def run(self, seconds: int) -> float:
        """Market steps per second of wall time."""
        steps = seconds * 1_000 // STEP_MS
        start = time.perf_counter()
        for _ in range(steps):
            self.now += STEP_MS
            self.exchange.advance(self.now)
            if self.filled:
                filled, self.filled = self.filled, []
                for order in filled:
                    self.replace(order)
        return steps * len(self.exchange.symbols()) / (time.perf_counter() - start)

    def replace(self, order: Order) -> None:
        """The other side of a filled order, one level away."""
        rules = self.exchange.rules(order.symbol)
        side = order.side.opposite
        price = int(order.price * (1 + 0.004 * side.sign * -1))
        self.exchange.place(
            KEY, limit(order.symbol, side, rules.price(price), rules.quantity(order.quantity)), self.now
        )

    def ladders(self, levels: int) -> None:
        """Buys below and sells above, 0.4 % apart, in every market."""
        for symbol in self.exchange.symbols():
            rules, middle = self.exchange.rules(symbol), self.exchange.last_price(symbol)
            quantity = rules.quantity(rules.to_steps(Decimal(30) / rules.price(middle)))
            for level in range(1, levels // 2 + 1):
                for side in Side:
                    price = rules.price(int(middle * (1 - 0.004 * side.sign * level)))
                    self.exchange.place(KEY, limit(symbol, side, price, quantity), self.now)

    def orders(self, count: int) -> tuple[float, float]:
        """Microseconds to place and to cancel an order."""
        symbols, placed = self.exchange.symbols(), []
        start = time.perf_counter()
        for index in range(count):
            symbol = symbols[index % len(symbols)]
            rules = self.exchange.rules(symbol)
            price = rules.price(int(self.exchange.last_price(symbol) * 0.9))
            quantity = rules.quantity(rules.to_steps(Decimal(30) / price))
            order = self.exchange.place(KEY, limit(symbol, Side.BUY, price, quantity), self.now)
            if isinstance(order, Order):
                placed.append(order)
        middle = time.perf_counter()
        for order in placed:
            self.exchange.cancel(KEY, order.symbol, self.now, order_id=order.order_id)
        return (middle - start) / count * 1e6, (time.perf_counter() - middle) / max(1, len(placed)) * 1e6


def limit(symbol: str, side: Side, price: Decimal, quantity: Decimal) -> NewOrder:
    return NewOrder(symbol, side, OrderType.LIMIT, quantity, price)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--symbols", type=int, default=120)
    parser.add_argument("--seconds", type=int, default=60, help="of the venue's time")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    bare = Bench(options.symbols, options.seed)
    steps_per_s = bare.run(options.seconds)
    laden = Bench(options.symbols, options.seed)
    laden.ladders(20)
    laden_steps_per_s = laden.run(options.seconds)
    place_us, cancel_us = laden.orders(5_000)
    summary = laden.exchange.summary(KEY)
    print(
        json.dumps(
            {
                "symbols": options.symbols,
                "steps_per_s": round(steps_per_s),
                "steps_per_s_orders": round(laden_steps_per_s),
                "cpu_share": round(options.symbols * 1_000 / STEP_MS / laden_steps_per_s, 4),
                "events_per_s": round(bare.events / options.seconds),
                "fills_per_s": round(summary.fills / options.seconds, 1),
                "place_us": round(place_us, 1),
                "cancel_us": round(cancel_us, 1),
            }
        )
    )


if __name__ == "__main__":
    main()
