"""The deal of a visit that seems to have none: it bears our mark, it is the person's open one, or it is made.

A deal belongs to a person. Whose card that is in the CRM is known where people are kept in step; else it is looked for
by phone and e-mail, and put there by a delivery of its own, so that each write stays one that can be asked about.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from svyazka.catalogue import N_
from svyazka.engine.comparing.visits import Deal, Place, deal_of
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import LinkTo, Records
from svyazka.engine.contracts.putting import CLOCKS_DIFFER, card_of
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.finding import First, Joined, New, Nothing, linked_with, mark_for
from svyazka.engine.in_step.flows import writes_toward
from svyazka.engine.in_step.look import Look
from svyazka.engine.in_step.reading import NotNow, Reader, objects
from svyazka.engine.in_step.visits import VisitKind, is_over, status_of
from svyazka.engine.in_step.wanting import record_of
from svyazka.engine.journal import documents as journal
from svyazka.engine.rules.beginning import Obligation, begun
from svyazka.engine.tenants.directory import Account
from svyazka.model.bookings import VisitStatus
from svyazka.model.commands import Guards, PutRecord, Step
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.in_step import Link, SideState, link_id
from svyazka.model.records import UNREAD, Key, KeyType, Object, ObjectId, RecordKind

CONTACT, VISIT = RecordKind.CONTACT, RecordKind.VISIT


class Placing:
    """Finds the deal of a visit, or what it is made of."""

    def __init__(self, hub: Hub, reader: Reader) -> None:
        self._hub, self._reader = hub, reader

    async def find(self, look: Look, delivery: Delivery) -> Joined | New | First | Nothing | NotNow:
        """What becomes of the side that there isn't yet."""
        kind, record = look.flow.kind, look.held.model
        assert isinstance(kind, VisitKind)
        visit = objects(look.seen).get(kind.calendar)
        if look.toward == kind.calendar:
            return Nothing("not_there", N_("a visit is booked, never made for another system's sake"))
        if visit is None:
            return Nothing("unread", N_("nobody shows it just now"))
        way = await self._reader.at(look.flow, look.tenant, look.toward, delivery)
        if isinstance(way, NotNow):
            return way
        deals, call, account = way
        if is_over(visit, record.created_at):
            return Nothing("past", N_("it was over before anybody kept it in step"))
        person = person_of(visit)
        if person is None:
            return Nothing("nobody", N_("it names nobody: time that is only blocked, or a passer-by"))
        contact = await self._contact(look, delivery, visit, person, account, call)
        if isinstance(contact, NotNow | Nothing | First):
            return contact
        found = await self._reader.asked(account, delivery, lambda: _deals(deals, look, contact, call))
        if isinstance(found, NotNow):
            return found
        marked, theirs = found
        mark = mark_for(record, look.toward)
        pipeline = deals.defaults(VISIT, call.settings).get("pipeline")
        since = call.vendor_time(record.created_at) - CLOCKS_DIFFER
        every = {**marked, **theirs}.values()
        candidates = [await self._candidate(look, one, marked, mark, pipeline, since) for one in every]
        placed = deal_of(candidates, mark, attach_open=look.flow.rules.attach)
        if placed.deal is not None:
            return linked_with(look, placed.deal)
        if placed.why is Place.ASK:
            listed = tuple(f"{look.toward}/{id_}" for id_ in placed.candidates)
            return Nothing("several", N_("several open deals: which one is it?"), listed)
        if status_of(visit) is VisitStatus.CANCELLED:
            return Nothing("cancelled", N_("it was cancelled before it had a deal"))
        if look.toward not in look.flow.rules.create:
            return Nothing("not_there", N_("it isn't there, and none is made there"))
        links = () if contact is None else (LinkTo(contact, main=True),)
        return New(mark, (), requires=deals.requires(VISIT), links=links)

    async def _candidate(
        self, look: Look, deal: Object, marked: dict[str, Object], mark: str, pipeline: object, since: datetime
    ) -> Deal:  # fmt: skip
        id_ = link_id(look.tenant.id, VISIT, look.toward, deal.id)
        taken = await journal.load(self._hub.store, Link, id_)
        fits = pipeline is None or deal.shows("pipeline") == str(pipeline)
        ours = deal.id in marked or (taken is None and _may_be_ours(look, deal, since))
        return Deal(
            id=deal.id, mark=mark if ours else None, is_open=bool(deal.is_open) and fits,
            has_visit=taken is not None,
        )  # fmt: skip

    # Whose it is

    async def _contact(
        self, look: Look, delivery: Delivery, visit: Object, person: Contact, account: Account, call: Call[Any]
    ) -> ObjectId | First | Nothing | NotNow | None:
        """The person's card in the CRM. None: it has to be made, and nothing is made as long as a flow only watches."""
        linked = await self._in_step(look, visit)
        if linked is not None:
            return linked
        if not (person.phone or person.email):
            return Nothing("lacks:phone", N_("not creatable: no {fields}").format(fields="phone"))
        put = self._put(look, delivery, person, account)
        held = await journal.load(self._hub.store, Delivery, put.id)
        if held is not None and held.model.is_open:
            return First(put)
        if held is not None and held.model.status is not Status.SUCCEEDED:
            code = held.model.last_error.code if held.model.last_error is not None else "failed"
            return Nothing(code, N_("the person's card couldn't be put there"))
        made = next((one.id for one in held.model.made if one.kind == CONTACT), None) if held is not None else None
        records = account.records
        assert records is not None

        async def ask() -> Object | None:
            there = await records.read_many(CONTACT, [made], call) if made is not None else ()
            return there[0] if there else await card_of(records, person, call)

        found = await self._reader.asked(account, delivery, ask)
        if isinstance(found, NotNow):
            return found
        if found is not None:
            return found.itself
        return First(put) if writes_toward(look.flow, look.switch, look.toward) and held is None else None

    async def _in_step(self, look: Look, visit: Object) -> ObjectId | None:
        """Where people are kept in step, the card that is the client's."""
        kind = look.flow.kind
        assert isinstance(kind, VisitKind)
        client = next((one for one in visit.links if one.kind is CONTACT), None)
        if client is None:
            return None
        link = await journal.load(
            self._hub.store, Link, link_id(look.tenant.id, CONTACT, kind.calendar, client.id)
        )  # fmt: skip
        if link is None:
            return None
        record = (await record_of(self._hub.store, link.model.record)).model
        side = record.sides.get(look.toward)
        return ObjectId(CONTACT, side.object) if side is not None and side.state is SideState.LIVE else None

    def _put(self, look: Look, delivery: Delivery, person: Contact, account: Account) -> Delivery:
        """The person's card shall be there: found or made, in their lane."""
        tenant, records = look.tenant, account.records
        assert records is not None
        named = self._hub.keyring.person(tenant.id, person.phone or person.email or "")
        shared = Obligation(
            tenant=tenant.id, flow=look.flow.id, subject=f"record:{look.held.model.id}", event=delivery.event,
            guards=Guards(), base_at=delivery.base_at, source=delivery.source,
            lane=f"{tenant.id}/{look.toward}/{named}", people=look.people(()),
            blank_at=self._hub.clock.now() + tenant.retention,
        )  # fmt: skip
        command = PutRecord(record=CONTACT, person=person)
        name = f"{look.flow.id}/{look.toward}/person"
        step = Step.through(name, look.toward, account.vendor, command, records.creating.safety)
        return begun(shared, [step], self._hub.clock.now())


async def _deals(
    deals: Records[Any], look: Look, contact: ObjectId | None, call: Call[Any]
) -> tuple[dict[str, Object], dict[str, Object]]:
    """The deals that bear our mark, and those of the person."""
    marked = await deals.find(VISIT, Key(KeyType.MARK, mark_for(look.held.model, look.toward)), call) or ()
    theirs = await deals.linked(VISIT, contact, call) if contact is not None else ()
    return _by_id(marked), _by_id(theirs)


def _may_be_ours(look: Look, deal: Object, since: datetime) -> bool:
    """Whether an earlier try of ours, whose answer never came, has made it: it was made since, and shows what was to
    stand there. Not every CRM has a field for our mark."""
    intent = look.held.model.intent
    if intent is None or intent.toward != look.toward or intent.mark is None or deal.created_at is None:
        return False
    shown = {name: deal.shows(name) for name in intent.prints}
    told = {name: value for name, value in shown.items() if value is not UNREAD}
    return (
        deal.created_at >= since
        and bool(told)
        and all(look.printer.shows(intent.prints[name], name, value) for name, value in told.items())
    )


def _by_id(found: Iterable[Object]) -> dict[str, Object]:
    return {one.id: one for one in found}


def person_of(visit: Object) -> Contact | None:
    """Whose visit it is; None where it names nobody."""
    name, phones, emails = visit.shows("name"), visit.elements("phone"), visit.elements("email")
    known = any(one.kind is CONTACT for one in visit.links)
    if not (isinstance(name, str) or phones or emails or known):
        return None
    return Contact(
        name=name if isinstance(name, str) else None, phone=next(iter(phones), None), email=next(iter(emails), None)
    )
