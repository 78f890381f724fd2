"""Exposure limits: sums that stay exact, and that only the side that would grow is blocked."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.domain.exposure import NO_LIMIT, UNIT, AccountExposure, ExposureLimits, Limit, TotalShares
from opensqt_actors.domain.ids import ClientId

CENT = Decimal("0.01")


def a(text: str) -> ClientId:
    return ClientId(text)


def limited(**limits: Limit) -> AccountExposure:
    """One market whose quantum is 1 in quote currency."""
    exposure = AccountExposure(ExposureLimits(**limits))
    exposure.add("BTC", Decimal(1))
    return exposure


def notional(value: int) -> Limit:
    return Limit(notional=Decimal(value))


# --- limits ---------------------------------------------------------------------------------------------------------


def test_without_limits_everything_passes() -> None:
    exposure = limited()
    assert exposure.check("BTC", buys=True, value=10**30) is None
    assert exposure.check("BTC", buys=False, value=10**30) is None


def test_an_order_above_the_limit_for_one_order_is_blocked() -> None:
    exposure = limited(order=notional(100))
    assert exposure.check("BTC", buys=True, value=100) is None
    assert exposure.check("BTC", buys=True, value=101) == (
        "exposure_order",
        "an order of BTC would come to 101.00, above the limit: 100 (notional, order)",
    )


def test_a_symbol_is_blocked_where_held_and_resting_would_come_to_more() -> None:
    exposure = limited(symbol=notional(100))
    exposure.hold("BTC", 40, 0)
    assert exposure.reserve(a("b1"), "BTC", buys=True, value=30) is None
    assert exposure.reserve(a("b2"), "BTC", buys=True, value=31) == (
        "exposure_symbol",
        "BTC would come to 101.00, above the limit: 100 (notional, symbol)",
    )
    assert exposure.of("BTC") == 70
    assert exposure.reserve(a("b3"), "BTC", buys=True, value=30) is None
    assert exposure.of("BTC") == 100


def test_only_the_side_that_would_grow_is_blocked() -> None:
    exposure = limited(symbol=notional(100))
    exposure.hold("BTC", 100, 0)
    blocked = exposure.check("BTC", buys=True, value=1)
    assert blocked is not None
    assert exposure.check("BTC", buys=False, value=200) is not None
    assert exposure.check("BTC", buys=False, value=100) is None


def test_an_order_that_closes_what_the_other_side_holds_passes_every_limit() -> None:
    exposure = limited(order=notional(10), symbol=notional(10), account=notional(10))
    exposure.equity(Decimal(0))
    exposure.hold("BTC", 0, 1_000)
    assert exposure.check("BTC", buys=True, value=1_000) is None
    assert exposure.check("BTC", buys=True, value=1_001) is not None
    exposure.order(a("b1"), "BTC", buys=True, value=1)
    assert exposure.check("BTC", buys=True, value=999) is None
    blocked = exposure.check("BTC", buys=True, value=1_000)
    assert blocked is not None
    assert blocked.code == "exposure_order"
    assert exposure.check("BTC", buys=False, value=1) is not None


def test_what_does_not_raise_a_symbols_exposure_passes_its_limits_but_not_that_of_one_order() -> None:
    exposure = limited(order=notional(50), symbol=notional(10), account=notional(10))
    exposure.order(a("s1"), "BTC", buys=False, value=100)
    assert exposure.check("BTC", buys=True, value=50) is None
    blocked = exposure.check("BTC", buys=True, value=51)
    assert blocked is not None
    assert blocked.code == "exposure_order"
    exposure.limit(ExposureLimits(symbol=notional(10)))
    assert exposure.check("BTC", buys=True, value=100) is None
    assert exposure.check("BTC", buys=True, value=101) is not None


def test_an_account_is_the_sum_of_its_symbols() -> None:
    exposure = limited(account=notional(100))
    exposure.add("ETH", CENT)
    exposure.hold("ETH", 0, 4_000)  # 40
    exposure.order(a("e1"), "ETH", buys=True, value=1_000)  # the smaller side of ETH
    exposure.order(a("b1"), "BTC", buys=True, value=50)
    assert exposure.used == 90 * UNIT
    assert exposure.check("BTC", buys=True, value=10) is None
    assert exposure.check("BTC", buys=True, value=11) == (
        "exposure_account",
        "the account would come to 101.00, above the limit: 100 (notional, account)",
    )
    assert exposure.check("BTC", buys=False, value=60) is None
    assert exposure.check("BTC", buys=False, value=61) is not None
    assert exposure.check("ETH", buys=True, value=3_000) is None


@pytest.mark.parametrize(
    ("level", "what"),
    [("order", "an order of BTC"), ("symbol", "BTC"), ("account", "the account")],
)
def test_leverage_is_of_the_equity(level: str, what: str) -> None:
    exposure = limited(**{level: Limit(leverage=Decimal("2.5"))})
    blocked = exposure.check("BTC", buys=True, value=1)
    assert blocked is not None
    assert blocked.code == "equity_unknown"
    assert blocked.sentence == (
        f"{what} would come to 1.00, above the limit: leverage 2.5 ({level}) of an equity that is not known yet"
    )
    exposure.equity(Decimal(40))
    assert exposure.check("BTC", buys=True, value=100) is None
    assert exposure.check("BTC", buys=True, value=101) == (
        f"leverage_{level}",
        f"{what} would come to 101.00, above the limit: leverage 2.5 ({level}) of an equity of 40.00",
    )
    exposure.equity(Decimal(-1))
    assert exposure.check("BTC", buys=True, value=1) is not None
    exposure.equity(None)
    blocked = exposure.check("BTC", buys=True, value=1)
    assert blocked is not None
    assert blocked.code == "equity_unknown"


@pytest.mark.parametrize(
    ("equity", "code"), [(10, "leverage_account"), (20, "exposure_account"), (30, "exposure_account")]
)
def test_the_tighter_of_two_limits_counts(equity: int, code: str) -> None:
    exposure = limited(account=Limit(Decimal(40), Decimal(2)))
    exposure.equity(Decimal(equity))
    assert exposure.check("BTC", buys=True, value=min(40, 2 * equity)) is None
    blocked = exposure.check("BTC", buys=True, value=min(40, 2 * equity) + 1)
    assert blocked is not None
    assert blocked.code == code


def test_limits_can_be_changed_while_orders_rest() -> None:
    exposure = limited(symbol=notional(100))
    exposure.order(a("b1"), "BTC", buys=True, value=80)
    exposure.limit(ExposureLimits(symbol=notional(50)))
    assert exposure.check("BTC", buys=True, value=1) is not None
    assert exposure.check("BTC", buys=False, value=50) is None
    assert exposure.used == 80 * UNIT


def test_a_share_of_the_total_limit_is_none_until_it_has_been_told() -> None:
    exposure = AccountExposure(shared=True)
    exposure.add("BTC", Decimal(1))
    assert exposure.check("BTC", buys=True, value=1) == (
        "exposure_total",
        "the account would come to 1.00, above the limit: its share of the total limit, 0.00 now",
    )
    exposure.share = 100 * UNIT
    assert exposure.check("BTC", buys=True, value=100) is None
    assert exposure.check("BTC", buys=True, value=101) == (
        "exposure_total",
        "the account would come to 101.00, above the limit: its share of the total limit, 100.00 now",
    )


def test_limits_are_exact_to_the_last_unit() -> None:
    exposure = AccountExposure(ExposureLimits(account=Limit(leverage=Decimal(1))), shared=True)
    exposure.add("X", Decimal("1e-18"))
    for equity, share, passes in ((0, 9, 0), (9, 0, 0), (9, 9, 9), (9, 5, 5)):
        exposure.equity(Decimal(equity) / UNIT)
        exposure.share = share
        assert [value for value in range(1, 12) if exposure.check("X", buys=True, value=value) is None] == list(
            range(1, passes + 1)
        )
    fresh = AccountExposure(shared=True)
    fresh.add("X", Decimal("1e-18"))
    assert fresh.check("X", buys=True, value=1) is not None


# --- sums -----------------------------------------------------------------------------------------------------------


def test_an_order_that_is_told_twice_counts_once() -> None:
    exposure = limited()
    for value, expected in ((30, 30), (30, 30), (10, 10), (0, 0), (0, 0)):
        exposure.order(a("b1"), "BTC", buys=True, value=value)
        assert exposure.of("BTC") == expected
    exposure.order(a("b1"), "BTC", buys=True, value=5)
    exposure.order(a("b1"), "BTC", buys=False, value=7)
    assert exposure.of("BTC") == 7
    exposure.ended(a("b1"))
    exposure.ended(a("b1"))
    assert exposure.of("BTC") == 0
    exposure.order(a("b2"), "BTC", buys=True, value=0)
    assert not exposure._orders


def test_a_blocked_order_is_not_counted() -> None:
    exposure = limited(order=notional(10))
    assert exposure.reserve(a("b1"), "BTC", buys=True, value=11) is not None
    assert exposure.used == 0


def test_a_symbol_leaves_with_all_that_it_had() -> None:
    exposure = limited()
    exposure.add("ETH", Decimal(1))
    exposure.hold("BTC", 10, 0)
    exposure.order(a("b1"), "BTC", buys=True, value=5)
    exposure.order(a("e1"), "ETH", buys=True, value=7)
    exposure.remove("BTC")
    exposure.remove("BTC")
    assert exposure.used == 7 * UNIT
    exposure.ended(a("b1"))
    assert exposure.used == 7 * UNIT
    exposure.ended(a("e1"))
    assert exposure.used == 0
    with pytest.raises(KeyError):
        exposure.check("BTC", buys=True, value=1)


def test_a_symbol_that_is_added_again_keeps_its_sums_unless_its_quantum_changed() -> None:
    exposure = limited()
    exposure.hold("BTC", 10, 0)
    exposure.add("BTC", Decimal("1.0"))
    assert exposure.used == 10 * UNIT
    exposure.add("BTC", Decimal("0.5"))
    assert exposure.used == 0
    exposure.hold("BTC", 10, 0)
    assert exposure.of("BTC") == 5


def test_a_quantum_finer_than_the_unit_is_rounded_up() -> None:
    exposure = AccountExposure()
    exposure.add("X", Decimal("1e-19"))
    exposure.hold("X", 1, 0)
    assert exposure.used == 1


@dataclass
class Model:
    """The same sums, added up anew each time."""

    held: dict[str, tuple[int, int]] = field(default_factory=lambda: {"BTC": (0, 0), "ETH": (0, 0)})
    orders: dict[str, tuple[str, bool, int]] = field(default_factory=dict)

    def sides(self, symbol: str) -> tuple[int, int]:
        mine = [(buys, value) for where, buys, value in self.orders.values() if where == symbol]
        long, short = self.held[symbol]
        return long + sum(v for b, v in mine if b), short + sum(v for b, v in mine if not b)

    def used(self) -> Decimal:
        return max(self.sides("BTC")) * Decimal(1) + max(self.sides("ETH")) * CENT


VALUES = st.integers(0, 5_000)
SYMBOLS = st.sampled_from(["BTC", "ETH"])
TOLD = st.lists(
    st.one_of(
        st.tuples(st.just("hold"), SYMBOLS, VALUES, VALUES),
        st.tuples(st.just("order"), st.sampled_from("abcde"), SYMBOLS, st.booleans(), VALUES),
        st.tuples(st.just("ended"), st.sampled_from("abcde")),
    ),
    max_size=30,
)


def tell(exposure: AccountExposure, model: Model, told: list[Any]) -> None:
    for what, *rest in told:
        if what == "hold":
            symbol, long, short = rest
            exposure.hold(symbol, long, short)
            model.held[symbol] = long, short
        elif what == "ended":
            exposure.ended(rest[0])
            model.orders.pop(rest[0], None)
        else:
            client_id, symbol, buys, value = rest
            exposure.order(client_id, symbol, buys=buys, value=value)
            model.orders.pop(client_id, None)
            if value:
                model.orders[client_id] = symbol, buys, value


@given(TOLD, SYMBOLS, st.booleans(), VALUES)
def test_sums_are_what_adding_up_gives_and_a_check_is_what_they_say(
    told: list[Any], symbol: str, buys: bool, value: int
) -> None:
    limits = ExposureLimits(symbol=notional(3_000), account=notional(4_000))
    exposure, model = AccountExposure(limits), Model()
    exposure.add("BTC", Decimal(1))
    exposure.add("ETH", CENT)
    tell(exposure, model, told)
    assert Decimal(exposure.used) / UNIT == model.used()
    quantum = Decimal(1) if symbol == "BTC" else CENT
    before, side_before = model.used(), model.sides(symbol)
    model.orders["new"] = symbol, buys, value
    grows = model.used() > before
    mine = model.sides(symbol)[0 if buys else 1] * quantum
    closes = mine <= model.held[symbol][1 if buys else 0] * quantum
    blocked = exposure.check(symbol, buys=buys, value=value)
    if closes or not grows:
        assert blocked is None
    else:
        assert (blocked is not None) == (mine > 3_000 or model.used() > 4_000)
        assert max(side_before) * quantum < mine


@given(TOLD, st.permutations(["hold", "order", "ended"]), st.data())
def test_telling_everything_twice_changes_nothing(told: list[Any], kinds: list[str], data: st.DataObject) -> None:
    once, twice = AccountExposure(), AccountExposure()
    for exposure in (once, twice):
        exposure.add("BTC", Decimal(1))
        exposure.add("ETH", CENT)
    tell(once, Model(), told)
    tell(twice, Model(), [item for one in told for item in (one, one)])
    assert once.used == twice.used


@given(TOLD, st.integers(1, 3_000))
def test_while_every_order_is_asked_for_an_account_never_passes_its_limit_by_orders(told: list[Any], most: int) -> None:
    exposure = AccountExposure(ExposureLimits(account=notional(most)))
    exposure.add("BTC", Decimal(1))
    exposure.add("ETH", CENT)
    for number, (what, *rest) in enumerate(told):
        if what == "order":
            exposure.reserve(a(f"{rest[0]}{number}"), rest[1], buys=rest[2], value=rest[3])
        elif what == "ended":
            exposure.ended(a(f"{rest[0]}{number - 1}"))
        assert exposure.used <= most * UNIT


# --- everything together --------------------------------------------------------------------------------------------


def test_a_single_account_gets_the_whole_limit() -> None:
    shares = TotalShares(notional(100), frozenset({"main"}))
    assert shares.report("main", used=0, share=0, equity=None) == 100 * UNIT
    assert shares.report("main", used=30 * UNIT, share=100 * UNIT, equity=None) is None


def test_nothing_is_given_before_every_account_has_reported() -> None:
    shares = TotalShares(notional(100), frozenset({"one", "two"}))
    assert shares.report("one", used=0, share=60 * UNIT, equity=None) is None
    assert shares.report("one", used=0, share=60 * UNIT, equity=None) is None
    assert shares.report("two", used=0, share=0, equity=None) == 40 * UNIT


def test_an_account_that_was_lost_need_not_be_waited_for() -> None:
    shares = TotalShares(notional(100), frozenset({"one", "two"}))
    shares.forget("two")
    shares.forget("two")
    assert shares.report("one", used=0, share=0, equity=None) == 100 * UNIT
    assert shares.report("three", used=0, share=0, equity=None) is None
    shares.forget("one")
    assert shares.report("three", used=0, share=0, equity=None) == 100 * UNIT


def test_a_share_that_did_not_arrive_is_told_again_as_it_was() -> None:
    shares = TotalShares(notional(100), frozenset({"one"}))
    assert shares.report("one", used=0, share=0, equity=None) == 100 * UNIT
    shares.limit = notional(50)
    assert shares.report("one", used=0, share=0, equity=None) == 100 * UNIT
    assert shares.report("one", used=0, share=100 * UNIT, equity=None) == 50 * UNIT


def test_what_is_free_is_shared_evenly_and_a_lowered_limit_blocks_growth_only() -> None:
    shares = TotalShares(notional(100), frozenset({"one", "two"}))
    assert shares.report("one", used=30 * UNIT, share=30 * UNIT, equity=None) is None
    assert shares.report("two", used=10 * UNIT, share=0, equity=None) == 40 * UNIT  # 10 and half of 60
    assert shares.report("one", used=30 * UNIT, share=30 * UNIT, equity=None) == 60 * UNIT
    shares.limit = notional(20)
    assert shares.report("two", used=10 * UNIT, share=40 * UNIT, equity=None) == 0
    assert shares.report("one", used=30 * UNIT, share=60 * UNIT, equity=None) == 0
    shares.limit = Limit()
    assert shares.cap.most == NO_LIMIT
    assert shares.report("one", used=30 * UNIT, share=0, equity=None) == NO_LIMIT


def test_total_leverage_is_of_all_equities_and_closed_while_one_is_unknown() -> None:
    shares = TotalShares(Limit(leverage=Decimal(2)), frozenset({"one", "two"}))
    shares.report("one", used=0, share=0, equity=10 * UNIT)
    assert shares.report("two", used=0, share=0, equity=None) is None
    assert shares.cap == (0, "equity_unknown", "leverage 2 (total) of an equity that is not known yet")
    assert shares.report("two", used=0, share=0, equity=30 * UNIT) == 40 * UNIT
    assert shares.cap == (80 * UNIT, "leverage_total", "leverage 2 (total) of an equity of 40.00")


def test_a_share_is_a_whole_number_of_units() -> None:
    shares = TotalShares(notional(100), frozenset({"one", "two", "three"}))
    shares.report("one", used=0, share=0, equity=None)
    shares.report("two", used=0, share=0, equity=None)
    assert repr(shares.report("three", used=0, share=0, equity=None)) == "3" * 20


class Venue:
    """One account's side of the shares, with messages that take their time and an order book that fills its share."""

    def __init__(self) -> None:
        self.used = 0
        self.share = 0
        self.mail: deque[int] = deque()
        self.reports: deque[tuple[int, int]] = deque()


STEPS = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["grow", "shrink", "report", "deliver", "read"]), st.integers(0, 100)),
    max_size=150,
)


@given(STEPS)
def test_whatever_the_messages_do_all_accounts_together_stay_within_the_limit(
    steps: list[tuple[int, str, int]],
) -> None:
    shares = TotalShares(Limit(notional=Decimal(100) / UNIT), frozenset({"0", "1", "2"}))
    venues = [Venue(), Venue(), Venue()]
    for number, what, size in steps:
        venue = venues[number]
        if what == "grow":
            venue.used += max(min(size, venue.share - venue.used), 0)
        elif what == "shrink":
            venue.used -= min(size, venue.used)
        elif what == "report":
            venue.reports.append((venue.used, venue.share))
        elif what == "read" and venue.mail:
            venue.share = venue.mail.popleft()
        elif what == "deliver" and venue.reports:
            used, share = venue.reports.popleft()
            told = shares.report(str(number), used=used, share=share, equity=None)
            if told is not None:
                venue.mail.append(told)
        assert sum(v.used for v in venues) <= 100


def test_in_the_end_the_whole_limit_can_be_used() -> None:
    shares = TotalShares(notional(90), frozenset({"0", "1", "2"}))
    venues = [Venue(), Venue(), Venue()]
    for _ in range(40):
        for number, venue in enumerate(venues):
            told = shares.report(str(number), used=venue.used, share=venue.share, equity=None)
            venue.share = venue.share if told is None else told
        venues[1].used = venues[1].share
    assert venues[1].used > 89 * UNIT
