"""`make chaos`: thousands of events while processes are killed and frozen at random steps, again and again."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from pathlib import Path

from backends.google.emulator import emulator
from chaos import bookings, payments
from chaos.at_once import BEARS, Crowd, crowd
from chaos.first_links import rehearse_first_link
from chaos.google import Cloud, GoogleInstallation, stand_in_cloud
from chaos.imports import rehearse_import
from chaos.installation import SPEED, LocalInstallation
from chaos.leads import SPEED as LEAD_SPEED
from chaos.leads import CloudLeads, LeadInstallation, survive
from chaos.many import PEOPLE, rehearse_many
from chaos.payment_storms import rehearse_payment_storms
from chaos.receipts import rehearse_receipts
from chaos.routes import EVERY_ROUTE, Route, channels, is_route, named
from chaos.scenario import ACCEPTING, Outcome, audit, owed, run
from chaos.storms import AT_VENDORS as STORM_AT_VENDORS
from chaos.storms import EDITS, rehearse_storms
from chaos.storms import IN_THE_CLOUD as STORM_IN_THE_CLOUD
from infra.unpacked import Bundles
from simulators.cloudtasks import Clock
from simulators.registry import load_simulator
from simulators.serve import serve
from svyazka.engine.support.failpoints import POINTS
from svyazka.model.deliveries import Status
from vendors import CALENDARS, LEAD_TAKERS, MESSENGERS, PROVIDERS, SOURCES
from vendors.parts.calendars import Calendar
from vendors.parts.crms import Crm
from vendors.parts.money import Provider

LOCALLY, IN_THE_CLOUD = 10_000, 500
"""Events of one route."""

LEADS, LEADS_IN_THE_CLOUD = 2_000, 200
CROWD = 1_000
TIMES, TIMES_IN_THE_CLOUD = 300, 40
"""People at the front door."""

BILLS, BILLS_IN_THE_CLOUD = 2_000, 60

SWEPT = 60
"""Events of each route, where all of them are gone over."""

MANY, SLOWLY = 1000, 8.0
"""With thousands waiting, sweeps in quick time would be most of the work."""

PAUSE = 1.5
"""Seconds after each answer on each of a vendor's connections in the cloud, where it takes seconds until whoever was
lost is missed: else all is accepted before much is lost."""

STRUCK = 0.9
"""Of the messages, during which processes are lost."""


def main() -> int:
    """0 when journal and ledger agree."""
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument(
        "--events", type=int, help=f"{LOCALLY}, {IN_THE_CLOUD} with --google, {SWEPT} a route with --all"
    )
    parser.add_argument("--google", action="store_true", help="functions from their bundles, Firestore, Cloud Tasks")
    parser.add_argument("--source", choices=SOURCES, default="iiko")
    parser.add_argument("--messenger", choices=MESSENGERS, default="smsru")
    parser.add_argument("--all", action="store_true", help="every source with every messenger that it can reach")
    parser.add_argument("--leads", choices=LEAD_TAKERS, help="from the front door into this CRM instead")
    parser.add_argument("--storm", action="store_true", help="systems kept in step, through so many edits, instead")
    parser.add_argument("--many", action="store_true", help="calls for thousands who are kept in step, instead")
    parser.add_argument("--vendors", action="store_true", help="with --storm: at the stand-ins of real systems")
    parser.add_argument("--visits", action="store_true", help="with --storm: a calendar's visits and a CRM's deals")
    parser.add_argument("--import", dest="rows", type=int, metavar="ROWS", help="of a messy file into a CRM, instead")
    parser.add_argument("--first-link", type=int, metavar="PEOPLE", help="of two filled bases, so many each, instead")
    parser.add_argument("--deaths", type=int, default=24, help="of whoever brings the file")
    parser.add_argument("--bookings", choices=CALENDARS, help="from the front door into this calendar instead")
    parser.add_argument("--payments", choices=PROVIDERS, help="from the front door by this provider instead")
    parser.add_argument(
        "--receipts", type=int, metavar="RECEIPTS", help="of payments by a fiscaliser that lies, instead"
    )
    parser.add_argument("--payments-storm", type=int, metavar="N", help="payments over three providers, in process")
    parser.add_argument("--at-once", choices=LEAD_TAKERS, help="that many leads at once, with three workers")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    arguments = parser.parse_args()
    source, messenger = SOURCES[arguments.source], MESSENGERS[arguments.messenger]
    if not is_route(source, messenger):
        parser.error(f"what {source.vendor} tells is not enough for {messenger.vendor}; expected --source http")
    print(f"seed {arguments.seed}")
    if arguments.many:
        rehearse_many(arguments.events or PEOPLE)
        return 0
    if arguments.storm:
        usual = STORM_IN_THE_CLOUD if arguments.google else STORM_AT_VENDORS if arguments.vendors else EDITS
        with emulator() if arguments.google else nullcontext() as firestore:
            chance = random.Random(arguments.seed)
            rehearse_storms(arguments.events or usual, chance, firestore, arguments.vendors, arguments.visits)
        print("all systems agree under their rules: nothing made twice, no edit lost outside of a write's own moment")
        return 0
    if arguments.payments_storm:
        rehearse_payment_storms(arguments.payments_storm, random.Random(arguments.seed))
        print("no double charge, no lost money, nothing final by time; whatever is odd is a card; each told once")
        return 0
    if arguments.at_once:
        rehearse_crowd(LEAD_TAKERS[arguments.at_once], arguments.events or CROWD)
        return 0
    if arguments.first_link:
        rehearse_first_link(arguments.first_link, random.Random(arguments.seed))
        print("nobody is linked with another or made twice, each doubt is listed; both agree, the night finds the rest")
        return 0
    if arguments.rows:
        rehearse_import(arguments.rows, arguments.deaths, random.Random(arguments.seed))
        print("every line accounted for once; nobody made twice, nobody taken for another")
        return 0
    if arguments.receipts:
        rehearse_receipts(arguments.receipts, arguments.seed)
        print("one receipt of each kind for each movement of money; sums are equal to the kopeck")
        return 0
    routes = EVERY_ROUTE if arguments.all else ((source, messenger),)
    events = arguments.events or (SWEPT if arguments.all else IN_THE_CLOUD if arguments.google else LOCALLY)
    with whole_cloud() if arguments.google else nullcontext() as cloud:
        if arguments.leads:
            leads = arguments.events or (LEADS_IN_THE_CLOUD if arguments.google else LEADS)
            rehearse_leads(LEAD_TAKERS[arguments.leads], leads, random.Random(arguments.seed), cloud)
            return 0
        if arguments.bookings:
            times = arguments.events or (TIMES_IN_THE_CLOUD if arguments.google else TIMES)
            rehearse_bookings(CALENDARS[arguments.bookings], times, random.Random(arguments.seed), cloud)
            return 0
        if arguments.payments:
            bills = arguments.events or (BILLS_IN_THE_CLOUD if arguments.google else BILLS)
            rehearse_payments(PROVIDERS[arguments.payments], bills, random.Random(arguments.seed), cloud)
            return 0
        for route in routes:
            print(f"{named(route)}:", flush=True)
            rehearse(route, events, random.Random(arguments.seed), cloud)
    print("journal and ledger agree: nothing lost, nothing doubled")
    return 0


@contextmanager
def whole_cloud() -> Iterator[Cloud]:
    """With an emulator and bundles of its own."""
    with (
        tempfile.TemporaryDirectory() as folder,
        emulator() as firestore,
        stand_in_cloud(Bundles(Path(folder)), firestore, Clock()) as cloud,
    ):
        yield cloud


def dealt(points: Sequence[str], chance: random.Random) -> Iterator[str]:
    """Each in its turn, in another order every time."""
    while True:
        yield from chance.sample(points, len(points))


def rehearse(route: Route, events: int, chance: random.Random, cloud: Cloud | None) -> None:
    """One run over one route."""
    source, via = route[0], channels(route[1])
    vendors = {source.vendor, *(messenger.vendor for messenger in via)}
    # What goes out at once is claimed in the commit that plans it; only what waits is claimed by itself.
    delayed = chance.random() < 0.5 and via[0].flow == "review_request"
    points = [point for point in POINTS if delayed or not point.startswith("claim.")]
    points.remove("fallback.before")
    turns = {
        "accept": dealt([point for point in points if point in ACCEPTING], chance),
        "work": dealt([point for point in points if point not in ACCEPTING], chance),
    }
    with tempfile.TemporaryDirectory() as folder, serve([load_simulator(vendor) for vendor in vendors]) as running:

        def failpoint(name: str) -> str:
            """Another way to die or freeze, some passages on; none once most is done."""
            if sum(route[1].sent(running).values()) > events * STRUCK:
                return ""
            point = next(turns[name])
            # Of the workers of a function each counts its own; and sweeps come by the clock.
            most = 1 if point == "sweep.before" else max(4, events // (100 if cloud else 25))
            nth = chance.randint(min(most, max(1, events // 500)), most)
            # Of the accepting process here there is only one: thawed, it goes on and meets nothing more.
            action = chance.choice(["kill"] * (6 if name == "accept" else 2) + ["stop"])
            return f"{action}:{point}:{nth}"

        speed = 1.0 if cloud else SPEED if events < MANY else SLOWLY
        flow = {"delay": f"{2 * speed:.0f}s"} if delayed else {}
        place = (Path(folder), running, source, *via)
        installation = (
            GoogleInstallation(*place, cloud=cloud, flow=flow)
            if cloud
            else LocalInstallation(*place, speed=speed, flow=flow)
        )
        begun = time.monotonic()
        outcome = asyncio.run(
            run(
                installation, events=events, patience=1800, failpoint=failpoint, one_at_a_time=False,
                pause=PAUSE if cloud else 0.0,
            )
        )  # fmt: skip
        report(route, outcome, events, time.monotonic() - begun)
        audit(installation, outcome, events)


def struck_by_chance(events: int, chance: random.Random, further: Sequence[str] = ()) -> Callable[[str], str]:
    """Each place of the way from the front door in its turn."""
    passed = [*(point for point in POINTS if not point.startswith(("claim.", "fallback."))), *further]
    turns = {
        "accept": dealt([point for point in passed if point in ACCEPTING], chance),
        "work": dealt([point for point in passed if point not in ACCEPTING], chance),
    }

    def failpoint(name: str) -> str:
        point = next(turns[name])
        nth = 1 if point == "sweep.before" else chance.randint(max(1, events // 100), max(4, events // 20))
        return f"{chance.choice(('kill', 'kill', 'stop'))}:{point}:{nth}"

    return failpoint


def rehearse_leads(crm: Crm, guests: int, chance: random.Random, cloud: Cloud | None) -> None:
    """So many people leave their words at a site."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, serve([load_simulator(crm.vendor)]) as running:
        place = (Path(folder), running, crm)
        installation = CloudLeads(*place, cloud) if cloud else LeadInstallation(*place, speed=LEAD_SPEED)
        failpoint = struck_by_chance(guests, chance)
        seen = asyncio.run(survive(installation, guests, failpoint, chance=chance, patience=3600))
    print(f"{guests} people in {time.monotonic() - begun:.0f} s; processes: {dict(seen)}")
    print("one contact, one deal, one note for everything said")


def rehearse_bookings(calendar: Calendar, times: int, chance: random.Random, cloud: Cloud | None) -> None:
    """So many times, each wanted by two."""
    begun = time.monotonic()
    stand_ins = [load_simulator(vendor) for vendor in (calendar.vendor, bookings.TELLER.vendor)]
    with tempfile.TemporaryDirectory() as folder, serve(stand_ins) as running:
        place = (Path(folder), running, calendar)
        installation = bookings.CloudBookings(*place, cloud) if cloud else bookings.BookingInstallation(*place)
        failpoint = struck_by_chance(times, chance)
        seen = asyncio.run(bookings.survive(installation, times, failpoint, patience=3600))
    print(f"{times} times, each wanted by two, in {time.monotonic() - begun:.0f} s; processes: {dict(seen)}")
    print("each is booked once; everybody knows how it ended")


def rehearse_payments(provider: Provider, bills: int, chance: random.Random, cloud: Cloud | None) -> None:
    """So many bills, each asked for twice, paid, and some of them given back."""
    begun = time.monotonic()
    stand_ins = [load_simulator(vendor) for vendor in (provider.vendor, payments.TELLER.vendor)]
    with tempfile.TemporaryDirectory() as folder, serve(stand_ins) as running:
        place = (Path(folder), running, provider)
        installation = payments.CloudPayments(*place, cloud) if cloud else payments.PaymentInstallation(*place)
        failpoint = struck_by_chance(bills, chance, payments.PAYING_POINTS)
        seen = asyncio.run(payments.survive(installation, bills, failpoint, chance=chance, patience=3600))
    print(f"{bills} bills in {time.monotonic() - begun:.0f} s; processes: {dict(seen)}")
    print("each is paid once there and here; what went back is the same on both sides; each payer was told once")


def rehearse_crowd(crm: Crm, guests: int) -> None:
    """So many leads at once."""
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, serve([load_simulator(crm.vendor)]) as running:
        highest = asyncio.run(crowd(Crowd(Path(folder), running, crm), guests, patience=2 * 3600))
    print(f"{guests} people in {time.monotonic() - begun:.0f} s by three workers, each once")
    print(f"{crm.vendor} bears {BEARS[crm.vendor].most:g} calls, and counted {highest:.0f}")


def report(route: Route, outcome: Outcome, events: int, seconds: float) -> None:
    """What happened."""
    made = owed(outcome.journal, route[1])
    states = {status.value: sum(delivery.status is status for delivery in made) for status in Status}
    print(f"  {events} events in {seconds:.0f} s; {sum(outcome.sent[0].values())} messages at the vendor")
    print(f"  processes: {dict(outcome.seen)}")
    print(f"  answers: {dict(outcome.called.answers)}, {outcome.called.repeats} repeats")
    print(f"  deliveries: { {name: count for name, count in states.items() if count} }")


if __name__ == "__main__":
    sys.exit(main())
