"""Access by OAuth as the engine keeps it: from a pasted address to calls where its server says."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import httpx

from engine.calling.oauth_support import CRM, TENANT, Instance
from fakes import MemoryStore, SteppedClock, keyring
from simulators.bitrix24 import Bitrix24
from simulators.bitrix24.access import CLIENT_ID, CLIENT_SECRET
from simulators.serve import Running
from svyazka.engine.calling.oauth.authorise import code_in, exchange, invitation
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Document, Put
from svyazka.engine.tenants.directory import secret_id
from svyazka.model.tenants import CompiledConnection, ConnectionSpec, Tenant


@dataclass
class Office:
    """A store and a clock that instances share."""

    store: MemoryStore = field(default_factory=MemoryStore)
    clock: SteppedClock = field(default_factory=SteppedClock)
    keyring: Any = field(default_factory=keyring)
    instances: list[Instance] = field(default_factory=list)


async def opened(portal: Running) -> Instance:
    office, document = Office(), secret_id(TENANT, "app")
    own = {
        "base_url": portal.base_url("bitrix24"), "domain": "b24-demo0000.bitrix24.ru", "client_id": CLIENT_ID,
        "client_secret": {"secret": "app"}, "limit": {"per_second": 1e6, "concurrency": 50},
    }  # fmt: skip
    spec = ConnectionSpec(vendor="bitrix24", settings=own)
    tenant = Tenant(id=TENANT, name="Кофейня", timezone="Europe/Moscow", connections={CRM: spec})
    sealed = office.keyring.seal("vault", CLIENT_SECRET, document).encode()
    await office.store.commit([
        Put(journal.document(tenant)), Put(Document("secrets", document, {"tenant": TENANT}, sealed)),
        Put(journal.document(CompiledConnection(tenant=TENANT, connection=CRM, vendor="bitrix24"))),
    ])  # fmt: skip
    return Instance(office)  # type: ignore[arg-type]


async def test_a_pasted_address_opens_the_portal_and_an_expired_token_is_renewed_by_the_vendors_server(
    portal: Running,
) -> None:
    sim: Bitrix24 = portal.of("bitrix24")
    instance = await opened(portal)
    account = await instance.account()
    async with httpx.AsyncClient(trust_env=False) as browser:
        agreed = await browser.get(invitation(instance.hub, account, 1).url)
    await exchange(instance.hub, account, code_in(account, agreed.headers["location"]))
    await instance.works()
    there = f"{portal.base_url('bitrix24')}/rest/"
    assert (await (await instance.auth()).access()).base_url == there
    sim.access.expire()
    await instance.works()
    assert [(effect["kind"], effect["status"]) for effect in sim.effects] == [("exchange", 200), ("refresh", 200)]
    moved = there.replace("127.0.0.1", "localhost")
    sim.moved_to = moved.removesuffix("/rest/")
    sim.access.expire()
    await instance.works()
    assert (await (await instance.auth()).access()).base_url == moved, "a renewal tells where the portal lives now"
    await instance.hub.clients.close()
