"""Bookings by the public widget, as a visitor of the salon's page makes them.

A booking is three calls (hold, check, record) that end in one write: the time is held under an id, and `record` turns
what the session holds into a booking of the same id. Session and id are written down before, so that a repeat goes on
with them: it can't book twice, for there is nothing held any more. The widget shows nobody our mark; it stands in the
comment, for people.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import date, datetime

from svyazka.catalogue import N_
from svyazka.connectors.dikidi import client, sessions
from svyazka.connectors.dikidi.schema import Booking, minutes_of, prices_of
from svyazka.connectors.dikidi.sessions import Begun
from svyazka.connectors.dikidi.settings import DikidiSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.calendar import Calendar
from svyazka.engine.contracts.untrusted import section, text
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.bookings import Service, Slot, Staff, Visit, VisitStatus, WallTime, WhyNot
from svyazka.model.commands import BookVisit, MoveVisit, Safety, SendVisitCode, VisitCommand
from svyazka.model.contacts import Contact, normalize_phone
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry, Succeeded, Unknown

STATUSES = {
    "0": VisitStatus.BOOKED,
    "1": VisitStatus.BOOKED,
    "2": VisitStatus.COMPLETED,
    "3": VisitStatus.MISSED,
}
"""The journal's words, but 1: there it is "confirmed", and the widget says it of whatever it has just booked. 4 and 5
are cancelled and deleted."""

MASTERS_TRIED = 3
"""Free masters who are asked for one time, where the client has no wish: between look and hold others book too."""

NOBODY_FREE = Refused(code=WhyNot.TAKEN, message=N_("the time is taken"))
NOT_MOVED = Refused(
    code="no_move",
    message=N_("the widget moves no visits"),
    remedy=N_("Запишите клиента на новое время и отмените прежнюю запись; или перенесите её в DIKIDI"),
)
NOT_OURS = Refused(
    code=WhyNot.NO_VISIT,
    message=N_("only the session that booked a visit may see and cancel it, and we have none for this one"),
    remedy=N_("Отмените запись в DIKIDI вручную: её сделали не мы, или слишком давно"),
)
TAKEN_BY_WHOM = Unknown(
    code="taken_after_doubt",
    message=N_(
        "DIKIDI says that the time is taken, perhaps by our own try before, which had no answer: look whether its "
        "journal has the booking; our mark stands in the comment"
    ),
    outage=False,
)


class DikidiCalendar(Calendar[DikidiSettings]):
    """DIKIDI's widget."""

    moves = False

    def ready(self, settings: DikidiSettings) -> bool:
        return settings.company is not None

    def safety(self, command: VisitCommand) -> Safety:
        """A booking can be looked up in its session. A cancellation looks before it acts, and a move calls nobody. A
        second code would make the first one void."""
        match command:
            case BookVisit():
                return Safety.checkable()
            case SendVisitCode():
                return Safety.unsafe()
        return Safety.idempotent()

    # What people ask

    async def services(self, call: Call[DikidiSettings]) -> Sequence[Service]:
        found = []
        for category, told in await client.services(call):
            id_, title = text(told.get("id"), 64), text(told.get("name"), 200)
            if id_ is not None and title is not None:
                least, most = prices_of(told)
                found.append(
                    Service(
                        id=id_, title=title, category=category, price_min=least, price_max=most,
                        minutes=minutes_of(told.get("time")),
                    )
                )  # fmt: skip
        return found

    async def staff(self, service: str | None, call: Call[DikidiSettings]) -> Sequence[Staff]:
        """All masters: the widget doesn't say who offers what, other than by free times."""
        found = (
            (id_, text(told.get("username"), 200), text(told.get("post"), 200))
            for id_, told in (await client.masters(call)).items()
        )
        return [Staff(id=id_, name=name, position=post) for id_, name, post in found if name is not None]

    async def days(
        self, service: str, staff: str | None, first: date, last: date, call: Call[DikidiSettings]
    ) -> Sequence[date]:
        return await client.days(call, service, staff, first, last)

    async def slots(
        self, service: str, staff: str | None, day: date, call: Call[DikidiSettings]
    ) -> Sequence[Slot]:  # fmt: skip
        free, masters = await client.times(call, [service], staff, day)
        found: dict[datetime, Slot] = {}
        for who in free if staff is None else (staff,):
            minutes = minutes_of(section(masters, who).get("time"))
            for at in free.get(who, ()):
                found.setdefault(
                    at, Slot(starts_at=WallTime(clock=at, zone=call.timezone), staff=staff, minutes=minutes)
                )
        return [found[at] for at in sorted(found)]

    async def visit(self, id: str, call: Call[DikidiSettings]) -> Visit | None:
        session = await sessions.of_visit(call, id)
        if session is None:
            raise VendorFailure(NOT_OURS)
        found = await client.info(call, session, id)
        return _visit(found, call) if found is not None and found.status is not None else None

    # What is done

    async def book(self, command: BookVisit, call: Call[DikidiSettings]) -> Outcome:
        person = _person(command.person)
        if isinstance(person, Refused):
            return person
        try:
            return await self._book(command, person, call)
        except VendorFailure as failure:
            return failure.outcome

    async def _book(self, command: BookVisit, person: Mapping[str, str], call: Call[DikidiSettings]) -> Outcome:
        earlier = await sessions.begun(call)
        found = await client.info(call, earlier.session, earlier.record) if earlier and earlier.record else None
        if earlier is not None and found is not None and found.status is not None:
            return await _made(call, found, earlier.session, already=True)
        if earlier is not None and found is not None:
            state = earlier  # the time is held still
        else:
            state = earlier or await _begin(command, person["phone"], call)
            if earlier is not None:
                await _let_go(call, state.session)
            try:
                state = await self._hold(command, state, call)
            except VendorFailure as failure:
                return _doubted(earlier, failure.outcome)
        outcome = await self._record(command, person, state, call)
        if isinstance(outcome, Refused):
            await _let_go(call, state.session)
        if isinstance(outcome, Refused | Blocked | Retry):  # an answer: this try has booked nothing
            await sessions.begin(call, state)
        return _doubted(earlier, outcome)

    async def _hold(self, command: BookVisit, state: Begun, call: Call[DikidiSettings]) -> Begun:
        """The time is held by its session now, and that is written down. Raises VendorFailure."""
        at = command.starts_at.clock
        for master in await _free_masters(command, call):
            try:
                held = await client.hold(call, state.session, command.services, master, at)
            except VendorFailure as failure:
                if failure.code != WhyNot.TAKEN or command.staff is not None:
                    raise
                continue
            return await sessions.begin(call, state.model_copy(update={"record": held}))
        raise VendorFailure(NOBODY_FREE)

    async def _record(
        self, command: BookVisit, person: Mapping[str, str], state: Begun, call: Call[DikidiSettings]
    ) -> Outcome:
        comment = " ".join(filter(None, (command.comment, f"#{call.generation_mark}")))
        code = command.code or ""
        try:
            await client.check(call, state.session, person, comment)
            if code:
                await client.check_code(call, state.session, person["phone"], code)
            await sessions.begin(call, state.model_copy(update={"sent": True}))
            made = await client.record(call, state.session, person, comment, code, _number(call.generation_mark))
        except VendorFailure as failure:
            return failure.outcome
        return await _made(call, made, state.session)

    async def find_booked(self, command: BookVisit, call: Call[DikidiSettings]) -> Outcome | None:
        state = await sessions.begun(call)
        if state is None or state.record is None:
            return None  # nothing was held yet
        try:
            found = await client.info(call, state.session, state.record)
        except VendorFailure as failure:
            return failure.outcome
        if found is None or found.status is None:
            return None
        return await _made(call, found, state.session, already=True)

    async def move(self, command: MoveVisit, visit: str, call: Call[DikidiSettings]) -> Outcome:
        return NOT_MOVED

    async def cancel(self, visit: str, call: Call[DikidiSettings]) -> Outcome:
        """A call that deletes is made only after a look, and after a refusal looked after."""
        try:
            if await self._is_gone(visit, call):
                return Succeeded(external_id=visit, already=True)
            session = await sessions.of_visit(call, visit)
            assert session is not None, "it was there a moment ago"
            await client.remove(call, session, visit)
        except VendorFailure as failure:
            if isinstance(failure.outcome, Refused) and failure.outcome is not NOT_OURS:
                return await self._after_a_refusal(visit, failure.outcome, call)
            return failure.outcome
        return Succeeded(external_id=visit)

    async def _is_gone(self, visit: str, call: Call[DikidiSettings]) -> bool:
        found = await self.visit(visit, call)
        return found is None or found.is_off

    async def _after_a_refusal(self, visit: str, refusal: Refused, call: Call[DikidiSettings]) -> Outcome:
        try:
            gone = await self._is_gone(visit, call)
        except VendorFailure:
            gone = False
        return Succeeded(external_id=visit, already=True) if gone else refusal

    async def send_code(self, command: SendVisitCode, call: Call[DikidiSettings]) -> Outcome:
        person = _person(command.person)
        if isinstance(person, Refused):
            return person
        try:
            session = await client.session(call)
            await client.send_code(call, session, person)
        except VendorFailure as failure:
            return failure.outcome
        await sessions.code_sent(call, person["phone"], session)
        return Succeeded()


async def _begin(command: BookVisit, phone: str, call: Call[DikidiSettings]) -> Begun:
    """A session of this booking's own; with a code, that in which the code was sent."""
    of_code = await sessions.of_code(call, phone) if command.code else None
    return await sessions.begin(call, Begun(session=of_code or await client.session(call)))


async def _free_masters(command: BookVisit, call: Call[DikidiSettings]) -> Sequence[str]:
    """The one who is wished for, or those who are free at that time."""
    if command.staff is not None:
        return [command.staff]
    at = command.starts_at.clock
    free, _ = await client.times(call, command.services, None, at.date())
    return [master for master, times in free.items() if at in times][:MASTERS_TRIED]


async def _let_go(call: Call[DikidiSettings], session: str) -> None:
    """What isn't booked is given back at once; where that fails it goes by itself after a while."""
    with suppress(VendorFailure, NotSent, MaybeSent):
        await client.let_go(call, session)


async def _made(call: Call[DikidiSettings], booking: Booking, session: str, already: bool = False) -> Outcome:
    await sessions.booked(call, booking.id, session, WallTime(clock=booking.starts, zone=call.timezone).moment)
    return Succeeded(external_id=booking.id, already=already)


def _doubted(earlier: Begun | None, outcome: Outcome) -> Outcome:
    """Who has called `record` before without hearing an answer can't take "taken" for a no."""
    taken = isinstance(outcome, Refused) and outcome.code == WhyNot.TAKEN
    return TAKEN_BY_WHOM if taken and earlier is not None and earlier.sent else outcome


def _visit(booking: Booking, call: Call[DikidiSettings]) -> Visit:
    here = WallTime.at(call.now, call.timezone).clock
    off = booking.is_off(here)
    return Visit(
        id=booking.id,
        status=VisitStatus.CANCELLED if off else STATUSES.get(booking.status or "", VisitStatus.BOOKED),
        starts_at=WallTime(clock=booking.starts, zone=call.timezone),
        minutes=booking.minutes,
        services=booking.services,
        title=booking.title,
        staff=booking.master,
        staff_name=booking.master_name,
    )


def _person(contact: Contact) -> Mapping[str, str] | Refused:
    """As the widget's form has a visitor: digits only, a first name and perhaps others."""
    phone = None if contact.proxy else normalize_phone(contact.phone)
    if phone is None:
        return Refused(code=WhyNot.BAD_PHONE, message=N_("DIKIDI books nobody without a phone"))
    first, _, last = " ".join((contact.name or "").split()).partition(" ")
    if not first:
        return Refused(code=WhyNot.NO_NAME, message=N_("DIKIDI books nobody without a name"))
    return {"first_name": first, "last_name": last, "phone": phone.removeprefix("+")}


def _number(mark: str) -> int:
    """`unique_num`: the same at every try, should DIKIDI ever look at it."""
    return int.from_bytes(mark.encode(), "big") % 10**13
