"""The `lease` section: how hosts that share a registry take turns."""

from __future__ import annotations

from typing import Annotated, Self

from pydantic import Field, model_validator

from opensqt_actors.actors.leases import LeaseTerms
from opensqt_actors.config.credentials import wrong
from opensqt_actors.config.section import Seconds, Section, Whole, nanoseconds

LEAST_WINDOW = 2.5
"""Seconds of margin and grace: a second less is how old a request may be, and some take that long."""


class Lease(Section):
    """How this host shares its registry with others, when it is started with `--join`. Seconds, the same on every host.

    name: of the host, its network name unless given; capacity: symbols that it trades at most.
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]{1,64}$")] | None = None
    capacity: Whole = Field(default=100, ge=1, le=1_000)
    ttl: Annotated[Seconds, Field(ge=2)] = 5
    margin: Seconds = 1.5
    grace: Seconds = 2

    @model_validator(mode="after")
    def _there_is_time_to_stop(self) -> Self:
        """Half of a lease's life warns; what the margin leaves of the rest is for cancels."""
        if self.margin >= self.ttl / 2:
            raise wrong(f"margin must be less than half of ttl ({self.ttl:g} s), not {self.margin:g} s")
        if self.margin + self.grace < LEAST_WINDOW:
            raise wrong(f"margin and grace must be {LEAST_WINDOW} s or more together: requests need as long at times")
        return self

    def terms(self) -> LeaseTerms:
        """In ns."""
        ttl, margin, grace = (nanoseconds(value) for value in (self.ttl, self.margin, self.grace))
        return LeaseTerms(ttl, margin, grace, ttl // 5)
