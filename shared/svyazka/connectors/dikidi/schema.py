"""DIKIDI's answers as they are read: nothing is documented, so every field may be missing or of another type. Pure.

Numbers come as numbers and as texts, empty maps as `[]`, times on the salon's own clock without an offset.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation

from svyazka.engine.contracts.untrusted import Section, section, sections, text

CODE_LIKE = re.compile(r"[A-Z][A-Z0-9_]+|\d+")
"""A code, where DIKIDI writes codes and sentences into the same field."""

SESSION = re.compile(r'"client"\s*:\s*\{.{0,500}?"session"\s*:\s*"([0-9A-Za-z_.-]{8,100})"', re.S)
"""Where the widget's page holds the session of its visitor."""

COST = re.compile(r"\d[\d \u00a0]*(?:[.,]\d{1,2})?")
FINE = (None, 0, False, "", "0")
CANCELLED = ("4", "5")
COME_OR_NOT = ("2", "3")
CLOCK = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True, slots=True)
class Refusal:
    """What an answer says instead of what was asked for: a code, a sentence, or both."""

    code: str | None
    said: str | None


@dataclass(frozen=True, slots=True)
class Booking:
    """One record of the salon's, as a visitor sees it."""

    id: str
    starts: datetime
    minutes: int | None
    status: str | None
    """None: the time is held, and not booked yet."""
    services: tuple[str, ...]
    title: str | None
    master: str | None
    master_name: str | None

    def is_off(self, now: datetime) -> bool:
        """Whether it is cancelled. The journal says 4 and 5; a visitor's own list puts what is over under 2, cancelled
        or not, so that a visit to come that is over already must be a cancelled one. `now`: the salon's clock."""
        return self.status in CANCELLED or (self.status in COME_OR_NOT and self.starts > now)


def refusal_of(answer: Section) -> Refusal | None:
    """What is wrong, in whichever of the forms `error` is written; None where nothing is.

    A code in words beside or in place of a sentence, a number, a flag, or an object with code and message.
    """
    error = answer.get("error")
    said = text(answer.get("message"))
    if isinstance(error, dict):
        code = error.get("code")
        return None if code in FINE else Refusal(text(code, 60), text(error.get("message")) or said)
    if error in FINE or isinstance(error, list):  # `[]` is an empty map
        return None
    if error is True:
        return Refusal("1", said)
    told = text(error)
    if told is not None and not CODE_LIKE.fullmatch(told):
        return Refusal(None, said or told)
    return Refusal(told, said)


def services_of(data: Section) -> Iterator[tuple[str | None, Section]]:
    """Each service with its category's name; `list` is a list, or a map by the category's id."""
    found = data.get("list")
    for category in sections(found) or sections(list(section(found).values())):
        for service in sections(category.get("services")) or sections(list(section(category, "services").values())):
            yield text(category.get("name"), 200), service


def prices_of(service: Section) -> tuple[Decimal | None, Decimal | None]:
    """The least and the greatest price in roubles; of a floating one ("от 800") only the least is known."""
    least = money(service.get("price"))
    least = money(service.get("cost")) if least is None else least
    floating = service.get("floating") not in FINE or not (text(service.get("cost"), 40) or "0")[0].isdigit()
    return least, None if floating else least


def money(value: object) -> Decimal | None:
    """Roubles in "1500", "1 500,00" or "от 800"."""
    found = COST.search(text(value, 40) or "")
    try:
        return Decimal(re.sub(r"[ \u00a0]", "", found[0]).replace(",", ".")) if found else None
    except InvalidOperation:
        return None


def minutes_of(value: object) -> int | None:
    """Minutes, written as a number or as text."""
    told = text(value, 10) or ""
    return int(told) if told.isdigit() and 0 < int(told) <= 24 * 60 else None


def clock_of(value: object) -> datetime | None:
    """`2026-10-05 10:00:00`, a time on the salon's own clock."""
    try:
        return datetime.strptime(text(value, 40) or "", CLOCK)
    except ValueError:
        return None


def days_of(value: object) -> list[date]:
    """`["2026-10-05", ...]`, in order, each once."""
    found: set[date] = set()
    for each in value if isinstance(value, list) else ():
        try:
            found.add(date.fromisoformat(text(each, 20) or ""))
        except ValueError:
            continue
    return sorted(found)


def times_of(value: object) -> dict[str, list[datetime]]:
    """Master -> when he is free."""
    return {
        master: sorted(filter(None, map(clock_of, times)))
        for master, times in section(value).items()
        if isinstance(times, list)
    }


def bookings_of(answer: Section) -> list[Booking] | None:
    """Records in either form: `bookings`, or `data` as a map of `{"record": ...}`. None: neither is there."""
    if isinstance(answer.get("bookings"), list):
        found = sections(answer["bookings"])
    elif isinstance(answer.get("data"), dict | list):
        found = [section(each, "record") for each in section(answer["data"]).values()]
    else:
        return None
    return [booking for booking in map(_booking, found) if booking is not None]


def _booking(told: Section) -> Booking | None:
    id_, starts = text(told.get("id"), 64), clock_of(told.get("time"))
    if id_ is None or starts is None:
        return None
    ends = clock_of(told.get("time_to"))
    services, employees = sections(told.get("services")), sections(told.get("employees"))
    ids = [text(one.get("id"), 64) for one in services] or [text(told.get("service_id"), 64)]
    titles = [text(one.get("name"), 200) for one in services] or [text(told.get("service_name"), 200)]
    master = employees[0] if employees else {"username": told.get("master_username")}
    return Booking(
        id=id_,
        starts=starts,
        minutes=minutes_of(told.get("duration")) or (_minutes(ends - starts) if ends is not None else None),
        status=text(told.get("status"), 10),
        services=tuple(filter(None, ids)),
        title=", ".join(filter(None, titles)) or None,
        master=text(master.get("id"), 64),
        master_name=text(master.get("username"), 200),
    )


def _minutes(span: timedelta) -> int | None:
    return minutes_of(int(span.total_seconds() // 60))
