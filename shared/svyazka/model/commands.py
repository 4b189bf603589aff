"""Commands: one thing to be done at a vendor, with the guards that are checked before every attempt."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, time, timedelta
from enum import StrEnum
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import Field, JsonValue, model_validator

from svyazka.model.base import Frozen, Stored, Time
from svyazka.model.bookings import WallTime
from svyazka.model.checks import SettleCheck
from svyazka.model.contacts import Contact
from svyazka.model.deadline import Deadline as Deadline
from svyazka.model.events import EventType
from svyazka.model.paying import CancelPayment, CapturePayment, ChargeSaved, MakeLink, RefundPayment
from svyazka.model.receipts import RegisterReceipt
from svyazka.model.records import Link, Match, RecordKind, Target
from svyazka.model.references import Ref, Result, results_in


class Repeat(StrEnum):
    """What a crash or a silent time-out means for a command (DESIGN 5.5)."""

    IDEMPOTENT = "idempotent"
    """The vendor takes our key, or it is an upsert by our id: repeat."""
    CHECKABLE = "checkable"
    """The vendor can be asked: ask, then repeat or settle."""
    UNSAFE = "unsafe"
    """Neither: the delivery becomes `unknown`, and nothing repeats it unasked."""


ASK_AFTER = timedelta(seconds=60)
"""How long a vendor's list may lag behind what it did, where its connector doesn't say."""


class Safety(Frozen):
    """How safely a command may be repeated, for how long that holds, and how long one try may take."""

    repeat: Repeat
    deadline: Deadline = Deadline.CALL
    key_life: timedelta | None = None
    """How long the vendor remembers our key (idempotent); None: for ever. Past it a repeat would act anew."""
    ask_after: timedelta = ASK_AFTER
    """How long what was done may be missing from what the vendor shows (checkable)."""

    @classmethod
    def idempotent(cls, key_life: timedelta | None = None) -> Safety:
        return cls(repeat=Repeat.IDEMPOTENT, key_life=key_life)

    @classmethod
    def checkable(cls, ask_after: timedelta = ASK_AFTER) -> Safety:
        return cls(repeat=Repeat.CHECKABLE, ask_after=ask_after)

    @classmethod
    def unsafe(cls) -> Safety:
        return cls(repeat=Repeat.UNSAFE)


class Button(Stored):
    """A button under a message. Pressed, it comes back as an event of its messenger's, with `data` in its `button`."""

    text: str
    data: str = ""
    """What it stands for: at most 64 bytes, for no messenger takes more."""
    asks_phone: bool = False
    """Instead: the person gives their own phone, which comes as a message with the contact."""


HIDDEN = "••••••"
"""Stands in a stored text for what is only told to its reader."""


class SendMessage(Stored):
    """One message to one person, through whichever messenger the delivery's connection is."""

    kind: Literal["SendMessage"] = "SendMessage"
    to: Contact
    text: str
    subject: str | None = None
    html: str | None = None
    template: dict[str, JsonValue] | None = None
    """A vendor's approved template (WhatsApp): {"name", "language", "components"}."""
    code: bool = False
    """A one-time code: minutes of life, never sent again when unknown."""
    sealed: str | None = None
    """What belongs where `HIDDEN` stands in the text, with the vault's key: opened as it is sent, and kept nowhere."""
    buttons: tuple[tuple[Button, ...], ...] = ()
    """Rows of them, where the messenger shows any (`Messenger.shows_buttons`)."""


class Forward(Stored):
    """One signed HTTP call to an address of the tenant's."""

    kind: Literal["Forward"] = "Forward"
    type: str
    payload: dict[str, JsonValue]
    occurred_at: Time


class PutRecord(Stored):
    """A thing shall stand in the system once, with these fields: found and brought up to date, or made."""

    kind: Literal["PutRecord"] = "PutRecord"
    record: RecordKind
    ref: Ref | None = None
    """The object itself, where it is known which one."""
    match: Match | None = None
    """What it is told by; a contact's is its `person` where this is left out."""
    person: Contact | None = None
    """Whom it is about. A contact's name, phone, e-mail and chats come from here, and a deal's chats."""
    fields: dict[str, JsonValue] = {}
    """By canonical name; null empties a field, where `overwrite` lets it."""
    links: tuple[Link, ...] = ()
    attach: timedelta | None = None
    """For a deal: an open one of the same contact and pipeline that isn't older than this is taken in place of a new
    one."""
    overwrite: Literal["empty", "differs"] = "empty"
    """What may be changed in an object that is there: what is empty, or whatever differs."""
    create: bool = True
    """False: where it isn't there yet, nothing is made."""


class AddNote(Stored):
    """A note on an object's card."""

    kind: Literal["AddNote"] = "AddNote"
    on: Target
    text: str
    person: Contact | None = None


class AddTask(Stored):
    """A task for somebody of the business, on an object's card."""

    kind: Literal["AddTask"] = "AddTask"
    on: Target
    text: str
    due_at: Time
    responsible: str | None = None
    """The system's own id of who shall do it; None: as the connection's settings or the card say."""
    person: Contact | None = None


RecordCommand = PutRecord | AddNote | AddTask


class BookVisit(Stored):
    """One visit to be booked for one person, at a time that was free when they chose it."""

    kind: Literal["BookVisit"] = "BookVisit"
    services: tuple[str, ...] = Field(min_length=1)
    """Ids in the calendar; all in one visit, with one master."""
    staff: str | None = None
    """None: whoever is free."""
    starts_at: WallTime
    person: Contact
    comment: str | None = None
    code: str | None = None
    """What the calendar's own message to the phone said, where it demands that."""


class MoveVisit(Stored):
    """A visit to be put to another time; master and services stay."""

    kind: Literal["MoveVisit"] = "MoveVisit"
    visit: str
    starts_at: WallTime


class CancelVisit(Stored):
    """A visit that is off."""

    kind: Literal["CancelVisit"] = "CancelVisit"
    visit: str


class SendVisitCode(Stored):
    """The calendar's own message with a code to a phone, where its salon has phones confirmed."""

    kind: Literal["SendVisitCode"] = "SendVisitCode"
    person: Contact


class SyncObject(Stored):
    """A record's object at this connection shall agree with its others: read now, compared with what was last agreed,
    and written where it differs. What is to be written stands nowhere before."""

    kind: Literal["SyncObject"] = "SyncObject"
    record: str
    of: RecordKind


VisitCommand = BookVisit | MoveVisit | CancelVisit | SendVisitCode

Command = Annotated[
    SendMessage
    | Forward
    | PutRecord
    | AddNote
    | AddTask
    | BookVisit
    | MoveVisit
    | CancelVisit
    | SendVisitCode
    | SyncObject
    | MakeLink
    | ChargeSaved
    | CapturePayment
    | CancelPayment
    | RefundPayment
    | SettleCheck
    | RegisterReceipt,
    Field(discriminator="kind"),
]


def person_of(command: Command) -> Contact | None:
    """Whom a command is about, where it is about a person."""
    match command:
        case SendMessage():
            return command.to
        case PutRecord() | AddNote() | AddTask() | BookVisit() | SendVisitCode():
            return command.person
        case MakeLink() | ChargeSaved() | CapturePayment() | RefundPayment() | RegisterReceipt():
            return command.person
    return None


class QuietHours(Stored):
    """`21:00-10:00` in a zone: nothing is done between these, it waits for the end."""

    zone: str
    start: time
    end: time

    def opens_at(self, now: datetime) -> datetime | None:
        """When the quiet hours that hold at `now` end, or None when they don't hold."""
        if not self._hold_at(now):
            return None
        zone = ZoneInfo(self.zone)
        today = now.astimezone(zone).date()
        for days in range(3):
            for fold in (0, 1):  # where clocks go back, the end comes twice: the first one to come counts
                end = datetime.combine(today + timedelta(days=days), self.end.replace(fold=fold), zone)
                opens = end.astimezone(UTC)
                if opens > now and not self._hold_at(opens):
                    return opens.astimezone(now.tzinfo)
        raise AssertionError("quiet hours end every day")

    def _hold_at(self, moment: datetime) -> bool:
        clock = moment.astimezone(ZoneInfo(self.zone)).time()
        if self.start <= self.end:
            return self.start <= clock < self.end
        return clock >= self.start or clock < self.end


class OncePer(Stored):
    """At most one success per `key` in `period`: a person across all sources, usually."""

    key: str
    period: timedelta


class StillTrue(Stored):
    """The newest journaled event of the subject must still be one of `types`."""

    subject: str
    types: tuple[EventType, ...]


class Guards(Stored):
    """Conditions on a command, as data; the engine checks them in this order before every attempt."""

    not_before: Time | None = None
    expires_at: Time | None = None
    quiet_hours: QuietHours | None = None
    opt_out: bool = False
    """Ask the do-not-contact list about the person whom the command addresses."""
    once_per: OncePer | None = None
    still_true: StillTrue | None = None


_NONE = Guards()


class Step(Stored):
    """A command on its way through one connection: one of a flow's plan, or one of its fallbacks."""

    name: str
    """`review/sms`: part of the delivery's identity, so never an index."""
    connection: str
    vendor: str
    command: Command
    repeat: Repeat
    key_life: timedelta | None = None
    ask_after: timedelta = ASK_AFTER
    needs_receipt: bool = False
    """That its vendor took it proves little: without a receipt of delivery in time the next channel tries."""

    @classmethod
    def through(
        cls, name: str, connection: str, vendor: str, command: Command, safety: Safety, needs_receipt: bool = False
    ) -> Step:
        """A command through a connection, as safely as its vendor makes it."""
        return cls(
            name=name, connection=connection, vendor=vendor, command=command, repeat=safety.repeat,
            key_life=safety.key_life, ask_after=safety.ask_after, needs_receipt=needs_receipt,
        )  # fmt: skip


class OnFailed(StrEnum):
    """What a stage's failure means for those that go after it."""

    STOP = "stop"
    """They are skipped."""
    GO_ON = "go_on"
    """They are carried out all the same, unless they need what it was to make."""


class Stage(Frozen):
    """One thing of a plan to be done: a step, with the channels that try in its place."""

    step: Step
    fallbacks: tuple[Step, ...] = ()
    fallback_after: timedelta | None = None
    """Counted from when its turn comes."""
    guards: Guards = Guards()
    """Its own; when it is too late is said for the whole plan."""
    until: Time | None = None
    """When this one is too late, where that is before the whole plan's end: what follows from that has time left."""
    lane: str | None = None
    """What shares it goes one after the other, in the order of planning."""
    person: Contact | None = None
    """A person's own lane at its connection, in place of `lane`: whatever flow wants something of this person's card
    there waits for the one before it."""
    supersedes: bool = False
    """A newer command of the same lane and kind cancels an older waiting one."""
    after: tuple[str, ...] | None = None
    """Names of the steps that go before it. None: the stage before it in the plan; (): none. Those to whose results its
    commands refer go before it in any case."""
    on_failed: OnFailed = OnFailed.STOP
    if_failed: timedelta | None = None
    """Only for where what goes before it fails, or isn't managed in time, later than so long after it was planned:
    before that whoever waits for it has seen it. None: for where that succeeds."""

    @property
    def steps(self) -> tuple[Step, ...]:
        return (self.step, *self.fallbacks)

    def result(self, made: str | None = None, needed: bool = True) -> Result:
        """A reference to what this stage will have made."""
        return Result(step=self.step.name, made=made, needed=needed)


STAGES_MOST = 10
"""What follows from a stage's end is written with it: one commit takes 25 documents, and an outcome brings its own."""


class Plan(Frozen):
    """What a flow wants done for one subject: one thing, or several in an order, where later ones may use what earlier
    ones made. Not a workflow: the order is known from the start, and nothing is decided on the way."""

    subject: str
    stages: tuple[Stage, ...]
    expires_at: Time | None = None
    """When all of it is too late."""

    @classmethod
    def of(
        cls, subject: str, steps: Sequence[Step], guards: Guards = _NONE, fallback_after: timedelta | None = None,
        lane: str | None = None, supersedes: bool = False,
    ) -> Plan:  # fmt: skip
        """One thing, by the first of these channels that manages."""
        step, *rest = steps
        stage = Stage(
            step=step, fallbacks=tuple(rest), fallback_after=fallback_after, guards=guards, lane=lane,
            supersedes=supersedes,
        )  # fmt: skip
        return cls(subject=subject, stages=(stage,), expires_at=guards.expires_at)

    def before(self, stage: Stage) -> tuple[str, ...]:
        """Names of the steps that go before a stage, in the plan's order."""
        place = self.stages.index(stage)
        if place == 0:
            return ()
        previous = (self.stages[place - 1].step.name,)
        named = {*(previous if stage.after is None else stage.after)}
        named.update(result.step for step in stage.steps for result in results_in(step.command))
        return tuple(one.step.name for one in self.stages[:place] if one.step.name in named)

    @model_validator(mode="after")
    def _in_order(self) -> Plan:
        if not 1 <= len(self.stages) <= STAGES_MOST:
            raise ValueError(f"expected 1 to {STAGES_MOST} stages, got {len(self.stages)}")
        earlier: dict[str, Stage] = {}
        for stage in self.stages:
            name = stage.step.name
            if name in earlier:
                raise ValueError(f"expected stages of different names, got {name} twice")
            results = {result.step for step in stage.steps for result in results_in(step.command)}
            for other in {*(stage.after or ()), *results}:
                if other not in earlier:
                    raise ValueError(f"{name} goes after {other}, which is no earlier stage of this plan")
            for other in results:
                if len({step.connection for step in earlier[other].steps}) > 1:
                    raise ValueError(
                        f"{name} refers to what {other} makes, whose channels are several connections: an id means "
                        "something within its connection only"
                    )
            earlier[name] = stage
        return self
