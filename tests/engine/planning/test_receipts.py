"""What vendors say of our messages: found by key or id, forwards only, never lost to a race, never guessed wildly."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from fakes import House, order
from svyazka.engine.journal import documents as journal
from svyazka.engine.operating.operator import How, Operator
from svyazka.engine.operating.replay import replay_event
from svyazka.engine.operating.resolve import resolve_delivery
from svyazka.engine.ports.store import Replace
from svyazka.model.commands import Command, Repeat
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.errors import MaybeSent
from svyazka.model.events import EventStatus, ReceiptState
from svyazka.model.outcomes import Outcome, Retry, Succeeded

S = Status


def only(house: House) -> Delivery:
    (delivery,) = house.deliveries()
    return delivery


def reasons(house: House) -> list[str | None]:
    """What became of each receipt's event, oldest first."""
    records = [record for record in house.events() if record.event.receipt is not None]
    return [record.reason for record in sorted(records, key=lambda record: record.event.received_at)]


async def claimed(house: House) -> tuple[Callable[[], Awaitable[None]], Delivery]:
    """An order whose message was claimed and is about to be sent: the call that follows, and the claim."""
    run = house.worker.attempts.run

    async def later(*args: object) -> None:
        raise SystemExit

    house.worker.attempts.run = later  # type: ignore[method-assign]
    await house.post(order())
    with pytest.raises(SystemExit):
        await house.run()
    house.worker.attempts.run = run  # type: ignore[method-assign]
    delivery = only(house)
    version = house.store.documents["deliveries", delivery.id].version

    async def call() -> None:
        await run(delivery, version, await house.hub.directory.account("kofe", "sms"))

    return call, delivery


async def test_each_receipt_moves_it_forward_and_the_story_names_the_delivery(house: House) -> None:
    house.sms.script.append(lambda command, key: Succeeded(external_id="m1"))
    await house.post(order())
    await house.run()
    for state in ("sent", "delivered", "read"):
        await house.receipt(state, "m1")
        await house.run()
        assert only(house).receipt.value == state
    await house.receipt("undelivered", "m1")
    await house.run()
    assert only(house).receipt is ReceiptState.READ
    assert reasons(house)[-1] == "an older state than the one known"
    told = [record for record in house.events() if record.event.receipt is not None]
    assert {record.deliveries for record in told} == {(only(house).id,)}


async def test_a_receipt_that_names_our_key_needs_no_id(house: House) -> None:
    house.sms.script.append(MaybeSent("timeout"))
    await house.post(order())
    await house.run()
    await house.receipt("delivered", None, key=only(house).key)
    await house.run()
    assert (only(house).status, only(house).receipt) == (S.SUCCEEDED, ReceiptState.DELIVERED)


@pytest.mark.parametrize("key", ["dlv_nobody.1", "nonsense", ".", "dlv_x.y"])
async def test_a_key_that_is_none_of_ours_changes_nothing(house: House, key: str) -> None:
    await house.post(order())
    await house.run()
    await house.receipt("undelivered", None, key=key)
    await house.run()
    assert only(house).receipt is ReceiptState.NONE
    assert reasons(house) == ["not a message of ours"]


async def test_a_receipt_of_another_tenants_message_changes_nothing(house: House) -> None:
    await house.post(order())
    await house.run()
    key, document = next((k, d) for k, d in house.store.documents.items() if k[0] == "deliveries")
    foreign = journal.read(Delivery, document).model.model_copy(update={"tenant": "chay"})
    await house.store.commit([Replace(journal.document(foreign, document.version))])
    await house.receipt("undelivered", None, key=foreign.key)
    await house.run()
    assert only(house).receipt is ReceiptState.NONE
    assert key[1] == foreign.id


# Before our own settle


async def test_a_receipt_in_the_middle_of_the_call_settles_it_and_our_late_word_is_no_second_success(
    house: House,
) -> None:
    call, delivery = await claimed(house)
    await house.receipt("delivered", None, key=delivery.key)
    await house.run()
    assert only(house).status is S.SUCCEEDED
    house.sms.script.append(lambda command, key: Succeeded(external_id="m1"))
    await call()
    assert (only(house).status, only(house).external_id, only(house).duplicate_effect) == (S.SUCCEEDED, "m1", False)
    assert only(house).receipt is ReceiptState.DELIVERED


async def test_a_receipt_before_its_id_is_known_waits_for_our_settle_and_no_longer(house: House) -> None:
    call, _ = await claimed(house)
    await house.receipt("delivered", "m1")
    await house.run()
    assert only(house).receipt is ReceiptState.NONE
    house.sms.script.append(lambda command, key: Succeeded(external_id="m1"))
    await call()
    house.clock.step(3)
    await house.run()
    assert only(house).receipt is ReceiptState.DELIVERED


async def test_a_receipt_whose_message_is_never_settled_settles_it_once_it_is_given_up(house: House) -> None:
    await claimed(house)
    await house.receipt("delivered", "m1")
    house.start()
    await house.pass_time(600)
    assert (only(house).status, only(house).receipt) == (S.SUCCEEDED, ReceiptState.DELIVERED)


async def test_a_receipt_and_a_settle_at_the_same_moment_lose_neither(house: House) -> None:
    call, delivery = await claimed(house)
    await house.receipt("delivered", None, key=delivery.key)
    house.sms.script.append(lambda command, key: Succeeded(external_id="m1"))
    await asyncio.gather(call(), house.run())
    assert (only(house).status, only(house).receipt, only(house).external_id) == (
        S.SUCCEEDED,
        ReceiptState.DELIVERED,
        "m1",
    )
    assert all(record.status is EventStatus.PLANNED for record in house.events())


async def test_a_receipt_whose_delivery_moves_while_it_is_planned_is_applied_at_once(house: House) -> None:
    """Not a minute later by the sweep."""
    house.sms.script.append(lambda command, key: Succeeded(external_id="m1"))
    await house.post(order())
    await house.run()
    await house.receipt("sent", "m1")
    await house.receipt("delivered", "m1")
    tasks, house.store.tasks = house.store.tasks, []
    await asyncio.gather(*(house.worker.handle(task.path, task.body) for task in tasks))
    assert only(house).receipt is ReceiptState.DELIVERED
    assert all(record.status is EventStatus.PLANNED for record in house.events())


# Whose may it be?


async def test_of_two_unknown_messages_nobody_can_tell_which_is_meant(house: House) -> None:
    house.sms.script.extend([MaybeSent("timeout"), MaybeSent("timeout")])
    await house.post([order(1), order(2, phone="+79991112233")])
    await house.run()
    await house.receipt("delivered", "never-seen")
    await house.pass_time(600)
    assert {delivery.status for delivery in house.deliveries()} == {S.UNKNOWN}
    assert reasons(house) == ["not a message of ours"]


async def test_a_receipt_long_after_an_unknown_message_is_not_taken_for_its_own(house: House) -> None:
    house.sms.script.append(MaybeSent("timeout"))
    await house.post(order())
    await house.run()
    house.clock.step(25 * 3600)
    await house.receipt("delivered", "never-seen")
    await house.run()
    assert only(house).status is S.UNKNOWN


# After an operator's replay


async def replayed(house: House) -> Delivery:
    """An unknown message whose second generation waits for its turn."""
    house.sms.script.append(MaybeSent("timeout"))
    await house.post(order())
    await house.run()
    operator = Operator(house.hub, lambda vendor: None, "root")
    await resolve_delivery(operator, only(house).id, "retry", How(why="asked"))
    return only(house)


async def test_proof_of_the_first_try_spares_the_second(house: House) -> None:
    delivery = await replayed(house)
    await house.receipt("delivered", None, key=f"{delivery.id}.1")
    house.store.tasks.reverse()
    await house.run()
    assert (only(house).status, only(house).generation) == (S.SUCCEEDED, 2)
    assert house.sms.sent == []


async def test_the_first_trys_failure_says_nothing_of_the_second(house: House) -> None:
    delivery = await replayed(house)
    await house.run()
    assert only(house).status is S.SUCCEEDED
    for state in ("undelivered", "delivered"):
        await house.receipt(state, None, key=f"{delivery.id}.1")
        await house.run()
    assert only(house).receipt is ReceiptState.NONE
    assert set(reasons(house)) == {"of a try before the present one"}
    await house.receipt("delivered", None, key=f"{delivery.id}.2")
    await house.run()


async def test_a_receipt_event_is_never_reopened_as_its_message(house: House) -> None:
    house.sms.script.append(lambda command, key: Succeeded(external_id="m1"))
    await house.post(order())
    await house.run()
    await house.receipt("undelivered", "m1")
    await house.run()
    (told,) = [record for record in house.events() if record.event.receipt is not None]
    operator = Operator(house.hub, lambda vendor: None, "root")
    (done,) = await replay_event(operator, told.event.id, How(again=True))
    assert done.skipped
    await house.run()
    assert house.sms.calls == 1


async def test_a_retrying_message_that_a_receipt_proves_is_not_repeated(house: House) -> None:
    house.sms.repeat = Repeat.IDEMPOTENT
    house.sms.script.extend([MaybeSent("timeout"), Retry(code="500", message="busy")])
    await house.post(order())
    await house.run()
    assert only(house).status is S.RETRYING
    await house.receipt("delivered", None, key=only(house).key)
    await house.pass_time(3600)
    assert (only(house).status, house.sms.calls) == (S.SUCCEEDED, 1)


async def test_a_receipt_ahead_of_its_own_settle_is_never_taken_for_an_unknown_ones() -> None:
    house = House()
    await house.settle_in()
    house.sms.script.append(MaybeSent("timeout"))
    await house.post(order(1))
    await house.run()
    assert house.deliveries()[0].status is Status.UNKNOWN

    def took_it_and_we_froze(command: Command, key: str) -> Outcome:
        house.sms.deliver(command, key)
        raise SystemExit

    house.sms.script.append(took_it_and_we_froze)
    await house.post(order(2))
    with pytest.raises(SystemExit):
        await house.run()
    ((key, _),) = house.sms.sent
    house.start()
    await house.receipt("delivered", f"sms-{key}")
    await house.run()
    states = {d.subject: d.status for d in house.deliveries() if d.flow == "review_request"}
    assert states == {"order:1": Status.UNKNOWN, "order:2": Status.IN_FLIGHT}


async def test_a_connections_release_looks_at_no_receipt_before_its_time() -> None:
    """What is released waited for its source; a receipt waits for our own settle, and has so many looks only."""
    house = House()
    await house.settle_in()

    def took_it_and_we_froze(command: Command, key: str) -> Outcome:
        house.sms.deliver(command, key)
        raise SystemExit

    house.sms.script.append(took_it_and_we_froze)
    await house.post(order(1))
    with pytest.raises(SystemExit):
        await house.run()
    ((key, _),) = house.sms.sent
    house.start()
    await house.receipt("delivered", f"sms-{key}")
    for _ in range(6):
        await house.run()
        assert await house.worker.handle("/release", {"tenant": "kofe", "connection": "sms"}) == 204
    await house.pass_time(600)
    assert [d.status for d in house.deliveries() if d.flow == "review_request"] == [Status.SUCCEEDED]
