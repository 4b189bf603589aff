"""The engine over fakes with one real connection: its vendor's stand-in, its webhook, its secrets sealed."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

import httpx

from connectors.support import scripted
from fakes import START, House, order
from simulators.serve import Running
from svyazka.connectors.registry import load_manifest, load_webhook
from svyazka.engine.contracts.webhook import Answer, RawRequest
from svyazka.engine.intake.receive import Receiver
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Document, Put
from svyazka.model.deliveries import Delivery
from svyazka.model.tenants import CompiledConnection, ConnectionSpec


class VendorHouse(House):
    """The house with a real vendor behind the connection `name`; its stand-in's clock is the house's."""

    def __init__(
        self, running: Running, vendor: str, name: str, settings: Mapping[str, Any], secrets: Mapping[str, str],
        *, wants: tuple[str, ...] = (), **how: Any,
    ) -> None:  # fmt: skip
        super().__init__(**how)
        self.running, self.vendor_name, self.name, self.secrets, self.wants = running, vendor, name, secrets, wants
        self.vendor = running.of(vendor)
        self.vendor.ahead = START.timestamp() - time.time()
        self.webhook = load_webhook(vendor)
        self.manifests[vendor] = load_manifest(vendor)
        own: dict[str, Any] = {
            **settings, **{setting: {"secret": setting} for setting in secrets}, "base_url": running.base_url(vendor),
            "limit": {"per_second": 1e9},
        }  # fmt: skip
        self.controls = f"{running.url}/_sim/{vendor}"
        self.public = {setting: settings[setting] for setting in self.webhook.public_settings if setting in settings}
        spec = ConnectionSpec(vendor=vendor, settings=own)
        self.tenant = self.tenant.model_copy(update={"connections": {**self.tenant.connections, name: spec}})
        self.start()

    async def settle_in(self) -> None:
        await super().settle_in()
        seal, secrets = self.keyring.seal, self.secrets.items()
        vault = {key: seal("vault", value, f"kofe.{key}").encode() for key, value in secrets}
        heard = [key for key in self.webhook.secret_settings if key in self.secrets]
        compiled = CompiledConnection(
            tenant="kofe", connection=self.name, vendor=self.vendor_name, public=self.public, wants=self.wants,
            sealed={key: seal("verify", self.secrets[key], f"kofe.{self.name}.{key}") for key in heard},
        )  # fmt: skip
        stored = [Put(Document("secrets", f"kofe.{key}", {"tenant": "kofe"}, text)) for key, text in vault.items()]
        await self.store.commit([*stored, Put(journal.document(compiled))])

    async def order(self, number: int = 1, **more: Any) -> None:
        """An order comes to its end at the till, and what follows is done."""
        await self.post({**order(number), **more})
        await self.run()

    async def heard(
        self, body: bytes, headers: Mapping[str, str], path: str | None = None, work: bool = True
    ) -> Answer:
        """Somebody calls its webhook, and what follows is done."""
        query = f"key={self.keyring.mint(self.vendor_name, 'kofe', self.name)}".encode()
        pairs = [(name.lower().encode(), value.encode()) for name, value in headers.items()]

        async def read(limit: int) -> bytes | None:
            return body

        head = RawRequest("POST", path or f"/webhook_{self.vendor_name}", query, pairs, b"")
        answer = await Receiver(self.webhook, self.store, self.keyring, self.clock).handle(head, read)
        if work:
            await self.run()
        return answer

    async def tell(self, control: str, **told: Any) -> list[Answer]:
        """The stand-in is told that something happened, and tells us of it; our answers."""
        self.vendor.ahead = self.clock.real().timestamp() - time.time()
        with scripted() as ear:
            ear.on("/hook", 200)
            async with httpx.AsyncClient(trust_env=False) as controls:
                await controls.post(f"{self.controls}/{control}", json={**told, "hook": f"{ear.url}/hook"})
            return [await self.heard(body, headers) for body, headers in ear.raw]

    def sent(self) -> list[dict[str, Any]]:
        """What the vendor took."""
        return list(self.vendor.effects)

    def first(self) -> Delivery:
        return self.deliveries()[0]
