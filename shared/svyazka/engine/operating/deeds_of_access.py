"""Buttons about access: a new key or token, an account's owner who agrees, a login and a password."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.engine.calling.oauth.authorise import CodeNotYet, CodeRefused, code_in, exchange, invitation
from svyazka.engine.hub import Hub
from svyazka.engine.operating.deeds import Answer, Deeds, Hands, Refused, connection_in, end_of, typed
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

    async def _secret_set(self, request: Request, tenant: Tenant) -> str:
        """The same again is the same; an older one never comes after a newer one: the answer is in its commit."""
        value = typed(self._hub, request)
        said = N_("it is kept, and used at once")
        await self._hands.set_secret(self._hub, tenant, request.about, value, await end_of(self._hub, request, said))
        return said

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
            await exchange(self._hub, account, code_in(account, typed(self._hub, request)))
        except (CodeRefused, CodeNotYet) as error:
            raise Refused(str(error)) from None
        return N_("we have access; what waited for it goes on")
