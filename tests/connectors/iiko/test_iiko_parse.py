"""What iiko's webhooks mean in our words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.support import posted
from svyazka.connectors.iiko.webhook import WEBHOOK
from svyazka.engine.contracts.webhook import Inbound, NotTheFormat
from svyazka.model.events import EventType, Fact, Unreadable

SAMPLES = Path(__file__).parents[2] / "samples" / "iiko"
ORGANIZATION = "7bc05553-4b68-44e8-b7bc-37be63c6d9e9"
OURS = Inbound({"organization_id": ORGANIZATION}, {})
BRIEF_CURL = b"""{
    "eventType": "DeliveryOrderUpdate",
    "eventInfo": {
      "order": {
        "status": "Delivered",
        "customer": {
          "phone": "+79991234567"
        }
      }
    }
  }"""

E = EventType


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"webhook-{name}.json").read_bytes())


def parse(content: Any, inbound: Inbound = OURS) -> list[Fact | Unreadable]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return WEBHOOK.parse(posted(body), inbound)


def one(content: Any, inbound: Inbound = OURS) -> Fact:
    (fact,) = parse(content, inbound)
    assert isinstance(fact, Fact), fact
    return fact


def delivery(**order: Any) -> dict[str, Any]:
    """The closed delivery with some of its order changed."""
    (item,) = sample("delivery-closed")
    item["eventInfo"]["order"].update(order)
    return dict(item)


def test_an_order_just_created_by_api_is_not_acted_on_before_the_till_has_taken_it() -> None:
    created = json.loads((SAMPLES / "api-deliveries-create-response-in-progress.json").read_bytes())
    fact = one({"eventType": "DeliveryOrderUpdate", "eventInfo": created["orderInfo"]})
    assert (fact.type, fact.subject) == (E.ORDER_CHANGED, "order:e9cf91fe-2319-5c0e-8f50-5d3ce9aacf34")
    assert fact.ignored == "the till hasn't taken it yet"


def test_a_closed_delivery_is_read_whole() -> None:
    fact = one(sample("delivery-closed"))
    assert fact.contact is not None
    assert (fact.contact.name, fact.contact.phone, fact.contact.proxy) == ("Иван", "+79991234567", False)
    assert fact.occurred_at is not None
    assert fact.occurred_at.isoformat() == "2026-03-14T15:53:01.640000+00:00", "eventTime is UTC, order times are not"
    assert fact.position == 1773503581611
    assert fact.entity is not None
    assert (fact.entity.kind, fact.entity.id) == ("delivery", "f7d7468e-4c1f-5e7a-96d0-d063007888ed")
    assert fact.data["number"] == 6482
    assert fact.data["sum"] == 1480
    assert "Тверская" not in fact.model_dump_json(), "addresses stay in the raw request"


def test_the_raw_request_of_the_documentation_passes_with_its_token() -> None:
    head, _, body = (SAMPLES / "webhook-delivery-closed.http").read_bytes().partition(b"\r\n\r\n")
    headers = [line.split(": ", 1) for line in head.decode().splitlines()[1:]]
    request = posted(body, *[(name.lower(), value) for name, value in headers])
    inbound = Inbound({"organization_id": ORGANIZATION}, {"auth_token": "hook-secret-for-tests"})
    assert WEBHOOK.verify(request, inbound) is None
    (fact,) = WEBHOOK.parse(request, inbound)
    assert fact == one(sample("delivery-closed"))


def test_the_briefs_curl_without_any_id_is_accepted_as_weak() -> None:
    fact = one(BRIEF_CURL)
    assert fact.type is EventType.ORDER_COMPLETED
    assert fact.contact is not None
    assert fact.contact.phone == "+79991234567"
    assert (fact.key, fact.subject, fact.entity, fact.ignored) == (None, None, None, None)


PHONE = {"phone": "+79991234567", "name": "Иван"}


@pytest.mark.parametrize(
    "body",
    [
        {"order": {"status": "Closed", "customer": PHONE}},
        {"eventInfo": {"order": {"status": "Closed", "customer": PHONE}}},
        {"deliveryOrder": {"status": "Closed", "customer": PHONE}},
        {"status": "Closed", "customer": PHONE},
        {"status": "Closed", "phone": "+79991234567"},
        {"eventInfo": {"order": {"status": "Closed"}}, "customer": PHONE},
        {"eventInfo": {"order": {"status": "Closed", "customer": None}}, "phone": 79991234567},
    ],
)
def test_the_phone_is_found_in_every_place_of_the_brief(body: dict[str, Any]) -> None:
    for item in ({"eventType": "DeliveryOrderUpdate", **body}, body):
        fact = one(item)
        assert fact.type is EventType.ORDER_COMPLETED
        assert fact.contact is not None
        assert fact.contact.phone in ("+79991234567", "79991234567")


def test_the_orders_own_phone_goes_before_the_briefs_places_and_they_in_their_order() -> None:
    places = {
        "order": {"customer": {"phone": "2"}},
        "eventInfo": {"order": {"status": "Closed", "phone": "1", "customer": {"phone": "3"}}},
        "deliveryOrder": {"customer": {"phone": "4"}},
        "customer": {"phone": "5"},
        "phone": "6",
    }
    found = []
    for taken in (("eventInfo", "order", "phone"), ("order",), ("eventInfo",), ("deliveryOrder",), ("customer",), ()):
        contact = one(places).contact
        assert contact is not None
        found.append(contact.phone)
        if taken:
            *way, last = taken
            inner: Any = places
            for step in way:
                inner = inner[step]
            del inner[last]
            places.setdefault("status", "Closed")
    assert found == ["1", "2", "3", "4", "5", "6"]


@pytest.mark.parametrize(
    ("kind", "order", "expected"),
    [
        ("Delivery", {"status": "Delivered"}, E.ORDER_COMPLETED),
        ("Delivery", {"status": "Finished"}, E.ORDER_COMPLETED),
        ("Delivery", {"status": "OnWay"}, E.ORDER_CHANGED),
        ("Delivery", {"status": "Unconfirmed"}, E.ORDER_CHANGED),
        ("Delivery", {"status": "SomethingNew"}, E.ORDER_CHANGED),
        ("Delivery", {"status": "Cancelled"}, E.ORDER_CANCELLED),
        ("Delivery", {"status": "Cancelled", "movedToDeliveryId": "d2"}, E.ORDER_CHANGED),
        ("Delivery", {"status": "Cancelled", "movedToTerminalGroupId": "t2"}, E.ORDER_CHANGED),
        ("Delivery", {"status": "Closed", "isDeleted": True}, E.ORDER_CANCELLED),
        ("Table", {"status": "New"}, E.ORDER_CHANGED),
        ("Table", {"status": "Bill"}, E.ORDER_CHANGED),
        ("Table", {"status": "Closed"}, E.ORDER_COMPLETED),
        ("Table", {"status": "Deleted"}, E.ORDER_CANCELLED),
    ],
)
def test_a_status_of_an_order_is_one_of_ours(kind: str, order: dict[str, Any], expected: EventType) -> None:
    fact = one([{"eventType": f"{kind}OrderUpdate", "eventInfo": {"id": "1", "timestamp": 5, "order": order}}])
    assert fact.type is expected
    assert fact.key == ("order", "1", "5", order["status"])


@pytest.mark.parametrize(
    ("reserve", "expected"),
    [
        ({"status": "New"}, E.APPOINTMENT_BOOKED),
        ({"status": "Started"}, E.APPOINTMENT_CHANGED),
        ({"status": "Closed"}, E.APPOINTMENT_COMPLETED),
        ({"status": "Closed", "cancelReason": "ClientNotAppeared"}, E.APPOINTMENT_MISSED),
        ({"status": "Closed", "cancelReason": "ClientRefused"}, E.APPOINTMENT_CANCELLED),
        ({"status": "Closed", "cancelReason": "Other"}, E.APPOINTMENT_CANCELLED),
        ({"status": "Later"}, E.APPOINTMENT_CHANGED),
    ],
)
def test_a_reservation_ends_as_its_status_and_cancel_reason_tell(reserve: dict[str, Any], expected: EventType) -> None:
    (item,) = sample("reserve-new")
    item["eventInfo"]["reserve"].update(reserve)
    assert one(item).type is expected
    item["eventInfo"]["isDeleted"] = True
    assert one(item).type is EventType.APPOINTMENT_CANCELLED


def test_final_statuses_of_the_connection_replace_the_usual_ones() -> None:
    mine = Inbound({"final_statuses": ["onway"]}, {})
    assert one(delivery(status="OnWay"), mine).type is EventType.ORDER_COMPLETED
    assert one(delivery(status="Closed"), mine).type is EventType.ORDER_CHANGED


@pytest.mark.parametrize("order", [{"customer": {"type": "one-time", "name": "Анна"}}, {"phoneExtension": "1234"}])
def test_an_aggregators_phone_is_marked_as_not_to_be_messaged(order: dict[str, Any]) -> None:
    contact = one(delivery(**order)).contact
    assert contact is not None
    assert contact.proxy


def test_a_telegram_id_on_the_order_becomes_a_chat() -> None:
    contact = one(delivery(externalData=[{"key": "tgUserId", "value": "12345"}, {"key": "x", "value": None}])).contact
    assert contact is not None
    assert contact.chats == {"telegram": "12345"}


@pytest.mark.parametrize("event_type", ["KitchenOrderUpdate", "BusinessHoursAndMappingUpdate", "InventedYesterday"])
def test_a_type_that_nobody_acts_on_is_kept_with_its_name(event_type: str) -> None:
    fact = one([{"eventType": event_type, "correlationId": "c", "eventInfo": None}])
    assert fact.type is EventType.OTHER
    assert fact.ignored is not None
    assert event_type in fact.ignored


def test_a_stop_list_update_names_its_terminals_and_no_products() -> None:
    assert one(sample("stop-list-update")).data["terminals"] == [
        {"id": "a4bbe43c-e4bf-4d45-9189-e31b1cff624c", "full": True}
    ]


def test_a_cancelled_delivery_says_why_and_a_new_reservation_when() -> None:
    assert one(sample("delivery-cancelled")).data["cancel_reason"] == "Отказ клиента"
    reserve = one(sample("reserve-new"))
    assert reserve.contact is not None
    assert (reserve.contact.name, reserve.contact.phone) == ("Иван", "+79991234567")
    assert (reserve.data["starts_at_local"], reserve.data["guests"]) == ("2026-03-15 19:00:00.000", 4)


def test_a_menu_update_is_a_change_of_the_catalog() -> None:
    assert one([{"eventType": "NomenclatureUpdate", "correlationId": "c"}]).type is EventType.CATALOG_CHANGED


def test_an_order_that_the_till_has_not_taken_yet_is_not_acted_on() -> None:
    fact = one({"eventType": "DeliveryOrderUpdate", "eventInfo": {"id": "1", "creationStatus": "InProgress"}})
    assert fact.ignored == "the till hasn't taken it yet"


def test_what_tells_no_status_does_not_count_as_the_orders_newest_state() -> None:
    """Or an edit that the till refused would call off the message about the order that was delivered before."""
    assert one(sample("delivery-error")).position is None
    assert one(delivery()).position == 1773503581611


def test_another_organizations_event_is_kept_and_never_acted_on() -> None:
    (item,) = sample("delivery-closed")
    for place in (item, item["eventInfo"]):
        changed = {**item, "eventInfo": dict(item["eventInfo"])}
        (changed if place is item else changed["eventInfo"])["organizationId"] = "another"
        fact = one(changed)
        assert fact.ignored is not None
        assert "another" in fact.ignored
        assert (fact.contact, fact.subject, fact.entity) == (None, None, None)
        assert fact.key != one(item).key, "or the real one would later be taken for its repeat"


def test_an_organization_is_checked_only_when_it_is_set_and_named_and_its_case_does_not_matter() -> None:
    (item,) = sample("delivery-closed")
    assert one({**item, "organizationId": "another"}, Inbound({}, {})).ignored is None
    assert one(item, Inbound({"organization_id": ORGANIZATION.upper()}, {})).ignored is None
    assert one(BRIEF_CURL).ignored is None


def test_one_unreadable_item_does_not_take_the_others_with_it() -> None:
    closed = sample("delivery-closed")[0]
    facts = parse([1, closed, {"eventType": "DeliveryOrderUpdate", "eventInfo": None}, "x", {}, None, closed])
    assert [type(fact) for fact in facts] == [Unreadable, Fact, Unreadable, Unreadable, Unreadable, Unreadable, Fact]
    assert facts[1] == facts[6]


def test_without_a_timestamp_the_events_time_tells_two_changes_apart_and_without_that_its_correlation() -> None:
    def key(**given: Any) -> tuple[str, ...] | None:
        return one({"eventInfo": {"id": "1", "order": {"status": "Closed"}}, **given}).key

    assert key(eventTime="2026-03-14 15:53:01.640") == ("order", "1", "2026-03-14 15:53:01.640", "Closed")
    assert key(correlationId="c") == ("order", "1", "c", "Closed")
    assert key() == ("order", "1", "", "Closed")


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"\xff\xfe{}", b"5", b'"x"', b"null", b"[NaN]", b'{"a": Infinity}', b"[" * 100_000, b"9" * 5000,
     b'{"a":' * 100_000, "[]".encode("utf-16")],
)  # fmt: skip
def test_what_is_not_the_format_is_said_so(body: bytes) -> None:
    with pytest.raises(NotTheFormat, match="expected"):
        parse(body)


def test_an_empty_array_holds_nothing_and_a_byte_order_mark_is_no_obstacle() -> None:
    assert parse(b"[]") == []
    assert len(parse(b"\xef\xbb\xbf" + BRIEF_CURL)) == 1


def test_text_that_no_store_takes_is_made_storable() -> None:
    fact = one(b'{"status": "Closed", "customer": {"name": "\\ud83d\\u0000", "phone": "+7999"}, "id": "\\ud800"}')
    fact.model_dump_json().encode()
    assert fact.subject == "order:?"


def test_an_endless_id_is_refused_not_shortened() -> None:
    (item,) = parse({"eventInfo": {"id": "1" * 201, "order": {"status": "Closed"}}})
    assert isinstance(item, Unreadable)


# Who may knock


TOKEN = Inbound({}, {"auth_token": "hook-secret"})


@pytest.mark.parametrize("header", ["hook-secret", "Bearer hook-secret", "bearer  hook-secret ", " hook-secret"])
def test_the_registered_token_lets_in_with_and_without_bearer(header: str) -> None:
    assert WEBHOOK.verify(posted(b"[]", ("authorization", header)), TOKEN) is None


@pytest.mark.parametrize(
    "header", ["", "hook-secre", "hook-secret2", "Bearer", "Basic hook-secret", "жук".encode().decode("latin-1")]
)
def test_any_other_token_is_refused_and_not_quoted(header: str) -> None:
    reason = WEBHOOK.verify(posted(b"[]", ("authorization", header)), TOKEN)
    assert reason is not None
    assert "hook-secret" not in reason


def test_where_no_token_is_set_the_header_is_free_for_our_own_key() -> None:
    assert WEBHOOK.verify(posted(b"[]", ("authorization", "Bearer v1.kofe.till.1.mac")), Inbound({}, {})) is None


def test_a_token_in_cyrillic_works() -> None:
    inbound = Inbound({}, {"auth_token": "секрет"})
    assert WEBHOOK.verify(posted(b"[]", ("authorization", "секрет".encode().decode("latin-1"))), inbound) is None
