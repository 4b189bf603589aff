"""One event's whole way over Firestore and Cloud Tasks while parts of these are away: nothing lost, nothing twice."""

from __future__ import annotations

import asyncio
import random
import string

import pytest

from backends.google.deployment import PATIENT
from backends.google.firestore_proxy import FirestoreProxy
from backends.google.firestore_proxy import Mode as FirestoreMode
from backends.google.house import GoogleHouse
from fakes import order
from simulators.cloudtasks import Mode
from svyazka.backends.google.queue import CloudTasksQueue
from svyazka.backends.google.store import FirestoreStore
from svyazka.engine.rules.deadlines import PLAN_GRACE
from svyazka.model.deliveries import Status
from svyazka.model.events import EventStatus


@pytest.fixture
async def house(proxied):
    """Warm: its connections are cached by the inbox, its tenant by the worker."""
    made = GoogleHouse(proxied)
    await made.settle_in()
    await made.post(order(1, status="cooking"))
    yield made
    proxied.mends()


class Trouble:
    """Breaks what is between the product and Google. Meanwhile everybody gives up soon, and no sooner after."""

    def __init__(self, house: GoogleHouse, wire: FirestoreProxy) -> None:
        self._house, self._wire = house, wire

    def begins(self, firestore: FirestoreMode = "whole", queue: Mode | None = None) -> None:
        """From now on."""
        self._wire.breaks(firestore)
        if queue is not None:
            self._house.deployment.breaks(queue)
        self._limits(store=0.3, queue=0.3, inbox=2.0)

    def ends(self) -> None:
        """All is whole again."""
        self._wire.breaks("whole")
        self._house.deployment.mends()
        self._limits(store=PATIENT, queue=PATIENT, inbox=PATIENT)

    def _limits(self, store: float, queue: float, inbox: float) -> None:
        deployment = self._house.deployment
        deployment.store._limit, deployment.queue._limit, deployment.inbox._limit = store, queue, inbox


@pytest.fixture
def trouble(house, wire) -> Trouble:
    return Trouble(house, wire)


async def test_the_whole_way(house):
    assert (await house.post(order(2))).status == 200
    await house.run()
    (delivery,) = await house.owed()
    assert (delivery.status, len(house.sms.sent)) == (Status.SUCCEEDED, 1)


async def test_32_copies_of_one_webhook_are_one_event_and_one_message(house):
    assert await house.post_many([order(2)] * 32) == [200] * 32
    await house.run()
    assert [event.event.subject for event in await house.journaled()].count("order:2") == 1
    assert len(house.sms.sent) == 1


async def test_50_workers_on_one_delivery_make_one_call(proxied):
    house = GoogleHouse(proxied, flow={"delay": "60s"})
    await house.settle_in()
    await house.post(order(2))
    await house.run()
    (delivery,) = await house.owed()
    house.clock.step(61)
    statuses = await asyncio.gather(*[house.worker.handle("/perform", {"delivery": delivery.id}) for _ in range(50)])
    assert set(statuses) == {204}
    assert (house.sms.calls, (await house.owed())[0].status) == (1, Status.SUCCEEDED)


# Firestore cut off


@pytest.mark.parametrize("how", ["down", "hang"])
async def test_what_comes_in_while_firestore_is_away_is_salvaged_and_later_whole(house, trouble, how):
    trouble.begins(how)
    assert await house.post_many([order(2), [order(3), order(4)]]) == [200, 200]
    await house.run()  # the worker can't record anything either: 503, and it comes again
    assert house.sms.sent == []
    trouble.ends()
    await house.live(600)
    assert len(house.sms.sent) == 3
    events = [event for event in await house.journaled() if event.event.subject != "order:1"]
    assert {event.status for event in events} == {EventStatus.PLANNED}
    assert len(events) == 3


async def test_what_firestore_wrote_and_could_not_say_is_salvaged_as_a_duplicate(house, trouble):
    trouble.begins("lost")
    assert await house.post_many([order(2), [order(3), order(4)]]) == [200, 200]
    trouble.ends()
    await house.live(600)
    assert len(house.sms.sent) == 3


async def test_the_largest_body_is_salvaged(house, trouble):
    """512 KiB that no compression helps."""
    noise = "".join(random.Random(5).choices(string.ascii_letters + string.digits + string.punctuation, k=480 * 1024))
    body = {**order(2), "note": noise}
    trouble.begins("down")
    assert (await house.post(body)).status == 200
    trouble.ends()
    await house.live(600)
    assert len(house.sms.sent) == 1


async def test_a_salvaged_copy_of_what_is_journaled_is_a_duplicate(house, trouble):
    await house.post(order(2))
    await house.run()
    trouble.begins("down")
    assert (await house.post(order(2))).status == 200
    trouble.ends()
    await house.live(600)
    assert len(house.sms.sent) == 1


async def test_work_waits_for_firestore(house, trouble):
    await house.post(order(2))
    trouble.begins("down")
    await house.run()
    assert house.sms.sent == []
    trouble.ends()
    await house.live(600)
    assert len(house.sms.sent) == 1


@pytest.mark.parametrize("lost", [0, 1])
async def test_whichever_commit_loses_its_answer_the_message_goes_once_and_is_known_to_have_gone(house, wire, lost):
    """Planning with its claim, settling: their writers know their own writes again."""
    await house.post(order(2))
    wire.loses_commits(lost)
    await house.run()
    await house.live(7200)
    (delivery,) = await house.owed()
    assert (delivery.status, len(house.sms.sent)) == (Status.SUCCEEDED, 1)
    assert wire.lost == []


# Cloud Tasks cut off


@pytest.mark.parametrize("how", [Mode.DOWN, Mode.HANG])
async def test_what_comes_in_while_the_queue_is_away_is_swept_later(house, trouble, how):
    trouble.begins(queue=how)
    assert await house.post_many([order(2), order(3)]) == [200, 200]
    await house.live(PLAN_GRACE + 1)
    assert house.sms.sent == []
    trouble.ends()
    await house.swept()
    assert len(house.sms.sent) == 2


async def test_tasks_that_the_queue_forgot_are_swept_too(house, proxied):
    await house.post(order(2))
    assert proxied.tasks.call(lambda service: service.forget()) == 1
    await house.live(PLAN_GRACE + 1)
    await house.swept()
    assert len(house.sms.sent) == 1


async def test_tasks_that_come_twice_do_nothing_twice(house, proxied):
    proxied.tasks.call(lambda service: setattr(service.faults.duplicate, "rate", 1.0))
    await house.post_many([order(number) for number in range(2, 8)])
    await house.run()
    assert len(house.sms.sent) == 6


# Both


async def test_while_both_are_away_nothing_is_accepted_and_the_repeat_is_whole(house, proxied, trouble):
    trouble.begins("down", Mode.DOWN)
    answer = await house.post(order(2))
    assert (answer.status, "Retry-After" in answer.headers) == (503, True)
    trouble.ends()
    assert (await house.post(order(2))).status == 200
    await house.run()
    assert len(house.sms.sent) == 1


async def test_an_instance_that_starts_while_firestore_is_away_accepts_nothing(house, proxied, trouble):
    """It doesn't know whose connection it is, so it can promise nothing."""
    proxied.inbox._known.clear()
    trouble.begins("down")
    assert (await house.post(order(2))).status == 503


# Two instances


async def test_two_workers_share_one_journal(house, proxied, wire):
    """Their events in flight at once, each with a store, a queue and channels of its own."""
    other = GoogleHouse(proxied)
    other.store = FirestoreStore(proxied.project, CloudTasksQueue(proxied.addressing, proxied.tasks.grpc_target))
    other.start()
    other.sms.sent = house.sms.sent
    await house.post_many([order(number) for number in range(2, 12)])
    events = [event.event.id for event in await house.journaled()]
    await asyncio.gather(*[w.handle("/plan", {"event": e}) for e in events for w in (house.worker, other.worker)])
    assert len(house.sms.sent) == 10
    await other.store.close()
