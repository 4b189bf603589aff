"""`another_card`: one message with the page, and one at the end where somebody wants it said."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from pydantic import ValidationError

from flows.channels import MAIL, SMS
from svyazka.engine.contracts.flow import Decision, Facts, FlowContext
from svyazka.flows.another_card import FLOW, AnotherCardSettings
from svyazka.model.commands import SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.events import Event, EventType

ANNA = Contact(name="Анна", phone="+79991234567")
SUB = "sub_" + "0a" * 12
SAID = {"text": "{name}, {sum} ₽ за {number} не списать: {link}", "page": "https://example.org/abo?id={subscription}"}


def decided(type_: EventType, contact: Contact | None = None, **given: Any) -> Decision:
    now = datetime(2026, 4, 14, 7, tzinfo=UTC)
    event = Event(
        id="evt_1", tenant="kofe", connection="site", vendor="site", type=type_, subject=f"subscription:{SUB}",
        identity="strong", origin="engine", received_at=now, contact=contact or ANNA,
        data={"subscription": SUB, "number": "42", "sum": "990", "date": "14.04.2026", "why": "card_gone"},
    )  # fmt: skip
    context = FlowContext("kofe", "Кофейня", "Europe/Moscow", "card", (MAIL, SMS))
    return FLOW.plan(event, Facts(), AnotherCardSettings.model_validate({**SAID, **given}), context)


def text_of(decision: Decision) -> str:
    (plan,) = decision.plans
    command = plan.stages[0].step.command
    assert isinstance(command, SendMessage)
    return command.text


def test_it_leads_to_the_page_of_this_very_subscription() -> None:
    said = text_of(decided(EventType.SUBSCRIPTION_CARD_NEEDED))
    assert said == f"Анна, 990 ₽ за 42 не списать: https://example.org/abo?id={SUB}"


@pytest.mark.parametrize(
    ("type_", "name"),
    [(EventType.SUBSCRIPTION_STOPPED, "stopped"), (EventType.SUBSCRIPTION_CANCELLED, "cancelled")],
)
def test_the_end_is_said_where_somebody_wants_it(type_: EventType, name: str) -> None:
    assert decided(type_).plans == ()
    assert text_of(decided(type_, **{name: "Подписка {number} кончилась"})) == "Подписка 42 кончилась"


def test_whom_nobody_can_reach_is_written_to_by_nobody() -> None:
    assert decided(EventType.SUBSCRIPTION_CARD_NEEDED, Contact(name="Анна")).plans == ()


@pytest.mark.parametrize(
    "wrong", [{"text": "без ссылки"}, {"page": "https://example.org/"}, {"page": "http://example.org/{subscription}"},
              {"stopped": "{unknown}"}],
)  # fmt: skip
def test_settings_that_lead_nowhere_are_refused(wrong: dict[str, str]) -> None:
    with pytest.raises(ValidationError):
        decided(EventType.SUBSCRIPTION_CARD_NEEDED, **wrong)
