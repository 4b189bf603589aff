"""Reading orders again, polling, the doctor, and the whole way: against the stand-in, over HTTP on loopback."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from connectors.support import calling, posted, scripted
from fakes import House
from simulators.rkeeper import CLIENT_ID, CLIENT_SECRET, OBJECT_ID, WS_TOKEN, RKeeper
from simulators.serve import Running, serve
from svyazka.connectors.rkeeper.manifest import MANIFEST
from svyazka.connectors.rkeeper.settings import RKeeperSettings
from svyazka.connectors.rkeeper.webhook import WEBHOOK
from svyazka.engine.contracts.learning import Polled
from svyazka.engine.contracts.webhook import Answer, Inbound, RawRequest
from svyazka.engine.intake.receive import Receiver
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Put
from svyazka.engine.upkeep import silent_hooks as watch
from svyazka.model.deliveries import Status
from svyazka.model.errors import NotShown, SourceUnavailable
from svyazka.model.events import Entity, EventType, Fact
from svyazka.model.tenants import CompiledConnection, ConnectionSpec

SAMPLES = Path(__file__).parents[2] / "samples" / "rkeeper"
GUID = "5e964af3-6e1d-4661-8db1-08d897c7079a"
TILL_ORDER = Entity(kind="till_order", id=f"{OBJECT_ID}/{GUID}")
START = datetime.fromisoformat("2026-03-14T12:00:00+00:00")


@pytest.fixture
def till() -> Iterator[Running]:
    with serve([RKeeper()]) as running:
        yield running


def settings_for(till: Running, **changes: Any) -> RKeeperSettings:
    given = {
        "base_url": till.base_url("rkeeper"), "client_id": CLIENT_ID, "client_secret": CLIENT_SECRET,
        "object_id": OBJECT_ID, "token": WS_TOKEN,
    }  # fmt: skip
    return RKeeperSettings(**{**given, **changes})


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


def pushed(body: Any) -> Fact:
    (fact,) = WEBHOOK.parse(posted(json.dumps(body).encode()), Inbound({}, {}))
    assert isinstance(fact, Fact)
    return fact


async def reread(till: Running, entity: Entity, **changes: Any) -> Fact | None:
    async with calling(settings_for(till, **changes), till.base_url("rkeeper")) as call:
        return await MANIFEST.reading.read(entity, call)


async def polled(till: Running, cursor: str | None, now: datetime = START, **changes: Any) -> Polled:
    async with calling(settings_for(till, **changes), till.base_url("rkeeper"), now=now) as call:
        return await MANIFEST.polling.poll(cursor, call)


def api_order(till: Running, status: int = 11, order_id: str = "59707", **fields: Any) -> dict[str, Any]:
    """An order that was made through our API connection."""
    rkeeper = till.of("rkeeper")
    rkeeper.through_api.add(order_id)
    order: dict[str, Any] = rkeeper.put_order(order_id, status, guest={"phone": "79991234567", "firstName": "Анна"})
    order.update({"createdAt": "2026-03-14T12:00:00.000+00:00", **fields})
    return order


@pytest.mark.parametrize(
    ("given", "can"),
    [
        ({}, (False, False, False)),
        ({"client_id": "a"}, (False, False, False)),
        ({"client_id": "a", "client_secret": "b"}, (True, True, True)),
        ({"token": "t"}, (True, False, True)),
    ],
)
def test_what_can_be_asked_depends_on_the_credentials(given: dict[str, str], can: tuple[bool, ...]) -> None:
    settings = RKeeperSettings(**given)  # type: ignore[arg-type]
    assert (MANIFEST.reading.ready(settings), MANIFEST.polling.ready(settings), MANIFEST.doctor.ready(settings)) == can


# Identity


async def test_a_push_a_poll_and_a_reread_tell_of_the_same_fact(till: Running) -> None:
    order = api_order(till, updatedAt="2026-03-14T12:01:00.000+00:00", completedAt="2026-03-14T12:01:00.000+00:00")
    seed = {"order": {"id": "59707", "status": "Выполнен", "customer": {"phone": "+79991234567"}}}
    by_push, by_object, by_nested = pushed(seed), pushed(order), pushed({"order": order})
    assert by_push.entity is not None
    by_reread = await reread(till, by_push.entity)
    (by_poll,) = (await polled(till, (await polled(till, None)).cursor)).facts
    assert by_reread is not None
    keys = {fact.key for fact in (by_push, by_object, by_nested, by_reread, by_poll)}
    assert keys == {("order", "59707", "выполнен")}
    assert by_object == by_nested == by_reread == by_poll


async def test_an_event_of_the_till_and_a_reread_tell_of_the_same_fact(till: Running) -> None:
    order = {**sample("ws-getorder-response")["taskResponse"]["order"], "status": {"value": "Complited"}}
    till.of("rkeeper").put_till_order(GUID, "Complited", **{k: v for k, v in order.items() if k != "status"})
    by_event = pushed(sample("ws-event-order-status-changed-complited"))
    assert by_event.entity == TILL_ORDER
    by_reread = await reread(till, by_event.entity)
    assert by_reread is not None
    assert (by_reread.key, by_reread.type, by_reread.subject) == (by_event.key, by_event.type, by_event.subject)


# Reading again


async def test_the_till_tells_the_guest_that_its_event_kept_silent_about(till: Running) -> None:
    customer = sample("ws-createorder-sync-request")["params"]["order"]["customer"]
    till.of("rkeeper").put_till_order(GUID, "Complited", customer=customer)
    fact = await reread(till, TILL_ORDER)
    assert fact is not None
    assert fact.contact is not None
    assert (fact.contact.name, fact.contact.phone, fact.contact.email) == ("Анна", "+79991234567", "anna@example.ru")


@pytest.mark.parametrize("name", ["ws-getorder-response", "ws-getorderstate-response", "ws-createorder-sync-response"])
async def test_each_answer_of_the_samples_is_an_order(till: Running, name: str) -> None:
    till.fault("rkeeper", kind="answer", status=200, body=sample(name))
    fact = await reread(till, TILL_ORDER)
    assert fact is not None
    ended = name == "ws-getorderstate-response"
    assert fact.type is (EventType.ORDER_COMPLETED if ended else EventType.ORDER_CREATED)
    assert fact.subject == f"order:{GUID}"


async def test_the_answer_of_the_documentation_is_the_order_that_was_asked_for(till: Running) -> None:
    body = sample("delivery-get-order-response")
    till.fault("rkeeper", kind="answer", path="/orders/api/v1/orders/*", status=200, body=body)
    fact = await reread(till, Entity(kind="order", id="59707"))
    assert fact is not None
    assert (fact.type, fact.key) == (EventType.ORDER_CHANGED, ("order", "59707", "принят в ресторане"))
    assert fact.contact is not None
    assert fact.contact.phone == "79991234567"


async def test_an_order_of_another_source_is_not_shown_which_does_not_mean_that_it_is_gone(till: Running) -> None:
    till.of("rkeeper").put_order("59707", 11)
    with pytest.raises(NotShown):
        await reread(till, Entity(kind="order", id="59707"))
    with pytest.raises(NotShown):
        await reread(till, Entity(kind="order", id="59707"), client_id=None)
    with pytest.raises(NotShown):
        await reread(till, TILL_ORDER, token=None)


async def test_an_order_that_the_till_does_not_know_is_gone(till: Running) -> None:
    assert await reread(till, TILL_ORDER) is None


async def test_a_till_that_is_off_is_asked_again_later(till: Running) -> None:
    till.of("rkeeper").agent_is_on = False
    with pytest.raises(SourceUnavailable, match="the restaurant's agent is silent"):
        await reread(till, TILL_ORDER)


# Polling


async def test_a_look_takes_what_changed_oldest_first_and_the_next_takes_the_last_changes_again(till: Running) -> None:
    api_order(till, order_id="1", updatedAt="2026-03-14T12:05:00.000+00:00")
    api_order(till, order_id="2", updatedAt="2026-03-14T12:03:00.000+00:00", status=10)
    api_order(till, order_id="3", updatedAt="2026-03-14T11:59:00.000+00:00")
    till.of("rkeeper").put_order("4", 11)
    first = await polled(till, (await polled(till, None)).cursor)
    assert [fact.subject for fact in first.facts] == ["order:2", "order:1"], "3 was history, 4 isn't shown to us"
    second = await polled(till, first.cursor)
    assert [fact.key for fact in second.facts] == [fact.key for fact in first.facts]
    assert second.cursor == first.cursor, "a cursor that doesn't move isn't written"


async def test_a_tenants_names_of_statuses_hold_for_the_poll_and_his_paths_do_not(till: Running) -> None:
    till.of("rkeeper").status_names[11] = "Гость доволен"
    api_order(till, updatedAt="2026-03-14T12:05:00.000+00:00")
    cursor = (await polled(till, None)).cursor
    (fact,) = (await polled(till, cursor, paths={"phone": "a.b", "order": "c"})).facts
    assert fact.type is EventType.ORDER_COMPLETED, "known by its id"
    assert (fact.key, fact.contact and fact.contact.phone) == (("order", "59707", "гость доволен"), "79991234567")
    (fact,) = (await polled(till, cursor, status_map={"Гость доволен": "changed"})).facts
    assert fact.type is EventType.ORDER_CHANGED


async def test_an_order_that_cannot_be_read_is_kept_and_the_others_go_on(till: Running) -> None:
    moment = {"updatedAt": "2026-03-14T12:05:00.000+00:00"}
    body = {"result": [{**moment}, {**moment, "orderId": "1" * 300, "orderStatusId": 11}, {"orderId": "2"}, 5,
                       {**moment, "orderId": "3", "orderStatusId": 11}]}  # fmt: skip
    cursor = (await polled(till, None)).cursor
    till.fault("rkeeper", kind="answer", path="/orders/api/v1/orders", status=200, body=body)
    facts = (await polled(till, cursor)).facts
    assert [fact.type.value for fact in facts] == ["order.completed", "other", "other"]
    assert all(fact.ignored for fact in facts[1:])


# The doctor


async def checked(till: Running, **changes: Any) -> dict[str, str]:
    async with calling(settings_for(till, **changes), till.base_url("rkeeper")) as call:
        found = await MANIFEST.doctor.check(call)
    assert all(finding.remedy for finding in found if finding.status == "fail")
    assert not any(secret in str(found) for secret in (CLIENT_SECRET, WS_TOKEN))
    return {finding.check: finding.status for finding in found}


async def test_each_product_is_checked_by_itself(till: Running) -> None:
    restaurant = f"White Server, objectId {OBJECT_ID}"
    assert await checked(till) == {"r_k Delivery": "ok", restaurant: "ok"}
    assert await checked(till, client_secret="another") == {"r_k Delivery": "fail", restaurant: "ok"}
    assert await checked(till, object_id=[OBJECT_ID, 1], client_id=None) == {
        restaurant: "ok",
        "White Server, objectId 1": "fail",
    }
    till.of("rkeeper").agent_is_on = False
    assert await checked(till) == {"r_k Delivery": "ok", restaurant: "fail"}


# The whole way


class Restaurant(House):
    """The engine over fakes with an r_keeper connection `till`, and its webhook."""

    def __init__(self, **settings: Any) -> None:
        super().__init__()
        spec = ConnectionSpec(vendor="rkeeper", settings=settings)
        self.manifests["rkeeper"] = MANIFEST
        self.tenant = self.tenant.model_copy(update={"connections": {**self.tenant.connections, "till": spec}})
        self.public = {name: value for name, value in settings.items() if name in WEBHOOK.public_settings}
        self.start()

    async def settle_in(self) -> None:
        await super().settle_in()
        held = await journal.load(self.store, CompiledConnection, "kofe.till")
        assert held is not None
        compiled = held.model.model_copy(update={"public": self.public})
        await self.store.commit([Put(journal.document(compiled))])

    async def push(self, body: bytes, query: str | None = None, *headers: tuple[str, str]) -> Answer:
        key = self.keyring.mint("rkeeper", "kofe", "till")
        pairs = [(name.encode(), value.replace("KEY", key).encode()) for name, value in headers]
        receiver = Receiver(WEBHOOK, self.store, self.keyring, self.clock)
        asked = f"key={key}" if query is None else query
        head = RawRequest("POST", "/webhook_rkeeper", asked.encode(), pairs, b"")

        async def read(limit: int) -> bytes | None:
            return body

        return await receiver.handle(head, read)


async def restaurant(**settings: Any) -> Restaurant:
    house = Restaurant(**settings)
    await house.settle_in()
    return house


def seed(**order: Any) -> bytes:
    whole = {"order": {"id": "1", "status": "Выполнен", "customer": {"phone": "+79991234567", "name": "Анна"}, **order}}
    return json.dumps(whole, ensure_ascii=False).encode()


JSON = ("content-type", "application/json")


@pytest.mark.parametrize(
    ("query", "headers"),
    [
        (None, [JSON]), (None, []),
        *(("", [JSON, header]) for header in (
            ("x-api-key", "KEY"), ("authorization", "Bearer KEY"), ("authorization", "KEY"), ("token", "KEY"),
        )),
    ],
)  # fmt: skip
async def test_the_briefs_curl_works_with_its_key_in_each_place_it_may_stand_in(query: Any, headers: Any) -> None:
    house = await restaurant()
    body = (SAMPLES / "push-seed-completed.json").read_bytes()
    answer = await house.push(body, query, *headers)
    assert answer.status == 200
    assert json.loads(answer.body)["events"][0]["status"] == "accepted"
    await house.run()
    assert [text for _, text in house.sms.sent] == ["Спасибо! https://example.org/r"]
    assert json.loads((await house.push(body, query, *headers)).body)["events"][0]["status"] == "duplicate"
    assert [event.event.identity for event in house.events()] == ["weak"]


async def test_delivered_and_completed_of_one_order_make_one_message() -> None:
    house = await restaurant()
    for status in ("В пути", "Доставлен", "Выполнен", "Выполнен"):
        assert (await house.push(seed(status=status))).status == 200
    await house.run()
    assert len(house.sms.sent) == 1
    assert sorted(event.status.value for event in house.events()) == ["ignored", "planned", "planned"]


async def test_an_aggregators_guest_gets_no_message() -> None:
    house = await restaurant()
    await house.push(seed(orderSourceName="Яндекс.Еда"))
    await house.run()
    assert house.sms.sent == []
    assert "never messaged" in str(house.events()[0].reason)


async def test_a_body_that_nobody_can_read_is_kept_with_200_and_told_of() -> None:
    house = await restaurant()
    answer = await house.push(b'{"zakaz": {"nomer": 7, "sostoyanie": 3, "telefon": "+79991234567"}}')
    assert answer.status == 200
    (told,) = json.loads(answer.body)["events"]
    assert told["status"] == "quarantined"
    assert "paths: {phone: zakaz.telefon}" in told["reason"]
    await house.run()
    assert [alert.kind for alert in house.alerts()] == ["quarantined"]
    answer = await house.push(b"<Event/>", None, ("content-type", "text/xml"))
    assert answer.status == 200


async def test_a_status_that_nobody_has_explained_is_shown_by_the_doctor_until_it_is() -> None:
    house = await restaurant()
    for number in range(3):
        await house.push(seed(id=number, status="Гость доволен"))
        house.clock.step(1)
    await house.push(seed(id=9, status="Новый статус"))
    account = await house.hub.directory.account("kofe", "till")
    assert account is not None
    looked = await watch.seen(house.store, "kofe", "till", house.clock.now())
    first, second = watch.findings(account, looked, house.clock.now())
    assert (first.status, first.message) == (
        "warn", "rkeeper said 'Гость доволен' 3 time(s), and nothing explains it",
    )  # fmt: skip
    assert "Новый статус" in second.message
    assert first.remedy is not None
    assert house.events()[2].event.id in first.remedy, "the newest of them"
    later = house.clock.now() + timedelta(days=15)
    assert (await watch.seen(house.store, "kofe", "till", later)).unexplained == []


async def test_once_explained_the_same_order_is_no_repeat_of_what_was_ignored() -> None:
    house = await restaurant()
    await house.push(seed(status="Гость доволен"))
    house.public = {"status_map": {"Гость доволен": "completed"}}
    await house.settle_in()
    await house.push(seed(status="Гость доволен"))
    await house.run()
    assert len(house.sms.sent) == 1


async def test_an_event_of_the_till_reaches_the_guest_whom_only_the_till_knows(till: Running) -> None:
    house = await restaurant(base_url=till.base_url("rkeeper"), object_id=OBJECT_ID, token=WS_TOKEN)
    till.of("rkeeper").put_till_order(GUID, "Complited", customer={"name": "Анна", "phone": "+79991234567"})
    await house.push((SAMPLES / "ws-event-order-status-changed-complited.json").read_bytes())
    await house.run()
    assert [delivery.command.to.phone for delivery in house.deliveries()] == ["+79991234567"]  # type: ignore[union-attr]
    assert house.deliveries()[0].status is Status.SUCCEEDED
    await house.hub.clients.close()


async def test_a_push_of_an_order_that_our_token_does_not_see_is_acted_on_at_once(till: Running) -> None:
    house = await restaurant(
        base_url=till.base_url("rkeeper"), client_id=CLIENT_ID, client_secret=CLIENT_SECRET
    )  # fmt: skip
    till.of("rkeeper").put_order("1", 11)
    await house.push(seed())
    await house.run()
    assert len(house.sms.sent) == 1
    await house.hub.clients.close()


async def test_an_order_that_went_back_before_we_acted_makes_no_message(till: Running) -> None:
    house = await restaurant(
        base_url=till.base_url("rkeeper"), client_id=CLIENT_ID, client_secret=CLIENT_SECRET
    )  # fmt: skip
    api_order(till, status=10, order_id="1")
    await house.push(seed())
    await house.run()
    assert house.sms.sent == []
    assert "the source says order.changed now" in str(house.events()[0].reason)
    await house.hub.clients.close()


async def test_what_the_stand_in_sends_is_what_we_read(till: Running) -> None:
    house = await restaurant()
    with scripted() as hub:
        hub.on("/hook", 200)
        async with httpx.AsyncClient(trust_env=False) as client:
            control, url = f"{till.url}/_sim/rkeeper", f"{hub.url}/hook"
            for form in ("seed", "object"):
                body = {"order_id": "7", "status": 11, "push": {"url": url, "form": form}}
                assert (await client.post(f"{control}/order", json=body)).json()["pushed"] == [200]
            sent = await client.post(f"{control}/till", json={"guid": GUID, "status": "Canceled", "hook": url})
            assert sent.json()["sent"] == [200]
        for body in hub.asked("/hook"):
            await house.push(json.dumps(body).encode())
    assert [(event.event.type.value, event.event.subject) for event in house.events()] == [
        ("order.completed", "order:7"),
        ("order.cancelled", f"order:{GUID}"),
    ]


# A hook that White Server has dropped


async def test_a_silent_till_is_told_of_once_a_silence_and_shown_by_the_doctor() -> None:
    house = await restaurant(object_id=OBJECT_ID, token=WS_TOKEN)
    account = await house.hub.directory.account("kofe", "till")
    assert account is not None

    async def said() -> str:
        looked = await watch.seen(house.store, "kofe", "till", house.clock.now())
        (finding,) = watch.findings(account, looked, house.clock.now())
        return f"{finding.status}: {finding.message}"

    assert (await said()).startswith("warn: no event has ever come; White Server deletes an address that fails for 7")
    await house.worker.handle("/retain", {})
    assert house.alerts() == []
    await house.push((SAMPLES / "ws-event-order-status-changed-created.json").read_bytes())
    house.clock.step(2 * 86400)
    await house.worker.handle("/retain", {})
    assert (await said()).startswith("ok: the last event came")
    assert house.alerts() == []
    house.clock.step(2 * 86400)
    assert (await said()).startswith("fail: no event for 4 days")
    for _ in range(3):
        assert await house.worker.handle("/retain", {}) == 204
    (alert,) = house.alerts()
    assert alert.kind == "silent"
    assert "не отключил ли r_keeper наш адрес" in alert.text
    await house.push((SAMPLES / "ws-event-order-status-changed-complited.json").read_bytes())
    house.clock.step(4 * 86400)
    await house.worker.handle("/retain", {})
    assert len(house.alerts()) == 2


async def test_silence_is_no_news_where_only_pushes_come_or_the_connection_is_paused() -> None:
    assert MANIFEST.silence(RKeeperSettings(client_id="a", client_secret="b")) is None
    house = await restaurant(object_id=OBJECT_ID, token=WS_TOKEN)
    await house.push((SAMPLES / "ws-event-order-status-changed-created.json").read_bytes())
    held = await journal.load(house.store, CompiledConnection, "kofe.till")
    assert held is not None
    paused = held.model.model_copy(update={"paused": True})
    await house.store.commit([Put(journal.document(paused))])
    house.clock.step(30 * 86400)
    await house.worker.handle("/retain", {})
    assert house.alerts() == []
