"""What answers operators in a supervisor's process: the metrics and the API. Their places are taken before anything
trades; what serves there is imported and started later, because it takes a while.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from opensqt_actors.actors.supervisor import SupervisorActor
from opensqt_actors.actors.views import StatusView
from opensqt_actors.api.socket_path import prepare
from opensqt_actors.app.accounts import VenueAccount
from opensqt_actors.app.bridge import Bridge
from opensqt_actors.app.observed import ObservedJournal
from opensqt_actors.app.operations.desk import OperationsDesk
from opensqt_actors.app.operations.rollout import ConfiguredOperations
from opensqt_actors.app.startup import Startup
from opensqt_actors.config.settings import Settings
from opensqt_actors.domain.settings import GridSettings
from opensqt_actors.runtime.failpoints import Failpoint
from opensqt_actors.telemetry.listener import listen
from opensqt_actors.telemetry.logs import Logs

if TYPE_CHECKING:
    from opensqt_actors.actors.operations import Runner
    from opensqt_actors.api.orchestrator import Orchestrator
    from opensqt_actors.telemetry.metrics import Metrics


def take_surfaces(settings: Settings, stack: AsyncExitStack) -> socket.socket | None:
    """Take the port of the metrics and the path of the operators' socket: what is taken is found out now."""
    port = settings.telemetry.metrics_port
    prepare(settings.socket)
    listener = listen(port) if port else None
    if listener is not None:
        stack.callback(listener.close)
    return listener


class Surfaces:
    """What serves operators, and whom it asks."""

    def __init__(
        self,
        settings: Settings,
        config: Path | None,
        logs: Logs,
        startup: Startup,
        bridge: Bridge,
        journal: ObservedJournal,
        supervisor: Callable[[], SupervisorActor | None],
        failpoint: Failpoint,
    ) -> None:
        """config: the file that the settings are from; supervisor: gives None until there is one."""
        self._settings = settings
        self._config = config
        self._logs = logs
        self._startup = startup
        self._bridge = bridge
        self._journal = journal
        self._supervisor = supervisor
        self._failpoint = failpoint
        self._orchestrator: Orchestrator | None = None

    async def serve(
        self,
        stack: AsyncExitStack,
        accounts: Mapping[str, VenueAccount],
        listener: socket.socket | None,
        runner: Runner,
    ) -> OperationsDesk:
        """Answer operators: metrics and the API. Their imports take a while, in which the loop goes on.

        What could keep them from being there, a port or a path that is taken, was found out before anything traded.
        """
        await asyncio.to_thread(_import_surfaces)
        from opensqt_actors.api.orchestrator import Orchestrator
        from opensqt_actors.api.server import ApiServer
        from opensqt_actors.telemetry.endpoint import MetricsEndpoint
        from opensqt_actors.telemetry.metrics import Metrics

        settings, journal = self._settings, self._journal
        metrics = Metrics()
        journal.metrics = metrics
        for account in accounts.values():
            account.watch(journal, metrics.tick_to_order_seconds.observe)
        if listener is not None:
            endpoint = MetricsEndpoint(0, metrics, self._status, partial(self._refresh, metrics), listener)
            await endpoint.start()
            stack.push_async_callback(endpoint.stop)
        desk = OperationsDesk(runner, self._bridge, running=self._takes_commands, failpoint=self._failpoint)
        stack.push_async_callback(desk.close)
        orchestrator = Orchestrator(
            self._bridge,
            ConfiguredOperations(desk, self._bridge, settings, self._config, self._changed_defaults),
            tuple(accounts),
            settings.grid_defaults(),
        )
        self._orchestrator = orchestrator
        server = ApiServer(settings.socket, orchestrator)
        await server.start()
        stack.push_async_callback(server.stop)
        return desk

    def _takes_commands(self) -> bool:
        supervisor = self._supervisor()
        return supervisor is not None and supervisor.state == "running"

    def _changed_defaults(self, defaults: GridSettings) -> None:
        """Symbols that are added from now on are like this."""
        if self._orchestrator is not None:
            self._orchestrator.defaults = defaults

    async def _status(self) -> StatusView | None:
        """The state as of now, for metrics."""
        supervisor = self._supervisor()
        return supervisor.view() if supervisor is not None else None

    def _refresh(self, metrics: Metrics) -> None:
        metrics.journal_pending.set(self._journal.counters().pending)
        metrics.events_dropped.set(self._bridge.dropped)
        metrics.log_dropped.set(self._logs.dropped)
        for phase, seconds in self._startup.phases.items():
            metrics.startup_seconds.labels(phase).set(seconds)


def _import_surfaces() -> None:
    """Load what answers operators, in a thread: gRPC and the web server."""
    import opensqt_actors.api.orchestrator
    import opensqt_actors.api.server
    import opensqt_actors.telemetry.endpoint  # noqa: F401
    from opensqt_actors.venues.ccxt import lazy

    lazy.complete()
