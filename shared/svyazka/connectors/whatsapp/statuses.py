"""What became of a message of ours, as a receipt. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from svyazka.connectors.whatsapp.failures import rule_of
from svyazka.connectors.whatsapp.schema import code_of, details_of, moment
from svyazka.engine.contracts.failures import words_of
from svyazka.engine.contracts.untrusted import Section, sections, text
from svyazka.model.contacts import Contact
from svyazka.model.events import EVENT_OF_RECEIPT, Entity, EventType, Fact, Receipt, ReceiptState, Unreadable
from svyazka.model.reasons import Reason

STATES: dict[str, tuple[ReceiptState, str]] = {
    "sent": (ReceiptState.SENT, "on its way"),
    "delivered": (ReceiptState.DELIVERED, "on the person's device"),
    "read": (ReceiptState.READ, "read"),
    "played": (ReceiptState.READ, "played"),
    "failed": (ReceiptState.UNDELIVERED, "not delivered"),
}


def status_facts(status: Section) -> Iterator[Fact | Unreadable]:
    """The receipt, and a notice to the business if the failure is one that the business has to mend."""
    id_, state = text(status.get("id"), 200), text(status.get("status"), 40)
    if id_ is None or state is None:
        yield Unreadable(reason="expected a status with its id and its name")
        return
    key, at = ("status", id_, state), moment(status.get("timestamp"))
    if state not in STATES:
        yield Fact(type=EventType.OTHER, key=key, occurred_at=at, ignored=f"a status that we don't know: {state}")
        return
    receipt_state, what = STATES[state]
    error = next(iter(sections(status.get("errors"))), None) if state == "failed" else None
    code = code_of(error) if error is not None else None
    rule = rule_of(code) if code is not None else None
    words = words_of(rule, str(code)) if rule is not None else ""
    details = details_of(error) if error is not None else None
    phone, user = text(status.get("recipient_id"), 40), text(status.get("recipient_user_id"), 150)
    yield Fact(
        type=EVENT_OF_RECEIPT[receipt_state],
        key=key,
        subject=f"message:{id_}",
        occurred_at=at,
        contact=person(phone, user),
        entity=Entity(kind="message", id=id_),
        data={"status": state, **({"code": code} if code is not None else {})},
        receipt=Receipt(
            state=receipt_state, external_id=id_, key=text(status.get("biz_opaque_callback_data"), 100),
            code=str(code) if code is not None else state, message=f"{words} ({details})" if rule else what,
            opt_out=rule is not None and rule.reason is Reason.OPT_OUT,
        ),
    )  # fmt: skip
    if rule is not None and rule.remedy is not None:
        yield _for_the_business(str(code), f"{words}. {rule.remedy}", at)


def person(phone: str | None, user: str | None, name: str | None = None) -> Contact | None:
    """A person as WhatsApp knows them: digits without a plus, an id where the number is hidden, or both."""
    if not (phone or user or name):
        return None
    number = f"+{phone}" if phone and phone.isascii() and phone.isdigit() else phone
    return Contact(name=name, phone=number, chats={"whatsapp": user} if user else {})


def _for_the_business(code: str, notice: str, at: datetime | None) -> Fact:
    """Told once a day: every further message may meet the same."""
    day = f"{at:%Y-%m-%d}" if at else ""
    return Fact(
        type=EventType.CONNECTION_DISABLED, key=("failed", code, day), occurred_at=at,
        data={"what": f"error {code}", "notice": notice},
    )  # fmt: skip
