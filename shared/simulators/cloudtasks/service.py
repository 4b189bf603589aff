"""The service: its queues, what may be created in them, and what it counts. No I/O."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from simulators.cloudtasks import errors, limits
from simulators.cloudtasks.clock import Clock
from simulators.cloudtasks.errors import Code, Refused, invalid
from simulators.cloudtasks.faults import Faults
from simulators.cloudtasks.headers import headers_size, size_of, stored_headers
from simulators.cloudtasks.model import (
    Attempt,
    HttpMethod,
    HttpRequest,
    QueueName,
    RateLimits,
    RetryConfig,
    Task,
    TaskName,
)
from simulators.cloudtasks.oidc import Signer
from simulators.cloudtasks.queue import Queue
from simulators.cloudtasks.throttle import Throttling

WITH_BODY = frozenset({HttpMethod.POST, HttpMethod.PUT, HttpMethod.PATCH})


@dataclass(frozen=True, slots=True)
class NewTask:
    """What CreateTask is asked for; `name` None lets the service make one up."""

    request: HttpRequest
    name: TaskName | None = None
    schedule_time: datetime | None = None
    dispatch_deadline: timedelta = limits.DISPATCH_DEADLINE
    retry: RetryConfig | None = None


class CloudTasks:
    """A loopback Cloud Tasks.

    `seed` makes forgetting, duplicates and shuffling repeatable; `shuffle` sends due tasks in any order;
    `may_act_as` limits the service accounts whose tokens a caller may ask for (None: any).
    """

    def __init__(
        self,
        clock: Clock | None = None,
        *,
        signer: Signer | None = None,
        seed: int = 0,
        shuffle: bool = False,
        throttling: Throttling | None = None,
        may_act_as: frozenset[str] | None = None,
    ) -> None:
        self.clock = clock or Clock()
        self.signer = signer or Signer()
        self.rng = random.Random(seed)
        self.faults = Faults(self.rng)
        self.queues: dict[QueueName, Queue] = {}
        self.may_act_as = may_act_as
        self.on_change: list[Callable[[], None]] = []
        """Called when something may have become due."""
        self._shuffle = shuffle
        self._throttling = throttling
        self._deleted: dict[QueueName, datetime] = {}
        self._calls: Counter[tuple[str, str]] = Counter()
        self._minute = datetime.min

    def reset(self) -> None:
        """As if just started: no queues, no tasks, no faults, the wall's time."""
        self.queues.clear()
        self.faults.reset()
        self.clock.reset()
        self._deleted.clear()
        self._calls.clear()
        self._minute = datetime.min

    # Queues

    def create_queue(
        self, name: QueueName | str, rates: RateLimits | None = None, retry: RetryConfig | None = None
    ) -> Queue:
        """Raises ALREADY_EXISTS, FAILED_PRECONDITION within 7 days of a deletion, or INVALID_ARGUMENT."""
        name = QueueName.parse(name) if isinstance(name, str) else name
        rates, retry = rates or RateLimits(), retry or RetryConfig()
        rates.check()
        retry.check()
        now = self.clock.now()
        if name in self.queues:
            raise Refused(Code.ALREADY_EXISTS, errors.QUEUE_EXISTS)
        if name in self._deleted and now - self._deleted[name] < limits.QUEUE_NAME_LOCKED:
            raise Refused(Code.FAILED_PRECONDITION, errors.QUEUE_TOO_RECENT)
        if len(self.list_queues(name.parent)) >= limits.QUEUES_PER_REGION:
            raise Refused(Code.RESOURCE_EXHAUSTED, f"At most {limits.QUEUES_PER_REGION} queues a region.")
        self.queues[name] = Queue(
            name,
            now,
            rates=rates,
            retry=retry,
            throttling=self._throttling,
            sign=self._sign,
            shuffle=self.rng if self._shuffle else None,
        )
        return self.queues[name]

    def queue(self, name: QueueName | str) -> Queue:
        """Raises NOT_FOUND for a queue that is not there, or sleeps."""
        name = QueueName.parse(name) if isinstance(name, str) else name
        queue = self.queues.get(name)
        if queue is None:
            raise Refused(Code.NOT_FOUND, errors.QUEUE_UNKNOWN)
        queue.touch(self.clock.now())
        return queue

    def list_queues(self, parent: str) -> list[Queue]:
        return [queue for name, queue in sorted(self.queues.items()) if name.parent == parent]

    def configure_queue(self, name: QueueName, rates: RateLimits, retry: RetryConfig) -> Queue:
        """UpdateQueue on a queue that exists."""
        rates.check()
        retry.check()
        queue = self.queue(name)
        queue.rates, queue.retry = rates, retry
        self._changed()
        return queue

    def delete_queue(self, name: QueueName) -> None:
        if self.queues.pop(name, None) is None:
            raise Refused(Code.NOT_FOUND, errors.TASK_UNKNOWN)
        self._deleted[name] = self.clock.now()

    def pause(self, name: QueueName | str) -> Queue:
        queue = self.queue(name)
        queue.pause()
        return queue

    def resume(self, name: QueueName | str) -> Queue:
        queue = self.queue(name)
        queue.resume()
        self._changed()
        return queue

    def purge(self, name: QueueName | str) -> Queue:
        queue = self.queue(name)
        queue.purge(self.clock.now())
        return queue

    # Tasks

    def create_task(self, parent: QueueName | str, new: NewTask) -> Task:
        """Raises INVALID_ARGUMENT, NOT_FOUND, PERMISSION_DENIED or ALREADY_EXISTS."""
        queue = self.queue(parent)
        if new.name is not None and new.name.queue != queue.name:
            raise invalid(
                f"The queue name from request ('{queue.name}') must be the same as the queue name "
                f"in the named task ('{new.name.queue}')."
            )
        now = self.clock.now()
        self._check(new, now)
        task = Task(
            name=new.name or TaskName(queue.name, self._task_id()),
            request=replace(new.request, headers=stored_headers(new.request.headers)),
            schedule_time=max(new.schedule_time or now, now),
            create_time=now,
            dispatch_deadline=new.dispatch_deadline,
            retry=new.retry,
        )
        queue.add(task, now)
        if self.faults.forget.strikes():
            queue.forget(task.name.task, now)
        self._changed()
        return task

    def task(self, name: TaskName) -> Task:
        return self.queue(name.queue).get(name.task, self.clock.now())

    def delete_task(self, name: TaskName) -> None:
        self.queue(name.queue).delete(name.task, self.clock.now())

    def run_task(self, name: TaskName) -> Task:
        """The task as it is once sent and before it is answered (doc)."""
        task = self.queue(name.queue).force(name.task, self.clock.now())
        self._changed()
        return task

    def forget(self, queue: QueueName | str | None = None, *, share: float = 1.0) -> int:
        """Loses a seeded `share` of the waiting tasks, of one queue or of all; how many."""
        name = QueueName.parse(queue) if isinstance(queue, str) else queue
        now = self.clock.now()
        lost = 0
        for each in self.queues.values():
            if name is not None and each.name != name:
                continue
            for task_id in list(each.tasks):
                if self.rng.random() < share:
                    each.forget(task_id, now)
                    lost += 1
        return lost

    # Dispatching

    def start_due(self) -> Iterator[Attempt]:
        """Attempts to send now, scripted duplicates among them."""
        now = self.clock.now()
        for queue in list(self.queues.values()):
            for attempt in queue.start_due(now):
                yield attempt
                if self.faults.duplicate.strikes():
                    yield queue.twin(attempt)

    def cut_overdue(self) -> list[Attempt]:
        now = self.clock.now()
        return [attempt for queue in self.queues.values() for attempt in queue.cut_overdue(now)]

    def next_event(self) -> datetime | None:
        now = self.clock.now()
        return min((at for queue in self.queues.values() if (at := queue.next_event(now)) is not None), default=None)

    def next_dispatch(self) -> datetime | None:
        now = self.clock.now()
        return min((at for queue in self.queues.values() if (at := queue.next_dispatch(now)) is not None), default=None)

    @property
    def stats(self) -> Counter[str]:
        """created, dispatched, succeeded, failed, cut_off, done, gave_up, expired, deleted, forgotten, duplicated."""
        return sum((queue.stats for queue in self.queues.values()), Counter[str]())

    def count_call(self, name: str, project: str) -> None:
        """Raises RESOURCE_EXHAUSTED past the calls that a project may make in a minute (doc)."""
        minute = self.clock.now().replace(second=0, microsecond=0)
        if minute != self._minute:
            self._minute = minute
            self._calls.clear()
        for kind, most in ((name, limits.CALLS_PER_MINUTE.get(name)), ("", limits.ALL_CALLS_PER_MINUTE)):
            self._calls[project, kind] += 1
            if most is not None and self._calls[project, kind] > most:
                raise Refused(Code.RESOURCE_EXHAUSTED, f"Quota exceeded: {most} {kind or 'calls'} a minute.")

    # Inside

    def _changed(self) -> None:
        for tell in self.on_change:
            tell()

    def _sign(self, request: HttpRequest) -> str | None:
        token = request.oidc_token
        if token is None:
            return None
        return self.signer.id_token(token.service_account_email, token.audience or request.url)

    def _task_id(self) -> str:
        """The real ones are long decimal numbers."""
        return str(self.rng.randrange(10**18, 10**19))

    def _check(self, new: NewTask, now: datetime) -> None:
        request = new.request
        if not request.url.startswith(("http://", "https://")):
            raise invalid('HttpRequest.url must begin with "http://" or "https://".')
        if len(request.url) > limits.MAX_URL_CHARACTERS:
            raise invalid(f"HttpRequest.url must be at most {limits.MAX_URL_CHARACTERS} characters.")
        if request.body and request.http_method not in WITH_BODY:
            raise invalid(f"HttpRequest.body is not allowed with {request.http_method}.")
        if headers_size(request.headers) >= limits.MAX_HEADER_BYTES:
            raise invalid(f"HttpRequest.headers must be less than {limits.MAX_HEADER_BYTES} bytes.")
        if size_of(request, str(new.name or "")) > limits.MAX_TASK_BYTES:
            raise invalid(f"Task size too large: the limit is {limits.MAX_TASK_BYTES} bytes.")
        if not limits.MIN_DISPATCH_DEADLINE <= new.dispatch_deadline <= limits.MAX_DISPATCH_DEADLINE:
            raise invalid(f"Task.dispatchDeadline must be between [15s, 30m], not {new.dispatch_deadline}.")
        if new.schedule_time is not None and new.schedule_time - now > limits.MAX_SCHEDULE_AHEAD:
            raise invalid(
                f"The Task.scheduleTime, {new.schedule_time.isoformat()}, is too far in the future. "
                "Schedule time must be no more than 720h0m0s in the future."
            )
        if new.retry is not None:
            new.retry.check()
        self._check_account(request)

    def _check_account(self, request: HttpRequest) -> None:
        if request.oidc_token is None:
            return
        email = request.oidc_token.service_account_email
        if not email:
            raise invalid("OidcToken.serviceAccountEmail must be set.")
        if self.may_act_as is not None and email not in self.may_act_as:
            raise Refused(
                Code.PERMISSION_DENIED,
                "The principal (user or service account) lacks IAM permission "
                f'"iam.serviceAccounts.actAs" for the resource "{email}" (or the resource may not exist).',
            )
