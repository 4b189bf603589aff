"""What the API refuses, with the codes and the words recorded from the real service."""

from __future__ import annotations

from enum import Enum
from typing import Final

QUEUE_UNKNOWN: Final = (
    "Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize."
)
TASK_UNKNOWN: Final = "Requested entity was not found."
TASK_GONE: Final = (
    "The task no longer exists, though a task with this name existed recently. "
    "The task either successfully completed or was deleted."
)
TASK_EXISTS: Final = "Requested entity already exists"
QUEUE_EXISTS: Final = "Queue already exists"
QUEUE_TOO_RECENT: Final = "The queue cannot be created because a queue with this name existed too recently."


class Code(Enum):
    """google.rpc.Code: its number, and the HTTP status that stands for it (google/rpc/code.proto)."""

    INVALID_ARGUMENT = (3, 400)
    NOT_FOUND = (5, 404)
    ALREADY_EXISTS = (6, 409)
    PERMISSION_DENIED = (7, 403)
    RESOURCE_EXHAUSTED = (8, 429)
    FAILED_PRECONDITION = (9, 400)
    UNAVAILABLE = (14, 503)
    UNAUTHENTICATED = (16, 401)

    @property
    def number(self) -> int:
        return self.value[0]

    @property
    def http_status(self) -> int:
        return self.value[1]


class Refused(Exception):
    """The API refuses a call; `code` and `message` are what the client is told."""

    def __init__(self, code: Code, message: str) -> None:
        super().__init__(f"{code.name}: {message}")
        self.code = code
        self.message = message


def invalid(message: str) -> Refused:
    """An INVALID_ARGUMENT, the commonest refusal."""
    return Refused(Code.INVALID_ARGUMENT, message)
