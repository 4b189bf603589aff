"""The vendors' stand-ins, for those who try things out. The only place of the product that knows of them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from secrets import token_hex

from svyazka.app import hook_of
from svyazka.apply import set_secret
from svyazka.catalogue import _, systems
from svyazka.cli.checks.tenants import ask_vendor
from svyazka.cli.session import Session
from svyazka.engine.tenants.directory import Account, secret_id
from svyazka.model.errors import ConfigError
from svyazka.model.tenants import ConnectionSpec, Tenant


@contextmanager
def standing(port: int, option: str) -> Iterator[str]:
    """Every stand-in on a port of this machine, as long as this process lives; their URL. Raises ConfigError, with
    the option that takes another port."""
    try:
        from simulators.registry import every_simulator
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
        with serve(simulators, port) as running:
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
        if account is not None and not account.missing:
            await (
                _tell_site(session, account, url)
                if account.vendor == "site"
                else ask_vendor(session, account, fix=True)
            )
    return made


async def _tell_site(session: Session, account: Account, url: str) -> None:
    """The pages of the example have the hub's address and the site's public key in them, as anybody's would."""
    from httpx import AsyncClient

    hook = hook_of(session.settings, session.hub.keyring, account)
    assert hook is not None, "a site calls us"
    async with AsyncClient(trust_env=False) as client:
        told = {"hub": session.settings.public_url, "key": hook.key}
        (await client.post(f"{url}/_sim/site/settings", json=told)).raise_for_status()


def _credential(vendor: str, setting: str) -> str:
    """One that the stand-in takes, of the form that the setting has."""
    from simulators.registry import load_simulator

    return load_simulator(vendor).credentials.get(setting) or f"made-up-{token_hex(8)}"


async def _make_up(session: Session, tenant: str, secret: str, value: str) -> None:
    hub = session.hub
    audit = session.audit_write("secret set", f"{tenant}/{secret}", made_up=True)
    await set_secret(hub.store, hub.directory, hub.keyring, tenant, secret, value, [audit])
