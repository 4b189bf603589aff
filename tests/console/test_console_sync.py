"""Systems in step at the console: how they stand, a doubt decided side by side, watching turned into writing."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from console.visitor import Visitor, dies_before_its_answer
from in_step_house import InStep, ivan
from svyazka.engine.journal import documents as journal
from svyazka.engine.operating.syncing import flow_named, switched
from svyazka.model.agreeing import Agreed, Night, agreed_id
from svyazka.model.records import RecordKind
from svyazka.model.requests import Request, Role

FLOW = "/sync/kofe/sync_contacts"


@pytest.fixture
async def in_step() -> InStep:
    """Its person was renamed in both systems at once."""
    house = InStep()
    await house.settle_in()
    salon, crm = await house.pair(**ivan())
    house.salon.edit(salon, name="Иван Салонный")
    house.crm.edit(crm, name="Иван Учётный")
    await house.quiet()
    return house


async def shown(house: InStep, visitor: Visitor) -> str:
    where = await visitor.press(await visitor.page(f"{FLOW}/doubts"), "Показать обе карточки")
    await house.run()
    return where


def requests(house: InStep) -> list[Request]:
    return [journal.read(Request, one).model for one in house.store.documents.values() if one.kind == "requests"]


@pytest.mark.parametrize(
    ("label", "salon", "crm"),
    [("Как в salon", "Иван Салонный", "Иван Салонный"), ("Как в crm", "Иван Учётный", "Иван Учётный"),
     ("Пусть отличаются", "Иван Салонный", "Иван Учётный")],
)  # fmt: skip
async def test_a_doubt_is_decided_with_both_cards_side_by_side(
    in_step: InStep, label: str, salon: str, crm: str
) -> None:
    visitor = await Visitor(in_step).come_in()
    assert "<b>1</b> <span>ждут вашего слова" in await visitor.page(FLOW)
    page = await visitor.page(await shown(in_step, visitor))
    writes = in_step.writes()
    answer = await visitor.press(page, label)
    await in_step.quiet()
    assert "Готово" in await visitor.page(answer)
    record = in_step.record()
    assert in_step.salon.shows(record.sides["salon"].object, "name") == salon
    assert in_step.crm.shows(record.sides["crm"].object, "name") == crm
    assert in_step.writes() - writes == (0 if salon != crm else 1)
    assert "Вашего слова ничего не ждёт" in await visitor.page(f"{FLOW}/doubts")
    assert not in_step.doubts()


@pytest.mark.parametrize(("label", "cards", "linked"), [
    ("Это crm №{first}", 2, True), ("Это кто-то другой: завести карточку", 3, True),
    ("Ни одна из них: карточку не заводить", 2, False),
])  # fmt: skip
async def test_whose_card_it_is_is_said_by_a_button(label: str, cards: int, linked: bool) -> None:
    house = InStep(create="all")
    await house.settle_in()
    house.crm.hook = False
    first, _second = house.crm.add(**ivan()), house.crm.add(**ivan())
    house.crm.hook = True
    salon = house.salon.add(**ivan())
    await house.quiet(0.2)
    visitor = await Visitor(house).come_in()
    where = await visitor.press(await visitor.page(f"{FLOW}/doubts"), label.format(first=first))
    await house.quiet(0.2)
    assert "Готово" in await visitor.page(where)
    assert (len(house.crm.cards), "crm" in house.record_of(salon).sides) == (cards, linked)
    assert "Вашего слова ничего не ждёт" in await visitor.page(f"{FLOW}/doubts")


async def test_what_was_deleted_is_made_anew_by_a_button() -> None:
    house = InStep(delete={"crm": "ask"})
    await house.settle_in()
    salon, crm = await house.pair(**ivan())
    house.crm.delete(crm)
    await house.quiet(0.2)
    visitor = await Visitor(house).come_in()
    await visitor.press(await visitor.page(f"{FLOW}/doubts"), "Завести заново")
    await house.quiet(0.2)
    assert house.record_of(salon).sides["crm"].object != crm


async def test_cards_are_masked_sealed_to_whoever_asked_and_shown_for_a_reason(in_step: InStep) -> None:
    visitor = await Visitor(in_step).come_in()
    where = await shown(in_step, visitor)
    assert "Салонный" not in await visitor.page(where)
    assert "+79991234567" not in await visitor.page(where)
    kept = str([one.data for one in in_step.store.documents.values()])
    assert "Салонный".encode().hex() not in kept
    assert "Салонный" not in b"".join(one.data for one in in_step.store.documents.values()).decode()
    other = await Visitor(in_step).come_in()
    assert "sides" not in await other.page(where)  # another session, though an owner's too
    path = where.partition("?")[0]
    for who, why, seen in ((visitor, "a", False), (other, "клиент звонит", False), (visitor, "клиент звонит", True)):
        key = (await who.page("/")).partition('name="form_key" value="')[2].partition('"')[0]
        answer = await who.http.post(path, data={"form_key": key, "why": why})
        assert ("Салонный" in answer.text, "+79991234567" in answer.text) == (seen, seen)
    lines = [one.data.decode() for one in in_step.store.documents.values() if one.kind == "audit"]
    assert sum('"reveal"' in line and "клиент звонит" in line for line in lines) == 1


async def test_an_answer_that_is_sent_twice_is_one_and_of_another_business_none(in_step: InStep) -> None:
    visitor = await Visitor(in_step).come_in()
    page = await visitor.page(await shown(in_step, visitor))
    where = {await visitor.press(page, "Как в crm") for _ in range(3)}
    assert len(where) == 1
    await in_step.quiet()
    again = await visitor.press(page.replace('name="key" value="', 'name="key" value="x'), "Как в crm")
    await in_step.quiet()
    assert "Готово" in await visitor.page(again)  # it was done
    assert in_step.writes() == 1


async def test_what_is_watched_is_shown_and_let_go_by_an_owner_only() -> None:
    house = InStep(mode="watch")
    await house.settle_in()
    house.salon.add(**ivan())
    house.crm.add(**ivan(email=("i@example.org",)))
    await house.quiet()
    visitor, operator = await Visitor(house).come_in(), await Visitor(house).come_in(Role.OPERATOR)
    assert "→ salon: почта" in await visitor.page(f"{FLOW}/watched")
    assert "Писать в salon" not in await operator.page(FLOW)
    assert house.writes() == 0
    where = await visitor.press(await visitor.page(FLOW), "Писать в salon")
    await house.quiet()
    assert "Готово" in await visitor.page(where)
    assert house.writes() == 1
    await visitor.press(await visitor.page(FLOW), "Снова только наблюдать за salon")
    await house.quiet()
    house.crm.edit(house.record().sides["crm"].object, name="Пётр")
    await house.quiet()
    assert house.writes() == 1


async def test_who_turns_writing_off_has_it_off_though_the_worker_died_as_it_was_turned_on() -> None:
    house = InStep(mode="watch")
    await house.settle_in()
    visitor = await Visitor(house).come_in()
    on = await visitor.press(await visitor.page(FLOW), "Писать в salon")
    await dies_before_its_answer(house)
    house.clock.step(1)
    await visitor.press(await visitor.page(FLOW), "Снова только наблюдать за salon")
    await house.run()
    await house.pass_time(300)
    assert "Не сделано" in await visitor.page(on)
    assert "Писать в salon" in await visitor.page(FLOW)


async def test_agreement_over_time_is_a_picture_with_its_table(in_step: InStep) -> None:
    now, kind = in_step.clock.now(), RecordKind.CONTACT
    nights = tuple(Night(at=now - timedelta(days=ago), fields=1000, same=1000 - 5 * ago) for ago in (2, 1, 0))
    for name in ("salon", "crm"):
        one = Agreed(id=agreed_id("kofe", "sync_contacts", name), tenant="kofe", flow="sync_contacts", connection=name,
                     kind=kind, nights=nights)  # fmt: skip
        await in_step.store.commit([journal.create(one)])
    page = await (await Visitor(in_step).come_in()).page(FLOW)
    assert page.count('<rect class="good"') == 3
    assert "от 98 до 100 %" in page
    assert re.findall(r"<td>([\d.]+)</td></tr>", page) == ["100.0", "99.5", "99.0"]


@pytest.mark.parametrize("path", ["/sync/kofe/other", "/sync/bar/sync_contacts", "/sync/kofe/review_request"])
async def test_what_is_no_such_flow_is_not_there(in_step: InStep, path: str) -> None:
    await (await Visitor(in_step).come_in()).page(path, 404)


@pytest.mark.parametrize(
    ("paused", "why"), [(False, "Ждёт crm: не отвечает"), (True, "Ждёт crm: приостановлено оператором")]
)
async def test_what_was_answered_says_so_while_it_waits_for_a_system(in_step: InStep, paused: bool, why: str) -> None:
    if paused:
        in_step.tenant = in_step.tenant.model_copy(update={"paused_connections": ("crm",)})
        await in_step.settle_in()
    in_step.crm.down = not paused
    await in_step.answer(in_step.record().sides["salon"].object, "name", "salon")
    await in_step.quiet(0.2)
    visitor = await Visitor(in_step).come_in()
    page = await visitor.page(f"{FLOW}/doubts")
    assert "Отвечено: salon" in page
    assert why in page
    assert why in await visitor.page(FLOW), "and what is on the way is told where it is asked how they stand"
    if not paused:
        in_step.crm.down = False
        await in_step.quiet(24.0)
        visitor = await Visitor(in_step).come_in()
        assert "Вашего слова ничего не ждёт" in await visitor.page(f"{FLOW}/doubts")
        assert "в пути" not in await visitor.page(FLOW)


async def test_an_answer_that_holds_no_more_is_asked_anew(in_step: InStep) -> None:
    salon = in_step.record().sides["salon"].object
    in_step.crm.down = True
    await in_step.answer(salon, "name", "salon")
    await in_step.quiet(0.2)
    in_step.salon.edit(salon, name="Иван Другой")
    in_step.crm.down = False
    await in_step.quiet(24.0)
    (asked,) = in_step.doubts()
    assert (asked.decision, asked.decided_at) == (None, None)
    assert "Отвечено" not in await (await Visitor(in_step).come_in()).page(f"{FLOW}/doubts")


@pytest.mark.parametrize(
    ("toward", "told"), [((), ""), (("salon",), "Где пока только наблюдаем: crm")], ids=["everywhere", "one"]
)
async def test_where_it_writes_nobody_is_told_that_it_only_watches(toward: tuple[str, ...], told: str) -> None:
    house = InStep(mode="watch")
    await house.settle_in()
    await switched(house.hub, house.tenant, await flow_named(house.hub, house.tenant, house.flow), toward, on=True)
    page = await (await Visitor(house).come_in()).page(FLOW)
    assert "пишем туда" in page
    assert ("<span>записали бы</span>" in page, told in page) == (bool(told), True)
