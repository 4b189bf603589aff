"""What a task of ours looks like to Cloud Tasks, for both clients: the JSON of its v2 API.

Source: https://cloud.google.com/tasks/docs/reference/rest/v2/projects.locations.queues.tasks.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from svyazka.catalogue import _
from svyazka.engine.ports.store import Task
from svyazka.engine.rules.deadlines import DISPATCH_DEADLINE
from svyazka.model.errors import ConfigError

QUEUE_PREFIX = "svyazka-"
"""`svyazka-plan`, `svyazka-salvage`, and `svyazka-<vendor>` for each: Terraform makes the same."""

SCHEDULE_LIMIT = timedelta(days=30) - timedelta(minutes=5)
"""Cloud Tasks takes nothing later than 30 days ahead. What is due later comes too early, is put off by the worker, and
its `wake_at` finds it."""


@dataclass(frozen=True, slots=True)
class Addressing:
    """Where tasks lie, where they go, and whose identity they show there."""

    project: str
    region: str
    worker_url: str
    worker_account: str

    def __post_init__(self) -> None:
        for name in ("project", "region", "worker_url", "worker_account"):
            if not getattr(self, name):
                raise ConfigError(
                    _("SVYAZKA_{name}: expected a value: `terraform output environment`", name=name.upper())
                )

    def queue(self, queue: str) -> str:
        """The full name of one of our queues."""
        return f"projects/{self.project}/locations/{self.region}/queues/{QUEUE_PREFIX}{queue}"

    def task(self, task: Task, now: datetime) -> dict[str, Any]:
        """A task as CreateTask takes it."""
        content = json.dumps(dict(task.body)).encode()
        wanted: dict[str, Any] = {
            "dispatchDeadline": f"{DISPATCH_DEADLINE}s",
            "httpRequest": {
                "httpMethod": "POST",
                "url": self.worker_url.rstrip("/") + task.path,
                "headers": {"Content-Type": "application/json"},
                "body": base64.b64encode(content).decode(),
                # The service's own address is the audience whatever the path: the worker pins it.
                "oidcToken": {"serviceAccountEmail": self.worker_account, "audience": self.worker_url},
            },
        }
        if task.name is not None:
            # Hashed: Cloud Tasks takes few characters, and names in sequence slow its every call down.
            wanted["name"] = f"{self.queue(task.queue)}/tasks/{sha256(task.name.encode()).hexdigest()}"
        if task.due is not None and task.due > now:
            due = min(task.due, now + SCHEDULE_LIMIT).astimezone(UTC)
            wanted["scheduleTime"] = due.isoformat().replace("+00:00", "Z")
        return wanted
