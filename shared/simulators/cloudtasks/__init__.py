"""A loopback stand-in for Google Cloud Tasks that keeps its rules, on a clock that can be stepped.

In a test: `simulators.cloudtasks.testing.serve`. As a process: `python -m simulators.cloudtasks`.
"""

from simulators.cloudtasks.clock import Clock
from simulators.cloudtasks.dispatcher import Dispatcher
from simulators.cloudtasks.errors import Code, Refused
from simulators.cloudtasks.faults import Fault, Mode
from simulators.cloudtasks.model import (
    Answer,
    Attempt,
    HttpMethod,
    HttpRequest,
    OidcToken,
    QueueName,
    QueueState,
    RateLimits,
    RetryConfig,
    Task,
    TaskName,
)
from simulators.cloudtasks.oidc import Signer
from simulators.cloudtasks.queue import Queue
from simulators.cloudtasks.service import CloudTasks, NewTask
from simulators.cloudtasks.throttle import NO_THROTTLING, Throttling

__all__ = [
    "NO_THROTTLING",
    "Answer",
    "Attempt",
    "Clock",
    "CloudTasks",
    "Code",
    "Dispatcher",
    "Fault",
    "HttpMethod",
    "HttpRequest",
    "Mode",
    "NewTask",
    "OidcToken",
    "Queue",
    "QueueName",
    "QueueState",
    "RateLimits",
    "Refused",
    "RetryConfig",
    "Signer",
    "Task",
    "TaskName",
    "Throttling",
]
