"""The headers of an attempt, as recorded from the real service."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final

from simulators.cloudtasks.model import HttpRequest, Task

USER_AGENT: Final = "Google-Cloud-Tasks"
DEFAULT_CONTENT_TYPE: Final = "application/octet-stream"
REPLACED: Final = frozenset({"host", "content-length", "user-agent"})
"""Headers of a task that the service computes itself (doc, HttpRequest.headers)."""
RESERVED_PREFIXES: Final = ("x-google-", "x-appengine-", "x-cloudtasks-")
"""Headers that a task cannot set (doc)."""


def stored_headers(headers: Mapping[str, str]) -> dict[str, str]:
    """What CreateTask keeps of a task's headers, names as given, plus the user agent (recorded)."""
    kept = {
        name: value
        for name, value in headers.items()
        if name.lower() not in REPLACED and not name.lower().startswith(RESERVED_PREFIXES)
    }
    return {**kept, "User-Agent": USER_AGENT}


def attempt_headers(task: Task, token: str | None) -> dict[str, str]:
    """The headers of the task's next attempt.

    Recorded: the names are short; PreviousResponse and RetryReason are absent from the first attempt, and
    RetryReason is empty afterwards; ExecutionCount counts neither 5xx answers nor timeouts.
    """
    headers = stored_headers(task.request.headers)
    if not any(name.lower() == "content-type" for name in headers):
        headers["Content-Type"] = DEFAULT_CONTENT_TYPE
    if token is not None:
        headers = {name: value for name, value in headers.items() if name.lower() != "authorization"}
        headers["Authorization"] = f"Bearer {token}"
    headers |= {
        "X-CloudTasks-QueueName": task.name.queue.queue,
        "X-CloudTasks-TaskName": task.name.task,
        "X-CloudTasks-TaskRetryCount": str(task.dispatch_count),
        "X-CloudTasks-TaskExecutionCount": str(task.execution_count),
        "X-CloudTasks-TaskETA": eta(task.schedule_time),
    }
    if task.last_answer is not None:
        headers["X-CloudTasks-TaskPreviousResponse"] = str(task.last_answer.shown_as)
        headers["X-CloudTasks-TaskRetryReason"] = ""
    return headers


def eta(moment: datetime) -> str:
    """Seconds since 1970 with a fraction."""
    return f"{moment.timestamp():.6f}"


def size_of(request: HttpRequest, name: str = "") -> int:
    """Bytes of a task. Which fields count is not published: name, URL, headers and body here."""
    return len(name) + len(request.url.encode()) + headers_size(request.headers) + len(request.body)


def headers_size(headers: Mapping[str, str]) -> int:
    return sum(len(name.encode()) + len(value.encode()) for name, value in headers.items())
