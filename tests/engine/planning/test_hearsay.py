"""What people say of being written to, and what vendors tell in part: the engine's part in both."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from fakes import START, TILL, FakeTill, House, order
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Reading
from svyazka.engine.contracts.manifest import Limits, Manifest
from svyazka.engine.contracts.webhook import Answer, Inbound, RawRequest
from svyazka.engine.intake.receive import Receiver
from svyazka.engine.tenants.directory import Account
from svyazka.model.consent import Consent, consent_in
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Status
from svyazka.model.errors import SourceUnavailable
from svyazka.model.events import Entity, EventType, Fact, Unreadable
from svyazka.model.tenants import ConnectionSettings, ConnectionSpec

PHONE = "+79991234567"


class TalkingTill(FakeTill):
    """Also tells what people answer (`says`), and of orders only that they changed (`changed`)."""

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        item = json.loads(request.body)
        if "says" in item:
            said = {
                "contact": Contact(phone=item["phone"]), "consent": consent_in(item["says"]),
                "occurred_at": START + timedelta(seconds=item.get("at", 0)),
            }  # fmt: skip
            return [Fact(type=EventType.MESSAGE_RECEIVED, key=("said", json.dumps(item)), **said)]
        if "changed" in item:
            entity = Entity(kind="order", id=str(item["changed"]))
            contact = Contact(phone=item.get("phone"))
            return [
                Fact(type=EventType(item.get("type", "order.changed")), entity=entity, contact=contact, partial=True)
            ]
        return super().parse(request, inbound)


class ShowingTill(Reading[ConnectionSettings]):
    """Shows its orders, once it has any; `down`: nothing just now."""

    def __init__(self) -> None:
        self.orders: dict[str, Fact] = {}
        self.down = False

    def ready(self, settings: ConnectionSettings) -> bool:
        return bool(self.orders)

    async def read(self, entity: Entity, call: Call[ConnectionSettings]) -> Fact | None:
        if self.down:
            raise SourceUnavailable("the till is down")
        return self.orders.get(entity.id)


class Hearing(House):
    """A house whose till talks, and shows what it has."""

    def __init__(self, flow: Mapping[str, Any] | None = None) -> None:
        super().__init__(flow=flow)
        self.shows = ShowingTill()
        self.manifests["till"] = replace(TILL, reading=self.shows)
        self.start()

    async def hear(self, body: object) -> Answer:
        key = self.keyring.mint("till", "kofe", "till")
        head = RawRequest("POST", "/webhook_till", f"key={key}".encode(), [], b"")

        async def read(limit: int) -> bytes | None:
            return json.dumps(body).encode()

        return await Receiver(TalkingTill(), self.store, self.keyring, self.clock).handle(head, read)

    def has(self, number: str, status: str = "done", revision: int = 1) -> None:
        """The till has an order, as its own webhook would tell of it."""
        body = json.dumps({**order(1, status, revision), "id": number}).encode()
        (fact,) = FakeTill().parse(RawRequest("POST", "/", b"", (), body), Inbound({}, {}))
        assert isinstance(fact, Fact)
        self.shows.orders[number] = fact


@pytest.fixture
async def house() -> Hearing:
    house = Hearing()
    await house.settle_in()
    return house


# Consent


@pytest.mark.parametrize(
    ("text", "consent"),
    [
        ("СТОП", Consent.WITHDRAWN), (" стоп! ", Consent.WITHDRAWN), ("Stop.", Consent.WITHDRAWN),
        ("/stop", Consent.WITHDRAWN), ("/stop@our_bot", Consent.WITHDRAWN), ("отписаться", Consent.WITHDRAWN),
        ("/start", Consent.GIVEN), ("/start src_site", Consent.GIVEN), ("Старт", Consent.GIVEN),
        ("Start", Consent.GIVEN), ("стоп-лист обновили?", None), ("стоп звонить мне", None), ("/help stop", None),
        ("", None), (None, None), ("!", None), ("start src_site", None),
    ],
)  # fmt: skip
def test_only_the_bare_word_is_consent(text: str | None, consent: Consent | None) -> None:
    assert consent_in(text) is consent


async def test_who_says_stop_gets_nothing_more_whatever_the_flows_want(house: Hearing) -> None:
    answer = await house.hear({"says": "СТОП", "phone": "8 (999) 123-45-67"})
    assert json.loads(answer.body)["events"][0]["status"] == "accepted"
    await house.run()
    await house.hear(order(1))
    await house.run()
    (delivery,) = house.deliveries()
    assert delivery.status is Status.CANCELLED
    assert delivery.last_error is not None
    assert delivery.last_error.code == "opted_out"
    assert house.sms.sent == []


async def test_an_ordinary_answer_changes_nothing(house: Hearing) -> None:
    answer = await house.hear({"says": "спасибо", "phone": PHONE})
    assert json.loads(answer.body)["events"][0]["status"] == "ignored"
    await house.hear(order(1))
    await house.run()
    assert len(house.sms.sent) == 1


async def test_who_says_start_again_is_written_to_again(house: Hearing) -> None:
    for at, word in enumerate(("стоп", "start")):
        await house.hear({"says": word, "phone": PHONE, "at": at})
        await house.run()
    await house.hear(order(1))
    await house.run()
    assert len(house.sms.sent) == 1


async def test_words_that_are_planned_in_another_order_count_in_the_order_in_which_they_were_said(
    house: Hearing,
) -> None:
    for at, word in ((2, "start"), (1, "стоп"), (4, "стоп"), (3, "start")):
        await house.hear({"says": word, "phone": PHONE, "at": at})
        await house.run()
    await house.hear(order(1))
    await house.run()
    assert house.sms.sent == [], "stop was the last word"


async def test_saying_start_without_having_said_stop_leaves_no_mark(house: Hearing) -> None:
    await house.hear({"says": "start", "phone": PHONE})
    await house.run()
    assert [key for key in house.store.documents if key[0] == "optouts"] == []


async def test_the_list_holds_no_address(house: Hearing) -> None:
    await house.hear({"says": "стоп", "phone": PHONE})
    await house.run()
    (document,) = [document for key, document in house.store.documents.items() if key[0] == "optouts"]
    assert "9991234567" not in document.id + document.data.decode()


# What is told in part


async def test_what_is_told_in_part_is_read_whole_and_acted_on(house: Hearing) -> None:
    house.has("1")
    for _ in range(2):
        await house.hear({"changed": 1})
        await house.run()
        house.clock.step(25 * 3600)
    assert len(house.sms.sent) == 1
    found = [record for record in house.events() if not record.event.partial]
    assert [(record.event.type, record.event.identity) for record in found] == [(EventType.ORDER_COMPLETED, "strong")]
    told = [record for record in house.events() if record.event.partial]
    assert {record.reason for record in told} == {f"told in part: read again and found to be {found[0].event.id}"}


async def test_it_meets_the_same_fact_told_in_full(house: Hearing) -> None:
    house.has("1")
    await house.hear({**order(1), "id": "1"})
    await house.hear({"changed": 1})
    await house.run()
    assert len(house.events()) == 2
    assert len(house.sms.sent) == 1


async def test_a_fact_that_was_journaled_and_never_planned_is_planned_when_it_is_found_again(house: Hearing) -> None:
    house.has("1")
    house.store.forget_tasks = True
    await house.hear({**order(1), "id": "1"})
    house.store.forget_tasks = False
    await house.hear({"changed": 1})
    await house.run()
    assert len(house.sms.sent) == 1


async def test_what_is_found_to_be_of_no_interest_is_journaled_and_left(house: Hearing) -> None:
    house.has("1", "cooking")
    await house.hear({"changed": 1})
    await house.run()
    assert [record.status.value for record in house.events()] == ["planned", "ignored"]
    assert house.sms.sent == []


async def test_a_source_that_is_down_is_waited_for(house: Hearing) -> None:
    house.has("1")
    house.shows.down = True
    await house.hear({"changed": 1})
    await house.pass_time(600)
    assert house.sms.sent == []
    house.shows.down = False
    await house.pass_time(900)
    assert len(house.sms.sent) == 1
    (found,) = [record for record in house.events() if not record.event.partial]
    assert found.event.received_at == START, "its age counts from when we were told"


async def test_where_nothing_can_be_read_its_own_word_counts(house: Hearing) -> None:
    await house.hear({"changed": 1, "type": "order.completed", "phone": PHONE})
    await house.run()
    assert len(house.sms.sent) == 1


async def test_what_no_flow_could_want_is_not_even_read(house: Hearing) -> None:
    answer = await house.hear({"changed": 1, "type": "contact.changed"})
    assert json.loads(answer.body)["events"][0]["status"] == "ignored"
    assert house.store.tasks == []


# A subject made of several objects


async def test_a_subject_is_still_what_it_was_while_one_of_its_objects_says_so() -> None:
    class Visits(TalkingTill):
        def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
            (fact,) = super().parse(request, inbound)
            assert isinstance(fact, Fact)
            return [fact.model_copy(update={"subject": "visit:1"})]

    async def messages(*after: dict[str, Any]) -> int:
        house = Hearing(flow={"delay": "30m"})
        await house.settle_in()
        for body in ({**order(1), "revision": 1}, *after):
            key = house.keyring.mint("till", "kofe", "till")
            head = RawRequest("POST", "/webhook_till", f"key={key}".encode(), [], b"")
            content = json.dumps(body).encode()

            async def read(limit: int, content: bytes = content) -> bytes | None:
                return content

            await Receiver(Visits(), house.store, house.keyring, house.clock).handle(head, read)
        await house.pass_time(3600)
        return len(house.sms.sent)

    assert await messages(order(2, "cooking", 5), order(3, "cancelled", 6)) == 1
    assert await messages(order(1, "cancelled", 5)) == 0
    assert await messages(order(2, "cancelled", 5), order(1, "cancelled", 6)) == 0


# Whose rate a call counts towards


async def test_accounts_of_a_vendor_that_counts_by_address_share_its_rate(house: Hearing) -> None:
    tenant = house.tenant.model_copy(
        update={"connections": {**house.tenant.connections, "second": ConnectionSpec(vendor="till")}}
    )

    def counted(manifest: Manifest[Any]) -> set[str]:
        accounts = (
            Account(tenant, name, "till", manifest, ConnectionSettings(), (), ()) for name in ("till", "second")
        )
        return {house.hub.counted_as(account) for account in accounts}

    assert len(counted(TILL)) == 2
    assert len(counted(replace(TILL, limits=Limits(per_second=3.0, concurrency=1, scope="ip")))) == 1
