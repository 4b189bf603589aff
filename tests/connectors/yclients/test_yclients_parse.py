"""What YCLIENTS' webhooks mean in our words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.support import posted
from svyazka.connectors.yclients.facts import ATTENDANCE
from svyazka.connectors.yclients.webhook import WEBHOOK
from svyazka.engine.contracts.webhook import Inbound, NotTheFormat
from svyazka.model.events import EventType, Fact, Unreadable

SAMPLES = Path(__file__).parents[2] / "samples" / "yclients"
PARTNER_TOKEN = "not-a-real-partner-token"
OURS = Inbound({"company_id": 997441}, {"partner_token": PARTNER_TOKEN})
BRIEF_CURL = b"""{
    "resource": {
      "visit_attendance": 1,
      "deleted": false,
      "client": {
        "phone": "+79991234567"
      }
    }
  }"""
BRIEF_PAYLOAD = {
    "resource": {
        "id": 12345, "company_id": 4564, "visit_attendance": 1, "deleted": False,
        "client": {"id": 789, "name": "Мария Иванова", "phone": "+79991234567"},
        "services": [{"id": 1, "title": "Стрижка", "cost": 1500}], "staff": {"id": 9, "name": "Мастер Анна"},
        "datetime": 1547622000,
    },
    "webhook_type": "record_changed",
}  # fmt: skip
"""The brief's "Формат payload"."""

E = EventType


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"wh-{name}.json").read_bytes())


def parse(content: Any, inbound: Inbound = OURS) -> list[Fact | Unreadable]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return WEBHOOK.parse(posted(body), inbound)


def one(content: Any, inbound: Inbound = OURS) -> Fact:
    (fact,) = parse(content, inbound)
    assert isinstance(fact, Fact), fact
    return fact


def record(status: str = "update", **data: Any) -> dict[str, Any]:
    """The visit that took place, with some of its record changed."""
    event: dict[str, Any] = sample("record-update-came")
    event["data"].update(data)
    return {**event, "status": status}


def test_a_visit_that_took_place_is_read_whole() -> None:
    fact = one(sample("record-update-came"))
    assert fact.contact is not None
    assert (fact.contact.name, fact.contact.phone, fact.contact.email) == (
        "Мария Иванова", "+79991234567", "maria@example.test",
    )  # fmt: skip
    assert fact.key == ("record", "1561921428", "2026-10-05T16:02:40+00:00", "kept", "1", "1")
    assert str(fact.occurred_at) == "2026-10-05 16:02:40+00:00"
    assert fact.position == 1791216160
    assert fact.entity is not None
    assert (fact.entity.kind, fact.entity.id) == ("record", "1561921428")
    assert fact.data == {
        "record": "1561921428", "visit": "1401234567", "attendance": 1, "starts_at_local": "2026-10-05 18:00:00",
        "date": "05.10.2026", "time": "18:00", "minutes": 60, "service": "Мужская стрижка", "sum": 1300,
        "staff": "Анна Мастерова", "paid": True, "online": False,
    }  # fmt: skip


def test_a_booking_of_the_client_himself_says_so() -> None:
    assert one(sample("record-create-online")).data["online"] is True


# Attendance: the vendor's codes, not the brief's


@pytest.mark.parametrize(
    ("code", "type_"),
    [
        (1, E.APPOINTMENT_COMPLETED), (2, E.APPOINTMENT_CONFIRMED), (-1, E.APPOINTMENT_MISSED),
        (0, E.APPOINTMENT_CHANGED), (7, E.APPOINTMENT_CHANGED), ("1", E.APPOINTMENT_COMPLETED),
        ("-1", E.APPOINTMENT_MISSED),
    ],
)  # fmt: skip
def test_an_attendance_is_what_the_vendor_says_of_its_code(code: Any, type_: EventType) -> None:
    assert one(record(attendance=code, visit_attendance=code)).type is type_


def test_the_codes_are_the_vendors_four() -> None:
    assert set(ATTENDANCE) == {0, 1, 2, -1}


def test_a_client_who_came_to_one_of_the_visits_services_came() -> None:
    assert one(record(attendance=-1, visit_attendance=1)).type is E.APPOINTMENT_COMPLETED
    assert one(record(attendance=1, visit_attendance=0)).type is E.APPOINTMENT_COMPLETED


def test_a_connection_may_count_other_codes_as_the_end_of_a_visit() -> None:
    mine = Inbound({"final_attendance": [2]}, {})
    assert one(record(attendance=2, visit_attendance=2), mine).type is E.APPOINTMENT_COMPLETED
    assert one(record(), mine).type is E.APPOINTMENT_CHANGED


def test_a_deleted_visit_is_cancelled_whatever_its_attendance_and_however_it_comes() -> None:
    for event in (record(deleted=True), record(deleted=1), record(deleted="1"), record("delete")):
        assert one(event).type is E.APPOINTMENT_CANCELLED
    assert one(record(deleted=False)).type is E.APPOINTMENT_COMPLETED


# Bookings, moves, several services, groups


def test_a_record_is_a_booking_until_it_is_changed() -> None:
    waits = {"attendance": 0, "visit_attendance": 0}
    assert one(record("create", **waits)).type is E.APPOINTMENT_BOOKED
    made = {"create_date": "2026-10-05T19:01:40+0300", **waits}
    assert one(record("update", **made)).type is E.APPOINTMENT_BOOKED, "a minute and saved again: nothing but made"
    assert one(record("update", **waits)).type is E.APPOINTMENT_CHANGED
    assert one(record("create")).type is E.APPOINTMENT_COMPLETED, "a walk-in, entered when he had come"


def test_a_visit_that_was_moved_is_another_fact_of_the_same_visit() -> None:
    waits: dict[str, Any] = {"attendance": 0, "visit_attendance": 0}
    before = one(record(**waits))
    after = one(record(**waits, date="2026-10-06 11:30:00", last_change_date="2026-10-05T20:00:00+03:00"))
    assert (before.subject, before.type) == (after.subject, after.type)
    assert before.key != after.key
    assert (after.data["date"], after.data["time"]) == ("06.10.2026", "11:30")
    assert before.position is not None
    assert after.position is not None
    assert after.position > before.position


def test_several_services_of_one_client_are_one_visit() -> None:
    first, second = one(record()), one({**record(id=2), "resource_id": 2})
    assert first.subject == second.subject == "visit:1401234567"
    assert first.key != second.key
    assert first.entity != second.entity


def test_a_record_without_a_visit_stands_for_itself() -> None:
    assert one(record(visit_id=None)).subject == "record:1561921428"
    assert one(record(visit_id=0)).subject == "record:1561921428"


def test_a_group_event_is_a_visit_that_names_its_group() -> None:
    fact = one(record(activity_id=5501))
    assert (fact.type, fact.data["group_event"]) == (E.APPOINTMENT_COMPLETED, "5501")
    assert "group_event" not in one(record()).data


@pytest.mark.parametrize("client", [None, [], {}, {"phone": ""}])
def test_a_walk_in_and_blocked_time_have_nobody_to_write_to(client: Any) -> None:
    assert one(record(client=client)).contact is None


def test_several_services_are_named_and_summed() -> None:
    services = [{"title": "Стрижка", "cost": 1500}, {"title": "Укладка", "cost": "700.50"}, {"title": None}, 5]
    data = one(record(services=services)).data
    assert (data["service"], data["sum"]) == ("Стрижка, Укладка", 2200.5)
    assert "sum" not in one(record(services=[])).data


# Identity


def test_one_moment_spelled_in_two_ways_is_one_fact() -> None:
    spelled = {one(record(last_change_date=text)).key for text in (
        "2026-10-05T19:02:40+0300", "2026-10-05T19:02:40+03:00", "2026-10-05T20:02:40+0400", "2026-10-05T16:02:40Z",
        1791216160,
    )}  # fmt: skip
    assert len(spelled) == 1


def test_a_time_without_an_offset_tells_facts_apart_and_is_nobodys_moment() -> None:
    fact = one(record(last_change_date="2026-10-05 19:02:40"))
    assert fact.key is not None
    assert "2026-10-05 19:02:40" in fact.key
    assert (fact.occurred_at, fact.position, fact.partial) == (None, None, False)


def test_two_changes_within_one_second_are_two_facts() -> None:
    assert one(record(attendance=0)).key != one(record(attendance=1)).key
    assert one(record()).key != one(record(deleted=True)).key


@pytest.mark.parametrize(
    ("data", "type_", "subject"),
    [
        ({"comment": "test"}, E.APPOINTMENT_CHANGED, None),
        ({"attendance": 1}, E.APPOINTMENT_COMPLETED, "record:1561921428"),
        ({"attendance": 1, "visit_id": 5}, E.APPOINTMENT_COMPLETED, "visit:5"),
        ({"deleted": True}, E.APPOINTMENT_CANCELLED, "record:1561921428"),
    ],
)
def test_a_body_that_tells_a_part_is_marked_so_and_has_no_identity_of_its_own(
    data: dict[str, Any], type_: EventType, subject: str | None
) -> None:
    event = {**sample("record-update-partial"), "data": {"id": 1561921428, **data}}
    fact = one(event)
    assert (fact.partial, fact.key, fact.type, fact.subject) == (True, None, type_, subject)
    assert fact.entity is not None


# The time of a visit


@pytest.mark.parametrize(
    ("date", "datetime_", "local", "instant"),
    [
        ("2026-10-05 18:00:00", "2026-10-05T17:00:00+03:00", "2026-10-05 18:00:00", None),
        (None, "2026-10-05T18:00:00+0300", "2026-10-05 18:00:00", None),
        (None, 1791212400, None, "2026-10-05T15:00:00+00:00"),
        (None, "1791212400", None, "2026-10-05T15:00:00+00:00"),
        (None, None, None, None),
        ("soon", "later", None, None),
    ],
)
def test_a_visits_time_is_the_salons_own_or_a_moment(
    date: Any, datetime_: Any, local: str | None, instant: str | None
) -> None:
    data = one(record(date=date, datetime=datetime_)).data
    assert (data.get("starts_at_local"), data.get("starts_at")) == (local, instant)


# The salon


def test_another_salons_event_is_kept_and_never_acted_on() -> None:
    foreign = one({**record(), "company_id": 1})
    assert foreign.ignored == "it belongs to salon 1, this connection is 997441"
    assert (foreign.contact, foreign.subject, foreign.entity) == (None, None, None)
    assert foreign.key != one(record()).key, "or the real one would later be taken for its repeat"
    uninstalled = {**sample("marketplace-uninstall"), "salon_id": 1}
    assert one(uninstalled).ignored is not None


def test_a_salon_is_checked_only_when_it_is_set_and_named() -> None:
    assert one({**record(), "company_id": 1}, Inbound({}, {})).ignored is None
    assert one({**record(), "company_id": "997441"}).ignored is None
    assert one(record(), Inbound({"company_id": "997441"}, {})).ignored is None
    assert one(BRIEF_CURL).ignored is None


# Clients, goods, money, the rest


def test_a_clients_card_is_made_changed_and_deleted() -> None:
    card = sample("client-create")
    made = one(card)
    assert made.contact is not None
    assert (made.contact.name, made.contact.phone, made.contact.email) == ("Мария", "+79991234567", None)
    assert made.key == ("client", "371102091", "2026-03-07T12:55:56+00:00", "kept")
    assert one({**card, "status": "update"}).type is E.CONTACT_CHANGED
    assert one({**card, "status": "delete"}).type is E.CONTACT_DELETED
    part = one({**card, "status": "update", "data": {"id": 371102091, "name": "Мария"}})
    assert (part.partial, part.key) == (True, None)


def test_a_phone_that_came_as_a_number_is_read() -> None:
    contact = one(record(client={"name": "Мария", "phone": 79991234567})).contact
    assert contact is not None
    assert contact.phone == "79991234567"


def test_a_sale_of_goods_is_a_change_of_the_stock() -> None:
    fact = one(sample("goods-sale-create"))
    assert fact.contact is not None
    assert fact.contact.phone == "79991234567"
    assert {name: fact.data[name] for name in ("operation", "good", "amount", "unit", "sum", "storage")} == {
        "operation": "sale", "good": "Шампунь 250 мл", "amount": -1, "unit": "шт.", "sum": 1000, "storage": "Товары",
    }  # fmt: skip
    assert str(fact.occurred_at) == "2026-03-10 10:51:26+00:00"


@pytest.mark.parametrize("operation", ["sale", "receipt", "consumable", "stolen", "move"])
def test_each_operation_with_goods_is_recognised(operation: str) -> None:
    event = {**sample("goods-sale-create"), "resource": f"goods_operations_{operation}"}
    assert one(event).type is E.STOCK_CHANGED
    assert one(event).data["operation"] == operation


@pytest.mark.parametrize(
    ("data", "status", "type_"),
    [
        ({"amount": 1300}, "create", E.PAYMENT_SUCCEEDED),
        ({"amount": "1300.50"}, "update", E.PAYMENT_SUCCEEDED),
        ({"amount": -1300, "record_id": 5}, "create", E.PAYMENT_REFUNDED),
        ({"amount": -1300, "client": {"id": 1, "phone": "79991234567"}}, "create", E.PAYMENT_REFUNDED),
        ({"amount": -40000, "record_id": 0}, "create", E.OTHER),
        ({"amount": 0}, "create", E.OTHER),
        ({"comment": "x"}, "update", E.OTHER),
        ({"amount": 1300}, "delete", E.OTHER),
        ({"deleted": True}, "update", E.OTHER),
    ],
)
def test_money_is_a_payment_a_refund_or_neither(data: dict[str, Any], status: str, type_: EventType) -> None:
    fact = one({**sample("finances-create"), "status": status, "data": {"id": 1, **data}})
    assert fact.type is type_
    assert (fact.ignored is not None) == (type_ is E.OTHER)


def test_what_only_a_webhook_tells_is_known_by_its_id_when_it_is_made_and_by_its_bytes_when_it_is_changed() -> None:
    assert one(sample("finances-create")).key == ("finances_operation", "1362847671", "create", "kept")
    assert one(sample("finances-update-partial")).key is None


@pytest.mark.parametrize("resource", ["staff", "salon", "schedule", "loyalty_card", "invented_yesterday"])
def test_a_resource_that_nobody_acts_on_is_kept_with_its_name(resource: str) -> None:
    fact = one({"company_id": 997441, "resource": resource, "resource_id": 5, "status": "update", "data": []})
    assert fact.type is E.OTHER
    assert fact.ignored is not None
    assert resource in fact.ignored


# The brief's form


def test_the_briefs_curl_without_any_id_is_accepted_as_weak() -> None:
    fact = one(BRIEF_CURL)
    assert fact.type is E.APPOINTMENT_COMPLETED
    assert fact.contact is not None
    assert fact.contact.phone == "+79991234567"
    assert (fact.key, fact.subject, fact.entity, fact.partial, fact.ignored) == (None, None, None, False, None)


def test_the_briefs_payload_is_read_and_will_be_read_again_by_its_id() -> None:
    fact = one(BRIEF_PAYLOAD, Inbound({"company_id": "4564"}, {}))
    assert (fact.type, fact.subject, fact.partial) == (E.APPOINTMENT_COMPLETED, "record:12345", True)
    assert (fact.data["service"], fact.data["staff"], fact.data["sum"]) == ("Стрижка", "Мастер Анна", 1500)
    assert fact.data["starts_at"] == "2019-01-16T07:00:00+00:00"
    assert one(BRIEF_PAYLOAD).ignored is not None, "another salon's"


def test_the_phone_is_found_in_every_place_of_the_brief_and_in_its_order() -> None:
    came = {"visit_attendance": 1}
    places: dict[str, Any] = {
        "resource": {**came, "client": {"phone": "1"}}, "data": {**came, "client": {"phone": "2"}},
        "record": {**came, "client": {"phone": "3"}}, "client": {"phone": "4"}, "phone": "5",
    }  # fmt: skip
    found = []
    for place in list(places):
        fact = one({**places, **came})
        assert fact.type is E.APPOINTMENT_COMPLETED
        assert fact.contact is not None
        found.append(fact.contact.phone)
        del places[place]
    assert found == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize(
    ("webhook_type", "type_"),
    [("record_created", E.APPOINTMENT_BOOKED), ("record_deleted", E.APPOINTMENT_CANCELLED),
     (None, E.APPOINTMENT_CHANGED), ("client_changed", E.CONTACT_CHANGED), ("client_created", E.CONTACT_CREATED),
     ("shop_changed", E.OTHER)],
)  # fmt: skip
def test_the_briefs_webhook_type_says_what_happened_to_what(webhook_type: Any, type_: EventType) -> None:
    body = {"resource": {"id": 5, "attendance": 0, "client": {"phone": "7"}}, "webhook_type": webhook_type}
    assert one(body).type is type_


# The Marketplace


def test_a_life_cycle_event_must_bear_the_partner_token() -> None:
    body = sample("marketplace-uninstall")

    def refused(content: Any, inbound: Inbound = OURS) -> str | None:
        return WEBHOOK.verify(posted(json.dumps(content).encode()), inbound)

    assert refused(body) is None
    assert refused({**body, "partner_token": "another"}) is not None
    assert refused({**body, "partner_token": None}) is not None
    assert refused({**body, "partner_token": "жук"}) is not None
    assert PARTNER_TOKEN not in str(refused({**body, "partner_token": "x"}))
    assert refused({**body, "partner_token": "another"}, Inbound({}, {})) is None, "nothing to compare it with"


@pytest.mark.parametrize(("event", "type_"), [("freeze", E.CONNECTION_DISABLED), ("pay", E.OTHER), (None, E.OTHER)])
def test_a_life_cycle_event_tells_its_owner_when_events_stop(event: Any, type_: EventType) -> None:
    fact = one({**sample("marketplace-uninstall"), "event": event})
    assert fact.type is type_
    assert ("notice" in fact.data) == (type_ is E.CONNECTION_DISABLED)
    assert PARTNER_TOKEN not in fact.model_dump_json()


# Whatever comes


@pytest.mark.parametrize(
    "body", [b"", b"{", b"5", b'"x"', b"null", b"[]", b"[NaN]", b'{"a": Infinity}', b"[" * 100_000, b"9" * 5000]
)
def test_what_is_not_the_format_is_said_so(body: bytes) -> None:
    with pytest.raises(NotTheFormat, match="expected"):
        parse(body)


@pytest.mark.parametrize(
    "body",
    [{}, {"resource": []}, {"status": "create"}, {"resource": "record", "resource_id": "1" * 101, "data": {}},
     {"resource": {"id": "1" * 101}}],
)  # fmt: skip
def test_what_cannot_be_understood_is_said_so_without_quoting_it(body: dict[str, Any]) -> None:
    (item,) = parse(body)
    assert isinstance(item, Unreadable)
    assert item.reason.startswith("expected")
    assert "1111" not in item.reason
