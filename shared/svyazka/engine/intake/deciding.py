"""A decision is made: read, judged by the vendor's own table, written down where it is a yes, only then answered."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import datetime

from svyazka.engine.contracts.deciding import Asked, Book, Decision, KnownPayment
from svyazka.engine.contracts.webhook import Answer, RawRequest, Webhook
from svyazka.engine.ports.store import Counting, Document
from svyazka.engine.support.failpoints import reach
from svyazka.model.base import SKELETON
from svyazka.model.errors import Unavailable
from svyazka.model.events import Fact, Unreadable
from svyazka.model.ids import stable_id
from svyazka.model.tenants import CompiledConnection

KIND = "acceptances"

TRIES = 4
"""Times that somebody else may come first."""


async def decided(
    webhook: Webhook, request: RawRequest, facts: Sequence[Fact | Unreadable], compiled: CompiledConnection,
    book: Counting, now: datetime,
) -> Answer:  # fmt: skip
    """The answer to a request that is durable. Raises Unavailable."""
    asked = webhook.asks(request, facts)
    for _ in range(TRIES):
        known = await _read(asked, compiled, book)
        reach("decide.before")
        decision = webhook.decide(request, facts, known)
        if await _stands(decision, known, compiled, book, now):
            reach("decide.after")
            return decision.answer
    raise Unavailable("others are accepted all the time")


async def _read(asked: Asked, compiled: CompiledConnection, book: Counting) -> Book:
    keys = [(KIND, acceptance_id(compiled, name)) for name in asked.names]
    payment = _payment_of(asked.number)
    documents = await book.get_many([*keys, *([("payments", payment)] if payment else [])])
    found = dict(zip(asked.names, documents, strict=False))
    accepted = {name: _whose(document) for name, document in found.items() if document is not None}
    there = documents[len(keys)] if payment else None
    return Book(_known(there, compiled) if there is not None else None, accepted)


async def _stands(decision: Decision, known: Book, compiled: CompiledConnection, book: Counting, now: datetime) -> bool:
    """Whether it may be answered: all that it accepts is its own."""
    new = {name: whose for name, whose in decision.accepts.items() if known.accepted.get(name) != whose}
    for name, whose in new.items():
        data = json.dumps({"whose": whose, "tenant": compiled.tenant}).encode()
        document = Document(KIND, acceptance_id(compiled, name), {"expire_at": now + SKELETON}, data)
        (made,) = await book.create([document])
        if made:
            continue
        (there,) = await book.get_many([document.key])
        if there is None or _whose(there) != whose:
            return False
    return True


def acceptance_id(compiled: CompiledConnection, name: str) -> str:
    """Document id of an acceptance: names mean something within their tenant, for two of its connections may ask about
    one payment."""
    return stable_id("acc", compiled.tenant, name)


def _whose(document: Document) -> str:
    return str(json.loads(document.data)["whose"])


def _payment_of(number: str | None) -> str | None:
    """The payment that a number of ours names. As `model.payments.numbered`, which is too much to load here."""
    head, _, rest = (number or "").partition("-")
    plain = len(head) == 25 and head[0] == "p" and all(sign in "0123456789abcdef" for sign in head[1:])
    return f"pay_{head[1:]}" if plain and rest.partition("-")[0].isdecimal() else None


def _known(document: Document, compiled: CompiledConnection) -> KnownPayment | None:
    """Out of the document, without the model; another tenant's is nobody's here."""
    payment = json.loads(document.data)
    if payment.get("tenant") != compiled.tenant:
        return None
    taken = [
        one for one in payment.get("transactions", ())
        if one.get("status") == "done" and one.get("kind") in ("purchase", "capture")
    ]  # fmt: skip
    attempts = {one["n"]: one for one in payment.get("attempts", ())}
    by = attempts.get(taken[0]["attempt"], {}).get("external_id") if taken else None
    amount = payment["amount"]
    return KnownPayment(
        id=payment["id"], kopecks=amount["kopecks"], currency=amount.get("currency", "RUB"),
        state=payment.get("state", "created"), closed=bool(payment.get("closed")), paid_by=by, paid=bool(taken),
    )  # fmt: skip
