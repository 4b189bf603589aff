"""Each JSON contract of the command line (DESIGN 8), made from models in one place: fields, times, masks.

Absent values are null, times RFC 3339 in the tenant's zone, people masked by the `Masker` given.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, tzinfo

from pydantic import JsonValue

from svyazka.catalogue import _, told
from svyazka.cli.output import stamp
from svyazka.engine.problems.holding import Holds
from svyazka.model.deliveries import Alert, Attempt, AuditLine, Delivery
from svyazka.model.events import EventRecord, EventType, RawRecord, StoredRequest
from svyazka.model.jobs import Counts, Job
from svyazka.model.payments import Payment
from svyazka.model.problems import Problem
from svyazka.model.receipts import ReceiptIntent
from svyazka.model.references import Produced
from svyazka.model.subscriptions import Period, Subscription
from svyazka.reading.masking import Masker, Private
from svyazka.reading.stories import Story, addressee

Row = dict[str, JsonValue]


def event_row(record: EventRecord, zone: tzinfo, masker: Masker) -> Row:
    """`events --json`."""
    event = record.event
    return {
        "id": event.id, "tenant": event.tenant, "connection": event.connection, "vendor": event.vendor,
        "type": event.type.value, "subject": event.subject, "status": record.status.value,
        "reason": masker.text(record.reason, [event.contact]), "identity": event.identity,
        "occurred_at": stamp(event.occurred_at, zone), "received_at": stamp(event.received_at, zone),
        "contact": _json(masker.contact(event.contact)), "deliveries": list(record.deliveries),
    }  # fmt: skip


def raw_row(raw: RawRecord, zone: tzinfo, masker: Masker) -> Row:
    """`events --json` for a request of which no event could be read: in quarantine, with its own id."""
    return {
        "id": raw.id, "tenant": raw.tenant, "connection": raw.connection, "vendor": raw.vendor,
        "type": EventType.OTHER.value, "subject": None, "status": raw.status, "reason": masker.text(raw.reason),
        "identity": None, "occurred_at": None, "received_at": stamp(raw.received_at, zone),
        "contact": None, "deliveries": [],
    }  # fmt: skip


def no_event_row(delivery: Delivery) -> Row:
    """The event's part of the story of a delivery that no event caused: an alert's."""
    return {
        "id": None, "tenant": delivery.tenant, "connection": None, "vendor": None, "type": None,
        "subject": delivery.subject, "status": None, "reason": None, "identity": None, "occurred_at": None,
        "received_at": None, "contact": None, "deliveries": [delivery.id],
    }  # fmt: skip


def delivery_row(delivery: Delivery, zone: tzinfo, masker: Masker) -> Row:
    """`deliveries --json`."""
    error = delivery.last_error
    return {
        "id": delivery.id, "event": delivery.event, "tenant": delivery.tenant, "flow": delivery.flow,
        "step": delivery.step, "connection": delivery.connection, "vendor": delivery.vendor,
        "command": delivery.command.kind, "status": delivery.status.value, "receipt": delivery.receipt.value,
        "generation": delivery.generation, "attempts": delivery.attempt_count,
        "next_attempt_at": stamp(delivery.next_attempt_at, zone),
        "last_error": None if error is None else {
            "code": error.code, "message": masker.text(error.message, [addressee(delivery)])
        },
        "external_id": delivery.external_id, "created_at": stamp(delivery.created_at, zone),
        "settled_at": stamp(delivery.settled_at, zone),
    }  # fmt: skip


def attempt_row(attempt: Attempt, zone: tzinfo, masker: Masker, about: Sequence[Private]) -> Row:
    """One attempt of `show --json`: its last call, the one that decided."""
    call = attempt.exchanges[-1] if attempt.exchanges else None
    answered = call is not None and call.status is not None
    return {
        "number": attempt.number,
        "started_at": stamp(attempt.started_at, zone),
        "ended_at": stamp(attempt.ended_at, zone),
        "outcome": attempt.outcome,
        "request": None if call is None else {
            "method": call.method, "url": masker.text(call.url, about), "body": masker.body(call.request_body, about)
        },
        "response": {"status": call.status, "body": masker.body(call.response_body, about)}
        if call is not None and answered
        else None,
        "message": masker.text(attempt.message, about),
        "reason": attempt.reason,
    }  # fmt: skip


def raw_part(request: StoredRequest | None, masker: Masker, about: Sequence[Private]) -> Row | None:
    """`raw` of `show --json`: the vendor's request as it came, without its key; null once it was blanked."""
    if request is None:
        return None
    return {
        "method": request.method,
        "path": request.path,
        "content_type": request.content_type,
        "body": masker.body(request.body, about) if request.encoding == "utf-8" else _not_text(request, masker),
    }


def _not_text(request: StoredRequest, masker: Masker) -> str:
    """Bytes that are no UTF-8 can't be searched for people: their base64 is shown only when revealed."""
    return (
        request.body if masker.reveal else _("({count} bytes that aren't UTF-8: --reveal)", count=len(request.bytes()))
    )


def story(head: Row, raw: Row | None, found: Story, zone: tzinfo, masker: Masker) -> Row:
    """`show --json`: the event, its raw request, its deliveries with their attempts."""
    told: list[JsonValue] = []
    for delivery in found.deliveries:
        attempts: list[JsonValue] = [attempt_row(one, zone, masker, found.private) for one in delivery.attempts]
        told.append({**delivery_row(delivery, zone, masker), **_order(delivery), "attempts": attempts})
    return {**head, "raw": raw, "deliveries": told}


def _order(delivery: Delivery) -> Row:
    """Its place in its plan: what goes before it, how that ended, and what came of each."""
    after: list[JsonValue] = [
        {"step": one.step, "delivery": one.delivery, "status": one.status and one.status.value, "made": _made(one.made)}
        for one in delivery.after
    ]
    return {"after": after, "produced": _made(delivery.produced)}


def _made(made: Sequence[Produced]) -> list[JsonValue]:
    return [{"kind": one.kind or None, "id": one.id} for one in made]


def alert_row(alert: Alert, sent_at: datetime | None, zone: tzinfo, masker: Masker) -> Row:
    """`alerts --json`."""
    return {
        "id": alert.id, "tenant": alert.tenant, "connection": alert.connection, "kind": alert.kind,
        "stage": alert.stage, "since": stamp(alert.since, zone), "sent_at": stamp(sent_at, zone),
        "text": masker.text(alert.text),
    }  # fmt: skip


def problem_row(problem: Problem, holds: Holds, zone: tzinfo, now: datetime) -> Row:
    """`problems --json`; nobody's data is in a problem."""
    remedy = problem.remedy
    return {
        "id": problem.id, "tenant": problem.tenant, "connection": problem.connection, "kind": problem.kind,
        "severity": problem.severity, "title": told(problem.title), "since": stamp(problem.since, zone),
        "last_seen": stamp(problem.last_seen, zone),
        "holds": {"deliveries": holds.deliveries, "oldest": stamp(holds.oldest, zone)},
        "remedy": {
            "command": remedy.command, "link": remedy.link, "person": remedy.person and told(remedy.person)
        },
        "state": problem.shown_state(now),
    }  # fmt: skip


def job_row(job: Job, zone: tzinfo) -> Row:
    """`jobs --json`; nobody's data is in a job."""
    left = job.left()
    return {
        "id": job.id, "kind": job.kind, "tenant": job.tenant, "state": job.state,
        "counts": {name: getattr(job.counts, name) for name in Counts.model_fields},
        "started_at": stamp(job.started_at, zone), "ended_at": stamp(job.ended_at, zone),
        "rate": None if job.rate is None else round(job.rate, 2), "left": None if left is None else round(left, 1),
    }  # fmt: skip


def payment_row(payment: Payment, zone: tzinfo) -> Row:
    """`payments --json`; who paid isn't in it. `provider`: whoever has the money, or was asked last."""
    by = payment.paid_by or (payment.attempts[-1] if payment.attempts else None)
    transactions: list[JsonValue] = [
        {
            "id": one.id, "kind": one.kind.value, "status": one.status.value, "amount": one.amount.text,
            "at": stamp(one.at, zone),
        }
        for one in payment.transactions
    ]  # fmt: skip
    return {
        "id": payment.id, "tenant": payment.tenant, "order": payment.order,
        "provider": by.connection if by is not None else None, "amount": payment.amount.text,
        "currency": payment.amount.currency, "state": payment.state.value, "refunded": payment.refunded.text,
        "receipt": payment.fiscaliser.connection if payment.fiscaliser else "provider" if payment.receipt else None,
        "external_id": by.external_id if by is not None else None,
        "transactions": transactions,
    }  # fmt: skip


def subscription_row(one: Subscription, zone: tzinfo) -> Row:
    """`subscriptions --json`; who pays isn't in it. `n`: the period that is due at `due_at`."""
    method = one.method
    return {
        "id": one.id, "tenant": one.tenant, "order": one.number, "state": one.state.value,
        "why": one.why.value if one.why is not None else None, "since": stamp(one.since, zone),
        "every": one.every.value, "amount": one.amount.text, "currency": one.amount.currency, "n": one.n,
        "due_at": None if one.is_over else stamp(one.due_at, zone),
        "provider": method.connection if method is not None else None,
        "method": method.saved.title if method is not None else None,
        "agreed": {"text": one.agreed.text, "at": stamp(one.agreed.at, zone), "where": one.agreed.where},
        "first": one.first,
    }  # fmt: skip


def period_row(one: Period, zone: tzinfo) -> Row:
    """One of `subscriptions show --json`."""
    return {
        "n": one.n, "due_at": stamp(one.due_at, zone), "state": one.state.value, "payment": one.payment,
        "again_at": stamp(one.again_at, zone), "ended_at": stamp(one.ended_at, zone),
    }  # fmt: skip


def receipt_row(intent: ReceiptIntent, zone: tzinfo) -> Row:
    """`receipts --json`; who gets it isn't in it."""
    last, fiscal = intent.last, intent.fiscal
    return {
        "id": intent.id, "tenant": intent.tenant, "payment": intent.payment, "order": intent.order,
        "kind": intent.kind.value, "fiscaliser": intent.connection, "amount": intent.amount.text,
        "currency": intent.amount.currency, "state": intent.state.value, "owed_since": stamp(intent.owed_since, zone),
        "tries": len(intent.tries), "number": last.number if last else None,
        "external_id": last.external_id if last else None, "code": last.code if last else None,
        "fn": fiscal.storage if fiscal else None, "fd": fiscal.document if fiscal else None,
        "fpd": fiscal.sign if fiscal else None, "url": fiscal.url if fiscal else None, "by_hand": intent.by_hand,
    }  # fmt: skip


def audit_row(line: AuditLine, zone: tzinfo) -> Row:
    """`audit --json`; nothing in it needs a mask."""
    return {
        "at": stamp(line.at, zone), "who": line.who, "action": line.action, "target": line.target,
        "came": line.came, "detail": dict(line.detail),
    }  # fmt: skip


def _json(value: Mapping[str, JsonValue] | None) -> JsonValue:
    return None if value is None else dict(value)
