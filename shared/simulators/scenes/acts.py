"""What a person can make happen: each is a row of a table, with what to watch for."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, cast

import httpx

from simulators.chassis import Fault
from simulators.scenes.world import HOUR, World
from svyazka.catalogue import N_

if TYPE_CHECKING:
    from simulators.dikidi.salon import Booking
    from simulators.dikidi.simulator import Dikidi
    from simulators.site import Site

Act = Callable[[World], Awaitable[None]]
LOOKS = 40
"""How often the hub is told to look into a journal, a second each: its first look takes a while."""


@dataclass(frozen=True, slots=True)
class Scene:
    """One button."""

    name: str
    vendor: str
    label: str
    watch: str
    """What will come of it."""
    act: Act
    shown: Callable[[World], bool] = lambda world: True


async def order(world: World) -> None:
    name, phone = world.somebody()
    number, story = await _order(world, name, phone)
    world.did(N_("order {number} was delivered to {name}"), story, number=number, name=name)


async def order_twice(world: World) -> None:
    name, phone = world.somebody()
    await world.tell("iiko", "hook_faults", {"copies": 2})
    try:
        number, story = await _order(world, name, phone)
    finally:
        await world.tell("iiko", "hook_faults", {"copies": 1})
    world.did(N_("order {number} was delivered to {name}, and the till said so twice"), story, number=number, name=name)


async def _order(world: World, name: str, phone: str) -> tuple[int, str | None]:
    sent = len(world.simulators["iiko"].hooks_sent)
    number = 1000 + int(time.time() * 10) % 900_000
    await world.tell("iiko", "orders", {"number": number, "status": "Delivered", "name": name, "phone": phone})
    return number, world.story_since("iiko", sent)


UNAVAILABLE = {
    "status": "ERROR",
    "status_code": 220,
    "status_text": "Сервис временно недоступен, попробуйте чуть позже",
}
"""How sms.ru says that it is down: nothing was taken."""


def down(vendor: str, text: str, status: int, body: object) -> Act:
    async def act(world: World) -> None:
        world.put_down(vendor, Fault("answer", times=-1, status=status, body=body))
        world.did(text)

    return act


def up(vendor: str, text: str) -> Act:
    async def act(world: World) -> None:
        world.lift(vendor)
        world.did(text)

    return act


async def answer_lost(world: World) -> None:
    """And no receipt comes after it, which would say that the message went out."""
    lost = Fault("cut_after", path="/sms/send")
    world.simulators["smsru"].faults.insert(0, lost)
    await world.tell("smsru", "automatic", {"final": None})
    world.goes_on(_receipts_after(world, lost))
    world.did(N_("sms.ru will take the next message, and its answer will be lost on the way"))


async def _receipts_after(world: World, lost: Fault) -> None:
    for _ in range(int(HOUR)):
        await asyncio.sleep(1)
        if not lost.times:
            break
    await world.tell("smsru", "automatic", {"final": 103})


async def no_money(world: World) -> None:
    world.broke = True
    await world.tell("smsru", "account", {"balance": 0})
    world.did(N_("there is no money left at sms.ru"))


async def paid(world: World) -> None:
    world.broke = False
    await world.tell("smsru", "account", {"balance": 1000})
    world.did(N_("somebody paid in at sms.ru"))


async def lead(world: World) -> None:
    """The form of the example site, as a browser sends it."""
    site, (name, phone) = cast("Site", world.simulators["site"]), world.somebody()
    said = {"name": name, "phone": phone, "text": "Есть ли время в субботу?", "page": f"{world.url}/site/index.html"}
    headers = {"X-Site-Key": site.key, "Origin": world.url}
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        answer = await client.post(f"{site.hub}/ingest/lead", json=said, headers=headers)
    story = answer.json().get("id") if answer.status_code < 300 else None
    world.did(N_("{name} filled in the form on the site"), story, name=name)


async def visit_booked(world: World) -> None:
    taken = await _book(world)
    where = world.of("dikidi")[0]
    world.did(
        N_("the salon booked {name} by telephone for {when}"), None, where, name=_client(taken), when=_when(taken)
    )
    world.goes_on(_seen_in_the_journal(world))


async def visit_cancelled(world: World) -> None:
    salon = cast("Dikidi", world.simulators["dikidi"]).salon
    booked = [one for one in salon.bookings.values() if not one.is_hold and one.status != "4" and one.client]
    one = booked[-1] if booked else await _book(world)
    where = world.of("dikidi")[0]
    world.did(N_("the salon cancelled the visit of {name} for {when}"), None, where, name=_client(one), when=_when(one))
    world.goes_on(_cancelled(world, one.id))


async def _cancelled(world: World, id_: str) -> None:
    """What the hub never saw booked it can't see cancelled."""
    await _seen_in_the_journal(world)
    await world.tell("dikidi", "save", {"id": id_, "status": "4"})
    await _seen_in_the_journal(world)


async def _book(world: World) -> Booking:
    dikidi = cast("Dikidi", world.simulators["dikidi"])
    name, phone = world.somebody()
    now = datetime.fromtimestamp(dikidi.now())
    free = (
        at for days in range(2, 60) for at in dikidi.salon.free("555", ["2001"], (now + timedelta(days)).date(), now)
    )
    at = next(free)
    told = {"master": "555", "service": "2001", "time": f"{at:%Y-%m-%d %H:%M:%S}", "name": name, "phone": phone[1:]}
    made = await world.tell("dikidi", "take", told)
    return dikidi.salon.bookings[str(made["id"])]


async def _seen_in_the_journal(world: World) -> None:
    """The hub is told to look, and given a moment; by night it looks more rarely, whatever it is told."""
    dikidi, where = world.simulators["dikidi"], world.of("dikidi")[0]
    before = len(dikidi.calls)
    for _ in range(LOOKS):
        await world.look(where.tenant, where.connection)
        await asyncio.sleep(1)
        if any("journal/api" in call["path"] for call in dikidi.calls[before:]):
            return
    world.did(N_("from ten in the evening the hub looks into the journal every quarter of an hour: wait that long"))


def _client(one: Booking) -> str:
    return one.client.get("name", "")


def _when(one: Booking) -> str:
    return f"{one.starts:%d.%m %H:%M}"


async def to_the_bot(world: World) -> None:
    sent = len(world.simulators["telegram"].hooks_sent)
    await world.tell("telegram", "say", {"text": "/start"})
    world.did(N_("somebody wrote to the bot"), world.story_since("telegram", sent))


def is_up(vendor: str) -> Callable[[World], bool]:
    return lambda world: vendor not in world.down


def is_down(vendor: str) -> Callable[[World], bool]:
    return lambda world: vendor in world.down


SCENES: tuple[Scene, ...] = (
    Scene("order", "iiko", N_("An order was delivered"), N_("The guest gets an SMS that asks for a review."), order),
    Scene(
        "order_twice", "iiko", N_("An order was delivered, and the till said so twice"),
        N_("One SMS all the same: the second word is known already."), order_twice,
    ),
    Scene(
        "sms_down", "smsru", N_("sms.ru is down for an hour"),
        N_("Deliver an order then: its SMS waits, the console says why, and nothing is lost."),
        down("smsru", N_("sms.ru is out of service"), 200, UNAVAILABLE), is_up("smsru"),
    ),
    Scene(
        "sms_up", "smsru", N_("sms.ru is back"), N_("What waited goes out by itself within a minute or two."),
        up("smsru", N_("sms.ru answers again")), is_down("smsru"),
    ),
    Scene(
        "no_money", "smsru", N_("The money at sms.ru has run out"),
        N_("Deliver an order then: a card in the console says what to do, and that is yours to do."),
        no_money, lambda world: not world.broke,
    ),
    Scene(
        "paid", "smsru", N_("Pay in at sms.ru"), N_("Press “Try now” on the card, or wait: what waited goes out."),
        paid, lambda world: world.broke,
    ),
    Scene(
        "answer_lost", "smsru", N_("An answer of sms.ru's gets lost"),
        N_("Deliver an order then: whether its SMS went out nobody knows, so you are asked, and no second goes out."),
        answer_lost,
    ),
    Scene("lead", "site", N_("Somebody fills in the form on the site"), N_("A deal appears in the CRM."), lead),
    Scene(
        "visit_booked", "dikidi", N_("A visit was booked in DIKIDI"),
        N_("The hub sees it at its next look into the journal."), visit_booked,
    ),
    Scene(
        "visit_cancelled", "dikidi", N_("A visit was cancelled in DIKIDI"),
        N_("The administrator gets an SMS: the time is free again."), visit_cancelled,
    ),
    Scene(
        "crm_down", "amocrm", N_("amoCRM is down for an hour"),
        N_("Fill in the form then: the visitor is thanked, and the deal waits for the CRM."),
        down("amocrm", N_("amoCRM doesn't answer any more"), 502, "<html>502 Bad Gateway</html>"), is_up("amocrm"),
    ),
    Scene(
        "crm_up", "amocrm", N_("amoCRM is back"), N_("What waited goes in by itself within a minute or two."),
        up("amocrm", N_("amoCRM answers again")), is_down("amocrm"),
    ),
    Scene(
        "to_the_bot", "telegram", N_("Somebody writes to the bot"), N_("The bot answers with buttons for a booking."),
        to_the_bot,
    ),
)  # fmt: skip
