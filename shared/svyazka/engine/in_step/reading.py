"""All sides of a record as their systems show them now. Nothing is claimed yet, and nothing changed by it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from time import monotonic
from typing import Any, TypeVar

from svyazka.catalogue import N_
from svyazka.engine.calling.call_factory import call_to
from svyazka.engine.calling.exchanges import exchanges
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import Fate, Records
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.flows import InStep
from svyazka.engine.in_step.reading_ahead import Ahead, Behind
from svyazka.engine.outages.learning import Outages
from svyazka.engine.support.logs import log, where
from svyazka.engine.tenants.directory import Account
from svyazka.model.deliveries import Delivery
from svyazka.model.errors import (
    ConfigError,
    LeaseTooShort,
    MaybeSent,
    NoPlace,
    NotSent,
    SourceUnavailable,
)
from svyazka.model.in_step import Record, SideState
from svyazka.model.outages import Outage
from svyazka.model.outcomes import Retry
from svyazka.model.reasons import Reason
from svyazka.model.records import Object
from svyazka.model.tenants import Tenant

FoundT = TypeVar("FoundT")
Way = tuple[Records[Any], Call[Any], Account]
"""What a system is asked with."""


@dataclass(frozen=True, slots=True)
class Seen:
    """What one system says of one side."""

    object: Object | None
    """None: it isn't shown. Whether it is gone says `state`."""
    state: SideState
    at: float
    """By the process's own clock, for how fresh it is."""
    since: datetime | None = None
    """When it was read, where that was before this look began."""


@dataclass(frozen=True, slots=True)
class NotNow:
    """A system that can't be asked just now, and why."""

    connection: str
    code: str
    message: str
    after: float | None = None
    """Seconds until its rate has a place; None: it is in trouble."""


class Reader:
    """Reads sides."""

    def __init__(self, hub: Hub, outages: Outages) -> None:
        self._hub, self._outages = hub, outages
        self._ahead = Ahead(hub)

    async def sides(
        self, record: Record, flow: InStep, tenant: Tenant, delivery: Delivery
    ) -> dict[str, Seen | NotNow]:  # fmt: skip
        """Every side in the flow that isn't known to be gone, the one to be written to last: so it is the freshest."""
        names = sorted(flow.systems(record), key=lambda name: (name == delivery.connection, name))
        behind = self._ahead.behind(record, delivery)
        return {name: await self._side(record, name, flow, tenant, delivery, behind) for name in names}

    async def _side(
        self, record: Record, connection: str, flow: InStep, tenant: Tenant, delivery: Delivery, behind: Behind
    ) -> Seen | NotNow:
        found = await self.at(flow, tenant, connection, delivery)
        if isinstance(found, NotNow):
            return found
        records, call, account = found
        id_ = record.systems[connection].object

        async def look() -> Seen:
            if records.reads_at_once > 1:
                seen = await self._with_others(record, connection, records, call, behind)
            else:
                there = await records.read_many(record.kind, [id_], call)
                seen = Seen(there[0], SideState.LIVE, monotonic()) if there else None
            if seen is not None:
                return seen
            fate = await records.fate(record.kind, id_, call)
            # What this user isn't shown may be there all the same: it says nothing.
            state = {Fate.THERE: SideState.LIVE, Fate.HIDDEN: SideState.SUSPECT}.get(fate, SideState.GONE)
            return Seen(None, state, monotonic())

        return await self.asked(account, delivery, look)

    async def _with_others(
        self, record: Record, connection: str, records: Records[Any], call: Call[Any], behind: Behind
    ) -> Seen | None:
        """One side, read together with those of records that wait behind it; or as another look has read it."""
        async with self._ahead.turn(record.tenant, connection):
            known, clock = self._ahead.use(record, connection), self._hub.clock
            if known is not None:
                age = (clock.real() - known.at).total_seconds()
                return Seen(known.object, SideState.LIVE, monotonic() - age, known.since)
            others = await behind.to_read(connection, records.reads_at_once)
            real, since = clock.real(), clock.now()
            ids = [one.systems[connection].object for one in (record, *others)]
            there = {one.id: one for one in await records.read_many(record.kind, list(dict.fromkeys(ids)), call)}
            self._ahead.keep(connection, others, there, real, since)
        own = there.get(ids[0])
        return Seen(own, SideState.LIVE, monotonic()) if own is not None else None

    async def at(self, flow: InStep, tenant: Tenant, connection: str, delivery: Delivery) -> Way | NotNow:
        """What a system is asked with; NotNow while it is in trouble, unless this delivery is to see whether it still
        is."""
        try:
            account = await self._hub.directory.account(tenant.id, connection)
        except ConfigError as error:
            return NotNow(connection, "settings", str(error))
        records = flow.records_if_any(connection, account.manifest) if account is not None else None
        if account is None or records is None or account.missing or connection in tenant.paused_connections:
            return NotNow(connection, "connection", N_("{connection} can't be used").format(connection=connection))
        held = await self._outages.of(tenant.id, connection)
        if held is not None and not await self._goes_to_see(tenant, delivery, held.model):
            message = N_("{connection} is {kind} at the moment: {why}").format(
                connection=connection, kind=held.model.kind, why=held.model.message
            )
            return NotNow(connection, held.model.code, message)
        call = call_to(self._hub, account, exchanges(self._hub, account), key=delivery.key)
        call.only_read = True
        return records, call, account

    async def _goes_to_see(self, tenant: Tenant, delivery: Delivery, outage: Outage) -> bool:
        """Whether it is to see if a system is well again: this one, or another one that is in trouble too. Else two
        that were away at once would wait for each other, for a look at one needs the other."""
        if outage.probe == delivery.id:
            return True
        others = [await self._outages.of(tenant.id, name) for name in tenant.connections if name != outage.connection]
        return any(one is not None and one.model.probe == delivery.id for one in others)

    async def sees(self, flow: InStep, tenant: Tenant, delivery: Delivery, but: str = "") -> None:
        """A delivery that must wait, for one system (`but`) or for something else, asks those in trouble that it was
        sent to see after, and hasn't come to: they may be well again, and nobody else would notice."""
        for name in flow.rules.between:
            held = await self._outages.of(tenant.id, name) if name != but else None
            if held is None or held.model.probe != delivery.id:
                continue
            way = await self.at(flow, tenant, name, delivery)
            if not isinstance(way, NotNow):
                records, call, account = way
                # Any answer will do, whether there is such a card or not.
                await self.asked(account, delivery, partial(records.read_many, flow.rules.kind, ["1"], call))

    async def asked(
        self, account: Account, delivery: Delivery, look: Callable[[], Awaitable[FoundT]]
    ) -> FoundT | NotNow:
        """What a look found; NotNow where its system fails. Either way its outage learns of it."""
        try:
            found = await look()
        except NoPlace as error:
            return NotNow(account.name, "rate", str(error), error.wait)
        except LeaseTooShort as error:
            return NotNow(account.name, "slow", str(error))
        except (NotSent, MaybeSent, SourceUnavailable) as error:
            await self._outages.learn(account, error, of_source=True)
            outcome = getattr(error, "outcome", None)
            code, message = getattr(outcome, "code", "unavailable"), getattr(outcome, "message", str(error))
            failed = Retry(code=code, message=message, reason=Reason.OUT_OF_SERVICE)
            await self._outages.probing.failed(account, delivery, failed)
            return NotNow(account.name, code, message)
        except Exception as error:
            log("ERROR", "connector failed", vendor=account.vendor, error=type(error).__name__, where=where(error))
            return NotNow(account.name, f"connector_{type(error).__name__}", N_("our connector failed"))
        self._outages.answered(account)
        if await self._outages.of(account.tenant.id, account.name) is not None:
            await self._outages.close(account.tenant, account.name)
        return found


def objects(seen: Mapping[str, Seen | NotNow]) -> dict[str, Object]:
    """What could be read."""
    return {name: one.object for name, one in seen.items() if isinstance(one, Seen) and one.object is not None}
