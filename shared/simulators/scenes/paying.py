"""Scenes with money: guests of a business that takes payments by links, and what becomes of its first provider."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any, cast

import httpx

from simulators.scenes.acts import Scene, down, is_down, is_up, up
from simulators.scenes.world import World
from svyazka.catalogue import N_

if TYPE_CHECKING:
    from simulators.site import Server, Site

SUM = "1500.00"
LOOKS = 60
"""How often it is asked, twice a second, whether the hub knows that a payment was paid."""
LINK_LOOKS = 16
"""The same, whether there is a link by now."""


async def link(world: World) -> None:
    await _asked(world, N_("{name} asks for a link: order {number}, 1500 ₽"), for_hands=True)


async def pays(world: World) -> None:
    if payment := await _asked(world, N_("{name} opens a link and pays: order {number}, 1500 ₽")):
        await _pays(payment)


async def declined(world: World) -> None:
    if payment := await _asked(world, N_("{name} opens a link, and the bank declines: order {number}, 1500 ₽")):
        await _pays(payment, "decline")


async def pays_and_cancels(world: World) -> None:
    if payment := await _asked(world, N_("{name} pays 1500 ₽ for order {number}, and thinks better of it")):
        await _pays(payment)
        world.goes_on(_cancels(world, payment))


async def _cancels(world: World, payment: dict[str, Any]) -> None:
    """The business's server says so once it knows that the money is there."""
    server, number = payment["server"], payment["number"]
    async with _client(server) as client:
        for _ in range(LOOKS):
            told = (await client.get(f"/ingest/payment/{payment['id']}")).json()
            if told.get("state") == "paid":
                break
            await asyncio.sleep(0.5)
        await _told(client, "/ingest/order", {"number": number, "status": "cancelled", "sum": SUM})
    world.guest_did(N_("order {number} was cancelled"), payment["id"], number=number)


async def _asked(world: World, text: str, for_hands: bool = False) -> dict[str, Any] | None:
    """The business's server asks the hub for a link, as the site of its own would; None where none came in time."""
    server, (name, phone) = _server(world), world.somebody()
    number = str(1000 + int(time.time() * 10) % 900_000)
    asked = {
        "order": number, "amount": SUM, "name": name, "phone": phone, "return_url": f"{world.url}/site/thanks.html",
    }  # fmt: skip
    async with _client(server) as client:
        told = await _linked(client, await _told(client, "/ingest/payment", asked))
    made = {**told, "server": server, "number": number}
    link = told.get("url") if for_hands else None
    world.guest_did(text, str(told.get("id")), link, name=name, number=number)
    if "url" in told:
        return made
    world.did(N_("no provider gave a link in time: the hub goes on asking"))
    return None


async def _linked(client: httpx.AsyncClient, told: dict[str, Any]) -> dict[str, Any]:
    """As a page does that is told that its link is still being made: it looks again."""
    for _ in range(LINK_LOOKS):
        if "url" in told or "id" not in told:
            break
        await asyncio.sleep(0.5)
        told = {**told, **(await client.get(f"/ingest/payment/{told['id']}")).json()}
    return told


async def _pays(payment: dict[str, Any], press: str = "pay") -> None:
    """As a browser does, on the page of whoever gave the link."""
    async with httpx.AsyncClient(trust_env=False, timeout=20) as client:
        await client.post(payment["url"], data={"do": press})


async def _told(client: httpx.AsyncClient, path: str, what: dict[str, Any]) -> dict[str, Any]:
    answer = await client.post(path, json=what, headers={"Idempotency-Key": f"{path}-{time.time()}"})
    told = answer.json()
    return told if isinstance(told, dict) else {}


def _client(server: Server) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=server.hub, headers={"X-Site-Secret": server.secret}, trust_env=False, timeout=20)


def _server(world: World) -> Server:
    """Of the business whose first provider is YooKassa."""
    servers = cast("Site", world.simulators["site"]).servers
    return next(servers[one.tenant] for one in world.of("yookassa") if one.tenant in servers)


def _can_ask(world: World) -> bool:
    servers = cast("Site", world.simulators["site"]).servers
    return any(one.tenant in servers for one in world.of("yookassa"))


SCENES: tuple[Scene, ...] = (
    Scene(
        "pays", "yookassa", N_("A guest pays 1500 ₽ by a link"),
        N_("The first provider that answers gives the link; once it is paid there, the guest gets an SMS."),
        pays, _can_ask,
    ),
    Scene(
        "pays_and_cancels", "yookassa", N_("A guest pays, and the order is cancelled"),
        N_("The money goes back by itself, once, and the guest gets an SMS about that too."),
        pays_and_cancels, _can_ask,
    ),
    Scene(
        "declined", "yookassa", N_("The guest's bank declines"),
        N_("No money comes, and nobody is told that it did; the console says why."), declined, _can_ask,
    ),
    Scene(
        "link", "yookassa", N_("A guest asks for a link"), N_("Open it and press what a payer may press."),
        link, _can_ask,
    ),
    Scene(
        "kassa_down", "yookassa", N_("YooKassa is down for an hour"),
        N_("Let a guest pay then: the link is the next provider's, within two seconds."),
        down("yookassa", N_("YooKassa doesn't answer any more"), 502, "<html>502 Bad Gateway</html>"),
        is_up("yookassa"),
    ),
    Scene(
        "kassa_up", "yookassa", N_("YooKassa is back"), N_("The next link is its own again within a minute or two."),
        up("yookassa", N_("YooKassa answers again")), is_down("yookassa"),
    ),
)  # fmt: skip
