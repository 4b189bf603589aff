"""The journal of DIKIDI's back office: what its changes mean, what is never believed, and how one gets in."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from connectors.dikidi.conftest import Calling
from connectors.support import NOW
from simulators.dikidi import Dikidi
from simulators.dikidi.office import LOGIN, PASSWORD
from svyazka.connectors.dikidi.journal import Entry, Journal, Kept, compared, journal_of
from svyazka.connectors.dikidi.manifest import MANIFEST
from svyazka.connectors.dikidi.polling import DikidiPolling
from svyazka.engine.contracts.learning import Polled
from svyazka.model.events import Fact
from vendors.parts.base import SAMPLES

POLLING = DikidiPolling()
FIRST, LAST = date(2026, 10, 4), date(2026, 12, 4)
OFFICE = {"login": "+7 999 000-00-01", "password": PASSWORD}


def sample(name: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((SAMPLES / "dikidi" / name).read_text())
    return found


def journal(name: str = "journal-base.json") -> Journal:
    found = journal_of(sample(name))
    assert found is not None
    return found


def seen(found: Journal) -> dict[str, str]:
    return {id_: str(Kept(1, entry.shown)) for id_, entry in found.entries.items()}


def said(facts: object) -> list[str]:
    return [f"{one.type.value} {one.subject}" for one in facts]  # type: ignore[attr-defined]


# What a change means


def test_a_journal_is_read_in_all_its_forms() -> None:
    found = journal()
    assert {id_: entry.shown for id_, entry in found.entries.items()} == {
        "900001": "202610051000.555.confirmed", "900002": "202610051200.555.new",
        "900003": "202610060900.556.confirmed",
    }  # fmt: skip
    assert found.masters == {"555", "556"}
    assert journal("journal-empty.json").entries == {}
    answer = sample("journal-base.json")
    record = answer["masters"]["records"]["data"]["555"]["2026-10-05"]["900001"]
    record["begin"] = "10:00:00"
    record["info"]["client"] = {"id": "70001", "name": "Мария Иванова", "phone": "+79991234567"}
    record["info"] |= {"client_name": None, "client_phone": None}
    again = journal_of({"master": answer["masters"]})
    assert again is not None
    assert again.entries["900001"].shown == found.entries["900001"].shown
    (fact,) = compared({}, (), Journal({"900001": again.entries["900001"]}, again.masters), FIRST, LAST).facts
    assert fact.contact is not None
    assert (fact.contact.name, fact.contact.phone) == ("Мария Иванова", "+79991234567")
    assert (fact.data["service"], fact.data["sum"], fact.data["minutes"]) == ("Стрижка женская", 1500.0, 60)


@pytest.mark.parametrize("spoil", [lambda root: root.pop("records"), lambda root: root["records"].pop("data")])
def test_a_journal_without_its_records_is_none(spoil: Callable[[Any], object]) -> None:
    answer = sample("journal-base.json")
    spoil(answer["masters"])
    assert journal_of(answer) is None


def test_a_masters_own_time_is_no_visit() -> None:
    answer = sample("journal-base.json")
    day = answer["masters"]["records"]["data"]["555"]["2026-10-05"]
    day["900001"]["type"] = "break"
    day["900002"]["info"] = {"services": [], "client_name": ""}
    found = journal_of(answer)
    assert found is not None
    assert set(found.entries) == {"900003"}


def test_a_new_visit_is_told_and_our_own_is_not() -> None:
    base, more = journal(), journal("journal-base-plus-new.json")
    result = compared(seen(base), (), more, FIRST, LAST)
    assert said(result.facts) == ["appointment.booked visit:900004"]
    assert compared(result.seen, (), more, FIRST, LAST).facts == []
    more.entries["900004"].body["info"]["comment"] = "первый раз #svz-0123456789ab"
    ours = compared(seen(base), (), more, FIRST, LAST)
    assert ours.facts == []
    assert set(ours.seen) == set(more.entries), "and followed from now on"


@pytest.mark.parametrize(
    ("info", "type_"),
    [
        ({"status_id": "1"}, "appointment.confirmed"),
        ({"status_id": "2"}, "appointment.completed"),
        ({"status_id": "3"}, "appointment.missed"),
        ({"status_id": "4"}, "appointment.cancelled"),
        ({"status_id": 5}, "appointment.cancelled"),
        ({"status_id": "1", "client_came_id": "1"}, "appointment.completed"),
        ({"status_id": "1", "client_came_id": 2}, "appointment.missed"),
    ],
)
def test_a_visits_state_is_told_once(info: dict[str, Any], type_: str) -> None:
    before = seen(journal())
    answer = sample("journal-base.json")
    answer["masters"]["records"]["data"]["555"]["2026-10-05"]["900002"]["info"] |= info
    now = journal_of(answer)
    assert now is not None
    result = compared(before, (), now, FIRST, LAST)
    assert said(result.facts) == [f"{type_} visit:900002"]
    assert compared(result.seen, (), now, FIRST, LAST).facts == []


def test_there_and_back_again_are_two_facts() -> None:
    base = journal()
    elsewhere = Entry("900001", datetime(2026, 10, 5, 18), "556", "confirmed", base.entries["900001"].body)
    moved = Journal({**base.entries, "900001": elsewhere}, base.masters)
    first = compared(seen(base), (), moved, FIRST, LAST)
    second = compared(first.seen, (), base, FIRST, LAST)
    third = compared(second.seen, (), moved, FIRST, LAST)
    keys = [fact.key for result in (first, second, third) for fact in result.facts]
    assert len(set(keys)) == 3
    assert said(first.facts) == ["appointment.changed visit:900001"]


# What isn't there any more


def without(found: Journal, *ids: str) -> Journal:
    return Journal({id_: one for id_, one in found.entries.items() if id_ not in ids}, found.masters)


def test_a_visit_that_is_missing_twice_was_cancelled() -> None:
    base = journal()
    once = compared(seen(base), (), without(base, "900002"), FIRST, LAST)
    assert (once.facts, once.missing) == ([], ["900002"])
    twice = compared(once.seen, once.missing, without(base, "900002"), FIRST, LAST)
    assert said(twice.facts) == ["appointment.cancelled visit:900002"]
    assert "900002" not in twice.seen
    back = compared(once.seen, once.missing, base, FIRST, LAST)
    assert (back.facts, list(back.missing)) == ([], [])


def test_a_day_that_left_the_window_cancels_nobody() -> None:
    base = journal()
    after = compared(seen(base), ("900001",), without(base, "900001", "900002"), date(2026, 10, 6), LAST)
    assert after.facts == []
    assert set(after.seen) == {"900003"}


@pytest.mark.parametrize("cut", ["all", "a master", "many"])
def test_a_journal_that_comes_back_cut_cancels_nobody(cut: str) -> None:
    base = journal()
    template = base.entries["900001"]
    if cut == "many":
        entries = {str(n): Entry(str(n), template.starts, "555", "new", template.body) for n in range(12)}
        base = Journal(entries, base.masters)
        now = without(base, *map(str, range(4)))
    elif cut == "all":
        now = without(base, *base.entries)
    else:
        now = Journal(without(base, "900003").entries, frozenset({"555"}))
    held = seen(base)
    for _ in range(3):
        result = compared(held, (), now, FIRST, LAST)
        assert (result.facts, list(result.missing), dict(result.seen)) == ([], [], held)
        assert result.doubted > 0


# At the stand-in


class Looks:
    """Polls one after the other, five minutes apart."""

    def __init__(self, widget: Calling, **settings: Any) -> None:
        self.widget, self.settings, self.now = widget, {**OFFICE, **settings}, NOW
        self.cursor: str | None = None

    async def look(self, minutes: int = 5) -> list[Fact]:
        self.now += timedelta(minutes=minutes)
        async with self.widget(**self.settings) as call:
            call.now = self.now
            polled: Polled = await POLLING.poll(self.cursor, call)
            story = json.dumps([one.model_dump(mode="json") for one in call.http.log], ensure_ascii=False)
        assert PASSWORD not in story
        assert not any(token in story for token in ("0" * 39, "+7999", "Мария"))
        self.cursor = polled.cursor
        return list(polled.facts)


async def test_what_happens_in_the_journal_is_told(widget: Calling, salon: Dikidi) -> None:
    looks = Looks(widget)
    day = NOW.replace(tzinfo=None) + timedelta(days=2)
    old = salon.salon.take("555", ["2001"], day.replace(hour=12, minute=0))
    assert await looks.look() == [], "what is there at the first look is history"
    new = salon.salon.take("556", ["2001"], day.replace(hour=15, minute=0))
    new.client = {"name": "Мария Иванова", "phone": "79991234567"}
    (booked,) = await looks.look()
    assert (booked.type, booked.contact and booked.contact.phone) == ("appointment.booked", "79991234567")
    new.starts += timedelta(hours=1)
    old.came = "1"
    assert set(said(await looks.look())) == {
        f"appointment.changed visit:{new.id}",
        f"appointment.completed visit:{old.id}",
    }
    del salon.salon.bookings[new.id]
    assert await looks.look() == []
    assert said(await looks.look()) == [f"appointment.cancelled visit:{new.id}"]
    assert salon.office.tries == 1, "one session for all looks"
    assert "79991234567" not in (looks.cursor or "")


async def test_without_an_employees_access_only_the_widget_is_looked_at_once_a_day(
    widget: Calling, salon: Dikidi
) -> None:
    looks = Looks(widget, login=None, password=None)
    await looks.look()
    calls = len(salon.calls)
    await looks.look()
    assert len(salon.calls) == calls
    await looks.look(minutes=24 * 60)
    assert len(salon.calls) > calls
    assert not any("owner" in one["path"] for one in salon.calls)


async def test_a_wrong_password_is_tried_once_and_never_again_and_bookings_go_on(
    widget: Calling, salon: Dikidi
) -> None:
    looks = Looks(widget, password="wrong-password")
    (told,) = await looks.look()
    assert told.type == "connection.disabled"
    assert "secret set" in str(told.data["notice"])
    for _ in range(20):
        assert await looks.look(minutes=60) == []
    assert salon.office.tries == 1
    looks.settings["password"] = PASSWORD
    assert said(await looks.look(minutes=60)) == []
    assert salon.office.tries == 2


async def test_a_session_that_is_over_is_renewed_once(widget: Calling, salon: Dikidi) -> None:
    looks = Looks(widget)
    await looks.look()
    salon.office.sessions.clear()
    assert await looks.look() == []
    assert salon.office.tries == 2
    salon.office.rights = False
    (told,) = await looks.look()
    assert "право видеть журнал" in str(told.data["notice"])
    assert salon.office.tries == 3
    assert await looks.look() == []
    assert salon.office.tries == 3, "it rests"
    salon.office.rights = True
    assert said(await looks.look(minutes=60)) == ["connection.enabled connection:office"]


@pytest.mark.parametrize("trouble", ["protection", "drifted", "lost"])
async def test_trouble_with_the_office_is_told_once_and_cancels_nobody(
    trouble: str, widget: Calling, salon: Dikidi
) -> None:
    looks = Looks(widget)
    for hour in (12, 14):
        salon.salon.take("555", ["2001"], NOW.replace(tzinfo=None, hour=hour, minute=0) + timedelta(days=2))
    await looks.look()
    match trouble:
        case "protection":
            salon.protection = 403
        case "drifted":
            salon.office.drifted = True
        case _:
            salon.office.lost = set(salon.salon.bookings)
    assert [one.type for one in await looks.look()] == ["connection.disabled"]
    for _ in range(3):
        assert await looks.look(minutes=50) == []
    assert salon.office.tries == 1, "signing in again would only make it worse"
    salon.protection, salon.office.drifted = None, False
    salon.office.lost.clear()
    assert said(await looks.look(minutes=60)) == ["connection.enabled connection:office"]


async def test_the_doctor_says_whether_the_journal_is_open(widget: Calling, salon: Dikidi) -> None:
    assert MANIFEST.doctor is not None
    async with widget(**OFFICE) as call:
        assert {one.check: one.status for one in await MANIFEST.doctor.check(call)}["journal"] == "ok"
    async with widget(login=LOGIN, password="another") as call:
        found = {one.check: one for one in await MANIFEST.doctor.check(call)}
    assert (found["widget"].status, found["journal"].status) == ("ok", "fail")
    assert not found["journal"].stops
