"""One run: vendors call and repeat, a process is killed or frozen at a named place, all drains, the books agree."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import httpx

from chaos.installation import LAST_WORD, Journal, LocalInstallation, dump, until_it_stays
from chaos.leaks import leaks
from simulators.serve import Running
from svyazka.engine.support.failpoints import POINTS
from svyazka.model.commands import Forward, Repeat, SendMessage
from svyazka.model.contacts import normalize_phone
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.events import EventStatus
from vendors.parts.base import Guest, Webhook
from vendors.parts.messengers import Messenger

Failpoint = Callable[[str], str]
"""The failpoint (as in armed/failpoints.py) of the process that is started now, by its name; "": it lives."""

ACCEPTING = tuple(point for point in POINTS if point.split(".")[0] in ("receive", "accept", "answer"))
"""Places that the accepting process passes; the others are the worker's."""


def failpoints(*strikes: str, accept: int = 8, work: int = 2) -> dict[str, list[str]]:
    """`kill accept.before`, `stop perform.before_call`: process -> its failpoints, each of whoever comes after the one
    that the last has struck, and at which passage they strike.

    The accepting one's comes so late that the working one has had enough to meet its own.
    """
    found: dict[str, list[str]] = {}
    for strike in strikes:
        action, point = strike.split()
        name, nth = ("accept", accept) if point in ACCEPTING else ("work", work)
        found.setdefault(name, []).append(f"{action}:{point}:{nth}")
    return found


def in_turn(planned: Mapping[str, Sequence[str]]) -> Failpoint:
    """One after the other; then whoever is started lives."""
    left = {name: iter(points) for name, points in planned.items()}
    return lambda name: next(left.get(name, iter(())), "")


@dataclass
class Called:
    """The vendor's side of the story."""

    answers: Counter[int] = field(default_factory=Counter)
    repeats: int = 0


async def call_until_answered(
    installation: LocalInstallation, guests: Sequence[Guest], connections: int = 6, pause: float = 0.0,
    tells: Callable[[Running, Guest], Webhook] | None = None,
) -> Called:  # fmt: skip
    """Post each subject's webhook (`tells`: another one than the source's) as a vendor that repeats what was not
    answered with 200; each of its connections pauses after what was."""
    called = Called()
    source = installation.source
    url = installation.hook_url("source", source.vendor)
    waiting = list(guests)

    async def caller(client: httpx.AsyncClient) -> None:
        while waiting:
            webhook = (tells or source.webhook)(installation.vendors, waiting.pop(0))
            while True:
                try:
                    answer = await client.post(url, content=webhook.body, headers=webhook.headers)
                    called.answers[answer.status_code] += 1
                    if answer.status_code == 200:
                        await asyncio.sleep(pause)
                        break
                except httpx.HTTPError:
                    called.answers[0] += 1
                called.repeats += 1
                await asyncio.sleep(0.1)

    async with installation.caller() as client:
        await asyncio.gather(*(caller(client) for _ in range(connections)))
    return called


async def watch(
    installation: LocalInstallation, frozen_for: float, done: asyncio.Event, failpoint: Failpoint
) -> Counter[str]:
    """Start what dies; where a process froze, let a second one work meanwhile and thaw it past the lease."""
    seen: Counter[str] = Counter()
    since: dict[int, float] = {}
    thawed: dict[tuple[str, int], float] = {}
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
                thawed[name, pid] = time.monotonic()
        for one in [one for one, moment in thawed.items() if time.monotonic() - moment > 2 * LAST_WORD]:
            del thawed[one]
            installation.retire(*one)  # it has said its late word; who stood in for it goes on
        await asyncio.sleep(0.02)
    return seen


def owed(journal: Journal, messenger: Messenger) -> list[Delivery]:
    """What the flow under test has made."""
    return [delivery for delivery in journal.deliveries if delivery.flow == messenger.flow]


def settled(journal: Journal, messenger: Messenger, events: int) -> bool:
    """Every subject has its delivery, none is on the way (what is unknown waits for its receipt or for a person)."""
    planned = all(record.status is not EventStatus.ACCEPTED for record in journal.events)
    still = [d for d in journal.deliveries if d.is_open and d.status is not Status.UNKNOWN]
    return planned and not still and len(owed(journal, messenger)) >= events


def addressed(delivery: Delivery, messenger: Messenger) -> str:
    """Whom a delivery is for, as the messenger knows him."""
    command = delivery.command
    if isinstance(command, Forward):
        contact = command.payload["contact"]
        assert isinstance(contact, dict)
        return str(contact["phone"])
    assert isinstance(command, SendMessage)
    if messenger.reaches == "phone":
        return str(normalize_phone(command.to.phone))
    return str(command.to.email if messenger.reaches == "email" else command.to.chats[messenger.vendor])


@dataclass
class Outcome:
    """What a run came to."""

    journal: Journal
    sent: list[Counter[str]]
    """By each of its channels."""
    called: Called
    seen: Counter[str]


Settled = Callable[[Journal, Messenger, int], bool]


async def run(
    installation: LocalInstallation, *, events: int, failpoint: Failpoint, patience: float = 60.0,
    one_at_a_time: bool = True, is_settled: Settled = settled, pause: float = 0.0,
) -> Outcome:  # fmt: skip
    """`one_at_a_time`: never more than one message's fate is unknown, so that its receipt can only be its own, and all
    is over when it has come."""
    guests = [Guest(number) for number in range(events)]
    await installation.prepare()
    done = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as group:
            for name in ("accept", "work"):
                installation.start(name, failpoint(name))
            watching = group.create_task(watch(installation, 120 * installation.scale + 0.5, done, failpoint))
            await installation.ready()
            installation.set_stage(guests)
            called = await call_until_answered(installation, guests, pause=pause)
            await drain(installation, events, patience, one_at_a_time, is_settled)
            done.set()
    finally:
        installation.stop()
    sent = [channel.sent(installation.vendors) for channel in installation.via]
    return Outcome(await installation.journal(), sent, called, watching.result())


async def drain(
    installation: LocalInstallation, events: int, patience: float = 60.0, one_at_a_time: bool = True,
    is_settled: Settled = settled,
) -> None:  # fmt: skip
    """Until all is settled and stays so."""
    messenger = installation.messenger
    last: list[Journal] = []

    async def drained() -> bool:
        last[:] = [await installation.journal()]
        told = not (one_at_a_time and messenger.has_receipts) or not untold(installation, last[0])
        return not installation.frozen() and told and is_settled(last[0], messenger, events)

    await until_it_stays(drained, "everything settled", patience, lambda: dump(last[0]))


def untold(installation: LocalInstallation, journal: Journal) -> list[Delivery]:
    """What the vendor took, and whose fate its receipt has still to tell."""
    messenger = installation.messenger
    sent = messenger.sent(installation.vendors)
    unknown = [delivery for delivery in owed(journal, messenger) if delivery.status is Status.UNKNOWN]
    return [delivery for delivery in unknown if sent[addressed(delivery, messenger)]]


def audit(installation: LocalInstallation, outcome: Outcome, events: int) -> None:
    """Journal and ledger agree: nothing lost, nothing doubled, what is unknown says so."""
    messenger, (sent, *others) = installation.messenger, outcome.sent
    deliveries = {addressed(delivery, messenger): delivery for delivery in owed(outcome.journal, messenger)}
    everybody = {Guest(number).address(messenger.reaches) for number in range(events)}
    assert deliveries.keys() == everybody, "every guest has a delivery"
    assert len(owed(outcome.journal, messenger)) == events, "and one only"
    doubled = {address: count for address, count in sent.items() if count > 1}
    assert not doubled, f"nobody is told twice: {doubled}"
    assert not any(others), "what went by the first channel goes by no other"
    for address, delivery in deliveries.items():
        if delivery.status is Status.UNKNOWN:
            assert messenger.repeat is Repeat.UNSAFE, f"a repeatable one never stays unknown: {delivery.id}"
            continue
        assert delivery.status is Status.SUCCEEDED, f"{delivery.id} is {delivery.status}"
        assert sent[address] == 1, f"{delivery.id} says succeeded, the vendor took {sent[address]}"
    found = leaks(installation.spoken())
    assert not found, f"somebody was named in an output: {found[:3]}"


async def survive(
    installation: LocalInstallation, planned: Mapping[str, Sequence[str]], *, events: int, patience: float = 60.0
) -> None:
    """A run in which each of these failpoints strikes, and after which the books agree."""
    outcome = await run(installation, events=events, failpoint=in_turn(planned), patience=patience)
    audit(installation, outcome, events)
    have_struck(outcome.seen, planned)


def have_struck(seen: Counter[str], planned: Mapping[str, Sequence[str]]) -> None:
    """Each of these failpoints was reached, once."""
    happened = {"kill": "killed", "stop": "froze"}
    expected = Counter(
        f"{happened[failpoint.split(':')[0]]} {process}" for process, each in planned.items() for failpoint in each
    )
    assert {what: seen[what] for what in expected} == expected, f"each of {planned} was reached"
