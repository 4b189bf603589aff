"""Any webhook in: who may knock, and what a stranger's body means by the connection's settings."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.support import posted
from svyazka.connectors.http.settings import HttpSettings
from svyazka.connectors.http.webhook import WEBHOOK, form, moment
from svyazka.engine.contracts.webhook import Inbound, NotTheFormat, RawRequest
from svyazka.engine.security.standardwebhooks import signed_headers
from svyazka.model.contacts import normalize_phone
from svyazka.model.events import EventType, Fact, Unreadable

NOW = 1_773_504_000.0
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SHOP: dict[str, Any] = {
    "items": "orders",
    "type": "state",
    "types": {"paid": "order.completed", "new": "order.created"},
    "subject": "id",
    "key": ["id", "changed"],
    "occurred_at": "changed",
    "contact": {"name": "buyer.name", "phone": "buyer.tel", "email": "buyer.mail", "chats": {"telegram": "buyer.tg"}},
    "fields": {"number": "no", "sum": "sum(lines[].price)", "first": "lines[0]", "none": "nothing"},
}
ORDER = {
    "id": 7, "no": "A-7", "state": "paid", "changed": "2026-03-14T18:53:01+03:00",
    "buyer": {"name": "Анна", "tel": "8 999 123-45-67", "mail": "anna@example.ru", "tg": 12345},
    "lines": [{"price": 100}, {"price": 50.5}],
}  # fmt: skip


def parse(content: Any, public: dict[str, Any] | None = None, *headers: tuple[str, str]) -> list[Fact | Unreadable]:
    HttpSettings.model_validate(public or {})
    body = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
    return WEBHOOK.parse(posted(body, *headers), Inbound(public or {}, {}))


def one(content: Any, public: dict[str, Any] | None = None, *headers: tuple[str, str]) -> Fact:
    (fact,) = parse(content, public, *headers)
    assert isinstance(fact, Fact), fact
    return fact


# What it says


def test_an_item_is_read_as_the_settings_say() -> None:
    fact = one({"orders": [ORDER]}, SHOP)
    assert (fact.type, fact.subject, fact.key) == (
        EventType.ORDER_COMPLETED, "order:7", ("item", "paid", "7", "2026-03-14T18:53:01+03:00"),
    )  # fmt: skip
    assert str(fact.occurred_at) == "2026-03-14 15:53:01+00:00"
    assert fact.contact is not None
    assert fact.contact.model_dump() == {
        "name": "Анна", "phone": "8 999 123-45-67", "email": "anna@example.ru", "chats": {"telegram": "12345"},
        "proxy": False,
    }  # fmt: skip
    assert fact.data == {"number": "A-7", "sum": 150.5, "first": {"price": 100}}


@pytest.mark.parametrize(
    ("body", "number"),
    [
        (b'{"type": "order.completed", "phone": 79990000107.0}', "+79990000107"),
        (b'{"type": "order.completed", "phone": "79990000107.0"}', "+79990000107"),
        (b'{"type": "order.completed", "phone": 7.9990000107e10}', "+79990000107"),
        (b'{"type": "order.completed", "phone": 901234567.0}', None),
        (b'{"type": "order.completed", "phone": "901234567.0"}', None),
        (b'{"type": "order.completed", "phone": 79990000107.5}', None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("phone", ["phone", "to_string(phone)", "join(' ', ['тел.', to_string(phone)])"])
def test_a_number_that_a_spreadsheet_made_of_a_phone_gets_no_digit_of_anothers(
    body: bytes, number: str | None, phone: str
) -> None:
    contact = one(body, {"contact": {"phone": phone}}).contact
    assert contact is not None
    assert normalize_phone(contact.phone) == number


def test_a_message_in_the_standards_own_shape_needs_no_settings() -> None:
    body = {"type": "lead.created", "timestamp": "2022-11-03T20:26:10.344522Z", "data": {"id": "ld_1"}}
    fact = one(body)
    assert (fact.type, fact.key, fact.subject) == (EventType.LEAD_CREATED, None, None)
    assert str(fact.occurred_at) == "2022-11-03 20:26:10.344522+00:00"
    assert one(body, {"subject": "data.id"}).subject == "lead:ld_1"


def test_a_type_of_ours_may_stand_for_all_that_comes() -> None:
    fact = one({"Phone": "+7 999 123-45-67"}, {"type": "lead.created", "contact": {"phone": "Phone"}})
    assert fact.type is EventType.LEAD_CREATED
    assert fact.contact is not None


def test_each_item_of_a_batch_is_a_fact_of_its_own_and_a_bad_one_takes_no_other_with_it() -> None:
    orders = [ORDER, {**ORDER, "id": 8, "state": "new"}, {"id": 9}, {**ORDER, "lines": "?"}, 5]
    facts = parse({"orders": orders}, SHOP)
    assert [type(fact) for fact in facts] == [Fact, Fact, Unreadable, Unreadable, Unreadable]
    assert isinstance(facts[1], Fact)
    assert facts[1].type is EventType.ORDER_CREATED
    assert isinstance(facts[3], Unreadable)
    assert facts[3].reason == "sum(lines[].price) can't be applied to it (JMESPathTypeError)"


def test_items_that_are_not_there_are_said_so() -> None:
    (item,) = parse({"else": []}, SHOP)
    assert isinstance(item, Unreadable)
    assert item.reason == "items: orders finds nothing in this body"
    assert parse({"orders": []}, SHOP) == []
    (too_many,) = parse({"orders": [1] * 1001}, SHOP)
    assert isinstance(too_many, Unreadable)


def test_a_word_that_nobody_has_explained_is_kept_and_its_reason_says_what_to_put_where() -> None:
    fact = one({"orders": [{**ORDER, "state": "shipped"}]}, SHOP)
    assert fact.type is EventType.OTHER
    assert fact.ignored is not None
    assert 'add types: {"shipped": TYPE} to this connection' in fact.ignored
    assert fact.data == {"unexplained": "shipped"}
    explained = one({"orders": [{**ORDER, "state": "shipped"}]}, {**SHOP, "types": {"shipped": "order.changed"}})
    assert fact.key != explained.key, "or the real one would later be taken for its repeat"


@pytest.mark.parametrize("word", ["message.requested", "other"])
def test_nobody_outside_can_ask_for_a_message(word: str) -> None:
    fact = one({"type": word, "via": "sms", "text": "x"}, {"fields": {"via": "via", "text": "text"}})
    assert (fact.type, fact.data) == (EventType.OTHER, {"unexplained": word})
    assert fact.ignored is not None


def test_a_repeat_is_told_by_key_and_two_words_about_one_object_are_two_facts() -> None:
    def key(**order: Any) -> tuple[str, ...] | None:
        return one({"orders": [{**ORDER, **order}]}, SHOP).key

    assert key() == key(no="B", buyer=None)
    assert len({key(), key(changed="2026-03-15T00:00:00Z"), key(id=8), key(state="new")}) == 4
    assert key(changed=None) == ("item", "paid", "7", "")
    assert key(id=None, changed=None) is None, "nothing to tell it by: its body has to do"


def test_a_signed_message_is_told_by_its_id_where_no_key_is_set() -> None:
    auth = {"auth": {"by": "standard_webhooks"}, "type": "order.created", "items": "@"}
    headers = [("webhook-id", "msg_1"), ("webhook-timestamp", "1"), ("webhook-signature", "v1,x")]
    first, second = parse([{"a": 1}, {"a": 1}], auth, *headers)
    assert (first.key, second.key) == (("message", "msg_1", "0"), ("message", "msg_1", "1"))
    assert one({"a": 1}, {**auth, "key": "a"}, *headers).key == ("item", "order.created", "1")
    assert one({"a": 1}, {"type": "order.created"}, *headers).key is None, "unsigned, an id proves nothing"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("2026-03-14T18:53:01.7032158+03:00", "2026-03-14 15:53:01.703215+00:00"),
        (1773503581, "2026-03-14 15:53:01+00:00"),
        (1773503581640, "2026-03-14 15:53:01.640000+00:00"),
        ("1773503581", "2026-03-14 15:53:01+00:00"),
        (1773503581.5, "2026-03-14 15:53:01.500000+00:00"),
        ("2026-03-14 18:53:01", None), ("", None), ("soon", None), (None, None), (True, None), (1e30, None),
        ([1], None), ("9" * 30, None), ("٣٣", None),
    ],
)  # fmt: skip
def test_a_time_is_believed_where_its_zone_is_known(given: Any, expected: str | None) -> None:
    found = moment(given)
    assert (str(found) if found else None) == expected


# Forms


def test_a_form_is_read_like_json() -> None:
    body = "Name=Анна&Phone=%2B7+999+123-45-67&tag=a&tag=b&empty=&formid=form1&a[b]=c".encode()
    public = {
        "type": "lead.created", "contact": {"name": "Name", "phone": "Phone"},
        "fields": {"tags": "tag", "nested": '"a[b]"', "empty": "empty"}, "key": "formid",
    }  # fmt: skip
    fact = one(body, public, ("content-type", "application/x-www-form-urlencoded; charset=UTF-8"))
    assert fact.contact is not None
    assert (fact.contact.name, fact.contact.phone) == ("Анна", "+7 999 123-45-67")
    assert fact.data == {"tags": ["a", "b"], "nested": "c", "empty": ""}


def test_a_form_in_windows_1251_is_read_too() -> None:
    percent = "".join(f"%{byte:02X}" for byte in "Анна".encode("cp1251"))
    assert form(f"Name={percent}".encode(), None) == {"Name": "Анна"}
    assert form("Name=Анна".encode("cp1251"), None) == {"Name": "Анна"}


def test_json_that_curl_calls_a_form_is_json() -> None:
    header = ("content-type", "application/x-www-form-urlencoded")
    assert one(b' {"type": "lead.created"}', None, header).type is EventType.LEAD_CREATED
    assert len(parse(b'[{"type": "lead.created"}]', None, header)) == 1


def test_a_form_without_end_is_refused() -> None:
    with pytest.raises(NotTheFormat, match="at most 1000 fields"):
        form(b"a=1&" * 1001, None)


# Who may knock

BODY = json.dumps(ORDER).encode()


def verify(auth: dict[str, Any], secret: str | None, *headers: tuple[str, str], body: bytes = BODY) -> str | None:
    HttpSettings.model_validate({"auth": auth})
    secrets = {"inbound_secret": secret} if secret else {}
    return WEBHOOK.verify(posted(body, *headers), Inbound({"auth": auth}, secrets, NOW))


def test_without_auth_the_key_in_our_address_is_the_proof() -> None:
    assert WEBHOOK.verify(posted(BODY), Inbound({}, {})) is None
    assert verify({"by": "key"}, None) is None


@pytest.mark.parametrize("by", ["token", "basic", "hmac", "standard_webhooks"])
def test_a_way_that_lacks_its_secret_lets_nobody_in(by: str) -> None:
    reason = verify({"by": by, "header": "X-A"}, None, ("x-a", ""), ("authorization", "Basic "))
    assert reason == "inbound_secret isn't there: `svyazka secret set` puts it in"


def test_a_token_in_a_header() -> None:
    auth = {"by": "token", "header": "X-Token"}
    assert verify(auth, "секрет-1", ("x-token", " секрет-1 ".encode().decode("latin-1"))) is None
    for wrong in ("секрет-2", "", "секрет-1x"):
        assert (
            verify(auth, "секрет-1", ("x-token", wrong.encode().decode("latin-1")))
            == "the request isn't proved by token"
        )
    assert verify(auth, "секрет-1") is not None


def test_basic() -> None:
    def header(text: str) -> tuple[str, str]:
        return ("authorization", f"Basic {base64.b64encode(text.encode()).decode()}")

    assert verify({"by": "basic"}, "user:пароль", header("user:пароль")) is None
    assert verify({"by": "basic"}, "user:a:b", header("user:a:b")) is None
    for wrong in (header("user:другой"), header(""), ("authorization", "Basic ???"), ("authorization", "Bearer x")):
        assert verify({"by": "basic"}, "user:пароль", wrong) is not None


@pytest.mark.parametrize("algorithm", ["sha1", "sha256", "sha384", "sha512"])
@pytest.mark.parametrize("encoding", ["hex", "base64"])
@pytest.mark.parametrize("prefix", ["", "sha="])
def test_an_hmac_of_the_bodys_very_bytes(algorithm: str, encoding: str, prefix: str) -> None:
    auth = {"by": "hmac", "header": "X-Hub-Signature", "algorithm": algorithm, "encoding": encoding, "prefix": prefix}
    made = hmac.new(b"key", BODY, getattr(hashlib, algorithm))
    value = made.hexdigest() if encoding == "hex" else base64.b64encode(made.digest()).decode()
    header = ("x-hub-signature", prefix + value)
    assert verify(auth, "key", header) is None
    if encoding == "hex":
        assert verify(auth, "key", ("x-hub-signature", prefix + value.upper())) is None
    assert verify(auth, "key", header, body=BODY + b" ") is not None
    assert verify(auth, "other", header) is not None
    assert verify(auth, "key", ("x-hub-signature", value if prefix else f"x{value}")) is not None
    assert verify(auth, "key") is not None


def test_standard_webhooks_by_either_of_two_secrets() -> None:
    other = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
    headers = list(signed_headers(SECRET, "msg_1", int(NOW), BODY).items())
    auth = {"by": "standard_webhooks"}
    assert verify(auth, f"{other} {SECRET}", *headers) is None
    assert verify(auth, other, *headers) is not None
    stale = list(signed_headers(SECRET, "msg_1", int(NOW) - 400, BODY).items())
    assert "stale" in str(verify(auth, SECRET, *stale))
    assert "inbound_secret can't be used" in str(verify(auth, "whsec_", *headers))


def test_an_auth_that_was_written_by_nobody_we_know_lets_nobody_in() -> None:
    inbound = Inbound({"auth": {"by": "magic"}}, {"inbound_secret": "x"})
    assert WEBHOOK.verify(posted(BODY), inbound) == "auth.by names no way that we know"


# Settings


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ({"subject": "a..b"}, "expected a JMESPath expression such as order.id, got 'a..b'"),
        ({"contact": {"phone": "["}}, "contact.phone"),
        ({"contact": {"tel": "x"}}, "contact.tel"),
        ({"fields": {"a": "no_such_function(@"}}, "fields.a"),
        ({"types": {"paid": "order.paid"}}, "types.paid"),
        ({"types": {"paid": "message.requested"}}, "paid: expected a type such as order.completed"),
        ({"auth": {"by": "hmac"}}, "by hmac: expected `header`"),
        ({"auth": {"by": "hmac", "header": "X A"}}, "auth.header"),
        ({"auth": {"by": "hmac", "header": "X", "algorithm": "md5"}}, "'sha1', 'sha256'"),
        ({"url": "example.org/hook"}, "expected an address such as https://example.org/hook"),
        ({"url": "ftp://example.org"}, "expected an address such as https://example.org/hook"),
        ({"url": "https://user:pass@example.org"}, "put them into `authorization`"),
        ({"headers": {"Authorization": "x"}}, "set by us, or by `authorization`"),
        ({"headers": {"webhook-id": "x"}}, "set by us, or by `authorization`"),
        ({"headers": {"X A": "x"}}, "expected a header's name"),
        ({"headers": {"X": "a\r\nY: b"}}, "expected a header's name"),
        ({"headers": {"X": "жук"}}, "expected a header's name"),
        ({"method": "GET"}, "'POST', 'PUT' or 'PATCH'"),
        ({"body": "{a: "}, "expected a JMESPath expression"),
    ],
)
def test_a_setting_that_cannot_be_used_is_named_with_what_was_expected(given: Any, complaint: str) -> None:
    with pytest.raises(ValueError, match="validation error") as caught:
        HttpSettings.model_validate(given)
    assert complaint in str(caught.value)
    assert "user:pass" not in caught.value.errors()[0]["msg"]  # type: ignore[attr-defined]


def test_settings_that_can_be_used_pass() -> None:
    HttpSettings.model_validate(
        {
            **SHOP,
            "url": "/path",
            "base_url": "http://127.0.0.1:1",
            "headers": {"X-Api-Version": "2"},
            "body": "{a: data}",
        }
    )
    HttpSettings.model_validate({"url": "•" * 8})


# Whatever comes


@given(st.dictionaries(st.text(max_size=10), st.text(max_size=10)), st.text(max_size=20))
def test_any_headers_are_judged_without_surprise(headers: dict[str, str], secret: str) -> None:
    pairs = [
        (name.encode("utf-8", "replace").lower(), value.encode("utf-8", "replace")) for name, value in headers.items()
    ]
    for by in ("token", "basic", "hmac", "standard_webhooks"):
        inbound = Inbound({"auth": {"by": by, "header": "x"}}, {"inbound_secret": secret or "x"})
        WEBHOOK.verify(RawRequest("POST", "/", b"", pairs, b"{}"), inbound)
