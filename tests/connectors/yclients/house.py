"""The engine over fakes with a YCLIENTS connection `salon`, its webhook, and its stand-in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import httpx

from connectors.support import scripted
from fakes import House
from simulators.serve import Running
from simulators.yclients.simulator import PARTNER_TOKEN, USER_TOKEN, Yclients
from svyazka.connectors.yclients.manifest import MANIFEST
from svyazka.connectors.yclients.webhook import WEBHOOK
from svyazka.engine.contracts.webhook import Answer, RawRequest
from svyazka.engine.intake.receive import Receiver
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Put
from svyazka.model.tenants import CompiledConnection, ConnectionSpec


class SalonHouse(House):
    """One salon whose visits make review requests. The stand-in's clock is the house's."""

    def __init__(self, salon: Running, flow: Mapping[str, Any] | None = None, **changes: Any) -> None:
        super().__init__(flow=flow)
        self.salon = salon
        self.vendor: Yclients = salon.of("yclients")
        self.vendor.clock = self.clock.now
        settings = {
            "base_url": salon.base_url("yclients"), "company_id": 997441, "partner_token": PARTNER_TOKEN,
            "user_token": USER_TOKEN, "limit": {"per_second": 1e9}, **changes,
        }  # fmt: skip
        self.manifests["yclients"] = MANIFEST
        given = {name: value for name, value in settings.items() if value is not None}
        connections = {**self.tenant.connections, "salon": ConnectionSpec(vendor="yclients", settings=given)}
        flows = tuple(flow.model_copy(update={"sources": ("salon",)}) for flow in self.tenant.flows)
        self.tenant = self.tenant.model_copy(update={"connections": connections, "flows": flows})
        self.start()

    async def settle_in(self) -> None:
        await super().settle_in()
        held = await journal.load(self.store, CompiledConnection, "kofe.salon")
        assert held is not None
        sealed = {"partner_token": self.keyring.seal("verify", PARTNER_TOKEN, "kofe.salon.partner_token")}
        compiled = held.model.model_copy(update={"public": {"company_id": 997441}, "sealed": sealed})
        await self.store.commit([Put(journal.document(compiled))])

    async def call(self, body: bytes | dict[str, Any], key: str | None = None) -> Answer:
        """YCLIENTS calls."""
        content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        key = key or self.keyring.mint("yclients", "kofe", "salon")
        head = RawRequest(
            "POST", "/webhook_yclients", f"key={key}".encode(), [(b"content-type", b"application/json")], b""
        )

        async def read(limit: int) -> bytes | None:
            return content

        return await Receiver(WEBHOOK, self.store, self.keyring, self.clock).handle(head, read)

    async def save(
        self,
        record: int = 1561921428,
        *,
        tell: bool = True,
        body: str = "full",
        as_delete: bool = False,
        **changes: Any,
    ) -> dict[str, Any]:
        """The administrator saves a record, and YCLIENTS tells of it as its faults let it; the record."""
        with scripted() as ear:
            ear.on("/hook", 200)
            wanted = {"id": record, "changes": changes, "body": body, "as_delete": as_delete}
            if tell:
                wanted["hook"] = f"{ear.url}/hook"
            async with httpx.AsyncClient(trust_env=False) as controls:
                answer = await controls.post(f"{self.salon.url}/_sim/yclients/record", json=wanted)
            for heard in ear.asked("/hook"):
                assert (await self.call(heard)).status == 200
        found: dict[str, Any] = answer.json()["record"]
        return found

    async def look(self) -> int:
        """Poll the salon; how many events were new."""
        return await self.worker.poller.poll("kofe", "salon")
