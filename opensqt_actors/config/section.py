"""What every section of a configuration is made of: exact numbers, words of a list, nothing unknown."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from opensqt_actors.config.credentials import wrong

NANOSECONDS = 1_000_000_000


def nanoseconds(seconds: float) -> int:
    """Seconds -> whole nanoseconds."""
    return round(seconds * NANOSECONDS)


def _small(value: Any) -> Any:
    """Words of a fixed list may be written in any case."""
    return value.lower() if isinstance(value, str) else value


def _no_truth(value: Any) -> Any:
    """`yes` and `true` are no numbers, although Python takes them for 1."""
    if isinstance(value, bool):
        raise wrong(f"must be a number, not {str(value).lower()}")
    return value


def one_of(words: type[StrEnum]) -> Any:
    """A field that takes one of these words, in any case."""
    return BeforeValidator(_small, json_schema_input_type=words)


Whole = Annotated[int, BeforeValidator(_no_truth, json_schema_input_type=int)]
Real = Annotated[float, BeforeValidator(_no_truth, json_schema_input_type=float)]
Number = Annotated[Decimal, BeforeValidator(_no_truth, json_schema_input_type=Decimal), Field(max_digits=34)]


def told(unit: str, **bounds: Any) -> Any:
    """What the schema tells editors of a field, and nothing else enforces here: its unit, and bounds as JSON Schema."""
    return Field(json_schema_extra={"x-unit": unit, **bounds})


SECONDS = told("seconds")
Seconds = Annotated[Real, Field(gt=0, le=86_400), SECONDS]


class Section(BaseModel):
    """A part of the configuration: nothing unknown in it, nothing changed after reading, no value in its errors.

    change: how a running supervisor takes a change of these settings, "restart" or "live".
    """

    change: ClassVar[str] = "restart"

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True, defer_build=True)
