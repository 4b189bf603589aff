"""YCLIENTS, as the tests know it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from matrix.hub import Machine
from simulators.serve import Running
from simulators.yclients.clients import WRITABLE
from simulators.yclients.front import CODE, FORM
from simulators.yclients.salon import CLIENT, COMPANY, as_told
from simulators.yclients.simulator import FLAGS, PARTNER_TOKEN, USER_TOKEN, Yclients
from svyazka.connectors.yclients import client
from svyazka.connectors.yclients.settings import YclientsSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.failures import Case
from svyazka.model.bookings import VisitStatus
from svyazka.model.events import Entity
from svyazka.model.records import RecordKind
from vendors.parts.asking import Asked, Question
from vendors.parts.base import AT_ONCE, NAME, UNHURRIED, Guest, Webhook, json_hook, told
from vendors.parts.calendars import Calendar, Journal, There
from vendors.parts.crms import Crm
from vendors.parts.done import Done, Person, body, sample
from vendors.parts.hooks import Hooks, Source
from vendors.parts.vendor import Vendor

HOOKS = Hooks(
    samples="yclients",
    told={
        "wh-client-create.json": ["contact.created contact:371102091 -> contact 371102091 created"],
        "wh-finances-create.json": ["payment.succeeded payment:1362847671"],
        "wh-finances-update-partial.json": ["payment.succeeded payment:1362842394 (no key) (no time)"],
        "wh-goods-sale-create.json": ["stock.changed goods_operation:1505139618"],
        "wh-marketplace-uninstall.json": ["connection.disabled (no key) (no time)"],
        "wh-record-create-online.json": ["appointment.booked visit:1401234600 -> visit 1561930001 created"],
        "wh-record-create.json": ["appointment.booked visit:1401234567 -> visit 1561921428 created"],
        "wh-record-delete.json": [
            "appointment.cancelled record:1561921428 (in part) (no key) (no time) -> visit 1561921428 deleted"
        ],
        "wh-record-update-came.json": ["appointment.completed visit:1401234567 -> visit 1561921428 updated"],
        "wh-record-update-partial.json": [
            "appointment.changed (in part) (no key) (no time) -> visit 1561921428 updated"
        ],
        "wh-seed002-shape.json": [
            "appointment.booked record:1561921999 (in part) (no key) (no time) -> visit 1561921999 created"
        ],
        "wh-service-create.json": ["catalog.changed (no time)"],
        "wh-staff-create.json": ["other (no time): YCLIENTS sent staff: nothing here acts on it"],
    },
    others=("api-*",),
    public=({"company_id": COMPANY}, {}),
    modules=frozenset({"facts"}),
)


def _client_came(running: Running, guest: Guest) -> Webhook:
    salon: Yclients = running.of("yclients")

    def happen() -> dict[str, Any]:
        client = {**CLIENT, "id": 1000 + guest.number, "name": NAME, "phone": guest.phone, "email": guest.email}
        changes = {"attendance": 1, "client": client}
        record, status = salon.salon.put_record(100_000 + guest.number, salon.clock(), changes)
        return salon.event("record", record["id"], status, as_told(record))

    return json_hook(told(running, happen))


def _open(running: Running) -> None:
    salon: Yclients = running.of("yclients")
    salon.a_second = salon.a_minute = AT_ONCE


def _begin(running: Running, now: datetime) -> None:
    salon: Yclients = running.of("yclients")
    salon.clock = lambda: now
    _open(running)


def _visited(running: Running, now: datetime) -> Sequence[Webhook]:
    """A visit took place; another was taken out of the book; a client's card was written."""
    salon: Yclients = running.of("yclients")
    came, status = salon.salon.put_record(700, now, {"attendance": 1, "client": {**CLIENT, "name": NAME}})
    gone, gone_status = salon.salon.put_record(701, now, {"deleted": True})
    card, card_status = salon.salon.put_client(CLIENT["id"], now, {"phone": 79991234567})
    return [
        json_hook(salon.event("record", 700, status, as_told(came))),
        json_hook(salon.event("record", 701, gone_status, as_told(gone))),
        json_hook(salon.event("client", CLIENT["id"], card_status, card)),
    ]


def _says(case: Case) -> Iterator[tuple[int, object]]:
    errors = {"errors": [{"code": case.code}]} if case.code else {}
    yield case.status or 422, {"success": False, "data": None, "meta": {"message": "...", **errors}}
    yield 200 if case.code else case.status or 422, {"success": False, "data": None, "meta": errors}


async def _ask(call: Call[YclientsSettings]) -> object:
    return await client.records(call, call.now, 1)


async def _record(machine: Machine, attendance: int = 1) -> None:
    await machine.tell("yclients", "record", {"id": 1561921428, "changes": {"attendance": attendance}})


def _failed(case: Case) -> Iterable[tuple[int, object]]:
    """A case of the failure map, as YCLIENTS says it."""
    if case.code is not None:
        errors = [{"code": case.code, "message": "Мария, +79991234567", "id": 1}]
        yield 403 if case.code == 434 else 422, {"success": False, "data": None, "meta": {"errors": errors}}
    else:
        yield case.status or 422, {"success": False, "data": None, "meta": {"message": "Ошибка"}}


def _offer(running: Running, zone: str, hours: Mapping[str, Sequence[str]]) -> None:
    front = running.of("yclients").front
    front.zone, front.hours = zone, {day: list(times) for day, times in hours.items()}


def _visits(running: Running) -> list[There]:
    return [
        There(str(each["id"]), datetime.fromisoformat(each["date"]), str(each["staff_id"]), each["api_id"])
        for each in running.of("yclients").salon.records.values()
        if not each["deleted"]
    ]


def _empty(running: Running) -> None:
    front = running.of("yclients").front
    front.services, front.masters = [], []


def _wants_code(running: Running) -> None:
    running.of("yclients").front.phone_confirmation = True


def _hurry(running: Running) -> None:
    running.of("yclients").a_second, running.of("yclients").a_minute = 5, 200


CALENDAR = Calendar(
    "yclients",
    {"company_id": COMPANY},
    {"partner_token": PARTNER_TOKEN, "user_token": USER_TOKEN},
    service="331", staff="16", other_staff="17", begin=_open, offer=_offer, visits=_visits, empty=_empty,
    booking="/api/v1/book_record/*", moving="/api/v1/book_record/*/15619214??", cancelling="/api/v1/user/records/*",
    reading="/api/v1/book_times/*", says=_failed, wants_code=_wants_code, code=CODE, coded={"booking_form": FORM},
)  # fmt: skip

# Its journal


def _recorded(running: Running, id_: str | None, **changes: Any) -> str:
    salon: Yclients = running.of("yclients")
    number = int(id_) if id_ is not None else None
    return str(salon.salon.put_record(number, salon.clock(), changes)[0]["id"])


def _at(at: datetime) -> dict[str, str]:
    return {"date": f"{at:%Y-%m-%d %H:%M:%S}", "datetime": f"{at.isoformat()}+03:00"}


def _book(running: Running, at: datetime, phone: str) -> str:
    person = {**CLIENT, "id": 4001, "name": "Анна", "surname": "Петрова", "phone": phone, "email": ""}
    return _recorded(running, None, client=person, seance_length=3600, **_at(at))


def _move(running: Running, id_: str, at: datetime) -> None:
    _recorded(running, id_, **_at(at))


def _stands(running: Running, id_: str, **changes: Any) -> None:
    _recorded(running, id_, **changes)


def _drop(running: Running, id_: str) -> None:
    del running.of("yclients").salon.records[int(id_)]


JOURNAL = Journal(
    "yclients",
    {"company_id": COMPANY, **UNHURRIED},
    {"partner_token": PARTNER_TOKEN, "user_token": USER_TOKEN},
    begin=lambda running, now: _open(running), book=_book, move=_move, drop=_drop,
    says={
        VisitStatus.CONFIRMED: partial(_stands, attendance=2), VisitStatus.MISSED: partial(_stands, attendance=-1),
        VisitStatus.COMPLETED: partial(_stands, attendance=1), VisitStatus.BOOKED: partial(_stands, attendance=0),
        VisitStatus.CANCELLED: partial(_stands, deleted=True),
    },
    writes=lambda running: sum(
        one["kind"] in ("put record", "cancelled") for one in running.of("yclients").effects
    ),
)  # fmt: skip

# What it keeps

CLIENTS = f"/api/v1/clients/{COMPANY}"


def _open_crm(running: Running) -> None:
    _open(running)


def _person_card(running: Running, given: Mapping[str, Any]) -> str:
    phone, email = (next(iter(given[name]), "") for name in ("phones", "emails"))
    card = {**WRITABLE, "name": given["name"], "phone": phone, "email": email, "comment": given.get("comment") or ""}
    return str(_put(running, None, card))


def _put(running: Running, id_: int | None, changes: Mapping[str, Any]) -> int:
    """Somebody makes or saves a card, of which YCLIENTS tells."""
    salon: Yclients = running.of("yclients")

    def put() -> int:
        card, status = salon.salon.put_client(id_, salon.clock(), dict(changes))
        salon.in_background(salon.tell(salon.event("client", card["id"], status, as_told(card))))
        return int(card["id"])

    return told(running, put)


WRITES = {"client_created": "create contact", "client_updated": "update contact"}


def _written(running: Running) -> Counter[str]:
    effects = running.of("yclients").effects
    return Counter(WRITES[one["kind"]] for one in effects if one["kind"] in WRITES)


def _removed(running: Running, kind: RecordKind, id_: str) -> None:
    salon: Yclients = running.of("yclients")
    told(running, lambda: salon.in_background(salon.tell(salon.removed(int(id_)))))


def _set(running: Running, **settings: Any) -> None:
    for name, value in settings.items():
        setattr(running.of("yclients"), name, value)


def _theirs(ours: Mapping[str, Any]) -> dict[str, Any]:
    return {**ours, **({"surname": "", "patronymic": ""} if "name" in ours else {})}


def _saved(running: Running, kind: RecordKind, id_: str, ours: Mapping[str, Any]) -> None:
    _put(running, int(id_), _theirs(ours))


def _said_of_clients(case: Case) -> Iterable[tuple[int, object]]:
    if case.code is None:
        yield case.status or 422, {"success": False, "data": None, "meta": {"message": "Ошибка"}}
    else:
        yield 422, {"success": False, "data": None, "meta": {"errors": [{"code": case.code, "message": "..."}]}}


CRM = Crm(
    "yclients",
    {"company_id": COMPANY, **UNHURRIED},
    {"partner_token": PARTNER_TOKEN, "user_token": USER_TOKEN},
    open=_open_crm,
    person=_person_card,
    done=_written,
    lag=lambda running, seconds: _set(running, seen_after=seconds),
    hide=lambda running, kind, name: _set(running, hidden=[name]),
    remove=_removed,
    save=_saved,
    between=lambda running, kind, ours: running.of("yclients").between.append(_theirs(ours)),
    deaf=lambda running, kind, name: _set(running, deaf=[name]),
    cut=lambda running, kind, name, most: _set(running, cuts={name: most}),
    writes={"contact": ("POST", CLIENTS)},
    tell=lambda running, url: _set(running, hooks={**FLAGS, "urls": [url], "client": 1}),
    reads=("POST", f"/api/v1/company/{COMPANY}/clients/search"),
    fields={
        RecordKind.CONTACT: {
            "name": "Анна Петрова", "phone": ("+79991234567",), "email": ("anna@example.test",),
            "birthday": "1990-02-28", "comment": "любит чай",
        },
    },
    optional={RecordKind.CONTACT: "comment"},
    marks=False,
    one_of_a_phone=True,
    page=200,
    says=_said_of_clients,
)  # fmt: skip

BRIEF = {"resource": {"visit_attendance": 1, "deleted": False, "client": {"phone": "+79991234567"}}}
SHOWN = {
    "resource": {
        "id": 12345, "company_id": 4564, "visit_attendance": 1, "deleted": False,
        "client": {"id": 789, "name": "Иван Петров", "phone": "+79991234567"},
        "services": [{"id": 1, "title": "Стрижка", "cost": 1500}], "staff": {"id": 9, "name": "Мастер Анна"},
        "datetime": 1547622000,
    },
    "webhook_type": "record_changed",
}  # fmt: skip
COMMON = {
    "now": "2026-10-05T16:02:45+00:00", "done": sample("yclients/wh-record-update-came.json"),
    "person": Person("Мария", "maria@example.test"), "brief": BRIEF,
}  # fmt: skip

VENDOR = Vendor(
    name="yclients",
    hooks=HOOKS,
    calendar=CALENDAR,
    journal=JOURNAL,
    crm=CRM,
    hurry=_hurry,
    source=Source(
        "yclients",
        {"company_id": COMPANY, **UNHURRIED},
        {"partner_token": PARTNER_TOKEN, "user_token": USER_TOKEN},
        webhook=_client_came,
        tells=frozenset({"phone", "email"}),
        begin=_open,
    ),
    asked=Asked(
        "yclients", {"company_id": COMPANY}, {"partner_token": PARTNER_TOKEN, "user_token": USER_TOKEN},
        entity=Entity(kind="record", id="7"),
        questions=(Question(path="/api/v1/records/*", ask=_ask, says=_says),),
        begin=_begin,
        happens=_visited,
        made_is_changed=True,
        polling="/api/v1/records/*",
    ),
    done=(
        Done(
            "yclients", **COMMON, name="yclients",
            not_done={
                "booked": sample("yclients/wh-record-create.json"),
                **{
                    f"brief-{name}": body({"resource": {**BRIEF["resource"], **change}})
                    for name, change in (
                        ("waiting", {"visit_attendance": 0}), ("confirmed", {"visit_attendance": 2}),
                        ("missed", {"visit_attendance": -1}), ("deleted", {"deleted": True}),
                    )
                },
            },
            shown={"documented": (body(SHOWN), Person("Иван"))},
        ),
        Done(
            "yclients", {"company_id": COMPANY},
            {"partner_token": "partner-token-for-tests", "user_token": "user-token-for-tests"}, **COMMON,
            name="yclients+api", put=_record, unsaid=partial(_record, attendance=-1),
        ),
    ),
)  # fmt: skip
