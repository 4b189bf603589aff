"""What is taken in and not acted on: a form filled in faster than fingers do it waits for somebody's word, or for its
time."""

from __future__ import annotations

from typing import Any

import pytest

from door.support import LEAD, Site, told
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import RECENT_PROBLEMS
from svyazka.engine.operating.operator import How, Operator
from svyazka.engine.operating.replay import discard, replay_event
from svyazka.model.events import EventRecord, EventStatus
from svyazka.model.problems import Problem

QUICK = {**LEAD, "took": 900}


async def opened(**settings: Any) -> Site:
    site = Site(settings)
    await site.settle_in()
    return site


async def held(site: Site) -> EventRecord:
    (record,) = await site.events()
    assert (record.status, record.reason) == (EventStatus.QUARANTINED, "min_fill")
    return record


async def problems(site: Site) -> list[Problem]:
    page = await site.store.find(RECENT_PROBLEMS)
    return [journal.read(Problem, document).model for document in page.documents]


@pytest.mark.parametrize("took", [0, 900, "900", 2999], ids=str)
async def test_a_form_filled_in_too_quickly_is_kept_and_somebody_is_asked(took: object) -> None:
    site = await opened()
    answer = await site.post("lead", {**LEAD, "took": took}, form=isinstance(took, str))
    record = await held(site)
    assert (answer.status, told(answer)) == (202, {"status": "accepted", "id": record.event.id})
    await site.run()
    assert site.sms.sent == []
    assert [(one.kind, one.connection, one.state) for one in await problems(site)] == [("min_fill", "web", "open")]
    assert told(await site.call("GET", f"/ingest/status/{record.event.id}"))["status"] == "accepted"
    operator = Operator(site.hub, site.worker.webhook_of, "me")
    await replay_event(operator, record.event.id, How())
    await site.run()
    assert [text for _, text in site.sms.sent] == ["Новое: Анна"]


@pytest.mark.parametrize(
    ("settings", "more"),
    [({}, {"took": 3000}), ({}, {}), ({"min_fill": "0s"}, {"took": 0}), ({"min_fill": "1s"}, {"took": 1000})],
    ids=["slow", "unsaid", "off", "wide"],
)
async def test_who_takes_their_time_or_does_not_say_is_nobody_to_be_asked_about(settings: Any, more: Any) -> None:
    site = await opened(**settings)
    await site.post("lead", {**LEAD, **more})
    await site.run()
    assert len(site.sms.sent) == 1
    assert await problems(site) == []


async def test_what_goes_on_by_itself_does_so_once_and_may_be_ended_before() -> None:
    site = await opened(quick_goes_on_after="2h")
    await site.post("lead", QUICK)
    await site.post("lead", {**QUICK, "text": "Купите у нас"})
    await site.run()
    spam = next(one for one in await site.events() if one.event.data["text"] != LEAD["text"])
    assert await discard(Operator(site.hub, site.worker.webhook_of, "me"), spam.event.id)
    site.clock.step(7199)
    await site.run()
    await site.worker.handle("/sweep", {})
    await site.run()
    assert site.sms.sent == []
    site.clock.step(1)
    await site.run()
    assert [text for _, text in site.sms.sent] == ["Новое: Анна"]
    site.clock.step(86400)
    await site.worker.handle("/sweep", {})
    await site.run()
    assert len(site.sms.sent) == 1
    assert {one.status for one in await site.events()} == {EventStatus.PLANNED, EventStatus.IGNORED}


async def test_a_queue_that_forgot_is_no_end_of_what_waits() -> None:
    site = await opened(quick_goes_on_after="2h")
    await site.post("lead", QUICK)
    await site.run()
    site.store.tasks.clear()
    site.clock.step(7200 + 120)
    await site.worker.handle("/sweep", {})
    await site.run()
    assert len(site.sms.sent) == 1


async def test_of_a_flood_nothing_goes_on_by_itself() -> None:
    site = await opened(quick_goes_on_after="1h", limits={"per_address": "9999/m", "per_site": "9999/m"})
    for number in range(61):
        await site.post("lead", {**QUICK, "text": str(number)})
    await site.run()
    site.clock.step(3600)
    await site.run()
    assert [one.reason for one in await site.events() if one.is_held] == ["flood"]


async def test_a_visit_that_is_asked_for_too_quickly_is_not_booked_while_nobody_has_looked() -> None:
    site = await opened()
    wish = {"service": "331", "starts_at": "2026-10-05T12:00", "phone": "+79991234567", "took": 100}
    answer = await site.post("booking", wish, idempotency_key="b")
    assert (answer.status, told(answer)["status"]) == (202, "accepted")
    await held(site)
    assert site.asks.asked == []
