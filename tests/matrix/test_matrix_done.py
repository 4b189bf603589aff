"""Whatever the source and the channel: what is done makes one message, what isn't makes none."""

from __future__ import annotations

import pytest

from matrix.channels import CHANNELS, RESEND, REVIEW_URL, SMSRU, Channel, review_request
from matrix.conftest import Hub
from matrix.sources import BRIEFS, CORRECTED, OWN, YCLIENTS, Source, Word

pytestmark = pytest.mark.asyncio(loop_scope="session")

EVERY = pytest.mark.parametrize("source", [*OWN, *BRIEFS], ids=lambda source: source.name)
PATHS = ("/webhook_{}", "/api/webhook/{}", "/webhook/{}")


@EVERY
@pytest.mark.parametrize("channel", CHANNELS, ids=lambda channel: channel.vendor)
async def test_what_is_done_makes_one_message_to_the_right_person(hub: Hub, source: Source, channel: Channel) -> None:
    async with hub(source, review_request(channel), channel) as machine:
        await source.put(machine)
        key = await machine.key("source")
        said = []
        for path in PATHS:
            url = f"{machine.front.url}{path.format(source.vendor)}?key={key}"
            answer = await machine.post(url, source.done.body, source.done.content_type)
            assert answer.status_code == 200, answer.text
            said.append([event["status"] for event in answer.json()["events"]])
            await machine.work()
        await machine.pass_time(25)
        assert said == [["accepted"], ["duplicate"], ["duplicate"]]
        reachable = source.person is not None and channel.address(source.person) is not None
        assert machine.sent() == ([channel.expected(source.person)] if reachable else [])
        if reachable:
            (delivery,) = await machine.deliveries()
            assert (delivery.status, len(delivery.attempts)) == ("succeeded", 1)
        else:
            assert (await machine.events())[-1].reason == "review_request: no address that any of its channels reaches"


NOT_DONE = [
    pytest.param(source, word, id=f"{source.name}, {name}")
    for source in (*OWN[::2], *CORRECTED)
    for name, word in source.not_done.items()
]


@pytest.mark.parametrize(("source", "word"), NOT_DONE)
async def test_what_is_not_done_makes_none(hub: Hub, source: Source, word: Word) -> None:
    async with hub(source, review_request(SMSRU), SMSRU) as machine:
        await source.put(machine)
        answer = await machine.post(await machine.hook("source"), word.body, word.content_type)
        await machine.pass_time(1)
        (event,) = await machine.events()
        assert (answer.status_code, event.status in ("ignored", "planned"), bool(event.reason)) == (200, True, True)
        assert machine.sent() == []


@pytest.mark.parametrize("source", CORRECTED, ids=lambda source: source.name)
async def test_what_the_vendor_asked_again_says_otherwise_of_makes_none(hub: Hub, source: Source) -> None:
    async with hub(source, review_request(SMSRU), SMSRU) as machine:
        await source.put(machine)
        await machine.post(await machine.hook("source"), source.done.body, source.done.content_type)
        await machine.pass_time(1)
        assert "the source says" in str((await machine.events())[-1].reason)
        assert machine.sent() == []


async def test_a_letter_has_its_subject_and_its_html(hub: Hub) -> None:
    async with hub(YCLIENTS, review_request(RESEND), RESEND) as machine:
        await machine.post(await machine.hook("source"), YCLIENTS.done.body, YCLIENTS.done.content_type)
        await machine.work()
        (letter,) = machine.vendors.of("resend").effects
        assert letter["subject"] == "Как вам Кофейня?"
        assert letter["html"] == f'<p>Мария, спасибо!</p><a href="{REVIEW_URL}">Кофейня</a>'
