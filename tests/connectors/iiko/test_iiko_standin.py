"""The connector against iiko's stand-in, and the whole engine around it: what is lost on the way is found."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from connectors.support import Scripted, posted, scripted
from fakes import House
from simulators.iiko import IikoSimulator
from simulators.iiko.world import ORGANIZATION, TERMINAL_GROUP, TerminalGroup
from simulators.serve import Running, serve
from svyazka.connectors.iiko.manifest import MANIFEST
from svyazka.connectors.iiko.webhook import WEBHOOK
from svyazka.engine.calling.call_factory import call_to
from svyazka.engine.calling.exchanges import exchanges
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.webhook import Answer, Inbound, RawRequest
from svyazka.engine.intake.receive import Receiver
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Put
from svyazka.model.deliveries import Status
from svyazka.model.events import Entity, EventType, Fact
from svyazka.model.tenants import CompiledConnection, ConnectionSpec

LOGIN, TOKEN = "api-login-for-tests", "hook-secret-for-tests"
V2 = {"api_key": "key-for-tests", "app_id": ORGANIZATION, "client_secret": "secret-for-tests"}
BY_REVISION = "/api/1/deliveries/by_revision"
BY_DATE = "/api/1/deliveries/by_delivery_date_and_status"


class Restaurant(House):
    """A business whose till is iiko's stand-in; webhooks reach `hub`, and are handed on by `take`."""

    def __init__(self, running: Running, hub: Scripted, **settings: Any) -> None:
        super().__init__()
        self.running, self.arrived = running, hub
        self.taken = 0
        given: dict[str, Any] = {
            "base_url": running.base_url("iiko"),
            "organization_id": ORGANIZATION,
            "auth_token": TOKEN,
        }
        given["limit"] = {"per_second": 1e9}
        till = ConnectionSpec(vendor="iiko", settings={**given, **(settings or {"api_login": LOGIN})})
        self.manifests["iiko"] = MANIFEST
        self.tenant = self.tenant.model_copy(update={"connections": {**self.tenant.connections, "till": till}})
        self.hook = f"{hub.url}/hook"
        self.start()

    async def settle_in(self) -> None:
        await super().settle_in()
        document = await self.store.get("connections", "kofe.till")
        compiled = journal.read(CompiledConnection, document).model
        sealed = {"auth_token": self.keyring.seal("verify", TOKEN, "kofe.till.auth_token")}
        changes = {"public": {"organization_id": ORGANIZATION}, "sealed": sealed}
        await self.store.commit([Put(journal.document(compiled.model_copy(update=changes)))])

    def control(self, path: str, body: Any, **options: Any) -> Any:
        """Tell the stand-in something; its clock stands where ours does."""
        with httpx.Client(trust_env=False, verify=False, timeout=20) as client:
            sim = f"{self.running.url}/_sim/iiko"
            client.post(f"{sim}/clock", json={"now": self.clock.now().isoformat()})
            answer = client.post(f"{sim}/{path}", json=body, params=options)
        assert answer.status_code == 200, answer.text
        return answer.json()

    async def call(self, hook_url: str | None = None) -> Call[Any]:
        """What the connector gets from the engine."""
        account = await self.hub.directory.account("kofe", "till")
        assert account is not None
        self.hub.hook_url = lambda account: hook_url
        return call_to(self.hub, account, exchanges(self.hub, account), key="k")

    async def register(self) -> None:
        """As `svyazka doctor --fix` does."""
        findings = await MANIFEST.hook.register(await self.call(), self.hook)
        assert [finding.status for finding in findings] == ["ok"]

    def told(self) -> list[Fact]:
        """Facts of all webhooks that have arrived."""
        bodies = [json.dumps(body).encode() for body in self.arrived.asked("/hook")]
        facts = [fact for body in bodies for fact in WEBHOOK.parse(posted(body), Inbound({}, {}))]
        assert all(isinstance(fact, Fact) for fact in facts)
        return [fact for fact in facts if isinstance(fact, Fact)]

    async def take(self) -> list[Answer]:
        """Hand what has arrived to our webhook function, with the header that it came with."""
        receiver = Receiver(WEBHOOK, self.store, self.keyring, self.clock)
        query = f"key={self.keyring.mint('iiko', 'kofe', 'till')}".encode()
        answers = []
        for _, body, headers in self.arrived.seen[self.taken :]:
            content = json.dumps(body, ensure_ascii=False).encode()
            names = ("content-type", "authorization")
            pairs = [(name.encode(), headers[name].encode()) for name in names if name in headers]

            async def read(limit: int, content: bytes = content) -> bytes:
                return content

            answers.append(await receiver.handle(RawRequest("POST", "/webhook_iiko", query, pairs, b""), read))
        self.taken = len(self.arrived.seen)
        return answers

    async def poll(self) -> int:
        """One turn of the poller, the stand-in's clock where ours is; how many events were new."""
        self.running.of("iiko").world.standing = self.clock.now()
        return await self.worker.poller.poll("kofe", "till")

    def asked(self, path: str) -> int:
        return sum(call["path"] == path for call in self.running.of("iiko").calls)

    def succeeded(self) -> set[str]:
        return {delivery.subject for delivery in self.deliveries() if delivery.status is Status.SUCCEEDED}


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with serve([IikoSimulator()]) as up:
        yield up


@pytest.fixture
def hub() -> Iterator[Scripted]:
    with scripted() as receiver:
        receiver.on("/hook", 200, {"status": "accepted"})
        yield receiver


@pytest.fixture
async def house(running: Running, hub: Scripted) -> Restaurant:
    running.of("iiko").clear()
    made = Restaurant(running, hub)
    await made.settle_in()
    await made.poll()
    await made.register()
    return made


# Lost webhooks


async def test_of_a_hundred_orders_the_poll_finds_exactly_the_thirty_of_which_no_webhook_came(
    house: Restaurant,
) -> None:
    order = {"status": "Closed", "phone": "+79991234500"}
    made = house.control("orders", order, count=100, drop=30, batch=7)
    answers = await house.take()
    assert {answer.status for answer in answers} == {200}
    await house.run()
    assert len(house.succeeded()) == 70
    house.clock.step(120)
    assert await house.poll() == 30
    by_poll = {record.event.subject for record in house.events() if record.event.origin == "poll"}
    assert by_poll == {f"order:{id_}" for id_ in made["dropped"]}
    await house.run()
    assert house.succeeded() == {f"order:{order['id']}" for order in made["orders"]}
    assert len(house.sms.sent) == 100
    house.clock.step(120)
    assert await house.poll() == 0


async def test_a_fact_by_webhook_by_poll_and_by_reread_has_one_identity(house: Restaurant) -> None:
    orders = [
        {"status": "Closed"}, {"status": "Delivered"}, {"status": "Cancelled"}, {"error": "TerminalGroupUnregistered"},
        {"status": "Closed", "customer": "one-time"}, {"status": "Closed", "phone_extension": "12"},
    ]  # fmt: skip
    house.control("orders", orders, batch=3)
    cursor = json.dumps({"at": house.clock.now().isoformat(), "revision": 0})
    polled = (await MANIFEST.polling.poll(cursor, await house.call())).facts
    told = house.told()
    reread = [await MANIFEST.reading.read(fact.entity, await house.call()) for fact in told if fact.entity]

    def meaning(fact: Fact | None) -> Any:
        assert fact is not None
        return fact.key, fact.type, fact.subject, fact.contact, fact.position, fact.data, fact.ignored

    assert len(told) == 6
    wanted = {str(fact.key): meaning(fact) for fact in told}
    assert {str(fact.key): meaning(fact) for fact in polled} == wanted
    assert {str(fact.key): meaning(fact) for fact in reread if fact} == wanted


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ({"kind": "table", "status": "Closed"}, EventType.ORDER_COMPLETED),
        ({"kind": "table", "status": "Deleted"}, EventType.ORDER_CANCELLED),
        ({"kind": "reserve", "status": "New"}, EventType.APPOINTMENT_BOOKED),
        ({"kind": "reserve", "status": "Closed", "cancel_reason": "ClientNotAppeared"}, EventType.APPOINTMENT_MISSED),
        ({"kind": "reserve", "deleted": True}, EventType.APPOINTMENT_CANCELLED),
    ],
)
async def test_what_cannot_be_polled_is_told_and_reread_alike(
    house: Restaurant, order: dict[str, Any], expected: EventType
) -> None:
    house.control("orders", order)
    (told,) = house.told()
    assert told.entity is not None
    reread = await MANIFEST.reading.read(told.entity, await house.call())
    assert reread is not None
    assert (reread.key, reread.type, told.type) == (told.key, expected, expected)
    house.clock.step(120)
    assert await house.poll() == 0


async def test_a_telegram_chat_that_no_poll_is_told_comes_with_the_reread(house: Restaurant) -> None:
    made = house.control("orders", {"status": "Closed", "external": {"tgUserId": "77", "other": "x"}}, drop=1)
    house.clock.step(120)
    assert await house.poll() == 1
    (record,) = house.events()
    assert record.event.contact is not None
    assert record.event.contact.chats == {}
    fact = await MANIFEST.reading.read(Entity(kind="delivery", id=made["orders"][0]["id"]), await house.call())
    assert fact is not None
    assert fact.contact is not None
    assert fact.contact.chats == {"telegram": "77"}


async def test_doubled_and_shuffled_webhooks_of_delivered_and_closed_are_one_message(house: Restaurant) -> None:
    house.control("hook_faults", {"copies": 2, "shuffle": True})
    house.control("orders", [{"number": 1, "status": "Delivered"}, {"number": 1, "status": "Closed"}])
    assert len(await house.take()) == 4
    await house.run()
    house.clock.step(120)
    assert await house.poll() == 0
    assert (len(house.events()), len(house.sms.sent)) == (2, 1)


async def test_an_edit_that_the_till_refused_does_not_call_off_the_message(house: Restaurant) -> None:
    made = house.control("orders", {"status": "Delivered"})["orders"][0]
    (delivered,) = house.told()
    house.control("orders", {"id": made["id"], "error": "OrderStatusChangedInIikoFront"})
    refused = house.told()[-1]
    assert delivered.subject == refused.subject
    assert max(delivered, refused, key=lambda fact: fact.position or 0) is delivered


async def test_without_the_registered_token_an_event_is_refused(house: Restaurant) -> None:
    house.control("webhook", {"uri": house.hook, "token": "another"})
    house.control("orders", {"status": "Closed"})
    assert [answer.status for answer in await house.take()] == [401]
    assert house.events() == []


# Cursors, pauses, gaps


async def test_a_crash_between_journal_and_cursor_makes_nothing_twice(house: Restaurant) -> None:
    cursor = await house.store.get("cursors", "kofe.till")
    house.control("orders", {"status": "Closed"}, count=5, drop=5)
    house.clock.step(120)
    assert await house.poll() == 5
    house.store.documents["cursors", "kofe.till"] = cursor  # as if the process had died before the cursor moved
    house.start()
    house.clock.step(120)
    assert await house.poll() == 0
    await house.run()
    assert len(house.sms.sent) == 5


async def test_a_change_that_iiko_lists_late_is_caught_by_the_overlap(house: Restaurant) -> None:
    world = house.running.of("iiko").world
    house.control("orders", [{"number": 1, "status": "Closed"}, {"number": 2, "status": "Closed"}], drop=2)
    late = next(thing for thing in world.things.values() if thing.number == 1)
    del world.things[late.id]  # not in its cache yet, although the next revision is
    house.clock.step(120)
    assert await house.poll() == 1
    world.things[late.id] = late
    house.clock.step(120)
    assert await house.poll() == 1


async def test_a_pause_longer_than_iikos_revisions_is_caught_up_day_by_day(house: Restaurant) -> None:
    made = []
    for _ in range(5):
        house.clock.step(24 * 3600)
        made += house.control("orders", {"status": "Closed"}, drop=1)["orders"]
    house.clock.step(4 * 3600)
    assert await house.poll() == 5
    assert {record.event.subject for record in house.events()} == {f"order:{order['id']}" for order in made}
    assert house.alerts() == []
    house.control("orders", {"status": "Closed"}, drop=1)
    house.clock.step(120)
    assert await house.poll() == 1, "and the usual looks go on"


async def test_what_is_older_than_a_week_is_an_alert_with_its_times_told_once(house: Restaurant) -> None:
    last = house.clock.now()
    house.control("orders", {"status": "Closed"}, drop=1)
    house.clock.step(9 * 24 * 3600)
    house.control("orders", {"status": "Closed"}, drop=1)
    house.clock.step(4 * 3600)
    now = house.clock.now()
    look = await MANIFEST.polling.poll(json.dumps({"at": last.isoformat(), "revision": 0}), await house.call())
    assert look.gap == (last, now - timedelta(days=7))
    assert await house.poll() == 1
    (alert,) = house.alerts()
    assert alert.kind == "gap"
    assert "14.03" in alert.text
    assert "16.03" in alert.text
    for _ in range(3):
        house.clock.step(120)
        await house.poll()
    assert len(house.alerts()) == 1


async def test_a_night_without_orders_costs_iiko_few_refusals_and_the_morning_is_found(house: Restaurant) -> None:
    house.control("orders", {"status": "Closed"}, drop=1)

    async def watch(minutes: int) -> None:
        for _ in range(0, minutes, 4):
            house.clock.step(240)
            await house.poll()

    await watch(180)
    looks = house.asked(BY_REVISION) + house.asked(BY_DATE)
    await watch(180)
    assert house.asked(BY_REVISION) + house.asked(BY_DATE) - looks <= 3 * 2 * 3, "three calls twice an hour"
    house.control("orders", {"status": "Closed"}, drop=1)
    await watch(32)
    assert len(house.events()) == 2


async def test_the_first_look_imports_nothing_of_before(running: Running, hub: Scripted) -> None:
    running.of("iiko").clear()
    house = Restaurant(running, hub)
    await house.settle_in()
    house.control("orders", {"status": "Closed"}, count=3)
    for _ in range(3):
        house.clock.step(120)
        assert await house.poll() == 0
    house.control("orders", {"status": "Closed"})
    house.clock.step(120)
    assert await house.poll() == 1


async def test_a_polled_orders_time_is_that_of_its_own_till(house: Restaurant) -> None:
    east = TerminalGroup(
        id="11111111-1111-4111-8111-111111111111", zone="Asia/Vladivostok", written_zone="Vladivostok Standard Time"
    )
    house.running.of("iiko").world.terminal_groups.append(east)
    happened = house.clock.now()
    for group in (TERMINAL_GROUP, east.id):
        house.control("orders", {"status": "Closed", "terminal_group": group}, drop=1)
    house.clock.step(120)
    assert await house.poll() == 2
    assert [record.event.occurred_at for record in house.events()] == [happened, happened]


# Tokens and rights


async def test_a_token_that_ends_in_the_middle_of_catching_up_is_renewed_once_and_nothing_is_missed(
    house: Restaurant,
) -> None:
    house.clock.step(3600)
    house.control("orders", {"status": "Closed"}, count=3, drop=3)
    house.clock.step(48 * 3600)
    expired = {"correlationId": ORGANIZATION, "errorDescription": "Token has expired", "error": "TOKEN_EXPIRED"}
    house.running.fault("iiko", kind="answer", path=BY_DATE, skip=1, status=401, body=expired)
    before = len(house.running.of("iiko").effects)
    assert await house.poll() == 3
    assert [effect["kind"] for effect in house.running.of("iiko").effects[before:]] == ["token"]


@pytest.mark.parametrize("credentials", [{"api_login": LOGIN}, V2])
async def test_an_expired_token_is_renewed_in_both_ways_of_signing_in(
    running: Running, hub: Scripted, credentials: dict[str, str]
) -> None:
    running.of("iiko").clear()
    house = Restaurant(running, hub, **credentials)
    await house.settle_in()
    await house.poll()
    running.of("iiko").world.expire_tokens()
    house.control("orders", {"status": "Closed"})
    house.clock.step(120)
    assert await house.poll() == 1
    version = 2 if credentials is V2 else 1
    tokens = [effect["version"] for effect in running.of("iiko").effects if effect["kind"] == "token"]
    assert tokens == [version, version]


async def test_revoked_credentials_are_told_once_and_asked_about_no_more(house: Restaurant) -> None:
    house.running.of("iiko").world.revoked.add(LOGIN)
    for _ in range(5):
        house.clock.step(120)
        assert await house.poll() == 0
    assert [alert.stage for alert in house.alerts()] == ["blocked"]
    assert house.asked("/api/1/access_token") == 2


async def test_an_organization_that_iiko_does_not_know_is_told_once_and_not_asked_for_again_and_again(
    running: Running, hub: Scripted
) -> None:
    running.of("iiko").clear()
    house = Restaurant(running, hub, api_login=LOGIN, organization_id=TERMINAL_GROUP)
    await house.settle_in()
    for _ in range(5):
        house.clock.step(120)
        assert await house.poll() == 0
    assert [alert.stage for alert in house.alerts()] == ["blocked"]
    assert house.asked(BY_DATE) == 1


async def test_a_vendor_that_fails_loses_nothing(house: Restaurant) -> None:
    house.control("orders", {"status": "Closed"}, count=4, drop=4)
    for fault in ({"kind": "cut_after"}, {"kind": "answer", "status": 503}, {"kind": "cut_before"}):
        house.running.fault("iiko", path=BY_REVISION, **fault)
        house.clock.step(120)
        assert await house.poll() == 0
    house.clock.step(120)
    assert await house.poll() == 4


# The doctor


async def test_the_doctor_sees_that_nothing_is_registered_mends_it_and_is_content(
    running: Running, hub: Scripted
) -> None:
    running.of("iiko").clear()
    house = Restaurant(running, hub)
    await house.settle_in()

    async def seen() -> dict[str, str]:
        return {finding.check: finding.status for finding in await MANIFEST.doctor.check(await house.call(house.hook))}

    assert await seen() == {"credentials": "ok", "organization": "ok", "webhook": "fail", "polling": "ok"}
    await house.register()
    assert await seen() == {"credentials": "ok", "organization": "ok", "webhook": "ok", "polling": "ok"}
    (again,) = await MANIFEST.hook.register(await house.call(), house.hook)
    assert again.message == "the webhook is registered already"
    house.control("orders", [{"status": "Closed"}, {"kind": "table", "status": "Deleted"}, {"kind": "reserve"}])
    assert {answer.status for answer in await house.take()} == {200}
    assert len(house.events()) == 3


async def test_the_doctor_names_the_organizations_when_ours_is_not_among_them(running: Running, hub: Scripted) -> None:
    running.of("iiko").clear()
    house = Restaurant(running, hub, api_login=LOGIN, organization_id=TERMINAL_GROUP)
    await house.settle_in()
    found = {finding.check: finding for finding in await MANIFEST.doctor.check(await house.call())}
    assert found["organization"].status == "fail"
    assert ORGANIZATION in found["organization"].message
    (finding,) = await MANIFEST.hook.register(await house.call(), house.hook)
    assert finding.status == "fail"
    assert running.of("iiko").world.hooks == {}


async def test_an_organization_put_right_later_is_found_by_the_poll(house: Restaurant) -> None:
    """Events refused for their organization keep an identity of their own, so the real ones are no repeats."""
    house.control("orders", {"status": "Closed"})
    facts = WEBHOOK.parse(
        posted(json.dumps(house.arrived.asked("/hook")[0]).encode()), Inbound({"organization_id": "another"}, {})
    )
    assert [isinstance(fact, Fact) and bool(fact.ignored) for fact in facts] == [True]
    house.clock.step(120)
    assert await house.poll() == 1
    assert house.events()[0].event.occurred_at == datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
