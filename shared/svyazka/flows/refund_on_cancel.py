"""A cancelled order, or a visit that is cancelled in time, gives back what was paid for it, once.

Whose money it is and how much of it is left is decided on the payments' documents: this flow says what is owed. After
the deadline nothing goes back by itself: whoever runs the business gets a card and decides.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import ClassVar

from pydantic import Field, field_validator

from svyazka.catalogue import N_, _
from svyazka.engine.contracts.flow import Decision, Facts, Flow, FlowContext, FlowSettings, Needs
from svyazka.flows.messages import check_template
from svyazka.flows.take_payment import an_amount
from svyazka.model.bookings import WallTime
from svyazka.model.events import Event, EventType
from svyazka.model.giving_back import GiveBack
from svyazka.model.money import Money
from svyazka.model.tenants import Duration, Name

VISIT = EventType.APPOINTMENT_CANCELLED


class RefundOnCancelSettings(FlowSettings):
    """`refund_on_cancel`: from sites and calendars."""

    placeholders: ClassVar[frozenset[str]] = frozenset({"id"})

    paid_at: Name | None = None
    """The site that asked for the payments, where a calendar or a till tells of what is cancelled."""
    order: str | None = None
    """The number under which visits are paid for that weren't booked here; {id} is the visit's own in the calendar."""
    before: Duration = timedelta(hours=24)
    """A visit that is cancelled so long before it begins, or earlier, gives the money back. By the clock at the place:
    a day before ten o'clock is ten o'clock the day before, also where the clocks are changed that night."""
    within: Duration | None = Field(default=None, gt=timedelta())
    """An order gives back what was paid no longer ago than that."""
    percent: int = Field(default=100, ge=1, le=100)
    """How much of what was paid goes back."""
    keep: tuple[Name, ...] = ()
    """Parts that aren't given back, such as `deposit`."""
    refunds_a_day: str | None = "30000.00"
    """How much goes back by itself in a day, in all. Without: nothing, each is a card."""

    @field_validator("order")
    @classmethod
    def _names_the_visit(cls, value: str | None) -> str | None:
        if value is not None and "{id}" not in check_template(value, cls.placeholders):
            raise ValueError(_("expected {id} in it: without that all visits would be one order"))
        return value

    @field_validator("refunds_a_day")
    @classmethod
    def _an_amount(cls, value: str | None) -> str | None:
        return an_amount(value)


class RefundOnCancel(Flow[RefundOnCancelSettings]):
    """However often it is told that something was cancelled, its money goes back once."""

    name = "refund_on_cancel"
    needs_channels = False
    of_payments = True
    acts_on_gone = True
    carries = ()

    def settings_model(self) -> type[RefundOnCancelSettings]:
        return RefundOnCancelSettings

    def wants(self, settings: RefundOnCancelSettings) -> frozenset[EventType]:
        return frozenset({EventType.ORDER_CANCELLED, VISIT})

    def needs(self, event: Event, settings: RefundOnCancelSettings) -> Needs:
        return Needs(reread=True)

    def plan(self, event: Event, facts: Facts, settings: RefundOnCancelSettings, context: FlowContext) -> Decision:
        if event.data.get("by", "server") != "server":
            return Decision(reason=N_("only the business itself cancels what was paid"))
        is_visit = event.type is VISIT
        own = _visit(event) if is_visit else event.data.get("number")
        if not isinstance(own, str) or not own:
            return Decision(reason=N_("it doesn't say what was cancelled"))
        at = min(event.occurred_at or event.received_at, event.received_at)
        order = (settings.order or "").replace("{id}", own) or None if is_visit else own
        begins = _begins(event, context.source_timezone) if is_visit else None
        back = GiveBack(
            connection=settings.paid_at or event.connection, at=at, percent=settings.percent, kept=settings.keep,
            order=order, visit=own if is_visit else None,
            late=is_visit and (begins is None or at > _deadline(begins, settings.before)),
            within=None if is_visit else settings.within, a_day=Money.read(settings.refunds_a_day or "0"),
        )  # fmt: skip
        return Decision(back=back)


def _visit(event: Event) -> str:
    """By which its calendar shows it."""
    return event.entity.id if event.entity is not None else event.subject.partition(":")[2]


def _begins(event: Event, zone: str) -> WallTime | None:
    """When the visit was to begin; None where nobody says."""
    said = event.data.get("starts_at_local") or event.data.get("starts_at")
    try:
        return WallTime.read(said, zone) if isinstance(said, str) else None
    except ValueError:
        return None


def _deadline(begins: WallTime, before: timedelta) -> datetime:
    return begins.model_copy(update={"clock": begins.clock - before}).moment


FLOW = RefundOnCancel()
