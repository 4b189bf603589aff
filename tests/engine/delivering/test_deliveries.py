"""Retries, unknowns, take-overs, late settles, outages, fallbacks, receipts, guards: over fakes at the ports."""

from datetime import timedelta

import pytest

from fakes import House, order
from svyazka.engine.rules.deadlines import DISPATCH_DEADLINE, FUNCTION_LIMIT, LEASE, SEND_MARGIN, TIMES, Times
from svyazka.model.commands import Deadline, Repeat
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.errors import LeaseTooShort, MaybeSent, NotSent
from svyazka.model.events import ReceiptState
from svyazka.model.outcomes import Blocked, GaveBack, Refused, Retry, Succeeded

DOWN = Retry(code="503", message="down")


async def settled(**flow: object) -> House:
    house = House(via=("sms", "mail"), flow=flow)
    await house.settle_in()
    return house


@pytest.mark.parametrize("times", TIMES.values(), ids=TIMES)
def test_each_time_limit_lies_inside_the_next(times: Times) -> None:
    assert DISPATCH_DEADLINE > FUNCTION_LIMIT > times.lease > times.call + SEND_MARGIN


@pytest.mark.parametrize(("deadline", "lease"), [(Deadline.CALL, 60), (Deadline.MONEY, 90), (Deadline.SLOW, 110)])
async def test_a_claim_holds_as_long_as_its_operations_class_says(
    house: House, deadline: Deadline, lease: float
) -> None:
    seen = []

    async def looked_at(message, to, call):  # type: ignore[no-untyped-def]
        (delivery,) = house.deliveries()
        assert delivery.lease_until is not None
        seen.append((delivery.lease_until - house.clock.real()).total_seconds())
        return house.sms.deliver(message, call.key)

    house.sms.deadline, house.sms.send = deadline, looked_at  # type: ignore[method-assign]
    await house.post(order())
    await house.run()
    assert seen == [lease]


async def test_could_not_connect_is_repeated_and_then_succeeds(house: House) -> None:
    house.sms.script.extend([NotSent("refused"), NotSent("refused")])
    await house.post(order())
    await house.pass_time(3600)
    (delivery,) = house.deliveries()
    assert delivery.status is Status.SUCCEEDED
    assert [a.outcome for a in delivery.attempts] == ["retry", "retry", "succeeded"]
    assert len(house.sms.sent) == 1


async def test_no_answer_of_an_unsafe_command_is_unknown_and_never_sent_again(house: House) -> None:
    house.sms.script.append(MaybeSent("timeout"))
    await house.post(order())
    await house.pass_time(24 * 3600, step=600)
    (delivery,) = house.deliveries()
    assert delivery.status is Status.UNKNOWN
    assert house.sms.calls == 1
    assert [alert.kind for alert in house.alerts()] == ["unknown"]


async def test_no_answer_of_a_checkable_command_is_asked_about_before_repeating(house: House) -> None:
    house.sms.repeat = Repeat.CHECKABLE

    def took_it_and_vanished(command, key):  # type: ignore[no-untyped-def]
        house.sms.deliver(command, key)
        raise MaybeSent("timeout")

    house.sms.script.append(took_it_and_vanished)
    await house.post(order())
    await house.pass_time(3600)
    assert house.deliveries()[0].status is Status.SUCCEEDED
    assert len(house.sms.sent) == 1


async def test_no_answer_of_an_idempotent_command_is_repeated_with_the_same_key(house: House) -> None:
    house.sms.repeat = Repeat.IDEMPOTENT

    def took_it_and_vanished(command, key):  # type: ignore[no-untyped-def]
        house.sms.deliver(command, key)
        raise MaybeSent("timeout")

    house.sms.script.append(took_it_and_vanished)
    await house.post(order())
    await house.pass_time(3600)
    assert house.deliveries()[0].status is Status.SUCCEEDED
    assert len(house.sms.sent) == 1


@pytest.mark.parametrize(
    ("safety", "status", "calls"),
    [
        (Repeat.UNSAFE, Status.UNKNOWN, 0),
        (Repeat.IDEMPOTENT, Status.SUCCEEDED, 1),
        (Repeat.CHECKABLE, Status.SUCCEEDED, 1),
    ],
)
async def test_a_worker_lost_after_its_claim(safety: Repeat, status: Status, calls: int) -> None:
    house = House()
    house.sms.repeat = safety
    await house.settle_in()
    await house.post(order())

    async def die(*args: object) -> None:
        raise SystemExit

    house.worker.attempts.run = die  # type: ignore[method-assign]
    with pytest.raises(SystemExit):
        await house.run()
    house.start()
    await house.pass_time(60)
    assert house.deliveries()[0].status is Status.IN_FLIGHT
    await house.pass_time(300)
    assert house.deliveries()[0].status is status
    assert house.sms.calls == calls


async def test_a_late_success_is_merged_over_unknown() -> None:
    house = House()
    await house.settle_in()

    def frozen(command, key):  # type: ignore[no-untyped-def]
        house.clock.frozen_real = timedelta(seconds=LEASE + 120)
        raise _Frozen

    class _Frozen(BaseException):
        pass

    house.sms.script.append(frozen)
    await house.post(order())
    with pytest.raises(_Frozen):
        await house.run()
    (stuck,) = house.deliveries()
    version = house.store.documents[("deliveries", stuck.id)].version
    house.start()
    await house.pass_time(300)
    assert house.deliveries()[0].status is Status.UNKNOWN
    account = await house.hub.directory.account("kofe", "sms")
    attempt = stuck.attempts[-1].model_copy(update={"outcome": "succeeded"})
    await house.worker.recorder.settle(stuck, version, account, Succeeded(external_id="late-1"), attempt)
    (delivery,) = house.deliveries()
    assert delivery.status is Status.SUCCEEDED
    assert delivery.external_id == "late-1"


async def test_the_late_word_of_an_unknown_claim_that_nothing_was_sent_opens_it_again() -> None:
    house = House()
    await house.settle_in()
    claims: list[Delivery] = []

    async def freeze(claimed: Delivery, version: str, account: object) -> None:
        claims.append(claimed)
        raise SystemExit

    house.worker.attempts.run = freeze  # type: ignore[method-assign,assignment]
    await house.post(order())
    with pytest.raises(SystemExit):
        await house.run()
    house.start()
    await house.pass_time(300)
    assert house.deliveries()[0].status is Status.UNKNOWN
    account = await house.hub.directory.account("kofe", "sms")
    assert account is not None
    attempt = claims[0].attempts[-1].model_copy(update={"outcome": "gave_back"})
    await house.worker.recorder.settle(claims[0], "0", account, GaveBack(), attempt)
    assert house.deliveries()[0].status is Status.PENDING
    await house.pass_time(300)
    assert house.deliveries()[0].status is Status.SUCCEEDED
    assert len(house.sms.sent) == 1


async def test_a_second_success_is_recorded_as_a_duplicate_effect_and_told(house: House) -> None:
    await house.post(order())
    await house.run()
    (done,) = house.deliveries()
    account = await house.hub.directory.account("kofe", "sms")
    attempt = done.attempts[-1].model_copy(update={"number": 2})
    done = done.model_copy(update={"status": Status.IN_FLIGHT})
    await house.worker.recorder.settle(done, "0", account, Succeeded(external_id="other"), attempt)
    (delivery,) = house.deliveries()
    assert delivery.duplicate_effect
    assert [alert.kind for alert in house.alerts()] == ["duplicate_effect"]


async def test_too_little_lease_gives_the_claim_back(house: House) -> None:
    house.sms.script.append(LeaseTooShort("late"))
    await house.post(order())
    await house.run()
    assert house.deliveries()[0].status is Status.PENDING
    await house.pass_time(120)
    assert len(house.sms.sent) == 1


async def test_refused_for_good_goes_to_the_next_channel_in_one_commit() -> None:
    house = await settled()
    house.sms.script.append(Refused(code="207", message="no route"))
    await house.post({**order(), "email": "ivan@example.org"})
    await house.pass_time(120)
    sms, mail = sorted(house.deliveries(), key=lambda d: d.connection, reverse=True)
    assert (sms.status, mail.status) == (Status.FAILED, Status.SUCCEEDED)
    assert sms.successor == mail.id


@pytest.mark.parametrize(
    ("remedy", "told"),
    [
        ("Сохраните ключ заново: svyazka secret set", "svyazka secret set kofe sms-key. Подробно: svyazka show dlv_"),
        ("Выдайте доступ заново (svyazka auth)", "(svyazka auth kofe/sms). Подробно: svyazka show dlv_"),
        ("Проверьте: svyazka doctor", "svyazka doctor kofe. Подробно: svyazka show dlv_"),
    ],
)
async def test_the_alert_of_a_refusal_names_whole_commands(house: House, remedy: str, told: str) -> None:
    house.sms.script.append(Refused(code="301", message="wrong key", remedy=remedy))
    await house.post(order())
    await house.run()
    (alert,) = house.alerts()
    assert told in alert.text


async def test_no_success_by_the_deadline_goes_to_the_next_channel() -> None:
    house = await settled(fallback_after="1h", expires_after="24h")
    house.sms.script.extend([DOWN] * 100)
    await house.post({**order(), "email": "ivan@example.org"})
    await house.pass_time(2 * 3600)
    by_connection = {d.connection: d for d in house.deliveries()}
    assert by_connection["sms"].status is Status.CANCELLED
    assert by_connection["mail"].status is Status.SUCCEEDED
    assert len(house.mail.sent) == 1


async def test_unknown_never_falls_back() -> None:
    house = await settled(fallback_after="1h")
    house.sms.script.append(MaybeSent("timeout"))
    await house.post({**order(), "email": "ivan@example.org"})
    await house.pass_time(3 * 3600)
    assert [d.connection for d in house.deliveries()] == ["sms"]


async def test_an_opt_out_refusal_is_remembered_and_reaches_no_other_channel() -> None:
    house = await settled()
    house.sms.script.append(Refused(code="215", message="stop list", opt_out=True))
    await house.post({**order(1), "email": "ivan@example.org"})
    await house.pass_time(120)
    await house.post({**order(2), "email": "ivan@example.org"})
    await house.pass_time(120)
    assert [d.status for d in house.deliveries()] == [Status.FAILED, Status.CANCELLED]
    assert house.mail.sent == []


async def test_a_receipt_before_our_settle_is_not_lost(house: House) -> None:
    house.sms.script.append(lambda command, key: Succeeded(external_id="sms-x"))
    await house.post(order())

    async def later(*args: object) -> None:
        raise SystemExit

    run = house.worker.attempts.run
    house.worker.attempts.run = later  # type: ignore[method-assign]
    with pytest.raises(SystemExit):
        await house.run()
    await house.receipt("delivered", "sms-x")
    await house.run()  # the receipt: nothing of ours yet, but something is in flight
    (delivery,) = house.deliveries()
    assert delivery.status is Status.IN_FLIGHT
    version = house.store.documents[("deliveries", delivery.id)].version
    account = await house.hub.directory.account("kofe", "sms")
    await run(delivery, version, account)
    await house.pass_time(120)
    (delivery,) = house.deliveries()
    assert (delivery.status, delivery.receipt) == (Status.SUCCEEDED, ReceiptState.DELIVERED)


async def test_a_receipt_settles_the_only_unknown_message(house: House) -> None:
    house.sms.script.append(MaybeSent("timeout"))
    await house.post(order())
    await house.run()
    await house.receipt("delivered", "never-seen")
    await house.run()
    (delivery,) = house.deliveries()
    assert (delivery.status, delivery.receipt) == (Status.SUCCEEDED, ReceiptState.DELIVERED)
    assert delivery.notes


async def test_a_receipt_never_moves_backwards(house: House) -> None:
    house.sms.script.append(lambda command, key: Succeeded(external_id="m1"))
    await house.post(order())
    await house.run()
    await house.receipt("delivered", "m1")
    await house.run()
    await house.receipt("sent", "m1")
    await house.run()
    assert house.deliveries()[0].receipt is ReceiptState.DELIVERED


async def test_undelivered_goes_to_the_next_channel() -> None:
    house = await settled()
    house.sms.script.append(lambda command, key: Succeeded(external_id="m1"))
    await house.post({**order(), "email": "ivan@example.org"})
    await house.run()
    await house.receipt("undelivered", "m1")
    await house.run()
    assert len(house.mail.sent) == 1


async def test_at_most_once_per_person_across_orders() -> None:
    house = House(flow={"at_most_once_per": "30d"})
    await house.settle_in()
    await house.post(order(1))
    await house.post(order(2, phone="8 (999) 123-45-67"))
    await house.run()
    assert [d.status for d in house.deliveries()] == [Status.SUCCEEDED, Status.CANCELLED]
    assert len(house.sms.sent) == 1


async def test_a_failed_attempt_releases_its_reservation() -> None:
    house = House(flow={"at_most_once_per": "30d"})
    await house.settle_in()
    house.sms.script.append(Refused(code="202", message="bad number"))
    await house.post(order(1))
    await house.run()
    await house.post(order(2))
    await house.run()
    assert [d.status for d in house.deliveries()] == [Status.FAILED, Status.SUCCEEDED]


async def test_a_delayed_message_is_cancelled_when_the_order_was_cancelled_meanwhile() -> None:
    house = House(flow={"delay": "30m"})
    await house.settle_in()
    await house.post(order(1, revision=1))
    await house.run()
    assert house.deliveries()[0].status is Status.PENDING
    await house.post(order(1, status="cancelled", revision=2))
    await house.pass_time(3600)
    (delivery,) = house.deliveries()
    assert delivery.status is Status.CANCELLED
    assert delivery.last_error is not None
    assert delivery.last_error.code == "no_longer_true"


async def test_a_late_copy_of_an_older_state_does_not_cancel_a_delayed_message() -> None:
    house = House(flow={"delay": "30m"})
    await house.settle_in()
    await house.post(order(1, revision=5))
    await house.post(order(1, status="cooking", revision=3))
    await house.pass_time(3600)
    assert house.deliveries()[0].status is Status.SUCCEEDED


async def test_quiet_hours_hold_a_message_until_morning() -> None:
    house = House(flow={"quiet_hours": "21:00-10:00"})
    await house.settle_in()
    house.clock.step(7 * 3600)  # 22:00 in Moscow
    await house.post(order())
    await house.pass_time(11 * 3600, step=600)
    assert house.sms.sent == []
    await house.pass_time(2 * 3600, step=600)
    assert len(house.sms.sent) == 1


async def test_one_outage_parks_probes_tells_once_and_releases_everything() -> None:
    house = House(flow={"expires_after": "7d"})
    await house.settle_in()
    house.sms.script.extend([DOWN] * 5000)
    for number in range(40):
        await house.post(order(number, phone=f"+7999123{number:04d}"))
    await house.pass_time(72 * 3600, step=60)
    assert {d.status for d in house.deliveries()} == {Status.PARKED}
    probes = house.sms.calls
    assert probes < 40 + 5 + 4 * 6 + 72
    assert [(a.kind, a.stage) for a in house.alerts()] == [("outage", "down")]
    house.sms.script.clear()
    await house.pass_time(2 * 3600)
    assert {d.status for d in house.deliveries()} == {Status.SUCCEEDED}
    assert len(house.sms.sent) == 40
    assert sorted(a.stage for a in house.alerts()) == ["down", "recovered"]


async def test_what_expires_in_an_outage_says_so() -> None:
    house = House(flow={"expires_after": "24h"})
    await house.settle_in()
    house.sms.script.extend([DOWN] * 5000)
    await house.post(order(1))
    await house.pass_time(70 * 3600, step=300)
    await house.post(order(2, phone="+79991112233"))
    await house.pass_time(2 * 3600, step=300)
    house.sms.script.clear()
    await house.pass_time(4 * 3600, step=60)
    assert sorted(d.status for d in house.deliveries()) == [Status.EXPIRED, Status.SUCCEEDED]


async def test_a_blocked_connection_is_told_at_once_and_resumes_by_itself() -> None:
    house = House()
    await house.settle_in()
    house.sms.script.append(Blocked(code="201", message="no money", remedy="top up"))
    await house.post(order())
    await house.run()
    assert house.deliveries()[0].status is Status.BLOCKED
    assert [(a.kind, a.stage) for a in house.alerts()] == [("outage", "blocked")]
    await house.pass_time(3600)
    assert house.deliveries()[0].status is Status.SUCCEEDED
    assert sorted(a.stage for a in house.alerts()) == ["blocked", "recovered"]


async def test_a_queue_that_forgets_everything_only_delays() -> None:
    house = House()
    await house.settle_in()
    house.sms.script.extend([NotSent("x"), NotSent("x")])
    for number in range(10):
        await house.post(order(number, phone=f"+7999123{number:04d}"))
    for _ in range(60):
        house.store.tasks.clear()
        house.clock.step(60)
        await house.worker.handle("/sweep", {})
        await house.run()
    assert {d.status for d in house.deliveries()} == {Status.SUCCEEDED}
    assert len(house.sms.sent) == 10
