"""A command in doubt while days pass: repeated while its key protects, asked once it doesn't, else unknown."""

from __future__ import annotations

from datetime import timedelta

import pytest

from fakes import FakeMessenger, House, order
from svyazka.engine.contracts.capabilities.messenger import Messenger
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Put
from svyazka.model.commands import Repeat
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.errors import MaybeSent, NotSent

DAY = 24 * 3600
S = Status


class Mute(FakeMessenger):
    """Can't be asked."""

    find_sent = Messenger.find_sent  # type: ignore[assignment]


def only(house: House) -> Delivery:
    (delivery,) = [d for d in house.deliveries() if d.flow != "alerts"]
    return delivery


async def doubted(
    kind: type[FakeMessenger], repeat: Repeat, down_for: float, taken: bool, planned_before: bool = False
) -> House:
    """A message that left without an answer, taken or not, before its vendor broke down for so long."""
    house = House(flow={"expires_after": "7d"})
    house.sms = kind("sms", repeat=repeat, key_life=timedelta(days=1))
    await house.settle_in()

    def vanished(command, key):  # type: ignore[no-untyped-def]
        if taken:
            house.sms.deliver(command, key)
        raise MaybeSent("timeout")

    house.sms.script.append(vanished)
    house.sms.script.extend(NotSent("down") for _ in range(1000))
    await house.post(order())
    await house.run()
    if planned_before:
        await house.store.commit([Put(journal.document(only(house).model_copy(update={"key_life": None})))])
    await house.pass_time(down_for)
    house.sms.script.clear()
    house.sms.calls = 0
    await house.pass_time(2 * 3600)
    return house


@pytest.mark.parametrize(
    ("kind", "repeat", "down_for", "taken", "status", "code", "calls"),
    [
        # Nothing was lost in the first place: within the day the key tells.
        (Mute, Repeat.IDEMPOTENT, DAY / 2, True, S.SUCCEEDED, None, 1),
        (Mute, Repeat.IDEMPOTENT, DAY / 2, False, S.SUCCEEDED, None, 1),
        (Mute, Repeat.IDEMPOTENT, 2 * DAY, True, S.UNKNOWN, "key_forgotten", 0),
        (FakeMessenger, Repeat.IDEMPOTENT, 2 * DAY, True, S.SUCCEEDED, None, 0),
        (FakeMessenger, Repeat.IDEMPOTENT, 2 * DAY, False, S.SUCCEEDED, None, 1),
        (FakeMessenger, Repeat.CHECKABLE, 2 * DAY, True, S.SUCCEEDED, None, 0),
        (FakeMessenger, Repeat.CHECKABLE, 2 * DAY, False, S.SUCCEEDED, None, 1),
        (Mute, Repeat.CHECKABLE, 600, True, S.UNKNOWN, "cannot_ask", 0),
    ],
)
async def test_once_its_key_is_forgotten_it_is_asked_about_or_unknown(
    kind: type[FakeMessenger], repeat: Repeat, down_for: float, taken: bool, status: Status, code: str | None,
    calls: int,
) -> None:  # fmt: skip
    house = await doubted(kind, repeat, down_for, taken)
    delivery = only(house)
    assert delivery.status is status
    assert (delivery.last_error.code if delivery.last_error else None) == code
    assert house.sms.calls == calls
    assert len(house.sms.sent) == (1 if taken or calls else 0)


async def test_what_the_release_before_has_planned_has_the_key_life_that_its_connector_says_now() -> None:
    house = await doubted(Mute, Repeat.IDEMPOTENT, 2 * DAY, taken=True, planned_before=True)
    assert only(house).key_life is None
    assert (only(house).status, house.sms.calls) == (S.UNKNOWN, 0)


async def test_it_is_not_asked_before_its_vendors_list_would_show_it(house: House) -> None:
    house.sms.repeat = Repeat.CHECKABLE
    asked: list[float] = []
    find = house.sms.find_sent
    began = house.clock.now()

    async def find_sent(message, to, call):  # type: ignore[no-untyped-def]
        asked.append((house.clock.now() - began).total_seconds())
        return await find(message, to, call)

    house.sms.find_sent = find_sent  # type: ignore[method-assign]
    house.sms.script.append(MaybeSent("reset"))
    await house.post(order())
    await house.pass_time(3600, step=5)
    assert only(house).status is S.SUCCEEDED
    assert [second >= 60 for second in asked] == [True], "its first repeat would have come after half a minute"
