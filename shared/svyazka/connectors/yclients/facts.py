"""What YCLIENTS' objects mean in our words: one way for a webhook, a poll and a re-read. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta

from pydantic import JsonValue

from svyazka.catalogue import N_
from svyazka.connectors.yclients.schema import Change, full_name, identifier, local, moment, number, truth, whole
from svyazka.engine.contracts.untrusted import filled, section, sections, text
from svyazka.model.contacts import Contact
from svyazka.model.events import Change as Became
from svyazka.model.events import Entity, EventType, Fact, Hint

ATTENDANCE = {
    0: EventType.APPOINTMENT_CHANGED,
    1: EventType.APPOINTMENT_COMPLETED,
    2: EventType.APPOINTMENT_CONFIRMED,
    -1: EventType.APPOINTMENT_MISSED,
}
"""Waiting, came, confirmed, didn't come: the vendor's own codes. The brief has 2 and -1 the other way round."""

FINAL_ATTENDANCE = (1,)
"""The visit took place. A connection may set others (`final_attendance`)."""

CONTACTS = {
    "create": EventType.CONTACT_CREATED,
    "update": EventType.CONTACT_CHANGED,
    "delete": EventType.CONTACT_DELETED,
}
BECAME = {"create": Became.CREATED, "update": Became.UPDATED, "delete": Became.DELETED}
"""What a webhook's `status` says has become of a client's card. Of a merge YCLIENTS isn't known to tell any more."""

NOTICES = {
    "service": EventType.CATALOG_CHANGED,
    "service_category": EventType.CATALOG_CHANGED,
    "good": EventType.CATALOG_CHANGED,
}
"""Say that a price list changed."""

GOODS_OPERATIONS = ("sale", "receipt", "consumable", "stolen", "move")
UNUSED = frozenset({"staff", "salon", "schedule", "loyalty_card"})
"""Known, and no business of ours. `staff` is what the settings' flag calls `master`."""

JUST_MADE = timedelta(minutes=2)
"""A record whose last change is this near to its creation hasn't been changed since: it is a booking."""


def record_fact(change: Change, final: frozenset[int], *, unseen: bool = False) -> Fact:
    """A booking as a fact. `unseen`: no look of ours came between its creation and its last change.

    The subject is the visit: one client's services with several masters are records of one visit, and he is
    written to once. `last_change_date` counts seconds, so the attendance tells two changes within one apart.
    """
    data, stamp = change.data, change.stamp
    codes = [code for name in ("visit_attendance", "attendance") if (code := whole(data.get(name))) is not None]
    deleted = "deleted" if change.deleted else "kept"
    told_in_part = change.id is not None and stamp is None
    return Fact(
        type=_appointment(change, codes, final, unseen),
        key=("record", change.id, stamp, deleted, *map(str, codes)) if change.id and stamp else None,
        subject=_visit(change, tells=bool(codes) or change.deleted),
        occurred_at=moment(data.get("last_change_date")),
        contact=_contact(change),
        position=_position(change),
        entity=Entity(kind="record", id=change.id) if change.id else None,
        about=(Hint(kind="visit", id=change.id, change=_became(change)),) if change.id else (),
        data=_booking(change, codes),
        partial=told_in_part,
    )


def _became(change: Change) -> Became:
    return Became.DELETED if change.deleted else BECAME.get(change.status, Became.UPDATED)


def client_fact(change: Change) -> Fact:
    """A client's card as a fact. A poll doesn't tell a new card from a changed one."""
    data, stamp = change.data, change.stamp
    verb = "delete" if change.deleted else (change.status or "update")
    name = full_name(data)
    return Fact(
        type=CONTACTS.get(verb, EventType.CONTACT_CHANGED),
        key=("client", change.id, stamp, "deleted" if change.deleted else "kept") if change.id and stamp else None,
        subject=f"contact:{change.id}" if change.id else None,
        occurred_at=moment(data.get("last_change_date")),
        contact=_filled_contact(name, text(data.get("phone")), text(data.get("email"))),
        position=_position(change),
        entity=Entity(kind="client", id=change.id) if change.id else None,
        about=(Hint(kind="contact", id=change.id, change=BECAME.get(verb, Became.UPDATED)),) if change.id else (),
        data=filled(
            {
                "visits": number(data.get("visits")),
                "discount": number(data.get("discount")),
                "spent": number(data.get("spent")),
            }
        ),
        partial=change.id is not None and stamp is None,
    )


def final_attendance(value: object) -> frozenset[int]:
    """The codes that finish a visit: the connection's own, or the usual one."""
    given = [code for each in value if (code := whole(each)) is not None] if isinstance(value, list | tuple) else []
    return frozenset(given or FINAL_ATTENDANCE)


def fact_of(change: Change, final: frozenset[int]) -> Fact:
    """A webhook's change as a fact; what nobody acts on is kept with the vendor's name for it."""
    if change.resource == "record":
        return record_fact(change, final)
    builder = _BUILDERS.get(change.resource)
    if builder is not None:
        return builder(change)
    what = N_("nothing here acts on it") if change.resource in UNUSED else N_("a resource that we don't know")
    return _other(change, N_("YCLIENTS sent {resource}: {what}").format(resource=change.resource[:60], what=what))


def of_company(fact: Fact, ours: str | None, named: str | None) -> Fact:
    """The fact itself, or its husk when it names another salon than ours."""
    if not (ours and named and ours != named):
        return fact
    return fact.of_another(
        N_("it belongs to salon {named}, this connection is {ours}").format(named=named[:60], ours=ours)
    )


def _appointment(change: Change, codes: list[int], final: frozenset[int], unseen: bool) -> EventType:
    if change.deleted:
        return EventType.APPOINTMENT_CANCELLED
    if any(code in final for code in codes):
        return EventType.APPOINTMENT_COMPLETED
    type_ = ATTENDANCE.get(codes[0], EventType.APPOINTMENT_CHANGED) if codes else EventType.APPOINTMENT_CHANGED
    if type_ is EventType.APPOINTMENT_COMPLETED:
        return EventType.APPOINTMENT_CHANGED  # came, and this connection counts other codes as the end
    waits = type_ is EventType.APPOINTMENT_CHANGED
    return EventType.APPOINTMENT_BOOKED if waits and (unseen or _just_made(change)) else type_


def _just_made(change: Change) -> bool:
    made, changed = moment(change.data.get("create_date")), moment(change.data.get("last_change_date"))
    if made is None or changed is None:
        return change.status == "create"
    return change.status == "create" or changed - made <= JUST_MADE


def _visit(change: Change, *, tells: bool) -> str | None:
    """A body without a word on the visit's state mustn't count as its newest news."""
    visit = identifier(change.data.get("visit_id"))
    if visit:
        return f"visit:{visit}"
    return f"record:{change.id}" if change.id and tells else None


def _position(change: Change) -> int | None:
    changed = moment(change.data.get("last_change_date"))
    return int(changed.timestamp()) if changed is not None else None


def _contact(change: Change) -> Contact | None:
    """The client; none for a walk-in and for time that is only blocked."""
    return _filled_contact(*change.client())


def _filled_contact(name: str | None, phone: str | None, email: str | None) -> Contact | None:
    return Contact(name=name, phone=phone, email=email) if name or phone or email else None


def _booking(change: Change, codes: list[int]) -> dict[str, JsonValue]:
    data = change.data
    services = list(sections(data.get("services")))
    titles = [title for each in services if (title := text(each.get("title")))]
    costs = [cost for each in services if (cost := number(each.get("cost"))) is not None]
    starts = local(data.get("date")) or local(data.get("datetime"))  # `date` goes before an offset seen wrong
    begins = moment(data.get("datetime")) if starts is None else None
    seconds = whole(data.get("seance_length"))
    return filled(
        {
            "record": change.id,
            "visit": identifier(data.get("visit_id")),
            "attendance": codes[0] if codes else None,
            "starts_at_local": starts.isoformat(sep=" ") if starts else None,
            "starts_at": begins.isoformat() if begins else None,
            "date": f"{starts:%d.%m.%Y}" if starts else None,
            "time": f"{starts:%H:%M}" if starts else None,
            "minutes": seconds // 60 if seconds is not None else None,
            "service": ", ".join(titles)[:300] or None,
            "sum": number(sum(costs)) if costs else None,
            "staff": text(section(data.get("staff")).get("name")),
            "paid": truth(data.get("paid_full")) if "paid_full" in data else None,
            "online": data["online"] if isinstance(data.get("online"), bool) else None,
            "group_event": identifier(data.get("activity_id")),
            "api_id": text(data.get("api_id")),
        }
    )


def _payment(change: Change) -> Fact:
    """Money in or out of a till. What goes out is a refund only where it names a client or his visit."""
    data = change.data
    amount = number(data.get("amount"))
    visits = any(identifier(data.get(name)) for name in ("record_id", "visit_id"))
    if change.deleted or not amount or (amount < 0 and not (visits or section(data.get("client")))):
        return _other(change, _no_payment(change, amount))
    kept = ("record_id", "visit_id", "document_id")
    return Fact(
        type=EventType.PAYMENT_SUCCEEDED if amount > 0 else EventType.PAYMENT_REFUNDED,
        key=_told_once(change),
        subject=f"payment:{change.id}" if change.id else None,
        occurred_at=moment(data.get("date")),
        contact=_contact(change),
        data=filled(
            {
                "sum": abs(amount),
                "expense": text(section(data.get("expense")).get("title")),
                "account": text(section(data.get("account")).get("title")),
                **{name: identifier(data.get(name)) for name in kept},
            }
        ),
    )


def _no_payment(change: Change, amount: float | None) -> str:
    if change.deleted:
        return N_("a finance operation was deleted")
    return N_("a finance operation that doesn't say the amount") if not amount else N_("money out that names no client")


def _goods(change: Change) -> Fact:
    """An operation with goods. A move makes two, of one document: minus from one store, plus to the other."""
    data = change.data
    return Fact(
        type=EventType.STOCK_CHANGED,
        key=_told_once(change),
        subject=f"goods_operation:{change.id}" if change.id else None,
        occurred_at=moment(data.get("last_change_date")) or moment(data.get("create_date")),
        contact=_contact(change),
        data=filled(
            {
                "operation": change.resource.removeprefix("goods_operations_"),
                "good": text(section(data.get("good")).get("title")),
                "good_id": identifier(section(data.get("good")).get("id")),
                "amount": number(data.get("amount")),
                "unit": text(section(data.get("unit")).get("short_title")),
                "sum": number(data.get("cost")),
                "storage": text(section(data.get("storage")).get("title")),
                "document_id": identifier(data.get("document_id")),
                "record_id": identifier(data.get("record_id")),
            }
        ),
    )


def _notice(change: Change) -> Fact:
    return Fact(
        type=NOTICES[change.resource],
        key=_told_once(change),
        occurred_at=moment(change.data.get("last_change_date")),
        data=filled(
            {"resource": change.resource, "status": change.status or None, "title": text(change.data.get("title"))}
        ),
    )


def _other(change: Change, reason: str) -> Fact:
    return Fact(type=EventType.OTHER, key=_told_once(change), ignored=reason)


def _told_once(change: Change) -> tuple[str, ...] | None:
    """The identity of what only a webhook tells. An update without its time may come again and be another."""
    if change.id is None or not (change.stamp or change.status == "create" or change.deleted):
        return None
    return (change.resource, change.id, change.stamp or change.status, "deleted" if change.deleted else "kept")


def _builders() -> Iterable[tuple[str, Callable[[Change], Fact]]]:
    yield "client", client_fact
    yield "finances_operation", _payment
    for operation in GOODS_OPERATIONS:
        yield f"goods_operations_{operation}", _goods
    for resource in NOTICES:
        yield resource, _notice


_BUILDERS = dict(_builders())
