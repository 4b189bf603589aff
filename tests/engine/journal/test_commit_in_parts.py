"""More than one commit takes: in parts, with what says that it is done last; whoever dies in between begins anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from fakes import House, MemoryStore, order
from svyazka.engine.contracts.flow import Decision
from svyazka.engine.ports.store import COMMIT_MOST, Create, Put, Replace, Task, Write
from svyazka.flows.review_request import ReviewRequest
from svyazka.model.commands import Plan, Repeat, SendMessage, Step
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Status
from svyazka.model.events import EventStatus
from svyazka.model.tenants import Addressee, AlertSettings

MANY = 60


class Dying(MemoryStore):
    """The process dies before the commit of this number, counted from when it is set."""

    dies_at = 0
    kinds: list[set[str]]

    def __init__(self) -> None:
        super().__init__()
        self.kinds = []

    async def commit(self, writes: Sequence[Write], tasks: Sequence[Task] = ()) -> list[str]:
        if self.dies_at:
            self.dies_at -= 1
            if self.dies_at == 0:
                raise SystemExit
        self.kinds.append({one.document.kind for one in writes if isinstance(one, Create | Replace | Put)})
        return await super().commit(writes, tasks)


def plans_many(self: Any, event: Any, facts: Any, settings: Any, context: Any) -> Decision:
    def step(number: int) -> Step:
        command = SendMessage(to=Contact(phone="+79991234567"), text=f"{number}")
        return Step(name=f"n/{number}", connection="sms", vendor="sms", command=command, repeat=Repeat.IDEMPOTENT)

    return Decision([Plan.of(f"{event.subject}/{n}", [step(n)]) for n in range(MANY)])


@pytest.mark.parametrize("dies_at", [0, 1, 2, 3])
async def test_a_plan_of_many_is_made_once_whenever_its_worker_dies(
    dies_at: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ReviewRequest, "plan", plans_many)
    store = Dying()
    house = House(store)
    await house.settle_in()
    await house.post(order())
    store.kinds.clear()
    store.dies_at = dies_at
    if dies_at:
        with pytest.raises(SystemExit):
            await house.run()
        assert house.events()[0].status is EventStatus.ACCEPTED, "what says that it is done comes last"
        house.start()
    await house.pass_time(600)
    assert house.events()[0].status is EventStatus.PLANNED
    assert sorted(text for _, text in house.sms.sent) == sorted(str(n) for n in range(MANY))
    assert {one.status for one in house.deliveries()} == {Status.SUCCEEDED}


async def test_an_alert_to_many_is_told_to_all_of_them_once() -> None:
    house = House(Dying())
    to = tuple(Addressee(connection="sms", phone=f"+7999000{n:04}") for n in range(MANY))
    house.tenant = house.tenant.model_copy(update={"alerts": AlertSettings(to=to)})
    await house.settle_in()
    for _ in range(2):
        await house.post(b"not json")
        await house.pass_time(3600)
    assert len(house.sms.sent) == MANY > 2 * COMMIT_MOST
