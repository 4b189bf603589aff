"""From an event's hints to wishes: which record an object is of, and who has to look at it. Written with the event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.doubting import GO_ON, MADE
from svyazka.engine.in_step.flows import InStep, flow_told
from svyazka.engine.in_step.prints import printer
from svyazka.engine.in_step.wishes import Wish, targets, wished
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.tasks import perform_task
from svyazka.engine.ports.store import Store, Task, Write
from svyazka.model.deliveries import Delivery
from svyazka.model.errors import Conflict, Unavailable
from svyazka.model.events import Change, Event, Hint
from svyazka.model.in_step import (
    SETTLE_NEW,
    Link,
    Record,
    Side,
    SideState,
    link_id,
    record_id,
)
from svyazka.model.records import RecordKind, Shown, wanted_value
from svyazka.model.tenants import Tenant

JOINED_MOST = 10
"""Records that were joined to one another, one after the other, before somebody must have made a ring."""

WISH_TRIES = 12

EMPTY: Mapping[str, tuple[str, ...]] = MappingProxyType({})

LET = {MADE: GO_ON}
"""Of a record that a person was shown with all that would be made with it."""

KINDS = frozenset(kind.value for kind in RecordKind)


@dataclass
class Wished:
    """What is written, and queued, with whatever brought the wish."""

    writes: list[Write] = field(default_factory=list)
    tasks: list[Task] = field(default_factory=list)
    deliveries: list[str] = field(default_factory=list)
    """New ones, and those that the wish waits with."""
    reasons: list[str] = field(default_factory=list)

    def made(self, deliveries: Sequence[Delivery]) -> None:
        """Deliveries that are new."""
        self.writes += [journal.create(one) for one in deliveries]
        self.tasks += [perform_task(one, one.next_attempt_at) for one in deliveries]


class Wanting:
    """Turns hints into wishes."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def of(self, event: Event, tenant: Tenant) -> Wished:
        """What an event's hints ask for. Writes nothing."""
        found = Wished()
        for hint in event.about:
            if hint.kind not in KINDS:
                continue
            flow = await flow_told(self._hub, tenant, RecordKind(hint.kind), event.connection)
            if flow is not None:
                await self._hinted(event, hint, flow, tenant, found)
        return found

    async def _hinted(self, event: Event, hint: Hint, flow: InStep, tenant: Tenant, found: Wished) -> None:
        now, connection = self._hub.clock.now(), event.connection
        kind = flow.rules.kind
        link = await journal.load(self._hub.store, Link, link_id(tenant.id, kind, connection, hint.id))
        if link is None and not flow.kind.begins(connection):
            return  # as most of that system's are, it is none of these things
        if link is None:
            if hint.change in (Change.DELETED, Change.MERGED):
                found.reasons.append(N_("{flow}: it was never known here, and is gone").format(flow=flow.id))
                return
            act_after = None if event.origin == "operator" else now + SETTLE_NEW
            new, own = begun_with(tenant.id, kind, connection, hint.id, now, act_after)
            found.writes.append(journal.create(own))
            held: Versioned[Record] = Versioned(new, None)
        else:
            held = await record_of(self._hub.store, link.model.record)
        record = told(held.model, connection, hint, now)
        if record.forgotten_at is not None:
            found.reasons.append(N_("{flow}: this person asked to be forgotten").format(flow=flow.id))
            return
        if link is not None and self._is_echo(record, connection, hint, flow):
            found.reasons.append(N_("{flow}: our own change coming back").format(flow=flow.id))
            return
        record = await without_ended(self._hub.store, record)
        toward = targets(record, flow.rules.between, connection)
        wish = wish_of(self._hub, flow, tenant, event.id, connection)
        record, made = wished(record, toward, wish, now)
        found.made(made)
        found.deliveries += [record.queued[name] for name in toward]
        found.writes.append(over(held, record))
        if not toward:
            found.reasons.append(N_("{flow}: it was deleted in the other systems").format(flow=flow.id))

    def _is_echo(self, record: Record, connection: str, hint: Hint, flow: InStep) -> bool:
        """Whether all that the event's body shows of the object is what was last agreed there, or what we are writing
        just now. Never by whose change it was: people and robots work under our integration's user too."""
        side = record.sides.get(connection)
        if side is None or side.state is not SideState.LIVE or hint.change not in (Change.CREATED, Change.UPDATED):
            return False
        prints = printer(self._hub, record.tenant, record.kind)
        intent = record.intent if record.intent is not None and record.intent.toward == connection else None
        seen = [name for name in flow.rules.fields if name in hint.shown]
        for name in seen:
            shown: Shown = wanted_value(hint.shown[name])
            base = side.bases.get(name)
            known = [intent.prints[name]] if intent is not None and name in intent.prints else []
            # What it is still to be brought to isn't what it shows when our change comes back.
            known += [base.prints] if base is not None and base.owed is None else []
            if not any(prints.shows(one, name, shown) for one in known):
                return False
        return bool(seen)

    # Wishes of the engine's own: jobs, an operator

    async def wish(
        self, tenant: Tenant, flow: InStep, record: str, toward: str | None = None, due: datetime | None = None,
        suspect: Suspect | None = None,
    ) -> bool:  # fmt: skip
        """One record is wished looked at, in a commit of its own. False where there is none. Raises Unavailable."""
        for _ in range(WISH_TRIES):
            if await self._hub.store.get("records", record) is None:
                return False
            held = await record_of(self._hub.store, record)
            after = suspected(held.model, suspect) if suspect is not None else held.model
            if await self.changed(tenant, flow, held, after, (toward,) if toward is not None else None, due):
                return True
            await self._hub.limiter.rest(0.05 * self._hub.chance())
        raise Unavailable(N_("others move this record all the time"))

    async def changed(
        self, tenant: Tenant, flow: InStep, held: Versioned[Record], after: Record,
        toward: tuple[str, ...] | None = None, due: datetime | None = None, beside: Sequence[Write] = (),
    ) -> bool:  # fmt: skip
        """A record becomes another thing and is wished looked at, in one commit with what is written beside: whoever
        dies leaves none without the other. False: somebody else moved it just now."""
        fresh = await without_ended(self._hub.store, after)
        names = targets(fresh, flow.rules.between) if toward is None else toward
        wanted, made = wished(fresh, names, wish_of(self._hub, flow, tenant), self._hub.clock.now(), due)
        found = Wished()
        found.made(made)
        try:
            await self._hub.store.commit([over(held, wanted), *found.writes, *beside], found.tasks)
        except Conflict:
            return False
        return True

    async def met(
        self, tenant: Tenant, flow: InStep, connection: str, object_: str,
        alike: Mapping[str, tuple[str, ...]] = EMPTY, *, let: bool = False,
    ) -> str:  # fmt: skip
        """The record of an object that was found by asking: made, and wished looked at, where there is none yet.
        `alike`: what elsewhere may be the same, and no search shows (`Record.alike`): known before anybody looks.
        `let`: a person was shown how many would be made, and let it."""
        kind, now = flow.rules.kind, self._hub.clock.now()
        for _ in range(WISH_TRIES):
            link = await journal.load(self._hub.store, Link, link_id(tenant.id, kind, connection, object_))
            if link is not None and await self._knows(link.model.record, alike):
                return link.model.record
            if link is not None:
                continue
            new, own = begun_with(tenant.id, kind, connection, object_, now, None)
            new = new.model_copy(update={"alike": dict(alike), "said": LET if let else {}})
            toward = targets(new, flow.rules.between, connection)
            record, made = wished(new, toward, wish_of(self._hub, flow, tenant), now)
            found = Wished([journal.create(own), journal.create(record)])
            found.made(made)
            try:
                await self._hub.store.commit(found.writes, found.tasks)
            except Conflict:
                continue
            return record.id
        raise Unavailable(N_("others move this record all the time"))

    async def _knows(self, record: str, alike: Mapping[str, tuple[str, ...]]) -> bool:
        """Whether a record knows by now what it is alike; False: somebody moved it just now."""
        held = await record_of(self._hub.store, record)
        together = {**held.model.alike, **alike}
        if together == held.model.alike:
            return True
        after = held.model.model_copy(update={"alike": together, "moves": held.model.moves + 1})
        try:
            await self._hub.store.commit([over(held, after)])
        except Conflict:
            return False
        return True


def wish_of(hub: Hub, flow: InStep, tenant: Tenant, event: str | None = None, source: str | None = None) -> Wish:
    """A wish through a flow's connections."""
    manifests = {
        name: hub.directory.manifests(tenant.connections[name].vendor)
        for name in flow.rules.between if name in tenant.connections
    }  # fmt: skip
    records = {name: flow.records(name, manifest) for name, manifest in manifests.items()}
    own = {"event": event} if event is not None else {}
    return Wish(flow=flow.id, manifests=manifests, records=records, source=source, retention=tenant.retention, **own)


def begun_with(
    tenant: str, kind: RecordKind, connection: str, object_: str, now: datetime, act_after: datetime | None
) -> tuple[Record, Link]:
    """The record that begins with an object, and the object's link."""
    id_ = link_id(tenant, kind, connection, object_)
    record = Record(
        id=record_id(id_), tenant=tenant, kind=kind, sides={connection: Side(object=object_)}, created_at=now,
        act_after=act_after,
    )  # fmt: skip
    return record, Link(id=id_, tenant=tenant, kind=kind, connection=connection, object=object_, record=record.id)


def told(record: Record, connection: str, hint: Hint, now: datetime) -> Record:
    """The record once an event has told something of a side. A deletion, and a life after it, is only suspected: the
    next look asks."""
    side = record.sides.get(connection)
    if side is None or side.object != hint.id:
        return record  # an object that another one has taken the place of
    deleted = hint.change in (Change.DELETED, Change.MERGED)
    suspected = side.state is SideState.SUSPECT or deleted is (side.state is SideState.LIVE)
    after = side.model_copy(
        update={
            "state": SideState.SUSPECT if suspected else side.state,
            "told_at": side.told_at or now,
        }
    )
    moved = record.moves + (after.state is not side.state)
    return record.model_copy(update={"sides": {**record.sides, connection: after}, "moves": moved})


@dataclass(frozen=True, slots=True)
class Suspect:
    """A list shows an object that we took for gone, or doesn't show one that should be there: it is asked for."""

    connection: str
    held_at: datetime | None = None
    """When a person let deletions through: this one is counted no more."""


def suspected(record: Record, suspect: Suspect) -> Record:
    """The record whose side there is to be asked for, whatever was known of it."""
    side, held = record.sides.get(suspect.connection), record.held
    if side is None:
        return record
    if suspect.held_at is not None:
        held = {**held, f"@{suspect.connection}": suspect.held_at}
    sides = {**record.sides, suspect.connection: side.model_copy(update={"state": SideState.SUSPECT})}
    return record.model_copy(update={"sides": sides, "held": held, "moves": record.moves + 1})


async def record_of(store: Store, id_: str) -> Versioned[Record]:
    """A record, or the one that it was joined to. Raises LookupError where there is none."""
    for _ in range(JOINED_MOST):
        held = await journal.load(store, Record, id_)
        if held is None:
            raise LookupError(id_)
        if held.model.merged_into is None:
            return held
        id_ = held.model.merged_into
    raise LookupError(id_)


async def without_ended(store: Store, record: Record, but: Delivery | None = None) -> Record:
    """The record without queued deliveries that have ended past their own look (called off, given up): a wish that
    waited with one of them would wait for ever. `but`: one whose end is being written."""
    names = [name for name, id_ in record.queued.items() if but is None or id_ != but.id]
    if not record.queued:
        return record
    found = await store.get_many([("deliveries", record.queued[name]) for name in names])
    there = dict(zip(names, found, strict=True))
    queued = {
        name: record.queued[name] for name, one in there.items()
        if one is not None and journal.read(Delivery, one).model.is_open
    }  # fmt: skip
    return record if queued == record.queued else record.model_copy(update={"queued": queued})


def over(held: Versioned[Record], record: Record) -> Write:
    """The record as it becomes, over the version that was read."""
    return journal.create(record) if held.version is None else journal.replace(record, held.version)
