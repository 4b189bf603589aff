"""A journal as large as years of business make it, written in bulk through the schema's own statements.

The documents are what the engine writes: one of each state is made by the models, and the others are it with another
id, tenant and time.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from svyazka.backends.local.schema import rows_of
from svyazka.backends.local.store import FILE, LocalStore
from svyazka.backends.local.writer import connect
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Document
from svyazka.model.commands import Guards, Repeat, SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Delivery, LastError, Status
from svyazka.model.events import Event, EventRecord, EventStatus, EventType
from svyazka.model.tenants import AlertSettings, CompiledConnection, ConnectionSpec, FlowSpec, Tenant

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
OWNER, NUMBER = "owner-of-this", "number-of-this"
"""What is put in place of in a document that serves as the pattern of others."""

STATES = (*[Status.SUCCEEDED] * 90, *[Status.CANCELLED] * 5, *[Status.EXPIRED] * 2, Status.FAILED, Status.DEAD,
          Status.PARKED)  # fmt: skip
"""Of each hundred deliveries."""

EVENT_STATES = (*[EventStatus.PLANNED] * 12, *[EventStatus.IGNORED] * 7, EventStatus.QUARANTINED)
"""Of each twenty events."""


def fill(data: Path, events: int, tenants: int) -> None:
    """A data folder with so many tenants, events spread over them, and a delivery for each that was planned."""
    LocalStore.open(data)
    connection = connect(data / FILE)
    try:
        connection.execute("BEGIN IMMEDIATE")
        for kind, documents in itertools.groupby(_documents(events, tenants), key=lambda one: one.kind):
            rows = (rows_of(kind).values(document, 1) for document in documents)
            connection.executemany(rows_of(kind).insert, rows)
        connection.execute("COMMIT")
    finally:
        connection.close()


def as_the_first_release(data: Path) -> None:
    """The same file as the first release would have left it: without what our steps and kinds added since."""
    connection = connect(data / FILE)
    try:
        for (name,) in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'index' AND sql IS NOT NULL"
        ).fetchall():
            if name.startswith("deliveries_"):
                connection.execute(f"DROP INDEX {name}")
        for column in ADDED:
            connection.execute(f"ALTER TABLE deliveries DROP COLUMN {column}")
        connection.execute("DROP TABLE migrations")
    finally:
        connection.close()


ADDED = ("cost", "waits_on")
"""Columns of deliveries since the first release."""


def tenant_of(number: int) -> str:
    """The id of one of them."""
    return f"tenant-{number:04}"


def _documents(events: int, tenants: int) -> Iterator[Document]:
    owners = [_tenant(number) for number in range(tenants)]
    yield from (journal.document(owner) for owner in owners)
    for owner in owners:
        for name, spec in owner.connections.items():
            yield journal.document(
                CompiledConnection(tenant=owner.id, connection=name, vendor=spec.vendor, wants=("order.completed",))
            )
    patterns = {status: journal.document(_event(status)) for status in EventStatus}
    states = [EVENT_STATES[number % len(EVENT_STATES)] for number in range(events)]
    for number, state in enumerate(states):
        yield _like(patterns[state], f"evt_{number:032x}", number, events, tenants, "received_at")
    made = {status: journal.document(_delivery(status)) for status in set(STATES)}
    for number, state in enumerate(states):
        if state is EventStatus.PLANNED:
            planned = number // len(EVENT_STATES) * EVENT_STATES.count(state) + number % len(EVENT_STATES)
            pattern = made[STATES[planned % len(STATES)]]
            yield _like(pattern, f"dlv_{number:032x}", number, events, tenants, "created_at")


def _like(pattern: Document, key: str, number: int, of: int, tenants: int, time: str) -> Document:
    """The pattern as another one's, so long ago that the whole lies within a year."""
    owner, moment = tenant_of(number // len(EVENT_STATES) % tenants), NOW - timedelta(days=365) * (of - number) / of
    data = pattern.data.replace(OWNER.encode(), owner.encode()).replace(NUMBER.encode(), f"{number:032x}".encode())
    fields = {**pattern.fields, "tenant": owner, time: moment, "subject": f"order:{number}"}
    if pattern.kind == "deliveries":
        fields["event"] = f"evt_{number:032x}"
    return replace(pattern, id=key, fields=fields, data=data)


def _tenant(number: int) -> Tenant:
    settings = {"text": "{name}, спасибо! {review_url}", "review_url": "https://example.org/r"}
    sms = ConnectionSpec(vendor="smsru", settings={"api_id": "00000000-0000-0000-0000-000000000000"})
    return Tenant(
        id=tenant_of(number), name=f"Кофейня № {number}", timezone="Europe/Moscow", alerts=AlertSettings(),
        connections={"till": ConnectionSpec(vendor="iiko"), "sms": sms},
        flows=(
            FlowSpec(id="review_request", flow="review_request", sources=("till",), via=("sms",), settings=settings),
        ),
    )  # fmt: skip


CONTACT = Contact(name="Иван Петров", phone="+79991234567")


def _event(status: EventStatus) -> EventRecord:
    event = Event(
        id=f"evt_{NUMBER}", tenant=OWNER, connection="till", vendor="iiko", type=EventType.ORDER_COMPLETED,
        subject=f"order:{NUMBER}", identity="strong", origin="webhook", received_at=NOW, contact=CONTACT,
    )  # fmt: skip
    deliveries = (f"dlv_{NUMBER}",) if status is EventStatus.PLANNED else ()
    return EventRecord(event=event, status=status, deliveries=deliveries, people=("a" * 24,))


def _delivery(status: Status) -> Delivery:
    command = SendMessage(to=CONTACT, text="Иван, спасибо за заказ! Оставьте отзыв: https://example.org/r")
    return Delivery(
        id=f"dlv_{NUMBER}", event=f"evt_{NUMBER}", tenant=OWNER, flow="review_request", step="review/sms",
        connection="sms", vendor="smsru", subject=f"order:{NUMBER}", command=command, repeat=Repeat.UNSAFE,
        guards=Guards(), created_at=NOW, base_at=NOW, status=status, attempt_count=1,
        cost=2.5 if status is Status.SUCCEEDED else None, wake_at=NOW if status is Status.PARKED else None,
        last_error=None if status is Status.SUCCEEDED else LastError(code="x", message="as this state has it"),
        people=("a" * 24,),
    )  # fmt: skip
