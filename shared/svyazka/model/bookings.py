"""Services, masters, free times and visits of a calendar, in our own words."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Literal
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field

from svyazka.model.base import Stored
from svyazka.model.tenants import Zone


def _clock(value: datetime) -> datetime:
    if value.tzinfo is not None:
        raise ValueError("expected a time on the clock of the place, without an offset")
    return value.replace(microsecond=0)


class WallTime(Stored):
    """A time as the clock at a place shows it, and that place's time zone: what was agreed with a client.

    Two are equal when both are. The moment is derived, for rules of zones change while the appointment stays.
    """

    clock: Annotated[datetime, AfterValidator(_clock)]
    zone: Zone

    @classmethod
    def at(cls, moment: datetime, zone: str) -> WallTime:
        """What the clock there shows at a moment."""
        return cls(clock=moment.astimezone(ZoneInfo(zone)).replace(tzinfo=None), zone=zone)

    @classmethod
    def read(cls, text: str, zone: str) -> WallTime:
        """`2026-10-05T12:00` is the clock at the place; with an offset or `Z` it is that moment, as the clock there
        shows it. What `iso` writes is read back as the same. Raises ValueError for anything else."""
        try:
            found = datetime.fromisoformat(text.strip())
            return cls(clock=found, zone=zone) if found.tzinfo is None else cls.at(found, zone)
        except (ValueError, OverflowError):
            raise ValueError(f"expected a time such as 2026-10-05T12:00, got {text[:40]!r}") from None

    @property
    def moment(self) -> datetime:
        """The moment in UTC; of an hour that the clocks show twice, or skip, the earlier of the two that it may be."""
        return min(self._moments())

    @property
    def doubt(self) -> Literal["twice", "never"] | None:
        """Whether the clock there shows it twice on that day, or never."""
        first, second = self._moments()
        if first == second:
            return None
        return "twice" if first < second else "never"

    @property
    def iso(self) -> str:
        """With the offset that holds there then: `2026-10-05T12:00:00+03:00`."""
        if self.doubt == "never":
            return self.clock.isoformat()  # no offset leads to it
        return self.moment.astimezone(ZoneInfo(self.zone)).isoformat(timespec="seconds")

    @property
    def told(self) -> str:
        """Clock and zone in one text, by which two times are compared: `2026-10-05T12:00:00 Europe/Moscow`."""
        return f"{self.clock.isoformat()} {self.zone}"

    @classmethod
    def heard(cls, told: str) -> WallTime:
        """What `told` says. Raises ValueError for anything else."""
        clock, _, zone = told.partition(" ")
        return cls(clock=datetime.fromisoformat(clock), zone=zone)

    @property
    def day(self) -> date:
        """The day at the place."""
        return self.clock.date()

    def _moments(self) -> tuple[datetime, datetime]:
        zone = ZoneInfo(self.zone)
        first, second = (self.clock.replace(tzinfo=zone, fold=fold).astimezone(UTC) for fold in (0, 1))
        return first, second


class Service(Stored):
    """Something that can be booked. Prices are in roubles, from and to."""

    id: str
    title: str
    category: str | None = None
    price_min: Decimal | None = None
    price_max: Decimal | None = None
    minutes: int | None = None
    """How long it takes; None where its vendor says that only for a master."""


class Staff(Stored):
    """A master whom clients may choose."""

    id: str
    name: str
    position: str | None = None


class Slot(Stored):
    """A time that is free, by the calendar's own word when it was asked."""

    starts_at: WallTime
    staff: str | None = None
    """Whose; None: some master's, the calendar doesn't say whose before it is booked."""
    minutes: int | None = None


class VisitStatus(StrEnum):
    """Where a visit stands."""

    BOOKED = "booked"
    CONFIRMED = "confirmed"
    COMPLETED = "completed"
    MISSED = "missed"
    CANCELLED = "cancelled"


class Visit(Stored):
    """An appointment as its calendar shows it now."""

    id: str
    status: VisitStatus
    starts_at: WallTime
    minutes: int | None = None
    services: tuple[str, ...] = ()
    title: str | None = None
    """Of its services, for people."""
    staff: str | None = None
    staff_name: str | None = None
    mark: str | None = None
    """Ours, where we have booked it: see `Call.generation_mark`."""

    @property
    def is_off(self) -> bool:
        """Nobody is expected any more."""
        return self.status is VisitStatus.CANCELLED


class WhyNot(StrEnum):
    """Why a calendar won't: the `code` of a refusal, the same whatever the vendor calls it, for flows and forms."""

    TAKEN = "taken"
    """The time is no longer free, or never was."""
    CODE_NEEDED = "code_needed"
    """The salon has phones confirmed: a code has to be sent by its vendor and given back."""
    WRONG_CODE = "wrong_code"
    BAD_PHONE = "bad_phone"
    NO_NAME = "no_name"
    NOT_WELCOME = "not_welcome"
    """The salon doesn't take this person: say "call us" and no more."""
    NO_SERVICE = "no_service"
    """It isn't offered any more, or not by that master."""
    NO_VISIT = "no_visit"
    """Gone, or none that we may touch."""


Id = Annotated[str, Field(min_length=1, max_length=64)]
"""A vendor's id as strangers may send it."""
