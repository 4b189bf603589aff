"""A delivery: our obligation to carry out one command, as a small state machine."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Literal

from pydantic import JsonValue

from svyazka.model.base import Stored, Time
from svyazka.model.commands import ASK_AFTER, Command, Guards, OnFailed, Repeat, Step
from svyazka.model.errors import IllegalTransition
from svyazka.model.events import RECEIPT_RANK, Receipt, ReceiptState
from svyazka.model.references import Produced
from svyazka.model.seen import Seen


class Status(StrEnum):
    """DESIGN 5.6."""

    WAITING_FOR = "waiting_for"
    """Its turn comes when steps of its plan that go before it have ended."""
    PENDING = "pending"
    IN_FLIGHT = "in_flight"
    RETRYING = "retrying"
    PARKED = "parked"
    BLOCKED = "blocked"
    UNKNOWN = "unknown"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    DEAD = "dead"


S = Status

OPEN = frozenset({S.WAITING_FOR, S.PENDING, S.IN_FLIGHT, S.RETRYING, S.PARKED, S.BLOCKED, S.UNKNOWN})
FINAL = frozenset(S) - OPEN
WAITING = frozenset({S.PENDING, S.RETRYING, S.PARKED, S.BLOCKED})
"""Open, and nobody is calling the vendor: may be claimed, cancelled or expired."""
NOT_BEGUN = WAITING | {S.WAITING_FOR}
"""Open, and nobody is calling the vendor, be it its turn or not."""
AT_REST = FINAL | {S.UNKNOWN}
"""Nobody of ours moves it any more."""
UNSUCCESSFUL = FINAL - {S.SUCCEEDED}

TRANSITIONS: dict[Status, frozenset[Status]] = {
    # Its turn comes, or it never will; only a plan's own order brings it further.
    S.WAITING_FOR: frozenset({S.WAITING_FOR, S.PENDING, S.CANCELLED, S.EXPIRED, S.FAILED, S.SUCCEEDED}),
    # Succeeded from here: proof of success that comes late, of a claim that had been given up or taken over.
    **dict.fromkeys(WAITING, frozenset(Status) - {S.UNKNOWN, S.WAITING_FOR}),
    # A claim ends in anything; in_flight -> in_flight is the take-over of a claim whose lease ran out.
    S.IN_FLIGHT: frozenset(Status) - {S.WAITING_FOR},
    # Nobody resends what is unknown: a receipt, an operator, or the late word of the very claim in question
    # (which may say anything, also that nothing was sent) resolves it.
    S.UNKNOWN: frozenset(Status) - {S.IN_FLIGHT, S.WAITING_FOR},
    S.SUCCEEDED: frozenset(),
    # A receipt or a late proof of success may still correct these; nothing else does.
    S.FAILED: frozenset({S.SUCCEEDED}),
    S.EXPIRED: frozenset({S.SUCCEEDED}),
    S.CANCELLED: frozenset({S.SUCCEEDED}),
    S.DEAD: frozenset({S.SUCCEEDED}),
}


class Exchange(Stored):
    """One HTTP call of an attempt as the story shows it: credentials cut out, bodies bounded."""

    method: str
    url: str
    request_body: str | None = None
    status: int | None = None
    response_body: str | None = None


class Attempt(Stored):
    """One try at a delivery."""

    number: int
    generation: int
    started_at: Time
    ended_at: Time | None = None
    outcome: str | None = None
    """Kind of the outcome, or `lost`: the worker died or froze. None: still out."""
    maybe_sent: bool = False
    """It may have had its effect without our knowing."""
    exchanges: tuple[Exchange, ...] = ()
    message: str | None = None
    reason: str | None = None
    """Why it came to nothing: one of `model/reasons.Reason`, or of a later release's."""


class LastError(Stored):
    """Why the delivery is where it is: a vendor's code or ours, and words for a person."""

    code: str
    message: str
    reason: str | None = None
    """As in Attempt."""


class Before(Stored):
    """A step that goes before a delivery in its plan, and what is known there of how it ended."""

    step: str
    delivery: str
    """The delivery of its first channel."""
    on_failed: OnFailed = OnFailed.STOP
    status: Status | None = None
    """How it ended, or `unknown`; None: it hasn't."""
    code: str | None = None
    """Why it had no success."""
    stops: bool = False
    """Its failure is the end of what goes after it."""
    made: tuple[Produced, ...] = ()
    failing_after: float | None = None
    """Seconds; where it is set, its failure is what is waited for, and not before so many after it was planned."""


KEPT_ATTEMPTS = 25
"""A delivery remembers its first attempt, the one since which its generation is in doubt, and this many of its last;
the count is kept whole."""


class Delivery(Stored):
    """The whole of one obligation. Times are business time, `lease_until` is real time."""

    id: str
    event: str
    tenant: str
    flow: str
    step: str
    connection: str
    vendor: str
    source: str | None = None
    """The connection whose event it answers: its subject and its lane mean something within that one only. None: it
    answers no vendor's event, or the first release wrote it."""
    subject: str
    command: Command
    repeat: Repeat
    key_life: timedelta | None = None
    ask_after: timedelta = ASK_AFTER
    """These two: see Safety."""
    needs_receipt: bool = False
    """Succeeded, it goes on waiting until `fallback_at` for the receipt that it arrived: see Step."""
    guards: Guards
    created_at: Time
    base_at: Time
    """What ages count from: received for a push, occurred for what was polled or imported."""

    status: Status = S.PENDING
    receipt: ReceiptState = ReceiptState.NONE
    receipt_stands: bool = False
    """The receipt was its vendor's last word: no other moves it."""
    generation: int = 1
    claim: int = 0
    """Numbers the claims: a settle that bears an older number is late, and is merged."""
    attempts: tuple[Attempt, ...] = ()
    attempt_count: int = 0
    failures: int = 0
    """Failed attempts of this generation: what the retry policy counts."""
    first_failed_at: Time | None = None
    next_attempt_at: Time | None = None
    place_at: Time | None = None
    """When its turn comes at its account's rate, as whichever worker looked first has promised."""
    lease_until: Time | None = None
    wake_at: Time | None = None
    wake_step: int = 0
    waits_on: str | None = None
    """The connection whose outage it waits out, where that isn't its own."""
    reservation: str | None = None
    lane: str | None = None
    supersedes: bool = False
    behind: str | None = None
    """The delivery of its lane that goes first: this one is tried once that has ended, and has no time till then."""

    fallbacks: tuple[Step, ...] = ()
    fallback_at: Time | None = None
    fallback_seconds: float | None = None
    successor: str | None = None
    """The delivery of the next channel, once there is one."""
    predecessor: str | None = None
    """The delivery of the channel before, which gave way to this one."""

    stage: str | None = None
    """The first channel's step, where this delivery is a later channel of a plan with an order."""
    after: tuple[Before, ...] = ()
    """What goes before it in its plan."""
    then: tuple[str, ...] = ()
    """Deliveries that go after it: its end is theirs to hear."""

    external_id: str | None = None
    produced: tuple[Produced, ...] = ()
    """What it made at its vendor. Ids only: they stay when contents are blanked."""
    seen: Seen | None = None
    """Of a command that moves money: what its provider answered, for the payment to take in."""
    cost: float | None = None
    last_error: LastError | None = None
    duplicate_effect: bool = False
    settled_at: Time | None = None
    blank_at: Time | None = None
    expire_at: Time | None = None
    people: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """Who reopened or resolved it and why, one line each."""

    @property
    def key(self) -> str:
        """The idempotency key that vendors see: the delivery and its generation."""
        return f"{self.id}.{self.generation}"

    @property
    def is_open(self) -> bool:
        return self.status in OPEN

    @property
    def hangs_on(self) -> str:
        """The connection whose outage decides when it goes on."""
        return self.waits_on or self.connection

    @property
    def stage_name(self) -> str:
        """By which those after it know it, whichever channel did it."""
        return self.stage or self.step

    @property
    def made(self) -> tuple[Produced, ...]:
        """What those after it may refer to."""
        if self.produced or self.external_id is None:
            return self.produced
        return (Produced(kind="", id=self.external_id),)

    def moved(self, to: Status, **changes: object) -> Delivery:
        """This delivery in state `to`. Raises IllegalTransition where the machine has no such way."""
        if to not in TRANSITIONS[self.status]:
            raise IllegalTransition(f"{self.id}: {self.status} -> {to} is no way that a delivery can go")
        return self.model_copy(update={"status": to, "behind": None, "waits_on": None, **changes})

    def reopened(self, by: str, why: str, now: Time) -> Delivery:
        """A new generation, pending again: only an operator or a receipt may ask for it."""
        if self.status not in FINAL | {S.UNKNOWN} | NOT_BEGUN:
            raise IllegalTransition(f"{self.id} is {self.status}: it can be reopened only when nobody calls")
        return self.model_copy(
            update={
                "status": S.PENDING,
                "generation": self.generation + 1,
                "receipt": ReceiptState.NONE,
                "receipt_stands": False,
                "failures": 0,
                "first_failed_at": None,
                "next_attempt_at": now,
                "behind": None,
                "lease_until": None,
                "settled_at": None,
                "expire_at": None,
                "external_id": None,
                "produced": (),
                "reservation": None,
                "last_error": None,
                "notes": (*self.notes, f"generation {self.generation + 1} by {by}: {why}"),
            }
        )

    def with_receipt(self, receipt: Receipt) -> Delivery:
        """The receipt moved forward, and the status with it where the receipt proves something.

        `sent` and better prove success of what was unknown, retrying, in flight or given up;
        `undelivered` proves that the vendor had taken it. A lower rank than the present one changes nothing,
        unless it is the vendor's last word.
        """
        lower = RECEIPT_RANK[receipt.state] <= RECEIPT_RANK[self.receipt]
        if self.receipt_stands or (lower and not receipt.last_word):
            return self
        update: dict[str, object] = {"receipt": receipt.state, "receipt_stands": receipt.last_word}
        if self.external_id is None and receipt.external_id is not None:
            update["external_id"] = receipt.external_id
        if receipt.state is ReceiptState.UNDELIVERED:
            update["last_error"] = LastError(
                code=receipt.code or "undelivered",
                message=receipt.message or "the vendor could not deliver it",
            )
        elif self.receipt is ReceiptState.UNDELIVERED:
            update["last_error"] = None
        return self.model_copy(update=update)

    def with_attempt(self, attempt: Attempt) -> Delivery:
        """The attempt appended, or put in place of the one of the same number; the list stays bounded."""
        kept = [a for a in self.attempts if a.number != attempt.number]
        kept.append(attempt)
        kept.sort(key=lambda a: a.number)
        if len(kept) > KEPT_ATTEMPTS + 1:
            first, *others = kept[:-KEPT_ATTEMPTS]
            doubtful = [a for a in others if a.generation == self.generation and a.maybe_sent]
            kept = [first, *doubtful[:1], *kept[-KEPT_ATTEMPTS:]]
        return self.model_copy(
            update={"attempts": tuple(kept), "attempt_count": max(self.attempt_count, attempt.number)}
        )


class Alert(Stored):
    """One thing that somebody is told, once: identity = what happened and at which stage."""

    id: str
    tenant: str
    connection: str | None = None
    kind: str
    stage: str
    since: Time
    created_at: Time
    sent_at: Time | None = None
    text: str
    problem: str | None = None
    """What it is about; None: an alert of the first release, or of nothing that lasts."""
    occurrence: int = 1
    deliveries: tuple[str, ...] = ()


class AuditLine(Stored):
    """Who did what, by the command line or at the console."""

    id: str
    at: Time
    who: str
    action: str
    target: str
    tenant: str | None = None
    """Whose it is, where the target doesn't say."""
    detail: dict[str, JsonValue] = {}
    came: Literal["done", "refused", "begun"] = "done"
    """What came of it; `begun`: it was tried, and broke off before it was done."""
