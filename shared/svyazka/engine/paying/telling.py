"""What a payment's change is told as: ordinary events of its provider's connection, on which flows act."""

from __future__ import annotations

from datetime import datetime

from pydantic import JsonValue

from svyazka.engine.calling.events_of_asking import found_event
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Create, Task
from svyazka.engine.rules.paying import attempt_of
from svyazka.model.events import EventType, Fact
from svyazka.model.ids import connection_id
from svyazka.model.payments import OddityKind, Payment, PaymentState, Transaction, TransactionKind, TransactionStatus
from svyazka.model.tenants import CompiledConnection

_TOLD = {
    TransactionKind.PURCHASE: EventType.PAYMENT_SUCCEEDED,
    TransactionKind.CAPTURE: EventType.PAYMENT_SUCCEEDED,
    TransactionKind.REFUND: EventType.PAYMENT_REFUNDED,
    TransactionKind.CHARGEBACK: EventType.PAYMENT_REFUNDED,
}


async def events_of(hub: Hub, before: Payment, after: Payment, now: datetime) -> tuple[list[Create], list[Task]]:
    """Events to be created with the change, and the tasks that plan them; each is told once, whoever looks."""
    writes: list[Create] = []
    tasks: list[Task] = []
    for connection, fact in _facts(before, after):
        document = await hub.store.get("connections", connection_id(after.tenant, connection))
        if document is None:
            continue  # the connection is gone, and with it whoever would act on it
        create, due = found_event(hub, journal.read(CompiledConnection, document).model, fact, now, "engine")
        if await hub.store.get(*create.document.key) is None:
            writes.append(create)
            tasks += due
    return writes, tasks


def _facts(before: Payment, after: Payment) -> list[tuple[str, Fact]]:
    known = {one.id for one in before.transactions if one.status is TransactionStatus.DONE}
    told = []
    for one in after.transactions:
        if one.status is TransactionStatus.DONE and one.id not in known and one.kind in _TOLD:
            told.append((attempt_of(after, one.attempt).connection, _fact(after, _TOLD[one.kind], one)))
    if after.state is PaymentState.FAILED and before.state is not PaymentState.FAILED and after.attempts:
        last = after.attempts[-1]
        first = next(iter(after.of_attempt(last.n)), None)
        told.append((last.connection, _fact(after, EventType.PAYMENT_FAILED, first)))
    return told


def _fact(payment: Payment, type_: EventType, one: Transaction | None) -> Fact:
    moment = one.at if one is not None and type_ is not EventType.PAYMENT_FAILED else None
    marked = one.id if one is not None and type_ is not EventType.PAYMENT_FAILED else f"failed-{len(payment.attempts)}"
    data: dict[str, JsonValue] = {
        "payment": payment.id, "order": payment.order, "currency": payment.amount.currency,
        "amount": (one.amount if one is not None else payment.amount).text, "total": payment.amount.text,
        "paid": payment.captured.text, "refunded": payment.refunded.text, "state": payment.state.value,
        "description": payment.description, "asked_by": payment.connection,
        # As texts for people call them.
        "number": payment.order, "sum": (one.amount if one is not None else payment.amount).text.removesuffix(".00"),
    }  # fmt: skip
    if payment.check is not None:
        data |= {"till": payment.check.connection, "check": payment.check.check, "table": payment.check.table}
    if payment.part:
        data["part"] = payment.part
    if one is not None and one.why is not None:
        data["why"] = one.why.value
    if any(odd.kind is OddityKind.PAID_TWICE for odd in payment.oddities):
        data["twice"] = True
    return Fact(
        type=type_, key=("payment", payment.id, marked), subject=f"payment:{payment.id}", occurred_at=moment,
        contact=payment.person, data=data,
    )  # fmt: skip
