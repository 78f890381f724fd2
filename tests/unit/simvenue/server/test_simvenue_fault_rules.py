"""Which request or frame a fault rule hits, and how often."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from opensqt_actors.simvenue.server.faults import MAX_RULES, Action, Faults, Request, UserFrame, rule_from

PLACE = Request("/fapi/v1/order", "POST", "sim-a", {"BTCUSDT"}, {"abc"}, {"GTX"})
FRAME = UserFrame("sim-a", "ORDER_TRADE_UPDATE", ("BTCUSDT",), "abc", "TRADE", "FILLED")


@pytest.mark.parametrize(
    "match",
    [
        {},
        {"path": "/fapi/v1/order"},
        {"method": "POST", "account": "sim-a"},
        {"symbol": "BTCUSDT", "client_id_prefix": "ab"},
        {"time_in_force": "GTX"},
    ],
)
def test_a_rule_hits_what_fits_all_its_conditions(match: dict[str, str]) -> None:
    faults = Faults()
    faults.add(rule_from({"action": "drop", "match": match}))
    assert faults.on_request(PLACE) is not None


@pytest.mark.parametrize(
    "match",
    [
        {"path": "/fapi/v1/batchOrders"},
        {"method": "DELETE"},
        {"account": "sim-b"},
        {"symbol": "ETHUSDT"},
        {"client_id_prefix": "b"},
        {"time_in_force": "GTC"},
        {"path": "/fapi/v1/order", "symbol": "ETHUSDT"},
    ],
)
def test_a_rule_spares_what_misses_one_condition(match: dict[str, str]) -> None:
    faults = Faults()
    faults.add(rule_from({"action": "drop", "match": match}))
    assert faults.on_request(PLACE) is None


@pytest.mark.parametrize(
    ("match", "hit"),
    [
        ({"event": "ORDER_TRADE_UPDATE", "execution": "TRADE", "status": "FILLED"}, True),
        ({"client_id_prefix": "a", "symbol": "BTCUSDT"}, True),
        ({"execution": "NEW"}, False),
        ({"status": "NEW"}, False),
        ({"event": "ACCOUNT_UPDATE"}, False),
    ],
)
def test_frames_are_matched_by_what_they_tell(match: dict[str, str], hit: bool) -> None:
    faults = Faults()
    faults.add(rule_from({"action": "drop_event", "match": match}))
    assert (faults.on_frame(FRAME) is not None) is hit


def test_rules_for_requests_and_for_frames_do_not_mix() -> None:
    faults = Faults()
    faults.add(rule_from({"action": "drop"}))
    faults.add(rule_from({"action": "drop_event"}))
    on_request, on_frame = faults.on_request(PLACE), faults.on_frame(FRAME)
    assert on_request is not None
    assert on_frame is not None
    assert (on_request.action, on_frame.action) == (Action.DROP, Action.DROP_EVENT)


def test_a_count_is_used_up_and_the_next_rule_takes_over() -> None:
    faults = Faults()
    faults.add(rule_from({"id": "first", "action": "drop", "count": 2}))
    faults.add(rule_from({"id": "second", "action": "reset"}))
    hits = [faults.on_request(PLACE) for _ in range(3)]
    assert [rule.id for rule in hits if rule is not None] == ["first", "first", "second"]


def test_chance_is_the_same_for_the_same_seed() -> None:
    def sequence(seed: int) -> list[bool]:
        faults = Faults(seed)
        faults.add(rule_from({"action": "drop", "probability": 0.5}))
        return [faults.on_request(PLACE) is not None for _ in range(64)]

    assert sequence(1) == sequence(1) != sequence(2)
    assert 16 < sum(sequence(1)) < 48


def test_orders_of_a_batch_are_only_hit_by_rules_for_each() -> None:
    faults = Faults()
    faults.add(rule_from({"id": "whole", "action": "error"}))
    faults.add(rule_from({"id": "each", "action": "error", "each": True}))
    whole, each = faults.on_request(PLACE), faults.on_batch_item(PLACE)
    assert (whole and whole.id, each and each.id) == ("whole", "each")


def test_rules_are_removed_by_id_or_all() -> None:
    faults = Faults()
    first = faults.add(rule_from({"action": "drop"}))
    faults.add(rule_from({"action": "drop"}))
    assert (faults.remove(first.id), faults.remove(first.id), faults.remove()) == (1, 0, 1)
    assert faults.rules() == []


def test_the_number_of_rules_is_bounded() -> None:
    faults = Faults()
    for _ in range(MAX_RULES):
        faults.add(rule_from({"action": "drop"}))
    with pytest.raises(ValueError, match="delete some"):
        faults.add(rule_from({"action": "drop"}))


@pytest.mark.parametrize(
    "document",
    [
        {},
        {"action": "boom"},
        {"action": "drop", "count": 0},
        {"action": "drop", "probability": 0},
        {"action": "drop", "colour": "red"},
        {"action": "drop", "each": True},
        {"action": "drop_event", "match": {"method": "POST"}},
        {"action": "delay", "match": {"status": "NEW"}},
    ],
)
def test_a_rule_that_makes_no_sense_is_refused(document: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        rule_from(document)
