"""The kit of every messenger: what each must do with a message, with each answer of its vendor's, and with silence.

A vendor takes part by `messenger` of its description (`tests/vendors/<vendor>.py`); one that carries messages and has
none fails. What is taken is counted at its stand-in.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from connectors.support import NOW, calling, perform, repeat_of
from kits.purchase import GUEST, SHOP, bought, told_of
from kits.rows import IN_PLACE_OF, PAGE, SAYING_NOTHING, not_as_their_rows
from matrix.channels import review_request
from matrix.conftest import Hub
from matrix.hub import Machine
from simulators.serve import Running
from svyazka.connectors.registry import VENDORS, load_manifest, load_webhook
from svyazka.engine.contracts.webhook import Inbound, RawRequest
from svyazka.model.commands import Button, Forward, Repeat, SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Delivery
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.events import EventType, Fact
from svyazka.model.outcomes import Outcome, Refused, Retry, Succeeded, Unclear
from vendors import MESSENGERS
from vendors.parts.base import Guest
from vendors.parts.messengers import Messenger

pytestmark = pytest.mark.asyncio(loop_scope="session")


def _messenger(name: str) -> Any:
    return load_manifest(name).messenger


NAMES = sorted(name for name in VENDORS if load_manifest(name).messenger is not None)
EVERY = pytest.mark.parametrize("name", NAMES)
TELLING = pytest.mark.parametrize(
    "name", [name for name in NAMES if name in MESSENGERS and MESSENGERS[name].receipt is not None]
)
TEXT = "Анна & <b>Ко</b>: «ёлка» 100% + 😀\nhttps://example.org/?a=1&b=%20"


@EVERY
async def test_whoever_carries_messages_takes_part(name: str) -> None:
    assert name in MESSENGERS, (
        f"tests/vendors/{name}.py: {name} carries messages: VENDOR wants `messenger=Messenger(...)`"
    )


def settings_of(name: str, secrets: Mapping[str, str] | None = None) -> Any:
    messenger = MESSENGERS[name]
    given = {**messenger.settings, **(messenger.secrets if secrets is None else secrets)}
    return load_manifest(name).settings.model_validate(given)


def message(name: str, text: str = TEXT, guest: Guest = GUEST, **more: Any) -> SendMessage:
    reaches = MESSENGERS[name].reaches
    chats = {} if reaches in ("phone", "email") else {reaches: guest.chat}
    who = Contact(name="Анна", phone=guest.phone, email=guest.email, chats=chats)
    return SendMessage(to=who, text=text, **more)


async def sent(
    name: str, vendors: Running, command: Any = None, base_url: str | None = None, **around: Any
) -> tuple[Outcome | Exception, str]:
    """What became of a message, and the story that is kept of it."""
    MESSENGERS[name].open(vendors, [GUEST])
    given = around.pop("settings", None) or settings_of(name)
    async with calling(given, base_url or vendors.base_url(name), **around) as call:
        try:
            outcome: Outcome | Exception = await perform(load_manifest(name), command or message(name), call)
        except (NotSent, MaybeSent) as error:
            outcome = error
        return outcome, json.dumps([one.model_dump(mode="json") for one in call.http.log], ensure_ascii=False)


async def answered(name: str, vendors: Running, status: int, content: object, **headers: str) -> Outcome | Exception:
    """What becomes of a message to which the vendor answers so."""
    named = {header.replace("_", "-"): value for header, value in headers.items()}
    vendors.fault(name, kind="answer", path=MESSENGERS[name].sending, status=status, body=content, headers=named)
    return (await sent(name, vendors))[0]


def taken(name: str, vendors: Running) -> list[dict[str, Any]]:
    return [effect for effect in vendors.of(name).effects if effect["kind"] == "message"]


# One message


@EVERY
async def test_a_message_arrives_once_with_its_text_letter_by_letter(name: str, vendors: Running) -> None:
    outcome, _ = await sent(name, vendors)
    assert isinstance(outcome, Succeeded)
    (effect,) = taken(name, vendors)
    assert effect["text"] == TEXT
    assert outcome.external_id
    assert str(effect.get("id", outcome.external_id)) == outcome.external_id
    assert MESSENGERS[name].sent(vendors) == {GUEST.address(MESSENGERS[name].reaches): 1}


@EVERY
async def test_what_a_crash_in_the_middle_means_is_said(name: str) -> None:
    assert repeat_of(load_manifest(name), message(name)) is MESSENGERS[name].repeat
    assert load_manifest(name).needs_receipt is MESSENGERS[name].proves_little


@EVERY
async def test_another_command_and_nobody_to_reach_cost_no_call(name: str, vendors: Running) -> None:
    for command, code in (
        (Forward(type="order.completed", payload={}, occurred_at=NOW), "not_supported"),
        (SendMessage(to=Contact(name="Анна"), text=TEXT), "no_address"),
    ):
        outcome, _ = await sent(name, vendors, command)
        assert isinstance(outcome, Refused)
        assert outcome.code == code
    assert vendors.of(name).calls == []


@EVERY
async def test_made_up_credentials_work_at_the_stand_in(name: str, vendors: Running) -> None:
    simulator = vendors.of(name)
    made_up = dict.fromkeys(MESSENGERS[name].secrets, "made-up")
    try:
        simulator.lets_anybody_in = True
        outcome, _ = await sent(name, vendors, settings=settings_of(name, {**made_up, **simulator.credentials}))
    finally:
        simulator.lets_anybody_in = False
    assert isinstance(outcome, Succeeded)


# Whom

PHONES: dict[str, str | None] = {
    "+79991234567": "+79991234567", "8 (999) 123-45-67": "+79991234567", "79991234567": "+79991234567",
    "999 123 45 67": "+79991234567", "8-999-123-45-67 доб. 12": "+79991234567", " +7(999)1234567 ": "+79991234567",
    "8 800 555-35-35": None, "12345": None, "": None, "Анна": None,
}  # fmt: skip
EMAILS: dict[str, str | None] = {
    "anna@example.org": "anna@example.org", " anna@example.org ": "anna@example.org", "anna": None, "": None,
    "anna@": None, "anna@example.org\r\nBcc: x@example.org": None,
}  # fmt: skip


@EVERY
async def test_an_address_is_understood_however_it_is_spelled(name: str) -> None:
    messenger, manifest = MESSENGERS[name], load_manifest(name)
    assert manifest.reaches == messenger.reaches
    spelled = {"phone": PHONES, "email": EMAILS}.get(messenger.reaches, messenger.spellings)
    assert any(spelled.values())
    found = {given: manifest.address(_contact(messenger.reaches, given)) for given in spelled}
    assert found == spelled


@EVERY
async def test_nobodys_own_address_is_none(name: str) -> None:
    manifest, reaches = load_manifest(name), MESSENGERS[name].reaches
    others = Contact(phone=GUEST.phone, email=GUEST.email, chats={"another": GUEST.chat, reaches: ""})
    if reaches == "phone":
        assert manifest.address(Contact(phone=GUEST.phone, proxy=True)) is None, "an aggregator's one-time number"
    assert manifest.address(others) == {"phone": GUEST.phone, "email": GUEST.email}.get(reaches)


def _contact(reaches: str, given: str) -> Contact:
    match reaches:
        case "phone":
            return Contact(phone=given)
        case "email":
            return Contact(email=given)
    return Contact(chats={reaches: given})


# Answers


@EVERY
async def test_every_row_of_the_failure_map_is_what_it_becomes(name: str, vendors: Running) -> None:
    table, described = load_manifest(name).failures, MESSENGERS[name]
    answers = partial(answered, name, vendors)
    assert await not_as_their_rows(table, described.says, described.changed, answers) == {}
    assert taken(name, vendors) == []


@EVERY
async def test_a_page_in_place_of_the_api_is_tried_again_and_blames_no_key(name: str, vendors: Running) -> None:
    for status in IN_PLACE_OF:
        outcome = await answered(name, vendors, status, PAGE, content_type="text/html", location="/elsewhere")
        assert isinstance(outcome, Retry), (status, outcome)
        assert (outcome.outage, outcome.maybe_sent) == (True, False), (status, outcome)
        assert f"{status} in place of" in outcome.message


@EVERY
@pytest.mark.parametrize("status", [200, 202])
async def test_an_answer_that_says_neither_yes_nor_no_is_unclear(name: str, status: int, vendors: Running) -> None:
    for content in SAYING_NOTHING:
        outcome = await answered(name, vendors, status, content, content_type="application/json")
        assert isinstance(outcome, Unclear) or (isinstance(outcome, Retry) and outcome.maybe_sent), (content, outcome)
    outcome = await answered(name, vendors, status, PAGE, content_type="text/html")
    if not MESSENGERS[name].pages_of_others:
        assert isinstance(outcome, Unclear) or (isinstance(outcome, Retry) and outcome.maybe_sent)


@EVERY
@pytest.mark.parametrize("status", [408, 500, 502, 503, 504, 520])
async def test_a_vendor_that_fails_is_never_a_refusal(name: str, status: int, vendors: Running) -> None:
    for content in (PAGE, "", {}):
        outcome = await answered(name, vendors, status, content)
        assert isinstance(outcome, Unclear | Retry), (content, outcome)


@EVERY
async def test_too_many_requests_are_waited_for(name: str, vendors: Running) -> None:
    outcome = await answered(name, vendors, 429, {})
    assert isinstance(outcome, Retry)
    assert not outcome.maybe_sent
    assert taken(name, vendors) == []


@EVERY
async def test_silence_is_told_from_a_connection_that_never_was(name: str, vendors: Running) -> None:
    for kind, count in (("cut_before", 0), ("cut_after", 1)):
        vendors.fault(name, kind=kind, path=MESSENGERS[name].sending)
        outcome, _ = await sent(name, vendors)
        assert isinstance(outcome, MaybeSent), kind
        assert len(taken(name, vendors)) == count, kind
    outcome, _ = await sent(name, vendors, base_url="http://127.0.0.1:1")
    assert isinstance(outcome, NotSent)


@EVERY
async def test_no_credential_stands_in_a_story_or_a_log(
    name: str, vendors: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    settings = settings_of(name)
    told = [(await sent(name, vendors))[1]]
    for status in (200, 400, 401, 500):
        vendors.fault(name, kind="answer", path=MESSENGERS[name].sending, status=status, body={})
        outcome, story = await sent(name, vendors, settings=settings)
        told += [repr(outcome), story]
    everything = "\n".join([*told, caplog.text])
    for secret in MESSENGERS[name].secrets.values():
        spelled = {secret, quote(secret, safe=""), quote_plus(secret)}
        assert [word for word in spelled if word in everything] == []


# With the engine


def via_of(name: str) -> tuple[Messenger, Messenger]:
    """It, and another that has a channel of its own."""
    other = "resend" if name != "resend" else "smsru"
    return MESSENGERS[name], MESSENGERS[other]


def counts(machine: Machine, *via: Messenger) -> list[int]:
    return [one.sent(machine.vendors).get(GUEST.address(one.reaches), 0) for one in via]


async def deliveries(machine: Machine) -> dict[str, Delivery]:
    return {delivery.connection: delivery for delivery in await machine.deliveries()}


@EVERY
@pytest.mark.parametrize("kind", ["cut_after", "cut_before"])
async def test_after_a_cut_answer_nothing_is_sent_twice(name: str, kind: str, hub: Hub) -> None:
    via = via_of(name) if MESSENGERS[name].proves_little else (MESSENGERS[name],)
    async with hub(SHOP, review_request(*via), *via) as machine:
        machine.vendors.fault(name, kind=kind, path=via[0].sending)
        await bought(machine, *via)
        await machine.pass_time(25)
        unsafe = via[0].repeat is Repeat.UNSAFE
        assert counts(machine, via[0]) == [0 if unsafe and kind == "cut_before" else 1]
        assert (await deliveries(machine))[name].status == ("unknown" if unsafe else "succeeded")


@EVERY
async def test_a_refusal_goes_to_the_next_channel(name: str, hub: Hub) -> None:
    via = via_of(name)
    async with hub(SHOP, review_request(*via), *via) as machine:
        for messenger in via:
            messenger.open(machine.vendors, [GUEST])
        await via[0].refuse(machine)
        await told_of(machine)
        await machine.pass_time(1)
        assert counts(machine, *via) == [0, 1]
        found = await deliveries(machine)
        assert (found[via[0].vendor].status, found[via[1].vendor].status) == ("failed", "succeeded")


@TELLING
async def test_receipts_move_forward_only(name: str, hub: Hub) -> None:
    via = via_of(name)
    async with hub(SHOP, review_request(*via), *via) as machine:
        await bought(machine, *via)
        receipt = via[0].receipt
        assert receipt is not None
        for arrived in (True, True) if via[0].bounces_late else (True, True, False):
            await receipt(machine, str((await deliveries(machine))[name].external_id), arrived)
            await machine.pass_time(1)
            delivery = (await deliveries(machine))[name]
            assert (delivery.status, delivery.receipt) == ("succeeded", "delivered")
        assert counts(machine, *via) == [1, 0]


@TELLING
async def test_what_stayed_unknown_is_settled_by_its_receipt(name: str, hub: Hub) -> None:
    via = via_of(name)
    async with hub(SHOP, review_request(*via), *via) as machine:
        machine.vendors.fault(name, kind="cut_after", path=via[0].sending)
        await bought(machine, *via)
        receipt = via[0].receipt
        assert receipt is not None
        await receipt(machine, taken(name, machine.vendors)[0]["id"], True)
        await machine.pass_time(25)
        delivery = (await deliveries(machine))[name]
        assert (delivery.status, delivery.receipt) == ("succeeded", "delivered")
        assert counts(machine, *via) == [1, 0]


# Buttons


@pytest.mark.parametrize("name", [name for name in NAMES if _messenger(name).shows_buttons])
async def test_buttons_are_shown_and_a_press_brings_back_what_it_stands_for(name: str, vendors: Running) -> None:
    described = MESSENGERS[name]
    assert described.buttons is not None, f"tests/vendors/{name}.py: it shows buttons: `buttons=` says which it took"
    assert described.pressed is not None, f"tests/vendors/{name}.py: it shows buttons: `pressed=` is a press of one"
    choice = (
        (Button(text="Стрижка", data="svz|1"), Button(text="Ещё", data="x" * 64)),
        (Button(text="Мои", data="m"),),
    )
    for rows in (choice, ((Button(text="Мой телефон", asks_phone=True),),), ()):
        outcome, _ = await sent(name, vendors, message(name, buttons=rows))
        assert isinstance(outcome, Succeeded), outcome
        shown = [(one.text, None if one.asks_phone else one.data) for row in rows for one in row]
        assert list(described.buttons(vendors)) == shown
    body = json.dumps(described.pressed("svz|1")).encode()
    request = RawRequest("POST", "/", b"", [(b"content-type", b"application/json")], body)
    webhook = load_webhook(name)
    assert webhook is not None
    (fact,) = webhook.parse(request, Inbound({}, {}))
    assert isinstance(fact, Fact)
    assert (fact.type, fact.data["button"]) == (EventType.MESSAGE_RECEIVED, "svz|1")
    assert fact.contact is not None
    assert _messenger(name).address(fact.contact) is not None, "who pressed can be answered"
