"""A booking's way from the front door into the calendar, with processes lost at each step of it (short form)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from chaos.bookings import BookingInstallation, Heard, Wish, ask, audit, survive
from chaos.installation import until
from chaos.scenario import failpoints, have_struck, in_turn
from chaos.site import Site, live_through
from chaos.takers import taker
from simulators.serve import Running
from svyazka.connectors.registry import VENDORS, load_manifest
from vendors import CALENDARS, MESSENGERS
from vendors.parts.base import Guest

TIMES = 2
STRUCK = (
    ("yclients", ("kill accept.after", "kill perform.after_call")),
    ("yclients", ("stop perform.after_call",)),
    ("dikidi", ("kill accept.before", "kill settle.before")),
)
"""What is left of the places is passed in the long form."""

HOURS, QUICK = 5, 6000.0
"""So long a calendar is away, in three seconds."""

Vendors = Callable[..., Running]


@pytest.mark.parametrize(("name", "strikes"), STRUCK, ids=str)
async def test_one_of_two_has_the_time_and_both_know_though_processes_are_lost_at(
    name: str, strikes: tuple[str, ...], tmp_path: Path, vendors: Vendors
) -> None:
    calendar = CALENDARS[name]
    installation = BookingInstallation(tmp_path, vendors(taker(calendar), MESSENGERS["exolve"]), calendar)
    planned = failpoints(*strikes, accept=3)
    have_struck(await survive(installation, TIMES, in_turn(planned)), planned)


async def test_whoever_asks_while_the_calendar_is_away_is_booked_when_it_is_back_and_told(
    tmp_path: Path, vendors: Vendors
) -> None:
    calendar = CALENDARS["yclients"]
    running = vendors(taker(calendar), MESSENGERS["exolve"])
    installation = BookingInstallation(tmp_path, running, calendar, speed=QUICK)
    await installation.prepare()
    guests = [Guest(number) for number in range(TIMES)]
    installation.set_stage(guests)
    wishes = [Wish(guest, at) for guest, at in zip(guests, installation.offered(TIMES), strict=True)]
    running.fault(calendar.vendor, kind="answer", status=503, times=-1)

    async def hours_go_by(site: Site) -> Heard:
        heard = await ask(installation, wishes, site)
        assert {answer["status"] for answers in heard.values() for answer in answers} == {"accepted"}
        back = installation.clock.now() + timedelta(hours=HOURS)
        await until(lambda: installation.clock.now() > back, "hours have gone by")
        running.of(calendar.vendor).faults.clear()
        return heard

    heard, _ = await live_through(installation, lambda process: "", hours_go_by)
    audit(installation, heard, await installation.journal())


def test_every_calendar_takes_part() -> None:
    assert {name for name, _ in STRUCK} == {name for name in VENDORS if load_manifest(name).calendar is not None}
