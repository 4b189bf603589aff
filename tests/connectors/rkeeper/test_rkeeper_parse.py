"""What r_keeper's pushes and events mean in our words."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

import pytest

from connectors.support import posted
from svyazka.connectors.rkeeper.statuses import DELIVERY_IDS, DELIVERY_NAMES, TYPES
from svyazka.connectors.rkeeper.webhook import RECIPES, WEBHOOK
from svyazka.engine.contracts.webhook import Inbound, NotTheFormat
from svyazka.model.events import EventType, Fact, Unreadable

SAMPLES = Path(__file__).parents[2] / "samples" / "rkeeper"
OBJECT_ID, GUID = 199990160, "5e964af3-6e1d-4661-8db1-08d897c7079a"
OURS = Inbound({"object_id": OBJECT_ID}, {})
BRIEF_CURL = """{
    "order": {
      "status": "Выполнен",
      "customer": {
        "phone": "+79991234567"
      }
    }
  }"""

E = EventType
EXPECTED: dict[str, tuple[EventType, str | None, tuple[str, ...] | None]] = {
    "push-seed-completed": (E.ORDER_COMPLETED, None, None),
    "push-seed-in-transit": (E.ORDER_CHANGED, "order:59708", ("order", "59708", "в пути")),
    "push-constructed-order-object-completed": (
        E.ORDER_COMPLETED, "order:59707", ("order", "59707", "выполнен"),
    ),
    "ws-event-order-status-changed-created": (E.ORDER_CREATED, f"order:{GUID}", ("till", GUID, "created")),
    "ws-event-order-status-changed-complited": (E.ORDER_COMPLETED, f"order:{GUID}", ("till", GUID, "complited")),
    "ws-event-order-changed": (
        E.ORDER_CREATED, f"order:{GUID}", ("till", GUID, "created", "9a6f0a86-3a5b-4a4e-8a34-3a6b2b2f0a01"),
    ),
}  # fmt: skip


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


def parse(content: Any, inbound: Inbound = OURS) -> list[Fact | Unreadable]:
    body = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
    return WEBHOOK.parse(posted(body), inbound)


def one(content: Any, **public: Any) -> Fact:
    (fact,) = parse(content, Inbound({"object_id": OBJECT_ID, **public}, {}))
    assert isinstance(fact, Fact), fact
    return fact


def unreadable(content: Any, **public: Any) -> str:
    (item,) = parse(content, Inbound(public, {}))
    assert isinstance(item, Unreadable), item
    return item.reason


def pushed(**order: Any) -> dict[str, Any]:
    return {"order": {"id": "1", "status": "Выполнен", "customer": {"phone": "+79991234567"}, **order}}


@pytest.mark.parametrize("name", EXPECTED)
def test_every_sample_that_comes_in_is_what_its_readme_says(name: str) -> None:
    fact = one(sample(name))
    assert (fact.type, fact.subject, fact.key, fact.ignored) == (*EXPECTED[name], None)


@pytest.mark.parametrize("name", ["push-seed-completed", "ws-event"])
def test_a_raw_request_is_what_its_body_is(name: str) -> None:
    head, _, body = (SAMPLES / f"{name}.http").read_bytes().partition(b"\r\n\r\n")
    headers = [line.split(": ", 1) for line in head.decode().splitlines()[1:]]
    request = posted(body, *[(name.lower(), value) for name, value in headers])
    assert WEBHOOK.verify(request, OURS) is None
    (fact,) = WEBHOOK.parse(request, OURS)
    same = "ws-event-order-status-changed-complited" if name == "ws-event" else name
    assert fact == one(sample(same))


def test_the_briefs_curl_has_nothing_to_tell_it_by_and_is_weak() -> None:
    fact = one(BRIEF_CURL.encode())
    assert fact.type is EventType.ORDER_COMPLETED
    assert fact.contact is not None
    assert fact.contact.phone == "+79991234567"
    assert (fact.key, fact.subject, fact.entity, fact.ignored) == (None, None, None, None)


def test_a_completed_order_is_read_whole() -> None:
    fact = one(sample("push-constructed-order-object-completed"))
    assert fact.contact is not None
    assert (fact.contact.name, fact.contact.phone, fact.contact.proxy) == ("Анна", "79991234567", False)
    assert str(fact.occurred_at) == "2026-03-14 15:52:59.100000+00:00", "completedAt, later than updatedAt"
    assert fact.entity is not None
    assert (fact.entity.kind, fact.entity.id) == ("order", "59707")
    assert (fact.data["number"], fact.data["sum"], fact.data["restaurant"]) == ("59707", 698.0, "Ресторан 1")


# Encodings


@pytest.mark.parametrize(
    "body",
    [
        BRIEF_CURL.encode(),
        b"\xef\xbb\xbf" + BRIEF_CURL.encode(),
        BRIEF_CURL.encode("cp1251"),
        BRIEF_CURL.encode("utf-16"),
        json.dumps(json.loads(BRIEF_CURL)).encode(),
    ],
    ids=["utf-8", "utf-8 with a mark", "windows-1251", "utf-16", "escaped"],
)
def test_cyrillic_is_read_in_whatever_encoding_it_came(body: bytes) -> None:
    assert one(body) == one(BRIEF_CURL.encode())


def test_the_encoding_that_is_stated_is_tried_before_windows_1251() -> None:
    request = posted(BRIEF_CURL.encode("koi8-r"), ("content-type", "application/json; charset=KOI8-R"))
    assert WEBHOOK.parse(request, OURS) == [one(BRIEF_CURL.encode())]
    for nonsense in ("base64", "no-such", "utf-8"):
        request = posted(BRIEF_CURL.encode("cp1251"), ("content-type", f"application/json; charset={nonsense}"))
        assert WEBHOOK.parse(request, OURS) == [one(BRIEF_CURL.encode())]


# Where things stand


@pytest.mark.parametrize(
    "body",
    [
        {"order": {"status": "Выполнен", "customer": {"phone": "+7"}}},
        {"order": {"status": "Выполнен", "client": {"phone": "+7"}}},
        {"order": {"status": {"name": "Выполнен"}, "guest": {"phone": "+7"}}},
        {"order": {"orderStatusName": "Выполнен"}, "customer": {"phone": "+7"}},
        {"status": "Выполнен", "client": {"phone": "+7"}},
        {"status": {"name": "Выполнен", "id": 11}, "guest": {"phone": "+7"}},
        {"orderStatusName": "Выполнен", "order": {"phone": "+7"}},
        {"ORDERSTATUSNAME": "Выполнен", "Phone": "+7"},
        {"status": "Выполнен", "phone": "+7", "order": None},
    ],
)
def test_status_and_phone_are_found_in_every_place_of_the_sheet(body: dict[str, Any]) -> None:
    fact = one(body)
    assert fact.type is EventType.ORDER_COMPLETED
    assert fact.contact is not None
    assert fact.contact.phone == "+7"


def test_the_places_of_a_phone_are_tried_in_their_order() -> None:
    people = ("customer", "client", "guest")
    body: dict[str, Any] = {"order": {"status": "Выполнен", "id": "1"}}
    places = [(where, who) for where in ("order", "") for who in people]
    for number, (where, who) in enumerate(places):
        (body[where] if where else body)[who] = {"phone": str(number)}
    body["order"]["phone"], body["phone"] = "6", "7"
    found = []
    for where, who in [*places, ("order", "phone"), ("", "phone")]:
        contact = one(body).contact
        assert contact is not None
        found.append(contact.phone)
        del (body[where] if where else body)[who]
    assert found == list("01234567")


@pytest.mark.parametrize(
    ("order", "root", "key"),
    [
        ({"id": "1", "orderId": "2", "number": "3"}, {}, "1"),
        ({"orderId": "2", "number": "3"}, {}, "2"),
        ({"number": "3"}, {"orderId": 4, "id": "5"}, "4"),
        ({"number": "3"}, {"id": "5"}, "5"),
        ({"number": 3}, {}, "3"),
        ({"id": "be55fa40-20b4-4364-a1cd-1831d19a0ef9", "orderId": "59707"}, {}, "59707"),
        ({}, {"id": "be55fa40-20b4-4364-a1cd-1831d19a0ef9", "orderId": "59707"}, "59707"),
        ({"id": "be55fa40-20b4-4364-a1cd-1831d19a0ef9"}, {}, "be55fa40-20b4-4364-a1cd-1831d19a0ef9"),
    ],
)
def test_an_order_is_known_by_the_name_that_every_path_has(order: Any, root: Any, key: str) -> None:
    fact = one({"order": {"status": "Выполнен", **order}, **root})
    assert (fact.key, fact.subject) == (("order", key, "выполнен"), f"order:{key}")


def test_paths_of_the_connection_replace_ours() -> None:
    body = {"data": {"no": 7, "state": "Выполнен", "tel": ["+79991234567"]}, "order": {"id": "1", "status": "Новый"}}
    paths = {"order": "data.no", "status": ["nowhere", "data.state"], "phone": "data.tel.0"}
    fact = one(body, paths=paths)
    assert fact.key == ("order", "7", "выполнен")
    assert fact.contact is not None
    assert fact.contact.phone == "+79991234567"


# Statuses


@pytest.mark.parametrize("name", DELIVERY_NAMES)
def test_each_status_of_the_sheet_is_one_of_ours(name: str) -> None:
    wanted = TYPES[DELIVERY_NAMES[name]]
    for spelled in (name, name.upper(), f"  {name.capitalize()} "):
        assert one(pushed(status=spelled)).type is wanted


@pytest.mark.parametrize("id_", DELIVERY_IDS)
def test_a_renamed_status_is_known_by_its_id(id_: str) -> None:
    assert one(pushed(status="Свой статус", orderStatusId=int(id_))).type is TYPES[DELIVERY_IDS[id_]]


def test_yo_is_ye() -> None:
    assert one(pushed(status="Отменён")).type is EventType.ORDER_CANCELLED
    assert one(pushed(status="Отменён")).key == one(pushed(status="отменен")).key


def test_an_unknown_status_is_kept_and_its_reason_says_what_to_put_where() -> None:
    fact = one(pushed(status="Гость доволен", orderStatusId=77))
    assert fact.type is EventType.OTHER
    assert fact.ignored is not None
    assert '«Гость доволен» (id 77) is unknown here: add status_map: {"Гость доволен": MEANING}' in fact.ignored
    assert "created, changed, completed, cancelled, ignored" in fact.ignored
    assert fact.data["unexplained"] == "Гость доволен"
    explained = one(pushed(status="Гость доволен", orderStatusId=77), status_map={"77": "completed"})
    assert fact.key != explained.key, "or the real one would later be taken for its repeat"


@pytest.mark.parametrize(
    ("public", "status", "expected"),
    [
        ({"status_map": {"Гость доволен": "completed"}}, "гость  доволен", E.ORDER_COMPLETED),
        ({"status_map": {"77": "completed"}}, "Переименован снова", E.ORDER_COMPLETED),
        ({"status_map": {"Выполнен": "changed"}}, "Выполнен", E.ORDER_CHANGED),
        ({"status_map": {"77": "cancelled", "Выполнен": "changed"}}, "Выполнен", E.ORDER_CANCELLED),
        ({"final_statuses": ["Приготовлен"]}, "Приготовлен", E.ORDER_COMPLETED),
        ({"final_statuses": ["77"]}, "Приготовлен", E.ORDER_COMPLETED),
        ({"final_statuses": ["Приготовлен"]}, "Выполнен", E.ORDER_CHANGED),
        ({"final_statuses": ["Приготовлен"]}, "Отменен", E.ORDER_CANCELLED),
        ({"final_statuses": ["Гость доволен"]}, "Гость доволен", E.ORDER_COMPLETED),
    ],
)
def test_the_connections_own_view_of_a_status_goes_first(public: Any, status: str, expected: EventType) -> None:
    assert one(pushed(status=status, orderStatusId=77), **public).type is expected


def test_a_status_may_be_said_to_be_of_no_interest() -> None:
    fact = one(pushed(status="Собран"), status_map={"Собран": "ignored"})
    assert fact.ignored == "status_map says that «Собран» is of no interest"


# The first event of a restaurant whose push has another form


def test_a_body_without_a_status_is_kept_and_a_map_is_proposed_without_a_value_of_it() -> None:
    strange = {"payload": {"zakaz_id": 7, "state": "выполнен", "client_phone": "+7 (999) 123-45-67", "courier": {}}}
    reason = unreadable(strange)
    assert (
        "It looks like paths: {order: payload.zakaz_id, status: payload.state, phone: payload.client_phone}" in reason
    )
    assert "the fields here are: payload.zakaz_id, payload.state, payload.client_phone" in reason
    assert "999" not in reason
    proposed = {"order": "payload.zakaz_id", "status": "payload.state", "phone": "payload.client_phone"}
    fact = one(strange, paths=proposed)
    assert (fact.type, fact.key) == (EventType.ORDER_COMPLETED, ("order", "7", "выполнен"))


def test_what_gives_no_hint_at_all_says_what_was_looked_for() -> None:
    reason = unreadable({"hello": [1, {"x": None}]})
    assert "expected an order's status at order.status, order.orderStatusName, status, orderStatusName" in reason
    assert "the fields here are: hello.0." in reason


def test_a_finished_order_whose_phone_stands_elsewhere_is_kept_for_the_operator_to_say_where() -> None:
    body = pushed(customer={"contactPhone": "89991234567"})
    reason = unreadable(body)
    assert "It looks like paths: {phone: order.customer.contactPhone}" in reason
    assert "8999" not in reason
    fact = one(body, paths={"phone": "order.customer.contactPhone"})
    assert fact.contact is not None
    assert fact.contact.phone == "89991234567"


@pytest.mark.parametrize(
    "order",
    [
        {"customer": {}, "courier": {"phone": "+79990000000"}},
        {"customer": {}, "restaurantPhone": "+79990000000"},
        {"customer": {}, "sum": 79991234567},
        {"status": "В пути", "customer": {"mobile_phone": "+79990000000"}},
    ],
)
def test_an_order_without_a_guests_phone_goes_its_way(order: dict[str, Any]) -> None:
    assert one(pushed(**order)).ignored is None


# Guests of aggregators


@pytest.mark.parametrize(
    "order",
    [
        {"orderSourceName": "Яндекс.Еда"},
        {"orderSourceName": "YANDEX EDA"},
        {"original": {"name": "Delivery Club"}, "orderSourceName": "Оператор"},
        {"orderSourceName": "СберМаркет"},
        {"orderSourceName": "Купер"},
        {"customer": {"phone": "+7 495 000-00-00 доб. 12345"}},
        {"customer": {"phone": "+74950000000,12345"}},
    ],
)
def test_an_aggregators_guest_is_marked_as_not_to_be_messaged(order: dict[str, Any]) -> None:
    contact = one(pushed(**order)).contact
    assert contact is not None
    assert contact.proxy


@pytest.mark.parametrize("source", ["Менеджер Куперман", "Сайт", "Яндекс Карты", None])
def test_a_guest_of_the_restaurants_own_is_not(source: str | None) -> None:
    contact = one(pushed(orderSourceName=source)).contact
    assert contact is not None
    assert not contact.proxy


# White Server


def event(status: Any = "Complited", kind: str = "OrderStatusChanged", **common: Any) -> dict[str, Any]:
    content: dict[str, Any] = sample("ws-event-order-status-changed-complited")
    content["responseEventCommon"] |= {"eventType": kind, **common}
    content["response"]["status"] = {"value": status, "isBillPrinted": True}
    return content


def test_an_event_is_read_whole_and_holds_no_contact() -> None:
    fact = one(event())
    assert str(fact.occurred_at) == "2026-03-14 15:53:01.703215+00:00", "seven digits, cut to six"
    assert fact.contact is None
    assert fact.entity is not None
    assert (fact.entity.kind, fact.entity.id) == ("till_order", f"{OBJECT_ID}/{GUID}")
    assert fact.data == {"status": "Complited", "bill_printed": True, "external_number": "TMA-1001"}
    later = one(event(dateTimeServerReceiveEventFromAgent="2026-03-14T18:53:02+03:00"))
    assert later.position is not None
    assert fact.position is not None
    assert later.position > fact.position


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("Created", E.ORDER_CREATED), ("Canceled", E.ORDER_CANCELLED), ("Complited", E.ORDER_COMPLETED),
        ("Completed", E.ORDER_COMPLETED), ("IssuedOut", E.ORDER_COMPLETED), ("Cooking", E.ORDER_CHANGED),
        ("", E.ORDER_CHANGED),
    ],
)  # fmt: skip
def test_a_status_of_the_till_is_one_of_ours(status: str, expected: EventType) -> None:
    assert one(event(status)).type is expected


def test_final_statuses_hold_for_the_till_too() -> None:
    assert one(event("IssuedOut"), final_statuses=["Complited"]).type is EventType.ORDER_CHANGED
    assert one(event("Cooking"), status_map={"Cooking": "ignored"}).ignored is not None


def test_an_end_told_by_both_kinds_of_event_is_one_fact_and_changes_before_it_are_several() -> None:
    whole = {**sample("ws-event-order-changed")}
    whole["response"]["order"]["status"] = {"value": "Complited", "isBillPrinted": True}
    assert one(whole).key == one(event()).key
    first, second = sample("ws-event-order-changed"), sample("ws-event-order-changed")
    second["responseEventCommon"]["eventGuid"] = "another"
    assert one(first).key != one(second).key


def test_another_restaurants_event_is_kept_and_never_acted_on() -> None:
    fact = one(event(objectId=1))
    assert fact.ignored == "it belongs to objectId 1, this connection is 199990160"
    assert (fact.contact, fact.subject, fact.entity) == (None, None, None)
    assert fact.key != one(event()).key
    assert one(event(objectId=1), object_id=[OBJECT_ID, 1]).ignored is None
    assert one(event(objectId=1), object_id=None).ignored is None


def test_an_event_of_another_type_is_kept_with_its_name() -> None:
    fact = one(event(kind="MenuChanged"))
    assert (fact.type, fact.ignored) == (EventType.OTHER, "White Server sent MenuChanged: nothing here acts on it")


def test_an_event_without_an_order_is_unreadable() -> None:
    content = event()
    content["response"] = None
    assert "orderGuid" in unreadable(content)


def test_a_reason_chosen_at_the_till_is_kept() -> None:
    content = event("Canceled")
    content["response"]["rejectingReason"] = {"code": 1, "message": "Гость не пришёл"}
    assert one(content).data["cancel_reason"] == "Гость не пришёл"


# White Server's signature: unpublished, so off until a connection says how it is made

KEY = "key-for-tests"
BODY = json.dumps(sample("ws-event-order-status-changed-complited")).encode()


def signed(recipe: str) -> str:
    made = {
        "hmac-sha256": hmac.digest(KEY.encode(), BODY, "sha256"),
        "sha256-key-body": hashlib.sha256(KEY.encode() + BODY).digest(),
        "sha256-body-key": hashlib.sha256(BODY + KEY.encode()).digest(),
    }
    return base64.b64encode(made[recipe]).decode()


@pytest.mark.parametrize("recipe", RECIPES)
def test_a_signature_is_checked_by_the_recipe_that_is_set(recipe: str) -> None:
    inbound = Inbound({"signature_recipe": recipe}, {"signature_key": KEY})
    assert WEBHOOK.verify(posted(BODY, ("signature", signed(recipe))), inbound) is None
    for wrong in ("", "???", signed(recipe)[:-5], base64.b64encode(b"x" * 32).decode(), signed(recipe) + "é"):
        reason = WEBHOOK.verify(posted(BODY, ("signature", wrong)), inbound)
        assert reason is not None
        assert KEY not in reason
    assert WEBHOOK.verify(posted(BODY), inbound) is not None
    assert WEBHOOK.verify(posted(BODY + b" ", ("signature", signed(recipe))), inbound) is not None


def test_a_recipe_without_its_key_lets_nothing_in() -> None:
    reason = WEBHOOK.verify(posted(BODY, ("signature", "x")), Inbound({"signature_recipe": "hmac-sha256"}, {}))
    assert reason is not None
    assert "signature_key" in reason


def test_a_push_is_never_signed() -> None:
    inbound = Inbound({"signature_recipe": "hmac-sha256"}, {"signature_key": KEY})
    assert WEBHOOK.verify(posted(BRIEF_CURL.encode()), inbound) is None
    assert WEBHOOK.verify(posted(b"{"), inbound) is None
    escaped = BODY.replace(b"responseEventCommon", b"\\u0072esponseEventCommon")
    assert WEBHOOK.verify(posted(escaped), inbound) is not None


# What isn't the format


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"5", b'"x"', b"null", b"[NaN]", b'{"a": Infinity}', b"[" * 100_000, b"9" * 5000, b"\x98\xff",
     b'<?xml version="1.0"?><Event EventGuid="1"/>'],
)  # fmt: skip
def test_what_is_not_the_format_is_said_so(body: bytes) -> None:
    with pytest.raises(NotTheFormat, match="expected"):
        parse(body)


def test_the_old_protocol_is_named() -> None:
    with pytest.raises(NotTheFormat, match="API v2"):
        parse(b' <Event EventGuid="1" ObjectId="1" EventType="OrdersChanged"/>')


def test_refusing_could_cost_the_address_so_nothing_is_refused() -> None:
    assert not WEBHOOK.tolerates_400
    assert {"application/json", "text/xml"} <= set(WEBHOOK.content_types)


def test_one_unreadable_item_does_not_take_the_others_with_it() -> None:
    facts = parse([1, pushed(), {"x": 1}, None, event(), {"responseEventCommon": None}])
    assert [type(fact) for fact in facts] == [Unreadable, Fact, Unreadable, Unreadable, Fact, Fact]
    assert parse([]) == []


def test_an_endless_id_is_refused_not_shortened() -> None:
    assert "at most 200 characters" in unreadable(pushed(id="1" * 201))
