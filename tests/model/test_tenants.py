"""What a tenant file may say of durations, hours, zones and addressees, and how a mistake is put."""

from __future__ import annotations

from datetime import time, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from svyazka.model.tenants import Addressee, Duration, Hours, SecretRef, Tenant, parse_duration, parse_hours


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30), ("15m", 900), ("24h", 86400), ("30d", 30 * 86400), ("2w", 14 * 86400), ("1.5h", 5400),
        (" 5 m ", 300),
        ("0s", 0), ("PT30M", 1800), (timedelta(minutes=1), 60),
    ],
)  # fmt: skip
def test_durations_are_read_as_people_write_them(text: object, seconds: int) -> None:
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text", ["", "30", "m", "-5m", "5 minutes", "1h30m", 30, None, True, "∞d", "999999999999999d", "1e400s", "4000d"]
)
def test_what_is_no_duration_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValueError, match=r"expected a duration such as 30s, 15m, 24h or 30d"):
        parse_duration(text)


@given(st.integers(0, 3650 * 86400))
def test_a_stored_duration_is_read_back_the_same(seconds: int) -> None:
    adapter = TypeAdapter(Duration)
    given_ = timedelta(seconds=seconds)
    assert adapter.validate_json(adapter.dump_json(given_)) == given_


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("21:00-10:00", (time(21), time(10))), (" 9:30 - 18:00 ", (time(9, 30), time(18))),
        ("00:00-24:00", (time(0), time(0))), ("22:00-24:00", (time(22), time(0))),
        (["21:00:00", "10:00:00"], (time(21), time(10))),
    ],
)  # fmt: skip
def test_hours_are_read_as_people_write_them(text: object, hours: tuple[time, time]) -> None:
    assert parse_hours(text) == hours


@pytest.mark.parametrize(
    "text",
    [
        "",
        "21-10",
        "25:00-10:00",
        "21:60-10:00",
        "24:30-10:00",
        "10:00-24:01",
        "21:00",
        21,
        None,
        [1260, 600],
        ["a", "b"],
    ],
)
def test_what_are_no_hours_is_refused_with_an_example(text: object) -> None:
    with pytest.raises(ValueError, match=r'expected hours such as "21:00-10:00"'):
        parse_hours(text)


@given(st.times().map(lambda t: t.replace(second=0, microsecond=0)), st.times())
def test_stored_hours_are_read_back_the_same(start: time, end: time) -> None:
    adapter = TypeAdapter(Hours)
    pair = (start, end.replace(second=0, microsecond=0))
    assert adapter.validate_json(adapter.dump_json(pair)) == pair


@pytest.mark.parametrize("zone", ["Moscow", "Europe/Nowhere", "", "../../etc/passwd", "UTC+3"])
def test_an_unknown_zone_is_refused_with_an_example(zone: str) -> None:
    with pytest.raises(ValidationError, match="expected a time zone such as Europe/Moscow"):
        Tenant(id="kofe", name="Кофейня", timezone=zone)


@pytest.mark.parametrize("name", ["kofe", "kofe-pokrovka", "k", "1c", "a_b"])
def test_an_id_may_hold_lower_case_letters_digits_and_dashes(name: str) -> None:
    assert Tenant(id=name, name="Кофейня", timezone="UTC").id == name


@pytest.mark.parametrize("name", ["", "Kofe", "кофе", "a.b", "a/b", "-a", "a b", "x" * 64])
def test_an_id_that_would_not_fit_an_address_is_refused(name: str) -> None:
    with pytest.raises(ValidationError):
        Tenant(id=name, name="Кофейня", timezone="UTC")


def test_an_addressee_has_exactly_one_address() -> None:
    assert Addressee(connection="sms", phone="+79990000001").phone
    for addresses in ({}, {"phone": "+79990000001", "email": "a@b.ru"}):
        with pytest.raises(ValidationError, match="expected exactly one of phone, email, chat"):
            Addressee(connection="sms", **addresses)


def test_a_secrets_name_is_a_name_and_not_its_value() -> None:
    assert SecretRef(secret="smsru-api-id").secret == "smsru-api-id"
    for value in ("", "a b", "/etc/passwd", "x" * 200):
        with pytest.raises(ValidationError):
            SecretRef(secret=value)
