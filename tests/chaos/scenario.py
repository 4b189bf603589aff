"""One run: vendors call and repeat, a process is killed or frozen at a named place, all drains, the books agree."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field

import httpx

from chaos.installation import Journal, LocalInstallation, dump, leaks, until
from chaos.parts import phone
from svyazka.engine.failpoints import POINTS
from svyazka.model.deliveries import Status
from svyazka.model.events import EventStatus

LAST_WORD = 0.8
"""Seconds for which all must stay settled."""

ACCEPTING = tuple(point for point in POINTS if point.split(".")[0] in ("receive", "accept", "answer"))
"""Places that the accepting process passes; the others are the worker's."""


@dataclass
class Called:
    """The vendor's side of the story."""

    answers: Counter[int] = field(default_factory=Counter)
    repeats: int = 0


async def call_until_answered(installation: LocalInstallation, numbers: range, connections: int = 6) -> Called:
    """Post each subject's webhook as a vendor that repeats what was not answered with 200."""
    called = Called()
    source = installation.source
    url = installation.hook_url("source", source.vendor)
    waiting = list(numbers)

    async def caller(client: httpx.AsyncClient) -> None:
        while waiting:
            number = waiting.pop(0)
            body, content_type = source.webhook(number, phone(number))
            while True:
                try:
                    answer = await client.post(url, content=body, headers={"Content-Type": content_type})
                    called.answers[answer.status_code] += 1
                    if answer.status_code == 200:
                        break
                except httpx.HTTPError:
                    called.answers[0] += 1
                called.repeats += 1
                await asyncio.sleep(0.1)

    async with httpx.AsyncClient(trust_env=False, timeout=3) as client:
        await asyncio.gather(*(caller(client) for _ in range(connections)))
    return called


def none_more(name: str) -> str:
    """A process that is started again lives."""
    return ""


async def watch(
    installation: LocalInstallation, frozen_for: float, done: asyncio.Event,
    failpoint: Callable[[str], str] = none_more,
) -> Counter[str]:  # fmt: skip
    """Start what dies; where a process froze, let a second one work meanwhile and thaw it past the lease."""
    seen: Counter[str] = Counter()
    since: dict[int, float] = {}
    while not done.is_set():
        for name in installation.revive(failpoint):
            seen[f"killed {name}"] += 1
        for name, pid in installation.frozen():
            if pid not in since:
                since[pid] = time.monotonic()
                seen[f"froze {name}"] += 1
                installation.stand_in_for(name, failpoint(name))
            elif time.monotonic() - since[pid] > frozen_for:
                os.kill(pid, signal.SIGCONT)
        for pid, moment in since.items():
            if time.monotonic() - moment > frozen_for + 2 * LAST_WORD:
                installation.retire(pid)  # it has said its late word; who stood in for it goes on
        await asyncio.sleep(0.02)
    return seen


def settled(journal: Journal, events: int) -> bool:
    """Every subject has its delivery, none is on the way (what is unknown waits for its receipt)."""
    planned = all(record.status is not EventStatus.ACCEPTED for record in journal.events)
    still = [d for d in journal.deliveries if d.is_open and d.status is not Status.UNKNOWN]
    return planned and not still and sum(d.flow == "review_request" for d in journal.deliveries) >= events


@dataclass
class Outcome:
    """What a run came to."""

    journal: Journal
    sent: Counter[str]
    called: Called
    seen: Counter[str]


async def run(
    installation: LocalInstallation, *, events: int, failpoints: dict[str, str], patience: float = 60.0,
    failpoint: Callable[[str], str] = none_more, on_answered: Callable[[], None] = lambda: None,
) -> Outcome:  # fmt: skip
    """`failpoints`: process -> `kill:point:n` or `stop:point:n` at first; `failpoint`: of those started again."""
    await installation.prepare()
    done = asyncio.Event()
    watching: asyncio.Task[Counter[str]] | None = None
    try:
        for name in ("accept", "work"):
            installation.start(name, failpoints.get(name, ""))
        watching = asyncio.create_task(watch(installation, 120 * installation.scale + 1.0, done, failpoint))
        await installation.ready()
        if installation.messenger.receipts is not None:
            installation.messenger.receipts(
                installation.vendors,
                installation.hook_url("messenger", installation.messenger.vendor),
                installation.clock,
            )
        called = await call_until_answered(installation, range(events))
        on_answered()
        last: list[Journal] = []

        quiet_since: list[float] = []

        async def drained() -> bool:
            last[:] = [await installation.journal()]
            if installation.frozen() or not settled(last[0], events):
                quiet_since.clear()
                return False
            # Who has just been thawed still has its late word to say.
            quiet_since.append(time.monotonic())
            return quiet_since[-1] - quiet_since[0] > LAST_WORD

        await until(drained, "everything settled", patience, lambda: dump(last[0]))
    finally:
        done.set()
        seen = await watching if watching else Counter()
        installation.stop()
    return Outcome(await installation.journal(), installation.messenger.sent(installation.vendors), called, seen)


def audit(installation: LocalInstallation, outcome: Outcome, events: int, *, one_at_a_time: bool = True) -> None:
    """Journal and ledger agree: nothing lost, nothing doubled, what is unknown says so.

    `one_at_a_time`: never more than one message's fate was unknown, so that its receipt can only be its own.
    """
    deliveries = {d.command.to.phone: d for d in outcome.journal.deliveries if d.flow == "review_request"}  # type: ignore[union-attr]
    assert len(deliveries) == events, "every guest has one delivery"
    doubled = {address: count for address, count in outcome.sent.items() if count > 1}
    assert not doubled, f"nobody is told twice: {doubled}"
    for address, delivery in deliveries.items():
        assert address is not None
        taken = outcome.sent[address]
        if delivery.status is Status.UNKNOWN:
            assert installation.messenger.unsafe, f"a repeatable one never stays unknown: {delivery.id}"
            if one_at_a_time and installation.messenger.receipts:
                assert not taken, f"{delivery.id}: its receipt settles it"
            continue
        assert delivery.status is Status.SUCCEEDED, f"{delivery.id} is {delivery.status}"
        assert taken == 1, f"{delivery.id} says succeeded, the vendor took {taken}"
    assert not leaks(installation.spoken())
