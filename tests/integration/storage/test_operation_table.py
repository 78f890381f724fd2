"""Operations of several processes in one database."""

from __future__ import annotations

from opensqt_actors.actors.operations import Kind
from opensqt_actors.storage import Database
from opensqt_actors.storage.operations import OperationTable


def test_each_process_is_told_its_own_unfinished_operations_and_everybodys_to_read(database: Database) -> None:
    first, second = OperationTable(database, "host-a"), OperationTable(database, "host-b")
    assert first.insert("one", Kind.PAUSE, {"account": "main", "symbol": "BTCUSDT"})
    assert not second.insert("one", Kind.PAUSE, {"account": "main", "symbol": "BTCUSDT"})
    assert second.insert("two", Kind.RESUME, {"account": "main", "symbol": "BTCUSDT"})
    assert [record.key for record in first.unfinished()] == ["one"]
    assert [record.key for record in second.unfinished()] == ["two"]
    assert {record.key for record in first.records(10)} == {"one", "two"}
    assert first.show("two") is not None
