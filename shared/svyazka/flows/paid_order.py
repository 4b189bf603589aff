"""What follows when an order is paid: its deal moves on in the CRM, with a note of the sum, and the payer is told.

Each payment is told of once, whatever its provider repeats: a second payment of one order is a card, no second message.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field, JsonValue, field_validator

from svyazka.catalogue import N_
from svyazka.engine.contracts.flow import Channel, Decision, Facts, Flow, FlowContext
from svyazka.flows.leads import CARRIES as PUTS
from svyazka.flows.leads import lane_person
from svyazka.flows.messages import TextSettings, check_template, composer, fill, message_steps, values_of
from svyazka.model.commands import AddNote, Guards, OnFailed, Plan, PutRecord, Stage
from svyazka.model.contacts import Contact
from svyazka.model.events import Event, EventType
from svyazka.model.records import Link, RecordKind, Target
from svyazka.model.tenants import Duration


class PaidOrderSettings(TextSettings):
    """`paid_order`: from providers, via messengers, a CRM, or both."""

    text: str = "{name}, оплата получена: заказ {number}, {sum} ₽. {business}"
    refunded: str | None = None
    """What the payer is written when money goes back; nothing where it isn't there."""
    note: str = "Оплачено: заказ {number}, {sum} ₽"
    """On the deal's card."""
    stage: str | None = None
    """Of the CRM: where the deal of a paid order stands."""
    pipeline: str | None = None
    title: str = "Заказ {number}"
    create: bool = False
    """Whether a payer without an open deal gets one."""
    attach: Duration = Field(default=timedelta(days=60), gt=timedelta())
    """The payer's open deal that isn't older is the order's."""

    @field_validator("refunded", "note", "title")
    @classmethod
    def _known_in_all(cls, value: str | None) -> str | None:
        return check_template(value, cls.placeholders) if value is not None else None


class PaidOrder(Flow[PaidOrderSettings]):
    """Each CRM of `via` is written to; the message goes by the first messenger that reaches the payer."""

    name = "paid_order"
    of_payments = True
    carries = ("SendMessage", PUTS)
    needs_first = False

    def settings_model(self) -> type[PaidOrderSettings]:
        return PaidOrderSettings

    def wants(self, settings: PaidOrderSettings) -> frozenset[EventType]:
        return frozenset({EventType.PAYMENT_SUCCEEDED, EventType.PAYMENT_REFUNDED})

    def plan(self, event: Event, facts: Facts, settings: PaidOrderSettings, context: FlowContext) -> Decision:
        if event.data.get("twice"):
            return Decision(reason=N_("money came twice: whoever sees to the card decides what the payer is told"))
        person = event.contact or Contact()
        plans = []
        if event.type is EventType.PAYMENT_SUCCEEDED and lane_person(person) is not None:
            crms = [channel for channel in context.channels if channel.carries(PUTS)]
            plans = [_in_crm(channel, event, person, settings, context) for channel in crms]
        message = self._message(event, person, settings, context)
        if message is not None:
            plans.append(message)
        return Decision(plans, None if plans else N_("nobody is named whom it could be told"))

    def _message(self, event: Event, person: Contact, settings: PaidOrderSettings, context: FlowContext) -> Plan | None:
        paid = event.type is EventType.PAYMENT_SUCCEEDED
        text = settings.text if paid else settings.refunded
        if text is None:
            return None
        own = settings if paid else settings.model_copy(update={"text": text, "texts": {}, "html": None})
        compose = composer(own, values_of(event, person), {"business": context.tenant_name}, person)
        steps = message_steps(context.flow, context.channels, person, compose)
        if not steps:
            return None
        guards = Guards(expires_at=event.received_at + settings.expires_after)
        return Plan.of(_subject(event), steps, guards, settings.fallback_after or settings.expires_after / 2)


def _subject(event: Event) -> str:
    """A payment is told of once; each of its refunds is news of its own."""
    paid = event.type is EventType.PAYMENT_SUCCEEDED
    return event.subject if paid else f"{event.subject}:{event.id}"


def _in_crm(crm: Channel, event: Event, person: Contact, settings: PaidOrderSettings, context: FlowContext) -> Plan:
    values, trusted = values_of(event, person), {"business": context.tenant_name}
    card = PutRecord(record=RecordKind.CONTACT, person=person, create=settings.create)
    contact = Stage(
        step=crm.step(context.flow, card, "contact"), person=person, after=(),
        on_failed=OnFailed.GO_ON if settings.create else OnFailed.STOP,
    )  # fmt: skip
    said = {"stage": settings.stage, "pipeline": settings.pipeline}
    fields: dict[str, JsonValue] = {name: value for name, value in said.items() if value is not None}
    if settings.create:
        fields |= {"title": fill(settings.title, values, trusted), "price": event.data.get("total")}
    put = PutRecord(
        record=RecordKind.DEAL, person=person, fields=fields, attach=settings.attach, overwrite="differs",
        links=(Link(kind=RecordKind.CONTACT, to=contact.result(needed=not settings.create), main=True),),
        create=settings.create,
    )  # fmt: skip
    deal = Stage(step=crm.step(context.flow, put, "deal"), person=person)
    on = Target(kind=RecordKind.DEAL, to=deal.result())
    note = AddNote(on=on, text=fill(settings.note, values, trusted), person=person)
    stages = (contact, deal, Stage(step=crm.step(context.flow, note, "note"), person=person, after=()))
    return Plan(subject=event.subject, stages=stages)


FLOW = PaidOrder()
