"""Coming in by a code, as a person of a tenant's file; and being out as soon as one isn't in it."""

from __future__ import annotations

import asyncio
import json
import re
from typing import Any

import pytest

from console.visitor import Visitor, form_key
from fakes import FakeMessenger, House, order
from svyazka.engine.journal import documents as journal
from svyazka.model.deliveries import AuditLine
from svyazka.model.outcomes import Blocked
from svyazka.model.requests import NEEDED, Role, Wish
from svyazka.model.tenants import ConnectionSpec, Person, Tenant
from svyazka.signing_in import CODE_LIVES, CODE_TRIES, ask_for_code, enter_code

MARIA = {"name": "Мария", "role": "owner", "connection": "sms", "phone": "+79991112233"}
ANYA = {"name": "Аня", "role": "looker", "connection": "mail", "email": "anya@example.org", "login": "anya"}
PETR = {"name": "Пётр", "role": "operator", "connection": "sms", "phone": "+79991112244"}


async def let_in(house: House, *people: dict[str, str], tenant: str = "kofe") -> None:
    """The file says that these are its people now."""
    held = await journal.load(house.store, Tenant, tenant)
    assert held is not None
    now = held.model.model_copy(update={"people": tuple(Person.model_validate(one) for one in people)})
    await house.store.commit([journal.replace(now, held.version)])


@pytest.fixture
async def staffed(house: House) -> House:
    await let_in(house, MARIA, ANYA, PETR)
    await house.worker.handle("/sweep", {})
    return house


async def asked(visitor: Visitor, who: str) -> Any:
    return await visitor.http.post("/sign-in", data={"who": who})


def code_in(messenger: Any) -> str:
    return re.findall(r"\d{6}", messenger.sent[-1][1])[0]


async def signed(house: House, who: str, messenger: Any) -> Visitor:
    visitor = Visitor(house)
    assert (await asked(visitor, who)).status_code == 303
    await house.run()
    answer = await visitor.http.post("/sign-in/code", data={"code": code_in(messenger)})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    return visitor


@pytest.mark.parametrize(
    ("typed", "who", "role"),
    [("8 (999) 111-22-33", "Мария", "владелец"), ("Anya@Example.org", "Аня", "смотрит"), ("anya", "Аня", "смотрит")],
)
async def test_a_code_lets_somebody_of_the_file_in(staffed: House, typed: str, who: str, role: str) -> None:
    visitor = await signed(staffed, typed, staffed.sms if who == "Мария" else staffed.mail)
    page = await visitor.page("/")
    assert who in page
    assert role in page
    assert ("Пауза" in await visitor.page("/systems")) == (who == "Мария")


async def test_what_the_code_is_stands_in_no_document(staffed: House) -> None:
    visitor = Visitor(staffed)
    await asked(visitor, MARIA["phone"])
    await staffed.run()
    code = code_in(staffed.sms)
    kept = str([(one.key, one.fields, one.data) for one in staffed.store.documents.values()])
    assert code not in kept
    assert MARIA["phone"] not in str([one.data for one in staffed.store.documents.values() if one.kind == "sign_ins"])
    owner = await Visitor(staffed).come_in()
    story = await owner.page(f"/story/{staffed.deliveries()[0].id}")
    assert "••••••" in story
    assert code not in story


async def test_nobody_is_told_whether_an_address_is_known(staffed: House) -> None:
    """The same answers, the same calls of the store, documents of the same size: before, at and after the code."""
    seen = []
    for who in (MARIA["phone"], "+79990000000", "nobody@example.org", "x"):
        visitor, calls = Visitor(staffed), count_calls(staffed)
        first = await asked(visitor, who)
        sizes = [len(one.data) for one in staffed.store.documents.values() if one.kind == "sign_ins"]
        early = await visitor.http.post("/sign-in/code", data={"code": "123456"})
        at_the_console = list(calls)
        await staffed.run()
        calls.clear()
        shown = await visitor.page("/sign-in")
        wrong = await visitor.http.post("/sign-in/code", data={"code": "000000x"})
        headers = sorted(set(first.headers) | set(wrong.headers))
        seen.append(
            (first.status_code, first.headers["location"], at_the_console, early.text, shown, wrong.status_code,
             wrong.text, list(calls), sizes[-1], headers)
        )  # fmt: skip
        staffed.clock.step(120)
    assert all(one == seen[0] for one in seen)
    assert len(staffed.sms.sent) == 1


def count_calls(house: House) -> list[str]:
    made: list[str] = []
    for name in ("get", "get_many", "find", "commit"):
        real = getattr(type(house.store), name).__get__(house.store)

        def counted(*args: Any, real: Any = real, name: str = name, **kwargs: Any) -> Any:
            made.append(name)
            return real(*args, **kwargs)

        setattr(house.store, name, counted)
    return made


async def test_a_code_is_good_once_for_minutes_for_few_tries_and_for_the_browser_that_asked(staffed: House) -> None:
    store, clock, keyring = staffed.store, staffed.clock, staffed.keyring
    word = await ask_for_code(store, clock, MARIA["phone"])
    await staffed.run()
    assert word is not None
    code = code_in(staffed.sms)
    other = await ask_for_code(store, clock, "nobody")
    await staffed.run()
    assert await enter_code(store, clock, keyring, other or "", code) is None
    assert await enter_code(store, clock, keyring, "", code) is None
    came = await asyncio.gather(*(enter_code(store, clock, keyring, word, code) for _ in range(5)))
    assert len([one for one in came if one]) == 1
    assert await enter_code(store, clock, keyring, word, code) is None
    clock.step(3600)
    word = await ask_for_code(store, clock, MARIA["phone"])
    await staffed.run()
    clock.step(CODE_LIVES.total_seconds())
    assert await enter_code(store, clock, keyring, word or "", code_in(staffed.sms)) is None


async def test_tries_are_few_even_where_a_thousand_come_at_once(staffed: House) -> None:
    store, clock, keyring = staffed.store, staffed.clock, staffed.keyring
    word = await ask_for_code(store, clock, MARIA["phone"]) or ""
    await staffed.run()
    code = code_in(staffed.sms)
    guesses = [f"{number:06d}" for number in range(1000) if f"{number:06d}" != code]
    assert not any(await asyncio.gather(*(enter_code(store, clock, keyring, word, one) for one in guesses)))
    for one in guesses[:CODE_TRIES]:
        assert await enter_code(store, clock, keyring, word, one) is None
    assert await enter_code(store, clock, keyring, word, code) is None


async def test_one_gets_a_code_a_minute_three_an_hour_five_a_day(staffed: House) -> None:
    sent = []
    for wait in (0, 30, 60, 60, 60, 3600, 60, 3600, 86400):
        staffed.clock.step(wait)
        await ask_for_code(staffed.store, staffed.clock, MARIA["phone"])
        await staffed.run()
        sent.append(len(staffed.sms.sent))
    assert sent == [1, 1, 2, 3, 3, 4, 5, 5, 6]


async def test_a_browser_that_asks_all_the_time_is_turned_away(staffed: House) -> None:
    visitor = Visitor(staffed)
    answers = [(await asked(visitor, f"{number}@example.org")).status_code for number in range(15)]
    assert (answers[0], answers[-1]) == (303, 429)


async def test_a_code_goes_by_another_way_where_the_first_is_in_trouble(house: House) -> None:
    """Both are called by a phone; the file names the one that has no money left."""
    other = FakeMessenger("other")
    house.manifests["other"] = other.manifest
    house.tenant = house.tenant.model_copy(
        update={"connections": {**house.tenant.connections, "other": ConnectionSpec(vendor="other")}}
    )
    await house.settle_in()
    await let_in(house, MARIA)
    await house.worker.handle("/sweep", {})
    house.sms.script.append(Blocked(code="201", message="no money", remedy="pay"))
    await house.post(order())
    await house.run()
    assert "Мария" in await (await signed(house, MARIA["phone"], other)).page("/")
    assert not house.sms.sent


async def test_whoever_is_taken_from_the_file_is_out_at_once(staffed: House) -> None:
    petr = await signed(staffed, PETR["phone"], staffed.sms)
    page = await petr.page("/systems")
    where = await petr.press(page, "Пауза")
    await let_in(staffed, MARIA, ANYA)
    await petr.page("/", 401)
    await petr.page(where, 401)
    await staffed.run()
    owner = await Visitor(staffed).come_in()
    assert "Не сделано" in await owner.page(where)
    assert not (await journal.load(staffed.store, Tenant, "kofe")).model.paused_connections  # type: ignore[union-attr]


@pytest.mark.parametrize("change", [{"phone": "+79995556677"}, {"connection": "mail", "phone": "", "email": "p@x.org"}])
async def test_another_address_is_another_person(staffed: House, change: dict[str, str]) -> None:
    petr = await signed(staffed, PETR["phone"], staffed.sms)
    await petr.page("/")
    await let_in(staffed, MARIA, {name: value for name, value in {**PETR, **change}.items() if value})
    await petr.page("/", 401)


async def test_a_role_that_was_changed_counts_at_once(staffed: House) -> None:
    petr = await signed(staffed, PETR["phone"], staffed.sms)
    form = {"tenant": "kofe", "wish": "pause", "about": "sms", "key": "1", "form_key": form_key(await petr.page("/"))}
    await let_in(staffed, MARIA, {**PETR, "role": "looker"})
    assert (await petr.http.post("/do", data=form)).status_code == 403
    await let_in(staffed, MARIA, {**PETR, "role": "owner"})
    assert "Мария" in await petr.page("/people")


async def test_a_code_of_one_business_opens_no_other_unless_that_says_so(staffed: House) -> None:
    """A business that shares the installation could write a stranger's phone into its file, and carry the code."""
    for id_ in ("bar", "studio"):
        other = Tenant(id=id_, name=f"Бизнес {id_}", timezone="Europe/Moscow", connections=staffed.tenant.connections)
        await staffed.store.commit([journal.create(other)])
    await let_in(staffed, {**MARIA, "name": "Мария из бара"}, tenant="bar")
    visitor = await signed(staffed, MARIA["phone"], staffed.sms)
    both = [await visitor.http.get(f"/?tenant={one}") for one in ("kofe", "bar", "studio")]
    assert sorted(one.status_code for one in both) == [200, 404, 404]
    await let_in(staffed, {"name": "Мария", "role": "looker", "of": "kofe"}, tenant="studio")
    await let_in(staffed, tenant="bar")
    staffed.clock.step(3600)
    maria = await signed(staffed, MARIA["phone"], staffed.sms)
    assert [(await maria.http.get(f"/?tenant={one}")).status_code for one in ("kofe", "bar", "studio")] == [
        200,
        404,
        200,
    ]
    assert (await maria.http.get("/people?tenant=studio")).status_code == 403
    form = {"tenant": "studio", "wish": "pause", "about": "sms", "key": "1"}
    form["form_key"] = form_key(await maria.page("/"))
    assert (await maria.http.post("/do", data=form)).status_code == 403


async def test_somebody_is_put_out(staffed: House) -> None:
    maria = await signed(staffed, MARIA["phone"], staffed.sms)
    petr = await signed(staffed, PETR["phone"], staffed.sms)
    machine = await Visitor(staffed).come_in()
    page = await maria.page("/people")
    assert page.count("Закончить вход: ") == 1
    assert "1112233" not in page
    await maria.press(page, "Закончить вход: Пётр")
    await staffed.run()
    await petr.page("/", 401)
    await machine.page("/")
    whole = re.findall(r'name="about" value="([0-9a-f]{64})"', await machine.page("/people"))
    own = [one.id for one in staffed.store.documents.values() if one.kind == "signed_in" and b"ivan" in one.data]
    form = {"form_key": form_key(page), "tenant": "kofe", "wish": "end_sign_in", "key": "z", "about": own[0]}
    where = await maria.sent("/do", form)  # forged: the page has no such button
    await staffed.run()
    assert "Не сделано" in await maria.page(where)
    assert len(whole) == 1
    await machine.press(await machine.page("/people"), "Закончить вход: Мария")
    await staffed.run()
    await maria.page("/", 401)


async def test_all_of_it_is_in_the_audit_and_no_address_is(staffed: House) -> None:
    await signed(staffed, MARIA["phone"], staffed.sms)
    lines = [journal.read(AuditLine, one).model for one in staffed.store.documents.values() if one.kind == "audit"]
    assert {(one.who, one.action, one.tenant) for one in lines} == {
        ("Мария", "sign_in code", "kofe"), ("Мария", "sign_in", "kofe"),
    }  # fmt: skip
    assert MARIA["phone"] not in json.dumps([one.model_dump(mode="json") for one in lines])


@pytest.mark.parametrize("role", [Role.LOOKER, Role.OPERATOR])
async def test_the_settings_are_shown_without_anybodys_address_to_whoever_may_not_change_them(
    staffed: House, role: Role
) -> None:
    await let_in(staffed, MARIA, {"name": "Лена", "role": "looker", "connection": "sms", "chat": "55500011"})
    page = await (await Visitor(staffed).come_in(role, "kofe")).page("/file")
    assert "Мария" in page
    assert not {"+79991112233", "55500011"} & set(re.findall(r"[+\d]{8,}", page))
    assert "+79991112233" in await (await Visitor(staffed).come_in(Role.OWNER, "kofe")).page("/file")


@pytest.mark.parametrize("role", list(Role))
async def test_no_page_shows_a_button_that_its_role_may_not_press(staffed: House, role: str) -> None:
    """And everything that the form of a button asks for is what its role may ask for."""
    staffed.sms.script.append(Blocked(code="201", message="no money", remedy="pay"))
    await staffed.post(order())
    await staffed.run()
    visitor = await Visitor(staffed).come_in(Role(role), "kofe")
    event, delivery = staffed.events()[0].event.id, staffed.deliveries()[0].id
    paths = ["/", "/systems", "/systems/kofe/sms", "/systems/kofe/sms/access", "/secrets", "/people", "/file", "/more",
             "/jobs", "/again?tenant=kofe", "/audit", f"/story/{event}", f"/story/{delivery}", "/sync"]  # fmt: skip
    offered: set[str] = set()
    for path in paths:
        answer = await visitor.http.get(path)
        assert answer.status_code in (200, 403), path
        offered |= set(re.findall(r'name="wish" value="([a-z_]+)"', answer.text))
    assert all(Role(role).covers(NEEDED[Wish(one)]) for one in offered), offered
    assert bool(offered) == (role != "looker")
    assert ("pause" in offered, "end_sign_in" in offered) == (role != "looker", False)
