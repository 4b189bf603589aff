"""Reading again, polling, the doctor, and the whole way: against the stand-in, over HTTP on loopback."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.support import NOW, calling, posted, scripted
from connectors.yclients.house import SalonHouse
from simulators.serve import Running
from simulators.yclients.simulator import PARTNER_TOKEN, USER_TOKEN, Yclients
from svyazka.connectors.yclients.client import PAGE
from svyazka.connectors.yclients.manifest import MANIFEST
from svyazka.connectors.yclients.settings import YclientsSettings
from svyazka.connectors.yclients.webhook import WEBHOOK
from svyazka.engine.contracts.learning import Finding, Polled
from svyazka.engine.contracts.webhook import Inbound
from svyazka.model.deliveries import Status
from svyazka.model.events import Entity, EventType, Fact

SAMPLES = Path(__file__).parents[2] / "samples" / "yclients"
HOOK_URL = "https://hub.example.test/webhook_yclients?key=not-a-real-secret"
VISIT = 1561921428


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


def settings_for(salon: Running, **changes: Any) -> YclientsSettings:
    given = {
        "base_url": salon.base_url("yclients"), "company_id": 997441, "partner_token": PARTNER_TOKEN,
        "user_token": USER_TOKEN,
    }  # fmt: skip
    return YclientsSettings(**{**given, **changes})


def stand_in(salon: Running) -> Yclients:
    found: Yclients = salon.of("yclients")
    return found


def saved(salon: Running, record: int = VISIT, at: datetime = NOW, **changes: Any) -> dict[str, Any]:
    """The administrator saves a record; no webhook tells of it."""
    found, _ = stand_in(salon).salon.put_record(record, at, changes)
    return found


def pushed(body: Any) -> Fact:
    (fact,) = WEBHOOK.parse(posted(json.dumps(body).encode()), Inbound({"company_id": 997441}, {}))
    assert isinstance(fact, Fact)
    return fact


async def polled(salon: Running, cursor: str | None, now: datetime = NOW, **around: Any) -> Polled:
    async with calling(settings_for(salon), salon.base_url("yclients"), now=now, **around) as call:
        return await MANIFEST.polling.poll(cursor, call)


async def looked(salon: Running, since: datetime, now: datetime = NOW) -> list[Polled]:
    """Every page of one look, with a mark at `since`."""
    looks: list[Polled] = []
    cursor = json.dumps({"records": since.isoformat(), "clients": since.isoformat()})
    more = True
    while more:
        looks.append(await polled(salon, cursor, now))
        cursor, more = looks[-1].cursor, looks[-1].more
    return looks


async def reread(salon: Running, kind: str, id_: str, **changes: Any) -> Fact | None:
    async with calling(settings_for(salon, **changes), salon.base_url("yclients")) as call:
        return await MANIFEST.reading.read(Entity(kind=kind, id=id_), call)


@pytest.mark.parametrize("missing", ["company_id", "partner_token", "user_token"])
def test_what_can_be_asked_needs_the_salon_and_both_tokens(salon: Running, missing: str) -> None:
    for settings, can in ((settings_for(salon), True), (settings_for(salon, **{missing: None}), False)):
        assert [MANIFEST.reading.ready(settings), MANIFEST.polling.ready(settings)] == [can] * 2
        assert MANIFEST.doctor.ready(settings) is (can or missing == "user_token")


# Identity


async def test_a_webhook_a_poll_and_a_reread_tell_of_the_same_fact(salon: Running) -> None:
    record = saved(salon, attendance=1, paid_full=1)
    event = stand_in(salon).event("record", VISIT, "update", {**record, "last_change_date": "2026-03-14T20:00:00+0400"})
    by_webhook = pushed(event)
    by_reread = await reread(salon, "record", str(VISIT))
    (look,) = await looked(salon, NOW - timedelta(minutes=5))
    (by_poll,) = look.facts
    assert by_webhook.type is EventType.APPOINTMENT_COMPLETED
    assert by_webhook == by_reread == by_poll


async def test_the_sampled_list_holds_a_live_record_and_a_deleted_one(salon: Running) -> None:
    salon.fault(
        "yclients", kind="answer", path="/api/v1/records/*", status=200, body=sample("api-records-list-200")
    )  # fmt: skip
    (look,) = await looked(salon, datetime.fromisoformat("2026-10-01T00:00:00+03:00"))
    assert [fact.type for fact in look.facts] == [EventType.APPOINTMENT_BOOKED, EventType.APPOINTMENT_CANCELLED]
    created = pushed(sample("wh-record-create"))
    assert created.key == look.facts[0].key


# Reading again


async def test_a_record_is_read_again_as_it_is_now(salon: Running) -> None:
    saved(salon, attendance=2)
    fact = await reread(salon, "record", str(VISIT))
    assert fact is not None
    assert fact.type is EventType.APPOINTMENT_CONFIRMED
    assert (await reread(salon, "record", str(VISIT), final_attendance=[2])).type is EventType.APPOINTMENT_COMPLETED  # type: ignore[union-attr]


async def test_what_is_gone_or_another_salons_is_not_read(salon: Running) -> None:
    saved(salon, company_id=5)
    assert await reread(salon, "record", str(VISIT)) is None
    assert await reread(salon, "record", "404") is None
    assert await reread(salon, "goods", "1") is None


# Polling


async def test_a_look_takes_what_changed_from_two_minutes_before_the_last_change(salon: Running) -> None:
    saved(salon, 1, NOW - timedelta(minutes=3))
    saved(salon, 2, NOW - timedelta(minutes=1), attendance=1)
    saved(salon, 3, NOW + timedelta(minutes=1), deleted=True)
    (look,) = await looked(salon, NOW)
    assert [(fact.type.value, fact.data["record"]) for fact in look.facts] == [
        ("appointment.completed", "2"),
        ("appointment.cancelled", "3"),
    ]
    assert json.loads(look.cursor)["records"] == "2026-03-14T16:01:00Z"


async def test_a_quiet_look_moves_nothing(salon: Running) -> None:
    saved(salon, at=NOW)
    (first,) = await looked(salon, NOW)
    (second,) = [await polled(salon, first.cursor, NOW + timedelta(hours=5))]
    assert second.cursor == first.cursor
    assert [fact.key for fact in second.facts] == [fact.key for fact in first.facts]


async def test_since_when_is_said_on_the_salons_own_clock(salon: Running) -> None:
    async with calling(settings_for(salon), salon.base_url("yclients"), now=NOW, timezone="Asia/Yekaterinburg") as call:
        await MANIFEST.polling.poll(json.dumps({"records": NOW.isoformat(), "clients": NOW.isoformat()}), call)
        urls = [exchange.url for exchange in call.http.log]
    assert all("changed_after=2026-03-14T20%3A58%3A00%2B05%3A00" in url for url in urls)
    assert "with_deleted=1" in urls[0]


async def test_a_long_list_is_read_page_by_page_and_twice_before_its_mark_moves(salon: Running) -> None:
    for number in range(2 * PAGE + 1):
        saved(salon, number + 1, NOW + timedelta(seconds=number))
    looks = await looked(salon, NOW, NOW + timedelta(hours=1))
    assert [len(look.facts) for look in looks] == [PAGE, PAGE, 1, PAGE, PAGE, 1]
    marks = [json.loads(look.cursor)["records"] for look in looks]
    assert marks[:-1] == ["2026-03-14T16:00:00Z"] * 5
    assert marks[-1] == "2026-03-14T16:01:40Z"
    assert len({fact.key for look in looks for fact in look.facts}) == 2 * PAGE + 1


@pytest.mark.parametrize("meta", [[], {}, None])
async def test_a_full_page_of_a_list_that_does_not_say_its_length_is_no_end(salon: Running, meta: Any) -> None:
    page = [saved(salon, number + 1, NOW + timedelta(seconds=number)) for number in range(PAGE)]
    body = {"success": True, "data": page, "meta": meta}
    salon.fault("yclients", kind="answer", path="/api/v1/records/*", status=200, body=body)
    saved(salon, PAGE + 1, NOW + timedelta(seconds=PAGE))
    looks = await looked(salon, NOW, NOW + timedelta(hours=1))
    assert len({fact.key for look in looks for fact in look.facts}) == PAGE + 1


async def test_a_record_pushed_over_the_edge_of_a_page_while_we_read_is_not_lost(salon: Running) -> None:
    """As if the list were ordered by the last change: a saved record goes to its end, the others move up."""
    world = stand_in(salon).salon
    for number in range(PAGE + 5):
        saved(salon, number + 1, NOW + timedelta(seconds=number))
    seen: set[Any] = set()
    cursor, more = json.dumps({"records": NOW.isoformat(), "clients": NOW.isoformat()}), True
    pages = 0
    while more:
        look = await polled(salon, cursor, NOW + timedelta(hours=1))
        seen |= {fact.data["record"] for fact in look.facts if "record" in fact.data}
        cursor, more = look.cursor, look.more
        pages += 1
        if pages == 1:
            world.records[1] = {**world.records.pop(1), "last_change_date": "2026-03-14T19:30:00+03:00"}
    assert seen == {str(number + 1) for number in range(PAGE + 5)}


async def test_clients_that_may_not_be_asked_for_never_hold_up_the_records(salon: Running) -> None:
    saved(salon)
    stand_in(salon).clients_open = False
    (look,) = await looked(salon, NOW)
    assert len(look.facts) == 1
    stand_in(salon).clients_open = True
    for fault in ({"kind": "answer", "status": 500}, {"kind": "cut_before"}):
        salon.fault("yclients", path="/api/v1/clients/*", **fault)
        (look,) = await looked(salon, NOW)
        assert len(look.facts) == 1
        assert json.loads(look.cursor).get("list", "records") == "records"


async def test_a_record_that_cannot_be_read_is_kept_and_the_others_go_on(salon: Running) -> None:
    saved(salon)
    stand_in(salon).salon.records[5] = {**saved(salon, 5), "id": None}
    (look,) = await looked(salon, NOW)
    assert sorted(fact.type.value for fact in look.facts) == ["appointment.booked", "other"]


async def test_a_record_dated_far_ahead_does_not_blind_us(salon: Running) -> None:
    saved(salon, 1, NOW, last_change_date="2031-01-01T00:00:00+03:00")
    (look,) = await looked(salon, NOW)
    assert json.loads(look.cursor)["records"] == "2026-03-14T16:10:00Z"


async def test_a_booking_that_was_changed_before_we_looked_is_still_a_booking(salon: Running) -> None:
    saved(salon, at=NOW + timedelta(minutes=1))
    saved(salon, at=NOW + timedelta(minutes=4), comment="x")
    (look,) = await looked(salon, NOW, NOW + timedelta(minutes=5))
    assert look.facts[0].type is EventType.APPOINTMENT_BOOKED
    (look,) = await looked(salon, NOW + timedelta(minutes=2), NOW + timedelta(minutes=5))
    assert look.facts[0].type is EventType.APPOINTMENT_CHANGED, "seen before"


# The doctor


async def checked(salon: Running, hook_url: str | None = HOOK_URL, **changes: Any) -> list[Finding]:
    async with calling(settings_for(salon, **changes), salon.base_url("yclients"), hook_url=hook_url) as call:
        found = await MANIFEST.doctor.check(call)
        assert "not-a-real-secret" not in str(found) + str(call.http.log)
        return found


def said(found: list[Finding]) -> dict[str, str]:
    return {finding.check: finding.status for finding in found}


async def fixed(salon: Running) -> Finding:
    async with calling(settings_for(salon), salon.base_url("yclients")) as call:
        (finding,) = await MANIFEST.hook.register(call, HOOK_URL)
        assert "not-a-real-secret" not in str(finding) + str(call.http.log)
        return finding


async def test_a_connection_in_order_is_said_to_be(salon: Running) -> None:
    await fixed(salon)
    assert said(await checked(salon)) == {
        "company": "ok", "time zone": "ok", "booking": "ok", "clients": "ok", "webhook": "ok",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("hooks", "check", "status"),
    [
        ({"urls": []}, "webhook", "fail"),
        ({"active": 0, "urls": [HOOK_URL]}, "webhook", "fail"),
        ({"urls": ["https://old.example.test/hook?key=not-a-real-secret"]}, "webhook", "fail"),
        ({"urls": ["https://hub.example.test/webhook_yclients?key=older"]}, "webhook", "warn"),
        ({"urls": [HOOK_URL], "record": 0}, "webhook flags", "warn"),
    ],
)
async def test_what_is_wrong_with_the_webhook_is_named(
    salon: Running, hooks: dict[str, Any], check: str, status: str
) -> None:
    stand_in(salon).hooks |= hooks
    assert said(await checked(salon))[check] == status


async def test_missing_access_is_said_with_its_remedy(salon: Running) -> None:
    assert said(await checked(salon, user_token="another")) == {"credentials": "fail"}
    assert said(await checked(salon, company_id=5)) == {"company": "fail", "clients": "warn", "webhook": "warn"}
    stand_in(salon).clients_open = stand_in(salon).hooks_open = False
    found = await checked(salon)
    assert said(found) == {
        "company": "ok", "time zone": "ok", "booking": "ok", "clients": "warn", "webhook": "warn",
    }  # fmt: skip
    assert all(finding.remedy for finding in found if finding.status != "ok")


async def test_a_salon_by_another_clock_or_without_online_booking_is_told_of(salon: Running) -> None:
    stand_in(salon).front.zone, stand_in(salon).front.services = "Asia/Yekaterinburg", []
    found = {finding.check: finding for finding in await checked(salon)}
    assert (found["time zone"].status, found["booking"].status) == ("fail", "warn")
    assert "timezone: Asia/Yekaterinburg" in (found["time zone"].remedy or "")
    salon.fault("yclients", kind="answer", path="/api/v1/book_services/*", status=403, body=sample("api-403"))
    assert said(await checked(salon, user_token=None)) == {"booking": "warn"}


async def test_our_address_is_added_and_nobody_elses_is_taken_out(salon: Running) -> None:
    stand_in(salon).hooks = sample("api-hooks-settings-get")["data"]
    wanted = sample("api-hooks-settings-post-request")
    wanted["urls"][1] = HOOK_URL
    assert (await fixed(salon)).status == "ok"
    assert stand_in(salon).hooks == wanted


async def test_a_second_fix_changes_nothing_and_a_new_key_takes_the_place_of_the_old_one(salon: Running) -> None:
    await fixed(salon)
    assert (await fixed(salon)).message == "the webhook is registered already"
    assert len(stand_in(salon).effects) == 1
    stand_in(salon).hooks["urls"] = ["https://hub.example.test/webhook_yclients?key=older"]
    await fixed(salon)
    assert stand_in(salon).hooks["urls"] == [HOOK_URL]


async def test_what_cannot_be_registered_is_said_with_what_to_do(salon: Running) -> None:
    stand_in(salon).hooks["urls"] = [f"https://h{number}.example.test/" for number in range(10)]
    assert (await fixed(salon)).status == "fail"
    stand_in(salon).hooks = {"url": "https://old.example.test/hook", "active": 1}
    assert (await fixed(salon)).status == "fail"
    stand_in(salon).hooks = {"url": HOOK_URL, "active": 1}
    assert (await fixed(salon)).status == "ok"
    stand_in(salon).hooks_open = False
    finding = await fixed(salon)
    assert (finding.status, finding.remedy is not None) == ("warn", True)
    assert stand_in(salon).effects == [], "nothing was written"


# The whole way


@pytest.fixture
async def house(salon: Running) -> AsyncIterator[SalonHouse]:
    house = SalonHouse(salon)
    await house.settle_in()
    yield house
    await house.hub.clients.close()


def told(house: SalonHouse) -> list[tuple[str, str]]:
    return [(record.event.type.value, record.status.value) for record in house.events()]


async def test_the_briefs_curl_works_as_it_is_written(house: SalonHouse) -> None:
    body = b'{"resource": {"visit_attendance": 1, "deleted": false, "client": {"phone": "+79991234567"}}}'
    for expected in ("accepted", "duplicate"):
        answer = await house.call(body)
        assert answer.status == 200
        assert json.loads(answer.body)["events"][0]["status"] == expected
    await house.run()
    assert len(house.sms.sent) == 1
    assert house.events()[0].event.identity == "weak"


async def test_a_wrong_key_and_a_wrong_partner_token_are_refused(house: SalonHouse) -> None:
    uninstall = sample("wh-marketplace-uninstall")
    assert (await house.call(json.dumps(uninstall).encode(), key="nonsense")).status == 401
    assert (await house.call(json.dumps({**uninstall, "partner_token": "x"}).encode())).status == 401
    assert house.events() == []


async def test_the_same_visit_by_webhook_poll_and_reread_is_one_event_and_one_message(house: SalonHouse) -> None:
    await house.look()
    house.clock.step(60)
    await house.save(attendance=1)
    await house.run()
    assert await house.look() == 0
    assert told(house) == [("appointment.completed", "planned")]
    assert [text for _, text in house.sms.sent] == ["Мария, спасибо! https://example.org/r"]


async def test_what_a_webhook_tells_in_part_is_read_whole_and_acted_on_once(house: SalonHouse) -> None:
    await house.look()
    house.clock.step(60)
    await house.save(attendance=1, tell=False)
    for body in ("partial", "full", "partial"):
        await house.save(comment="чай", body=body)
        await house.run()
    assert await house.look() == 0
    assert sorted(told(house)) == [("appointment.changed", "planned"), ("appointment.completed", "planned")]
    (changed,) = [record for record in house.events() if record.event.partial]
    (completed,) = [record for record in house.events() if not record.event.partial]
    assert changed.reason == f"told in part: read again and found to be {completed.event.id}"
    assert len(house.sms.sent) == 1


async def test_a_visit_that_no_webhook_told_of_is_found_by_asking(house: SalonHouse) -> None:
    await house.look()
    house.clock.step(60)
    await house.save(attendance=1, tell=False)
    assert await house.look() == 1
    await house.run()
    assert len(house.sms.sent) == 1


async def test_a_visit_that_was_corrected_before_we_acted_makes_no_message(house: SalonHouse) -> None:
    came = await house.save(attendance=1, tell=False)
    await house.save(attendance=-1, tell=False)
    await house.call(stand_in(house.salon).event("record", VISIT, "update", {**came, "attendance": 1}))
    await house.run()
    assert house.sms.sent == []
    (record,) = house.events()
    assert "the source says appointment.missed now" in str(record.reason)


async def test_two_services_of_one_visit_make_one_message(house: SalonHouse) -> None:
    for record in (VISIT, VISIT + 1):
        await house.save(record, visit_id="1401234567", attendance=1)
    await house.run()
    assert len(house.sms.sent) == 1
    assert len(house.deliveries()) == 1


async def test_another_service_of_the_visit_that_waits_or_is_taken_out_does_not_unsay_the_one_that_took_place(
    salon: Running,
) -> None:
    house = SalonHouse(salon, flow={"delay": "30m"})
    await house.settle_in()
    await house.save(VISIT, visit_id="1401234567", attendance=1)
    house.clock.step(1)
    await house.save(VISIT + 1, visit_id="1401234567", attendance=0, visit_attendance=0)
    house.clock.step(1)
    await house.save(VISIT + 2, visit_id="1401234567", deleted=True)
    await house.pass_time(45 * 60)
    assert len(house.sms.sent) == 1
    await house.hub.clients.close()


async def test_a_message_that_waits_is_not_sent_once_its_visit_is_taken_out(salon: Running) -> None:
    house = SalonHouse(salon, flow={"delay": "30m"})
    await house.settle_in()
    await house.save(attendance=1)
    await house.run()
    house.clock.step(60)
    await house.save(deleted=True, body="bare", as_delete=True)
    await house.pass_time(45 * 60)
    assert house.sms.sent == []
    (delivery,) = house.deliveries()
    assert delivery.status is Status.CANCELLED
    await house.hub.clients.close()


async def test_a_comment_on_a_finished_visit_does_not_unsay_it(salon: Running) -> None:
    house = SalonHouse(salon, flow={"delay": "30m"})
    await house.settle_in()
    await house.save(attendance=1)
    await house.run()
    house.clock.step(60)
    await house.save(comment="чай", body="partial")
    await house.pass_time(45 * 60)
    assert len(house.sms.sent) == 1
    await house.hub.clients.close()


async def test_without_tokens_the_webhooks_word_counts(salon: Running) -> None:
    house = SalonHouse(salon, user_token=None)
    await house.settle_in()
    await house.save(attendance=1, body="partial")
    assert await house.look() == 0
    await house.run()
    assert house.sms.sent == [], "the body names no client"
    await house.save(attendance=1)
    await house.run()
    assert len(house.sms.sent) == 1
    assert stand_in(salon).calls == []
    await house.hub.clients.close()


async def test_a_dead_user_token_is_told_and_nothing_is_lost(house: SalonHouse) -> None:
    stand_in(house.salon).user_token = "another"
    await house.save(attendance=1)
    await house.pass_time(3600)
    assert house.sms.sent == []
    assert [(alert.kind, alert.stage) for alert in house.alerts()] == [("outage", "blocked")]
    assert "пароль" in house.alerts()[0].text
    stand_in(house.salon).user_token = USER_TOKEN
    await house.pass_time(2 * 3600)
    assert len(house.sms.sent) == 1


async def test_a_goodbye_of_the_marketplace_is_told_to_the_owner(house: SalonHouse) -> None:
    answer = await house.call(json.dumps(sample("wh-marketplace-uninstall")).encode().replace(
        b"not-a-real-partner-token", PARTNER_TOKEN.encode()
    ))  # fmt: skip
    assert answer.status == 200
    await house.run()
    (alert,) = house.alerts()
    assert (alert.kind, alert.stage) == ("hook", "disabled")
    assert "Маркетплейсе" in alert.text


@pytest.mark.parametrize("faults", [{"copies": 3}, {"drop_every": 2}, {"shuffle": True, "copies": 2}])
async def test_doubled_lost_and_reordered_webhooks_make_one_message_a_visit(
    house: SalonHouse, faults: dict[str, Any]
) -> None:
    await house.look()
    house.clock.step(60)
    async with httpx.AsyncClient(trust_env=False) as controls:
        await controls.post(f"{house.salon.url}/_sim/yclients/hook_faults", json=faults)
    for record in range(1, 5):
        await house.save(record, attendance=0)
        house.clock.step(1)
        await house.save(record, attendance=1)
        house.clock.step(1)
    await house.run()
    await house.look()
    await house.run()
    assert len(house.sms.sent) == 4


async def test_what_the_stand_in_sends_is_what_we_read(salon: Running) -> None:
    with scripted() as hub:
        hub.on("/hook", 200)
        stand_in(salon).hooks |= {"urls": [f"{hub.url}/hook"], "record": 1, "client": 1, "master": 1}
        async with httpx.AsyncClient(trust_env=False) as controls:
            sim = f"{salon.url}/_sim/yclients"
            await controls.post(f"{sim}/record", json={"id": VISIT, "changes": {"attendance": 1}})
            await controls.post(f"{sim}/record", json={"id": VISIT, "changes": {"comment": "x"}, "body": "partial"})
            await controls.post(
                f"{sim}/record", json={"id": VISIT, "changes": {"deleted": True}, "as_delete": True, "body": "bare"}
            )
            await controls.post(f"{sim}/client", json={"changes": {"name": "Анна"}})
            staff = sample("wh-staff-create")
            await controls.post(f"{sim}/event", json={**staff, "data": staff["data"]})
            await controls.post(f"{sim}/event", json=sample("wh-goods-sale-create"))
        facts = [pushed(body) for body in hub.asked("/hook")]
    assert [fact.type.value for fact in facts] == [
        "appointment.completed", "appointment.changed", "appointment.cancelled", "contact.created", "other",
    ]  # fmt: skip
