"""What was paid for an order or a visit that is cancelled goes back by itself: once, in time, and never too much."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

import pytest

from dying import Killed, dying
from fake_calendar import FakeCalendar
from fake_provider import ALL
from pay_house import ANNA, PayHouse
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.payments import Can
from svyazka.engine.contracts.flow import Facts, FlowContext
from svyazka.engine.contracts.learning import Reading
from svyazka.engine.journal import documents as journal
from svyazka.engine.paying.by_hand import seen_to
from svyazka.engine.ports.store import Put
from svyazka.engine.rules.beginning import Obligation, begun
from svyazka.flows.refund_on_cancel import FLOW, RefundOnCancelSettings
from svyazka.model.bookings import WallTime
from svyazka.model.commands import BookVisit, Guards, Safety, Step
from svyazka.model.deliveries import Status
from svyazka.model.events import Entity, Event, EventType, Fact
from svyazka.model.money import Money
from svyazka.model.payments import OddityKind, Payment, PaymentState
from svyazka.model.seen import RefundSeen, RefundState, SeenState
from svyazka.model.tenants import ConnectionSettings, ConnectionSpec, FlowSpec

S, Odd = PaymentState, OddityKind
POINTS = (
    "plan.before", "plan.before_commit", "plan.after_commit", "claim.before", "claim.after", "perform.before_call",
    "perform.after_call", "settle.before", "settle.after", "pay.before_commit", "pay.after_commit",
)  # fmt: skip


class Cancelling(PayHouse):
    """A house whose orders and visits give money back; visits are told of by `salon`."""

    def __init__(self, settings: dict[str, Any] | None = None, **more: Any) -> None:
        super().__init__(**more)
        self.manifests["salon"] = FakeCalendar().manifest
        back = {"paid_at": "site", **(settings or {})}
        flow = FlowSpec(id="back", flow="refund_on_cancel", sources=("site", "salon"), via=(), settings=back)
        connections = {**self.tenant.connections, "salon": ConnectionSpec(vendor="salon")}
        flows = (*self.tenant.flows, flow)
        self.tenant = self.tenant.model_copy(update={"connections": connections, "flows": flows})

    async def begun(self, order: str = "42", amount: str = "100.00", **more: Any) -> Payment:
        await self.pay(order, amount, **more)
        return self.payments()[-1]

    async def comes(self, payment: Payment, attempt: int = 0) -> None:
        one = payment.attempts[attempt]
        provider = self.first if one.connection == "first" else self.second
        provider.pays(one.number)
        await self.notify(provider, one.number)

    async def paid(self, *args: Any, **more: Any) -> Payment:
        payment = await self.begun(*args, **more)
        await self.comes(payment)
        return payment

    async def cancels(self, number: str = "42", by: str = "server", **more: Any) -> str:
        self.asked += 1
        data = {"number": number, "by": by}
        return await self.told("site", Fact(type=EventType.ORDER_CANCELLED, key=("x", str(self.asked)), data=data))

    async def visit_cancelled(self, id_: str, begins_in: timedelta | None) -> None:
        self.asked += 1
        begins = None if begins_in is None else (self.clock.now() + begins_in).isoformat()
        fact = Fact(
            type=EventType.APPOINTMENT_CANCELLED, key=("v", str(self.asked)), subject=f"visit:{id_}",
            entity=Entity(kind="record", id=id_), data={"starts_at": begins} if begins else {},
        )  # fmt: skip
        await self.told("salon", fact)
        await self.run()

    def odd(self) -> list[OddityKind]:
        return [one.kind for payment in self.payments() for one in payment.oddities]

    def cards(self) -> list[tuple[str, bool]]:
        """Cause of each card about a payment, and whether it is still there."""
        return [(one.cause.partition(":")[0], one.state == "open") for one in self.problems() if "pay_" in one.cause]


async def opened(settings: dict[str, Any] | None = None, **more: Any) -> Cancelling:
    house = Cancelling(settings, **more)
    await house.settle_in()
    return house


async def test_a_cancelled_order_gives_back_what_is_left_and_only_once() -> None:
    house = await opened()
    payment = await house.paid()
    assert await house.refund(payment.id, "30.00") is None
    for _ in range(3):
        await house.cancels()
        await house.run()
    await house.pass_time(86400, step=3600)
    assert (house.payment.state, house.first.money(), house.odd()) == (S.REFUNDED, 0, [])
    assert [one.amount.text for one in house.payment.transactions if one.kind == "refund"] == ["30.00", "70.00"]
    assert house.texts() == ["Оплачено: 42, 100", "Вернули 30", "Вернули 70"]
    assert (await house.pay()).payment.code == "cancelled"  # type: ignore[union-attr]


async def test_a_page_cancels_nothing_and_an_unknown_order_is_none() -> None:
    house = await opened()
    await house.paid()
    await house.cancels(by="public")
    await house.cancels("43")
    await house.run()
    assert (house.payment.state, house.first.money()) == (S.PAID, 10_000)


@pytest.mark.parametrize("point", POINTS)
async def test_wherever_a_process_dies_the_money_goes_back_once(point: str) -> None:
    house = await opened({"percent": 50})
    house.sms.repeat = house.mail.repeat
    await house.paid()
    with dying(Random(1), 0.5, (point,)):
        await house.cancels()
        await house.cancels()
        for _ in range(60):
            try:
                await house.run()
                await house.pass_time(300)
            except Killed:
                house.start()
    await house.pass_time(86400, step=3600)
    assert (house.first.money(), house.payment.refunded.text, house.odd()) == (5_000, "50.00", [])
    assert len([one for one in house.payment.transactions if one.kind == "refund"]) == 1


@pytest.mark.parametrize("lie", ["down", "cut_before", "cut_after", "busy", "unclear"])
async def test_a_provider_that_lies_gives_back_once(lie: str) -> None:
    house = await opened()
    await house.paid()
    house.first.lies = deque([lie, lie])
    await house.cancels()
    await house.cancels()
    await house.pass_time(86400, step=600)
    assert (house.payment.state, house.first.money(), house.odd()) == (S.REFUNDED, 0, [])


async def test_parts_give_back_a_percentage_to_the_kopeck_and_a_deposit_stays() -> None:
    house = await opened({"percent": 33, "keep": ["deposit"]})
    await house.told("site", Fact(
        type=EventType.ORDER_CREATED, key=("o", "1"), data={"number": "42", "sum": "100.03", "by": "server"},
    ))  # fmt: skip
    await house.run()
    for part, amount in (("deposit", "50.00"), ("one", "16.67"), ("two", "16.68"), ("three", "16.68")):
        await house.paid("42", amount, part=part)
    await house.cancels()
    await house.pass_time(3600)
    back = {one.part: one.refunded.text for one in house.payments()}
    assert back == {"deposit": "0.00", "one": "5.50", "two": "5.50", "three": "5.51"}  # 16.51 of 50.03
    assert house.first.money() == 10_003 - 1_651


async def test_what_came_twice_goes_back_by_both_providers() -> None:
    house = await opened()
    house.first.lies = deque(["cut_after"])
    payment = await house.begun()
    house.first.pays(payment.attempts[0].number)
    house.second.pays(payment.attempts[1].number)
    await house.notify(house.second, payment.attempts[1].number)
    await house.notify(house.first, payment.attempts[0].number)
    assert house.payment.captured.text == "200.00"
    await house.cancels()
    await house.pass_time(3600)
    assert (house.payment.state, house.first.money(), house.second.money()) == (S.REFUNDED, 0, 0)


async def test_money_that_nobody_has_told_of_is_seen_before_it_is_decided() -> None:
    """Its payer was quicker than the notification."""
    house = await opened()
    payment = await house.begun()
    house.first.pays(payment.attempts[0].number)
    await house.cancels()
    await house.pass_time(3600)
    assert (house.payment.state, house.first.money(), house.odd()) == (S.REFUNDED, 0, [])
    assert house.texts() == ["Оплачено: 42, 100", "Вернули 100"]


async def test_an_unpaid_link_is_called_off_and_what_comes_by_it_afterwards_is_a_card() -> None:
    house = await opened()
    payment = await house.begun()
    await house.cancels()
    await house.pass_time(600)
    assert house.first.of(payment.attempts[0].number).state is SeenState.OVER
    await house.comes(payment)
    assert (house.payment.state, house.odd()) == (S.PAID, [Odd.PAID_AFTER_CANCEL])


@pytest.mark.parametrize("what", ["called off", "its link made again", "neither"])
async def test_what_a_late_word_for_calling_off_gives_back_is_found_though_nobody_tells(what: str) -> None:
    """Some providers' calling off gives back what was paid, and making a link again calls off the one before. The first
    try hung on its way for hours, and was paid meanwhile."""
    house = await opened()
    if what == "its link made again":
        house.first.lies.append("cut_after")
        house.second.lies += ["down"] * 20
    payment = await house.begun()
    if what == "its link made again":
        await house.pass_time(600)
    if what == "called off":
        house.first.lies.append("cut_before")
        await house.cancels()
        await house.run()
    await house.comes(payment)
    await house.pass_time(3600)
    assert (house.payment.captured.text, house.payment.refunded.text) == ("100.00", "0.00")
    there = house.first.of(payment.attempts[0].number)
    there.refunds["back"] = RefundSeen(external_id="back", state=RefundState.DONE, amount=there.amount)
    await house.pass_time(86400)
    assert house.payment.refunded.text == ("0.00" if what == "neither" else "100.00")
    asked = len(house.first.calls)
    await house.pass_time(5 * 86400, step=3600)
    assert len(house.first.calls) == asked, "nothing of it is doubted for ever"


@pytest.mark.parametrize(
    ("settings", "can", "later", "odd"),
    [
        ({"refunds_a_day": "99.99"}, ALL, 0, Odd.BACK_OVER_LIMIT),
        ({"refunds_a_day": None}, ALL, 0, Odd.BACK_OVER_LIMIT),
        ({"percent": 50}, ALL - {Can.PART_REFUND}, 0, Odd.NOT_GIVEN_BACK),
        ({"within": "14d"}, ALL, 15 * 86400, Odd.CANCELLED_LATE),
    ],
)  # fmt: skip
async def test_what_does_not_go_back_by_itself_is_a_card_until_somebody_decides(
    settings: dict[str, Any], can: frozenset[Can], later: float, odd: OddityKind
) -> None:
    house = await opened(settings)
    house.first.can = can
    payment = await house.paid()
    if later:
        await house.pass_time(later, step=86400)
    for _ in range(2):
        await house.cancels()
        await house.run()
    await house.pass_time(86400, step=3600)
    assert (house.payment.state, house.first.money(), house.odd()) == (S.PAID, 10_000, [odd])
    assert house.cards() == [(odd.value, True)]
    assert await house.refund(payment.id) is None
    await house.pass_time(3600)
    assert (house.first.money(), house.cards()) == (0, [(odd.value, False)])


async def test_what_somebody_has_decided_to_keep_does_not_go_back_when_it_is_told_of_once_more() -> None:
    house = await opened({"order": "visit-{id}"})
    await house.paid("visit-7")
    await house.visit_cancelled("7", None)
    await house.pass_time(600)
    decided = seen_to(house.payment, Odd.CANCELLED_LATE, "owner")
    await house.store.commit([Put(journal.document(decided))])
    await house.visit_cancelled("7", timedelta(hours=25))  # told of once more, with a time
    await house.pass_time(3600)
    assert (house.payment.state, house.first.money()) == (S.PAID, 10_000)


async def test_the_days_limit_counts_each_order_and_not_what_others_give_back() -> None:
    house = await opened({"refunds_a_day": "150.00"})
    for number in ("1", "2", "3"):
        await house.paid(number)
    assert await house.refund(house.payments()[2].id, "90.00") is None
    await house.cancels("1")
    await house.cancels("2")
    await house.cancels("3")
    await house.pass_time(3600)
    assert [one.refunded.text for one in house.payments()] == ["100.00", "0.00", "100.00"]
    assert house.odd() == [Odd.BACK_OVER_LIMIT]


@pytest.mark.parametrize(
    ("percent", "state", "odd"), [(100, SeenState.OVER, []), (50, SeenState.HELD, [Odd.NOT_GIVEN_BACK])]
)
async def test_money_that_is_held_is_let_go(percent: int, state: SeenState, odd: list[OddityKind]) -> None:
    house = await opened({"percent": percent}, hold=True)
    payment = await house.begun()
    number = payment.attempts[0].number
    house.first.of(number).state = SeenState.HELD
    await house.notify(house.first, number)
    assert house.payment.state is S.HELD
    house.first.lies = deque(["cut_after"] if percent == 100 else [])
    for _ in range(2):
        await house.cancels()
        await house.run()
    await house.pass_time(7200, step=600)
    assert (house.first.of(number).state, house.odd()) == (state, odd)
    assert house.payment.state is (S.CANCELLED if percent == 100 else S.HELD)
    assert sum(call.startswith(("cancel", "refund")) for call in house.first.calls) <= 2


async def test_a_hold_that_is_not_let_go_is_told_and_asked_for_once_a_day() -> None:
    house = await opened({"percent": 100}, hold=True)
    payment = await house.begun()
    number = payment.attempts[0].number
    house.first.of(number).state, house.first.keeps = SeenState.HELD, 2
    await house.notify(house.first, number)
    await house.cancels()
    await house.run()
    await house.pass_time(7200, step=600)
    assert (house.payment.state, house.odd(), house.cards()) == (S.HELD, [Odd.HOLD_STAYS], [("hold_stays", True)])
    await house.pass_time(3 * 86400, step=3600)
    assert house.payment.state is S.CANCELLED
    assert sum(call.startswith("cancel") for call in house.first.calls) == 3
    assert house.cards() == [("hold_stays", False)]


async def test_a_hold_that_ends_is_told_of_a_day_before() -> None:
    house = await opened(hold=True)
    house.first.holds_for = timedelta(days=7)
    number = (await house.begun()).attempts[0].number
    house.first.of(number).state = SeenState.HELD
    await house.notify(house.first, number)
    await house.pass_time(6 * 86400 - 7200, step=3600)
    assert house.cards() == []
    await house.pass_time(3 * 3600, step=1800)
    assert house.cards() == [("hold_ends", True)]
    house.first.gives_up(number)
    await house.pass_time(2 * 86400, step=3600)
    assert (house.payment.state, house.cards()) == (S.CANCELLED, [("hold_ends", False)])


async def test_a_visit_that_is_cancelled_in_time_gives_back_and_one_that_is_not_is_a_card() -> None:
    house = await opened({"order": "visit-{id}"})
    for id_ in ("7", "8", "9"):
        await house.paid(f"visit-{id_}")
    await house.visit_cancelled("7", timedelta(hours=25))
    await house.visit_cancelled("8", timedelta(hours=23))
    await house.visit_cancelled("9", None)
    await house.visit_cancelled("7", timedelta(hours=1))  # told of once more
    await house.visit_cancelled("10", timedelta(hours=25))
    await house.pass_time(3600)
    assert [one.state for one in house.payments()] == [S.REFUNDED, S.PAID, S.PAID]
    assert house.odd() == [Odd.CANCELLED_LATE] * 2
    assert sorted(house.cards()) == [("cancelled_late", True)] * 2


async def test_a_visit_that_was_booked_here_is_paid_for_under_its_bookings_id() -> None:
    house = await opened()
    start = WallTime.at(house.clock.now() + timedelta(days=3), "Europe/Moscow")
    booked = "evt_" + "0" * 32
    await house.paid(booked)
    await house.paid("7")  # an order of the shop's, by chance of the same number
    book = BookVisit(services=("331",), starts_at=start, person=ANNA)
    step = Step.through("booking/salon", "salon", "salon", book, Safety.checkable())
    owed = Obligation(
        tenant="kofe", flow="booking", subject="b", event=booked, guards=Guards(), base_at=house.clock.now()
    )
    done = begun(owed, (step,), house.clock.now()).model_copy(
        update={"status": Status.SUCCEEDED, "external_id": "7", "next_attempt_at": None, "wake_at": None}
    )
    await house.store.commit([journal.create(done)])
    await house.visit_cancelled("7", timedelta(hours=25))
    await house.pass_time(3600)
    assert [one.state for one in house.payments()] == [S.REFUNDED, S.PAID]


class Gone(Reading[ConnectionSettings]):
    """A calendar whose visits are deleted, not marked as cancelled; `now`: what it shows in their place."""

    def __init__(self, now: Fact | None = None) -> None:
        self.now = now

    def ready(self, settings: ConnectionSettings) -> bool:
        return True

    async def read(self, entity: Entity, call: Call[ConnectionSettings]) -> Fact | None:
        return self.now


@pytest.mark.parametrize(
    ("now", "state"), [(None, S.REFUNDED), (Fact(type=EventType.APPOINTMENT_BOOKED, subject="visit:7"), S.PAID)]
)
async def test_the_calendar_is_asked_whether_its_visit_is_really_off(now: Fact | None, state: PaymentState) -> None:
    house = await opened({"order": "visit-{id}"})
    house.manifests["salon"] = replace(house.manifests["salon"], reading=Gone(now))
    await house.paid("visit-7")
    await house.visit_cancelled("7", timedelta(hours=25))
    await house.pass_time(3600)
    assert house.payment.state is state


async def test_a_crm_alone_is_told_that_an_order_is_paid() -> None:
    house = Cancelling(crm=True)
    flows = [one.model_copy(update={"via": ("crm",)}) if one.id == "paid" else one for one in house.tenant.flows]
    house.tenant = house.tenant.model_copy(update={"flows": tuple(flows)})
    await house.settle_in()
    await house.paid()
    (event,) = [one for one in house.events() if one.event.type is EventType.PAYMENT_SUCCEEDED]
    assert {one.connection for one in house.deliveries() if one.id in event.deliveries} == {"crm"}
    assert house.texts() == []


BERLIN = "2027-03-28 10:00"  # the clocks skip an hour in the night before


@pytest.mark.parametrize(
    ("told", "starts", "zone", "late"),
    [
        ("2027-03-27T08:59:59Z", {"starts_at_local": BERLIN}, "Europe/Berlin", False),
        ("2027-03-27T09:00:00Z", {"starts_at_local": BERLIN}, "Europe/Berlin", False),
        ("2027-03-27T09:00:01Z", {"starts_at_local": BERLIN}, "Europe/Berlin", True),
        ("2027-03-27T07:00:00Z", {"starts_at_local": BERLIN}, "Europe/Moscow", False),
        ("2027-03-27T07:00:01Z", {"starts_at_local": BERLIN}, "Europe/Moscow", True),
        ("2027-03-27T07:00:00Z", {"starts_at": "2027-03-28T07:00:00Z"}, "Europe/Moscow", False),
        ("2027-03-27T07:00:00Z", {"starts_at_local": "soon"}, "Europe/Moscow", True),
        ("2027-03-27T07:00:00Z", {}, "Europe/Moscow", True),
    ],
)  # fmt: skip
def test_a_day_before_is_a_day_by_the_clock_at_the_place(
    told: str, starts: dict[str, str], zone: str, late: bool
) -> None:
    at = datetime.fromisoformat(told)
    event = Event(
        id="e", tenant="t", connection="salon", vendor="salon", type=EventType.APPOINTMENT_CANCELLED, subject="visit:7",
        identity="strong", occurred_at=at, received_at=at + timedelta(hours=3), data=dict(starts), origin="poll",
    )  # fmt: skip
    context = FlowContext("t", "T", "Asia/Vladivostok", "back", (), source_timezone=zone)
    back = FLOW.plan(event, Facts(), RefundOnCancelSettings(paid_at="site"), context).back
    assert back is not None
    assert (back.late, back.visit, back.at, back.a_day) == (late, "7", at.astimezone(UTC), Money(kopecks=3_000_000))
