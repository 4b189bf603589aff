"""Answers that are decisions: a provider asks whether it may take money, or was right to, and acts on what we say.
Pure, and light to import: a webhook function makes them.

Only an acceptance is written down, before the answer leaves, under a name that one alone can have: whoever asks again
is told the same, also by another instance, also after a kill. A refusal is worked out anew each time, for what was
unknown a moment ago may be known by now.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from svyazka.engine.contracts.webhook import Answer


@dataclass(frozen=True, slots=True)
class Asked:
    """What a decision rests on."""

    number: str | None
    """Ours, of the attempt that is asked about."""
    names: tuple[str, ...] = ()
    """Of acceptances that matter to it."""


@dataclass(frozen=True, slots=True)
class KnownPayment:
    """What the way in may know of a payment: sums, ids and states."""

    id: str
    kopecks: int
    currency: str
    state: str
    closed: bool
    """Called off."""
    paid_by: str | None = None
    """The provider's id of whatever it was paid by."""
    paid: bool = False


@dataclass(frozen=True, slots=True)
class Book:
    """Orders and payments as the store has them now."""

    payment: KnownPayment | None = None
    accepted: Mapping[str, str] = field(default_factory=dict)
    """Name of an acceptance -> whose it is."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What is answered, and what has to be written down before."""

    answer: Answer
    accepts: Mapping[str, str] = field(default_factory=dict)
    """Name -> whose it becomes. Where one of them is somebody else's by then, all is decided anew."""


class Verdict(StrEnum):
    """What is found before a vendor's own codes."""

    ACCEPT = "accept"
    REPEATED = "repeated"
    """Accepted before, in the same words: accepted again."""
    UNKNOWN_ORDER = "unknown_order"
    OTHER_AMOUNT = "other_amount"
    PAID_ALREADY = "paid_already"
    """By another: the money comes twice."""
    CANCELLED = "cancelled"


def judged(book: Book, name: str, whose: str, kopecks: int | None, currency: str) -> Verdict:
    """Whether this money may be, or was rightly, taken. `name`: what only one can have; `whose`: the provider's own id
    of this very attempt. `kopecks`: None for a sum that isn't whole kopecks."""
    if book.accepted.get(name) == whose:
        return Verdict.REPEATED
    payment = book.payment
    if payment is None:
        return Verdict.UNKNOWN_ORDER
    if (payment.kopecks, payment.currency) != (kopecks, currency):
        return Verdict.OTHER_AMOUNT
    if name in book.accepted or (payment.paid and payment.paid_by != whose):
        return Verdict.PAID_ALREADY
    return Verdict.CANCELLED if payment.closed else Verdict.ACCEPT
