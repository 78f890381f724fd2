"""Leases as their owner may believe in them: from claim to loss, whatever the clock, the network and the table do."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from msgspec.structs import replace

sys.path.insert(0, str(Path(__file__).parents[2]))

from support.lease_table import LeaseRows, MemoryLeases

from opensqt_actors.actors.leases import SECOND, Lease, Leases, LeaseTerms
from opensqt_actors.actors.symbol_messages import Execution

TERMS = LeaseTerms()
BTC, ETH = ("main", "BTCUSDT"), ("main", "ETHUSDT")


@pytest.fixture
def leases() -> Leases:
    held = Leases("a", TERMS)
    held.claimed(0, [Lease(*BTC, 1), Lease(*ETH, 4)])
    return held


def test_what_was_claimed_may_be_sent_until_the_margin_before_its_end(leases: Leases) -> None:
    assert leases.may_send(*BTC, TERMS.ttl - TERMS.margin - 1)
    assert not leases.may_send(*BTC, TERMS.ttl - TERMS.margin)
    assert not leases.may_send("main", "SOLUSDT", 0)
    assert (leases.epoch(*ETH), leases.epoch("other", "ETHUSDT")) == (4, None)


def test_a_renewal_counts_from_when_it_was_sent_not_from_its_answer(leases: Leases) -> None:
    leases.renewed(SECOND, [Lease(*BTC, 1), Lease(*ETH, 4)])
    assert leases.may_send(*BTC, SECOND + TERMS.life - 1)
    assert not leases.may_send(*BTC, SECOND + TERMS.life)


def test_an_older_answer_does_not_shorten_a_lease(leases: Leases) -> None:
    leases.renewed(2 * SECOND, [Lease(*BTC, 1), Lease(*ETH, 4)])
    leases.renewed(SECOND, [Lease(*BTC, 1), Lease(*ETH, 4)])
    assert leases.may_send(*BTC, 2 * SECOND + TERMS.life - 1)


def test_what_a_renewal_does_not_name_is_lost_at_once(leases: Leases) -> None:
    assert leases.renewed(SECOND, [Lease(*ETH, 4)]).lost == (Lease(*BTC, 1),)
    assert not leases.may_send(*BTC, SECOND)
    assert leases.may_send(*ETH, SECOND)
    assert leases.epoch(*BTC) is None


def test_a_claim_whose_answer_was_lost_is_learnt_from_the_next_renewal(leases: Leases) -> None:
    answer = leases.renewed(SECOND, [Lease(*BTC, 1), Lease("main", "SOLUSDT", 2), Lease(*ETH, 4)])
    assert answer.gained == (Lease("main", "SOLUSDT", 2),)
    assert leases.may_send("main", "SOLUSDT", SECOND)


def test_another_epoch_of_what_is_held_means_that_somebody_had_it_in_between(leases: Leases) -> None:
    answer = leases.renewed(SECOND, [Lease(*BTC, 3), Lease(*ETH, 4)])
    assert (answer.lost, answer.gained) == ((Lease(*BTC, 1),), (Lease(*BTC, 3),))
    assert leases.epoch(*BTC) == 3


def test_what_was_given_up_does_not_come_back_with_an_answer_that_was_on_its_way(leases: Leases) -> None:
    assert leases.dropped(*BTC) == Lease(*BTC, 1)
    assert leases.dropped(*BTC) is None
    assert leases.renewed(SECOND, [Lease(*BTC, 1), Lease(*ETH, 4)]).gained == ()
    assert not leases.may_send(*BTC, SECOND)
    assert leases.renewed(SECOND, [Lease(*BTC, 2), Lease(*ETH, 4)]).gained == (Lease(*BTC, 2),)


def test_past_half_of_its_life_nothing_is_opened_and_at_the_deadline_nothing_is_sent(leases: Leases) -> None:
    assert leases.look(TERMS.half - 1) == leases.look(0)
    assert leases.look(TERMS.half).closing == (BTC, ETH)
    assert leases.look(TERMS.half + 1).closing == ()
    look = leases.look(TERMS.life)
    assert (look.closing, look.stopped) == ((), (BTC, ETH))
    assert leases.look(TERMS.life + 1).stopped == ()


def test_a_lease_that_is_renewed_after_all_goes_on(leases: Leases) -> None:
    leases.look(TERMS.life)
    leases.renewed(TERMS.life + SECOND, [Lease(*BTC, 1), Lease(*ETH, 4)])
    assert leases.look(TERMS.life + 2 * SECOND).again == (BTC, ETH)
    assert leases.look(TERMS.life + 2 * SECOND).again == ()
    assert leases.may_send(*BTC, TERMS.life + 2 * SECOND)


def test_a_host_that_slept_through_it_all_is_told_both_at_once(leases: Leases) -> None:
    look = leases.look(60 * SECOND)
    assert (look.closing, look.stopped) == ((BTC, ETH), (BTC, ETH))
    assert not leases.may_send(*BTC, 60 * SECOND)


def test_requests_of_a_last_owner_are_too_old_for_the_venue_when_the_next_one_may_begin() -> None:
    assert TERMS.life + TERMS.request_window + SECOND <= TERMS.ttl + TERMS.grace
    # However long the terms: what a dead process has sent is waited for no longer than that.
    assert replace(TERMS, grace=60 * SECOND).request_window < Execution().request_life


# --- several owners, one table ---------------------------------------------------------------------------------------


class _Request:
    """A statement on its way: it may be carried out late, or more than once forgotten by who sent it."""

    def __init__(self, kind: str, leases: Leases, table: MemoryLeases, sent: int, released: Lease | None) -> None:
        self.kind = kind
        self.leases = leases
        self.table = table
        self.sent = sent
        self.released = released
        self.result: tuple[Lease, ...] | None = None

    def carry_out(self) -> None:
        if self.kind == "claim":
            self.result = self.table.claim(["main"], 2)
        elif self.kind == "renew":
            self.result = self.table.renew()
        else:
            assert self.released is not None
            self.table.release([self.released])
            self.result = ()


class _Host:
    """offset, parts: its clock is ahead by so much, and so many parts in a thousand too fast."""

    def __init__(self, name: str, offset: int, parts: int) -> None:
        self.name = name
        self.offset = offset
        self.parts = parts
        self.starts = 0
        self.asleep = False
        self.asking: _Request | None = None
        self.leases: Leases

    def clock(self, real: int) -> int:
        return self.offset + real + real * self.parts // 1_000


OWNER = st.integers(0, 1)
DELAY = st.sampled_from([0, SECOND, 4 * SECOND, 9 * SECOND])
PAUSE = st.sampled_from([SECOND, TERMS.half, TERMS.life - 1, TERMS.life, TERMS.ttl, TERMS.ttl + TERMS.grace + 1])


class SeveralOwners(RuleBasedStateMachine):
    """Two hosts and a table, with delays, pauses, lost answers and restarts at will."""

    @initialize(
        offsets=st.lists(st.integers(-(10**15), 10**15), min_size=2, max_size=2),
        parts=st.lists(st.integers(-5, 5), min_size=2, max_size=2),
        ahead=st.integers(-(10**15), 10**15),
    )
    def begin(self, offsets: list[int], parts: list[int], ahead: int) -> None:
        self.real = 10**6 * SECOND
        self.rows = LeaseRows((BTC, ETH), lambda: self.real + ahead)
        self.hosts = [_Host(name, offset, part) for name, offset, part in zip("ab", offsets, parts, strict=True)]
        self.late: list[_Request] = []
        self.epochs = {BTC: 0, ETH: 0}
        for host in self.hosts:
            self._start(host)

    def _start(self, host: _Host) -> None:
        host.starts += 1
        host.leases = Leases(f"{host.name}{host.starts}", TERMS)
        host.asking = None
        host.asleep = False

    @rule(ns=PAUSE)
    def time_passes(self, ns: int) -> None:
        self.real += ns

    @rule(owner=OWNER, kind=st.sampled_from(["claim", "renew"]), there=DELAY, back=DELAY)
    def talk(self, owner: int, kind: str, there: int, back: int) -> None:
        """The usual case: a statement, and its answer after a while."""
        self.ask(owner, kind)
        self.real += there
        self.the_table_is_reached(owner)
        self.check()
        self.real += back
        self.the_answer_arrives(owner)

    @rule(owner=OWNER, kind=st.sampled_from(["claim", "renew"]))
    def ask(self, owner: int, kind: str) -> None:
        host = self.hosts[owner]
        if host.asleep or host.asking is not None:
            return
        table = MemoryLeases(self.rows, host.leases.owner, TERMS)
        host.asking = _Request(kind, host.leases, table, host.clock(self.real), None)

    @rule(owner=OWNER, market=st.sampled_from([BTC, ETH]))
    def give_up(self, owner: int, market: tuple[str, str]) -> None:
        host = self.hosts[owner]
        if host.asleep or host.asking is not None:
            return
        lease = host.leases.dropped(*market)
        if lease is not None:
            table = MemoryLeases(self.rows, host.leases.owner, TERMS)
            host.asking = _Request("release", host.leases, table, host.clock(self.real), lease)

    @rule(owner=OWNER)
    def the_table_is_reached(self, owner: int) -> None:
        request = self.hosts[owner].asking
        if request is not None and request.result is None:
            request.carry_out()

    @rule(owner=OWNER)
    def the_answer_arrives(self, owner: int) -> None:
        host = self.hosts[owner]
        request = host.asking
        if host.asleep or request is None or request.result is None:
            return
        host.asking = None
        if request.kind == "claim":
            request.leases.claimed(request.sent, request.result)
        elif request.kind == "renew":
            request.leases.renewed(request.sent, request.result)

    @rule(owner=OWNER)
    def the_connection_breaks(self, owner: int) -> None:
        """What was under way may still be carried out; its answer never comes."""
        request, self.hosts[owner].asking = self.hosts[owner].asking, None
        if request is not None and request.result is None:
            self.late.append(request)

    @precondition(lambda self: self.late)
    @rule(index=st.integers(0, 100))
    def something_arrives_late(self, index: int) -> None:
        self.late.pop(index % len(self.late)).carry_out()

    @rule(owner=OWNER)
    def sleeps_or_wakes(self, owner: int) -> None:
        self.hosts[owner].asleep = not self.hosts[owner].asleep

    @rule(owner=OWNER)
    def starts_again(self, owner: int) -> None:
        host = self.hosts[owner]
        self.the_connection_breaks(owner)
        self._start(host)

    @rule(owner=OWNER)
    def looks(self, owner: int) -> None:
        """Whoever is told nothing may send, and nobody opens what is closing."""
        host = self.hosts[owner]
        at = host.clock(self.real)
        look = host.leases.look(at)
        assert all(not host.leases.may_send(*market, at) for market in look.stopped)
        assert all(host.leases.may_send(*market, at) for market in look.again)

    @invariant()
    def check(self) -> None:
        self.at_most_one_may_send_and_it_has_the_newest_epoch()
        self.epochs_only_grow()

    def at_most_one_may_send_and_it_has_the_newest_epoch(self) -> None:
        for market in getattr(self, "epochs", ()):
            row = self.rows.rows[market]
            senders = [host for host in self.hosts if host.leases.may_send(*market, host.clock(self.real))]
            assert len(senders) <= 1, [host.leases.owner for host in senders]
            assert all(host.leases.epoch(*market) == row.epoch for host in senders)

    def epochs_only_grow(self) -> None:
        for market, before in getattr(self, "epochs", {}).items():
            now = self.rows.rows[market].epoch
            assert now >= before
            self.epochs[market] = now


TestSeveralOwners = SeveralOwners.TestCase
TestSeveralOwners.settings = settings(max_examples=400, stateful_step_count=40, deadline=None)
