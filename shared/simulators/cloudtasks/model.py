"""Queues, tasks and attempts as the service knows them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from simulators.cloudtasks import limits
from simulators.cloudtasks.errors import invalid


class HttpMethod(StrEnum):
    POST = "POST"
    GET = "GET"
    HEAD = "HEAD"
    PUT = "PUT"
    DELETE = "DELETE"
    PATCH = "PATCH"
    OPTIONS = "OPTIONS"


class QueueState(StrEnum):
    RUNNING = "RUNNING"
    PAUSED = "PAUSED"


@dataclass(frozen=True, slots=True, order=True)
class QueueName:
    """`projects/P/locations/L/queues/Q`."""

    project: str
    location: str
    queue: str

    @classmethod
    def parse(cls, text: str) -> QueueName:
        match text.split("/"):
            case ["projects", project, "locations", location, "queues", queue] if (
                limits.PROJECT_ID.fullmatch(project)
                and limits.LOCATION_ID.fullmatch(location)
                and limits.QUEUE_ID.fullmatch(queue)
            ):
                return cls(project, location, queue)
        raise invalid(
            'Queue name must be formatted: "projects/<PROJECT_ID>/locations/<LOCATION_ID>/queues/<QUEUE_ID>".'
        )

    @property
    def parent(self) -> str:
        return f"projects/{self.project}/locations/{self.location}"

    def __str__(self) -> str:
        return f"{self.parent}/queues/{self.queue}"


@dataclass(frozen=True, slots=True)
class TaskName:
    """`<queue name>/tasks/T`."""

    queue: QueueName
    task: str

    @classmethod
    def parse(cls, text: str) -> TaskName:
        queue, found, task = text.partition("/tasks/")
        if not found:
            raise invalid(f'Task name must be formatted: "<QUEUE_NAME>/tasks/<TASK_ID>", not "{text}".')
        if not limits.TASK_ID.fullmatch(task):
            raise invalid(
                f'Task ID "{task}" can contain only letters ([A-Za-z]), numbers ([0-9]), hyphens (-), '
                "or underscores (_). Task ID must between 1 and 500 characters."
            )
        return cls(QueueName.parse(queue), task)

    def __str__(self) -> str:
        return f"{self.queue}/tasks/{self.task}"


@dataclass(frozen=True, slots=True)
class RateLimits:
    """A queue's defaults, as `gcloud tasks queues describe` shows them (doc)."""

    max_dispatches_per_second: float = 500.0
    max_burst_size: int = 100
    max_concurrent_dispatches: int = 1000

    def check(self) -> None:
        """Raises Refused when a figure is over its ceiling."""
        for name, value, ceiling in (
            ("maxDispatchesPerSecond", self.max_dispatches_per_second, limits.MAX_DISPATCHES_PER_SECOND),
            ("maxBurstSize", self.max_burst_size, limits.MAX_BURST),
            ("maxConcurrentDispatches", self.max_concurrent_dispatches, limits.MAX_CONCURRENT_DISPATCHES),
        ):
            if not 0 < value <= ceiling:
                raise invalid(f"RateLimits.{name} must be above 0 and at most {ceiling:g}, not {value:g}.")


@dataclass(frozen=True, slots=True)
class RetryConfig:
    """A queue's defaults (doc). `max_attempts` -1 and `max_retry_duration` 0 set no limit."""

    max_attempts: int = 100
    max_retry_duration: timedelta = timedelta(0)
    min_backoff: timedelta = timedelta(seconds=0.1)
    max_backoff: timedelta = timedelta(hours=1)
    max_doublings: int = 16

    def check(self) -> None:
        """Raises Refused for figures that mean nothing."""
        if self.max_attempts != -1 and self.max_attempts < 1:
            raise invalid(f"RetryConfig.maxAttempts must be -1 or at least 1, not {self.max_attempts}.")
        if self.max_retry_duration < timedelta(0) or self.min_backoff < timedelta(0) or self.max_doublings < 0:
            raise invalid("RetryConfig takes no negative durations or doublings.")
        if self.min_backoff > self.max_backoff:
            raise invalid("RetryConfig.minBackoff must be at most RetryConfig.maxBackoff.")


@dataclass(frozen=True, slots=True)
class OidcToken:
    """Whose id token goes with the request; `audience` empty means the URL."""

    service_account_email: str
    audience: str = ""


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """What a task sends."""

    url: str
    http_method: HttpMethod = HttpMethod.POST
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    oidc_token: OidcToken | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """How an attempt ended. `status` is None when no answer came."""

    status: int | None
    retry_after: timedelta | None = None
    cut_off: bool = False

    @property
    def done(self) -> bool:
        """200 to 299 and nothing else; a redirect is a failure (doc, recorded)."""
        return self.status is not None and 200 <= self.status <= 299

    @property
    def shown_as(self) -> int:
        """What the next attempt's TaskPreviousResponse says.

        A timeout is 504 (recorded). A target that can't be reached is 503 here (ours: nobody recorded it).
        """
        if self.status is not None:
            return self.status
        return 504 if self.cut_off else 503

    @property
    def counts_as_execution(self) -> bool:
        """5xx answers and timeouts don't (recorded)."""
        return self.status is not None and self.status < 500


@dataclass(frozen=True, slots=True)
class Attempt:
    """One request on its way to a target."""

    id: int
    task: Task
    schedule_time: datetime
    dispatch_time: datetime
    deadline: datetime
    headers: Mapping[str, str]
    forced: bool = False
    extra: bool = False
    """A duplicate delivery: its answer is ignored."""


@dataclass(slots=True, eq=False)
class Task:
    """A task and how far it has come."""

    name: TaskName
    request: HttpRequest
    schedule_time: datetime
    create_time: datetime
    dispatch_deadline: timedelta = limits.DISPATCH_DEADLINE
    retry: RetryConfig | None = None
    """Overrides the queue's (google.cloud.tasks_v2.Task.retry_config)."""
    dispatch_count: int = 0
    response_count: int = 0
    execution_count: int = 0
    running: int = 0
    first_dispatch: datetime | None = None
    last_attempt: Attempt | None = None
    last_answer: Answer | None = None
    last_response_time: datetime | None = None
