"""The registry: numbers for ever, seeded once, an instance of its own."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest
from msgspec.structs import replace

from opensqt_actors.domain.errors import InvalidValue
from opensqt_actors.domain.ids import check_instance
from opensqt_actors.domain.settings import GridMode, GridSettings, RemoveMode, SymbolSpec, SymbolState
from opensqt_actors.storage import ASSIGN, Database, Registry
from opensqt_actors.storage.restore import load_symbol

GRID = GridSettings(
    mode=GridMode.NEUTRAL,
    amount=Decimal("30.10"),
    interval_percent=Decimal("0.0000000000000000000000001"),
    buy_window=3,
    skew=Decimal("0.5"),
    volatility_sizing=True,
    max_position=Decimal("123456789012345678901234567890.123"),
    anchor=Decimal("1E+3"),
)


def spec(symbol: str, **changes) -> SymbolSpec:
    return SymbolSpec("main", symbol, **({"number": ASSIGN} | changes))


def test_the_instance_is_made_once_and_stays(database):
    made = Registry(database).instance_id()
    check_instance(made)
    assert Registry(database).instance_id() == made


def test_a_spec_comes_back_digit_by_digit(database):
    registry = Registry(database)
    saved = registry.save(
        spec("BTCUSDT", grid=GRID, state=SymbolState.REMOVING, remove_mode=RemoveMode.FLATTEN, adopt=True, epoch=7)
    )
    (loaded,) = registry.specs()
    assert (
        loaded
        == saved
        == spec(
            "BTCUSDT",
            number=0,
            grid=GRID,
            state=SymbolState.REMOVING,
            remove_mode=RemoveMode.FLATTEN,
            adopt=True,
            epoch=7,
        )
    )
    assert str(loaded.grid.amount) == "30.10"


def test_numbers_count_up_over_accounts_and_stay_with_their_symbol(database):
    registry = Registry(database)
    assert registry.save(spec("BTCUSDT")).number == 0
    assert registry.save(spec("ETHUSDT")).number == 1
    assert registry.save(replace(spec("BTCUSDT"), account="other")).number == 2
    assert registry.save(spec("ETHUSDT", state=SymbolState.PAUSED)).number == 1
    assert registry.save(spec("ETHUSDT", number=1)).number == 1


def test_a_number_is_never_given_to_another_symbol(database):
    registry = Registry(database)
    registry.save(spec("BTCUSDT", number=5))
    registry.save(spec("BTCUSDT", state=SymbolState.REMOVED))
    with pytest.raises(InvalidValue, match="belongs to another symbol"):
        registry.save(spec("ETHUSDT", number=5))
    with pytest.raises(InvalidValue, match="number 5 for ever"):
        registry.save(spec("BTCUSDT", number=6))
    assert registry.save(spec("ETHUSDT")).number == 6


def test_numbers_that_do_not_fit_client_ids_are_refused(database):
    registry = Registry(database)
    for number in (-2, 46_656):
        with pytest.raises(InvalidValue, match="must be 0 to 46655"):
            registry.save(spec("BTCUSDT", number=number))
    registry.save(spec("BTCUSDT", number=46_655))
    with pytest.raises(InvalidValue, match="are used"):
        registry.save(spec("ETHUSDT"))


def test_a_removed_symbol_that_is_added_again_goes_on_under_its_number(database, maker):
    times = iter(range(100, 1_000, 100))
    registry = Registry(database, now=lambda: next(times))
    registry.save(spec("BTCUSDT"))
    registry.save(spec("BTCUSDT", state=SymbolState.PAUSED))
    with database.read() as connection:
        assert load_symbol(connection, "main", "BTCUSDT").since == 100
    registry.save(spec("BTCUSDT", state=SymbolState.REMOVED))
    assert registry.specs() == ()
    assert [found.symbol for found in registry.specs(removed=True)] == ["BTCUSDT"]
    assert registry.save(spec("BTCUSDT")).number == 0
    with database.read() as connection:
        assert load_symbol(connection, "main", "BTCUSDT").since == 400


def test_a_starting_symbol_is_one_that_trades_after_a_restart(database):
    assert Registry(database).save(spec("BTCUSDT", state=SymbolState.STARTING)).state is SymbolState.TRADING


def test_the_configuration_seeds_an_empty_registry_only(database):
    registry = Registry(database)
    assert [found.number for found in registry.seed([spec("BTCUSDT"), spec("ETHUSDT")])] == [0, 1]
    registry.save(spec("ETHUSDT", state=SymbolState.REMOVED))
    assert [found.symbol for found in registry.seed([spec("ETHUSDT"), spec("SOLUSDT")])] == ["BTCUSDT"]
    registry.save(spec("BTCUSDT", state=SymbolState.REMOVED))
    assert registry.seed([spec("ETHUSDT")]) == ()


def test_seeding_is_all_or_nothing(database):
    registry = Registry(database)
    with pytest.raises(InvalidValue):
        registry.seed([spec("BTCUSDT"), spec("ETHUSDT", number=99_999)])
    assert registry.specs() == ()


def test_two_that_add_symbols_at_once_get_different_numbers(url):
    databases = [Database(url, busy_timeout=10, lock_timeout=10, statement_timeout=10) for _ in range(2)]
    start = threading.Barrier(2)

    def add(which: int) -> None:
        start.wait()
        for index in range(20):
            Registry(databases[which]).save(spec(f"S{which}X{index}"))

    threads = [threading.Thread(target=add, args=(which,)) for which in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [found.number for found in Registry(databases[0]).specs()] == list(range(40))
    for database in databases:
        database.close()
