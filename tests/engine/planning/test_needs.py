"""What flows need to know is fetched by the engine, once for all flows of an event; `preview` says what was asked."""

from __future__ import annotations

from dataclasses import fields, replace

import pytest

from fakes import TILL, House, order
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.flow import Needs
from svyazka.engine.contracts.learning import Reading
from svyazka.engine.operating.preview import Preview, sample
from svyazka.flows.review_request import ReviewRequest
from svyazka.model.contacts import Contact
from svyazka.model.events import Entity, EventType, Fact
from svyazka.model.tenants import ConnectionSettings


class Shop(Reading[ConnectionSettings]):
    """Shows every order as done."""

    asked = 0

    def ready(self, settings: ConnectionSettings) -> bool:
        return True

    async def read(self, entity: Entity, call: Call[ConnectionSettings]) -> Fact | None:
        self.asked += 1
        return Fact(type=EventType.ORDER_COMPLETED, subject=f"order:{entity.id}")


@pytest.fixture
async def shop(house: House) -> Shop:
    """The till can be asked, and two flows act on its events."""
    (flow,) = house.tenant.flows
    house.tenant = house.tenant.model_copy(update={"flows": (flow, flow.model_copy(update={"id": "second"}))})
    await house.settle_in()
    reading = Shop()
    house.manifests["till"] = replace(TILL, reading=reading)
    house.start()
    return reading


def test_what_two_flows_need_together_is_all_that_either_needs() -> None:
    """A question is each flow's own."""
    assert Needs() | Needs() == Needs()
    together = {"reread": True, "cards": frozenset({"crm"})}
    assert {one.name for one in fields(Needs)} - {"ask", "visits"} == together.keys()
    for name, some in together.items():
        needed = Needs(**{name: some})
        assert needed | Needs() == Needs() | needed == needed


async def test_two_flows_that_need_the_same_ask_once(house: House, shop: Shop) -> None:
    await house.post(order())
    await house.run()
    assert (shop.asked, len(house.deliveries())) == (1, 2)


async def test_what_no_flow_needs_is_not_asked(house: House, shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ReviewRequest, "needs", lambda *given: Needs())
    await house.post(order())
    await house.run()
    assert (shop.asked, len(house.deliveries())) == (0, 2)


async def test_preview_says_what_was_asked_and_what_would_be(house: House, shop: Shop) -> None:
    worker = house.worker
    preview = Preview(house.hub, worker.decider, worker.admission, worker.outages)
    await house.post(order())
    (record,) = house.events()
    assert (await preview.of(record, house.tenant)).asked == ("till was asked how it is now",)
    nobody = Contact(phone="+79991234567")
    made_up = sample(house.tenant, "till", EventType.ORDER_COMPLETED, nobody, house.clock.now())
    (asked,) = (await preview.of(made_up, house.tenant)).asked
    assert asked.endswith("of this one there is nothing to ask")
