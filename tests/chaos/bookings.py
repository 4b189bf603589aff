"""Bookings at the front door while processes are lost: of all who want a time one has it, and everybody knows how it
ended."""

from __future__ import annotations

import asyncio
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from chaos.google import Cloud, GoogleInstallation
from chaos.installation import TENANT, Journal, LocalInstallation
from chaos.leaks import leaks
from chaos.scenario import Failpoint, addressed
from chaos.site import SITE, WEB, Site, live_through
from chaos.takers import taker
from simulators.serve import Running
from svyazka.model.commands import BookVisit, SendMessage
from svyazka.model.deliveries import Delivery, Status
from vendors import MESSENGERS
from vendors.parts.base import NAME, UNHURRIED, Guest
from vendors.parts.calendars import Calendar
from vendors.parts.messengers import Stage

TELLER = MESSENGERS["exolve"]
"""It leaves nothing unknown: whoever was told was told once."""

ZONE = "Europe/Moscow"
AHEAD = timedelta(days=20)
AGAIN = (3, 7, 15, 30)
"""Seconds after which the page looks what became of an accepted booking, one after the other: examples/site."""

TOGETHER = 24

IN_DOUBT = "taken_after_doubt"
"""The time is taken, and perhaps by our own try that had no answer: an operator looks."""

OPENS, HOURS = 10, 8
"""On the salon's wall; a visit is an hour."""


@dataclass(frozen=True)
class Wish:
    """What somebody asks for."""

    guest: Guest
    at: datetime

    @property
    def key(self) -> str:
        return f"booking-{self.guest.number}"


class BookingInstallation(LocalInstallation):
    """A site, the flow `booking`, a calendar, and a messenger for what is to be told."""

    def __init__(self, folder: Path, vendors: Running, calendar: Calendar, **given: Any) -> None:
        self.calendar = calendar
        super().__init__(folder, vendors, SITE, taker(calendar), TELLER, **given)

    def tenant(self) -> dict[str, object]:
        vendor = self.calendar.vendor
        salon = {"vendor": vendor, "base_url": self.base_url(vendor), **self.calendar.written(), **UNHURRIED}
        booked = {
            "text": "Вы записаны: {date} {time}", "not_booked": "Занято: {date} {time}", "give_up_after": "19d",
        }  # fmt: skip
        return {
            "id": TENANT, "name": "Кофейня на Покровке", "timezone": ZONE,
            "connections": {"web": WEB, "salon": salon, "teller": self.connection(TELLER)},
            "flows": [{"flow": "booking", "from": ["web"], "via": ["salon", "teller"], **booked}],
        }  # fmt: skip

    def set_stage(self, guests: Sequence[Guest]) -> None:
        self.calendar.begin(self.vendors)
        hook = self.hook_url("teller", TELLER.vendor)
        TELLER.begin(Stage(self.vendors, hook, self.clock, guests, early=self.speed > 1))

    def offered(self, count: int) -> list[datetime]:
        """So many free times, and no others on their days."""
        first = (self.clock.now() + AHEAD).replace(hour=OPENS, minute=0, second=0, microsecond=0, tzinfo=None)
        times = [first + timedelta(days=number // HOURS, hours=number % HOURS) for number in range(count)]
        hours: dict[str, list[str]] = defaultdict(list)
        for each in times:
            hours[f"{each:%Y-%m-%d}"].append(f"{each:%H:%M}")
        self.calendar.offer(self.vendors, ZONE, hours)
        return times


class CloudBookings(BookingInstallation, GoogleInstallation):
    """The same as it stands in the cloud."""

    def __init__(self, folder: Path, vendors: Running, calendar: Calendar, cloud: Cloud) -> None:
        super().__init__(folder, vendors, calendar, cloud=cloud)


Heard = Mapping[Wish, Sequence[Mapping[str, Any]]]
"""The answers that each has seen."""


async def ask(installation: BookingInstallation, wishes: Sequence[Wish], site: Site) -> Heard:
    """Everybody presses twice, together with those who want the same time. Their page looks again for a while."""
    heard: dict[Wish, list[Mapping[str, Any]]] = {wish: [] for wish in wishes}
    turns = asyncio.Semaphore(TOGETHER)

    async def press(wish: Wish) -> None:
        async with turns:
            await pressed(wish)

    async def pressed(wish: Wish) -> None:
        body = {
            "service": installation.calendar.service, "staff": installation.calendar.staff,
            "starts_at": f"{wish.at:%Y-%m-%dT%H:%M}", "name": NAME, "phone": wish.guest.phone,
        }  # fmt: skip
        answer = await site.post("booking", body, wish.key)
        assert answer.status_code in (200, 202, 409), answer.text
        said = answer.json()
        heard[wish].append(said)
        for pause in AGAIN:
            if said["status"] != "accepted":
                return
            await asyncio.sleep(pause / installation.speed)
            found = await site.get(f"status/{said['id']}")
            if found.status_code != 404:  # durable by the queue alone, and not in the journal yet
                said = found.json()
                heard[wish].append(said)

    await asyncio.gather(*(press(wish) for wish in wishes for _ in range(2)))
    return heard


async def survive(
    installation: BookingInstallation, times: int, failpoint: Failpoint, *, rivals: int = 2, patience: float = 60.0
) -> Counter[str]:
    """So many times, each wanted by `rivals` people; what happened to the processes."""
    await installation.prepare()
    everybody = [Guest(number) for number in range(times * rivals)]
    installation.set_stage(everybody)
    offered = installation.offered(times)
    wishes = [Wish(guest, offered[guest.number // rivals]) for guest in everybody]
    heard, seen = await live_through(installation, failpoint, partial(ask, installation, wishes), patience)
    audit(installation, heard, await installation.journal())
    return seen


def audit(installation: BookingInstallation, heard: Heard, journal: Journal) -> None:
    """Each time is booked once, by one of those who wanted it; he is told so, and so are the others."""
    wanted = {wish.at for wish in heard}
    visits = installation.calendar.visits(installation.vendors)
    assert sorted(visit.clock.replace(tzinfo=None) for visit in visits) == sorted(wanted)
    booked: dict[str, Delivery] = {}
    told: dict[str, str] = {}
    for one in journal.deliveries:
        if isinstance(one.command, BookVisit):
            booked[str(one.command.person.phone)] = one
        elif isinstance(one.command, SendMessage) and one.status is Status.SUCCEEDED:
            assert told.setdefault(addressed(one, TELLER), one.command.text) == one.command.text
    fates: dict[datetime, Counter[Status]] = defaultdict(Counter)
    for wish in heard:
        fates[wish.at][booked[wish.guest.phone].status] += 1
    for at, fate in fates.items():
        assert set(fate) <= {Status.SUCCEEDED, Status.FAILED, Status.UNKNOWN}, (at, fate)
        assert fate[Status.SUCCEEDED] == 1 or (not fate[Status.SUCCEEDED] and fate[Status.UNKNOWN]), (at, fate)
    # A calendar that shows us only what we know to be ours can't say whose a time is that our lost try may have taken.
    unknown = [one for one in booked.values() if one.status is Status.UNKNOWN]
    doubts = {one.last_error and one.last_error.code for one in unknown}
    assert doubts <= ({IN_DOUBT} if installation.calendar.sees_only_its_own else set()), doubts
    assert max(TELLER.sent(installation.vendors).values()) == 1, "nobody is told twice"
    for wish, answers in heard.items():
        phone, words = wish.guest.phone, {answer["status"] for answer in answers}
        assert len({answer["id"] for answer in answers}) == 1, "a repeat is the same booking"
        if booked[phone].status is Status.UNKNOWN:
            assert words <= {"accepted"}, words
            assert phone not in told, "nobody knows yet"
        elif booked[phone].status is Status.SUCCEEDED:
            assert words <= {"booked", "accepted"}, words
            assert told[phone].startswith("Вы записаны")
        else:
            assert words <= {"taken", "accepted"}, words
            assert "taken" in words or told[phone].startswith("Занято"), "on the page, or by a message"
    found = leaks(installation.spoken())
    assert not found, f"somebody was named in an output: {found[:3]}"
