"""While a new version is put in place, and after a step back, the old one meets what the new one wrote."""

import json
from dataclasses import replace

from fakes import House, order
from svyazka.engine.ports.store import Put
from svyazka.model.outcomes import Retry


async def rewrite(house: House, kind: str, within: str | None = None) -> None:
    """As a newer version would have written every document of a kind: a field more in it, and in a part of it."""
    found = [document for document in house.store.documents.values() if document.kind == kind]
    assert found
    for document in found:
        content = json.loads(document.data)
        for part in filter(None, (content, within and content[within])):
            for each in part if isinstance(part, list) else [part]:
                each["since_next_year"] = 1
        await house.store.commit([Put(replace(document, data=json.dumps(content).encode()))])


async def test_an_event_that_a_newer_version_journaled_is_planned_and_done(house: House) -> None:
    await house.post(order())
    await rewrite(house, "events", within="event")
    await rewrite(house, "tenants", within="flows")
    await rewrite(house, "connections")
    house.start()
    await house.run()
    assert len(house.sms.sent) == 1


async def test_a_delivery_that_a_newer_version_left_open_is_carried_out(house: House) -> None:
    house.sms.script.append(Retry(code="http_500", message="later", outage=False))
    await house.post(order())
    await house.run()
    await rewrite(house, "deliveries", within="attempts")
    await house.pass_time(3600)
    assert [delivery.status for delivery in house.deliveries()] == ["succeeded"]
