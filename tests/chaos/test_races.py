"""Copies of one webhook race each other over several instances: one event, one message."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from chaos.google import GoogleInstallation
from chaos.installation import LocalInstallation, free_port
from chaos.leaks import leaks
from chaos.scenario import drain, owed
from simulators.serve import Running
from vendors import MESSENGERS, SOURCES
from vendors.parts.base import Guest

COPIES, INSTANCES = 32, 4
GUESTS = [Guest(number) for number in range(5)]
"""One race each."""


@pytest.fixture(params=["local", "google"])
def opened(request: pytest.FixtureRequest, tmp_path: Path, vendors: Callable[..., Running]) -> LocalInstallation:
    """An installation on each backend."""
    running = vendors(SOURCES["iiko"], MESSENGERS["smsru"])
    if request.param == "local":
        return LocalInstallation(tmp_path, running, SOURCES["iiko"], MESSENGERS["smsru"])
    return GoogleInstallation(
        tmp_path, running, SOURCES["iiko"], MESSENGERS["smsru"], cloud=request.getfixturevalue("cloud")
    )


async def test_32_copies_over_four_accepting_processes_are_one_event_and_one_message(
    opened: LocalInstallation,
) -> None:
    await opened.prepare()
    ports = [opened.port, *(free_port() for _ in range(INSTANCES - 1))]
    try:
        for port in ports:
            opened.start("accept", port=port)
        opened.start("work")
        await asyncio.gather(*(opened.ready(port) for port in ports))
        opened.set_stage(GUESTS)
        for guest in GUESTS:
            said = await race(opened, guest, ports)
            assert said["accepted"] <= 1, said
        await drain(opened, len(GUESTS))
        journal = await opened.journal()
    finally:
        opened.stop()
    assert MESSENGERS["smsru"].sent(opened.vendors) == {guest.phone: 1 for guest in GUESTS}
    orders = [record for record in journal.events if record.event.connection == "source"]
    assert len(orders) == len(owed(journal, MESSENGERS["smsru"])) == len(GUESTS)
    assert not leaks(opened.spoken())


async def race(opened: LocalInstallation, guest: Guest, ports: list[int]) -> Counter[str]:
    """All copies at once, each repeated until it is answered; what the answers say."""
    webhook = SOURCES["iiko"].webhook(opened.vendors, guest)

    async def call(client: httpx.AsyncClient, port: int) -> str:
        url = httpx.URL(opened.hook_url("source", SOURCES["iiko"].vendor)).copy_with(port=port)
        while True:
            answer = await client.post(url, content=webhook.body, headers=webhook.headers)
            if answer.status_code == 200:
                events = answer.json()["events"]
                return str(events[0]["status"]) if events else "salvaged"
            assert answer.status_code == 503, answer.text

    limits = httpx.Limits(max_connections=COPIES)
    async with httpx.AsyncClient(trust_env=False, timeout=20, limits=limits) as client:
        return Counter(
            await asyncio.gather(*(call(client, ports[number % INSTANCES]) for number in range(COPIES)))
        )  # fmt: skip
