"""Lay wide ladders against the venue's order limits: how many orders a second, and whether the venue ever says stop.

`--limits standard` are those that Binance publishes (300 orders in 10 s, 1,200 a minute), `market-maker` leaves the
configured 25 a second as the lower one. Ladders are chosen so wide that orders wait the whole time. One JSON line; exit
code 1 when the venue refused anything for its rate.
"""

from __future__ import annotations

import argparse
import sys
import time

from job import say, supervisor, venue, workplace

TOO_MANY_ORDERS = "-1015"


def main() -> int:
    """Place for as long as was asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=120.0)
    parser.add_argument("--limits", choices=("standard", "market-maker"), default="standard")
    parser.add_argument("--symbols", type=int, default=60)
    parser.add_argument("--window", type=int, default=80)
    options = parser.parse_args()
    markets = ("--symbols", str(options.symbols), "--profile", "calm", "--limits", options.limits)
    grids = {"buy_window": options.window, "sell_window": options.window, "max_open_orders": 2 * options.window}
    with workplace() as folder, venue(folder, *markets) as at:
        names = sorted(at.markets())
        entries = [{"symbol": name, "amount": 100, "interval_percent": 0.2} for name in names]
        with supervisor(folder, at, symbols=entries, defaults=grids) as job:
            document = job.config.read_text().replace("orders_per_second: 1000", "orders_per_second: 25")
            job.config.write_text(document.replace("burst: 1000", "burst: 30"))
            job.start()
            job.wait_trading(1)
            began, first = time.monotonic(), at.stats()
            time.sleep(options.seconds)
            last = at.stats()
            took = time.monotonic() - began
            status = job.status()
            waiting = 0 if status is None else sum(row.waiting_requests for row in status.accounts)
            code = job.terminate()
    placed = last["orders_placed"] - first["orders_placed"]
    stops = last["too_many_requests"] + last["banned_requests"] + last["rejections"].get(TOO_MANY_ORDERS, 0)
    say(
        limits=options.limits,
        seconds=round(took, 1),
        orders=placed,
        orders_per_s=round(placed / took, 2),
        still_waiting=waiting,
        refused_for_rate=stops,
        rejections=last["rejections"],
        exit_code=code,
    )
    return 1 if stops or code else 0


if __name__ == "__main__":
    sys.exit(main())
