"""Whatever the source and the channel: what is done makes one message, what isn't makes none."""

from __future__ import annotations

from itertools import cycle

import pytest

from matrix.channels import CHANNELS, REVIEW_URL, address, expected, review_request
from matrix.conftest import Hub
from matrix.sources import ASKED, BRIEFS, BY_NAME, CORRECTED, NOT_DONE, OWN, PAYLOADS
from svyazka.engine.contracts import calls
from vendors.parts.done import Body, Done
from vendors.parts.messengers import Messenger

pytestmark = pytest.mark.asyncio(loop_scope="session")

SPREAD = [
    pytest.param(source, channel, id=f"{source.name}-{channel.vendor}")
    for source, channel in zip([*OWN, *BRIEFS], cycle(CHANNELS.values()), strict=False)
]
"""Each source once, through the channels in turn: what a source tells and how a channel sends it meet in the engine."""
PATHS = ("/webhook_{}", "/api/webhook/{}", "/webhook/{}")


@pytest.mark.parametrize(("source", "channel"), SPREAD)
async def test_what_is_done_makes_one_message_to_the_right_person(hub: Hub, source: Done, channel: Messenger) -> None:
    via = (channel, CHANNELS["resend"]) if channel.proves_little else (channel,)
    async with hub(source, review_request(*via), *via) as machine:
        await source.put(machine)
        key = await machine.key("source")
        said = []
        for path in PATHS:
            url = f"{machine.front.url}{path.format(source.vendor)}?key={key}"
            answer = await machine.post(url, source.done.content, source.done.content_type)
            assert answer.status_code == 200, answer.text
            said.append([event["status"] for event in answer.json()["events"]])
            await machine.work()
        assert said == [["accepted"], ["duplicate"], ["duplicate"]]
        for delivery in await machine.deliveries():
            assert channel.receipt is not None
            await channel.receipt(machine, str(delivery.external_id), True)
        await machine.pass_time(25)
        if source.person is not None and address(channel, source.person) is not None:
            assert machine.sent() == [expected(channel, source.person)]
            (delivery,) = await machine.deliveries()
            assert (delivery.status, delivery.receipt, len(delivery.attempts)) == ("succeeded", "delivered", 1)
        else:
            assert machine.sent() == []
            assert (await machine.events())[-1].reason == "review_request: no address that any of its channels reaches"


@pytest.mark.parametrize("source", PAYLOADS, ids=lambda source: source.name)
async def test_the_payloads_that_the_brief_shows_are_understood(hub: Hub, source: Done) -> None:
    async with hub(source, review_request(CHANNELS["smsru"]), CHANNELS["smsru"]) as machine:
        answer = await machine.post(await machine.hook("source"), source.done.content, source.done.content_type)
        assert answer.status_code == 200
        await machine.pass_time(1)
        assert source.person is not None
        assert machine.sent() == [expected(CHANNELS["smsru"], source.person)]


@pytest.mark.parametrize(("source", "told"), [pytest.param(source, told, id=name) for source, name, told in NOT_DONE])
async def test_what_is_not_done_makes_none(hub: Hub, source: Done, told: Body) -> None:
    async with hub(source, review_request(CHANNELS["smsru"]), CHANNELS["smsru"]) as machine:
        await source.put(machine)
        answer = await machine.post(await machine.hook("source"), told.content, told.content_type)
        await machine.pass_time(1)
        (event,) = await machine.events()
        assert (answer.status_code, event.status in ("ignored", "planned"), bool(event.reason)) == (200, True, True)
        assert machine.sent() == []


@pytest.mark.parametrize("source", CORRECTED, ids=lambda source: source.name)
async def test_what_the_vendor_asked_again_says_otherwise_of_makes_none(hub: Hub, source: Done) -> None:
    async with hub(source, review_request(CHANNELS["smsru"]), CHANNELS["smsru"]) as machine:
        await source.put(machine)
        await machine.post(await machine.hook("source"), source.done.content, source.done.content_type)
        await machine.pass_time(1)
        assert "the source says" in str((await machine.events())[-1].reason)
        assert machine.sent() == []


async def test_a_deal_that_the_account_does_not_have_makes_none(hub: Hub) -> None:
    (brief,) = (source for source in BRIEFS if source.name == "amocrm+api, brief")
    async with hub(brief, review_request(CHANNELS["smsru"]), CHANNELS["smsru"]) as machine:
        await BY_NAME["amocrm+api"].put(machine)
        await machine.post(await machine.hook("source"), brief.done.content, brief.done.content_type)
        await machine.pass_time(1)
        assert machine.sent() == []
        assert (await machine.events())[-1].reason == "review_request: its object is gone at the source"


@pytest.mark.parametrize("source", ASKED, ids=lambda source: source.name)
async def test_a_vendor_that_cannot_be_asked_just_now_delays_the_message(
    hub: Hub, source: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calls, "REFUSAL_STANDS", 0.0)  # it runs in real time, of which none goes by here
    assert source.person is not None
    async with hub(source, review_request(CHANNELS["smsru"]), CHANNELS["smsru"]) as machine:
        await source.put(machine)
        machine.vendors.fault(source.vendor, kind="answer", path="*", status=503, times=-1)
        await machine.post(await machine.hook("source"), source.done.content, source.done.content_type)
        await machine.pass_time(1)
        assert machine.sent() == []
        machine.vendors.of(source.vendor).faults.clear()
        await machine.pass_time(1)
        assert machine.sent() == [expected(CHANNELS["smsru"], source.person)]


async def test_a_letter_has_its_subject_and_its_html(hub: Hub) -> None:
    visit = BY_NAME["yclients"]
    async with hub(visit, review_request(CHANNELS["resend"]), CHANNELS["resend"]) as machine:
        await machine.post(await machine.hook("source"), visit.done.content, visit.done.content_type)
        await machine.work()
        (letter,) = machine.vendors.of("resend").effects
        assert letter["subject"] == "Как вам Кофейня?"
        assert letter["html"] == f'<p>Мария, спасибо!</p><a href="{REVIEW_URL}">Кофейня</a>'
