"""The figures of Cloud Tasks, in one place.

Sources: "doc" is Google's documentation or the comments of google-cloud-tasks 2.26's protos; "recorded" is what
aertje/cloud-tasks-emulator recorded from the real service (`conformance/golden`); "ours" is a figure Google does not
publish, chosen here.
"""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Final

# Tasks

DISPATCH_DEADLINE: Final = timedelta(minutes=10)
"""Of an HTTP task that sets none. Doc."""
MIN_DISPATCH_DEADLINE: Final = timedelta(seconds=15)
MAX_DISPATCH_DEADLINE: Final = timedelta(minutes=30)
"""For HTTP targets. Doc."""
MAX_SCHEDULE_AHEAD: Final = timedelta(days=30)
"""How far in the future a task may be scheduled. Doc."""
RETENTION: Final = timedelta(days=31)
"""From creation; then the task is deleted whatever its state. Doc."""
NAME_RESERVED: Final = timedelta(hours=24)
"""How long a name stays taken once its task is gone. Doc: "up to 24 hours"; the worst case is what is played."""
MAX_TASK_BYTES: Final = 1024 * 1024
"""Doc, limits page (the method reference's 100 KB is App Engine's). How it is counted is ours: see `size_of`."""
MAX_HEADER_BYTES: Final = 80 * 1024
"""Doc: "must be less than 80KB"."""
MAX_URL_CHARACTERS: Final = 2083
"""Doc."""
TASK_ID: Final = re.compile(r"[A-Za-z0-9_-]{1,500}")
QUEUE_ID: Final = re.compile(r"[A-Za-z0-9-]{1,100}")
PROJECT_ID: Final = re.compile(r"[A-Za-z0-9.:-]+")
LOCATION_ID: Final = re.compile(r"[a-z0-9-]+")
MAX_PAGE: Final = 1000
"""Tasks in one page of a list. Doc."""

# Queues

MAX_DISPATCHES_PER_SECOND: Final = 500.0
MAX_CONCURRENT_DISPATCHES: Final = 5000
MAX_BURST: Final = 500
"""Ceilings of a queue. Doc."""
QUEUES_PER_REGION: Final = 1000
QUEUE_NAME_LOCKED: Final = timedelta(days=7)
"""A deleted queue's name can't be used again sooner. Doc."""
QUEUE_IDLE: Final = timedelta(days=30)
"""A queue with no calls and no dispatches for longer goes inactive. Doc."""
QUEUE_REACTIVATION: Final = timedelta(minutes=2)
"""Ours: doc says "a few minutes"."""

# Calls of the API

CALLS_PER_MINUTE: Final = {"run_task": 60, "list_tasks": 600, "list_queues": 600}
"""Doc; calls that are not listed share ALL_CALLS_PER_MINUTE."""
ALL_CALLS_PER_MINUTE: Final = 6_000_000
