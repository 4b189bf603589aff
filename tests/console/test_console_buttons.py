"""Buttons that one seldom needs, each pressed as it stands on its page, and what the systems have to show for it."""

from __future__ import annotations

import httpx
import pytest

from console.visitor import Visitor
from fakes import House, order
from in_step_house import InStep, ivan
from simulators.bitrix24.access import CLIENT_ID, CLIENT_SECRET
from simulators.registry import load_simulator
from simulators.serve import serve
from svyazka.connectors.registry import load_manifest
from svyazka.engine.jobs import steering
from svyazka.engine.jobs.work import Hold, Patience, Slice, Work
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Put
from svyazka.engine.problems.cards import meet
from svyazka.engine.problems.kinds import FLOOD as FLOODED
from svyazka.engine.problems.sights import Sight
from svyazka.engine.tenants.directory import secret_id
from svyazka.model.deliveries import Status
from svyazka.model.events import FLOOD, EventStatus
from svyazka.model.grants import Grant
from svyazka.model.jobs import Job, JobState, counted
from svyazka.model.outcomes import Refused
from svyazka.model.tenants import ConnectionSpec, Tenant

FLOW = "/sync/kofe/sync_contacts"


async def in_step(**settings: object) -> InStep:
    house = InStep(**settings)
    await house.settle_in()
    return house


# Many doubts at once


@pytest.mark.parametrize(
    ("label", "salon", "crm"),
    [("Все: как в crm", "Отдел", "Отдел"), ("Все: пусть отличаются", "Салон", "Отдел")],
)  # fmt: skip
async def test_one_answer_is_given_to_all_of_a_kind_and_to_no_other(label: str, salon: str, crm: str) -> None:
    house = await in_step()
    pairs = []
    for number in range(3):
        person = {"name": f"Человек {number}", "phone": (f"+7999000000{number}",)}
        pairs.append((house.salon.add(**person), house.crm.add(**person)))
    await house.quiet(0.2)
    for number, (one, other) in enumerate(pairs):
        more = {"birthday": "1990-01-01"} if number == 0 else {}
        house.salon.edit(one, name=f"Салон {number}", **more)
        house.crm.edit(other, name=f"Отдел {number}", **({"birthday": "1991-01-01"} if more else {}))
    await house.quiet(0.2)
    visitor = await Visitor(house).come_in()
    page = await visitor.page(f"{FLOW}/doubts")
    assert page.count("Сразу много: ") == 1
    where = {await visitor.press(page, label) for _ in range(2)}
    assert len(where) == 1
    await house.quiet(0.2)
    assert "Готово" in await visitor.page(where.pop())
    assert [house.salon.shows(one, "name") for one, _ in pairs] == [f"{salon} {number}" for number in range(3)]
    assert [house.crm.shows(other, "name") for _, other in pairs] == [f"{crm} {number}" for number in range(3)]
    assert [one.field for one in house.doubts()] == ["birthday"]


async def test_what_came_after_the_button_was_shown_is_not_answered_by_it() -> None:
    house = await in_step()
    people = [(house.salon.add(**one), house.crm.add(**one)) for one in (ivan(), ivan(phone=("+79990000001",)))]
    await house.quiet(0.2)
    for salon, crm in people:
        house.salon.edit(salon, name="Иван Салонный")
        house.crm.edit(crm, name="Иван Учётный")
    await house.quiet(0.2)
    visitor = await Visitor(house).come_in()
    await visitor.press(await visitor.page(f"{FLOW}/doubts"), "Все: как в crm")
    (asked,) = [key for key in house.store.documents if key[0] == "requests"]
    held = house.store.documents.pop(asked)
    house.clock.step(60)
    late = {"name": "Пётр Поздний", "phone": ("+79990000002",)}
    salon, crm = house.salon.add(**late), house.crm.add(**late)
    await house.quiet(0.2)
    house.salon.edit(salon, name="Пётр Салонный")
    house.crm.edit(crm, name="Пётр Учётный")
    await house.quiet(0.2)
    house.store.documents[asked] = held
    await house.worker.handle("/request", {"request": asked[1]})
    await house.quiet(0.2)
    assert [house.salon.shows(one, "name") for one, _ in people] == ["Иван Учётный"] * 2
    assert house.salon.shows(salon, "name") == "Пётр Салонный"
    assert len(house.doubts()) == 1


async def test_what_a_robot_was_stopped_from_goes_on() -> None:
    house = await in_step()
    cards = [(house.salon.add(**one), house.crm.add(**one)) for one in (ivan(), ivan(phone=("+79990000001",)))]
    await house.quiet(0.2)
    for number in range(8):
        for salon, _crm in cards:
            house.salon.edit(salon, name=f"Иван {number}")
        await house.quiet(hours=0.08)
    visitor = await Visitor(house).come_in()
    assert len(house.doubts()) == 2
    where = await visitor.press(await visitor.page(f"{FLOW}/doubts"), "Показать обе карточки")
    await house.run()
    await visitor.press(await visitor.page(where), "Пустить дальше")
    await house.quiet(0.1)
    assert len(house.doubts()) == 1
    for salon, _crm in cards:
        house.salon.edit(salon, name="Иван 9")
    await house.quiet(0.1)
    page = await visitor.page(f"{FLOW}/doubts")
    assert "Все: пусть идёт дальше" not in page  # one is no many


async def test_all_that_a_robot_was_stopped_from_goes_on_and_so_do_those_that_were_deleted() -> None:
    house = await in_step(delete={"crm": "ask"})
    cards = [(house.salon.add(**one), house.crm.add(**one)) for one in (ivan(), ivan(phone=("+79990000001",)))]
    await house.quiet(0.2)
    for number in range(8):
        for salon, _crm in cards:
            house.salon.edit(salon, name=f"Иван {number}")
        await house.quiet(hours=0.08)
    visitor = await Visitor(house).come_in()
    await visitor.press(await visitor.page(f"{FLOW}/doubts"), "Все: пусть идёт дальше")
    await house.quiet(0.1)
    assert [house.crm.shows(crm, "name") for _, crm in cards] == ["Иван 7"] * 2
    for _salon, crm in cards:
        house.crm.delete(crm)
    await house.quiet(0.2)
    await visitor.press(await visitor.page(f"{FLOW}/doubts"), "Все: Завести заново")
    await house.quiet(0.2)
    assert len(house.crm.cards) == 2


# One person's cards


async def test_cards_are_taken_apart_once_and_what_was_deleted_is_made_anew() -> None:
    house = await in_step(create="all")
    salon, crm = await house.pair(**ivan())
    visitor = await Visitor(house).come_in()
    path = f"{FLOW}/cards/{house.record().id}"
    shown = await visitor.press(await visitor.page(path), "Показать карточки")
    await house.run()
    assert "Готово" in await visitor.page(shown)
    page = await visitor.page(path)
    first = await visitor.press(page, f"Отделить crm №{crm}")
    again = await visitor.press(page.replace('name="key" value="', 'name="key" value="x'), f"Отделить crm №{crm}")
    await house.quiet(0.2)
    for where in (first, again):
        assert "Готово" in await visitor.page(where)
    assert sorted(tuple(one.sides) for one in house.records()) == [("crm",), ("salon",)]
    assert (house.writes(), house.salon.shows(salon, "name")) == (0, "Иван Петров")


async def test_a_card_that_was_deleted_is_made_anew_once() -> None:
    house = await in_step(create="none")
    salon, crm = await house.pair(**ivan())
    house.crm.delete(crm)
    await house.quiet(0.2)
    visitor = await Visitor(house).come_in()
    key = (await visitor.page("/")).partition('name="form_key" value="')[2].partition('"')[0]
    found = await visitor.http.post("/search", data={"form_key": key, "sought": "+79991234567"})
    path = f"{FLOW}/cards/{house.record_of(salon).id}"
    assert f'href="{path}"' in found.text
    page = await visitor.page(path)
    for form in (page, page.replace('name="key" value="', 'name="key" value="x')):
        where = await visitor.press(form, "Завести заново в crm")
        await house.quiet(0.2)
        assert "Готово" in await visitor.page(where)
    assert [one.fields["name"] for one in house.crm.cards.values()] == ["Иван Петров"]


@pytest.mark.parametrize("path", [f"{FLOW}/cards/rec_none", "/sync/bar/sync_contacts/cards/rec_none"])
async def test_a_record_that_is_not_there_is_not_there(path: str) -> None:
    await (await Visitor(await in_step()).come_in()).page(path, 404)


# What is held back


@pytest.mark.parametrize(("label", "calls"), [("Пустить дальше", 2), ("Отбросить", 0)])
async def test_what_is_held_goes_on_or_is_discarded(house: House, visitor: Visitor, label: str, calls: int) -> None:
    for number in range(2):
        await house.post(order(number + 1, phone=f"+7999123450{number}"))
    house.store.tasks.clear()
    for one in house.events():
        held = one.model_copy(update={"status": EventStatus.QUARANTINED, "reason": FLOOD})
        await house.store.commit([Put(journal.document(held))])
    await meet(
        house.hub, Sight(kind=FLOODED, tenant=house.tenant, connection="till", text="x", since=house.clock.now())
    )
    page = await visitor.page("/")
    assert "/events?tenant=kofe&amp;connection=till&amp;status=quarantined" in page
    where = await visitor.press(page, label)
    await house.run()
    assert "Готово" in await visitor.page(where)
    assert house.sms.calls == calls
    assert not [one for one in house.events() if one.is_held]


# Long work that waits for a word


class Missing(Work):
    """Rows of which many are gone."""

    kind, title = "import", "rows"

    async def slice(self, job: Job, tenant: Tenant, patience: Patience) -> Slice:
        if "missing" not in job.parameters:
            raise Hold("missing", "half of the rows are gone")
        return Slice(counted(skipped=2 if job.parameters["missing"] == "apply" else 1), end=True)


@pytest.mark.parametrize(("label", "skipped"), [("Их больше нет: продолжать", 2), ("Не трогать их и продолжать", 1)])
async def test_a_held_job_is_told_what_becomes_of_those_that_are_gone(
    house: House, visitor: Visitor, label: str, skipped: int
) -> None:
    house.worker.jobs.works[Missing.kind] = Missing()
    await steering.start(house.hub, "kofe", Missing.kind, "clients.xlsx", "job_1", total=10)
    await house.run()
    where = await visitor.press(await visitor.page("/jobs/job_1"), label)
    await house.run()
    assert "Готово" in await visitor.page(where)
    held = await journal.load(house.store, Job, "job_1")
    assert held is not None
    assert (held.model.state, held.model.counts.skipped) == (JobState.DONE, skipped)


# Whatever their age


async def test_what_is_too_old_is_tried_only_by_who_says_so(house: House, visitor: Visitor) -> None:
    house.sms.script.extend([Refused(code="202", message="bad number")] * 3)
    for number in range(3):
        await house.post(order(number + 1))
    await house.run()
    house.clock.step(40 * 86400)
    visitor = await Visitor(house).come_in()
    before, story = house.sms.calls, f"/story/{house.deliveries()[0].id}"
    await visitor.press(await visitor.page(story), "Попробовать снова")
    await house.run()
    assert house.sms.calls == before
    await visitor.press(await visitor.page(story), "Попробовать снова, сколько бы ни прошло")
    await house.run()
    assert house.sms.calls == before + 1
    again = await visitor.page("/again?tenant=kofe&status=failed")
    await visitor.press(again, "Попробовать ещё раз, даже старые: 2")
    await house.run()
    assert house.sms.calls == before + 3
    assert {one.status for one in house.deliveries()} == {Status.SUCCEEDED}


# An account's owner agrees


async def test_an_accounts_owner_agrees_at_the_vendors_own_page(house: House) -> None:
    with serve([load_simulator("bitrix24")]) as running:
        url = running.base_url("bitrix24")
        settings = {"domain": "b24-demo0000.bitrix24.ru", "base_url": url, "client_id": CLIENT_ID,
                    "client_secret": {"secret": "app"}}  # fmt: skip
        house.manifests["bitrix24"] = load_manifest("bitrix24")
        crm = ConnectionSpec(vendor="bitrix24", settings=settings)
        house.tenant = house.tenant.model_copy(update={"connections": {**house.tenant.connections, "crm": crm}})
        await house.settle_in()
        await house.worker.handle("/sweep", {})
        visitor = await Visitor(house).come_in()
        access = await visitor.page("/systems/kofe/crm/access")
        await visitor.press(access, "Сохранить", typed=CLIENT_SECRET)
        await house.run()
        assert ("secrets", secret_id("kofe", "app")) in house.store.documents
        where = await visitor.press(access, "Сделать ссылку")
        await house.run()
        page = await visitor.page(where)
        assert f"{url}/oauth/authorize/?client_id={CLIENT_ID}" in page
        consent = f"{url}/oauth/authorize/?client_id={CLIENT_ID}&state=s"
        agreed = httpx.get(consent, trust_env=False).headers["location"]
        taken = await visitor.press(page, "Принять", typed=agreed)
        await house.run()
        assert "Готово" in await visitor.page(taken)
        assert await journal.load(house.store, Grant, "kofe.crm") is not None
        assert len(running.of("bitrix24").access.refresh) == 1
        await house.hub.clients.close()
