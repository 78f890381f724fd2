"""The server: one TLS port for REST and WebSockets, the admin port, and the pump that moves the markets."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import orjson
from aiohttp import web
from loguru import logger
from msgspec import Struct

from opensqt_actors.simvenue.server.admin import Admin
from opensqt_actors.simvenue.server.assembly import build
from opensqt_actors.simvenue.server.certificates import ensure, server_context
from opensqt_actors.simvenue.server.clock import VenueClock
from opensqt_actors.simvenue.server.config import VenueSettings
from opensqt_actors.simvenue.server.core import Core
from opensqt_actors.simvenue.server.gateway import Gateway
from opensqt_actors.simvenue.server.sockets import Sockets, is_socket_path

HOST = "127.0.0.1"
GRACE_SECONDS = 0.5


class PortInUse(Exception):
    """A port that somebody else has; the message is the sentence for the operator."""


class Ready(Struct, frozen=True):
    """Where the venue is to be found."""

    port: int
    admin_port: int
    ca: Path
    symbols: int

    def line(self) -> str:
        """The one line on standard output."""
        return orjson.dumps(
            {
                "ready": True,
                "port": self.port,
                "admin_port": self.admin_port,
                "ca": str(self.ca),
                "symbols": self.symbols,
            }
        ).decode()


class VenueServer:
    """A venue that can be started and stopped inside a running loop."""

    def __init__(self, settings: VenueSettings, folder: Path, *, port: int = 0, admin_port: int = 0) -> None:
        self._settings = settings
        self._folder = folder
        self._ports = (port, admin_port)
        self._stopping = asyncio.Event()
        self._runners: list[web.BaseRunner] = []
        self._pump: asyncio.Task[None] | None = None
        self._sockets: Sockets | None = None

    async def start(self) -> Ready:
        """Open the ports and let the markets move. Raises SettingsError, PortInUse, OSError."""
        core = build(self._settings, VenueClock())
        sockets = Sockets(core)
        gateway = Gateway(core, self._stopping)
        certificates = ensure(self._folder)

        async def handle(request: web.BaseRequest) -> web.StreamResponse:
            if is_socket_path(request.path):
                return await sockets.handle(request)
            return await gateway.handle(request)

        try:
            # The bare server, without an application's router: the venue has one of its own.
            venue = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=GRACE_SECONDS)
            port = await self._listen(venue, self._ports[0], "--port", ssl_context=server_context(certificates))
            application = Admin(core, sockets).application()
            admin = web.AppRunner(application, access_log=None, shutdown_timeout=GRACE_SECONDS)
            admin_port = await self._listen(admin, self._ports[1], "--admin-port")
        except BaseException:
            await self.stop()
            raise
        self._sockets = sockets
        self._pump = asyncio.create_task(self._run(core, sockets), name="venue pump")
        ready = Ready(port, admin_port, certificates.ca, len(core.exchange.symbols()))
        (self._folder / "simvenue.json").write_text(ready.line() + "\n", encoding="utf-8")
        logger.info("{} markets on port {}, admin port {}", ready.symbols, port, admin_port)
        return ready

    async def stop(self) -> None:
        """Close everything; again does nothing. Raises what the pump died of, if it did."""
        self._stopping.set()
        pump, self._pump = self._pump, None
        if pump is not None:
            pump.cancel()
            await asyncio.wait([pump])
        if self._sockets is not None:
            try:
                async with asyncio.timeout(GRACE_SECONDS):
                    await self._sockets.close()
            except TimeoutError:
                self._sockets.reset("all")
            self._sockets = None
        for runner in self._runners:
            await runner.cleanup()
        self._runners.clear()
        if pump is not None and not pump.cancelled():
            pump.result()

    async def failed(self) -> None:
        """Returns only by raising, when the pump has died: a venue whose time stands still must not look alive."""
        if self._pump is not None:
            await asyncio.shield(self._pump)

    async def _listen(self, runner: web.BaseRunner, port: int, option: str, **options: Any) -> int:
        self._runners.append(runner)
        await runner.setup()
        try:
            await web.TCPSite(runner, HOST, port, **options).start()
        except OSError as error:
            raise PortInUse(
                f"Port {port} ({option}) is in use or not allowed: choose another one, or 0 for any."
            ) from error
        address = runner.addresses[0]
        return int(address[1])

    async def _run(self, core: Core, sockets: Sockets) -> None:
        interval = self._settings.tick_ms / 1_000
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            core.tick()
            sockets.tick()
            # A late tick is not made up for: the engine itself runs the steps that were due.
            due = max(due + interval, loop.time())
            await asyncio.sleep(due - loop.time())


async def serve(settings: VenueSettings, folder: Path, port: int, admin_port: int) -> None:
    """Run until SIGTERM or SIGINT. Raises SettingsError, PortInUse, OSError."""
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    server = VenueServer(settings, folder, port=port, admin_port=admin_port)
    ready = await server.start()
    try:
        sys.stdout.write(ready.line() + "\n")
        sys.stdout.flush()
        waits = [asyncio.ensure_future(stop.wait()), asyncio.ensure_future(server.failed())]
        done, pending = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for task in pending:
            task.cancel()
        await asyncio.gather(*pending, return_exceptions=True)
        for task in done:
            task.result()
    finally:
        await server.stop()
