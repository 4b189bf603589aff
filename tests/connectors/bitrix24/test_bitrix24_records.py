"""What only Bitrix24's cards have: multi-fields with ids, pipelines within stages, names in three parts, own fields."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.support import ask, calling, perform
from simulators.bitrix24 import Bitrix24
from simulators.bitrix24.access import HOOK_CODE, HOOK_USER
from simulators.bitrix24.cards import CONTACT as CONTACTS
from simulators.bitrix24.cards import DEAL as DEALS
from simulators.serve import Running
from svyazka.connectors.bitrix24.manifest import MANIFEST
from svyazka.connectors.bitrix24.settings import Bitrix24Settings
from svyazka.model.commands import AddNote, AddTask, Command, PutRecord
from svyazka.model.contacts import Contact
from svyazka.model.outcomes import Blocked, Outcome, Refused, Succeeded
from svyazka.model.records import Link, Match, RecordKind, Target
from svyazka.model.references import Existing

SAMPLES = Path(__file__).parents[2] / "samples" / "bitrix24"
CONTACT, DEAL = RecordKind.CONTACT, RecordKind.DEAL
IVAN = Contact(name="Иван Петров", phone="+79991234567", email="ivan.petrov@example.test")


def request(name: str) -> Any:
    return json.loads((SAMPLES / f"api-{name}-request.json").read_bytes())


def settings(portal: Running, **own: Any) -> Bitrix24Settings:
    hook = f"https://b24-demo0000.bitrix24.ru/rest/{HOOK_USER}/{HOOK_CODE}/"
    return Bitrix24Settings(base_url=portal.base_url("bitrix24"), webhook_url=hook, **own)


async def do(portal: Running, command: Command, **own: Any) -> tuple[Outcome, Any]:
    """The outcome, and what was written for it."""
    async with calling(settings(portal, **own), "") as call:
        outcome = await perform(MANIFEST, command, call)
        written = [one for one in call.http.log if one.url.endswith((".add", ".update"))]
        return outcome, json.loads(written[-1].request_body or "") if written else None


def sent(written: Any, *without: str) -> Any:
    """A request without what the samples leave open."""
    fields = {name: value for name, value in written["fields"].items() if name not in without}
    return {**{name: value for name, value in written.items() if name != "useOriginalUfNames"}, "fields": fields}


# The samples of what is written


async def test_a_person_a_deal_a_comment_and_a_task_are_written_as_in_the_samples(portal: Running) -> None:
    open_to_us = {"sources": {"site": "WEB"}, "responsible": "6"}
    person = PutRecord(record=CONTACT, match=Match(mark="tg:555000111"), person=IVAN, fields={"source": "site"})
    made, written = await do(portal, person, sources={"site": "WEB"})
    wanted = request("item-add-contact")
    assert written["fields"].pop("fm") == {f"n{place}": one for place, one in enumerate(wanted["fields"].pop("fm"))}
    assert sent(written, "originatorId") == sent(wanted, "originatorId", "opened", "originVersion")
    assert isinstance(made, Succeeded)
    link = Link(kind=CONTACT, to=Existing(id=made.external_id or ""), main=True)
    order = {"title": "Заказ №1042", "price": "1850.50", "source": "site", "utm_source": "telegram", "stage": "NEW"}
    deal = PutRecord(record=DEAL, match=Match(mark="shop:order-1042"), fields=order, links=(link,))
    made, written = await do(portal, deal, **open_to_us)
    assert sent(written, "originatorId") == sent(request("item-add-deal"), "originatorId")
    assert isinstance(made, Succeeded)
    on = Target(kind=DEAL, to=Existing(id=made.external_id or ""))
    text = request("timeline-comment-add")["fields"]["COMMENT"]
    noted, written = await do(portal, AddNote(on=on, text=text))
    assert (type(noted), written) == (Succeeded, request("timeline-comment-add"))
    due = datetime(2025, 10, 10, 15, tzinfo=UTC)
    tasked, written = await do(portal, AddTask(on=on, text="Перезвонить клиенту\nЗаказ №1042", due_at=due))
    told, wanted = written["fields"], request("task-add")["fields"]
    assert isinstance(tasked, Succeeded)
    assert (told["TITLE"], told["RESPONSIBLE_ID"]) == (wanted["TITLE"], str(wanted["RESPONSIBLE_ID"]))
    assert datetime.fromisoformat(told["DEADLINE"]) == datetime.fromisoformat(wanted["DEADLINE"])
    assert told["UF_CRM_TASK"] == wanted["UF_CRM_TASK"][:1]


async def test_a_stage_is_moved_as_in_the_sample_and_another_pipelines_with_its_pipeline(portal: Running) -> None:
    card = portal.of("bitrix24").portal.add(DEALS, {"title": "Заказ №1042"})
    assert card["id"] == request("item-update-stage")["id"]
    won = PutRecord(record=DEAL, ref=Existing(id=str(card["id"])), fields={"stage": "WON"}, overwrite="differs")
    _, written = await do(portal, won)
    assert sent(written) == request("item-update-stage")
    other = won.model_copy(update={"fields": {"stage": "C1:UC_1"}})
    outcome, written = await do(portal, other)
    assert isinstance(outcome, Succeeded)
    assert written["fields"] == {"stageId": "C1:UC_1", "categoryId": 1}


async def test_a_new_phone_is_added_and_those_that_stand_there_keep_their_ids(portal: Running) -> None:
    sim: Bitrix24 = portal.of("bitrix24")
    card = sim.portal.add(CONTACTS, request("item-add-contact")["fields"])
    more = PutRecord(
        record=CONTACT, ref=Existing(id=str(card["id"])), fields={"phone": ["8 999 123-45-67", "+79990000022"]}
    )
    _, written = await do(portal, more)
    wanted = request("item-update-contact")["fields"]["fm"]["n0"]
    assert written["fields"] == {"fm": {"n0": wanted}}
    assert [one["id"] for one in card["fm"]] == [156, 157, 158]
    assert (await do(portal, more))[1] is None, "a second time nothing is written"


# Names, stages, fields


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("Анна Петрова", ("Анна", None, "Петрова")), ("Анна", ("Анна", None, None)),
        ("Петрова Анна Ивановна", ("Анна", "Ивановна", "Петрова")),
        ("  анна   петрова ", ("анна", None, "петрова")), ("Я" * 60, ("Я" * 50, None, None)),
    ],
)  # fmt: skip
async def test_a_name_goes_into_its_parts(portal: Running, name: str, parts: tuple[str | None, ...]) -> None:
    command = PutRecord(record=CONTACT, person=Contact(name=name, phone="+79991234567"))
    outcome, _ = await do(portal, command)
    assert isinstance(outcome, Succeeded)
    card = portal.of("bitrix24").portal.cards[CONTACTS][int(outcome.external_id or 0)]
    assert (card["name"], card["secondName"], card["lastName"]) == parts
    again = command.model_copy(update={"fields": {"name": name}, "overwrite": "differs"})
    assert (await do(portal, again))[1] is None


async def test_a_name_in_three_parts_is_one_name_and_is_replaced_whole(portal: Running) -> None:
    card = portal.of("bitrix24").portal.add(CONTACTS, {"name": "Анна", "secondName": "Ивановна", "lastName": "Петрова"})
    same = PutRecord(record=CONTACT, ref=Existing(id=str(card["id"])), fields={"name": "Анна Ивановна Петрова"},
                     overwrite="differs")  # fmt: skip
    assert (await do(portal, same))[1] is None
    await do(portal, same.model_copy(update={"fields": {"name": "Анна Смирнова"}}))
    assert (card["name"], card["secondName"], card["lastName"]) == ("Анна", None, "Смирнова")


@pytest.mark.parametrize(
    ("own", "fields", "stage", "pipeline"),
    [
        ({}, {}, "NEW", 0), ({"category": "1", "stage": "C1:UC_1"}, {}, "C1:UC_1", 1),
        ({"stage": "C1:UC_1"}, {}, "C1:UC_1", 1), ({"category": "1", "stage": "NEW"}, {}, "C1:NEW", 1),
        ({"category": "1", "stage": "C1:UC_1"}, {"pipeline": "0"}, "NEW", 0),
    ],
)  # fmt: skip
async def test_a_new_deal_stands_in_one_pipeline_and_its_stage(
    portal: Running, own: Any, fields: Any, stage: str, pipeline: int
) -> None:
    outcome, _ = await do(portal, PutRecord(record=DEAL, fields={"title": "Заказ", **fields}), **own)
    assert isinstance(outcome, Succeeded)
    card = portal.of("bitrix24").portal.cards[DEALS][int(outcome.external_id or 0)]
    assert (card["stageId"], card["categoryId"]) == (stage, pipeline)


async def test_what_no_field_takes_is_told_and_the_rest_is_written(portal: Running) -> None:
    sim: Bitrix24 = portal.of("bitrix24")
    colours = {"type": "enumeration", "items": [{"ID": "50", "VALUE": "Красный"}]}
    sim.portal.own_fields = {"2": {"UF_CRM_1": colours}}
    command = PutRecord(record=DEAL, fields={
        "title": "Заказ", "colour": "синий", "serial": "7", "source": "неизвестный", "price": "дорого",
    })  # fmt: skip
    outcome, written = await do(portal, command, fields={"colour": "UF_CRM_1"})
    assert isinstance(outcome, Succeeded)
    assert "colour, price, serial, source" in (outcome.message or "")
    assert set(written["fields"]) == {"title", "originatorId", "originId"}
    _, written = await do(portal, PutRecord(record=DEAL, fields={"colour": "красный"}), fields={"colour": "UF_CRM_1"})
    assert written["fields"]["UF_CRM_1"] == "50"


async def test_a_value_that_is_refused_costs_that_value_and_not_the_lead(portal: Running) -> None:
    command = PutRecord(record=DEAL, fields={"title": "Заказ", "price": "900"})
    outcome, _ = await do(portal, command, responsible="404", stage="NEW")
    assert isinstance(outcome, Succeeded)
    assert "Ответственный" in (outcome.message or "")
    (card,) = portal.of("bitrix24").portal.cards[DEALS].values()
    assert (card["title"], card["opportunity"], card["originatorId"]) == ("Заказ", 900, "svyazka")


async def test_a_required_field_and_a_missing_right_say_what_is_to_be_done(portal: Running) -> None:
    sim: Bitrix24 = portal.of("bitrix24")
    card = sim.portal.add(DEALS, {"title": "Заказ"})
    sim.portal.required = {"2": ["sourceDescription"]}
    outcome, _ = await do(portal, PutRecord(record=DEAL, fields={"title": "Заказ"}))
    assert isinstance(outcome, Refused)
    assert outcome.remedy
    sim.portal.required, sim.portal.denied = {}, ["crm.item.update", "crm.item.add"]
    outcome, _ = await do(portal, PutRecord(record=DEAL, fields={"title": "Заказ"}))
    assert isinstance(outcome, Blocked), "nobody creates anything until somebody gives the right"
    there = PutRecord(record=DEAL, ref=Existing(id=str(card["id"])), fields={"title": "Другой"}, overwrite="differs")
    assert isinstance((await do(portal, there))[0], Refused), "one card's refusal stops no other"


async def test_a_comment_and_a_task_are_found_among_many_whatever_became_of_their_letters(portal: Running) -> None:
    sim: Bitrix24 = portal.of("bitrix24")
    on = Target(kind=DEAL, to=Existing(id=str(sim.portal.add(DEALS, {"title": "Заказ"})["id"])))
    note = AddNote(on=on, text="Спросил:  <b>сколько</b>\nстоит & когда")
    task = AddTask(on=on, text="Позвонить\nдважды", due_at=datetime.now(UTC), responsible="6")
    async with calling(settings(portal), "", now=datetime.now(UTC)) as call:
        assert [await ask(MANIFEST, command, call) for command in (note, task)] == [None, None]
        for command in (note, task):
            await perform(MANIFEST, command, call)
            for number in range(60):
                other = command.model_copy(update={"text": f"Другое {number}"})
                await perform(MANIFEST, other, call)
        found = [await ask(MANIFEST, command, call) for command in (note, task)]
        assert [outcome.external_id for outcome in found if isinstance(outcome, Succeeded)] == ["999", "3711"]
        sim.ahead = 3600
        call.now = datetime.now(UTC) + timedelta(hours=1)
        assert [await ask(MANIFEST, command, call) for command in (note, task)] == [None, None], "an earlier one's"


async def test_a_task_goes_to_whoever_has_the_card(portal: Running) -> None:
    card = portal.of("bitrix24").portal.add(DEALS, {"title": "Заказ", "assignedById": 6})
    task = AddTask(on=Target(kind=DEAL, to=Existing(id=str(card["id"]))), text="Позвонить", due_at=datetime.now(UTC))
    for own, responsible in (({}, "6"), ({"responsible": "77"}, "77")):
        outcome, written = await do(portal, task, **own)
        assert isinstance(outcome, Succeeded)
        assert written["fields"]["RESPONSIBLE_ID"] == responsible
