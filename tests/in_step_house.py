"""The house with two systems, or three, that are kept in step."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from dying import Killed
from fake_side import FakeSide
from fakes import House
from svyazka.engine.calling.events_of_asking import found_event
from svyazka.engine.in_step.flows import switch_of
from svyazka.engine.journal import documents as journal
from svyazka.engine.operating.answering import answer, answer_all
from svyazka.engine.operating.holding import let_go
from svyazka.engine.operating.syncing import flow_named
from svyazka.engine.operating.tombstones import revive, unmerge
from svyazka.engine.ports.store import Put
from svyazka.flows.registry import load_flow
from svyazka.model.errors import Conflict
from svyazka.model.events import Change, EventType, Fact, Hint
from svyazka.model.in_step import Doubt, Link, Record, Switch
from svyazka.model.problems import Problem
from svyazka.model.tenants import CompiledConnection, ConnectionSpec, FlowSpec, Tenant

TYPES = {
    Change.CREATED: EventType.CONTACT_CREATED, Change.DELETED: EventType.CONTACT_DELETED,
    Change.MERGED: EventType.CONTACT_MERGED,
}  # fmt: skip
OTHERWISE = {"visit": EventType.APPOINTMENT_CHANGED, "deal": EventType.DEAL_CHANGED}
"""What is told of other things than people."""


class InStep(House):
    """`salon` holds one phone a person, `crm` any number; `accounts` is there where a third is asked for."""

    flow = "sync_contacts"

    def __init__(
        self, names: Sequence[str] = ("salon", "crm"), store: Any = None, queue: Any = None, **settings: Any
    ) -> None:
        self.sides: dict[str, FakeSide] = {}
        super().__init__(store, queue=queue)
        for name in names:
            one = FakeSide(name, lambda: self.clock.now())
            self.sides[name] = one
            self.manifests[name] = one.manifest
        if "salon" in self.sides:
            self.sides["salon"].singles = frozenset({"phone"})  # type: ignore[misc]
        self.settings = {"between": list(names), "mode": "on", **settings}
        self.told = 0
        self.bind()

    def bind(self, **settings: Any) -> None:
        """The tenant's flow, with these settings changed."""
        self.settings |= settings
        flow = FlowSpec(id=self.flow, flow=self.flow, sources=tuple(self.sides), via=(), settings=self.settings)
        self.tenant = Tenant(
            id="kofe", name="Кофейня", timezone="Europe/Moscow",
            connections={name: ConnectionSpec(vendor=name) for name in (*self.sides, "till", "sms", "mail")},
            flows=(flow,),
        )  # fmt: skip

    @property
    def salon(self) -> FakeSide:
        return self.sides["salon"]

    @property
    def crm(self) -> FakeSide:
        return self.sides["crm"]

    @property
    def accounts(self) -> FakeSide:
        return self.sides["accounts"]

    async def settle_in(self) -> None:
        wants = tuple(one.value for one in load_flow(self.flow).wants(None))
        await self.store.commit([Put(journal.document(self.tenant))])
        for name in self.sides:
            compiled = CompiledConnection(tenant="kofe", connection=name, vendor=name, wants=wants)
            await self.store.commit([Put(journal.document(compiled))])

    # What the systems tell

    async def tell(self, connection: str, hint: Hint, fresh: bool = True) -> None:
        """A hook arrives; `fresh`: as a fact of its own, however often it is told."""
        self.told += fresh
        type_ = OTHERWISE.get(hint.kind) or TYPES.get(hint.change, EventType.CONTACT_CHANGED)
        fact = Fact(
            type=type_, key=(hint.kind, hint.id, hint.change, str(self.told)), subject=f"{hint.kind}:{hint.id}",
            about=(hint,),
        )  # fmt: skip
        compiled = CompiledConnection(
            tenant="kofe", connection=connection, vendor=connection,
            wants=tuple(one.value for one in load_flow(self.flow).wants(None)),
        )  # fmt: skip
        create, tasks = found_event(self.hub, compiled, fact, self.clock.now(), "webhook")
        try:
            await self.store.commit([create], tasks)
        except Conflict:
            return

    async def hooks(self) -> int:
        """All hooks that are due arrive; how many."""
        count = 0
        for name, side in self.sides.items():
            while side.told:
                await self.tell(name, side.told.popleft())
                count += 1
        return count

    async def run_together(self) -> None:
        """All tasks that are due, at once, and what follows from them."""
        while due := [task for task in self.store.tasks if task.due is None or task.due <= self.clock.now()]:
            for task in due:
                self.store.tasks.remove(task)
            await asyncio.gather(*(self.worker.handle(task.path, task.body) for task in due))

    async def quiet(self, hours: float = 1.0, step: float = 60.0) -> None:
        """Hooks arrive and everything is done, until nothing more happens for a while."""
        for _ in range(200):
            told = await self.hooks()
            await self.run()
            if not told and not any(side.told for side in self.sides.values()):
                await self.pass_time(hours * 3600, step)
                if not any(side.told for side in self.sides.values()):
                    return
        raise AssertionError("they never come to rest")

    # What is known

    def records(self) -> list[Record]:
        found = [journal.read(Record, d).model for d in self.store.documents.values() if d.kind == "records"]
        return [one for one in found if one.merged_into is None]

    def record(self) -> Record:
        (one,) = self.records()
        return one

    def record_of(self, object_: str) -> Record:
        """The record of an object."""
        return next(one for one in self.records() if object_ in {side.object for side in one.sides.values()})

    async def answer(self, object_: str, field: str, said: str) -> None:
        """A person answers what is asked of a field."""
        flow = await flow_named(self.hub, self.tenant, "sync_contacts")
        await answer(self.hub, self.tenant, flow, self.record_of(object_).id, field, said)

    async def switch(self) -> Switch:
        """What is held, and what was said of it."""
        return await switch_of(self.hub, self.tenant.id, self.flow)

    async def let_go(self, what: str, said: str, *, dry_run: bool = False) -> list[str]:
        """A person says what becomes of what is held."""
        flow = await flow_named(self.hub, self.tenant, self.flow)
        return [one async for one in let_go(self.hub, self.tenant, flow, what, said, dry_run=dry_run)]

    async def answer_all(self, said: str, **which: Any) -> tuple[int, int]:
        """One answer to all rows that it fits; how many were answered, and how many it didn't fit."""
        flow = await flow_named(self.hub, self.tenant, "sync_contacts")
        done = [one async for one in answer_all(self.hub, self.tenant, flow, said, **which)]
        return sum(one.skipped is None for one in done), sum(one.skipped is not None for one in done)

    async def revive(self, object_: str, connection: str | None = None) -> list[str]:
        """A person says that what was deleted may be made anew."""
        flow = await flow_named(self.hub, self.tenant, "sync_contacts")
        return await revive(self.hub, self.tenant, flow, self.record_of(object_).id, connection)

    async def unmerge(self, object_: str, *cards: str) -> str:
        """A person says that these cards are somebody else."""
        flow = await flow_named(self.hub, self.tenant, "sync_contacts")
        return await unmerge(self.hub, self.tenant, flow, self.record_of(object_).id, list(cards))

    def cards(self, kind: str) -> list[Problem]:
        """The open cards of a kind."""
        found = [journal.read(Problem, d).model for d in self.store.documents.values() if d.kind == "problems"]
        return [one for one in found if one.kind == kind and one.state == "open"]

    def links(self) -> list[Link]:
        return [journal.read(Link, d).model for d in self.store.documents.values() if d.kind == "links"]

    def doubts(self) -> list[Doubt]:
        found = [journal.read(Doubt, d).model for d in self.store.documents.values() if d.kind == "doubts"]
        return [one for one in found if one.state == "open"]

    def writes(self) -> int:
        return sum(len(side.writes) for side in self.sides.values())

    async def pair(self, **fields: Any) -> tuple[str, ...]:
        """One person who is in every system, linked and agreed; their ids."""
        ids = tuple(side.add(**fields) for side in self.sides.values())
        await self.quiet()
        for side in self.sides.values():
            side.writes.clear()
        return ids


def ivan(**more: Any) -> dict[str, Any]:
    return {"name": "Иван Петров", "phone": ("+79991234567",), **more}


POINTS = (
    "plan.before", "plan.before_commit", "plan.after_commit", "in_step.after_reading", "claim.before", "claim.after",
    "perform.before_call", "perform.after_call", "settle.before", "settle.after",
)  # fmt: skip
"""Where a process may die on a wish's way."""


async def survived(house: InStep) -> None:
    """Everything is done, by a fresh worker after each death."""
    for _ in range(3):
        try:
            await house.quiet(0.2)
            return
        except Killed:
            house.start()
