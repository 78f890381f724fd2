"""The simulated venue's admin port, as the demo and audits use it: markets, accounts, fills, pause and resume."""

from __future__ import annotations

import http.client
from typing import Any
from urllib.parse import quote

import orjson

from opensqt_actors.cli.failure import Exit, Failure

TIMEOUT = 15.0


class VenueAdmin:
    """One simulated venue on this host. Every method raises Failure when it does not answer."""

    def __init__(self, port: int) -> None:
        self.port = port

    def alive(self) -> bool:
        """Whether it answers."""
        try:
            return bool(self._get("/health")["status"] == "ok")
        except Failure:
            return False

    def markets(self) -> list[dict[str, Any]]:
        """Every market: symbol, status, bid, ask, last_price, mark_price, tick, step, min_notional."""
        return list(self._get("/markets")["markets"])

    def account(self, key: str) -> dict[str, Any]:
        """The account's wallet, positions and totals."""
        return self._get(f"/accounts/{quote(key)}")

    def fills(self, key: str, symbol: str) -> list[dict[str, Any]]:
        """The account's trades in one market."""
        return list(self._get(f"/accounts/{quote(key)}/fills?symbol={quote(symbol)}")["fills"])

    def duplicates(self) -> int:
        """Orders that were accepted twice under one client id, since the venue started."""
        return int(self._get("/stats")["duplicate_client_ids"]["count"])

    def pause(self) -> None:
        """Prices stand still; orders can be placed and cancelled."""
        self._request("POST", "/markets/pause", {})

    def resume(self) -> None:
        """Prices move again."""
        self._request("POST", "/markets/resume", {})

    def _get(self, path: str) -> dict[str, Any]:
        return self._request("GET", path, None)

    def _request(self, method: str, path: str, body: dict[str, Any] | None) -> dict[str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=TIMEOUT)
        try:
            connection.request(method, path, None if body is None else orjson.dumps(body))
            answer = connection.getresponse()
            document: dict[str, Any] = orjson.loads(answer.read())
        except (OSError, http.client.HTTPException, orjson.JSONDecodeError) as error:
            what = f"the simulated venue's admin port {self.port} does not answer ({type(error).__name__})"
            raise Failure(Exit.ERROR, "venue_away", what) from None
        finally:
            connection.close()
        if answer.status != 200:
            raise Failure(Exit.ERROR, "venue_refused", f"the simulated venue: {document.get('error', answer.status)}")
        return document
