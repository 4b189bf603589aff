"""Free times; visits booked, moved, cancelled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from svyazka.connectors.pingo.settings import PingoSettings

from svyazka.catalogue import N_
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.calendar import Calendar
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.bookings import Service, Slot, Staff, Visit
from svyazka.model.commands import BookVisit, MoveVisit, Safety, SendVisitCode, VisitCommand
from svyazka.model.outcomes import Outcome, Refused, Unclear

NOT_WRITTEN = Refused(code="not_written", message=N_("booking at Pingo isn't written yet"))


class PingoCalendar(Calendar[PingoSettings]):
    """Pingo."""

    def ready(self, settings: PingoSettings) -> bool:
        return settings.api_key is not None  # [keyed]
        return settings.api_key is not None or settings.client_secret is not None  # [access]

    def safety(self, command: VisitCommand) -> Safety:
        """Whether a visit of ours is found again by our mark; a code that came twice is only a nuisance."""
        return Safety.unsafe() if isinstance(command, SendVisitCode) else Safety.checkable()

    async def services(self, call: Call[PingoSettings]) -> Sequence[Service]:
        raise _not_written()

    async def staff(self, service: str | None, call: Call[PingoSettings]) -> Sequence[Staff]:
        raise _not_written()

    async def days(
        self, service: str, staff: str | None, first: date, last: date, call: Call[PingoSettings]
    ) -> Sequence[date]:
        raise _not_written()

    async def slots(self, service: str, staff: str | None, day: date, call: Call[PingoSettings]) -> Sequence[Slot]:
        raise _not_written()

    async def visit(self, id: str, call: Call[PingoSettings]) -> Visit | None:
        raise _not_written()

    async def book(self, command: BookVisit, call: Call[PingoSettings]) -> Outcome:
        return NOT_WRITTEN

    async def find_booked(self, command: BookVisit, call: Call[PingoSettings]) -> Outcome | None:
        raise _not_written()

    async def move(self, command: MoveVisit, visit: str, call: Call[PingoSettings]) -> Outcome:
        return NOT_WRITTEN

    async def cancel(self, visit: str, call: Call[PingoSettings]) -> Outcome:
        return NOT_WRITTEN

    async def send_code(self, command: SendVisitCode, call: Call[PingoSettings]) -> Outcome:
        return NOT_WRITTEN


def _not_written() -> VendorFailure:
    return VendorFailure(Unclear(code="not_written", message=N_("asking Pingo for free times isn't written yet")))
