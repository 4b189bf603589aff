"""Payments while processes are lost and frozen: no money twice, none lost, everybody told once. Short form.

Each seed is a day of a shop: orders are asked for, providers lie, payers pay, notifications come twice, out of order or
not at all, money goes back; and at every failpoint of the way a process may die. At the end the books of the providers
are compared with ours.
"""

from __future__ import annotations

import os
from random import Random

import pytest

from dying import dying
from fake_provider import FakeProvider
from pay_house import PayHouse
from svyazka.engine.paying.month import month_of
from svyazka.model.commands import Repeat
from svyazka.model.payments import IN_FLIGHT, OddityKind, Payment
from svyazka.model.seen import RefundState, SeenState

SEEDS = range(int(os.environ.get("SVYAZKA_PAYMENTS", "6")))
ORDERS = 12

POINTS = (
    "plan.before", "plan.before_commit", "plan.after_commit", "claim.before", "claim.after", "perform.before_call",
    "perform.after_call", "settle.before", "settle.after", "pay.before_commit", "pay.after_commit", "fallback.before",
)  # fmt: skip
LIES = ("down", "cut_before", "cut_after", "busy", "unclear", None, None, None)


class Day:
    """One shop's day."""

    def __init__(self, seed: int) -> None:
        self.chance = Random(seed)
        self.house = PayHouse(refunds_a_day="1000000.00")
        self.house.sms.repeat = Repeat.IDEMPOTENT  # what is unknown to be sent is nobody's fault here

    @property
    def providers(self) -> tuple[FakeProvider, FakeProvider]:
        return self.house.first, self.house.second

    async def go(self) -> None:
        house, chance = self.house, self.chance
        await house.settle_in()
        with dying(chance, 0.05, POINTS):
            for number in range(ORDERS):
                for provider in self.providers:
                    provider.lies.append(chance.choice(LIES))
                event = await house.ask(str(number), "100.00")
                await self.house.alive(house.worker.at_once.carry_out(event))
                if chance.random() < 0.3:
                    await self.house.alive(house.worker.at_once.carry_out(await house.ask(str(number), "100.00")))
                await self.house.comes_to_rest()
                await self.payers()
                await self.house.lives_on(chance.choice((5, 60, 400)))
                if chance.random() < 0.4:
                    await self.refunds()
            for provider in self.providers:
                provider.lies.clear()
            for _ in range(30):
                await self.house.lives_on(3600)
        for provider in self.providers:
            provider.lies.clear()
        await house.pass_time(5 * 86400, step=1800)

    async def payers(self) -> None:
        """Some of those who hold a link pay, by whichever link they were shown."""
        for payment in self.house.payments():
            for attempt in payment.attempts:
                if attempt.shown_at is None or self.chance.random() > 0.5:
                    continue
                provider = next(one for one in self.providers if one.name == attempt.connection)
                there = provider.of(attempt.number)
                if there.state is SeenState.WAITS:
                    there.state = self.chance.choice((SeenState.PAID, SeenState.PAID, SeenState.OVER))
                for _ in range(self.chance.choice((0, 1, 2))):
                    word = self.chance.choice(("paid", "declined", str(self.chance.random())))
                    await self.house.alive(
                        self.house.notify(provider, attempt.number, word, self.chance.random() < 0.5)
                    )
                await self.house.comes_to_rest()

    async def refunds(self) -> None:
        for payment in self.house.payments():
            if payment.captured and self.chance.random() < 0.3:
                for provider in self.providers:
                    provider.lies.append(self.chance.choice(LIES))
                    provider.refunds_to.append(self.chance.choice((RefundState.DONE, RefundState.WAITS)))
                amount = self.chance.choice(("10.00", "60.00", None))
                await self.house.alive(self.house.refund(payment.id, amount))
                await self.house.comes_to_rest()
                for provider in self.providers:
                    for there in provider.there.values():
                        for id_, one in list(there.refunds.items()):
                            if one.state is RefundState.WAITS:
                                there.refunds[id_] = one.model_copy(update={"state": RefundState.DONE})


def ours(payments: list[Payment]) -> int:
    return sum((one.captured - one.refunded).kopecks for one in payments)


@pytest.mark.parametrize("seed", SEEDS)
async def test_the_books_agree_whoever_lies_and_whatever_dies(seed: int) -> None:
    day = Day(seed)
    await day.go()
    house, payments = day.house, day.house.payments()
    assert ours(payments) == sum(one.money() for one in day.providers)
    for payment in payments:
        open_ = [one for one in payment.transactions if one.status in IN_FLIGHT]
        waiting = [a for a in payment.attempts if a.shown_at and not a.called_off]
        assert not open_ or waiting, (payment.state, open_)
        paid_by = {one.attempt for one in payment.transactions if one.kind == "purchase" and one.status == "done"}
        assert len(paid_by) < 2 or OddityKind.PAID_TWICE in {one.kind for one in payment.oddities}
        assert payment.refunded <= payment.captured
    # Every payment told once, whatever was repeated.
    texts = [text for text in house.texts() if text.startswith("Оплачено")]
    assert len(texts) == len(set(texts)) == sum(1 for one in payments if one.captured)
    # The month adds up at each provider.
    for provider in day.providers:
        account = await house.hub.directory.account("kofe", provider.name)
        assert account is not None
        month = await month_of(house.hub, account, house.clock.now().date())
        assert (month.ours, month.differences, month.left) == (provider.money(), (), 0)
    # Each number at each provider stands for one payment.
    for provider in day.providers:
        numbers = [one.number for one in provider.there.values()]
        assert len(numbers) == len(set(numbers))
