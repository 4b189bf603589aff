"""Two businesses whose sources count from 1 each, on the engine over fakes: what the fixtures were made of."""

from __future__ import annotations

import json
from typing import Any

from fakes import REVIEW, FakeMessenger, FakeTill, House, SteppedClock
from svyazka.engine.contracts.webhook import Answer, RawRequest
from svyazka.engine.intake.receive import Receiver
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Put
from svyazka.flows.registry import load_flow
from svyazka.model.commands import Repeat
from svyazka.model.contacts import Contact
from svyazka.model.tenants import CompiledConnection, ConnectionSpec, FlowSpec, Tenant

VENDORS = {
    "till": "till", "shop": "till", "evening": "till", "kiosk": "till", "sms": "sms", "mail": "mail", "push": "push",
}  # fmt: skip
"""Every tenant's connections: four sources, three channels."""

EVENING = {**REVIEW, "delay": "30m", "at_most_once_per": "30d"}


def tenant(name: str, evening: tuple[str, ...] = ("evening",)) -> Tenant:
    """One business: orders of till and shop are thanked for at once, those of the evening half an hour later."""

    def flow(id_: str, sources: tuple[str, ...], via: tuple[str, ...], settings: dict[str, Any]) -> FlowSpec:
        return FlowSpec(id=id_, flow="review_request", sources=sources, via=via, settings=settings)

    return Tenant(
        id=name, name=name.title(), timezone="Europe/Moscow",
        connections={connection: ConnectionSpec(vendor=vendor) for connection, vendor in VENDORS.items()},
        flows=(
            flow("thanks", ("till", "shop"), ("sms", "mail"), REVIEW),
            flow("later", evening, ("sms",), EVENING),
            flow("pushed", ("kiosk",), ("push",), REVIEW),
        ),
    )  # fmt: skip


def in_the_register(contact: Contact) -> str | None:
    """The mailer stands for a register too, where the order of what is written about one person matters."""
    return contact.email or ("register" if contact.phone == "+79990000502" else None)


class Town(House):
    """Both businesses over one store."""

    def __init__(
        self, store: Any = None, clock: SteppedClock | None = None, evening: tuple[str, ...] = ("evening",),
        **ports: Any,
    ) -> None:  # fmt: skip
        self.evening = evening
        super().__init__(store, **ports)
        self.clock = clock or SteppedClock()
        self.push = FakeMessenger("push", repeat=Repeat.IDEMPOTENT)
        self.manifests["push"] = self.push.manifest
        self.mail.address = in_the_register  # type: ignore[method-assign]
        self.start()

    async def settle_in(self) -> None:
        """Write the tenants, as `apply` does."""
        wants = tuple(sorted(t.value for t in load_flow("review_request").wants(None)))
        for name in ("kofe", "chay"):
            writes = [Put(journal.document(tenant(name, self.evening)))]
            for connection, vendor in VENDORS.items():
                compiled = CompiledConnection(tenant=name, connection=connection, vendor=vendor, wants=wants)
                writes.append(Put(journal.document(compiled)))
            await self.store.commit(writes)

    async def tell(self, where: str, body: object) -> Answer:
        """A vendor calls: `kofe/till`."""
        owner, _, connection = where.partition("/")
        webhook = FakeTill()
        webhook.vendor = VENDORS[connection]  # type: ignore[misc]
        content = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        key = self.keyring.mint(webhook.vendor, owner, connection)
        head = RawRequest("POST", "/webhook_till", f"key={key}".encode(), [(b"content-type", b"application/json")], b"")

        async def read(limit: int) -> bytes | None:
            return content

        return await Receiver(webhook, self.inbox, self.keyring, self.clock).handle(head, read)


def order(number: int, status: str = "done", revision: int = 1, **person: str) -> dict[str, Any]:
    """An order as the till tells it; who gave it is invented, and a person for each number."""
    if not person:
        person = {"phone": f"+7999000{number:04}"}
    return {"id": number, "status": status, "revision": revision, "name": "Иван", **person}
