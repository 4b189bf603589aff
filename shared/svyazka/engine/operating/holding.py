"""What was held because it happened to many at once: a person looks at it, and says what becomes of all of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass
from datetime import datetime

from svyazka.catalogue import _
from svyazka.engine.comparing.holds import released_change, released_deletions, released_making
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.doubting import GO_ON, LEAVE, MADE, WHOSE
from svyazka.engine.in_step.flows import InStep, switch_of
from svyazka.engine.in_step.wanting import Wanting
from svyazka.engine.journal import documents as journal
from svyazka.engine.operating.syncing import records
from svyazka.engine.ports.store import Write
from svyazka.model.errors import ConfigError, Conflict, Unavailable
from svyazka.model.in_step import Counted, HoldAnswer, MassKind, Switch, switch_id
from svyazka.model.tenants import Tenant

TRIES = 5


@dataclass(frozen=True, slots=True)
class Held:
    """One thing that waits."""

    what: str
    """A field, or `@` and a connection: the deletions there; `+` and a connection: what would be made there."""
    why: MassKind
    count: int
    """Records that wait with it by now."""
    since: datetime
    examples: tuple[str, ...]
    """Ids of some of the records that made it too many."""
    choices: tuple[str, ...]
    """What may be said of it."""


async def held(hub: Hub, tenant: Tenant, flow: InStep) -> list[Held]:
    """What waits of a flow, the oldest first."""
    switch = await switch_of(hub, tenant.id, flow.id)
    if not switch.held:
        return []
    counts = dict.fromkeys(switch.held, 0)
    async for record in records(hub, tenant, flow, "held"):
        for what in record.held.keys() & counts.keys():
            counts[what] += 1
    found = [
        Held(what, one.why, counts[what], one.since, one.examples, choices_of(flow, what))
        for what, one in switch.held.items()
    ]
    return sorted(found, key=lambda one: (one.since, one.what))


def choices_of(flow: InStep, what: str) -> tuple[str, ...]:
    """What may be said: it goes on; it stays as it is on each side; and of a field, whose values hold everywhere."""
    return (GO_ON, LEAVE) if what.startswith((WHOSE, MADE)) else (GO_ON, LEAVE, *flow.rules.between)


async def let_go(
    hub: Hub, tenant: Tenant, flow: InStep, what: str, said: str, *, dry_run: bool = False
) -> AsyncIterator[str]:
    """Say what becomes of all that waits; the records that are (in a dry run: would be) looked at anew.

    The word is taken down first, for all that was held up to then. So whoever dies on the way has lost nothing: each
    record does as was said when it is next looked at, and the night looks at each. Raises ConfigError, Unavailable.
    """
    choices = choices_of(flow, what)
    if said not in choices:
        raise ConfigError(_("expected one of {choices}, got {said!r}", choices=", ".join(choices), said=said))
    since = await _answered(hub, tenant, flow, what, said, dry_run)
    wanting = Wanting(hub)
    async for record in records(hub, tenant, flow, "held"):
        at = record.held.get(what)
        if at is None or at > since:
            continue
        if not dry_run:
            await wanting.wish(tenant, flow, record.id)
        yield record.id


async def _answered(hub: Hub, tenant: Tenant, flow: InStep, what: str, said: str, dry_run: bool) -> datetime:
    """Take it down, and begin the count anew; since when nothing is held any more."""
    id_ = switch_id(tenant.id, flow.id)
    for _try in range(TRIES):
        there, now = await journal.load(hub.store, Switch, id_), hub.clock.now()
        if there is None or what not in there.model.held:
            answered = there.model.said.get(what) if there is not None else None
            if answered is not None and answered.said == said:
                return answered.at  # whoever said so died before all were looked at
            known = ", ".join(there.model.held) if there is not None else ""
            raise ConfigError(_("{what!r} isn't held; held: {known}", what=what, known=known or _("nothing")))
        if dry_run:
            return now
        kept = {name: one for name, one in there.model.held.items() if name != what}
        after = there.model.model_copy(
            update={"held": kept, "said": {**there.model.said, what: HoldAnswer(said=said, at=now)}}
        )
        writes: list[Write] = [journal.replace(after, there.version)]
        counter = await journal.load(hub.store, Counted, there.model.held[what].counter)
        if counter is not None:
            anew = counter.model.model_copy(
                update={
                    "change": released_change(counter.model.change),
                    "deletions": released_deletions(counter.model.deletions),
                    "making": released_making(counter.model.making),
                }
            )
            writes.append(journal.replace(anew, counter.version))
        try:
            await hub.store.commit(writes)
        except Conflict:
            continue
        return now
    raise Unavailable(_("others say of it in this moment: run this again"))
