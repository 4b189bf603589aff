"""Each tenant's connections: what is missing, what then doesn't work, what the vendor says of it."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import timedelta
from zoneinfo import ZoneInfo

from svyazka.app import hook_of
from svyazka.catalogue import _, told
from svyazka.cli.checks import Check, of_finding
from svyazka.cli.checks.receipts import unsaid_vat
from svyazka.cli.output import full_time
from svyazka.cli.session import Session
from svyazka.engine.calling.call_factory import call_to
from svyazka.engine.calling.exchanges import exchanges
from svyazka.engine.calling.oauth.authorise import grant_of
from svyazka.engine.contracts.learning import Finding
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.outbound.pacing import CalledFor
from svyazka.engine.problems.kinds import KINDS, Closer
from svyazka.engine.support.urls import is_own_machine, nobody_reaches, place
from svyazka.engine.telling.addressees import only_vendor
from svyazka.engine.tenants.directory import Account, secret_id
from svyazka.engine.upkeep import silent_hooks as watch
from svyazka.model.errors import ConfigError, LeaseTooShort, MaybeSent, NotSent, SvyazkaError
from svyazka.model.grants import Grant
from svyazka.model.ids import connection_id
from svyazka.model.outages import Outage
from svyazka.model.problems import Problem
from svyazka.model.remedies import proposed, secret_commands
from svyazka.model.tenants import CompiledConnection, Tenant
from svyazka.reading.lists import open_problems
from svyazka.reading.tenants import secret_names

LOOKED_AT = frozenset({"down", "blocked", "settings", "foreign", "silent", "access_ends"})
"""Kinds of problems that are looked at here as they are now, in more words."""

ENDS_SOON = timedelta(days=30)


async def tenant_checks(session: Session, tenant: Tenant, live: bool, fix: bool) -> AsyncIterator[Check]:
    """A tenant and all of its connections."""
    async for check in _secrets(session, tenant):
        yield check
    for name in _paused(tenant):
        yield Check(
            "paused", "warn", _("{name} is paused: its deliveries wait", name=name), f"svyazka resume {name}", tenant.id
        )
    unheard = await unheard_alerts(session.hub, tenant)
    if unheard is not None:
        yield Check("alerts", "warn", *unheard, tenant.id)
    for name in tenant.connections:
        try:
            account = await session.hub.directory.account(tenant.id, name)
        except ConfigError as error:
            remedy = _("correct the tenant file, or set the secret again")
            yield Check("settings", "fail", str(error), remedy, tenant.id, name)
            continue
        if account is not None:
            async for check in _connection(session, account, live, fix):
                yield check
    async for problem in open_problems(session.store, tenant.id):
        if problem.kind not in LOOKED_AT:
            yield _of_problem(problem)


def _of_problem(problem: Problem) -> Check:
    """What only a look of its own closes concerns single messages and requests: the connection itself is well."""
    kind = KINDS.get(problem.kind)
    single = kind is None or kind.closed_by is Closer.LOOK
    mild = single or problem.severity == "warning" or problem.absent_since is not None
    return Check(
        problem.kind, "warn" if mild else "fail", told(problem.title), problem.remedy.command, problem.tenant,
        problem.connection,
    )  # fmt: skip


async def unheard_alerts(hub: Hub, tenant: Tenant) -> tuple[str, str] | None:
    """What would keep everybody from hearing of an outage, and what to do about it; None when nothing would."""
    told, vendor = await only_vendor(hub, tenant)
    if not told:
        return _("nobody would be told of an outage"), _("name somebody in the file's `alerts`, or in SVYAZKA_ALERTS")
    if vendor is not None:
        return (
            _(
                "everybody is told through {vendor} only: nobody would hear of its own outage until it is over",
                vendor=vendor,
            ),
            _("name somebody with a connection of another vendor in the file's `alerts`, or in SVYAZKA_ALERTS"),
        )
    return None


async def _secrets(session: Session, tenant: Tenant) -> AsyncIterator[Check]:
    for name in sorted(secret_names(tenant)):
        if await session.store.get("secrets", secret_id(tenant.id, name)) is None:
            yield Check(
                "secrets",
                "fail",
                _("the secret {name} isn't there", name=name),
                f"svyazka secret set {tenant.id} {name}",
                tenant.id,
            )


def _paused(tenant: Tenant) -> Iterator[str]:
    if tenant.paused:
        yield tenant.id
    for connection in tenant.paused_connections:
        yield f"{tenant.id}/{connection}"
    for flow in tenant.flows:
        if flow.paused:
            yield f"{tenant.id}/{flow.id}"


async def _connection(session: Session, account: Account, live: bool, fix: bool) -> AsyncIterator[Check]:
    tenant, name = account.tenant.id, account.name
    found = [*_settings(account), *unsaid_vat(account)]
    found += [*await _journaled(session, account), *await _state(session, account)]
    if fix and not account.missing:
        found += await ask_vendor(session, account, fix=True)
    if live and not account.missing:
        found += await ask_vendor(session, account, fix=False)
    for finding in found:
        yield of_finding(finding, account)
    if not any(finding.status != "ok" for finding in found):
        yield Check("connection", "ok", _("{vendor}: nothing is missing", vendor=account.vendor), None, tenant, name)


def _settings(account: Account) -> Iterator[Finding]:
    if account.missing:
        yield Finding(
            "credentials",
            "fail",
            _("not set: {missing}; its deliveries wait, blocked", missing=", ".join(account.missing)),
            ", ".join(secret_commands(account.tenant, account.name, account.missing)),
        )
    credentials = account.manifest.credentials
    for setting in credentials.optional:
        if getattr(account.settings, setting, None) is None and setting not in credentials.required:
            yield Finding(setting, "warn", account.manifest.if_not_set(setting), _how_to_set(account, setting))


def _how_to_set(account: Account, setting: str) -> str:
    """A line of the tenant file, and the command where the value is a secret."""
    model, tenant = account.manifest.settings, account.tenant.id
    if setting not in model.model_fields:
        return _("add it to the tenant file if it matters")
    if setting not in account.manifest.credentials.secret:
        return _("if it matters: {setting}: ... at {name} in the tenant file", setting=setting, name=account.name)
    return _(
        "if it matters: {setting}: {{secret: {secret}}} at {name} in the tenant file, apply it, then: "
        "svyazka secret set {tenant} {secret}",
        setting=setting,
        secret=proposed(account.name, setting),
        name=account.name,
        tenant=tenant,
    )


async def _journaled(session: Session, account: Account) -> list[Finding]:
    """What the journal itself tells of a connection that calls us."""
    now = session.hub.clock.now()
    looked = await watch.seen(session.store, account.tenant.id, account.name, now)
    return watch.findings(account, looked, now)


async def _state(session: Session, account: Account) -> list[Finding]:
    found = []
    key = connection_id(account.tenant.id, account.name)
    held = await journal.load(session.store, Outage, key)
    if held is not None and held.model.is_open:
        outage = held.model
        since = full_time(outage.since, ZoneInfo(account.tenant.timezone))
        remedy = outage.remedy or _("nothing: it is asked again and again, and what waits goes out by itself")
        found.append(
            Finding(
                "outage",
                "fail",
                _("{kind} since {since}: {why}", kind=outage.kind, since=since, why=outage.message),
                remedy,
            )
        )
    access = account.manifest.access
    if access is not None and access.app(account.settings) is not None:
        found.append(_access(account, await grant_of(session.hub, account)))
    ends = access.ends(account.settings) if access is not None else None
    if ends is not None and ends - session.hub.clock.real() < ENDS_SOON:
        found.append(
            Finding(
                "access",
                "warn",
                _("its credential ends {ends:%d.%m.%Y}", ends=ends),
                _("get a new one, then: svyazka secret set"),
            )
        )
    compiled = await journal.load(session.store, CompiledConnection, key)
    if compiled is not None and compiled.model.previous_valid:
        remedy = f"svyazka rotate {account.tenant.id}/{account.name} --finish"
        found.append(Finding("webhook key", "warn", _("two keys work: a rotation isn't finished"), remedy))
    return found


def _access(account: Account, grant: Grant | None) -> Finding:
    remedy = f"svyazka auth {account.tenant.id}/{account.name}"
    if grant is None or grant.sealed is None:
        return Finding("authorisation", "fail", _("the account's owner hasn't given us access yet"), remedy)
    if grant.dead:
        why = grant.trouble.message if grant.trouble else _("the vendor takes none of its tokens")
        return Finding("authorisation", "fail", _("access has ended: {why}", why=why), remedy)
    return Finding("authorisation", "ok", _("access was given and is kept fresh"))


async def ask_vendor(session: Session, account: Account, *, fix: bool) -> list[Finding]:
    """The vendor's own word on a connection; `fix` puts in order at the vendor what we may, and leaves a line."""
    hook = hook_of(session.settings, session.hub.keyring, account)
    doctor, registered = account.manifest.doctor, account.manifest.hook
    if fix and (hook is None or registered is None or not registered.ready(account.settings)):
        return []
    if not fix and (doctor is None or not doctor.ready(account.settings)):
        return []
    if fix and hook is not None and not is_own_machine(account.base_url):
        why = nobody_reaches(hook.url)
        if why is not None:
            return [
                Finding(
                    "webhook", "fail", _("{address} isn't registered: it {why}", address=place(hook.url), why=why),
                    _("set SVYAZKA_PUBLIC_URL to the https address by which vendors reach us, then run this again"),
                )
            ]  # fmt: skip
    call = call_to(session.hub, account, exchanges(session.hub, account, CalledFor.IDLE), key="doctor")
    call = replace(call, hook_url=hook.url if hook else None)
    try:
        if fix and hook is not None and registered is not None:
            async with session.noting("doctor --fix", f"{account.tenant.id}/{account.name}") as noting:
                found = await registered.register(call, hook.url)
                noting.refused = any(one.status == "fail" for one in found)
        else:
            found = await doctor.check(call) if doctor is not None else []
        # A vendor's own words may quote what it was sent.
        return [replace(finding, message=call.http.cut(finding.message)) for finding in found]
    except (NotSent, MaybeSent, LeaseTooShort) as error:
        return [
            Finding(
                "vendor",
                "fail",
                _("{vendor} doesn't answer: {why}", vendor=account.vendor, why=error),
                _("try again later"),
            )
        ]
    except SvyazkaError as error:
        return [Finding("vendor", "fail", str(error), None)]
