"""The queue before the writer: withdrawn or sealed, never both; bounded; in order."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from opensqt_actors.storage.backlog import Asking, Backlog, Committing, Item, ItemState, Writing
from opensqt_actors.storage.errors import JournalClosed, JournalFull


def writing(rows: int = 1) -> Writing:
    entries: Any = tuple(range(rows))
    return Writing(entries, "k")


def committing(rows: int = 1) -> Committing:
    intents: Any = tuple(range(rows))
    return Committing(intents, lambda _: None, 0.0)


def asking() -> Asking:
    return Asking(lambda _: None, lambda _: None)


def test_items_come_out_as_they_went_in_and_a_question_comes_alone():
    backlog = Backlog(100)
    items: list[Item] = [writing(), committing(), asking(), writing(), asking(), asking()]
    for item in items:
        backlog.put(item)
    groups = [backlog.take(100, 0) for _ in range(5)]
    assert groups == [items[:2], [items[2]], [items[3]], [items[4]], [items[5]]]
    assert backlog.take(100, 0) == []


def test_a_group_ends_at_its_size():
    backlog = Backlog(100)
    for _ in range(4):
        backlog.put(writing(3))
    assert len(backlog.take(5, 0) or ()) == 2
    assert len(backlog.take(1, 0) or ()) == 1


def test_what_is_put_back_comes_first_and_in_order():
    backlog = Backlog(100)
    items = [writing() for _ in range(4)]
    for item in items:
        backlog.put(item)
    group = backlog.take(3, 0)
    backlog.settle([items[1]])
    backlog.put_back(group or ())
    assert backlog.take(9, 0) == [items[0], items[2], items[3]]


def test_the_bound_counts_what_is_being_written():
    backlog = Backlog(3)
    backlog.put(writing(2))
    group = backlog.take(9, 0)
    with pytest.raises(JournalFull):
        backlog.put(writing(2))
    backlog.settle(group or ())
    backlog.put(writing(3))
    assert backlog.rows == 3


def test_a_withdrawn_item_keeps_its_group_from_being_sealed():
    backlog = Backlog(9)
    items = [committing(), committing()]
    for item in items:
        backlog.put(item)
    backlog.take(9, 0)
    assert backlog.withdraw(items[1])
    assert not backlog.seal(items)
    assert backlog.withdraw(items[0])
    assert backlog.rows == 0


def test_a_sealed_item_cannot_be_withdrawn():
    backlog = Backlog(9)
    item = committing()
    backlog.put(item)
    assert backlog.seal([item])
    assert not backlog.withdraw(item)
    assert backlog.withdraw_questions() == []


def test_closed_and_empty_is_the_end():
    backlog = Backlog(9)
    backlog.put(writing())
    backlog.close()
    with pytest.raises(JournalClosed):
        backlog.put(writing())
    assert len(backlog.take(9, 0) or ()) == 1
    assert backlog.take(9, 0) is None


class BacklogMachine(RuleBasedStateMachine):
    """Whatever the two threads do: every item has one fate, and the rows are those of the items without one."""

    def __init__(self) -> None:
        super().__init__()
        self.backlog = Backlog(40)
        self.items: list[Item] = []
        self.fates: dict[int, str] = {}
        self.taken: list[Item] = []

    def fate(self, item: Item, name: str) -> None:
        assert id(item) not in self.fates
        self.fates[id(item)] = name

    @rule(rows=st.integers(1, 5), kind=st.sampled_from([writing, committing]))
    def put(self, rows: int, kind: Any) -> None:
        item = kind(rows)
        try:
            self.backlog.put(item)
        except JournalFull:
            assert self.backlog.rows + rows > 40
        else:
            self.items.append(item)

    @rule(rows=st.integers(1, 9))
    def take(self, rows: int) -> None:
        if not self.taken:
            self.taken = list(self.backlog.take(rows, 0) or ())

    @rule(which=st.integers(0, 100))
    def withdraw(self, which: int) -> None:
        waiting = [item for item in self.items if type(item) is Committing]
        if waiting:
            item = waiting[which % len(waiting)]
            if self.backlog.withdraw(item):
                self.fate(item, "withdrawn")

    @rule()
    def withdraw_questions(self) -> None:
        for item in self.backlog.withdraw_questions():
            self.fate(item, "withdrawn")

    @rule(written=st.booleans())
    def write(self, written: bool) -> None:
        if written and self.backlog.seal(self.taken):
            self.backlog.settle(self.taken)
            for item in self.taken:
                self.fate(item, "written")
        else:
            self.backlog.put_back(self.taken)
        self.taken = []

    @invariant()
    def rows_are_counted(self) -> None:
        open_items = [item for item in self.items if id(item) not in self.fates]
        assert self.backlog.rows == sum(item.rows for item in open_items)
        assert all((item.state is ItemState.DONE) == (id(item) in self.fates) for item in self.items)


TestBacklogMachine = BacklogMachine.TestCase
