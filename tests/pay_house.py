"""The house with a site, two providers of payments, and what follows from a payment."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from dying import Killed
from fake_crm import FakeCrm
from fake_provider import FakeProvider
from fakes import House
from svyazka.connectors.registry import load_manifest
from svyazka.engine.calling.events_of_asking import found_event
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Put
from svyazka.flows.registry import load_flow
from svyazka.model.contacts import Contact
from svyazka.model.errors import Conflict
from svyazka.model.events import Entity, EventType, Fact
from svyazka.model.payments import Payment
from svyazka.model.standing import Standing
from svyazka.model.tenants import CompiledConnection, ConnectionSpec, FlowSpec

ANNA = Contact(name="Анна", phone="+79991234567", email="anna@example.org")


class PayHouse(House):
    """`first` and `second` make links, in this order; `paid_order` writes to the payer by SMS."""

    def __init__(self, store: Any = None, queue: Any = None, crm: bool = False, **settings: Any) -> None:
        self.clock: Any = None
        super().__init__(store, queue=queue)
        self.first, self.second = FakeProvider("first", self.clock.now), FakeProvider("second", self.clock.now)
        self.crm = FakeCrm()
        self.manifests |= {
            "first": self.first.manifest, "second": self.second.manifest, "site": load_manifest("site"),
            "crm": self.crm.manifest,
        }  # fmt: skip
        names = ("site", "first", "second", "sms", "crm", "till", "mail")
        takes = FlowSpec(
            id="pay", flow="take_payment", sources=("site",), via=("first", "second"),
            settings={"receipt": False, **settings},
        )  # fmt: skip
        follows = FlowSpec(
            id="paid", flow="paid_order", sources=("first", "second"), via=("crm", "sms") if crm else ("sms",),
            settings={"text": "Оплачено: {number}, {sum}", "refunded": "Вернули {sum}", "stage": "142"},
        )  # fmt: skip
        self.tenant = self.tenant.model_copy(
            update={"connections": {name: ConnectionSpec(vendor=name) for name in names}, "flows": (takes, follows)}
        )
        self.asked = 0

    async def settle_in(self) -> None:
        await self.store.commit([Put(journal.document(self.tenant))])
        for name, spec in self.tenant.connections.items():
            wants = [EventType.PAYMENT_CHANGED.value, EventType.SUBSCRIPTION_CANCEL_REQUESTED.value]
            for flow in self.tenant.flows:
                if name in flow.sources:
                    wants += [one.value for one in load_flow(flow.flow).wants(None)]
            compiled = CompiledConnection(tenant="kofe", connection=name, vendor=spec.vendor, wants=tuple(wants))
            await self.store.commit([Put(journal.document(compiled))])

    # Where processes die

    async def alive(self, what: Awaitable[object]) -> None:
        """Done, or its process dies and a fresh one goes on."""
        try:
            await what
        except Killed:
            self.start()
        except Conflict:
            pass

    async def comes_to_rest(self) -> None:
        """Its work is done, by however many processes."""
        assert await self._outlived(self.run), "it never comes to rest"

    async def lives_on(self, seconds: float) -> None:
        """So much time goes by, each time that a process dies a while of it again."""
        await self._outlived(partial(self.pass_time, seconds))

    async def _outlived(self, what: Callable[[], Awaitable[object]]) -> bool:
        for _ in range(60):
            try:
                await what()
                return True
            except Killed:
                self.start()
        return False

    async def told(self, connection: str, fact: Fact) -> str:
        """An event in the journal, and its task; its id."""
        document = await self.store.get("connections", f"kofe.{connection}")
        compiled = journal.read(CompiledConnection, document).model
        create, tasks = found_event(self.hub, compiled, fact, self.clock.now(), "webhook")
        try:
            await self.store.commit([create], tasks)
        except Conflict:
            await self.queue.enqueue(tasks)
        return create.document.id

    async def ask(self, order: str = "42", amount: str | None = "100.00", by: str = "server", **more: Any) -> str:
        """A request for a payment; its event's id."""
        self.asked += 1
        data = {"order": order, "by": by, **({"amount": amount} if amount is not None else {}), **more}
        fact = Fact(
            type=EventType.PAYMENT_REQUESTED, key=("payment", str(self.asked)), contact=more.pop("contact", ANNA),
            data=data,
        )  # fmt: skip
        return await self.told("site", fact)

    async def pay(self, *args: Any, **more: Any) -> Standing:
        """The same, for somebody who waits."""
        standing = await self.worker.at_once.carry_out(await self.ask(*args, **more))
        assert standing is not None
        return standing

    async def notify(
        self, provider: FakeProvider, number: str, word: str = "changed", numbered: bool = True, **more: object
    ) -> None:
        """The provider says that something has become of a payment."""
        one = provider.of(number)
        data = {**({"number": number} if numbered else {}), "told": word, **more}
        fact = Fact(
            type=EventType.PAYMENT_CHANGED, key=(word, one.id, one.state.value), subject=f"payment:{one.id}",
            entity=Entity(kind="payment", id=one.id), data=data,
        )  # fmt: skip
        await self.told(provider.name, fact)
        await self.run()

    async def refund(self, payment: str, amount: str | None = None, by: str = "server") -> str | None:
        """A request for a refund; the reason where nothing came of it."""
        self.asked += 1
        data = {"payment": payment, "by": by, **({"amount": amount} if amount is not None else {})}
        id_ = await self.told("site", Fact(type=EventType.REFUND_REQUESTED, key=("r", str(self.asked)), data=data))
        await self.run()
        return next(one.reason for one in self.events() if one.event.id == id_)

    def payments(self) -> list[Payment]:
        return [journal.read(Payment, one).model for one in self.store.documents.values() if one.kind == "payments"]

    @property
    def payment(self) -> Payment:
        """The only one."""
        (one,) = self.payments()
        return one

    def texts(self) -> list[str]:
        """What payers were written."""
        return [text for _, text in self.sms.sent]
