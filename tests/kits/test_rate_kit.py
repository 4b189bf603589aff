"""The kit of rates: whatever a vendor is called for, each call waits for its turn; at the manifest's rate none is
refused.

Counted at the stand-ins: no connector has another way out than the one that is paced.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from connectors.support import NOW, calling, perform
from kits.purchase import GUEST
from simulators.serve import Running
from svyazka.connectors.registry import VENDORS, load_manifest
from svyazka.engine.contracts.calls import Call, Turn
from svyazka.engine.contracts.manifest import Manifest
from svyazka.engine.outbound.pacing import Limiter
from svyazka.model.bookings import WallTime
from svyazka.model.commands import AddNote, BookVisit, Command, Forward, PutRecord, SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.errors import NotShown
from svyazka.model.records import RecordKind, Target
from svyazka.model.references import Existing
from vendors import VENDORS as DESCRIBED
from vendors.parts.base import HOOK_URL, Part, told
from vendors.parts.vendor import Vendor

pytestmark = pytest.mark.asyncio(loop_scope="session")

MANIFESTS = {name: load_manifest(name) for name in sorted(VENDORS)}
ANNA = Contact(
    name="Анна", phone=GUEST.phone, email=GUEST.email, chats=dict.fromkeys(("telegram", "max", "whatsapp"), GUEST.chat)
)
Ask = Callable[[Call[Any]], Awaitable[object]]


@dataclass(frozen=True, slots=True)
class Deed:
    """One thing for which a vendor is called."""

    settings: Mapping[str, Any]
    do: Ask


def carrying(manifest: Manifest[Any], *commands: Command) -> Ask:
    """Carries these out, one after the other."""

    async def do(call: Call[Any]) -> object:
        return [await perform(manifest, command, call) for command in commands]

    return do


def deeds(name: str, vendors: Running) -> Iterator[tuple[str, Deed]]:
    """Whatever it can do, by its field of the manifest; its stand-in is opened to it."""
    manifest, described = MANIFESTS[name], DESCRIBED[name]
    if (messenger := described.messenger) is not None:
        messenger.open(vendors, [GUEST])
        chats = {} if messenger.reaches in ("phone", "email") else {messenger.reaches: GUEST.chat}
        to = ANNA.model_copy(update={"chats": chats})
        yield "messenger", Deed(whole(messenger), carrying(manifest, SendMessage(to=to, text="Привет")))
    if (forwarder := described.forwarder) is not None:
        event = Forward(type="order.completed", payload={}, occurred_at=NOW)
        yield "forwarder", Deed(whole(forwarder), carrying(manifest, event))
    if (crm := described.crm) is not None:
        crm.open(vendors)
        card = crm.person(vendors, {"name": "Анна", "phones": [GUEST.phone], "emails": []})
        note = AddNote(on=Target(kind=RecordKind.CONTACT, to=Existing(id=card)), text="Привет")
        put = PutRecord(record=RecordKind.CONTACT, person=ANNA)
        yield "records", Deed(whole(crm), carrying(manifest, put, note))
    if (calendar := described.calendar) is not None:
        calendar.begin(vendors)
        at = WallTime.read("2026-10-05T12:00", "Europe/Moscow")
        visit = BookVisit(services=(calendar.service,), staff=calendar.staff, starts_at=at, person=ANNA)
        yield "calendar", Deed(whole(calendar), carrying(manifest, visit))
    yield from asking(manifest, described, vendors)


def asking(manifest: Manifest[Any], described: Vendor, vendors: Running) -> Iterator[tuple[str, Deed]]:
    """Whatever it can be asked."""
    asked = described.asked
    if asked is None:
        return
    told(vendors, lambda: asked.begin(vendors, NOW))
    settings, entity = whole(asked), asked.entity
    if (reading := manifest.reading) is not None and entity is not None:

        async def read(call: Call[Any]) -> None:
            with suppress(NotShown):
                await reading.read(entity, call)

        yield "reading", Deed(settings, read)
    if (polling := manifest.polling) is not None:

        async def look(call: Call[Any]) -> object:
            first = await polling.poll(None, call)
            call.now += timedelta(minutes=5)
            return await polling.poll(first.cursor, call)

        yield "polling", Deed(settings, look)
    if (doctor := manifest.doctor) is not None:
        yield "doctor", Deed(settings, doctor.check)
    if (hook := manifest.hook) is not None and hook.ready(manifest.settings.model_validate(settings)):
        yield "hook", Deed(settings, lambda call: hook.register(call, HOOK_URL))


def whole(part: Part) -> Mapping[str, Any]:
    return {**part.settings, **part.secrets}


async def called(name: str, vendors: Running, deed: Deed, turn: Turn) -> list[int | None]:
    """The status of each call that it made, by its story."""
    settings = MANIFESTS[name].settings.model_validate({**deed.settings, "base_url": vendors.base_url(name)})
    async with calling(settings, vendors.base_url(name), turn=turn, hook_url=HOOK_URL) as call:
        await deed.do(call)
        return [one.status for one in call.http.log]


@pytest.mark.parametrize("name", MANIFESTS)
async def test_every_call_waits_for_its_turn(name: str, vendors: Running) -> None:
    for what, deed in deeds(name, vendors):
        turns: list[float] = []

        async def turn(patience: float, turns: list[float] = turns) -> None:
            turns.append(patience)

        before = len(vendors.of(name).calls)
        made = await called(name, vendors, deed, turn)
        assert len(turns) == len(vendors.of(name).calls) - before == len(made), what
        assert made or (what, name) == ("doctor", "http"), f"{what} calls nobody"


@pytest.mark.parametrize("name", [name for name in MANIFESTS if name != "site"])  # a site is called by nobody
async def test_at_its_rate_no_call_is_refused(name: str, vendors: Running) -> None:
    """More is to be done at once than a second takes: it goes out evenly, and a stand-in that counts lets all in."""
    limits, first = MANIFESTS[name].limits, next(iter(deeds(name, vendors)), None)
    assert first is not None
    if (hurry := DESCRIBED[name].hurry) is not None:
        told(vendors, lambda: hurry(vendors))
    now, began, times = 0.0, time.time() + vendors.of(name).ahead, list[float]()

    async def rest(seconds: float) -> None:
        nonlocal now
        now += seconds

    limiter = Limiter(lambda: now, rest)

    async def turn(patience: float) -> None:
        await limiter.turn(name, limits, patience=3600, tenant="kofe")
        times.append(now)
        vendors.of(name).ahead = began + now - time.time()

    while len(times) < 2 * limits.per_second + 2:
        statuses = await called(name, vendors, first[1], turn)
        assert statuses, f"{first[0]} calls nobody"
        assert 429 not in statuses
    assert max(sum(at <= one < at + 1 for one in times) for at in times) <= limits.per_second + 1
