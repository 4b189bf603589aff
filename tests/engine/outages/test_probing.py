"""When a connection in trouble is looked at again, and what such a look proves."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from connectors.support import calling
from engine.outages.test_outage_edges import DOWN, in_trouble, outage
from fakes import House
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.learning import Doctor, Finding, no_access
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import perform_task
from svyazka.engine.journal.transition import ended
from svyazka.engine.rules.transitions import stopped
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.errors import SourceUnavailable
from svyazka.model.outcomes import Blocked, Outcome, Retry
from svyazka.model.tenants import ConnectionSettings

SLOW_DOWN = Retry(code="429", message="slow down", after=3 * 3600.0)


async def test_a_probe_waits_as_long_as_the_vendor_asked_for() -> None:
    house = await in_trouble(*[SLOW_DOWN] * 50, orders=5)
    wanted = house.sms.calls
    opened = outage(house)
    assert opened.next_probe_at - house.clock.now() > timedelta(hours=1)
    await house.pass_time((opened.next_probe_at - house.clock.now()).total_seconds() - 60)
    assert house.sms.calls == wanted, "it was left alone"
    await house.pass_time(180)
    assert house.sms.calls == wanted + 1
    assert outage(house).next_probe_at - house.clock.now() > timedelta(hours=2), "and a probe's own answer counts too"


async def test_probes_of_different_connections_do_not_march_in_step() -> None:
    moments = []
    for chance in (0.0, 0.3, 0.9):
        for answer in (DOWN, Blocked(code="201", message="no money", remedy="top up")):
            house = House(flow={"expires_after": "30d"})
            house.hub.chance = lambda chance=chance: chance
            await house.settle_in()
            await house.worker.outages.open(
                await house.hub.directory.account("kofe", "sms"),  # type: ignore[arg-type]
                "blocked" if isinstance(answer, Blocked) else "down", answer.code, answer.message,
            )  # fmt: skip
            moments.append(outage(house).next_probe_at)
    assert len(set(moments)) == len(moments)


class Told(Doctor[ConnectionSettings]):
    """Finds what it is told to find."""

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        self._findings = findings

    def ready(self, settings: ConnectionSettings) -> bool:
        return True

    async def check(self, call: Call[ConnectionSettings]) -> list[Finding]:
        return list(self._findings)


HOOK_ELSEWHERE = Finding("webhook", "fail", "events go to others")
NO_ENTRY = no_access("credentials", "wrong key", "copy it anew")


@pytest.mark.parametrize(
    ("findings", "recovered"),
    [
        ((HOOK_ELSEWHERE,), True), ((Finding("credentials", "ok", "in"), HOOK_ELSEWHERE), True),
        ((NO_ENTRY,), False), ((HOOK_ELSEWHERE, NO_ENTRY), False), ((), False),
    ],
)  # fmt: skip
async def test_only_what_is_about_access_keeps_a_connection_blocked(
    findings: tuple[Finding, ...], recovered: bool
) -> None:
    house = House()
    await house.settle_in()
    account = await house.hub.directory.account("kofe", "sms")
    assert account is not None
    await house.worker.outages.open(account, "blocked", "401", "no entry", remedy="copy the key")
    house.sms.doctor = Told(findings)
    await house.worker.handle("/probe", {"tenant": "kofe", "connection": "sms"})
    assert outage(house).is_open is not recovered


async def test_a_look_that_is_told_to_come_later_comes_later() -> None:
    error = SourceUnavailable("slow down")
    error.outcome = SLOW_DOWN
    house = House()
    await house.settle_in()
    account = await house.hub.directory.account("kofe", "sms")
    assert account is not None
    await house.worker.outages.open(account, "down", "503", "down")
    house.sms.doctor = Told((no_access("credentials", "slow down", None, error),))
    await house.worker.handle("/probe", {"tenant": "kofe", "connection": "sms"})
    assert outage(house).next_probe_at - house.clock.now() >= timedelta(hours=3)


@pytest.mark.parametrize("outcome", [Blocked(code="401", message="no", remedy="key"), Retry(code="429", message="no")])
async def test_a_refused_sign_in_is_not_tried_again_by_everybody_who_waits(outcome: Outcome) -> None:
    asked = 0

    async def refused() -> tuple[str, datetime]:
        nonlocal asked
        asked += 1
        error = SourceUnavailable("no")
        error.outcome = outcome
        raise error

    async def given() -> tuple[str, datetime]:
        return "t0k3n-for-tests", datetime.now(UTC) + timedelta(hours=1)

    async with calling(ConnectionSettings(), "http://127.0.0.1:1") as call:
        for _ in range(5):
            with pytest.raises(SourceUnavailable):
                await call.token("key one", refused)
        assert asked == 1
        assert await call.token("key two", given) == "t0k3n-for-tests", "other credentials are tried at once"


async def test_a_probe_that_has_to_wait_for_its_place_keeps_nobody_from_probing() -> None:
    house = await in_trouble(orders=2)
    account = await house.hub.directory.account("kofe", "sms")
    assert account is not None
    limits = replace(house.hub.limits(account), per_minute=1.0)
    house.clock.step((outage(house).next_probe_at - house.clock.now()).total_seconds())
    for _ in range(2):
        house.hub.limiter.book(house.hub.counted_as(account), limits, tenant="kofe")
    calls = house.sms.calls
    first = min(house.deliveries(), key=lambda one: one.created_at)
    await house.worker.handle("/perform", perform_task(first).body)
    assert house.sms.calls == calls, "there was no place for it"
    assert outage(house).probe is None
    await house.pass_time(180)
    assert house.sms.calls > calls, "it went when its place came"


async def probe_that_waits(house: House) -> tuple[Delivery, asyncio.Semaphore, asyncio.Task[None]]:
    """One goes to see, and waits until one of the account's calls is over: a release of the slot."""
    account = await house.hub.directory.account("kofe", "sms")
    assert account is not None
    concurrency = house.hub.limits(account).concurrency
    slot = house.hub.limiter.slot(house.hub.counted_as(account), concurrency)
    for _ in range(concurrency):
        await slot.acquire()
    first = min(house.deliveries(), key=lambda one: one.created_at)
    house.clock.step((outage(house).next_probe_at - house.clock.now()).total_seconds())
    waits = asyncio.create_task(house.worker.handle("/perform", perform_task(first).body))
    while outage(house).probe is None:
        await asyncio.sleep(0)
    return first, slot, waits


async def test_a_probe_that_is_too_late_makes_way_for_another() -> None:
    house = await in_trouble(orders=2)
    first, slot, waits = await probe_that_waits(house)
    expires = first.guards.expires_at
    assert expires is not None
    house.clock.step((expires - house.clock.now()).total_seconds())
    slot.release()
    await waits
    assert outage(house).probe is None


async def test_a_probe_that_another_worker_ended_meanwhile_makes_way_too() -> None:
    house = await in_trouble(orders=2)
    first, slot, waits = await probe_that_waits(house)
    held = await journal.load(house.store, Delivery, first.id)
    assert held is not None
    now = house.clock.now()
    end = await ended(
        house.store, stopped(held.model, Status.CANCELLED, "fell_back", "another way was quicker", now), now
    )
    await house.store.commit(end.over(held.version), end.tasks)
    slot.release()
    await waits
    assert outage(house).probe is None
