"""Entries that no database could take are refused before they reach one, with the field named."""

from __future__ import annotations

from decimal import Decimal

import pytest
from msgspec.structs import replace

from opensqt_actors.domain.ids import ClientId, OrderKind
from opensqt_actors.domain.orders import Fill, FundingPayment, OrderStatus, Side
from opensqt_actors.domain.records import (
    EventSaved,
    FillSaved,
    FundingSaved,
    Intent,
    LatticeSaved,
    OrderSaved,
    SlotDropped,
    SlotSaved,
    TotalsSaved,
)
from opensqt_actors.storage.batch import Batch
from opensqt_actors.storage.errors import BadEntry
from opensqt_actors.storage.merge import STAGES, TERMINAL_STAGE

INTENT = Intent("a", "S", ClientId("x"), 0, OrderKind.OPEN_BUY, 1, Side.BUY, 1, 1, False, True, 1)
ORDER = OrderSaved("a", "S", ClientId("x"), OrderStatus.NEW, 0, "", "", 1)
FILL = FillSaved("a", Fill("S", 1, ClientId(""), "", Side.BUY, 1, 1, Decimal(0), "USDT", True, 1), 0, 0, Decimal(0))
SLOT = SlotSaved("a", "S", 0, 0, 0, None, 0)
TOTALS = TotalsSaved("a", "S", 0, Decimal(0), Decimal(0), 0, 0)
LATTICE = LatticeSaved("a", "S", 0, 1, None)
FUNDING = FundingSaved("a", FundingPayment("S", "p", Decimal(0), 1))
EVENT = EventSaved("a", "S", "k", "s", {}, 1)


@pytest.mark.parametrize(
    "entry", [INTENT, ORDER, FILL, SLOT, TOTALS, LATTICE, FUNDING, EVENT, SlotDropped("a", "S", 0)]
)
def test_every_kind_of_entry_is_taken(entry):
    batch = Batch()
    batch.add(entry, "k")
    assert batch.size == 1


@pytest.mark.parametrize(
    ("entry", "field"),
    [
        (replace(INTENT, price=2**63), "price"),
        (replace(INTENT, quantity=1.0), "quantity"),
        (replace(INTENT, level=True), "level"),
        (replace(INTENT, client_id=ClientId("x\0")), "client_id"),
        (replace(ORDER, reason="\ud800"), "reason"),
        (replace(ORDER, filled=-(2**63)), "filled"),
        (replace(FILL, fee=Decimal("NaN")), "fee"),
        (replace(FILL, fee=0.1), "fee"),
        (replace(FILL, realized=0.5), "realized"),
        (replace(FILL, fill=replace(FILL.fill, fee=Decimal("Infinity"))), "fill.fee"),
        (replace(SLOT, cost=10**1000), "cost"),
        (replace(SLOT, exit_level=2**70), "exit_level"),
        (replace(TOTALS, fees=Decimal("1E+2000")), "fees"),
        (replace(LATTICE, ratio=Decimal("-Infinity")), "ratio"),
        (replace(EVENT, data={"x": {1, 2}}), "data"),
        (replace(EVENT, data={"x": float("nan")}), "data"),
        (replace(EVENT, sentence="a\0b"), "sentence"),
        (SlotDropped("a", "S", 2**64), "level"),
    ],
)
def test_a_value_that_no_database_takes_is_refused_by_name(entry, field):
    batch = Batch()
    with pytest.raises(BadEntry, match=rf"^{field}: must be"):
        batch.add(entry, "k")
    assert batch.size == 0


def test_the_stages_tell_the_terminal_statuses():
    assert {status for status in OrderStatus if status.terminal} == {
        status for status, stage in STAGES.items() if stage >= TERMINAL_STAGE
    }
    assert len(set(STAGES.values())) == len(OrderStatus)
