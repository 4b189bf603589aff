"""A message that waited is sent only while it is still true: the journal is looked at, and the source asked."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from fakes import TILL, House, order
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Reading
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.errors import NotSent, NotShown, SourceUnavailable
from svyazka.model.events import Entity, EventType, Fact
from svyazka.model.outcomes import Refused, Retry
from svyazka.model.tenants import ConnectionSettings

HALF_AN_HOUR = 1800.0


class ShowingTill(Reading[ConnectionSettings]):
    """Shows each order as it is now; a test says how. Without a word it is as its webhook told."""

    def __init__(self) -> None:
        self.now: dict[str, EventType | Exception | None] = {}
        self.asked = 0

    def ready(self, settings: ConnectionSettings) -> bool:
        return True

    async def read(self, entity: Entity, call: Call[ConnectionSettings]) -> Fact | None:
        self.asked += 1
        shown = self.now.get(entity.id, EventType.ORDER_COMPLETED)
        if isinstance(shown, Exception):
            raise shown
        return Fact(type=shown, key=("order", entity.id), subject=f"order:{entity.id}") if shown else None


class Waiting(House):
    """A house whose messages wait half an hour, over a till that can be asked."""

    def __init__(self, via: tuple[str, ...] = ("sms",), **flow: Any) -> None:
        super().__init__(via=via, flow={"delay": "30m", **flow})
        self.till = ShowingTill()
        self.manifests["till"] = replace(TILL, reading=self.till)
        self.start()

    async def ordered(self, **changes: Any) -> None:
        await self.settle_in()
        await self.post({**order(1), **changes})
        await self.run()

    def only(self) -> Delivery:
        (delivery,) = self.deliveries()
        return delivery


async def test_what_the_source_still_says_is_sent() -> None:
    house = Waiting()
    await house.ordered()
    await house.pass_time(HALF_AN_HOUR + 60)
    assert house.only().status is Status.SUCCEEDED
    assert house.till.asked == 2, "once for planning, once before sending"


@pytest.mark.parametrize("shown", [EventType.ORDER_CANCELLED, EventType.ORDER_CHANGED, None])
async def test_what_the_source_has_corrected_without_a_word_is_not_sent(shown: EventType | None) -> None:
    house = Waiting()
    await house.ordered()
    house.till.now["1"] = shown
    await house.pass_time(HALF_AN_HOUR + 60)
    assert house.only().status is Status.CANCELLED
    assert house.only().last_error is not None
    assert house.only().last_error.code == "no_longer_true"  # type: ignore[union-attr]
    assert house.sms.sent == []


async def test_what_the_journal_says_no_more_needs_no_asking() -> None:
    house = Waiting()
    await house.ordered()
    await house.post(order(1, "cancelled", revision=2))
    asked = house.till.asked
    await house.pass_time(HALF_AN_HOUR + 60)
    assert house.only().status is Status.CANCELLED
    assert house.till.asked == asked


@pytest.mark.parametrize(
    "trouble", [NotSent("refused"), SourceUnavailable("503"), NotShown("foreign"), KeyError("a body nobody foresaw")]
)
async def test_where_the_source_cannot_be_asked_the_journals_word_counts(trouble: Exception) -> None:
    house = Waiting()
    await house.ordered()
    house.till.now["1"] = trouble
    await house.pass_time(HALF_AN_HOUR + 60)
    assert house.only().status is Status.SUCCEEDED


async def test_a_message_without_a_wait_asks_nobody_twice() -> None:
    house = Waiting(delay="0s")
    await house.ordered()
    assert house.only().status is Status.SUCCEEDED
    assert house.till.asked == 1


async def test_a_repeat_hours_later_asks_again() -> None:
    house = Waiting(delay="0s")
    house.sms.script.append(Retry(code="500", message="busy", after=3600.0, outage=False))
    await house.ordered()
    house.till.now["1"] = EventType.ORDER_CANCELLED
    await house.pass_time(2 * 3600)
    assert house.only().status is Status.CANCELLED


async def test_a_channel_that_takes_over_later_asks_too() -> None:
    house = Waiting(via=("sms", "mail"), delay="0s")
    house.sms.script.append(Retry(code="500", message="busy", after=3600.0, outage=False))
    await house.ordered(email="ivan@example.org")
    house.sms.script.append(Refused(code="202", message="no"))
    house.clock.step(3610)
    house.store.tasks.reverse()

    def corrected(command: Any, key: str) -> Any:
        house.till.now["1"] = EventType.ORDER_CANCELLED
        return Refused(code="202", message="no")

    house.sms.script.clear()
    house.sms.script.append(corrected)
    await house.run()
    assert [d.status for d in house.deliveries()] == [Status.FAILED, Status.CANCELLED]
    assert house.mail.sent == []


@pytest.mark.parametrize("delay", [1, 10, 59])
async def test_a_cancellation_is_heeded_however_short_the_delay_was(delay: int) -> None:
    house = Waiting(delay=f"{delay}s")
    await house.ordered()
    await house.post(order(1, "cancelled", revision=2))
    await house.run()
    await house.pass_time(delay, step=float(delay))
    assert house.only().status is Status.CANCELLED
    assert house.sms.sent == []


async def test_what_lay_in_the_queue_for_a_while_is_looked_at_too() -> None:
    """The worker was down: a message without any delay, and its cancellation, both come when it is back."""
    house = Waiting(delay="0s")
    await house.settle_in()
    await house.post(order(1))
    house.clock.step(40)
    await house.post(order(1, "cancelled", revision=2))
    await house.run()
    assert house.sms.sent == []


async def test_so_is_what_waited_for_a_free_line() -> None:
    house = Waiting(delay="0s")
    await house.settle_in()
    await house.post(order(1))

    async def cancelled(seconds: float) -> None:
        house.clock.step(seconds)
        await house.post(order(1, "cancelled", revision=2))

    house.hub.limiter.rest = cancelled  # type: ignore[method-assign]
    house.hub.limiter.book = lambda *_: 1.9  # type: ignore[method-assign]
    await house.run()
    assert house.sms.sent == []
