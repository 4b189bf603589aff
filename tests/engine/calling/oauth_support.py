"""Several instances over one store, an account's owner who agrees, and ways to die or freeze in the middle."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Coroutine, Sequence
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx

from fakes import MemoryStore, SteppedClock, keyring
from simulators.amocrm import AmocrmSimulator
from simulators.amocrm.grants import CLIENT_ID, REDIRECT_URI, SECRET
from simulators.serve import Running
from svyazka.connectors.registry import load_manifest, load_webhook
from svyazka.engine.calling.call_factory import call_to
from svyazka.engine.calling.exchanges import exchanges
from svyazka.engine.calling.oauth.authorise import exchange
from svyazka.engine.calling.oauth.refresh import authorisation_of
from svyazka.engine.contracts.calls import Authorisation, Client
from svyazka.engine.contracts.oauth import AuthorisationCode
from svyazka.engine.contracts.webhook import Answer, RawRequest
from svyazka.engine.hub import Hub
from svyazka.engine.intake.receive import Receiver
from svyazka.engine.journal import documents as journal
from svyazka.engine.outbound.http_clients import Clients
from svyazka.engine.ports.store import Document, Put, Task, Write
from svyazka.engine.support.requests import Request
from svyazka.engine.tenants.directory import Account, Directory, secret_id
from svyazka.engine.worker import Worker
from svyazka.flows.registry import load_flow
from svyazka.model.deliveries import Alert
from svyazka.model.events import EventRecord
from svyazka.model.grants import Grant
from svyazka.model.outages import Outage
from svyazka.model.tenants import CompiledConnection, ConnectionSpec, LimitSettings, Tenant

TENANT, CRM = "kofe", "crm"
KEY = f"{TENANT}.{CRM}"


class Killed(BaseException):
    """The process is no more. Not an Exception: nobody may catch it and go on."""


class Ports:
    """Where an instance touches the world: dies or freezes before or after the nth commit or call."""

    def __init__(self) -> None:
        self.kill: str | None = None
        self.freeze: str | None = None
        self.frozen = asyncio.Event()
        self.thaw = asyncio.Event()
        self.count_anew()

    def count_anew(self) -> None:
        """The next commit and the next call are the first."""
        self._counts = {"commit": 0, "call": 0}

    async def around(self, what: str, work: Coroutine[Any, Any, Any]) -> Any:
        self._counts[what] += 1
        place = f"{what} {self._counts[what]}"
        try:
            await self._pass(f"before {place}")
        except Killed:
            work.close()
            raise
        result = await work
        await self._pass(f"after {place}")
        return result

    async def _pass(self, place: str) -> None:
        if place == self.kill:
            raise Killed(place)
        if place == self.freeze:
            self.frozen.set()
            await self.thaw.wait()


class Through:
    """The shared store as one instance reaches it."""

    def __init__(self, shared: MemoryStore, ports: Ports) -> None:
        self._shared, self._ports = shared, ports

    def __getattr__(self, name: str) -> Any:
        return getattr(self._shared, name)

    async def commit(self, writes: Sequence[Write], tasks: Sequence[Task] = ()) -> list[str]:
        found: list[str] = await self._ports.around("commit", self._shared.commit(writes, tasks))
        return found


class Wires(Clients):
    """The network as one instance reaches it."""

    def __init__(self, ports: Ports) -> None:
        super().__init__()
        self._ports = ports

    def of(self, account: str, concurrency: int, ca_pem: str | None = None) -> Any:
        return Wire(super().of(account, concurrency, ca_pem), self._ports)


class Wire:
    """A client between its ports."""

    def __init__(self, real: Client, ports: Ports) -> None:
        self._real, self._ports = real, ports

    async def send(self, request: Request, **how: Any) -> httpx.Response:
        response: httpx.Response = await self._ports.around("call", self._real.send(request, **how))
        return response


class Instance:
    """One worker process."""

    def __init__(self, office: Office) -> None:
        self.ports = Ports()
        store: Any = Through(office.store, self.ports)
        directory = Directory(store, office.keyring, load_manifest, load_flow, ttl=0.0)
        self.hub = Hub(
            store=store, queue=store, clock=office.clock, keyring=office.keyring, directory=directory,
            clients=Wires(self.ports), chance=lambda: 0.5,
        )  # fmt: skip
        self.worker = Worker(self.hub, load_webhook)
        office.instances.append(self)

    async def account(self) -> Account:
        account = await self.hub.directory.account(TENANT, CRM)
        assert account is not None
        return account

    async def auth(self) -> Authorisation:
        auth = authorisation_of(self.hub, await self.account())
        assert auth is not None
        return auth

    async def token(self) -> str:
        """A token to call with."""
        return (await (await self.auth()).access()).token

    async def works(self) -> None:
        """A real call of the connector's goes through."""
        account = await self.account()
        call = call_to(self.hub, account, exchanges(self.hub, account), key="k")
        found = await account.manifest.doctor.check(call)
        assert not [finding for finding in found if finding.check == "access" and finding.status == "fail"], found


class Office:
    """One tenant with a CRM, a store and a clock that all instances share, and the vendor's stand-in."""

    def __init__(self, running: Running, **settings: Any) -> None:
        self.sim: AmocrmSimulator = running.of("amocrm")
        self.sim.pace.per_second = 100_000
        self.store = MemoryStore()
        self.clock = SteppedClock()
        self.keyring = keyring()
        self.instances: list[Instance] = []
        own = {
            "base_url": running.base_url("amocrm"), "subdomain": "kofeinya-test", "client_id": CLIENT_ID,
            "client_secret": {"secret": "amo"}, "redirect_uri": REDIRECT_URI,
            "limit": LimitSettings(per_second=1e6, concurrency=50).model_dump(), **settings,
        }  # fmt: skip
        spec = ConnectionSpec(vendor="amocrm", settings={k: v for k, v in own.items() if v is not None})
        self.tenant = Tenant(id=TENANT, name="Кофейня", timezone="Europe/Moscow", connections={CRM: spec})

    async def open(self, secret: str = SECRET) -> Instance:
        """Write what `apply` and `secret set` write."""
        document_id = secret_id(TENANT, "amo")
        sealed = self.keyring.seal("vault", secret, document_id).encode()
        compiled = CompiledConnection(tenant=TENANT, connection=CRM, vendor="amocrm")
        await self.store.commit(
            [
                Put(journal.document(self.tenant)),
                Put(journal.document(compiled)),
                Put(Document("secrets", document_id, {"tenant": TENANT}, sealed)),
            ]
        )
        return Instance(self)

    async def close(self) -> None:
        """Let go of every instance's connections."""
        for instance in self.instances:
            await instance.hub.clients.close()

    async def authorised(self) -> Instance:
        """An instance, and a grant that has worked."""
        instance = await self.open()
        await self.agree(instance)
        await instance.works()
        return instance

    async def agree(self, instance: Instance) -> None:
        """The owner agrees, the code is exchanged."""
        code = self.sim.grants.code(CLIENT_ID, self.sim.now())
        await exchange(instance.hub, await instance.account(), AuthorisationCode(code))

    def expire(self, known: bool = True) -> None:
        """The access token ends; `known`: by our clock too, else the vendor's 401 tells."""
        self.sim.grants.expire_access()
        if known:
            self.clock.step(24 * 3600)

    async def get(self, location: str) -> Answer:
        """A browser or the vendor follows a redirect to us."""
        parts = urlsplit(location)
        webhook = load_webhook("amocrm")
        assert webhook is not None
        receiver = Receiver(webhook, self.store, self.keyring, self.clock)
        head = RawRequest("GET", parts.path, parts.query.encode(), [], b"")

        async def nothing(limit: int) -> bytes | None:
            return b""

        return await receiver.handle(head, nothing)

    async def run(self, instance: Instance) -> None:
        """Do every task that is due."""
        while due := [t for t in self.store.tasks if t.due is None or t.due <= self.clock.now()]:
            self.store.tasks.remove(due[0])
            assert await instance.worker.handle(due[0].path, due[0].body) == 204

    async def pass_time(self, instance: Instance, seconds: float, step: float = 60.0) -> None:
        """Let time go by with the sweep and the poll at every step."""
        while seconds > 0:
            self.clock.step(min(step, seconds))
            seconds -= step
            instance.worker.outages._cache.clear()
            await instance.worker.handle("/sweep", {})
            await self.run(instance)

    @property
    def grant(self) -> Grant:
        return journal.read(Grant, self.store.documents[("grants", KEY)]).model

    @property
    def outage(self) -> Outage:
        return journal.read(Outage, self.store.documents[("outages", KEY)]).model

    def _all(self, kind: str, model: type[Any]) -> list[Any]:
        return [journal.read(model, d).model for d in self.store.documents.values() if d.kind == kind]

    def alerts(self) -> list[tuple[str, str]]:
        found: list[Alert] = self._all("alerts", Alert)
        return sorted((alert.kind, alert.stage) for alert in found)

    def texts(self) -> list[str]:
        found: list[Alert] = self._all("alerts", Alert)
        return [alert.text for alert in found]

    def events(self) -> list[EventRecord]:
        return self._all("events", EventRecord)

    def asked(self, kind: str) -> list[int]:
        """Statuses of the stand-in's answers to token requests of a kind."""
        return [effect["status"] for effect in self.sim.effects if effect["kind"] == kind]

    def everything(self) -> str:
        """All that lies in the store and the queue, as text."""
        documents = b"".join(document.data for document in self.store.documents.values()).decode()
        return documents + json.dumps([[task.path, dict(task.body)] for task in self.store.tasks])


def query_of(location: str) -> dict[str, str]:
    return dict(parse_qsl(urlsplit(location).query))
