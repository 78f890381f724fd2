"""The venue's settings: accounts, markets, limits, fees, latency; from a YAML file, with unknown keys refused."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from opensqt_actors.simvenue.server.limits import PRESETS, Limits

Profile = Literal["demo", "calm", "wild"]
DEMO_KEY = "sim-demo-key"
DEMO_SECRET = "sim-demo-secret"  # noqa: S105 - simulated, and printed in the manual


class SettingsError(ValueError):
    """Settings that cannot be used; one sentence that names the field."""


def _simulated(key: str) -> str:
    if not key.startswith("sim-"):
        raise ValueError("must begin with sim-, so that it can never be a real one")
    return key


class _Section(BaseModel):
    model_config = ConfigDict(extra="forbid")


class FeeSettings(_Section):
    """Part of the traded value."""

    maker: Decimal = Field(default=Decimal("0.0002"), ge=Decimal("-0.01"), le=Decimal("0.1"))
    taker: Decimal = Field(default=Decimal("0.0005"), ge=0, le=Decimal("0.1"))


class AccountSettings(_Section):
    """One API key with its own wallet. Without `fees` those of the venue hold."""

    key: Annotated[str, AfterValidator(_simulated)] = DEMO_KEY
    secret: Annotated[str, AfterValidator(_simulated)] = Field(default=DEMO_SECRET, repr=False)
    balance: Decimal = Field(default=Decimal(1_000_000), ge=0)
    fees: FeeSettings | None = None
    hedge_mode: bool = False


class MarketSettings(_Section):
    """`synthetic` markets of the seed's universe, markets of a rules file, and replayed recordings."""

    synthetic: int = Field(default=36, ge=0, le=1_000)
    rules: Path | None = None
    replay: list[Path] = []
    loop: bool = False
    scripted: bool = False
    past_candles: int = Field(default=60, ge=0, le=1_000)


class LatencySettings(_Section):
    """Milliseconds: before a request is looked at, before it is answered, before a frame is sent."""

    request_ms: int = Field(default=0, ge=0, le=60_000)
    answer_ms: int = Field(default=0, ge=0, le=60_000)
    stream_ms: int = Field(default=0, ge=0, le=60_000)


class VenueSettings(_Section):
    """All settings. `limits` is a preset's name or the limits themselves; without it the profile demo has those of a
    market maker, the others the standard ones."""

    seed: int = 1
    profile: Profile = "demo"
    speed: float | None = Field(default=None, gt=0, le=10_000)
    tick_ms: int = Field(default=25, ge=1, le=1_000)
    accounts: list[AccountSettings] = Field(default_factory=lambda: [AccountSettings()], min_length=1)
    markets: MarketSettings = Field(default_factory=MarketSettings)
    limits: Literal["standard", "market-maker"] | Limits | None = None
    fees: FeeSettings = Field(default_factory=FeeSettings)
    latency: LatencySettings = Field(default_factory=LatencySettings)
    listen_key_seconds: float = Field(default=3_600, gt=0)
    user_queue: int = Field(default=10_000, ge=1)
    market_queue: int = Field(default=2_000, ge=1)

    def limits_in_force(self) -> Limits:
        if isinstance(self.limits, Limits):
            return self.limits
        return PRESETS[self.limits or ("market-maker" if self.profile == "demo" else "standard")]


def read(path: Path) -> dict[str, Any]:
    """The mapping in a YAML file, unchecked; empty for an empty file. Raises SettingsError."""
    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SettingsError(f"The settings file {path} cannot be read: {error.strerror}.") from error
    except yaml.YAMLError as error:
        raise SettingsError(f"The settings file {path} is not YAML: {' '.join(str(error).split())}.") from error
    if document is None:
        return {}
    if not isinstance(document, dict):
        raise SettingsError(f"The settings file {path} must be a mapping of settings.")
    return document


def settings_from(document: object) -> VenueSettings:
    """Settings from parsed YAML. Raises SettingsError with the first field that is wrong."""
    try:
        settings = VenueSettings.model_validate(document)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False, include_input=False)[0]
        where = ".".join(str(part) for part in first["loc"]) or "the file"
        what = "is not a known setting" if first["type"] == "extra_forbidden" else first["msg"]
        raise SettingsError(f"Setting {where}: {what}.") from None
    keys = [account.key for account in settings.accounts]
    if len(set(keys)) != len(keys):
        raise SettingsError("Setting accounts: each key may be there only once.")
    return settings
