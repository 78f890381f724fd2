"""The shape of a configuration file: sections, defaults, bounds. Reading the file is `loading`'s business."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Field, SecretStr, ValidationInfo, model_validator

from opensqt_actors.config.credentials import SIMULATED_PREFIX, Credential, PrivateText, base_dir, wrong
from opensqt_actors.config.lease import Lease
from opensqt_actors.config.paths import DATABASE_NAME, LOCK_NAME, default_state_dir, socket_path
from opensqt_actors.config.risk import Breaker, Cleanup, Emergency, Exposure, Preflight
from opensqt_actors.config.section import SECONDS, Number, Real, Seconds, Section, Whole, one_of, told
from opensqt_actors.domain.settings import GridMode, GridSettings, SymbolSpec, Trail
from opensqt_actors.domain.settings_check import (
    MAX_ATR_SCALE,
    MAX_INTERVAL_PERCENT,
    MAX_MONEY,
    MAX_MULTIPLE,
    MAX_OPEN_ORDERS,
    MAX_SKEW,
    MAX_SYMBOLS,
    MAX_WINDOW,
    account_problem,
    grid_problems,
    symbol_problem,
)

_NOT_OF_THE_GRID = frozenset({"symbol", "account", "adopt", "strategy"})
UNNUMBERED = -1  # the registry gives the number
MAX_SHARDS = 64


def _path(value: Any, info: ValidationInfo) -> Any:
    """A path from the configuration's own folder, `~` resolved."""
    if isinstance(value, str) and value:
        return (base_dir(info) / Path(value).expanduser()).resolve()
    return value


def _symbol(value: Any) -> Any:
    problem = symbol_problem(value) if isinstance(value, str) else None
    if problem:
        raise wrong(problem)
    return value


AnyPath = Annotated[Path, BeforeValidator(_path, json_schema_input_type=str)]
Symbol = Annotated[str, BeforeValidator(_symbol, json_schema_input_type=str)]
Place = tuple[str | int, ...]


MONEY = {"exclusiveMinimum": 0, "maximum": int(MAX_MONEY)}
Money = Annotated[Number, told("quote currency", **MONEY)]
Price = Annotated[Number, told("quote currency per base", **MONEY)]
Percent = Annotated[Number, told("percent of the price", exclusiveMinimum=0, maximum=int(MAX_INTERVAL_PERCENT))]
Levels = Annotated[Whole, told("levels", minimum=0, maximum=MAX_WINDOW)]


class VenueName(StrEnum):
    """Venues that there are adapters for."""

    BINANCEUSDM = "binanceusdm"


class Trigger(StrEnum):
    """How many monitored symbols must spike before risk mode starts."""

    ALL = "all"
    ANY = "any"


class CandleInterval(StrEnum):
    """Candles that the risk monitor looks at."""

    ONE_MINUTE = "1m"
    THREE_MINUTES = "3m"
    FIVE_MINUTES = "5m"


class PostOnlyFallback(StrEnum):
    """What follows when post-only was refused too often: a plain limit order, or a rest for the slot."""

    DOWNGRADE = "downgrade"
    PAUSE = "pause"


class EngineName(StrEnum):
    """How order batches are carried out: by the journal alone, or each as a DBOS workflow besides."""

    SIMPLE = "simple"
    DURABLE = "durable"


class LogLevel(StrEnum):
    """The least important records that are written."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class LogFormat(StrEnum):
    """Lines for people, coloured on a terminal, or one JSON object a line."""

    TEXT = "text"
    JSON = "json"


SHORTEST_COUNTDOWN = 10
"""Seconds of the dead-man switch: it is renewed three times in them."""
SHORTEST_SILENCE = 3
"""Seconds without the word that is told every second."""


class SimulatedVenue(Section):
    """Where the simulated venue listens on this host, and the certificate authority that it made."""

    port: Whole = Field(ge=1, le=65_535)
    ca: AnyPath


class Budget(Section):
    """Requests that place orders, per account."""

    orders_per_second: Whole = Field(default=25, ge=1, le=100_000)
    burst: Whole = Field(default=30, ge=1, le=100_000)


class Account(Section):
    """One account at one venue."""

    venue: Annotated[VenueName, one_of(VenueName)]
    simulated: SimulatedVenue | None = None
    api_key: Credential
    secret: Credential
    budget: Budget = Budget()
    dead_man_switch: Annotated[Whole, told("seconds, 0 = off", minimum=0, maximum=3_600)] = 0

    @model_validator(mode="after")
    def _a_countdown_can_be_renewed(self) -> Self:
        """A countdown that is shorter than a few lost requests would cancel everything now and then."""
        if 0 < self.dead_man_switch < SHORTEST_COUNTDOWN:
            raise wrong(f"dead_man_switch must be 0 (off) or at least {SHORTEST_COUNTDOWN} seconds")
        return self

    @model_validator(mode="after")
    def _keys_belong_to_the_venue(self) -> Self:
        """A simulated key never leaves this host, and a real one never goes to a simulation."""
        for name in ("api_key", "secret"):
            simulated_key = getattr(self, name).get_secret_value().startswith(SIMULATED_PREFIX)
            if simulated_key and self.simulated is None:
                raise wrong(f"{name} is one of the simulated venue; give `simulated`, or the key of the real venue")
            if not simulated_key and self.simulated is not None:
                raise wrong(
                    f"{name} of a simulated venue must begin with `{SIMULATED_PREFIX}`; keep real keys out of it"
                )
        return self


class GridDefaults(Section):
    """Settings of a grid that are the same for all symbols. What is not given has the default of GridSettings."""

    change: ClassVar[str] = "live"

    mode: Annotated[GridMode, one_of(GridMode)] | None = None
    amount: Money | None = None
    interval: Money | None = None
    interval_percent: Percent | None = None
    buy_window: Levels | None = None
    sell_window: Levels | None = None
    skew: Annotated[Number, told("fraction of the price", minimum=0, maximum=int(MAX_SKEW))] | None = None
    atr_scale: (
        Annotated[Number, told("multiple of the average true range", minimum=0, maximum=int(MAX_ATR_SCALE))] | None
    ) = None
    max_multiple: Annotated[Whole, told("intervals", minimum=1, maximum=MAX_MULTIPLE)] | None = None
    volatility_sizing: bool | None = None
    max_position: Money | None = None
    max_open_orders: Annotated[Whole, told("orders", minimum=1, maximum=MAX_OPEN_ORDERS)] | None = None
    min_price: Price | None = None
    max_price: Price | None = None
    trail: Annotated[Trail, one_of(Trail)] | None = None

    def given(self) -> dict[str, Any]:
        """Only what the file says, by the names of GridSettings."""
        return {name: getattr(self, name) for name in type(self).model_fields if getattr(self, name) is not None}


class SymbolEntry(GridDefaults):
    """One market; its settings win over the defaults. The name alone is enough.

    Read into an empty registry alone; after that `opensqt symbols` and `opensqt config apply` change them.
    """

    symbol: Symbol
    account: str | None = None
    anchor: Price | None = None
    adopt: bool = False
    strategy: Annotated[str, Field(min_length=1, max_length=64)] = "grid"

    @model_validator(mode="before")
    @classmethod
    def _name_alone(cls, value: Any) -> Any:
        return {"symbol": value} if isinstance(value, str) else value

    def grid(self, defaults: GridDefaults) -> GridSettings:
        """Defaults of the program, of the file, and this entry, the last word to the last."""
        own = {name: value for name, value in self.given().items() if name not in _NOT_OF_THE_GRID}
        base = defaults.given()
        if own.keys() & {"interval", "interval_percent"}:
            base.pop("interval", None)
            base.pop("interval_percent", None)
        return GridSettings(**(base | own))


class Risk(Section):
    """The volume-spike monitor (empty `monitor`: off), and the limits that hold whatever the market does."""

    monitor: tuple[Symbol, ...] = Field(default=(), max_length=100)
    interval: Annotated[CandleInterval, one_of(CandleInterval)] = CandleInterval.ONE_MINUTE
    volume_multiplier: Real = Field(default=3, ge=1, le=1_000)
    average_window: Whole = Field(default=20, ge=2, le=500)
    recovery_threshold: Whole | None = Field(default=None, ge=1)
    trigger: Annotated[Trigger, one_of(Trigger)] = Trigger.ALL
    preflight: Preflight = Preflight()
    exposure: Exposure = Exposure()
    breaker: Breaker = Breaker()
    global_breaker: Breaker = Breaker()
    cleanup: Cleanup = Cleanup()
    emergency: Emergency = Emergency()

    @model_validator(mode="after")
    def _recovery_is_possible(self) -> Self:
        if self.recovery_threshold is not None and self.recovery_threshold > len(self.monitor):
            raise wrong(
                f"recovery_threshold is {self.recovery_threshold}, but only {len(self.monitor)} symbols are monitored"
            )
        return self

    @property
    def recovery(self) -> int:
        """Symbols that must be calm again before trading goes on."""
        return self.recovery_threshold or len(self.monitor) // 2 + 1


class Execution(Section):
    """How orders are sent and checked. Times in seconds."""

    pending_timeout: Seconds = 5
    stale_after: Seconds = 10
    reconcile_interval: Seconds = 60
    orphan_grace: Annotated[Real, SECONDS] = Field(default=5, ge=0, le=3_600)
    margin_lock: Seconds = 10
    margin_lock_max: Seconds = 600
    post_only_retries: Whole = Field(default=3, ge=0, le=20)
    post_only_fallback: Annotated[PostOnlyFallback, one_of(PostOnlyFallback)] = PostOnlyFallback.DOWNGRADE


class Shutdown(Section):
    """What happens to resting orders when the supervisor ends. deadline: seconds."""

    cancel_on_exit: bool = True
    cancel_exits: bool = False
    deadline: Annotated[Real, SECONDS] = Field(default=8, ge=1, le=600)


class Telemetry(Section):
    """Logs and metrics. metrics_port 0: off."""

    log_level: Annotated[LogLevel, one_of(LogLevel)] = LogLevel.INFO
    log_format: Annotated[LogFormat, one_of(LogFormat)] = LogFormat.TEXT
    log_file: AnyPath | None = None
    metrics_port: Whole = Field(default=0, ge=0, le=65_535)


class Supervision(Section):
    """Restarts of what failed, actors and shards: more than `intensity` in a row, none healthy for `period` seconds,
    end in quarantine. shard_*: seconds to start, to be silent, to go on without a supervisor (0 = for ever), to open
    without a word of the risk over all shards (0 = for ever); MB; steps by which a shard's process becomes nicer.
    """

    intensity: Whole = Field(default=5, ge=0, le=1_000)
    period: Seconds = 60
    backoff_initial: Seconds = 0.5
    backoff_max: Seconds = 30
    factor: Real = Field(default=2, ge=1, le=10)
    shard_start: Seconds = 60
    shard_heartbeat: Annotated[Seconds, Field(ge=1)] = 5
    shard_memory: Whole = Field(default=2_048, ge=0, le=1_048_576)
    shard_alone: Real = Field(default=600, ge=0, le=604_800)
    shard_unheard: Real = Field(default=15, ge=0, le=3_600)
    shard_niceness: Whole = Field(default=5, ge=0, le=19)

    @model_validator(mode="after")
    def _a_word_comes_every_second(self) -> Self:
        """A limit of a few words that are late would close and open gates all day."""
        if 0 < self.shard_unheard < SHORTEST_SILENCE:
            raise wrong(f"shard_unheard must be 0 (never) or at least {SHORTEST_SILENCE} seconds")
        return self


class Database(Section):
    """Where the registry and the journal are kept. Without a URL: an SQLite file in the state folder."""

    url: PrivateText | None = None


class Settings(Section):
    """A whole configuration, checked."""

    state_dir: AnyPath = Field(default_factory=default_state_dir)
    database: Database = Database()
    engine: Annotated[EngineName, one_of(EngineName)] = EngineName.SIMPLE
    accounts: Mapping[str, Account] = Field(min_length=1, max_length=36)
    defaults: GridDefaults = GridDefaults()
    symbols: tuple[SymbolEntry, ...] = Field(default=(), max_length=MAX_SYMBOLS)
    shards: Whole = Field(default=0, ge=0, le=MAX_SHARDS)
    risk: Risk = Risk()
    execution: Execution = Execution()
    shutdown: Shutdown = Shutdown()
    telemetry: Telemetry = Telemetry()
    supervision: Supervision = Supervision()
    lease: Lease = Lease()

    @property
    def socket(self) -> Path:
        """The Unix socket on which the supervisor answers."""
        return socket_path(self.state_dir)

    @property
    def lock(self) -> Path:
        """Locked by the one supervisor that runs on this state folder."""
        return self.state_dir / LOCK_NAME

    def fingerprint(self) -> str:
        """Tells one configuration from another, symbols apart, which the registry has; nothing secret goes into it."""
        return hashlib.sha256(self.model_dump_json(exclude={"symbols", "defaults"}).encode()).hexdigest()[:16]

    @property
    def database_url(self) -> SecretStr:
        """An SQLAlchemy URL, which may hold a password."""
        return self.database.url or SecretStr(f"sqlite:///{self.state_dir / DATABASE_NAME}")

    def secrets(self) -> tuple[str, ...]:
        """Every value that must never be written anywhere: for the log's redaction."""
        found = [
            value.get_secret_value()
            for account in self.accounts.values()
            for value in (account.api_key, account.secret)
        ]
        password = password_in(self.database_url.get_secret_value())
        return (*found, password) if password else tuple(found)

    def account_of(self, entry: SymbolEntry) -> str:
        """The account of a symbol: its own, or the only one there is."""
        return entry.account or next(iter(self.accounts))

    def grid_defaults(self) -> GridSettings:
        """What a grid is like when nothing else is said; it may be without an interval."""
        return GridSettings(**self.defaults.given())

    def specs(self) -> tuple[SymbolSpec, ...]:
        """The registry's first rows. Their numbers are still to be given by the registry."""
        return tuple(
            SymbolSpec(
                self.account_of(entry),
                entry.symbol,
                UNNUMBERED,
                entry.grid(self.defaults),
                entry.strategy,
                adopt=entry.adopt,
            )
            for entry in self.symbols
        )

    def contradictions(self) -> dict[Place, str]:
        """What is wrong between sections: a sentence for each place."""
        found: dict[Place, str] = {
            ("accounts", name): problem for name in self.accounts if (problem := account_problem(name))
        }
        seen: dict[tuple[str, str], int] = {}
        for index, entry in enumerate(self.symbols):
            found |= self._about(index, entry, seen)
        return found

    def _about(self, index: int, entry: SymbolEntry, seen: dict[tuple[str, str], int]) -> dict[Place, str]:
        place = ("symbols", index)
        known = ", ".join(sorted(self.accounts))
        if entry.account is None and len(self.accounts) > 1:
            return {place: f"{entry.symbol} needs `account`, one of {known}"}
        account = self.account_of(entry)
        if account not in self.accounts:
            return {(*place, "account"): f"{account[:40]!r} is not among accounts ({known})"}
        first = seen.setdefault((account, entry.symbol), index)
        if first != index:
            return {(*place, "symbol"): f"{entry.symbol} is already symbols[{first}]; a symbol trades once per account"}
        found: dict[Place, str] = {}
        for problem in grid_problems(entry.grid(self.defaults)):
            inherited = (
                getattr(entry, problem.field) is None and getattr(self.defaults, problem.field, None) is not None
            )
            if inherited:
                found["defaults", problem.field] = problem.sentence
            else:
                found[*place, problem.field] = f"{problem.sentence} ({entry.symbol})"
        return found


def password_in(url: str) -> str:
    """The password in a database URL, as written there, or ""."""
    authority = url.partition("://")[2].partition("/")[0]
    return authority.rpartition("@")[0].partition(":")[2]
