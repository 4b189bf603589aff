"""What somebody has booked through one chat of a bot's: whoever presses a button there is who booked."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from svyazka.engine.asking.asker import Asker
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import DELIVERIES_OF_PERSON_AT
from svyazka.engine.support.logs import log
from svyazka.engine.tenants.directory import Account
from svyazka.model.bookings import Visit
from svyazka.model.commands import BookVisit
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.errors import NotAnswered
from svyazka.model.questions import AskVisit

MOST, LOOKED_AT = 5, 100
"""Visits that are shown, and commands of one person to one calendar that are looked at."""

LONG_AGO = timedelta(days=30)
"""What was booked for a time so long past won't have been moved to one that is still to come."""


async def visits_booked_by(hub: Hub, asker: Asker, calendar: Account, person: Contact, by: str) -> list[Visit] | None:
    """Visits to come that were booked from these chats, as their calendar has them now, the next first; None where it
    can't be asked. By chats alone: a phone that somebody gives may be another's."""
    ids = await _booked(hub, calendar, person)
    questions = (asker.ask(calendar, AskVisit(visit=id_), by) for id_ in ids[:MOST])
    try:
        answers = await asyncio.gather(*questions)
    except NotAnswered as error:
        log("NOTICE", "not answered", tenant=calendar.tenant.id, connection=calendar.name, code=error.code)
        return None
    visits = [one for answer in answers for one in answer.value if isinstance(one, Visit) and not one.is_off]
    now = hub.clock.now()
    return sorted((one for one in visits if one.starts_at.moment > now), key=lambda one: one.starts_at.moment)


async def _booked(hub: Hub, calendar: Account, person: Contact) -> list[str]:
    """Their ids, those that were booked for the latest times first."""
    tenant, found = calendar.tenant.id, dict[str, BookVisit]()
    for vendor, chat in person.chats.items():
        for mark in hub.keyring.person_ever(tenant, f"{vendor}:{chat}"):
            equal = {"tenant": tenant, "connection": calendar.name}
            page = await hub.store.find(DELIVERIES_OF_PERSON_AT, equal=equal, contains=mark, limit=LOOKED_AT)
            for held in journal.known(Delivery, page.documents):
                command, visit = held.model.command, held.model.external_id
                if (
                    isinstance(command, BookVisit) and visit is not None and held.model.status is Status.SUCCEEDED
                    and command.person.chats.get(vendor) == chat
                ):  # fmt: skip
                    found[visit] = command
    since = hub.clock.now() - LONG_AGO
    fresh = [id_ for id_, command in found.items() if command.starts_at.moment > since]
    return sorted(fresh, key=lambda id_: found[id_].starts_at.moment, reverse=True)
