"""CloudPayments' words, for both ways: what it shows and what it tells. Pure, light to import."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Literal

from svyazka.engine.contracts.untrusted import Section, section, text
from svyazka.model.base import plausible

Meaning = Literal["waits", "held", "paid", "over"]

STATUSES: Mapping[str, Meaning] = {
    "AwaitingAuthentication": "waits",
    "Authorized": "held",
    "Completed": "paid",
    "Cancelled": "over",
    "Declined": "over",
}
"""Status of a transaction -> where its money stands. In the order of its page."""

REFUND_TYPE = "1"
"""`Type` of a transaction that gives money back."""

MARK, BY_LINK = "svyazka", "link"
"""Our number within `JsonData`, and how a payment was begun."""

OF_PAYMENTS = frozenset({"pay", "fail", "confirm", "cancel"})
CHECK, REFUND, RECURRENT = "check", "refund", "recurrent"
TYPES = OF_PAYMENTS | {CHECK, REFUND, RECURRENT}
"""A notification's type is the last part of its address: the body doesn't say it."""


def kept_for_us(told: Section) -> Section:
    """What we gave along: JSON text, or the object itself, in `JsonData`, in notifications `Data`."""
    given = told.get("JsonData", told.get("Data"))
    if isinstance(given, str):
        try:
            given = json.loads(given)
        except (ValueError, RecursionError):
            return section(None)
    return section(given)


def its_time(value: object) -> datetime | None:
    """UTC without a zone: `2026-05-02 10:53:29`, or with a `T`."""
    said = text(value, 40)
    try:
        found = datetime.fromisoformat(said.replace(" ", "T")) if said else None
        return plausible((found if found.tzinfo else found.replace(tzinfo=UTC)).astimezone(UTC)) if found else None
    except (ValueError, OverflowError):
        return None
