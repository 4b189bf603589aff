"""From an invitation to a grant: the signed link, the code's one exchange, and the vendor's notice of the end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import parse_qsl, urlencode, urlsplit

from svyazka.catalogue import N_
from svyazka.engine.calling.exchanges import exchanges
from svyazka.engine.calling.oauth.endpoint import Failure, ask, code_fields
from svyazka.engine.calling.oauth.grant import claimed, is_leased, seal
from svyazka.engine.contracts.oauth import AuthorisationCode, OAuthApp, Rejected, Withdrawal
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.tasks import resume_task
from svyazka.engine.ports.store import Create, Document, Replace, Write
from svyazka.engine.rules.deadlines import LEASE, TAKE_OVER_GRACE
from svyazka.engine.support.failpoints import reach
from svyazka.engine.support.logs import log
from svyazka.model.errors import ConfigError, Conflict, SvyazkaError, Unavailable
from svyazka.model.grants import CodeUse, Grant, Pair, Trouble
from svyazka.model.ids import connection_id

if TYPE_CHECKING:
    from svyazka.engine.hub import Hub
    from svyazka.engine.tenants.directory import Account

INVITATION_LIFE = timedelta(minutes=30)
"""Of the signed `state`: time enough to sign in and agree."""

STORE_TRIES = 8
REFUSED_BEFORE = Trouble(code="refused", message=N_("этот код уже отклонён"))


class CodeRefused(SvyazkaError):
    """The vendor doesn't take this code: why, and what helps."""

    def __init__(self, trouble: Trouble) -> None:
        super().__init__(f"{trouble.message} ({trouble.remedy})" if trouble.remedy else trouble.message)
        self.trouble = trouble


class CodeNotYet(SvyazkaError):
    """The vendor could not be asked just now; the code may still be good."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """A link for the account's owner."""

    url: str
    until: datetime
    """Real time."""


def app_of(account: Account) -> OAuthApp:
    """How the connection is authorised. Raises ConfigError where it isn't by OAuth."""
    app = account.manifest.access.app(account.settings) if account.manifest.access else None
    if app is not None:
        return app
    lacking = N_("; not set: {missing}").format(missing=", ".join(account.missing)) if account.missing else ""
    raise ConfigError(
        N_(
            "{tenant}/{connection}: nothing to authorise, its settings name no OAuth integration of {vendor}{lacking}"
        ).format(tenant=account.tenant.id, connection=account.name, vendor=account.vendor, lacking=lacking)
    )


def invitation(hub: Hub, account: Account, generation: int) -> Invitation:
    """The page where the account's owner agrees; `generation` is that of the connection's webhook key."""
    app = app_of(account)
    until = hub.clock.real() + INVITATION_LIFE
    state = hub.keyring.invite(account.vendor, account.tenant.id, account.name, generation, until)
    query = urlencode({"client_id": app.client_id, "state": state, **app.consent_params})
    return Invitation(f"{app.consent_url}?{query}", until)


def code_in(account: Account, given: str) -> AuthorisationCode:
    """The code in what somebody copied: itself, or the whole address that agreeing led to. Raises ConfigError."""
    if "://" not in given:
        return AuthorisationCode(given.strip())
    params = dict(parse_qsl(urlsplit(given.strip()).query))
    if "code" not in params:
        raise ConfigError(N_("expected an address with a code in it, as the vendor sent you to after agreeing"))
    access = account.manifest.access
    if access is None:
        raise ConfigError(N_("{vendor} gives no access by a code").format(vendor=account.vendor))
    match access.redirected(params, account.settings):
        case AuthorisationCode() as code:
            return code
        case Rejected(reason):
            raise ConfigError(reason)
        case Withdrawal(what):
            raise ConfigError(N_("expected an address with a code in it; this one says: {what}").format(what=what))


async def grant_of(hub: Hub, account: Account) -> Grant | None:
    """The connection's grant as stored."""
    held = await journal.load(hub.store, Grant, connection_id(account.tenant.id, account.name))
    return held.model if held else None


async def exchange(hub: Hub, account: Account, code: AuthorisationCode) -> Grant:
    """Exchange a code for a grant and let what was blocked go on. The same code again changes nothing.

    Raises CodeRefused, CodeNotYet, ConfigError, Unavailable.
    """
    app = app_of(account)
    base_url = app.base_url or code.base_url
    if base_url is None and "://" not in app.token_path:
        raise ConfigError(
            N_("{tenant}/{connection}: the account's address isn't known: set it in its settings").format(
                tenant=account.tenant.id, connection=account.name
            )
        )
    held = await _claim(hub, account, app, code)
    if held.model.code is not None and held.model.code.state == "taken":
        return held.model
    grant = held.model
    reach("oauth.before_exchange")
    http = exchanges(hub, account, lease_until=grant.lease_until)
    answer = await ask(http, app, base_url, code_fields(app, code.code), hub.clock.real())
    reach("oauth.after_exchange")
    if isinstance(answer, Failure):
        await _refused(hub, held, answer)
    granted = await _keep(hub, held, app, base_url, answer)
    log("NOTICE", "authorised", tenant=grant.tenant, connection=grant.connection, vendor=grant.vendor)
    return granted


async def withdraw(hub: Hub, account: Account, notice: Withdrawal) -> None:
    """The account's owner switched us off: the tokens are dropped."""
    trouble = Trouble(code="withdrawn", message=notice.what, remedy=notice.remedy)
    for _ in range(STORE_TRIES):
        held = await journal.load(hub.store, Grant, connection_id(account.tenant.id, account.name))
        if held is None:
            return
        grant = held.model.model_copy(
            update={
                "sealed": None, "spares": (), "dead": True, "trouble": trouble, "claim": held.model.claim + 1,
                "lease_until": None, "wake_at": None,
            }
        )  # fmt: skip
        try:
            await hub.store.commit([_write(grant, held.version)])
        except Conflict:
            continue
        return
    raise Unavailable(N_("a withdrawn grant could not be recorded"))


async def _claim(hub: Hub, account: Account, app: OAuthApp, code: AuthorisationCode) -> Versioned[Grant]:
    """The grant under our claim to this code; or as it is, when the code has been taken already."""
    digest = sha256(code.code.encode()).hexdigest()[:32]
    for _ in range(STORE_TRIES):
        held = await journal.load(hub.store, Grant, connection_id(account.tenant.id, account.name))
        real = hub.clock.real()
        if held is None:
            grant, version = _empty(account, app), None
        else:
            grant, version = held.model, held.version
        if grant.code is not None and grant.code.hash == digest:
            if grant.code.state == "taken":
                return Versioned(grant, version)
            if grant.code.state == "refused":
                raise CodeRefused(grant.code.trouble or REFUSED_BEFORE)
            if is_leased(grant, real):
                raise CodeNotYet(N_("another instance is exchanging this code"))
        # A renewal that is on its way is overtaken: what it brings is merged behind the new authorisation.
        mine = claimed(grant, real, hub.clock.in_real(LEASE + TAKE_OVER_GRACE), CodeUse(hash=digest, state="asked"))
        try:
            (new,) = await hub.store.commit([_write(mine, version)])
        except Conflict:
            continue
        return Versioned(mine, new)
    raise Unavailable(N_("the connection's grant is busy"))


async def _refused(hub: Hub, held: Versioned[Grant], failure: Failure) -> NoReturn:
    """Record that this code gave nothing; the pair that there was, if any, stays as it is."""
    final = failure.do != "retry"
    assert held.model.code is not None
    code = held.model.code.model_copy(update={"state": "refused" if final else "asked", "trouble": failure.trouble})
    wake_at = None if held.model.sealed is None or held.model.dead else hub.clock.now() + INVITATION_LIFE
    grant = held.model.model_copy(update={"lease_until": None, "code": code, "wake_at": wake_at})
    try:
        await hub.store.commit([_write(grant, held.version)])
    except Conflict as conflict:
        raise CodeNotYet(N_("the connection's grant changed meanwhile")) from conflict
    log("ERROR", "code refused", tenant=grant.tenant, connection=grant.connection, code=failure.trouble.code)
    if final:
        raise CodeRefused(failure.trouble)
    raise CodeNotYet(failure.trouble.message)


async def _keep(hub: Hub, held: Versioned[Grant], app: OAuthApp, base_url: str | None, pair: Pair) -> Grant:
    """Store the pair of a fresh authorisation, whatever became of the grant meanwhile: nothing is newer."""
    sealed = seal(hub.keyring, held.model.id, pair)
    wake_at = hub.clock.in_real(app.renew_every.total_seconds())
    code = held.model.code
    assert code is not None
    current, version = held.model, held.version
    for tries in range(STORE_TRIES):
        grant = current.model_copy(
            update={
                "client_id": app.client_id, "base_url": base_url, "sealed": sealed, "spares": (), "worked": False,
                "issued_at": hub.clock.real(), "dead": False, "trouble": None,
                "claim": current.claim + 1, "lease_until": None, "wake_at": wake_at, "wake_step": 0,
                "code": CodeUse(hash=code.hash, state="taken"),
            }
        )  # fmt: skip
        reach("oauth.before_store")
        try:
            await hub.store.commit([_write(grant, version)], [resume_task(grant.tenant, grant.connection)])
        except Conflict:
            fresh = await journal.load(hub.store, Grant, grant.id)
            if fresh is None:
                raise ConfigError(
                    N_("{tenant}/{connection} was removed meanwhile").format(
                        tenant=grant.tenant, connection=grant.connection
                    )
                ) from None
            current, version = fresh.model, fresh.version
            continue
        except Unavailable:
            if tries == STORE_TRIES - 1:
                raise
            await asyncio.sleep(0.05 * 2**tries)
            continue
        reach("oauth.after_store")
        return grant
    raise Unavailable(N_("a fresh authorisation could not be stored"))


def _empty(account: Account, app: OAuthApp) -> Grant:
    return Grant(tenant=account.tenant.id, connection=account.name, vendor=account.vendor, client_id=app.client_id)


def _write(grant: Grant, version: str | None) -> Write:
    document: Document = journal.document(grant, version)
    return Replace(document) if version is not None else Create(document)


__all__ = [
    "INVITATION_LIFE", "CodeNotYet", "CodeRefused", "Invitation", "app_of", "code_in", "exchange", "grant_of",
    "invitation", "withdraw",
]  # fmt: skip
