"""`run --with-simulators`: whatever a tenant file names, the stand-ins let made-up credentials in."""

from __future__ import annotations

import asyncio

import pytest

from cli.conftest import Installation
from svyazka.apply import commit_apply, plan_apply, set_secret
from svyazka.cli import standins
from svyazka.cli.checks.tenants import ask_vendor
from svyazka.cli.session import Session, within
from svyazka.connectors.registry import CALLED, load_manifest
from svyazka.engine.contracts.learning import Finding
from svyazka.model.tenants import ConnectionSpec, Tenant
from svyazka.settings import Settings
from vendors import VENDORS as DESCRIBED

SECRET = {
    "iiko": ("api_login",), "amocrm": ("token",), "rkeeper": ("client_id", "client_secret", "token"),
    "bitrix24": ("webhook_url",),
}  # fmt: skip
"""Where not all of a connection's credentials are wanted at once: those of one kind of access."""
OWN = {"bot_token": "123456789:AAE-own-token", "webhook_url": "https://kofe.bitrix24.ru/rest/1/own0code/"}
"""What a person has set himself already, of the vendor's form."""


@pytest.mark.parametrize("own", [False, True], ids=["made up by us", "made up by a person"])
def test_every_stand_in_lets_made_up_credentials_in(bare: Installation, own: bool) -> None:
    async def look(session: Session, url: str) -> dict[str, list[Finding]]:
        connections = {}
        for vendor in CALLED:
            secret = SECRET.get(vendor, load_manifest(vendor).credentials.secret)
            settings = {name: {"secret": f"{vendor}-{name}"} for name in secret}
            asked = DESCRIBED[vendor].asked
            plain = asked.settings if asked else {}
            connections[vendor] = ConnectionSpec(
                vendor=vendor, settings={"base_url": f"{url}/{vendor}", **plain, **settings}
            )
        tenant = Tenant(id="kofe", name="Кофейня", timezone="Europe/Moscow", connections=connections)
        hub = session.hub
        plan = await plan_apply(hub.store, hub.directory, hub.keyring, tenant)
        await commit_apply(hub.store, hub.directory, plan)
        if own:
            for spec in connections.values():
                for name, value in spec.settings.items():
                    signs = name in ("app_secret", "signing_secret", "outbound_secret")
                    if isinstance(value, dict) and "secret" in value and not signs:
                        given = OWN.get(name, "well-formed-of-a-persons-own")
                        await set_secret(hub.store, hub.directory, hub.keyring, "kofe", value["secret"], given)
        await standins.introduce(session, tenant, url)
        found = {}
        for vendor in CALLED:
            account = await hub.directory.account("kofe", vendor)
            assert account is not None
            assert account.missing == ()
            found[vendor] = await ask_vendor(session, account, fix=False)
        return found

    settings = Settings(data=bare.data)
    with standins.standing(0, "--simulators-port") as url:
        found = asyncio.run(within(settings, lambda session: look(session, url)))
    refused = {vendor: [f for f in findings if f.status == "fail"] for vendor, findings in found.items()}
    assert {vendor: fails for vendor, fails in refused.items() if fails} == {}
