"""Staff are told of what is done by a bot: whatever the source, each of them once, the client masked."""

from __future__ import annotations

from itertools import cycle

import pytest

from matrix.conftest import Hub
from matrix.hub import Connection, Sent
from matrix.sources import BRIEFS, OWN
from simulators import max as max_
from simulators import telegram
from vendors.parts.done import Done

pytestmark = pytest.mark.asyncio(loop_scope="session")

BOTS = {
    "telegram": (Connection("telegram", {}, {"bot_token": telegram.TOKEN}), str(telegram.CHAT)),
    "max": (Connection("max", {}, {"bot_token": max_.TOKEN}), str(max_.USER)),
}
"""The bot's connection, and the curator's chat with it."""

HAPPENED = {
    "iiko": "заказ выполнен",
    "rkeeper": "заказ выполнен",
    "yclients": "клиент пришёл",
    "amocrm": "сделка выиграна",
}


@pytest.mark.parametrize(
    ("source", "bot"),
    [
        pytest.param(source, bot, id=f"{source.name}-{bot}")
        for source, bot in zip([*OWN, *BRIEFS], cycle(BOTS), strict=False)
    ],
)
async def test_staff_are_told_once_of_what_is_done(hub: Hub, source: Done, bot: str) -> None:
    connection, chat = BOTS[bot]
    flow = {
        "flow": "notify", "from": ["source"], "via": [bot], "to": {"curator": {"chats": {bot: chat}}},
        "events": ["order.completed", "appointment.completed", "deal.won"],
        "text": "{business}: {event}. {name} {phone}",
    }  # fmt: skip
    async with hub(source, flow, **{bot: connection}) as machine:
        await source.put(machine)
        for _ in range(2):
            answer = await machine.post(await machine.hook("source"), source.done.content, source.done.content_type)
            assert answer.status_code == 200
            await machine.work()
        await machine.pass_time(25)
        about = [] if source.person is None else [source.person.name, "+7999•••4567"]
        text = " ".join(filter(None, [f"Кофейня: {HAPPENED[source.vendor]}.", *about]))
        assert machine.sent() == [Sent(bot, chat, text)]
