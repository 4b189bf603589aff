"""The salon behind the widget: services, masters, free times, and the one place where a time is given away."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

COMPANY = "4242"
OPENS, CLOSES = 10, 20
STEP = timedelta(minutes=30)
HOLD_LIFE = timedelta(minutes=10)
"""How long a hold lives isn't published; one that is left alone goes by itself."""

FIRST_ID = 900100
CLOCK = "%Y-%m-%d %H:%M:%S"


@dataclass(frozen=True)
class Service:
    """One line of the price list."""

    id: str
    name: str
    minutes: int
    cost: str
    price: str
    floating: bool
    masters: tuple[str, ...]
    category: str = "11"


SERVICES = {
    one.id: one
    for one in (
        Service("2001", "Стрижка женская", 60, "1500", "1500", False, ("555", "556")),
        Service("2002", "Стрижка детская", 45, "от 800", "800", True, ("555",)),
    )
}
CATEGORIES = {"11": ("Стрижки", "hair")}
MASTERS = {"555": ("Анна Мастерова", "Парикмахер"), "556": ("Ольга Ногтева", "Мастер маникюра")}


@dataclass
class Booking:
    """A time of one master's: held by a session until `until`, or booked."""

    id: str
    session: str
    master: str
    services: tuple[str, ...]
    starts: datetime
    ends: datetime
    until: datetime | None = None
    status: str = "0"
    """`0` new, `1` confirmed, `4` cancelled, as the journal has it."""
    came: str = "0"
    """Whether the client came, as the journal has it: `1` came, `2` didn't."""
    client: dict[str, str] = field(default_factory=dict)

    @property
    def is_hold(self) -> bool:
        return self.until is not None

    def blocks(self, master: str, starts: datetime, ends: datetime, now: datetime) -> bool:
        """Whether it stands in the way of another."""
        alive = self.until > now if self.until is not None else self.status != "4"
        return alive and self.master == master and self.starts < ends and starts < self.ends


class Salon:
    """All times are the salon's own clock, without an offset, as the widget writes them."""

    def __init__(self) -> None:
        self.bookings: dict[str, Booking] = {}
        self.days_off: set[date] = set()
        self.closed = False
        """No time is free at all."""
        self.zone = "Europe/Moscow"
        self.hours: dict[str, list[str]] = {}
        """Day -> when one may begin on it, in place of the usual."""
        self.services, self.masters = dict(SERVICES), dict(MASTERS)
        """What is open for booking online."""
        self._next = FIRST_ID

    def number_from(self, first: int) -> None:
        """The next visit's number."""
        self._next = FIRST_ID + first

    def duration(self, services: Sequence[str]) -> timedelta:
        return timedelta(minutes=sum(SERVICES[one].minutes for one in services))

    def masters_of(self, services: Sequence[str]) -> list[str]:
        return [id_ for id_ in self.masters if all(id_ in SERVICES[one].masters for one in services)]

    def free(self, master: str, services: Sequence[str], day: date, now: datetime) -> list[datetime]:
        """When a master could begin on that day."""
        if self.closed or day in self.days_off:
            return []
        return [at for at in self._grid(day, services) if at > now and self._is_free(master, services, at, now)]

    def days(self, master: str | None, services: Sequence[str], since: date, until: date, now: datetime) -> list[date]:
        """Days with a free time."""
        masters = [master] if master else self.masters_of(services)
        every = (since + timedelta(days=n) for n in range((until - since).days + 1))
        return [day for day in every if any(self.free(one, services, day, now) for one in masters)]

    def hold(
        self, session: str, master: str, services: Sequence[str], at: datetime, now: datetime
    ) -> Booking | None:  # fmt: skip
        """Give the time to this session for a while; None when it is gone. Nothing comes between look and gift."""
        if at not in self.free(master, services, at.date(), now):
            return None
        held = Booking(
            str(self._next), session, master, tuple(services), at, at + self.duration(services), now + HOLD_LIFE
        )
        self._next += 1
        self.bookings[held.id] = held
        return held

    def held_by(self, session: str, now: datetime) -> list[Booking]:
        return [one for one in self.bookings.values() if one.until and one.session == session and one.until > now]

    def let_go(self, session: str) -> list[str]:
        """Every hold of a session goes; which they were."""
        gone = [id_ for id_, one in self.bookings.items() if one.is_hold and one.session == session]
        for id_ in gone:
            del self.bookings[id_]
        return gone

    def take(self, master: str, services: Sequence[str], at: datetime) -> Booking:
        """Somebody else's booking: by telephone, say."""
        taken = Booking(str(self._next), "", master, tuple(services), at, at + self.duration(services), status="1")
        self._next += 1
        self.bookings[taken.id] = taken
        return taken

    def _grid(self, day: date, services: Sequence[str]) -> Iterator[datetime]:
        if (named := self.hours.get(day.isoformat())) is not None:
            yield from sorted(datetime.fromisoformat(f"{day}T{clock}") for clock in named)
            return
        at, last = datetime(day.year, day.month, day.day, OPENS), datetime(day.year, day.month, day.day, CLOSES)
        while at + self.duration(services) <= last:
            yield at
            at += STEP

    def _is_free(self, master: str, services: Sequence[str], at: datetime, now: datetime) -> bool:
        ends = at + self.duration(services)
        return not any(one.blocks(master, at, ends, now) for one in self.bookings.values())


# As the widget tells them


def catalogue(services: Mapping[str, Service], as_list: bool) -> Any:
    """`list` of `company_services`: a map of categories unless `array=1` is asked."""
    found = {
        id_: {
            "id": id_, "name": name, "category_value": value,
            "services": [
                {
                    "id": one.id, "company_service_id": str(int(one.id) + 1000), "name": one.name, "image": "",
                    "cost": one.cost, "time": str(one.minutes) if one.floating else one.minutes,
                    "floating": str(int(one.floating)), "discount": "0", "price": one.price,
                }
                for one in services.values() if one.category == id_
            ],
        }
        for id_, (name, value) in CATEGORIES.items() if any(one.category == id_ for one in services.values())
    }  # fmt: skip
    return list(found.values()) if as_list or not found else found


def employee(master: str) -> dict[str, str]:
    return {"id": master, "username": MASTERS[master][0], "image": ""}


def booked(one: Booking) -> dict[str, Any]:
    """A finished booking, as `record` answers it: numbers are texts."""
    minutes = int((one.ends - one.starts).total_seconds() // 60)
    return {
        "id": one.id, "status": one.status, "time": one.starts.strftime(CLOCK), "time_to": one.ends.strftime(CLOCK),
        "cost": SERVICES[one.services[0]].price, "duration": str(minutes), "duration_string": in_words(minutes),
        "employees": [employee(one.master)],
        "services": [
            {"id": id_, "name": SERVICES[id_].name, "cost": SERVICES[id_].price, "duration": str(SERVICES[id_].minutes)}
            for id_ in one.services
        ],
    }  # fmt: skip


def held(one: Booking) -> dict[str, Any]:
    """A held time, as `records_info` shows it: it has no status yet."""
    name, post = MASTERS[one.master]
    return {
        "id": int(one.id), "time": one.starts.strftime(CLOCK), "time_to": one.ends.strftime(CLOCK),
        "master_username": name, "master_post": post, "service_id": one.services[0],
        "service_name": SERVICES[one.services[0]].name,
    }  # fmt: skip


def in_words(minutes: int) -> str:
    hours, left = divmod(minutes, 60)
    return " ".join(part for part in (f"{hours} ч" if hours else "", f"{left} мин" if left else "") if part)
