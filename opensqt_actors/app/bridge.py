"""Between the actors and everybody outside: requests with their replies, and announcements with their listeners."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from loguru import logger

from opensqt_actors.actors.ports import Announce, Reply
from opensqt_actors.actors.shard_link import Overheard
from opensqt_actors.api.backend import Asks, MakeRequest
from opensqt_actors.api.events import EventHub, Subscription
from opensqt_actors.domain.records import Entry, EventSaved
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.kernel import ActorRef, Host

_LEVELS = {"info": "INFO", "warning": "WARNING", "error": "ERROR", "critical": "CRITICAL"}


class Bridge:
    """The API's Backend: asks the SupervisorActor, and fans announcements out to log, journal and watchers."""

    def __init__(
        self,
        host: Host,
        supervisor: ActorId,
        append: Callable[[tuple[Entry, ...]], None],
        heard: Callable[[Announce], object] = lambda announce: None,
    ) -> None:
        """heard: told of what the actors of this process announce."""
        self._heard = heard
        self._asks = Asks(lambda request: host.tell(supervisor, request))
        self._hub = EventHub()
        self._append = append
        host.bind(Reply, self._reply)
        host.bind(Announce, self._announce)
        host.bind(Overheard, self._overheard)

    async def ask(self, make: MakeRequest, timeout: float) -> Any:
        """See Backend.ask."""
        return await self._asks.ask(make, timeout)

    def events(self, latest: int = 0) -> Subscription:
        """See Backend.events."""
        return self._hub.subscribe(latest)

    @property
    def dropped(self) -> int:
        """Events that watchers were too slow for."""
        return self._hub.dropped

    def close(self) -> None:
        """Answer whoever still waits, and end the watchers' streams."""
        self._asks.close()
        self._hub.close()

    def announce(self, announce: Announce) -> None:
        """Tell operators something: in the log, in the events table, and to everybody who watches."""
        now = time.time_ns()
        log_and_store(announce, self._append, now)
        self._hub.publish(announce, now)

    def _reply(self, sender: ActorRef, effect: Reply) -> None:
        self._asks.resolve(effect.request, effect.payload)

    def _announce(self, sender: ActorRef, effect: Announce) -> None:
        self.announce(effect)
        self._heard(effect)

    def _overheard(self, sender: ActorRef, effect: Overheard) -> None:
        self._hub.publish(effect.announce, time.time_ns())


def log_and_store(announce: Announce, append: Callable[[tuple[Entry, ...]], None], now: int) -> None:
    """An announcement in the log and in the events table. now: ns."""
    bound = logger.bind(code=announce.kind, account=announce.account, symbol=announce.symbol)
    bound.log(_LEVELS[announce.level], "{}", announce.sentence)
    data = dict(announce.data or {})
    if "detail" in data:
        bound.debug("{}", data["detail"])
    event = EventSaved(
        announce.account, announce.symbol, announce.kind, announce.sentence, {**data, "level": announce.level}, now
    )
    try:
        append((event,))
    except Exception as error:  # noqa: BLE001 an event that cannot be stored must not stop what it tells of
        bound.warning("an event could not be stored: {}", error)
