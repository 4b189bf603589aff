"""Hands out access, renewed by one instance at a time (DESIGN 5.4 and 6).

What happens when the process dies or freezes:

* after the claim, before the call: nothing was asked. After lease + grace another takes the claim over.
* between the call and the store: the pair is lost. Whoever takes over asks once more with the old refresh
  token; a vendor that honours it gives another pair, one that doesn't means a new authorisation, said clearly.
* after the store, before the first use: the new pair is there, and the one before it beside it until the new
  one has worked.
* frozen past lease + grace and then awake: its refusal is dropped, its pair is merged.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from svyazka.catalogue import N_
from svyazka.engine.calling.exchanges import exchanges
from svyazka.engine.calling.oauth.endpoint import Failure, ask, refresh_fields
from svyazka.engine.calling.oauth.grant import (
    claimed,
    failed,
    is_leased,
    means,
    proven,
    seal,
    unseal,
    usable,
    with_late_pair,
    with_pair,
)
from svyazka.engine.contracts.calls import Access, Authorisation
from svyazka.engine.contracts.oauth import OAuthApp
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.tasks import resume_task
from svyazka.engine.rules.deadlines import LEASE, TAKE_OVER_GRACE
from svyazka.engine.support.failpoints import reach
from svyazka.engine.support.logs import log
from svyazka.model.errors import Conflict, SourceUnavailable, Unavailable
from svyazka.model.grants import Grant, Pair, Trouble
from svyazka.model.ids import connection_id
from svyazka.model.outcomes import Blocked, Outcome, Retry
from svyazka.model.reasons import Reason

if TYPE_CHECKING:
    from svyazka.engine.hub import Hub
    from svyazka.engine.tenants.directory import Account

PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8, 1.0, 1.0, 1.0, 1.0, 1.0)
"""Seconds between looks while another instance renews; whoever has waited them all tries again later."""

STORE_TRIES = 6
NEEDED = "authorisation_needed"
_KNOWN, _FLIGHT, _UNSAVED = "oauth.known", "oauth.flight", "oauth.unsaved"


class NoAccess(SourceUnavailable):
    """There is no access just now (Retry), or none until somebody authorises us or mends a setting (Blocked)."""

    def __init__(self, outcome: Blocked | Retry) -> None:
        super().__init__(outcome.message)
        self.outcome: Outcome | None = outcome


@dataclass(frozen=True, slots=True)
class StoredPair:
    """The pair that this process last saw stored."""

    grant: Grant
    version: str | None
    pair: Pair


def needed(account: Account, why: str, hint: str = "") -> NoAccess:
    """A new authorisation is needed, with the way to give it: in Russian, for the business is told."""
    remedy = f"svyazka auth {account.tenant.id}/{account.name}" + (f" ({hint})" if hint else "")
    message = N_("доступ нужно выдать заново: {why}").format(why=why)
    return NoAccess(Blocked(code=NEEDED, message=message, remedy=remedy, reason=Reason.NO_ACCESS))


def _retry(code: str, message: str) -> Retry:
    """Access isn't there yet, and nothing is known against its vendor."""
    return Retry(code=code, message=message, reason=Reason.NO_ACCESS, outage=False)


def authorisation_of(hub: Hub, account: Account) -> Authorised | None:
    """The connection's access by OAuth, or None where its settings ask for another kind."""
    app = account.manifest.access.app(account.settings) if account.manifest.access else None
    return Authorised(hub, account, app) if app is not None else None


class Authorised(Authorisation):
    """One connection's access; what it remembers lies in the hub's memo, so instances are cheap."""

    def __init__(self, hub: Hub, account: Account, app: OAuthApp) -> None:
        self._hub = hub
        self._account = account
        self._app = app
        self._memo: dict[str, Any] = hub.memo(account)

    async def access(self) -> Access:
        return await self._usable(None)

    async def renewed(self, refused: str) -> Access:
        return await self._usable(refused)

    async def worked(self, token: str) -> None:
        known: StoredPair | None = self._memo.get(_KNOWN)
        if known is None or known.pair.access != token or known.grant.worked:
            return
        grant = proven(known.grant)
        self._memo[_KNOWN] = StoredPair(grant, known.version, known.pair)
        # On Conflict another instance has updated the grant; to drop its old refresh token is that instance's job.
        with contextlib.suppress(Conflict, Unavailable):
            (version,) = await self._hub.store.commit([journal.replace(grant, known.version)])
            self._memo[_KNOWN] = StoredPair(grant, version, known.pair)

    async def _usable(self, refused: str | None) -> Access:
        for _ in range(3):
            known: StoredPair | None = self._memo.get(_KNOWN)
            if known is None or not self._is_usable(known, refused):
                known = await self._flight(refused)
            if self._is_usable(known, refused):
                base_url = self._app.base_url or known.pair.base_url or known.grant.base_url
                return Access(known.pair.access, base_url)
        raise NoAccess(_retry("not_renewed", N_("the vendor gave no other access token")))

    def _is_usable(self, known: StoredPair, refused: str | None) -> bool:
        ours = known.grant.client_id == self._app.client_id
        return ours and usable(known.pair, refused, self._hub.clock.real())

    async def _flight(self, refused: str | None) -> StoredPair:
        """One at a time in this process; a caller that gives up doesn't take the renewal with it."""
        flight: asyncio.Task[StoredPair] | None = self._memo.get(_FLIGHT)
        if flight is None or flight.done():
            flight = self._memo[_FLIGHT] = asyncio.create_task(self._obtain(refused))
            flight.add_done_callback(_looked_at)
        return await asyncio.shield(flight)

    async def _obtain(self, refused: str | None) -> StoredPair:
        hub, clock = self._hub, self._hub.clock
        await self._save_unsaved()
        for pause in PAUSES:
            known = self._judged(await self._load())
            if usable(known.pair, refused, clock.real()):
                return known
            self._heed_refusal(known.grant)
            if is_leased(known.grant, clock.real()):
                await asyncio.sleep(pause)
                continue
            wake_at = clock.in_real(LEASE + TAKE_OVER_GRACE)
            grant = claimed(known.grant, clock.real(), wake_at)
            reach("oauth.before_claim")
            try:
                (version,) = await hub.store.commit([journal.replace(grant, known.version)])
            except Conflict:
                continue
            reach("oauth.after_claim")
            renewed = await self._renew(grant, version)
            if renewed is not None:
                return renewed
        raise NoAccess(_retry("renewing", N_("another instance is renewing the access")))

    def _judged(self, held: Versioned[Grant] | None) -> StoredPair:
        """The stored pair. Raises NoAccess where only a new authorisation helps."""
        self._memo.pop(_KNOWN, None)
        grant = held.model if held else None
        if held is None or grant is None or (grant.sealed is None and not grant.dead):
            raise needed(self._account, N_("его ещё не выдавали"))
        if grant.client_id != self._app.client_id:
            raise needed(self._account, N_("client_id с тех пор сменился"))
        if grant.dead or grant.sealed is None:
            trouble = grant.trouble or Trouble(code=NEEDED, message=N_("прежний больше не действует"))
            raise needed(self._account, trouble.message, trouble.remedy)
        known = StoredPair(grant, held.version, unseal(self._hub.keyring, grant.id, grant.sealed))
        self._memo[_KNOWN] = known
        return known

    def _heed_refusal(self, grant: Grant) -> None:
        """Raises NoAccess while the last renewal's refusal stands: whoever else waits for access learns it from here,
        and not from the vendor."""
        left = (grant.again_at - self._hub.clock.real()).total_seconds() if grant.again_at else 0.0
        if left <= 0 or grant.trouble is None or grant.asked_with != means(self._app):
            return
        trouble = grant.trouble
        if grant.needs_hand:
            raise NoAccess(
                Blocked(
                    code=trouble.code, message=trouble.message, remedy=trouble.remedy, reason=Reason.NO_ACCESS
                )
            )  # fmt: skip
        raise NoAccess(
            Retry(code=trouble.code, message=trouble.message, after=left, reason=Reason.OUT_OF_SERVICE)
        )  # fmt: skip

    # One renewal under a claim

    async def _renew(self, grant: Grant, version: str) -> StoredPair | None:
        """Ask and store. None: the claim was lost meanwhile, look again. Raises NoAccess, Unavailable."""
        answer = await self._ask(grant)
        reach("oauth.after_call")
        if isinstance(answer, Pair):
            known = await self._keep(Versioned(grant, version), answer)
            log("NOTICE", "access renewed", tenant=grant.tenant, connection=grant.connection, vendor=grant.vendor)
            return known
        try:
            given_back = failed(grant, answer, self._hub.clock.now(), self._hub.clock.real(), means(self._app))
            await self._hub.store.commit([journal.replace(given_back, version)])
        except Conflict:
            return None
        self._memo.pop(_KNOWN, None)
        trouble = answer.trouble
        log(
            "ERROR" if answer.do == "reauthorise" else "WARNING", "access not renewed", tenant=grant.tenant,
            connection=grant.connection, vendor=grant.vendor, code=trouble.code,
        )  # fmt: skip
        if answer.do == "reauthorise":
            raise needed(self._account, trouble.message, trouble.remedy)
        raise NoAccess(answer.outcome())

    async def _ask(self, grant: Grant) -> Pair | Failure:
        """The present refresh token, then those that may still be good, each once."""
        http = exchanges(self._hub, self._account, lease_until=grant.lease_until)
        trouble = Trouble(code="no_refresh_token", message=N_("сервис не дал токена обновления"))
        answer: Pair | Failure = Failure("reauthorise", trouble)
        for sealed in (grant.sealed, *grant.spares):
            pair = unseal(self._hub.keyring, grant.id, sealed) if sealed else None
            if pair is None or pair.refresh is None:
                continue
            reach("oauth.before_call")
            base_url = self._app.base_url or grant.base_url
            fields = refresh_fields(self._app, pair.refresh)
            answer = await ask(http, self._app, base_url, fields, self._hub.clock.real())
            if isinstance(answer, Pair):
                # A vendor that doesn't rotate sends no new refresh token: the old one stays good.
                return answer if answer.refresh else answer.model_copy(update={"refresh": pair.refresh})
            if answer.do != "reauthorise":
                return answer
        return answer

    async def _keep(self, held: Versioned[Grant], pair: Pair) -> StoredPair:
        """Store the new pair, over our claim or merged. Raises Unavailable, the pair then waits in memory."""
        claim, sealed = held.model.claim, seal(self._hub.keyring, held.model.id, pair)
        self._memo[_UNSAVED] = (claim, sealed)
        for tries in range(STORE_TRIES):
            try:
                known = await self._store(held, claim, sealed)
            except Conflict:
                fresh = await self._load()
                if fresh is None:
                    raise needed(self._account, N_("подключение тем временем удалили")) from None
                held = fresh
            except Unavailable:
                if tries == STORE_TRIES - 1:
                    raise
                await asyncio.sleep(0.05 * 2**tries)
            else:
                self._memo.pop(_UNSAVED, None)
                return known
        raise Unavailable(N_("a new access pair could not be stored"))

    async def _store(self, held: Versioned[Grant], claim: int, sealed: str) -> StoredPair:
        """Over our claim, or merged; what is then to be used, which may be another's. Raises Conflict."""
        hub, real = self._hub, self._hub.clock.real()
        current = held.model
        if sealed in (current.sealed, *current.spares):  # stored before, only the store's answer was lost
            return self._judged(held)
        wake_at = hub.clock.in_real(self._app.renew_every.total_seconds())
        ours = current.claim == claim and current.lease_until is not None
        merge = with_pair if ours else with_late_pair
        grant = merge(current, sealed, real, wake_at)
        if grant is current:  # of no use to anybody
            self._memo.pop(_UNSAVED, None)
            return self._judged(held)
        reach("oauth.before_store")
        tasks = [resume_task(grant.tenant, grant.connection)] if current.dead else []
        (version,) = await hub.store.commit([journal.replace(grant, held.version)], tasks)
        reach("oauth.after_store")
        return self._judged(Versioned(grant, version))

    async def _save_unsaved(self) -> None:
        """A pair that could not be stored when it came: nothing else is done before it is."""
        unsaved: tuple[int, str] | None = self._memo.get(_UNSAVED)
        if unsaved is None:
            return
        held = await self._load()
        if held is not None:
            try:
                await self._store(held, *unsaved)
            except Conflict:
                return  # the next look takes it up
        self._memo.pop(_UNSAVED, None)

    async def _load(self) -> Versioned[Grant] | None:
        return await journal.load(self._hub.store, Grant, connection_id(self._account.tenant.id, self._account.name))


def _looked_at(flight: asyncio.Task[StoredPair]) -> None:
    """Its outcome reaches whoever waits; where nobody does any more, it isn't a forgotten exception."""
    if not flight.cancelled():
        flight.exception()


__all__ = ["Authorised", "NoAccess", "authorisation_of"]
