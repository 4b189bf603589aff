"""Payments at the console: found, told as one story, and given back by a button, at a provider's stand-in."""

from __future__ import annotations

import re
from typing import Any

import pytest

from console.visitor import Visitor
from pay_house import PayHouse
from svyazka.catalogue import said
from svyazka.console.rendering import TEMPLATES
from svyazka.engine.journal import documents as journal
from svyazka.model.money import Money
from svyazka.model.orders import OrderLine
from svyazka.model.payments import By, OddityKind, Payment, PaymentState
from svyazka.model.receipts import IntentState, ReceiptIntent, ReceiptKind, ReceiptTry, TryState, receipt_id
from svyazka.model.requests import Role
from svyazka.reading.paid_words import ODDITIES

PHONE = "+79991234567"


@pytest.fixture
async def house() -> PayHouse:
    house = PayHouse()
    await house.settle_in()
    return house


async def paid(house: PayHouse, order: str = "42", **more: Any) -> str:
    """An order that was paid through the first provider; the payment's id."""
    standing = await house.pay(order, **more)
    assert standing.payment
    id_ = standing.payment.id
    number = next(one for one in house.payments() if one.id == id_).attempts[0].number
    house.first.pays(number)
    await house.notify(house.first, number)
    return id_


async def test_a_payment_is_listed_filtered_and_found_by_its_order_and_its_payer(house: PayHouse) -> None:
    first = await paid(house)
    await house.pay("43", amount="7.00")
    visitor = await Visitor(house).come_in()
    page = await visitor.page("/payments")
    assert "100\u00a0₽" in page
    assert "ожидает оплаты" in page
    only = await visitor.page("/payments?status=paid")
    assert first in only
    assert only.count("<tr>") == 2
    for sought in ("42", "8 (999) 123-45-67", first[:12]):
        found = await visitor.http.post("/search", data={"form_key": key_of(page), "sought": sought})
        assert f"/payments/{first}" in found.text, sought
    assert PHONE[2:] not in page


async def test_its_story_stands_in_one_line_with_its_payer_masked(house: PayHouse) -> None:
    id_ = await paid(house)
    visitor = await Visitor(house).come_in()
    story = await visitor.page(f"/payments/{id_}")
    places = [
        story.index(words)
        for words in ("Пришло от «site»", "Ссылка через «first»", "Платёж <small>", "«first» сообщила")
    ]
    assert places == sorted(places)
    assert "Что было потом" in story
    assert PHONE[2:] not in story
    assert "Анна" not in story
    form = {"form_key": key_of(story), "why": "спор с клиентом"}
    shown = await visitor.http.post(f"/payments/{id_}", data=form)
    assert "Анна" in shown.text
    (line,) = [one for one in house.store.documents.values() if one.kind == "audit"]
    assert "спор с клиентом" in line.data.decode()


async def test_money_goes_back_in_two_steps_and_once_however_often_the_form_is_sent(house: PayHouse) -> None:
    id_ = await paid(house)
    visitor = await Visitor(house).come_in()
    proposed = await visitor.page(f"/payments/{id_}/refund?amount=60,00")
    assert house.first.money() == 100_00
    where = {await visitor.press(proposed, "Вернуть 60 ₽".replace(" ₽", "\u00a0₽")) for _ in range(3)}
    assert len(where) == 1
    await house.run()
    assert "Готово" in await visitor.page(where.pop())
    assert (house.first.money(), house.payment.state) == (40_00, PaymentState.PART_REFUNDED)
    assert house.payment.transactions[-1].by == "ivan"
    again = await visitor.press(proposed, "Вернуть 60\u00a0₽", key="another")
    await house.run()
    assert "всё изменилось" in await visitor.page(again)
    assert house.first.money() == 40_00
    assert "вернуть не больше" not in await visitor.page(f"/payments/{id_}/refund")
    for typed in ("41", "-1", "x", "0"):
        assert "Вернуть" not in (await visitor.page(f"/payments/{id_}/refund?amount={typed}")).partition("<h1>")[2]
    assert "хотел" not in (story := await visitor.page(f"/payments/{id_}"))
    assert "ivan" in story.partition("<ol")[2]


async def test_an_operator_gives_back_so_much_a_day_and_a_looker_nothing() -> None:
    house = PayHouse(operator_refunds_a_day="50.00")
    await house.settle_in()
    id_ = await paid(house)
    looker = await Visitor(house).come_in(Role.LOOKER)
    assert "Вернуть" not in await looker.page(f"/payments/{id_}")
    await looker.page(f"/payments/{id_}/refund", 403)
    operator = await Visitor(house).come_in(Role.OPERATOR)
    for amount, money in (("60", 100_00), ("50", 50_00), ("1", 50_00)):
        proposed = await operator.page(f"/payments/{id_}/refund?amount={amount}")
        where = await operator.press(proposed, f"Вернуть {amount}\u00a0₽")
        await house.run()
        assert ("Готово" in await operator.page(where)) is (amount == "50")
        assert house.first.money() == money
    owner = await Visitor(house).come_in()
    await owner.press(await owner.page(f"/payments/{id_}/refund"), "Вернуть 50\u00a0₽")
    await house.run()
    assert house.first.money() == 0


def test_a_button_that_the_words_about_an_oddity_name_is_there() -> None:
    texts = (TEMPLATES / "payment.html").read_text("utf-8")
    for language in ("ru", "en"):
        buttons = {said(words, language) for words in re.findall(r't\("([^"{]+)"\)', texts)}
        named = {one for _title, words in ODDITIES.values() for one in re.findall("«(.+?)»", said(words, language))}
        assert named
        assert named <= buttons


async def test_cash_is_noted_by_hand_and_given_back_by_hand(house: PayHouse) -> None:
    await house.pay()
    id_ = house.payment.id
    visitor = await Visitor(house).come_in()
    page = await visitor.page(f"/payments/{id_}")
    where = {await visitor.press(page, "100\u00a0₽ заплатили наличными или переводом") for _ in range(2)}
    await house.run()
    assert "Готово" in await visitor.page(where.pop())
    payment = house.payment
    assert (payment.state, payment.captured.text, payment.attempts[-1].by) == (PaymentState.PAID, "100.00", By.HAND)
    assert house.texts() == ["Оплачено: 42, 100"]
    assert house.first.of(payment.attempts[0].number).state == "over", "its link can't be paid any more"
    assert "заплатили наличными" not in await visitor.page(f"/payments/{id_}")
    where_back = await visitor.press(await visitor.page(f"/payments/{id_}/refund?amount=30"), "Вернуть 30\u00a0₽")
    await house.run()
    assert "Готово" in await visitor.page(where_back)
    assert house.payment.refunded.text == "30.00"
    assert house.texts() == ["Оплачено: 42, 100", "Вернули 30"]
    assert house.first.money() == 0


async def test_a_month_tells_what_came_and_what_went_back(house: PayHouse) -> None:
    id_ = await paid(house)
    await paid(house, "43", amount="250.50")
    visitor = await Visitor(house).come_in()
    await visitor.press(await visitor.page(f"/payments/{id_}/refund?amount=30"), "Вернуть 30\u00a0₽")
    await house.run()
    assert 'href="/month/money?tenant=' in await visitor.page("/month")
    page = await visitor.page("/month/money")
    for told in ("<dd>350,50\u00a0₽</dd>", "<dd>30\u00a0₽</dd>", "<b>320,50\u00a0₽</b>"):
        assert told in page
    house.clock.step(31 * 86400)
    assert "<b>0\u00a0₽</b>" in await (await Visitor(house).come_in()).page("/month/money")


async def test_its_provider_is_asked_at_once(house: PayHouse) -> None:
    await house.pay()
    house.first.pays(house.payment.attempts[0].number)
    visitor = await Visitor(house).come_in()
    where = await visitor.press(
        await visitor.page(f"/payments/{house.payment.id}"), "Спросить платёжную систему сейчас"
    )
    await house.run()
    assert "Готово" in await visitor.page(where)
    assert house.payment.state is PaymentState.PAID


async def test_what_is_odd_is_a_card_that_leads_to_its_payment_and_is_over_when_it_is_seen_to(house: PayHouse) -> None:
    await paid(house)
    house.first.pays_again(house.payment.attempts[0].number)
    await house.notify(house.first, house.payment.attempts[0].number)
    assert [one.kind for one in house.payment.oddities] == [OddityKind.PAID_TWICE]
    visitor = await Visitor(house).come_in()
    first = await visitor.page("/")
    assert "заказ 42 оплачен дважды" in first
    assert f'href="/payments/{house.payment.id}"' in first
    page = await visitor.page(f"/payments/{house.payment.id}")
    assert "Оплачено дважды" in page
    where = await visitor.press(page, "Уладили")
    await house.run()
    assert "Готово" in await visitor.page(where)
    assert [(one.closed, one.by) for one in house.payment.oddities] == [(True, "ivan")]
    await house.pass_time(1200)
    assert "оплачен дважды" not in await visitor.page("/")


async def owed(house: PayHouse, prepaid: bool = False) -> tuple[str, str]:
    """A payment whose receipt the till has refused: the ids of both."""
    id_ = await paid(house)
    held = await journal.load(house.store, Payment, id_)
    assert held is not None
    now, receipt = house.clock.now(), receipt_id(id_, "t1", ReceiptKind.SALE)
    tried = ReceiptTry(
        n=1, number="p-1-sale", state=TryState.REFUSED, at=now, code="wrong_inn", why="ИНН не подходит",
        deliveries=("dlv_1",),
    )  # fmt: skip
    line = OrderLine.of("Торт", Money.read("100.00"))
    intent = ReceiptIntent(
        id=receipt, tenant="kofe", payment=id_, transaction="t1", kind=ReceiptKind.SALE, connection="first",
        vendor="first", flow="pay", event="evt_1", order="42", amount=Money.read("100.00"), lines=(line,),
        tries=(tried,), state=IntentState.REFUSED, owed_since=now, created_at=now, changed_at=now,
    )  # fmt: skip
    known = held.model.model_copy(update={"receipts": (receipt,), "prepaid": prepaid})
    await house.store.commit([journal.create(intent), journal.replace(known, held.version)])
    return id_, receipt


async def intent_of(house: PayHouse, id_: str) -> ReceiptIntent:
    held = await journal.load(house.store, ReceiptIntent, id_)
    assert held is not None
    return held.model


async def test_a_receipt_stands_in_the_story_and_is_registered_again_once(house: PayHouse) -> None:
    id_, receipt = await owed(house)
    visitor = await Visitor(house).come_in()
    answer = await visitor.http.get(f"/receipts/{receipt}")
    assert answer.headers["location"] == f"/payments/{id_}"
    page = await visitor.page(f"/payments/{id_}")
    assert "Чек на оплату" in page
    assert "ИНН не подходит" in page
    (where,) = {await visitor.press(page, "Пробить заново") for _ in range(2)}
    request = where.partition("?")[0].rpartition("/")[2]
    await house.worker.handle("/request", {"request": request})
    assert "Готово" in await visitor.page(where)
    assert [one.n for one in (await intent_of(house, receipt)).tries] == [1, 2]


async def test_a_receipt_that_was_registered_otherwise_is_noted_with_whose_word_it_is(house: PayHouse) -> None:
    id_, receipt = await owed(house)
    visitor = await Visitor(house).come_in()
    where = await visitor.press(await visitor.page(f"/payments/{id_}"), "Чек пробит", said="касса в зале, ФД 18")
    await house.run()
    assert "Готово" in await visitor.page(where)
    after = await intent_of(house, receipt)
    assert (after.state, after.by_hand) == (IntentState.DONE, "ivan: касса в зале, ФД 18")
    assert "касса в зале, ФД 18" in await visitor.page(f"/payments/{id_}")


@pytest.mark.parametrize("typed", [{"said": " "}, {"said": "касса", "what": "other"}])
async def test_nothing_but_words_about_how_says_that_a_receipt_was_registered(
    house: PayHouse, typed: dict[str, str]
) -> None:
    id_, receipt = await owed(house)
    visitor = await Visitor(house).come_in()
    where = await visitor.press(await visitor.page(f"/payments/{id_}"), "Чек пробит", **typed)
    await house.run()
    assert "Готово" not in await visitor.page(where)
    assert (await intent_of(house, receipt)).state is IntentState.REFUSED


async def test_what_was_paid_in_advance_is_noted_as_handed_over(house: PayHouse) -> None:
    id_, _receipt = await owed(house, prepaid=True)
    visitor = await Visitor(house).come_in()
    where = await visitor.press(await visitor.page(f"/payments/{id_}"), "Оплаченное выдано")
    await house.run()
    assert "Готово" in await visitor.page(where)
    assert house.payment.handed_over is not None
    assert "Оплаченное выдано" not in await visitor.page(f"/payments/{id_}")


def key_of(page: str) -> str:
    return page.partition('name="form_key" value="')[2].partition('"')[0]
