"""Who may knock, and what Telegram's updates mean in our words."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connectors.support import posted
from svyazka.connectors.telegram.init_data import moment, verified, verified_without_token
from svyazka.connectors.telegram.schema import webhook_secret
from svyazka.connectors.telegram.webhook import WEBHOOK
from svyazka.engine.contracts.webhook import Inbound, NotTheFormat, RawRequest
from svyazka.engine.security.init_data import InitData, NotGenuine, checked, fields_of
from svyazka.model.consent import Consent
from svyazka.model.contacts import Contact
from svyazka.model.events import EventType, Fact, Unreadable

SAMPLES = Path(__file__).parents[2] / "samples" / "telegram"
SECRET = Inbound({}, {"webhook_secret": "tg-webhook-secret-1"})
ANNA = Contact(name="Анна Тестова", chats={"telegram": "5000000001"})

E = EventType
EXPECTED: dict[str, tuple[EventType, str | None, Contact | None, str | None]] = {
    "start_deeplink": (E.MESSAGE_RECEIVED, "message:5000000001/12", ANNA, None),
    "contact": (
        E.MESSAGE_RECEIVED, "message:5000000001/13", ANNA.model_copy(update={"phone": "79991234567"}), None,
    ),
    "foreign_contact": (E.MESSAGE_RECEIVED, "message:5000000001/23", ANNA, None),
    "callback": (E.MESSAGE_RECEIVED, "button:4382bfdwdsb323b2d9", ANNA, None),
    "callback_inaccessible": (E.MESSAGE_RECEIVED, "button:77777777777", ANNA, None),
    "web_app_data": (E.MESSAGE_RECEIVED, "message:5000000001/15", ANNA, None),
    "edited": (E.OTHER, None, ANNA, "a message was edited"),
    "blocked": (E.OTHER, None, ANNA, "the user blocked the bot, or took it out of the group"),
    "channel_post": (E.OTHER, None, None, "Telegram sent channel_post: nothing here acts on it"),
    "migrate": (E.OTHER, None, None, "the group became a supergroup and has another id now"),
}  # fmt: skip
"""Type, subject, who, ignored."""


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"update_{name}.json").read_bytes())


def raw(name: str) -> RawRequest:
    head, _, body = (SAMPLES / f"update_{name}.http").read_bytes().partition(b"\r\n\r\n")
    headers = [line.split(": ", 1) for line in head.decode().splitlines()[1:]]
    return posted(body, *[(header.lower(), value) for header, value in headers])


def parse(content: Any) -> list[Fact | Unreadable]:
    body = content if isinstance(content, bytes) else json.dumps(content).encode()
    return WEBHOOK.parse(posted(body), SECRET)


def one(content: Any) -> Fact:
    (fact,) = parse(content)
    assert isinstance(fact, Fact), fact
    return fact


def message(**changes: Any) -> dict[str, Any]:
    """A message of Анна's, with some of it changed."""
    update: dict[str, Any] = sample("start_deeplink")
    update["message"].update(changes)
    return update


@pytest.mark.parametrize("name", EXPECTED)
def test_every_sampled_update_is_what_its_readme_says(name: str) -> None:
    fact = one(sample(name))
    assert (fact.type, fact.subject, fact.contact, fact.ignored) == EXPECTED[name]
    assert fact.key == ("update", str(sample(name)["update_id"]))


def test_the_raw_text_message_passes_with_its_secret_and_is_read() -> None:
    request = raw("text")
    assert WEBHOOK.verify(request, SECRET) is None
    (fact,) = WEBHOOK.parse(request, SECRET)
    assert isinstance(fact, Fact)
    assert (fact.type, fact.data["text"]) == (E.MESSAGE_RECEIVED, "Здравствуйте, где мой заказ?")
    assert str(fact.occurred_at) == "2025-11-21 04:40:00+00:00"
    assert fact.consent is None


def test_without_a_secret_of_its_own_the_bots_token_makes_one() -> None:
    secret = webhook_secret(None, "7000000001:bot-token-for-tests")
    assert secret is not None
    assert len(secret) == 64
    assert "bot-token" not in secret
    request = posted(b"{}", ("x-telegram-bot-api-secret-token", secret))
    assert WEBHOOK.verify(request, Inbound({}, {"bot_token": "7000000001:bot-token-for-tests"})) is None
    assert WEBHOOK.verify(request, Inbound({}, {"bot_token": "7000000001:another-for-tests"})) is not None
    assert WEBHOOK.verify(request, Inbound({}, {})) is not None, "nothing to compare it with proves nothing"


def test_a_pressed_button_is_answered_in_the_body_which_is_run_as_a_call() -> None:
    answer = WEBHOOK.answer(posted(b"{}"), parse(sample("callback")))
    assert answer is not None
    assert json.loads(answer.body) == {
        "method": "answerCallbackQuery", "callback_query_id": "4382bfdwdsb323b2d9",
    }  # fmt: skip


def test_the_answer_is_empty_for_a_body_might_be_run_as_a_call() -> None:
    answer = WEBHOOK.answer(posted(b"{}"), [])
    assert answer is not None
    assert (answer.status, answer.body) == (200, b"")


def test_a_deep_link_brings_its_payload_and_is_a_consent() -> None:
    fact = one(sample("start_deeplink"))
    assert (fact.data["start"], fact.consent) == ("src_landing", Consent.GIVEN)
    assert "start" not in one(message(text="/start")).data
    assert "start" not in one(message(text="/starting now")).data
    assert one(message(text="/start@test_hub_bot src")).data["start"] == "src"


@pytest.mark.parametrize("word", ["/stop", "СТОП", "Стоп.", "отписаться", "/stop@test_hub_bot"])
def test_who_says_stop_withdraws_his_consent(word: str) -> None:
    fact = one(message(text=word))
    assert (fact.consent, fact.contact) == (Consent.WITHDRAWN, ANNA)


def test_a_word_in_a_group_is_said_to_the_group() -> None:
    assert one(message(text="стоп", chat={"id": -100123, "type": "supergroup"})).consent is None


def test_what_a_mini_app_sends_by_its_keyboard_is_kept_as_it_is() -> None:
    assert one(sample("web_app_data")).data["web_app_data"] == '{"items":[{"id":3,"qty":2}],"total":1580}'


def test_a_button_brings_its_data_even_when_its_message_is_shown_no_more() -> None:
    assert (one(sample("callback")).data["button"], one(sample("callback_inaccessible")).data["button"]) == (
        "accept:15", "accept:16",
    )  # fmt: skip


def test_an_edit_is_no_news_and_names_what_it_edits() -> None:
    edited = one(sample("edited"))
    (first,) = WEBHOOK.parse(raw("text"), SECRET)
    assert isinstance(first, Fact)
    assert (edited.type, edited.data["edited"]) == (E.OTHER, first.subject)
    assert edited.key != first.key


@pytest.mark.parametrize(("edit_date", "at"), [(1763700060, 1763700060), (0, 1763700000), (1763699999, 1763700000)])
def test_an_edit_is_never_older_than_what_it_edits_and_a_word_on_consent_counts_in_it(edit_date: int, at: int) -> None:
    update = sample("edited")
    update["edited_message"] |= {"edit_date": edit_date, "text": "стоп"}
    fact = one(update)
    assert fact.occurred_at == datetime.fromtimestamp(at, UTC)
    assert (fact.type, fact.consent, fact.ignored) == (E.OTHER, Consent.WITHDRAWN, None)


@pytest.mark.parametrize("data", [None, "", 5, []])
def test_a_button_without_data_says_nothing(data: Any) -> None:
    update = sample("callback")
    update["callback_query"]["data"] = data
    assert one(update).ignored == ("a button without data: it says nothing" if data != 5 else None)


def test_somebody_elses_number_is_not_kept() -> None:
    assert "9997654321" not in one(sample("foreign_contact")).model_dump_json()


def test_a_group_that_moved_says_where_from_and_where_to() -> None:
    assert one(sample("migrate")).data == {"chat": "-400000001", "moved_to": "-1009999999999"}


@pytest.mark.parametrize("content", [message(**{"from": None}), message(**{"from": {"id": 1, "is_bot": True}})])
def test_what_no_person_wrote_is_not_acted_on(content: dict[str, Any]) -> None:
    assert one(content).ignored is not None


@pytest.mark.parametrize("kind", ["pre_checkout_query", "inline_query", "invented_yesterday"])
def test_an_update_that_nobody_acts_on_is_kept_with_its_name(kind: str) -> None:
    ignored = one({"update_id": 5, kind: {}}).ignored
    assert ignored is not None
    assert kind in ignored


@pytest.mark.parametrize("body", [b"", b"{", b"5", b"null", b"[]", b"[NaN]", b"[" * 100_000])
def test_what_is_not_the_format_is_said_so(body: bytes) -> None:
    with pytest.raises(NotTheFormat, match="expected"):
        parse(body)


@pytest.mark.parametrize("body", [{}, {"message": {}}, {"update_id": "5"}, {"update_id": True}, {"update_id": 2**70}])
def test_an_update_without_its_number_cannot_be_told_from_another(body: dict[str, Any]) -> None:
    (item,) = parse(body)
    assert isinstance(item, Unreadable)


# Init data of Mini Apps

VECTORS = json.loads((SAMPLES / "init_data_vectors.json").read_bytes())


def genuine(vector: dict[str, Any]) -> InitData:
    now = datetime.fromtimestamp(vector["now"], UTC)
    max_age = timedelta(seconds=vector["max_age"])
    text = vector["init_data"]
    if vector["method"] == "ed25519":
        return verified_without_token(text, vector["bot_id"], now, max_age, bytes.fromhex(vector["public_key_hex"]))
    if "secret_key_hex" in vector:
        return checked(fields_of(text), bytes.fromhex(vector["secret_key_hex"]), moment, now, max_age)
    return verified(text, vector["token"], now, max_age)


@pytest.mark.parametrize("vector", VECTORS, ids=[vector["name"] for vector in VECTORS])
def test_every_vector_of_init_data_is_taken_or_refused_as_it_says(vector: dict[str, Any]) -> None:
    if not vector["expect"]:
        with pytest.raises(NotGenuine):
            genuine(vector)
        return
    found = genuine(vector)
    if "user_id" in vector:
        user = found.object("user")
        assert user is not None
        assert int(user["id"]) == vector["user_id"]
    if "start_param" in vector:
        assert found.fields["start_param"] == vector["start_param"]


def test_a_key_that_comes_twice_is_refused() -> None:
    good = next(vector for vector in VECTORS if vector["name"] == "Cyrillic user")
    with pytest.raises(NotGenuine):
        genuine({**good, "init_data": good["init_data"] + "&query_id=AAGtest"})


def test_init_data_without_a_user_names_none() -> None:
    assert genuine(next(vector for vector in VECTORS if vector["name"] == "no user")).object("user") is None


@given(st.text())
def test_any_text_is_taken_or_refused_as_init_data(text: str) -> None:
    for check in (
        lambda: verified(text, "1:x", datetime.now(UTC), timedelta(days=1)),
        lambda: verified_without_token(text, 1, datetime.now(UTC), timedelta(days=1)),
    ):
        with pytest.raises(NotGenuine):
            check()
