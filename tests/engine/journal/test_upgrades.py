"""While a new version is put in place, and after a step back, the old one meets what the new one wrote."""

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from fakes import House, order
from svyazka.engine.journal.documents import WRITER
from svyazka.engine.ports.store import Put
from svyazka.model.outcomes import Retry


async def rewrite(house: House, kind: str, within: str | None = None) -> None:
    """As a newer version would have written every document of a kind: a field more in it, and in a part of it."""
    found = [document for document in house.store.documents.values() if document.kind == kind]
    assert found
    for document in found:
        content = json.loads(document.data)
        for part in filter(None, (content, within and content[within])):
            for each in part if isinstance(part, list) else [part]:
                each["since_next_year"] = 1
        await house.store.commit([Put(replace(document, data=json.dumps(content).encode()))])


async def test_an_event_that_a_newer_version_journaled_is_planned_and_done(house: House) -> None:
    await house.post(order())
    await rewrite(house, "events", within="event")
    await rewrite(house, "tenants", within="flows")
    await rewrite(house, "connections")
    house.start()
    await house.run()
    assert len(house.sms.sent) == 1


async def test_a_delivery_that_a_newer_version_left_open_is_carried_out(house: House) -> None:
    house.sms.script.append(Retry(code="http_500", message="later", outage=False))
    await house.post(order())
    await house.run()
    await rewrite(house, "deliveries", within="attempts")
    await house.pass_time(3600)
    assert [delivery.status for delivery in house.deliveries()] == ["succeeded"]


PLACES: dict[str, list[tuple[str | int, ...]]] = {
    "events": [(), ("event",), ("event", "contact")],
    "deliveries": [(), ("command",), ("command", "to"), ("guards",), ("attempts", 0), ("last_error",)],
}
"""Where a newer release may have written a field more, by kind of document."""


def part(content: Any, place: tuple[str | int, ...]) -> Any:
    for step in place:
        content = content[step]
    return content


async def change(house: House, kind: str, edit: Callable[[dict[str, Any]], None]) -> None:
    for document in [d for d in house.store.documents.values() if d.kind == kind]:
        content = json.loads(document.data)
        edit(content)
        await house.store.commit([Put(replace(document, data=json.dumps(content).encode()))])


@pytest.mark.parametrize("kind", PLACES)
async def test_what_only_a_newer_release_knows_survives_being_written_back(house: House, kind: str) -> None:
    house.sms.script.append(Retry(code="http_500", message="later", outage=False))
    await house.post(order())
    if kind == "deliveries":
        await house.run()

    def mark(content: dict[str, Any]) -> None:
        for place in PLACES[kind]:
            part(content, place)["since_next_year"] = {"a": [1]}

    await change(house, kind, mark)
    (before,) = [d.data for d in house.store.documents.values() if d.kind == kind]
    await house.pass_time(3600)
    (after,) = [d.data for d in house.store.documents.values() if d.kind == kind]
    assert len(house.sms.sent) == 1
    assert after != before, "it was read, changed and written"
    kept = [place for place in PLACES[kind] if place != ("last_error",)]  # a success has none
    assert [part(json.loads(after), place).get("since_next_year") for place in kept] == [{"a": [1]}] * len(kept)


NEWER: dict[str, dict[str, Any]] = {
    "a status that we don't have": {"status": "on_loan"},
    "a command that we don't have": {"command": {"kind": "BookSlot", "at": "10:00"}},
    "said to be for newer ones": {"min_writer": WRITER + 1},
}


@pytest.mark.parametrize("written", NEWER.values(), ids=NEWER.keys())
async def test_what_only_a_newer_release_may_touch_is_left_with_its_time(house: House, written: dict[str, Any]) -> None:
    house.sms.script.append(Retry(code="http_500", message="later", outage=False))
    await house.post(order())
    await house.run()
    await change(house, "deliveries", lambda content: content.update(written))
    before = [d for d in house.store.documents.values() if d.kind == "deliveries"]
    await house.post(order(2, phone="+79990000002"))
    await house.pass_time(3600)
    after = [d for d in house.store.documents.values() if d.kind == "deliveries" and d.id == before[0].id]
    assert after == before, "neither content nor wake_at moved"
    assert await house.worker.handle("/perform", {"delivery": before[0].id}) == 204
    assert len(house.sms.sent) == 1, "and what is ours went on"


async def test_an_event_of_a_type_that_we_dont_have_waits_for_a_newer_release(house: House) -> None:
    await house.post(order())
    await change(house, "events", lambda content: content["event"].update(type="order.returned"))
    before = [d for d in house.store.documents.values() if d.kind == "events"]
    await house.pass_time(3600)
    assert [d for d in house.store.documents.values() if d.kind == "events"] == before
