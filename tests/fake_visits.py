"""A calendar of visits and a CRM of deals at their ports, as people at both see and change them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from fake_side import FakeSide
from in_step_house import InStep
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import Fate, LinkTo, Operation, Written
from svyazka.engine.contracts.capabilities.visits import NONE_IS_MADE, WRITTEN
from svyazka.engine.contracts.manifest import Limits, Manifest
from svyazka.engine.rules.what_differs import normal_element
from svyazka.model.bookings import VisitStatus, WallTime
from svyazka.model.errors import MaybeSent
from svyazka.model.outcomes import Outcome, Succeeded
from svyazka.model.records import CLEARED, Key, KeyType, Object, ObjectId, RecordKind, Shown, Value, Wanted
from svyazka.model.tenants import ConnectionSettings

CONTACT, DEAL, VISIT = RecordKind.CONTACT, RecordKind.DEAL, RecordKind.VISIT
ZONE = "Europe/Moscow"
ZONES = (
    ZONE, "Asia/Kathmandu", "Europe/Berlin", "America/St_Johns", "America/Santiago", "Australia/Lord_Howe",
    "Asia/Kamchatka", "Pacific/Chatham",
)  # fmt: skip
"""Of places: east and west of Moscow, on quarters of an hour, with clocks that change within a month of `START`:
forward and back, by an hour and by half of one, by night and at midnight."""
STAGES: Mapping[str, tuple[str, ...]] = {
    "booked": ("new", "called"), "confirmed": ("sure",), "completed": ("won",), "cancelled": ("lost", "refused"),
    "missed": ("absent",),
}  # fmt: skip
THEIRS = "call back"
"""A stage that isn't in the table."""


@dataclass
class FakeJournal(FakeSide):
    """A calendar: visits are booked here, and only here."""

    editable: tuple[str, ...] = ("status",)

    kind = VISIT
    kinds = frozenset({VISIT})
    shows_fields = ("status", "starts_at", "ends_at", "service", "staff", "price", "name", "phone", "email")
    writable = WRITTEN
    zone: str = ZONE

    @property
    def manifest(self) -> Manifest[ConnectionSettings]:
        return Manifest(vendor=self.name, settings=ConnectionSettings, limits=Limits(1e9, 64), visits=self)  # type: ignore[arg-type]

    def book(self, hours: int, **shown: Any) -> str:
        """Somebody comes in so many hours."""
        usual = {"status": VisitStatus.BOOKED.value, "service": "Стрижка", "staff": "Ольга", "price": "1300"}
        return self.add(**{**usual, **self.at(hours), **shown})

    def at(self, hours: int) -> dict[str, str]:
        """A visit's times."""
        begins = self.now().replace(minute=0, second=0, microsecond=0) + timedelta(hours=hours)
        return self.by_clock(WallTime.at(begins, self.zone).clock)

    def by_clock(self, clock: datetime) -> dict[str, str]:
        """The same, as somebody wrote it down who looked at no clock: also of an hour that there isn't that day."""
        both = (WallTime(clock=one, zone=self.zone) for one in (clock, clock + timedelta(hours=1)))
        return dict(zip(("starts_at", "ends_at"), (one.told for one in both), strict=True))

    async def find(self, kind: RecordKind, key: Key, call: Call[ConnectionSettings]) -> tuple[Object, ...] | None:
        return None

    async def create(
        self, kind: RecordKind, fields: Mapping[str, Value], links: Sequence[LinkTo], mark: str,
        call: Call[ConnectionSettings],
    ) -> Written:  # fmt: skip
        raise AssertionError(NONE_IS_MADE)

    async def update(
        self, object: Object, changes: Mapping[str, Wanted], call: Call[ConnectionSettings]
    ) -> Written | None:
        assert set(changes) <= WRITTEN, f"a calendar takes no {set(changes) - WRITTEN}"
        begins = changes.get("starts_at")
        ends = self.by_clock(WallTime.heard(begins).clock) if isinstance(begins, str) else {}
        return await super().update(object, {**ends, **changes}, call)


@dataclass
class FakeDeals(FakeSide):
    """A CRM: `cards` are its deals; people's cards are made with them."""

    editable: tuple[str, ...] = ("stage", "title")
    people: dict[str, Object] = field(default_factory=dict)

    kind = DEAL
    kinds = frozenset({CONTACT, DEAL})
    shows_fields = ("title", "price", "pipeline", "stage", "starts_at", "ends_at", "service", "staff")
    noting = tasking = Operation(FakeSide.creating.safety)

    def defaults(self, kind: RecordKind, settings: ConnectionSettings) -> Mapping[str, Value]:
        return {"pipeline": "7", "stage": "new"} if kind is DEAL else {}

    async def find(self, kind: RecordKind, key: Key, call: Call[ConnectionSettings]) -> tuple[Object, ...] | None:
        if kind is DEAL:
            return await super().find(kind, key, call) if key.by is KeyType.MARK else None
        await self._called()
        if key.by is KeyType.MARK:
            return tuple(one for one in self.people.values() if self.marks.get(one.id) == key.value)
        return tuple(one for one in self.people.values() if key.value in _normal(one, key.by.value))

    async def linked(self, kind: RecordKind, to: ObjectId, call: Call[ConnectionSettings]) -> tuple[Object, ...]:
        await self._called()
        return tuple(self._as_shown(one) for one in self.cards.values() if to in one.links)

    async def read_many(
        self, kind: RecordKind, ids: Sequence[str], call: Call[ConnectionSettings]
    ) -> tuple[Object, ...]:
        if kind is DEAL:
            return await super().read_many(kind, ids, call)
        await self._called()
        return tuple(self.people[id_] for id_ in ids if id_ in self.people)

    async def fate(self, kind: RecordKind, id: str, call: Call[ConnectionSettings]) -> Fate:
        return await super().fate(kind, id, call) if kind is DEAL else Fate.GONE

    async def create(
        self, kind: RecordKind, fields: Mapping[str, Value], links: Sequence[LinkTo], mark: str,
        call: Call[ConnectionSettings],
    ) -> Written:  # fmt: skip
        if kind is DEAL:
            return await super().create(kind, fields, links, mark, call)
        await self._called()
        cut = self.cut.popleft() if self.cut else ""
        id_ = f"p{len(self.people) + 1}"
        if cut != "before":
            shown: dict[str, Shown] = {"name": CLEARED, "phone": CLEARED, "email": CLEARED, **fields}
            self.people[id_] = Object(CONTACT, id_, shown, created_at=self.now(), changed_at=self.now())
            self.marks[id_] = mark
        if cut:
            raise MaybeSent("timeout")
        return Written(Succeeded(external_id=id_))

    async def update(
        self, object: Object, changes: Mapping[str, Wanted], call: Call[ConnectionSettings]
    ) -> Written | None:
        if object.kind is DEAL:
            return await super().update(object, changes, call)
        await self._called()
        there = self.people[object.id]
        self.people[object.id] = replace(there, fields={**there.fields, **changes}, changed_at=self.now())
        return Written(Succeeded(external_id=object.id))

    async def link(self, object: Object, links: Sequence[LinkTo], call: Call[ConnectionSettings]) -> Outcome:
        raise AssertionError("a deal is made with its links")

    def _new(self, id_: str, shown: Mapping[str, Shown], links: Sequence[LinkTo]) -> Object:
        made = super()._new(id_, shown, links)
        return replace(made, links=frozenset(one.to for one in links), is_open=True)


class VisitHouse(InStep):
    """A calendar and a CRM in step; each is known to the storm as a side."""

    flow = "sync_appointments"

    def __init__(self, store: Any = None, zone: str = ZONE, **settings: Any) -> None:
        super().__init__((), store)
        self.journal = FakeJournal("salon", self.clock.now, zone=zone)
        self.deals = FakeDeals("crm", self.clock.now)
        self.sides = {"salon": self.journal, "crm": self.deals}
        self.manifests |= {name: side.manifest for name, side in self.sides.items()}
        self.settings = {
            "between": ["salon", "crm"], "as": {"crm": "deal"}, "mode": "on", "stages": dict(STAGES),
            "title": "{service}: {name}", **settings,
        }  # fmt: skip
        self.bind()
        self.tenant = self.tenant.model_copy(update={"timezone": zone})


def _normal(one: Object, name: str) -> set[str]:
    return {normal_element(name, each) for each in one.elements(name)}
