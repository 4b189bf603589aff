"""What DIKIDI's answers are read as: its samples, each form of its errors, what stands in place of an answer."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import httpx
import pytest

from svyazka.connectors.dikidi.failures import not_an_answer, refused
from svyazka.connectors.dikidi.schema import (
    Refusal,
    bookings_of,
    days_of,
    money,
    prices_of,
    refusal_of,
    services_of,
    times_of,
)
from svyazka.engine.contracts.untrusted import Section, section
from svyazka.model.bookings import WhyNot
from svyazka.model.outcomes import Blocked, Refused, Retry, Unclear

SAMPLES = Path(__file__).parents[2] / "samples" / "dikidi"


def sample(name: str) -> Section:
    content = (SAMPLES / name).read_text("utf-8").replace("\r\n", "\n")
    return section(json.loads(content.partition("\n\n")[2] if name.endswith(".http") else content))


def test_a_list_and_a_map_of_services_are_read_alike() -> None:
    as_list, as_map = (
        [(category, one["id"], one["name"], prices_of(one)) for category, one in services_of(sample(name)["data"])]
        for name in ("widget-company-services.json", "widget-company-services-map.json")
    )
    women = ("Стрижки", "2001", "Стрижка женская", (Decimal(1500), Decimal(1500)))
    assert as_list == [women, ("Стрижки", "2002", "Стрижка детская", (Decimal(800), None))]
    assert as_map == [women]


@pytest.mark.parametrize(
    ("told", "roubles"),
    [("1500", 1500), (1500, 1500), ("от 800", 800), ("1 500,50", "1500.5"), ("1\u00a0200", 1200), ("", None),
     ("договорная", None), (None, None), ([], None)],
)  # fmt: skip
def test_a_price_is_read_in_every_spelling(told: object, roubles: object) -> None:
    assert money(told) == (None if roubles is None else Decimal(str(roubles)))


def test_days_and_times_are_the_salons_own_clock_and_an_empty_map_may_be_a_list() -> None:
    assert [str(day) for day in days_of(sample("widget-dates.json")["dates_true"])] == [
        "2026-10-05", "2026-10-06", "2026-10-08",
    ]  # fmt: skip
    free = times_of(section(sample("widget-datetimes.json"), "data")["times"])
    assert {who: [f"{at:%d.%m %H:%M}" for at in times] for who, times in free.items()} == {
        "555": ["05.10 11:00", "05.10 15:00", "05.10 15:30"]
    }
    empty = section(sample("widget-datetimes-empty.json"), "data")
    assert (times_of(empty["times"]), section(empty["masters"])) == ({}, {})
    assert set(section(sample("widget-masters.json"), "masters")) == {"555", "556"}


def test_a_booking_and_a_held_time_are_told_apart() -> None:
    (booked,) = bookings_of(sample("widget-record-ok.json")) or []
    (held,) = bookings_of(sample("widget-records-info.json")) or []
    assert (booked.id, booked.status, booked.minutes, booked.services, booked.master) == (
        "900100", "1", 60, ("2001",), "555",
    )  # fmt: skip
    assert (held.id, held.status, held.minutes, held.title) == ("900100", None, 60, "Стрижка женская")
    assert sample("widget-time-reservation.json")["record_id"] == 900100, "the id of the hold becomes the booking's"
    assert bookings_of(sample("widget-check-ok.json")) is None
    assert bookings_of({"error": {"code": 0}, "data": []}) == []


@pytest.mark.parametrize(
    ("answer", "refusal"),
    [
        ({}, None),
        ({"error": None}, None),
        ({"error": 0}, None),
        ({"error": "0"}, None),
        ({"error": False}, None),
        ({"error": ""}, None),
        ({"error": {}}, None),
        ({"error": []}, None),
        ({"error": {"code": 0, "message": None}}, None),
        ({"error": {"code": "0"}}, None),
        ({"error": 1, "message": "Нет"}, Refusal("1", "Нет")),
        ({"error": "1", "message": "Нет"}, Refusal("1", "Нет")),
        ({"error": True, "message": "Нет"}, Refusal("1", "Нет")),
        ({"error": "COMPANY_ERROR", "message": "Нет"}, Refusal("COMPANY_ERROR", "Нет")),
        ({"error": "Нет такого"}, Refusal(None, "Нет такого")),
        ({"error": {"code": 400, "message": "Нет"}}, Refusal("400", "Нет")),
        ({"error": {"code": "USER_AUTHORISATION_ERROR"}}, Refusal("USER_AUTHORISATION_ERROR", None)),
    ],
)
def test_every_form_of_an_error_is_told_from_success(answer: Section, refusal: Refusal | None) -> None:
    assert refusal_of(answer) == refusal


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("error-not-ajax.json", "not_ajax"),
        ("widget-time-reservation-busy.json", WhyNot.TAKEN),
        ("auth-refused.http", WhyNot.CODE_NEEDED),
        ("owner-no-rights.json", "refused"),
    ],
)
def test_each_refusal_that_was_seen_has_its_meaning(name: str, code: str) -> None:
    refusal = refusal_of(sample(name))
    assert refusal is not None
    outcome = refused(refusal)
    assert isinstance(outcome, Refused)
    assert outcome.code == code


@pytest.mark.parametrize(
    ("said", "code"),
    [
        ("Введите код подтверждения из SMS", WhyNot.CODE_NEEDED),
        ("Подтвердите номер телефона", WhyNot.CODE_NEEDED),
        ("Неверный код подтверждения", WhyNot.WRONG_CODE),
        ("Неверный номер телефона", WhyNot.BAD_PHONE),
        ("Укажите имя", WhyNot.NO_NAME),
        ("Время бронирования истекло, выберите время заново", WhyNot.TAKEN),
        ("Вы в чёрном списке", WhyNot.NOT_WELCOME),
        ("Specialist not found", WhyNot.NO_SERVICE),
        ("Укажите промокод", "refused"),
    ],
)
def test_a_sentence_for_visitors_gets_the_code_that_flows_act_on(said: str, code: str) -> None:
    outcome = refused(Refusal("1", said))
    assert isinstance(outcome, Refused)
    assert outcome.code == code
    assert code != "refused" or said in outcome.message, "what no row knows is told as it stands"


@pytest.mark.parametrize(
    ("status", "page", "read", "acted"),
    [
        (403, "<title>Just a moment...</title>", Blocked, Blocked),
        (429, "<div id='challenge-platform'>", Blocked, Blocked),
        (503, "DDoS-Guard", Blocked, Blocked),
        (200, "cloudflare captcha", Blocked, Blocked),
        (403, "<html>Нет</html>", Retry, Retry),
        (404, "<html>Нет страницы</html>", Blocked, Blocked),
        (405, "", Blocked, Blocked),
        (200, "<form action='/login'>", Blocked, Unclear),
        (429, "", Retry, Retry),
        (302, "", Retry, Retry),
        (500, "", Retry, Unclear),
        (502, "<html>nginx</html>", Retry, Unclear),
    ],
)
def test_a_page_in_place_of_an_answer_is_an_outage_and_proves_nothing_of_what_was_done(
    status: int, page: str, read: type, acted: type
) -> None:
    response = httpx.Response(status, text=page)
    for was_acting, wanted in ((False, read), (True, acted)):
        outcome = not_an_answer(response, was_acting)
        assert type(outcome) is wanted
        assert not isinstance(outcome, Blocked) or "вручную" in outcome.remedy
