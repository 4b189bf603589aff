"""The way in from Exolve: what became of our messages, and what people answer. Pure, and light to import.

Nothing is signed: the key in our address is all the proof there is. One request holds one event, and nothing is
promised of order, repeats or time limits.
"""

from __future__ import annotations

from pydantic import JsonValue

from svyazka.catalogue import N_
from svyazka.connectors.exolve.schema import FINAL, INCOMING, UNDERFUNDED
from svyazka.engine.contracts.untrusted import Section, json_of, text, zoned_time
from svyazka.engine.contracts.webhook import Inbound, NotTheFormat, RawRequest, Webhook
from svyazka.model.consent import Consent, consent_in
from svyazka.model.contacts import Contact
from svyazka.model.events import EVENT_OF_RECEIPT, Entity, EventType, Fact, Receipt, ReceiptState, Unreadable
from svyazka.model.phones import candidates

NO_MONEY = N_("Exolve не отправил сообщение: на счёте не хватает денег. Пополните баланс на exolve.ru")


class ExolveWebhook(Webhook):
    """SMS events of Exolve."""

    vendor = "exolve"
    # Whether a refusal is repeated, or switches the address off, is unknown.
    tolerates_400 = False

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        """The one event of a request; want of money is told beside it."""
        event = json_of(request.body, request.header("content-type"))
        if not isinstance(event, dict):
            raise NotTheFormat(N_("expected an event object, got {found}").format(found=type(event).__name__))
        # A number beyond 2^53 or a string: Python keeps both whole.
        id_ = text(event.get("message_id"), 40)
        if id_ is None:
            return [Unreadable(reason=N_("expected `message_id`"))]
        if _word(event, "direction") == INCOMING:
            return [_incoming(id_, event)]
        receipt = _receipt(id_, event)
        return [receipt, _no_money(receipt)] if UNDERFUNDED in _statuses(event) else [receipt]


def _receipt(id_: str, event: Section) -> Fact:
    """A word that isn't final proves only that Exolve has the message."""
    statuses = _statuses(event)
    final = next((word for word in FINAL if word in statuses), None)
    state, what = FINAL[final] if final else (ReceiptState.SENT, N_("on its way"))
    code = final or next((word for word in statuses if word), None)
    data: dict[str, JsonValue] = {"status": code} if code else {}
    segments = event.get("segments_count")
    if isinstance(segments, int) and not isinstance(segments, bool) and 0 < segments < 100:
        data["segments"] = segments
    return Fact(
        type=EVENT_OF_RECEIPT[state],
        key=("sms", id_, *statuses),
        subject=f"message:{id_}",
        occurred_at=zoned_time(event.get("date")),
        entity=Entity(kind="message", id=id_),
        data=data,
        receipt=Receipt(state=state, external_id=id_, code=code, message=what),
    )


def _incoming(id_: str, event: Section) -> Fact:
    """What somebody writes. A sender's number can be forged, so the word can stop messages and never start them."""
    words, sender = text(event.get("text"), 2000), text(event.get("sender"), 40)
    withdrawn = consent_in(words) is Consent.WITHDRAWN
    return Fact(
        type=EventType.MESSAGE_RECEIVED,
        key=("incoming", id_),
        subject=f"message:{id_}",
        occurred_at=zoned_time(event.get("date")),
        contact=_who(sender) if sender else None,
        data={"text": words},
        consent=Consent.WITHDRAWN if withdrawn else None,
    )


def _who(sender: str) -> Contact:
    """A company may write under a name (`MTS`) or a short number (`900`): that is nobody's phone."""
    return Contact(phone=sender) if any(candidates(sender)) else Contact(name=sender)


def _no_money(receipt: Fact) -> Fact:
    """Told once a day: every further message meets the same."""
    day = f"{receipt.occurred_at:%Y-%m-%d}" if receipt.occurred_at else ""
    return Fact(
        type=EventType.CONNECTION_DISABLED, key=("no_money", day), occurred_at=receipt.occurred_at,
        data={"what": "money", "notice": NO_MONEY},
    )  # fmt: skip


def _statuses(event: Section) -> tuple[str, str]:
    return _word(event, "delivery_status"), _word(event, "status")


def _word(event: Section, name: str) -> str:
    return text(event.get(name), 60) or ""


WEBHOOK = ExolveWebhook()
