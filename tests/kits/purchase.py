"""Something is bought at a shop, by somebody whom every channel reaches."""

from __future__ import annotations

from matrix.hub import Machine
from vendors import SOURCES
from vendors.parts.base import Guest
from vendors.parts.done import Done, body
from vendors.parts.messengers import Messenger

GUEST = Guest(7)
SHOP = Done(
    "http",
    {setting: value for setting, value in SOURCES["http"].settings.items() if setting != "auth"},
    name="shop",
    now="2026-03-14T15:53:05+00:00",
    done=body({"event": "sold", "order": {
        "id": 1, "name": "Анна", "phone": GUEST.phone, "email": GUEST.email, "chat": GUEST.chat,
    }}),
    person=None,
)  # fmt: skip


async def bought(machine: Machine, *via: Messenger) -> None:
    """Something was bought, and it is told."""
    for messenger in via:
        messenger.open(machine.vendors, [GUEST])
    await told_of(machine)
    await machine.work()


async def told_of(machine: Machine) -> None:
    """The shop's webhook is taken."""
    answer = await machine.post(await machine.hook("source"), SHOP.done.content, SHOP.done.content_type)
    assert answer.status_code == 200
