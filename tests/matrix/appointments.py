"""A salon's journal at YCLIENTS and deals at amoCRM, as people at both see and change them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from dying import Killed
from matrix.hub import Connection, Front, Machine, machine
from simulators.amocrm.cards import PIPELINE
from simulators.amocrm.simulator import AmocrmSimulator
from simulators.serve import Running
from simulators.yclients.salon import CLIENT, as_told
from simulators.yclients.simulator import Yclients
from svyazka.engine.journal import documents as journal
from svyazka.model.in_step import Doubt, Record
from svyazka.model.records import RecordKind
from vendors import CRMS
from vendors.amocrm import EVENTS
from vendors.parts.base import told

START = datetime(2026, 10, 5, 6, 0, tzinfo=UTC)
BOOKED, CONFIRMED, MISSED, WON, LOST, CALL_BACK = 70000001, 70000002, 70000003, 142, 143, 70000009
STAGES = {
    "booked": [str(BOOKED), "60000011"], "confirmed": str(CONFIRMED), "completed": str(WON), "cancelled": str(LOST),
    "missed": str(MISSED),
}  # fmt: skip
FIELDS = {"starts_at": "600009", "staff": "712629", "service": "712631"}
FLOW = {
    "flow": "sync_appointments", "between": ["salon", "crm"], "as": {"crm": "deal"}, "mode": "on", "stages": STAGES,
    "title": "{service}: {name}",
}  # fmt: skip
NOTHING: Mapping[str, Any] = {}
ANNA = {**CLIENT, "id": 4001, "name": "Анна", "surname": "Петрова", "phone": "+79991112233", "email": ""}


class Business:
    """The hub with a journal and a CRM behind it."""

    def __init__(self, hub: Machine) -> None:
        self.hub = hub
        self.salon: Yclients = hub.vendors.of("yclients")
        self.dikidi = hub.vendors.of("dikidi")
        self.crm: AmocrmSimulator = hub.vendors.of("amocrm")
        self.salon.clock = lambda: hub.clock.real()
        self.listens = False

    async def listen(self) -> None:
        """Both vendors tell the hub of what happens."""
        self.listens = True
        urls = {name: await self.hub.hook(name) for name in ("salon", "crm")}
        self.salon.hooks = {**self.salon.hooks, "urls": [urls["salon"]], "record": 1, "client": 1}
        self._told(lambda: self.crm.subscribe(urls["crm"], list(EVENTS)))

    def _told(self, do: Any) -> Any:
        return told(self.hub.vendors, do)

    # People at the salon

    def visit(self, id_: int | None = None, **changes: Any) -> int:
        """The administrator books, or saves, a visit."""
        if id_ is None:
            changes = {"client": ANNA, **changes}

        def save() -> dict[str, Any]:
            record, status = self.salon.salon.put_record(id_, self.salon.clock(), changes)
            self.salon.in_background(self.salon.tell(self.salon.event("record", record["id"], status, as_told(record))))
            return record

        return int(self._told(save)["id"])

    def at(self, clock: str) -> dict[str, Any]:
        """A visit's time."""
        return {"date": f"{clock}:00", "datetime": f"{clock.replace(' ', 'T')}:00+03:00"}

    def purge(self, id_: int) -> None:
        """YCLIENTS doesn't show it any more, not even as deleted."""
        gone = self.salon.event("record", id_, "delete", {"id": id_, "deleted": True})

        def drop() -> None:
            del self.salon.salon.records[id_]
            self.salon.in_background(self.salon.tell(gone))

        self._told(drop)

    def shows(self, id_: int) -> dict[str, Any]:
        return self.salon.salon.records[id_]

    # People at the CRM

    def move(self, deal: int, stage: int) -> None:
        self._change(deal, {"status_id": stage})

    def rename(self, deal: int, name: str) -> None:
        self._change(deal, {"name": name})

    def _change(self, deal: int, fields: Mapping[str, Any]) -> None:
        def save() -> None:
            self.crm.change("leads", self.crm.cards["leads"][deal], fields)
            self.crm.send_soon()

        self._told(save)

    def remove(self, deal: int) -> None:
        CRMS["amocrm"].remove(self.hub.vendors, RecordKind.DEAL, str(deal))

    def deals(self) -> list[dict[str, Any]]:
        return [one for one in self.crm.cards["leads"].values() if not one.get("is_deleted")]

    def deal(self) -> dict[str, Any]:
        (one,) = self.deals()
        return one

    def deal_of(self, visit: int) -> dict[str, Any]:
        """The deal of somebody's only visit."""
        phone = self.shows(visit)["client"]["phone"]
        (contact,) = [one["id"] for one in self.crm.cards["contacts"].values() if phone in str(one)]
        (found,) = [one for one in self.deals() if {"id": contact, "is_main": True} in one["_embedded"]["contacts"]]
        return found

    def field(self, deal: Mapping[str, Any], name: str) -> Any:
        """What stands in one of its own fields."""
        found = [one for one in deal["custom_fields_values"] or () if str(one["field_id"]) == FIELDS[name]]
        return found[0]["values"][0]["value"] if found else None

    def lead(self, name: str, stage: int, **more: Any) -> int:
        """A manager makes a deal of Anna's."""

        def make() -> int:
            people = self.crm.cards["contacts"]
            known = next((id_ for id_, one in people.items() if ANNA["phone"] in str(one)), None)
            contact = known or self.crm.add("contacts", {"name": "Анна Петрова", "phone": [ANNA["phone"]]})["id"]
            lead = self.crm.add("leads", {"name": name, "status_id": stage, "contacts": [contact], **more})
            self.crm.send_soon()
            return int(lead["id"])

        return int(self._told(make))

    def starts(self, deal: Mapping[str, Any], zone: str = "Europe/Moscow") -> str:
        """When its visit is, as the clock at the salon shows it."""
        moment = datetime.fromtimestamp(self.field(deal, "starts_at"), ZoneInfo(zone))
        return f"{moment:%Y-%m-%d %H:%M}"

    # The hub

    async def settle(self, hours: float = 0.05) -> None:
        """Webhooks arrive, or what they would have told is found by asking, and everything is done."""
        for _ in range(3):
            await self._heard()
            await self.hub.pass_time(hours if self.listens else max(hours, 0.1))
            if not self.listens:
                assert await self.hub.worker.handle("/poll", {}) == 204
                await self.hub.work()
        await self.hub.pass_time(hours)
        await self._heard()

    async def nights(self, count: int) -> None:
        """So many nights go by, and nothing is polled in them."""
        for _ in range(count):
            await self.hub.pass_time(24 - (self.hub.clock.now().hour + 24 - 2) % 24)
            await self.hub.worker.nightly.due()
            await self.hub.pass_time(0.6)

    async def survive(self) -> None:
        """The same, by a fresh worker after each death."""
        for _ in range(4):
            try:
                await self.settle(0.1)
                return
            except Killed:
                self.hub.restart()
        raise AssertionError("it dies again and again")

    async def _heard(self) -> None:
        while any(self.hub.vendors.of(name)._background for name in ("yclients", "amocrm", "bitrix24")):
            await asyncio.sleep(0.005)
        await self.hub.work()

    async def records(self) -> list[Record]:
        rows = self.hub.store.read("SELECT id FROM records", ())
        found = [await journal.load(self.hub.store, Record, str(id_)) for (id_,) in rows]
        return [one.model for one in found if one is not None and one.model.merged_into is None]

    async def doubts(self) -> list[Doubt]:
        rows = self.hub.store.read("SELECT id FROM doubts", ())
        found = [await journal.load(self.hub.store, Doubt, str(id_)) for (id_,) in rows]
        return [one.model for one in found if one is not None and one.model.state == "open"]


def connections(salon: Mapping[str, Any] = NOTHING, crm: Mapping[str, Any] = NOTHING) -> dict[str, Connection]:
    """The two of them."""
    yclients, amocrm = CRMS["yclients"], CRMS["amocrm"]
    fields = {**amocrm.settings["fields"], **{f"deal.{name}": id_ for name, id_ in FIELDS.items()}}
    return {
        "salon": Connection("yclients", {**yclients.settings, **salon}, yclients.secrets),
        "crm": Connection("amocrm", {**amocrm.settings, "fields": fields, **crm}, amocrm.secrets),
    }


@asynccontextmanager
async def business(
    data: Path, front: Front, vendors: Running, *flows: Mapping[str, Any], start: datetime = START,
    made: Mapping[str, Connection] | None = None,
) -> AsyncIterator[Business]:  # fmt: skip
    """A hub with these flows over both vendors."""
    for name in ("yclients", "amocrm"):
        CRMS[name].open(vendors)
    account: AmocrmSimulator = vendors.of("amocrm")
    account.pipelines[PIPELINE] = [60000010, 60000011, CALL_BACK, BOOKED, CONFIRMED, MISSED, WON, LOST]
    async with machine(data, front, vendors, start, made or connections(), flows or [FLOW]) as hub:
        one = Business(hub)
        await one.settle()  # from now on it is known what is new
        yield one
