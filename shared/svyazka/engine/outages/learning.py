"""What calls teach us of connections: when one counts as in trouble, and when that is over."""

from __future__ import annotations

from svyazka.engine.hub import Hub
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.outages.probing import Probing, wanted
from svyazka.engine.outages.release import Releasing
from svyazka.engine.outages.state import OutageStates
from svyazka.engine.problems.cards import proven
from svyazka.engine.rules.ambiguity import not_called
from svyazka.engine.support.redaction import redact
from svyazka.engine.tenants.directory import Account
from svyazka.model.deliveries import Delivery
from svyazka.model.errors import LeaseTooShort, PlainHttp, RefusedAddress
from svyazka.model.ids import connection_id
from svyazka.model.outages import Outage
from svyazka.model.outcomes import Blocked, GaveBack, Outcome, Refused, Retry, Succeeded, Unknown, WaitsFor
from svyazka.model.reasons import Reason
from svyazka.model.tenants import Tenant

THRESHOLD = 5
"""Calls of a connection in a row that failed, within one worker, before it counts as down."""

PATIENCE = 3
"""Failures of one delivery after which its connection counts as down whoever else succeeded."""

PROOF = 3
"""Real answers after an outage, within one worker, that prove it to be over for good."""


class Outages(OutageStates):
    """One vendor's outage is that vendor's only (DESIGN 5.9)."""

    def __init__(self, hub: Hub) -> None:
        super().__init__(hub)
        self.probing = Probing(hub, self)
        self.releasing = Releasing(hub, self)
        self._failures: dict[str, int] = {}
        self._answers: dict[str, tuple[str, int]] = {}
        """Of connections that this worker saw recover: the problem that is to be proven over, and answers since."""

    async def note(self, account: Account, delivery: Delivery, outcome: Outcome) -> bool:
        """Learn from an attempt before it is settled; True when its delivery must park.

        The first attempt over the threshold creates the outage; a probe that got any real answer ends it.
        """
        if isinstance(outcome, WaitsFor):
            return await self._waits(account, delivery, outcome)
        key = connection_id(account.tenant.id, account.name)
        troubled = isinstance(outcome, Blocked) or (isinstance(outcome, Retry | Unknown) and outcome.outage)
        if not troubled:
            if isinstance(outcome, Succeeded | Refused):
                self._failures.pop(key, None)
                if key in self._answers:
                    await self._count(account.tenant, key)
                for name in dict.fromkeys((account.name, delivery.hangs_on)):  # the other's probe has got past it
                    if await self.of(account.tenant.id, name) is not None:
                        await self.close(account.tenant, name)
            elif isinstance(outcome, GaveBack) and await self.of(account.tenant.id, account.name) is not None:
                await self.probing.gave_back(account.tenant.id, account.name, delivery)
            return False
        assert isinstance(outcome, Blocked | Retry | Unknown)
        if await self.of(account.tenant.id, account.name) is not None:
            await self.probing.failed(account, delivery, outcome)
            return True
        self._failures[key] = self._failures.get(key, 0) + 1
        over = self._failures[key] >= THRESHOLD or delivery.failures + 1 >= PATIENCE
        if not isinstance(outcome, Blocked) and not over:
            return False
        await self.open(
            account, "blocked" if isinstance(outcome, Blocked) else "down", outcome.code, outcome.message,
            since=delivery.first_failed_at, remedy=outcome.remedy if isinstance(outcome, Blocked) else None,
            after=wanted(outcome),
        )  # fmt: skip
        return True

    async def _waits(self, account: Account, delivery: Delivery, outcome: WaitsFor) -> bool:
        """Whether the connection that it waits for is in trouble: then it is the one to be waited out, and where this
        was its probe, that failed."""
        other = await self._hub.directory.account(account.tenant.id, outcome.connection)
        if other is None or await self.of(account.tenant.id, outcome.connection) is None:
            return False
        failed = Retry(code=outcome.code, message=outcome.message, reason=Reason.OUT_OF_SERVICE)
        await self.probing.failed(other, delivery, failed)
        return True

    def answered(self, account: Account) -> None:
        """A source could be read."""
        self._failures.pop(connection_id(account.tenant.id, account.name), None)

    async def learn(self, account: Account, error: Exception, *, of_source: bool = False) -> None:
        """A poll or a read failed: what a person has to mend is told as when a delivery meets it. `of_source`: its
        events rest on what is read, so that it counts as down after as many failures as for deliveries."""
        if isinstance(error, RefusedAddress | PlainHttp):
            outcome: object = not_called(error)
        else:
            outcome = getattr(error, "outcome", None)
        message = redact(str(getattr(outcome, "message", error)), account.secrets)
        if isinstance(outcome, Blocked):
            await self.open(account, "blocked", outcome.code, message, remedy=outcome.remedy)
        elif of_source and not isinstance(error, LeaseTooShort) and getattr(outcome, "outage", True):
            key = connection_id(account.tenant.id, account.name)
            self._failures[key] = self._failures.get(key, 0) + 1
            if self._failures[key] >= THRESHOLD:
                await self.open(account, "down", getattr(outcome, "code", "unavailable"), message)

    async def close(self, tenant: Tenant, connection: str) -> bool:
        """As `OutageStates.close`; the answers that follow prove it."""
        held = await self.of(tenant.id, connection, fresh=True)
        closed = await super().close(tenant, connection)
        if closed and held is not None and held.model.problem is not None:
            self._answers[connection_id(tenant.id, connection)] = (held.model.problem, 1)
        return closed

    async def _count(self, tenant: Tenant, key: str) -> None:
        problem, count = self._answers[key]
        if count + 1 < PROOF:
            self._answers[key] = (problem, count + 1)
            return
        del self._answers[key]
        await proven(self._hub, tenant, problem)

    async def resume(self, tenant_id: str, connection: str) -> None:
        """Settings, secrets or an authorisation changed: what was blocked for want of them is tried at once. Whether
        that was it, the vendor's answer tells."""
        held = await self.of(tenant_id, connection, fresh=True)
        tenant = await self._hub.directory.tenant(tenant_id)
        if held is None or tenant is None:
            await self.releasing.release(tenant_id, connection)
        elif held.model.kind == "blocked":
            await self.probing.at_once(tenant, connection)

    async def wake(self, held: Versioned[Outage]) -> None:
        """What the sweep does for an outage that is due: send a probe, go on releasing."""
        outage = held.model
        tenant = await self._hub.directory.tenant(outage.tenant)
        if tenant is None or outage.connection not in tenant.connections:
            await self.end(held)
        elif not outage.is_open:
            await self.releasing.again(held)
        else:
            if outage.problem is None:
                held = await self.adopt(tenant, held) or held
            await self.probing.due(held, tenant)
