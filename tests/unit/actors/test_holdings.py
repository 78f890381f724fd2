"""The ExchangeActor's answer to whether a market is flat: the venue's own word, about what is ours."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from opensqt_actors.actors import operator, ports
from opensqt_actors.actors.exchange_holdings import MOST_WAITING, Holdings
from opensqt_actors.actors.exchange_messages import CheckHoldings
from opensqt_actors.actors.views import HoldingsView
from opensqt_actors.domain.ids import IdCoder, OrderKind

OURS = IdCoder("aa", 1).encode(-1, OrderKind.OPEN_BUY, 1)
THEIRS = IdCoder("bb", 1).encode(-1, OrderKind.OPEN_BUY, 1)
HELD = (("XUSDT", Decimal(2)), ("YUSDT", Decimal(-1)))


@pytest.fixture
def holdings() -> Holdings:
    return Holdings("main")


def step(holdings: Holdings, message: Any) -> list[Any]:
    return holdings.handlers[type(message)](message, 1)


def asked(holdings: Holdings, *symbols: str, request: int = 7, whole: bool = False) -> None:
    assert step(holdings, CheckHoldings(request, "main", symbols, "aa", whole)) == [
        ports.FetchHoldings(request, symbols)
    ]


def test_orders_of_others_are_not_counted(holdings: Holdings) -> None:
    asked(holdings, "XUSDT")
    orders = (("XUSDT", OURS), ("XUSDT", THEIRS), ("XUSDT", "web_abc"))
    assert step(holdings, ports.HoldingsFetched(7, (), orders)) == [
        ports.Reply(7, HoldingsView("main", (), (("XUSDT", 1),)))
    ]


def test_of_a_whole_account_every_position_counts_and_of_a_market_its_own(holdings: Holdings) -> None:
    asked(holdings, "XUSDT", whole=True)
    assert step(holdings, ports.HoldingsFetched(7, HELD, ()))[0].payload.positions == HELD
    asked(holdings, "XUSDT")
    assert step(holdings, ports.HoldingsFetched(7, HELD, ()))[0].payload.positions == HELD[:1]


def test_a_venue_that_does_not_say_is_not_taken_for_flat(holdings: Holdings) -> None:
    asked(holdings, "XUSDT")
    [reply] = step(holdings, ports.HoldingsFailed(7, "no answer"))
    assert isinstance(reply.payload, operator.Refusal)
    assert reply.payload.code == "unavailable"
    assert "no answer" in reply.payload.sentence
    assert step(holdings, ports.HoldingsFetched(7, (), ())) == []


def test_questions_that_wait_are_bounded(holdings: Holdings) -> None:
    for number in range(MOST_WAITING):
        asked(holdings, request=number)
    [reply] = step(holdings, CheckHoldings(999, "main", (), "aa"))
    assert reply.payload.code == "unavailable"
