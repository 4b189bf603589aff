"""Order where it matters: one delivery of a lane at a time, the oldest first, and newer ones in place of older."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from fakes import FakeMessenger, House
from svyazka.engine.contracts.flow import Decision
from svyazka.engine.delivering.lanes import Turn, lane_id
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import perform_task
from svyazka.engine.ports.store import Page
from svyazka.model.commands import Guards, Plan, Repeat, SendMessage, Step
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.errors import MaybeSent
from svyazka.model.outcomes import Refused, Retry, Succeeded

DOWN = Retry(code="409", message="busy", outage=False)
LANE = "kofe/contact:5"


class Register(FakeMessenger):
    """A CRM that remembers in which order it was written to, and how many wrote at once."""

    def __init__(self) -> None:
        super().__init__("sms", repeat=Repeat.IDEMPOTENT)
        self.written: list[str] = []
        self.writing: list[str] = []
        self.at_once = 0
        self.open = asyncio.Event()
        self.open.set()

    async def send(self, message: Any, to: str, call: Any) -> Any:
        title = message.text
        self.writing.append(title)
        self.at_once = max(self.at_once, len(self.writing))
        await asyncio.sleep(0)
        await self.open.wait()
        self.writing.remove(title)
        step = self.script.popleft() if self.script else None
        if isinstance(step, Exception):
            raise step
        if step is not None:
            return step
        self.written.append(title)
        return Succeeded(external_id=call.key)


def card(title: str) -> SendMessage:
    """What is written into the CRM: the messenger stands for any connection whose order matters."""
    return SendMessage(to=Contact(phone="+79991234567", email="ivan@example.org"), text=title)


class Books(House):
    """A house whose `sms` connection is a CRM."""

    def __init__(self, store: Any = None) -> None:
        super().__init__(store)
        self.crm = Register()
        self.manifests["sms"] = self.crm.manifest
        self.start()

    async def owes(self, *titles: str, lane: str | None = LANE, supersedes: bool = False, **changes: Any) -> None:
        """Deliveries that write one card each, made one after another."""
        for title in titles:
            now = self.clock.now()
            made = Delivery(
                id=f"dlv_{title}", event="evt_1", tenant="kofe", flow="review_request", step="crm", connection="sms",
                vendor="sms", subject=f"contact:{title}", command=card(title),
                repeat=Repeat.IDEMPOTENT, guards=Guards(), created_at=now, base_at=now, next_attempt_at=now,
                wake_at=now + timedelta(seconds=60), lane=lane, supersedes=supersedes,
                blank_at=now + timedelta(days=90),
            ).model_copy(update=changes)  # fmt: skip
            await self.store.commit([journal.create(made)], [perform_task(made)])
            self.clock.step(1)

    def status(self, title: str) -> Status:
        return next(delivery.status for delivery in self.deliveries() if delivery.id == f"dlv_{title}")

    async def all_at_once(self) -> None:
        tasks, self.store.tasks = self.store.tasks, []
        await asyncio.gather(*(self.worker.handle(task.path, task.body) for task in tasks))


@pytest.fixture
async def house() -> Books:
    house = Books()
    await house.settle_in()
    return house


async def test_of_many_workers_one_at_a_time_writes_and_in_the_order_in_which_it_was_asked(house: Books) -> None:
    await house.owes("1", "2", "3", "4", "5")
    for _ in range(20):
        await house.all_at_once()
        house.clock.step(6)
        await house.worker.handle("/sweep", {})
    assert house.crm.written == ["1", "2", "3", "4", "5"]
    assert house.crm.at_once == 1


async def test_the_queue_may_bring_the_newest_first(house: Books) -> None:
    await house.owes("1", "2", "3")
    house.store.tasks.reverse()
    await house.pass_time(120, step=5)
    assert house.crm.written == ["1", "2", "3"]


async def test_other_lanes_and_no_lane_go_on(house: Books) -> None:
    house.crm.script.append(DOWN)
    await house.owes("1", "2")
    await house.owes("else", lane="kofe/contact:6")
    await house.owes("free", "too", lane=None)
    await house.run()
    assert house.crm.written == ["else", "free", "too"]


async def test_of_two_workers_who_both_found_the_lane_free_one_gets_through_the_turnstile(house: Books) -> None:
    """An older delivery that is recorded late claims the lane between another's look and its commit."""
    lanes = house.worker.lanes
    look = lanes.turn
    others: list[Any] = []

    async def look_and_be_overtaken(delivery: Delivery, lease: float) -> Turn:
        turn = await look(delivery, lease)
        if delivery.id == "dlv_2" and not others:
            others.append("dlv_1")
            await house.owes("1", created_at=house.clock.now() - timedelta(hours=1))
            others.append(asyncio.create_task(house.worker.attempts.perform("dlv_1")))
            while not house.crm.writing:
                await asyncio.sleep(0)
        return turn

    lanes.turn = look_and_be_overtaken  # type: ignore[method-assign]
    house.crm.open.clear()
    await house.owes("2")
    house.store.tasks.clear()
    await house.worker.attempts.perform("dlv_2")
    assert house.crm.writing == ["1"]
    house.crm.open.set()
    await others[1]
    await house.pass_time(60, step=5)
    assert house.crm.written == ["1", "2"]
    assert house.crm.at_once == 1


async def test_who_is_repeated_holds_the_others_up_until_he_is_done(house: Books) -> None:
    house.crm.script.extend([DOWN, DOWN])
    await house.owes("1", "2")
    await house.pass_time(25, step=5)
    assert house.crm.written == []
    await house.pass_time(600, step=30)
    assert house.crm.written == ["1", "2"]


@pytest.mark.parametrize("end", [Refused(code="400", message="no"), None])
async def test_however_one_ends_the_next_one_follows(house: Books, end: Any) -> None:
    house.crm.script.append(end)
    await house.owes("1", "2")
    await house.pass_time(60, step=5)
    assert house.status("2") is Status.SUCCEEDED


async def test_who_waits_in_a_lane_costs_next_to_nothing_while_the_one_ahead_is_parked(house: Books) -> None:
    """A weekend of it: a look every five minutes were 576, with a write and a task each."""
    account = await house.hub.directory.account("kofe", "sms")
    assert account is not None
    await house.owes("1")
    await house.owes("2", "3", "4", connection="mail", vendor="mail")
    await house.worker.outages.open(account, "blocked", "402", "no money", remedy="pay")
    house.store.tasks.sort(key=lambda task: task.body.get("delivery", ""))
    await house.run()
    assert house.status("1") is Status.BLOCKED
    writes = house.store.writes
    for _ in range(3):  # however often they are tried
        house.store.tasks += [perform_task(one) for one in house.deliveries() if one.behind]
        await house.run()
    assert house.store.writes == writes
    looks: list[str] = []
    perform = house.worker.attempts.perform

    async def look(delivery_id: str) -> None:
        looks.append(delivery_id)
        await perform(delivery_id)

    house.worker.attempts.perform = look  # type: ignore[method-assign]
    await house.pass_time(48 * 3600, step=600)
    assert looks.count("dlv_2") < 20
    await house.worker.outages.close(house.tenant, "sms")
    await house.pass_time(120, step=5)
    assert house.crm.written == ["1"]
    assert [text for _, text in house.mail.sent] == ["2", "3", "4"], "each the moment the one ahead has ended"


async def test_who_waits_in_a_lane_goes_at_once_when_the_one_ahead_has_ended(house: Books) -> None:
    await house.owes("1", "2", "3")
    house.store.tasks.reverse()
    before = house.clock.now()
    await house.run()
    assert house.crm.written == ["1", "2", "3"]
    assert house.clock.now() - before < timedelta(seconds=1)
    assert {one.behind for one in house.deliveries()} == {None}


async def test_a_wake_that_comes_before_the_wait_is_written_is_not_missed(house: Books) -> None:
    """The one ahead ends between the other's look and its commit, and nothing comes from the queue."""
    await house.owes("1", "2")
    (first, second) = house.store.tasks
    lanes = house.worker.lanes
    look = lanes.turn

    async def and_then_it_ends(delivery: Delivery, lease: float) -> Turn:
        turn = await look(delivery, lease)
        if turn.behind is not None and house.status("1") is not Status.SUCCEEDED:
            await house.worker.handle(first.path, first.body)
            house.store.tasks.clear()
        return turn

    lanes.turn = and_then_it_ends  # type: ignore[method-assign]
    house.store.tasks.clear()
    await house.worker.handle(second.path, second.body)
    await house.run()
    assert house.crm.written == ["1", "2"]


async def test_a_wake_that_was_lost_is_made_up_for_by_the_sweep_and_deadlines_hold(house: Books) -> None:
    house.crm.script.append(DOWN)
    await house.owes("1", "2")
    late = Guards(expires_at=house.clock.now() + timedelta(seconds=200))
    await house.owes("3", guards=late)
    await house.run()
    house.crm.script.extend([DOWN] * 100)
    await house.pass_time(260)
    assert house.status("3") is Status.EXPIRED
    house.crm.script.clear()
    house.store.tasks.clear()
    house.store.forget_tasks = True
    await house.pass_time(60)
    house.store.forget_tasks = False
    await house.pass_time(3600)
    assert house.crm.written == ["1", "2"]


async def test_whether_somebody_is_in_flight_is_read_by_its_key(house: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that lags shows an empty lane: that lets nobody through beside another."""
    house.crm.open.clear()
    await house.owes("1")
    (task,) = house.store.tasks
    house.store.tasks.clear()
    writing = asyncio.create_task(house.worker.handle(task.path, task.body))
    while not house.crm.writing:
        await asyncio.sleep(0)
    find = house.store.find

    async def nobody(query: Any, **around: Any) -> Any:
        return Page([]) if query.name == "deliveries_of_lane" else await find(query, **around)

    monkeypatch.setattr(house.store, "find", nobody)
    await house.owes("2", "other shop's", source="till")
    await house.run()
    assert house.crm.at_once == 1
    monkeypatch.undo()
    house.crm.open.set()
    await writing
    await house.pass_time(60, step=5)
    assert house.crm.at_once == 1
    assert sorted(house.crm.written) == ["1", "2", "other shop's"]


@pytest.mark.parametrize("older", [15, 16, 70])
async def test_a_newer_one_takes_the_place_of_any_number_of_older_ones_a_few_a_commit(house: Books, older: int) -> None:
    house.crm.script.append(DOWN)
    await house.owes(*(f"{n:03}" for n in range(older)), supersedes=True)
    house.store.tasks.clear()
    await house.owes("newest", supersedes=True)
    await house.run()
    await house.pass_time(600, step=10)
    assert house.crm.written == ["newest"]
    ends = {one.status for one in house.deliveries() if one.id != "dlv_newest"}
    assert ends == {Status.CANCELLED}


async def test_a_worker_lost_in_a_lane_is_taken_over_before_the_next_one_goes() -> None:
    house = Books()
    await house.settle_in()

    async def die(*args: object) -> None:
        raise SystemExit

    house.worker.attempts.run = die  # type: ignore[method-assign]
    await house.owes("1", "2")
    with pytest.raises(SystemExit):
        await house.run(limit=1)
    house.start()
    await house.pass_time(60, step=5)
    assert house.crm.written == []
    await house.pass_time(300, step=5)
    assert house.crm.written == ["1", "2"]


async def test_what_nobody_knows_of_is_out_of_its_lane(house: Books) -> None:
    house.crm.script.append(MaybeSent("timeout"))
    await house.owes("1", repeat=Repeat.UNSAFE)
    await house.owes("2")
    await house.pass_time(60, step=5)
    assert house.status("1") is Status.UNKNOWN
    assert house.status("2") is Status.SUCCEEDED


# In place of older ones


async def test_a_newer_one_cancels_the_older_ones_that_still_wait(house: Books) -> None:
    house.crm.script.append(DOWN)
    await house.owes("1", supersedes=True)
    await house.run()
    await house.owes("2", "3", supersedes=True)
    await house.pass_time(120, step=5)
    assert house.crm.written == ["3"]
    by_id = {delivery.id: delivery for delivery in house.deliveries()}
    assert [by_id[f"dlv_{n}"].status for n in "123"] == [Status.CANCELLED, Status.CANCELLED, Status.SUCCEEDED]
    assert {by_id[f"dlv_{n}"].last_error.code for n in "12"} == {"superseded"}  # type: ignore[union-attr]


async def test_an_older_one_whose_turn_comes_gives_way_to_a_newer_one(house: Books) -> None:
    await house.owes("1", "2", supersedes=True)
    await house.run()
    assert house.crm.written == ["2"]


async def test_what_is_being_written_is_finished_and_the_newer_one_follows(house: Books) -> None:
    house.crm.open.clear()
    await house.owes("1", supersedes=True)
    (task,) = house.store.tasks
    house.store.tasks.clear()
    writing = asyncio.create_task(house.worker.attempts.perform(task.body["delivery"]))
    while not house.crm.writing:
        await asyncio.sleep(0)
    await house.owes("2", supersedes=True)
    await house.run()
    assert house.status("2") is Status.PENDING
    house.crm.open.set()
    await writing
    await house.pass_time(60, step=5)
    assert house.crm.written == ["1", "2"]
    assert house.crm.at_once == 1


async def test_a_newer_one_that_does_not_carry_the_whole_state_waits_for_the_older(house: Books) -> None:
    await house.owes("1", supersedes=True)
    await house.owes("2", supersedes=False)
    house.store.tasks.reverse()
    await house.pass_time(60, step=5)
    assert house.crm.written == ["1", "2"]


# From a plan


async def test_a_lane_is_its_tenants_own_and_left_with_the_settling(
    house: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    from svyazka.flows.review_request import ReviewRequest

    def plan(self: Any, event: Any, facts: Any, settings: Any, context: Any) -> Decision:
        command = card(event.contact.name)
        step = Step(name="crm", connection="sms", vendor="sms", command=command, repeat=Repeat.IDEMPOTENT)
        return Decision([Plan.of(event.subject, [step], lane="contact:5", supersedes=True)])

    monkeypatch.setattr(ReviewRequest, "plan", plan)
    house.crm.script.append(DOWN)
    await house.post({"id": 1, "status": "done", "revision": 1, "name": "one"})
    await house.run()
    house.clock.step(1)
    await house.post({"id": 2, "status": "done", "revision": 1, "name": "two"})
    await house.pass_time(60)
    assert house.crm.written == ["two"]
    assert {delivery.lane for delivery in house.deliveries()} == {LANE}
    assert {d.fields["lane"] for d in house.store.documents.values() if d.kind == "deliveries"} == {None}
    assert house.store.documents["lanes", lane_id(LANE)].fields["expire_at"] is not None
