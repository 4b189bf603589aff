"""A calendar in memory: days with times, visits, and answers that get lost."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date

from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.calendar import Calendar
from svyazka.engine.contracts.manifest import Limits, Manifest
from svyazka.model.bookings import Service, Slot, Staff, Visit, VisitStatus, WallTime, WhyNot
from svyazka.model.commands import BookVisit, CancelVisit, MoveVisit, Safety, SendVisitCode, VisitCommand
from svyazka.model.errors import MaybeSent
from svyazka.model.outcomes import Outcome, Refused, Succeeded
from svyazka.model.tenants import ConnectionSettings

DAY = date(2026, 10, 5)
TAKEN = Refused(code=WhyNot.TAKEN, message="taken")


@dataclass
class FakeCalendar(Calendar[ConnectionSettings]):
    """`fails`: what each further call raises. `cut`: writes to come whose answer is lost, `before` it was done or
    `after`. `gate`: what reads wait for."""

    times: dict[date, list[str]] = field(default_factory=lambda: {DAY: ["12:00", "13:00"]})
    visits: dict[str, Visit] = field(default_factory=dict)
    asked: list[tuple[object, ...]] = field(default_factory=list)
    writes: list[str] = field(default_factory=list)
    fails: Callable[[], Exception] | None = None
    cut: deque[str] = field(default_factory=deque)
    gate: asyncio.Event | None = None

    @property
    def manifest(self) -> Manifest[ConnectionSettings]:
        return Manifest(vendor="salon", settings=ConnectionSettings, limits=Limits(1e9, 16), calendar=self)

    def ready(self, settings: ConnectionSettings) -> bool:
        return True

    def safety(self, command: VisitCommand) -> Safety:
        return Safety.idempotent() if isinstance(command, CancelVisit) else Safety.checkable()

    async def services(self, call: Call[ConnectionSettings]) -> Sequence[Service]:
        await self._read(call, "services")
        return [Service(id="331", title="Стрижка")]

    async def staff(self, service: str | None, call: Call[ConnectionSettings]) -> Sequence[Staff]:
        await self._read(call, "staff")
        return [Staff(id="16", name="Анна")]

    async def days(
        self, service: str, staff: str | None, first: date, last: date, call: Call[ConnectionSettings]
    ) -> Sequence[date]:
        await self._read(call, "days")
        return [day for day in sorted(self.times) if first <= day <= last and self._free(day, call.timezone)]

    async def slots(self, service: str, staff: str | None, day: date, call: Call[ConnectionSettings]) -> Sequence[Slot]:
        await self._read(call, "slots", day)
        return [Slot(starts_at=starts_at, staff=staff) for starts_at in self._free(day, call.timezone)]

    async def visit(self, id: str, call: Call[ConnectionSettings]) -> Visit | None:
        await self._read(call, "visit")
        return self.visits.get(id)

    async def book(self, command: BookVisit, call: Call[ConnectionSettings]) -> Outcome:
        def act() -> Outcome:
            if command.starts_at not in self._free(command.starts_at.day, command.starts_at.zone):
                return TAKEN
            id_ = str(len(self.visits) + 1)
            self.visits[id_] = Visit(
                id=id_, status=VisitStatus.BOOKED, starts_at=command.starts_at, mark=call.generation_mark
            )
            self.writes.append(f"book {id_}")
            return Succeeded(external_id=id_)

        return await self._write(call, act)

    async def find_booked(self, command: BookVisit, call: Call[ConnectionSettings]) -> Outcome | None:
        await self._read(call, "mark")
        found = next((one for one in self.visits.values() if one.mark == call.generation_mark), None)
        return Succeeded(external_id=found.id, already=True) if found else None

    async def move(self, command: MoveVisit, visit: str, call: Call[ConnectionSettings]) -> Outcome:
        def act() -> Outcome:
            if command.starts_at not in self._free(command.starts_at.day, command.starts_at.zone):
                return TAKEN
            self.visits[visit] = self.visits[visit].model_copy(update={"starts_at": command.starts_at})
            self.writes.append(f"move {visit}")
            return Succeeded(external_id=visit)

        return await self._write(call, act)

    async def cancel(self, visit: str, call: Call[ConnectionSettings]) -> Outcome:
        def act() -> Outcome:
            already = self.visits[visit].is_off
            self.visits[visit] = self.visits[visit].model_copy(update={"status": VisitStatus.CANCELLED})
            if not already:
                self.writes.append(f"cancel {visit}")
            return Succeeded(external_id=visit, already=already)

        return await self._write(call, act)

    async def send_code(self, command: SendVisitCode, call: Call[ConnectionSettings]) -> Outcome:
        return Succeeded()

    def _free(self, day: date, zone: str) -> list[WallTime]:
        offered = [WallTime.read(f"{day}T{clock}", zone) for clock in self.times.get(day, [])]
        taken = {visit.starts_at.clock for visit in self.visits.values() if not visit.is_off}
        return [one for one in offered if one.clock not in taken]

    async def _read(self, call: Call[ConnectionSettings], *what: object) -> None:
        """One call, at the vendor's rate."""
        turn = call.http._turn
        assert turn is not None
        await turn(1.0)
        self.asked.append(what)
        if self.gate is not None:
            await self.gate.wait()
        if self.fails is not None:
            raise self.fails()

    async def _write(self, call: Call[ConnectionSettings], act: Callable[[], Outcome]) -> Outcome:
        if self.fails is not None:
            raise self.fails()
        lost = self.cut.popleft() if self.cut else None
        if lost == "before":
            raise MaybeSent("reset")
        outcome = act()
        if lost == "after":
            raise MaybeSent("reset")
        return outcome
