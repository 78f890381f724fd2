"""Signatures over the bytes as sent, and the window in which a timestamp counts."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opensqt_actors.simvenue.server import signing
from opensqt_actors.simvenue.server.errors import VenueError

SECRET = "sim-secret"
NOW = 1_700_000_000_000


def code_of(check: object, *arguments: object) -> int:
    with pytest.raises(VenueError) as refused:
        check(*arguments)  # type: ignore[operator]
    return refused.value.code


def test_the_venues_published_example_is_reproduced() -> None:
    # From the venue's documentation of signed requests.
    secret = "2b5eb11e18796d12d88f13dc27dbbd02c2cc51ff7059765ed9821957d82bb4d9"
    query = (
        "symbol=BTCUSDT&side=BUY&type=LIMIT&quantity=1&price=9000&timeInForce=GTC&recvWindow=5000"
        "&timestamp=1591702613943"
    )
    assert signing.sign(secret, query) == "3c661234138461fcc7a7d8746c6558c9842d4e10870d2ecbedf7777cad694af9"


@given(st.dictionaries(st.text("abcXYZ", min_size=1), st.text(), max_size=5), st.booleans())
def test_what_is_signed_is_accepted_in_query_and_in_body(parameters: dict[str, str], in_body: bool) -> None:
    text = urlencode(parameters)
    signed = "&".join(part for part in (text, f"signature={signing.sign(SECRET, text)}") if part)
    signing.check_signature(SECRET, *(("", signed) if in_body else (signed, "")))


def test_a_query_and_a_body_are_signed_together() -> None:
    signature = signing.sign(SECRET, "a=1" + "b=2")
    signing.check_signature(SECRET, "a=1", f"b=2&signature={signature}")
    signing.check_signature(SECRET, f"a=1&signature={signature}", "b=2")


def test_the_place_of_the_signature_does_not_matter() -> None:
    signature = signing.sign(SECRET, "a=1&b=2")
    signing.check_signature(SECRET, f"a=1&signature={signature}&b=2", "")


def test_the_raw_bytes_count_not_their_meaning() -> None:
    signature = signing.sign(SECRET, "a=%5B1%5D")
    signing.check_signature(SECRET, f"a=%5B1%5D&signature={signature}", "")
    assert code_of(signing.check_signature, SECRET, f"a=[1]&signature={signature}", "") == -1022


@pytest.mark.parametrize(
    ("query", "code"),
    [("a=1", -1102), ("a=1&signature=", -1102), ("a=1&signature=00", -1022), ("a=1&signature=é", -1022)],
)
def test_a_missing_signature_is_not_a_wrong_one(query: str, code: int) -> None:
    assert code_of(signing.check_signature, SECRET, query, "") == code


def test_the_websocket_form_is_sorted_by_name() -> None:
    parameters = {"timestamp": "1", "apiKey": "k", "symbol": "S"}
    parameters["signature"] = signing.sign(SECRET, "apiKey=k&symbol=S&timestamp=1")
    signing.check_sorted_signature(SECRET, parameters)
    assert code_of(signing.check_sorted_signature, SECRET, parameters | {"symbol": "T"}) == -1022
    assert code_of(signing.check_sorted_signature, SECRET, {"apiKey": "k"}) == -1102


@pytest.mark.parametrize(
    ("parameters", "code"),
    [
        ({}, -1102),
        ({"timestamp": "soon"}, -1102),
        ({"timestamp": str(NOW - 5_001)}, -1021),
        ({"timestamp": str(NOW + 1_000)}, -1021),
        ({"timestamp": str(NOW - 101), "recvWindow": "100"}, -1021),
        ({"timestamp": str(NOW), "recvWindow": "60001"}, -1131),
        ({"timestamp": str(NOW), "recvWindow": "0"}, -1131),
    ],
)
def test_a_time_outside_the_window_is_refused(parameters: dict[str, str], code: int) -> None:
    assert code_of(signing.check_time, parameters, NOW) == code


@pytest.mark.parametrize("offset", [-5_000, 0, 999])
def test_a_time_inside_the_window_is_accepted(offset: int) -> None:
    signing.check_time({"timestamp": str(NOW + offset)}, NOW)


def test_the_query_wins_over_the_body() -> None:
    assert signing.parse("a=1&b=", "a=2&c=3") == {"a": "1", "b": "", "c": "3"}
