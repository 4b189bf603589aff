"""Reading orders again, polling what no webhook told of, and the doctor: over real HTTP on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.support import NOW, Scripted, calling, posted, scripted
from svyazka.connectors.iiko.manifest import MANIFEST
from svyazka.connectors.iiko.settings import IikoSettings
from svyazka.connectors.iiko.webhook import WEBHOOK
from svyazka.engine.contracts.learning import Finding, Polled
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.contracts.webhook import Inbound
from svyazka.model.errors import NotShown
from svyazka.model.events import Entity, EventType, Fact
from svyazka.model.outcomes import Blocked

SAMPLES = Path(__file__).parents[2] / "samples" / "iiko"
ORGANIZATION = "7bc05553-4b68-44e8-b7bc-37be63c6d9e9"
SETTINGS = IikoSettings(organization_id=ORGANIZATION, api_login="api-login-for-tests")
BY_ID, BY_REVISION = "/api/1/deliveries/by_id", "/api/1/deliveries/by_revision"
BY_DATE, TABLE, RESERVE = (
    "/api/1/deliveries/by_delivery_date_and_status",
    "/api/1/order/by_id",
    "/api/1/reserve/status_by_id",
)
HOOK, REGISTER, ORGANIZATIONS = "/api/1/webhooks/settings", "/api/1/webhooks/update_settings", "/api/1/organizations"
HOOK_URL = "https://hub.example.ru/hooks/iiko/tenant-1"


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


def info(**order: Any) -> dict[str, Any]:
    """OrderInfo of the closed delivery, with some of its order changed."""
    found: dict[str, Any] = sample("webhook-delivery-closed")[0]["eventInfo"]
    found["order"].update(order)
    return found


def orders(*found: dict[str, Any], revision: int | None = 100) -> dict[str, Any]:
    return {"maxRevision": revision, "ordersByOrganizations": [{"organizationId": ORGANIZATION, "orders": list(found)}]}


def pushed(name: str) -> Fact:
    (fact,) = WEBHOOK.parse(posted((SAMPLES / f"{name}.json").read_bytes()), Inbound({}, {}))
    assert isinstance(fact, Fact)
    return fact


@pytest.fixture
def iiko() -> Iterator[Scripted]:
    with scripted() as vendor:
        vendor.on("/api/1/access_token", 200, {"token": "token-for-tests"})
        yield vendor


async def polled(vendor: Scripted, cursor: str | None, now: datetime = NOW) -> Polled:
    async with calling(SETTINGS, vendor.url, now=now) as call:
        return await MANIFEST.polling.poll(cursor, call)


async def reread(vendor: Scripted, kind: str, id_: str, settings: IikoSettings = SETTINGS) -> Fact | None:
    async with calling(settings, vendor.url) as call:
        return await MANIFEST.reading.read(Entity(kind=kind, id=id_), call)


def test_what_can_be_asked_depends_on_the_credentials() -> None:
    for settings, can in ((IikoSettings(), False), (SETTINGS, True)):
        assert (
            MANIFEST.reading.ready(settings),
            MANIFEST.polling.ready(settings),
            MANIFEST.doctor.ready(settings),
        ) == (can,) * 3


async def test_credentials_in_part_are_a_trouble_that_is_told_and_no_reason_to_hold_events_back() -> None:
    settings = IikoSettings(api_key="k", app_id="a")
    assert not MANIFEST.reading.ready(settings)
    assert MANIFEST.polling.ready(settings)
    assert MANIFEST.doctor.ready(settings)
    async with calling(settings, "http://127.0.0.1:1") as call:
        (finding,) = await MANIFEST.doctor.check(call)
        with pytest.raises(VendorFailure) as caught:
            await MANIFEST.polling.poll(None, call)
    assert (finding.check, finding.status) == ("credentials", "fail")
    assert isinstance(caught.value.outcome, Blocked)


def test_whoever_signs_in_by_either_way_is_not_told_that_something_is_missing() -> None:
    v2 = IikoSettings(api_key="k", app_id="a", client_secret="s")
    assert all(
        getattr(SETTINGS, name, "") is not None for name in MANIFEST.credentials.optional if name != "auth_token"
    )
    assert [bool(settings.api_credentials) for settings in (IikoSettings(), SETTINGS, v2)] == [False, True, True]
    assert "api_credentials" in MANIFEST.credentials.optional


# Identity


async def test_an_order_that_the_till_refused_is_the_same_fact_from_a_poll(iiko: Scripted) -> None:
    iiko.on(BY_REVISION, 200, orders(sample("webhook-delivery-error")[0]["eventInfo"]))
    (fact,) = (await polled(iiko, json.dumps({"at": NOW.isoformat(), "revision": 99}))).facts
    assert fact.key == pushed("webhook-delivery-error").key
    assert fact.ignored == "the till didn't take it: TerminalGroupUnregistered"


# Reading again


async def test_a_delivery_is_read_again_as_it_is_now(iiko: Scripted) -> None:
    iiko.on(BY_ID, 200, sample("api-deliveries-by-id-response"))
    fact = await reread(iiko, "delivery", "e9cf91fe-2319-5c0e-8f50-5d3ce9aacf34")
    assert fact is not None
    assert fact.type is EventType.ORDER_CHANGED
    assert iiko.asked(BY_ID) == [
        {
            "organizationId": ORGANIZATION,
            "orderIds": ["e9cf91fe-2319-5c0e-8f50-5d3ce9aacf34"],
            "returnExternalDataKeys": ["tgUserId"],
        }
    ]


async def test_table_orders_and_reservations_have_readers_of_their_own(iiko: Scripted) -> None:
    iiko.on(TABLE, 200, {"orders": [sample("webhook-table-order-closed")[0]["eventInfo"]]})
    iiko.on(RESERVE, 200, {"reserves": [sample("webhook-reserve-new")[0]["eventInfo"]]})
    for name in ("webhook-table-order-closed", "webhook-reserve-new"):
        told = pushed(name)
        assert told.entity is not None
        fact = await reread(iiko, told.entity.kind, told.entity.id)
        assert fact is not None
        assert (fact.key, fact.type) == (told.key, told.type)


async def test_an_order_that_is_not_there_is_gone_and_so_is_a_kind_that_nobody_reads(iiko: Scripted) -> None:
    iiko.on(BY_ID, 200, {"orders": [info()]})
    assert await reread(iiko, "delivery", "00000000-0000-4000-8000-000000000000") is None
    assert await reread(iiko, "menu", ORGANIZATION) is None


@pytest.mark.parametrize("kind", ["delivery", "table", "reserve"])
async def test_an_id_that_iiko_never_gave_is_not_asked_for(iiko: Scripted, kind: str) -> None:
    """iiko answers 400 to what is no UUID; a hand-made event's own word is all that there is."""
    with pytest.raises(NotShown):
        await reread(iiko, kind, "order-uuid")
    assert iiko.seen == []


async def test_without_an_organization_all_that_are_seen_are_asked_and_named_once(iiko: Scripted) -> None:
    iiko.on(ORGANIZATIONS, 200, {"organizations": [{"id": "o1"}, {"id": "o2"}]})
    iiko.on(BY_ID, 200, {"orders": []}).on(BY_ID, 200, {"orders": [info()]})
    settings = IikoSettings(api_login="api-login-for-tests")
    memo: dict[str, Any] = {}
    async with calling(settings, iiko.url, memo=memo) as call:
        for _ in range(2):
            await MANIFEST.reading.read(Entity(kind="delivery", id=info()["id"]), call)
    assert [body["organizationId"] for body in iiko.asked(BY_ID)][:2] == ["o1", "o2"]
    assert len(iiko.asked(ORGANIZATIONS)) == 1


async def test_a_foreign_order_is_never_read_again_as_ours(iiko: Scripted) -> None:
    iiko.on(BY_ID, 200, {"orders": [{**info(), "organizationId": "another"}]})
    assert await reread(iiko, "delivery", info()["id"]) is None


# Polling


async def test_a_look_takes_what_changed_and_the_next_takes_the_last_changes_once_more(iiko: Scripted) -> None:
    iiko.on(BY_DATE, 200, orders(revision=7))
    iiko.on(BY_REVISION, 200, orders(info(), revision=9)).on(BY_REVISION, 200, orders(info(), revision=9))
    cursor: str | None = None
    for minute in (0, 2, 4):
        look = await polled(iiko, cursor, NOW + timedelta(minutes=minute))
        cursor = look.cursor
    assert [fact.type for fact in look.facts] == [EventType.ORDER_COMPLETED]
    assert [body["startRevision"] for body in iiko.asked(BY_REVISION)] == [7, 7]


async def test_a_cursor_that_does_not_move_is_not_written_until_half_an_hour_has_passed(iiko: Scripted) -> None:
    iiko.on(BY_REVISION, 200, orders(revision=None))
    cursor = json.dumps({"at": NOW.isoformat(), "revision": 9})
    assert (await polled(iiko, cursor, NOW + timedelta(minutes=29))).cursor == cursor
    later = (await polled(iiko, cursor, NOW + timedelta(minutes=31))).cursor
    assert later != cursor
    assert json.loads(later)["revision"] == 9


async def caught_up(vendor: Scripted, cursor: str, now: datetime) -> list[Polled]:
    looks = []
    more = True
    while more:
        look = await polled(vendor, cursor, now)
        looks.append(look)
        cursor, more = look.cursor, look.more
    return looks


async def test_after_a_pause_longer_than_iiko_remembers_the_missed_days_are_read(iiko: Scripted) -> None:
    now = NOW + timedelta(hours=40)  # 16 March, 11:00 in Moscow
    iiko.on(BY_DATE, 200, orders(revision=500)).on(BY_DATE, 200, orders(info(whenClosed="2026-03-15 21:00:00.000")))
    iiko.on(BY_REVISION, 200, orders(revision=500))
    looks = await caught_up(iiko, json.dumps({"at": NOW.isoformat(), "revision": 9}), now)
    assert [(body["deliveryDateFrom"], body.get("deliveryDateTo")) for body in iiko.asked(BY_DATE)] == [
        ("2026-03-16 00:00:00.000", None),
        ("2026-03-15 00:00:00.000", "2026-03-15 23:59:59.999"),
        ("2026-03-14 00:00:00.000", "2026-03-14 23:59:59.999"),
        ("2026-03-13 00:00:00.000", "2026-03-13 23:59:59.999"),
    ]
    assert {look.gap for look in looks} == {None}
    assert all(look.facts for look in looks[1:])
    await polled(iiko, looks[-1].cursor, now + timedelta(minutes=2))
    assert iiko.asked(BY_REVISION)[0]["startRevision"] == 500, "where today's orders stood when catching up began"


async def test_what_is_older_than_iikos_cache_is_a_gap_told_once(iiko: Scripted) -> None:
    now = NOW + timedelta(days=30)
    iiko.on(BY_DATE, 200, orders(revision=500))
    looks = await caught_up(iiko, json.dumps({"at": NOW.isoformat(), "revision": 9}), now)
    assert [look.gap for look in looks if look.gap] == [(NOW, now - timedelta(days=7))]
    first_day = iiko.asked(BY_DATE)[-1]["deliveryDateFrom"]
    assert first_day == "2026-04-06 00:00:00.000", "the day in which the gap ends, or its evening is lost untold"


async def test_catching_up_never_imports_what_was_finished_before_the_first_look(iiko: Scripted) -> None:
    iiko.on(BY_DATE, 200, orders(info(), info(whenClosed="2026-03-14 23:00:00.000"), revision=500))
    cursor = json.dumps({"at": NOW.isoformat(), "since": NOW.isoformat(), "revision": 9})
    (today, *_) = await caught_up(iiko, cursor, NOW + timedelta(hours=5))
    assert [str(fact.occurred_at) for fact in today.facts] == ["2026-03-14 20:00:00+00:00"]


async def test_a_revision_that_iiko_goes_back_to_no_more_is_replaced_and_not_hammered(iiko: Scripted) -> None:
    iiko.on(BY_REVISION, 400, {"errorDescription": "revision is too old"})
    iiko.on(BY_DATE, 200, orders(revision=9))
    (*_, last) = await caught_up(iiko, json.dumps({"at": NOW.isoformat(), "revision": 9}), NOW)
    asked = len(iiko.seen)
    for minute in range(2, 30, 2):
        look = await polled(iiko, last.cursor, NOW + timedelta(minutes=minute))
        assert look.cursor == last.cursor
    assert len(iiko.seen) == asked
    await polled(iiko, last.cursor, NOW + timedelta(minutes=31))
    assert len(iiko.asked(BY_REVISION)) == 2


async def test_a_restaurant_without_a_single_order_is_watched_from_its_first(iiko: Scripted) -> None:
    iiko.on(BY_DATE, 200, orders(revision=0))
    closed = info(whenClosed="2026-03-14 19:01:00.000"), info(whenClosed="2026-03-14 18:59:00.000")
    iiko.answers[BY_REVISION] = [(200, orders(*closed, revision=1), {})]
    first = await polled(iiko, None)
    facts = (await polled(iiko, first.cursor, NOW + timedelta(minutes=2))).facts
    assert [str(fact.occurred_at) for fact in facts] == ["2026-03-14 16:01:00+00:00"], "not what was before we came"
    assert iiko.asked(BY_REVISION)[0]["startRevision"] == 0


async def test_catching_up_that_was_interrupted_for_days_tells_the_days_that_it_lost(iiko: Scripted) -> None:
    iiko.on(BY_DATE, 200, orders(revision=500))
    missed = NOW - timedelta(days=5)
    cursor = {
        "at": NOW.isoformat(), "revision": 9, "missed": missed.isoformat(), "day": "2026-03-13", "until": "2026-03-08",
    }  # fmt: skip
    look = await polled(iiko, json.dumps(cursor), NOW + timedelta(days=20))
    assert (look.more, iiko.asked(BY_DATE)) == (True, [])
    assert look.gap == (missed, datetime.fromisoformat("2026-03-14T00:00:00+03:00"))
    (after, *_) = await caught_up(iiko, look.cursor, NOW + timedelta(days=20))
    assert after.gap == (NOW, NOW + timedelta(days=13)), "and of the days of the interruption itself"


async def test_an_order_that_cannot_be_read_is_kept_and_the_others_go_on(iiko: Scripted) -> None:
    iiko.on(BY_REVISION, 200, orders({"order": None}, info()))
    facts = (await polled(iiko, json.dumps({"at": NOW.isoformat(), "revision": 9}))).facts
    assert sorted(fact.type.value for fact in facts) == ["order.completed", "other"]


GROUPS = "/api/1/terminal_groups"


def group(zone: str) -> dict[str, Any]:
    answer: dict[str, Any] = sample("api-terminal-groups-response")
    answer["terminalGroups"][0]["items"][0]["timeZone"] = zone
    return answer


async def test_an_orders_times_are_read_in_the_zone_of_its_own_till_asked_for_once(iiko: Scripted) -> None:
    iiko.on(BY_REVISION, 200, orders(info(whenClosed="2026-03-14 18:53:01.000"), revision=9))
    iiko.on(GROUPS, 200, group("Asia/Yekaterinburg"))
    memo: dict[str, Any] = {}
    cursor = json.dumps({"at": NOW.isoformat(), "revision": 9})
    for _ in range(2):
        async with calling(SETTINGS, iiko.url, now=NOW, memo=memo) as call:
            (fact,) = (await MANIFEST.polling.poll(cursor, call)).facts
    assert fact.occurred_at == datetime.fromisoformat("2026-03-14T18:53:01+05:00")
    assert iiko.asked(GROUPS) == [{"organizationIds": [ORGANIZATION], "includeDisabled": True}]


async def test_a_till_that_is_asleep_or_disabled_has_a_zone_too(iiko: Scripted) -> None:
    asleep = group("Asia/Yekaterinburg")
    asleep["terminalGroupsInSleep"], asleep["terminalGroups"] = asleep["terminalGroups"], []
    iiko.on(GROUPS, 200, asleep).on(BY_REVISION, 200, orders(info(whenClosed="2026-03-14 18:53:01.000")))
    (fact,) = (await polled(iiko, json.dumps({"at": NOW.isoformat(), "revision": 9}))).facts
    assert fact.occurred_at == datetime.fromisoformat("2026-03-14T18:53:01+05:00")


@pytest.mark.parametrize("status", [400, 403])
async def test_where_the_tills_zone_is_not_told_the_tenants_serves_and_nobody_asks_again(
    iiko: Scripted, status: int
) -> None:
    iiko.on(BY_REVISION, 200, orders(info())).on(GROUPS, status, {"errorDescription": "no"})
    memo: dict[str, Any] = {}
    for _ in range(3):
        async with calling(SETTINGS, iiko.url, now=NOW, memo=memo) as call:
            (fact,) = (await MANIFEST.polling.poll(json.dumps({"at": NOW.isoformat(), "revision": 9}), call)).facts
    assert str(fact.occurred_at) == "2026-03-14 15:53:01+00:00"
    assert len(iiko.asked(GROUPS)) == 1


async def test_zones_that_cannot_be_had_just_now_leave_the_cursor_where_it_was(iiko: Scripted) -> None:
    iiko.on(BY_REVISION, 200, orders(info())).on(GROUPS, 503, b"")
    with pytest.raises(VendorFailure):
        await polled(iiko, json.dumps({"at": NOW.isoformat(), "revision": 9}))


async def test_a_till_further_east_never_reports_from_the_future(iiko: Scripted) -> None:
    iiko.on(BY_REVISION, 200, orders(info(whenClosed="2026-03-15 01:53:01.000")))
    (fact,) = (await polled(iiko, json.dumps({"at": NOW.isoformat(), "revision": 9}))).facts
    assert fact.occurred_at == NOW


# The doctor


def findings(found: list[Finding]) -> dict[str, str]:
    return {finding.check: finding.status for finding in found}


async def checked(vendor: Scripted, hook_url: str | None = HOOK_URL, **settings: Any) -> list[Finding]:
    given = {"organization_id": ORGANIZATION, "api_login": "api-login-for-tests", "auth_token": "hook-secret-for-tests"}
    async with calling(IikoSettings(**{**given, **settings}), vendor.url, hook_url=hook_url) as call:
        return await MANIFEST.doctor.check(call)


async def fixed(vendor: Scripted, hook_url: str = HOOK_URL) -> tuple[list[Finding], str]:
    settings = SETTINGS.model_copy(update={"auth_token": "hook-secret-for-tests"})
    async with calling(settings, vendor.url) as call:
        return await MANIFEST.hook.register(call, hook_url), str(call.http.log)


async def test_a_connection_in_order_is_said_to_be(iiko: Scripted) -> None:
    iiko.on(ORGANIZATIONS, 200, sample("api-organizations-response")).on(
        HOOK, 200, sample("api-webhooks-settings-response")
    )
    iiko.on(BY_DATE, 200, orders(revision=7)).on(BY_REVISION, 200, orders(revision=7))
    assert findings(await checked(iiko)) == {
        "credentials": "ok", "organization": "ok", "webhook": "ok", "webhook filters": "warn", "polling": "ok",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("settings", "registered", "check", "status"),
    [
        ({"organization_id": "7bc05553-4b68-44e8-b7bc-000000000000"}, {}, "organization", "fail"),
        ({"organization_id": None}, {}, "organization", "warn"),
        ({"auth_token": "other-secret"}, {}, "auth_token", "fail"),
        ({"auth_token": None}, {}, "auth_token", "warn"),
        ({}, {"webHooksUri": None}, "webhook", "fail"),
        ({}, {"webHooksUri": "https://else.example.org/x?key=s3cret"}, "webhook", "fail"),
        ({}, {"webHooksUri": "https://[s3cret"}, "webhook", "fail"),
        ({}, {"webHooksUri": "https://hub.example.ru/old?key=s3cret"}, "webhook", "warn"),
        ({}, {"webHooksFilter": None}, "webhook filters", "warn"),
    ],
)
async def test_what_is_wrong_is_named(
    iiko: Scripted, settings: dict[str, Any], registered: dict[str, Any], check: str, status: str
) -> None:
    iiko.on(ORGANIZATIONS, 200, sample("api-organizations-response"))
    iiko.on(HOOK, 200, {**sample("api-webhooks-settings-response"), **registered})
    found = await checked(iiko, **settings)
    assert findings(found)[check] == status
    assert "s3cret" not in str(found)


@pytest.mark.parametrize(
    ("path", "check"),
    [
        ("/api/1/access_token", "credentials"), (ORGANIZATIONS, "credentials"), (HOOK, "webhook"),
        (BY_DATE, "polling"), (BY_REVISION, "polling"),
    ],
)  # fmt: skip
async def test_a_missing_right_is_said_with_its_remedy(iiko: Scripted, path: str, check: str) -> None:
    iiko.on(ORGANIZATIONS, 200, sample("api-organizations-response"))
    iiko.on(HOOK, 200, sample("api-webhooks-settings-response"))
    iiko.on(BY_DATE, 200, orders(revision=7)).on(BY_REVISION, 200, orders(revision=7))
    iiko.answers[path] = [(403, {"errorDescription": "no right"}, {})]
    failed = [finding for finding in await checked(iiko) if finding.status == "fail"]
    assert [finding.check for finding in failed] == [check]
    assert failed[0].remedy


@pytest.mark.parametrize(("path", "status"), [(BY_DATE, "fail"), (BY_REVISION, "ok")])
async def test_a_refused_day_is_a_trouble_and_a_refused_revision_is_a_quiet_night(
    iiko: Scripted, path: str, status: str
) -> None:
    iiko.on(ORGANIZATIONS, 200, sample("api-organizations-response"))
    iiko.on(HOOK, 200, sample("api-webhooks-settings-response"))
    iiko.on(BY_DATE, 200, orders(revision=7)).on(BY_REVISION, 200, orders(revision=7))
    iiko.answers[path] = [(400, {"errorDescription": "no"}, {})]
    assert findings(await checked(iiko))["polling"] == status


async def test_the_webhook_is_registered_as_iiko_documents_it(iiko: Scripted) -> None:
    iiko.on(ORGANIZATIONS, 200, sample("api-organizations-response"))
    iiko.on(HOOK, 200, {"webHooksUri": None, "webHooksFilter": None})
    iiko.on(REGISTER, 200, sample("api-webhooks-update-settings-response"))
    found, story = await fixed(iiko)
    assert findings(found) == {"webhook": "ok"}
    (body,) = iiko.asked(REGISTER)
    wanted = sample("api-webhooks-update-settings-request")
    del wanted["webHooksFilter"]["personalShiftFilter"]
    for filter_ in wanted["webHooksFilter"].values():
        filter_.pop("itemStatuses", None)
    wanted["webHooksFilter"]["tableOrderFilter"] = {"orderStatuses": ["Closed", "Deleted"]}
    assert body == wanted
    assert "hook-secret-for-tests" not in story
    assert HOOK_URL not in story, "the address holds our key"


async def test_registering_keeps_what_others_have_asked_for(iiko: Scripted) -> None:
    present = sample("api-webhooks-settings-response")
    present["webHooksUri"] = "https://hub.example.ru/hooks/iiko/old-key"
    present["webHooksFilter"]["deliveryOrderFilter"]["orderStatuses"] = ["OnWay"]
    iiko.on(ORGANIZATIONS, 200, sample("api-organizations-response")).on(HOOK, 200, present).on(REGISTER, 200)
    await fixed(iiko)
    filter_ = iiko.asked(REGISTER)[0]["webHooksFilter"]
    assert filter_["deliveryOrderFilter"]["orderStatuses"] == ["OnWay", "Delivered", "Closed", "Cancelled"]
    assert filter_["personalShiftFilter"] == {"updates": False}


async def test_somebody_elses_webhook_is_left_alone_and_named_without_its_key(iiko: Scripted) -> None:
    iiko.on(ORGANIZATIONS, 200, sample("api-organizations-response"))
    iiko.on(HOOK, 200, {"webHooksUri": "https://me:s3cret@else.example.org/iiko/s3cret?key=s3cret"}).on(REGISTER, 200)
    found, story = await fixed(iiko)
    assert findings(found) == {"webhook": "fail"}
    assert "else.example.org" in found[0].message
    assert iiko.asked(REGISTER) == []
    assert "s3cret" not in str(found) + story


async def test_a_token_that_only_iiko_has_is_mended_on_our_side(iiko: Scripted) -> None:
    iiko.on(ORGANIZATIONS, 200, sample("api-organizations-response"))
    iiko.on(HOOK, 200, sample("api-webhooks-settings-response"))
    (finding,) = [found for found in await checked(iiko, auth_token=None) if found.check == "auth_token"]
    assert "auth_token" in (finding.remedy or "")
    assert "--fix" not in (finding.remedy or ""), "it wouldn't help: the token there is kept"


async def test_a_registration_whose_unused_filters_are_null_is_not_written_again(iiko: Scripted) -> None:
    present = sample("api-webhooks-settings-response")
    present["webHooksFilter"]["tableOrderFilter"]["orderStatuses"] = ["Closed", "Deleted"]
    iiko.on(ORGANIZATIONS, 200, sample("api-organizations-response")).on(HOOK, 200, present).on(REGISTER, 200)
    found, _ = await fixed(iiko)
    assert (findings(found), iiko.asked(REGISTER)) == ({"webhook": "ok"}, [])


async def test_a_second_fix_changes_nothing(iiko: Scripted) -> None:
    iiko.on(ORGANIZATIONS, 200, sample("api-organizations-response"))
    iiko.on(HOOK, 200, {"webHooksUri": None}).on(REGISTER, 200)
    await fixed(iiko)
    iiko.answers[HOOK] = [(200, iiko.asked(REGISTER)[0], {})]
    found, _ = await fixed(iiko)
    assert found == [Finding("webhook", "ok", "the webhook is registered already")]
    assert len(iiko.asked(REGISTER)) == 1
