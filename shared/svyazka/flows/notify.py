"""Tells staff of events: a curator of a new lead, a manager of a deal that was won, an administrator of an answer."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, field_validator, model_validator

from svyazka.catalogue import _
from svyazka.engine.contracts.flow import Decision, Facts, Flow, FlowContext, Needs
from svyazka.flows.messages import (
    LINK_LIKE,
    OF_CARD,
    PLACEHOLDERS,
    TextSettings,
    after,
    base_of,
    composer,
    message_steps,
    quiet,
    values_of,
    visible,
)
from svyazka.model.base import Frozen
from svyazka.model.commands import Guards, Plan
from svyazka.model.contacts import Contact, mask_email, mask_phone, normalize_email, normalize_phone
from svyazka.model.events import Event, EventType
from svyazka.model.tenants import Hours, Name

E = EventType

WORDS: dict[EventType, str] = {
    E.ORDER_CREATED: "новый заказ", E.ORDER_CHANGED: "заказ изменён", E.ORDER_COMPLETED: "заказ выполнен",
    E.ORDER_CANCELLED: "заказ отменён", E.APPOINTMENT_BOOKED: "новая запись",
    E.APPOINTMENT_CHANGED: "запись изменена", E.APPOINTMENT_CONFIRMED: "запись подтверждена",
    E.APPOINTMENT_CANCELLED: "запись отменена", E.APPOINTMENT_COMPLETED: "клиент пришёл",
    E.APPOINTMENT_MISSED: "клиент не пришёл", E.LEAD_CREATED: "новая заявка", E.DEAL_CREATED: "новая сделка",
    E.DEAL_CHANGED: "сделка изменена", E.DEAL_WON: "сделка выиграна", E.DEAL_LOST: "сделка проиграна",
    E.CONTACT_CREATED: "новый контакт", E.CONTACT_CHANGED: "контакт изменён", E.CONTACT_DELETED: "контакт удалён",
    E.CONTACT_MERGED: "контакты объединены", E.PAYMENT_SUCCEEDED: "оплата прошла",
    E.PAYMENT_FAILED: "оплата не прошла", E.PAYMENT_REFUNDED: "оплата возвращена",
    E.MESSAGE_RECEIVED: "новое сообщение", E.STOCK_CHANGED: "остатки изменились",
    E.CATALOG_CHANGED: "каталог изменился", E.INVOICE_PAID: "счёт оплачен", E.INVOICE_CANCELLED: "счёт отменён",
    E.ENROLMENT_CREATED: "новый ученик в группе", E.ENROLMENT_CHANGED: "запись ученика изменена",
    E.BOOKING_REQUESTED: "просьба о записи", E.ACTIVITY_RECORDED: "действие в приложении",
    E.CONNECTION_DISABLED: "подключение отключено", E.CONNECTION_ENABLED: "подключение снова работает",
}  # fmt: skip
"""What {event} stands for; and which events staff can be told of. What became of our own messages isn't among them:
it moves its delivery, and falls back by itself."""

EACH_TIME = frozenset({"connection", "message"})
"""Kinds of event that are news whenever they come, as every `...changed` is; others are told once about a subject."""

GONE = frozenset({"cancelled", "deleted", "merged", "lost"})

_WORD = re.compile(r"\S+")
_LONGEST_MESSAGE = 300


class Staff(Frozen):
    """Somebody of the business, by every address at which a channel may reach him."""

    phone: str | None = None
    email: str | None = None
    chats: dict[str, str] = {}
    """Chat ids by messenger: {telegram: "123"}."""

    @model_validator(mode="after")
    def _somewhere(self) -> Staff:
        if self.phone is not None and normalize_phone(self.phone) is None:
            raise ValueError(_("phone: expected one such as +79990000001"))
        if self.email is not None and normalize_email(self.email) is None:
            raise ValueError(_("email: expected an address such as name@example.org"))
        if not (self.phone or self.email or self.chats):
            raise ValueError(_("expected phone, email or chats"))
        return self


class NotifySettings(TextSettings):
    """`notify`: each of `to` is told through the first of `via` that reaches him.

    `contact: masked` shows a client's phone and e-mail in part, for these messages go through other hands.
    """

    placeholders = PLACEHOLDERS | {"event", "source", "phone", "email", "message", OF_CARD}

    events: tuple[EventType, ...] = Field(min_length=1)
    to: dict[Name, Staff] = Field(min_length=1)
    contact: Literal["masked", "full"] = "masked"
    quiet_hours: Hours | None = None

    @field_validator("events")
    @classmethod
    def _tellable(cls, value: tuple[EventType, ...]) -> tuple[EventType, ...]:
        for type_ in value:
            if type_ not in WORDS:
                raise ValueError(_("expected types such as lead.created, got {type}", type=type_.value))
        return value


class Notify(Flow[NotifySettings]):
    """One message to each of the staff about each thing that happened."""

    name = "notify"
    suggested = {"text": "{business}: {event}. {name} {phone}"}

    def settings_model(self) -> type[NotifySettings]:
        return NotifySettings

    def wants(self, settings: NotifySettings) -> frozenset[EventType]:
        return frozenset(settings.events)

    def needs(self, event: Event, settings: NotifySettings) -> Needs:
        """Many webhooks name nobody. What was cancelled or deleted may be gone by now, and is told all the same."""
        reread = event.contact is None and event.type.value.partition(".")[2] not in GONE
        return Needs(reread=reread, cards=settings.cards)

    def plan(self, event: Event, facts: Facts, settings: NotifySettings, context: FlowContext) -> Decision:
        client = event.contact or Contact()
        values = {**values_of(event, client), "source": event.connection, "event": WORDS.get(event.type, "")}
        values |= settings.of_card(facts)
        trusted = {"business": context.tenant_name, **_about(event, client, settings)}
        guards = Guards(
            expires_at=after(base_of(event), settings.expires_after),
            quiet_hours=quiet(settings.quiet_hours, context.timezone),
        )
        fallback_after = settings.fallback_after or settings.expires_after / 2
        plans, unreached = [], []
        for who, staff in settings.to.items():
            person = Contact(phone=staff.phone, email=staff.email, chats=staff.chats)
            compose = composer(settings, values, trusted, person)
            steps = message_steps(f"notify.{who}", context.channels, person, compose)
            if steps:
                plans.append(Plan.of(_subject(event), steps, guards, fallback_after))
            else:
                unreached.append(who)
        reason = f"no address that any of its channels reaches: {', '.join(unreached)}" if unreached else None
        return Decision(plans, reason)


def _subject(event: Event) -> str:
    """What is told once: a kind of news about a subject, however many events bring it; or each event."""
    kind, _, what = event.type.value.partition(".")
    if what == "changed" or kind in EACH_TIME:
        return f"event:{event.id}"
    return f"{event.subject}:{event.type.value}"


def _about(event: Event, client: Contact, settings: NotifySettings) -> dict[str, str]:
    """The client's addresses, and what he wrote; made safe here, for neither is a short line without a dot."""
    phone, email = normalize_phone(client.phone), normalize_email(client.email)
    if settings.contact == "masked":
        phone, email = mask_phone(phone), mask_email(email)
    return {"phone": phone or "", "email": email or "", "message": _message(event)}


def _message(event: Event) -> str:
    """What a client wrote. A photograph without a word isn't an empty message."""
    written = event.data.get("text")
    if isinstance(written, str):
        return _quoted(written)
    return "[вложение]" if event.data.get("attachment") or event.data.get("file") else ""


def _quoted(text: str) -> str:
    """A client's words as staff may read them: on one line, and no link to follow."""
    line = visible(text[: 4 * _LONGEST_MESSAGE])
    words = (match[0] for match in _WORD.finditer(line))
    safe = " ".join("[ссылка]" if LINK_LIKE.search(word) else word for word in words)
    return safe if len(safe) <= _LONGEST_MESSAGE else f"{safe[: _LONGEST_MESSAGE - 1]}…"


FLOW = Notify()
