"""Resend's payloads as they are read: which event means what, and values whose types wander."""

from __future__ import annotations

from dataclasses import dataclass

from svyazka.catalogue import N_
from svyazka.engine.contracts.untrusted import Section, section
from svyazka.model.events import ReceiptState


@dataclass(frozen=True, slots=True)
class Told:
    """What an event about a letter means."""

    state: ReceiptState
    what: str
    last_word: bool = False
    """Whatever else is told of the letter, this holds: a mail server may bounce what it had taken."""
    opt_out: bool = False


EVENTS: dict[str, Told] = {
    "sent": Told(ReceiptState.SENT, N_("Resend has sent it")),
    "delivery_delayed": Told(ReceiptState.SENT, N_("the reader's mail server puts it off")),
    "delivered": Told(ReceiptState.DELIVERED, N_("the reader's mail server took it")),
    # Robots open and click too, so nobody is known to have read it; it has arrived, though.
    "opened": Told(ReceiptState.DELIVERED, N_("something opened it")),
    "clicked": Told(ReceiptState.DELIVERED, N_("something followed a link in it")),
    "bounced": Told(ReceiptState.UNDELIVERED, N_("it bounced"), last_word=True),
    "complained": Told(ReceiptState.DELIVERED, N_("its reader calls it spam"), opt_out=True),
    "failed": Told(ReceiptState.UNDELIVERED, N_("Resend could not send it")),
    "suppressed": Told(ReceiptState.UNDELIVERED, N_("the address is on Resend's suppression list")),
}
"""`email.<name>` of a webhook, and `last_event` of a letter that was read."""

PREVIOUS_COMPLAINT = "previous_complaint"
"""Why an address is suppressed: its owner called an earlier letter spam."""

OUT_OF_QUOTA = frozenset({"reached_daily_quota", "reached_monthly_quota"})
"""Reasons of `email.failed` that every further letter will meet too."""

DOMAIN_LOST = frozenset({"failed", "temporary_failure", "partially_failed"})
"""Statuses of a domain that was verified, and isn't any more: letters from it are refused."""


def said(data: Section, name: str, key: str, limit: int = 200) -> str | None:
    """A text within the part of an event that is named after it: `bounce.type`."""
    value = section(data.get(name)).get(key)
    return value[:limit] if isinstance(value, str) and value else None
