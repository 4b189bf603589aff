"""A person's answer to what systems in step ask: whose value holds, that a difference may stay, that it goes on, whose
card it is."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from svyazka.catalogue import _
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.braking import going_on
from svyazka.engine.in_step.doubting import DELETED, GO_ON, LEAVE, MERGED, NEW, NONE, REVIVE, WHOSE
from svyazka.engine.in_step.flows import InStep
from svyazka.engine.in_step.joining import may_join
from svyazka.engine.in_step.wanting import Wanting, record_of
from svyazka.engine.journal import documents as journal
from svyazka.engine.operating.syncing import doubts
from svyazka.engine.operating.tombstones import record_in, revived
from svyazka.engine.ports.store import Put, Write
from svyazka.model.bases import Accepted, AcceptedFor, Decided
from svyazka.model.errors import ConfigError, Unavailable
from svyazka.model.in_step import Doubt, Link, Record, doubt_id, link_id
from svyazka.model.restraints import Stop
from svyazka.model.tenants import Tenant

TRIES = 5


@dataclass(frozen=True, slots=True)
class Answered:
    """One row of the list, and why it could not be answered so; None: it was (in a dry run: would be)."""

    doubt: Doubt
    skipped: str | None = None


def choices(doubt: Doubt) -> tuple[str, ...]:
    """What may be said to a row of the list. Another card that was refused isn't offered again."""
    if doubt.cause in tuple(Stop):
        return (GO_ON,)
    if doubt.cause in (DELETED, MERGED):
        return (LEAVE, REVIVE)
    if doubt.field.startswith(WHOSE):
        return (*doubt.candidates, *(() if doubt.refusal else (NEW,)), NONE)
    return (*sorted(doubt.sides), LEAVE)


async def answer(hub: Hub, tenant: Tenant, flow: InStep, record: str, field: str, said: str) -> None:
    """Take an answer down, and have the record looked at. It is about what the sides showed when it was asked: if one
    of them shows another value by now, it is asked anew. Raises ConfigError, Unavailable."""
    for _try in range(TRIES):
        held = await record_in(hub, tenant, flow, record)
        if field.startswith(WHOSE):
            after = await _whose(hub, flow, held.model, field, said)
        else:
            after = answered(held.model, field, said)
        after = after.model_copy(update={"moves": held.model.moves + 1})
        said_so = await _row_answered(hub, flow, held.model, field, said)
        if await Wanting(hub).changed(tenant, flow, held, after, beside=said_so):
            return
    raise Unavailable(_("it is looked at in this moment: run this again"))


async def _row_answered(hub: Hub, flow: InStep, record: Record, field: str, said: str) -> list[Write]:
    """The row of the list says what was answered until a look has carried it out: that may wait for a system."""
    row = await journal.load(hub.store, Doubt, doubt_id(record.tenant, flow.id, record.id, field))
    if row is None or row.model.state != "open":
        return []
    decided = {"decision": said, "decided_at": hub.clock.now()}
    return [Put(journal.document(row.model.model_copy(update=decided)))]


async def answer_all(
    hub: Hub, tenant: Tenant, flow: InStep, said: str, *, field: str | None = None, cause: str | None = None,
    until: datetime | None = None, dry_run: bool = False,
) -> AsyncIterator[Answered]:  # fmt: skip
    """One answer to every open row that it fits. Each is its own commit, and answering a row twice changes nothing:
    whoever dies on the way begins again. `until`: only rows that were there by then."""
    async for doubt in doubts(hub, tenant, flow):
        if (field is not None and doubt.field != field) or (cause is not None and doubt.cause != cause):
            continue
        if until is not None and doubt.since > until:
            continue
        if said not in choices(doubt):
            yield Answered(doubt, _("expected one of {choices}", choices=", ".join(choices(doubt))))
            continue
        if not dry_run:
            try:
                await answer(hub, tenant, flow, doubt.record, doubt.field, said)
            except ConfigError as error:  # it was answered, or has ended, meanwhile
                yield Answered(doubt, str(error))
                continue
        yield Answered(doubt)


# Of a field


def answered(record: Record, field: str, said: str) -> Record:
    """The record with the answer, in place of one that nobody has looked at yet. Raises ConfigError where that isn't
    one."""
    if field in record.stopped:
        if said != GO_ON:
            raise ConfigError(
                _("{field} is stopped ({why}): expected {word}", field=field, why=record.stopped[field], word=GO_ON)
            )
        return going_on(record, field)
    saw = record.saw.get(field)
    if saw is None:
        asked = ", ".join([*record.saw, *record.stopped]) or _("nothing")
        raise ConfigError(_("{field!r} isn't asked of this record; asked: {asked}", field=field, asked=asked))
    decided = {name: one for name, one in record.decided.items() if name != field}
    accepted = {
        name: one for name, one in record.accepted.items() if name != field or one.why is not AcceptedFor.LEFT
    }  # fmt: skip
    if said == LEAVE:
        left = Accepted(sides=saw, why=AcceptedFor.LEFT)
        return record.model_copy(update={"accepted": {**accepted, field: left}, "decided": decided})
    if said not in saw:
        known = ", ".join([*saw, LEAVE])
        raise ConfigError(
            _("expected whose value holds, or that it stays: {known}; got {said!r}", known=known, said=said)
        )
    winner = Decided(winner=said, sides=saw)
    return record.model_copy(update={"accepted": accepted, "decided": {**decided, field: winner}})


# Of whose card it is


async def _whose(hub: Hub, flow: InStep, record: Record, field: str, said: str) -> Record:
    """The record with an answer about the object in one system. What was said before may be said anew, and a card may
    be named though nobody asked."""
    connection = field.removeprefix(WHOSE)
    row = await journal.load(hub.store, Doubt, doubt_id(record.tenant, flow.id, record.id, field))
    if row is not None and field in record.asked:
        known = choices(row.model)
        if NONE in known and not row.model.candidates:
            known = (*known, f"{connection}/...")
        if row.model.refusal:  # what it refused for may be mended there
            known = (NEW, *known)
    elif connection in flow.rules.between and connection not in record.sides:
        known = (NEW, NONE, f"{connection}/...")
    else:
        asked = ", ".join(record.asked) or _("nothing")
        raise ConfigError(_("{field!r} isn't asked of this record; asked: {asked}", field=field, asked=asked))
    named = said.startswith(f"{connection}/") and known[-1].endswith("/...")
    if said not in known and not named:
        raise ConfigError(_("expected one of {choices}, got {said!r}", choices=", ".join(known), said=said))
    if said == REVIVE:
        return revived(record, connection)
    if "/" in said:
        await _check_free(hub, record, *said.split("/", 1))
    return record.model_copy(update={"said": {**record.said, field: said}})


async def _check_free(hub: Hub, record: Record, connection: str, object_: str) -> None:
    link = await journal.load(hub.store, Link, link_id(record.tenant, record.kind, connection, object_))
    if link is None:
        return
    other = (await record_of(hub.store, link.model.record)).model
    if other.id != record.id and not may_join(record, other):
        cards = ", ".join(f"{name}/{side.object}" for name, side in sorted(other.live.items()))
        raise ConfigError(
            _(
                "{connection}/{object} is one person with {cards} already: merge the two cards there first, or say "
                "{new} or {none}",
                connection=connection, object=object_, cards=cards, new=NEW, none=NONE,
            )
        )  # fmt: skip
