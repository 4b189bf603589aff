"""The page of the stand-ins: what is clicked there happens, and what comes of it is seen there."""

from __future__ import annotations

import re
from typing import Any

import httpx
import pytest

from site_examples.conftest import Shop, until

RU = {"accept-language": "ru"}


def page(shop: Shop) -> str:
    answer = shop.client.get(f"{shop.vendors}/play", headers=RU)
    assert answer.status_code == 200
    return answer.text


def click(shop: Shop, scene: str, **headers: str) -> httpx.Response:
    return shop.client.post(f"{shop.vendors}/play/do/{scene}", headers=headers)


def texts(shop: Shop) -> list[str]:
    return [one["text"] for one in shop.effects("smsru", "message")]


def test_a_browser_is_led_to_it_and_programs_are_not(shop: Shop) -> None:
    answer = shop.client.get(f"{shop.vendors}/", headers={"accept": "text/html,*/*"})
    assert (answer.status_code, answer.headers["location"]) == (307, "/play")
    assert shop.client.get(f"{shop.vendors}/").json()["vendors"]
    assert "Заказ доставлен" in page(shop)


def test_while_the_gateway_is_down_an_order_s_sms_waits_and_then_goes_out_once(shop: Shop) -> None:
    click(shop, "sms_down")
    assert "sms.ru снова работает" in page(shop)
    asked = len(texts(shop))
    try:
        click(shop, "order_twice")
        until(lambda: "не приняли" in page(shop), "the call that got no answer is seen")
        story = re.search(r'href="http://127\.0\.0\.1:\d+/story/evt_\w+"', page(shop))
        assert story, "it leads to its story in the console"
        assert len(texts(shop)) == asked
    finally:
        click(shop, "sms_up")
    until(lambda: "спасибо за заказ" in "".join(texts(shop)[asked:]), "the SMS goes out", 40)
    assert len([one for one in texts(shop)[asked:] if "спасибо за заказ" in one]) == 1
    assert "спасибо за заказ" in page(shop)


def test_the_form_becomes_a_deal(shop: Shop) -> None:
    deals = shop.deals()
    click(shop, "lead")
    until(lambda: shop.deals() == deals + 1, "a deal")


def test_whoever_has_no_money_left_at_the_gateway_sees_a_card(shop: Shop) -> None:
    assert "Пополнить счёт" not in page(shop)
    click(shop, "no_money")
    try:
        assert "Пополнить счёт" in page(shop)
        balance = shop.client.post(f"{shop.vendors}/smsru/my/balance?api_id=x&json=1").json()
        assert balance["balance"] == 0
    finally:
        click(shop, "paid")


@pytest.mark.parametrize(
    "headers", [{"origin": "http://evil.example"}, {"sec-fetch-site": "cross-site"}, {"host": "evil.example"}]
)
def test_no_other_page_clicks_here(shop: Shop, headers: dict[str, str]) -> None:
    said = page(shop).count("боту написали")
    assert click(shop, "to_the_bot", **headers).status_code == 403
    assert page(shop).count("боту написали") == said


def test_this_one_does(shop: Shop) -> None:
    said = page(shop).count("боту написали")
    click(shop, "to_the_bot")
    assert page(shop).count("боту написали") == said + 1


def paying(shop: Shop) -> list[str]:
    """What guests of the bakery were told of their money."""
    return [one for one in texts(shop) if "Пекарня" in one]


def refunds(shop: Shop) -> list[dict[str, Any]]:
    return shop.effects("yookassa", "refund") + shop.effects("tbank", "refund")


def test_a_guest_pays_by_a_link_of_the_second_provider_while_the_first_is_down(shop: Shop) -> None:
    told, paid = len(paying(shop)), len(shop.effects("tbank", "paid"))
    click(shop, "kassa_down")
    try:
        click(shop, "pays")
        until(lambda: len(paying(shop)) == told + 1, "the guest is told")
        assert "оплата получена" in paying(shop)[-1]
        assert [one["kopecks"] for one in shop.effects("tbank", "paid")[paid:]] == [150000]
        assert re.search(r'href="http://127\.0\.0\.1:\d+/payments/pay_\w+"', page(shop)), "it leads to the payment"
    finally:
        click(shop, "kassa_up")


def test_who_pays_and_cancels_gets_the_money_back_once(shop: Shop) -> None:
    told, refunded = len(paying(shop)), len(refunds(shop))
    click(shop, "pays_and_cancels")
    until(lambda: len(paying(shop)) == told + 2, "paid, and given back")
    assert "вернули 1500 ₽" in paying(shop)[-1]
    assert len(refunds(shop)) == refunded + 1


def test_a_link_is_for_whoever_wants_to_pay_by_hand(shop: Shop) -> None:
    click(shop, "link")
    link = re.search(r'href="(http://[^"]+/pay/[^"]+)" target="svyazka-pay"', page(shop))
    assert link
    assert "Оплатить" in shop.client.get(link[1]).text
