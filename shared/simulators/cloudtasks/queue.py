"""One queue: which task is sent when, and what its answer does. Pure: time and tokens are given to it."""

from __future__ import annotations

import heapq
import random
from collections import Counter, deque
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from itertools import count

from simulators.cloudtasks import errors, limits
from simulators.cloudtasks.errors import Code, Refused
from simulators.cloudtasks.headers import attempt_headers
from simulators.cloudtasks.model import (
    Answer,
    Attempt,
    HttpRequest,
    QueueName,
    QueueState,
    RateLimits,
    RetryConfig,
    Task,
)
from simulators.cloudtasks.retry import backoff, gives_up
from simulators.cloudtasks.throttle import Throttle, Throttling, TokenBucket

Sign = Callable[[HttpRequest], str | None]
"""Makes the id token that a request asks for."""

_attempt_ids = count(1)


def unsigned(_request: HttpRequest) -> None:
    """A queue that signs nothing."""


class Queue:
    """Tasks of one queue and the rules by which they are dispatched.

    The owner calls `start_due` to learn what to send now, `finish` with each answer, `cut_overdue` for attempts past
    their deadline, and `next_event` to learn when to look again.
    """

    def __init__(
        self,
        name: QueueName,
        now: datetime,
        *,
        rates: RateLimits | None = None,
        retry: RetryConfig | None = None,
        throttling: Throttling | None = None,
        sign: Sign = unsigned,
        shuffle: random.Random | None = None,
    ) -> None:
        self.name = name
        self.retry = retry or RetryConfig()
        self.state = QueueState.RUNNING
        self.purge_time: datetime | None = None
        self.tasks: dict[str, Task] = {}
        self.in_flight: dict[int, Attempt] = {}
        self.stats: Counter[str] = Counter()
        self.last_activity = now
        self._sign = sign
        self._shuffle = shuffle
        self._throttle = Throttle(throttling or Throttling())
        self._gone: dict[str, datetime] = {}
        self._due: list[tuple[datetime, int, Task]] = []
        self._by_age: deque[Task] = deque()
        self._order = count()
        self._forced: list[Attempt] = []
        self._active_from = now
        self.rates = rates or RateLimits()

    @property
    def rates(self) -> RateLimits:
        return self._rates

    @rates.setter
    def rates(self, rates: RateLimits) -> None:
        self._rates = rates
        self._bucket = TokenBucket(rates.max_burst_size, self.last_activity)

    # What the API does

    def touch(self, now: datetime) -> None:
        """A call about this queue. Raises NOT_FOUND while a queue that was idle for over 30 days wakes up (doc)."""
        self._wake(now)
        if now < self._active_from:
            raise Refused(Code.NOT_FOUND, errors.QUEUE_UNKNOWN)

    def add(self, task: Task, now: datetime) -> None:
        """Raises ALREADY_EXISTS when the name is, or was within the last 24 hours, another task's."""
        gone = self._gone.get(task.name.task)
        if task.name.task in self.tasks or (gone is not None and now - gone < limits.NAME_RESERVED):
            raise Refused(Code.ALREADY_EXISTS, errors.TASK_EXISTS)
        self._gone.pop(task.name.task, None)
        self.tasks[task.name.task] = task
        self._by_age.append(task)
        self._push(task)
        self.stats["created"] += 1

    def get(self, task_id: str, now: datetime) -> Task:
        if task := self.tasks.get(task_id):
            return task
        gone = self._gone.get(task_id)
        recently = gone is not None and now - gone < limits.NAME_RESERVED
        raise Refused(Code.NOT_FOUND, errors.TASK_GONE if recently else errors.TASK_UNKNOWN)

    def delete(self, task_id: str, now: datetime) -> None:
        """Raises NOT_FOUND. An attempt under way goes on, and its answer changes nothing."""
        if task_id not in self.tasks:
            raise Refused(Code.NOT_FOUND, errors.TASK_UNKNOWN)
        self._remove(task_id, now, "deleted")

    def forget(self, task_id: str, now: datetime) -> None:
        """Loses a task without a word: what the product's sweep is there for."""
        self._remove(task_id, now, "forgotten")

    def purge(self, now: datetime) -> None:
        self.purge_time = now
        for task_id in list(self.tasks):
            self._remove(task_id, now, "purged")

    def pause(self) -> None:
        """Stops dispatches; tasks can still be added (doc)."""
        self.state = QueueState.PAUSED

    def resume(self) -> None:
        self.state = QueueState.RUNNING

    def force(self, task_id: str, now: datetime) -> Task:
        """RunTask: sends it even if it is running already, the queue is paused or over its rate (doc)."""
        if task_id not in self.tasks:
            raise Refused(Code.NOT_FOUND, errors.TASK_UNKNOWN)
        task = self.tasks[task_id]
        self._forced.append(self._start(task, now, forced=True))
        return task

    # What the dispatcher does

    def start_due(self, now: datetime) -> list[Attempt]:
        """Attempts to send now: those forced, then those that are due as far as rates and concurrency allow."""
        self._expire(now)
        attempts, self._forced = self._forced, []
        while (moment := self.next_dispatch(now)) is not None and moment <= now:
            self._bucket.take()
            attempts.append(self._start(self._pop_due(now), now))
        return attempts

    def twin(self, attempt: Attempt) -> Attempt:
        """A second delivery of `attempt`: at least once is not exactly once (doc)."""
        self.stats["duplicated"] += 1
        return Attempt(
            next(_attempt_ids),
            attempt.task,
            attempt.schedule_time,
            attempt.dispatch_time,
            attempt.deadline,
            attempt.headers,
            extra=True,
        )

    def finish(self, attempt: Attempt, answer: Answer, now: datetime) -> None:
        """Removes the task, schedules it again, or gives it up. Late answers of cut attempts change nothing."""
        if self.in_flight.pop(attempt.id, None) is None:
            return
        self.last_activity = max(self.last_activity, now)
        overloaded = self._throttle.note_answer(answer)
        self.stats["succeeded" if answer.done else "failed"] += 1
        task = attempt.task
        task.running -= 1
        if self.tasks.get(task.name.task) is not task:
            return
        task.last_answer, task.last_response_time = answer, now
        task.response_count += answer.status is not None
        task.execution_count += answer.counts_as_execution
        if answer.done:
            self._remove(task.name.task, now, "done")
            return
        assert task.first_dispatch is not None, "an attempt has been dispatched"
        if gives_up(task.dispatch_count, now - task.first_dispatch, task.retry or self.retry):
            self._remove(task.name.task, now, "gave_up")
            return
        start = attempt.dispatch_time if attempt.forced else now
        task.schedule_time = start + self._delay(task, answer, overloaded)
        if not task.running:
            self._push(task)

    def cut_overdue(self, now: datetime) -> list[Attempt]:
        """Ends attempts whose dispatch deadline has passed: a failure, with previous response 504 (recorded)."""
        overdue = [attempt for attempt in self.in_flight.values() if attempt.deadline <= now]
        for attempt in overdue:
            self.stats["cut_off"] += 1
            self.finish(attempt, Answer(None, cut_off=True), now)
        return overdue

    def next_dispatch(self, now: datetime) -> datetime | None:
        """When a task may next be sent; None when none waits or only an answer can free the way."""
        if self._forced:
            return now
        if self.state is QueueState.PAUSED or len(self.in_flight) >= self.rates.max_concurrent_dispatches:
            return None
        top = self._top()
        if top is None:
            return None
        if top.schedule_time > now:
            return top.schedule_time
        self._wake(now)
        rate = self._throttle.rate(self.rates, now)
        self._bucket.refill(now, rate)
        ready = now if self._bucket.ready else self._bucket.next_token(rate)
        return max(ready, self._active_from)

    def next_event(self, now: datetime) -> datetime | None:
        """When this queue next needs attention: a dispatch, a deadline, or the end of a task's retention."""
        moments = [attempt.deadline for attempt in self.in_flight.values()]
        if (dispatch := self.next_dispatch(now)) is not None:
            moments.append(dispatch)
        if (oldest := self._oldest()) is not None:
            moments.append(oldest.create_time + limits.RETENTION)
        return min(moments, default=None)

    # Inside

    def _delay(self, task: Task, answer: Answer, overloaded: bool) -> timedelta:
        delay = backoff(task.dispatch_count, task.retry or self.retry)
        if overloaded:
            delay = max(delay * self._throttle.settings.backoff_factor, answer.retry_after or delay)
        return delay

    def _start(self, task: Task, now: datetime, *, forced: bool = False) -> Attempt:
        attempt = Attempt(
            next(_attempt_ids),
            task,
            task.schedule_time,
            now,
            now + task.dispatch_deadline,
            attempt_headers(task, self._sign(task.request)),
            forced,
        )
        task.dispatch_count += 1
        task.running += 1
        task.first_dispatch = task.first_dispatch or now
        task.last_attempt = attempt
        self.in_flight[attempt.id] = attempt
        self.last_activity = now
        self._throttle.note_dispatch(now)
        self.stats["dispatched"] += 1
        return attempt

    def _wake(self, now: datetime) -> None:
        if now - self.last_activity > limits.QUEUE_IDLE:
            self._active_from = now + limits.QUEUE_REACTIVATION
        self.last_activity = max(now, self.last_activity)

    def _push(self, task: Task) -> None:
        heapq.heappush(self._due, (task.schedule_time, next(self._order), task))

    def _waits(self, task: Task, since: datetime) -> bool:
        """Whether a heap entry is still true: the task lives, rests, and was not scheduled anew."""
        return self.tasks.get(task.name.task) is task and not task.running and task.schedule_time == since

    def _top(self) -> Task | None:
        while self._due:
            moment, _, task = self._due[0]
            if self._waits(task, moment):
                return task
            heapq.heappop(self._due)
        return None

    def _pop_due(self, now: datetime) -> Task:
        """The earliest task, or with `shuffle` any that is due: Cloud Tasks promises no order (doc)."""
        if self._shuffle is None:
            return heapq.heappop(self._due)[2]
        due = [entry for entry in self._drain_heap(now) if self._waits(entry[2], entry[0])]
        chosen = due.pop(self._shuffle.randrange(len(due)))
        for entry in due:
            heapq.heappush(self._due, entry)
        return chosen[2]

    def _drain_heap(self, now: datetime) -> Iterator[tuple[datetime, int, Task]]:
        while self._due and self._due[0][0] <= now:
            yield heapq.heappop(self._due)

    def _oldest(self) -> Task | None:
        while self._by_age and self.tasks.get(self._by_age[0].name.task) is not self._by_age[0]:
            self._by_age.popleft()
        return self._by_age[0] if self._by_age else None

    def _expire(self, now: datetime) -> None:
        while (oldest := self._oldest()) is not None and now - oldest.create_time >= limits.RETENTION:
            self._remove(oldest.name.task, now, "expired")

    def _remove(self, task_id: str, now: datetime, why: str) -> None:
        del self.tasks[task_id]
        self.stats[why] += 1
        self._gone[task_id] = now
        while (first := next(iter(self._gone), None)) and now - self._gone[first] >= limits.NAME_RESERVED:
            del self._gone[first]
