"""Buttons about access: a new key or token, an account's owner who agrees, a login and a password."""

from __future__ import annotations

from collections.abc import Sequence

from svyazka.catalogue import N_
from svyazka.engine.calling.oauth.authorise import CodeNotYet, CodeRefused, code_in, exchange, invitation
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.operating.deeds import Answer, Deeds, Hands, Refused, connection_in
from svyazka.engine.ports.store import Write
from svyazka.engine.security.sealing import opened_for_vault
from svyazka.engine.tenants.directory import Account
from svyazka.model.requests import Request, Wish
from svyazka.model.tenants import Tenant


class DeedsOfAccess:
    """Carries them out. What was typed comes sealed to the vault's lock, and is opened here only."""

    def __init__(self, hub: Hub, hands: Hands) -> None:
        self._hub, self._hands = hub, hands
        self.deeds: Deeds = {
            Wish.SET_SECRET: self._secret_set, Wish.AUTHORISE: self._invited, Wish.TAKE_CODE: self._code_taken,
        }  # fmt: skip

    def _typed(self, request: Request) -> str:
        if request.sealed is None:
            raise Refused(N_("nothing was typed"))
        return opened_for_vault(self._hub.keyring, request.sealed, request.context)

    async def _secret_set(self, request: Request, tenant: Tenant) -> str:
        """The same again is the same; an older one never comes after a newer one: the answer is in its commit."""
        value = self._typed(request)
        said = N_("it is kept, and used at once")
        await self._hands.set_secret(self._hub, tenant, request.about, value, await self._end_of(request, said))
        return said

    async def _end_of(self, request: Request, said: str) -> Sequence[Write]:
        """The request's own end, so that nobody sets it once more."""
        held = await journal.load(self._hub.store, Request, request.id)
        if held is None or held.model.state != "asked":
            raise Refused(N_("it was done"))
        answered = held.model.answered("done", said, self._hub.clock.now())
        line = request.audit_line(self._hub.clock.now())
        return [journal.replace(answered, held.version), journal.create(line)]

    async def _account(self, request: Request, tenant: Tenant) -> Account:
        account = await self._hub.directory.account(tenant.id, connection_in(tenant, request.about))
        if account is None:
            raise Refused(N_("there is no such connection"))
        return account

    async def _invited(self, request: Request, tenant: Tenant) -> Answer:
        account = await self._account(request, tenant)
        invited = invitation(self._hub, account, account.generation)
        return Answer(N_("open the system's page as its administrator and agree"), link=invited.url)

    async def _code_taken(self, request: Request, tenant: Tenant) -> str:
        """The same code once more changes nothing."""
        account = await self._account(request, tenant)
        try:
            await exchange(self._hub, account, code_in(account, self._typed(request)))
        except (CodeRefused, CodeNotYet) as error:
            raise Refused(str(error)) from None
        return N_("we have access; what waited for it goes on")
