"""The vendors' stand-ins, for those who try things out. The only place of the product that knows of them."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from secrets import token_hex
from typing import TYPE_CHECKING, cast

from svyazka.app import hook_of, server_key_of
from svyazka.apply import set_secret
from svyazka.catalogue import _, systems
from svyazka.cli.checks.tenants import ask_vendor
from svyazka.cli.session import Session
from svyazka.engine.tenants.directory import Account, secret_id
from svyazka.model.errors import ConfigError
from svyazka.model.tenants import ConnectionSpec, Tenant

if TYPE_CHECKING:
    from svyazka.connectors.site.settings import SiteSettings

Look = Callable[[str, str], Awaitable[None]]
"""Asks a tenant's connection's vendor at once what is new there."""


@contextmanager
def standing(port: int, option: str, look: Look | None = None) -> Iterator[str]:
    """Every stand-in on a port of this machine, as long as this process lives, and with `look` the page on which
    one plays with them (`/play`); their URL. Raises ConfigError, with the option that takes another port."""
    try:
        from simulators.registry import every_simulator
        from simulators.scenes.page import routes
        from simulators.scenes.world import World
        from simulators.serve import serve
        from simulators.site import Site
    except ModuleNotFoundError as error:
        if error.name is None or not error.name.startswith("simulators"):
            raise
        raise ConfigError(_("the stand-ins aren't here: they come with the source (shared/simulators)")) from None
    try:
        simulators = [*every_simulator(), Site()]
        for simulator in simulators:
            simulator.lets_anybody_in = True
            simulator.number_from(int(time.time()) % 10**8)
        beside = routes(World({one.vendor: one for one in simulators}, look)) if look else ()
        with serve(simulators, port, beside) as running:
            yield running.url
    except OSError as error:
        raise ConfigError(
            _(
                "port {port} for the stand-ins: {why}; {option} takes another",
                port=port,
                why=systems(error),
                option=option,
            )
        ) from None


def vendors() -> list[str]:
    """Which vendors have one."""
    from svyazka.connectors.registry import CALLED

    return list(CALLED)


def leads(spec: ConnectionSpec, url: str) -> bool:
    """Whether a connection's vendor is one of these stand-ins."""
    return str(spec.settings.get("base_url", "")).startswith(f"{url}/")


async def introduce(session: Session, tenant: Tenant, url: str) -> list[str]:
    """Make a tenant's connections to stand-ins work: credentials that are lacking are made up (they let anybody in),
    webhooks registered. Which secrets were made up."""
    made = []
    for name, spec in tenant.connections.items():
        if not leads(spec, url):
            continue
        for setting, value in spec.settings.items():
            secret = value.get("secret") if isinstance(value, dict) else None
            if secret is not None and await session.store.get("secrets", secret_id(tenant.id, secret)) is None:
                await _make_up(session, tenant.id, secret, _credential(spec.vendor, setting))
                made.append(secret)
        try:
            account = await session.hub.directory.account(tenant.id, name)
        except ConfigError:
            continue  # whoever runs this is told besides
        if account is None or account.missing:
            continue
        if account.vendor == "site":
            await _tell_site(session, account, url)
        elif account.vendor == "iiko" and getattr(account.settings, "api_credentials", None) is None:
            await _tell_till(session, account, url)
        else:
            await _tell_cabinet(session, account, url)
            await ask_vendor(session, account, fix=True)
    return made


async def tell_who_is_connected(session: Session, tenants: Sequence[Tenant], url: str, console: str | None) -> None:
    """The page of the stand-ins shows what somebody connected would notice, and leads to the console."""
    from httpx import AsyncClient

    connected = [
        {"tenant": tenant.id, "business": tenant.name, "connection": name, "vendor": spec.vendor}
        for tenant in tenants for name, spec in tenant.connections.items() if leads(spec, url)
    ]  # fmt: skip
    async with AsyncClient(trust_env=False) as client:
        told = {"console": console, "connected": connected}
        (await client.post(f"{url}/_sim/scenes", json=told)).raise_for_status()


async def _tell_till(session: Session, account: Account, url: str) -> None:
    """A till that can't be asked is told by hand whom to call, as its owner would in iikoWeb."""
    from httpx import AsyncClient

    hook = hook_of(session.settings, session.hub.keyring, account)
    assert hook is not None, "iiko calls us"
    async with AsyncClient(trust_env=False) as client:
        told = {"uri": hook.url, "login": f"{account.tenant.id}/{account.name}"}
        (await client.post(f"{url}/_sim/iiko/webhook", json=told)).raise_for_status()


async def _tell_cabinet(session: Session, account: Account, url: str) -> None:
    """A provider of payments is told by hand where to call, as its owner would in its cabinet."""
    from httpx import AsyncClient

    from simulators.cashdesk import Cashdesk
    from simulators.registry import load_simulator

    stand_in = load_simulator(account.vendor)
    hook = hook_of(session.settings, session.hub.keyring, account)
    if not isinstance(stand_in, Cashdesk) or hook is None:
        return
    async with AsyncClient(trust_env=False) as client:
        told = {"shop": getattr(account.settings, stand_in.shop, None), "url": hook.url}
        (await client.post(f"{url}/_sim/{account.vendor}/cabinet", json=told)).raise_for_status()


async def _tell_site(session: Session, account: Account, url: str) -> None:
    """A site's server has a key of its own; the pages of the example have the hub's address and the site's public key
    in them, as anybody's would, if they may call us at all."""
    from httpx import AsyncClient

    site = cast("SiteSettings", account.settings)
    hook = hook_of(session.settings, session.hub.keyring, account)
    tenant, name, hub = account.tenant.id, account.name, session.settings.public_url
    secret = server_key_of(session.hub.keyring, account.vendor, tenant, name, account.generation)
    assert hook is not None, "a site calls us"
    async with AsyncClient(trust_env=False) as client:
        told = {"tenant": tenant, "connection": name, "hub": hub, "secret": secret}
        (await client.post(f"{url}/_sim/site/servers", json=told)).raise_for_status()
        if url in site.origins:
            told = {"hub": hub, "key": hook.key}
            (await client.post(f"{url}/_sim/site/settings", json=told)).raise_for_status()


def _credential(vendor: str, setting: str) -> str:
    """One that the stand-in takes, of the form that the setting has."""
    from simulators.registry import load_simulator

    return load_simulator(vendor).credentials.get(setting) or f"made-up-{token_hex(8)}"


async def _make_up(session: Session, tenant: str, secret: str, value: str) -> None:
    hub = session.hub
    audit = session.audit_write("secret set", f"{tenant}/{secret}", made_up=True)
    await set_secret(hub.store, hub.directory, hub.keyring, tenant, secret, value, [audit])
