"""What whoever pays, or gives back, is told: a link, a state, or why not. Nothing of a person."""

from __future__ import annotations

import json
from typing import Any

from svyazka.door.accepting import Entry
from svyazka.door.answers import NOT_FOUND, content
from svyazka.door.asked import AskedOfTheWorker
from svyazka.door.calls import Call
from svyazka.engine.contracts.webhook import Answer
from svyazka.engine.intake.receive import RETRY_AFTER, problem
from svyazka.model.standing import Standing

CONFLICTS = frozenset({"cancelled", "not_paid", "too_much", "over_limit", "in_parts", "not_able", "by_hand"})
"""Codes that aren't about what was sent but about how things stand: 409; others are 422."""


def payment_begun(entry: Entry, standing: Standing | None) -> Answer:
    """The answer to a payment, or a refund, that was asked for."""
    found = standing.payment if standing is not None else None
    if found is None:
        return content(202, {"status": "accepted", "id": entry.id, "state": "created"})
    if found.code is not None and found.code != "paid":
        return refused(found.code)
    told: dict[str, Any] = {"id": found.id, "state": found.state}
    if found.url is not None:
        return content(200, {**told, "url": found.url})
    if found.state in ("created", "waiting", "unknown"):
        return content(202, told)
    return content(200, {**told, "refunded": found.refunded})


def refused(code: str) -> Answer:
    """Why nothing was begun, for the page's own script."""
    status = 409 if code in CONFLICTS else 422
    body = {"status": status, "title": "Not begun", "detail": code, "code": code}
    return Answer(status, json.dumps(body).encode(), "application/problem+json")


class Paying:
    """Looks at payments, by whoever holds a payment's unguessable id."""

    def __init__(self, asked: AskedOfTheWorker) -> None:
        self._asked = asked

    async def state(self, asked: Call) -> Answer:
        """How a payment stands, and its story."""
        reply = await self._asked.answer(asked.caller, {"kind": "payment", "payment": asked.rest[:100]})
        if reply is None or reply.status >= 500:
            return problem(503, "Try again", "nobody could look just now", {"Retry-After": RETRY_AFTER})
        return content(200, reply.content) if reply.status == 200 else NOT_FOUND
