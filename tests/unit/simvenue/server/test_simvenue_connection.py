"""Bounded queues of a socket: order events are never dropped, market data is conflated, slow readers are waited for."""

from __future__ import annotations

import asyncio

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.simvenue.server.connection import CONGESTED, Connection, Kind, text_frame
from opensqt_actors.simvenue.server.stats import Stats


class Wire(asyncio.Transport):
    """A transport that a test can fill up."""

    def __init__(self) -> None:
        super().__init__()
        self.written = b""
        self.backlog = 0
        self.aborted = False

    def write(self, data: bytes | bytearray | memoryview) -> None:
        self.written += bytes(data)

    def get_write_buffer_size(self) -> int:
        return self.backlog

    def is_closing(self) -> bool:
        return self.aborted

    def abort(self) -> None:
        self.aborted = True


def connection(wire: Wire, kind: Kind = "market", *, ordered: int = 3, market: int = 3) -> Connection:
    return Connection(web.WebSocketResponse(), wire, kind, Stats(), ordered_bound=ordered, market_bound=market)


def test_what_waits_is_written_at_once_and_in_order() -> None:
    wire = Wire()
    socket = connection(wire, "user")
    socket.offer("quote", b"Q")
    socket.push(b"1")
    socket.push(b"2")
    socket.flush()
    assert (wire.written, socket.waiting) == (b"12Q", False)


def test_of_each_stream_only_the_newest_frame_waits_for_a_slow_reader() -> None:
    wire = Wire()
    wire.backlog = CONGESTED + 1
    socket = connection(wire)
    for number in range(100):
        socket.offer("btc", b"b%d;" % number)
        socket.offer("eth", b"e%d;" % number)
        socket.flush()
    assert wire.written == b""
    wire.backlog = 0
    socket.flush()
    assert wire.written == b"b99;e99;"


def test_market_data_beyond_the_bound_drops_the_oldest() -> None:
    wire = Wire()
    socket = connection(wire, market=2)
    for key in ("a", "b", "c"):
        socket.offer(key, key.encode())
    socket.flush()
    assert wire.written == b"bc"


def test_user_events_beyond_the_bound_close_the_socket_instead_of_being_dropped() -> None:
    wire = Wire()
    wire.backlog = CONGESTED + 1
    socket = connection(wire, "user", ordered=3)
    for _ in range(3):
        socket.push(b"x")
    assert not wire.aborted
    socket.push(b"x")
    assert wire.aborted
    socket.flush()
    assert (wire.written, socket.waiting) == (b"", False)


@given(st.binary(max_size=70_000))
def test_a_frame_carries_its_length(payload: bytes) -> None:
    frame = text_frame(payload)
    assert frame[0] == 0x81
    size = frame[1]
    start = 2
    if size == 126:
        size, start = int.from_bytes(frame[2:4], "big"), 4
    elif size == 127:
        size, start = int.from_bytes(frame[2:10], "big"), 10
    assert (size, frame[start:]) == (len(payload), payload)


@pytest.mark.parametrize(("size", "header"), [(125, 2), (126, 4), (65_535, 4), (65_536, 10)])
def test_the_header_grows_at_the_protocols_limits(size: int, header: int) -> None:
    assert len(text_frame(b"x" * size)) == size + header
