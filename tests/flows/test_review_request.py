"""`review_request`: four kinds of source, every channel, the right text on each, and no stranger's word in it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from flows.channels import EVERYWHERE, MAIL, SMS, TELEGRAM, WHATSAPP, channel
from flows.strategies import EVENTS
from svyazka.engine.contracts.flow import Channel, Decision, Facts, FlowContext, Needs
from svyazka.flows.messages import fill, fill_html, safe_value, visible
from svyazka.flows.registry import load_flow
from svyazka.flows.review_request import DONE, FLOW, ReviewRequestSettings
from svyazka.model.commands import OncePer, Plan, QuietHours, SendMessage, StillTrue
from svyazka.model.contacts import Contact
from svyazka.model.events import Event, EventType

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
URL = "https://example.org/r/kofe"
TEXT = "{name}, спасибо! Оставьте отзыв: {review_url}"
ANNA = Contact(
    name="Анна Тестова", phone="8 (999) 123-45-67", email="Anna@Example.org", chats={"telegram": "5000000001"}
)
EVENT = Event(
    id="evt_1", tenant="kofe", connection="till", vendor="iiko", type=EventType.ORDER_COMPLETED, subject="order:7",
    identity="strong", origin="webhook", received_at=NOW, occurred_at=NOW - timedelta(hours=1), contact=ANNA,
    data={"number": 1024, "sum": 1480.0, "service": "Капучино"},
)  # fmt: skip


def decided(event: Event = EVENT, channels: Sequence[Channel] = (SMS,), **given: Any) -> Decision:
    context = FlowContext("kofe", "Кофейня «Утро»", "Europe/Moscow", "review", channels)
    model = ReviewRequestSettings.model_validate({"text": TEXT, "review_url": URL, **given})
    return FLOW.plan(event, Facts(), model, context)


def planned(event: Event = EVENT, channels: Sequence[Channel] = (SMS,), **given: Any) -> Plan:
    (plan,) = decided(event, channels, **given).plans
    return plan


def messages(plan: Plan) -> dict[str, SendMessage]:
    """By connection."""
    found = {}
    for step in plan.stages[0].steps:
        assert isinstance(step.command, SendMessage)
        found[step.connection] = step.command
    return found


def said(name: str | None, text: str = TEXT, **given: Any) -> str:
    """What somebody of this name is told by SMS."""
    event = EVENT.model_copy(update={"contact": ANNA.model_copy(update={"name": name})})
    return messages(planned(event, text=text, **given))["sms"].text


# Sources and channels


@pytest.mark.parametrize("type_", sorted(DONE))
@pytest.mark.parametrize("one", EVERYWHERE, ids=lambda channel: channel.connection)
def test_what_is_done_asks_for_a_review_on_each_channel(type_: EventType, one: Channel) -> None:
    plan = planned(EVENT.model_copy(update={"type": type_}), [one])
    (step,) = plan.stages[0].steps
    assert (step.name, step.connection, step.vendor) == (f"review/{one.connection}", one.connection, one.vendor)
    assert step.needs_receipt == (one is WHATSAPP)
    assert messages(plan)[one.connection].text == f"Анна, спасибо! Оставьте отзыв: {URL}"
    assert plan.subject == "order:7", "each later save of the same thing meets the same delivery"


def test_only_what_is_done_counts() -> None:
    model = ReviewRequestSettings(text=TEXT, review_url=URL)
    assert FLOW.wants(model) == {EventType.ORDER_COMPLETED, EventType.APPOINTMENT_COMPLETED, EventType.DEAL_WON}
    assert FLOW.needs(EVENT, model) == Needs(reread=True), "a webhook's body is a hint"
    assert load_flow("review_request") is FLOW


def test_each_channel_has_a_form_of_its_own() -> None:
    plan = planned(
        channels=[WHATSAPP, MAIL, SMS, TELEGRAM], subject="{name}, как вам {service}?",
        html="<p>{name}, спасибо!</p><a href='{review_url}'>Отзыв</a>", texts={"bot": "Отзыв: {review_url}"},
        template={"name": "review", "language": "ru", "parameters": ["{name}", "{business}", "№ {number}"]},
    )  # fmt: skip
    told = messages(plan)
    assert told["sms"].text == told["mail"].text == f"Анна, спасибо! Оставьте отзыв: {URL}"
    assert told["bot"].text == f"Отзыв: {URL}"
    assert told["mail"].subject == "Анна, как вам Капучино?"
    assert told["mail"].html == f"<p>Анна, спасибо!</p><a href='{URL}'>Отзыв</a>"
    assert told["wa"].template == {
        "name": "review", "language": "ru", "parameters": ["Анна", "Кофейня «Утро»", "№ 1024"],
    }  # fmt: skip
    assert [(told[name].subject, told[name].html) for name in ("sms", "wa", "bot")] == [(None, None)] * 3


def test_fallbacks_stand_in_the_order_of_preference_without_those_who_do_not_reach_the_person() -> None:
    nobodys = channel("max", "telegram")
    via = [WHATSAPP, nobodys, MAIL, SMS]
    only_phone = EVENT.model_copy(update={"contact": Contact(name="Анна", phone="+79991234567")})
    assert [step.connection for step in planned(channels=via).stages[0].steps] == ["wa", "max", "mail", "sms"]
    assert [step.connection for step in planned(only_phone, via).stages[0].steps] == ["wa", "sms"]
    assert [step.connection for step in planned(only_phone, via[::-1]).stages[0].steps] == ["sms", "wa"]


@pytest.mark.parametrize(
    ("contact", "said"),
    [
        (None, "no address"), (Contact(name="Анна"), "no address"), (Contact(phone="8 800 555-35-35"), "no address"),
        (Contact(email="анна"), "no address"), (ANNA.model_copy(update={"proxy": True}), "never messaged"),
    ],
)  # fmt: skip
def test_who_cannot_be_reached_is_not_written_to_and_the_reason_is_kept(contact: Contact | None, said: str) -> None:
    decision = decided(EVENT.model_copy(update={"contact": contact}), EVERYWHERE)
    assert decision.plans == ()
    assert decision.reason is not None
    assert said in decision.reason


# Words


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("Анна Тестова", "{name}, спасибо!", "Анна, спасибо!"), ("анна", "{name}, спасибо!", "Анна, спасибо!"),
        ("Тестова Анна", "{name}, спасибо!", "Анна, спасибо!"),
        (None, "{name}, спасибо!", "Спасибо!"), ("  ", "Здравствуйте, {name}! Ждём вас", "Здравствуйте! Ждём вас"),
        (None, "Спасибо, {name}. Заказ {number} готов", "Спасибо. Заказ 1024 готов"),
        (None, "{name|гость}, спасибо!", "гость, спасибо!"), (None, "{name}, {review_url}", URL),
        (None, "{name|Гость}, спасибо!", "Гость, спасибо!"), ("Анна", "{review_url} {date}", URL),
        ("Анна", "{name|Гость}, спасибо!", "Анна, спасибо!"),
        ("Анна", "Заказ {number} на {sum} ₽, {business}", "Заказ 1024 на 1480 ₽, Кофейня «Утро»"),
        ("Анна", "- {date} {name}", "Анна"), ("Анна", "Скобки {{так}}", "Скобки {так}"),
        ("Анна", " - без пустот - ", "- без пустот -"),
    ],
)  # fmt: skip
def test_a_text_is_filled_and_tidy_where_something_is_missing(name: str | None, text: str, told: str) -> None:
    assert said(name, text) == told


@pytest.mark.parametrize(
    "name",
    [
        "http://evil.example/x",
        "www.evil.example",
        "evil.com",
        "t.me/evil",
        "заходи.рф",
        "EVIL.RU",
        "https:evil",
        "bit.ly/1",
        "evil.example/x",
        "a.online",
    ],
)
def test_a_name_that_is_a_link_is_left_out(name: str) -> None:
    assert said(name) == f"Спасибо! Оставьте отзыв: {URL}"


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("Ан\x00на", "Ан на"), ("\u202eаннА", "аннА"), ("Анна\u200b", "Анна"), ("Анна\nЗвоните", "Анна"),
        ("А" * 200, "А" * 80), ("<b>Анна</b>", "<b>Анна</b>"), ("{review_url}", "{review_url}"), ("И.П.", "И.П."),
        ("Анна-Мария", "Анна-Мария"),
    ],
)  # fmt: skip
def test_a_name_is_one_short_line_and_nothing_but_words(name: str, told: str) -> None:
    assert said(name, "Дорогая {name}!") == f"Дорогая {told}!"


@pytest.mark.parametrize("value", [None, True, [], ["x"], {"a": 1}, "", "  ", "купи на evil.com"])
def test_what_an_event_brings_is_a_short_text_or_a_number_or_nothing(value: Any) -> None:
    event = EVENT.model_copy(update={"data": {"number": value, "business": "Чужое", "review_url": "https://evil.com"}})
    text = messages(planned(event, text="Заказ {number}! {business} {review_url}"))["sms"].text
    assert text == f"Заказ! Кофейня «Утро» {URL}"


def test_numbers_are_written_as_people_write_them() -> None:
    assert [safe_value(value) for value in (1480.0, 1480.5, 7, "7")] == ["1480", "1480.5", "7", "7"]


@pytest.mark.parametrize(
    ("name", "html"),
    [
        ("Анна & Ко", "<p>Анна, спасибо!</p>"), (None, "<p>Спасибо!</p>"),
        ("<script>", "<p>&lt;script&gt;, спасибо!</p>"), ("https://evil.com", "<p>Спасибо!</p>"),
        ("\"onload='", "<p>&quot;onload=&#x27;, спасибо!</p>"),
    ],
)  # fmt: skip
def test_what_came_from_outside_is_no_markup(name: str | None, html: str) -> None:
    event = EVENT.model_copy(update={"contact": ANNA.model_copy(update={"name": name})})
    assert messages(planned(event, [MAIL], html="<p>{name}, спасибо!</p>"))["mail"].html == html


def test_a_link_keeps_its_letters_where_a_name_before_it_is_missing() -> None:
    event = EVENT.model_copy(update={"contact": ANNA.model_copy(update={"name": None})})
    message = messages(planned(event, [MAIL], html="<p>{name}, {review_url}</p><p>{date}, ждём</p>"))["mail"]
    assert message.html == f"<p>{URL}</p><p>Ждём</p>"


def test_a_business_that_is_called_as_its_site_keeps_its_name() -> None:
    assert fill("{business}!", {}, {"business": "Kofe.ru"}) == "Kofe.ru!"
    assert fill_html("{business}!", {}, {"business": "A&B.ru"}) == "A&amp;B.ru!"


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": "{nam}, спасибо"}, {"text": "{name"}, {"text": "{}"}, {"text": "{0}"}, {"text": "{name.first}"},
        {"text": "{code}"}, {"texts": {"sms": "{nam}"}}, {"subject": "{nam}"}, {"html": "<p style='a{b}'>"},
        {"template": {"name": "r", "parameters": ["{nam}"]}}, {"template": {"components": [{"text": "{nam}"}]}},
        {"review_url": "example.org"}, {"delay": "24h"}, {"delay": "2h", "expires_after": "1h"}, {"txt": "x"},
        {"fallback_after": "24h"},
    ],
)  # fmt: skip
def test_a_mistake_of_the_file_is_found_before_anything_is_sent(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ReviewRequestSettings.model_validate({"text": TEXT, "review_url": URL, **wrong})


# Guards


def test_guards_are_as_configured() -> None:
    plan = planned(
        delay="30m", quiet_hours="21:00-10:00", at_most_once_per="30d", expires_after="12h", fallback_after="2h"
    )
    guards = plan.stages[0].guards
    assert guards.not_before == NOW + timedelta(minutes=30)
    assert guards.expires_at == NOW + timedelta(hours=12)
    hours = guards.quiet_hours
    assert isinstance(hours, QuietHours)
    assert (hours.zone, f"{hours.start:%H:%M}-{hours.end:%H:%M}") == ("Europe/Moscow", "21:00-10:00")
    assert guards.once_per == OncePer(key="review:phone:+79991234567", period=timedelta(days=30))
    assert guards.still_true == StillTrue(subject="order:7", types=(EventType.ORDER_COMPLETED,))
    assert guards.opt_out
    assert plan.stages[0].fallback_after == timedelta(hours=2)


def test_left_out_they_are_off_but_for_a_day_of_life_and_a_fallback_in_half_of_it() -> None:
    plan = planned()
    guards = plan.stages[0].guards
    assert (guards.not_before, guards.quiet_hours, guards.once_per) == (None, None, None)
    assert guards.expires_at == NOW + timedelta(hours=24)
    assert plan.stages[0].fallback_after == timedelta(hours=12)


@pytest.mark.parametrize(
    ("origin", "occurred_at", "base"),
    [("webhook", NOW - timedelta(hours=1), NOW), ("poll", NOW - timedelta(hours=1), NOW - timedelta(hours=1)),
     ("poll", None, NOW), ("import", NOW - timedelta(days=3), NOW - timedelta(days=3))],
)  # fmt: skip
def test_its_life_begins_when_it_came_or_when_it_happened(
    origin: Any, occurred_at: datetime | None, base: datetime
) -> None:
    event = EVENT.model_copy(update={"origin": origin, "occurred_at": occurred_at})
    assert planned(event).stages[0].guards.expires_at == base + timedelta(hours=24)


@pytest.mark.parametrize(
    ("contact", "key"),
    [
        (ANNA, "review:phone:+79991234567"), (ANNA.model_copy(update={"phone": None}), "review:email:anna@example.org"),
        (Contact(chats={"telegram": "5"}), "review:telegram:5"),
    ],
)  # fmt: skip
def test_a_person_is_one_across_all_sources(contact: Contact, key: str) -> None:
    plan = planned(EVENT.model_copy(update={"contact": contact}), EVERYWHERE, at_most_once_per="30d")
    assert plan.stages[0].guards.once_per is not None
    assert plan.stages[0].guards.once_per.key == key


# Whatever comes


ALL = {
    "subject": "{name}: {service}", "html": "<p>{name}, {number} {sum} {service} {date} {time}</p>", "delay": "30m",
    "template": {"name": "r", "parameters": ["{name}", {"deep": ["{sum}"]}]}, "quiet_hours": "21:00-10:00",
    "at_most_once_per": "30d", "expires_after": "3d",
}  # fmt: skip


@settings(deadline=None)
@given(EVENTS)
def test_any_event_is_decided_without_surprise_and_twice_alike(event: Event) -> None:
    first = decided(event, EVERYWHERE, **ALL)
    assert first == decided(event, EVERYWHERE, **ALL)
    assert first.plans or first.reason
    for plan in first.plans:
        for message in messages(plan).values():
            assert URL in message.text
            assert visible(message.text) == message.text, "nothing of a stranger's that nobody sees"


@settings(deadline=None)
@given(st.text(max_size=60), st.dictionaries(st.sampled_from(["name", "sum"]), st.text(max_size=20)))
def test_any_text_that_passes_the_check_can_be_filled(text: str, values: dict[str, str]) -> None:
    try:
        ReviewRequestSettings(text=text, html=text, review_url=URL)
    except ValidationError:
        return
    fill(text, values, {"review_url": URL})
    fill_html(text, values, {"review_url": URL})
