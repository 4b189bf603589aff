"""A site with a calendar and cards behind it, both in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from door.support import SITE, WIDE, Site, happened
from fake_calendar import FakeCalendar
from fake_crm import FakeCrm
from svyazka.engine.contracts.webhook import Answer
from svyazka.model.bookings import Visit, VisitStatus, WallTime
from svyazka.model.events import EventType
from svyazka.model.records import CLEARED, Object, RecordKind
from svyazka.model.tenants import ConnectionSpec, FlowSpec

SOON = "2026-03-20 12:00:00"
BOOKING = FlowSpec(
    id="booking", flow="booking", sources=("web",), via=("salon", "sms"), settings={"text": "Вы записаны: {time}"}
)


class Salon(Site):
    """A site with a calendar and cards behind it."""

    def __init__(self, settings: Mapping[str, Any] | None = None, **more: Any) -> None:
        super().__init__({**WIDE, **SITE, **(settings or {})})
        self.calendar, self.crm = FakeCalendar(), FakeCrm()
        self.manifests |= {"salon": self.calendar.manifest, "crm": self.crm.manifest}
        connections = {name: ConnectionSpec(vendor=name) for name in ("salon", "crm")}
        self.tenant = self.tenant.model_copy(
            update={
                "connections": {**self.tenant.connections, **connections}, "flows": (*self.tenant.flows, BOOKING),
                **more,
            }
        )  # fmt: skip

    def has(self, id_: str, clock: str = SOON, status: VisitStatus = VisitStatus.BOOKED) -> None:
        """A visit stands in the calendar."""
        starts_at = WallTime.read(clock, "Europe/Moscow")
        self.calendar.visits[id_] = Visit(
            id=id_, status=status, starts_at=starts_at, title="Стрижка", staff_name="Ольга"
        )

    def card(self, name: str | None, birthday: str | None, phone: str = "+79991234567") -> None:
        """Somebody's card stands in the CRM."""
        fields = {"name": name or CLEARED, "birthday": birthday or CLEARED, "phone": (phone,)}
        id_ = str(len(self.crm.cards))
        self.crm.cards[id_] = Object(RecordKind.CONTACT, id_, fields, created_at=self.clock.now())

    async def heard(
        self,
        visit: str,
        name: str | None = "Анна Петрова",
        type_: EventType = EventType.APPOINTMENT_BOOKED,
        **more: Any,
    ) -> None:
        """The calendar told of a visit."""
        said = {"starts_at_local": SOON, "service": "Стрижка", "connection": "salon", "visit": visit, **more}
        await self.store.commit([happened(self, type_, f"visit:{visit}", name, **said)])

    async def mine(self, token: str) -> Answer:
        return await self.call("GET", "/ingest/me/visits", x_session=token)

    async def born(self, token: str, when: str) -> Answer:
        return await self.call("POST", "/ingest/session/born", {"born": when}, x_session=token)


async def salon(settings: Mapping[str, Any] | None = None, **more: Any) -> Salon:
    """One that is settled in, with these settings of the site; `more`: of its tenant."""
    made = Salon(settings, **more)
    await made.settle_in()
    return made
