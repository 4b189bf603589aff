"""The Queue port over Cloud Tasks' official client: one queue a vendor, `plan`, `salvage`."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

import grpc.aio  # type: ignore[import-untyped]
from google.api_core.exceptions import AlreadyExists
from google.auth.exceptions import DefaultCredentialsError
from google.cloud.tasks_v2 import CloudTasksAsyncClient
from google.cloud.tasks_v2 import Task as CloudTask
from google.cloud.tasks_v2.services.cloud_tasks.transports import CloudTasksGrpcAsyncIOTransport

from svyazka.backends.google.patience import TRY_LIMIT, patiently
from svyazka.backends.google.tasks import Addressing
from svyazka.catalogue import _
from svyazka.engine.ports.store import Task
from svyazka.model.errors import ConfigError
from svyazka.settings import Settings

LIMIT = 6.0
"""Seconds for one task with all its tries. What isn't queued by then is journaled, and swept."""

AT_ONCE = 32


class CloudTasksQueue:
    """Tasks of a deployment."""

    def __init__(self, addressing: Addressing, grpc_target: str = "", limit: float = LIMIT) -> None:
        self._addressing = addressing
        self._grpc_target = grpc_target
        self._limit = limit
        self._slots = asyncio.Semaphore(AT_ONCE)

    @classmethod
    def from_settings(cls, settings: Settings) -> CloudTasksQueue:
        """The queues of a deployment. Raises ConfigError."""
        addressing = Addressing(settings.project, settings.region, settings.worker_url, settings.worker_account)
        return cls(addressing, settings.tasks_grpc)

    @cached_property
    def _client(self) -> CloudTasksAsyncClient:
        # Made on first use, in the loop that its channel belongs to.
        if self._grpc_target:
            channel = grpc.aio.insecure_channel(self._grpc_target)
            return CloudTasksAsyncClient(transport=CloudTasksGrpcAsyncIOTransport(channel=channel))
        try:
            return CloudTasksAsyncClient()
        except DefaultCredentialsError as error:
            raise ConfigError(_("no Google credentials here: `gcloud auth application-default login`")) from error

    async def enqueue(self, tasks: Sequence[Task]) -> None:
        """Hand over each; one that could not be is raised (Unavailable) once all were tried."""
        results = await asyncio.gather(*[self._create(task) for task in tasks], return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result

    async def _create(self, task: Task) -> None:
        """A try whose answer was lost may make a second task: work bears that."""
        wanted = CloudTask.from_json(json.dumps(self._addressing.task(task, datetime.now(UTC))))
        parent = self._addressing.queue(task.queue)

        async def create() -> Any:
            return await self._client.create_task(parent=parent, task=wanted, retry=None, timeout=TRY_LIMIT)

        async with self._slots:
            try:
                await patiently(create, self._limit, answers=(AlreadyExists,))
            except AlreadyExists:
                return  # a task of that name is there, or was within the day

    async def close(self) -> None:
        """Close the channel."""
        if "_client" in self.__dict__:
            transport: Any = self._client.transport
            await transport.close()
