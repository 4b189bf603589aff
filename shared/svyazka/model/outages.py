"""A connection in trouble, as a small state machine."""

from __future__ import annotations

from enum import StrEnum
from typing import Literal

from svyazka.model.base import Stored, Time
from svyazka.model.errors import IllegalTransition


class OutageState(StrEnum):
    """DESIGN 5.9."""

    OPEN = "open"
    """Its vendor doesn't answer."""
    PROBING = "probing"
    """The same or blocked, and one delivery is out to see whether that is over."""
    BLOCKED = "blocked"
    """Its vendor answers, and wants an authorisation, money or a setting."""
    RELEASING = "releasing"
    """It is over, and what waited for it is being let go."""
    CLOSED = "closed"


S = OutageState

TRANSITIONS: dict[OutageState, frozenset[OutageState]] = {
    # To itself: a probe without a delivery failed, or was put off.
    S.OPEN: frozenset({S.OPEN, S.PROBING, S.RELEASING, S.CLOSED}),
    S.BLOCKED: frozenset({S.BLOCKED, S.PROBING, S.RELEASING, S.CLOSED}),
    # A probe's answer may be any; to itself: the worker with the probe died, and another delivery is the next.
    S.PROBING: frozenset({S.PROBING, S.OPEN, S.BLOCKED, S.RELEASING, S.CLOSED}),
    # To itself: one batch went, the next is due.
    S.RELEASING: frozenset({S.RELEASING, S.CLOSED}),
    # A later outage is a new one, and takes the document of a closed one (or of one that is still being released).
    S.CLOSED: frozenset(),
}


class Outage(Stored):
    """A connection that keeps failing, from its first threshold to its recovery. One document a connection."""

    id: str
    """Names this outage among all that the connection ever has."""
    tenant: str
    connection: str
    vendor: str
    kind: Literal["down", "blocked"]
    since: Time
    code: str
    message: str
    remedy: str | None = None
    probes: int = 0
    next_probe_at: Time
    probe: str | None = None
    """The delivery that is out as a probe, while its lease holds."""
    probe_until: Time | None = None
    problem: str | None = None
    """What people see of it, opened and ended in its commits; None: the release before wrote this outage."""
    told: tuple[str, ...] = ()
    """Alert stages that the release before told; problems know it now."""
    closed_at: Time | None = None
    releasing: bool = False
    """Recovered, and parked deliveries are still being let go."""
    wake_at: Time | None = None
    wake_step: int = 0

    @property
    def is_open(self) -> bool:
        return self.closed_at is None

    @property
    def state(self) -> OutageState:
        if not self.is_open:
            return S.RELEASING if self.releasing else S.CLOSED
        if self.probe is not None:
            return S.PROBING
        return S.BLOCKED if self.kind == "blocked" else S.OPEN

    def moved(self, **changes: object) -> Outage:
        """This outage with `changes`. Raises IllegalTransition where the machine has no such way."""
        after = self.model_copy(update=changes)
        if after.state not in TRANSITIONS[self.state]:
            raise IllegalTransition(f"{self.id}: {self.state} -> {after.state} is no way that an outage can go")
        return after
