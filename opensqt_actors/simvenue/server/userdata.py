"""The user data stream: account events as frames, in order, to every socket of the account; with faults."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import orjson
from loguru import logger

from opensqt_actors.simvenue.events import AccountUpdate, ConfigUpdate, Event, OrderUpdate
from opensqt_actors.simvenue.server import shapes
from opensqt_actors.simvenue.server.connection import Connection, text_frame
from opensqt_actors.simvenue.server.core import Core
from opensqt_actors.simvenue.server.faults import Action, UserFrame

REORDER_AT_MOST_MS = 200


class UserStreams:
    """Sockets by account. A socket whose listen key has ended stays open and hears nothing any more."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._sockets: dict[str, dict[Connection, None]] = {}
        self._held: dict[str, list[bytes]] = {}
        self.dirty: dict[Connection, None] = {}

    def add(self, connection: Connection) -> None:
        self._sockets.setdefault(connection.account, {})[connection] = None

    def drop(self, connection: Connection) -> None:
        self._sockets.get(connection.account, {}).pop(connection, None)
        self.dirty.pop(connection, None)

    def publish(self, events: Sequence[Event], now: int) -> None:
        for event in events:
            if isinstance(event, OrderUpdate | AccountUpdate | ConfigUpdate) and self._sockets.get(event.account):
                self._event(event, now)

    def tick(self, now: int, told: int) -> None:
        """Tell the sockets of ended listen keys, and forget them. `now` is engine time, `told` what the frame says."""
        for account, key in self._core.listen_keys.ended(now):
            frame = text_frame(orjson.dumps({"e": "listenKeyExpired", "E": told, "listenKey": key}))
            for connection in [c for c in self._sockets.get(account, {}) if c.listen_key == key]:
                self._push(connection, frame)
                del self._sockets[account][connection]

    def _event(self, event: OrderUpdate | AccountUpdate | ConfigUpdate, now: int) -> None:
        exchange = self._core.exchange
        if isinstance(event, OrderUpdate):
            order = event.order
            about = UserFrame(
                event.account,
                "ORDER_TRADE_UPDATE",
                (order.symbol,),
                order.client_id,
                event.execution.value,
                order.status.value,
            )
            document = shapes.order_update(event, exchange.rules(order.symbol), now)
        elif isinstance(event, AccountUpdate):
            symbols = tuple(position.symbol for position in event.positions)
            about = UserFrame(event.account, "ACCOUNT_UPDATE", symbols)
            positions = [(position, exchange.rules(position.symbol)) for position in event.positions]
            document = shapes.account_update(event, self._core.margin_assets(), positions, now)
        else:
            about = UserFrame(event.account, "ACCOUNT_CONFIG_UPDATE", (event.symbol,) if event.symbol else ())
            document = shapes.config_update(event, now)
        self._with_faults(about, text_frame(orjson.dumps(document)))

    def _with_faults(self, about: UserFrame, frame: bytes) -> None:
        account = about.account
        rule = self._core.faults.on_frame(about)
        if rule is None:
            self._emit(account, frame)
            self._release(account)
            return
        self._core.stats.faults[rule.action.value] += 1
        logger.info("fault {} ({}) hits a {} of {}", rule.id, rule.action.value, about.event, about.symbols)
        loop = asyncio.get_running_loop()
        match rule.action:
            case Action.DUPLICATE_EVENT:
                self._emit(account, frame)
                self._emit(account, frame)
            case Action.REORDER_EVENTS:
                # It goes after the next one, or after a while when there is no next one.
                self._held.setdefault(account, []).append(frame)
                wait = rule.ms if rule.ms is not None else REORDER_AT_MOST_MS
                loop.call_later(wait / 1_000, self._release, account)
            case Action.DELAY_EVENT:
                loop.call_later((rule.ms or 0) / 1_000, self._emit_now, account, frame)
            case _:
                pass

    def _release(self, account: str) -> None:
        for frame in self._held.pop(account, ()):
            self._emit_now(account, frame)

    def _emit_now(self, account: str, frame: bytes) -> None:
        self._emit(account, frame)
        for connection in self._sockets.get(account, ()):
            connection.flush()

    def _emit(self, account: str, frame: bytes) -> None:
        for connection in self._sockets.get(account, ()):
            self._push(connection, frame)

    def _push(self, connection: Connection, frame: bytes) -> None:
        if not connection.silent:
            connection.push(frame)
            self.dirty[connection] = None
