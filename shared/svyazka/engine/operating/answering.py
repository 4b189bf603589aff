"""A person's answer to what systems in step ask: whose value holds, that the difference may stay, that it goes on."""

from __future__ import annotations

from svyazka.catalogue import _
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.braking import going_on
from svyazka.engine.in_step.doubting import LEAVE
from svyazka.engine.in_step.flows import InStep
from svyazka.engine.in_step.holding_back import GO_ON
from svyazka.engine.in_step.wanting import Wanting, record_of
from svyazka.engine.journal import documents as journal
from svyazka.model.bases import Accepted, AcceptedFor, Decided
from svyazka.model.errors import ConfigError, Conflict, Unavailable
from svyazka.model.in_step import Record
from svyazka.model.tenants import Tenant

TRIES = 5


async def answer(hub: Hub, tenant: Tenant, flow: InStep, record: str, field: str, said: str) -> None:
    """Take an answer down, and have the record looked at. It is about what the sides showed when it was asked: if one
    of them shows another value by now, it is asked anew. Raises ConfigError, Unavailable."""
    for _try in range(TRIES):
        try:
            held = await record_of(hub.store, record)
        except LookupError:
            raise ConfigError(
                _("no record {record}: see `svyazka sync status {tenant}`", record=record, tenant=tenant.id)
            ) from None
        if held.model.tenant != tenant.id or held.model.kind is not flow.rules.kind:
            raise ConfigError(_("record {record} is none of {flow}", record=record, flow=flow.id))
        after = answered(held.model, field, said).model_copy(update={"moves": held.model.moves + 1})
        try:
            await hub.store.commit([journal.replace(after, held.version)])
        except Conflict:
            continue
        await Wanting(hub).wish(tenant, flow, held.model.id)
        return
    raise Unavailable(_("it is looked at in this moment: run this again"))


def answered(record: Record, field: str, said: str) -> Record:
    """The record with the answer. Raises ConfigError where that isn't one."""
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
    if said == LEAVE:
        left = Accepted(sides=saw, why=AcceptedFor.LEFT)
        return record.model_copy(update={"accepted": {**record.accepted, field: left}})
    if said not in saw:
        known = ", ".join([*saw, LEAVE])
        raise ConfigError(
            _("expected whose value holds, or that it stays: {known}; got {said!r}", known=known, said=said)
        )
    return record.model_copy(update={"decided": {**record.decided, field: Decided(winner=said, sides=saw)}})
