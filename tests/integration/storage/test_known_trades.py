"""A fill that the venue tells again after a restart is booked once, however many came after it."""

from __future__ import annotations

from pathlib import Path

from opensqt_actors.domain.booked_trades import KNOWN_TRADES
from opensqt_actors.domain.ids import ClientId, IdCoder, OrderKind
from opensqt_actors.domain.orders import Fill, Side
from opensqt_actors.domain.slots import Slots
from opensqt_actors.storage import Database
from opensqt_actors.storage.restore import load_symbol
from opensqt_actors.storage.tables import fills

OLD = 10


def test_a_fill_older_than_all_that_is_remembered_counts_as_booked(tmp_path: Path) -> None:
    database = Database(f"sqlite:///{tmp_path / 'opensqt.db'}")
    database.migrate()
    coder = IdCoder("t0", 1)
    client_id = coder.encode(0, OrderKind.OPEN_BUY, 1)
    row = {
        "account": "main", "symbol": "BTCUSDT", "client_id": client_id, "venue_id": "1", "side": "buy", "price": 1_000,
        "quantity": 1, "venue_fee": 0, "fee_asset": "USDT", "maker": True, "level": 0, "realized": 0, "fee": 0,
        "inferred": False,
    }  # fmt: skip
    with database.write() as connection:
        rows = [row | {"trade_id": number, "at": number} for number in range(1, KNOWN_TRADES + OLD)]
        connection.execute(fills.insert(), rows)
    with database.read() as connection:
        restored = load_symbol(connection, "main", "BTCUSDT")
    database.close()
    slots = Slots(coder, restored.generation_floor, restored.known_trades)

    def told(number: int) -> Fill:
        return Fill("BTCUSDT", number, ClientId(client_id), "1", Side.BUY, 1_000, 1, 0, "USDT", True, number)

    assert slots.fill(told(1)) is None
    assert slots.fill(told(KNOWN_TRADES)) is None
    assert slots.position == 0
    assert slots.fill(told(KNOWN_TRADES + OLD)) is not None
