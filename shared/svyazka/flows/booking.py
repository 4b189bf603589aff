"""Books, moves and cancels visits that people ask for on a site or in a bot, and tells them how it went.

Whoever asks waits in front of a page for some seconds and sees the calendar's answer there. The message confirms it in
writing; where the calendar was away and the answer came later, the message is the answer. Where a CRM is among its
connections, whoever asked is a lead there, in the same plan: neither waits for the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta

from pydantic import Field, field_validator

from svyazka.catalogue import N_
from svyazka.engine.contracts.flow import Channel, Decision, Facts, Flow, FlowContext
from svyazka.flows.leads import CARRIES as PUTS
from svyazka.flows.leads import LeadSettings, lane_person, lead_plans, lead_stages
from svyazka.flows.messages import PLACEHOLDERS, TextSettings, after, check_template, composer, message_steps, values_of
from svyazka.model.bookings import WallTime
from svyazka.model.commands import (
    AddNote,
    BookVisit,
    CancelVisit,
    Guards,
    MoveVisit,
    Plan,
    PutRecord,
    SendVisitCode,
    Stage,
    StillTrue,
)
from svyazka.model.contacts import Contact
from svyazka.model.events import Event, EventType
from svyazka.model.records import RecordKind, Target
from svyazka.model.tenants import Duration

SEEN = timedelta(seconds=15)
"""What was refused sooner, whoever asked has seen on the page."""

CODE_LIVES = timedelta(minutes=5)

SERVICES_MOST = 10
ID_LONGEST = 64
TEXT_LONGEST = 500

DEAL = RecordKind.DEAL

BOOKING = "booking"
"""Placeholder: the id of the request, unguessable, by which its link finds it again."""


class BookingSettings(TextSettings):
    """`booking`: `text` confirms a booking; each of the others is sent only where it is written.

    Texts may hold {date}, {time}, {service}, {name}, {business} and {link}.
    """

    placeholders = PLACEHOLDERS | {"link"}

    not_booked: str | None = None
    """Where the calendar said no after the page had promised an answer."""
    moved: str | None = None
    cancelled: str | None = None
    not_done: str | None = None
    """Where a visit couldn't be moved or cancelled, after the page had promised an answer."""
    link: str | None = Field(
        default=None,
        pattern=r"^https://\S*\{booking\}\S*$",
        description=N_("an address such as https://example.org/visit?id={booking}"),
    )
    lead: LeadSettings = LeadSettings(title="Запись: {name|без имени}")
    """What stands in the CRM, where `via` names one."""
    give_up_after: Duration = timedelta(hours=12)
    """So long a calendar that is away is waited for; never past the visit's own time."""

    @field_validator("not_booked", "moved", "cancelled", "not_done")
    @classmethod
    def _known_in_all(cls, value: str | None) -> str | None:
        return check_template(value, cls.placeholders) if value is not None else None


class Booking(Flow[BookingSettings]):
    """One request, one visit: the calendar decides, messages follow."""

    name = "booking"
    carries = ("BookVisit", "SendMessage", PUTS)
    suggested = {
        "text": "{name}, вы записаны: {service}, {date} в {time}. {business}",
        "not_booked": "{name}, записать вас на {date} в {time} не получилось: это время уже занято. {business}",
    }

    def settings_model(self) -> type[BookingSettings]:
        return BookingSettings

    def wants(self, settings: BookingSettings) -> frozenset[EventType]:
        return frozenset(
            {
                EventType.BOOKING_REQUESTED, EventType.BOOKING_MOVE_REQUESTED, EventType.BOOKING_CANCEL_REQUESTED,
                EventType.BOOKING_CODE_REQUESTED,
            }
        )  # fmt: skip

    def plan(self, event: Event, facts: Facts, settings: BookingSettings, context: FlowContext) -> Decision:
        calendar = next((one for one in context.channels if one.carries("BookVisit")), None)
        if calendar is None:
            return Decision(reason=N_("none of its channels has a calendar"))
        asked = _Asked(event, settings, context, calendar)
        match event.type:
            case EventType.BOOKING_MOVE_REQUESTED:
                return asked.move()
            case EventType.BOOKING_CANCEL_REQUESTED:
                return asked.cancel()
            case EventType.BOOKING_CODE_REQUESTED:
                return asked.send_code()
        return asked.book()


class _Asked:
    """One request, and what is made of it."""

    def __init__(self, event: Event, settings: BookingSettings, context: FlowContext, calendar: Channel) -> None:
        self._event, self._settings, self._context, self._calendar = event, settings, context, calendar
        self._contact = event.contact or Contact()

    def book(self) -> Decision:
        """A new visit."""
        services, starts_at = _ids(self._event.data.get("services", self._event.data.get("service"))), self._starts_at()
        if services is None or starts_at is None:
            return Decision(reason=N_("expected `service`, an id of the calendar's, and `starts_at`, a time"))
        if starts_at.moment <= self._event.received_at:
            return Decision(reason=N_("the time is past"))
        command = BookVisit(
            services=services, staff=_id(self._event.data.get("staff")), starts_at=starts_at, person=self._contact,
            comment=_text(self._event.data.get("comment")), code=_text(self._event.data.get("code")),
        )  # fmt: skip
        wanted = (EventType.BOOKING_REQUESTED, EventType.BOOKING_MOVE_REQUESTED)
        book = Stage(
            step=self._calendar.step(self._context.flow, command),
            guards=Guards(still_true=StillTrue(subject=self._event.subject, types=wanted)),
            until=min(starts_at.moment, after(self._event.received_at, self._settings.give_up_after)),
        )
        decided = self._decided(book, starts_at, self._settings.text, self._settings.not_booked)
        return self._with_lead(decided, book, starts_at)

    def move(self) -> Decision:
        """A visit of theirs to another time."""
        visit, starts_at = _id(self._event.data.get("visit")), self._starts_at()
        if visit is None:
            return Decision(reason=N_("there is no visit yet that could be moved"))
        if starts_at is None:
            return Decision(reason=N_("expected `starts_at`, a time"))
        if starts_at.moment <= self._event.received_at:
            return Decision(reason=N_("the time is past"))
        step = self._calendar.step(self._context.flow, MoveVisit(visit=visit, starts_at=starts_at), self._which("move"))
        until = min(starts_at.moment, after(self._event.received_at, self._settings.give_up_after))
        stage = Stage(step=step, lane=f"visit:{visit}", until=until)
        return self._decided(stage, starts_at, self._settings.moved, self._settings.not_done)

    def cancel(self) -> Decision:
        """A visit of theirs that is off; one that is still to be booked is called off by its own guard."""
        visit = _id(self._event.data.get("visit"))
        if visit is None:
            return Decision(reason=N_("nothing is booked yet: what waits is called off"))
        step = self._calendar.step(self._context.flow, CancelVisit(visit=visit), self._which("cancel"))
        until = after(self._event.received_at, self._settings.give_up_after)
        stage = Stage(step=step, lane=f"visit:{visit}", until=until)
        return self._decided(stage, self._starts_at(), self._settings.cancelled, self._settings.not_done)

    def send_code(self) -> Decision:
        """The calendar's own code to their phone: it is of use for minutes, and never sent twice unasked."""
        step = self._calendar.step(self._context.flow, SendVisitCode(person=self._contact), self._which("code"))
        stage = Stage(step=step, until=after(self._event.received_at, CODE_LIVES))
        return Decision([Plan(subject=self._event.subject, stages=(stage,))])

    def _decided(self, stage: Stage, starts_at: WallTime | None, done: str | None, not_done: str | None) -> Decision:
        """The calendar's part, and what is told where it is done and where it isn't."""
        told = self._told("told", done, stage, starts_at, None)
        untold = self._told("not", not_done, stage, starts_at, SEEN)
        stages = (stage, *(one for one in (told, untold) if one is not None))
        return Decision([Plan(subject=self._event.subject, stages=stages)])

    def _with_lead(self, decided: Decision, book: Stage, starts_at: WallTime) -> Decision:
        """Whoever asked is a lead in each CRM: in the first by the same plan, which notes there how it ended."""
        crms = [one for one in self._context.channels if one.carries(PUTS)]
        if not crms:
            return decided
        wish = f"Просит записать: {starts_at.clock:%d.%m.%Y %H:%M}"
        said = "\n".join(
            filter(None, (wish, _text(self._event.data.get("title")), _text(self._event.data.get("comment"))))
        )
        event = self._event.model_copy(update={"data": {**self._event.data, "text": said}})
        lead = lead_stages(crms[0], event, self._settings.lead, self._context)
        deal = next(one for one in lead if isinstance(one.step.command, PutRecord) and one.step.command.record is DEAL)
        on, own = Target(kind=DEAL, to=deal.result()), lane_person(self._contact)

        def note(what: str, text: str, if_failed: timedelta | None = None) -> Stage:
            command = AddNote(on=on, text=text, person=self._contact)
            step = crms[0].step(self._context.flow, command, what)
            return Stage(step=step, person=own, after=(book.step.name,), if_failed=if_failed)

        notes = (
            note("booked", f"Записан: {starts_at.clock:%d.%m.%Y %H:%M}"),
            note("not-booked", f"Не записан на {starts_at.clock:%d.%m.%Y %H:%M}: перезвоните", timedelta()),
        )
        (plan,) = decided.plans
        whole = Plan(subject=plan.subject, stages=(*plan.stages, *lead, *notes))
        context = replace(self._context, channels=crms[1:])
        return Decision([whole, *lead_plans(event, self._settings.lead, context, self._event.subject)])

    def _told(
        self, what: str, text: str | None, of: Stage, starts_at: WallTime | None, if_failed: timedelta | None
    ) -> Stage | None:
        """A message about it, through the first channel that reaches the person; None where nothing is to be told."""
        if text is None:
            return None
        other: dict[str, object] = (
            {} if text == self._settings.text else {"texts": {}, "html": None, "subject": None, "template": None}
        )
        settings = self._settings.model_copy(update={"text": text, **other})
        compose = composer(settings, self._values(starts_at), self._trusted(starts_at), self._contact)
        name = f"{self._context.flow}.{self._which(what)}"
        steps = message_steps(name, self._context.channels, self._contact, compose)
        if not steps:
            return None
        return Stage(
            step=steps[0], fallbacks=steps[1:], guards=Guards(opt_out=True), after=(of.step.name,),
            until=after(of.until or self._event.received_at, self._settings.expires_after),
            fallback_after=settings.fallback_after or settings.expires_after / 2, if_failed=if_failed,
        )  # fmt: skip

    def _values(self, starts_at: WallTime | None) -> Mapping[str, object]:
        """Strangers' words. A service is told by its name, which whoever asked may bring along."""
        return {**values_of(self._event, self._contact), "service": self._event.data.get("title")}

    def _trusted(self, starts_at: WallTime | None) -> Mapping[str, str]:
        booking = _id(self._event.data.get(BOOKING)) or self._event.id
        link = (self._settings.link or "").replace(f"{{{BOOKING}}}", booking)
        clock = starts_at.clock if starts_at else None
        return {
            "business": self._context.tenant_name,
            "link": link,
            "date": f"{clock:%d.%m.%Y}" if clock else "",
            "time": f"{clock:%H:%M}" if clock else "",
        }

    def _which(self, what: str) -> str:
        """A booking is one; it may be moved many times, each a request of its own."""
        if self._event.type is EventType.BOOKING_REQUESTED:
            return what
        return f"{what}-{self._event.id.rpartition('_')[2][:16]}"

    def _starts_at(self) -> WallTime | None:
        given = self._event.data.get("starts_at")
        try:
            return WallTime.read(given, self._calendar.timezone) if isinstance(given, str) else None
        except ValueError:
            return None


def _id(value: object) -> str | None:
    """An id as a form may send it."""
    if isinstance(value, int) and not isinstance(value, bool):
        value = str(value)
    return value if isinstance(value, str) and 0 < len(value) <= ID_LONGEST else None


def _ids(value: object) -> tuple[str, ...] | None:
    found = [_id(each) for each in (value if isinstance(value, list) else [value])]
    known = tuple(each for each in found if each is not None)
    return known if known and len(known) == len(found) <= SERVICES_MOST else None


def _text(value: object) -> str | None:
    return value.strip()[:TEXT_LONGEST] or None if isinstance(value, str) else _id(value)


FLOW = Booking()
