"""A made-up market: seeded, with calm, trending and volatile times, jumps, a factor common to all markets, and a pull
back to where it began, so that it can run for days without leaving its decade."""

from __future__ import annotations

import math
from collections.abc import Sequence
from random import Random

from msgspec import Struct
from msgspec.structs import replace

from opensqt_actors.simvenue.markets.model import CommonFactor, Liquidity, Move, PastCandle
from opensqt_actors.simvenue.rules import MarketRules

YEAR = 365 * 86_400.0
DAY = 86_400.0
_NEVER = 1 << 62
_NOTHING: tuple[Move, ...] = ()


class Regime(Struct, frozen=True):
    """A mood of the market: how its volatility and spread are multiplied, its drift in volatilities per day (either
    sign, drawn), how long it lasts on average in market seconds, and how often it is chosen."""

    name: str
    volatility: float
    spread: float
    drift: float
    lasts: float
    weight: float


class Profile(Struct, frozen=True):
    """A kind of market. `volatility` per year in market time; `speed` market seconds per real second; `half_life` of a
    deviation from the anchor, market seconds; `correlation` of any two markets; `jumps` per market day with size
    `jump` (relative, one standard deviation); `spread` relative; `flow` the aggressor volume of one step,
    in dollars."""

    volatility: float
    speed: float
    half_life: float
    correlation: float
    jumps: float
    jump: float
    spread: float
    flow: float
    liquidity: Liquidity
    regimes: tuple[Regime, ...]
    interval_ms: int = 50

    def faster(self, speed: float) -> Profile:
        """The same market at another speed."""
        return replace(self, speed=speed)


_REGIMES = (
    Regime("calm", 0.7, 1.0, 0.0, 12 * 3_600, 0.5),
    Regime("trend", 1.0, 1.2, 2.0, 6 * 3_600, 0.3),
    Regime("volatile", 1.7, 2.5, 0.0, 3 * 3_600, 0.2),
)
# Twenty minutes of market in a second: the price crosses a level of 0.4 % about twice a second and comes back.
PROFILES: dict[str, Profile] = {
    "calm": Profile(0.5, 1.0, 6 * 3_600, 0.5, 0.5, 0.003, 0.00005, 300, Liquidity(), _REGIMES),
    "demo": Profile(1.4, 1_200.0, 4 * 3_600, 0.4, 1.0, 0.006, 0.0001, 600, Liquidity(split=0.15), _REGIMES),
    "wild": Profile(
        1.6, 1_200.0, 24 * 3_600, 0.6, 6.0, 0.015, 0.0003, 900, Liquidity(touch=1_500, split=0.3), _REGIMES
    ),
}


class _Pace(Struct):
    """One step's constants in a regime: how much of a deviation is left, shocks, drift, spread in ticks."""

    keep: float
    own: float
    common: float
    drift: float
    spread: int


class SyntheticModel:
    """A mean-reverting random walk of the logarithm of the price around the rules' reference price."""

    def __init__(self, profile: Profile) -> None:
        self.profile = profile
        self._anchor = 0.0
        self._deviation = 0.0
        self._random = Random(0)
        self._common = CommonFactor(0)
        self._pace = _Pace(1.0, 0.0, 0.0, 0.0, 1)
        self._regime_ends = 0
        self._jump_at = _NEVER
        self._flow = 0.0
        self._price = 0
        self.regime = profile.regimes[0]

    @property
    def interval_ms(self) -> int:
        return self.profile.interval_ms

    @property
    def liquidity(self) -> Liquidity:
        return self.profile.liquidity

    def open(self, rules: MarketRules, random: Random, common: CommonFactor, now: int) -> Move:
        self._random, self._common = random, common
        self._anchor = float(rules.to_ticks(rules.reference))
        self._deviation = random.gauss(0.0, 1.0) * self._stationary() * 0.2
        self._price = self._ticks()
        self._flow = self.profile.flow / (float(rules.quantum / rules.scale) * self._anchor)
        self._change_regime(now)
        self._plan_jump(now)
        return Move(self._price, self._pace.spread, 0, True)

    def step(self, now: int) -> Sequence[Move]:
        if now >= self._regime_ends:
            self._change_regime(now)
        pace, random = self._pace, self._random
        shock = random.gauss(0.0, 1.0)
        self._deviation = (
            self._deviation * pace.keep + pace.drift + pace.own * shock + pace.common * self._common.at(now)
        )
        if now >= self._jump_at:
            self._deviation += random.gauss(0.0, self.profile.jump)
            self._plan_jump(now)
        price, before = self._ticks(), self._price
        self._price = price
        draw = random.random()
        if draw < 0.25:
            return (Move(price, pace.spread, 0, True),) if price != before else _NOTHING
        volume = int(-self._flow * math.log(draw) * 2.0)
        if not volume and price == before:
            return _NOTHING
        return (Move(price, pace.spread, volume, shock > 0.0),)

    def resume(self, now: int) -> None:
        """It goes on from where it stood; moods and jumps that were due meanwhile happen at once."""

    def past(self, count: int) -> Sequence[PastCandle]:
        """The walk is the same backwards as forwards, so its past is a walk from the first price, turned round."""
        random = Random(self._random.getstate()[1][0])
        parts, deviation = 12, self._deviation
        seconds = 60.0 / parts * self.profile.speed
        keep = math.exp(-math.log(2.0) / self.profile.half_life * seconds)
        shock = self._stationary() * math.sqrt(1.0 - keep * keep)
        backwards: list[PastCandle] = []
        for _ in range(count):
            walk = [deviation]
            for _ in range(parts):
                deviation = deviation * keep + shock * random.gauss(0.0, 1.0)
                walk.append(deviation)
            prices = [max(2, round(self._anchor * math.exp(point))) for point in walk]
            volume = 1 + int(self._flow * 1_200 * (0.5 + random.random()))
            backwards.append(PastCandle(prices[-1], max(prices), min(prices), prices[0], volume))
        return backwards[::-1]

    def _ticks(self) -> int:
        return max(2, round(self._anchor * math.exp(self._deviation)))

    def _stationary(self) -> float:
        """Standard deviation of the logarithm of the price around its anchor, in the long run."""
        rate = math.log(2.0) / self.profile.half_life
        return self.profile.volatility / math.sqrt(YEAR) / math.sqrt(2.0 * rate)

    def _change_regime(self, now: int) -> None:
        profile, random = self.profile, self._random
        self.regime = regime = random.choices(profile.regimes, [r.weight for r in profile.regimes])[0]
        real_ms = random.expovariate(1.0) * regime.lasts / profile.speed * 1_000
        self._regime_ends = now + max(profile.interval_ms, int(real_ms))
        seconds = profile.interval_ms / 1_000 * profile.speed
        shock = profile.volatility / math.sqrt(YEAR) * math.sqrt(seconds) * regime.volatility
        drift = random.choice((-1.0, 1.0)) * regime.drift * profile.volatility / math.sqrt(YEAR / DAY) * seconds / DAY
        self._pace = _Pace(
            keep=math.exp(-math.log(2.0) / profile.half_life * seconds),
            own=shock * math.sqrt(1.0 - profile.correlation),
            common=shock * math.sqrt(profile.correlation),
            drift=drift,
            spread=max(1, round(self._anchor * profile.spread * regime.spread)),
        )

    def _plan_jump(self, now: int) -> None:
        if self.profile.jumps > 0:
            wait = self._random.expovariate(self.profile.jumps) * DAY / self.profile.speed * 1_000
            self._jump_at = now + 1 + int(wait)
