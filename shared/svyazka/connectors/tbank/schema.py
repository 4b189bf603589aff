"""T-Bank's words for what becomes of a payment: those that it shows and those that it tells. Pure, light to import."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

Meaning = Literal["waits", "held", "paid", "over"]

STATUSES: Mapping[str, Meaning] = {
    "NEW": "waits",
    "FORM_SHOWED": "waits",
    "AUTHORIZING": "waits",
    "3DS_CHECKING": "waits",
    "3DS_CHECKED": "waits",
    # Another try on the same page is possible.
    "AUTH_FAIL": "waits",
    "AUTHORIZED": "held",
    "CONFIRMING": "held",
    "CONFIRMED": "paid",
    "REVERSING": "held",
    "PARTIAL_REVERSED": "held",
    "REVERSED": "over",
    "REFUNDING": "paid",
    "ASYNC_REFUNDING": "paid",
    "PARTIAL_REFUNDED": "paid",
    "REFUNDED": "paid",
    "CANCELED": "over",
    "REJECTED": "over",
    "DEADLINE_EXPIRED": "over",
    "ATTEMPTS_EXPIRED": "over",
}
"""Status of a payment -> where its money stands. In the order of T-Bank's page."""

REFUND_ON_ITS_WAY = frozenset({"REFUNDING", "ASYNC_REFUNDING"})

NOT_OF_PAYMENTS = frozenset({"RECEIPT"})
"""In a notification's `Status`: of a fiscal receipt."""
