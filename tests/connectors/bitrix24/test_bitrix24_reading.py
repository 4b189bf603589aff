"""Cards read again, and what the doctor says of a portal."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.support import calling
from simulators.bitrix24 import Bitrix24
from simulators.bitrix24.access import HOOK_CODE, HOOK_USER
from simulators.bitrix24.cards import CONTACT, DEAL, LEAD
from simulators.serve import Running
from svyazka.connectors.bitrix24 import client
from svyazka.connectors.bitrix24.manifest import MANIFEST
from svyazka.connectors.bitrix24.settings import Bitrix24Settings
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.contacts import Contact
from svyazka.model.errors import NotShown
from svyazka.model.events import Entity, EventType, Fact
from svyazka.model.outcomes import Outcome

SAMPLES = Path(__file__).parents[2] / "samples" / "bitrix24"
HOOK = f"https://b24-demo0000.bitrix24.ru/rest/{HOOK_USER}/{HOOK_CODE}/"
PERSON = json.loads((SAMPLES / "api-item-add-contact-request.json").read_bytes())["fields"]


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"api-{name}.json").read_bytes())


def settings(portal: Running, **own: Any) -> Bitrix24Settings:
    return Bitrix24Settings(**{"base_url": portal.base_url("bitrix24"), "webhook_url": HOOK, **own})


async def outcome(portal: Running, status: int, body: Any, method: str = "profile", **around: Any) -> Outcome:
    portal.fault("bitrix24", kind="answer", path=f"*/{method}", status=status, body=body)
    async with calling(settings(portal), "", **around) as call:
        with pytest.raises(VendorFailure) as caught:
            await client.ask(call, method)
    return caught.value.outcome


# Reading


async def read(portal: Running, kind: str, id_: object, **own: Any) -> Fact | None:
    async with calling(settings(portal, **own), "") as call:
        return await MANIFEST.reading.read(Entity(kind=kind, id=str(id_)), call)  # type: ignore[union-attr]


async def test_a_deal_is_read_with_its_client_by_one_call(portal: Running) -> None:
    sim: Bitrix24 = portal.of("bitrix24")
    person = sim.portal.add(CONTACT, PERSON)
    deal = sim.portal.add(DEAL, {"title": "Заказ", "stageId": "NEW", "contactIds": [person["id"]]})
    created = await read(portal, "deal", deal["id"])
    sim.ahead += 60
    sim.portal.change(DEAL, deal, {"stageId": "WON"})
    won = await read(portal, "deal", deal["id"])
    sim.ahead += 25 * 3600
    sim.portal.change(DEAL, deal, {"title": "Позже"})
    later = await read(portal, "deal", deal["id"])
    assert created is not None
    assert won is not None
    assert later is not None
    types = (created.type, won.type, later.type)
    assert types == (EventType.DEAL_CREATED, EventType.DEAL_WON, EventType.DEAL_CHANGED)
    assert won.contact == Contact(name="Иван", phone="+79991234567", email="ivan.petrov@example.test")
    assert (won.subject, later.subject) == (f"deal:{deal['id']}:won",) * 2
    assert [call["path"].rpartition("/")[2] for call in sim.calls] == ["batch"] * 3
    mine = await read(portal, "deal", deal["id"], won_stages=["EXECUTING"])
    assert mine is not None
    assert mine.type is EventType.DEAL_CHANGED


async def test_what_is_gone_is_none_what_is_hidden_is_not_shown_and_a_deal_of_nobody_is_nobodys(
    portal: Running,
) -> None:
    sim: Bitrix24 = portal.of("bitrix24")
    person, deal = sim.portal.add(CONTACT, PERSON), sim.portal.add(DEAL, {})
    assert await read(portal, "deal", 1) is None
    assert await read(portal, "task", 1) is None
    nobodys = await read(portal, "deal", deal["id"])
    assert nobodys is not None
    assert nobodys.contact == Contact()
    sim.portal.hidden.append(person["id"])
    with pytest.raises(NotShown):
        await read(portal, "contact", person["id"])


@pytest.mark.parametrize("name", ["item-get-deal-won-200", "item-get-contact-200"])
async def test_the_samples_cards_are_read(portal: Running, name: str) -> None:
    card = sample(name)["result"]
    portal.fault("bitrix24", kind="answer", path="*/batch", status=200, body={"result": {"result": {"card": card}}})
    kind = "deal" if "deal" in name else "contact"
    fact = await read(portal, kind, card["item"]["id"])
    assert fact is not None
    expected = EventType.DEAL_WON if kind == "deal" else EventType.CONTACT_CHANGED
    assert (fact.type, fact.key is not None) == (expected, True)
    if kind == "contact":
        assert fact.contact == Contact(name="Иван", phone="+79991234567", email="Ivan.Petrov@example.test")


# Polling


async def polled(portal: Running, cursor: str | None) -> tuple[list[Fact], str]:
    """Everything since the cursor, page by page."""
    facts: list[Fact] = []
    more = True
    async with calling(settings(portal), "") as call:
        while more:
            found = await MANIFEST.polling.poll(cursor, call)  # type: ignore[union-attr]
            facts, cursor, more = [*facts, *found.facts], found.cursor, found.more
    assert cursor is not None
    return facts, cursor


async def test_what_changed_is_told_once_and_as_a_reading_tells_it(portal: Running) -> None:
    sim: Bitrix24 = portal.of("bitrix24")
    sim.portal.add(DEAL, {"title": "История"})
    sim.ahead += 60
    facts, cursor = await polled(portal, None)
    assert facts == []
    assert (await polled(portal, cursor)) == ([], cursor), "a cursor that doesn't move isn't written"
    deal = sim.portal.add(DEAL, {"title": "Заказ", "stageId": "NEW"})
    lead, person = sim.portal.add(LEAD, {"title": "Заявка"}), sim.portal.add(CONTACT, PERSON)
    sim.ahead += 60
    sim.portal.change(DEAL, deal, {"stageId": "WON"})
    facts, cursor = await polled(portal, cursor)
    read_again = [await read(portal, kind, card["id"]) for kind, card in
                  (("deal", deal), ("lead", lead), ("contact", person))]  # fmt: skip
    assert [(fact.key, fact.type) for fact in facts] == [(one.key, one.type) for one in read_again if one]
    assert (await polled(portal, cursor))[0] == []


@pytest.mark.parametrize("apart", [0, 1], ids=["in one second", "a second apart"])
async def test_a_bulk_edit_is_read_to_its_end(portal: Running, apart: int) -> None:
    sim: Bitrix24 = portal.of("bitrix24")
    _, cursor = await polled(portal, None)
    began = sim.now()
    for number in range(130):
        sim.portal.now = lambda moment=began + apart * number: moment  # type: ignore[misc]
        sim.portal.add(DEAL, {"title": f"Заказ {number}"})
    facts, _ = await polled(portal, cursor)
    assert len({fact.subject for fact in facts}) == len(facts) == 130


# The doctor


async def test_the_doctor_names_what_the_portal_does_not_have(portal: Running) -> None:
    sim: Bitrix24 = portal.of("bitrix24")
    sim.portal.own_fields = {"2": {"UF_CRM_1": {"type": "string"}}}
    sim.portal.scopes = ("crm",)

    async def found(**own: Any) -> dict[str, tuple[str, str]]:
        async with calling(settings(portal, **own), "") as call:
            told = await MANIFEST.doctor.check(call)  # type: ignore[union-attr]
        return {one.check: (one.status, one.message) for one in told}

    good = {
        "category": 1,
        "stage": "C1:NEW",
        "won_stages": ["C1:WON", "WON"],
        "sources": {"site": "WEB"},
        "fields": {"x": "UF_CRM_1"},
    }
    assert {check: status for check, (status, _) in (await found(**good)).items()} == {"access": "ok", "rights": "warn"}
    bad = await found(category=1, stage="C1:OLD", sources={"site": "NOPE"}, fields={"x": "UF_CRM_2"})
    assert {name for name, (status, _) in bad.items() if status == "fail"} == {"stage", "sources", "fields"}
    assert (await found(category=9))["category"][0] == "fail"
    sim.commercial = False
    assert (await found())["access"][0] == "fail"
