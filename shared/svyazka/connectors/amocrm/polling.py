"""Deals and contacts that no webhook told of.

`filter[updated_at]` goes back as far as one likes, so a gap is always read to its end. Deletions, notes and tasks can't
be asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

from svyazka.catalogue import N_
from svyazka.connectors.amocrm import client
from svyazka.connectors.amocrm.facts import Stages, contact_fact, lead_fact, of_account
from svyazka.connectors.amocrm.schema import Lead, NotUnderstood, seconds_of
from svyazka.connectors.amocrm.settings import AmocrmSettings
from svyazka.connectors.amocrm.watch import Watched, watch
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.changes import Change, Mark
from svyazka.engine.contracts.learning import Polled, Polling
from svyazka.engine.contracts.untrusted import Section, text
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.base import Frozen
from svyazka.model.events import EventType, Fact
from svyazka.model.outcomes import Refused


class Cursor(Frozen):
    """How far we have looked."""

    leads: Mark
    contacts: Mark
    watched: Watched = Watched()


async def poll(cursor: str | None, call: Call[AmocrmSettings]) -> Polled:
    """One look. Raises VendorFailure, NoAccess, NotSent, MaybeSent."""
    if cursor is None:
        return await _first_look(call)
    known = Cursor.model_validate_json(cursor)
    leads, lead_facts = await _changes("leads", known.leads, call)
    contacts, contact_facts = await _changes("contacts", known.contacts, call)
    watched, hook_facts = await watch(known.watched, call)
    moved = Cursor(leads=leads, contacts=contacts, watched=watched)
    begun = watched.restoring is not None and known.watched.restoring is None
    return Polled(
        facts=[*lead_facts, *contact_facts, *hook_facts],
        cursor=moved.model_dump_json(exclude_defaults=True),
        more=leads.busy or contacts.busy or begun,
    )


async def _first_look(call: Call[AmocrmSettings]) -> Polled:
    """Where the account stands now. What is there already is history and is left alone."""
    leads, contacts = await _newest("leads", call), await _newest("contacts", call)
    watched, facts = await watch(Watched(), call)
    cursor = Cursor(leads=leads, contacts=contacts, watched=watched)
    return Polled(facts=facts, cursor=cursor.model_dump_json(exclude_defaults=True))


async def _newest(entity: str, call: Call[AmocrmSettings]) -> Mark:
    found, _ = await client.changed(call, entity, None, limit=1)
    return Mark.first(list(map(_change, found)))


async def _changes(
    entity: Literal["leads", "contacts"], mark: Mark, call: Call[AmocrmSettings]
) -> tuple[Mark, Sequence[Fact]]:
    """What was changed since the mark, and the mark after it."""
    found, more = await client.changed(call, entity, mark.since(), mark.page)
    changes = list(map(_change, found))
    if mark.earliest(changes) < mark.since():
        why = N_("amoCRM ignores filter[updated_at]: filters of its API aren't enabled for this account")
        raise VendorFailure(Refused(code="no_filter", message=why))
    facts = [_FACTS[entity](one, call) for one, change in zip(found, changes, strict=True) if mark.is_new(change)]
    return mark.after(changes, more), facts


def _change(body: Section) -> Change:
    return Change(text(body.get("id")), seconds_of(body.get("updated_at")))


def _lead(body: Section, call: Call[AmocrmSettings]) -> Fact:
    lead = Lead.of(body)
    return of_account(lead_fact(lead, Stages.of(call.settings.won_statuses)), call.settings.account_id, lead.account)


def _contact(body: Section, call: Call[AmocrmSettings]) -> Fact:
    return of_account(contact_fact(body, kind="contact"), call.settings.account_id, body.get("account_id"))


def _readable(read: Callable[[Section, Call[AmocrmSettings]], Fact]) -> Callable[[Section, Call[AmocrmSettings]], Fact]:
    def reading(body: Section, call: Call[AmocrmSettings]) -> Fact:
        try:
            return read(body, call)
        except NotUnderstood as error:
            return Fact(
                type=EventType.OTHER, ignored=N_("something of amoCRM's that can't be read: {why}").format(why=error)
            )

    return reading


_FACTS = {"leads": _readable(_lead), "contacts": _readable(_contact)}


class AmocrmPolling(Polling[AmocrmSettings]):
    """Asks for what changed, and looks after our webhook."""

    every = 300.0

    def ready(self, settings: AmocrmSettings) -> bool:
        return settings.has_access()

    async def poll(self, cursor: str | None, call: Call[AmocrmSettings]) -> Polled:
        return await poll(cursor, call)
