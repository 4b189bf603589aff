"""Payments at the front door while processes are lost and the provider lies: nobody is charged twice, no money is lost,
nothing becomes final by time, and the provider's books are ours."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from chaos.google import Cloud, GoogleInstallation
from chaos.installation import TENANT, LocalInstallation, until
from chaos.leaks import leaks
from chaos.scenario import Failpoint
from chaos.site import SITE, WEB, Site, live_through
from chaos.takers import taker
from simulators.serve import Running
from simulators.till import State
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import PAYMENTS_OF_TENANT
from svyazka.model.commands import SendMessage
from svyazka.model.deliveries import Status
from svyazka.model.errors import Unavailable
from svyazka.model.money import Money
from svyazka.model.payments import IN_FLIGHT, Payment, PaymentState
from vendors import MESSENGERS
from vendors.parts.base import NAME, UNHURRIED, Guest, told
from vendors.parts.messengers import Stage
from vendors.parts.money import Provider, books

TELLER = MESSENGERS["exolve"]
"""It leaves nothing unknown: whoever was told was told once."""

PAYING_POINTS = ("pay.before_commit", "pay.after_commit")
"""Before and after what a provider shows is written down."""

TOGETHER = 8
LIES = ("cut_after", "cut_before", "answer")
LIES_OF_ALL = 0.15
"""Of the provider's answers to writes."""

BACK = 0.4
"""Of what was paid goes back, in part or whole."""


@dataclass(frozen=True)
class Bill:
    """What somebody has to pay: no two are of the same amount, so that a till's payments are told by it."""

    guest: Guest

    @property
    def order(self) -> str:
        return f"A-{self.guest.number}"

    @property
    def amount(self) -> Money:
        return Money(kopecks=10_000 + self.guest.number)

    @property
    def body(self) -> dict[str, Any]:
        return {
            "order": self.order, "amount": self.amount.text, "name": NAME, "phone": self.guest.phone,
            "email": self.guest.email,
        }  # fmt: skip


class PaymentInstallation(LocalInstallation):
    """A site, the flows `take_payment` and `paid_order`, a provider, and a messenger."""

    def __init__(self, folder: Path, vendors: Running, provider: Provider, **given: Any) -> None:
        self.provider = provider
        super().__init__(folder, vendors, SITE, taker(provider), TELLER, **given)

    def tenant(self) -> dict[str, object]:
        vendor = self.provider.vendor
        till = {"vendor": vendor, "base_url": self.base_url(vendor), **self.provider.written(), **UNHURRIED}
        takes = {"return_url": "https://example.org/thanks", "give_up_after": "19d", "refunds_a_day": "1000000000.00"}
        tells = {"text": "Оплачено {number}: {sum}", "refunded": "Вернули {number}: {sum}", "expires_after": "30d"}
        return {
            "id": TENANT, "name": "Кофейня на Покровке", "timezone": "Europe/Moscow",
            "connections": {"web": WEB, "till": till, "teller": self.connection(TELLER)},
            "flows": [
                {"flow": "take_payment", "from": ["web"], "via": ["till"], **takes},
                {"flow": "paid_order", "from": ["till"], "via": ["teller"], **tells},
            ],
        }  # fmt: skip

    def set_stage(self, guests: Sequence[Guest]) -> None:
        self.provider.begin(self.vendors)
        hook = self.hook_url("teller", TELLER.vendor)
        TELLER.begin(Stage(self.vendors, hook, self.clock, guests, early=self.speed > 1))

    async def payments(self) -> list[Payment]:
        async with self.store() as store:
            found, cursor = [], None
            while True:
                page = await store.find(PAYMENTS_OF_TENANT, equal={"tenant": TENANT}, limit=200, cursor=cursor)
                found += [journal.read(Payment, one).model for one in page.documents]
                cursor = page.cursor
                if cursor is None:
                    return found


class CloudPayments(PaymentInstallation, GoogleInstallation):
    """The same as it stands in the cloud."""

    def __init__(self, folder: Path, vendors: Running, provider: Provider, cloud: Cloud) -> None:
        super().__init__(folder, vendors, provider, cloud=cloud)


Paid = Mapping[Bill, str]
"""The payment of each bill."""


@dataclass
class Payers:
    """Everybody asks twice for a link, pays by it, and is told of; some get their money back."""

    installation: PaymentInstallation
    chance: random.Random
    patience: float

    async def pay(self, bills: Sequence[Bill], site: Site) -> Paid:
        ids: dict[Bill, str] = {}
        turns = asyncio.Semaphore(TOGETHER)

        async def each(bill: Bill) -> None:
            async with turns:
                ids[bill] = await self._pays(bill, site)

        await asyncio.gather(*map(each, bills))
        await self._settled(ids, site)
        for bill in bills:
            if self.chance.random() < BACK:
                amount = self.chance.choice((None, "50.00"))
                body = {"payment": ids[bill], **({"amount": amount} if amount else {})}
                answer = await site.post("refund", body, f"refund-{bill.guest.number}")
                assert answer.status_code in (200, 202), answer.text
        return ids

    async def _pays(self, bill: Bill, site: Site) -> str:
        pressed = [site.post("payment", bill.body, f"pay-{bill.guest.number}-{n}") for n in range(2)]
        answers = await asyncio.gather(*pressed)
        assert {one.status_code for one in answers} <= {200, 202}, [one.text for one in answers]
        page, shown = f"payment/{min(str(one.json()['id']) for one in answers)}", dict[str, Any]()

        async def can_be_paid() -> bool:
            found = await site.get(page)
            shown.update(found.json() if found.status_code == 200 else {})
            return "url" in shown

        await until(can_be_paid, "a link is shown", self.patience, self._spoken)
        till = books(self.installation.vendors, self.installation.provider.vendor)
        mine = [one for one in till.payments.values() if one.amount == bill.amount.kopecks and one.state is State.WAITS]
        (there,) = mine
        told(self.installation.vendors, lambda: till.pay(there))
        await self._told_of(str(there.number), site)
        return str(shown["id"])

    async def _told_of(self, number: str, site: Site) -> None:
        """Notifications come twice, or never, and again until they are answered."""
        told_of = self.installation.provider.told(self.installation.vendors, number)
        url = self.installation.hook_url("till", self.installation.provider.vendor)

        async def taken() -> bool:
            with suppress(httpx.HTTPError):
                answer = await site.client.post(url, content=told_of.body, headers=dict(told_of.headers))
                return answer.status_code < 400
            return False

        for _ in range(self.chance.choice((0, 1, 2) if self.installation.speed > 1 else (1, 2))):
            await until(taken, "a notification is taken", self.patience, self._spoken)

    async def _settled(self, ids: Paid, site: Site) -> None:
        """Who isn't told looks at the page again: the clock alone looks ever more rarely."""

        async def all_paid() -> bool:
            try:
                payments = await self.installation.payments()
            except Unavailable:
                return False
            open_ = [one for one in payments if one.state is not PaymentState.PAID]
            for one in open_[:TOGETHER]:
                await site.get(f"payment/{one.id}")
            return len(payments) == len(ids) and not open_

        await until(all_paid, "all is known to be paid", self.patience, self._spoken)

    def _spoken(self) -> str:
        return self.installation.spoken()[-2000:]


def lying(vendors: Running, provider: Provider, count: int, chance: random.Random) -> None:
    """So many of its answers to `count` writes, here and there, never come, or say that it failed."""
    for what in ("link", "refund"):
        method, path = provider.writes[what]
        for _ in range(int(count * LIES_OF_ALL) + 1):
            kind, skip = chance.choice(LIES), chance.randrange(count)
            vendors.fault(provider.vendor, kind=kind, path=path, method=method, skip=skip, status=500)


async def survive(
    installation: PaymentInstallation, count: int, failpoint: Failpoint, *, chance: random.Random,
    patience: float = 60.0,
) -> Counter[str]:  # fmt: skip
    """So many bills; what happened to the processes."""
    await installation.prepare()
    bills = [Bill(Guest(number)) for number in range(count)]
    installation.set_stage([bill.guest for bill in bills])
    lying(installation.vendors, installation.provider, count, chance)
    payers = Payers(installation, chance, patience)

    async def paid_and_back(site: Site) -> Paid:
        paid = await payers.pay(bills, site)

        async def nothing_in_flight() -> bool:
            try:
                payments = await installation.payments()
            except Unavailable:
                return False
            return not any(one.status in IN_FLIGHT for each in payments for one in each.transactions)

        await until(nothing_in_flight, "all that goes back is back", patience, lambda: installation.spoken()[-2000:])
        return paid

    paid, seen = await live_through(installation, failpoint, paid_and_back, patience)
    await audit(installation, paid)
    return seen


async def audit(installation: PaymentInstallation, paid: Paid) -> None:
    """Each bill is one payment there and here, of its amount; what went back is the same on both sides; each payer is
    told of each movement once."""
    till, payments = books(installation.vendors, installation.provider.vendor), await installation.payments()
    by_id = {one.id: one for one in payments}
    assert len(by_id) == len(paid) == len(set(paid.values()))
    assert Counter(one.amount for one in till.payments.values()) == Counter(bill.amount.kopecks for bill in paid)
    moved = 0
    for bill, id_ in paid.items():
        one = by_id[id_]
        (there,) = [it for it in till.payments.values() if it.amount == bill.amount.kopecks]
        assert (one.order, one.amount, one.captured) == (bill.order, bill.amount, bill.amount)
        assert (one.refunded.kopecks, one.oddities) == (there.refunded, ())
        assert len(there.refunds) == len({refund.number for refund in there.refunds}) <= 1, "given back once"
        moved += 1 + len(there.refunds)
    assert till.money() == sum((one.captured - one.refunded).kopecks for one in payments)
    deliveries = (await installation.journal()).deliveries
    texts = [one.command.text for one in deliveries if isinstance(one.command, SendMessage)]
    assert len(texts) == len(set(texts)) == moved, "each movement is told of once"
    assert all(one.status is Status.SUCCEEDED for one in deliveries if isinstance(one.command, SendMessage))
    found = leaks(installation.spoken())
    assert not found, f"somebody was named in an output: {found[:3]}"
