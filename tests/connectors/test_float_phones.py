"""A phone that became a number on its way is that phone at every source, and never another person's."""

from __future__ import annotations

import json
from typing import Any

import pytest

from connectors.support import posted
from svyazka.connectors.amocrm.schema import person
from svyazka.connectors.exolve.schema import INCOMING
from svyazka.connectors.registry import load_webhook
from svyazka.engine.contracts.webhook import Inbound
from svyazka.model.contacts import Contact, normalize_phone
from svyazka.model.events import Fact


def iiko(phone: Any) -> object:
    order = {"status": "Delivered", "phone": phone}
    return [{"eventType": "DeliveryOrderUpdate", "eventInfo": {"id": "o", "timestamp": 1, "order": order}}]


def yclients(phone: Any) -> object:
    data = {"id": 1, "company_id": 1, "client": {"id": 2, "name": "Анна", "phone": phone}}
    return {"company_id": 1, "resource": "record", "resource_id": 1, "status": "update", "data": data}


def rkeeper(phone: Any) -> object:
    return {"order": {"id": "7", "status": "Выполнен", "customer": {"phone": phone}}}


PHONES = [
    (79990000107.0, "+79990000107"), ("79990000107.0", "+79990000107"), (7.9990000107e10, "+79990000107"),
    (901234567.0, None), ("901234567.0", None), ("7.99E+10", None),
]  # fmt: skip


@pytest.mark.parametrize(("phone", "number"), PHONES)
@pytest.mark.parametrize("body", [iiko, yclients, rkeeper], ids=lambda body: body.__name__)
def test_a_source_reads_a_phone_that_is_a_number(body: Any, phone: Any, number: str | None) -> None:
    request = posted(json.dumps(body(phone)).encode())
    (fact, *_) = load_webhook(body.__name__).parse(request, Inbound({}, {}))
    assert isinstance(fact, Fact)
    assert normalize_phone((fact.contact or Contact()).phone) == number


@pytest.mark.parametrize(("phone", "number"), PHONES)
def test_so_does_a_card_with_fields(phone: Any, number: str | None) -> None:
    card = {"custom_fields_values": [{"field_code": "PHONE", "values": [{"value": phone}]}]}
    assert normalize_phone(person(card).phone) == number


@pytest.mark.parametrize("sender", ["MTS", "KOFE79991234567", "900"])
def test_a_senders_name_is_nobodys_phone(sender: str) -> None:
    event = {"message_id": "1", "direction": INCOMING, "sender": sender, "text": "стоп"}
    (fact,) = load_webhook("exolve").parse(posted(json.dumps(event).encode()), Inbound({}, {}))
    assert isinstance(fact, Fact)
    assert fact.contact == Contact(name=sender)
