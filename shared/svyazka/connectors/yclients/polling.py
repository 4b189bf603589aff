"""What no webhook told of: YCLIENTS sends each event once, about 5 s after the change, and repeats nothing.

`changed_after` is asked from two minutes before the last change that we have seen, deleted records included;
how far back it reaches isn't limited. Clients' cards are asked for in the same way by an old method that may be
closed to an integration: then webhooks alone tell of them. Goods and money can't be polled.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from svyazka.catalogue import N_
from svyazka.connectors.yclients import client
from svyazka.connectors.yclients.client import Page
from svyazka.connectors.yclients.facts import client_fact, final_attendance, of_company, record_fact
from svyazka.connectors.yclients.schema import Change, identifier, moment
from svyazka.connectors.yclients.settings import YclientsSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Polled, Polling
from svyazka.engine.contracts.untrusted import Section
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.base import Frozen, Time
from svyazka.model.errors import LeaseTooShort, MaybeSent, NotSent
from svyazka.model.events import EventType, Fact

OVERLAP = timedelta(minutes=2)
CLOCKS_APART = timedelta(minutes=10)
"""How far ahead of ours YCLIENTS' clock is believed to be: one record dated wrongly must not blind us."""

List = Literal["records", "clients"]


class Cursor(Frozen):
    """How far we have looked; `page` > 1 while a list is longer than one page."""

    records: Time
    """The newest `last_change_date` seen."""
    clients: Time
    list: List = "records"
    page: int = 1
    newest: Time | None = None
    """Seen so far in the list being read; becomes its mark when the list has ended."""
    again: bool = False
    """The second reading of a long list."""


@dataclass(frozen=True, slots=True)
class Source:
    """A list that can be asked since when."""

    read: Callable[[Call[YclientsSettings], datetime, int], Awaitable[Page]]
    fact: Callable[[Section, Call[YclientsSettings], datetime], Fact]


async def poll(cursor: str | None, call: Call[YclientsSettings]) -> Polled:
    """One look: both lists where each fits a page. Raises VendorFailure, NotSent, MaybeSent, LeaseTooShort."""
    if cursor is None:
        return Polled(facts=(), cursor=_written(Cursor(records=call.now, clients=call.now)))
    known = Cursor.model_validate_json(cursor)
    facts: list[Fact] = []
    while True:
        try:
            known, found = await _page(known, call)
        except (VendorFailure, NotSent, MaybeSent, LeaseTooShort):
            if known.list == "records":
                raise
            # An old method, closed to some: its trouble never holds up the records.
            return Polled(facts=facts, cursor=_written(_next_list(known, known.clients)))
        facts += found
        if known.page > 1 or known.again or known.list == "records":
            return Polled(facts=facts, cursor=_written(known), more=known.page > 1 or known.again)


async def _page(known: Cursor, call: Call[YclientsSettings]) -> tuple[Cursor, list[Fact]]:
    """One page of the list that is being read, and where to go on.

    The order of a list isn't stated, and a record that is changed while we turn pages may push another one over
    the edge of a page already read: so a list of several pages is read twice before its mark moves.
    """
    since: datetime = getattr(known, known.list)
    source = SOURCES[known.list]
    page = await source.read(call, _in_salon(since - OVERLAP, call), known.page)
    facts = [source.fact(item, call, since) for item in page.items]
    facts.sort(key=lambda fact: (fact.occurred_at or call.now, fact.position or 0))
    seen = [changed for item in page.items if (changed := moment(item.get("last_change_date"))) is not None]
    newest = min(max([*seen, known.newest or since, since]), call.now + CLOCKS_APART)
    if not page.is_last(known.page):
        return known.model_copy(update={"page": known.page + 1, "newest": newest}), facts
    if known.page > 1 and not known.again:
        return known.model_copy(update={"page": 1, "newest": newest, "again": True}), facts
    return _next_list(known, newest), facts


def _next_list(known: Cursor, newest: datetime) -> Cursor:
    marks = {"records": known.records, "clients": known.clients, known.list: newest}
    return Cursor.model_validate({**marks, "list": "clients" if known.list == "records" else "records"})


def polled_record(item: Section, call: Call[YclientsSettings], since: datetime) -> Fact:
    """A record as the list has it, in the form that its webhook has."""
    made = moment(item.get("create_date"))
    try:
        fact = record_fact(
            Change.of_object("record", item), final_attendance(call.settings.final_attendance),
            unseen=made is not None and made > since,
        )  # fmt: skip
    except ValueError:
        return Fact(type=EventType.OTHER, ignored=N_("a record of YCLIENTS' that can't be read"))
    return _ours(fact, item, call)


def polled_client(item: Section, call: Call[YclientsSettings], since: datetime) -> Fact:
    """A client's card as the list has it."""
    try:
        return _ours(client_fact(Change.of_object("client", item)), item, call)
    except ValueError:
        return Fact(type=EventType.OTHER, ignored=N_("a client's card of YCLIENTS' that can't be read"))


def _ours(fact: Fact, item: Section, call: Call[YclientsSettings]) -> Fact:
    return of_company(fact, str(call.settings.company_id), identifier(item.get("company_id")))


def _in_salon(moment_: datetime, call: Call[YclientsSettings]) -> datetime:
    """On the salon's own clock, offset and all: read with the offset or without, it is the same moment."""
    return moment_.astimezone(ZoneInfo(call.timezone)).replace(microsecond=0)


def _written(cursor: Cursor) -> str:
    return cursor.model_dump_json(exclude_defaults=True)


SOURCES: dict[List, Source] = {
    "records": Source(client.records, polled_record),
    "clients": Source(client.clients, polled_client),
}


class YclientsPolling(Polling[YclientsSettings]):
    """Asks for what changed."""

    every = 300.0

    def ready(self, settings: YclientsSettings) -> bool:
        return settings.can_ask()

    async def poll(self, cursor: str | None, call: Call[YclientsSettings]) -> Polled:
        return await poll(cursor, call)
