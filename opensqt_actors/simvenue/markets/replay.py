"""A recorded market played again at a speed: every candle's open, low, high and close, or every trade, is traded."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random

from opensqt_actors.simvenue.markets.files import Recording, read
from opensqt_actors.simvenue.markets.model import CommonFactor, Liquidity, Move, PastCandle
from opensqt_actors.simvenue.rules import MarketRules

SPREAD = 2e-5
LEGS = 3  # open to the first extreme, to the second, to the close


class ReplayModel:
    """Plays a recording at `speed` (recorded seconds per real second) from its beginning, without its gaps.

    A candle is walked open, low, high, close when it rose, else open, high, low, close, in as many steps as fit. At the
    end it begins anew (`loop`) or the market stands still at the last price. Prices that are not on the rules' tick are
    rounded to it.
    """

    def __init__(
        self,
        recording: Recording,
        speed: float = 1_200.0,
        *,
        loop: bool = False,
        interval_ms: int = 50,
        liquidity: Liquidity | None = None,
    ) -> None:
        if not speed > 0:
            raise ValueError(f"The replay's speed must be more than 0, not {speed}.")
        self.recording, self.speed, self.loop = recording, speed, loop
        self._interval_ms = interval_ms
        self._liquidity = Liquidity() if liquidity is None else liquidity
        self._vertices: list[int] = []  # candles: four prices each
        self._volumes: list[int] = []  # candles: steps each
        self._moves: list[tuple[int, Move]] = []  # trades: recorded ms since the first, and the move
        self._origin = 0
        self._played = 0  # real ms since the origin, up to the last step
        self._leg = 0.0  # candles: position in legs; trades: index of the next one
        self.finished = False

    @property
    def interval_ms(self) -> int:
        return self._interval_ms

    @property
    def liquidity(self) -> Liquidity:
        return self._liquidity

    def open(self, rules: MarketRules, random: Random, common: CommonFactor, now: int) -> Move:
        recording = self.recording
        self._origin = now
        for candle in recording.candles:
            start, high, low, close = (max(2, rules.to_ticks(price)) for price in candle[1:5])
            self._vertices += (start, low, high, close) if close >= start else (start, high, low, close)
            self._volumes.append(max(LEGS + 1, int(candle.volume / float(rules.step))))
        for trade in recording.trades:
            price = max(2, rules.to_ticks(trade.price))
            size = max(1, int(trade.amount / float(rules.step)))
            self._moves.append((trade.time - recording.trades[0].time, _move(price, size, buying=trade.buying)))
        first = self._vertices[0] if self._vertices else self._moves[0][1].price
        return Move(first, _spread(first), 0, True)

    def resume(self, now: int) -> None:
        self._origin = now - self._played

    def past(self, count: int) -> Sequence[PastCandle]:
        """A recording has no past before its first line."""
        return ()

    def step(self, now: int) -> Sequence[Move]:
        if self.finished:
            return ()
        self._played = now - self._origin
        moves, ended = self._walk() if self._vertices else self._print()
        if ended and self.loop:
            self._origin, self._played, self._leg = now, 0, 0.0
        else:
            self.finished = ended
        return moves

    def _walk(self) -> tuple[list[Move], bool]:
        """The corners of the path passed since the last step and the point reached now; whether it was the last."""
        end = float(len(self._volumes) * LEGS)
        before = self._leg
        self._leg = after = min(end, self._played * self.speed / self.recording.length * LEGS)
        moves: list[Move] = []
        leg = int(before)
        while leg < after:
            candle, part = divmod(leg, LEGS)
            volume = self._volumes[candle]
            if leg >= before and not part:  # a candle begins, perhaps with a gap to the last close
                moves.append(_move(self._vertices[candle * 4], 1))
            start, finish = self._vertices[candle * 4 + part], self._vertices[candle * 4 + part + 1]
            covered = min(after, leg + 1) - max(before, leg)
            if after >= leg + 1:
                moves.append(_move(finish, max(1, int(volume / LEGS * covered)), buying=finish >= start))
            else:
                point = start + round((finish - start) * (after - leg))
                moves.append(_move(point, int(volume / LEGS * covered), buying=finish >= start))
            leg += 1
        return moves, after >= end

    def _print(self) -> tuple[list[Move], bool]:
        """All trades that are due; whether they were the last."""
        due = self._played * self.speed
        first = index = int(self._leg)
        while index < len(self._moves) and self._moves[index][0] <= due:
            index += 1
        self._leg = float(index)
        return [move for _, move in self._moves[first:index]], index == len(self._moves)


def _spread(price: int) -> int:
    return max(1, round(price * SPREAD))


def _move(price: int, volume: int, *, buying: bool = True) -> Move:
    return Move(price, _spread(price), volume, buying)


def replay_market(path: Path, speed: float = 1_200.0, *, loop: bool = False) -> tuple[MarketRules, ReplayModel]:
    """The rules and the model of a file, ready for `Exchange.add_market`. Raises FileError or OSError."""
    recording = read(path)
    return recording.rules(), ReplayModel(recording, speed, loop=loop)
