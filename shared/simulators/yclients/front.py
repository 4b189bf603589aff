"""The salon's booking form behind YCLIENTS' stand-in: what can be booked, by whom, and which times are free.

A time is free while no record of that master overlaps it; to look and to take is one step, so of two who want one time
one gets it. Times are spelled by the vendor and wanted back letter by letter.
"""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from simulators.yclients.salon import CLIENT, SERVICE, STAFF, Salon

CATEGORY = {"id": 355, "title": "Парикмахерские услуги", "sex": 0, "api_id": "", "weight": 1}
SERVICES: list[dict[str, Any]] = [
    {
        "id": 331, "title": "Стрижка детская", "category_id": 355, "price_min": 1200, "price_max": 1500, "discount": 0,
        "comment": "", "weight": 10, "active": 1, "api_id": "", "prepaid": "forbidden", "seance_length": 3600,
    },
    {
        "id": "332", "title": "Стрижка мужская", "category_id": "355", "price_min": "1000.00", "price_max": "1300.00",
        "discount": "0", "comment": "", "weight": 9, "active": 1, "api_id": "", "prepaid": "forbidden",
    },
]  # fmt: skip
"""Numbers and numeric strings side by side, as its own example has them."""

MASTERS: list[dict[str, Any]] = [
    {"id": 16, "name": "Анна Мастерова", "specialization": "Барбер", "position": {"id": 1, "title": "Барбер"},
     "bookable": True, "rating": 5, "votes_count": 1, "avatar": "", "weight": 11},
    {"id": "17", "name": "Пётр Иванов", "specialization": "", "position": [], "bookable": True, "rating": "3",
     "votes_count": "1", "avatar": "", "weight": "8"},
    {"id": 18, "name": "В отпуске", "specialization": "Барбер", "position": [], "bookable": False, "avatar": ""},
]  # fmt: skip
FORM, CODE = 123, "1234"
HOUR = 3600
USUAL = [f"{hour:02}:{minute}" for hour in range(10, 20) for minute in ("00", "30")]


class No(Exception):
    """A business answer: the HTTP status and the code in `meta.errors`, or a map of fields."""

    def __init__(self, status: int, errors: Any) -> None:
        super().__init__(str(errors))
        self.status, self.errors = status, errors

    @classmethod
    def code(cls, code: int, status: int = 422) -> No:
        return cls(status, [{"code": code, "message": "Произошла ошибка", "id": 1}])


class Front:
    """What clients see of a salon. `hours`: days -> times that are offered on them, where they aren't the usual."""

    def __init__(self, salon: Salon) -> None:
        self.salon = salon
        self.zone = "Europe/Moscow"
        self.unix = False
        self.services, self.masters = list(SERVICES), list(MASTERS)
        self.hours: dict[str, list[str]] = {}
        self.phone_confirmation = False
        self.black_list: set[str] = set()
        self.hashes: dict[int, str] = {}
        self.codes_sent: list[str] = []

    # What is free

    def times(self, staff: int, day: date) -> list[dict[str, Any]]:
        """The free times of a master, or of anybody (0)."""
        wanted = [staff] if staff else self._bookable()
        found = {}
        for clock in self.hours.get(day.isoformat(), USUAL):
            hour, minute = map(int, clock.split(":"))
            starts = datetime(day.year, day.month, day.day, hour, minute)
            if any(self.is_free(master, starts) for master in wanted):
                found[starts] = {
                    "time": f"{hour}:{minute:02}", "seance_length": HOUR, "datetime": self.spelled(starts),
                }  # fmt: skip
        return [found[starts] for starts in sorted(found)]

    def spelled(self, starts: datetime) -> str | int:
        """A time on the salon's wall as the vendor writes it."""
        there = starts.replace(tzinfo=ZoneInfo(self.zone))
        return int(there.timestamp()) if self.unix else there.isoformat()

    def is_free(self, staff: int, starts: datetime, but: int | None = None) -> bool:
        """Whether no record of that master overlaps the hour."""
        ends = starts + timedelta(seconds=HOUR)
        for id_, record in self.salon.records.items():
            if id_ == but or record["deleted"] or int(record["staff_id"]) != staff:
                continue
            begun = datetime.fromisoformat(record["date"])
            if begun < ends and starts < begun + timedelta(seconds=record["seance_length"]):
                return False
        return True

    def days(self, staff: int, first: date, last: date) -> list[date]:
        """Days with anything free."""
        every = (first + timedelta(days=number) for number in range((last - first).days + 1))
        return [day for day in every if self.times(staff, day)]

    # What is done

    def book(self, wanted: Mapping[str, Any], now: datetime) -> tuple[int, str]:
        """One record for a client. Raises No."""
        phone = str(wanted.get("phone") or "")
        if not (phone.isdecimal() and len(phone) == 11):
            raise No.code(431)
        if not wanted.get("fullname"):
            raise No.code(435)
        if phone in self.black_list:
            raise No.code(434, 403)
        if self.phone_confirmation and str(wanted.get("code")) != CODE:
            raise No.code(432)
        if "email" not in wanted or len(wanted.get("appointments") or []) != 1:
            raise No(422, {"appointments": ["expected one"]})
        asked = wanted["appointments"][0]
        services = [self._service(each) for each in asked.get("services") or []]
        if not services:
            raise No.code(422)
        starts = self._starts(asked.get("datetime"))
        staff = self._master(int(asked.get("staff_id") or 0), starts)
        names = {"name": wanted["fullname"], "phone": f"+{phone}", "email": wanted["email"]}
        changes = {
            **self.at(starts), "staff_id": staff, "staff": {**STAFF, "id": staff}, "services": services,
            "client": {**CLIENT, **names, "id": self._client(names, now), "surname": ""}, "online": True,
            "api_id": str(wanted.get("api_id") or ""), "comment": wanted.get("comment") or "",
        }  # fmt: skip
        record, _ = self.salon.put_record(None, now, changes)
        self.hashes[record["id"]] = secrets.token_hex(16)
        return record["id"], self.hashes[record["id"]]

    def move(self, id_: int, spelled: Any, now: datetime) -> dict[str, Any]:
        """Put a record elsewhere. Raises No."""
        record = self.salon.records.get(id_)
        if record is None or record["deleted"]:
            raise No(404, None)
        starts = self._starts(spelled)
        if not self.is_free(int(record["staff_id"]), starts, but=id_):
            raise No.code(433)
        return self.salon.put_record(id_, now, self.at(starts))[0]

    def cancel(self, id_: int, now: datetime) -> dict[str, Any]:
        """Take a record away. Raises No."""
        record = self.salon.records.get(id_)
        if record is None or record["deleted"]:
            raise No(404, None)
        return self.salon.put_record(id_, now, {"deleted": True})[0]

    def _bookable(self) -> list[int]:
        return [int(each["id"]) for each in self.masters if each["bookable"]]

    def _client(self, names: Mapping[str, Any], now: datetime) -> int:
        """The card of that phone, or a new one."""
        known = next((id_ for id_, card in self.salon.clients.items() if card["phone"] == names["phone"]), None)
        return int(self.salon.put_client(known, now, {} if known else {**names, "surname": ""})[0]["id"])

    def _service(self, id_: Any) -> dict[str, Any]:
        found = next((each for each in self.services if str(each["id"]) == str(id_)), None)
        if found is None:
            raise No.code(438)
        return {**SERVICE, "id": int(found["id"]), "title": found["title"]}

    def _starts(self, spelled: Any) -> datetime:
        """The time on the wall that this is the vendor's spelling of."""
        zone = ZoneInfo(self.zone)
        try:
            there = datetime.fromtimestamp(spelled, zone) if self.unix else datetime.fromisoformat(spelled)
        except (TypeError, ValueError):
            raise No.code(433) from None
        starts = there.replace(tzinfo=None)
        on_offer = f"{starts:%H:%M}" in self.hours.get(starts.date().isoformat(), USUAL)
        if self.spelled(starts) != spelled or not on_offer:
            raise No.code(433)
        return starts

    def _master(self, wanted: int, starts: datetime) -> int:
        free = [one for one in ([wanted] if wanted else self._bookable()) if self.is_free(one, starts)]
        if not free:
            raise No.code(433 if wanted else 436)
        return free[0]

    def at(self, starts: datetime) -> dict[str, Any]:
        there = starts.replace(tzinfo=ZoneInfo(self.zone))
        return {"date": f"{starts:%Y-%m-%d %H:%M:%S}", "datetime": there.isoformat(), "seance_length": HOUR}


def midnight(day: date) -> int:
    """A day as its examples write it: unix seconds of midnight in UTC."""
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
