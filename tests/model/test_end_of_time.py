"""The ends of time, as .NET and databases write "no time": taken, kept, shown, and never counted by."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from svyazka.engine.contracts.untrusted import zoned_time
from svyazka.model.events import Event, Fact

AHEAD, BEHIND = timezone(timedelta(hours=14)), timezone(timedelta(hours=-12))
ENDS = [datetime.max, datetime.min, datetime(9999, 12, 31), datetime(1, 1, 1)]


@pytest.mark.parametrize("zone", [UTC, AHEAD, BEHIND])
@pytest.mark.parametrize("moment", ENDS)
def test_no_fact_happened_then_and_what_was_stored_can_be_shown_in_every_zone(moment: datetime, zone: timezone) -> None:
    there = moment.replace(tzinfo=zone)
    assert Fact.model_validate({"type": "order.completed", "occurred_at": there.isoformat()}).occurred_at is None
    assert zoned_time(there.isoformat()) is None
    stored = {
        "id": "evt_1", "tenant": "kofe", "connection": "till", "vendor": "till", "type": "order.completed",
        "subject": "order:1", "identity": "strong", "origin": "webhook", "received_at": "2026-03-14T12:00:00Z",
        "occurred_at": there.isoformat(),
    }  # fmt: skip
    event = Event.model_validate(stored)
    assert event.occurred_at is not None
    for name in ("Asia/Kamchatka", "America/Adak"):
        assert event.occurred_at.astimezone(ZoneInfo(name)).year in (1, 2, 9998)


def test_a_time_is_left_as_it_is() -> None:
    told = datetime(2026, 3, 14, 12, tzinfo=UTC)
    assert Fact.model_validate({"type": "order.completed", "occurred_at": told}).occurred_at == told
