"""`one_time_code`: a code on demand, through the whole machine."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from pydantic import ValidationError

from fakes import House
from flows.channels import EVERYWHERE, MAIL, MTS, SMS, WHATSAPP
from flows.strategies import EVENTS, TEXTS
from svyazka.engine.contracts.flow import Channel, Decision, Facts, FlowContext
from svyazka.engine.operating.operator import Operator
from svyazka.engine.operating.send import request_send
from svyazka.flows.one_time_code import FLOW, OneTimeCodeSettings
from svyazka.flows.registry import load_flow
from svyazka.model.commands import Repeat, SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Status
from svyazka.model.errors import MaybeSent
from svyazka.model.events import Event, EventRecord, EventType
from svyazka.model.outcomes import Refused
from svyazka.model.tenants import FlowSpec

NOW = datetime(2026, 3, 14, 20, 0, tzinfo=UTC)
IVAN = Contact(phone="+79991234567", email="ivan@example.org")
EVENT = Event(
    id="evt_1", tenant="kofe", connection="sms", vendor="smsru", type=EventType.SEND_REQUESTED, subject="message:1",
    identity="strong", origin="operator", received_at=NOW, occurred_at=NOW, contact=IVAN,
    data={"via": "sms", "flow": "one_time_code", "code": "4711"},
)  # fmt: skip


def decided(event: Event = EVENT, channels: Sequence[Channel] = (SMS,), **given: Any) -> Decision:
    context = FlowContext("kofe", "Кофейня", "Europe/Moscow", "one_time_code", channels)
    return FLOW.plan(event, Facts(), OneTimeCodeSettings.model_validate({"text": "Код {code}", **given}), context)


def commands(decision: Decision) -> list[SendMessage]:
    (plan,) = decision.plans
    return [step.command for step in plan.stages[0].steps if isinstance(step.command, SendMessage)]


# Its plan


def test_a_code_lives_for_minutes_and_nothing_holds_it_back() -> None:
    (plan,) = decided(channels=[WHATSAPP, SMS, MTS]).plans
    assert [step.name for step in plan.stages[0].steps] == ["code/wa", "code/sms", "code/mts"]
    assert plan.stages[0].guards.expires_at == NOW + timedelta(minutes=10)
    assert plan.stages[0].fallback_after == timedelta(minutes=2.5)
    guards = plan.stages[0].guards
    assert (guards.quiet_hours, guards.opt_out, guards.once_per, guards.not_before) == (None, False, None, None)
    assert {step.repeat for step in plan.stages[0].steps} == {Repeat.UNSAFE}, "never sent again when unknown"
    assert plan.subject == EVENT.subject, "each request is a message of its own"


def test_words_and_a_letters_link_are_the_tenants_own() -> None:
    given = {
        "text": "{business}: {code}, {minutes} мин.", "texts": {"mail": "Подтвердите: {confirm_url}"},
        "subject": "{business}", "html": "<a href='{confirm_url}'>Подтвердить</a>",
        "confirm_url": "https://example.org/c/{code}?x=1", "expires_after": "15m",
        "template": {"name": "code", "parameters": ["{code}"]},
    }  # fmt: skip
    sms, mail = commands(decided(channels=[SMS, MAIL], **given))
    assert sms.text == "Кофейня: 4711, 15 мин."
    assert (mail.text, mail.subject) == ("Подтвердите: https://example.org/c/4711?x=1", "Кофейня")
    assert mail.html == "<a href='https://example.org/c/4711?x=1'>Подтвердить</a>"
    assert sms.template == {"name": "code", "parameters": ["4711"]}
    assert sms.code
    assert mail.code


@pytest.mark.parametrize("code", [None, "", "123", 4711, "12 34", "код4711", "https://evil.com", "1" * 129, ["1234"]])
def test_what_is_no_code_is_not_sent(code: Any) -> None:
    decision = decided(EVENT.model_copy(update={"data": {**EVENT.data, "code": code}}))
    assert decision.plans == ()
    assert decision.reason is not None
    assert "code" in decision.reason


def test_who_cannot_be_reached_is_not_written_to() -> None:
    decision = decided(EVENT.model_copy(update={"contact": Contact(phone="8 800 555-35-35")}))
    assert (decision.plans, decision.reason) == ((), "no address that any of its channels reaches")


@pytest.mark.parametrize(
    "wrong",
    [
        {"text": "Без кода"}, {"text": "{name} {code}"}, {"texts": {"sms": "x"}}, {"html": "<p>x</p>"},
        {"template": {"name": "code"}}, {"text": "{confirm_url}"}, {"confirm_url": "https://example.org/"},
        {"confirm_url": "http://example.org/{code}"}, {"expires_after": "30s"}, {"expires_after": "25h"},
        {"quiet_hours": "21:00-10:00"}, {"delay": "1m"}, {"at_most_once_per": "1d"}, {"fallback_after": "10m"},
    ],
)  # fmt: skip
def test_a_mistake_of_the_file_is_found_before_anything_is_sent(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        OneTimeCodeSettings.model_validate({"text": "Код {code}", **wrong})


@settings(deadline=None)
@given(EVENTS, TEXTS)
def test_any_event_is_decided_without_surprise_and_twice_alike(event: Event, code: str | None) -> None:
    event = event.model_copy(update={"data": {**event.data, "code": code}})
    assert decided(event, EVERYWHERE) == decided(event, EVERYWHERE)


# Through the machine


class Lobby(House):
    """A house whose flow sends codes, by SMS and then by mail."""

    def __init__(self, **flow: Any) -> None:
        super().__init__()
        spec = FlowSpec(
            id="login", flow="one_time_code", sources=(), via=("sms", "mail"), settings={"text": "Код {code}", **flow}
        )
        self.tenant = self.tenant.model_copy(update={"flows": (*self.tenant.flows, spec)})

    async def ask(self, code: str = "4711", **more: Any) -> EventRecord:
        """Somebody asks for a code, as `send` is asked."""
        operator = Operator(self.hub, lambda vendor: None, "site")
        record = await request_send(
            operator, self.tenant, "sms", IVAN, {"flow": "login", "code": code, **more}, "+79991234567"
        )
        await self.run()
        return record

    def texts(self) -> list[str]:
        return [text for _, text in self.sms.sent]


@pytest.fixture
async def lobby() -> Lobby:
    made = Lobby()
    await made.settle_in()
    return made


async def test_a_code_that_is_asked_for_is_sent_at_once_and_each_request_by_itself(lobby: Lobby) -> None:
    for code in ("4711", "4712"):
        await lobby.ask(code)
    assert lobby.texts() == ["Код 4711", "Код 4712"]
    assert {delivery.flow for delivery in lobby.deliveries()} == {"login"}


async def test_one_who_wants_no_messages_still_gets_the_code_that_he_asked_for(lobby: Lobby) -> None:
    lobby.sms.script.append(Refused(code="215", message="stop list", opt_out=True))
    await lobby.post({"id": 1, "status": "done", "revision": 1, "phone": "+79991234567"})
    await lobby.run()
    await lobby.ask()
    assert lobby.texts() == ["Код 4711"]


async def test_what_may_have_been_sent_is_never_sent_again_and_goes_nowhere_else(lobby: Lobby) -> None:
    lobby.sms.script.append(MaybeSent("timeout"))
    await lobby.ask()
    await lobby.pass_time(3600)
    assert [delivery.status for delivery in lobby.deliveries() if delivery.flow == "login"] == [Status.UNKNOWN]
    assert (lobby.sms.calls, lobby.mail.sent) == (1, [])


async def test_what_is_refused_goes_to_the_next_channel_and_what_is_late_nowhere(lobby: Lobby) -> None:
    lobby.sms.script.append(Refused(code="202", message="bad number"))
    await lobby.ask()
    assert len(lobby.mail.sent) == 1
    late = Lobby()
    await late.settle_in()
    late.store.forget_tasks = True
    await late.ask()
    late.clock.step(11 * 60)
    late.store.forget_tasks = False
    await late.pass_time(60)
    (delivery,) = late.deliveries()
    assert (delivery.status, late.sms.sent) == (Status.EXPIRED, [])


async def test_a_flow_that_is_not_there_sends_nothing_and_says_so(lobby: Lobby) -> None:
    record = await lobby.ask(flow="logon")
    (event,) = [one for one in lobby.events() if one.event.id == record.event.id]
    assert event.reason is not None
    assert "no flow acts on message.requested" in event.reason
    assert lobby.deliveries() == []


async def test_a_request_with_its_own_text_is_no_matter_of_a_flow(lobby: Lobby) -> None:
    operator = Operator(lobby.hub, lambda vendor: None, "ivan")
    await request_send(operator, lobby.tenant, "sms", IVAN, {"text": "Проверка"}, "+79991234567")
    await lobby.run()
    assert lobby.texts() == ["Проверка"]


def test_the_registry_finds_it_and_it_needs_no_source() -> None:
    assert load_flow("one_time_code") is FLOW
    assert not FLOW.needs_sources
