"""A shop's day of receipts: orders are paid, some handed over, some given back, while providers and the fiscaliser lie,
tills are out of order, and a process dies at a share of all that it passes. At the end there is one receipt of each
kind for each movement of money, and the sums are equal to the kopeck."""

from __future__ import annotations

from random import Random

from dying import dying
from fake_fiscaliser import LIES, FakeFiscaliser
from fake_provider import FakeProvider, There
from pay_house import ANNA, PayHouse
from svyazka.engine.journal import documents as journal
from svyazka.model.commands import Repeat
from svyazka.model.events import EventType, Fact
from svyazka.model.receipts import IntentState, ReceiptIntent, ReceiptKind
from svyazka.model.seen import RefundState, SeenState
from svyazka.model.tenants import ConnectionSpec

POINTS = (
    "plan.before", "plan.before_commit", "plan.after_commit", "claim.before", "claim.after", "perform.before_call",
    "perform.after_call", "settle.before", "settle.after", "pay.before_commit", "pay.after_commit",
    "receipt.before_commit", "receipt.after_commit",
)  # fmt: skip


class Day:
    """One shop's day, `orders` long."""

    def __init__(self, seed: int, orders: int) -> None:
        self.chance, self.orders = Random(seed), orders
        self.house = PayHouse(refunds_a_day="100000000.00", receipt=True, prepaid=seed % 2 == 1)
        self.house.sms.repeat = Repeat.IDEMPOTENT
        self.fiscal = FakeFiscaliser(self.house.clock.now)
        self.house.manifests["fiscal"] = self.fiscal.manifest
        takes, follows = self.house.tenant.flows
        flows = (takes.model_copy(update={"via": (*takes.via, "fiscal")}), follows)
        connections = {**self.house.tenant.connections, "fiscal": ConnectionSpec(vendor="fiscal")}
        self.house.tenant = self.house.tenant.model_copy(update={"flows": flows, "connections": connections})

    @property
    def providers(self) -> dict[str, FakeProvider]:
        return {one.name: one for one in (self.house.first, self.house.second)}

    def receipts(self) -> list[ReceiptIntent]:
        documents = self.house.store.documents.values()
        return [journal.read(ReceiptIntent, one).model for one in documents if one.kind == "receipts"]

    async def go(self) -> None:
        """The day, and as long afterwards as whatever was cut off needs."""
        house, chance = self.house, self.chance
        await house.settle_in()
        with dying(chance, 0.03, POINTS):
            for number in range(self.orders):
                self._lie()
                await self.house.alive(house.worker.at_once.carry_out(await self._asked(number)))
                await self.house.comes_to_rest()
                await self._paid(number)
                if number % 10 == 9:
                    await self.house.lives_on(chance.choice((60, 600)))
            for _ in range(12):
                await self.house.lives_on(1800)
        self.fiscal.lies.clear()
        self.fiscal.ends.clear()
        self.fiscal.silent, self.fiscal.lag = 0, 0.0
        for provider in self.providers.values():
            provider.lies.clear()
            for there in provider.there.values():
                _carried_out(there)
        await house.pass_time(2 * 86400, step=3600)

    def _lie(self) -> None:
        chance = self.chance
        for provider in self.providers.values():
            provider.lies.append(chance.choice(("cut_after", "down", None, None)))
        self.fiscal.lies.append(chance.choice((*LIES, None, None, None)))
        self.fiscal.ends.append(chance.random() < 0.1)
        self.fiscal.silent = chance.choice((0, 0, 2))
        self.fiscal.lag = chance.choice((0.0, 30.0, 900.0))

    async def _asked(self, number: int) -> str:
        return await self.house.ask(str(number), f"{self.chance.randint(1, 99_999)}.{self.chance.randint(0, 99):02}")

    async def _paid(self, number: int) -> None:
        """Whoever holds the order's link pays; then it may be handed over, or some of it given back, or both."""
        house, chance = self.house, self.chance
        payment = next((one for one in house.payments() if one.order == str(number)), None)
        shown = [one for one in payment.attempts if one.url] if payment else []
        if payment is None or not shown or chance.random() < 0.1:
            return
        provider = self.providers[shown[0].connection]
        there = provider.of(shown[0].number)
        there.state = SeenState.PAID
        await self.house.alive(house.notify(provider, shown[0].number, "paid"))
        await self.house.comes_to_rest()
        for deed in chance.sample(("refund", "over", "refund"), k=chance.choice((0, 1, 2, 3))):
            if deed == "over":
                fact = Fact(type=EventType.ORDER_COMPLETED, key=("over", str(number)), contact=ANNA,
                            data={"number": str(number), "by": "server"})  # fmt: skip
                await self.house.alive(house.told("site", fact))
            else:
                provider.refunds_to.append(chance.choice((RefundState.DONE, RefundState.WAITS)))
                kopecks = max(1, there.amount.kopecks // chance.choice((1, 3, 7)))
                await self.house.alive(house.refund(payment.id, f"{kopecks // 100}.{kopecks % 100:02}"))
            await self.house.comes_to_rest()
        _carried_out(there)

    # What must be true then

    def check(self) -> int:
        """How many receipts stand at the fiscaliser. Raises AssertionError for one too many, or too few."""
        receipts, payments = self.receipts(), {one.id: one for one in self.house.payments()}
        undone = [one for one in receipts if one.state is not IntentState.DONE and _by_itself(one)]
        assert not undone, [(one.id, one.state, one.tries) for one in undone[:3]]
        printed: dict[str, int] = {}
        for command in self.fiscal.printed():
            assert command.receipt not in printed, f"{command.receipt} is registered twice"
            printed[command.receipt] = command.amount.kopecks
        done = {one.id: one.amount.kopecks for one in receipts if one.state is IntentState.DONE}
        assert printed == done
        for payment in payments.values():
            own = [one for one in receipts if one.payment == payment.id]
            sums = {kind: sum(one.amount.kopecks for one in own if one.kind is kind) for kind in ReceiptKind}
            assert sums[ReceiptKind.SALE] == payment.captured.kopecks
            assert sums[ReceiptKind.REFUND] == payment.refunded.kopecks <= payment.captured.kopecks
            settled = payment.settled.kopecks if payment.settled is not None else 0
            assert sums[ReceiptKind.SETTLEMENT] == settled
            assert (payment.settled is not None) == (payment.handed_over is not None and bool(payment.captured))
        return len(printed)


def _carried_out(there: There) -> None:
    """What its provider was slow to give back is given back."""
    for id_, one in list(there.refunds.items()):
        if one.state is RefundState.WAITS:
            there.refunds[id_] = one.model_copy(update={"state": RefundState.DONE})


def _by_itself(intent: ReceiptIntent) -> bool:
    """Three times out of order: then a person is asked, and what comes after it waits."""
    return intent.state is not IntentState.REFUSED and not (intent.after and not intent.tries)
