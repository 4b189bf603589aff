"""A settle that writes a second document: whoever moves that one neither holds the outcome up nor makes it late."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from fakes import House, MemoryStore, order
from svyazka.engine.ports.store import Delete, Put, Task, Write
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.outcomes import Refused

S = Status


class Jostling(MemoryStore):
    """Somebody rewrites the person's turn just before each commit that would write it, so many times; and the delivery
    along with it, where asked to."""

    times = 0
    and_the_delivery = False

    async def commit(self, writes: Sequence[Write], tasks: Sequence[Task] = ()) -> list[str]:
        turns = [write.id for write in writes if isinstance(write, Delete) and write.kind == "reservations"]
        if turns and self.times:
            self.times -= 1
            kinds = ("reservations", "deliveries") if self.and_the_delivery else ("reservations",)
            for document in [one for one in self.documents.values() if one.kind in kinds]:
                self._apply(Put(document))
        return await super().commit(writes, tasks)


async def refused(times: int, and_the_delivery: bool = False) -> tuple[House, Jostling]:
    store = Jostling()
    store.times, store.and_the_delivery = times, and_the_delivery
    house = House(store, flow={"at_most_once_per": "30d"})
    await house.settle_in()
    house.sms.script.append(Refused(code="no", message="no"))
    await house.post(order(1))
    await house.run()
    return house, store


def only(house: House) -> Delivery:
    (delivery,) = [d for d in house.deliveries() if d.flow != "alerts"]
    return delivery


@pytest.mark.parametrize("and_the_delivery", [False, True])
@pytest.mark.parametrize("times", [1, 4, 20])
async def test_the_second_document_is_computed_anew_and_the_outcome_is_in_time(
    times: int, and_the_delivery: bool, capsys: pytest.CaptureFixture[str]
) -> None:
    house, store = await refused(times, and_the_delivery)
    delivery = only(house)
    assert (delivery.status, delivery.reservation, len(delivery.attempts)) == (S.FAILED, None, 1)
    assert not [one for one in store.documents.values() if one.kind == "reservations"]
    assert "late settle merged" not in capsys.readouterr().out


async def test_whoever_moves_it_for_ever_never_costs_the_outcome(capsys: pytest.CaptureFixture[str]) -> None:
    house, _ = await refused(10**9)
    delivery = only(house)
    assert (delivery.status, delivery.last_error and delivery.last_error.code) == (S.FAILED, "no")
    assert delivery.reservation is not None, "the turn could not be given back, and the delivery says so"
    assert "without giving its turn back" in capsys.readouterr().out
    await house.pass_time(3600)
    assert house.sms.calls == 1


async def test_a_turn_that_somebody_else_has_by_then_is_left_to_them() -> None:
    """The fresh state decides, not what was read first."""
    house = House(flow={"at_most_once_per": "30d"})
    store = house.store

    async def commit(writes: Sequence[Write], tasks: Sequence[Task] = ()) -> list[str]:
        for write in writes:
            if isinstance(write, Delete) and write.kind == "reservations":
                present = store.documents[("reservations", write.id)]
                theirs = present.data.replace(b"order:1", b"order:2")
                if theirs != present.data:
                    await MemoryStore.commit(store, [Put(type(present)(*present.key, present.fields, theirs))])
        return await MemoryStore.commit(store, writes, tasks)

    await house.settle_in()
    store.commit = commit  # type: ignore[method-assign]
    house.sms.script.append(Refused(code="no", message="no"))
    await house.post(order(1))
    await house.run()
    assert only(house).status is S.FAILED
    (turn,) = [one for one in store.documents.values() if one.kind == "reservations"]
    assert b"order:2" in turn.data
