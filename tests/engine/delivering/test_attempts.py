"""What one try may prove: by its exceptions, its time, its calls; and that its outcome is never dropped."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta
from typing import Any

import pytest

from fakes import House, MemoryStore, order
from svyazka.engine.calling.exchanges import exchanges
from svyazka.engine.contracts.manifest import Limits
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.ports.store import Task, Write
from svyazka.engine.rules.ambiguity import doubt_since, maybe_sent_at, no_answer
from svyazka.engine.rules.deadlines import TIMES, Times
from svyazka.model.commands import Deadline, Repeat
from svyazka.model.deliveries import Attempt, Delivery, Status
from svyazka.model.errors import (
    LeaseTooShort,
    MaybeSent,
    NoToken,
    NotSent,
    RefusedAddress,
    SourceUnavailable,
    Unavailable,
)
from svyazka.model.outcomes import Blocked, Refused, Retry, Succeeded, Unknown
from svyazka.model.reasons import Reason

S = Status


def only(house: House) -> Delivery:
    (delivery,) = [d for d in house.deliveries() if d.flow != "alerts"]
    return delivery


def trouble(error: BaseException, *, called: bool) -> Any:
    """A connector that fails so, before or after its call has left."""

    async def perform_(message: Any, to: str, call: Any) -> Any:
        call.http.wrote = int(called)
        raise error

    return perform_


@pytest.mark.parametrize("safety", list(Repeat))
@pytest.mark.parametrize(
    ("error", "called", "when_unsafe"),
    [
        (NotSent("refused"), False, S.RETRYING), (NotSent("the next request"), True, S.UNKNOWN),
        (MaybeSent("reset"), True, S.UNKNOWN), (NoToken("reset"), False, S.RETRYING),
        (NoToken("reset"), True, S.UNKNOWN),
        (LeaseTooShort("late"), False, S.PENDING), (LeaseTooShort("late"), True, S.UNKNOWN),
        (TimeoutError(), False, S.RETRYING), (TimeoutError(), True, S.UNKNOWN),
        (RefusedAddress("private"), False, S.BLOCKED), (RefusedAddress("private"), True, S.UNKNOWN),
        (SourceUnavailable("no access"), False, S.RETRYING), (SourceUnavailable("no access"), True, S.UNKNOWN),
        (VendorFailure(Refused(code="404", message="no such payment")), False, S.FAILED),
        (VendorFailure(Refused(code="404", message="no such payment")), True, S.UNKNOWN),
        (VendorFailure(Blocked(code="401", message="no access", remedy="a key")), False, S.BLOCKED),
        (VendorFailure(Blocked(code="401", message="no access", remedy="a key")), True, S.UNKNOWN),
        (KeyError("a bug"), False, S.RETRYING), (KeyError("a bug"), True, S.UNKNOWN),
    ],
)  # fmt: skip
async def test_each_way_to_fail_means_what_it_proves(
    safety: Repeat, error: Exception, called: bool, when_unsafe: Status
) -> None:
    house = House()
    await house.settle_in()
    house.sms.repeat = safety
    house.sms.send = trouble(error, called=called)  # type: ignore[method-assign]
    await house.post(order())
    await house.run()
    doubted = when_unsafe is S.UNKNOWN
    assert only(house).status is (S.RETRYING if doubted and safety is not Repeat.UNSAFE else when_unsafe)
    (attempt,) = only(house).attempts
    assert attempt.maybe_sent is doubted


@pytest.mark.parametrize(("wrote_before", "status"), [(1, S.UNKNOWN), (0, S.RETRYING)])
async def test_not_now_of_the_last_of_several_requests_says_nothing_of_those_before_it(
    wrote_before: int, status: Status
) -> None:
    async def send(message: Any, to: str, call: Any) -> Any:
        call.http.wrote_before = wrote_before
        return Retry(code="429", message="not now")

    house = House()
    await house.settle_in()
    house.sms.repeat = Repeat.UNSAFE
    house.sms.send = send  # type: ignore[method-assign]
    await house.post(order())
    await house.run()
    assert only(house).status is status


async def test_what_access_means_for_the_connection_its_connector_says(house: House) -> None:
    error = SourceUnavailable("not authorised")
    error.outcome = Blocked(code="401", message="not authorised", remedy="svyazka auth")
    house.sms.send = trouble(error, called=False)  # type: ignore[method-assign]
    await house.post(order())
    await house.run()
    assert only(house).status is S.BLOCKED


@pytest.mark.parametrize(("called", "status"), [(False, S.RETRYING), (True, S.UNKNOWN)])
async def test_an_attempt_has_its_time_and_no_more(
    house: House, monkeypatch: pytest.MonkeyPatch, called: bool, status: Status
) -> None:
    async def hang(message: Any, to: str, call: Any) -> Any:
        call.http.wrote = int(called)
        await asyncio.Event().wait()

    house.sms.send = hang  # type: ignore[method-assign]
    monkeypatch.setitem(TIMES, Deadline.CALL, Times(call=-0.99, lease=60))
    await house.post(order())
    await house.run()
    assert only(house).status is status
    assert only(house).last_error is not None
    assert only(house).last_error.code == "timeout"  # type: ignore[union-attr]


@pytest.mark.parametrize("asked", [False, True], ids=["sending", "after asking"])
async def test_a_claim_that_finds_no_place_at_the_vendors_rate_goes_back_and_is_no_failure(
    house: House, asked: bool
) -> None:
    """Others, a look at a list say, came between its claim and its call."""
    house.sms.limits = Limits(per_second=0.02)

    async def find_sent(message: Any, to: str, call: Any) -> Any:
        return None

    async def send(message: Any, to: str, call: Any) -> Any:
        account = await house.hub.directory.account("kofe", "sms")
        assert account is not None
        others = exchanges(house.hub, account)
        if house.sms.calls == 0:
            house.sms.calls += 1
            with suppress(NotSent):
                await others.request("GET", "http://127.0.0.1:1/list")
        with suppress(NotSent):
            await call.http.request("POST", "http://127.0.0.1:1/send")
        return house.sms.deliver(message, call.key)

    house.sms.repeat = Repeat.CHECKABLE if asked else Repeat.UNSAFE
    house.sms.send, house.sms.find_sent = send, find_sent  # type: ignore[method-assign]
    await house.post(order())
    if asked:
        house.sms.send = trouble(MaybeSent("timeout"), called=True)  # type: ignore[method-assign]
        await house.run()
        house.sms.send = send  # type: ignore[method-assign]
        await house.pass_time(60, step=1)
    failures, attempts = int(asked), 1 + int(asked)
    await house.run()
    given_back = only(house)
    assert (given_back.status, given_back.failures, given_back.attempt_count) == (S.PENDING, failures, attempts)
    assert given_back.attempts[-1].outcome == "gave_back"
    assert given_back.next_attempt_at is not None
    assert given_back.next_attempt_at - given_back.attempts[-1].started_at > timedelta(seconds=45)
    await house.pass_time(120)
    assert (only(house).status, len(house.sms.sent)) == (S.SUCCEEDED, 1)


async def test_a_mistake_in_a_connector_is_no_outage_and_leaves_no_payload_in_the_log(
    house: House, capsys: pytest.CaptureFixture[str]
) -> None:
    house.sms.send = trouble(KeyError("+79991234567"), called=False)  # type: ignore[method-assign]
    await house.post([order(number) for number in range(9)])
    await house.pass_time(1800)
    assert {delivery.status for delivery in house.deliveries()} == {S.RETRYING}
    assert ("outages", "kofe.sms") not in house.store.documents
    printed = capsys.readouterr().out
    assert "connector failed" in printed
    assert "9991234567" not in printed


# Doubt


def test_what_no_answer_means_depends_on_the_commands_repeat_safety(house: House) -> None:
    base = Delivery.model_construct(repeat=Repeat.UNSAFE)
    assert isinstance(no_answer(base, "timeout"), Unknown)
    for safety in (Repeat.IDEMPOTENT, Repeat.CHECKABLE):
        outcome = no_answer(Delivery.model_construct(repeat=safety), "ReadError")
        assert isinstance(outcome, Retry)
        assert (outcome.code, outcome.maybe_sent) == ("no_answer", True)


@pytest.mark.parametrize("how", ["answered", "raised"])
async def test_a_vendor_that_refuses_to_say_what_it_took_has_not_refused_the_message(house: House, how: str) -> None:
    house.sms.repeat = Repeat.CHECKABLE
    no = Refused(code="402", message="the list isn't yours to see", reason=Reason.NO_ACCESS)

    async def find_sent(message: Any, to: str, call: Any) -> Any:
        if how == "raised":
            raise VendorFailure(no)
        return no

    house.sms.send = trouble(MaybeSent("timeout"), called=True)  # type: ignore[method-assign]
    house.sms.find_sent = find_sent  # type: ignore[method-assign]
    await house.post(order())
    await house.pass_time(1800)
    found = only(house)
    assert (found.status, found.successor, found.attempt_count) == (S.UNKNOWN, None, 2)
    assert found.last_error is not None
    assert (found.last_error.code, found.last_error.reason) == ("402", Reason.NO_ACCESS)


def test_doubt_begins_with_the_first_attempt_of_this_generation_that_may_have_had_its_effect() -> None:
    from fakes import START

    def tried(number: int, generation: int, outcome: str | None, maybe: bool = False) -> Attempt:
        at = START.replace(minute=number)
        return Attempt(number=number, generation=generation, started_at=at, outcome=outcome, maybe_sent=maybe)

    story = (
        tried(1, 1, "unknown", maybe=True), tried(2, 2, "retry"), tried(3, 2, "retry", maybe=True), tried(4, 2, None),
        tried(5, 2, None),
    )  # fmt: skip
    delivery = Delivery.model_construct(attempts=story, generation=2)
    assert doubt_since(delivery) == START.replace(minute=3)
    assert maybe_sent_at(delivery) == START.replace(minute=4)
    fresh = Delivery.model_construct(attempts=story[:2], generation=2)
    assert doubt_since(fresh) is None
    assert maybe_sent_at(fresh) == START.replace(minute=1)


# The outcome in hand


class Faint(MemoryStore):
    """Out of reach for so many writes once a delivery has been sent."""

    def __init__(self) -> None:
        super().__init__()
        self.faints = 0

    async def commit(self, writes: Sequence[Write], tasks: Sequence[Task] = ()) -> list[str]:
        if self.faints > 0:
            self.faints -= 1
            raise Unavailable("the store is down")
        return await super().commit(writes, tasks)


async def faint_after_the_call(times: int) -> House:
    store = Faint()
    house = House(store)
    await house.settle_in()

    def send(command: Any, key: str) -> Any:
        store.faints = times
        return house.sms.deliver(command, key)

    house.sms.script.append(send)
    await house.post(order())
    return house


async def test_a_success_is_kept_in_hand_while_the_journal_is_out_of_reach() -> None:
    house = await faint_after_the_call(times=9)
    await house.run()
    assert only(house).status is S.SUCCEEDED
    assert len(house.sms.sent) == 1


async def test_a_journal_that_stays_away_leaves_it_to_the_take_over_and_nothing_is_sent_twice() -> None:
    house = await faint_after_the_call(times=1000)
    (task,) = house.store.tasks
    house.store.tasks.clear()
    assert await house.worker.handle(task.path, task.body) == 503
    house.store.faints = 0  # type: ignore[attr-defined]
    await house.pass_time(600)
    assert only(house).status is S.UNKNOWN
    assert len(house.sms.sent) == 1


async def test_a_journal_that_goes_away_in_the_middle_of_a_merge_loses_nothing() -> None:
    store = Faint()
    house = House(store)
    await house.settle_in()
    house.sms.repeat = Repeat.IDEMPOTENT
    house.sms.script.append(NotSent("refused"))
    await house.post(order())
    await house.run()
    retrying = only(house)
    account = await house.hub.directory.account("kofe", "sms")
    assert account is not None
    late = retrying.model_copy(update={"status": S.IN_FLIGHT, "claim": 0})
    attempt = Attempt(number=9, generation=1, started_at=house.clock.now(), outcome="succeeded")
    get, calls = store.get, []

    async def faint(kind: str, key: str) -> Any:
        calls.append(kind)
        if kind == "deliveries" and calls.count("deliveries") == 1:
            raise Unavailable("the store is down")
        return await get(kind, key)

    store.get = faint  # type: ignore[method-assign]
    await house.worker.recorder.settle(late, "0", account, Succeeded(external_id="late"), attempt)
    assert (only(house).status, only(house).external_id) == (S.SUCCEEDED, "late")
