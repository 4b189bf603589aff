"""A look over all that is read: nobody tells us when the widget changes, so we look before a client finds out."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from svyazka.connectors.dikidi import client
from svyazka.connectors.dikidi.settings import DikidiSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.untrusted import text
from svyazka.model.bookings import WallTime

AHEAD = timedelta(days=30)


@dataclass(frozen=True, slots=True)
class Seen:
    """What the widget shows."""

    name: str | None
    services: int
    masters: int
    days: int | None
    """Days with a free time, of the first service; None: there is no service."""


async def look(call: Call[DikidiSettings]) -> Seen:
    """Everything that is read before a booking; nothing is held or booked. Raises VendorFailure, NotSent, MaybeSent."""
    name = text((await client.options(call)).get("name"), 200)
    services = await client.services(call)
    masters = await client.masters(call)
    first = next((id_ for _, service in services if (id_ := text(service.get("id"), 64))), None)
    if first is None:
        return Seen(name, 0, len(masters), None)
    today = WallTime.at(call.now, call.timezone).day
    days = await client.days(call, first, None, today, today + AHEAD)
    await client.times(call, [first], None, days[0] if days else today)
    return Seen(name, len(services), len(masters), len(days))
