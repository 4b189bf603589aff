"""What Exolve's events mean in our words."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.support import posted
from svyazka.connectors.exolve.schema import FINAL
from svyazka.connectors.exolve.webhook import WEBHOOK
from svyazka.engine.contracts.webhook import Inbound, NotTheFormat
from svyazka.model.consent import Consent
from svyazka.model.contacts import Contact
from svyazka.model.events import EventType, Fact, ReceiptState, Unreadable

SAMPLES = Path(__file__).parents[2] / "samples" / "exolve"
NOTHING = Inbound({}, {})
S, E = ReceiptState, EventType


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"event_{name}.json").read_bytes())


def parse(content: Any) -> list[Fact | Unreadable]:
    body = content if isinstance(content, bytes) else json.dumps(content, ensure_ascii=False).encode()
    return WEBHOOK.parse(posted(body), NOTHING)


def one(content: Any) -> Fact:
    (fact,) = parse(content)
    assert isinstance(fact, Fact), fact
    return fact


# The samples


@pytest.mark.parametrize(
    ("name", "type_", "state", "code"),
    [
        ("delivered", E.MESSAGE_DELIVERED, S.DELIVERED, "DELIVERY_STATUS_DELIVERED"),
        ("failed", E.MESSAGE_FAILED, S.UNDELIVERED, "DELIVERY_STATUS_FAILED"),
        ("in_between", E.MESSAGE_SENT, S.SENT, "DELIVERY_STATUS_SENT"),
        ("minimal", E.MESSAGE_DELIVERED, S.DELIVERED, "DELIVERY_STATUS_DELIVERED"),
        ("prohibited", E.MESSAGE_FAILED, S.UNDELIVERED, "DELIVERY_STATUS_PROHIBITED"),
        ("late_not_final", E.MESSAGE_SENT, S.SENT, "DELIVERY_STATUS_SENT"),
    ],
)  # fmt: skip
def test_what_became_of_a_message_is_a_receipt(name: str, type_: EventType, state: ReceiptState, code: str) -> None:
    fact = one(sample(name))
    id_ = sample(name)["message_id"]
    assert (fact.type, fact.subject, fact.consent) == (type_, f"message:{id_}", None)
    assert fact.receipt is not None
    assert (fact.receipt.state, fact.receipt.external_id, fact.receipt.code) == (state, id_, code)


def test_an_sms_that_came_is_a_message_of_its_sender() -> None:
    fact = one(sample("incoming"))
    assert (fact.type, fact.receipt) == (E.MESSAGE_RECEIVED, None)
    assert fact.contact == Contact(phone="79991234567")
    assert fact.data == {"text": "Можно перенести запись на пятницу?"}
    assert fact.occurred_at == datetime(2026, 11, 20, 10, 15, tzinfo=UTC)


# Events


@pytest.mark.parametrize("word", sorted(FINAL))
@pytest.mark.parametrize("field", ["delivery_status", "status"])
def test_a_final_word_counts_in_either_field(word: str, field: str) -> None:
    fact = parse({"message_id": "1", "delivery_status": "DELIVERY_STATUS_NEW", "status": "STATUS_NEW", field: word})[0]
    assert isinstance(fact, Fact)
    assert fact.receipt is not None
    assert fact.receipt.state is FINAL[word][0]


def test_delivered_outweighs_what_billing_says() -> None:
    fact = parse({"message_id": "1", "delivery_status": "DELIVERY_STATUS_DELIVERED", "status": "STATUS_UNDERFUNDED"})[0]
    assert isinstance(fact, Fact)
    assert fact.receipt is not None
    assert fact.receipt.state is S.DELIVERED


def test_want_of_money_is_told_once_a_day() -> None:
    event = {"message_id": "1", "status": "STATUS_UNDERFUNDED", "date": "2026-11-20T09:00:12.401Z"}
    receipt, notice = parse(event)
    assert isinstance(receipt, Fact)
    assert isinstance(notice, Fact)
    assert (notice.type, receipt.type) == (E.CONNECTION_DISABLED, E.MESSAGE_FAILED)
    assert "Пополните" in str(notice.data["notice"])
    assert parse({**event, "message_id": "2"})[1].key == notice.key
    assert parse({**event, "date": "2026-11-21T09:00:12Z"})[1].key != notice.key


@pytest.mark.parametrize("id_", [439166538239448536, "439166538239448536"])
def test_an_id_stays_whole_as_a_number_and_as_a_text(id_: object) -> None:
    fact = one({"message_id": id_, "delivery_status": "DELIVERY_STATUS_DELIVERED"})
    assert fact.subject == "message:439166538239448536"


def test_a_state_is_one_fact_at_whatever_time_it_comes_and_another_state_another() -> None:
    first = one(sample("delivered"))
    assert one({**sample("delivered"), "date": "2026-11-20T10:00:00Z"}).key == first.key
    assert one({**sample("delivered"), "status": "STATUS_BILLED"}).key != first.key


@pytest.mark.parametrize(
    ("text", "consent"),
    [("СТОП", Consent.WITHDRAWN), ("stop!", Consent.WITHDRAWN), ("Старт", None), ("стоп-лист", None)],
)
def test_a_word_without_a_signature_can_stop_messages_and_never_start_them(text: str, consent: Consent | None) -> None:
    assert one({**sample("incoming"), "text": text}).consent is consent


@pytest.mark.parametrize("content", [{}, {"message_id": None}, {"message_id": ""}, {"message_id": []}])
def test_an_event_without_its_message_is_unreadable(content: Any) -> None:
    (item,) = parse(content)
    assert isinstance(item, Unreadable)


@pytest.mark.parametrize("body", [b"", b"[]", b"null", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_event_is_said_so(body: bytes) -> None:
    with pytest.raises(NotTheFormat, match="expected"):
        parse(body)
    assert not WEBHOOK.tolerates_400
