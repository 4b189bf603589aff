"""What an operator may do and the engine never does by itself: resolve, replay, reopen, each with its rules."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from fakes import START, FakeTill, House, order
from svyazka.engine.contracts.webhook import Inbound, RawRequest, Webhook
from svyazka.engine.operating.operator import How, Operator
from svyazka.engine.operating.reopen import reopen
from svyazka.engine.operating.replay import replay_event, replay_raw
from svyazka.engine.operating.resolve import resolve_delivery
from svyazka.engine.operating.send import request_send
from svyazka.model.commands import SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.errors import ConfigError, MaybeSent
from svyazka.model.events import EventStatus, EventType, Fact, Unreadable
from svyazka.model.outcomes import Refused, Retry, Succeeded

DAY = 86400.0
NO = Refused(code="202", message="bad number")
S = Status


def at(house: House, webhook: Webhook | None = None) -> Operator:
    way_in = webhook or FakeTill()
    return Operator(house.hub, lambda vendor: way_in if vendor == "till" else None, "root")


def only(house: House) -> Delivery:
    (delivery,) = house.deliveries()
    return delivery


async def ended(house: House, *script: Any, step: float = 0.0) -> Delivery:
    """One order, and what became of its message."""
    house.sms.script.extend(script)
    await house.post(order())
    await house.run()
    house.clock.step(step)
    return only(house)


# resolve


@pytest.mark.parametrize(
    ("resolution", "status"), [("succeeded", S.SUCCEEDED), ("failed", S.FAILED), ("retry", S.PENDING)]
)
async def test_an_unknown_message_becomes_what_the_operator_says(house: House, resolution: Any, status: Status) -> None:
    delivery = await ended(house, MaybeSent("timeout"))
    await resolve_delivery(at(house), delivery.id, resolution, How(why="asked the vendor"))
    assert only(house).status is status
    assert "root" in only(house).notes[-1]
    await house.pass_time(600)
    assert only(house).status is (S.SUCCEEDED if resolution == "retry" else status)
    assert house.sms.calls == (2 if resolution == "retry" else 1)


async def test_sent_again_it_is_a_new_generation_with_a_new_key(house: House) -> None:
    delivery = await ended(house, MaybeSent("timeout"))
    await resolve_delivery(at(house), delivery.id, "retry", How(why="asked"))
    await house.run()
    assert [key for key, _ in house.sms.sent] == [f"{delivery.id}.2"]
    assert only(house).notes == ("generation 2 by root: asked",)


@pytest.mark.parametrize(
    ("script", "resolution", "words"),
    [
        ([None], "retry", "not unknown"), ([None], "succeeded", "already"), ([None], "failed", "already"),
        ([NO], "failed", "already"), ([NO], "retry", "svyazka replay"),
        ([Retry(code="500", message="busy")], "succeeded", "only what was tried"),
    ],
)  # fmt: skip
async def test_what_cannot_be_said_of_it_is_refused_with_the_reason(
    house: House, script: list[Any], resolution: Any, words: str
) -> None:
    delivery = await ended(house, *script)
    with pytest.raises(ConfigError, match=words):
        await resolve_delivery(at(house), delivery.id, resolution, How())
    assert only(house) == delivery


async def test_what_is_being_sent_right_now_is_left_alone(house: House) -> None:
    seen: list[str] = []

    def in_the_middle(command: Any, key: str) -> Any:
        seen.append(key)
        return Succeeded(external_id="m1")

    house.sms.script.append(in_the_middle)
    await house.post(order())
    run = house.worker.attempts.run

    async def frozen(claimed: Delivery, *args: Any) -> None:
        with pytest.raises(ConfigError, match="right now"):
            await resolve_delivery(at(house), claimed.id, "failed", How())
        assert (await reopen(at(house), claimed.id, How(again=True))).skipped
        await run(claimed, *args)

    house.worker.attempts.run = frozen  # type: ignore[method-assign]
    await house.run()
    assert seen


async def test_what_failed_by_the_operators_word_goes_to_the_next_channel() -> None:
    house = House(via=("sms", "mail"))
    await house.settle_in()
    house.sms.script.append(MaybeSent("timeout"))
    await house.post({**order(), "email": "ivan@example.org"})
    await house.run()
    await resolve_delivery(at(house), house.deliveries()[0].id, "failed", How())
    await house.run()
    assert [d.status for d in house.deliveries()] == [S.FAILED, S.SUCCEEDED]


async def test_nothing_is_known_of_an_id_that_is_none() -> None:
    house = House()
    await house.settle_in()
    for call in (resolve_delivery(at(house), "dlv_x", "failed", How()), reopen(at(house), "dlv_x", How())):
        with pytest.raises(ConfigError, match="no delivery dlv_x"):
            await call
    with pytest.raises(ConfigError, match="no event evt_x"):
        await replay_event(at(house), "evt_x", How())
    with pytest.raises(ConfigError, match="no stored request raw_x"):
        await replay_raw(at(house), "raw_x", How())


# reopen


async def test_what_failed_is_done_anew(house: House) -> None:
    delivery = await ended(house, NO)
    done = await reopen(at(house), delivery.id, How(why="the number was mended"))
    assert (done.what, done.reason) == ("reopened", "generation 2")
    await house.run()
    assert only(house).status is S.SUCCEEDED
    assert [attempt.generation for attempt in only(house).attempts] == [1, 2]


@pytest.mark.parametrize(
    ("script", "how", "words"),
    [
        ([None], How(), "--again"), ([MaybeSent("timeout")], How(again=True), "resolve decides"),
        ([Retry(code="500", message="busy")], How(again=True), "nothing to replay"),
    ],
)  # fmt: skip
async def test_what_is_not_reopened_says_why(house: House, script: list[Any], how: How, words: str) -> None:
    delivery = await ended(house, *script)
    done = await reopen(at(house), delivery.id, how)
    assert done.skipped
    assert words in (done.reason or "")
    assert only(house) == delivery


async def test_a_success_is_repeated_only_with_again(house: House) -> None:
    delivery = await ended(house)
    await reopen(at(house), delivery.id, How(again=True))
    await house.run()
    assert len(house.sms.sent) == 2
    assert not only(house).duplicate_effect


async def test_a_dry_run_changes_nothing(house: House) -> None:
    delivery = await ended(house, NO)
    done = await reopen(at(house), delivery.id, How(dry_run=True))
    assert done.what == "reopened"
    assert only(house) == delivery


async def test_what_is_too_old_is_reopened_only_in_spite_of_its_age_and_then_lives_as_long_again(house: House) -> None:
    delivery = await ended(house, NO, step=2 * DAY)
    assert "too old" in ((await reopen(at(house), delivery.id, How())).reason or "")
    await reopen(at(house), delivery.id, How(ignore_age=True))
    assert only(house).guards.expires_at == house.clock.now() + timedelta(days=1)
    await house.run()
    assert only(house).status is S.SUCCEEDED


async def test_what_a_fallback_has_done_or_is_doing_is_not_done_again() -> None:
    house = House(via=("sms", "mail"))
    await house.settle_in()
    house.sms.script.append(NO)
    await house.post({**order(), "email": "ivan@example.org"})
    await house.run()
    first = house.deliveries()[0]
    assert "its fallback" in ((await reopen(at(house), first.id, How())).reason or "")
    assert (await reopen(at(house), first.id, How(again=True))).what == "reopened"


async def test_a_reopened_delivery_gets_its_fallbacks_time_anew() -> None:
    house = House(via=("sms", "mail"), flow={"fallback_after": "1h"})
    await house.settle_in()
    house.sms.script.append(Refused(code="215", message="no", opt_out=True))
    await house.post({**order(), "email": "ivan@example.org"})
    await house.run()
    house.clock.step(7200)
    await reopen(at(house), only(house).id, How())
    assert only(house).fallback_at == house.clock.now() + timedelta(hours=1)


# replay


async def test_an_event_that_was_never_planned_is_planned(house: House) -> None:
    house.store.forget_tasks = True
    await house.post(order())
    house.store.forget_tasks = False
    (done,) = await replay_event(at(house), house.events()[0].event.id, How())
    assert done.what == "planned"
    await house.run()
    assert only(house).status is S.SUCCEEDED


async def test_an_event_that_was_acted_upon_reopens_what_it_had_made(house: House) -> None:
    await ended(house, NO)
    (done,) = await replay_event(at(house), house.events()[0].event.id, How())
    assert done.what == "reopened"
    await house.run()
    assert only(house).status is S.SUCCEEDED


class Better(FakeTill):
    """A parser that understands what the one before didn't."""

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        body = json.loads(request.body.replace(b"oops", b"1"))
        items = body if isinstance(body, list) else [body]
        return [
            Fact(
                type=EventType.ORDER_COMPLETED, key=("order", str(item.get("id", item)), "1", "done"),
                occurred_at=START, subject=f"order:{item}", contact=Contact(phone="+79991234567"),
            )
            for item in (one if isinstance(one, dict) else {"id": one} for one in items)
        ]  # fmt: skip


async def test_a_request_that_could_not_be_read_is_read_by_a_better_parser(house: House) -> None:
    await house.post(b'{"id": oops}')
    (raw,) = [key[1] for key in house.store.documents if key[0] == "raws"]
    (still,) = await replay_raw(at(house), raw, How())
    assert still.skipped
    assert "still not the format" in (still.reason or "")
    (done,) = await replay_raw(at(house, Better()), raw, How())
    assert (done.what, done.reason) == ("parsed", "order.completed")
    await house.run()
    assert only(house).status is S.SUCCEEDED
    (again,) = await replay_raw(at(house, Better()), raw, How())
    assert again.skipped, "it is planned already"


async def test_an_item_that_could_not_be_read_becomes_what_it_is_and_waits_for_nobody(house: House) -> None:
    await house.post(["nonsense"])
    await house.run()
    (quarantined,) = house.events()
    (done,) = await replay_event(at(house, Better()), quarantined.event.id, How())
    assert done.what == "parsed"
    await house.run()
    by_id = {record.event.id: record for record in house.events()}
    assert by_id[quarantined.event.id].status is EventStatus.IGNORED
    assert by_id[quarantined.event.id].reason == f"parsed anew as {done.id}"
    assert only(house).status is S.SUCCEEDED


async def test_what_nobody_wanted_is_planned_when_a_flow_has_come_since(house: House) -> None:
    await house.post(order(status="cooking"))
    (ignored,) = house.events()
    (done,) = await replay_event(at(house), ignored.event.id, How())
    assert "still ignored" in (done.reason or "")


async def test_an_event_of_unknown_age_is_replayed_only_in_spite_of_it(house: House) -> None:
    """The till's orders say no time."""
    tenant = house.tenant
    house.tenant = tenant.model_copy(update={"flows": ()})
    await house.settle_in()
    await house.post(order())
    await house.run()
    house.tenant = tenant
    await house.settle_in()
    house.clock.step(10 * DAY)
    event = house.events()[0].event.id
    (done,) = await replay_event(at(house), event, How())
    assert done.skipped
    assert "--ignore-age" in (done.reason or "")
    await replay_event(at(house), event, How(ignore_age=True))
    await house.run()
    assert only(house).status is S.SUCCEEDED


async def test_what_was_blanked_cannot_be_replayed(house: House) -> None:
    await ended(house, NO)
    await house.post(b"{oops")
    house.clock.step(91 * DAY)
    await house.worker.handle("/retain", {})
    how = How(again=True, ignore_age=True)
    (reopened,) = await replay_event(at(house), house.events()[0].event.id, how)
    assert "blanked" in (reopened.reason or "")
    (raw,) = [key[1] for key in house.store.documents if key[0] == "raws"]
    (parsed,) = await replay_raw(at(house), raw, how)
    assert "blanked" in (parsed.reason or "")


# send


async def test_one_message_goes_through_the_whole_machine(house: House) -> None:
    record = await request_send(
        at(house), house.tenant, "sms", Contact(phone="+79991234567"), {"text": "Привет"}, "+79991234567"
    )
    await house.run()
    assert only(house).status is S.SUCCEEDED
    assert isinstance(only(house).command, SendMessage)
    assert [text for _, text in house.sms.sent] == ["Привет"]
    assert only(house).event == record.event.id
    assert only(house).people == (house.keyring.person("kofe", "+79991234567"),)


async def test_two_equal_messages_that_were_asked_for_are_two(house: House) -> None:
    for _ in range(2):
        await request_send(
            at(house), house.tenant, "sms", Contact(phone="+79991234567"), {"text": "Привет"}, "+79991234567"
        )
    await house.run()
    assert len(house.sms.sent) == 2
