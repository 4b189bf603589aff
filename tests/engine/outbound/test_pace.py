"""Each account's calls go out at its rate: a crowd is served in its order, everybody once, nobody for ever last."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import datetime, timedelta

from fakes import House, order
from svyazka.engine.contracts.manifest import Limits
from svyazka.engine.outbound.pacing import Limiter
from svyazka.model.deliveries import Status


class Time:
    """Seconds that stand still until they are moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


def test_after_a_pause_a_seconds_worth_may_go_at_once_and_then_one_by_one() -> None:
    limiter = Limiter(Time())
    waits = [limiter.delay("a", 10.0) for _ in range(13)]
    assert [round(wait, 3) for wait in waits[:10]] == [0.0] * 10
    assert [round(wait, 3) for wait in waits[10:]] == [0.1, 0.2, 0.3]


def test_accounts_wait_for_themselves_only() -> None:
    limiter = Limiter(Time())
    for _ in range(100):
        limiter.delay("a", 10.0)
    assert limiter.delay("b", 10.0) == 0.0


def test_who_goes_away_for_a_long_wait_finds_his_place_when_he_comes_back() -> None:
    time = Time()
    limiter = Limiter(time)
    waits = {name: limiter.delay("a", 10.0, name, patience=2.0) for name in map(str, range(100))}
    last = waits["99"]
    assert round(last, 1) == 9.0
    time.now += last
    assert round(limiter.delay("a", 10.0, "99", patience=2.0), 3) == 0.0
    assert round(limiter.delay("a", 10.0, "newcomer", patience=2.0), 3) == 0.1, "behind him"


def test_who_comes_back_too_early_keeps_his_place() -> None:
    time = Time()
    limiter = Limiter(time)
    for name in map(str, range(100)):
        limiter.delay("a", 10.0, name, patience=2.0)
    time.now += 5.0
    assert round(limiter.delay("a", 10.0, "99", patience=2.0), 1) == 4.0
    time.now += 4.0
    assert round(limiter.delay("a", 10.0, "99", patience=2.0), 3) == 0.0


def test_a_place_that_was_never_claimed_is_not_kept_for_ever() -> None:
    time = Time()
    limiter = Limiter(time)
    for name in map(str, range(100)):
        limiter.delay("a", 10.0, name, patience=2.0)
    time.now += 3600
    for _ in range(10):
        limiter.delay("a", 10.0)
    assert limiter.delay("a", 10.0, "99", patience=2.0) > 0.0


class Busy(House):
    """A house that does many tasks at once, and whose workers really wait for their turn."""

    def __init__(self) -> None:
        super().__init__(flow={"quiet_hours": "12:00-18:00"})  # START is 15:00 in Moscow
        self.sms.limits = Limits(10.0, 16)
        self.resting: list[tuple[datetime, asyncio.Future[None]]] = []

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
                out.add(asyncio.create_task(self.worker.handle(task.path, task.body)))
            for _ in range(20):
                await asyncio.sleep(0)
            out = {task for task in out if not task.done()}
            self.clock.step(0.1)
            for moment, turn in self.resting:
                if moment <= self.clock.now():
                    turn.set_result(None)
            self.resting = [(moment, turn) for moment, turn in self.resting if not turn.done()]
        assert not out


async def test_a_crowd_after_quiet_hours_goes_out_at_the_connections_rate_and_to_its_end() -> None:
    house = Busy()
    await house.settle_in()
    await house.post([order(number) for number in range(300)])
    await house.run()
    assert house.sms.sent == []
    house.clock.step(3 * 3600)
    opened, writes = house.clock.now(), house.store.writes
    await house.work(40)
    assert Counter(d.status for d in house.deliveries()) == {Status.SUCCEEDED: 300}
    settled = sorted(d.settled_at for d in house.deliveries() if d.settled_at)
    for second in range(40):
        begin = opened + timedelta(seconds=second)
        within = [at for at in settled if begin <= at < begin + timedelta(seconds=1)]
        assert len(within) <= 21, "its rate, and a second's worth after the pause"
    assert house.store.writes - writes <= 300 * 3, "who must wait longer goes back to the queue once"
