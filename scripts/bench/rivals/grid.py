"""The long grid of `grid_replay.py` told to vectorbt or to NautilusTrader, by the interpreter that has them installed.

`grid_replay.py --rival-python PATH` runs it: `PATH grid.py {vectorbt,nautilus} INPUT.npz`. It imports nothing of
this project, so it needs the rival alone (`pip install "opensqt-actors[bench]"`, best in an environment of its own).
INPUT: path (four prices a candle, ticks), candles (n x 4, ticks), times (ns), lattice (ticks of each level from
`first` on), quantities (steps of an order at each level), window, tick, step, fee. One JSON line.

vectorbt: the same rules at the same four prices a candle; no journal, no client ids, no partial fills, no limits.
NautilusTrader: its own matching engine fills limit orders from bars; the strategy hears of a price only when a bar
has closed or an order has filled, so the window moves less often and the fills differ; it keeps accounts and events.
"""

from __future__ import annotations

import json
import sys
import time
from decimal import Decimal
from typing import Any

import numpy as np

CASH = 1_000_000
_NOTHING: Any = None


def vectorbt(data: Any) -> dict[str, Any]:  # noqa: C901 - one closure that numba compiles
    """`Portfolio.from_order_func`, flexible, one row for each price; the second run counts, the first one compiles."""
    import vectorbt as vbt
    from numba import njit
    from vectorbt.portfolio import nb

    @njit  # type: ignore[untyped-decorator]
    def centre_of(lattice: Any, price: float) -> Any:
        low = np.searchsorted(lattice, price, side="right") - 1
        return low if price - lattice[low] < lattice[low + 1] - price else low + 1

    @njit  # type: ignore[untyped-decorator]
    def decide(state: Any, rests: Any, held: Any, lattice: Any, window: int, price: float) -> None:
        centre = state[0]
        up = down = 0.0
        if centre >= 0:
            up = lattice[centre] + 0.6 * (lattice[centre + 1] - lattice[centre])
            down = lattice[centre] - 0.6 * (lattice[centre] - lattice[centre - 1])
        if centre < 0 or price > up or price < down:
            state[0] = centre = centre_of(lattice, price)
            for level in range(state[1], centre - window):
                rests[level] = False
            for level in range(centre + 1, state[2] + 1):
                if lattice[level] < price:
                    rests[level] = False
            state[1] = centre - window
            state[2] = max(centre, state[2])
        for level in range(centre - window, centre):
            taken = held[level] or (held[level - 1] > 0)
            buffer = 0.1 * (lattice[level + 1] - lattice[level])
            if not rests[level] and not taken and price >= lattice[level] + buffer:
                rests[level] = True
        for level in range(centre - window, state[2] + 1):
            if rests[level] and held[level - 1] > 0:
                rests[level] = False
        while state[2] > centre and not rests[state[2]]:
            state[2] -= 1

    @njit  # type: ignore[untyped-decorator]
    def order(
        c: Any, path: Any, lattice: Any, quantities: Any, window: int, fee: float, tick: float, step: float,
        state: Any, rests: Any, held: Any, due: Any,
    ) -> Any:  # fmt: skip
        price = path[c.i]
        if c.call_idx == 0:
            count = 0
            if state[0] >= 0:
                for level in range(state[2], state[1] - 1, -1):
                    if lattice[level] <= price:
                        break
                    if rests[level]:
                        due[count] = level
                        count += 1
                if count == 0:
                    level = state[5]
                    while level <= state[6] and lattice[level + 1] < price:
                        if held[level] > 0:
                            due[count] = -level
                            count += 1
                        level += 1
            state[3], state[4] = count, 0
        if state[4] < state[3]:
            level = due[state[4]]
            state[4] += 1
            if level > 0:
                rests[level] = False
                held[level] = quantities[level]
                state[5], state[6] = min(state[5], level), max(state[6], level)
                return 0, nb.order_nb(held[level] * step, lattice[level] * tick, fees=fee)
            quantity = held[-level]
            held[-level] = 0
            while state[5] <= state[6] and held[state[5]] == 0:
                state[5] += 1
            if state[5] > state[6]:
                state[5], state[6] = len(lattice), 0
            return 0, nb.order_nb(-quantity * step, lattice[-level + 1] * tick, fees=fee)
        decide(state, rests, held, lattice, window, price)
        return -1, nb.order_nothing_nb()

    path, lattice = data["path"].astype(np.float64), data["lattice"].astype(np.float64)
    best, portfolio = float("inf"), _NOTHING
    for _ in range(2):
        state = np.array([-1, 0, 0, 0, 0, len(lattice), 0], dtype=np.int64)
        arrays = (
            state, np.zeros(len(lattice), np.bool_), np.zeros(len(lattice), np.int64), np.zeros(len(lattice), np.int64),
        )  # fmt: skip
        before = time.perf_counter()
        portfolio = vbt.Portfolio.from_order_func(
            path * float(data["tick"]), order, path, lattice, data["quantities"], int(data["window"]),
            float(data["fee"]), float(data["tick"]), float(data["step"]), *arrays, flexible=True, init_cash=CASH,
            max_orders=len(path) // 8,
        )  # fmt: skip
        best = min(best, time.perf_counter() - before)
    records = portfolio.order_records
    return {"version": vbt.__version__, "seconds": best, "fills": len(records), "pnl": float(portfolio.total_profit())}


def nautilus(data: Any) -> dict[str, Any]:
    """`BacktestEngine` on one-minute bars, without logs and risk checks; loading the bars is not measured."""
    import nautilus_trader
    from nautilus_trader.backtest.engine import BacktestEngine, BacktestEngineConfig
    from nautilus_trader.backtest.models import FillModel
    from nautilus_trader.config import LoggingConfig, RiskEngineConfig
    from nautilus_trader.model.currencies import BTC, USDT
    from nautilus_trader.model.data import Bar, BarType
    from nautilus_trader.model.enums import AccountType, OmsType, OrderSide
    from nautilus_trader.model.identifiers import InstrumentId, Symbol, Venue
    from nautilus_trader.model.instruments import CryptoPerpetual
    from nautilus_trader.model.objects import Money, Price, Quantity
    from nautilus_trader.trading.strategy import Strategy

    tick, step, fee = (Decimal(str(data[name])) for name in ("tick", "step", "fee"))
    digits, places = (-int(value.normalize().as_tuple().exponent) for value in (tick, step))
    venue = Venue("SIM")
    market = CryptoPerpetual(
        InstrumentId(Symbol("REPLAY"), venue), Symbol("REPLAY"), BTC, USDT, USDT, False, digits, places,
        Price(float(tick), digits), Quantity(float(step), places), 0, 0, maker_fee=fee, taker_fee=fee,
        margin_init=Decimal("0.01"), margin_maint=Decimal("0.005"),
    )  # fmt: skip
    kind = BarType.from_str(f"{market.id}-1-MINUTE-LAST-EXTERNAL")
    ticks, times = data["candles"], data["times"].tolist()
    rows = zip(*(ticks[:, column].tolist() for column in range(4)), times, strict=True)
    one, unit = Quantity(1_000, places), float(tick)
    bars = [
        Bar(kind, *(Price(price * unit, digits) for price in prices), one, at + 60_000_000_000, at + 60_000_000_000)
        for *prices, at in rows
    ]
    lattice, window = data["lattice"].tolist(), int(data["window"])
    prices = [Price(price * unit, digits) for price in lattice]
    quantities = [Quantity(steps * float(step), places) for steps in data["quantities"].tolist()]

    class Grid(Strategy):  # type: ignore[misc]
        """The long grid; buys: orders by level; held: quantity by level; levels: level of each order at work."""

        def __init__(self) -> None:
            super().__init__()
            self.centre = -1
            self.buys: dict[int, Any] = {}
            self.held: dict[int, Any] = {}
            self.levels: dict[Any, int] = {}
            self.fills = 0

        def on_start(self) -> None:
            self.subscribe_bars(kind)

        def on_bar(self, bar: Any) -> None:
            self.settle(round(float(bar.close) / unit))

        def settle(self, price: int) -> None:
            here = self.centre
            reach = 0.0 if here < 0 else 0.6 * (lattice[here + 1] - lattice[here])
            if here < 0 or abs(price - lattice[here]) > reach:
                low = int(np.searchsorted(lattice, price, side="right")) - 1
                self.centre = here = low if price - lattice[low] < lattice[low + 1] - price else low + 1
            for level in [level for level in self.buys if level < here - window or level > here or self.taken(level)]:
                self.cancel_order(self.buys[level])
            for level in range(here - window, here):
                buffer = (lattice[level + 1] - lattice[level]) / 10
                if level not in self.buys and not self.taken(level) and price >= lattice[level] + buffer:
                    self.buys[level] = self.send(level, OrderSide.BUY, prices[level], quantities[level])

        def taken(self, level: int) -> bool:
            return level in self.held or level - 1 in self.held

        def send(self, level: int, side: Any, price: Any, quantity: Any) -> Any:
            order = self.order_factory.limit(market.id, side, quantity, price, post_only=False)
            self.levels[order.client_order_id] = level
            self.submit_order(order)
            return order

        def on_order_canceled(self, event: Any) -> None:
            self.buys.pop(self.levels.pop(event.client_order_id), None)

        def on_order_filled(self, event: Any) -> None:
            self.fills += 1
            level = self.levels.pop(event.client_order_id)
            if event.order_side == OrderSide.BUY:
                self.buys.pop(level, None)
                self.held[level] = event.last_qty
                self.send(level, OrderSide.SELL, prices[level + 1], event.last_qty)
            else:
                self.held.pop(level, None)
            self.settle(round(float(event.last_px) / unit))

    quiet = BacktestEngineConfig(
        logging=LoggingConfig(bypass_logging=True), risk_engine=RiskEngineConfig(bypass=True), run_analysis=False
    )
    engine = BacktestEngine(quiet)
    engine.add_venue(
        venue, OmsType.NETTING, AccountType.MARGIN, [Money(CASH, USDT)], bar_adaptive_high_low_ordering=True,
        fill_model=FillModel(prob_fill_on_limit=0.0),
    )  # fmt: skip
    engine.add_instrument(market)
    engine.add_data(bars, validate=False)
    grid = Grid()
    engine.add_strategy(grid)
    before = time.perf_counter()
    engine.run()
    seconds = time.perf_counter() - before
    cash = engine.portfolio.account(venue).balance_total(USDT).as_double() - CASH
    unrealized = engine.portfolio.unrealized_pnl(market.id)
    pnl = cash + (0.0 if unrealized is None else unrealized.as_double())
    engine.dispose()
    return {"version": nautilus_trader.__version__, "seconds": seconds, "fills": grid.fills, "pnl": pnl}


def main() -> None:
    """Measure one rival and print."""
    rival, source = sys.argv[1:]
    with np.load(source) as file:
        data = {name: file[name] for name in file.files}
    result = {"vectorbt": vectorbt, "nautilus": nautilus}[rival](data)
    result["candles_per_s"] = round(len(data["times"]) / result.pop("seconds"))
    print(json.dumps(result))


if __name__ == "__main__":
    main()
