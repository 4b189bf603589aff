"""What the console asked for is looked at again, carried out and answered.

The console only puts requests down: it holds no credentials, and what a person may do is not its to decide. A worker
that dies between the deed and the answer does it once more, so each deed recognises itself: it leaves the request's id
in what it changes, or finds that it is so already.
"""

from __future__ import annotations

from collections.abc import Callable

from svyazka.catalogue import N_
from svyazka.engine.contracts.webhook import Webhook
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import request_task
from svyazka.engine.operating.deeds import Answer, Deeds, Hands, Refused, role_of
from svyazka.engine.operating.deeds_of_access import DeedsOfAccess
from svyazka.engine.operating.deeds_of_deliveries import DeedsOfDeliveries
from svyazka.engine.operating.deeds_of_jobs import DeedsOfJobs
from svyazka.engine.operating.deeds_of_money import DeedsOfMoney
from svyazka.engine.operating.deeds_of_people import DeedsOfPeople
from svyazka.engine.operating.deeds_of_sync import DeedsOfSync
from svyazka.engine.operating.deeds_of_tenants import DeedsOfTenants
from svyazka.engine.operating.preview import Preview
from svyazka.engine.outages.learning import Outages
from svyazka.engine.ports.store import Document, Put
from svyazka.engine.security.sealing import vault_lock
from svyazka.engine.support.failpoints import reach
from svyazka.model.errors import ConfigError, Conflict
from svyazka.model.requests import NEEDED, VAULT_LOCK, Request
from svyazka.model.tenants import Tenant


class Requests:
    """Carries them out."""

    def __init__(
        self,
        hub: Hub,
        outages: Outages,
        webhook_of: Callable[[str], Webhook | None],
        hands: Hands,
        preview: Preview,
    ) -> None:
        self._hub = hub
        self._deeds: Deeds = {
            **DeedsOfDeliveries(hub, outages, webhook_of).deeds, **DeedsOfJobs(hub).deeds,
            **DeedsOfAccess(hub, hands).deeds, **DeedsOfTenants(hub, hands, preview).deeds,
            **DeedsOfSync(hub, outages).deeds, **DeedsOfPeople(hub).deeds,
            **DeedsOfMoney(hub, outages).deeds,
        }  # fmt: skip
        self._lock_is_shown = False

    async def show_lock(self) -> None:
        """Lay the vault's lock where those find it who have no vault; once in a process's life."""
        if self._lock_is_shown:
            return
        lock = vault_lock(self._hub.keyring)
        there = await self._hub.store.get("meta", VAULT_LOCK)
        if there is None or there.data.decode() != lock:
            await self._hub.store.commit([Put(Document("meta", VAULT_LOCK, {}, lock.encode()))])
        self._lock_is_shown = True

    async def carry_out(self, id_: str) -> None:
        """One request, unless it has been answered."""
        held = await journal.load(self._hub.store, Request, id_)
        if held is None or held.model.state != "asked":
            return
        request = held.model
        try:
            tenant = await self._allowed(request)
            came = await self._deeds[request.wish](request, tenant)
        except (ConfigError, Refused) as error:
            await self._answered(held, "refused", Answer(str(error)))
        except Conflict:
            await self._hub.queue.enqueue([request_task(id_)])
        else:
            if came is not None:
                reach("request.before_answer")
                await self._answered(held, "done", Answer(came) if isinstance(came, str) else came)

    async def _allowed(self, request: Request) -> Tenant:
        """Rights are looked at here and now, whatever the console believed, and however old what we know of the
        tenant's file is: whoever was taken from it does nothing more."""
        held = await journal.load(self._hub.store, Tenant, request.tenant)
        if held is None:
            raise Refused(N_("this business isn't here any more"))
        role = await role_of(self._hub, request, held.model)
        if role is None or not role.covers(NEEDED[request.wish]):
            raise Refused(N_("this role may not do that: ask the owner"))
        return held.model

    async def _answered(self, held: journal.Versioned[Request], state: str, answer: Answer) -> None:
        now = self._hub.clock.now()
        answered = held.model.answered(state, answer.text, now, answer.link, answer.leads, answer.shown)
        line = answered.audit_line(now)
        try:
            await self._hub.store.commit([journal.replace(answered, held.version), journal.create(line)])
        except Conflict:
            return  # another worker, or the deed itself, has answered it
