from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from opensqt_actors.actors.ports import Announce
from opensqt_actors.actors.views import (
    AccountRow,
    ExposureRow,
    LevelView,
    RiskRow,
    RiskView,
    ShardRow,
    StatusView,
    SymbolRow,
    SymbolView,
)
from opensqt_actors.api.event_mapping import event_to, kind_of
from opensqt_actors.api.events import Happening
from opensqt_actors.api.mapping import (
    row_from,
    row_to,
    settings_from,
    settings_to,
    status_from,
    status_to,
    symbol_from,
    symbol_to,
)
from opensqt_actors.api.risk_mapping import risk_from, risk_to
from opensqt_actors.api.values import KINDS, MODES, REMOVALS, SIDES, SLOTS, STATES, decimal_from, time_from, time_to
from opensqt_actors.domain.errors import InvalidValue
from opensqt_actors.domain.ids import OrderKind
from opensqt_actors.domain.settings import GridMode, GridSettings, SymbolState, Trail
from opensqt_actors.wire.v1 import common_pb2, event_pb2, orchestrator_pb2, registry_pb2

decimals = st.decimals(min_value=-(10**12), max_value=10**12, places=12) | st.just(Decimal("1E+5"))
maybe = st.none() | decimals
counts = st.integers(min_value=0, max_value=2**32 - 1)
totals = st.integers(min_value=0, max_value=2**63)
times = st.integers(min_value=0, max_value=4 * 10**18)
words = st.text(max_size=30)

rows = st.builds(
    SymbolRow,
    account=words,
    symbol=words,
    mode=st.sampled_from([mode.value for mode in GridMode]),
    state=st.sampled_from(SymbolState),
    slots_filled=counts,
    slots_total=counts,
    open_orders=counts,
    position=decimals,
    grid_pnl=decimals,
    unrealized_pnl=decimals,
    fees=decimals,
    funding=decimals,
    fills=totals,
    round_trips=totals,
    orders_placed=totals,
    orders_cancelled=totals,
    illegal_transitions=totals,
    restarts=totals,
    bid=maybe,
    ask=maybe,
    last_tick=times,
    why=words,
)

grids = st.builds(
    GridSettings,
    mode=st.sampled_from(GridMode),
    amount=decimals,
    interval=st.none(),
    interval_percent=maybe,
    buy_window=counts,
    sell_window=counts,
    skew=decimals,
    atr_scale=decimals,
    max_multiple=counts,
    volatility_sizing=st.booleans(),
    max_position=maybe,
    max_open_orders=counts,
    anchor=maybe,
    min_price=maybe,
    max_price=maybe,
    trail=st.sampled_from(Trail),
) | st.builds(GridSettings, interval=decimals)


@st.composite
def levels(draw: Any) -> LevelView:
    order = draw(st.booleans())
    return LevelView(
        level=draw(st.integers(-(2**31), 2**31)),
        price=draw(decimals),
        status=draw(st.sampled_from(["free", "pending", "locked"])),
        position=draw(decimals),
        order_id=draw(st.text(min_size=1, max_size=19)) if order else "",
        order_kind=draw(st.sampled_from([kind.name.lower() for kind in OrderKind])) if order else "",
        order_side=draw(st.sampled_from(["buy", "sell"])) if order else "",
        order_price=draw(maybe) if order else None,
        order_quantity=draw(maybe) if order else None,
        order_filled=draw(maybe) if order else None,
        exit_price=draw(maybe),
        reason_code=draw(words),
        reason=draw(words),
        cost=draw(decimals),
        unrealized_pnl=draw(decimals),
        realized_pnl=draw(decimals),
        fees=draw(decimals),
        round_trips=draw(totals),
    )


views = st.builds(
    SymbolView,
    row=rows,
    settings=grids,
    centre=maybe,
    interval=maybe,
    band_low=maybe,
    band_high=maybe,
    gates=st.lists(st.tuples(words, words), max_size=3).map(tuple),
    levels=st.lists(levels(), max_size=4).map(tuple),
    history=st.lists(words, max_size=3).map(tuple),
)

accounts = st.builds(
    AccountRow,
    account=words,
    orders_stream=st.booleans(),
    prices_stream=st.booleans(),
    live_orders=counts,
    waiting=counts,
    paused_until=times,
    ticks=totals,
    ticks_skipped=totals,
)

shard_rows = st.builds(
    ShardRow,
    shard=words,
    state=st.sampled_from(["starting", "running", "ending", "quarantined", "drained", "stopped"]),
    pid=st.integers(1, 2**22),
    symbols=counts,
    restarts=totals,
    resident=totals,
    why=words,
)

statuses = st.builds(
    StatusView,
    version=words,
    instance=words,
    started=times,
    state=st.sampled_from(["starting", "running", "stopping", "stopped"]),
    shards=st.just(0),
    shard_rows=st.lists(shard_rows, max_size=5).map(tuple),
    ticks=totals,
    ticks_skipped=totals,
    orders_placed=totals,
    orders_cancelled=totals,
    fills=totals,
    realized_pnl=decimals,
    unrealized_pnl=decimals,
    fees=decimals,
    funding=decimals,
    restarts=totals,
    illegal_transitions=totals,
    risk_triggered=st.booleans(),
    risk_reason=words,
    accounts=st.lists(accounts, max_size=2).map(tuple),
    symbols=st.lists(rows, max_size=3).map(tuple),
    breaker=st.sampled_from(["closed", "open", "half_open"]),
).map(lambda view: replace(view, shards=len(view.shard_rows)))

RULES = {
    "symbol": ["closed", "open", "half_open"],
    "global": ["closed", "open", "half_open"],
    "monitor": ["calm", "triggered"],
    "emergency": ["calm", "exited"],
}
rules = st.sampled_from(list(RULES)).flatmap(
    lambda scope: st.builds(
        RiskRow, st.just(scope), words, words, st.sampled_from(RULES[scope]), words, words, times, times
    )
)
exposures = st.builds(ExposureRow, words, decimals, maybe, maybe)


@given(st.lists(rules, max_size=4), st.lists(exposures, max_size=2))
def test_the_risk_rules_survive_the_wire(some: list[RiskRow], used: list[ExposureRow]) -> None:
    view = RiskView(tuple(some), tuple(used))
    message = risk_to(view)
    assert risk_from(type(message).FromString(message.SerializeToString())) == view


@given(rows)
def test_a_row_survives_the_wire(row: SymbolRow) -> None:
    message = row_to(row)
    assert row_from(type(message).FromString(message.SerializeToString())) == row


@given(rows)
def test_on_the_wire_the_grids_profit_is_net(row: SymbolRow) -> None:
    assert decimal_from(row_to(row).grid_pnl, "grid_pnl") == row.grid_pnl - row.fees + row.funding


@given(grids)
def test_settings_survive_the_wire_whatever_the_defaults_are(grid: GridSettings) -> None:
    spaced = grid.interval is not None or grid.interval_percent is not None
    defaults = GridSettings(interval=Decimal(7) if spaced else None, amount=Decimal(99))
    expected = grid
    if grid.max_position is None or grid.anchor is None:
        assert defaults.max_position is None
        assert defaults.anchor is None
    assert settings_from(settings_to(grid), defaults) == expected


@given(views)
def test_a_description_survives_the_wire(view: SymbolView) -> None:
    message = symbol_to(view)
    assert symbol_from(type(message).FromString(message.SerializeToString())) == view


@given(statuses)
def test_a_status_survives_the_wire(view: StatusView) -> None:
    message = status_to(view, pid=1, now=view.started)
    assert status_from(type(message).FromString(message.SerializeToString())) == view


@given(times)
def test_times_survive_to_the_nanosecond(ns: int) -> None:
    stamp = time_to(ns)
    assert (time_from(stamp) if stamp is not None else 0) == ns


def test_one_shard_is_told_with_its_process() -> None:
    view = StatusView(
        "1", "ab", 5, "running", 1, 0, 0, 0, 0, 0, Decimal(0), Decimal(0), Decimal(0), Decimal(0), 0, 0, False, "",
        shard_rows=(ShardRow("shard-0", "running", 0, 0, 0, 0, ""),),
    )  # fmt: skip
    message = status_to(view, pid=77, now=1_000_000_005)
    assert [(shard.shard_id, shard.pid, shard.state) for shard in message.shards] == [
        ("shard-0", 77, orchestrator_pb2.SHARD_STATE_RUNNING)
    ]
    assert message.uptime.ToNanoseconds() == 1_000_000_000


@pytest.mark.parametrize("names", [KINDS, MODES, REMOVALS, SIDES, SLOTS, STATES])
def test_every_member_has_a_twin_on_the_wire_and_unspecified_has_none(names: Any) -> None:
    for member in names.ours:
        assert names.read(names.to(member), "field") is member
    with pytest.raises(InvalidValue, match=r"field: must be one of .* but is not given"):
        names.read(0, "field")


@given(st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**20), max_value=10**20, places=9))
def test_every_plain_decimal_is_read_exactly(value: Decimal) -> None:
    assert decimal_from(common_pb2.Decimal(value=format(value, "f")), "amount") == value


@given(st.text(alphabet="0123456789.-+eE_ ", max_size=10))
def test_a_text_is_read_as_the_number_that_it_writes_or_refused(text: str) -> None:
    plain = text.count(".") <= 1 and not set(text) & set("+eE_ ") and "-" not in text[1:]
    whole = text.lstrip("-").split(".")
    if plain and all(whole):
        assert decimal_from(common_pb2.Decimal(value=text), "amount") == Decimal(text)
    else:
        with pytest.raises(InvalidValue, match=r"^amount: must be a plain decimal number"):
            decimal_from(common_pb2.Decimal(value=text), "amount")


def test_unset_settings_take_every_default() -> None:
    defaults = GridSettings(
        mode=GridMode.SHORT, amount=Decimal(5), interval=Decimal(2), max_position=Decimal(50), anchor=Decimal(3)
    )
    assert settings_from(registry_pb2.GridSettings(), defaults) == defaults


@pytest.mark.parametrize(
    ("code", "kind"),
    [
        ("symbol.added", event_pb2.EVENT_KIND_SYMBOL),
        ("margin.locked", event_pb2.EVENT_KIND_RISK),
        ("actor.failed", event_pb2.EVENT_KIND_ACTOR),
        ("venue.throttled", event_pb2.EVENT_KIND_VENUE),
        ("position.mismatch", event_pb2.EVENT_KIND_RECONCILIATION),
        ("journal.unreadable", event_pb2.EVENT_KIND_SYSTEM),
    ],
)
def test_an_events_kind_follows_from_its_code(code: str, kind: Any) -> None:
    assert kind_of(code) == kind


def test_an_announcement_becomes_an_event_with_its_figures_as_text() -> None:
    announce = Announce("risk.triggered", "main", "BTCUSDT", "it fell", "critical", {"n": 3, "of": ("A", "B")})
    event = event_to(Happening(4, 1_500_000_000, announce))
    assert (event.sequence, event.severity, event.symbol, event.sentence) == (
        4,
        common_pb2.SEVERITY_CRITICAL,
        "BTCUSDT",
        "it fell",
    )
    assert dict(event.details) == {"n": "3", "of": "A, B"}
    assert event.occurred_at.ToNanoseconds() == 1_500_000_000
