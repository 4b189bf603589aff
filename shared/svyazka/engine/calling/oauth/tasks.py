"""The worker's side: what a redirect brought is seen to, and grants that nobody uses are kept alive."""

from __future__ import annotations

import json
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import TYPE_CHECKING

from svyazka.catalogue import N_
from svyazka.engine.calling.events_of_asking import found_event
from svyazka.engine.calling.oauth.authorise import CodeNotYet, CodeRefused, exchange, withdraw
from svyazka.engine.calling.oauth.expiry import tell_end
from svyazka.engine.calling.oauth.grant import is_leased, unseal
from svyazka.engine.calling.oauth.refresh import Authorised, NoAccess
from svyazka.engine.contracts.oauth import AuthorisationCode, OAuthApp, Rejected, Withdrawal
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import Route, redirect_again_task
from svyazka.engine.problems.cards import Sight, meet
from svyazka.engine.problems.kinds import NO_ACCESS
from svyazka.engine.support.logs import log
from svyazka.model.errors import ConfigError, Conflict
from svyazka.model.events import EventType, Fact
from svyazka.model.grants import Grant, Trouble
from svyazka.model.ids import connection_id, stable_id
from svyazka.model.tenants import CompiledConnection

if TYPE_CHECKING:
    from svyazka.engine.hub import Hub
    from svyazka.engine.outages.learning import Outages
    from svyazka.engine.tenants.directory import Account

CODE_TRIES = 12
CODE_PAUSE = timedelta(seconds=60)
"""A vendor that can't be asked just now is asked again so often: no code lives longer than that."""

NO_USE = N_("Если доступ уже есть (долгосрочный токен), делать ничего не нужно; иначе дополните настройки подключения")
"""Of a code that the connection's settings have no use for."""


async def redirected(hub: Hub, outages: Outages, account: Account, body: Mapping[str, str]) -> None:
    """See to one redirect. Raises Unavailable; ConfigError where its parameters can't be unsealed."""
    owner = connection_id(account.tenant.id, account.name)
    params: dict[str, str] = json.loads(hub.keyring.unseal("mint", body["sealed"], f"{owner}.errand"))
    access = account.manifest.access
    if access is None:
        return
    brought = access.redirected(params, account.settings)
    about = stable_id("red", *(part for pair in sorted(params.items()) for part in pair))
    match brought:
        case AuthorisationCode():
            await _authorise(hub, account, brought, body, about)
        case Withdrawal():
            # The notice is the same each time, so the hour tells one from another.
            about = f"{about} {hub.clock.now():%Y-%m-%dT%H}"
            await journal_fact(hub, account, EventType.CONNECTION_DISABLED, about, brought.what)
            await withdraw(hub, account, brought)
            await outages.open(account, "blocked", "withdrawn", brought.what, remedy=brought.remedy)
        case Rejected():
            await _tell_refused(hub, account, Trouble(code="rejected", message=brought.reason), about)


async def _authorise(hub: Hub, account: Account, code: AuthorisationCode, body: Mapping[str, str], about: str) -> None:
    tries = int(body.get("tries", "0"))
    try:
        await exchange(hub, account, code)
    except CodeRefused as refused:
        await _tell_refused(hub, account, refused.trouble, about)
    except ConfigError as error:
        # No repeat of this task would find other settings before the code has ended.
        log("ERROR", "settings can't be used", path=Route.REDIRECTED, error=str(error))
        what = N_("настройки подключения не годятся для доступа по OAuth")
        await _tell_refused(hub, account, Trouble(code="no_use", message=what, remedy=NO_USE), about)
    except CodeNotYet as error:
        if tries + 1 >= CODE_TRIES:
            await _tell_refused(hub, account, Trouble(code="no_answer", message=str(error)), about)
            return
        await hub.queue.enqueue([redirect_again_task(body, tries + 1, hub.clock.now() + CODE_PAUSE)])
    else:
        await journal_fact(hub, account, EventType.CONNECTION_ENABLED, about, "authorised")


async def _tell_refused(hub: Hub, account: Account, trouble: Trouble, about: str) -> None:
    """Nobody may be waiting at the command line: an authorisation that came to nothing is told."""
    tenant, now = account.tenant, hub.clock.now()
    log("ERROR", "authorisation came to nothing", tenant=tenant.id, connection=account.name, code=trouble.code)
    remedy = trouble.remedy or f"svyazka auth {tenant.id}/{account.name}"
    text = N_("{tenant}: доступ к «{connection}» ({vendor}) не получен: {why}. {remedy}").format(
        tenant=tenant.name,
        connection=account.name,
        vendor=hub.directory.called(account.vendor),
        why=trouble.message,
        remedy=remedy,
    )
    sight = Sight(
        kind=NO_ACCESS, tenant=tenant, connection=account.name, vendor=account.vendor, text=text, since=now,
        advice=trouble.remedy, cause=about,
    )  # fmt: skip
    await meet(hub, sight)


async def journal_fact(hub: Hub, account: Account, type_: EventType, about: str, what: str) -> None:
    """A fact about the connection itself, in the journal as any other; once for what it is about."""
    document = await hub.store.get("connections", connection_id(account.tenant.id, account.name))
    if document is None:
        return
    fact = Fact(type=type_, key=("access", about), subject=f"connection:{account.name}", data={"what": what})
    compiled = journal.read(CompiledConnection, document).model
    create, tasks = found_event(hub, compiled, fact, hub.clock.now(), "engine")
    try:
        await hub.store.commit([create], tasks)
    except Conflict:
        return  # journaled before


async def ask_anew(hub: Hub, tenant: str, connection: str) -> None:
    """Settings or secrets were changed: what was refused before says nothing of these."""
    held = await journal.load(hub.store, Grant, connection_id(tenant, connection))
    if held is None or held.model.again_at is None:
        return
    anew = held.model.model_copy(update={"again_at": None})
    with suppress(Conflict):  # somebody is at it
        await hub.store.commit([journal.replace(anew, held.version)])


async def renew(hub: Hub, outages: Outages, account: Account) -> None:
    """A grant is due: its weekly renewal, or a claim that its owner didn't live to settle."""
    held = await journal.load(hub.store, Grant, connection_id(account.tenant.id, account.name))
    app = account.manifest.access.app(account.settings) if account.manifest.access else None
    if held is None or is_leased(held.model, hub.clock.real()):
        return
    grant = held.model
    if app is None or grant.dead or grant.sealed is None:
        await _put_off(hub, grant, held.version, None)
        return
    age = hub.clock.real() - (grant.issued_at or hub.clock.real())
    if grant.lease_until is None and grant.trouble is None and age < app.renew_every:
        await _put_off(hub, grant, held.version, app.renew_every - age)
        return
    try:
        await Authorised(hub, account, app).renewed(unseal(hub.keyring, grant.id, grant.sealed).access)
    except NoAccess as error:
        await outages.learn(account, error)
        await _warn(hub, account, app, grant)


async def _put_off(hub: Hub, grant: Grant, version: str | None, wait: timedelta | None) -> None:
    """Nothing is due before then."""
    wake_at = hub.clock.in_real(wait.total_seconds()) if wait is not None else None
    later = grant.model_copy(update={"wake_at": wake_at, "wake_step": 0, "lease_until": None})
    try:
        await hub.store.commit([journal.replace(later, version)])
    except Conflict:
        return  # somebody moves it: it will be due again if need be


async def _warn(hub: Hub, account: Account, app: OAuthApp, grant: Grant) -> None:
    """A refresh token that can't be renewed for weeks ends in the end."""
    if app.refresh_life is not None and grant.issued_at is not None:
        remedy = N_("продлить его сейчас не удаётся: svyazka doctor {tenant} --live").format(tenant=account.tenant.id)
        await tell_end(hub, account, grant.issued_at + app.refresh_life, remedy)
