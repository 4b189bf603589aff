"""A model of the whole engine with crashes: whatever is interleaved, nobody is told twice and nothing is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from fakes import House, MemoryStore, order
from svyazka.engine.ports.store import Document, NewEvent, Salvage, Task, Write
from svyazka.model.commands import Repeat
from svyazka.model.deliveries import FINAL, TRANSITIONS, Delivery, Status
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.events import EventStatus, ReceiptState
from svyazka.model.outcomes import Blocked, Refused, Retry

ANSWERS = ("takes it", "takes it and vanishes", "vanishes", "no connection", "500", "429", "refuses", "no money")


class Crash(BaseException):
    """The process dies here."""


class CrashingStore(MemoryStore):
    """Dies before or after the write that is the n-th from now."""

    def __init__(self) -> None:
        super().__init__()
        self.fuse: int | None = None
        self.after = False

    def _burns(self, done: bool) -> None:
        if self.fuse is None or done != self.after:
            return
        self.fuse -= 1
        if self.fuse <= 0:
            self.fuse = None
            raise Crash

    async def commit(self, writes: Sequence[Write], tasks: Sequence[Task] = ()) -> list[str]:
        self._burns(done=False)
        versions = await super().commit(writes, tasks)
        self._burns(done=True)
        return versions

    async def accept(
        self, arrivals: Sequence[NewEvent], raw: Document | None, salvage: Salvage | None
    ) -> list[Document | None] | None:
        self._burns(done=False)
        present = await super().accept(arrivals, raw, salvage)
        self._burns(done=True)
        return present


class Engine(RuleBasedStateMachine):
    """Vendors call, answer as they like, die, forget; time goes by; processes die anywhere."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.store = CrashingStore()
        self.house = House(self.store, via=("sms",), flow={"expires_after": "30d"})
        self.accepted: set[int] = set()
        self.statuses: dict[str, Status] = {}
        self.fresh = 100

    def teardown(self) -> None:
        self.loop.close()

    def do(self, work: Any) -> Any:
        """Run to its end, or to its death: then a fresh process takes its place."""
        try:
            return self.loop.run_until_complete(work)
        except Crash:
            self.house.start()
            return None

    @initialize(safety=st.sampled_from([Repeat.UNSAFE, *Repeat]))
    def begin(self, safety: Repeat) -> None:
        self.house.sms.repeat = safety
        self.do(self.house.settle_in())

    @rule(number=st.integers(1, 4), revision=st.integers(1, 2))
    def a_vendor_calls(self, number: int, revision: int) -> None:
        answer = self.do(self.house.post(order(number, revision=revision)))
        if answer is not None and answer.status == 200:
            self.accepted.add(number)

    @rule(answers=st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=4))
    def the_messenger_will(self, answers: list[str]) -> None:
        self.house.sms.script.extend(self._answer(answer) for answer in answers)

    def _answer(self, answer: str) -> Any:
        def takes_it_and_vanishes(command: Any, key: str) -> Any:
            self.house.sms.deliver(command, key)
            raise MaybeSent("timeout")

        return {
            "takes it": None,
            "takes it and vanishes": takes_it_and_vanishes,
            "vanishes": MaybeSent("reset"),
            "no connection": NotSent("refused"),
            "500": Retry(code="500", message="server error"),
            "429": Retry(code="429", message="slower", after=90.0),
            "refuses": Refused(code="202", message="bad number"),
            "no money": Blocked(code="201", message="no money", remedy="top up"),
        }[answer]

    @rule(writes=st.integers(1, 3), after=st.booleans())
    def a_process_will_die(self, writes: int, after: bool) -> None:
        self.store.fuse, self.store.after = writes, after

    @rule(writes=st.integers(1, 4), after=st.booleans())
    def a_process_dies_on_an_events_way(self, writes: int, after: bool) -> None:
        """A fresh event: 1 accept, 2 plan and claim, 3 settle."""
        self.do(self.house.run())
        self.fresh += 1
        self.store.fuse, self.store.after = writes, after
        self.a_vendor_calls(self.fresh, 1)
        self.do(self.house.run())

    @rule()
    def the_queue_forgets(self) -> None:
        self.store.tasks.clear()

    @rule()
    def the_queue_doubles(self) -> None:
        self.store.tasks += list(self.store.tasks)

    @rule()
    def the_queue_reverses(self) -> None:
        self.store.tasks.reverse()

    @rule(minutes=st.sampled_from([0, 1, 7, 61, 400]))
    def time_goes_by(self, minutes: int) -> None:
        self.do(self.house.pass_time(minutes * 60, step=max(60.0, minutes * 6.0)))

    @rule(down=st.booleans())
    def the_queue_is_cut_off(self, down: bool) -> None:
        self.store.queue_down = down

    @rule()
    def the_messenger_tells_what_became_of_them(self) -> None:
        for key, _ in list(self.house.sms.sent):
            self.do(self.house.receipt("delivered", f"sms-{key}"))
        self.do(self.house.run())

    @rule(number=st.integers(0, 3), again=st.booleans())
    def an_operator_resolves_an_unknown(self, number: int, again: bool) -> None:
        unknown = [d for d in self.house.deliveries() if d.status is Status.UNKNOWN]
        if number < len(unknown):
            done = any(key.startswith(unknown[number].id) for key, _ in self.house.sms.sent)
            self.do(self._resolve(unknown[number], "succeeded" if done else "retry" if again else "failed"))

    async def _resolve(self, delivery: Delivery, resolution: Any) -> None:
        from svyazka.engine.operating.operator import How, Operator
        from svyazka.engine.operating.resolve import resolve_delivery

        operator = Operator(self.house.hub, lambda vendor: None, "test")
        await resolve_delivery(operator, delivery.id, resolution, How(why="asked the vendor"))

    @invariant()
    def nobody_is_told_twice(self) -> None:
        times = Counter(key for key, _ in self.house.sms.sent)
        assert not [key for key, count in times.items() if count > 1]

    @invariant()
    def what_is_final_stays_final(self) -> None:
        for delivery in self.house.deliveries():
            before = self.statuses.get(f"{delivery.id}.{delivery.generation}")
            self.statuses[f"{delivery.id}.{delivery.generation}"] = delivery.status
            if before in FINAL and before is not delivery.status:
                assert delivery.status in TRANSITIONS[before]

    @invariant()
    def what_is_open_wakes_or_waits_for_somebody(self) -> None:
        outage = self.store.documents.get(("outages", "kofe.sms"))
        for delivery in self.house.deliveries():
            if delivery.status in (Status.PENDING, Status.RETRYING, Status.IN_FLIGHT):
                assert delivery.wake_at is not None
            if delivery.status in (Status.PARKED, Status.BLOCKED):
                assert outage is not None

    def _end(self) -> None:
        """All is well again and time goes by: everything settles, and the books agree."""
        self.store.fuse, self.store.queue_down = None, False
        self.house.sms.script.clear()
        self.house.start()
        self.do(self.house.pass_time(10 * 86400, step=3600))
        events = self.house.events()
        assert all(record.status is not EventStatus.ACCEPTED for record in events)
        deliveries = {delivery.subject: delivery for delivery in self.house.deliveries() if delivery.flow != "alerts"}
        assert {f"order:{number}" for number in self.accepted} <= set(deliveries)
        times = Counter(key.partition(".")[0] for key, _ in self.house.sms.sent)
        for delivery in deliveries.values():
            took = times[delivery.id]
            match delivery.status:
                case Status.SUCCEEDED:
                    assert took == 1
                case Status.UNKNOWN:
                    assert self.house.sms.repeat is Repeat.UNSAFE
                    assert took <= 1
                case Status.FAILED:
                    assert took == 0
                case _:
                    raise AssertionError(f"{delivery.id} is {delivery.status}, {delivery.last_error}")
            if delivery.receipt is ReceiptState.DELIVERED:
                assert delivery.status is Status.SUCCEEDED


class EngineToItsEnd(Engine):
    """The same, each run drained and audited at its end."""

    def teardown(self) -> None:
        try:
            if self.house.store.documents:
                self._end()
        finally:
            super().teardown()


TestEngine = EngineToItsEnd.TestCase
TestEngine.settings = settings(
    max_examples=100, stateful_step_count=20, deadline=None, derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)  # fmt: skip


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("writes", [1, 2, 3, 4])
@pytest.mark.parametrize("safety", list(Repeat))
def test_a_process_that_dies_at_each_write_of_an_event_leaves_nothing_lost_or_doubled(
    safety: Repeat, writes: int, after: bool
) -> None:
    engine = EngineToItsEnd()
    engine.begin(safety=safety)
    engine.a_process_dies_on_an_events_way(writes, after)
    if not engine.accepted:
        engine.a_vendor_calls(engine.fresh, 1)  # it repeats what was not answered
    engine.time_goes_by(61)
    engine.nobody_is_told_twice()
    assert engine.accepted
    engine.teardown()
