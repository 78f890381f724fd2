"""Panic volume on falling closes stops opening; a majority of recovered symbols lets it begin again."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.domain.orders import Candle
from opensqt_actors.domain.risk import RiskSettings, VolumeSpikeMonitor

SYMBOLS = ("AUSDT", "BUSDT", "CUSDT")


class Watch:
    """A monitor whose windows hold two quiet candles of close 100 and volume 10 for each symbol: the limit is 30."""

    def __init__(self, settings: RiskSettings) -> None:
        self.monitor = VolumeSpikeMonitor(settings)
        self.time = 0
        for _ in range(settings.window):
            for symbol in settings.monitor:
                assert not self.closes(symbol, 100, 10)

    def closes(self, symbol: str, close: float, volume: float, *, closed: bool = True) -> bool:
        """The next candle of a symbol. Whether the monitor's mind was changed."""
        self.time += 1
        return self.monitor.candle(Candle(symbol, self.time, close, close, close, close, volume, closed))

    def panic(self, symbol: str) -> bool:
        return self.closes(symbol, 90, 31)

    def calm(self, symbol: str) -> bool:
        return self.closes(symbol, 110, 1)


def watch(*monitor: str, **settings: object) -> Watch:
    return Watch(RiskSettings(monitor=monitor, window=2, **settings))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("close", "volume", "panics"),
    [
        (99.9, 30.1, True),
        (100, 30.1, False),  # the close did not fall below its mean
        (100.1, 30.1, False),
        (99.9, 30, False),  # the volume is not above three times its mean
        (99.9, 29.9, False),
    ],
)
def test_a_spike_is_a_close_below_its_mean_on_more_than_so_many_times_the_mean_volume(
    close: float, volume: float, panics: bool
) -> None:
    one = watch("AUSDT")
    assert one.closes("AUSDT", close, volume) is panics
    assert one.monitor.triggered is panics


def test_the_means_are_of_the_candles_before_the_newest() -> None:
    one = watch("AUSDT")
    one.closes("AUSDT", 200, 20)  # the window is now (100, 10), (200, 20): means of 150 and 15
    assert not one.closes("AUSDT", 149, 45)
    two = watch("AUSDT")
    two.closes("AUSDT", 200, 20)
    assert two.closes("AUSDT", 149, 45.1)


def test_nothing_is_said_before_the_window_is_full() -> None:
    monitor = VolumeSpikeMonitor(RiskSettings(monitor=("AUSDT",), window=2))
    for time, (close, volume) in enumerate([(100, 10), (1, 1e9)]):
        assert not monitor.candle(Candle("AUSDT", time, close, close, close, close, volume, True))
    assert not monitor.triggered


def test_a_panic_of_some_is_none_when_all_are_asked_for() -> None:
    three = watch(*SYMBOLS)
    assert [three.panic(symbol) for symbol in SYMBOLS] == [False, False, True]


def test_a_panic_of_one_is_enough_when_any_is_asked_for() -> None:
    assert watch(*SYMBOLS, trigger="any").panic("BUSDT")


def test_the_reason_names_each_spiking_symbol_with_its_figures() -> None:
    two = watch("AUSDT", "BUSDT", trigger="all")
    two.panic("AUSDT")
    two.panic("BUSDT")
    assert two.monitor.reason == (
        "AUSDT: close 90 below its mean 100, volume 31 above 30; BUSDT: close 90 below its mean 100, volume 31 above 30"
    )


def test_the_reason_stays_short_however_many_symbols_spike() -> None:
    many = watch("A", "B", "C", "D")
    for symbol in "ABCD":
        many.panic(symbol)
    assert [part.split(":")[0] for part in many.monitor.reason.split("; ")] == ["A", "B", "C"]


def test_a_majority_of_recovered_symbols_releases() -> None:
    three = watch(*SYMBOLS)
    for symbol in SYMBOLS:
        three.panic(symbol)
    assert not three.calm("AUSDT")
    assert three.monitor.triggered
    assert three.calm("CUSDT")
    assert not three.monitor.triggered
    assert three.monitor.reason == ""


def test_as_many_must_recover_as_were_asked_for() -> None:
    three = watch(*SYMBOLS, recovery=1)
    for symbol in SYMBOLS:
        three.panic(symbol)
    assert three.calm("BUSDT")


@pytest.mark.parametrize(("symbols", "needed"), [(1, 1), (2, 2), (3, 2), (4, 3), (5, 3)])
def test_a_majority_is_more_than_half(symbols: int, needed: int) -> None:
    assert RiskSettings(monitor=tuple(map(str, range(symbols)))).needed == needed


@pytest.mark.parametrize(
    ("close", "volume", "recovers"),
    [
        # after the panic the window holds (100, 10), (90, 31): means of 95 and 20.5, a limit of 61.5
        (95.1, 61.4, True),
        (95, 61.4, False),
        (94, 61.4, False),
        (95.1, 61.5, False),
        (95.1, 62, False),
    ],
)
def test_a_symbol_has_recovered_once_it_closes_above_its_mean_on_volume_below_the_limit(
    close: float, volume: float, recovers: bool
) -> None:
    one = watch("AUSDT")
    assert one.panic("AUSDT")
    assert one.closes("AUSDT", close, volume) is recovers
    assert one.monitor.triggered is not recovers


def test_a_symbol_that_never_panicked_counts_as_recovered() -> None:
    """With a trigger by any, the others must not hold everything back until their next candle."""
    three = watch(*SYMBOLS, trigger="any")
    assert three.panic("AUSDT")
    three.calm("BUSDT")
    assert three.calm("CUSDT")


def test_a_second_panic_is_told_like_the_first() -> None:
    one = watch("AUSDT")
    assert one.panic("AUSDT")
    assert one.calm("AUSDT")
    one.closes("AUSDT", 100, 10)
    one.closes("AUSDT", 100, 10)
    assert one.panic("AUSDT")


def test_what_goes_on_is_not_told_again() -> None:
    one = watch("AUSDT")
    assert one.panic("AUSDT")
    assert not one.closes("AUSDT", 1, 1e9)
    assert one.monitor.triggered


@pytest.mark.parametrize(
    ("symbol", "time", "closed"),
    [
        ("AUSDT", 3, False),  # still going on
        ("AUSDT", 2, True),  # the newest one again
        ("AUSDT", 1, True),  # an older one
        ("OTHER", 3, True),  # not watched
    ],
)
def test_only_closed_candles_of_watched_symbols_that_are_new_are_taken(symbol: str, time: int, closed: bool) -> None:
    one = watch("AUSDT")
    panic = Candle(symbol, time, 90, 90, 90, 90, 31, closed)
    assert not one.monitor.candle(panic)
    assert not one.monitor.triggered
    assert one.panic("AUSDT"), "and what was left out is in no mean"


def test_without_symbols_to_watch_it_is_off() -> None:
    off = VolumeSpikeMonitor(RiskSettings())
    assert not off.candle(Candle("AUSDT", 1, 1, 1, 1, 1, 1e9, True))
    assert not off.triggered
    assert off.reason == ""


candles = st.tuples(st.sampled_from(SYMBOLS), st.integers(50, 150), st.integers(1, 100))


@given(st.lists(candles, max_size=60), st.sampled_from(["all", "any"]))
def test_every_change_is_told_and_nothing_else(taken: list[tuple[str, int, int]], trigger: str) -> None:
    three = watch(*SYMBOLS, trigger=trigger)
    for symbol, close, volume in taken:
        before = three.monitor.triggered
        assert three.closes(symbol, close, volume) is (three.monitor.triggered != before)
        assert bool(three.monitor.reason) is three.monitor.triggered
