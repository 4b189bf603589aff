"""A hub whole with one provider's stand-in: a shop that takes payments by it, told of them by our webhook."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

from dying import Killed
from kits.paying import till_of
from matrix.hub import TENANT, Connection, Front, Machine, machine
from simulators.serve import Running
from simulators.till import Till
from svyazka.engine.calling.events_of_asking import found_event
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import PAYMENTS_OF_TENANT
from svyazka.model.contacts import Contact
from svyazka.model.events import EventType, Fact
from svyazka.model.payments import Payment
from svyazka.model.tenants import CompiledConnection
from vendors import MESSENGERS, PROVIDERS
from vendors.parts.base import Webhook

START = datetime(2026, 3, 14, 16, 0, tzinfo=UTC)
ANNA = Contact(name="Анна", phone="+79990000007", email="anna@example.org")
POINTS = (
    "plan.before", "plan.before_commit", "plan.after_commit", "claim.before", "claim.after", "perform.before_call",
    "perform.after_call", "settle.before", "settle.after", "pay.before_commit", "pay.after_commit",
)  # fmt: skip


class Shop:
    """A tenant that takes payments by one provider, and tells its payers by SMS."""

    def __init__(self, name: str, hub: Machine) -> None:
        self.name, self.hub, self.described, self.asked = name, hub, PROVIDERS[name], 0

    @property
    def till(self) -> Till:
        return till_of(self.name, self.hub.vendors)

    async def ask(self, order: str = "42", amount: str = "100.00", **more: Any) -> None:
        """Somebody's server asks for a payment."""
        self.asked += 1
        data = {"order": order, "amount": amount, "by": "server", **more}
        await self._told(Fact(type=EventType.PAYMENT_REQUESTED, key=("p", str(self.asked)), contact=ANNA, data=data))

    async def refund(self, payment: str, amount: str | None = None) -> None:
        self.asked += 1
        data = {"payment": payment, "by": "server", **({"amount": amount} if amount else {})}
        await self._told(Fact(type=EventType.REFUND_REQUESTED, key=("r", str(self.asked)), data=data))

    async def cancels(self, order: str) -> None:
        self.asked += 1
        data = {"number": order, "by": "server"}
        await self._told(Fact(type=EventType.ORDER_CANCELLED, key=("x", str(self.asked)), data=data))

    async def _told(self, fact: Fact) -> None:
        document = await self.hub.store.get("connections", f"{TENANT}.site")
        compiled = journal.read(CompiledConnection, document).model
        create, tasks = found_event(self.hub.hub, compiled, fact, self.hub.clock.now(), "webhook")
        await self.hub.store.commit([create], tasks)

    async def notify(self, number: str) -> None:
        """The provider tells of a payment as it is now."""
        told = self.described.told(self.hub.vendors, number)
        await self.post(told)

    async def post(self, told: Webhook) -> int:
        url = httpx.URL(await self.hub.hook("provider"))
        url = url.copy_with(path=url.path + told.path)
        answer = await self.hub.front.client.post(url, content=told.body, headers=dict(told.headers))
        return answer.status_code

    async def payments(self) -> list[Payment]:
        """In the order of their orders."""
        page = await self.hub.store.find(PAYMENTS_OF_TENANT, equal={"tenant": TENANT}, limit=100)
        found = [journal.read(Payment, one).model for one in page.documents]
        return sorted(found, key=lambda one: [int(part) for part in one.order.split("/")])

    async def payment(self) -> Payment:
        (one,) = await self.payments()
        return one

    async def number(self) -> str:
        return (await self.payment()).attempts[0].number

    def texts(self) -> list[str]:
        """What payers were written."""
        return [one.text for one in self.hub.sent() if one.via == "smsru"]

    async def linked(self) -> str:
        """A link is there; its number."""
        await self.ask()
        await self.hub.work()
        return await self.number()

    async def paid(self) -> str:
        """The same, paid and told of."""
        number = await self.linked()
        self.till.pay(self.till.of(number))
        await self.notify(number)
        await self.hub.work()
        return number

    async def alive(self) -> None:
        """Work goes on, whoever dies in it."""
        for _ in range(30):
            try:
                await self.hub.work()
            except Killed:
                self.hub.restart()
                continue
            return
        raise AssertionError("it never comes to rest")


Opened = Callable[..., Any]


@pytest.fixture
def shop(tmp_path: Path, empty: Path, front: Front, vendors: Running) -> Opened:
    @asynccontextmanager
    async def opened(name: str, gives_back: bool = False, **settings: Any) -> AsyncIterator[Shop]:
        described, sms = PROVIDERS[name], MESSENGERS["smsru"]
        described.begin(vendors)
        connections = {
            "site": Connection("site"), "provider": Connection(name, described.settings, described.secrets),
            "sms": Connection("smsru", sms.settings, sms.secrets),
        }  # fmt: skip
        takes = {
            "id": "pay", "flow": "take_payment", "from": ["site"], "via": ["provider"], "receipt": False,
            "return_url": "https://example.org/thanks", **settings,
        }  # fmt: skip
        follows = {
            "id": "paid", "flow": "paid_order", "from": ["provider"], "via": ["sms"],
            "text": "Оплачено: {number}, {sum}", "refunded": "Вернули {sum}",
        }  # fmt: skip
        data = shutil.copytree(empty, tmp_path / "data")
        back = {"id": "back", "flow": "refund_on_cancel", "from": ["site"]}
        flows = [takes, follows, *([back] if gives_back else [])]
        async with machine(data, front, vendors, START, connections, flows) as hub:
            yield Shop(name, hub)

    return opened
