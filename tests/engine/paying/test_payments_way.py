"""One payment's way, from the request to what follows: over a provider that tells every lie."""

from __future__ import annotations

from datetime import timedelta
from random import Random

import pytest

from dying import Killed, dying
from pay_house import PayHouse
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import pay_task
from svyazka.engine.journal.transition import replace_delivery
from svyazka.engine.paying.by_hand import seen_to
from svyazka.engine.paying.refunding import Refund, Refunding
from svyazka.engine.ports.store import Put
from svyazka.engine.problems.cards import MOST
from svyazka.engine.rules.transitions import merged
from svyazka.model.commands import Repeat
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.events import EventType, Fact
from svyazka.model.money import Money
from svyazka.model.outcomes import Succeeded
from svyazka.model.payments import OddityKind, Payment, PaymentState, TransactionStatus, attempt_number
from svyazka.model.problems import FOLDED
from svyazka.model.seen import RefundSeen, RefundState, SeenState

S = PaymentState


@pytest.fixture
async def house() -> PayHouse:
    house = PayHouse()
    await house.settle_in()
    return house


def numbers(house: PayHouse) -> list[str]:
    return [one.number for one in house.payment.attempts]


async def test_from_a_request_to_a_link_to_paid_to_what_follows(house: PayHouse) -> None:
    standing = await house.pay()
    assert standing.payment is not None
    assert (standing.payment.state, standing.payment.url) == ("waiting", "https://first.example/first-1")
    house.first.pays(numbers(house)[0])
    await house.notify(house.first, numbers(house)[0], "paid")
    assert (house.payment.state, house.payment.captured.text) == (S.PAID, "100.00")
    assert house.texts() == ["Оплачено: 42, 100"]
    told = [one.event for one in house.events() if one.event.type is EventType.PAYMENT_SUCCEEDED]
    assert [(one.connection, one.data["payment"]) for one in told] == [("first", house.payment.id)]
    assert house.second.calls == []


async def test_the_payment_stands_before_any_provider_is_called(house: PayHouse) -> None:
    seen: list[int] = []
    make = house.first.make_link

    async def looks_first(command, call):  # type: ignore[no-untyped-def]
        seen.append(len([one for one in house.payments() if one.id == command.payment]))
        return await make(command, call)

    house.first.make_link = looks_first  # type: ignore[method-assign]
    await house.pay()
    assert seen == [1]


async def test_a_second_request_for_the_same_order_gets_the_same_link(house: PayHouse) -> None:
    first, again = await house.pay(), await house.pay()
    assert first.payment == again.payment
    assert len(house.first.there) == 1
    house.first.pays(numbers(house)[0])
    await house.notify(house.first, numbers(house)[0])
    after = await house.pay()
    assert after.payment is not None
    assert (after.payment.state, after.payment.code, after.payment.url) == ("paid", "paid", None)


@pytest.mark.parametrize(
    ("more", "code"),
    [
        ({"by": "public"}, "unknown_order"), ({"by": "public", "amount": None}, "unknown_order"),
        ({"amount": None}, "no_amount"), ({"amount": "0.00"}, "no_amount"), ({"amount": "1e3"}, "no_amount"),
        ({"part": "deposit", "by": "public"}, "unknown_order"),
    ],
)  # fmt: skip
async def test_what_no_server_has_said_is_not_paid_for(house: PayHouse, more: dict[str, object], code: str) -> None:
    standing = await house.pay(**more)
    assert standing.payment is not None
    assert (standing.payment.code, standing.payment.url, house.payments()) == (code, None, [])
    assert house.first.calls == []


async def test_a_page_pays_what_the_order_costs_and_nothing_else(house: PayHouse) -> None:
    await house.pay("7", "500.00")
    for amount in ("1.00", "499.99", "500.01"):
        refused = await house.pay("7", amount, by="public")
        assert refused.payment is not None
        assert refused.payment.code == "other_amount"
    open_ = await house.pay("7", None, by="public")
    assert open_.payment is not None
    assert (open_.payment.amount, open_.payment.url) == ("500.00", "https://first.example/first-1")
    assert [one.amount.text for one in house.first.there.values()] == ["500.00"]


# Failover


@pytest.mark.parametrize("lie", ["down", "cut_before", "cut_after", "busy", "unclear"])
async def test_a_provider_that_does_not_say_yes_gives_way_at_once(house: PayHouse, lie: str) -> None:
    house.first.lies.append(lie)
    standing = await house.pay()
    assert standing.payment is not None
    assert (standing.payment.state, standing.payment.url) == ("waiting", "https://second.example/second-1")
    house.second.pays(numbers(house)[1])
    await house.notify(house.second, numbers(house)[1])
    assert (house.payment.state, house.texts()) == (S.PAID, ["Оплачено: 42, 100"])
    assert house.payment.oddities == ()
    await house.pass_time(2 * 86400)
    assert house.first.money() + house.second.money() == 10_000
    assert all(one.state is not SeenState.WAITS for one in house.first.there.values())


@pytest.mark.parametrize(
    ("lie", "ended", "links"),
    [("cut_before", ["failed", "succeeded"], ["second-1"]), ("cut_after", ["succeeded"], ["first-1"])],
)
async def test_a_link_of_which_nobody_knows_is_settled_by_its_provider_and_what_follows_goes_on(
    house: PayHouse, lie: str, ended: list[str], links: list[str]
) -> None:
    house.first.repeat = Repeat.UNSAFE
    house.first.lies.append(lie)
    await house.ask()
    await house.run()
    assert [one.status for one in house.deliveries()] == ["unknown"]
    await house.pass_time(1200)
    assert sorted(one.status for one in house.deliveries()) == ended
    assert [*house.first.there, *house.second.there] == links
    assert (house.payment.state, house.payment.oddities) == (S.WAITING, ())


async def test_money_by_a_link_that_was_given_up_is_paid_twice_and_goes_back_where_it_came_second(
    house: PayHouse,
) -> None:
    house.first.lies.append("cut_after")
    await house.pay()
    house.second.pays(numbers(house)[1])
    await house.notify(house.second, numbers(house)[1])
    house.first.pays(numbers(house)[0])  # nobody holds this link; a liar takes money all the same
    await house.notify(house.first, numbers(house)[0])
    assert [one.kind for one in house.payment.oddities] == [OddityKind.PAID_TWICE]
    (card,) = [one for one in house.problems() if one.kind == "payment"]
    assert (card.state, "дважды" in (card.text or "")) == ("open", True)
    assert house.texts() == ["Оплачено: 42, 100"]
    assert await house.refund(house.payment.id, "100.00") is None
    assert (house.first.money(), house.second.money()) == (10_000, 0)
    assert house.payment.state is S.PAID
    await house.pass_time(86400)
    assert [one.state for one in house.problems() if one.kind == "payment"] == ["closed"]


async def test_a_link_that_is_paid_once_more_is_paid_twice_and_the_second_goes_back(house: PayHouse) -> None:
    await house.pay()
    number = numbers(house)[0]
    house.first.pays(number)
    await house.notify(house.first, number)
    again = house.first.pays_again(number)
    await house.notify(house.first, number)
    assert [one.kind for one in house.payment.oddities] == [OddityKind.PAID_TWICE]
    assert house.payment.captured.text == "200.00"
    assert house.texts() == ["Оплачено: 42, 100"]
    assert await house.refund(house.payment.id, "100.00") is None
    assert [one.amount.text for one in again.refunds.values()] == ["100.00"]
    assert (house.first.money(), house.payment.state) == (10_000, S.PAID)


async def test_money_that_is_told_of_under_another_id_than_the_links_came_once(house: PayHouse) -> None:
    await house.pay()
    number = numbers(house)[0]
    house.first.old.append(house.first.shown(house.first.of(number)))  # a copy of its books that lags behind
    paid = house.first.pays_again(number)
    await house.notify(house.first, number)
    assert (house.payment.captured.text, house.payment.oddities) == ("100.00", ())
    await house.pass_time(86400)
    assert (house.payment.captured.text, house.payment.oddities) == ("100.00", ())
    assert [one.external_id for one in house.payment.attempts if one.external_id] == [paid.id]


async def test_a_link_that_was_paid_twice_is_found_though_only_the_second_time_is_told(house: PayHouse) -> None:
    await house.pay()
    number = numbers(house)[0]
    house.first.old += [house.first.shown(house.first.of(number))] * 2
    house.first.pays(number)
    house.first.pays_again(number)
    await house.notify(house.first, number)
    assert (house.payment.captured.text, house.payment.attempts[0].former) == ("100.00", "first-1")
    await house.pass_time(3600)
    assert house.payment.captured.text == "200.00"
    assert [one.kind for one in house.payment.oddities] == [OddityKind.PAID_TWICE]


async def test_who_was_declined_and_then_paid_all_the_same_is_found_though_nobody_tells(house: PayHouse) -> None:
    await house.pay()
    number = numbers(house)[0]
    house.first.gives_up(number)
    await house.notify(house.first, number, "declined")
    assert house.payment.state is S.FAILED
    house.first.pays(number)
    await house.pass_time(3600)
    assert (house.payment.state, house.texts()) == (S.PAID, ["Оплачено: 42, 100"])


# What providers say


async def test_notifications_that_come_twice_late_in_another_order_or_not_at_all_end_alike(house: PayHouse) -> None:
    await house.pay()
    number = numbers(house)[0]
    house.first.gives_up(number)
    await house.notify(house.first, number, "declined")
    house.first.pays(number)
    await house.notify(house.first, number, "paid")
    await house.notify(house.first, number, "paid")
    await house.notify(house.first, number, "declined")
    assert (house.payment.state, house.texts()) == (S.PAID, ["Оплачено: 42, 100"])
    await house.pay("43")
    silent = next(one for one in house.payments() if one.order == "43")
    house.first.pays(silent.attempts[0].number)
    await house.pass_time(3600)
    assert next(one for one in house.payments() if one.order == "43").state is S.PAID
    assert len(house.texts()) == 2


async def test_a_notification_that_comes_before_our_own_answer_finds_its_payment(house: PayHouse) -> None:
    house.first.lies.append("cut_after")
    house.second.lies.append("down")
    await house.pay()
    number = numbers(house)[0]
    house.first.pays(number)
    await house.notify(house.first, number, numbered=False)
    assert house.payment.state is S.PAID
    assert house.payment.attempts[0].external_id == "first-1"


async def test_a_delivery_whose_answer_is_given_up_after_its_provider_has_told_is_settled(house: PayHouse) -> None:
    await house.pay()
    number = numbers(house)[0]
    house.first.pays(number)
    await house.notify(house.first, number)
    held = await journal.load(house.store, Delivery, house.payment.attempts[0].delivery or "")
    assert held is not None
    lost = held.model.model_copy(update={"status": Status.UNKNOWN, "seen": None})
    await house.store.commit([Put(journal.document(lost))], [pay_task(house.payment.id, "first")])
    await house.run()
    after = await journal.load(house.store, Delivery, lost.id)
    assert after is not None
    assert (after.model.status, house.payment.state) == (Status.SUCCEEDED, S.PAID)


async def test_a_payment_that_was_not_begun_here_is_left_alone(house: PayHouse) -> None:
    from svyazka.model.money import Money

    house.first._make("theirs-1", Money(kopecks=500), SeenState.PAID)
    await house.notify(house.first, "theirs-1", numbered=False)
    assert house.payments() == []
    assert house.events()[-1].reason is not None
    assert house.problems() == []


@pytest.mark.parametrize("alone", [False, True], ids=["a number of ours", "nobody else is told"])
async def test_money_without_an_order_is_a_card_once_however_often_it_is_told(house: PayHouse, alone: bool) -> None:
    house.first.ours_alone = alone  # type: ignore[misc]
    number = "theirs-1" if alone else attempt_number("pay_" + "0" * 24, 1)
    house.first._make(number, Money(kopecks=500))
    await house.notify(house.first, number, "begun", numbered=not alone)
    assert house.problems() == []
    house.first.pays(number)
    for word in ("paid", "again", "and again"):
        await house.notify(house.first, number, word, numbered=not alone)
        await house.pass_time(3600)
    assert [(one.kind, one.cause, one.state) for one in house.problems()] == [("no_order", "first-1", "open")]
    assert house.payments() == []
    assert house.events()[-1].reason is not None


async def test_a_provider_that_can_not_be_asked_now_is_asked_when_it_can(house: PayHouse) -> None:
    await house.pay()
    number = numbers(house)[0]
    house.first.pays(number)
    house.first.lies += ["down_read", "down_read"]
    await house.notify(house.first, number)
    assert house.payment.state is S.WAITING
    await house.pass_time(1800)
    assert house.payment.state is S.PAID


async def test_a_page_that_is_looked_at_all_the_time_does_not_put_off_the_clocks_own_look(house: PayHouse) -> None:
    await house.pay()
    for _ in range(12):
        await house.worker.looking.look(house.payment.id)
    assert (house.payment.looks, house.payment.wake_at) == (0, house.clock.now() + timedelta(minutes=1))
    house.first.pays(numbers(house)[0])
    await house.pass_time(600)
    assert house.payment.state is S.PAID


async def test_nothing_is_decided_by_time_alone(house: PayHouse) -> None:
    await house.pay()
    await house.pass_time(30 * 86400, step=3600)
    assert house.payment.state is S.WAITING
    house.first.pays(numbers(house)[0])
    await house.pass_time(2 * 86400, step=3600)
    assert house.payment.state is S.PAID


async def test_a_link_that_nobody_pays_for_weeks_is_called_off_and_asked_about_no_more(house: PayHouse) -> None:
    await house.pay()
    house.first.lies += ["cut_before"] * 3
    await house.pass_time(47 * 86400, step=3600)
    assert house.first.of(numbers(house)[0]).state is SeenState.OVER
    assert (house.payment.state, house.payment.wake_at) == (S.FAILED, None)
    asked = len(house.first.calls)
    await house.pass_time(20 * 86400, step=3600)
    assert len(house.first.calls) == asked
    again = await house.pay()
    assert again.payment is not None
    assert (again.payment.state, again.payment.url) == ("waiting", "https://first.example/first-2")


async def test_play_money_is_not_taken_for_money(house: PayHouse) -> None:
    await house.pay()
    house.first.test = True
    house.first.pays(numbers(house)[0])
    await house.notify(house.first, numbers(house)[0])
    assert house.payment.state is S.WAITING
    assert [one.kind for one in house.payment.oddities] == [OddityKind.TEST_ON_LIVE]
    assert house.texts() == []


async def test_a_card_about_money_is_there_whoever_died_and_stays_until_somebody_sees_to_it(house: PayHouse) -> None:
    await house.pay()
    await house.run()  # no task is left that would look once more
    house.first.of(numbers(house)[0]).amount = Money(kopecks=9_000)
    house.first.pays(numbers(house)[0])
    with dying(Random(1), 1.0, ("pay.after_commit",)):
        for _ in range(2):
            with pytest.raises(Killed):
                await house.worker.handle("/pay", {"payment": house.payment.id})
            house.clock.step(120)
    assert [one.kind for one in house.payment.oddities] == [OddityKind.PAID_LESS]
    await house.pass_time(9 * 86400, step=3600)
    assert [one.state for one in house.problems() if one.kind == "payment"] == ["open"]


async def test_the_card_of_many_odd_payments_stays_until_the_last_of_them_is_seen_to(house: PayHouse) -> None:
    def cards() -> list[tuple[str, int]]:
        return [(one.cause, one.folded) for one in house.problems() if one.kind == "payment" and one.is_open]

    for number in range(MOST + 1):
        await house.pay(str(number))
    for one in list(house.first.there.values()):
        one.amount = Money(kopecks=9_000)
        house.first.pays(one.number)
    for those, left in ((slice(1, None), [(FOLDED, MOST + 1)]), (slice(1), [])):
        await house.pass_time(2 * 86400, step=43200)
        assert cards() == [(FOLDED, MOST + 1)]
        for one in house.payments()[those]:
            await house.store.commit([Put(journal.document(seen_to(one, OddityKind.PAID_LESS, "anna")))])
        await house.pass_time(2 * 86400, step=43200)
        assert cards() == left
    assert {one.state for one in house.problems() if one.kind == "payment"} == {"closed"}


@pytest.mark.parametrize("told", [True, False], ids=["its provider tells", "nobody tells"])
async def test_a_cancelled_order_is_paid_no_more_and_what_comes_all_the_same_is_a_card(
    house: PayHouse, told: bool
) -> None:
    await house.told(
        "site",
        Fact(type=EventType.ORDER_CREATED, key=("o", "1"), data={"number": "42", "sum": "100.00", "by": "server"}),
    )
    await house.run()
    await house.pay(by="public")
    await house.told(
        "site", Fact(type=EventType.ORDER_CANCELLED, key=("o", "2"), data={"number": "42", "by": "server"})
    )
    await house.pass_time(600)
    assert house.first.there["first-1"].state is SeenState.OVER
    assert house.payment.state is S.CANCELLED
    house.first.pays(numbers(house)[0])  # who was at the bank's page already
    if told:
        await house.notify(house.first, numbers(house)[0])
    else:
        await house.pass_time(3600)
    assert (house.payment.state, [one.kind for one in house.payment.oddities]) == (
        S.PAID,
        [OddityKind.PAID_AFTER_CANCEL],
    )
    again = await house.pay(by="public")
    assert again.payment is not None
    assert again.payment.code == "cancelled"


# Refunds


async def paid(house: PayHouse, amount: str = "100.00") -> str:
    await house.pay("42", amount)
    house.first.pays(numbers(house)[0])
    await house.notify(house.first, numbers(house)[0])
    return house.payment.id


async def test_money_goes_back_in_parts_and_never_more_than_came(house: PayHouse) -> None:
    id_ = await paid(house)
    assert await house.refund(id_, "30.00") is None
    assert await house.refund(id_, "30.00") is None
    assert house.payment.state is S.PART_REFUNDED
    assert await house.refund(id_, "40.01") is not None
    assert await house.refund(id_) is None
    assert (house.payment.state, house.first.money()) == (S.REFUNDED, 0)
    assert await house.refund(id_, "0.01") is not None
    assert house.texts()[1:] == ["Вернули 30", "Вернули 30", "Вернули 40"]


async def test_money_goes_back_though_its_flow_has_left_the_tenants_file(house: PayHouse) -> None:
    id_ = await paid(house)
    held = await journal.load(house.store, Payment, id_)
    assert held is not None
    begun = await Refunding(house.hub).refund(held, house.tenant, None, by="olga", event=held.model.event)
    assert isinstance(begun, Refund)
    gone = house.tenant.model_copy(update={"flows": ()})
    await house.store.commit([*begun.writes, Put(journal.document(gone))], begun.tasks)
    await house.run()
    assert (house.payment.state, house.first.money()) == (S.REFUNDED, 0)


async def test_only_the_back_end_gives_money_back_and_only_so_much_a_day() -> None:
    house = PayHouse(refunds_a_day="50.00")
    await house.settle_in()
    id_ = await paid(house)
    assert await house.refund(id_, "10.00", by="public") is not None
    assert await house.refund(id_, "40.00") is None
    assert await house.refund(id_, "10.01") is not None
    house.clock.step(86400)
    assert await house.refund(id_, "10.01") is None
    assert await house.refund("pay_" + "0" * 24, "1.00") is not None
    assert house.first.money() == 10_000 - 4_000 - 1_001


@pytest.mark.parametrize("lie", ["cut_before", "cut_after", "unclear", "down"])
@pytest.mark.parametrize("repeat", [Repeat.IDEMPOTENT, Repeat.CHECKABLE])
async def test_a_refund_whose_answer_was_lost_is_given_once(house: PayHouse, lie: str, repeat: Repeat) -> None:
    house.first.repeat = repeat
    id_ = await paid(house)
    house.first.lies += [lie, lie]
    await house.refund(id_, "60.00")
    assert await house.refund(id_, "50.00") is not None  # what may have gone back isn't free
    await house.pass_time(4 * 3600)
    assert (house.first.money(), house.payment.refunded.text) == (4_000, "60.00")


@pytest.mark.parametrize("says_so", [False, True], ids=["nobody tells", "who was frozen says it"])
async def test_a_refund_that_goes_back_after_a_refusal_is_found_and_told(house: PayHouse, says_so: bool) -> None:
    """Its first try hung somewhere on its way, its second was refused, and then the first arrived."""
    house.first.repeat = Repeat.CHECKABLE
    id_ = await paid(house)
    house.first.lies.append("cut_before")
    house.first.refunds_to.append(RefundState.OVER)
    await house.refund(id_, "60.00")
    await house.pass_time(1800)
    refund = house.payment.transactions[-1]
    assert (refund.status, refund.doubted) == (TransactionStatus.DECLINED, True)
    refunds = house.first.there["first-1"].refunds
    (key,) = refunds
    refunds[key] = refunds[key].model_copy(update={"state": RefundState.DONE})
    if says_so:
        held = await journal.load(house.store, Delivery, refund.delivery or "")
        assert held is not None
        late = Succeeded(external_id=key, seen=refunds[key])
        after = merged(held.model, late, held.model.attempts[0], house.clock.now())
        await house.store.commit([replace_delivery(held, after)])
        await house.worker.looking.look(id_, ask=False)
        await house.pass_time(1800)
    else:
        await house.pass_time(86400)
    assert house.payment.refunded.text == "60.00"
    assert [one.kind for one in house.payment.oddities] == [OddityKind.REFUND_REFUSED, OddityKind.REFUND_AFTER_ALL]
    open_ = {one.cause.partition(":")[0] for one in house.problems() if one.is_open}
    assert "refund_after_all" in open_
    assert "refund_refused" not in open_


@pytest.mark.parametrize("then", ["it is asked", "it is silent at first"])
async def test_money_that_went_back_past_us_is_found_though_what_its_provider_shows_lags(
    house: PayHouse, then: str
) -> None:
    await paid(house)
    there = house.first.there["first-1"]
    house.first.old.append(house.first.shown(there))
    there.refunds["back"] = RefundSeen(external_id="back", state=RefundState.DONE, amount=there.amount)
    await house.notify(house.first, there.number, "REFUNDED", went_back=True)
    assert house.payment.refunded.text == "0.00"
    if then == "it is silent at first":
        house.first.lies.append("down_read")
    await house.pass_time(3600)
    assert (house.payment.refunded.text, house.payment.look_at_all) == ("100.00", False)
    asked = len(house.first.calls)
    await house.notify(house.first, there.number, "REFUNDED once more", went_back=True)
    await house.pass_time(86400)
    assert len(house.first.calls) == asked + 2, "as it is told of, and once more"


async def test_a_refund_that_the_provider_takes_back_is_a_card_and_its_sum_is_free_again(house: PayHouse) -> None:
    id_ = await paid(house)
    house.first.refunds_to.append(RefundState.WAITS)
    await house.refund(id_, "60.00")
    assert house.payment.transactions[-1].status is TransactionStatus.PENDING
    there = house.first.there["first-1"]
    key, waiting = next(iter(there.refunds.items()))
    there.refunds[key] = waiting.model_copy(update={"state": RefundState.OVER})
    await house.pass_time(3600)
    assert house.payment.transactions[-1].status is TransactionStatus.DECLINED
    assert [one.kind for one in house.payment.oddities] == [OddityKind.REFUND_REFUSED]
    assert await house.refund(id_, "100.00") is None
    assert house.first.money() == 0


async def test_a_key_that_the_provider_may_have_forgotten_is_not_trusted(house: PayHouse) -> None:
    house.first.key_life = timedelta(minutes=10)
    id_ = await paid(house)
    house.first.lies += ["cut_after"]
    await house.refund(id_, "60.00")
    house.first.keys.clear()
    house.clock.step(3600)
    await house.pass_time(2 * 3600)
    assert house.first.money() == 4_000
