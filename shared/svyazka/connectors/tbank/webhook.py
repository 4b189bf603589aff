"""The way in from T-Bank: what becomes of payments. Pure, and light to import.

Each notification bears its token in the body (`signing`). None has an id or a time, two of one payment come in any
order, and two equal part refunds can't be told apart: all that a notification says is "look at this payment". What
isn't answered with the two letters `OK` comes again every hour for a day.
"""

from __future__ import annotations

import hmac
import json
from collections.abc import Sequence

from svyazka.catalogue import N_
from svyazka.connectors.tbank.schema import NOT_OF_PAYMENTS
from svyazka.connectors.tbank.signing import TOKEN, token_of
from svyazka.engine.contracts.untrusted import Section, json_of, text, whole
from svyazka.engine.contracts.webhook import Answer, Inbound, NotTheFormat, RawRequest, Webhook
from svyazka.model.events import Entity, EventType, Fact, Unreadable

WENT_BACK = frozenset({"REFUNDED", "PARTIAL_REFUNDED", "REVERSED", "PARTIAL_REVERSED"})

OK = Answer(200, b"OK", "text/plain")
"""No quotes, no newline, no JSON: all else is taken for a failure."""


class TbankWebhook(Webhook):
    """Notifications of one terminal."""

    vendor = "tbank"
    secret_settings = ("password",)
    public_settings = ("terminal_key",)
    salvage = False
    budget = 6.0  # it waits for 10 s

    def verify(self, request: RawRequest, inbound: Inbound) -> str | None:
        """The token, over every scalar at the root, also those that we don't know, as they are written."""
        password = inbound.secrets.get("password")
        if not password:
            return N_("this connection has no password yet, and nothing else can prove a notification of T-Bank's")
        try:
            told = json.loads(request.body, parse_int=str, parse_float=str)
        except (ValueError, RecursionError):
            return N_("expected a notification of T-Bank's: JSON with its token")
        token = told.get(TOKEN) if isinstance(told, dict) else None
        if not isinstance(token, str) or not token.isascii():
            return N_("expected a notification of T-Bank's: JSON with its token")
        if not hmac.compare_digest(token.lower(), token_of(told, password)):
            return N_("the token isn't of this terminal's password")
        ours = inbound.public.get("terminal_key")
        if ours is not None and told.get("TerminalKey") != ours:
            return N_("this is another terminal's notification")
        return None

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        """The one item of a request."""
        told = json_of(request.body, request.header("content-type"))
        if not isinstance(told, dict):
            raise NotTheFormat(N_("expected an object, got {found}").format(found=type(told).__name__))
        if text(told.get("RequestKey")) is not None or text(told.get("NotificationType")) is not None:
            return [_bound(told)]
        return [_receipt(told) if text(told.get("Status")) in NOT_OF_PAYMENTS else _payment(told)]

    def answer(self, request: RawRequest, facts: Sequence[Fact | Unreadable]) -> Answer | None:
        return OK


def _payment(told: Section) -> Fact | Unreadable:
    id_, status = _id(told.get("PaymentId")), text(told.get("Status"), 40)
    if id_ is None or status is None:
        return Unreadable(reason=N_("expected `PaymentId` and `Status`"))
    # Two part refunds of one payment differ by their sums, if by anything.
    return Fact(
        type=EventType.PAYMENT_CHANGED, key=("payment", id_, status, text(told.get("Amount"), 20) or ""),
        subject=f"payment:{id_}", entity=Entity(kind="payment", id=id_),
        data={
            "number": text(told.get("OrderId"), 60), "told": status,
            **({"went_back": True} if status in WENT_BACK else {}),
        },
    )  # fmt: skip


def _receipt(told: Section) -> Fact:
    number = text(told.get("FiscalDocumentNumber"), 20) or ""
    return Fact(
        type=EventType.OTHER, key=("receipt", _id(told.get("PaymentId")) or "", number),
        ignored=N_("T-Bank tells of a fiscal receipt: nothing here acts on it"),
    )  # fmt: skip


def _bound(told: Section) -> Fact:
    """A card or an account was tied to a customer outside of a payment, which nobody here begins."""
    request, status = text(told.get("RequestKey"), 60) or "", text(told.get("Status"), 40) or ""
    return Fact(
        type=EventType.OTHER, key=("bound", request, status),
        ignored=N_("T-Bank tells of a card or an account that was saved: nothing here acts on it"),
    )  # fmt: skip


def _id(value: object) -> str | None:
    """Of up to 20 digits: a number here, a string elsewhere; never by way of a float."""
    if isinstance(value, str):
        return text(value, 40)
    return str(value) if whole(value) is not None or (isinstance(value, int) and 0 < value < 10**20) else None


WEBHOOK = TbankWebhook()
