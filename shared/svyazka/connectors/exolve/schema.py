"""Exolve's payloads as they are read. Every field may be missing, and its words may change: the sheet is thin."""

from __future__ import annotations

from collections.abc import Mapping

from svyazka.catalogue import N_
from svyazka.engine.contracts.untrusted import Section, section
from svyazka.model.events import ReceiptState

FINAL: dict[str, tuple[ReceiptState, str]] = {
    "DELIVERY_STATUS_DELIVERED": (ReceiptState.DELIVERED, "delivered"),
    "DELIVERY_STATUS_FAILED": (ReceiptState.UNDELIVERED, N_("the operator could not deliver it")),
    "DELIVERY_STATUS_RETRIES_EXCEEDED": (ReceiptState.UNDELIVERED, N_("all tries to deliver it were in vain")),
    "DELIVERY_STATUS_PROHIBITED": (ReceiptState.UNDELIVERED, N_("delivery is prohibited")),
    "STATUS_FAILED": (ReceiptState.UNDELIVERED, N_("it failed")),
    "STATUS_UNDERFUNDED": (ReceiptState.UNDELIVERED, N_("there was no money for it")),
    "STATUS_PROHIBITED": (ReceiptState.UNDELIVERED, N_("it is prohibited")),
}
"""Final words of `delivery_status` and `status`, in order of their weight; any other word is not final."""

UNDERFUNDED = "STATUS_UNDERFUNDED"
INCOMING = "DIRECTION_INCOMING"


def error_text(answer: Section) -> str | None:
    """What an error says, in whichever of its three forms: nested, flat, or with `message` alone."""
    error = answer.get("error")
    said = section(error).get("message") if isinstance(error, Mapping) else error or answer.get("message")
    return said[:200] if isinstance(said, str) and said else None
