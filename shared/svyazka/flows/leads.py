"""What flows share that bring a person's interest into a CRM: his card, a deal, and his words as a note."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import ClassVar
from zoneinfo import ZoneInfo

from pydantic import Field, JsonValue, field_validator

from svyazka.engine.contracts.flow import Channel, FlowContext, FlowSettings
from svyazka.flows.messages import PLACEHOLDERS, check_template, fill, person_key, safe_value, values_of, visible
from svyazka.model.commands import AddNote, AddTask, OnFailed, Plan, PutRecord, Stage
from svyazka.model.contacts import Contact, normalize_phone
from svyazka.model.events import Event
from svyazka.model.records import Link, RecordKind, Target
from svyazka.model.tenants import Duration

CARRIES = "PutRecord"

NOBODYS = frozenset({"stage", "pipeline", "responsible", "price"})
"""Fields of a deal that a browser doesn't decide: whoever has the page's public key could write anything."""

LONGEST_NOTE, LONGEST_FIELD, ITEMS_SHOWN = 4000, 255, 30


class LeadSettings(FlowSettings):
    """What may be said of each deal; what is left out stands in the connection's own settings."""

    placeholders: ClassVar[frozenset[str]] = PLACEHOLDERS | {"source"}

    title: str = "Заявка: {name|без имени}"
    pipeline: str | None = None
    stage: str | None = None
    responsible: str | None = None
    source: str | None = None
    """Where the event names none."""
    fields: dict[str, str] = {}
    """Further fields of the deal, by canonical name."""
    contact_fields: tuple[str, ...] = ("birthday",)
    """Which of the fields that an event brings stand on the person's card, not the deal's."""
    attach: Duration = timedelta(days=30)
    """A repeat within this goes into the person's open deal of the pipeline. Zero: each makes its own."""
    note: bool = True
    task: str | None = None
    task_within: Duration = Field(default=timedelta(minutes=15), gt=timedelta())

    @field_validator("title", "task")
    @classmethod
    def _known_placeholders(cls, value: str | None) -> str | None:
        return check_template(value, cls.placeholders) if value is not None else None

    @field_validator("fields")
    @classmethod
    def _known_in_fields(cls, value: dict[str, str]) -> dict[str, str]:
        return {name: check_template(text, cls.placeholders) for name, text in value.items()}


def lead_plans(event: Event, settings: LeadSettings, context: FlowContext, subject: str) -> list[Plan]:
    """The lead in each of the CRMs."""
    takers = [channel for channel in context.channels if channel.carries(CARRIES)]
    return [Plan(subject=subject, stages=lead_stages(channel, event, settings, context)) for channel in takers]


def lead_stages(
    crm: Channel, event: Event, settings: LeadSettings, context: FlowContext, person: Contact | None = None
) -> tuple[Stage, ...]:
    """Card, deal, note and task of one lead, in their order; a plan of more stages may have them among its own.

    The deal is made also where the card can't be: a lead is never lost for a wrong field of a card.
    """
    person = person or event.contact or Contact()
    own = lane_person(person)
    stages: list[Stage] = []
    links: tuple[Link, ...] = ()
    if own is not None:
        card = PutRecord(record=RecordKind.CONTACT, person=person, fields=_card_fields(event, settings))
        contact = Stage(
            step=crm.step(context.flow, card, "contact"), person=own, after=(), on_failed=OnFailed.GO_ON
        )  # fmt: skip
        stages.append(contact)
        links = (Link(kind=RecordKind.CONTACT, to=contact.result(needed=False), main=True),)
    put = PutRecord(
        record=RecordKind.DEAL, person=person, fields=deal_fields(event, settings, context, person), links=links,
        attach=settings.attach or None,
    )  # fmt: skip
    before = tuple(stage.step.name for stage in stages)
    deal = Stage(step=crm.step(context.flow, put, "deal"), person=own, after=before)
    on = Target(kind=RecordKind.DEAL, to=deal.result())
    stages.append(deal)
    if settings.note:
        note = AddNote(on=on, text=note_of(event, person, context), person=person)
        stages.append(Stage(step=crm.step(context.flow, note, "note"), person=own, after=()))
    if settings.task is not None:
        due = event.received_at + settings.task_within
        text = fill(settings.task, _values(event, person), _trusted(event, context))
        task = AddTask(on=on, text=text, due_at=due, responsible=settings.responsible, person=person)
        stages.append(Stage(step=crm.step(context.flow, task, "task"), person=own, after=()))
    return tuple(stages)


def lane_person(person: Contact) -> Contact | None:
    """The person, where anything tells him from others: a name alone doesn't."""
    return person if person_key(person) is not None else None


# Fields


def deal_fields(
    event: Event, settings: LeadSettings, context: FlowContext, person: Contact
) -> dict[str, JsonValue]:  # fmt: skip
    """What the deal shall hold: the settings' word, then the event's."""
    data, public = event.data, event.data.get("by") == "public"
    values, trusted = _values(event, person), _trusted(event, context)
    utm = data.get("utm")
    of_event: dict[str, JsonValue] = {
        "price": data.get("price") or data.get("sum"),
        **{f"utm_{name}": value for name, value in (utm.items() if isinstance(utm, dict) else ())},
        "page": data.get("page"), "start": data.get("start"), "source": data.get("source"),
        **{name: value for name, value in _brought(event) if name not in settings.contact_fields},
    }  # fmt: skip
    plain = {name: text for name, value in of_event.items() if (text := _text(value))}
    decided = {name: value for name, value in plain.items() if not (public and name in NOBODYS)}
    said = {"pipeline": settings.pipeline, "stage": settings.stage, "responsible": settings.responsible}
    own = {name: fill(text, values, trusted) for name, text in settings.fields.items()}
    title = "Проверка связи" if data.get("test") is True else fill(settings.title, values, trusted)
    chosen = {"title": title, "source": settings.source or event.connection, **own}
    return {**chosen, **{name: value for name, value in said.items() if value is not None}, **decided}


def _card_fields(event: Event, settings: LeadSettings) -> dict[str, JsonValue]:
    return {name: text for name, value in _brought(event) if name in settings.contact_fields and (text := _text(value))}


def _brought(event: Event) -> Iterator[tuple[str, JsonValue]]:
    """Further fields that the event itself names."""
    fields = event.data.get("fields")
    yield from fields.items() if isinstance(fields, dict) else ()


def _text(value: JsonValue) -> str:
    """A stranger's value as a field may hold it."""
    if isinstance(value, bool):
        return "да" if value else "нет"
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return visible(str(value)).strip()[:LONGEST_FIELD] if isinstance(value, str | int | float) else ""


def _values(event: Event, person: Contact) -> Mapping[str, object]:
    return {**values_of(event, person), "name": safe_value(person.name or "")}


def _trusted(event: Event, context: FlowContext) -> Mapping[str, str]:
    return {"business": context.tenant_name, "source": _text(event.data.get("source")) or event.connection}


# The note


def note_of(event: Event, person: Contact, context: FlowContext) -> str:
    """All that is known of it, for whoever calls back: what doesn't fit a field, or finds the card filled, is here."""
    at = event.occurred_at or event.received_at
    head = f"{context.tenant_name}, {event.connection}, {at.astimezone(ZoneInfo(context.timezone)):%d.%m.%Y %H:%M:%S}"
    lines = (f"{name}: {text}" for name, value in _told(event, person) if (text := _said(value)))
    return "\n".join((head, *lines))[:LONGEST_NOTE]


def _told(event: Event, person: Contact) -> Iterator[tuple[str, JsonValue]]:
    data = event.data
    yield "Имя", person.name
    yield "Телефон", normalize_phone(person.phone) or person.phone
    yield "Почта", person.email
    yield "Сообщение", data.get("text")
    yield "Нажата кнопка", data.get("button")
    yield "Вложение", data.get("attachment")
    yield from (("Товар", _item(one)) for one in _items(data.get("items")))
    yield "Сумма", data.get("price") or data.get("sum")
    yield "Источник", data.get("source")
    yield "Метка", data.get("start")
    yield "Страница", data.get("page")
    utm = data.get("utm")
    yield from ((f"utm_{name}", value) for name, value in (utm.items() if isinstance(utm, dict) else ()))
    yield from _brought(event)
    consent = data.get("consent")
    if isinstance(consent, dict):
        yield "Согласие", " ".join(filter(None, (_said(consent.get("text")), _said(consent.get("at")))))


def _items(items: JsonValue) -> Iterator[Mapping[str, JsonValue]]:
    for one in items[:ITEMS_SHOWN] if isinstance(items, list) else ():
        if isinstance(one, dict):
            yield one


def _item(item: Mapping[str, JsonValue]) -> str:
    name = _text(item.get("name")) or _text(item.get("sku"))
    quantity, price = _text(item.get("quantity")), _text(item.get("price"))
    return " ".join(filter(None, (name, quantity and f"× {quantity}", price and f"по {price}")))


def _said(value: JsonValue) -> str:
    """Words as they came, line by line, without what nobody sees."""
    if not isinstance(value, str):
        return _text(value)
    return "\n".join(line for each in value.splitlines() if (line := visible(each).strip()))
