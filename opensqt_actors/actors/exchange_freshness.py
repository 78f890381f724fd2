"""The staleness watchdog of an account: for each symbol and stream, whether frames still come, and what follows if not.

It looks once a second, and knows neither the venue nor a clock.
"""

from __future__ import annotations

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import StreamGate
from opensqt_actors.actors.prices import Cell, PriceBoard
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import Effect, Tell

RENEWALS = 5
"""So many silent symbols are subscribed again a second: all at once would look like an attack to the venue."""
CONTRADICTED = 500
"""A mark price that moves by one part in so many while no quote comes says that the quotes are dead, not the market."""
GATE = "stale_price"


class Feed:
    """One symbol's frames. seen: so many at the last look; stale: looks without a frame; told: that it is stale.

    renew: its streams are to be subscribed again when it is its turn; quoted_at: the venue's time of the newest quote
    at the last look, ns; unquoted: looks without a quote; mark: price when that quote came, ticks; dead: the quotes
    are, although other frames come.
    """

    __slots__ = ("dead", "mark", "quoted_at", "renew", "seen", "stale", "told", "unquoted")

    def __init__(self) -> None:
        self.seen = 0
        self.stale = 0
        self.told = False
        self.renew = False
        self.quoted_at = 0
        self.unquoted = 0
        self.mark = 0
        self.dead = False

    def begin(self) -> None:
        """The symbol's actor begins anew: it has been told nothing yet."""
        self.told = False
        self.stale = 0


class Freshness:
    """All symbols of one account. stale_after: looks, so seconds, without a frame."""

    def __init__(self, account: str, board: PriceBoard, stale_after: int) -> None:
        self._account = account
        self._board = board
        self._stale_after = stale_after
        self._renewals = 0

    def begin(self) -> None:
        """A new second: so many symbols may be subscribed again in it."""
        self._renewals = RENEWALS

    def look(self, feed: Feed, instrument: Instrument, actor: ActorId) -> list[Effect]:
        """Once a second for each symbol: its gate closes, and opens when frames come again, with a look at the venue.

        While it is silent its streams are subscribed again every `stale_after` seconds.
        """
        cell = self._board.cells[instrument.symbol]
        silent = cell.seen == feed.seen or self._quotes_dead(feed, cell)
        feed.seen = cell.seen
        return self._silent(feed, instrument, actor) if silent else _heard(feed, actor)

    def _silent(self, feed: Feed, instrument: Instrument, actor: ActorId) -> list[Effect]:
        symbol, limit = instrument.symbol, self._stale_after
        feed.stale = max(feed.stale + 1, limit) if feed.dead else feed.stale + 1
        effects: list[Effect] = []
        if feed.stale >= limit and not feed.told:
            feed.told = True
            what = "no quote, although its mark price moves," if feed.dead else "no frame"
            sentence = f"{what} of {symbol} for {limit} s"
            effects.append(Tell(actor, StreamGate(GATE, False, sentence)))
            effects.append(ports.Announce("price.stale", self._account, symbol, sentence, "warning"))
        feed.renew = feed.renew or feed.stale % limit == 0
        if feed.renew and self._renewals:
            feed.renew = False
            self._renewals -= 1
            effects += [ports.Unsubscribe(symbol), ports.Subscribe(instrument)]
        return effects

    def _quotes_dead(self, feed: Feed, cell: Cell) -> bool:
        """Whether the quotes alone have stopped. A market in which nothing changes sends none; its marks agree.

        A mark that comes to where the last quote is, as it does some seconds after a jump, agrees, too.
        """
        if cell.at != feed.quoted_at:
            feed.quoted_at, feed.mark, feed.unquoted, feed.dead = cell.at, cell.mark, 0, False
            return False
        feed.unquoted += 1
        feed.mark = feed.mark or cell.mark
        moved = all(abs(cell.mark - seen) * CONTRADICTED > seen for seen in (feed.mark, (cell.bid + cell.ask) // 2))
        feed.dead = feed.dead or (bool(cell.at) and feed.unquoted >= self._stale_after and moved)
        return feed.dead


def _heard(feed: Feed, actor: ActorId) -> list[Effect]:
    feed.stale = 0
    feed.renew = False
    if not feed.told:
        return []
    feed.told = False
    return [Tell(actor, StreamGate(GATE, True, resync=True))]
