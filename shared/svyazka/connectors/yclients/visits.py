"""Records of the journal as visits: read, listed, and changed at another system's word.

A record that was deleted is shown for some time yet, as `deleted`: that is a visit that was cancelled. One is put back
whole, so that a save of somebody's between our reading and our writing is lost: the two are never further apart than
FRESH.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from typing import NamedTuple

from svyazka.catalogue import N_
from svyazka.connectors.yclients import booking, client
from svyazka.connectors.yclients.cards import is_masked
from svyazka.connectors.yclients.schema import full_name, identifier, moment, number, spelled_once, truth
from svyazka.connectors.yclients.settings import STATUSES, YclientsSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import Fate, Operation, Page, Quiet, Replaces, Written
from svyazka.engine.contracts.capabilities.visits import Visits, price_of
from svyazka.engine.contracts.putting import FRESH, only_read
from svyazka.engine.contracts.untrusted import Section, section, sections, text
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.bookings import Visit, VisitStatus, WallTime, WhyNot
from svyazka.model.commands import Safety
from svyazka.model.errors import LeaseTooShort, MaybeSent, TooLate
from svyazka.model.outcomes import GaveBack, Refused, Succeeded
from svyazka.model.reasons import Reason
from svyazka.model.records import CLEARED, UNREAD, Object, ObjectId, RecordKind, Shown, Wanted

BEFORE, AHEAD = timedelta(days=7), timedelta(days=180)
"""Days of visits that are listed each night."""

WEEK = timedelta(days=7)
PAGES = 100
"""Of a week's records: five thousand visits."""

SENT_BACK = (
    "staff_id", "comment", "seance_length", "attendance", "api_id", "custom_fields", "sms_remain_hours",
    "email_remain_hours", "color", "record_labels", "activity_id",
)  # fmt: skip
"""What a record is put back with as it was read, where it was shown."""

NO_VISIT = Refused(code=WhyNot.NO_VISIT, message=N_("the visit is gone from the calendar"))


class YclientsVisits(Visits[YclientsSettings]):
    """The journal of one salon."""

    updating = Operation(Safety.idempotent(), quiet=Quiet.UNKNOWN, replaces=Replaces.OBJECT)

    # Reading

    async def read_many(self, kind: RecordKind, ids: Sequence[str], call: Call[YclientsSettings]) -> tuple[Object, ...]:
        found = [await client.record(call, id_) for id_ in dict.fromkeys(ids)]
        return tuple(one for body in found if body is not None and (one := object_of(body, call)) is not None)

    async def fate(self, kind: RecordKind, id: str, call: Call[YclientsSettings]) -> Fate:
        return Fate.GONE if await client.record(call, id) is None else Fate.THERE

    async def changed(
        self, kind: RecordKind, since: datetime, after: str | None, call: Call[YclientsSettings]
    ) -> Page | None:
        """The order of the list isn't stated, and a record that is changed while pages are turned may push another over
        the edge of one already read: so a list of several pages is read twice."""
        turn, _, page = (after or "1.1").partition(".")
        found = await client.records(call, since, int(page))
        objects = _objects(found.items, call)
        if not found.is_last(int(page)):
            return Page(objects, f"{turn}.{int(page) + 1}")
        return Page(objects, "2.1" if turn == "1" and int(page) > 1 else None)

    async def page(self, kind: RecordKind, after: str | None, call: Call[YclientsSettings]) -> Page:
        """A week of visits after the other; `Page.next` is the day with which the next one begins."""
        today = WallTime.at(call.now, call.timezone).day
        first = max(_day(after) or date.min, today - BEFORE)
        found: dict[str, Object] = {}
        for page in range(1, PAGES + 1):
            listed = await client.records_between(call, first, first + WEEK - timedelta(days=1), page)
            found |= {one.id: one for one in _objects(listed.items, call)}
            if listed.is_last(page):
                break
        further = first + WEEK
        return Page(tuple(found.values()), further.isoformat() if further <= today + AHEAD else None)

    # Writing

    async def update(
        self, object: Object, changes: Mapping[str, Wanted], call: Call[YclientsSettings]
    ) -> Written | None:
        try:
            body, read_at = await _read_again(call, object.id), call.http.left_at
        except (LeaseTooShort, MaybeSent, VendorFailure) as error:
            return Written(only_read(error))
        now = object_of(body, call) if body is not None else None
        if body is None or now is None:
            return None
        if any(now.shows(name) != object.shows(name) for name in self.writable):
            return Written(GaveBack(code="changed_meanwhile", message=N_("somebody has just changed it")))
        if all(now.shows(name) == value for name, value in changes.items()):
            return Written(Succeeded(external_id=object.id, already=True), now, now.version)
        if truth(body.get("deleted")):
            return Written(NO_VISIT)
        if changes.get("status") == VisitStatus.CANCELLED:
            return await self._cancelled(object, call)
        return await self._put_back(object, body, changes, read_at, call)

    async def _cancelled(self, object: Object, call: Call[YclientsSettings]) -> Written:
        try:
            await client.delete_record(call, object.id)
        except VendorFailure as failure:
            if failure.code != "404":
                return Written(failure.outcome)
        return Written(Succeeded(external_id=object.id))

    async def _put_back(
        self, object: Object, body: Section, changes: Mapping[str, Wanted], read_at: float, call: Call[YclientsSettings]
    ) -> Written | None:
        wanted = changed_record(body, changes, call)
        if isinstance(wanted, Refused):
            return Written(wanted)
        try:
            answer = await client.put_record(call, object.id, wanted, read_at + FRESH)
        except TooLate:
            return Written(GaveBack(code="too_late", message=N_("it was read too long ago to be put back whole")))
        except VendorFailure as failure:
            return None if failure.code == "404" else Written(failure.outcome)
        shown = object_of(answer, call)
        done = Succeeded(external_id=object.id)
        return Written(done, shown, shown.version) if shown is not None and shown.id == object.id else Written(done)


# A record as an object


class Client(NamedTuple):
    """Whose record it is, as it shows him."""

    fields: dict[str, Shown]
    links: frozenset[ObjectId]


def object_of(body: Section, call: Call[YclientsSettings]) -> Object | None:
    """A record; None for another salon's, and for one that names no time."""
    visit, company = booking.visit_of(body, call), identifier(body.get("company_id"))
    if visit is None or company not in (None, str(call.settings.company_id)):
        return None
    person = _client(section(body.get("client")))
    costs = [cost for each in sections(body.get("services")) if (cost := number(each.get("cost"))) is not None]
    fields: dict[str, Shown] = {
        "status": visit.status.value, "starts_at": visit.starts_at.told, "ends_at": _ends(visit),
        "service": visit.title or CLEARED, "staff": visit.staff_name or CLEARED,
        "price": price_of(costs), **person.fields,
    }  # fmt: skip
    changed = body.get("last_change_date")
    return Object(
        kind=RecordKind.VISIT, id=visit.id, fields=fields, links=person.links, version=spelled_once(changed),
        created_at=moment(body.get("create_date")), changed_at=moment(changed), original=body,
    )  # fmt: skip


def _objects(items: Sequence[Section], call: Call[YclientsSettings]) -> tuple[Object, ...]:
    return tuple(one for body in items if (one := object_of(body, call)) is not None)


def _client(person: Section) -> Client:
    phone, email, id_ = text(person.get("phone")), text(person.get("email")), identifier(person.get("id"))
    fields: dict[str, Shown] = {
        "name": full_name(person) or CLEARED, "phone": _set("phone", phone), "email": _set("email", email),
    }  # fmt: skip
    return Client(fields, frozenset({ObjectId(RecordKind.CONTACT, id_)} if id_ is not None else ()))


def _set(name: str, value: str | None) -> Shown:
    """One that this user is shown in part says nothing."""
    return CLEARED if value in (None, "0") else UNREAD if is_masked(name, value) else (str(value),)


def _ends(visit: Visit) -> Shown:
    if visit.minutes is None:
        return CLEARED
    clock = visit.starts_at.clock + timedelta(minutes=visit.minutes)
    return WallTime(clock=clock, zone=visit.starts_at.zone).told


# An object as a record


def changed_record(
    body: Section, changes: Mapping[str, Wanted], call: Call[YclientsSettings]
) -> dict[str, object] | Refused:
    """The record as it was read, with another time or state; or why it can't be put back. Nobody is sent a message."""
    person = section(body.get("client"))
    hidden = [name for name in ("phone", "email") if is_masked(name, person.get(name))]
    if hidden:
        why = N_("this user isn't shown {names}: the card can't be put back whole").format(names=", ".join(hidden))
        return Refused(code="cannot_send_back", message=why, reason=Reason.NO_ACCESS)
    if truth(body.get("is_update_blocked")):
        return Refused(code="blocked", message=N_("YCLIENTS has closed this record to changes"), reason=Reason.CONFLICT)
    services = [
        {name: each[name] for name in ("id", "first_cost", "discount", "cost", "amount") if name in each}
        for each in sections(body.get("services"))
    ]  # fmt: skip
    own = {name: person[name] for name in ("id", "phone", "name", "surname", "patronymic", "email") if name in person}
    wanted: dict[str, object] = {
        **{name: body[name] for name in SENT_BACK if name in body}, "services": services,
        "client": own or None, "datetime": booking_time(body, call), "save_if_busy": False, "send_sms": False,
    }  # fmt: skip
    if wanted.get("custom_fields") == []:
        del wanted["custom_fields"]  # an empty map
    if not wanted.get("activity_id"):
        wanted.pop("activity_id", None)
    starts_at, status = changes.get("starts_at"), changes.get("status")
    if isinstance(starts_at, str):
        wanted["datetime"] = WallTime.heard(starts_at).iso
    if isinstance(status, str):
        wanted["attendance"] = code_of(VisitStatus(status), call.settings)
    return wanted


def booking_time(body: Section, call: Call[YclientsSettings]) -> str | None:
    """When it is, in the spelling that is sent."""
    visit = booking.visit_of(body, call)
    return visit.starts_at.iso if visit is not None else None


def code_of(status: VisitStatus, settings: YclientsSettings) -> int:
    """This salon's code of attendance for a status."""
    name, usual = next((name, code) for name, (code, meant) in STATUSES.items() if meant is status)
    return settings.visit_statuses.get(name, usual)


async def _read_again(call: Call[YclientsSettings], id_: str) -> Section | None:
    """The record as it is now. That nothing came back of this question leaves no doubt."""
    with call.reading():
        return await client.record(call, id_)


def _day(after: str | None) -> date | None:
    try:
        return date.fromisoformat(after) if after is not None else None
    except ValueError:
        return None
