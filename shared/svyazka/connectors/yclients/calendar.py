"""YCLIENTS' calendar: clients' own calls book, the salon's journal tells what became of it.

What is needed to book is the developer's token alone. The user's token adds what only the journal shows: whether a
booking whose answer was lost is there (by `api_id`, our mark), and visits whose secret we don't have. The secret
(`record_hash`) is told once, in the answer to a booking; it is kept sealed until the visit is over.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Any

from svyazka.catalogue import N_
from svyazka.connectors.yclients import booking, client
from svyazka.connectors.yclients.schema import identifier
from svyazka.connectors.yclients.settings import YclientsSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.calendar import Calendar
from svyazka.engine.contracts.untrusted import text
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.bookings import Service, Slot, Staff, Visit, WallTime, WhyNot
from svyazka.model.commands import BookVisit, CancelVisit, MoveVisit, Safety, SendVisitCode, VisitCommand
from svyazka.model.contacts import normalize_email, normalize_phone
from svyazka.model.outcomes import Outcome, Refused, Succeeded, Unknown

KEPT_AFTER = timedelta(days=2)
"""A visit's secret is kept so long past its time."""

PAGES = 20
"""Of one day's records: a thousand visits."""

COMMENT_LIMIT = 500


class YclientsCalendar(Calendar[YclientsSettings]):
    """One salon."""

    def ready(self, settings: YclientsSettings) -> bool:
        return settings.can_book()

    def safety(self, command: VisitCommand) -> Safety:
        """A booking can be found by our mark, a moved visit seen; to cancel what is gone is a success; a code that may
        have been sent isn't sent again."""
        match command:
            case BookVisit() | MoveVisit():
                return Safety.checkable()
            case CancelVisit():
                return Safety.idempotent()
        return Safety.unsafe()

    async def services(self, call: Call[YclientsSettings]) -> Sequence[Service]:
        return await booking.services(call)

    async def staff(self, service: str | None, call: Call[YclientsSettings]) -> Sequence[Staff]:
        return await booking.staff(call, service)

    async def days(
        self, service: str, staff: str | None, first: date, last: date, call: Call[YclientsSettings]
    ) -> Sequence[date]:
        return await booking.days(call, service, staff, first, last)

    async def slots(self, service: str, staff: str | None, day: date, call: Call[YclientsSettings]) -> Sequence[Slot]:
        return [slot for slot, _ in await booking.times(call, [service], staff, day)]

    async def visit(self, id: str, call: Call[YclientsSettings]) -> Visit | None:
        """By its secret, else in the journal."""
        secret = await call.kept(_secret(id))
        if secret is None and not call.settings.can_ask():
            raise VendorFailure(NOT_OURS)
        try:
            found = await (booking.own_record(call, id, secret) if secret else client.record(call, id))
        except VendorFailure as error:
            if error.code == "404":
                return None
            raise
        return booking.visit_of(found, call) if found else None

    async def book(self, command: BookVisit, call: Call[YclientsSettings]) -> Outcome:
        """As a client at the salon's own form: by the salon's rules, its answer decides."""
        phone, name = _phone(command.person.phone), (command.person.name or "").strip()
        if phone is None:
            return Refused(code=WhyNot.BAD_PHONE, message=N_("not a phone number"))
        if not name:
            return Refused(code=WhyNot.NO_NAME, message=N_("the client's name is missing"))
        try:
            if command.code is None and await booking.wants_code(call):
                return CODE_NEEDED
            spelled = await _spelled(call, command.services, command.staff, command.starts_at)
            if spelled is None:
                return TAKEN
            wanted: dict[str, Any] = {
                "phone": phone, "fullname": name[:200], "email": normalize_email(command.person.email) or "",
                "comment": (command.comment or "")[:COMMENT_LIMIT], "notify_by_sms": 0, "notify_by_email": 0,
                "api_id": call.generation_mark,
                "appointments": [{
                    "id": 1, "services": [_number(one) for one in command.services],
                    "staff_id": _number(command.staff or booking.ANYBODY), "datetime": spelled,
                }],
            }  # fmt: skip
            if command.code is not None:
                wanted["code"] = command.code.strip()[:20]
            record_id, secret = await booking.make_record(call, wanted)
        except VendorFailure as failure:
            wrong = getattr(failure.outcome, "code", None) == WhyNot.WRONG_CODE
            return CODE_NEEDED if wrong and command.code is None else failure.outcome
        note = None
        if secret is None or not await call.keep(_secret(record_id), secret, _until(command.starts_at, call)):
            note = N_("booked, but its secret isn't kept: it can be cancelled in the salon's journal only")
        return Succeeded(external_id=record_id, message=note)

    async def find_booked(self, command: BookVisit, call: Call[YclientsSettings]) -> Outcome | None:
        """Whether that day's journal has a record with our mark."""
        if not call.settings.can_ask():
            message = N_("whether it was booked shows in the salon's journal only, and user_token isn't set")
            return Unknown(code="cannot_ask", message=message, outage=False)
        for page in range(1, PAGES + 1):
            found = await client.records_of_day(call, command.starts_at.day, command.staff, page)
            for each in found.items:
                id_ = identifier(each.get("id"))
                if id_ and text(each.get("api_id")) == call.generation_mark:
                    return Succeeded(external_id=id_, already=True)
            if found.is_last(page):
                return None
        return Unknown(code="cannot_ask", message=N_("the journal of that day has no end"), outage=False)

    async def move(self, command: MoveVisit, visit: str, call: Call[YclientsSettings]) -> Outcome:
        """To a time that is free for the same services and master. A time that overlaps the visit's own isn't."""
        try:
            present = await self.visit(visit, call)
            if present is None or present.is_off:
                return NO_VISIT
            if present.starts_at == command.starts_at:
                return Succeeded(external_id=visit, already=True)
            spelled = await _spelled(call, present.services, present.staff, command.starts_at)
            if spelled is None:
                return TAKEN
            await booking.move_record(call, visit, spelled)
        except VendorFailure as failure:
            return NO_VISIT if failure.code == "404" else failure.outcome
        return Succeeded(external_id=visit)

    async def cancel(self, visit: str, call: Call[YclientsSettings]) -> Outcome:
        """As the client who booked it, where we have its secret; else in the journal."""
        secret = await call.kept(_secret(visit))
        try:
            if secret is not None:
                await booking.cancel_record(call, visit, secret)
            elif call.settings.can_ask():
                await client.delete_record(call, visit)
            else:
                return NOT_OURS
        except VendorFailure as failure:
            return Succeeded(external_id=visit, already=True) if failure.code == "404" else failure.outcome
        return Succeeded(external_id=visit)

    async def send_code(self, command: SendVisitCode, call: Call[YclientsSettings]) -> Outcome:
        phone = _phone(command.person.phone)
        if phone is None:
            return Refused(code=WhyNot.BAD_PHONE, message=N_("not a phone number"))
        try:
            await booking.send_code(call, phone, (command.person.name or "").strip()[:200])
        except VendorFailure as failure:
            return failure.outcome
        return Succeeded()


TAKEN = Refused(code=WhyNot.TAKEN, message=N_("the time is taken or outside working hours"))
CODE_NEEDED = Refused(code=WhyNot.CODE_NEEDED, message=N_("the salon has phones confirmed by a code from SMS"))
NO_VISIT = Refused(code=WhyNot.NO_VISIT, message=N_("the visit is gone from the calendar"))
NOT_OURS = Refused(
    code=WhyNot.NO_VISIT, message=N_("its secret isn't known, and without user_token the journal is closed to us")
)


async def _spelled(
    call: Call[YclientsSettings], services: Sequence[str], staff: str | None, starts_at: WallTime
) -> object | None:
    """YCLIENTS' own spelling of a time that is free; None when it isn't."""
    free = await booking.times(call, services, staff, starts_at.day)
    return next((spelled for slot, spelled in free if slot.starts_at == starts_at), None)


def _phone(given: str | None) -> str | None:
    """Digits only: of two spellings YCLIENTS would make two clients."""
    found = normalize_phone(given)
    return found.removeprefix("+") if found else None


def _number(id_: str) -> int | str:
    return int(id_) if id_.isdecimal() else id_


def _secret(visit: str) -> str:
    return f"visit.{visit}"


def _until(starts_at: WallTime, call: Call[YclientsSettings]) -> datetime:
    """The end of a secret, in the machine's time: what is kept lives by it."""
    ahead = max(starts_at.moment - call.now, timedelta(0))
    return datetime.now(UTC) + ahead + KEPT_AFTER
