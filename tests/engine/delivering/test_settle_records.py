"""Settle must always be able to record: what a vendor's words are made of never decides what became of a message."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pytest

from fakes import House, MemoryStore, order
from svyazka.engine.delivering.recording import LEFT_OUT
from svyazka.engine.ports.store import Task, Write
from svyazka.model.deliveries import Status
from svyazka.model.errors import Unavailable, Unstorable
from svyazka.model.outcomes import Refused, Retry, Succeeded

HALF = "order \ud83d and \x00"


def outcomes() -> list[object]:
    return [
        Succeeded(external_id=f"id-{HALF}", message=HALF),
        Refused(code="no", message=HALF),
        Retry(code=f"code-{HALF}", message=HALF, outage=False),
    ]


@pytest.mark.parametrize(("outcome", "status"), zip(outcomes(), ["succeeded", "failed", "retrying"], strict=True))
async def test_half_a_letter_is_recorded_as_what_can_be(house: House, outcome: object, status: str) -> None:
    # Called rather than answered: the fake's own success would have an id of its own.
    house.sms.script.append(lambda command, key: outcome)  # type: ignore[arg-type,return-value]
    await house.post(order())
    await house.run()
    (delivery,) = house.deliveries()
    assert (delivery.status.value, house.sms.calls) == (status, 1)
    assert "�" in str(delivery.attempts[0].message)
    if delivery.external_id is not None:
        receipt = {"receipt": "delivered", "external_id": f"id-{HALF}"}
        await house.post(json.dumps(receipt).encode(), connection="sms")
        await house.run()
        assert house.deliveries()[0].receipt == "delivered"


class Picky(MemoryStore):
    """A store that can't hold one word, as Firestore can't hold more than 1 MiB."""

    word = b"POISON"

    async def commit(self, writes: Sequence[Write], tasks: Sequence[Task] = ()) -> list[str]:
        for write in writes:
            if self.word in getattr(getattr(write, "document", None), "data", b""):
                raise Unstorable("can't be written: InvalidArgument")
        return await super().commit(writes, tasks)


async def test_what_can_t_be_written_with_its_words_is_written_without_them() -> None:
    house = House(Picky())
    await house.settle_in()
    house.sms.script.append(lambda command, key: Succeeded(external_id="sms-1", message="POISON"))
    await house.post(order())
    await house.run()
    (delivery,) = house.deliveries()
    assert (delivery.status, delivery.external_id, house.sms.calls) == (Status.SUCCEEDED, "sms-1", 1)
    assert delivery.attempts[0].message == LEFT_OUT


class Slow(MemoryStore):
    """Takes claims, and then nothing for `seconds` of real time."""

    def __init__(self, house_clock: list[House], seconds: float) -> None:
        super().__init__()
        self.house_clock, self.seconds = house_clock, seconds
        self.since: float | None = None

    async def commit(self, writes: Sequence[Write], tasks: Sequence[Task] = ()) -> list[str]:
        (house,) = self.house_clock
        now = house.clock.real().timestamp()
        if self.since is not None and now < self.since + self.seconds:
            raise Unavailable("no answer within 10 s")
        if house.sms.calls and self.since is None:
            self.since = now
            raise Unavailable("no answer within 10 s")
        return await super().commit(writes, tasks)


@pytest.mark.parametrize("seconds", [50, 110])
async def test_a_known_outcome_is_kept_in_hand_until_the_claim_may_be_taken_over(seconds: float) -> None:
    houses: list[House] = []
    house = House(Slow(houses, seconds))
    houses.append(house)
    await house.settle_in()
    await house.post(order())
    await house.run()
    (delivery,) = house.deliveries()
    assert (delivery.status, len(house.sms.sent)) == (Status.SUCCEEDED, 1)
