"""What has become of a call, in the few words that its caller may know: codes and ids, nothing of a person.

The same words from what the worker answers while somebody waits, and from the journal's own documents later.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from svyazka.engine.ports.store import Counting

OPEN = frozenset({"pending", "in_flight", "retrying", "parked", "blocked", "unknown", "waiting_for"})
BOOKINGS = {"BookVisit": "booked", "MoveVisit": "moved", "CancelVisit": "cancelled"}
"""Commands to a calendar, and the word for their success."""
DEAL = "deal"


@dataclass(frozen=True, slots=True)
class Step:
    """One delivery of a call."""

    command: str | None
    record: str | None
    vendor: str
    status: str
    made: str | None
    code: str | None
    """Of its last refusal."""
    starts_at: str | None = None
    """Of a visit, with the offset of the place."""

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Step:
        """From a delivery as the worker tells it."""
        error = said.get("error") or {}
        return cls(
            said.get("command"), said.get("record"), str(said.get("vendor")), str(said.get("status")), _made(said),
            error.get("code"), said.get("starts_at"),
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Standing:
    """A call's event, and what was to be done about it."""

    status: str
    reason: str | None
    steps: Sequence[Step]

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> Standing:
        """From the worker's answer."""
        steps = tuple(Step.of(one) for one in said.get("deliveries") or ())
        return cls(str(said.get("status")), said.get("reason"), steps)

    @property
    def word(self) -> str:
        """accepted, done, failed; of a booking booked, moved, cancelled or taken."""
        booking = self.booking
        if booking is not None:
            if booking.status == "succeeded":
                return BOOKINGS[booking.command or ""]
            if booking.status == "failed":
                return "taken" if booking.code == "taken" else "failed"
            return "accepted" if booking.status in OPEN else "failed"
        if self.status != "planned" or any(step.status in OPEN for step in self.steps):
            return "accepted"
        return "failed" if any(step.status in ("failed", "dead") for step in self.steps) else "done"

    @property
    def booking(self) -> Step | None:
        """The step that books, where there is one."""
        return next((step for step in self.steps if step.command in BOOKINGS), None)

    @property
    def deal(self) -> Step | None:
        """The step that makes the card of a lead."""
        return next((step for step in self.steps if step.record == DEAL), None)


def _made(said: Mapping[str, Any]) -> str | None:
    produced = said.get("produced")
    if isinstance(produced, list):
        produced = produced[0] if produced else None
    made = produced.get("id") if isinstance(produced, Mapping) else None
    return made or said.get("external_id")


async def standing_of(store: Counting, owner: tuple[str, str], id_: str) -> Standing | None:
    """How a call stands by the journal; None for what isn't this site's, alike for what isn't there. Raises
    Unavailable."""
    (document,) = await store.get_many([("events", id_)])
    record = json.loads(document.data) if document is not None else {}
    event = record.get("event", {})
    ids = record.get("deliveries", ()) if (event.get("tenant"), event.get("connection")) == owner else ()
    found = await store.get_many([("deliveries", one) for one in ids])
    if (event.get("tenant"), event.get("connection")) != owner:
        return None
    steps = [_step(json.loads(one.data)) for one in found if one is not None]
    return Standing(record["status"], record.get("reason"), tuple(steps))


def _step(delivery: Mapping[str, Any]) -> Step:
    command = delivery.get("command") or {}
    error = delivery.get("last_error") or {}
    return Step(
        command.get("kind"), command.get("record"), str(delivery.get("vendor")), str(delivery.get("status")),
        _made(delivery), error.get("code"),
    )  # fmt: skip
