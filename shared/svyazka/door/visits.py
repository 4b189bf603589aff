"""Moving and cancelling by the link that a booking's message bears: whoever holds its unguessable id.

Which visit it is the worker says, by that id; what a browser says of visits counts for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from svyazka.connectors.site.schema import Envelope
from svyazka.door.accepting import enter
from svyazka.door.answers import NOT_FOUND, content
from svyazka.door.asked import AskedOfTheWorker
from svyazka.door.callers import Caller
from svyazka.engine.contracts.webhook import Answer
from svyazka.engine.intake.receive import RETRY_AFTER, Receiver, problem

SAME_CHANGE = 60.0
"""Seconds in which the same change said again is a repeat."""


class Visits:
    """Changes of bookings."""

    def __init__(self, receiver: Receiver, asked: AskedOfTheWorker) -> None:
        self._receiver, self._asked = receiver, asked

    async def change(self, caller: Caller, id_: str, starts_at: str | None) -> Answer:
        """Move a booking, or cancel it where no time is given. Raises Unavailable."""
        booked = await self._booked(caller, id_)
        if isinstance(booked, Answer):
            return booked
        answer = await self._asked_for(caller, id_, booked, starts_at)
        if starts_at is None and booked.get("visit") is None:
            # It may have been booked in this very moment: then there is a visit to be cancelled.
            again = await self._booked(caller, id_)
            if not isinstance(again, Answer) and again.get("visit") is not None:
                answer = await self._asked_for(caller, id_, again, None)
        return answer

    async def _booked(self, caller: Caller, id_: str) -> Mapping[str, Any] | Answer:
        """What the worker knows of it, where it can be changed."""
        reply = await self._asked.answer(caller, {"kind": "booking", "booking": id_[:100]})
        if reply is None or reply.status >= 500:
            return problem(503, "Try again", "nobody could look just now", {"Retry-After": RETRY_AFTER})
        if reply.status != 200:
            return NOT_FOUND
        state = reply.content.get("state")
        if state in ("trying", "unknown") or reply.content.get("changing"):
            return problem(409, "Not now", "the calendar is being asked about it: try again in a moment")
        if state in ("refused", "cancelled"):
            return problem(409, "Over", "there is no visit any more that could be changed")
        return reply.content

    async def _asked_for(self, caller: Caller, id_: str, booked: Mapping[str, Any], starts_at: str | None) -> Answer:
        call, visit = "booking_cancel" if starts_at is None else "booking_move", booked.get("visit")
        if starts_at is not None and visit is None:
            return problem(409, "Not booked yet", "the calendar hasn't said yes yet: cancel it and ask anew")
        named = self._receiver.keyring.mark("change", caller.owner, call, id_, starts_at or "", str(visit))
        body = {"booking": id_, "subject": booked["subject"], "visit": visit, "starts_at": starts_at}
        envelope = Envelope.model_validate(
            {"call": call, "by": caller.by, "named": named, "within": SAME_CHANGE, "print": "", "body": body}
        )
        entry = await enter(self._receiver, caller, envelope)
        standing = await self._asked.carried_out(entry.id)
        word = standing.word if standing is not None else "accepted"
        if visit is None and word == "done":
            word = "cancelled"  # what waited is called off by its own guard
        status = {"failed": 409, "taken": 409, "accepted": 202}.get(word, 200)
        return content(status, {"status": word, "id": id_})
