"""Asking vendors what we missed: nothing is skipped, nothing doubled, and who can't be asked for hours is told of."""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from fakes import START, TILL, House, order
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Polled, Polling
from svyazka.engine.ports.store import Document, Put
from svyazka.engine.worker import Worker
from svyazka.model.contacts import Contact
from svyazka.model.errors import NoPlace, NotSent, SourceUnavailable, Unavailable
from svyazka.model.events import EventType, Fact
from svyazka.model.outcomes import Blocked, Retry
from svyazka.model.tenants import ConnectionSettings

HOUR = 3600.0
Answer = Polled | Exception


def done(number: int, occurred_at: datetime | None = START, **changes: Any) -> Fact:
    """An order as its webhook would tell of it."""
    return Fact(
        type=EventType.ORDER_COMPLETED, key=("order", str(number), "1", "done"), subject=f"order:{number}",
        contact=Contact(name="Иван Петров", phone=f"+7999123{number:04}"), occurred_at=occurred_at, **changes,
    )  # fmt: skip


class AskedTill(Polling[ConnectionSettings]):
    """A till that can be asked; its answers are scripted, then it has nothing new."""

    every = 60.0

    def __init__(self) -> None:
        self.script: deque[Answer] = deque()
        self.always: Answer | None = None
        self.asked: list[str | None] = []

    def ready(self, settings: ConnectionSettings) -> bool:
        return True

    async def poll(self, cursor: str | None, call: Call[ConnectionSettings]) -> Polled:
        self.asked.append(cursor)
        answer = self.script.popleft() if self.script else self.always or Polled(facts=(), cursor=cursor or "0")
        if isinstance(answer, Exception):
            raise answer
        return answer


class Asking(House):
    """A house whose till is asked."""

    def __init__(self, **flow: Any) -> None:
        super().__init__(flow=flow)
        self.till = AskedTill()
        self.manifests["till"] = replace(TILL, polling=self.till)
        self.start()

    async def poll(self, of: str = "till") -> int:
        return await self.worker.handle("/poll", {"tenant": "kofe", "connection": of})

    async def ticks(self, hours: float, every: float = 600.0, of: str = "till") -> None:
        """Polls go on for so long."""
        for _ in range(int(hours * HOUR / every)):
            self.clock.step(every)
            await self.poll(of)
            await self.run()

    def cursor(self) -> str | None:
        document = self.store.documents.get(("cursors", "kofe.till"))
        return json.loads(document.data).get("cursor") if document else None

    def told(self) -> list[tuple[str, str]]:
        return [(alert.kind, alert.stage) for alert in sorted(self.alerts(), key=lambda alert: alert.created_at)]


@pytest.fixture
async def house() -> Asking:
    house = Asking()
    await house.settle_in()
    return house


# The cursor and its events


async def test_what_was_missed_becomes_events_and_the_cursor_moves_with_them(house: Asking) -> None:
    house.till.script.append(Polled(facts=[done(1), done(2)], cursor="a"))
    assert await house.poll() == 204
    await house.run()
    assert house.cursor() == "a"
    assert {record.event.origin for record in house.events()} == {"poll"}
    assert len(house.sms.sent) == 2
    await house.poll()
    assert house.till.asked == [None, "a"]


async def test_a_cursor_that_does_not_move_is_not_written(house: Asking) -> None:
    await house.poll()
    writes = house.store.writes
    for _ in range(5):
        await house.poll()
    assert house.store.writes == writes


async def test_a_webhook_and_a_poll_of_one_fact_are_one_event(house: Asking) -> None:
    await house.post(order(1))
    house.till.script.append(Polled(facts=[done(1)], cursor="a"))
    await house.poll()
    house.till.script.append(Polled(facts=[done(1)], cursor="b"))
    await house.poll()
    await house.run()
    assert len(house.events()) == len(house.sms.sent) == 1


async def test_several_pages_are_read_at_once_each_with_its_own_cursor(house: Asking) -> None:
    house.till.script.extend(Polled(facts=[done(n)], cursor=str(n), more=n < 4) for n in range(1, 5))
    await house.poll()
    assert house.till.asked == [None, "1", "2", "3"]
    assert house.cursor() == "4"
    assert len(house.events()) == 4


async def test_a_source_without_end_gives_way_to_the_next_look(house: Asking) -> None:
    house.till.always = Polled(facts=(), cursor="same", more=True)
    await house.poll()
    assert len(house.till.asked) == 50


async def test_events_that_could_not_be_journaled_hold_the_cursor_back(house: Asking) -> None:
    await house.poll()
    house.till.script.append(Polled(facts=[done(1)], cursor="a"))

    async def down(*args: object, **kwargs: object) -> list[str]:
        raise Unavailable("the store is down")

    commit, house.store.commit = house.store.commit, down  # type: ignore[method-assign,assignment]
    assert await house.poll() == 503
    house.store.commit = commit  # type: ignore[method-assign]
    assert house.cursor() == "0"
    house.till.script.append(Polled(facts=[done(1)], cursor="a"))
    await house.poll()
    await house.run()
    assert house.cursor() == "a"
    assert len(house.sms.sent) == 1


async def test_two_looks_at_once_journal_what_both_saw_and_leave_one_cursor(house: Asking) -> None:
    house.till.script.extend(
        [Polled(facts=[done(1), done(2)], cursor="a"), Polled(facts=[done(2), done(3)], cursor="b")]
    )
    another = Worker(house.hub)
    await asyncio.gather(house.poll(), another.handle("/poll", {"tenant": "kofe", "connection": "till"}))
    await house.run()
    assert {record.event.subject for record in house.events()} == {"order:1", "order:2", "order:3"}
    assert house.cursor() in ("a", "b")
    assert len(house.sms.sent) == 3


async def test_what_happened_long_before_it_was_found_is_too_old_to_be_of_use(house: Asking) -> None:
    house.till.script.append(Polled(facts=[done(1, START - timedelta(days=2)), done(2)], cursor="a"))
    await house.poll()
    await house.run()
    assert sorted(d.status.value for d in house.deliveries()) == ["expired", "succeeded"]


# A vendor that hangs


class Hanging(AskedTill):
    """It answers when it is let."""

    def __init__(self) -> None:
        super().__init__()
        self.answers = asyncio.Event()

    async def poll(self, cursor: str | None, call: Call[ConnectionSettings]) -> Polled:
        self.asked.append(cursor)
        await self.answers.wait()
        return Polled(facts=[done(1)], cursor="a")


async def test_a_vendor_that_hangs_has_one_look_in_hand_and_holds_up_nobodys_planning(house: Asking) -> None:
    hanging = Hanging()
    house.manifests["till"] = replace(TILL, polling=hanging)
    house.start()
    await house.worker.handle("/poll", {})
    (task,) = house.store.tasks
    assert task.queue == "till", "the queue of planning is for what came in"
    house.store.tasks.clear()
    looks = asyncio.create_task(house.worker.handle(task.path, task.body))
    while not hanging.asked:
        await asyncio.sleep(0)
    assert await house.worker.handle(task.path, task.body) == 204
    hanging.answers.set()
    await looks
    assert (len(hanging.asked), house.cursor()) == (1, "a")
    house.clock.step(hanging.every + 1)
    assert await house.worker.handle(task.path, task.body) == 204
    assert len(hanging.asked) == 1, "the next one has been queued behind it"


# Gaps


async def test_a_gap_is_told_once_with_its_times(house: Asking) -> None:
    gap = (START - timedelta(days=10), START - timedelta(days=7))
    for cursor in ("a", "b"):
        house.till.script.append(Polled(facts=(), cursor=cursor, gap=gap))
        await house.poll()
    (alert,) = house.alerts()
    assert (alert.kind, alert.since) == ("gap", gap[0])
    assert "04.03 15:00" in alert.text
    assert "07.03 15:00" in alert.text


# Looks that fail


@pytest.mark.parametrize("error", [NotSent("refused"), SourceUnavailable("503"), KeyError("a body nobody foresaw")])
async def test_looks_that_fail_for_hours_are_told_once_and_once_when_they_succeed_again(error: Exception) -> None:
    house = Asking()
    await house.settle_in()
    house.till.script.append(Polled(facts=(), cursor="a"))
    await house.poll()
    house.till.always = error
    await house.ticks(2.5)
    assert house.told() == []
    await house.ticks(30)
    assert house.told() == [("poll", "failing")]
    assert "14.03 15:10" in house.alerts()[0].text
    house.till.always = None
    house.till.script.append(Polled(facts=[done(1, START + timedelta(hours=32))], cursor="b"))
    await house.ticks(1)
    await house.worker.handle("/sweep", {})
    assert house.told() == [("poll", "failing"), ("poll", "recovered")]
    assert house.cursor() == "b"
    assert len(house.sms.sent) == 1
    house.till.always = error
    await house.ticks(5)
    assert house.told()[2:] == [("poll", "failing")], "another time is told anew"


@pytest.mark.parametrize("looks_fail_on", [False, True], ids=["looks too", "deliveries only"])
async def test_whoever_goes_away_in_a_quiet_time_is_told_of_once_though_deliveries_meet_it_later(
    looks_fail_on: bool,
) -> None:
    house = Asking(expires_after="30d")
    house.manifests["sms"] = replace(house.sms.manifest, polling=house.till)
    house.start()
    await house.settle_in()
    house.till.always = NotSent("refused")
    await house.ticks(4, of="sms")
    assert house.told() == [("poll", "failing")]
    house.sms.script.extend([Retry(code="503", message="down")] * 1000)
    await house.post(order(1))
    for _ in range(5):
        await house.ticks(1, of="sms")
        await house.pass_time(60)
    assert [(p.kind, p.shown_state(house.clock.now())) for p in house.problems() if p.is_open] == [("down", "open")]
    assert house.told() == [("poll", "failing")], "it is the same trouble"
    house.sms.script.clear()
    house.till.always = NotSent("refused") if looks_fail_on else None
    await house.pass_time(1.5 * HOUR)
    await house.ticks(1, of="sms")
    assert house.told() == [("poll", "failing"), ("outage", "recovered")]
    assert [delivery.status.value for delivery in house.deliveries()] == ["succeeded"]
    await house.ticks(4, of="sms")
    assert house.told()[2:] == [("poll", "failing")] * looks_fail_on, "what goes on failing is told as what it is"


async def test_a_look_that_fails_now_and_then_is_nobodys_trouble(house: Asking) -> None:
    for _ in range(12):
        house.till.script.extend([NotSent("refused"), NotSent("refused"), Polled(facts=(), cursor="a")])
        await house.ticks(0.5)
    assert house.told() == []


async def test_our_own_pacing_is_no_trouble_of_the_vendors(house: Asking) -> None:
    house.till.always = NoPlace("others call", 5.0)
    await house.ticks(12)
    assert (house.told(), house.problems()) == ([], [])


async def test_a_trouble_costs_a_write_at_its_beginning_and_its_end(house: Asking) -> None:
    house.till.script.append(Polled(facts=(), cursor="a"))
    await house.poll()
    writes = house.store.writes
    house.till.always = NotSent("refused")
    await house.ticks(2)
    assert house.store.writes == writes + 1
    house.till.always = None
    await house.ticks(1)
    assert house.store.writes == writes + 2


async def test_a_trouble_that_the_tenant_wants_to_hear_of_earlier_is_told_earlier() -> None:
    house = Asking()
    alerts = house.tenant.alerts.model_copy(update={"after": timedelta(minutes=30)})
    house.tenant = house.tenant.model_copy(update={"alerts": alerts})
    await house.settle_in()
    house.till.always = NotSent("refused")
    await house.ticks(1)
    assert house.told() == [("poll", "failing")]


async def test_what_needs_somebodys_hand_is_told_as_that_and_asked_no_more(house: Asking) -> None:
    error = SourceUnavailable("not authorised")
    error.outcome = Blocked(code="401", message="not authorised", remedy="svyazka auth")
    house.till.always = error
    await house.ticks(6)
    assert house.told() == [("outage", "blocked")]
    assert len(house.till.asked) == 1


async def test_half_a_letter_in_a_fact_costs_that_letter_only(house: Asking) -> None:
    house.till.always = Polled(facts=[done(1), done(2, data={"name": "\ud800"})], cursor="a")
    await house.ticks(5)
    assert house.cursor() == "a"
    assert house.told() == []
    assert len(house.sms.sent) == 2


# Whose turn it is


async def test_every_connection_that_can_be_asked_has_its_turn_in_its_interval(house: Asking) -> None:
    turns = []
    for _ in range(4):
        await house.worker.handle("/poll", {})
        turns.append([task.body["connection"] for task in house.store.tasks if task.path == "/poll"])
        house.store.tasks.clear()
        house.clock.step(30)
    assert turns == [["till"], ["till"], ["till"], ["till"]]
    house.till.every = 300.0  # type: ignore[misc]
    for expected in ([], ["till"], []):
        house.clock.step(120)
        await house.worker.handle("/poll", {})
        assert [task.body["connection"] for task in house.store.tasks] == expected
        house.store.tasks.clear()


async def test_one_connection_whose_settings_cannot_be_used_keeps_no_other_from_being_asked(house: Asking) -> None:
    tenant = house.tenant.model_dump(mode="json")
    tenant |= {"id": "alfa", "connections": {"till": {"vendor": "till", "settings": {"nonsense": 1}}}}
    data = json.dumps(tenant).encode()
    compiled = json.dumps({"tenant": "alfa", "connection": "till", "vendor": "till"}).encode()
    await house.store.commit(
        [
            Put(Document("tenants", "alfa", {}, data)),
            Put(Document("connections", "alfa.till", {"tenant": "alfa", "vendor": "till"}, compiled)),
        ]
    )
    assert await house.worker.handle("/poll", {}) == 204
    assert [task.body["tenant"] for task in house.store.tasks] == ["kofe"]


async def test_what_is_paused_or_gone_is_not_asked(house: Asking) -> None:
    assert await house.worker.handle("/poll", {"tenant": "kofe", "connection": "nobody"}) == 204
    assert await house.worker.handle("/poll", {"tenant": "kofe", "connection": "sms"}) == 204
    assert house.till.asked == []
