"""A month in numbers, what would follow from a sample, and one person's story across systems."""

from __future__ import annotations

from console.visitor import Visitor
from fakes import House, order
from in_step_house import InStep, ivan
from svyazka.model.deliveries import Status
from svyazka.model.outcomes import Refused
from svyazka.model.tenants import Addressee, AlertSettings


async def test_a_month_says_what_was_done_and_what_was_not(house: House, visitor: Visitor) -> None:
    house.sms.script.append(Refused(code="202", message="bad number"))
    for number in range(4):
        await house.post(order(number + 1))
    await house.run()
    page = await visitor.page("/month")
    assert "<b>3</b> <span>сделано" in page
    assert "<b>1</b> <span>не получилось" in page
    house.clock.step(31 * 86400)
    assert "<b>0</b> <span>сделано" in await (await Visitor(house).come_in()).page("/month")


async def test_word_of_trouble_that_went_astray_is_no_work_of_the_business(house: House, visitor: Visitor) -> None:
    house.tenant = house.tenant.model_copy(
        update={"alerts": AlertSettings(to=(Addressee(connection="mail", email="o@example.org"),))}
    )
    await house.settle_in()
    house.mail.script.append(Refused(code="550", message="no such box"))
    house.sms.script.append(Refused(code="202", message="bad number"))
    await house.post(order())
    await house.post(b"not json")
    await house.pass_time(3600)
    assert any(one.flow == "alerts" and one.status is Status.FAILED for one in house.deliveries())
    page = await visitor.page("/month")
    assert "<b>0</b> <span>сделано" in page
    assert "<b>1</b> <span>не получилось" in page


async def test_what_would_follow_is_shown_and_nothing_is_sent(house: House, visitor: Visitor) -> None:
    where = await visitor.press(await visitor.page("/systems/kofe/till"), "Что из этого выйдет?")
    before = len(house.deliveries())
    await house.run()
    page = await visitor.page(where)
    assert "Иван, спасибо!" in page
    assert "→ sms" in page
    assert (house.sms.calls, len(house.deliveries())) == (0, before)
    assert "Иван, спасибо!" not in await (await Visitor(house).come_in()).page(where)


async def test_a_persons_story_goes_through_all_systems(house: House, visitor: Visitor) -> None:
    await house.post(order())
    await house.run()
    key = (await visitor.page("/")).partition('name="form_key" value="')[2].partition('"')[0]
    found = await visitor.http.post("/search", data={"form_key": key, "sought": "+7 999 123 45 67"})
    (delivery,) = house.deliveries()
    assert delivery.status is Status.SUCCEEDED
    assert f'→ <a href="/story/{delivery.id}">sms</a>' in found.text
    assert "1234567" not in found.text


async def test_and_names_their_cards() -> None:
    house = InStep()
    await house.settle_in()
    salon, crm = await house.pair(**ivan())
    visitor = await Visitor(house).come_in()
    key = (await visitor.page("/")).partition('name="form_key" value="')[2].partition('"')[0]
    found = await visitor.http.post("/search", data={"form_key": key, "sought": "+79991234567"})
    assert f"salon №{salon}" in found.text
    assert f"crm №{crm}" in found.text
