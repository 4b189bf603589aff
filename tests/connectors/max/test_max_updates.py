"""Who may knock, and what MAX's updates mean in our words."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.support import posted
from svyazka.connectors.max.init_data import verified
from svyazka.connectors.max.schema import webhook_secret
from svyazka.connectors.max.webhook import WEBHOOK
from svyazka.engine.contracts.webhook import Inbound, NotTheFormat, RawRequest
from svyazka.engine.security.init_data import NotGenuine
from svyazka.model.consent import Consent
from svyazka.model.contacts import Contact
from svyazka.model.events import EventType, Fact, Unreadable

SAMPLES = Path(__file__).parents[2] / "samples" / "max"
SECRET = Inbound({}, {"webhook_secret": "max-webhook-secret-1"})
ANNA = Contact(name="Анна Тестова", chats={"max": "500100"})
MID = "mid.0000000000dbbc84019a000000000001"

E = EventType
EXPECTED: dict[str, tuple[EventType, Contact | None, tuple[str, ...], str | None]] = {
    "bot_started": (E.MESSAGE_RECEIVED, ANNA, ("bot_started", "900100", "500100", "", "1763700000000"), None),
    "bot_started_no_payload": (
        E.MESSAGE_RECEIVED, Contact(name="Ия", chats={"max": "500201"}),
        ("bot_started", "900101", "500201", "", "1763700000001"), None,
    ),
    "message_callback": (E.MESSAGE_RECEIVED, ANNA, ("message_callback", "f9LHodD0cOKT000001"), None),
    "callback_no_message": (E.MESSAGE_RECEIVED, ANNA, ("message_callback", "f9LHodD0cOKT000002"), None),
    "message_contact": (
        E.MESSAGE_RECEIVED, ANNA.model_copy(update={"phone": "79991234567"}),
        ("message_created", "mid.0000000000dbbc84019a000000000003"), None,
    ),
    "message_edited": (E.OTHER, ANNA, ("message_edited", MID, "1763700060000"), "a message was edited"),
    "message_removed": (
        E.OTHER, None, ("message_removed", "900100", "500100", MID, "1763700061000"), "a message was removed",
    ),
    "bot_stopped": (
        E.OTHER, ANNA, ("bot_stopped", "900100", "500100", "", "1763700062000"), "the user stopped the bot",
    ),
    "user_added": (
        E.OTHER, ANNA, ("user_added", "-71000000000001", "500100", "", "1763700000000"), "a user was added to a chat",
    ),
}  # fmt: skip
"""Type, who, identity, ignored."""


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


def raw(name: str) -> RawRequest:
    head, _, body = (SAMPLES / f"{name}.http").read_bytes().partition(b"\r\n\r\n")
    headers = [line.split(": ", 1) for line in head.decode().splitlines()[1:]]
    return posted(body, *[(header.lower(), value) for header, value in headers])


def parse(content: Any) -> list[Fact | Unreadable]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return WEBHOOK.parse(posted(body), SECRET)


def one(content: Any) -> Fact:
    (fact,) = parse(content)
    assert isinstance(fact, Fact), fact
    return fact


def message(text: str | None = "Здравствуйте", **changes: Any) -> dict[str, Any]:
    """A message of Анна's, with some of it changed."""
    update: dict[str, Any] = json.loads(raw("message_created").body)
    update["message"]["body"]["text"] = text
    update["message"].update(changes)
    return update


@pytest.mark.parametrize("name", EXPECTED)
def test_every_sampled_update_is_what_its_readme_says(name: str) -> None:
    fact = one(sample(name))
    assert (fact.type, fact.contact, fact.key, fact.ignored) == EXPECTED[name]
    assert fact.occurred_at is not None


def test_the_raw_message_passes_with_its_secret_and_is_read() -> None:
    request = raw("message_created")
    assert WEBHOOK.verify(request, SECRET) is None
    fact = one(request.body)
    assert (fact.type, fact.subject, fact.contact) == (E.MESSAGE_RECEIVED, f"message:{MID}", ANNA)
    assert fact.data == {"text": "Здравствуйте! Когда привезут заказ?", "chat": "900100", "chat_type": "private"}
    assert fact.key == ("message_created", MID)
    assert str(fact.occurred_at) == "2025-11-21 04:40:00+00:00"


def test_without_a_secret_of_its_own_the_bots_token_makes_one() -> None:
    secret = webhook_secret(None, "max-token-for-tests")
    assert secret is not None
    assert len(secret) == 64
    request = posted(b"{}", ("x-max-bot-api-secret", secret))
    assert WEBHOOK.verify(request, Inbound({}, {"bot_token": "max-token-for-tests"})) is None
    assert WEBHOOK.verify(request, Inbound({}, {"bot_token": "another-for-tests"})) is not None
    assert WEBHOOK.verify(request, Inbound({}, {})) is not None


def test_the_answer_is_200_exactly() -> None:
    answer = WEBHOOK.answer(posted(b"{}"), [])
    assert answer is not None
    assert (answer.status, answer.body) == (200, b"")


def test_who_starts_the_bot_consents_and_brings_what_stood_in_his_link() -> None:
    for name, start in (("bot_started", "src_landing_integrations"), ("bot_started_no_payload", "")):
        fact = one(sample(name))
        assert (fact.consent, fact.data["start"]) == (Consent.GIVEN, start)
    assert one({**sample("bot_started"), "payload": None}).data["start"] == ""


@pytest.mark.parametrize("word", ["/stop", "СТОП", "Стоп.", "отписаться"])
def test_who_says_stop_withdraws_his_consent(word: str) -> None:
    fact = one(message(word))
    assert (fact.consent, fact.contact) == (Consent.WITHDRAWN, ANNA)


def test_a_word_in_a_group_is_said_to_the_group() -> None:
    assert one(message("стоп", recipient={"chat_id": -71000000000001, "chat_type": "chat"})).consent is None


def test_a_button_brings_its_payload_even_when_its_message_is_gone() -> None:
    assert [one(sample(name)).data["button"] for name in ("message_callback", "callback_no_message")] == [
        "accept:15", "cancel:15",
    ]  # fmt: skip


def test_an_edit_is_no_news_and_names_what_it_edits() -> None:
    edited = one(sample("message_edited"))
    assert (edited.type, edited.data["edited"]) == (E.OTHER, one(raw("message_created").body).subject)


def test_an_edit_is_never_older_than_what_it_edits_and_a_word_on_consent_counts_in_it() -> None:
    update = sample("message_edited")
    written = update["message"]["timestamp"]
    update["message"]["body"]["text"] = "стоп"
    for stamp in (written - 1, 0, None):
        fact = one({**update, "timestamp": stamp})
        assert fact.occurred_at == datetime.fromtimestamp(written / 1000, UTC)
        assert (fact.type, fact.consent, fact.ignored) == (E.OTHER, Consent.WITHDRAWN, None)


def test_a_button_without_a_payload_says_nothing() -> None:
    update = sample("message_callback")
    del update["callback"]["payload"]
    fact = one(update)
    assert (fact.type, fact.ignored) == (E.OTHER, "a button without a payload: it says nothing")


def test_somebody_elses_card_is_not_kept() -> None:
    update = sample("message_contact")
    update["message"]["body"]["attachments"][0]["payload"]["max_info"]["user_id"] = 500999
    fact = one(update)
    assert fact.contact == ANNA
    assert "79991234567" not in fact.model_dump_json()
    update["message"]["body"]["attachments"][0]["payload"]["max_info"] = None
    assert one(update).contact == ANNA


@pytest.mark.parametrize("sender", [None, {"user_id": 5, "is_bot": True}])
def test_what_no_person_wrote_is_not_acted_on(sender: Any) -> None:
    assert one(message(sender=sender)).ignored is not None


@pytest.mark.parametrize("kind", ["comment_created", "dialog_muted", "invented_yesterday"])
def test_an_update_that_nobody_acts_on_is_kept_with_its_name(kind: str) -> None:
    fact = one({**sample("bot_stopped"), "update_type": kind})
    assert fact.type is E.OTHER
    assert fact.ignored is not None


def test_what_nothing_tells_from_another_is_known_by_its_bytes() -> None:
    assert one({"update_type": "message_created", "timestamp": 1763700000000}).key is None
    assert one({"update_type": "chat_title_changed"}).key is None


def test_a_number_beyond_2_to_the_53_is_not_rounded() -> None:
    assert one({"update_type": "bot_stopped", "chat_id": 115636213900022141, "user": {}}).key == (
        "bot_stopped", "115636213900022141", "", "", "",
    )  # fmt: skip


@pytest.mark.parametrize("body", [b"", b"{", b"5", b"null", b"[]", b"[NaN]", b"[" * 100_000])
def test_what_is_not_the_format_is_said_so(body: bytes) -> None:
    with pytest.raises(NotTheFormat, match="expected"):
        parse(body)


def test_an_update_without_its_type_cannot_be_read() -> None:
    (item,) = parse({"timestamp": 5})
    assert isinstance(item, Unreadable)


# Init data of mini apps

VECTORS = json.loads((SAMPLES / "init_data_vectors.json").read_bytes())


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_every_vector_of_init_data_is_taken_or_refused_as_it_says(vector: dict[str, Any]) -> None:
    now, max_age = datetime.fromtimestamp(vector["now"], UTC), timedelta(seconds=vector["max_age"])
    if not vector["expect"]:
        with pytest.raises(NotGenuine):
            verified(vector["init_data"], vector["token"], now, max_age)
        return
    found = verified(vector["init_data"], vector["token"], now, max_age)
    user = found.object("user")
    assert user is not None
    assert user["id"] == vector["user_id"]
    assert found.fields.get("start_param") == vector.get("start_param", found.fields.get("start_param"))


@given(st.text())
def test_any_text_is_taken_or_refused_as_init_data(text: str) -> None:
    with pytest.raises(NotGenuine):
        verified(text, "token", datetime.now(UTC), timedelta(days=1))
