"""One SymbolActor whose exchange is the test: what it is told, what it tells, and the venue's view when it asks."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from opensqt_actors.actors import ports
from opensqt_actors.actors.exchange_messages import Attach, Quote, Submit, WantPast, WantTruth
from opensqt_actors.actors.symbol import Start, SymbolActor
from opensqt_actors.actors.symbol_messages import Execution
from opensqt_actors.domain.grid import Grid
from opensqt_actors.domain.ids import ClientId
from opensqt_actors.domain.instrument import Instrument
from opensqt_actors.domain.orders import AccountState, Fees, OrderReport, Position, Truth
from opensqt_actors.domain.preflight import PreflightSettings
from opensqt_actors.domain.records import LatticeSaved, Restored, SlotSaved, TotalsSaved
from opensqt_actors.domain.settings import GridSettings, SymbolSpec
from opensqt_actors.runtime.behaviour import ActorId
from opensqt_actors.runtime.effects import Tell

NOW = 1_700_000_000_000_000_000
EXCHANGE, PARENT, ME = ActorId("exchange"), ActorId("shard"), ActorId("symbol")
INSTRUMENT = Instrument("XUSDT", "X", "USDT", Decimal("0.1"), Decimal("0.001"), min_notional=Decimal(5))
FINE = ports.SymbolPrepared(
    INSTRUMENT,
    Fees(Decimal("0.0002"), Decimal("0.0005")),
    AccountState(Decimal(1_000), Decimal(1_000), hedged=False, can_trade=True),
    10,
    (),
    0,
)
GRID = GridSettings(amount=Decimal(30), interval_percent=Decimal(1), buy_window=3, max_position=Decimal(300))


class Bench:
    """One SymbolActor whose exchange is the test. position: steps that the venue holds; resting: orders there."""

    def __init__(self, restored: Restored | None = None, grid: GridSettings = GRID, epoch: int = 0) -> None:
        self.now = NOW
        self.position = sum(slot.position for slot in restored.slots) if restored is not None else 0
        self.resting: dict[ClientId, OrderReport] = {}
        self.told: list[object] = []
        self.other: list[object] = []
        self.actor = SymbolActor(
            SymbolSpec("main", "XUSDT", 1, grid, epoch=epoch),
            "s1",
            restored or saved(),
            exchange=EXCHANGE,
            parent=PARENT,
            me=ME,
            strategies={"grid": Grid},
            execution=Execution(preflight=PreflightSettings(max_leverage=10)),
        )

    def step(self, message: Any) -> list[object]:
        """What one message makes it tell the exchange; the exchange's answers follow at once."""
        before = len(self.told)
        for effect in self.actor.step(message, self.now):
            if isinstance(effect, Tell) and effect.to == EXCHANGE:
                self.told.append(effect.message)
                if isinstance(effect.message, WantTruth):
                    position = Position("XUSDT", self.position, Decimal(1_000))
                    resting = tuple(self.resting.values())
                    found = tuple((name, None) for name in effect.message.client_ids if name not in self.resting)
                    self.step(ports.TruthFetched(Truth("XUSDT", resting, found, position, (), self.now)))
                if isinstance(effect.message, WantPast):
                    self.step(ports.CandlesFetched("XUSDT", "1m", ()))
            else:
                self.other.append(effect.message if isinstance(effect, Tell) else effect)
        return self.told[before:]

    def begin(self, prepared: ports.SymbolPrepared = FINE) -> list[object]:
        """Attached, prepared, in line with the venue, and the first price."""
        assert isinstance(self.step(Start())[0], Attach)
        self.step(prepared)
        return self.quote()

    def quote(self, price: int = 10_000) -> list[object]:
        """A price of the market, in ticks."""
        return self.step(Quote(price - 1, price + 1, self.now))

    @property
    def openings(self) -> int:
        """Opening orders asked for so far."""
        return sum(plan.kind.opens for told in self.told if isinstance(told, Submit) for plan in told.places)

    @property
    def exits(self) -> int:
        """Exits asked for so far."""
        return sum(not plan.kind.opens for told in self.told if isinstance(told, Submit) for plan in told.places)

    def announced(self) -> list[str]:
        """Kinds of what operators were told."""
        return [effect.kind for effect in self.other if isinstance(effect, ports.Announce)]


def saved(**changes: Any) -> Restored:
    """What the journal knows of a symbol: nothing, but for the changes."""
    totals = TotalsSaved("main", "XUSDT", 0, Decimal(0), Decimal(0), 0, 0)
    parts: dict[str, Any] = {
        "lattice": None, "slots": (), "orders": (), "generation_floor": 0, "totals": totals,
        "known_trades": frozenset(), "since": NOW,
    }  # fmt: skip
    return Restored("main", "XUSDT", **parts | changes)


def held() -> Restored:
    """A restart with one level that holds 0.03."""
    return saved(
        lattice=LatticeSaved("main", "XUSDT", 10_000, 100, Decimal("1.01")),
        slots=(SlotSaved("main", "XUSDT", -1, 30, 297_030, 0, 1),),
    )
