"""What Resend's events mean in our words, and who may send them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from connectors.support import posted
from simulators.resend import SECRET, signed
from svyazka.connectors.resend.schema import EVENTS
from svyazka.connectors.resend.unsubscribe import ONE_CLICK, Reader, link, reader_of
from svyazka.connectors.resend.webhook import WEBHOOK
from svyazka.engine.contracts.webhook import Inbound, NotTheFormat, RawRequest
from svyazka.engine.security import standardwebhooks
from svyazka.model.consent import Consent
from svyazka.model.contacts import Contact
from svyazka.model.events import Entity, EventType, Fact, ReceiptState, Unreadable

SAMPLES = Path(__file__).parents[2] / "samples" / "resend"
NOW = 1_773_504_000.0
OURS = Inbound({}, {"signing_secret": SECRET}, NOW)
LETTER = "56761188-7520-42d8-8898-ff6fc54ce618"
ANNA = Contact(email="anna@example.org")
HOOK = "https://hub.example.ru/webhook_resend?key=1.kofe.mail.1.mac"
READER = Reader("dlv_1", "anna@example.org", "+79991234567")

S, E = ReceiptState, EventType
RECEIPTS: dict[str, tuple[EventType, ReceiptState, str, bool, bool]] = {
    "webhook_sent": (E.MESSAGE_SENT, S.SENT, "sent", False, False),
    "webhook_delayed": (E.MESSAGE_SENT, S.SENT, "delivery_delayed", False, False),
    "webhook_clicked": (E.MESSAGE_DELIVERED, S.DELIVERED, "clicked", False, False),
    "webhook_bounced": (E.MESSAGE_FAILED, S.UNDELIVERED, "Permanent/Suppressed", False, True),
    "bounce_undetermined": (E.MESSAGE_FAILED, S.UNDELIVERED, "Undetermined/Undetermined", False, True),
    "webhook_complained": (E.MESSAGE_DELIVERED, S.DELIVERED, "complained", True, False),
    "webhook_failed": (E.MESSAGE_FAILED, S.UNDELIVERED, "reached_daily_quota", False, False),
    "suppressed": (E.MESSAGE_FAILED, S.UNDELIVERED, "previous_complaint", True, False),
}
"""Type, state, code, opt-out, last word of the samples that tell of a letter."""


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


def raw(name: str) -> RawRequest:
    head, _, body = (SAMPLES / f"{name}.http").read_bytes().partition(b"\r\n\r\n")
    lines = [line.partition(": ") for line in head.decode().split("\r\n")[1:]]
    return posted(body, *[(name.lower(), value) for name, _, value in lines])


def parse(content: Any) -> list[Fact | Unreadable]:
    body = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
    return WEBHOOK.parse(posted(body, ("svix-id", "msg_1"), ("svix-timestamp", "1"), ("svix-signature", "v1,x")), OURS)


def one(content: Any) -> Fact:
    (fact,) = parse(content)
    assert isinstance(fact, Fact), fact
    return fact


def event(name: str, **data: Any) -> dict[str, Any]:
    return {"type": f"email.{name}", "created_at": "2026-11-21T04:40:12.126Z", "data": {"email_id": "e1", **data}}


# Who may knock


def test_the_signed_sample_is_genuine_at_its_time_and_stale_today() -> None:
    request = raw("webhook_delivered_signed")
    secrets = standardwebhooks.secrets_of(SECRET)
    assert standardwebhooks.refusal(secrets, request.headers, request.body, 1763700012) is None
    stale = WEBHOOK.verify(request, OURS)
    assert stale is not None
    assert "timestamp" in stale
    (fact,) = WEBHOOK.parse(request, OURS)
    assert isinstance(fact, Fact)
    assert (fact.type, fact.key) == (E.MESSAGE_DELIVERED, ("email", LETTER, "delivered"))


def test_an_event_signed_by_the_endpoints_secret_is_genuine_and_any_other_is_not() -> None:
    body = json.dumps(sample("webhook_sent"), indent=1).encode()
    headers = list(signed(body, NOW).items())
    assert WEBHOOK.verify(posted(body, *headers), OURS) is None
    assert WEBHOOK.verify(posted(body + b" ", *headers), OURS) is not None
    forged = list(signed(body, NOW, forged=True).items())
    assert WEBHOOK.verify(posted(body, *forged), OURS) is not None
    for seconds in (301, -301):
        stale = list(signed(body, NOW, seconds_ago=seconds).items())
        assert WEBHOOK.verify(posted(body, *stale), OURS) is not None
    assert WEBHOOK.verify(posted(body), OURS) is not None


def test_while_a_secret_is_rotated_the_old_and_the_new_one_are_good() -> None:
    body = b"{}"
    both = Inbound({}, {"signing_secret": f"whsec_bmV3LW9uZQ== {SECRET}"}, NOW)
    assert WEBHOOK.verify(posted(body, *signed(body, NOW).items()), both) is None


@pytest.mark.parametrize("secret", [None, "", "whsec_", "whsec_%%%", "whsk_AAAA"])
def test_without_a_secret_that_can_be_one_nobody_gets_in(secret: str | None) -> None:
    inbound = Inbound({}, {} if secret is None else {"signing_secret": secret}, NOW)
    request = posted(b"{}", *signed(b"{}", NOW).items())
    assert WEBHOOK.verify(request, inbound) is not None


# The samples


@pytest.mark.parametrize("name", sorted(RECEIPTS))
def test_what_is_told_of_a_letter_is_a_receipt(name: str) -> None:
    fact = next(fact for fact in parse(sample(name)) if isinstance(fact, Fact) and fact.receipt)
    type_, state, code, opt_out, last_word = RECEIPTS[name]
    data = sample(name)["data"]
    assert (fact.type, fact.subject, fact.contact) == (type_, f"message:{data['email_id']}", ANNA)
    assert fact.key == ("email", data["email_id"], sample(name)["type"].removeprefix("email."))
    assert fact.receipt is not None
    told = fact.receipt
    assert (told.state, told.code, told.opt_out, told.last_word) == (state, code, opt_out, last_word)
    assert (told.external_id, told.key) == (data["email_id"], None), "`job` is no tag of ours"


def test_the_time_is_that_of_the_event_and_not_of_the_letter() -> None:
    fact = one(sample("webhook_delayed"))
    assert fact.occurred_at == datetime(2026, 11, 21, 4, 45, 12, 126000, UTC)


def test_a_letter_that_resend_could_not_send_for_want_of_quota_is_told_once_a_day() -> None:
    receipt, notice = parse(sample("webhook_failed"))
    assert isinstance(receipt, Fact)
    assert isinstance(notice, Fact)
    assert notice.type is E.CONNECTION_DISABLED
    assert "тариф" in str(notice.data["notice"])
    another = {**sample("webhook_failed")["data"], "email_id": "another"}
    assert parse({**sample("webhook_failed"), "data": another})[1].key == notice.key


def test_a_complaint_is_told_to_the_business_once_a_day_without_naming_who_complained() -> None:
    receipt, notice = parse(sample("webhook_complained"))
    assert isinstance(receipt, Fact)
    assert isinstance(notice, Fact)
    assert (notice.type, notice.contact, notice.receipt) == (E.CONNECTION_DISABLED, None, None)
    assert "спам" in str(notice.data["notice"])
    another = {**sample("webhook_complained")["data"], "email_id": "another"}
    assert parse({**sample("webhook_complained"), "data": another})[1].key == notice.key
    assert parse({**sample("webhook_complained"), "created_at": "2030-01-01T00:00:00Z"})[1].key != notice.key


def test_a_letter_that_came_is_told_in_part() -> None:
    fact = one(sample("webhook_received"))
    assert (fact.type, fact.partial) == (E.MESSAGE_RECEIVED, True)
    assert fact.contact == Contact(name="Анна", email="anna@example.org")
    assert fact.entity == Entity(kind="received", id="56761188-7520-42d8-8898-ff6fc54ce700")
    assert fact.data == {"subject": "Торт на субботу", "text": None, "attachments": 1}
    assert fact.consent is None


def test_a_domain_that_is_lost_is_told_and_touches_no_letter() -> None:
    fact = one(sample("domain_event"))
    assert (fact.type, fact.receipt) == (E.CONNECTION_DISABLED, None)
    assert "example.com" in str(fact.data["notice"])
    again = one({**sample("domain_event"), "created_at": "2026-11-22T05:41:00.000Z"})
    assert again.key != fact.key, "lost once more is news"


def test_an_unknown_type_is_kept_and_ignored() -> None:
    fact = one(sample("unknown_type"))
    assert fact.ignored is not None
    assert "inbox.created" in fact.ignored
    assert fact.key == ("message", "msg_1")


# Letters


def test_every_event_of_the_table_is_the_same_fact_however_often_it_comes() -> None:
    for name in EVENTS:
        first = parse(event(name))[0]
        again = parse({**event(name), "created_at": "2026-11-22T00:00:00Z"})[0]
        assert first.key == again.key
        assert isinstance(first, Fact)
        assert first.receipt is not None


def test_our_tag_comes_back_as_the_deliverys_key() -> None:
    receipt = one(event("delivered", tags={"delivery": "dlv_7", "other": "x"})).receipt
    assert receipt is not None
    assert receipt.key == "dlv_7"


@pytest.mark.parametrize("name", ["scheduled", "canceled", "queued", "brand_new"])
def test_an_event_that_says_nothing_of_a_letters_fate_is_ignored(name: str) -> None:
    assert one(event(name)).ignored is not None


@pytest.mark.parametrize("type_", ["contact.updated", "domain.created", "suppression.created", "topic.deleted"])
def test_what_is_told_of_the_account_is_acknowledged_and_ignored(type_: str) -> None:
    assert one({"type": type_, "data": {"status": "pending"}}).ignored is not None


@pytest.mark.parametrize("to", [["a@example.org", "b@example.org"], [], None, 7, [None]])
def test_of_several_readers_none_is_named(to: Any) -> None:
    assert one(event("delivered", to=to)).contact is None


@pytest.mark.parametrize(
    ("subject", "consent"),
    [("unsubscribe", Consent.WITHDRAWN), ("Отписаться", Consent.WITHDRAWN), ("СТОП", Consent.WITHDRAWN),
     ("start", None), ("Стоп-лист", None), (None, None)],
)  # fmt: skip
def test_a_letter_of_one_word_withdraws_consent_and_none_gives_it(subject: str | None, consent: Consent | None) -> None:
    content = sample("webhook_received")
    content["data"]["subject"] = subject
    assert one(content).consent is consent


@pytest.mark.parametrize(
    "sender",
    [
        "MAILER-DAEMON@mx.example.ru (Mail Delivery System)", "Mail Delivery Subsystem <mailer-daemon@googlemail.com>",
        "postmaster@example.ru", "No Reply <no-reply@shop.ru>", "bounces+123-anna=example.org@em.shop.ru",
    ],
)  # fmt: skip
def test_a_bounce_is_no_client_and_withdraws_nothing(sender: str) -> None:
    content = sample("webhook_received")
    content["data"] |= {"from": sender, "subject": "Stop"}
    fact = one(content)
    assert (fact.contact, fact.consent) == (None, None)
    assert fact.ignored is not None


def test_a_sender_is_the_same_however_the_address_is_spelled() -> None:
    content = sample("webhook_received")
    content["data"]["from"] = "Анна <ANNA@XN--E1AFMKFD.xn--p1ai.>"
    assert one(content).contact == Contact(name="Анна", email="anna@пример.рф")


@pytest.mark.parametrize(
    "content", [{}, {"type": None}, {"type": "email.delivered"}, {"type": "email.bounced", "data": []},
                {"type": "email.received", "data": {"email_id": ""}}]
)  # fmt: skip
def test_an_event_without_its_letter_is_unreadable(content: Any) -> None:
    (item,) = parse(content)
    assert isinstance(item, Unreadable)
    assert "expected" in item.reason


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b'"x"', b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_event_is_said_so(body: bytes) -> None:
    with pytest.raises(NotTheFormat, match="expected"):
        parse(body)
    assert not WEBHOOK.tolerates_400


# The link to unsubscribe


def followed(url: str, method: str = "POST") -> RawRequest:
    path, _, query = url.removeprefix("https://hub.example.ru").partition("?")
    headers = [(b"content-type", b"application/x-www-form-urlencoded")]
    return RawRequest(method, path, query.encode(), headers, ONE_CLICK.encode() if method == "POST" else b"")


def test_who_presses_the_button_withdraws_his_consent_for_all_his_addresses() -> None:
    request = followed(link(HOOK, SECRET, READER))
    assert request.query == b"key=1.kofe.mail.1.mac"
    assert WEBHOOK.verify(request, OURS) is None
    (fact,) = WEBHOOK.parse(request, OURS)
    assert isinstance(fact, Fact)
    assert fact.consent is Consent.WITHDRAWN
    assert fact.contact == Contact(email="anna@example.org", phone="+79991234567")
    answer = WEBHOOK.answer(request, [fact])
    assert answer is not None
    assert (answer.status, answer.content_type) == (200, "text/html; charset=utf-8")
    assert not WEBHOOK.salvage, "nobody is told so before it is written down"


def test_looking_at_the_link_asks_and_does_nothing() -> None:
    page = WEBHOOK.handshake(followed(link(HOOK, SECRET, READER), "GET"), OURS)
    assert page is not None
    assert page.status == 200
    assert b'method="post"' in page.body
    assert WEBHOOK.handshake(RawRequest("GET", "/webhook_resend", b"", [], b""), OURS) is None


@pytest.mark.parametrize(
    "url",
    [
        link(HOOK, SECRET, READER).replace("unsubscribe-", "unsubscribe-A"), HOOK.replace("?", "/unsubscribe-?"),
        link(HOOK, "whsec_YW5vdGhlcg==", READER),
    ],
)  # fmt: skip
def test_a_link_that_we_did_not_make_is_refused(url: str) -> None:
    request = followed(url)
    assert WEBHOOK.verify(request, OURS) is not None
    refusal = WEBHOOK.refusal(request, "")
    assert refusal is not None
    assert refusal.status == 401
    page = WEBHOOK.handshake(followed(url, "GET"), OURS)
    assert page is not None
    assert page.status == 401
    (item,) = WEBHOOK.parse(request, OURS)
    assert isinstance(item, Unreadable)


def test_links_are_the_same_at_every_repeat_differ_by_letter_and_outlive_a_rotation() -> None:
    made = link(HOOK, SECRET, READER)
    assert made == link(HOOK, SECRET, READER)
    assert made != link(HOOK, SECRET, READER._replace(delivery="dlv_2"))
    path = made.partition("?")[0]
    assert reader_of(path, f"whsec_bmV3LW9uZQ== {SECRET}") == READER
    assert reader_of(path, "whsec_bmV3LW9uZQ==") is None


@settings(deadline=None, max_examples=50)
@given(st.text(max_size=200))
def test_any_link_is_read_or_refused(segment: str) -> None:
    assert reader_of(f"/webhook_resend/unsubscribe-{segment}", SECRET) is None
