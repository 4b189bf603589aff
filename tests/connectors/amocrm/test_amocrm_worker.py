"""Reading deals again, polling what no webhook told of, the watch over the webhook, and the doctor."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from connectors.conftest import TOKEN
from connectors.support import NOW, calling, posted
from simulators.amocrm import AmocrmSimulator
from simulators.amocrm.cards import LOST, TALKS, WON, form, lead_hook
from simulators.amocrm.hooks import Hook
from simulators.serve import Running
from svyazka.connectors.amocrm import client
from svyazka.connectors.amocrm.doctor import EVENTS
from svyazka.connectors.amocrm.manifest import MANIFEST
from svyazka.connectors.amocrm.settings import AmocrmSettings
from svyazka.connectors.amocrm.webhook import WEBHOOK
from svyazka.engine.contracts.learning import Finding, Polled
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.contracts.webhook import Inbound
from svyazka.model.contacts import Contact
from svyazka.model.errors import MaybeSent
from svyazka.model.events import Entity, EventType, Fact

SAMPLES = Path(__file__).parents[2] / "samples" / "amocrm"
ACCOUNT = "31500000"
KEY = "1.kofe.crm.1.secret-part-of-the-key"
HOOK_URL = f"https://hub.example.ru/webhook_amocrm?key={KEY}"
PERSON = {"name": "Иван Петров", "phone": "+79991234567", "email": "ivan.petrov@example.test"}
OPEN: dict[str, Any] = {"status_id": TALKS}


@pytest.fixture
def sim(amo: Running) -> AmocrmSimulator:
    simulator: AmocrmSimulator = amo.of("amocrm")
    return simulator


def settings(amo: Running, **own: Any) -> AmocrmSettings:
    return AmocrmSettings(**{"base_url": amo.base_url("amocrm"), "token": TOKEN, "account_id": ACCOUNT, **own})


async def polled(amo: Running, cursor: str | None, hook_url: str | None = None, **own: Any) -> Polled:
    around = {"hook_url": hook_url, "now": own.pop("now", NOW), "memo": own.pop("memo", {})}
    async with calling(settings(amo, **own), amo.base_url("amocrm"), **around) as call:
        return await MANIFEST.polling.poll(cursor, call)


async def reread(amo: Running, kind: str, id_: object, **own: Any) -> Fact | None:
    async with calling(settings(amo, **own), amo.base_url("amocrm")) as call:
        return await MANIFEST.reading.read(Entity(kind=kind, id=str(id_)), call)


def told(content: dict[str, Any], inbound: Inbound | None = None) -> Fact:
    (fact,) = WEBHOOK.parse(posted(form(content)), inbound or Inbound({"account_id": ACCOUNT}, {}))
    assert isinstance(fact, Fact)
    return fact


def later(sim: AmocrmSimulator, seconds: int = 60) -> None:
    sim.ahead += seconds


def test_what_can_be_asked_depends_on_the_credentials() -> None:
    integration = {"client_id": "c", "client_secret": "s", "redirect_uri": "https://x/y"}
    for own, can in (({}, False), ({"client_id": "c"}, False), ({"token": "t"}, True), (integration, True)):
        given = AmocrmSettings(**own)
        assert (MANIFEST.reading.ready(given), MANIFEST.polling.ready(given), MANIFEST.doctor.ready(given)) == (
            can,
        ) * 3


# Identity


async def test_the_samples_deal_and_contact_read_from_the_api_are_those_of_the_samples_webhooks(amo: Running) -> None:
    for path, name in (("leads/15318175", "api-lead-get-200"), ("contacts/17611273", "api-contact-get-200")):
        body = json.loads((SAMPLES / f"{name}.json").read_bytes())
        amo.fault("amocrm", kind="answer", path=f"/api/v4/{path}", status=200, body=body)
    fact = await reread(amo, "lead", 15318175)
    (by_webhook,) = WEBHOOK.parse(posted((SAMPLES / "wh-leads-status-won.form").read_bytes()), Inbound({}, {}))
    assert fact is not None
    assert (fact.key, fact.type, fact.subject) == (by_webhook.key, EventType.DEAL_WON, "deal:15318175:won")
    assert fact.contact == Contact(name="Иван", phone="+79991234567", email="ivan.petrov@example.test")


def test_the_stand_ins_webhook_has_the_fields_of_the_samples() -> None:
    names = {"leads-status-won": "status", "leads-add": "add"}
    for sample, action in names.items():
        theirs = {name for name, _ in parse_qsl((SAMPLES / f"wh-{sample}.form").read_text())}
        sim = AmocrmSimulator()
        deal = sim.add("leads", {})
        hook = lead_hook(deal, **({"old_status_id": TALKS} if action == "status" else {}))
        account = {"subdomain": "x", "id": 1, "_links": {"self": "x"}}
        ours = {name for name, _ in parse_qsl(form({"leads": {action: [hook]}, "account": account}).decode())}
        assert {name for name in theirs if "custom_fields" not in name} == ours


# Reading again


async def test_the_main_contact_is_the_client(amo: Running, sim: AmocrmSimulator) -> None:
    ids = [sim.add("contacts", {"name": name, "phone": phone})["id"] for name, phone in
           (("Пётр", "+79990000001"), ("Анна", "+79990000002"))]  # fmt: skip
    deal = sim.add("leads", {"contacts": ids})
    for place, name in ((0, "Пётр"), (1, "Анна")):
        for index, link in enumerate(deal["_embedded"]["contacts"]):
            link["is_main"] = index == place
        fact = await reread(amo, "lead", deal["id"])
        assert fact is not None
        assert fact.contact is not None
        assert fact.contact.name == name


async def test_a_deal_of_nobody_is_nobodys_even_where_a_webhook_named_somebody(
    amo: Running, sim: AmocrmSimulator
) -> None:
    fact = await reread(amo, "lead", sim.add("leads", {})["id"])
    assert fact is not None
    assert fact.contact == Contact()


async def test_a_deal_that_was_closed_long_ago_and_only_written_on_is_not_won_anew(
    amo: Running, sim: AmocrmSimulator
) -> None:
    deal = sim.add("leads", {"status_id": WON})
    later(sim, 23 * 3600)
    sim.change("leads", deal, {"price": 5})
    fact = await reread(amo, "lead", deal["id"])
    assert fact is not None
    assert fact.type is EventType.DEAL_WON
    later(sim, 2 * 3600)
    sim.change("leads", deal, {"price": 6})
    fact = await reread(amo, "lead", deal["id"])
    assert fact is not None
    assert fact.type is EventType.DEAL_CHANGED


async def test_what_is_gone_deleted_foreign_or_of_no_kind_of_ours_is_none(amo: Running, sim: AmocrmSimulator) -> None:
    deal, gone = sim.add("leads", {}), sim.add("leads", {})
    sim.delete("leads", gone)
    assert await reread(amo, "lead", deal["id"]) is not None
    assert await reread(amo, "lead", deal["id"], account_id="666") is None
    assert await reread(amo, "lead", gone["id"]) is None
    assert await reread(amo, "lead", 1) is None
    assert await reread(amo, "task", 1) is None
    assert await reread(amo, "company", 1) is None


async def test_own_won_statuses_count_when_reading_and_polling_too(amo: Running, sim: AmocrmSimulator) -> None:
    first = await polled(amo, None)
    deal = sim.add("leads", {"status_id": TALKS})
    fact = await reread(amo, "lead", deal["id"], won_statuses=[TALKS])
    assert fact is not None
    assert fact.type is EventType.DEAL_WON
    assert [f.type for f in (await polled(amo, first.cursor, won_statuses=[TALKS])).facts] == [EventType.DEAL_WON]


# Polling


async def test_an_account_without_a_single_deal_is_watched_from_its_first(amo: Running, sim: AmocrmSimulator) -> None:
    look = await polled(amo, None)
    sim.add("leads", {"status_id": WON})
    assert [fact.type for fact in (await polled(amo, look.cursor)).facts] == [EventType.DEAL_WON]


async def test_a_change_is_told_once_and_a_cursor_that_does_not_move_stays_the_same(
    amo: Running, sim: AmocrmSimulator
) -> None:
    cursor = (await polled(amo, None)).cursor
    deal = sim.add("leads", OPEN)
    told = []
    for _ in range(4):
        look = await polled(amo, cursor)
        told += look.facts
        moved, cursor = look.cursor != cursor, look.cursor
    assert len(told) == 1
    assert not moved
    later(sim)
    sim.change("leads", deal, {"status_id": LOST})
    assert [fact.type for fact in (await polled(amo, cursor)).facts] == [EventType.DEAL_LOST]


async def test_what_bears_an_earlier_time_than_the_newest_seen_is_found_within_the_overlap(
    amo: Running, sim: AmocrmSimulator
) -> None:
    cursor = (await polled(amo, None)).cursor
    later(sim, 1000)
    sim.add("leads", OPEN)
    cursor = (await polled(amo, cursor)).cursor
    later(sim, -200)
    sim.add("leads", OPEN)
    assert len((await polled(amo, cursor)).facts) == 1


async def drained(amo: Running, cursor: str, **own: Any) -> tuple[list[Fact], str, int]:
    facts: list[Fact] = []
    looks, more = 0, True
    while more:
        look = await polled(amo, cursor, **own)
        facts += look.facts
        cursor, more = look.cursor, look.more
        looks += 1
        assert looks < 60
    return facts, cursor, looks


@pytest.mark.parametrize("apart", [0, 1], ids=["in one second", "a second apart"])
async def test_after_a_long_pause_every_page_is_read(amo: Running, sim: AmocrmSimulator, apart: int) -> None:
    cursor = (await polled(amo, None)).cursor
    for _ in range(620):
        deal = sim.add("leads", OPEN)
        deal["updated_at"] = deal["created_at"] = 1_900_000_000 + apart * len(sim.cards["leads"])
    facts, cursor, looks = await drained(amo, cursor)
    assert len({fact.key for fact in facts}) == 620
    assert looks <= 5
    assert list((await polled(amo, cursor)).facts) == []


async def test_a_deal_saved_while_pages_are_read_makes_no_other_be_skipped(amo: Running, sim: AmocrmSimulator) -> None:
    cursor = (await polled(amo, None)).cursor
    for _ in range(500):
        deal = sim.add("leads", OPEN)
        deal["updated_at"] = 1_900_000_000 + len(sim.cards["leads"])
    look = await polled(amo, cursor)
    for deal in list(sim.cards["leads"].values())[:50]:
        deal["updated_at"] = 1_900_009_999
    rest, _, _ = await drained(amo, look.cursor)
    assert {fact.subject for fact in [*look.facts, *rest]} == {f"deal:{id_}" for id_ in sim.cards["leads"]}


async def test_an_account_whose_filters_are_off_is_not_read_from_its_beginning(
    amo: Running, sim: AmocrmSimulator
) -> None:
    for _ in range(3):
        sim.add("leads", OPEN)
        later(sim, 1000)
    cursor = (await polled(amo, None)).cursor
    sim.filters = False
    with pytest.raises(VendorFailure, match="filters of its API aren't enabled"):
        await polled(amo, cursor)


async def test_a_foreign_account_is_never_polled_as_ours(amo: Running, sim: AmocrmSimulator) -> None:
    cursor = (await polled(amo, None)).cursor
    sim.add("leads", {"status_id": WON})
    (fact,) = (await polled(amo, cursor, account_id="666")).facts
    assert fact.ignored is not None
    assert (fact.subject, fact.entity) == (None, None)


# The watch over the webhook


def hooked(sim: AmocrmSimulator, **more: Any) -> Hook:
    hook = sim.subscribe(HOOK_URL, ["add_lead", "status_lead", "note_lead"])
    hook.disabled = more.get("disabled", False)
    return hook


async def test_a_disabled_webhook_is_enabled_again_with_all_its_events_and_told_once(
    amo: Running, sim: AmocrmSimulator
) -> None:
    other = sim.subscribe("https://somebody-else.example.org", ["add_lead"])
    cursor = (await polled(amo, None, HOOK_URL)).cursor
    hooked(sim)
    cursor = (await polled(amo, cursor, HOOK_URL)).cursor
    hooked(sim, disabled=True)
    facts, cursor, looks = await drained(amo, cursor, hook_url=HOOK_URL)
    assert looks == 2, "first it is written down, then done"
    assert [fact.type for fact in facts] == [EventType.CONNECTION_DISABLED, EventType.CONNECTION_ENABLED]
    assert "Связка включила её снова" in str(facts[0].data["notice"])
    (ours,) = [hook for hook in sim.hooks.values() if hook.destination == HOOK_URL]
    assert (ours.disabled, sorted(ours.settings)) == (False, ["add_lead", "note_lead", "status_lead"])
    assert other.id in sim.hooks
    assert list((await polled(amo, cursor, HOOK_URL)).facts) == []


async def test_a_process_that_dies_between_taking_the_webhook_away_and_registering_it_leaves_it_to_the_next(
    amo: Running, sim: AmocrmSimulator
) -> None:
    hooked(sim, disabled=True)
    cursor = (await polled(amo, None, HOOK_URL)).cursor
    amo.fault("amocrm", kind="cut_before", path="/api/v4/webhooks", skip=1)
    with pytest.raises(MaybeSent):
        await polled(amo, cursor, HOOK_URL)
    assert sim.hooks == {}
    facts, _, _ = await drained(amo, cursor, hook_url=HOOK_URL)
    assert [fact.type for fact in facts] == [EventType.CONNECTION_DISABLED, EventType.CONNECTION_ENABLED]
    assert [hook.disabled for hook in sim.hooks.values()] == [False]


async def test_without_an_administrators_rights_the_watch_says_so_once_and_goes_on_trying(
    amo: Running, sim: AmocrmSimulator
) -> None:
    hooked(sim, disabled=True)
    cursor = (await polled(amo, None, HOOK_URL)).cursor
    sim.admin = False
    told = []
    for hours in range(3):
        look = await polled(amo, cursor, HOOK_URL, now=NOW + timedelta(hours=hours))
        told += look.facts
        cursor = look.cursor
    assert len({fact.key for fact in told}) == 1
    assert "прав" in str(told[0].data["notice"])
    sim.admin = True
    facts, _, _ = await drained(amo, cursor, hook_url=HOOK_URL)
    assert facts[-1].type is EventType.CONNECTION_ENABLED


async def test_a_webhook_that_somebody_took_away_is_told_and_not_put_back(amo: Running, sim: AmocrmSimulator) -> None:
    hooked(sim)
    cursor = (await polled(amo, None, HOOK_URL)).cursor
    sim.unsubscribe(HOOK_URL)
    look = await polled(amo, cursor, HOOK_URL)
    assert [fact.type for fact in look.facts] == [EventType.CONNECTION_DISABLED]
    assert "doctor --fix" in str(look.facts[0].data["notice"])
    assert list((await polled(amo, look.cursor, HOOK_URL)).facts) == []
    assert sim.hooks == {}


async def test_a_webhook_that_never_stood_is_no_news(amo: Running) -> None:
    look = await polled(amo, None, HOOK_URL)
    assert list((await polled(amo, look.cursor, HOOK_URL)).facts) == []


async def test_the_key_in_our_address_stays_out_of_the_story(amo: Running, sim: AmocrmSimulator) -> None:
    hooked(sim, disabled=True)
    cursor: str | None = None
    for _ in range(2):
        async with calling(settings(amo), amo.base_url("amocrm"), hook_url=HOOK_URL) as call:
            cursor = (await MANIFEST.polling.poll(cursor, call)).cursor
            assert call.http.log
            assert "secret-part" not in str(call.http.log)


# The doctor


async def checked(amo: Running, hook_url: str | None = HOOK_URL, **own: Any) -> dict[str, Finding]:
    async with calling(settings(amo, **own), amo.base_url("amocrm"), hook_url=hook_url) as call:
        found = await MANIFEST.doctor.check(call)
        assert "secret-part" not in str(found) + str(call.http.log)
    return {finding.check: finding for finding in found}


async def fixed(amo: Running) -> list[Finding]:
    async with calling(settings(amo), amo.base_url("amocrm")) as call:
        found = await MANIFEST.hook.register(call, HOOK_URL)
        assert "secret-part" not in str(found) + str(call.http.log)
    return found


async def test_a_connection_in_order_is_said_to_be(amo: Running, sim: AmocrmSimulator) -> None:
    hooked(sim)
    found = await checked(amo, won_statuses=["142", "7000001:142"], pipeline=7000001, mark_field="PHONE")
    statuses = {name: finding.status for name, finding in found.items()}
    assert statuses == {"access": "ok", "fields": "ok", "webhook": "ok"}


@pytest.mark.parametrize(
    ("own", "vendor", "check", "status"),
    [
        ({"account_id": None}, {}, "account", "warn"),
        ({"account_id": "666"}, {}, "account", "fail"),
        ({"won_statuses": ["55"]}, {}, "won_statuses", "fail"),
        ({"pipeline": 5}, {}, "pipeline", "fail"),
        ({"token": "dead"}, {}, "access", "fail"),
        ({}, {"filters": False}, "filters", "warn"),
        ({}, {"admin": False}, "webhook", "warn"),
        ({}, {"hook": "none"}, "webhook", "warn"),
        ({}, {"hook": "disabled"}, "webhook", "warn"),
        ({}, {"hook": "other key"}, "webhook", "warn"),
        ({}, {"hook": "few events"}, "webhook", "warn"),
    ],
)
async def test_what_is_wrong_is_named_with_its_remedy(
    amo: Running, sim: AmocrmSimulator, own: dict[str, Any], vendor: dict[str, Any], check: str, status: str
) -> None:
    hook = hooked(sim)
    sim.filters, sim.admin = vendor.get("filters", True), vendor.get("admin", True)
    match vendor.get("hook"):
        case "none":
            sim.unsubscribe(HOOK_URL)
        case "disabled":
            hook.disabled = True
        case "other key":
            hook.destination = HOOK_URL.replace("1.kofe", "2.kofe")
        case "few events":
            hook.settings = ["add_lead"]
    found = await checked(amo, **own)
    assert found[check].status == status
    assert found[check].remedy


async def test_fixing_registers_the_webhook_and_a_second_time_changes_nothing(
    amo: Running, sim: AmocrmSimulator
) -> None:
    await fixed(amo)
    (hook,) = sim.hooks.values()
    assert (hook.destination, set(hook.settings)) == (HOOK_URL, set(EVENTS))
    assert await fixed(amo) == [Finding("webhook", "ok", "the webhook is registered already")]


async def test_fixing_enables_a_disabled_webhook_and_keeps_what_it_was_registered_for(
    amo: Running, sim: AmocrmSimulator
) -> None:
    hooked(sim, disabled=True)
    await fixed(amo)
    (hook,) = sim.hooks.values()
    assert (hook.disabled, set(hook.settings)) == (False, {*EVENTS, "note_lead"})


def test_what_is_subscribed_to_is_what_the_sample_subscribes_to_and_the_inbox() -> None:
    wanted = json.loads((SAMPLES / "api-webhooks-subscribe-request.json").read_bytes())["settings"]
    assert set(EVENTS) == {*wanted, "add_unsorted"}


@pytest.mark.parametrize("status", [200, 201])
async def test_the_samples_answer_to_a_subscription_is_success_by_either_status(amo: Running, status: int) -> None:
    body = json.loads((SAMPLES / "api-webhooks-subscribe-200.json").read_bytes())
    amo.fault("amocrm", kind="answer", path="/api/v4/webhooks", status=status, body=body)
    async with calling(settings(amo), amo.base_url("amocrm")) as call:
        await client.subscribe(call, body["destination"], body["settings"])


async def test_the_samples_list_of_a_disabled_webhook_is_read_as_such(amo: Running) -> None:
    body = json.loads((SAMPLES / "api-webhooks-list-200-disabled.json").read_bytes())
    body["_embedded"]["webhooks"][0]["destination"] = HOOK_URL
    amo.fault("amocrm", kind="answer", path="/api/v4/webhooks", status=200, body=body)
    assert (await checked(amo))["webhook"].message == "amoCRM has switched our webhook off"


async def test_the_samples_account_and_pipelines_are_read(amo: Running, sim: AmocrmSimulator) -> None:
    hooked(sim)
    for path, name in (("account", "api-account-200"), ("leads/pipelines", "api-pipelines-200")):
        body = json.loads((SAMPLES / f"{name}.json").read_bytes())
        amo.fault("amocrm", kind="answer", path=f"/api/v4/{path}", status=200, body=body)
    found = await checked(amo, won_statuses=["7000001:142", "60000012"], pipeline="7000001")
    assert {name: finding.status for name, finding in found.items()} == {"access": "ok", "webhook": "ok"}
