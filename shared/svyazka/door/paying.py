"""What whoever pays, or gives back, is told: a link, a state, or why not. Nothing of a person."""

from __future__ import annotations

import json
from typing import Any

from svyazka.connectors.site.schema import Envelope
from svyazka.door.accepting import Entry, enter
from svyazka.door.answers import NOT_FOUND, content
from svyazka.door.asked import AskedOfTheWorker
from svyazka.door.callers import Caller
from svyazka.door.calls import Call, texts_in
from svyazka.engine.contracts.webhook import Answer
from svyazka.engine.intake.receive import RETRY_AFTER, Receiver, problem
from svyazka.model.standing import Standing

CONFLICTS = frozenset({
    "over", "nothing_due", "cancelled", "not_paid", "too_much", "over_limit", "in_parts", "not_able", "by_hand",
})  # fmt: skip
"""Codes that aren't about what was sent but about how things stand: 409; others are 422."""


def payment_begun(entry: Entry, standing: Standing | None) -> Answer:
    """The answer to a payment, or a refund, that was asked for."""
    found = standing.payment if standing is not None else None
    if found is None:
        return content(202, {"status": "accepted", "id": entry.id, "state": "created"})
    if found.code is not None and found.code != "paid":
        return refused(found.code, found.why)
    told: dict[str, Any] = {"id": found.id, "state": found.state}
    if found.receipt_to is not None and found.state in ("created", "waiting", "unknown"):
        told["receipt_to"] = found.receipt_to
    if found.url is not None:
        return content(200, {**told, "url": found.url})
    if found.state in ("created", "waiting", "unknown"):
        return content(202, told)
    return content(200, {**told, "refunded": found.refunded})


def refused(code: str, why: str | None) -> Answer:
    """Why nothing was begun, for the page's own script; a worker of an earlier release tells the code alone."""
    status = 409 if code in CONFLICTS else 422
    body = {"status": status, "title": "Not begun", "detail": why or code, "code": code}
    return Answer(status, json.dumps(body).encode(), "application/problem+json")


SAME_WORD = 3600.0
"""Seconds in which the same cancellation is a repeat."""


class Paying:
    """Looks at payments and subscriptions, and ends these, by whoever holds their unguessable ids."""

    def __init__(self, receiver: Receiver, asked: AskedOfTheWorker) -> None:
        self._receiver, self._asked = receiver, asked

    async def state(self, asked: Call) -> Answer:
        """How a payment stands, and its story."""
        return await self._shown(asked.caller, "payment", asked.rest)

    async def subscription(self, asked: Call) -> Answer:
        """How a subscription stands."""
        return await self._shown(asked.caller, "subscription", asked.rest)

    async def cancel(self, asked: Call) -> Answer:
        """A subscription ends: it is written down first, and is over also where nobody could look just now."""
        said = texts_in(asked.request, "id")
        if isinstance(said, Answer):
            return said
        caller, id_ = asked.caller, said["id"][:100]
        there = await self._shown(caller, "subscription", id_)
        if there.status != 200:
            return there
        named = self._receiver.keyring.mark("unsubscribe", caller.owner, id_)
        envelope = Envelope(
            call="subscription_cancel", by="server" if caller.server else "public", named=named, within=SAME_WORD,
            print="", body={"subscription": id_},
        )  # fmt: skip
        entry = await enter(self._receiver, caller, envelope, self._asked.queue_due())
        if await self._asked.carried_out(entry.id) is None:
            return content(202, {"status": "accepted", "id": id_})
        return await self._shown(caller, "subscription", id_)

    async def _shown(self, caller: Caller, kind: str, id_: str) -> Answer:
        reply = await self._asked.answer(caller, {"kind": kind, kind: id_[:100]})
        if reply is None or reply.status >= 500:
            return problem(503, "Try again", "nobody could look just now", {"Retry-After": RETRY_AFTER})
        return content(200, reply.content) if reply.status == 200 else NOT_FOUND
