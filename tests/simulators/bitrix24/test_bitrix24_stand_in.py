"""The stand-in does to its callers what Bitrix24 does: the samples of requests get answers of the samples' shape."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import pytest

from simulators.bitrix24 import Bitrix24
from simulators.bitrix24.access import CLIENT_ID, CLIENT_SECRET, HOOK_CODE, HOOK_USER
from simulators.bitrix24.cards import CONTACT, DEAL, HUMAN
from simulators.serve import Running, serve

SAMPLES = Path(__file__).parents[2] / "samples" / "bitrix24"
PERSON = json.loads((SAMPLES / "api-item-add-contact-request.json").read_bytes())["fields"]


@pytest.fixture(scope="module")
def served() -> Iterator[Running]:
    with serve([Bitrix24()]) as up:
        yield up


@pytest.fixture
def sim(served: Running) -> Bitrix24:
    simulator: Bitrix24 = served.of("bitrix24")
    simulator.clear()
    return simulator


@pytest.fixture
async def web(served: Running, sim: Bitrix24) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=served.base_url("bitrix24"), trust_env=False) as client:
        yield client


async def call(web: httpx.AsyncClient, method: str, params: Any = None) -> Any:
    return (await web.post(f"/rest/{HOOK_USER}/{HOOK_CODE}/{method}", json=params or {})).json()


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"api-{name}.json").read_bytes())


def names(value: Any) -> set[str]:
    """Names of fields but those that are the sample's own."""
    return {name for name in value if not name.startswith("ufCrm")} if isinstance(value, dict) else set()


@pytest.mark.parametrize(
    ("method", "request_", "answer", "place"),
    [
        ("crm.item.add", "item-add-contact-request", "item-add-contact-200", "item"),
        ("crm.item.add", "item-add-deal-request", "item-add-deal-200", "item"),
        ("crm.item.update", "item-update-contact-request", "item-update-contact-200", "item"),
        ("crm.item.list", "item-list-request", "item-list-200", ""),
        ("tasks.task.add", "task-add-request", "task-add-200", "task"),
        ("crm.timeline.comment.add", "timeline-comment-add-request", "timeline-comment-add-200", ""),
        ("batch", "batch-request", "batch-200", ""),
    ],
)
async def test_each_sample_of_a_writing_request_is_answered_in_the_shape_of_its_sample(
    web: httpx.AsyncClient, sim: Bitrix24, method: str, request_: str, answer: str, place: str
) -> None:
    for _ in range(2):
        sim.portal.add(CONTACT, PERSON)
        sim.portal.add(DEAL, {"title": "Заказ"})
    theirs = sample(answer)["result"]
    told = await call(web, method, sample(request_))
    assert "error" not in told, told
    ours = told["result"]
    assert type(ours) is type(theirs)
    inner = (ours[place], theirs[place]) if place else (ours, theirs)
    assert names(inner[0]) <= names(inner[1]) | {"ufCrmTask"}, "nothing that Bitrix24 doesn't show"
    assert not [effect["ignored"] for effect in sim.effects if effect.get("ignored")], "each field of it is taken"


async def test_a_phone_without_its_id_is_added_once_more_and_an_empty_one_goes(
    web: httpx.AsyncClient, sim: Bitrix24
) -> None:
    card = sim.portal.add(CONTACT, PERSON)
    change = sample("item-update-contact-request") | {"id": card["id"]}
    fm = (await call(web, "crm.item.update", change))["result"]["item"]["fm"]
    assert [(one["id"], one["value"], one["typeId"]) for one in fm] == [
        (156, "+79991234567", "PHONE"), (158, "+79990000022", "PHONE"),
    ]  # fmt: skip
    again = {"entityTypeId": 3, "id": card["id"], "fields": {"fm": PERSON["fm"]}}
    assert len((await call(web, "crm.item.update", again))["result"]["item"]["fm"]) == 4


async def test_what_changes_nothing_is_not_saved(web: httpx.AsyncClient, sim: Bitrix24) -> None:
    card = sim.portal.add(DEAL, {"title": "Заказ", "assignedById": HUMAN})
    sim.ahead += 60
    for title, by in (("Заказ", HUMAN), ("Другой", HOOK_USER)):
        fields = {"entityTypeId": 2, "id": card["id"], "fields": {"title": title}}
        assert (await call(web, "crm.item.update", fields))["result"]["item"]["updatedBy"] == by


async def test_duplicates_are_found_by_any_spelling_and_nothing_is_an_empty_list(
    web: httpx.AsyncClient, sim: Bitrix24
) -> None:
    card = sim.portal.add(CONTACT, PERSON)
    asked = {"type": "PHONE", "values": ["8 (999) 123-45-67 доб. 5"], "entity_type": "CONTACT"}
    assert (await call(web, "crm.duplicate.findbycomm", asked))["result"] == {"CONTACT": [card["id"]]}
    assert (await call(web, "crm.duplicate.findbycomm", asked | {"values": ["+79990000000"]}))["result"] == []


async def test_the_bucket_holds_fifty_and_a_method_works_for_eight_minutes(
    web: httpx.AsyncClient, sim: Bitrix24
) -> None:
    codes = [(await call(web, "profile")).get("error") for _ in range(56)]
    assert codes[:50] == [None] * 50
    assert codes[-1] == "QUERY_LIMIT_EXCEEDED"
    sim.bucket.holds = 1000
    sim.operating.costs["crm.item.list"] = 100.0
    codes = [(await call(web, "crm.item.list", {"entityTypeId": 2})).get("error") for _ in range(6)]
    assert codes == [None] * 5 + ["OPERATION_TIME_LIMIT"]
    told = await call(web, "batch", {"cmd": {"list": "crm.item.list?entityTypeId=2", "who": "profile"}})
    assert told["result"]["result_error"]["list"]["error"] == "OPERATION_TIME_LIMIT"
    assert told["result"]["result"]["who"]["ID"] == str(HOOK_USER)
    sim.ahead += 601
    assert "result" in await call(web, "crm.item.list", {"entityTypeId": 2})


async def test_codes_live_half_a_minute_refresh_tokens_are_used_once_and_a_wrong_client_is_told_with_200(
    web: httpx.AsyncClient, sim: Bitrix24
) -> None:
    async def token(**given: str) -> httpx.Response:
        app = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, **given}
        return await web.get("/oauth/token/", params=app)

    async def agreed() -> str:
        location = (await web.get("/oauth/authorize/", params={"client_id": CLIENT_ID, "state": "s"})).headers[
            "location"
        ]
        return dict(parse_qsl(urlsplit(location).query))["code"]

    code = await agreed()
    pair = (await token(grant_type="authorization_code", code=code)).json()
    assert names(pair) == names(sample("oauth-refresh-200")) - {"expires"}
    assert (await token(grant_type="authorization_code", code=code)).json() == sample("oauth-400-invalid-grant")
    refresh = {"grant_type": "refresh_token", "refresh_token": pair["refresh_token"]}
    assert [(await token(**refresh)).status_code for _ in range(2)] == [200, 400]
    wrong = await token(client_id="other", **refresh)
    assert (wrong.status_code, wrong.json()) == (200, {"error": "wrong_client"})
    code = await agreed()
    sim.ahead += 31
    assert (await token(grant_type="authorization_code", code=code)).status_code == 400
    expired = await web.post("/rest/profile", json={"auth": pair["access_token"]})
    assert expired.status_code == 200
    sim.access.expire()
    expired = await web.post("/rest/profile", json={"auth": pair["access_token"]})
    assert (expired.status_code, expired.json()) == (401, sample("401-expired-token"))
