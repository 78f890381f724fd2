"""What the risk rules need to know of one account: its equity and positions, fetched now and then, and its answers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from msgspec.structs import replace

from opensqt_actors.actors.answer_log import AnswerLog
from opensqt_actors.actors.prices import PriceBoard
from opensqt_actors.actors.risk_messages import Measured
from opensqt_actors.domain.orders import AccountState, Position

SECOND = 1_000_000_000
REFRESH = 6 * SECOND
"""Longer than an adapter may keep its last answer: each reading must be one of its own."""
POSITIONS_LIFE = 30 * SECOND
"""Positions that are older are not known: a liquidation price of then says nothing about now."""


class AccountFacts:
    """One account. Between two fetches the mark prices go on: a distance is as fresh as the newest of them."""

    def __init__(self, account: str, board: PriceBoard, answers: AnswerLog) -> None:
        self._account = account
        self._board = board
        self._answers = answers
        self._asked_at = 0
        self._equity: Decimal | None = None
        self._hedged: bool | None = None
        self._positions: tuple[Position, ...] = ()
        self._positions_at = 0

    def due(self, now: int) -> bool:
        """Whether it is time to ask the venue again; asking counts as asked."""
        if now - self._asked_at < REFRESH:
            return False
        self._asked_at = now
        return True

    def account(self, state: AccountState) -> None:
        """The venue's word on the account."""
        self._equity = state.equity
        self._hedged = state.hedged

    def positions(self, positions: Sequence[Position], now: int) -> None:
        """Every position, as the venue has it."""
        self._positions = tuple(held for held in positions if held.quantity)
        self._positions_at = now

    def take(self, ages: Iterable[tuple[str, int]], now: int) -> Measured:
        """What was seen since the last second. ages: ns since the last frame of each symbol that trades here."""
        equity, self._equity = self._equity, None
        hedged, self._hedged = self._hedged, None
        if now - self._positions_at > POSITIONS_LIFE:
            self._positions = ()
        held = tuple(self._marked(position) for position in self._positions)
        return Measured(self._account, tuple(ages), self._answers.take(), equity, held, hedged)

    def _marked(self, position: Position) -> Position:
        cell = self._board.cells.get(position.symbol)
        if cell is None or not cell.mark:
            return position
        return replace(position, mark=cell.instrument.price(cell.mark))
