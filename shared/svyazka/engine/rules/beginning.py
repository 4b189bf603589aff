"""How a delivery begins: the one way to make one (DESIGN 3). Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta

from svyazka.model.commands import Guards, Step
from svyazka.model.deliveries import Before, Delivery
from svyazka.model.ids import delivery_id

WAKE_GRACE = timedelta(seconds=60)
"""How long past its time something open may lie before the sweep looks at it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Obligation:
    """What is owed about one subject, whichever channel carries it: what the deliveries of its channels share."""

    tenant: str
    flow: str
    subject: str
    event: str
    guards: Guards
    base_at: datetime
    source: str | None = None
    lane: str | None = None
    supersedes: bool = False
    fallback_seconds: float | None = None
    people: tuple[str, ...] = ()
    blank_at: datetime | None = None
    stage: str | None = None
    after: tuple[Before, ...] = ()
    then: tuple[str, ...] = ()

    @classmethod
    def of(cls, delivery: Delivery) -> Obligation:
        """What an earlier channel's delivery was to fulfil."""
        return cls(**{name: getattr(delivery, name) for name in _OF_AN_OBLIGATION})


_OF_AN_OBLIGATION = tuple(field.name for field in fields(Obligation))
_OF_A_STEP = tuple(name for name in Step.model_fields if name != "name")


def begun(obligation: Obligation, steps: Sequence[Step], now: datetime, predecessor: str | None = None) -> Delivery:
    """The delivery of the first of `steps`, due at once; the others are its fallbacks."""
    step, *rest = steps
    shared = {name: getattr(obligation, name) for name in _OF_AN_OBLIGATION}
    carried = {name: getattr(step, name) for name in _OF_A_STEP}
    return Delivery(
        **shared,
        **carried,
        id=delivery_id(obligation.tenant, obligation.flow, obligation.subject, step.name),
        step=step.name,
        created_at=now,
        next_attempt_at=now,
        wake_at=now + WAKE_GRACE,
        fallbacks=tuple(rest),
        fallback_at=fallback_time(obligation.guards, now, obligation.fallback_seconds) if rest else None,
        predecessor=predecessor,
    )


def fallback_time(guards: Guards, now: datetime, seconds: float | None) -> datetime | None:
    """When the next channel tries, counted from when this one may: what waits for the morning hasn't failed."""
    if not seconds:
        return None
    begin = max(now, guards.not_before or now)
    opens_at = guards.quiet_hours.opens_at(begin) if guards.quiet_hours else None
    return (opens_at or begin) + timedelta(seconds=seconds)
