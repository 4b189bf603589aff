"""The two systems of `in_step_house`, with lists of all their cards."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from fake_side import FakeSide
from in_step_house import InStep
from svyazka.engine.agreeing.nightly import begin
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import Page
from svyazka.engine.in_step.flows import in_step_flows
from svyazka.engine.journal import documents as journal
from svyazka.model.agreeing import Agreed, agreed_id
from svyazka.model.jobs import Job
from svyazka.model.records import Object, RecordKind, Shown
from svyazka.model.tenants import ConnectionSettings


@dataclass
class ListedSide(FakeSide):
    """One system, whose lists can lie."""

    page_size: int = 3
    carried: frozenset[str] | None = None
    """Its list shows these only."""
    unlisted: set[str] = field(default_factory=set)
    """Left out of its lists, though they are there."""
    tells_changes: bool = True
    listed: int = 0
    """Calls for a page."""

    def carries(self, kind: RecordKind, settings: ConnectionSettings) -> frozenset[str] | None:
        return self.carried

    async def page(self, kind: RecordKind, after: str | None, call: Call[ConnectionSettings]) -> Page:
        behind = _number(after) if after else 0
        there = [one for id_, one in self.cards.items() if id_ not in self.unlisted and _number(id_) > behind]
        return await self._page(sorted(there, key=lambda one: _number(one.id)))

    async def changed(
        self, kind: RecordKind, since: datetime, after: str | None, call: Call[ConnectionSettings]
    ) -> Page | None:
        if not self.tells_changes:
            return None
        behind = _number(after) if after else 0
        there = [one for one in self.cards.values() if one.changed_at and one.changed_at >= since]
        return await self._page(sorted((o for o in there if _number(o.id) > behind), key=lambda one: _number(one.id)))

    async def _page(self, there: list[Object]) -> Page:
        await self._called()
        self.listed += 1
        page = there[: self.page_size]
        shown = tuple(self._in_list(self._as_shown(one)) for one in page)
        return Page(shown, page[-1].id if len(there) > len(page) else None)

    def _in_list(self, one: Object) -> Object:
        if self.carried is None:
            return one
        fields: dict[str, Shown] = {name: shown for name, shown in one.fields.items() if name in self.carried}
        return replace(one, fields=fields)


def _number(id_: str) -> int:
    return int(id_[1:])


class Listed(InStep):
    """A house of such."""

    def __init__(self, *names: str, **settings: Any) -> None:
        super().__init__(names or ("salon", "crm"), **settings)
        for name, old in list(self.sides.items()):
            side = ListedSide(name, lambda: self.clock.now(), singles=old.singles)
            self.sides[name] = side
            self.manifests[name] = side.manifest
        self.bind()
        self.start()

    def silently(self, connection: str, id_: str, **fields: Any) -> None:
        """Somebody saves a card, and no webhook comes."""
        side = self.sides[connection]
        side.hook = False
        side.edit(id_, **fields)
        side.hook = True

    async def night(self, connection: str, when: str = "", *, full: bool = False) -> Job:
        """Compare one side, and let what follows be done; the job at its end."""
        (flow,) = await in_step_flows(self.hub, self.tenant)
        when = when or self.clock.now().isoformat()
        await begin(self.hub, self.tenant, flow, connection, when, full=full)
        await self.quiet(0.2)
        await self.store.fetched()
        return self.jobs()[-1]

    def jobs(self) -> list[Job]:
        found = [journal.read(Job, one).model for one in self.store.documents.values() if one.kind == "jobs"]
        return sorted(found, key=lambda job: (job.made_at, job.id))

    async def agreed(self, connection: str) -> Agreed:
        held = await journal.load(self.store, Agreed, agreed_id("kofe", "sync_contacts", connection))
        assert held is not None
        return held.model
