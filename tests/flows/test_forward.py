"""`forward`: which events go on, to whom, and with what in them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from svyazka.connectors.http.manifest import MANIFEST
from svyazka.engine.contracts.dispatch import carried
from svyazka.engine.contracts.flow import Channel, Decision, Facts, FlowContext
from svyazka.flows.forward import FLOW, FORWARDABLE, ForwardSettings
from svyazka.flows.registry import load_flow
from svyazka.model.commands import Forward
from svyazka.model.contacts import Contact
from svyazka.model.events import Event, EventType

NOW = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)
EVENT = Event(
    id="evt_1", tenant="kofe", connection="till", vendor="iiko", type=EventType.ORDER_COMPLETED, subject="order:7",
    identity="strong", origin="webhook", received_at=NOW, occurred_at=NOW - timedelta(minutes=1),
    contact=Contact(name="Анна", phone="8 (999) 123-45-67", chats={"telegram": "5"}),
    data={"number": "7", "sum": 150.5},
)  # fmt: skip


def channel(name: str, kind: str = "Forward") -> Channel:
    return Channel(
        name,
        "http",
        None,
        lambda contact: None,
        lambda command: command == kind,
        lambda command: carried(MANIFEST, command).safety,
    )


def planned(event: Event = EVENT, channels: Any = (), **settings: Any) -> Decision:
    context = FlowContext("kofe", "Кофейня", "Europe/Moscow", "pass_on", channels or [channel("crm")])
    return FLOW.plan(event, Facts(), ForwardSettings.model_validate(settings), context)


def test_the_registry_finds_it() -> None:
    assert load_flow("forward") is FLOW


def test_an_event_goes_on_in_our_words() -> None:
    (plan,) = planned().plans
    (step,) = plan.stages[0].steps
    command = step.command
    assert isinstance(command, Forward)
    assert (command.type, command.occurred_at) == ("order.completed", EVENT.occurred_at)
    assert command.payload == {
        "id": "evt_1", "connection": "till", "vendor": "iiko", "subject": "order:7",
        "received_at": "2026-03-14T12:00:00Z",
        "contact": {"name": "Анна", "phone": "+79991234567", "email": None, "chats": {"telegram": "5"}, "proxy": False},
        "fields": {"number": "7", "sum": 150.5},
    }  # fmt: skip


def test_several_events_of_one_order_are_several_obligations() -> None:
    other = EVENT.model_copy(update={"id": "evt_2"})
    assert planned().plans[0].subject != planned(other).plans[0].subject


def test_every_connection_gets_a_copy_and_what_cannot_take_it_none() -> None:
    decision = planned(channels=[channel("crm"), channel("sms", "SendMessage"), channel("site")])
    assert [plan.stages[0].steps[0].name for plan in decision.plans] == ["forward/crm", "forward/site"]
    assert all(len(plan.stages[0].steps) == 1 for plan in decision.plans)
    nobody = planned(channels=[channel("sms", "SendMessage")])
    assert nobody.plans == ()
    assert nobody.reason is not None


def test_the_person_may_be_left_out() -> None:
    (plan,) = planned(contact=False).plans
    command = plan.stages[0].steps[0].command
    assert isinstance(command, Forward)
    assert command.payload["contact"] is None


def test_without_settings_everything_that_vendors_tell_goes_and_requests_of_operators_do_not() -> None:
    assert FLOW.wants(ForwardSettings()) == FORWARDABLE
    assert not FORWARDABLE & {EventType.OTHER, EventType.SEND_REQUESTED}
    some = ForwardSettings.model_validate({"events": ["order.completed"]})
    assert FLOW.wants(some) == {EventType.ORDER_COMPLETED}


@pytest.mark.parametrize("events", [["message.requested"], ["other"], ["order.paid"], []])
def test_a_type_that_cannot_be_passed_on_is_a_mistake_of_the_file(events: list[str]) -> None:
    with pytest.raises(ValueError, match="validation error"):
        ForwardSettings.model_validate({"events": events})


@pytest.mark.parametrize(("origin", "base"), [("webhook", NOW), ("poll", EVENT.occurred_at)])
def test_its_life_begins_when_it_came_or_happened(origin: Any, base: datetime) -> None:
    (plan,) = planned(EVENT.model_copy(update={"origin": origin}), expires_after="1h").plans
    assert plan.stages[0].guards.expires_at == base + timedelta(hours=1)
    assert planned().plans[0].stages[0].guards.expires_at is None
