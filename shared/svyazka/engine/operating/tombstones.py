"""What was deleted, or joined by mistake: made anew, or taken apart, when a person says so."""

from __future__ import annotations

from svyazka.catalogue import _
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.doubting import NONE, REVIVE, WHOSE
from svyazka.engine.in_step.flows import InStep
from svyazka.engine.in_step.wanting import Wanting, record_of
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.ports.store import Write
from svyazka.model.errors import ConfigError, Conflict, Unavailable
from svyazka.model.in_step import Link, Record, Side, SideState, link_id, record_id
from svyazka.model.tenants import Tenant

TRIES = 5


# Made anew


async def revive(hub: Hub, tenant: Tenant, flow: InStep, record: str, connection: str | None = None) -> list[str]:
    """What was deleted may be made anew: in one system, or wherever it is gone; where. It is looked for first, so that
    a card that somebody made meanwhile is taken. Raises ConfigError, Unavailable."""
    for _try in range(TRIES):
        held = await record_in(hub, tenant, flow, record)
        sides = {name: side for name, side in held.model.sides.items() if name in flow.rules.between}
        gone = [name for name, side in sides.items() if side.state is SideState.GONE]
        if connection is not None and connection not in gone:
            known = ", ".join(gone) or _("nowhere")
            raise ConfigError(_("it isn't gone in {connection}; gone: {known}", connection=connection, known=known))
        names = [connection] if connection is not None else gone
        if not names:
            raise ConfigError(_("record {record} is gone nowhere", record=record))
        after = held.model
        for name in names:
            after = revived(after, name)
        after = after.model_copy(update={"moves": held.model.moves + 1})
        if await Wanting(hub).changed(tenant, flow, held, after, tuple(names)):
            return names
    raise Unavailable(_("it is looked at in this moment: run this again"))


def revived(record: Record, connection: str) -> Record:
    """The record that may have a new object there. The old one's link stays: should it come back, that is told.
    Raises ConfigError."""
    if record.forgotten_at is not None:
        raise ConfigError(_("this person asked to be forgotten: nothing is made of it again"))
    if not record.live:
        raise ConfigError(_("it is gone everywhere: take it from the bin of one of the systems"))
    sides = {name: side for name, side in record.sides.items() if name != connection}
    what = WHOSE + connection
    return record.model_copy(
        update={
            "sides": sides, "said": {**record.said, what: REVIVE},
            "refused": {name: why for name, why in record.refused.items() if name != connection},
            "held": {name: at for name, at in record.held.items() if name != what},
        }
    )  # fmt: skip


# Taken apart


async def unmerge(hub: Hub, tenant: Tenant, flow: InStep, record: str, cards: list[str]) -> str:
    """Cards of a record become a record of their own, and are never joined to it by themselves again; its id. A card
    may be one that nobody has linked: what was taken from a vendor's bin. Nothing is undone in the systems: what stands
    there is compared anew. Raises ConfigError, Unavailable."""
    parts = [(one.partition("/")[0], one.partition("/")[2]) for one in cards]
    names = [name for name, _id in parts]
    if (
        not parts
        or len(set(names)) != len(names)
        or any(name not in flow.rules.between or not id_ for name, id_ in parts)
    ):
        listed = ", ".join(flow.rules.between)
        raise ConfigError(_("expected cards of different systems, as CONNECTION/ID of {listed}", listed=listed))
    for _try in range(TRIES):
        held = await record_in(hub, tenant, flow, record)
        made = await _apart(hub, flow, held, parts)
        if made is None:
            continue
        try:
            await hub.store.commit(made[1])
        except Conflict:
            continue
        for id_ in (held.model.id, made[0]):
            await Wanting(hub).wish(tenant, flow, id_)
        return made[0]
    raise Unavailable(_("it is looked at in this moment: run this again"))


async def _apart(
    hub: Hub, flow: InStep, held: Versioned[Record], parts: list[tuple[str, str]]
) -> tuple[str, list[Write]] | None:
    record, now = held.model, hub.clock.now()
    own = {name: id_ for name, id_ in parts if name in record.sides and record.sides[name].object == id_}
    if not own or len(own) == len(record.sides):
        listed = ", ".join(f"{name}/{side.object}" for name, side in record.sides.items())
        raise ConfigError(_("expected some of the record's cards, not all of them: {listed}", listed=listed))
    first = link_id(record.tenant, record.kind, parts[0][0], parts[0][1])
    id_ = record_id(first)
    if id_ == record.id:  # it is named after that card: the others' first one names the new one
        id_ = record_id(f"{first}/apart")
    there = await journal.load(hub.store, Record, id_)
    if there is not None and there.model.merged_into is None and there.model.live:
        return None
    stays = {WHOSE + name: NONE for name in own}
    others = {WHOSE + name: NONE for name in record.sides if name not in dict(parts)}
    left = record.model_copy(
        update={
            "sides": {name: side for name, side in record.sides.items() if name not in own},
            "said": {**record.said, **stays}, "moves": record.moves + 1,
        }
    )  # fmt: skip
    sides = {name: Side(object=object_) for name, object_ in parts}
    new = Record(
        id=id_, tenant=record.tenant, kind=record.kind, sides=sides, said=others, created_at=now, people=record.people,
        wanted=there.model.wanted if there is not None else 0, taken=there.model.taken if there is not None else {},
        moves=there.model.moves + 1 if there is not None else 0,
    )  # fmt: skip
    writes: list[Write] = [journal.replace(left, held.version)]
    writes.append(journal.replace(new, there.version) if there is not None else journal.create(new))
    for name, object_ in parts:
        link = await journal.load(hub.store, Link, link_id(record.tenant, record.kind, name, object_))
        if link is None:
            kept = Link(
                id=link_id(record.tenant, record.kind, name, object_), tenant=record.tenant, kind=record.kind,
                connection=name, object=object_, record=id_,
            )  # fmt: skip
            writes.append(journal.create(kept))
            continue
        whose = link.model.record
        if whose not in (record.id, id_) and (await record_of(hub.store, whose)).model.id not in (record.id, id_):
            raise ConfigError(_("{connection}/{object} belongs to another record", connection=name, object=object_))
        writes.append(journal.replace(link.model.model_copy(update={"record": id_}), link.version))
    return id_, writes


async def record_in(hub: Hub, tenant: Tenant, flow: InStep, record: str) -> Versioned[Record]:
    """A record of a flow. Raises ConfigError."""
    try:
        held = await record_of(hub.store, record)
    except LookupError:
        raise ConfigError(
            _("no record {record}: see `svyazka sync status {tenant}`", record=record, tenant=tenant.id)
        ) from None
    if held.model.tenant != tenant.id or held.model.kind is not flow.rules.kind:
        raise ConfigError(_("record {record} is none of {flow}", record=record, flow=flow.id))
    return held
