"""Several processes over one store: together they never call a vendor more often than it allows."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest

from engine.outbound.pacing_support import RATE, Time, Vendor, most_within
from fakes import MemoryStore
from svyazka.engine.contracts.manifest import Limits
from svyazka.engine.outbound.shares import Leases


class Process(Vendor):
    """One of several that call the same vendor, again and again, until it dies."""

    def begin(self, who: str, limits: Limits, at_once: int = 4) -> None:
        self.tasks += [asyncio.create_task(self._again(who, limits)) for _ in range(at_once)]

    async def _again(self, who: str, limits: Limits) -> None:
        while True:
            await self._call(who, limits, 1e6, {})

    def die(self) -> None:
        for task in self.tasks:
            task.cancel()


class Town:
    """Processes over one store, and one vendor that counts."""

    def __init__(self) -> None:
        self.time, self.store = Time(), MemoryStore()
        self.calls: list[tuple[float, str]] = []

    def process(self, name: str) -> Process:
        return Process(self.time, self.calls, leases=Leases(self.store, name, self.time))

    def counted(self, since: float, until: float) -> Counter[str]:
        return Counter(who for at, who in self.calls if since <= at < until)


@pytest.mark.parametrize(
    ("limits", "windows", "used"),
    [
        (Limits(per_second=10.0), {1: 10}, 0.77),
        (Limits(per_second=3.5), {1: 3}, 0.64),
        (Limits(per_second=2.0), {1: 2}, 0.64),
        (Limits(per_second=0.5), {2: 1}, 0.64),
        (Limits(per_second=0.1), {10: 1}, 0.4),
        (Limits(per_second=4.5, per_minute=195), {1: 4, 60: 195}, 0.75),
        (Limits(per_second=1.0, per_minute=5), {1: 1, 60: 5}, 0.4),
    ],
)
async def test_three_processes_keep_one_rate_whoever_comes_and_dies(
    limits: Limits, windows: dict[float, int], used: float
) -> None:
    town = Town()
    a, b, c = map(town.process, "abc")
    began = town.time.now
    a.begin("a", limits)
    await town.time.pass_time(23)
    b.begin("b", limits)
    await town.time.pass_time(14)
    c.begin("c", limits)
    await town.time.pass_time(120)
    a.die()  # holding its share
    await town.time.pass_time(62)
    c.die()
    again = town.process("c'")
    again.begin("c", limits)
    await town.time.pass_time(120)
    again.die()
    b.die()
    times = [at for at, _ in town.calls]
    assert not [seconds for seconds, most in windows.items() if most_within(times, seconds) > most]
    assert len(times) > used * limits.steady * (town.time.now - began)


async def test_shares_are_even_and_what_the_dead_held_is_taken_over_within_two_slices() -> None:
    town = Town()
    processes = {name: town.process(name) for name in "ab"}
    for name, process in processes.items():
        process.begin(name, RATE)
    await town.time.pass_time(40)
    assert abs((even := town.counted(1020, 1040))["a"] - even["b"]) <= 2
    processes["a"].die()
    await town.time.pass_time(60)
    assert town.counted(1070, 1100) == {"b": pytest.approx(300, abs=2)}


async def test_a_lease_costs_one_read_and_one_write_a_slice() -> None:
    town = Town()
    town.process("a").begin("a", RATE, at_once=20)
    await town.time.pass_time(99)
    assert (town.store.reads, town.store.writes) == (10, 10)


async def test_without_the_store_nobody_calls_and_with_it_again_they_do() -> None:
    town = Town()
    process = town.process("a")
    town.store.down = True
    process.want("a", 3)
    await town.time.pass_time(1)
    assert (process.left_out, town.calls) == (["a"] * 3, [])
    town.store.down = False
    process.want("a", 3, patience=20)
    await town.time.pass_time(20)
    assert len(town.calls) == 3
