"""`notify`: whom of the staff an event is told, how, and how often."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from flows.channels import EVERYWHERE, MAIL, SMS, TELEGRAM
from flows.strategies import EVENTS, TEXTS
from svyazka.engine.contracts.flow import Channel, Decision, Facts, FlowContext, Needs
from svyazka.flows.notify import FLOW, WORDS, NotifySettings
from svyazka.flows.registry import load_flow
from svyazka.model.commands import QuietHours, SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.events import Event, EventType

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
CURATOR = {"phone": "+79990000001", "chats": {"telegram": "5000000001"}}
MANAGER = {"email": "boss@example.org"}
EVENT = Event(
    id="evt_1", tenant="kofe", connection="crm", vendor="amocrm", type=EventType.LEAD_CREATED, subject="lead:7",
    identity="strong", origin="webhook", received_at=NOW, occurred_at=NOW - timedelta(hours=1),
    contact=Contact(name="Анна Тестова", phone="8 (999) 123-45-67", email="Anna@example.org"),
    data={"number": 7, "text": "Хочу на курс! Перезвоните"},
)  # fmt: skip


def decided(event: Event = EVENT, channels: Sequence[Channel] = (TELEGRAM, SMS, MAIL), **given: Any) -> Decision:
    context = FlowContext("kofe", "Школа", "Europe/Moscow", "staff", channels)
    whole = {"text": "{event}: {name}", "events": ["lead.created"], "to": {"curator": CURATOR}, **given}
    return FLOW.plan(event, Facts(), NotifySettings.model_validate(whole), context)


def text(event: Event = EVENT, **given: Any) -> str:
    """What the curator is told."""
    command = decided(event, **given).plans[0].stages[0].steps[0].command
    assert isinstance(command, SendMessage)
    return command.text


def steps(decision: Decision) -> list[list[str]]:
    return [[step.name for step in plan.stages[0].steps] for plan in decision.plans]


# Whom


def test_each_of_the_staff_is_told_through_the_first_channel_that_reaches_him() -> None:
    decision = decided(to={"curator": CURATOR, "manager": MANAGER})
    assert steps(decision) == [["notify.curator/bot", "notify.curator/sms"], ["notify.manager/mail"]]
    assert decision.reason is None
    first = decision.plans[0].stages[0].steps[0].command
    assert isinstance(first, SendMessage)
    assert first.to == Contact(phone="+79990000001", chats={"telegram": "5000000001"}), "and not the client"


def test_who_cannot_be_reached_is_named_and_hinders_nobody() -> None:
    decision = decided(channels=[SMS], to={"curator": CURATOR, "manager": MANAGER})
    assert steps(decision) == [["notify.curator/sms"]]
    assert decision.reason == "no address that any of its channels reaches: manager"


def test_it_is_told_on_any_event_that_it_is_told_to() -> None:
    for type_ in WORDS:
        model = NotifySettings.model_validate({"text": "x", "events": [type_.value], "to": {"a": CURATOR}})
        assert FLOW.wants(model) == {type_}
    assert load_flow("notify") is FLOW


# What


def test_a_clients_addresses_are_masked_unless_the_file_says_otherwise() -> None:
    shown = "{name} {phone} {email}"
    assert text(text=shown) == "Анна +7999•••4567 a•••@example.org"
    assert text(text=shown, contact="full") == "Анна +79991234567 anna@example.org"


@pytest.mark.parametrize(
    ("template", "told"),
    [
        ("{business}: {event}, № {number} ({source})", "Школа: новая заявка, № 7 (crm)"),
        ("{name}: «{message}»", "Анна: «Хочу на курс! Перезвоните»"), ("{event|событие}", "Новая заявка"),
        ("{name} {sum}, {date}", "Анна,"),
    ],
)  # fmt: skip
def test_placeholders_stand_for_what_the_event_brings(template: str, told: str) -> None:
    assert text(text=template) == told


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("Зайдите на https://evil.com/x срочно", "Зайдите на [ссылка] срочно"), ("t.me/evil", "[ссылка]"),
        ("раз\nдва\u202e три", "раз два три"), ("слово " * 100, f"{('слово ' * 100)[:299]}…"), ("", ""), ("<b>", "<b>"),
        ({"not": "text"}, ""),
    ],
)  # fmt: skip
def test_what_a_client_wrote_is_on_one_line_and_has_no_link_to_follow(written: Any, told: str) -> None:
    event = EVENT.model_copy(update={"data": {"text": written}})
    assert text(event, text="«{message}»") == f"«{told}»"


def test_html_of_a_mail_escapes_what_a_client_wrote() -> None:
    event = EVENT.model_copy(update={"data": {"text": "<script>"}})
    (plan,) = decided(event, [MAIL], to={"manager": MANAGER}, html="<p>{message}</p>").plans
    command = plan.stages[0].steps[0].command
    assert isinstance(command, SendMessage)
    assert command.html == "<p>&lt;script&gt;</p>"


# How often


def test_a_kind_of_news_about_a_subject_is_told_once_and_every_change_and_message_each_time() -> None:
    for type_ in WORDS:
        one = EVENT.model_copy(update={"type": type_})
        other = one.model_copy(update={"id": "evt_2"})
        again = decided(one).plans[0].subject == decided(other).plans[0].subject
        each_time = type_.value.endswith(".changed") or type_.value.startswith(("message.", "connection."))
        assert again is not each_time, type_
    won = EVENT.model_copy(update={"type": EventType.DEAL_WON})
    assert decided(won).plans[0].subject != decided().plans[0].subject, "another kind of news about it"


@pytest.mark.parametrize(
    ("type_", "contact", "read"),
    [
        (EventType.LEAD_CREATED, None, True), (EventType.LEAD_CREATED, EVENT.contact, False),
        (EventType.APPOINTMENT_CANCELLED, None, False), (EventType.CONTACT_DELETED, None, False),
    ],
)  # fmt: skip
def test_what_names_nobody_is_read_again_unless_it_may_be_gone(
    type_: EventType, contact: Contact | None, read: bool
) -> None:
    model = NotifySettings.model_validate({"text": "x", "events": ["lead.created"], "to": {"a": CURATOR}})
    assert FLOW.needs(EVENT.model_copy(update={"type": type_, "contact": contact}), model) == Needs(reread=read)


# Guards


def test_guards_are_as_configured_and_the_do_not_contact_list_is_not_asked() -> None:
    (plan,) = decided(quiet_hours="21:00-10:00", expires_after="2h", fallback_after="10m").plans
    assert isinstance(plan.stages[0].guards.quiet_hours, QuietHours)
    assert plan.stages[0].guards.expires_at == NOW + timedelta(hours=2)
    assert (plan.stages[0].guards.opt_out, plan.stages[0].guards.once_per, plan.stages[0].guards.still_true) == (
        False,
        None,
        None,
    )
    assert plan.stages[0].fallback_after == timedelta(minutes=10)
    (plan,) = decided(EVENT.model_copy(update={"origin": "poll"})).plans
    assert plan.stages[0].guards.expires_at == NOW + timedelta(hours=23)
    assert plan.stages[0].fallback_after == timedelta(hours=12)


@pytest.mark.parametrize(
    "wrong",
    [
        {"events": []}, {"events": ["message.requested"]}, {"events": ["other"]}, {"events": ["message.delivered"]},
        {"to": {}}, {"to": {"curator": {}}}, {"to": {"Куратор": CURATOR}}, {"to": {"c": {"phone": "12"}}},
        {"to": {"c": {"email": "x"}}}, {"to": {"c": {"mail": "x@y.ru"}}}, {"text": "{code}"}, {"contact": "all"},
        {"fallback_after": "1d"},
    ],
)  # fmt: skip
def test_a_mistake_of_the_file_is_found_before_anything_is_sent(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        NotifySettings.model_validate({"text": "x", "events": ["lead.created"], "to": {"c": CURATOR}, **wrong})


@settings(deadline=None)
@given(EVENTS, TEXTS)
def test_any_event_is_decided_without_surprise_and_twice_alike(event: Event, written: str | None) -> None:
    event = event.model_copy(update={"data": {**event.data, "text": written}})
    template = "{event} {name} {phone} {email} {message} {number} {sum} {service} {date} {time} {source}"
    given = {"text": template, "html": template, "subject": template, "to": {"curator": CURATOR, "manager": MANAGER}}
    first = decided(event, EVERYWHERE, **given)
    assert first == decided(event, EVERYWHERE, **given)
    assert len(first.plans) == 2
