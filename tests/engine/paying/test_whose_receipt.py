"""To whom a receipt goes: the newest word counts until money comes, and the business's own server's over any page's."""

from __future__ import annotations

from typing import Any

import pytest

from pay_house import PayHouse
from svyazka.engine.paying.addressing import MOST_LINKS
from svyazka.model.contacts import Contact
from svyazka.model.events import EventType, Fact
from svyazka.model.payments import PaymentState
from svyazka.model.seen import SeenState

ANNA, BORIS, VERA = (Contact(email=f"{name}@example.org") for name in ("anna", "boris", "vera"))


@pytest.fixture
async def house() -> PayHouse:
    house = PayHouse(receipt=True)
    await house.settle_in()
    await tells(house, None)
    return house


async def tells(house: PayHouse, person: Contact | None) -> None:
    """Its server tells of the order, and names that person."""
    house.asked += 1
    data = {"number": "42", "sum": "100.00", "by": "server"}
    fact = Fact(type=EventType.ORDER_CREATED, key=("o", str(house.asked)), contact=person, data=data)
    await house.told("site", fact)
    await house.run()


async def asks(house: PayHouse, person: Contact, by: str = "public") -> Any:
    house.asked += 1
    fact = Fact(
        type=EventType.PAYMENT_REQUESTED, key=("p", str(house.asked)), contact=person, data={"order": "42", "by": by}
    )
    standing = await house.worker.at_once.carry_out(await house.told("site", fact))
    assert standing is not None
    return standing.payment


async def test_who_has_mistyped_his_address_puts_it_right_by_asking_again(house: PayHouse) -> None:
    first = await asks(house, ANNA)
    assert first.receipt_to == "a•••@example.org"
    again = await asks(house, BORIS)
    assert (again.receipt_to, again.id) == ("b•••@example.org", first.id)
    assert again.url not in (None, first.url)
    assert (await asks(house, BORIS)).url == again.url
    assert [one.person for one in house.first.links] == [ANNA, BORIS]
    await house.pass_time(600)
    assert [one.state for one in house.first.there.values()] == [SeenState.OVER, SeenState.WAITS]


async def test_the_servers_word_is_no_pages_to_change(house: PayHouse) -> None:
    await asks(house, ANNA)
    await tells(house, VERA)
    assert house.payment.person == VERA
    link = await asks(house, BORIS)
    assert link.receipt_to is None, "whom the server has named is nobody's to see"
    assert [one.person for one in house.first.links] == [ANNA, VERA]
    assert (await asks(house, ANNA)).url == link.url


async def test_whom_the_server_named_when_it_asked_stays_whatever_a_page_says(house: PayHouse) -> None:
    link = await asks(house, VERA, by="server")
    again = await asks(house, BORIS)
    assert (again.url, again.receipt_to) == (link.url, None)


async def test_no_page_gets_links_without_end_by_naming_one_and_another(house: PayHouse) -> None:
    for _ in range(20):
        await asks(house, ANNA)
        await asks(house, BORIS)
    link = await asks(house, BORIS)
    assert len(house.payment.attempts) == MOST_LINKS
    assert (link.url, link.receipt_to) == (house.payment.attempts[-2].url, "a•••@example.org")
    await tells(house, VERA)
    assert (await asks(house, BORIS)).receipt_to is None


async def test_once_it_is_paid_nobody_says_another(house: PayHouse) -> None:
    await asks(house, ANNA)
    number = house.payment.attempts[0].number
    house.first.pays(number)
    await house.notify(house.first, number)
    await asks(house, BORIS)
    await tells(house, VERA)
    assert (house.payment.person, house.payment.state) == (ANNA, PaymentState.PAID)


async def test_a_link_that_was_replaced_and_is_paid_all_the_same_is_money_as_any(house: PayHouse) -> None:
    await asks(house, ANNA)
    await asks(house, BORIS)
    old = house.payment.attempts[0].number
    house.first.keeps = 1  # who was at the bank's page already
    house.first.pays(old)
    await house.notify(house.first, old)
    await house.pass_time(600)
    assert (house.payment.state, house.payment.oddities) == (PaymentState.PAID, ())
