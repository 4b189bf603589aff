"""The stand-in does to its callers what amoCRM does."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from simulators.amocrm import AmocrmSimulator
from simulators.amocrm.cards import PIPELINE, TALKS, UNSORTED, WON
from simulators.amocrm.grants import CLIENT_ID, REDIRECT_URI, SECRET
from simulators.amocrm.hooks import BAD_LIMIT, WINDOW, Hook, next_repeat
from simulators.registry import load_simulator
from simulators.serve import Running, serve

HOOK = {"settings": ["add_lead", "update_lead", "status_lead", "add_contact"]}


@pytest.fixture(scope="module")
def served() -> Iterator[Running]:
    with serve([AmocrmSimulator()]) as up:
        yield up


@pytest.fixture
def sim(served: Running) -> AmocrmSimulator:
    simulator: AmocrmSimulator = served.of("amocrm")
    simulator.clear()
    simulator.pace.per_second = 100_000
    simulator.grants.long_lived.add("token")
    return simulator


@pytest.fixture
async def web(served: Running, sim: AmocrmSimulator) -> AsyncIterator[httpx.AsyncClient]:
    headers = {"Authorization": "Bearer token"}
    async with httpx.AsyncClient(base_url=served.base_url("amocrm"), headers=headers, trust_env=False) as client:
        yield client


async def told(served: Running, control: str, content: Any) -> Any:
    async with httpx.AsyncClient(trust_env=False) as client:
        return (await client.post(f"{served.url}/_sim/amocrm/{control}", json=content)).raise_for_status().json()


async def token(web: httpx.AsyncClient, **fields: str) -> httpx.Response:
    asked = {"client_id": CLIENT_ID, "client_secret": SECRET, "redirect_uri": REDIRECT_URI, **fields}
    return await web.post("/oauth2/access_token", json=asked)


def test_the_registry_finds_it() -> None:
    assert isinstance(load_simulator("amocrm"), AmocrmSimulator)


# OAuth


async def test_agreeing_leads_to_a_code_and_the_code_to_a_pair_once(web: httpx.AsyncClient) -> None:
    page = await web.get("/oauth", params={"client_id": CLIENT_ID, "state": "s1", "mode": "popup"})
    assert page.status_code == 302
    brought = dict(parse_qsl(urlsplit(page.headers["location"]).query))
    assert (brought["state"], brought["referer"], brought["client_id"]) == ("s1", "kofeinya-test.amocrm.ru", CLIENT_ID)
    first = await token(web, grant_type="authorization_code", code=brought["code"])
    assert sorted(first.json()) == ["access_token", "expires_in", "refresh_token", "server_time", "token_type"]
    again = await token(web, grant_type="authorization_code", code=brought["code"])
    assert (again.status_code, again.json()["hint"]) == (400, "Authorization code has been revoked")


@pytest.mark.parametrize("rotation", ["strict", "lenient"])
async def test_a_refresh_token_is_good_for_one_use(web: httpx.AsyncClient, sim: AmocrmSimulator, rotation: Any) -> None:
    sim.grants.rotation = rotation
    code = sim.grants.code(CLIENT_ID, sim.now())
    old = (await token(web, grant_type="authorization_code", code=code)).json()["refresh_token"]
    new = (await token(web, grant_type="refresh_token", refresh_token=old)).json()
    second = await token(web, grant_type="refresh_token", refresh_token=old)
    assert second.status_code == (401 if rotation == "strict" else 200)
    assert (await web.get("/api/v4/account", headers={"Authorization": f"Bearer {new['access_token']}"})).is_success
    third = await token(web, grant_type="refresh_token", refresh_token=old)
    assert (third.status_code, third.json()["hint"]) == (401, "Token has been revoked")


async def test_a_refresh_token_that_lay_for_three_months_is_dead(web: httpx.AsyncClient, sim: AmocrmSimulator) -> None:
    code = sim.grants.code(CLIENT_ID, sim.now())
    pair = (await token(web, grant_type="authorization_code", code=code)).json()
    sim.ahead += 91 * 86400
    assert (await token(web, grant_type="refresh_token", refresh_token=pair["refresh_token"])).status_code == 401
    assert (
        await web.get("/api/v4/account", headers={"Authorization": f"Bearer {pair['access_token']}"})
    ).status_code == 401


# The API


async def test_nothing_found_is_204_and_lists_have_pages_up_to_250(
    web: httpx.AsyncClient, sim: AmocrmSimulator
) -> None:
    assert (await web.get("/api/v4/leads")).status_code == 204
    assert (await web.get("/api/v4/leads/1")).status_code == 204
    for _ in range(260):
        sim.add("leads", {})
    first = (await web.get("/api/v4/leads", params={"limit": 250})).json()
    assert (len(first["_embedded"]["leads"]), "next" in first["_links"]) == (250, True)
    last = (await web.get("/api/v4/leads", params={"limit": 250, "page": 2})).json()
    assert (len(last["_embedded"]["leads"]), "next" in last["_links"]) == (10, False)
    assert (await web.get("/api/v4/leads", params={"limit": 250, "page": 3})).status_code == 204
    assert (await web.get("/api/v4/leads", params={"limit": 251})).status_code == 422


async def test_changes_are_filtered_and_ordered_by_their_time(web: httpx.AsyncClient, sim: AmocrmSimulator) -> None:
    for time in (30, 10, 20):
        sim.add("leads", {})["updated_at"] = time
    asked = {"filter[updated_at][from]": 20, "order[updated_at]": "asc"}
    found = (await web.get("/api/v4/leads", params=asked)).json()
    assert [lead["updated_at"] for lead in found["_embedded"]["leads"]] == [20, 30]


async def test_events_tell_who_moved_a_deal(web: httpx.AsyncClient, served: Running, sim: AmocrmSimulator) -> None:
    deal = sim.add("leads", {"status_id": TALKS})
    await told(served, "move", {"ids": [deal["id"]], "status_id": WON})
    found = (await web.get("/api/v4/events", params={"filter[type]": "lead_status_changed"})).json()
    (event,) = found["_embedded"]["events"]
    assert event["value_after"] == [{"lead_status": {"id": WON, "pipeline_id": PIPELINE}}]
    assert event["value_before"] == [{"lead_status": {"id": TALKS, "pipeline_id": PIPELINE}}]


async def test_more_than_seven_calls_a_second_are_refused_and_going_on_meets_a_wall(
    web: httpx.AsyncClient, sim: AmocrmSimulator
) -> None:
    sim.pace.per_second, sim.pace.wall = 7, 5
    answers = [await web.get("/api/v4/account") for _ in range(14)]
    statuses = [answer.status_code for answer in answers]
    assert (statuses[:7], statuses[7:13]) == ([200] * 7, [429] * 6)
    assert answers[7].json()["retry_after"] == 300
    assert answers[13].status_code == 403
    assert answers[13].headers["content-type"].startswith("text/html")


async def test_webhooks_are_an_administrators_and_registering_does_not_enable(
    web: httpx.AsyncClient, sim: AmocrmSimulator
) -> None:
    body = {"destination": "https://hub.example.test/x", **HOOK}
    assert (await web.get("/api/v4/webhooks")).status_code == 204
    (await web.post("/api/v4/webhooks", json=body)).raise_for_status()
    (hook,) = sim.hooks.values()
    hook.disabled = True
    assert (await web.post("/api/v4/webhooks", json=body)).json()["disabled"] is True
    assert (await web.request("DELETE", "/api/v4/webhooks", json=body)).status_code == 204
    assert (await web.post("/api/v4/webhooks", json=body)).json()["disabled"] is False
    sim.admin = False
    assert (await web.get("/api/v4/webhooks")).status_code == 403


# Cards, saved by the API


async def posted(web: httpx.AsyncClient, path: str, content: Any) -> httpx.Response:
    return await web.post(f"/api/v4/{path}", json=content)


def phone(value: str) -> dict[str, Any]:
    return {"field_code": "PHONE", "values": [{"value": value, "enum_code": "MOB"}]}


async def test_a_batch_is_taken_whole_or_refused_whole_with_the_place_of_each_mistake(
    web: httpx.AsyncClient, sim: AmocrmSimulator
) -> None:
    wrong = {"name": "б", "custom_fields_values": [phone("+79991234567"), {"field_id": 1, "values": [{"value": "x"}]}]}
    refused = await posted(web, "contacts", [{"name": "а"}, wrong])
    assert refused.status_code == 400
    (told_of,) = refused.json()["validation-errors"]
    assert (told_of["request_id"], told_of["errors"][0]["path"]) == ("1", "custom_fields_values.1.field_id")
    assert sim.cards["contacts"] == {}
    assert (await posted(web, "contacts", [{"name": "а"}] * 251)).status_code == 422
    assert (await posted(web, "contacts", [])).status_code == 400
    for bad in ({"price": "10"}, {"status_id": 5}, {"pipeline_id": 5}, {"responsible_user_id": 5}, {"name": "x" * 256}):
        assert (await posted(web, "leads", [bad])).status_code == 400, bad


async def test_a_fields_values_are_replaced_all_at_once(web: httpx.AsyncClient, sim: AmocrmSimulator) -> None:
    made = await posted(web, "contacts", [{"name": "а", "custom_fields_values": [phone("1"), phone("2")]}])
    (one,) = made.json()["_embedded"]["contacts"]
    path = f"/api/v4/contacts/{one['id']}"
    shown = (await web.get(path)).json()["custom_fields_values"]
    assert [value["value"] for value in shown[0]["values"]] == ["2"]
    await web.patch(path, json={"name": "б"})
    assert (await web.get(path)).json()["custom_fields_values"] == shown, "what isn't mentioned stays"
    await web.patch(path, json={"custom_fields_values": [{"field_code": "PHONE", "values": None}]})
    assert (await web.get(path)).json()["custom_fields_values"] is None


async def test_the_search_is_behind_and_finds_parts_and_an_id_is_found_at_once(
    web: httpx.AsyncClient, sim: AmocrmSimulator
) -> None:
    sim.seen_after = 30
    made = await posted(web, "contacts", [{"name": "а", "custom_fields_values": [phone("8 (999) 123-45-67")]}])
    (one,) = made.json()["_embedded"]["contacts"]
    assert (await web.get("/api/v4/contacts", params={"query": "1234567"})).status_code == 204
    assert (await web.get("/api/v4/contacts", params={"filter[id][0]": one["id"]})).status_code == 200
    sim.ahead += 31
    assert (await web.get("/api/v4/contacts", params={"query": "1234567"})).status_code == 200


async def test_complex_makes_deal_and_contact_or_meets_the_open_deal_of_the_same_phone(
    web: httpx.AsyncClient, sim: AmocrmSimulator
) -> None:
    person = {"first_name": "Иван", "custom_fields_values": [phone("+79991234567")]}
    lead = {"name": "Заказ", "request_id": "r", "_embedded": {"contacts": [person], "metadata": {"category": "forms"}}}
    (first,) = (await posted(web, "leads/complex", [lead])).json()
    (again,) = (await posted(web, "leads/complex", [lead])).json()
    assert (first["merged"], again["merged"], again["id"] == first["id"]) == (False, True, True)
    assert first["request_id"] == ["r"]
    del lead["_embedded"]["metadata"]  # type: ignore[attr-defined]
    (other,) = (await posted(web, "leads/complex", [lead])).json()
    assert other["id"] != first["id"]
    assert (await posted(web, "leads/complex", [lead] * 51)).status_code == 422


async def test_notes_tasks_and_links_are_on_a_card_that_is_there(web: httpx.AsyncClient, sim: AmocrmSimulator) -> None:
    note = {"note_type": "common", "params": {"text": "Привет"}}
    assert (await posted(web, "leads/1/notes", [note])).status_code == 404
    deal, person = sim.add("leads", {}), sim.add("contacts", {})
    await posted(web, f"leads/{deal['id']}/notes", [note])
    (shown,) = (await web.get(f"/api/v4/leads/{deal['id']}/notes")).json()["_embedded"]["notes"]
    assert shown["params"] == {"text": "Привет"}
    task = {"text": "Позвонить", "entity_type": "leads", "entity_id": deal["id"]}
    assert (await posted(web, "tasks", [task])).status_code == 400, "complete_till is required"
    assert (await posted(web, "tasks", [{**task, "complete_till": 1}])).status_code == 200
    await posted(web, f"leads/{deal['id']}/link", [{"to_entity_id": person["id"], "to_entity_type": "contacts"}])
    (link,) = (await web.get(f"/api/v4/leads/{deal['id']}/links")).json()["_embedded"]["links"]
    assert (link["to_entity_id"], link["metadata"]) == (person["id"], {"main_contact": True})


async def test_what_is_put_into_the_unsorted_waits_for_a_person(web: httpx.AsyncClient, sim: AmocrmSimulator) -> None:
    metadata = {"form_id": "f", "form_name": "Форма", "form_page": "x", "form_sent_at": 1, "ip": "203.0.113.10"}
    entry = {"source_uid": "u", "metadata": metadata, "_embedded": {"leads": [{"name": "Заказ"}]}}
    (made,) = (await posted(web, "leads/unsorted/forms", [entry])).json()["_embedded"]["unsorted"]
    lead = sim.cards["leads"][made["_embedded"]["leads"][0]["id"]]
    assert lead["status_id"] == UNSORTED
    await posted(web, f"leads/unsorted/{made['uid']}/accept", {"status_id": TALKS})
    assert lead["status_id"] == TALKS


async def test_an_account_has_one_address_and_any_host_tells_which(
    web: httpx.AsyncClient, served: Running, sim: AmocrmSimulator
) -> None:
    await told(served, "rename", {"subdomain": "novoe"})
    moved = await web.get("/api/v4/account", headers={"host": "kofeinya-test.amocrm.ru"})
    assert (moved.status_code, moved.headers["location"]) == (301, "https://novoe.amocrm.ru/api/v4/account")
    assert (await web.get("/api/v4/account", headers={"host": "novoe.amocrm.ru"})).status_code == 200
    assert (await web.get("/oauth2/account/subdomain")).json()["domain"] == "novoe.amocrm.ru"


# Webhooks


def test_repeats_come_by_amocrms_timetable() -> None:
    hook = Hook(1, "https://x", [], 0)

    def waits(status: int) -> list[float | None]:
        found = []
        for tries in range(1, 6):
            again = next_repeat(hook, b"", tries, status, 0.0)
            found.append(again.due if again else None)
        return found

    assert waits(200) == [None] * 5
    assert waits(404) == [300, 900, None, None, None]
    assert waits(302) == [300, 900, None, None, None]
    assert waits(0) == [300, 900, None, None, None]
    assert waits(503) == [300, 900, 900, 3600, None]
    assert waits(499) == [300, 900, 900, 3600, None]


def test_an_address_is_switched_off_after_more_than_a_hundred_bad_answers_within_two_hours() -> None:
    steady = Hook(1, "https://x", [], 0)
    for number in range(3 * BAD_LIMIT):
        steady.answered(503, number * WINDOW / BAD_LIMIT)
    assert not steady.disabled
    hook = Hook(1, "https://x", [], 0)
    for _ in range(BAD_LIMIT):
        hook.answered(503, 0.0)
    hook.answered(200, 1.0)
    assert not hook.disabled
    hook.answered(503, 2.0)
    assert hook.disabled


async def test_a_change_by_the_api_is_told_too(web: httpx.AsyncClient, served: Running, sim: AmocrmSimulator) -> None:
    deal = sim.add("leads", {"status_id": TALKS})
    await told(served, "move", {"ids": [], "status_id": WON})  # what was in the outbox is gone
    nobody = f"{served.base_url('amocrm')}/nobody"
    await told(served, "hooks", {"destination": nobody, **HOOK})
    (await web.patch(f"/api/v4/leads/{deal['id']}", json={"status_id": WON})).raise_for_status()
    assert (deal["updated_by"], deal["closed_at"]) == (9100009, deal["updated_at"])
    while not sim.repeats:
        await asyncio.sleep(0.01)
    assert b"leads%5Bstatus%5D%5B0%5D%5Bstatus_id%5D=142" in sim.repeats[0].body
