"""A subscription's way: a first payment with consent, then one charge a period, whoever dies and whatever lies."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from dying import Killed, dying
from pay_house import PayHouse
from svyazka.engine.contracts.capabilities.payments import Can
from svyazka.engine.journal import documents as journal
from svyazka.engine.paying.by_hand import seen_to
from svyazka.engine.paying.subscription_words import wanted
from svyazka.engine.paying.turning import held_of
from svyazka.engine.ports.store import Put
from svyazka.engine.rules.subscriptions import Happening, due_at
from svyazka.engine.upkeep.forget import Forgetting
from svyazka.model.commands import Repeat
from svyazka.model.events import EventType, Fact
from svyazka.model.money import Money
from svyazka.model.payments import OddityKind, Payment
from svyazka.model.problems import Problem
from svyazka.model.seen import Decline, SeenState
from svyazka.model.standing import Paying
from svyazka.model.subscriptions import Period, Subscription, SubscriptionState

S = SubscriptionState
CONSENT = {"text": "Согласна на списание 100 ₽ каждый месяц", "at": "2026-03-14T14:58:00+03:00"}


class SubscriptionHouse(PayHouse):
    """Annas who subscribe."""

    async def subscribes(self, order: str = "42", every: str = "month", **more: Any) -> Subscription:
        """Somebody pays for the first time, and has agreed."""
        await self.pay(order, consent=CONSENT, recurring={"every": every, **more})
        payment = next(one for one in self.payments() if one.order == order)
        self.first.pays(payment.attempts[0].number)
        await self.notify(self.first, payment.attempts[0].number)
        return self.subscription

    async def asks_for_card(self, id_: str) -> str:
        """Whoever holds its id wants to pay by another card; the event of that."""
        self.asked += 1
        fact = Fact(type=EventType.PAYMENT_REQUESTED, key=("card", str(self.asked)),
                    data={"subscription": id_, "by": "public"})  # fmt: skip
        return await self.told("site", fact)

    async def ask_for_card(self, id_: str) -> Paying | None:
        """The same, for somebody who waits."""
        standing = await self.worker.at_once.carry_out(await self.asks_for_card(id_))
        assert standing is not None
        return standing.payment

    async def cancels(self, id_: str) -> str | None:
        """Whoever holds its id wants no more; why nothing came of it, where nothing did."""
        self.asked += 1
        fact = Fact(type=EventType.SUBSCRIPTION_CANCEL_REQUESTED, key=("cancel", str(self.asked)),
                    data={"subscription": id_, "by": "public"})  # fmt: skip
        event = await self.told("site", fact)
        await self.run()
        return next(one.reason for one in self.events() if one.event.id == event)

    async def says(self, id_: str, what: Happening) -> None:
        """The business wants this of it."""
        held = await held_of(self.hub, id_)
        assert held is not None
        move = await wanted(self.hub, held, self.tenant, what)
        assert not isinstance(move, str), move
        await self.store.commit(move.writes, move.tasks)
        await self.run()

    def problems(self, kind: str) -> list[Problem]:
        return [one for one in self.read_all("problems", Problem) if one.kind == kind]

    def read_all(self, kind: str, model: type[Any]) -> list[Any]:
        return [journal.read(model, one).model for one in self.store.documents.values() if one.kind == kind]

    @property
    def subscription(self) -> Subscription:
        (one,) = self.read_all("subscriptions", Subscription)
        return one  # type: ignore[no-any-return]

    def periods(self) -> list[Period]:
        return sorted(self.read_all("periods", Period), key=lambda one: one.n)

    def of_period(self, n: int) -> Payment | None:
        return next((one for one in self.payments() if one.period == n), None)

    async def until(self, moment: datetime, step: int = 3600) -> None:
        while self.clock.now() < moment:
            await self.pass_time(min(step, (moment - self.clock.now()).total_seconds()), step=step)

    def charged(self) -> list[tuple[int | None, str]]:
        return [(one.period, one.state.value) for one in sorted(self.payments(), key=lambda one: one.period or 0)]


@pytest.fixture
async def house() -> SubscriptionHouse:
    house = SubscriptionHouse()
    await house.settle_in()
    return house


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


async def test_from_a_first_payment_with_consent_to_one_charge_a_month(house: SubscriptionHouse) -> None:
    made = await house.subscribes()
    assert (made.state, made.n, made.due_at) == (S.ACTIVE, 2, at("2026-04-14T10:00:00+03:00"))
    assert (made.agreed.text, made.agreed.at, made.agreed.where) == (CONSENT["text"], at(str(CONSENT["at"])), "site")
    assert made.method is not None
    assert (made.method.connection, made.method.saved.token) == ("first", "tok-first-1")
    await house.until(at("2026-04-14T09:00:00+03:00"), 86400)
    assert house.charged() == [(1, "paid")]
    await house.until(at("2026-04-14T11:00:00+03:00"))
    assert house.charged() == [(1, "paid"), (2, "paid")]
    assert house.first.money() == 20_000
    assert house.texts() == ["Оплачено: 42, 100", "Оплачено: 42/2, 100"]
    await house.until(at("2026-07-14T11:00:00+03:00"), 21600)
    assert house.charged() == [(n, "paid") for n in range(1, 6)]
    assert [(one.n, one.state) for one in house.periods()] == [(n, "paid") for n in range(1, 6)]
    assert house.subscription.due_at == at("2026-08-14T10:00:00+03:00")


async def test_nobody_is_subscribed_by_less_than_was_asked_for_unless_somebody_lets_it_be(
    house: SubscriptionHouse,
) -> None:
    await house.pay(consent=CONSENT, recurring={"every": "month"})
    number = house.payment.attempts[0].number
    house.first.of(number).amount = Money(kopecks=100)
    house.first.pays(number)
    await house.notify(house.first, number)
    assert [one.kind for one in house.payment.oddities] == ["paid_less"]
    assert house.read_all("subscriptions", Subscription) == []
    let_be = seen_to(house.payment, OddityKind.PAID_LESS, "anna")
    await house.store.commit([Put(journal.document(let_be))])
    await house.worker.looking.look(house.payment.id)
    assert house.subscription.state is S.ACTIVE


@pytest.mark.parametrize("off", [timedelta(days=-400), timedelta(hours=-3), timedelta(days=31)])
async def test_periods_follow_our_own_clock_where_the_providers_is_wrong(
    house: SubscriptionHouse, off: timedelta
) -> None:
    house.first.clock_is_off = off
    made = await house.subscribes()
    assert (made.anchor, made.due_at) == ("2026-03-14", at("2026-04-14T10:00:00+03:00"))


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ({"recurring": {"every": "month"}}, "no_consent"), ({"consent": {"text": "  "}}, "no_consent"),
        ({"recurring": {"every": "day"}}, "no_consent"), ({"by": "public"}, "unknown_order"),
    ],
)  # fmt: skip
async def test_nobody_is_subscribed_without_the_words_or_by_a_page(
    house: SubscriptionHouse, more: dict[str, Any], why: str
) -> None:
    given = {"recurring": {"every": "month"}, **({"consent": CONSENT} if "recurring" not in more else {}), **more}
    if more.get("recurring") == {"every": "day"}:
        given["consent"] = CONSENT
    standing = await house.pay("42", **given)
    assert standing.payment is not None
    assert (standing.payment.code, house.payments()) == (why, [])


async def test_a_page_begins_no_subscription_of_an_order_that_is_known(house: SubscriptionHouse) -> None:
    await house.pay("42")
    await house.pay("42", by="public", consent=CONSENT, recurring={"every": "month"})
    house.first.pays(house.payment.attempts[0].number)
    await house.notify(house.first, house.payment.attempts[0].number)
    assert (house.payment.state, house.periods()) == ("paid", [])


# Dunning

APRIL = at("2026-04-14T10:00:00+03:00")


def day(text: str) -> datetime:
    return at(f"2026-{text}+03:00")


def ends(house: SubscriptionHouse, *reasons: Decline | None) -> None:
    """What each further charge comes to: this reason, or money."""
    house.first.charges_end.extend(reasons)


def told(house: SubscriptionHouse) -> list[tuple[str, object]]:
    kept = [one.event for one in house.events() if one.event.type.value.startswith("subscription.")]
    return [(one.type.value, one.data.get("why")) for one in kept]


async def test_no_money_is_tried_again_on_the_days_chosen_and_paid_when_there_is_some(house: SubscriptionHouse) -> None:
    await house.subscribes()
    ends(house, Decline.NO_MONEY, Decline.LATER, None)
    await house.until(APRIL + timedelta(hours=1))
    assert house.subscription.state is S.RETRYING
    assert house.periods()[-1].again_at == APRIL + timedelta(days=1)
    await house.until(APRIL + timedelta(days=4))
    payment = house.of_period(2)
    assert payment is not None
    assert [(one.status, one.at - APRIL < timedelta(days=4)) for one in payment.transactions] == [
        ("declined", True), ("declined", True), ("done", True),
    ]  # fmt: skip
    assert {one.number for one in payment.attempts} == {f"p{payment.id[4:]}-{n}" for n in (1, 2, 3)}
    assert (house.subscription.state, house.subscription.due_at) == (S.ACTIVE, day("05-14T10:00:00"))
    assert (house.first.money(), told(house)) == (20_000, [])


@pytest.mark.parametrize("gone", [Decline.CARD_GONE, Decline.OTHER_CARD])
async def test_another_card_is_asked_for_and_charged_from_then_on(house: SubscriptionHouse, gone: Decline) -> None:
    made = await house.subscribes()
    ends(house, gone)
    await house.until(APRIL + timedelta(hours=1))
    assert (house.subscription.state, told(house)) == (S.NEEDS_CARD, [("subscription.card_needed", gone.value)])
    assert (house.subscription.method is None) is (gone is Decline.CARD_GONE)
    asked = await house.ask_for_card(made.id)
    assert asked is not None
    assert (asked.state, asked.amount, asked.url) == ("waiting", "100.00", "https://first.example/first-3")
    again = await house.ask_for_card(made.id)
    assert again is not None
    assert again.url == asked.url, "the same link, however often it is asked for"
    payment = house.of_period(2)
    assert payment is not None
    house.first.pays(payment.attempts[1].number)
    await house.notify(house.first, payment.attempts[1].number)
    after = house.subscription
    assert after.method is not None
    assert (after.state, after.n, after.method.saved.token, after.card_gone) == (S.ACTIVE, 3, "tok-first-3", False)
    await house.until(day("05-14T11:00:00"), 21600)
    assert (house.charged(), house.first.money()) == ([(1, "paid"), (2, "paid"), (3, "paid")], 30_000)


async def test_nobody_is_charged_beside_a_link_that_is_being_made(house: SubscriptionHouse) -> None:
    made = await house.subscribes()
    ends(house, Decline.NO_MONEY)
    again_at = APRIL + timedelta(days=1)
    await house.until(again_at - timedelta(minutes=1))
    assert house.subscription.state is S.RETRYING
    planned = await house.asks_for_card(made.id)
    await house.worker.handle("/plan", {"event": planned})  # and whoever would make the link has died
    house.clock.step(120)
    await house.worker.handle("/subscription", {"subscription": made.id})
    await house.until(again_at + timedelta(days=1))
    assert len([one for one in house.first.calls if one.startswith("charge")]) == 1
    payment = house.of_period(2)
    assert payment is not None
    house.first.pays(payment.attempts[1].number)
    await house.notify(house.first, payment.attempts[1].number)
    assert (house.charged(), house.first.money(), house.subscription.state) == (
        [(1, "paid"), (2, "paid")], 20_000, S.ACTIVE,
    )  # fmt: skip


async def test_who_asks_for_another_card_twice_at_once_gets_one_link(house: SubscriptionHouse) -> None:
    made = await house.subscribes()
    ends(house, Decline.CARD_GONE)
    await house.until(APRIL + timedelta(hours=1))
    for event in [await house.asks_for_card(made.id) for _ in range(2)]:
        await house.worker.handle("/plan", {"event": event})
    await house.run()
    assert len([one for one in house.first.there.values() if one.state is SeenState.WAITS]) == 1


async def test_a_card_that_never_comes_ends_it_and_its_link_is_called_off(house: SubscriptionHouse) -> None:
    made = await house.subscribes()
    ends(house, Decline.CARD_GONE)
    await house.until(APRIL + timedelta(hours=1))
    await house.ask_for_card(made.id)
    await house.until(APRIL + timedelta(days=8), 21600)
    assert (house.subscription.state, house.subscription.why) == (S.STOPPED, "unpaid")
    assert [one for one, _ in told(house)] == ["subscription.card_needed", "subscription.stopped"]
    assert [one.state for one in house.periods()] == ["paid", "unpaid"]
    assert all(one.state is not SeenState.WAITS for one in house.first.there.values())
    await house.until(day("07-01T00:00:00"), 86400)
    assert (house.charged(), house.first.money()) == ([(1, "paid"), (2, "cancelled")], 10_000)
    late = await house.ask_for_card(made.id)
    assert late is not None
    assert late.code == "over"


async def test_after_three_tries_in_vain_another_card_is_asked_for(house: SubscriptionHouse) -> None:
    await house.subscribes()
    ends(house, *[Decline.NO_MONEY] * 4)
    await house.until(APRIL + timedelta(days=6), 21600)
    assert (house.subscription.state, house.subscription.why) == (S.NEEDS_CARD, "no_money")
    assert len([one for one in house.first.calls if one.startswith("charge")]) == 4
    await house.until(day("06-30T00:00:00"), 86400)
    assert house.subscription.state is S.STOPPED
    assert len([one for one in house.first.calls if one.startswith("charge")]) == 4


@pytest.mark.parametrize(("why", "says"), [(Decline.RISK, "risk"), (Decline.SETUP, "setup")])
async def test_what_the_business_alone_can_settle_is_a_card_and_waits_for_its_word(
    house: SubscriptionHouse, why: Decline, says: str
) -> None:
    made = await house.subscribes()
    ends(house, why)
    await house.until(APRIL + timedelta(days=3), 21600)
    assert (house.subscription.state, house.subscription.why) == (S.NEEDS_OWNER, says)
    (card,) = house.problems("subscription")
    assert (card.state, card.cause) == ("open", made.id)
    await house.until(APRIL + timedelta(days=20), 86400)
    assert len([one for one in house.first.calls if one.startswith("charge")]) == 1
    await house.says(made.id, Happening.GO_ON)
    assert (house.subscription.state, house.charged()) == (S.ACTIVE, [(1, "paid"), (2, "paid")])
    await house.pass_time(86400)
    assert house.problems("subscription")[0].state == "closed"
    await house.until(day("05-14T11:00:00"), 21600)
    assert house.charged() == [(1, "paid"), (2, "paid"), (3, "paid")]


async def test_who_pays_by_what_cannot_be_saved_is_asked_for_a_card_when_it_is_due(house: SubscriptionHouse) -> None:
    house.first.saves = False
    await house.subscribes()
    await house.until(APRIL + timedelta(hours=1))
    assert (house.subscription.state, house.subscription.why) == (S.NEEDS_CARD, "not_saved")
    assert [one for one in house.first.calls if one.startswith("charge")] == []


# What is slow, silent or lies


@pytest.mark.parametrize("lie", ["down", "cut_before", "cut_after", "busy", "unclear"])
@pytest.mark.parametrize("repeat", [Repeat.IDEMPOTENT, Repeat.CHECKABLE])
async def test_a_charge_is_made_once_whatever_befalls_its_answer(
    house: SubscriptionHouse, lie: str, repeat: Repeat
) -> None:
    await house.subscribes()
    house.first.repeat = repeat
    house.first.lies.extend([lie, lie])
    await house.until(APRIL + timedelta(days=1))
    assert (house.charged(), house.first.money()) == ([(1, "paid"), (2, "paid")], 20_000)
    assert len([one for one in house.first.there.values() if one.number.endswith("-1")]) == 2


async def test_nothing_is_charged_again_or_elsewhere_while_nobody_knows(house: SubscriptionHouse) -> None:
    await house.subscribes()
    house.first.repeat, house.first.lag = Repeat.UNSAFE, 1e9
    house.first.can = frozenset(set(Can) - {Can.READ})
    house.first.lies.append("cut_after")
    await house.until(day("07-20T00:00:00"), 86400)
    assert (house.subscription.state, house.charged()) == (S.ACTIVE, [(1, "paid"), (2, "unknown")])
    assert len([one for one in house.first.calls if one.startswith("charge")]) == 1
    assert [one for one in house.second.calls if one.startswith("charge")] == []
    assert [one.kind for one in house.of_period(2).oddities] == ["unknown_long"]  # type: ignore[union-attr]
    house.first.lag, house.first.can = 0, frozenset(Can)
    payment = house.of_period(2)
    assert payment is not None
    await house.notify(house.first, payment.attempts[0].number)
    await house.pass_time(7200)
    assert house.charged()[:2] == [(1, "paid"), (2, "paid")]
    assert [(one.n, one.state) for one in house.periods()[2:]] == [(3, "skipped"), (4, "skipped"), (5, "open")]


async def test_after_an_outage_of_ours_one_charge_and_late_only_by_a_word(house: SubscriptionHouse) -> None:
    made = await house.subscribes()
    house.clock.step((day("04-16T10:00:00") - house.clock.now()).total_seconds())
    await house.pass_time(3600)
    assert house.charged() == [(1, "paid"), (2, "paid")], "two days late: charged"
    house.clock.step((day("08-20T10:00:00") - house.clock.now()).total_seconds())
    await house.pass_time(3600)
    since = [(one.n, one.state) for one in house.periods()[2:]]
    assert since == [(3, "skipped"), (4, "skipped"), (5, "skipped"), (6, "open")]
    assert (house.subscription.state, house.subscription.why, house.first.money()) == (S.NEEDS_OWNER, "late", 20_000)
    await house.says(made.id, Happening.SKIP)
    assert (house.subscription.state, house.subscription.due_at) == (S.ACTIVE, day("09-14T10:00:00"))
    await house.until(day("09-14T11:00:00"), 86400)
    assert house.charged() == [(1, "paid"), (2, "paid"), (7, "paid")]


# The end


async def test_whoever_cancels_is_charged_no_more(house: SubscriptionHouse) -> None:
    made = await house.subscribes()
    await house.cancels(made.id)
    assert (house.subscription.state, house.subscription.why) == (S.CANCELLED, "by_client")
    assert told(house)[-1][0] == "subscription.cancelled"
    await house.until(day("06-30T00:00:00"), 86400)
    assert (house.charged(), house.first.money()) == ([(1, "paid")], 10_000)
    assert await house.cancels(made.id) == "this subscription is over already"
    assert await house.cancels("sub_" + "0" * 24) == "there is no such subscription"


async def test_a_charge_that_waits_is_stopped_with_the_cancellation(house: SubscriptionHouse) -> None:
    made = await house.subscribes()
    house.first.lies.extend(["down"] * 50)
    await house.until(APRIL + timedelta(minutes=5), 60)
    assert house.of_period(2).transactions[0].status == "pending"  # type: ignore[union-attr]
    await house.cancels(made.id)
    house.first.lies.clear()
    await house.until(APRIL + timedelta(days=2), 3600)
    assert (house.charged(), house.first.money()) == ([(1, "paid"), (2, "cancelled")], 10_000)
    assert [one.state for one in house.periods()] == ["paid", "unpaid"]


async def test_a_charge_of_which_nobody_knew_when_it_was_cancelled_is_a_card_if_it_was_made(
    house: SubscriptionHouse,
) -> None:
    made = await house.subscribes()
    house.first.lies.extend(["cut_after", *["down"] * 50])
    await house.until(APRIL + timedelta(minutes=2), 60)
    await house.cancels(made.id)
    assert house.subscription.state is S.CANCELLED
    house.first.lies.clear()
    await house.until(APRIL + timedelta(days=3), 3600)
    payment = house.of_period(2)
    assert payment is not None
    assert (payment.state, [one.kind for one in payment.oddities]) == ("paid", ["paid_after_cancel"])
    assert [one.state for one in house.periods()] == ["paid", "paid"]
    await house.until(day("06-30T00:00:00"), 86400)
    assert house.first.money() == 20_000


async def test_who_is_forgotten_is_charged_no_more(house: SubscriptionHouse) -> None:
    await house.subscribes()
    await Forgetting(house.hub).forget(house.tenant, "+79991234567")
    after = house.subscription
    assert (after.state, after.why, after.method, after.person) == (S.CANCELLED, "forgotten", None, None)
    await house.until(day("06-30T00:00:00"), 86400)
    assert (len(house.payments()), house.first.money()) == (1, 10_000)


async def test_a_flow_that_is_gone_charges_nobody_and_says_so(house: SubscriptionHouse) -> None:
    await house.subscribes()
    house.tenant = house.tenant.model_copy(update={"flows": house.tenant.flows[1:]})
    await house.store.commit([Put(journal.document(house.tenant))])
    house.start()
    await house.until(APRIL + timedelta(hours=1))
    assert (house.subscription.state, house.subscription.why, len(house.payments())) == (S.NEEDS_OWNER, "no_flow", 1)


# Whoever dies

POINTS = (
    "subscription.before_commit", "subscription.after_commit", "claim.before", "claim.after", "perform.before_call",
    "perform.after_call", "settle.before", "settle.after", "pay.before_commit", "pay.after_commit", "sweep.before",
    "plan.before", "plan.before_commit", "plan.after_commit",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(int(os.environ.get("SVYAZKA_SUBSCRIPTIONS", "2"))))
async def test_wherever_processes_die_no_period_is_charged_twice_and_none_is_forgotten(seed: int) -> None:
    chance, house = Random(seed), SubscriptionHouse()
    house.sms.repeat = Repeat.IDEMPOTENT
    await house.settle_in()
    for number in range(4):
        await house.ask(str(number), consent=CONSENT, recurring={"every": "month"})
    await house.run()
    with dying(chance, 0.06, POINTS):
        for _ in range(3 * 31 * 2):
            for one in house.first.there.values():
                one.state = SeenState.PAID if one.state is SeenState.WAITS else one.state
            if chance.random() < 0.1:
                house.first.lies.append(chance.choice(["down", "cut_before", "cut_after", "busy", "unclear"]))
            if chance.random() < 0.05:
                house.first.charges_end.append(Decline.NO_MONEY)
            await survived(house, house.pass_time(43200, step=10800))
    house.first.lies.clear()
    house.first.charges_end.clear()
    await house.pass_time(6 * 86400, step=3600)
    subscriptions = house.read_all("subscriptions", Subscription)
    assert len(subscriptions) == 4
    for one in subscriptions:
        periods = sorted((it for it in house.periods() if it.subscription == one.id), key=lambda it: it.n)
        assert [it.n for it in periods] == list(range(1, len(periods) + 1))
        if one.is_over:
            assert (one.why, periods[-1].state) == ("unpaid", "unpaid")
        else:
            waits = one.state is S.NEEDS_OWNER  # told as a card: what was kept from its provider for three days
            due = max(n for n in range(1, 9) if due_at(one, n) <= house.clock.now())
            assert waits or len(periods) >= due, "none is forgotten"
        paid = [it.payment for it in periods if it.state == "paid"]
        assert len(paid) == len(set(paid))
    taken = [payment for payment in house.payments() if payment.captured]
    for payment in taken:
        assert payment.captured == payment.amount, "none is charged twice"
        there = [it for it in house.first.there.values() if it.number[1:25] == payment.id[4:] and it.state == "paid"]
        assert len(there) == 1
    assert house.first.money() == 10_000 * len(taken)
    assert len(taken) == len([it for it in house.periods() if it.state == "paid"]) > 4


async def test_the_card_of_one_that_waits_for_the_business_is_told_before_the_next_turn_is_put_off(
    house: SubscriptionHouse,
) -> None:
    made = await house.subscribes()
    house.clock.step((APRIL - house.clock.now()).total_seconds() + 4 * 86400)
    with dying(Random(1), 1.0, ("subscription.after_commit",)):
        for _ in range(2):
            with pytest.raises(Killed):
                await house.worker.handle("/subscription", {"subscription": made.id})
    assert [one.state for one in house.problems("subscription")] == ["open"]


async def survived(house: SubscriptionHouse, what: Any) -> None:
    """Done, or its process dies and a fresh one goes on."""
    try:
        await what
    except Killed:
        house.start()
