"""DIKIDI, as the tests know it: a calendar that is booked in by its widget, and calls nobody."""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

from connectors.support import NOW
from simulators.dikidi import Dikidi
from simulators.dikidi.office import LOGIN, PASSWORD
from simulators.dikidi.simulator import CODE
from simulators.serve import Running
from svyazka.connectors.dikidi import client
from svyazka.engine.contracts.failures import Case
from svyazka.model.bookings import VisitStatus
from svyazka.model.events import EventType, Fact
from vendors.parts.asking import Asked, Question
from vendors.parts.base import UNHURRIED
from vendors.parts.calendars import Calendar, Journal, There
from vendors.parts.vendor import Vendor


def _begin(running: Running, now: datetime = NOW) -> None:
    """Its clock is the tests' own: a time that has passed isn't free."""
    running.of("dikidi").ahead = now.timestamp() - time.time()


def _offer(running: Running, zone: str, hours: Mapping[str, Sequence[str]]) -> None:
    salon = running.of("dikidi").salon
    salon.zone, salon.hours = zone, {day: list(times) for day, times in hours.items()}


def _visits(running: Running) -> list[There]:
    stand_in: Dikidi = running.of("dikidi")
    return [
        There(one.id, one.starts, one.master, one.client["comments"])
        for one in stand_in.salon.bookings.values()
        if not one.is_hold and one.status != "4"
    ]


def _empty(running: Running) -> None:
    salon = running.of("dikidi").salon
    salon.services, salon.masters = {}, {}


def _wants_code(running: Running) -> None:
    running.of("dikidi").sms = True


def _says(case: Case) -> Iterable[tuple[int, object]]:
    """A case of the failure map in the forms in which DIKIDI writes errors. A page in place of an answer isn't one."""
    if case.code is not None:
        yield 200, {"error": case.code, "message": "Ошибка"}
        yield 400, {"error": {"code": case.code, "message": "Ошибка"}}
    elif case.phrase:
        yield 200, {"error": 1, "message": f"Ошибка: {case.phrase}"}
        yield 200, {"error": case.phrase}
    elif case.status == 429:
        yield 429, {}


def _of_a_read(case: Case) -> Iterable[tuple[int, object]]:
    """A read's pages too: whatever they are, nothing was done."""
    yield from _says(case)
    if case.status in (404, 405):
        yield case.status, "<html>Страница не найдена</html>"
    elif case.status is not None and case.status >= 500:
        yield case.status, {}


def _booked(running: Running, now: datetime) -> Sequence[Fact]:
    """Somebody books by telephone: only the journal shows it."""
    salon = running.of("dikidi").salon
    at = (now + timedelta(days=2)).replace(tzinfo=None, hour=12, minute=0, second=0, microsecond=0)
    visit = salon.take("555", ["2001"], at)
    booked = EventType.APPOINTMENT_BOOKED
    return [Fact(type=booked, key=("visit", visit.id, "1"), subject=f"visit:{visit.id}", position=1)]


def _book(running: Running, at: datetime, phone: str) -> str:
    visit = running.of("dikidi").salon.take("555", ["2001"], at)
    visit.client = {**visit.client, "name": "Анна Петрова", "phone": phone}
    return str(visit.id)


def _moved(running: Running, id_: str, at: datetime) -> None:
    running.of("dikidi").salon.bookings[id_].starts = at


def _stands(running: Running, id_: str, **fields: str) -> None:
    for name, value in fields.items():
        setattr(running.of("dikidi").salon.bookings[id_], name, value)


def _lost(running: Running, id_: str) -> None:
    running.of("dikidi").office.lost.add(id_)


JOURNAL = Journal(
    "dikidi",
    {"company": 4242, "unofficial": True, **UNHURRIED},
    {"login": LOGIN, "password": PASSWORD},
    begin=_begin, book=_book, move=_moved, drop=_lost, first=VisitStatus.CONFIRMED, writes=lambda running: 0,
    says={
        VisitStatus.MISSED: partial(_stands, came="2"), VisitStatus.COMPLETED: partial(_stands, came="1"),
        VisitStatus.CANCELLED: partial(_stands, status="5"),
    },
)  # fmt: skip


VENDOR = Vendor(
    name="dikidi",
    journal=JOURNAL,
    asked=Asked(
        "dikidi", {"company": 4242, "unofficial": True}, {"login": LOGIN, "password": PASSWORD},
        questions=(
            Question(
                path="*/company_services/", ask=client.services, says=_of_a_read, bodiless=frozenset({404, 405}),
                drifts=True,
            ),
        ),
        begin=_begin, lacking={"company": None}, wrong={"company": "777"}, happens=_booked, polling="*/journal/api/",
        told_once=True,
    ),
    calendar=Calendar(
        "dikidi",
        {"company": 4242, "unofficial": True, **UNHURRIED},
        service="2001", staff="555", other_staff="556", begin=_begin, offer=_offer, visits=_visits, empty=_empty,
        booking="*/newrecord/record/", moving="", cancelling="*/remove_record/", reading="*/get_datetimes/", says=_says,
        sees_only_its_own=True, own_pages=frozenset({404, 405}), wants_code=_wants_code, code=CODE,
    ),
)  # fmt: skip
