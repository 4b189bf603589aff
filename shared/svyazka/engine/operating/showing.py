"""The cards of one record as their systems show them now, for a person who has to decide between them."""

from __future__ import annotations

from svyazka.engine.hub import Hub
from svyazka.engine.in_step.flows import flow_for
from svyazka.engine.jobs.asking import account_of, asking
from svyazka.engine.jobs.work import Failed, Waits
from svyazka.engine.outages.learning import Outages
from svyazka.model.base import Stored
from svyazka.model.errors import ConfigError, NoPlace
from svyazka.model.in_step import Record
from svyazka.model.records import Object
from svyazka.model.tenants import Tenant


class Card(Stored):
    """What one system shows."""

    connection: str
    object: str
    fields: dict[str, tuple[str, ...]] = {}
    why: str = ""
    """Why nothing is shown."""


class Cards(Stored):
    """Side by side."""

    record: str
    cards: tuple[Card, ...]


async def cards_of(hub: Hub, outages: Outages, tenant: Tenant, record: Record) -> Cards:
    """Each side that isn't gone, in idle shares of its rate."""
    shown = [await _card(hub, outages, tenant, record, name, side.object) for name, side in record.live.items()]
    return Cards(record=record.id, cards=tuple(shown))


async def _card(hub: Hub, outages: Outages, tenant: Tenant, record: Record, name: str, object_: str) -> Card:
    try:
        account = await account_of(hub, outages, tenant.id, name)
        flow = await flow_for(hub, tenant, record.kind, name)
        if flow is None:
            return Card(connection=name, object=object_)
        records = flow.records(name, account.manifest)
        async with asking(hub, outages, account, f"show {record.id}") as call:
            found = await records.read_many(record.kind, [object_], call)
    except (Failed, Waits, ConfigError, NoPlace) as error:
        return Card(connection=name, object=object_, why=str(error))
    return Card(connection=name, object=object_, fields=_texts(found[0]) if found else {})


def _texts(found: Object) -> dict[str, tuple[str, ...]]:
    return {name: found.elements(name) for name in sorted(found.fields)}
