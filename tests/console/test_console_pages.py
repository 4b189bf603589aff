"""What is shown, and that each button does what it says."""

from __future__ import annotations

import gzip
import re
from typing import Any

import pytest

from console.visitor import Visitor, dies_before_its_answer
from fakes import START, House, order
from svyazka.connectors.registry import VENDORS, load_manifest
from svyazka.console.links import mending, without_commands
from svyazka.console.veiling import veiled
from svyazka.console.words import EVENTS, FLOWS
from svyazka.engine.journal import documents as journal
from svyazka.engine.problems.kinds import KINDS
from svyazka.flows.registry import FLOWS as ALL_FLOWS
from svyazka.model.deliveries import Status
from svyazka.model.errors import MaybeSent
from svyazka.model.events import EventType
from svyazka.model.outcomes import Blocked, Refused, Succeeded
from svyazka.model.problems import Problem, Remedy
from svyazka.model.reasons import REASONS, TO_DO, Reason
from svyazka.model.tenants import ConnectionSpec, Tenant

BROKE = Blocked(code="201", message="на счёте нет денег", remedy="Пополните баланс")
NO = Refused(code="202", message="bad number")
NASTY = "<script>alert(1)</script>\x1b[31m\u202eтёртевИ"


async def sent(house: House, *script: Any, phone: str = "+79991234567") -> None:
    house.sms.script.extend(script)
    await house.post(order(phone=phone))
    await house.run()


async def test_the_three_numbers_add_up_to_all_systems(house: House, visitor: Visitor) -> None:
    page = await visitor.page("/")
    assert "<b>3</b> <span>в порядке" in page
    await sent(house, BROKE)
    page = await visitor.page("/")
    assert "<b>1</b> <span>требует вас" in page
    assert "<b>2</b> <span>в порядке" in page
    assert "Пополните баланс" in page
    assert "sms" in await visitor.page("/systems?stands=needs")


async def test_try_now_goes_through_the_worker_and_what_waited_goes_out(house: House, visitor: Visitor) -> None:
    await sent(house, BROKE)
    where = await visitor.press(await visitor.page("/"), "Попробовать сейчас")
    assert "Делаем" in await visitor.page(where)
    assert house.sms.calls == 1  # the console itself calls nobody
    await house.run()
    assert "Готово" in await visitor.page(where)
    assert house.deliveries()[0].status is Status.SUCCEEDED


@pytest.mark.parametrize(
    ("label", "status", "calls"),
    [("Сделано", Status.SUCCEEDED, 1), ("Не сделано, и не надо", Status.FAILED, 1),
     ("Не сделано: сделать ещё раз", Status.SUCCEEDED, 2)],
)  # fmt: skip
async def test_an_unknown_one_is_resolved(
    house: House, visitor: Visitor, label: str, status: Status, calls: int
) -> None:
    await sent(house, MaybeSent("timeout"))
    where = await visitor.press(await visitor.page(f"/story/{house.deliveries()[0].id}"), label)
    await house.run()
    assert "Готово" in await visitor.page(where)
    assert (house.deliveries()[0].status, house.sms.calls) == (status, calls)


async def test_what_failed_is_tried_again_and_a_form_sent_twice_is_one_wish(house: House, visitor: Visitor) -> None:
    await sent(house, NO)
    page = await visitor.page(f"/story/{house.deliveries()[0].id}")
    where = [await visitor.press(page, "Попробовать снова") for _ in range(3)]
    assert len(set(where)) == 1
    await house.run()
    assert (house.deliveries()[0].status, house.sms.calls) == (Status.SUCCEEDED, 2)
    again = await visitor.page(f"/story/{house.deliveries()[0].id}")
    await visitor.press(again, "Всё равно ещё раз")
    await house.run()
    assert house.sms.calls == 3


async def test_what_failed_says_what_to_do(house: House, visitor: Visitor) -> None:
    await sent(house, NO)
    path = f"/story/{house.deliveries()[0].id}"
    assert "Что делать: Прочитайте, что не нравится той системе" in await visitor.page(path)
    await visitor.press(await visitor.page(path), "Попробовать снова")
    await house.run()
    assert "Что делать" not in await visitor.page(path)
    house.sms.script.append(Refused(code="202", message="bad number", reason=Reason.BAD_ADDRESS))
    await house.post(order(2, phone="+79991234568"))
    await house.run()
    (failed,) = [one.id for one in house.deliveries() if one.status is Status.FAILED]
    assert "Что делать: Узнайте у человека верный номер" in await visitor.page(f"/story/{failed}")


def test_whatever_is_not_tried_again_by_itself_says_what_to_do() -> None:
    assert set(TO_DO) == set(REASONS) == set(Reason)
    for vendor in VENDORS:
        rows = load_manifest(vendor).failures
        for rule in rows.rules() if rows is not None else ():
            assert rule.do != "block" or rule.remedy, (vendor, rule)


async def test_a_pause_holds_back_and_ends(house: House, visitor: Visitor) -> None:
    where = await visitor.press(await visitor.page("/systems?stands=fine"), "Пауза")
    await house.run()
    assert "Готово" in await visitor.page(where)
    page = await visitor.page("/systems")
    assert "На паузе" in page
    where = await visitor.press(page, "Продолжить")
    await house.run()
    assert "Готово" in await visitor.page(where)
    assert "На паузе" not in await visitor.page("/systems")


async def test_a_worker_that_died_before_its_answer_does_it_once(house: House, visitor: Visitor) -> None:
    await sent(house, NO)
    house.sms.script.append(Succeeded(external_id="m1"))
    where = await visitor.press(await visitor.page(f"/story/{house.deliveries()[0].id}"), "Попробовать снова")
    await dies_before_its_answer(house)
    await house.pass_time(300)
    assert "Готово" in await visitor.page(where)
    assert house.sms.calls == 2
    lines = [document for document in house.store.documents.values() if document.kind == "audit"]
    assert len(lines) == 1


async def test_what_was_undone_does_not_come_back_with_the_worker_that_died(house: House, visitor: Visitor) -> None:
    await visitor.press(await visitor.page("/systems?stands=fine"), "Пауза")
    await dies_before_its_answer(house)
    visitor.around.forget_tenants()
    await visitor.press(await visitor.page("/systems"), "Продолжить")
    await house.run()
    await house.pass_time(300)
    visitor.around.forget_tenants()
    assert "На паузе" not in await visitor.page("/systems")


async def test_what_could_not_be_read_is_where_its_card_leads(house: House, visitor: Visitor) -> None:
    await house.post(b"no format at all")
    await house.run()
    card = await visitor.page("/")
    assert "не удалось прочитать" in card
    listed = await visitor.page("/events?tenant=kofe&connection=till&status=quarantined")
    (raw,) = {key for kind, key in house.store.documents if kind == "raws"}
    assert f"/story/{raw}" in listed
    assert "Как это прислала система" in await visitor.page(f"/story/{raw}")


async def test_a_right_that_is_gone_meanwhile_is_not_used(house: House, visitor: Visitor) -> None:
    await sent(house, NO)
    where = await visitor.press(await visitor.page(f"/story/{house.deliveries()[0].id}"), "Попробовать снова")
    for key in [key for key in house.store.documents if key[0] == "signed_in"]:
        del house.store.documents[key]
    await house.run()
    assert house.sms.calls == 1
    assert "войдите" in await (await Visitor(house).come_in()).page(where)


async def test_a_person_is_found_and_masked_and_shown_only_for_a_reason(house: House, visitor: Visitor) -> None:
    await sent(house)
    key = (await visitor.page("/")).partition('name="form_key" value="')[2].partition('"')[0]
    found = await visitor.http.post("/search", data={"form_key": key, "sought": "8 (999) 123-45-67"})
    event = house.events()[0].event.id
    assert veiled(house.keyring, event) in found.text
    story = await visitor.page(f"/story/{event}")
    for page in (found.text, story):
        assert "1234567" not in page
        assert "Петров" not in page
    hasty = await visitor.http.post(f"/story/{event}", data={"form_key": key, "why": "a"})
    assert (hasty.status_code, "1234567" in hasty.text) == (400, False)
    shown = await visitor.http.post(f"/story/{event}", data={"form_key": key, "why": "клиент звонит"})
    assert "+79991234567" in shown.text
    lines = [document.data.decode() for document in house.store.documents.values() if document.kind == "audit"]
    assert len(lines) == 1
    assert "клиент звонит" in lines[0]


async def test_whatever_a_vendor_says_is_text(house: House, visitor: Visitor) -> None:
    await sent(house, Refused(code="202", message=NASTY))
    event = house.events()[0].event.id
    for path in ("/deliveries", f"/story/{event}"):
        page = await visitor.page(path)
        assert "&lt;script&gt;alert" in page
        assert not {"<script>alert", "\x1b", "\u202e"} & {
            sign for sign in ("<script>alert", "\x1b", "\u202e") if sign in page
        }


@pytest.mark.parametrize("kind", KINDS.values(), ids=lambda kind: kind.name)
def test_no_problem_is_a_dead_end(kind: Any) -> None:
    values = {"tenant": "kofe", "connection": "sms", "vendor": "sms.ru", "cause": "x", "about": "dlv_1"}
    problem = Problem(
        id="prb_1", tenant="kofe", connection="sms", kind=kind.name, cause="x", severity=kind.severity,
        title=kind.title, remedy=Remedy(command=kind.command.format(**values) or None, person=kind.person or None),
        first_seen=START, since=START, last_seen=START,
    )  # fmt: skip
    offered = mending(problem)
    assert not offered.is_dead_end
    if kind.command.startswith(("svyazka diff", "svyazka sync")):
        assert offered.page == ("/sync/kofe/x/doubts" if kind.name == "in_step_asks" else "/sync/kofe/x")
    assert offered.command is None


@pytest.mark.parametrize(
    ("told", "shown"),
    [("ответа не было. Повторять само не будет: svyazka resolve dlv_1 --as succeeded|failed|retry",
      "ответа не было. Повторять само не будет"),
     ("не удалось. Почему: svyazka show dlv_1; ещё раз: svyazka replay dlv_1", "не удалось."),
     ("ждёт, пока вы не решите: svyazka held kofe/site --release или --discard", "ждёт, пока вы не решите"),
     ("Пополните баланс: https://sms.ru/pay", "Пополните баланс: https://sms.ru/pay")],
)  # fmt: skip
def test_a_card_with_a_button_speaks_of_no_command(told: str, shown: str) -> None:
    assert without_commands(told) == shown


async def test_ten_businesses_at_a_glance_those_that_need_somebody_first(house: House, visitor: Visitor) -> None:
    names = [f"Бизнес {number}" for number in range(9)]
    for number, name in enumerate(names):
        own = Tenant(id=f"t{number}", name=name, timezone="Europe/Moscow", paused=number == 8,
                     connections={"sms": ConnectionSpec(vendor="sms")})  # fmt: skip
        await house.store.commit([journal.create(own)])
    await sent(house, BROKE)
    page = await (await Visitor(house).come_in()).page("/")
    table = page[page.index('class="businesses"') : page.index("</table>")]
    shown = re.findall(r'href="/\?tenant=\w+">([^<]*)</a>', table)
    assert shown == ["Кофейня", *names]
    assert 'href="/systems?stands=needs&amp;tenant=kofe">1</a>' in table
    assert table.count("на паузе") == 1
    own = await Visitor(house).come_in(tenant="kofe")
    assert "Бизнес" not in await own.page("/")
    inside = await (await Visitor(house).come_in()).page("/?tenant=kofe")
    assert '<a href="/">Все бизнесы</a> · Кофейня' in inside


def test_everything_has_a_name_for_people() -> None:
    assert set(EVENTS) == set(EventType)
    assert set(ALL_FLOWS) <= set(FLOWS)


async def test_a_first_load_is_light(visitor: Visitor) -> None:
    load = [
        await visitor.http.get(path) for path in ("/", "/static/console.css", "/static/live.js", "/static/icon.svg")
    ]
    assert sum(len(gzip.compress(answer.content)) for answer in load) < 60_000  # as promised; it is a third of that
