"""The way to a simulated venue: the venue's real host names, resolved to loopback, trusted through the simulator's CA.

The guard below is the only way to a connector: simulated keys never leave this machine, and real ones never meet a
simulator.
"""

from __future__ import annotations

import socket
import ssl
from pathlib import Path

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from msgspec import Struct

from opensqt_actors.venues.ccxt.secrets import Credentials
from opensqt_actors.venues.ccxt.session import KEEP_IDLE, real_connector
from opensqt_actors.venues.port import VenueError

SIMULATED_KEY = "sim-"


class SimulatedSite(Struct, frozen=True):
    """Where a simulated venue listens on loopback, and the CA that signed its certificate."""

    port: int
    ca: Path


class EverythingIsLocal(AbstractResolver):
    """Resolves every name to one port on loopback."""

    def __init__(self, port: int) -> None:
        self._port = port

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        return [
            ResolveResult(hostname=host, host="127.0.0.1", port=self._port, family=socket.AF_INET, proto=0, flags=0)
        ]

    async def close(self) -> None:
        """Nothing is held."""


def connector_for(credentials: Credentials, site: SimulatedSite | None) -> aiohttp.TCPConnector:
    """A connector to the simulated venue at `site`, or to the real one when it is None. Must be called in a loop.

    A key of the wrong world is refused before anything is opened.
    """
    simulated = credentials.api_key.get_secret_value().startswith(SIMULATED_KEY)
    if site is None:
        if simulated:
            raise VenueError(
                f"api_key: a key that begins with {SIMULATED_KEY!r} belongs to the simulated venue and is not sent"
                " to a real one; configure `simulated` or give a real key",
                final=True,
            )
        return real_connector()
    if not simulated:
        raise VenueError(
            f"api_key: the simulated venue takes only keys that begin with {SIMULATED_KEY!r}; this one looks real",
            final=True,
        )
    try:
        trust = ssl.create_default_context(cafile=str(site.ca))
    except (OSError, ssl.SSLError) as error:
        raise VenueError(
            f"simulated.ca: {site.ca} cannot be read as a CA certificate ({type(error).__name__})", final=True
        ) from None
    return aiohttp.TCPConnector(
        ssl=trust, resolver=EverythingIsLocal(site.port), use_dns_cache=False, limit=64, keepalive_timeout=KEEP_IDLE
    )
