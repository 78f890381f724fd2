"""Writes orders until it is killed: a line on stdout for everything that was acknowledged. Started by test_kill.py."""

from __future__ import annotations

import asyncio
import os
import sys
from decimal import Decimal

from opensqt_actors.domain.ids import IdCoder, OrderKind
from opensqt_actors.domain.orders import Fill, OrderStatus, Side
from opensqt_actors.domain.records import FillSaved, Intent, OrderSaved, SlotSaved
from opensqt_actors.storage import Database, Journal


async def main(url: str, first: int, at: str, after: int) -> None:
    """Orders from generation `first` on; kills itself at failpoint `at`, the `after`-th time it is passed."""
    passed = 0

    def failpoint(name: str) -> None:
        nonlocal passed
        passed += name == at
        if passed == after:
            os.kill(os.getpid(), 9)

    journal = Journal(Database(url), on_alert=print, failpoint=failpoint)
    coder = IdCoder("t0", 1)
    generation = first
    loop = asyncio.get_running_loop()
    while True:
        batch = range(generation, generation + 3)
        generation += 3
        intents = tuple(
            Intent(
                account="main",
                symbol="BTCUSDT",
                client_id=coder.encode(0, OrderKind.OPEN_BUY, number),
                level=0,
                kind=OrderKind.OPEN_BUY,
                generation=number,
                side=Side.BUY,
                price=100,
                quantity=1,
                reduce_only=False,
                post_only=True,
                at=number,
            )
            for number in batch
        )
        answer: asyncio.Future[str | None] = loop.create_future()
        journal.commit(intents, answer.set_result)
        if await answer is None:
            sys.stdout.write("".join(f"intent {intent.generation}\n" for intent in intents))
            sys.stdout.flush()
        for intent in intents:
            number = intent.generation
            fill = Fill(
                symbol="BTCUSDT",
                trade_id=number,
                client_id=intent.client_id,
                venue_id=str(number),
                side=Side.BUY,
                price=100,
                quantity=1,
                fee=Decimal("0.01"),
                fee_asset="USDT",
                maker=True,
                at=number,
            )
            journal.append(
                (
                    OrderSaved("main", "BTCUSDT", intent.client_id, OrderStatus.FILLED, 1, str(number), "", number),
                    FillSaved("main", fill, 0, 0, fill.fee),
                    SlotSaved("main", "BTCUSDT", 0, number, 100 * number, 1, number),
                )
            )
        if generation % 9 == 1:
            await journal.flush()
            sys.stdout.write(f"filled {generation - 1}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), sys.argv[3], int(sys.argv[4])))
