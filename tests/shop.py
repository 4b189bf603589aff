"""The house with a CRM, to which deliveries are given as planning would make them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fake_crm import FakeCrm
from fakes import House
from svyazka.engine.contracts.dispatch import carried
from svyazka.engine.contracts.manifest import Manifest
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import perform_task
from svyazka.engine.outbound.http_clients import Clients
from svyazka.engine.rules.beginning import Obligation, begun
from svyazka.model.commands import Command, Guards, Step
from svyazka.model.deliveries import Delivery
from svyazka.model.tenants import ConnectionSpec

POINTS = (
    "claim.before", "claim.after", "perform.before_call", "perform.after_call", "settle.before", "settle.after",
)  # fmt: skip
"""Where a process may die on a delivery's way."""


class Shop(House):
    """`crm` is the one at its port; a connector's `manifest` and settings put it over HTTP in its place."""

    def __init__(self, manifest: Manifest[Any] | None = None, settings: Mapping[str, Any] | None = None) -> None:
        self.clients = Clients()
        super().__init__()
        self.crm = FakeCrm()
        self.manifest = manifest or self.crm.manifest
        self.manifests["crm"] = self.manifest
        spec = ConnectionSpec(vendor="crm", settings=dict(settings or {}))
        self.tenant = self.tenant.model_copy(update={"connections": {**self.tenant.connections, "crm": spec}})
        self.number = 0

    def start(self) -> None:
        super().start()
        self.hub.clients = self.clients

    async def give(self, command: Command, lane: str | None = "ivan") -> str:
        """A delivery that is due; its id."""
        self.number += 1
        obligation = Obligation(
            tenant="kofe", flow="review_request", subject=f"lead:{self.number}", event="evt_1", guards=Guards(),
            base_at=self.clock.now(), lane=lane,
        )  # fmt: skip
        step = Step.through("intake/crm", "crm", "crm", command, carried(self.manifest, command).safety)
        delivery = begun(obligation, (step,), self.clock.now())
        await self.store.commit([journal.create(delivery)], [perform_task(delivery)])
        return delivery.id

    async def put(self, command: Command, **more: Any) -> Delivery:
        """Given, and carried out as far as it goes at once."""
        id_ = await self.give(command, **more)
        await self.run()
        return self.of(id_)

    def of(self, id_: str) -> Delivery:
        """A delivery as it is now."""
        return next(one for one in self.deliveries() if one.id == id_)
