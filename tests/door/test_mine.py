"""What a session is shown of its person's own: visits as the calendar has them, and nothing of whoever shares the
phone, or had it before."""

from __future__ import annotations

import asyncio

import pytest

from door.salon import salon
from door.support import PHONE, check, code_sent, signed_in, told
from svyazka.engine.asking import my_visits
from svyazka.engine.contracts.webhook import Answer
from svyazka.model.bookings import VisitStatus
from svyazka.model.errors import NotSent
from svyazka.model.events import EventType

COMPLETED, AT = EventType.APPOINTMENT_COMPLETED, "2026-03-20T12:00:00+03:00"


def shown(answer: Answer) -> list[tuple[str, str, str | None, str]]:
    assert answer.status == 200, answer.body
    return [(one["id"], one["status"], one.get("starts_at"), one["seen"]) for one in told(answer)["data"]]


# Visits


async def test_a_visit_is_shown_as_its_calendar_has_it_now() -> None:
    site = await salon()
    await site.heard("1")
    await site.heard("2")
    await site.heard("3", starts_at_local="2026-03-25 10:00:00")
    site.has("1", "2026-03-21 15:30:00", VisitStatus.CONFIRMED)
    site.has("3", "2026-03-25 10:00:00")
    answer = await site.mine(await signed_in(site))
    assert shown(answer) == [
        ("3", "booked", "2026-03-25T10:00:00+03:00", "calendar"),
        ("1", "confirmed", "2026-03-21T15:30:00+03:00", "calendar"),
        ("2", "cancelled", AT, "calendar"),
    ]
    assert told(answer)["stale"] is False
    assert told(answer)["data"][1]["staff_name"] == "Ольга"


@pytest.mark.parametrize("how", ["away", "slow"])
async def test_what_the_calendar_cannot_say_is_told_from_the_journal_and_marked(
    how: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    site = await salon()
    await site.heard("1")
    if how == "away":
        site.calendar.fails = lambda: NotSent("refused")
    else:
        site.calendar.gate = asyncio.Event()
        monkeypatch.setattr(my_visits, "WITHIN", 0.01)
    answer = await site.mine(await signed_in(site))
    assert shown(answer) == [("1", "booked", AT, "journal")]
    assert told(answer)["stale"] is True


async def test_what_is_over_is_not_asked_for_and_of_many_the_next_ones_are() -> None:
    site = await salon()
    await site.heard("1", type_=COMPLETED)
    await site.heard("2", starts_at_local="2026-03-01 12:00:00")
    for number in range(10, 20):
        site.has(str(number))
        await site.heard(str(number), starts_at_local=f"2026-03-{number + 6} 12:00:00")
    answer = await site.mine(await signed_in(site))
    looked = {id_ for id_, _, _, seen in shown(answer) if seen == "calendar"}
    assert looked == {str(number) for number in range(10, 18)}
    assert (len(shown(answer)), told(answer)["stale"]) == (12, True)


async def test_a_visit_that_was_given_to_somebody_else_is_not_shown_any_more() -> None:
    site = await salon()
    await site.heard("1")
    site.has("1")
    site.clock.step(60)
    await site.heard("1", "Пётр", phone="+7 900 000-00-00")
    assert shown(await site.mine(await signed_in(site))) == []


async def test_what_was_booked_here_is_shown_though_its_calendar_tells_nothing() -> None:
    site = await salon()
    wish = {"service": "331", "starts_at": "2026-10-05T12:00", "name": "Анна", "phone": PHONE}
    booked = await site.post("booking", wish, idempotency_key="b")
    assert told(booked)["status"] == "booked"
    await site.run()
    token = await signed_in(site)
    assert shown(await site.mine(token)) == [("1", "booked", "2026-10-05T12:00:00+03:00", "calendar")]
    (mine,) = told(await site.call("GET", "/ingest/me/bookings", x_session=token))["data"]
    assert (mine["id"], mine["status"], mine["service"]) == (told(booked)["id"], "booked", "331")


# Second factors

ANNA = ("Анна Петрова", "1985-03-14")


@pytest.mark.parametrize("why", ["household", "sensitive", "unused"])
async def test_a_phone_that_is_no_one_person_shows_nothing_and_says_what_it_needs(why: str) -> None:
    site = await salon(sensitive=why == "sensitive")
    await site.heard("1")
    if why == "household":
        await site.heard("2", "Пётр")
    if why == "unused":
        site.clock.step(200 * 86400)
    token = await signed_in(site)
    needed = "birth_year" if why == "household" else "birth_date"
    for path in ("visits", "bookings"):
        answer = await site.call("GET", f"/ingest/me/{path}", x_session=token)
        assert (answer.status, told(answer)["needs"]) == (403, needed)
        assert "visit" not in answer.body.decode()
    assert site.calendar.asked == []
    assert site.crm.reads == []


async def test_who_breaks_a_silence_is_shown_what_was_since() -> None:
    site = await salon()
    await site.heard("1", type_=COMPLETED)
    site.clock.step(200 * 86400)
    await site.post("lead", {"phone": PHONE, "name": "Анна Петрова"})
    await site.heard("2", type_=COMPLETED)
    site.card(*ANNA)
    token = await signed_in(site)
    assert [id_ for id_, *_ in shown(await site.mine(token))] == ["2"]
    assert (await site.born(token, "1985")).status == 200
    assert [id_ for id_, *_ in shown(await site.mine(token))] == ["2"]
    assert (await site.born(token, "1985-03-14")).status == 200
    assert sorted(id_ for id_, *_ in shown(await site.mine(token))) == ["1", "2"]


@pytest.mark.parametrize("names", [("Мария Шевченко", "Иван Шевченко"), ("Анна Петрова", "Анна Сидорова")])
async def test_who_shares_a_surname_or_a_first_name_is_not_yet_one_person(names: tuple[str, str]) -> None:
    site = await salon()
    for number, name in enumerate(names):
        await site.heard(str(number), name)
    assert (await site.mine(await signed_in(site))).status == 403


@pytest.mark.parametrize(
    ("why", "cards", "born", "seen"),
    [
        ("household", [ANNA, ("Пётр", "1983-01-01")], "1985", ["1"]),
        ("household", [ANNA, ("Пётр", "1983-01-01")], "1983-01-01", ["2"]),
        ("household", [ANNA, ("Пётр", "1983-01-01")], "1984", None),
        ("household", [ANNA, ("Пётр", "1985-01-01")], "1985", None),  # who of the two?
        ("household", [ANNA, ("Пётр", "1985-01-01")], "1985-01-01", ["2"]),
        ("household", [(None, "1985-03-14")], "1985", None),  # whose card is it?
        ("household", [("Мария", "1990-05-05")], "1990", []),
        ("sensitive", [ANNA], "1985-03-14", ["1", "3"]),
        ("sensitive", [("Анна", "14.03.1985")], "1985-03-14", ["1", "3"]),
        ("sensitive", [(None, "1985-03-14")], "1985-03-14", ["1", "3"]),
        ("sensitive", [ANNA], "1985", None),  # a year isn't enough
        ("sensitive", [ANNA], "1985-03-15", None),
        ("sensitive", [("Анна Петрова", None)], "1985-03-14", None),
        ("sensitive", [], "1985-03-14", None),
        ("sensitive", [("Пётр", "1985-03-14")], "1985-03-14", []),  # another's card: nothing of hers
        ("unused", [ANNA], "1985-03-14", ["1", "3"]),
        ("unused", [ANNA], "1985", None),
    ],
)
async def test_who_shows_when_they_were_born_is_shown_what_is_theirs(
    why: str, cards: list[tuple[str | None, str | None]], born: str, seen: list[str] | None
) -> None:
    site = await salon(sensitive=why == "sensitive")
    await site.heard("1", type_=COMPLETED)
    await site.heard("3", None, COMPLETED)
    if why == "household":
        await site.heard("2", "Пётр", COMPLETED)
    if why == "unused":
        site.clock.step(200 * 86400)
    for name, birthday in cards:
        site.card(name, birthday)
    site.card("Чужой", "1985-03-14", "+79990000000")
    token = await signed_in(site)
    answer = await site.born(token, born)
    after = await site.mine(token)
    if seen is None:
        assert after.status == 403
        assert told(after)["needs"] in ("birth_year", "birth_date")
        return
    assert (answer.status, told(answer)["status"]) == (200, "shown")
    assert sorted(id_ for id_, *_ in shown(after)) == seen


def alike(answers: list[Answer]) -> bool:
    return len({(one.status, one.body, one.content_type, tuple(sorted(one.headers.items()))) for one in answers}) == 1


async def test_whoever_cannot_show_it_learns_nothing_not_even_by_the_time_it_takes() -> None:
    site = await salon(sensitive=True)
    await site.heard("1")
    site.card(*ANNA)
    known, strange = await signed_in(site), await signed_in(site, "+7 900 111-22-33")
    answers = []
    for token, when in ((known, "1985-03-15"), (strange, "1985-03-14"), (known, "1985"), (strange, "1985")):
        answers.append(await site.born(token, when))
        assert 3 < site.pauses[-1] <= 3.3
    for when in ("1984-01-01", "1984-01-02", "1984-01-03", "1985-03-14", "1985-03-14"):  # at last used up, though right
        answers.append(await site.born(known, when))
    assert alike(answers)
    assert answers[0].status == 403
    asked = [body["question"]["kind"] for _, body in site.asks.asked]
    assert asked.count("born") == 7, "five tries of one session, two of the other"


async def test_second_factors_and_codes_are_tries_of_one_day() -> None:
    site = await salon(sensitive=True)
    await site.heard("1")
    site.card(*ANNA)
    for _ in range(2):
        token = await signed_in(site)
        for _ in range(6):
            await site.born(token, "1984-01-01")
        site.clock.step(3601)
    token = await signed_in(site)  # 2 x (1 + 5) + 1 of 15
    assert [(await site.born(token, "1984-01-01")).status for _ in range(2)] == [403] * 2
    assert (await site.born(token, "1985-03-14")).status == 403, "the day's tries are used up"
    site.clock.step(60)
    await site.post("code", {"phone": PHONE})
    await site.run()
    assert (await check(site, code_sent(site))).status == 403, "and those at codes"


async def test_a_crm_that_is_away_is_no_wrong_answer() -> None:
    site = await salon(sensitive=True)
    await site.heard("1")
    site.card(*ANNA)
    site.crm.down = True
    token, strange = await signed_in(site), await signed_in(site, "+7 900 111-22-33")
    answers = [await site.born(one, "1985-03-14") for one in (token, strange)]
    assert alike(answers)
    assert (answers[0].status, answers[0].headers["Retry-After"]) == (503, "10")
    site.crm.down = False
    assert (await site.born(token, "1985-03-14")).status == 200


async def test_a_second_factor_ends_with_its_session() -> None:
    site = await salon(sensitive=True)
    await site.heard("1", type_=COMPLETED)
    site.card(*ANNA)
    token = await signed_in(site)
    assert (await site.born(token, "1985-03-14")).status == 200
    documents = [document for (kind, _), document in site.store.documents.items() if kind == "sessions"]
    assert "Анна" not in "".join(document.data.decode() for document in documents)
    site.clock.step(3600)
    assert (await site.born(token, "1985-03-14")).status == 401
    assert (await site.mine(await signed_in(site))).status == 403
    for wrong, status in (("made-up", 401), ("", 401)):
        assert (await site.born(wrong, "1985-03-14")).status == status
    assert (await site.born(token, "14 марта")).status == 422
