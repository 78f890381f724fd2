"""The WebSocket API: orders and account queries as JSON requests, signed or after a logon; REST's endpoints answer."""

from __future__ import annotations

import asyncio
from typing import Any

from opensqt_actors.simvenue.server import signing
from opensqt_actors.simvenue.server.connection import Connection
from opensqt_actors.simvenue.server.core import Core
from opensqt_actors.simvenue.server.endpoints import ROUTES, Security
from opensqt_actors.simvenue.server.endpoints.public import rate_limits
from opensqt_actors.simvenue.server.errors import VenueError, mandatory
from opensqt_actors.simvenue.server.faults import Action
from opensqt_actors.simvenue.server.gateway import about, check_key, execute

METHODS = {
    "ping": ("GET", "/fapi/v1/ping"),
    "time": ("GET", "/fapi/v1/time"),
    "depth": ("GET", "/fapi/v1/depth"),
    "ticker.price": ("GET", "/fapi/v1/ticker/price"),
    "ticker.book": ("GET", "/fapi/v1/ticker/bookTicker"),
    "order.place": ("POST", "/fapi/v1/order"),
    "order.modify": ("PUT", "/fapi/v1/order"),
    "order.cancel": ("DELETE", "/fapi/v1/order"),
    "order.status": ("GET", "/fapi/v1/order"),
    "account.balance": ("GET", "/fapi/v2/balance"),
    "v2/account.balance": ("GET", "/fapi/v3/balance"),
    "account.status": ("GET", "/fapi/v2/account"),
    "v2/account.status": ("GET", "/fapi/v3/account"),
    "account.position": ("GET", "/fapi/v2/positionRisk"),
    "v2/account.position": ("GET", "/fapi/v3/positionRisk"),
}


class Session:
    """One API socket: answers its requests, and remembers who has logged on."""

    def __init__(self, core: Core, connection: Connection, address: str) -> None:
        self._core = core
        self._connection = connection
        self._address = address
        self._since = 0

    async def answer(self, document: Any) -> dict[str, Any] | None:
        """The answer to one request; None when a fault swallows it."""
        if not isinstance(document, dict) or not isinstance(document.get("method"), str):
            error = VenueError(-1000, "Invalid request: expected an object with id, method and params.")
            return {"id": None, "status": 400, "error": error.body()}
        parameters = _texts(document.get("params"))
        number, method = document.get("id"), document["method"]
        rule = self._core.faults.on_request(about(method, "WS", parameters.get("apiKey", ""), parameters))
        if rule is not None:
            self._core.stats.faults[rule.action.value] += 1
            match rule.action:
                case Action.TIMEOUT_BEFORE_ACCEPT | Action.DROP:
                    return None
                case Action.RESET:
                    self._connection.abort()
                    return None
                case Action.ERROR:
                    body = {"code": rule.code if rule.code is not None else -1000, "msg": rule.msg}
                    return {"id": number, "status": rule.http_status, "error": body}
                case Action.DELAY:
                    await asyncio.sleep((rule.ms or 0) / 1_000)
        latency = self._core.settings.latency
        if latency.request_ms:
            await asyncio.sleep(latency.request_ms / 1_000)
        answer = self._answer(number, method, parameters)
        if rule is not None:
            match rule.action:
                case Action.TIMEOUT_AFTER_ACCEPT:
                    return None
                case Action.RESET_AFTER_ACCEPT:
                    self._connection.abort()
                    return None
                case Action.ERROR_AFTER_ACCEPT:
                    body = {"code": rule.code if rule.code is not None else -1000, "msg": rule.msg}
                    return {"id": number, "status": rule.http_status, "error": body}
        if latency.answer_ms:
            await asyncio.sleep(latency.answer_ms / 1_000)
        return answer

    def _answer(self, number: Any, method: str, parameters: dict[str, str]) -> dict[str, Any]:
        answer: dict[str, Any] = {"id": number, "status": 200}
        try:
            answer["result"] = self._run(method, parameters)
        except VenueError as error:
            answer["status"] = error.status
            answer["error"] = error.body()
            if error.retry_after is not None:
                answer["error"]["data"] = {"serverTime": self._core.clock.told(), "retryAfter": error.retry_after}
        self._core.stats.request("WS", method if method in METHODS else "session", answer["status"])
        if parameters.get("returnRateLimits") != "false":
            answer["rateLimits"] = rate_limits(self._core.limiter.limits)
        return answer

    def _run(self, method: str, parameters: dict[str, str]) -> Any:
        match method:
            case "session.logon":
                account = self._signed(parameters)
                self._connection.account, self._since = account, self._core.clock.told()
                return self._status()
            case "session.logout":
                self._connection.account, self._since = "", 0
                return self._status()
            case "session.status":
                return self._status()
        if method not in METHODS:
            raise VenueError(-1000, f"Unknown method {method}.")
        endpoint = ROUTES[METHODS[method]]
        self._core.limiter.request(self._address, endpoint.weight(parameters), self._core.clock.now())
        account = ""
        if endpoint.security is not Security.NONE:
            if self._connection.account and "signature" not in parameters:
                signing.check_time(parameters, self._core.clock.told())
                account = self._connection.account
            else:
                account = self._signed(parameters)
        return execute(self._core, endpoint, parameters, account)

    def _signed(self, parameters: dict[str, str]) -> str:
        account = parameters.get("apiKey", "")
        if not account:
            raise mandatory("apiKey")
        check_key(self._core, account)
        signing.check_time(parameters, self._core.clock.told())
        signing.check_sorted_signature(self._core.secrets[account], parameters)
        return account

    def _status(self) -> dict[str, Any]:
        return {
            "apiKey": self._connection.account or None,
            "authorizedSince": self._since or None,
            "connectedSince": None,
            "returnRateLimits": True,
            "serverTime": self._core.clock.told(),
        }


def _texts(parameters: Any) -> dict[str, str]:
    """Parameters as the signature spells them."""
    if not isinstance(parameters, dict):
        return {}
    texts: dict[str, str] = {}
    for name, value in parameters.items():
        if isinstance(value, bool):
            texts[name] = "true" if value else "false"
        elif value is not None:
            texts[name] = str(value)
    return texts
