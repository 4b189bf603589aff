"""What a fiscaliser promises together with the engine: money that a provider has taken has its receipt at the
fiscaliser's stand-in exactly once, whatever is cut, slow, repeated, forged or killed.

A hub whole: YooKassa's stand-in takes the money, and the fiscaliser's registers it, by reports and by callbacks.
"""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from dying import dies_once
from kits.paying import payments_of
from kits.paying_shop import ANNA, POINTS, START, Shop
from kits.test_receipts_kit import NAMES
from matrix.hub import TENANT, Connection, Front, Machine, machine
from simulators.serve import Running
from svyazka.engine.calling.events_of_asking import found_event
from svyazka.engine.contracts.capabilities.payments import Can
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.kinds import PROBLEMS_OF_TENANT, RECEIPTS_OF_TENANT
from svyazka.engine.operating.operator import How, Operator
from svyazka.engine.operating.reopen import reopen
from svyazka.engine.paying.receipts_by_hand import Deed, again, registered
from svyazka.model.events import EventType, Fact
from svyazka.model.problems import Problem
from svyazka.model.receipts import IntentState, ReceiptIntent, ReceiptKind
from svyazka.model.tenants import CompiledConnection
from vendors import FISCALISERS, MESSENGERS, PROVIDERS
from vendors.parts.base import Webhook

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVERY = pytest.mark.parametrize("name", NAMES)
PROVIDER = "yookassa"
EVERYWHERE = (*POINTS, "receipt.before_commit", "receipt.after_commit")


class Till(Shop):
    """The same shop, whose receipts are registered by somebody else than its provider."""

    def __init__(self, name: str, hub: Machine, provider: str = PROVIDER) -> None:
        super().__init__(provider, hub)
        self.fiscaliser, self.registers = name, FISCALISERS[name]

    @property
    def stand_in(self) -> Any:
        return self.hub.vendors.of(self.fiscaliser)

    async def receipts(self) -> list[ReceiptIntent]:
        page = await self.hub.store.find(RECEIPTS_OF_TENANT, equal={"tenant": TENANT}, limit=100)
        return sorted((journal.read(ReceiptIntent, one).model for one in page.documents), key=lambda one: one.id)

    async def receipt(self, kind: ReceiptKind = ReceiptKind.SALE) -> ReceiptIntent:
        (one,) = [one for one in await self.receipts() if one.kind is kind]
        return one

    async def call_back(self, number: str) -> int:
        """The fiscaliser tells of a document as it is now."""
        return await self.post_to_fiscaliser(self.registers.told(self.hub.vendors, number))

    async def post_to_fiscaliser(self, told: Webhook) -> int:
        url = httpx.URL(await self.hub.hook("fiscal"))
        answer = await self.hub.front.client.post(url, content=told.body, headers=dict(told.headers))
        return answer.status_code

    async def held(self) -> Versioned[ReceiptIntent]:
        found = await journal.load(self.hub.store, ReceiptIntent, (await self.receipt()).id)
        assert found is not None
        return found

    async def decided(self, deed: Deed | str) -> None:
        """A person decides something about the one receipt."""
        assert isinstance(deed, Deed), deed
        await self.hub.store.commit(deed.writes, deed.tasks)
        await self.hub.work()

    async def cards(self) -> list[str]:
        """What is told to be wrong, and is so still."""
        page = await self.hub.store.find(PROBLEMS_OF_TENANT, equal={"tenant": TENANT}, limit=10)
        found = [journal.read(Problem, one).model for one in page.documents]
        return [one.cause for one in found if one.is_open and one.absent_since is None]

    async def handed_over(self, order: str = "42") -> None:
        """The site says that what was paid for is handed over."""
        self.asked += 1
        await self._told(
            Fact(type=EventType.ORDER_COMPLETED, key=("done", str(self.asked)), data={"number": order, "by": "server"})
        )


Opened = Callable[..., Any]


def connected(vendors: Running, provider: str, fiscaliser: str) -> dict[str, Connection]:
    """A site's shop, its till, its receipts and its messages, at stand-ins that have begun anew."""
    till, registers, sms = PROVIDERS[provider], FISCALISERS[fiscaliser], MESSENGERS["smsru"]
    till.begin(vendors)
    registers.begin(vendors)
    return {
        "site": Connection("site"), "provider": Connection(provider, till.settings, till.secrets),
        "fiscal": Connection(fiscaliser, registers.settings, registers.secrets),
        "sms": Connection("smsru", sms.settings, sms.secrets),
    }  # fmt: skip


@pytest.fixture
def till(tmp_path: Path, empty: Path, front: Front, vendors: Running) -> Opened:
    @asynccontextmanager
    async def opened(name: str, by: str = PROVIDER, **settings: Any) -> AsyncIterator[Till]:
        connections = connected(vendors, by, name)
        takes = {
            "id": "pay", "flow": "take_payment", "from": ["site"], "via": ["provider", "fiscal"],
            "return_url": "https://example.org/thanks", **settings,
        }  # fmt: skip
        data = shutil.copytree(empty, tmp_path / "data")
        async with machine(data, front, vendors, START, connections, [takes]) as hub:
            yield Till(name, hub, by)

    return opened


# A sale


@EVERY
async def test_paid_money_has_its_receipt_once_and_the_provider_makes_none(name: str, till: Opened) -> None:
    async with till(name) as it:
        await it.paid()
        await it.hub.pass_time(1)
        receipt, payment = await it.receipt(), await it.payment()
        assert receipt.state is IntentState.DONE
        assert (receipt.amount, payment.receipts) == (payment.captured, (receipt.id,))
        assert receipt.fiscal is not None
        assert receipt.fiscal.document
        assert [one.total for one in it.stand_in.printed()] == [10_000]
        assert [one for one in it.hub.vendors.of(PROVIDER).calls if '"receipt"' in one["body"]] == []


@EVERY
async def test_a_receipt_needs_an_address_before_the_link(name: str, till: Opened) -> None:
    async with till(name) as it:
        person = ANNA.model_copy(update={"phone": None, "email": None})
        document = await it.hub.store.get("connections", f"{TENANT}.site")
        compiled = journal.read(CompiledConnection, document).model
        fact = Fact(type=EventType.PAYMENT_REQUESTED, key=("p", "0"), contact=person,
                    data={"order": "42", "amount": "100.00", "by": "server"})  # fmt: skip
        create, tasks = found_event(it.hub.hub, compiled, fact, it.hub.clock.now(), "webhook")
        await it.hub.store.commit([create], tasks)
        await it.hub.work()
        assert await it.payments() == []


@EVERY
async def test_wherever_a_process_dies_each_payment_has_one_receipt(name: str, till: Opened) -> None:
    async with till(name) as it:
        for number in range(len(EVERYWHERE)):
            await it.ask(str(number))
        await it.hub.work()
        for number, point in enumerate(EVERYWHERE):
            payment = (await it.payments())[number]
            it.till.pay(it.till.of(payment.attempts[0].number))
            with dies_once(point):
                await it.notify(payment.attempts[0].number)
                await it.alive()
        await it.hub.pass_time(2)
        receipts = await it.receipts()
        assert Counter(one.state for one in receipts) == {IntentState.DONE: len(EVERYWHERE)}
        assert len(it.stand_in.printed()) == len({one.payment for one in receipts}) == len(EVERYWHERE)


@EVERY
@pytest.mark.parametrize("fault", ["cut_before", "cut_after"])
async def test_cut_answers_register_nothing_twice(name: str, fault: str, till: Opened) -> None:
    async with till(name) as it:
        method, path = it.registers.register
        it.hub.vendors.fault(name, kind=fault, path=path, method=method, times=3)
        await it.paid()
        await it.hub.pass_time(2)
        assert (await it.receipt()).state is IntentState.DONE
        assert len(it.stand_in.printed()) == 1


@EVERY
async def test_a_callback_is_no_proof_and_makes_the_report_read(name: str, till: Opened) -> None:
    async with till(name) as it:
        it.stand_in.lag = 100_000.0
        await it.paid()
        receipt = await it.receipt()
        assert receipt.state is IntentState.REGISTERING
        number = receipt.tries[0].number
        it.stand_in.finish()
        told = it.registers.told(it.hub.vendors, number)
        for one in it.stand_in.documents.values():
            one.at = it.stand_in.now()
        assert await it.post_to_fiscaliser(told) == 200  # it says that it is printed, and it isn't
        await it.hub.work()
        assert (await it.receipt()).state is IntentState.REGISTERING
        it.stand_in.finish()
        assert await it.call_back(number) == 200  # the same words once more
        await it.hub.work()
        assert (await it.receipt()).state is IntentState.DONE


@EVERY
async def test_a_till_that_is_out_of_order_is_tried_anew_and_only_by_its_report(name: str, till: Opened) -> None:
    async with till(name) as it:
        it.stand_in.ends.append(it.registers.passing)
        await it.paid()
        await it.hub.pass_time(0.05)
        receipt = await it.receipt()
        assert [one.state.value for one in receipt.tries] == ["failed"]
        await it.hub.pass_time(1)
        receipt = await it.receipt()
        assert (receipt.state, [one.number[-3:] for one in receipt.tries][1:]) == (IntentState.DONE, ["-r2"])
        assert len(it.stand_in.printed()) == 1


@EVERY
async def test_a_receipt_that_is_wrong_is_a_card_and_is_not_tried_again(name: str, till: Opened) -> None:
    async with till(name) as it:
        it.stand_in.ends.append(it.registers.lasting)
        await it.paid()
        await it.hub.pass_time(30)
        receipt = await it.receipt()
        assert (receipt.state, len(receipt.tries)) == (IntentState.REFUSED, 1)
        assert len(it.stand_in.documents) == 1


@EVERY
async def test_a_person_has_it_tried_anew_once_it_is_mended_and_its_card_is_over(name: str, till: Opened) -> None:
    async with till(name) as it:
        it.stand_in.ends.append(it.registers.lasting)
        await it.paid()
        await it.hub.pass_time(0.5)
        (receipt,) = await it.receipts()
        assert await it.cards() == [f"receipt_refused:{receipt.id}"]
        await it.decided(again(await it.held(), it.hub.clock.now()))
        await it.hub.pass_time(0.1)
        receipt = await it.receipt()
        assert (receipt.state, len(receipt.tries), await it.cards()) == (IntentState.DONE, 2, [])
        assert len(it.stand_in.printed()) == 1
        first, _ = receipt.tries
        operator = Operator(it.hub.hub, lambda vendor: None, "ivan")
        assert (await reopen(operator, first.deliveries[0], How(again=True))).skipped


@EVERY
async def test_what_was_registered_otherwise_isnt_once_more_when_its_till_is_back(name: str, till: Opened) -> None:
    async with till(name) as it:
        method, path = it.registers.register
        it.hub.vendors.fault(name, kind="answer", path=path, method=method, status=404, body="no such page", times=-1)
        await it.paid()
        await it.hub.pass_time(25)
        (receipt,) = await it.receipts()
        assert f"receipt_missing:{receipt.id}" in await it.cards()
        deed = await registered(it.hub.store, await it.held(), "ivan", "касса в зале", it.hub.clock.now())
        await it.decided(deed)
        assert (await it.receipt()).state is IntentState.DONE
        assert [one for one in await it.cards() if one.startswith("receipt_")] == []
        it.stand_in.faults.clear()
        await it.hub.pass_time(25)
        assert it.stand_in.documents == {}


@EVERY
async def test_what_was_registered_otherwise_while_it_waited_is_two_if_its_till_makes_it_too(
    name: str, till: Opened
) -> None:
    async with till(name) as it:
        it.stand_in.lag = 1_000_000.0
        await it.paid()
        await it.hub.pass_time(3)
        receipt = await it.receipt()
        await it.decided(await registered(it.hub.store, await it.held(), "ivan", "касса в зале", it.hub.clock.now()))
        await it.hub.pass_time(30)
        assert (await it.receipt()).state is IntentState.DONE
        assert f"receipt_twice:{receipt.id}" not in await it.cards()
        it.stand_in.finish()
        await it.hub.pass_time(26)
        assert f"receipt_twice:{receipt.id}" in await it.cards()


@EVERY
async def test_nothing_becomes_failed_by_time_alone(name: str, till: Opened) -> None:
    async with till(name) as it:
        it.stand_in.lag = 1_000_000.0
        await it.paid()
        await it.hub.pass_time(30)
        receipt = await it.receipt()
        assert (receipt.state, len(receipt.tries), len(it.stand_in.documents)) == (IntentState.REGISTERING, 1, 1)
        it.stand_in.finish()
        await it.hub.pass_time(3)
        assert (await it.receipt()).state is IntentState.DONE


# A settlement, and what goes back


@EVERY
async def test_an_advance_and_its_settlement_are_two_receipts(name: str, till: Opened) -> None:
    async with till(name, prepaid=True) as it:
        await it.paid()
        await it.hub.pass_time(1)
        assert [one.kind for one in await it.receipts()] == [ReceiptKind.SALE]
        for _ in range(2):
            await it.handed_over()
            await it.hub.work()
        await it.hub.pass_time(1)
        settlement = await it.receipt(ReceiptKind.SETTLEMENT)
        assert (settlement.state, settlement.amount.text) == (IntentState.DONE, "100.00")
        assert sorted(one.total for one in it.stand_in.printed()) == [10_000, 10_000]


@EVERY
async def test_a_refunds_receipt_waits_for_its_sales_and_is_never_more(name: str, till: Opened) -> None:
    async with till(name) as it:
        it.stand_in.lag = 1_000_000.0
        await it.paid()
        payment = await it.payment()
        await it.refund(payment.id, "60.00")
        await it.hub.pass_time(0.5)
        refund = await it.receipt(ReceiptKind.REFUND)
        assert (refund.state, refund.amount.text) == (IntentState.WAITING, "60.00")
        it.stand_in.lag = 0.0
        await it.hub.pass_time(2)
        await it.refund(payment.id)
        await it.hub.pass_time(2)
        assert {one.state for one in await it.receipts()} == {IntentState.DONE}
        assert it.stand_in.kopecks("sell") == it.stand_in.kopecks("sell_refund") == 10_000
        assert len(it.stand_in.printed()) == 3


@EVERY
async def test_what_went_back_before_it_was_handed_over_isnt_settled(name: str, till: Opened) -> None:
    async with till(name, prepaid=True) as it:
        await it.paid()
        await it.hub.pass_time(1)
        await it.refund((await it.payment()).id, "30.00")
        await it.hub.pass_time(1)
        await it.handed_over()
        await it.hub.pass_time(1)
        assert (await it.receipt(ReceiptKind.SETTLEMENT)).amount.text == "70.00"
        assert {one.state for one in await it.receipts()} == {IntentState.DONE}


# Who takes the money registers too


REGISTERING = [name for name in PROVIDERS if Can.RECEIPT in payments_of(name).can]


@pytest.mark.parametrize("by", REGISTERING)
async def test_a_providers_own_receipts_are_counted_alike_and_nobody_makes_a_second(by: str, till: Opened) -> None:
    async with till(NAMES[0], by=by, via=["provider"]) as it:
        await it.paid()
        await it.hub.pass_time(1)
        payment = await it.payment()
        if Can.PART_REFUND in payments_of(by).can:
            await it.refund(payment.id, "30.00")
            await it.hub.pass_time(2)
        receipts = await it.receipts()
        assert {(one.state, one.by_provider, one.connection) for one in receipts} == {
            (IntentState.DONE, True, "provider")
        }
        sums = {one.kind: one.amount for one in receipts}
        assert sums[ReceiptKind.SALE] == payment.captured
        assert len(receipts) == 2
        assert it.stand_in.documents == {}


async def test_a_provider_that_made_no_receipt_is_a_card(till: Opened) -> None:
    async with till(NAMES[0], via=["provider"]) as it:
        it.hub.vendors.of(PROVIDER).receipts = "pending"
        await it.paid()
        await it.hub.pass_time(1)
        assert (await it.receipt()).state is IntentState.REGISTERING
        it.hub.vendors.of(PROVIDER).receipts = "canceled"
        await it.hub.pass_time(3)
        receipt = await it.receipt()
        assert receipt.state is IntentState.REFUSED
        assert await it.cards() == [f"receipt_not_made:{receipt.id}"]
