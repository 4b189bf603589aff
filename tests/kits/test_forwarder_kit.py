"""The kit of whoever events are handed on to: each arrives once, whole, and what isn't taken now comes later.

A vendor takes part by `forwarder` of its description (`tests/vendors/<vendor>.py`); one that takes events and has none
fails. What is taken is counted at its stand-in.
"""

from __future__ import annotations

import json
import logging
from typing import Any
from urllib.parse import quote, quote_plus

import pytest

from connectors.support import NOW, calling, perform, repeat_of
from kits.purchase import GUEST, SHOP, bought
from kits.rows import IN_PLACE_OF, PAGE, SAYING_NOTHING, is_as_its_row
from matrix.conftest import Hub
from simulators.serve import Running
from svyazka.connectors.registry import VENDORS, load_manifest
from svyazka.engine.contracts.failures import Case
from svyazka.model.commands import Forward, Repeat, SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.outcomes import Outcome, Refused, Retry, Succeeded, Unclear
from vendors import FORWARDERS

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAMES = sorted(name for name in VENDORS if load_manifest(name).forwarder is not None)
EVERY = pytest.mark.parametrize("name", NAMES)
WON = Forward(
    type="order.completed",
    payload={
        "subject": "order:7", "contact": {"name": "Анна & <b>Ко</b> «ёлка» 100% 😀", "phone": GUEST.phone},
        "fields": {"sum": 150.5, "lines": [1, None, True], "deep": {"a\nb": "\\\" ' \u00a0"}},
    },
    occurred_at=NOW,
)  # fmt: skip


@pytest.mark.parametrize("name", sorted({*NAMES, *FORWARDERS}))
async def test_whoever_takes_events_takes_part(name: str) -> None:
    assert name in FORWARDERS, f"tests/vendors/{name}.py: {name} takes events: VENDOR wants `forwarder=Forwarder(...)`"
    assert name in NAMES, f"tests/vendors/{name}.py: `forwarder` is of no use, {name}'s manifest has no `forwarder`"


async def handed_on(
    name: str, vendors: Running, command: Any = WON, base_url: str | None = None, **around: Any
) -> tuple[Outcome | Exception, str]:
    """What became of an event, and the story that is kept of it."""
    described, manifest = FORWARDERS[name], load_manifest(name)
    secrets = around.pop("secrets", described.secrets)
    url = base_url or vendors.base_url(name)
    settings = manifest.settings.model_validate({**described.settings, **secrets, "base_url": url})
    async with calling(settings, url, **around) as call:
        try:
            outcome: Outcome | Exception = await perform(manifest, command, call)
        except (NotSent, MaybeSent) as error:
            outcome = error
        return outcome, json.dumps([one.model_dump(mode="json") for one in call.http.log], ensure_ascii=False)


async def answered(name: str, vendors: Running, status: int, content: object, **headers: str) -> Outcome | Exception:
    """What becomes of an event to which the vendor answers so."""
    named = {header.replace("_", "-"): value for header, value in headers.items()}
    vendors.fault(name, kind="answer", path=FORWARDERS[name].sending, status=status, body=content, headers=named)
    return (await handed_on(name, vendors))[0]


def taken(name: str, vendors: Running) -> list[tuple[str, Any]]:
    return list(FORWARDERS[name].taken(vendors))


# One event


@EVERY
async def test_an_event_arrives_whole_letter_by_letter_and_a_repeat_is_what_is_stated(
    name: str, vendors: Running
) -> None:
    repeat = repeat_of(load_manifest(name), WON)
    assert repeat is FORWARDERS[name].repeat
    assert isinstance((await handed_on(name, vendors))[0], Succeeded)
    assert taken(name, vendors) == [(WON.type, WON.payload)]
    if repeat is Repeat.IDEMPOTENT:
        assert isinstance((await handed_on(name, vendors))[0], Succeeded), "the same key: the vendor knows it again"
        assert len(taken(name, vendors)) == 1
    another = WON.model_copy(update={"payload": {**WON.payload, "subject": "order:8"}})
    await handed_on(name, vendors, another, key="dlv_2.1")
    assert [content["subject"] for _, content in taken(name, vendors)] == ["order:7", "order:8"]


@EVERY
async def test_another_command_costs_no_call(name: str, vendors: Running) -> None:
    if load_manifest(name).messenger is None:
        outcome, _ = await handed_on(name, vendors, SendMessage(to=Contact(phone=GUEST.phone), text="x"))
        assert isinstance(outcome, Refused)
        assert outcome.code == "not_supported"
    assert vendors.of(name).calls == []


@EVERY
async def test_made_up_credentials_work_at_the_stand_in(name: str, vendors: Running) -> None:
    simulator = vendors.of(name)
    made_up = {**dict.fromkeys(FORWARDERS[name].secrets, "made-up"), **simulator.credentials}
    try:
        simulator.lets_anybody_in = True
        outcome, _ = await handed_on(name, vendors, secrets=made_up)
    finally:
        simulator.lets_anybody_in = False
    assert isinstance(outcome, Succeeded)


# Answers


@EVERY
async def test_every_row_of_the_failure_map_is_what_it_becomes(name: str, vendors: Running) -> None:
    table, wrong = load_manifest(name).failures, {}
    assert table is not None
    by_class = [(Case(status=every[-1]), rule) for every, rule in table.classes.items()]
    for case, rule in (*table.rows(), *by_class):
        for status, content in FORWARDERS[name].says(case):
            outcome = await answered(name, vendors, status, content)
            if not is_as_its_row(case, rule, outcome, FORWARDERS[name].changed):
                wrong[case, status] = outcome
    assert wrong == {}
    assert taken(name, vendors) == []


@EVERY
async def test_a_page_in_place_of_an_answer_never_ends_an_event(name: str, vendors: Running) -> None:
    for status in IN_PLACE_OF:
        outcome = await answered(name, vendors, status, PAGE, content_type="text/html", location="/elsewhere")
        assert not isinstance(outcome, Refused | Exception), (status, outcome)
        if not FORWARDERS[name].by_status:
            assert isinstance(outcome, Retry), (status, outcome)
            assert (outcome.outage, outcome.maybe_sent) == (True, False), (status, outcome)
    assert len(vendors.of(name).calls) == len(IN_PLACE_OF), "no redirect is followed"


@EVERY
async def test_an_answer_that_says_nothing_is_as_much_as_its_vendor_promises(name: str, vendors: Running) -> None:
    for content in (*SAYING_NOTHING, PAGE):
        outcome = await answered(name, vendors, 200, content, content_type="application/json")
        if FORWARDERS[name].by_status:
            assert isinstance(outcome, Succeeded), (content, outcome)
        else:
            assert isinstance(outcome, Unclear) or (isinstance(outcome, Retry) and outcome.maybe_sent), content


@EVERY
@pytest.mark.parametrize("status", [429, 500, 502, 503, 504, 520])
async def test_not_now_is_never_a_refusal_and_a_stated_wait_is_kept(name: str, status: int, vendors: Running) -> None:
    for content in (PAGE, "", {}):
        assert isinstance(await answered(name, vendors, status, content), Unclear | Retry), content
    outcome = await answered(name, vendors, status, {}, retry_after="600")
    assert isinstance(outcome, Unclear | Retry)
    assert outcome.after == 600
    assert taken(name, vendors) == []


@EVERY
async def test_silence_is_told_from_a_connection_that_never_was(name: str, vendors: Running) -> None:
    for number, (kind, count) in enumerate((("cut_before", 0), ("cut_after", 1))):
        vendors.fault(name, kind=kind, path=FORWARDERS[name].sending)
        outcome, _ = await handed_on(name, vendors, key=f"dlv_{number}.1")
        assert isinstance(outcome, MaybeSent), kind
        assert len(taken(name, vendors)) == count, kind
    outcome, _ = await handed_on(name, vendors, base_url="http://127.0.0.1:1")
    assert isinstance(outcome, NotSent)


@EVERY
async def test_no_credential_stands_in_a_story_or_a_log(
    name: str, vendors: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    told = [(await handed_on(name, vendors))[1]]
    for status in (400, 401, 500):
        secrets = " ".join(FORWARDERS[name].secrets.values())
        vendors.fault(name, kind="answer", path=FORWARDERS[name].sending, status=status, body={"detail": secrets})
        told += map(repr, await handed_on(name, vendors))
    everything = "\n".join([*told, caplog.text])
    for secret in FORWARDERS[name].secrets.values():
        assert [word for word in {secret, quote(secret, safe=""), quote_plus(secret)} if word in everything] == []


# With the engine


@EVERY
async def test_what_is_not_taken_comes_later_and_is_there_once(name: str, hub: Hub) -> None:
    """Refused for now, then taken with its answer cut off: what became of it is asked or repeated, or told of."""
    described, via = FORWARDERS[name], FORWARDERS[name].as_messenger()
    flow = {"flow": "forward", "from": ["source"], "via": [name]}
    async with hub(SHOP, flow, via) as machine:
        machine.vendors.fault(name, kind="answer", path=described.sending, status=503, body={}, times=2)
        machine.vendors.fault(name, kind="cut_after", path=described.sending)
        await bought(machine, via)
        await machine.pass_time(3)
        ((type_, content),) = taken(name, machine.vendors)
        assert (type_, content["contact"]["phone"]) == ("order.completed", GUEST.phone)
        (delivery,) = await machine.deliveries()
        assert delivery.status == ("unknown" if described.repeat is Repeat.UNSAFE else "succeeded")
