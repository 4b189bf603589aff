"""A plan with an order over Firestore and Cloud Tasks: what one makes reaches the next in the commit of its end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from backends.google.house import GoogleHouse
from fake_crm import FakeCrm
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import plan_task
from svyazka.engine.ports.store import Create
from svyazka.model.contacts import Contact
from svyazka.model.events import Event, EventRecord, EventStatus, EventType
from svyazka.model.records import ObjectId, RecordKind
from svyazka.model.tenants import ConnectionSpec, FlowSpec


async def test_a_lead_is_a_contact_a_deal_on_it_and_a_note(google):
    house, crm = GoogleHouse(google), FakeCrm()
    # Under the name of a vendor that has a queue here.
    house.manifests |= {"mail": replace(crm.manifest, vendor="mail"), "site": house.manifests["till"]}
    connections = {"crm": ConnectionSpec(vendor="mail"), "site": ConnectionSpec(vendor="site")}
    spec = FlowSpec(id="intake", flow="lead_intake", sources=("site",), via=("crm",), settings={})
    house.tenant = house.tenant.model_copy(update={"connections": connections, "flows": (spec,)})
    await house.settle_in()
    now = house.clock.now()
    event = Event(
        id="evt_1", tenant="kofe", connection="site", vendor="site", type=EventType.LEAD_CREATED, subject="lead:1",
        identity="strong", origin="webhook", received_at=now, contact=Contact(name="Иван", phone="+79991234567"),
    )  # fmt: skip
    record = EventRecord(event=event, status=EventStatus.ACCEPTED, wake_at=now + timedelta(minutes=5))
    await house.store.commit([Create(journal.document(record))], [plan_task(event.id)])
    for _ in range(5):
        await house.live(5)
    assert [one.status.value for one in await house.owed()] == ["succeeded"] * 3
    assert crm.writes == ["create contact", "create deal", "note"]
    (contact,) = (one for one in crm.cards.values() if one.kind is RecordKind.CONTACT)
    (deal,) = (one for one in crm.cards.values() if one.kind is RecordKind.DEAL)
    assert deal.links == {contact.itself}
    assert [on for on, _, _ in crm.notes] == [ObjectId(RecordKind.DEAL, deal.id)]
