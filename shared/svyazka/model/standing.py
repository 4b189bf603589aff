"""How a call of the front door stands, in the few words that its caller may know: codes and ids, nothing of a person.

The worker tells it while somebody waits; later the front door reads it off the journal's own documents.
"""

from __future__ import annotations

from typing import Any

from svyazka.model.base import Stored
from svyazka.model.references import Produced

OPEN = frozenset({"pending", "in_flight", "retrying", "parked", "blocked", "unknown", "waiting_for"})
BOOKINGS = {"BookVisit": "booked", "MoveVisit": "moved", "CancelVisit": "cancelled"}
"""Commands to a calendar, and the word for their success."""

DEAL, LEAD_ID = "deal", "lead_id"


class WentWrong(Stored):
    """A last refusal or failure."""

    code: str


class Step(Stored):
    """One delivery of a call. States are texts: the other side may be of another release."""

    id: str | None = None
    flow: str | None = None
    step: str | None = None
    command: str | None = None
    record: str | None = None
    """What kind of card its command puts."""
    connection: str | None = None
    vendor: str
    status: str
    external_id: str | None = None
    produced: tuple[Produced, ...] = ()
    error: WentWrong | None = None
    starts_at: str | None = None
    """Of a visit, with the offset of the place."""
    id_word: str = LEAD_ID
    """The name by which callers ask for the id of what it made."""

    @property
    def made(self) -> str | None:
        """The id of what it made at its vendor."""
        return self.produced[0].id if self.produced else self.external_id

    @property
    def code(self) -> str | None:
        """Of its last refusal."""
        return self.error.code if self.error is not None else None


class Paying(Stored):
    """A payment, as whoever holds its unguessable id may know it."""

    id: str
    state: str
    amount: str
    currency: str
    order: str
    paid: str
    refunded: str
    url: str | None = None
    """To be opened by the payer, while it can still be paid by."""
    receipt_to: str | None = None
    """Where its receipt goes, in part: enough for its payer to see a mistake."""
    code: str | None = None
    """Why nothing could be begun."""
    why: str | None = None
    """The same in words."""


class Moved(Stored):
    """One movement of a payment's money."""

    kind: str
    status: str
    amount: str
    at: str


class PaymentStory(Paying):
    """A payment with all that moved."""

    transactions: tuple[Moved, ...] = ()


class SubscriptionShown(Stored):
    """A subscription, as its payer may know it."""

    id: str
    state: str
    order: str
    every: str
    amount: str
    currency: str
    description: str | None = None
    method: str | None = None
    """What it is charged by, as its payer knows it: *4444."""
    why: str | None = None
    due_at: str | None = None
    pay: bool
    """Another card would be taken now."""


class BookingShown(Stored):
    """A booking of this site's, as whoever holds its id may know it."""

    state: str
    visit: str | None = None
    starts_at: str | None = None
    code: str | None = None
    changing: bool
    subject: str | None = None


def as_json(shown: Stored) -> dict[str, Any]:
    """For whoever asked: what isn't known is left out."""
    return shown.model_dump(mode="json", exclude_none=True)


class Standing(Stored):
    """A call's event, and what was to be done about it, in the order of its plan."""

    event: str | None = None
    status: str
    reason: str | None = None
    deliveries: tuple[Step, ...] = ()
    payment: Paying | None = None

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
        if self.status != "planned" or any(step.status in OPEN for step in self.deliveries):
            return "accepted"
        return "failed" if any(step.status in ("failed", "dead") for step in self.deliveries) else "done"

    @property
    def booking(self) -> Step | None:
        """The step that books, where there is one."""
        return next((step for step in self.deliveries if step.command in BOOKINGS), None)

    @property
    def deal(self) -> Step | None:
        """The step that makes the card of a lead."""
        return next((step for step in self.deliveries if step.record == DEAL), None)


class CheckLine(Stored):
    """A line of a table's check, as its page shows it."""

    name: str
    quantity: str
    sum: str


class CheckShown(Stored):
    """A table's open check, as whoever has its QR code may know it: what is owed, and nothing of a person."""

    order: str
    """The number by which it is paid for."""
    check: str
    """As the waiter knows it."""
    table: str
    amount: str
    currency: str
    items: tuple[CheckLine, ...] = ()
    turn: str = ""
    """Tells a press of the button from those that were meant before the check changed, or whose link is over: these
    are other wishes, though their sums be the same. Not for the page."""
