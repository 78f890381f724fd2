"""/metrics and /healthz on loopback. The status is asked for on the event loop, the text is made in a thread."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import orjson
from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST

from opensqt_actors.actors.views import StatusView
from opensqt_actors.telemetry.listener import listen
from opensqt_actors.telemetry.metrics import Metrics

STATUS_TIMEOUT = 2.0

StatusSupplier = Callable[[], Awaitable[StatusView | None]]
Refresh = Callable[[], None]


class MetricsEndpoint:
    """Serves one process's metrics. status: the newest StatusView; refresh: sets gauges that are read when scraped.

    listener: a socket that listens already, on whatever port; else `start` makes one on `port`.
    """

    def __init__(
        self,
        port: int,
        metrics: Metrics,
        status: StatusSupplier,
        refresh: Refresh | None = None,
        listener: socket.socket | None = None,
    ) -> None:
        self.port = port
        self._listener = listener
        self._metrics = metrics
        self._status = status
        self._refresh = refresh
        self._runner: web.AppRunner | None = None
        self._scraping = asyncio.Lock()

    async def start(self) -> None:
        """Listen; `port` is the real one afterwards (0 takes any free one). PortInUse."""
        listener = self._listener or listen(self.port)
        app = web.Application()
        app.router.add_get("/metrics", self._serve_metrics)
        app.router.add_get("/healthz", self._serve_health)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        await web.SockSite(runner, listener).start()
        self._runner = runner
        self.port = int(runner.addresses[0][1])

    async def stop(self) -> None:
        """Stop listening."""
        if self._runner is not None:
            runner, self._runner = self._runner, None
            await runner.cleanup()

    async def _view(self) -> StatusView | None:
        try:
            async with asyncio.timeout(STATUS_TIMEOUT):
                return await self._status()
        except TimeoutError:
            return None

    async def _serve_metrics(self, _: web.Request) -> web.Response:
        async with self._scraping:
            view = await self._view()
            if self._refresh is not None:
                self._refresh()
            body = await asyncio.to_thread(self._metrics.exposition, view)
        return web.Response(body=body, headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def _serve_health(self, _: web.Request) -> web.Response:
        """200 while the system runs and every stream is up, else 503 with what is wrong."""
        view = await self._view()
        problems = health_problems(view)
        body = orjson.dumps({"status": "ok" if not problems else "degraded", "problems": problems})
        return web.Response(status=503 if problems else 200, body=body, content_type="application/json")


def health_problems(view: StatusView | None) -> list[str]:
    """What keeps the system from being healthy; empty when nothing does."""
    if view is None:
        return ["the supervisor does not answer"]
    problems = [] if view.state == "running" else [f"the supervisor is {view.state}"]
    for account in view.accounts:
        for name, up in (("order", account.orders_stream), ("price", account.prices_stream)):
            if not up:
                problems.append(f"the {name} stream of {account.account} is down")
    return problems
