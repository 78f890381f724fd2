"""Opens a ccxt.pro exchange for signing, endpoints and sockets on our own aiohttp session. No markets are loaded."""

from __future__ import annotations

import ssl
from typing import Any

import aiohttp

from opensqt_actors.venues.ccxt.lazy import load
from opensqt_actors.venues.ccxt.secrets import Credentials

KEEP_IDLE = 30.0


def open_http(connector: aiohttp.TCPConnector, *, proxies: bool) -> aiohttp.ClientSession:
    """A session without cookies. proxies: honour HTTPS_PROXY and its kin from the environment."""
    return aiohttp.ClientSession(connector=connector, cookie_jar=aiohttp.DummyCookieJar(), trust_env=proxies)


def real_connector() -> aiohttp.TCPConnector:
    """Connects to where the venue's names really point."""
    return aiohttp.TCPConnector(limit=64, keepalive_timeout=KEEP_IDLE)


def open_exchange(
    name: str, needs: tuple[str, ...], http: aiohttp.ClientSession, credentials: Credentials, **config: Any
) -> Any:
    """An instance of `ccxt.pro.<name>`; needs: the exchanges that it derives from. keep_alive is in config, in ms."""
    module = load(name, *needs)
    exchange = getattr(module, name)(
        {
            "apiKey": credentials.api_key.get_secret_value(),
            "secret": credentials.secret.get_secret_value(),
            "session": http,
            "enableRateLimit": False,
            "newUpdates": False,
            "timeout_on_exit": 0,
            **config,
        }
    )
    # It would read all of certifi's authorities for connections of its own, and makes none: this context trusts nobody.
    exchange.ssl_context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return exchange
