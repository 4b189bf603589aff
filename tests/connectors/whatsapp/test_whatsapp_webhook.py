"""What WhatsApp's webhooks mean in our words, and who may send them."""

from __future__ import annotations

import hmac
import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.support import posted
from simulators.whatsapp import APP_SECRET
from svyazka.connectors.whatsapp.messages import NOT_WORDS
from svyazka.connectors.whatsapp.statuses import STATES
from svyazka.connectors.whatsapp.webhook import WEBHOOK
from svyazka.engine.contracts.webhook import Inbound, NotTheFormat, RawRequest
from svyazka.model.consent import Consent
from svyazka.model.contacts import Contact
from svyazka.model.events import EventType, Fact, ReceiptState, Unreadable

SAMPLES = Path(__file__).parents[2] / "samples" / "whatsapp-meta"
OURS = Inbound(
    {"phone_number_id": "1122334455667"}, {"app_secret": APP_SECRET, "verify_token": "hub-verify-token-test"}
)
NOTHING = Inbound({}, {})
BSUID = "RU.13491208655302741918"
ANNA = Contact(name="Анна", phone="+79991234567", chats={"whatsapp": BSUID})
OUR_MESSAGE = "wamid.HBgLNzk5OTEyMzQ1NjcVAgASZ3YSgofvLLjq15go5bdv"

S, E = ReceiptState, EventType
MESSAGES: dict[str, dict[str, Any]] = {
    "text": {"kind": "text", "text": "Здравствуйте! Есть столик на вечер?"},
    "text_reply": {"kind": "text", "text": "Да, подтверждаю", "reply_to": OUR_MESSAGE},
    "image_caption": {
        "kind": "image", "text": "Вот такой торт", "file": "1900000000000001", "mime_type": "image/jpeg",
    },
    "button_template": {"kind": "button", "text": "Подтвердить", "button": "CONFIRM:15", "reply_to": OUR_MESSAGE},
    "interactive_button": {
        "kind": "interactive", "text": "18:00", "button": "slot-18",
        "reply_to": "wamid.HBgLNzk5OTEyMzQ1NjcVAgASu2GRcnGdGDBTwnot7djr",
    },
    "interactive_list": {
        "kind": "interactive", "text": "Стрижка", "button": "svc-2",
        "reply_to": "wamid.HBgLNzk5OTEyMzQ1NjcVAgAS0FW14sQiW6BlbzMccKVM",
    },
    "location": {"kind": "location", "latitude": 55.7558, "longitude": 37.6173, "place": "Кофейня"},
    "contacts_vcard": {
        "kind": "contacts", "shared": [{"name": "Мария Тестова", "phones": ["8 (999) 111-22-33", "+7 999 222-33-44"]}],
    },
    "unsupported": {"kind": "unsupported"},
}  # fmt: skip
"""What is kept of each sample of a message."""


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


def raw(name: str) -> RawRequest:
    head, _, body = (SAMPLES / f"{name}.http").read_bytes().partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    method, url, _ = first.split()
    path, _, query = url.partition("?")
    headers = [line.partition(": ") for line in lines]
    pairs = [(name.lower().encode(), value.encode()) for name, _, value in headers]
    return RawRequest(method, path, query.encode(), pairs, body)


def parse(content: Any, inbound: Inbound = OURS) -> list[Fact | Unreadable]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return WEBHOOK.parse(posted(body), inbound)


def one(content: Any) -> Fact:
    (fact,) = parse(content)
    assert isinstance(fact, Fact), fact
    return fact


def talk(**value: Any) -> dict[str, Any]:
    return news("messages", value)


def news(field: str, value: Any, **entry: Any) -> dict[str, Any]:
    changes = [{"field": field, "value": value}]
    return {"object": "whatsapp_business_account", "entry": [{"id": "1", "changes": changes, **entry}]}


def signature(body: bytes, secret: str = APP_SECRET) -> tuple[str, str]:
    return ("x-hub-signature-256", f"sha256={hmac.digest(secret.encode(), body, 'sha256').hex()}")


# Who may knock


def test_the_signed_sample_is_genuine_over_its_untouched_bytes_only() -> None:
    request = raw("text_signed")
    assert WEBHOOK.verify(request, OURS) is None
    tidy = json.dumps(json.loads(request.body), separators=(",", ":")).encode()
    assert WEBHOOK.verify(RawRequest("POST", "/", b"", request.headers, tidy), OURS) is not None
    (fact,) = WEBHOOK.parse(request, OURS)
    assert isinstance(fact, Fact)
    assert fact.data["text"] == "Здравствуйте! Есть столик на 19/00?"


def test_a_wrong_signature_is_403_and_a_missing_one_401() -> None:
    body = json.dumps(sample("text")).encode()
    for wrong in (signature(body, "another"), signature(b"{}"), ("x-hub-signature-256", "sha256="),
                  ("x-hub-signature-256", "ж")):  # fmt: skip
        request = posted(body, (wrong[0], wrong[1].encode().decode("latin-1")))
        reason = WEBHOOK.verify(request, OURS)
        assert reason is not None
        refusal = WEBHOOK.refusal(request, reason)
        assert refusal is not None
        assert refusal.status == 403
    assert WEBHOOK.verify(posted(body), OURS) is not None
    assert WEBHOOK.refusal(posted(body), "") is None, "the usual 401"
    sha1 = ("x-hub-signature", f"sha1={hmac.digest(APP_SECRET.encode(), body, 'sha1').hex()}")
    assert WEBHOOK.verify(posted(body, sha1), OURS) is not None


def test_the_handshake_of_the_samples_gets_its_challenge_back() -> None:
    answer = WEBHOOK.handshake(raw("handshake"), OURS)
    assert answer is not None
    assert (answer.status, answer.body, answer.content_type) == (200, b"1158201444", "text/plain")


@pytest.mark.parametrize(
    ("query", "inbound"),
    [
        (b"hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=hub-verify-token-test", NOTHING),
        (b"hub.mode=subscribe&hub.challenge=1158201444&hub.verify_token=", Inbound({}, {"verify_token": ""})),
        (b"hub.mode=unsubscribe&hub.challenge=1158201444&hub.verify_token=hub-verify-token-test", OURS),
        (b"hub.challenge=1158201444", OURS), (b"hub.mode=subscribe", OURS),
        (b"hub.mode=subscribe&hub.challenge=%D0%B6&hub.verify_token=hub-verify-token-test", OURS),
    ],
)  # fmt: skip
def test_any_other_handshake_is_403_and_echoes_nothing(query: bytes, inbound: Inbound) -> None:
    answer = WEBHOOK.handshake(RawRequest("GET", "/webhook_whatsapp", query, [], b""), inbound)
    assert answer is not None
    assert (answer.status, answer.body) == (403, b"")


def test_the_handshake_of_the_samples_with_a_wrong_token_is_refused() -> None:
    answer = WEBHOOK.handshake(raw("handshake_wrong_token"), OURS)
    assert answer is not None
    assert (answer.status, answer.body) == (403, b"")


def test_a_look_at_the_address_is_no_handshake() -> None:
    assert WEBHOOK.handshake(RawRequest("GET", "/webhook_whatsapp", b"key=k", [], b""), OURS) is None


# The samples


@pytest.mark.parametrize("name", sorted(MESSAGES))
def test_what_people_write_is_a_message_of_theirs(name: str) -> None:
    fact = one(sample(name))
    message = sample(name)["entry"][0]["changes"][0]["value"]["messages"][0]
    assert (fact.type, fact.key, fact.contact) == (E.MESSAGE_RECEIVED, ("message", message["id"]), ANNA)
    assert fact.occurred_at == datetime(2025, 11, 21, 4, 40, tzinfo=UTC)
    assert fact.data == MESSAGES[name]
    assert fact.consent is None


def test_a_message_that_came_by_an_advertisement_is_a_lead_too() -> None:
    message, lead = parse(sample("referral_ad"))
    assert isinstance(message, Fact)
    assert isinstance(lead, Fact)
    assert (message.type, lead.type) == (E.MESSAGE_RECEIVED, E.LEAD_CREATED)
    assert lead.data == {"source": "ad 120200000000000001", "headline": "Скидка 20 %", "text": "Хочу по акции"}
    assert lead.contact == ANNA


def test_a_reaction_is_kept_and_ignored() -> None:
    assert one(sample("reaction")).ignored is not None


@pytest.mark.parametrize(
    ("name", "type_", "state", "code", "key"),
    [
        ("status_sent", E.MESSAGE_SENT, S.SENT, "sent", "job-01"),
        ("status_delivered", E.MESSAGE_DELIVERED, S.DELIVERED, "delivered", "job-01"),
        ("status_read", E.MESSAGE_READ, S.READ, "read", "job-01"),
        ("status_failed_131026", E.MESSAGE_FAILED, S.UNDELIVERED, "131026", "job-04"),
        ("status_failed_131047", E.MESSAGE_FAILED, S.UNDELIVERED, "131047", None),
        ("failed_131049", E.MESSAGE_FAILED, S.UNDELIVERED, "131049", "job-12"),
    ],
)  # fmt: skip
def test_what_became_of_a_message_is_a_receipt(
    name: str, type_: EventType, state: ReceiptState, code: str, key: str | None
) -> None:
    fact = parse(sample(name))[0]
    assert isinstance(fact, Fact)
    status = sample(name)["entry"][0]["changes"][0]["value"]["statuses"][0]
    assert (fact.type, fact.key) == (type_, ("status", status["id"], status["status"]))
    assert fact.receipt is not None
    told = fact.receipt
    assert (told.state, told.external_id, told.code, told.key, told.opt_out) == (state, status["id"], code, key, False)


def test_a_text_outside_the_window_is_told_once_a_day_with_what_to_do() -> None:
    receipt, notice = parse(sample("status_failed_131047"))
    assert isinstance(receipt, Fact)
    assert isinstance(notice, Fact)
    assert notice.type is E.CONNECTION_DISABLED
    assert "шаблон" in str(notice.data["notice"])
    assert len(parse(sample("status_failed_131026"))) == 1, "nobody can do anything about this one"


def test_an_approved_template_is_no_news_and_a_paused_one_is_told() -> None:
    assert one(sample("template_approved")).ignored is not None
    paused = one(sample("template_paused"))
    assert paused.type is E.CONNECTION_DISABLED
    assert "review_request" in str(paused.data["notice"])
    assert paused.key is not None
    later = sample("template_paused")
    later["entry"][0]["time"] += 3 * 3600
    assert one(later).key != paused.key, "paused once more is news"


def test_who_stops_marketing_withdraws_his_consent() -> None:
    fact = one(sample("user_preferences_stop"))
    assert fact.consent is Consent.WITHDRAWN
    assert fact.contact == Contact(name="Анна", phone="+79991234567")
    assert fact.occurred_at == datetime(2025, 11, 21, 5, 5, tzinfo=UTC)
    again = sample("user_preferences_stop")
    again["entry"][0]["changes"][0]["value"]["user_preferences"][0]["value"] = "resume"
    assert one(again).consent is Consent.GIVEN


# Messages


@pytest.mark.parametrize(
    ("message", "consent"),
    [
        ({"type": "text", "text": {"body": "СТОП"}}, Consent.WITHDRAWN),
        ({"type": "text", "text": {"body": "Start"}}, Consent.GIVEN),
        ({"type": "button", "button": {"text": "Отписаться", "payload": "x"}}, Consent.WITHDRAWN),
        ({"type": "interactive", "interactive": {"type": "button_reply", "button_reply": {"title": "Stop"}}},
         Consent.WITHDRAWN),
        ({"type": "text", "text": {"body": "стоп, а цена?"}}, None),
        ({"type": "image", "image": {"caption": "стоп"}}, Consent.WITHDRAWN),
    ],
)  # fmt: skip
def test_the_bare_word_gives_and_withdraws_consent(message: dict[str, Any], consent: Consent | None) -> None:
    assert one(talk(messages=[{"id": "m1", "from": "79991234567", **message}])).consent is consent


def test_who_hides_his_number_is_known_by_his_id() -> None:
    card = {"profile": {"name": "Анна"}, "user_id": BSUID}
    message = {"id": "m1", "from_user_id": BSUID, "type": "text", "text": {"body": "x"}}
    other = {"profile": {"name": "Пётр"}, "user_id": "RU.1"}
    fact = one(talk(contacts=[other, card], messages=[message]))
    assert fact.contact == Contact(name="Анна", chats={"whatsapp": BSUID})


@pytest.mark.parametrize("kind", sorted(NOT_WORDS))
def test_what_is_no_word_of_a_persons_is_ignored(kind: str) -> None:
    assert one(talk(messages=[{"id": "m1", "type": kind}])).ignored is not None


def test_a_batch_is_read_item_by_item_and_one_that_cannot_be_read_does_not_take_the_others_with_it() -> None:
    content = talk(messages=[{"id": "m1", "type": "text"}, {"type": "text"}, {"id": "m2", "type": "brand_new"}])
    content["entry"] += talk(statuses=[{"id": "w1", "status": "read"}, {"id": "w2"}])["entry"]
    facts = parse(content)
    assert [type(fact) for fact in facts] == [Fact, Unreadable, Fact, Fact, Unreadable]


# Statuses


@pytest.mark.parametrize("state", sorted(STATES))
def test_each_status_is_one_fact_however_often_it_comes(state: str) -> None:
    first = one(talk(statuses=[{"id": "w1", "status": state, "timestamp": "1763700000"}]))
    again = one(talk(statuses=[{"id": "w1", "status": state, "timestamp": "1763700009"}]))
    assert first.key == again.key
    assert first.receipt is not None
    assert first.receipt.state is STATES[state][0]


def test_a_status_of_no_row_moves_nothing() -> None:
    fact = one(talk(statuses=[{"id": "w1", "status": "warming"}]))
    assert (fact.receipt, fact.type) == (None, E.OTHER)
    assert fact.ignored is not None


def test_who_stopped_marketing_before_we_wrote_is_not_written_to_again() -> None:
    fact = parse(talk(statuses=[{"id": "w1", "status": "failed", "errors": [{"code": 131050}]}]))[0]
    assert isinstance(fact, Fact)
    assert fact.receipt is not None
    assert fact.receipt.opt_out


@pytest.mark.parametrize("errors", [None, [], {}, ["x"], [{}], [{"code": "131026"}], [{"code": True}]])
def test_a_failure_without_a_code_is_a_failure(errors: Any) -> None:
    fact = one(talk(statuses=[{"id": "w1", "status": "failed", "errors": errors}]))
    assert fact.receipt is not None
    assert (fact.receipt.state, fact.receipt.code) == (S.UNDELIVERED, "failed")


# The rest


def test_another_number_of_the_application_is_not_ours() -> None:
    fact = parse(sample("text"), Inbound({"phone_number_id": 7}, {}))[0]
    assert isinstance(fact, Fact)
    assert fact.ignored is not None
    whole_number = Inbound({"phone_number_id": 1122334455667}, {})
    assert parse(sample("text"), whole_number) == parse(sample("text")), "YAML reads an id as a number"


@pytest.mark.parametrize(
    ("event", "told"), [("ACCOUNT_RESTRICTION", True), ("ACCOUNT_DELETED", True), ("VERIFIED_ACCOUNT", False)]
)
def test_what_becomes_of_the_account_is_told(event: str, told: bool) -> None:
    fact = one(news("account_update", {"event": event}, time=1763700000))
    assert (fact.type is E.CONNECTION_DISABLED) is told
    assert (fact.ignored is None) is told


@pytest.mark.parametrize("field", ["phone_number_quality_update", "smb_message_echoes", "brand_new"])
def test_any_other_news_is_acknowledged_and_ignored(field: str) -> None:
    assert one(news(field, {})).ignored is not None


def test_an_error_of_the_application_is_kept_and_ignored() -> None:
    assert one(talk(errors=[{"code": 130429}])).ignored is not None
    assert one({"object": "whatsapp_business_account", "entry": []}).ignored is not None


@pytest.mark.parametrize("preference", [{}, {"wa_id": "79991234567"}, {"value": "stop"}, {"wa_id": "7", "value": "x"}])
def test_a_preference_of_nobodys_is_unreadable(preference: dict[str, str]) -> None:
    (item,) = parse(news("user_preferences", {"user_preferences": [preference]}))
    assert isinstance(item, Unreadable)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"{}", b'{"object":"page"}', b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_webhook_of_whatsapps_is_said_so(body: bytes) -> None:
    with pytest.raises(NotTheFormat, match="expected"):
        parse(body)
    assert not WEBHOOK.tolerates_400
