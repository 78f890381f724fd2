"""Parameters and signatures of a request: HMAC-SHA256 over the bytes exactly as they were sent, and the time window."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from urllib.parse import parse_qsl

from opensqt_actors.simvenue.server.errors import VenueError, mandatory

DEFAULT_WINDOW = 5_000
MAX_WINDOW = 60_000
AHEAD = 1_000


def parse(query: str, body: str) -> dict[str, str]:
    """Parameters of query string and form body; the query wins."""
    parameters = dict(parse_qsl(body, keep_blank_values=True)) if body else {}
    if query:
        parameters.update(parse_qsl(query, keep_blank_values=True))
    return parameters


def sign(secret: str, payload: str) -> str:
    """HMAC-SHA256 in hexadecimal."""
    return hmac.new(secret.encode(), payload.encode(), hashlib.sha256).hexdigest()


def check_signature(secret: str, query: str, body: str) -> None:
    """Query and body, joined without anything between, must carry their signature. Raises VenueError -1102, -1022."""
    rest_query, in_query = _without_signature(query)
    rest_body, in_body = _without_signature(body)
    given = in_query or in_body
    if not given:
        raise mandatory("signature")
    if not hmac.compare_digest(sign(secret, rest_query + rest_body).encode(), given.lower().encode()):
        raise VenueError(-1022, "Signature for this request is not valid.")


def check_sorted_signature(secret: str, parameters: Mapping[str, str]) -> None:
    """The WebSocket API's form: all parameters but the signature, sorted by name. Raises VenueError -1102, -1022."""
    given = parameters.get("signature")
    if not given:
        raise mandatory("signature")
    payload = "&".join(f"{name}={parameters[name]}" for name in sorted(parameters) if name != "signature")
    if not hmac.compare_digest(sign(secret, payload).encode(), given.lower().encode()):
        raise VenueError(-1022, "Signature for this request is not valid.")


def check_time(parameters: Mapping[str, str], now: int) -> None:
    """`timestamp` must lie in (now - recvWindow, now + 1 s), both in ms. Raises VenueError -1102, -1131, -1021."""
    stamp = _whole(parameters, "timestamp")
    if stamp is None:
        raise mandatory("timestamp")
    window = _whole(parameters, "recvWindow")
    if window is None:
        window = DEFAULT_WINDOW
    if not 0 < window <= MAX_WINDOW:
        raise VenueError(-1131, "recvWindow must be less than 60000")
    if stamp >= now + AHEAD:
        raise VenueError(-1021, "Timestamp for this request was 1000ms ahead of the server's time.")
    if now - stamp > window:
        raise VenueError(-1021, "Timestamp for this request is outside of the recvWindow.")


def _whole(parameters: Mapping[str, str], name: str) -> int | None:
    text = parameters.get(name)
    if not text:
        return None
    try:
        return int(text)
    except ValueError:
        raise mandatory(name) from None


def _without_signature(text: str) -> tuple[str, str]:
    head, mark, signature = text.rpartition("signature=")
    if not mark or (head and not head.endswith("&")) or "&" in signature:
        return _without_inner_signature(text)
    return head.removesuffix("&"), signature


def _without_inner_signature(text: str) -> tuple[str, str]:
    signature = ""
    rest = []
    for part in text.split("&") if text else []:
        name, _, value = part.partition("=")
        if name == "signature":
            signature = value
        else:
            rest.append(part)
    return "&".join(rest), signature
