"""Calendar: what can be booked, when, and visits. Commands: `BookVisit`, `MoveVisit`, `CancelVisit`, `SendVisitCode`.

Whether a time is free is decided by the calendar alone, in its answer to `book` and `move`: whatever we have read or
kept is older. Two who book one time are told apart by that answer only.

Business answers (the time is taken, a code is wanted, ...) are `Refused` with a code of `WhyNot`: give the rows of the
failure map these codes.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

if TYPE_CHECKING:
    from svyazka.engine.contracts.calls import Call
    from svyazka.model.bookings import Service, Slot, Staff, Visit
    from svyazka.model.commands import BookVisit, MoveVisit, Safety, SendVisitCode, VisitCommand
    from svyazka.model.outcomes import Outcome
    from svyazka.model.tenants import ConnectionSettings

SettingsT = TypeVar("SettingsT", bound="ConnectionSettings")


class Calendar(Protocol[SettingsT]):
    """One vendor's calendar. Stateless. Reads raise VendorFailure, NotSent, MaybeSent; of commands NotSent and
    MaybeSent may pass through."""

    moves: ClassVar[bool] = True
    """Whether a visit can be put to another time at all; else `move` is refused with a remedy."""

    def ready(self, settings: SettingsT) -> bool:
        """Whether the credentials for asking and booking are there."""
        raise NotImplementedError

    def safety(self, command: VisitCommand) -> Safety:
        """What a crash or a silent time-out in the middle of carrying it out means. Pure."""
        raise NotImplementedError

    # What people ask

    async def services(self, call: Call[SettingsT]) -> Sequence[Service]:
        """What clients may book."""
        raise NotImplementedError

    async def staff(self, service: str | None, call: Call[SettingsT]) -> Sequence[Staff]:
        """Whom clients may choose, for a service or at all."""
        raise NotImplementedError

    async def days(
        self, service: str, staff: str | None, first: date, last: date, call: Call[SettingsT]
    ) -> Sequence[date]:
        """Days from `first` to `last` on which a time is free, in order."""
        raise NotImplementedError

    async def slots(self, service: str, staff: str | None, day: date, call: Call[SettingsT]) -> Sequence[Slot]:
        """Free times of a day, in order."""
        raise NotImplementedError

    async def visit(self, id: str, call: Call[SettingsT]) -> Visit | None:
        """A visit as it is now, a cancelled one too where its vendor still shows it; None when it is gone. `id` is that
        of `book`'s success, and what the `entity` of an appointment's event names."""
        raise NotImplementedError

    # What is done

    async def book(self, command: BookVisit, call: Call[SettingsT]) -> Outcome:
        """Book it: `external_id` of the success is the visit's id. The time is looked up again first, so that the
        vendor gets its own spelling of it; after that one write, with `call.generation_mark` where the vendor keeps it.
        """
        raise NotImplementedError

    async def find_booked(self, command: BookVisit, call: Call[SettingsT]) -> Outcome | None:
        """Where `book` is checkable: Succeeded if the calendar has it by our mark, None if it provably hasn't. A
        question that is refused says nothing of the booking."""
        raise NotImplementedError

    async def move(self, command: MoveVisit, visit: str, call: Call[SettingsT]) -> Outcome:
        """Put a visit to another time. Where that is checkable the engine asks by `visit`."""
        raise NotImplementedError

    async def cancel(self, visit: str, call: Call[SettingsT]) -> Outcome:
        """Cancel a visit; one that is cancelled or gone already is Succeeded(already=True)."""
        raise NotImplementedError

    async def send_code(self, command: SendVisitCode, call: Call[SettingsT]) -> Outcome:
        """Let the vendor send its own code to a phone, where the salon has phones confirmed."""
        raise NotImplementedError
