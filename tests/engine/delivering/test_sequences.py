"""A plan's steps in their order: each in its turn, each once, and whoever waits hears how those before it ended."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

import pytest

from dying import Killed, dies_at
from fake_crm import FakeCrm
from fakes import START, House, MemoryStore, order
from svyazka.engine.contracts.flow import Decision
from svyazka.engine.operating.operator import How, Operator
from svyazka.engine.operating.reopen import reopen
from svyazka.engine.operating.replay import replay_event
from svyazka.engine.operating.resolve import resolve_delivery
from svyazka.engine.ports.store import Replace, Task, Write
from svyazka.engine.support.failpoints import POINTS
from svyazka.engine.upkeep.forget import Forgetting
from svyazka.flows.review_request import ReviewRequest
from svyazka.model.commands import (
    AddNote,
    Command,
    Guards,
    OnFailed,
    Plan,
    PutRecord,
    Repeat,
    Safety,
    SendMessage,
    Stage,
    Step,
    StillTrue,
)
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Before, Delivery, Status
from svyazka.model.errors import ConfigError, MaybeSent
from svyazka.model.events import EventType
from svyazka.model.outcomes import Refused, Retry, Succeeded
from svyazka.model.records import Link, ObjectId, RecordKind, Target
from svyazka.model.references import Existing, Produced
from svyazka.model.tenants import ConnectionSpec

HOUR = 3600.0
NO = Refused(code="404", message="nothing there")
BUSY = Retry(code="500", message="busy", outage=False)
LOST = MaybeSent("reset")
S = Status


def step(name: str, connection: str = "sms") -> Step:
    command = SendMessage(to=Contact(phone="+79991234567"), text=name)
    return Step(name=name, connection=connection, vendor=connection, command=command, repeat=Repeat.UNSAFE)


def stage(name: str, **changes: Any) -> Stage:
    return Stage(step=step(name), **changes)


Plans = Callable[..., None]


@pytest.fixture
def wants(monkeypatch: pytest.MonkeyPatch) -> Plans:
    """What the flow wants of each order."""

    def set_(*stages: Stage, life: timedelta | None = None) -> None:
        def plan(self: Any, event: Any, facts: Any, settings: Any, context: Any) -> Decision:
            expires_at = event.received_at + life if life else None
            return Decision([Plan(subject=event.subject, stages=stages, expires_at=expires_at)])

        monkeypatch.setattr(ReviewRequest, "plan", plan)

    set_(stage("a"), stage("b"), stage("c"))
    return set_


async def ordered(house: House, number: int = 1) -> None:
    await house.post(order(number))
    await house.run()


def states(house: House) -> dict[str, str]:
    return {one.step: one.status.value for one in house.deliveries()}


def by(house: House, step: str) -> Delivery:
    (found,) = [one for one in house.deliveries() if one.step == step]
    return found


def sent(house: House) -> list[str]:
    return [text for _, text in house.sms.sent]


HOW = How(why="test")


def operator(house: House) -> Operator:
    return Operator(house.hub, lambda vendor: None, "root")


def answers(house: House, *script: Any) -> None:
    house.sms.script.extend(script)


async def test_each_in_its_turn_all_made_in_the_planning_commit(house: House, wants: Plans) -> None:
    answers(house, BUSY)
    await ordered(house)
    assert states(house) == {"a": "retrying", "b": "waiting_for", "c": "waiting_for"}
    b = by(house, "b")
    assert (b.wake_at, b.next_attempt_at) == (START + timedelta(minutes=64), None)
    assert b.after == (Before(step="a", delivery=by(house, "a").id),)
    assert by(house, "a").then == (b.id,)
    await house.pass_time(600)
    assert states(house) == dict.fromkeys("abc", "succeeded")
    assert sent(house) == ["a", "b", "c"]
    (record,) = house.events()
    assert record.deliveries == tuple(by(house, name).id for name in "abc")


async def test_the_first_is_claimed_where_it_is_planned_and_each_end_makes_the_next_due_by_itself(
    house: House, wants: Plans
) -> None:
    await house.post(order())
    before = house.store.writes
    await house.worker.handle("/plan", house.store.tasks.pop(0).body)
    assert states(house) == {"a": "succeeded", "b": "pending", "c": "waiting_for"}
    assert house.store.writes - before == 1 + 3 + 2, "event and deliveries; then a's end and b's turn"
    assert [task.body for task in house.store.tasks] == [{"delivery": by(house, "b").id}]


async def test_what_an_earlier_one_made_is_handed_on(house: House, wants: Plans) -> None:
    made = (Produced(kind="contact", id="77"),)
    house.sms.script.append(lambda command, key: Succeeded(external_id="77", produced=made))
    await ordered(house)
    assert by(house, "a").produced == made
    assert by(house, "b").after[0].made == made
    assert by(house, "c").after[0].made == (Produced(kind="", id=by(house, "b").external_id or "-"),), "its id, else"


ENDINGS: dict[str, tuple[Sequence[Any], str]] = {
    "refused": ([NO], "a, which goes before it, is failed (404)"),
    "dead": ([BUSY] * 200, "a, which goes before it, is dead (500)"),
}


@pytest.mark.parametrize("script", ENDINGS)
async def test_a_failure_skips_the_rest_and_says_why(house: House, wants: Plans, script: str) -> None:
    answers(house, *ENDINGS[script][0])
    await ordered(house)
    await house.pass_time(8 * 24 * HOUR, step=HOUR)
    assert {states(house)[name] for name in "bc"} == {"cancelled"}
    errors = [one.last_error for name in "bc" if (one := by(house, name))]
    assert [error.code for error in errors if error] == ["skipped", "skipped"]
    assert errors[0] is not None
    assert errors[0].message == ENDINGS[script][1]
    assert sent(house) == []


async def test_one_that_may_fail_stops_nobody(house: House, wants: Plans) -> None:
    wants(stage("a", on_failed=OnFailed.GO_ON), stage("b"), stage("c"))
    answers(house, NO)
    await ordered(house)
    assert states(house) == {"a": "failed", "b": "succeeded", "c": "succeeded"}


async def test_a_stop_goes_past_one_that_may_fail(house: House, wants: Plans) -> None:
    wants(stage("a"), stage("b", on_failed=OnFailed.GO_ON), stage("c"), stage("d", after=()))
    answers(house, NO)
    await ordered(house)
    assert states(house) == {"a": "failed", "b": "cancelled", "c": "cancelled", "d": "succeeded"}


@pytest.mark.parametrize(
    ("script", "states_", "texts"),
    [
        ([], ("succeeded", "succeeded", "cancelled"), ["a", "b"]),
        ([NO], ("failed", "cancelled", "cancelled"), []),
        ([BUSY, NO], ("failed", "cancelled", "succeeded"), ["sorry"]),
        ([BUSY] * 200, ("expired", "cancelled", "succeeded"), ["sorry"]),
    ],
    ids=["done", "failed while somebody waited", "failed later", "not managed in time"],
)
async def test_what_is_for_a_failure_is_done_where_nobody_saw_it(
    house: House, wants: Plans, script: list[Any], states_: tuple[str, ...], texts: list[str]
) -> None:
    book = stage("a", until=START + timedelta(hours=2))
    sorry = stage("sorry", after=("a",), if_failed=timedelta(seconds=15))
    wants(book, stage("b"), sorry, life=timedelta(hours=10))
    answers(house, *script)
    await ordered(house)
    for _ in range(240):
        if states(house)["a"] in ("failed", "expired"):
            house.sms.script.clear()
        await house.pass_time(60)
    assert tuple(states(house).values()) == states_
    assert sent(house) == texts


async def test_what_was_called_off_has_not_failed(house: House, wants: Plans) -> None:
    stands = Guards(still_true=StillTrue(subject="order:1", types=(EventType.ORDER_COMPLETED,)))
    wants(stage("a", guards=stands), stage("sorry", if_failed=timedelta()))
    answers(house, BUSY)
    await ordered(house)
    await house.post(order(1, "cancelled", revision=2))
    await house.pass_time(600)
    assert states(house) == {"a": "cancelled", "sorry": "cancelled"}


async def test_of_two_before_it_both_must_have_ended(house: House, wants: Plans) -> None:
    wants(stage("a"), stage("b", after=()), stage("c", after=("a", "b")))
    answers(house, BUSY)
    await ordered(house)
    assert states(house) == {"a": "retrying", "b": "succeeded", "c": "waiting_for"}
    await house.pass_time(600)
    assert states(house)["c"] == "succeeded"


# Channels of a stage


@pytest.mark.parametrize(("last", "then"), [(None, "succeeded"), (NO, "cancelled")])
async def test_a_stage_ends_with_its_last_channel(house: House, wants: Plans, last: Any, then: str) -> None:
    wants(Stage(step=step("a"), fallbacks=(step("a2"), step("a3"))), stage("b"))
    answers(house, NO, NO, last)
    await ordered(house)
    assert states(house)["b"] == then
    assert by(house, "b").after[0].step == "a"
    assert by(house, "a3").stage == "a"


async def test_a_channels_success_that_comes_late_is_the_stages(house: House, wants: Plans) -> None:
    wants(Stage(step=step("a"), fallbacks=(step("a2"),)), stage("b"))
    answers(house, NO, NO)
    await ordered(house)
    assert states(house) == {"a": "failed", "a2": "failed", "b": "cancelled"}
    await house.receipt("delivered", None, key=by(house, "a").key)
    await house.run()
    assert states(house) == {"a": "succeeded", "a2": "failed", "b": "succeeded"}


async def test_a_channels_time_counts_from_the_stages_turn(house: House, wants: Plans) -> None:
    wants(stage("a"), Stage(step=step("b"), fallbacks=(step("b2"),), fallback_after=timedelta(hours=2)))
    answers(house, *[BUSY] * 3)
    await ordered(house)
    assert by(house, "b").fallback_at is None
    await house.pass_time(HOUR, step=30)
    assert states(house) == {"a": "succeeded", "b": "succeeded"}


# Nobody knows


@pytest.mark.parametrize(
    ("said", "then"), [("succeeded", "succeeded"), ("failed", "cancelled"), ("retry", "succeeded")]
)
async def test_what_is_unknown_holds_up_those_after_it_and_says_so(
    house: House, wants: Plans, said: Any, then: str
) -> None:
    answers(house, LOST)
    await ordered(house)
    assert states(house) == {"a": "unknown", "b": "waiting_for", "c": "waiting_for"}
    b = by(house, "b")
    assert (b.after[0].status, b.last_error and b.last_error.code) == (S.UNKNOWN, "before_unknown")
    await house.pass_time(30 * 24 * HOUR, step=HOUR)
    assert states(house)["b"] == "waiting_for"
    await resolve_delivery(operator(house), by(house, "a").id, said, HOW)
    await house.run()
    assert states(house)["b"] == then
    assert (by(house, "b").last_error is None) == (then == "succeeded")


async def test_a_sequence_has_one_life(house: House, wants: Plans) -> None:
    wants(stage("a"), stage("b"), stage("c"), life=timedelta(hours=5))
    answers(house, LOST)
    await ordered(house)
    await house.pass_time(5 * HOUR + 120)
    assert states(house) == {"a": "unknown", "b": "expired", "c": "cancelled"}


# Nobody told it


class Forgetful(MemoryStore):
    """Another release's worker ends deliveries: it tells nobody."""

    deaf = False

    async def commit(self, writes: Sequence[Write], tasks: Sequence[Task] = ()) -> list[str]:
        deliveries = [w for w in writes if isinstance(w, Replace) and w.document.kind == "deliveries"]
        if self.deaf and len(deliveries) > 1:
            writes, tasks = [w for w in writes if w not in deliveries[1:]], ()
        return await super().commit(writes, tasks)


@pytest.mark.parametrize("script", [[], [NO]])
async def test_whoever_was_not_told_looks_for_itself(wants: Plans, script: list[Any]) -> None:
    store = Forgetful()
    house = House(store)
    await house.settle_in()
    store.deaf = True
    answers(house, *script)
    await ordered(house)
    assert states(house)["b"] == "waiting_for"
    store.deaf = False
    await house.pass_time(2 * HOUR)
    assert [states(house)[name] for name in "bc"] == ["cancelled" if script else "succeeded"] * 2


async def test_what_goes_before_it_and_is_not_there_is_waited_for_a_day(house: House, wants: Plans) -> None:
    answers(house, BUSY)
    await ordered(house)
    del house.store.documents["deliveries", by(house, "a").id]
    await house.pass_time(23 * HOUR)
    assert states(house)["b"] == "waiting_for"
    await house.pass_time(30 * HOUR)
    assert states(house) == {"b": "cancelled", "c": "cancelled"}


async def test_a_step_that_a_newer_flow_adds_finds_the_one_before_it_done(house: House, wants: Plans) -> None:
    wants(stage("a"))
    await ordered(house)
    wants(stage("a"), stage("b"), stage("c"))
    await house.post(order(revision=2))
    await house.run()
    assert states(house) == dict.fromkeys("abc", "succeeded")
    assert sent(house) == ["a", "b", "c"]


async def test_or_failed(house: House, wants: Plans) -> None:
    wants(stage("a"))
    answers(house, NO)
    await ordered(house)
    wants(stage("a"), stage("b"), stage("c"))
    await house.post(order(revision=2))
    await house.run()
    assert states(house) == {"a": "failed", "b": "cancelled", "c": "cancelled"}


async def test_or_too_late_as_it_is_planned(house: House, wants: Plans) -> None:
    wants(stage("a"), stage("b"), stage("c"), life=timedelta(hours=1))
    await house.post(order())
    house.clock.step(2 * HOUR)
    await house.run()
    assert states(house) == {"a": "expired", "b": "cancelled", "c": "cancelled"}


# After all


async def _receipt(house: House) -> None:
    await house.receipt("delivered", None, key=by(house, "a").key)


async def _resolved(house: House) -> None:
    await resolve_delivery(operator(house), by(house, "a").id, "succeeded", HOW)


async def _replayed(house: House) -> None:
    (record,) = house.events()
    await replay_event(operator(house), record.event.id, HOW)


@pytest.mark.parametrize("proved", [_receipt, _resolved, _replayed])
async def test_a_success_after_all_brings_back_what_was_skipped(house: House, wants: Plans, proved: Any) -> None:
    answers(house, NO)
    await ordered(house)
    assert states(house) == {"a": "failed", "b": "cancelled", "c": "cancelled"}
    await proved(house)
    await house.run()
    assert states(house) == dict.fromkeys("abc", "succeeded")
    assert sent(house)[-2:] == ["b", "c"]
    assert by(house, "b").generation == 2
    by_whom = "root: test" if proved is _replayed else "svyazka: what goes before it succeeded after all"
    assert by(house, "b").notes == (f"generation 2 by {by_whom}",)


async def test_what_was_emptied_is_not_brought_back(house: House, wants: Plans) -> None:
    answers(house, NO)
    await ordered(house)
    await Forgetting(house.hub).forget(house.tenant, "+79991234567")
    await _receipt(house)
    await house.run()
    assert states(house) == {"a": "succeeded", "b": "cancelled", "c": "cancelled"}


async def test_what_was_made_outlives_the_emptying(house: House, wants: Plans) -> None:
    await ordered(house)
    made = by(house, "b").after[0].made
    assert made
    await house.pass_time(100 * 24 * HOUR, step=24 * HOUR)
    await house.worker.handle("/retain", {})
    assert by(house, "b").command == SendMessage(to=Contact(), text="")
    assert by(house, "b").after[0].made == made


async def test_a_person_that_is_forgotten_ends_all_of_it(house: House, wants: Plans) -> None:
    answers(house, BUSY)
    await ordered(house)
    done = await Forgetting(house.hub).forget(house.tenant, "+79991234567")
    assert (done.deliveries, done.cancelled) == (3, 3)
    await house.pass_time(HOUR)
    assert set(states(house).values()) == {"cancelled"}
    assert sent(house) == []


# An operator


async def test_a_step_is_replayed_only_after_what_goes_before_it(house: House, wants: Plans) -> None:
    answers(house, NO)
    await ordered(house)
    done = await reopen(operator(house), by(house, "b").id, HOW)
    assert done.skipped
    assert done.reason == "a, which goes before it, is failed: replay that one"


async def test_what_is_for_a_failure_is_not_replayed_where_that_succeeded(house: House, wants: Plans) -> None:
    wants(stage("a"), stage("sorry", after=("a",), if_failed=timedelta(seconds=15)))
    await ordered(house)
    done = await reopen(operator(house), by(house, "sorry").id, HOW)
    assert done.skipped
    assert done.reason == "it is for where a fails unseen, and that is succeeded"


async def test_a_replay_keeps_the_order(house: House, wants: Plans) -> None:
    answers(house, None, NO)
    await ordered(house)
    assert states(house) == {"a": "succeeded", "b": "failed", "c": "cancelled"}
    answers(house, BUSY)
    (record,) = house.events()
    done = await replay_event(operator(house), record.event.id, HOW)
    assert [one.what for one in done] == ["skipped", "reopened", "reopened"]
    await house.run()
    assert states(house) == {"a": "succeeded", "b": "retrying", "c": "waiting_for"}
    await house.pass_time(600)
    assert sent(house) == ["a", "b", "c"]


# In a lane


async def test_two_plans_of_one_person_go_one_after_the_other(house: House, wants: Plans) -> None:
    wants(*(stage(name, lane="person:1") for name in "abc"))
    answers(house, BUSY)
    await ordered(house, 1)
    house.clock.step(1)
    await ordered(house, 2)
    await house.pass_time(600, step=5)
    keys = [by_key for by_key, _ in house.sms.sent]
    owner = {one.key: (one.subject, one.step) for one in house.deliveries()}
    assert [owner[key] for key in keys] == [(f"order:{n}", name) for n in (1, 2) for name in "abc"]


# What one makes and the next needs


CONTACT, DEAL = RecordKind.CONTACT, RecordKind.DEAL
IVAN = Contact(name="Иван Петров", phone="+79991234567")


def crm_stage(name: str, command: Command, safety: Safety, **changes: Any) -> Stage:
    return Stage(step=Step.through(name, "crm", "crm", command, safety), **changes)


def lead(crm: FakeCrm, needed: bool = True, on_failed: OnFailed = OnFailed.STOP) -> tuple[Stage, ...]:
    making = crm.creating.safety
    contact = crm_stage("contact", PutRecord(record=CONTACT, person=IVAN), making, lane="ivan", on_failed=on_failed)
    link = Link(kind=CONTACT, to=contact.result(needed=needed), main=True)
    deal = crm_stage("deal", PutRecord(record=DEAL, fields={"title": "Заявка"}, links=(link,)), making, lane="ivan")
    note = AddNote(on=Target(kind=DEAL, to=deal.result()), text="Перезвоните")
    return contact, deal, crm_stage("note", note, crm.noting.safety, lane="ivan")


@pytest.fixture
async def shop() -> tuple[House, FakeCrm]:
    house, crm = House(), FakeCrm()
    house.manifests["crm"] = crm.manifest
    connections = {**house.tenant.connections, "crm": ConnectionSpec(vendor="crm")}
    house.tenant = house.tenant.model_copy(update={"connections": connections})
    await house.settle_in()
    return house, crm


async def test_a_deal_hangs_on_its_contact_and_the_note_on_the_deal(shop: tuple[House, FakeCrm], wants: Plans) -> None:
    house, crm = shop
    wants(*lead(crm))
    crm.cut.extend(["after", "before"])
    await ordered(house)
    await house.pass_time(HOUR)
    assert states(house) == dict.fromkeys(("contact", "deal", "note"), "succeeded")
    assert crm.writes == ["create contact", "create deal", "note"]
    contact, deal = (by(house, name).produced[0].id for name in ("contact", "deal"))
    assert crm.cards[deal].links == {ObjectId(CONTACT, contact)}
    assert [(on, text) for on, text, _ in crm.notes] == [(ObjectId(DEAL, deal), "Перезвоните")]
    assert by(house, "note").command == lead(crm)[2].step.command, "as it was planned: the ids stand beside"


@pytest.mark.parametrize("needed", [True, False])
async def test_without_what_it_refers_to_it_is_skipped_or_does_without(
    shop: tuple[House, FakeCrm], wants: Plans, needed: bool
) -> None:
    house, crm = shop
    _, *others = lead(crm, needed, OnFailed.GO_ON)
    gone = PutRecord(record=CONTACT, ref=Existing(id="404"), fields={"name": "Иван"})
    wants(crm_stage("contact", gone, crm.updating.safety, on_failed=OnFailed.GO_ON), *others)
    await ordered(house)
    assert states(house)["contact"] == "failed"
    if needed:
        assert (states(house)["deal"], states(house)["note"]) == ("cancelled", "cancelled")
        error = by(house, "deal").last_error
        assert error is not None
        assert error.message == "what contact was to make is needed, and nobody knows of it"
    else:
        assert (states(house)["deal"], states(house)["note"]) == ("succeeded", "succeeded")
        assert crm.cards[by(house, "deal").produced[0].id].links == frozenset()


async def test_an_operator_says_what_was_made_where_others_go_on_from_it(
    shop: tuple[House, FakeCrm], wants: Plans
) -> None:
    house, crm = shop
    gone = PutRecord(record=CONTACT, ref=Existing(id="404"), fields={"name": "Иван"})
    _, *others = lead(crm)
    wants(crm_stage("contact", gone, crm.updating.safety), *others)
    await ordered(house)
    id_ = by(house, "contact").id
    with pytest.raises(ConfigError, match=r"deal goes on with what .* made: expected --made KIND=ID"):
        await resolve_delivery(operator(house), id_, "succeeded", HOW)
    there = crm.holds(name="Иван Петров")
    await resolve_delivery(operator(house), id_, "succeeded", HOW, (Produced(kind="contact", id=there.id),))
    await house.run()
    assert states(house) == dict.fromkeys(("contact", "deal", "note"), "succeeded")
    assert crm.cards[by(house, "deal").produced[0].id].links == {there.itself}


TIMES = {"plan": 1, "claim": 2, "perform": 3, "settle": 3}
"""How often a worker passes each place on the way of three deliveries: the first is claimed as it is planned."""


@pytest.mark.parametrize(
    ("point", "nth"),
    [(point, nth) for point in POINTS for nth in range(1, TIMES.get(point.split(".")[0], 0) + 1)],
)
async def test_each_is_made_once_wherever_the_worker_dies(
    shop: tuple[House, FakeCrm], wants: Plans, monkeypatch: pytest.MonkeyPatch, point: str, nth: int
) -> None:
    house, crm = shop
    wants(*lead(crm))
    left = dies_at(point, monkeypatch, nth)
    await house.post(order())
    for _ in range(2):
        try:
            await house.pass_time(3 * HOUR)
        except Killed:
            house.start()
    assert states(house) == dict.fromkeys(("contact", "deal", "note"), "succeeded")
    assert crm.writes == ["create contact", "create deal", "note"]
    assert left == []
