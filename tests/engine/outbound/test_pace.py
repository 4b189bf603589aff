"""Each account's calls go out at its rate: a crowd is served in its order, everybody once, nobody for ever last."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from datetime import datetime, timedelta

import pytest

from engine.outbound.pacing_support import RATE, Time, Vendor, most_within
from fakes import House, order
from svyazka.engine.contracts.manifest import Limits
from svyazka.engine.outbound.pacing import CalledFor, Limiter
from svyazka.engine.outbound.shares import Leases
from svyazka.engine.worker import Worker
from svyazka.model.deliveries import Status

# The line: every call


@pytest.mark.parametrize(
    ("limits", "windows"),
    [
        (Limits(per_second=5.0), {1: 5}),
        (Limits(per_second=3.5), {1: 4, 2: 7}),
        (Limits(per_second=5.0, per_minute=200), {1: 5, 60: 200}),
        (Limits(per_second=1.0, per_minute=5), {1: 1, 60: 5}),
        (Limits(per_second=0.08), {12.5: 1}),
    ],
)
async def test_no_window_that_the_vendor_counts_by_holds_more_than_it_allows(
    limits: Limits, windows: dict[float, int]
) -> None:
    vendor, many = Vendor(), int(200 * limits.steady) + 10
    vendor.want("a", many, limits)
    await vendor.time.pass_time(150)
    vendor.want("b", many, limits)
    await vendor.time.pass_time(600)
    times = [at for at, _ in vendor.calls]
    assert {seconds: most_within(times, seconds) for seconds in windows} == windows
    assert len(times) >= min(2 * many, 750 * limits.steady * 0.95), "and all of it is used"


async def test_persons_go_first_and_take_every_other_place_while_work_waits() -> None:
    vendor = Vendor()
    vendor.want("w", 6)
    vendor.want("p", 4, called_for=CalledFor.PERSON)
    await vendor.time.pass_time(2)
    assert vendor.order == "wpwpwpwpww"


async def test_polls_take_only_what_nobody_else_wants() -> None:
    vendor = Vendor()
    vendor.want("i", 4, called_for=CalledFor.IDLE)
    vendor.want("w", 3)
    await vendor.time.pass_time(0.55)
    vendor.want("w", 2)
    await vendor.time.pass_time(2)
    assert vendor.order == "iwwwiiwwi"


async def test_nor_what_deliveries_have_booked() -> None:
    vendor = Vendor()
    for _ in range(20):
        vendor.limiter.book("a", RATE)
    vendor.want("i", 1, called_for=CalledFor.IDLE)
    await vendor.time.pass_time(3)
    ((at, _),) = vendor.calls
    assert at >= 1002.0


async def test_tenants_of_a_shared_scope_take_turns() -> None:
    vendor = Vendor()
    vendor.want("a", 6, tenant="a")
    vendor.want("b", 2, tenant="b")
    await vendor.time.pass_time(2)
    assert vendor.order == "ababaaaa"


async def test_who_would_wait_too_long_goes_away_at_once_and_uses_nothing_up() -> None:
    vendor = Vendor()
    vendor.want("a", 10, patience=0.55)
    await vendor.time.pass_time(0)
    assert vendor.left_out == ["a"] * 4
    await vendor.time.pass_time(2)
    assert vendor.order == "a" * 6
    vendor.want("b", 1, patience=0.0)
    await vendor.time.pass_time(0)
    assert vendor.order.endswith("b")


# The timetable: when deliveries come back


def test_places_are_even() -> None:
    limiter = Limiter(Time())
    waits = [limiter.book("a", RATE) for _ in range(4)]
    assert [round(wait, 3) for wait in waits] == [0.0, 0.1, 0.2, 0.3]


def test_accounts_wait_for_themselves_only() -> None:
    limiter = Limiter(Time())
    for _ in range(100):
        limiter.book("a", RATE)
    assert limiter.book("b", RATE) == 0.0


def test_a_tenants_crowd_does_not_send_another_tenant_to_its_end() -> None:
    limiter = Limiter(Time())
    for _ in range(100):
        limiter.book("ip", RATE, tenant="crowd")
    assert [round(limiter.book("ip", RATE, tenant="other"), 3) for _ in range(3)] == [0.0, 0.2, 0.4]


async def test_what_others_call_meanwhile_puts_the_timetable_off() -> None:
    vendor = Vendor()
    vendor.limiter.book("a", RATE)
    vendor.want("read", 5)
    await vendor.time.pass_time(0.05)
    assert vendor.limiter.book("a", RATE) > 0.1


def test_who_was_promised_a_place_has_it_wherever_he_comes_back() -> None:
    here, elsewhere = Limiter(Time()), Limiter(Time())
    for _ in range(100):
        last = here.book("a", RATE)
    assert round(last, 1) == 9.9
    for _ in range(100):
        elsewhere.book("a", RATE)
    assert elsewhere.book("a", RATE, promised=4.9) == 4.9, "too early"
    assert elsewhere.book("a", RATE, promised=-0.1) == 0.0
    assert round(elsewhere.book("a", RATE), 1) == 10.0, "and nobody else's was taken"


def test_a_place_that_was_never_claimed_is_not_kept_for_ever() -> None:
    limiter = Limiter(Time())
    limiter.book("a", RATE)
    assert limiter.book("a", RATE, promised=-3600.0) > 0.0


class Busy(House):
    """A house that does many tasks at once; its workers really wait for their turn, and a task goes to any of them."""

    def __init__(self, processes: int) -> None:
        super().__init__(flow={"quiet_hours": "12:00-18:00"})  # START is 15:00 in Moscow
        self.sms.limits = Limits(10.0, 16)
        self.resting: list[tuple[datetime, asyncio.Future[None]]] = []
        self.workers, self.chance = [self.worker], random.Random(1)
        if processes > 1:
            self.workers = [self.one_of_several(str(number)) for number in range(processes)]

    def one_of_several(self, name: str) -> Worker:
        self.start()

        def now() -> float:
            return self.clock.real().timestamp()

        self.hub.limiter = Limiter(now, self.rest, Leases(self.store, name, now))
        return self.worker

    async def rest(self, seconds: float) -> None:
        turn = asyncio.get_running_loop().create_future()
        self.resting.append((self.clock.now() + timedelta(seconds=seconds), turn))
        await turn

    async def work(self, seconds: float, at_once: int = 64) -> None:
        """Let time go by in tenths, with so many tasks out at once."""
        end, out = self.clock.now() + timedelta(seconds=seconds), set[asyncio.Task[int]]()
        while self.clock.now() < end:
            due = [task for task in self.store.tasks if task.due is None or task.due <= self.clock.now()]
            for task in due[: at_once - len(out)]:
                self.store.tasks.remove(task)
                out.add(asyncio.create_task(self.chance.choice(self.workers).handle(task.path, task.body)))
            for _ in range(20):
                await asyncio.sleep(0)
            out = {task for task in out if not task.done()}
            self.clock.step(0.1)
            for moment, turn in self.resting:
                if moment <= self.clock.now():
                    turn.set_result(None)
            self.resting = [(moment, turn) for moment, turn in self.resting if not turn.done()]
        assert not out


async def opened(house: Busy) -> datetime:
    """300 wait for the end of the quiet hours, and that is now."""
    await house.settle_in()
    await house.post([order(number) for number in range(300)])
    await house.run()
    assert house.sms.sent == []
    house.clock.step(3 * 3600)
    return house.clock.now()


async def test_a_crowd_after_quiet_hours_goes_out_at_the_connections_rate_and_to_its_end() -> None:
    house = Busy(1)
    opens, writes = await opened(house), house.store.writes
    await house.work(40)
    assert Counter(d.status for d in house.deliveries()) == {Status.SUCCEEDED: 300}
    settled = sorted(d.settled_at for d in house.deliveries() if d.settled_at)
    for second in range(40):
        begin = opens + timedelta(seconds=second)
        within = [at for at in settled if begin <= at < begin + timedelta(seconds=1)]
        assert len(within) <= 11, "its rate, as far as tenths of a second show it"
    assert house.store.writes - writes <= 300 * 3, "who must wait longer goes back to the queue once"


async def test_who_comes_back_to_another_process_than_the_one_that_put_him_off_is_served_all_the_same() -> None:
    house = Busy(3)
    await opened(house)
    writes = house.store.writes
    await house.work(60)
    assert Counter(d.status for d in house.deliveries()) == {Status.SUCCEEDED: 300}
    assert house.store.writes - writes <= 300 * 3 + 3 * 6, "and their shares"
