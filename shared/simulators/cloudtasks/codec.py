"""The JSON of cloudtasks.googleapis.com/v2 to and from our types: protobuf's JSON mapping."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from simulators.cloudtasks import limits
from simulators.cloudtasks.errors import Code, invalid
from simulators.cloudtasks.model import (
    Answer,
    HttpMethod,
    HttpRequest,
    OidcToken,
    RateLimits,
    RetryConfig,
    Task,
    TaskName,
)
from simulators.cloudtasks.queue import Queue
from simulators.cloudtasks.service import NewTask

Json = dict[str, Any]

TASK_FIELDS: Final = frozenset({"name", "httpRequest", "scheduleTime", "dispatchDeadline", "retryConfig"})
TASK_OUTPUT: Final = frozenset({"createTime", "dispatchCount", "responseCount", "firstAttempt", "lastAttempt", "view"})
REQUEST_FIELDS: Final = frozenset({"url", "httpMethod", "headers", "body", "oidcToken"})
TOKEN_FIELDS: Final = frozenset({"serviceAccountEmail", "audience"})
QUEUE_FIELDS: Final = frozenset({"name", "rateLimits", "retryConfig"})
QUEUE_OUTPUT: Final = frozenset({"state", "purgeTime", "stackdriverLoggingConfig"})
RATE_FIELDS: Final = frozenset({"maxDispatchesPerSecond", "maxConcurrentDispatches", "maxBurstSize"})
RETRY_FIELDS: Final = frozenset({"maxAttempts", "maxRetryDuration", "minBackoff", "maxBackoff", "maxDoublings"})

RESPONSE_CODES: Final = {
    400: Code.INVALID_ARGUMENT,
    401: Code.UNAUTHENTICATED,
    403: Code.PERMISSION_DENIED,
    404: Code.NOT_FOUND,
    409: Code.ALREADY_EXISTS,
    429: Code.RESOURCE_EXHAUSTED,
    503: Code.UNAVAILABLE,
}
"""google/rpc/code.proto's HTTP mapping; others are UNKNOWN (2), a timeout DEADLINE_EXCEEDED (4)."""


def read_task(body: object) -> NewTask:
    """The `task` of a CreateTask call. Raises Refused, also for fields that do not exist."""
    task = _object(body, "task", TASK_FIELDS | TASK_OUTPUT)
    name = task.get("name")
    deadline = task.get("dispatchDeadline")
    return NewTask(
        request=_read_request(task.get("httpRequest")),
        name=TaskName.parse(_text(name, "task.name")) if name else None,
        schedule_time=read_time(task["scheduleTime"], "task.scheduleTime") if task.get("scheduleTime") else None,
        dispatch_deadline=read_duration(deadline, "task.dispatchDeadline") if deadline else limits.DISPATCH_DEADLINE,
        retry=read_retry(task["retryConfig"], RetryConfig()) if task.get("retryConfig") else None,
    )


def _read_request(body: object) -> HttpRequest:
    if body is None:
        raise invalid("Task.httpRequest is required: this simulator has HTTP targets only.")
    request = _object(body, "task.httpRequest", REQUEST_FIELDS)
    method = request.get("httpMethod") or "POST"
    if method not in HttpMethod.__members__:
        raise invalid(f"Invalid value at 'task.httpRequest.httpMethod': \"{method}\"")
    headers = request.get("headers") or {}
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise invalid("Invalid value at 'task.httpRequest.headers': a map of strings is expected")
    return HttpRequest(
        url=_text(request.get("url", ""), "task.httpRequest.url"),
        http_method=HttpMethod(method),
        headers=headers,
        body=_bytes(request.get("body", ""), "task.httpRequest.body"),
        oidc_token=_read_token(request["oidcToken"]) if request.get("oidcToken") else None,
    )


def _read_token(body: object) -> OidcToken:
    token = _object(body, "task.httpRequest.oidcToken", TOKEN_FIELDS)
    return OidcToken(
        _text(token.get("serviceAccountEmail", ""), "oidcToken.serviceAccountEmail"),
        _text(token.get("audience", ""), "oidcToken.audience"),
    )


def read_queue(body: object, rates: RateLimits, retry: RetryConfig) -> tuple[str, RateLimits, RetryConfig]:
    """A queue's name and settings, with what is not given taken from `rates` and `retry`."""
    queue = _object(body, "queue", QUEUE_FIELDS | QUEUE_OUTPUT)
    return (
        _text(queue.get("name", ""), "queue.name"),
        read_rates(queue.get("rateLimits", {}), rates),
        read_retry(queue.get("retryConfig", {}), retry),
    )


def read_rates(body: object, base: RateLimits) -> RateLimits:
    """Rates from JSON. The burst is output only (doc) and follows the rate.

    Doc publishes one pair: 500 a second, burst 100. Ours for others: as many as the rate, from 10 to 100.
    """
    given = _object(body, "queue.rateLimits", RATE_FIELDS)
    rates = base
    if rate := given.get("maxDispatchesPerSecond"):
        rates = replace(rates, max_dispatches_per_second=float(rate), max_burst_size=int(min(100, max(10, rate))))
    if concurrent := given.get("maxConcurrentDispatches"):
        rates = replace(rates, max_concurrent_dispatches=int(concurrent))
    return rates


def read_retry(body: object, base: RetryConfig) -> RetryConfig:
    given = _object(body, "retryConfig", RETRY_FIELDS)
    retry = base
    if attempts := given.get("maxAttempts"):
        retry = replace(retry, max_attempts=int(attempts))
    if "maxRetryDuration" in given:
        retry = replace(retry, max_retry_duration=read_duration(given["maxRetryDuration"], "maxRetryDuration"))
    if "minBackoff" in given:
        retry = replace(retry, min_backoff=read_duration(given["minBackoff"], "minBackoff"))
    if "maxBackoff" in given:
        retry = replace(retry, max_backoff=read_duration(given["maxBackoff"], "maxBackoff"))
    if "maxDoublings" in given:
        retry = replace(retry, max_doublings=int(given["maxDoublings"]))
    return retry


def read_time(value: object, field: str) -> datetime:
    """An RFC 3339 time, truncated to microseconds (doc)."""
    try:
        moment = datetime.fromisoformat(_text(value, field))
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise invalid(f"Invalid value at '{field}' (type.googleapis.com/google.protobuf.Timestamp), \"{value}\"")
    return moment.astimezone(UTC)


def read_duration(value: object, field: str) -> timedelta:
    """Seconds with a fraction and an `s`: `3.5s`."""
    text = _text(value, field)
    try:
        return timedelta(seconds=float(text.removesuffix("s") if text.endswith("s") else "-"))
    except (ValueError, OverflowError):
        raise invalid(
            f"Invalid value at '{field}' (type.googleapis.com/google.protobuf.Duration), \"{value}\""
        ) from None


def write_task(task: Task, view: str = "BASIC") -> Json:
    """A task; its body only in the FULL view (doc)."""
    request: Json = {
        "url": task.request.url,
        "httpMethod": task.request.http_method.value,
        "headers": dict(task.request.headers),
    }
    if view == "FULL" and task.request.body:
        request["body"] = base64.b64encode(task.request.body).decode()
    if token := task.request.oidc_token:
        request["oidcToken"] = {"serviceAccountEmail": token.service_account_email}
        if token.audience:
            request["oidcToken"]["audience"] = token.audience
    written: Json = {
        "name": str(task.name),
        "httpRequest": request,
        "scheduleTime": write_time(task.schedule_time),
        "createTime": write_time(task.create_time.replace(microsecond=0)),
        "dispatchDeadline": write_duration(task.dispatch_deadline),
        "view": view,
    }
    if task.retry is not None:
        written["retryConfig"] = write_retry(task.retry)
    return written | _write_progress(task)


def _write_progress(task: Task) -> Json:
    if task.last_attempt is None or task.first_dispatch is None:
        return {}
    last: Json = {
        "scheduleTime": write_time(task.last_attempt.schedule_time),
        "dispatchTime": write_time(task.last_attempt.dispatch_time),
    }
    if task.last_answer is not None and task.last_response_time is not None and not task.running:
        last["responseTime"] = write_time(task.last_response_time)
        last["responseStatus"] = _write_status(task.last_answer)
    return {
        "dispatchCount": task.dispatch_count,
        "responseCount": task.response_count,
        "firstAttempt": {"dispatchTime": write_time(task.first_dispatch)},
        "lastAttempt": last,
    }


def _write_status(answer: Answer) -> Json:
    if answer.cut_off:
        number, name = 4, "DEADLINE_EXCEEDED"
    else:
        code = RESPONSE_CODES.get(answer.shown_as)
        number, name = (code.number, code.name) if code else (2, "UNKNOWN")
    return {"code": number, "message": f"{name}({number}): HTTP status code {answer.shown_as}"}


def write_queue(queue: Queue) -> Json:
    written: Json = {
        "name": str(queue.name),
        "rateLimits": {
            "maxDispatchesPerSecond": queue.rates.max_dispatches_per_second,
            "maxBurstSize": queue.rates.max_burst_size,
            "maxConcurrentDispatches": queue.rates.max_concurrent_dispatches,
        },
        "retryConfig": write_retry(queue.retry),
        "state": queue.state.value,
    }
    if queue.purge_time is not None:
        written["purgeTime"] = write_time(queue.purge_time)
    return written


def write_retry(retry: RetryConfig) -> Json:
    written: Json = {
        "maxAttempts": retry.max_attempts,
        "minBackoff": write_duration(retry.min_backoff),
        "maxBackoff": write_duration(retry.max_backoff),
        "maxDoublings": retry.max_doublings,
    }
    if retry.max_retry_duration:
        written["maxRetryDuration"] = write_duration(retry.max_retry_duration)
    return written


def write_time(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def write_duration(duration: timedelta) -> str:
    seconds = duration.total_seconds()
    return f"{seconds:.0f}s" if seconds.is_integer() else f"{seconds:.6f}".rstrip("0") + "s"


def _object(body: object, field: str, known: frozenset[str]) -> Mapping[str, Any]:
    if not isinstance(body, dict):
        raise invalid(f"Invalid JSON payload received. '{field}' must be an object.")
    if unknown := sorted(body.keys() - known):
        raise invalid(f"Invalid JSON payload received. Unknown name \"{unknown[0]}\" at '{field}': Cannot find field.")
    return body


def _text(value: object, field: str) -> str:
    if not isinstance(value, str):
        raise invalid(f"Invalid value at '{field}' (TYPE_STRING), {value!r}")
    return value


def _bytes(value: object, field: str) -> bytes:
    """Base64, the usual or the URL-safe alphabet, with or without padding (protobuf's JSON mapping)."""
    text = _text(value, field).replace("-", "+").replace("_", "/").rstrip("=")
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        raise invalid(f"Invalid value at '{field}' (TYPE_BYTES), Base64 decoding failed") from None
