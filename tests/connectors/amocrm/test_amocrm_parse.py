"""What amoCRM's webhooks mean in our words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from connectors.support import posted
from svyazka.connectors.amocrm.webhook import WEBHOOK
from svyazka.engine.contracts.webhook import Inbound, NotTheFormat, RawRequest
from svyazka.model.contacts import Contact
from svyazka.model.events import Entity, EventType, Fact, Unreadable

SAMPLES = Path(__file__).parents[2] / "samples" / "amocrm"
ACCOUNT = "31500000"
OURS = Inbound({"account_id": ACCOUNT}, {})
BRIEF_CURL = b"""{
    "leads": {
      "status": [{
        "id": 12345,
        "status_id": 142,
        "main_contact": {
          "phone": "+79991234567"
        }
      }]
    }
  }"""
BRIEF_FORM = (
    "leads[status][0][id]=12345&leads[status][0][status_id]=142&leads[status][0][pipeline_id]=789"
    "&leads[status][0][old_status_id]=456&contacts[update][0][id]=111"
    "&contacts[update][0][custom_fields][0][id]=66192&contacts[update][0][custom_fields][0][name]=Телефон"
    "&contacts[update][0][custom_fields][0][values][0][value]=79991234567"
).encode()
BRIEF_JSON = {
    "leads": {
        "status": [
            {
                "id": 12345, "status_id": 142, "pipeline_id": 789,
                "main_contact": {"id": 111, "phone": "+79991234567"},
            }
        ]
    },
    "contacts": {
        "update": [
            {
                "id": 111,
                "custom_fields_values": [
                    {"field_name": "Телефон", "field_code": "PHONE", "values": [{"value": "79991234567"}]}
                ],
            }
        ]
    },
}  # fmt: skip

E = EventType


def sample(name: str) -> bytes:
    return (SAMPLES / f"wh-{name}.form").read_bytes()


def parse(content: Any, inbound: Inbound = OURS) -> list[Fact | Unreadable]:
    if isinstance(content, bytes):
        return WEBHOOK.parse(posted(content, ("content-type", "application/x-www-form-urlencoded")), inbound)
    return WEBHOOK.parse(posted(json.dumps(content).encode(), ("content-type", "application/json")), inbound)


def one(content: Any, inbound: Inbound = OURS) -> Fact:
    (fact,) = parse(content, inbound)
    assert isinstance(fact, Fact), fact
    return fact


def lead(action: str = "status", **fields: Any) -> dict[str, Any]:
    own = {"id": "1", "status_id": "142", "pipeline_id": "7", "updated_at": "1760007200", **fields}
    return {"leads": {action: [{name: value for name, value in own.items() if value is not None}]}}


def test_a_won_deal_is_read_whole_and_its_client_is_left_to_be_read_again() -> None:
    fact = one(sample("leads-status-won"))
    assert fact.key == ("lead", "15318175", "1760007200", "142")
    assert fact.entity is not None
    assert (fact.entity.kind, fact.entity.id) == ("lead", "15318175")
    assert str(fact.occurred_at) == "2025-10-09 10:53:20+00:00"
    assert (fact.position, fact.partial, fact.contact) == (1760007200, False, None)
    assert (fact.data["sum"], fact.data["pipeline"], fact.data["old_status"]) == (1500, "7000001", "60000012")
    assert "Telegram" not in fact.model_dump_json(), "custom fields stay in the raw request"


def test_a_contact_has_its_mobile_phone_its_mail_and_its_name() -> None:
    assert one(sample("contacts-update")).contact == Contact(
        name="Иван Петров", phone="+79991234567", email="ivan.petrov@example.test"
    )


def test_a_company_is_told_from_a_contact_by_its_type_alone() -> None:
    fact = one(sample("company-add"))
    assert (fact.data, fact.contact) == ({"kind": "company", "title": "ООО «Ромашка»"}, None)
    assert fact.entity is not None
    assert fact.entity.kind == "company"


def test_a_request_from_a_form_is_a_lead_with_its_asker() -> None:
    fact = one(sample("unsorted-add-form"))
    assert fact.contact == Contact(name="Анна", phone="+79990000011")
    assert fact.data["service"] == "Запись на стрижку"


def test_a_clients_message_is_news_and_a_managers_answer_is_not() -> None:
    fact = one(sample("message-add"))
    assert (fact.contact, fact.data["channel"]) == (Contact(name="Иван"), "telegram")
    assert one({"message": {"add": [{"id": "m", "type": "outgoing"}]}}).ignored == "a message that wasn't a client's"


def test_a_digital_pipeline_hook_of_ids_only_is_a_hint_to_read_the_deal() -> None:
    fact = one(sample("digital-pipeline-status"))
    assert (fact.partial, fact.key) == (True, None)


# The brief


def test_the_briefs_curl_is_a_won_deal_with_its_phone() -> None:
    fact = one(json.loads(BRIEF_CURL))
    assert (fact.type, fact.subject, fact.key) == (E.DEAL_WON, "deal:12345:won", None)
    assert fact.contact == Contact(phone="+79991234567")


@pytest.mark.parametrize("body", [BRIEF_FORM, BRIEF_JSON], ids=["form", "json"])
def test_the_briefs_two_bodies_are_a_won_deal_and_its_contact(body: Any) -> None:
    won, card = parse(body)
    assert isinstance(won, Fact)
    assert isinstance(card, Fact)
    assert (won.type, card.type) == (E.DEAL_WON, E.CONTACT_CHANGED)
    assert won.contact is not None
    assert won.contact.phone in ("+79991234567", "79991234567")


def test_a_json_body_under_the_forms_content_type_is_read_all_the_same() -> None:
    assert one(BRIEF_CURL).type is E.DEAL_WON


def test_the_phone_is_taken_in_the_briefs_order() -> None:
    contact = {
        "id": 111,
        "custom_fields_values": [{"field_name": "x", "field_code": "PHONE", "values": [{"value": "79990000002"}]}],
        "custom_fields": [{"name": "Телефон", "values": [{"value": "79990000003"}]}],
        "phone": "79990000004",
    }
    body = lead(main_contact={"phone": "79990000001"})
    body["contacts"] = {"update": [contact]}
    found = []
    for taken in (("main_contact",), ("custom_fields_values",), ("custom_fields",), ("phone",)):
        known = parse(body)[0]
        assert isinstance(known, Fact)
        assert known.contact is not None
        found.append(known.contact.phone)
        del (body["leads"]["status"][0] if taken == ("main_contact",) else contact)[taken[0]]
    assert found == ["79990000001", "79990000002", "79990000003", "79990000004"]


@pytest.mark.parametrize(
    ("fields", "phone"),
    [
        ([{"code": "PHONE", "values": [{"value": "8 (999) 123-45-67"}]}], "8 (999) 123-45-67"),
        ([{"name": "ТЕЛЕФОН", "values": [{"value": "89991234567"}]}], "89991234567"),
        ([{"name": "Тел.", "values": ["89991234567"]}], "89991234567"),
        ([{"name": "Тел", "values": {"0": {"value": "1"}, "1": {"value": "89991234567"}}}], "89991234567"),
        ([{"name": "Phone", "values": {"value": "89991234567"}}], "89991234567"),
        ([{"code": "PHONE", "values": [{"value": "+7 495 000-00-00, +7 999 123-45-67"}]}], "+7 999 123-45-67"),
        ([{"code": "PHONE", "values": [{"value": "+74950000000"}]}], "+74950000000"),
        (
            [
                {"name": "Телефон", "values": [{"value": "79990000009"}]},
                {"code": "PHONE", "values": [{"value": "79991234567"}]},
            ],
            "79991234567",
        ),
        ([{"name": "Комментарий", "values": [{"value": "звоните 79991234567"}]}], None),
        ([{"code": "POSITION", "name": "Телефон", "values": [{"value": "79991234567"}]}], None),
        ([{"code": "PHONE", "values": [{"value": "нет"}]}], None),
        ([{"code": "PHONE"}, "x", {"values": 5}], None),
    ],
)
def test_a_phone_is_where_amocrm_or_people_keep_it_and_never_free_text(fields: Any, phone: str | None) -> None:
    contact = one({"contacts": {"update": [{"id": 1, "custom_fields": fields}]}}).contact
    assert contact is not None
    assert contact.phone == phone


def test_a_contact_of_another_deal_in_the_same_batch_is_never_this_deals_client() -> None:
    stranger = {"id": 5, "phone": "79990000005", "linked_leads_id": {"999": {"ID": 999}}}
    own = {"id": 6, "phone": "79991234567", "linked_leads_id": {"1": {"ID": 1}}}
    for contacts, phone in (([stranger], None), ([stranger, own], "79991234567")):
        won = parse({**lead(), "contacts": {"update": contacts}})[0]
        assert isinstance(won, Fact)
        assert (won.contact.phone if won.contact else None) == phone


def test_of_several_contacts_that_say_nothing_none_is_guessed() -> None:
    contacts = [{"id": 5, "phone": "79990000005"}, {"id": 6, "phone": "79990000006"}]
    won = parse({**lead(), "contacts": {"update": contacts}})[0]
    assert isinstance(won, Fact)
    assert won.contact is None


@pytest.mark.parametrize(
    ("main", "phone"),
    [
        ({"id": 6}, "79991234567"), ({"id": "6"}, "79991234567"), ({"id": 6, "email": "a@example.org"}, "79991234567"),
        ({"id": 7}, None),
    ],
)  # fmt: skip
def test_whom_a_deal_names_as_its_main_contact_is_its_client_and_no_other(main: Any, phone: str | None) -> None:
    other, own = {"id": 5, "phone": "79990000005"}, {"id": 6, "phone": "79991234567"}
    for contacts in ([other, own], [own], [other]):
        won = parse({**lead(main_contact=main), "contacts": {"update": contacts}})[0]
        assert isinstance(won, Fact)
        assert (won.contact.phone if won.contact else None) == (phone if own in contacts else None)


# Stages


@pytest.mark.parametrize(
    ("action", "fields", "setting", "expected"),
    [
        ("status", {}, None, E.DEAL_WON),
        ("add", {}, None, E.DEAL_WON),
        ("update", {}, None, E.DEAL_WON),
        ("status", {"pipeline_id": "8"}, None, E.DEAL_WON),
        ("status", {"status_id": "143"}, None, E.DEAL_LOST),
        ("status", {"status_id": "60000012"}, None, E.DEAL_CHANGED),
        ("add", {"status_id": "60000012"}, None, E.DEAL_CREATED),
        ("restore", {"status_id": "60000012"}, None, E.DEAL_CHANGED),
        ("delete", {"updated_at": None}, None, E.DEAL_CHANGED),
        ("status", {"status_id": "55"}, ["55"], E.DEAL_WON),
        ("status", {"status_id": "55"}, [55], E.DEAL_WON),
        ("status", {}, ["55"], E.DEAL_CHANGED),
        ("status", {}, ["7:142"], E.DEAL_WON),
        ("status", {"pipeline_id": "8"}, ["7:142"], E.DEAL_CHANGED),
        ("status", {"status_id": "143"}, ["55"], E.DEAL_LOST),
    ],
)
def test_a_stage_of_a_deal_is_one_of_ours(
    action: str, fields: dict[str, Any], setting: list[Any] | None, expected: EventType
) -> None:
    inbound = Inbound({"won_statuses": setting} if setting else {}, {})
    assert one(lead(action, **fields), inbound).type is expected


def test_two_hooks_of_one_save_are_one_fact() -> None:
    assert one(lead("update", old_status_id="142")).key == one(lead("status", old_status_id="5")).key


def test_a_deal_that_leaves_its_won_stage_speaks_of_the_same_fact() -> None:
    moved_back = one(lead(status_id="5", old_status_id="142"))
    assert (moved_back.type, moved_back.subject) == (E.DEAL_CHANGED, one(lead()).subject)
    gone = one(lead("delete", updated_at=None))
    assert (gone.subject, gone.data["deleted"]) == ("deal:1:won", True)


# Batches and odd shapes


def test_a_batch_of_several_entities_actions_and_places_is_read_to_its_end() -> None:
    pairs = [
        ("leads[status][1][id]", 2), ("leads[status][1][status_id]", 142), ("leads[status][0][id]", 1),
        ("leads[add][0][id]", 3), ("leads[add][0][status_id]", 5), ("contacts[update][7][id]", 4),
        ("task[add][0][id]", 5),
    ]  # fmt: skip
    facts = parse(urlencode(pairs).encode())
    assert [fact.subject for fact in facts if isinstance(fact, Fact)] == [
        "deal:1", "deal:2:won", "deal:3", "contact:4", None,
    ]  # fmt: skip


@pytest.mark.parametrize("body", [b"leads[delete][0]=123", b"leads[delete][0][0][id]=123", b"leads[delete][]=123"])
def test_bare_ids_and_items_wrapped_twice_are_understood(body: bytes) -> None:
    assert one(body).subject == "deal:123"


def test_one_item_that_cannot_be_read_never_takes_the_others_with_it() -> None:
    facts = parse({"leads": {"status": [None, {"status_id": 142}, {"id": 1, "status_id": 142}, {"id": "9" * 90}]}})
    assert [type(fact) for fact in facts] == [Unreadable, Unreadable, Fact, Unreadable]


@pytest.mark.parametrize(
    "body",
    [b"", b"hello", b"account[id]=1", b"leads=1", b"{", b"[]", b"5", b"{}", b'{"leads": []}', b'{"leads": {"x": {}}}'],
)
def test_what_holds_no_entity_is_not_the_format(body: bytes) -> None:
    with pytest.raises(NotTheFormat):
        parse(body)


def test_amocrm_switches_off_who_refuses_so_no_body_is_refused() -> None:
    assert not WEBHOOK.tolerates_400


@pytest.mark.parametrize("action", ["delete", "restore"])
@pytest.mark.parametrize("entity", ["leads", "contacts"])
@pytest.mark.parametrize("written", [7, "7", ["7"], {"0": "7"}, {"id": "7"}, [{"id": 7}], {"0": {"id": "7"}}])
def test_one_item_may_stand_in_place_of_a_list(entity: str, action: str, written: Any) -> None:
    fact = one({entity: {action: written}})
    assert fact.entity is not None
    assert fact.entity.id == "7"


def test_a_bare_id_in_a_form_is_read_too() -> None:
    assert one(b"leads[delete]=7").entity == Entity(kind="lead", id="7")
    with pytest.raises(NotTheFormat):
        parse(b"leads[delete]=")


def test_an_attachment_without_a_word_is_no_empty_message() -> None:
    message = {"id": "m1", "type": "incoming", "author": {"name": "Анна"}, "text": ""}
    picture = {"type": "picture", "link": "https://example.org/p", "file_name": "торт.jpg"}
    fact = one({"message": {"add": [{**message, "attachment": picture}]}})
    assert (fact.type, fact.data["attachment"], fact.data["file"]) == (
        EventType.MESSAGE_RECEIVED,
        "picture",
        "торт.jpg",
    )
    assert "example.org" not in fact.model_dump_json()


# Another account


@pytest.mark.parametrize("named", ["account", "item"])
def test_another_accounts_event_is_kept_and_never_acted_on(named: str) -> None:
    body = lead(account_id="666" if named == "item" else ACCOUNT, main_contact={"phone": "79991234567"})
    body["account"] = {"id": ACCOUNT if named == "item" else "666"}
    fact = one(body)
    assert fact.ignored == f"it belongs to account 666, this connection is {ACCOUNT}"
    assert (fact.contact, fact.subject, fact.entity, fact.partial) == (None, None, None, False)
    assert fact.key is not None
    assert fact.key[0] == "foreign", "or the real one would later be taken for its repeat"


def test_without_an_account_id_none_is_checked() -> None:
    assert one({**lead(), "account": {"id": "666"}}, Inbound({}, {})).ignored is None


# What a GET brings


def got(name: str) -> RawRequest:
    line = (SAMPLES / f"{name}.http").read_text().splitlines()[0]
    path, _, query = line.split()[1].partition("?")
    return RawRequest("GET", path, query.encode(), [], b"")


def test_the_redirect_the_widgets_call_and_the_notice_go_to_the_worker() -> None:
    assert WEBHOOK.for_the_worker(got("oauth-redirect-ok")) == {
        "code": "def502000000test", "state": "hub-state-1", "referer": "kofeinya-test.amocrm.ru",
        "client_id": "01d01160-0000-4000-8000-6a1bb83fcd1d",
    }  # fmt: skip
    widget = WEBHOOK.for_the_worker(got("oauth-redirect-from-widget"))
    assert widget is not None
    assert (widget["from_widget"], "state" in widget) == ("1", False)
    notice = WEBHOOK.for_the_worker(got("wh-integration-disabled"))
    assert notice is not None
    assert sorted(notice) == ["account_id", "client_uuid", "signature"]
    assert WEBHOOK.for_the_worker(RawRequest("GET", "/", b"key=x", [], b"")) is None


def test_the_page_after_agreeing_holds_nothing_that_came_with_the_request() -> None:
    request = RawRequest("GET", "/", b"code=%3Cscript%3E&referer=%3Cscript%3E", [], b"")
    answer = WEBHOOK.handshake(request, OURS)
    assert answer is not None
    assert b"script" not in answer.body
    assert answer.headers["Referrer-Policy"] == "no-referrer"


def test_a_plain_get_is_not_greeted_by_us() -> None:
    assert WEBHOOK.handshake(RawRequest("GET", "/", b"key=x", [], b""), OURS) is None
