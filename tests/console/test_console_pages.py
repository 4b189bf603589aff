"""What is shown, and that each button does what it says."""

from __future__ import annotations

import gzip
from typing import Any

import pytest

from console.visitor import Visitor
from fakes import START, House, order
from svyazka.console.links import mending
from svyazka.console.words import EVENTS, FLOWS
from svyazka.engine.problems.kinds import KINDS
from svyazka.flows.registry import FLOWS as ALL_FLOWS
from svyazka.model.deliveries import Status
from svyazka.model.errors import MaybeSent
from svyazka.model.events import EventType
from svyazka.model.outcomes import Blocked, Refused, Succeeded
from svyazka.model.problems import Problem, Remedy

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
    assert "<b>1</b> <span>требуют вас" in page
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


async def test_a_worker_that_died_before_its_answer_does_it_once(
    house: House, visitor: Visitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sent(house, NO)
    house.sms.script.append(Succeeded(external_id="m1"))
    where = await visitor.press(await visitor.page(f"/story/{house.deliveries()[0].id}"), "Попробовать снова")

    def die(point: str) -> None:
        if point == "request.before_answer":
            raise KeyboardInterrupt

    monkeypatch.setattr("svyazka.engine.operating.requests.reach", die)
    with pytest.raises(KeyboardInterrupt):
        await house.run()
    monkeypatch.undo()
    house.start()
    await house.pass_time(300)
    assert "Готово" in await visitor.page(where)
    assert house.sms.calls == 2
    lines = [document for document in house.store.documents.values() if document.kind == "audit"]
    assert len(lines) == 1


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
    assert event in found.text
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
        id="prb_1", tenant="kofe", connection="sms", kind=kind.name, severity=kind.severity, title=kind.title,
        remedy=Remedy(command=kind.command.format(**values) or None, person=kind.person or None), first_seen=START,
        since=START, last_seen=START,
    )  # fmt: skip
    offered = mending(problem)
    assert not offered.is_dead_end
    assert not kind.command.startswith("svyazka diff") or offered.page == "/sync/kofe/x"
    assert offered.command is None or offered.command.startswith(
        ("svyazka auth", "svyazka secret", "svyazka jobs", "svyazka sync", "svyazka payments")
    )


def test_everything_has_a_name_for_people() -> None:
    assert set(EVENTS) == set(EventType)
    assert set(ALL_FLOWS) <= set(FLOWS)


PAGES = (
    "/", "/systems", "/systems/kofe/sms", "/systems/kofe/sms/history", "/systems/kofe/sms/access", "/deliveries",
    "/deliveries?status=dead", "/events?connection=till", "/jobs", "/again?tenant=kofe", "/secrets", "/audit", "/more",
    "/pictures",
)  # fmt: skip


@pytest.mark.parametrize("path", PAGES)
async def test_a_page_costs_few_queries(house: House, visitor: Visitor, path: str) -> None:
    """At most three, beside the one that says whose call it is."""
    await sent(house)
    asked: list[str] = []
    for name in ("find", "get", "get_many", "tally", "total"):
        real = getattr(house.store, name)

        def counted(*args: Any, real: Any = real, name: str = name, **kwargs: Any) -> Any:
            asked.extend([name] if args[0] != "signed_in" else [])
            return real(*args, **kwargs)

        setattr(house.store, name, counted)
    await visitor.page("/")
    asked.clear()
    await visitor.page(path)
    assert len(asked) <= 3, asked


async def test_a_first_load_is_light(visitor: Visitor) -> None:
    load = [
        await visitor.http.get(path) for path in ("/", "/static/console.css", "/static/live.js", "/static/icon.svg")
    ]
    assert sum(len(gzip.compress(answer.content)) for answer in load) < 20_000
