"""A whole Google backend on loopback: the emulator, a Cloud Tasks whose time is stepped, one project of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

import httpx
from starlette.requests import Request
from starlette.responses import Response

from conformance.harness import Backend, Handed, Worker
from simulators.cloudtasks import CloudTasks, Fault, Mode, RetryConfig
from simulators.cloudtasks.testing import Running, serve
from svyazka.backends.google.identity import AccessToken, EmulatorToken
from svyazka.backends.google.inbox import RestInbox
from svyazka.backends.google.queue import CloudTasksQueue
from svyazka.backends.google.rest import Documents, Service, Tasks
from svyazka.backends.google.store import FirestoreStore
from svyazka.backends.google.tasks import Addressing

WORKER_URL = "http://worker.test"
ACCOUNT = "svyazka-queue@loopback.iam.gserviceaccount.com"
RETRY = RetryConfig(-1, timedelta(0), timedelta(seconds=5), timedelta(seconds=300), 6)
"""As Terraform makes every queue."""

PATIENT = 20.0
"""Seconds in place of the inbox's own budget, where a test isn't about time: the machine may be busy."""


Handle = Callable[[str, Mapping[str, str]], Awaitable[int]]


class Target:
    """The worker's address, as the queue sees it: whoever is the `worker` just now."""

    def __init__(self) -> None:
        self.worker = Worker()
        self.requests: list[Request] = []
        self.handle: Handle | None = None
        """Does the work where somebody really works, in the loop that `loop` is."""
        self.loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope, receive, send) -> None:
        request = Request(scope, receive)
        self.requests.append(request)
        handed = Handed.of(request.url.path, await request.body())
        status = self.worker.take(handed)
        if self.handle is not None and self.loop is not None:
            working = asyncio.run_coroutine_threadsafe(self.handle(handed.path, handed.body), self.loop)
            status = await asyncio.wrap_future(working)
        await Response(status_code=status)(scope, receive, send)

    def works(self, handle: Handle | None) -> None:
        """From now on tasks are done by `handle`, in the caller's loop."""
        self.handle, self.loop = handle, asyncio.get_running_loop() if handle else None


@dataclass(frozen=True)
class StandIn:
    """A Cloud Tasks whose time stands still until it is stepped, and where it sends its tasks."""

    tasks: Running
    target: Target


@contextmanager
def stand_in() -> Iterator[StandIn]:
    """For a whole session; each test begins with `reset`."""
    target = Target()
    client = httpx.AsyncClient(transport=httpx.ASGITransport(target))
    with serve(client=client, grpc=True, require_auth=True) as tasks:
        yield StandIn(tasks, target)


class Deployment(Backend):
    """One test's project."""

    def __init__(self, firestore: str, stand_in: StandIn) -> None:
        super().__init__()
        self.tasks, self.target = tasks, target = stand_in.tasks, stand_in.target
        target.worker = self.worker
        target.requests.clear()
        target.works(None)
        self.project = f"t-{uuid4().hex[:20]}"
        self.addressing = Addressing(self.project, "europe-west1", WORKER_URL, ACCOUNT)
        tasks.call(self._make_queues)
        self.documents = Documents(Service(f"http://{firestore}", EmulatorToken()), self.project)
        self.rest_tasks = Tasks(Service(tasks.url, AccessToken(tasks.metadata_host)), self.addressing)
        self.queue = CloudTasksQueue(self.addressing, tasks.grpc_target or "")
        self.store = FirestoreStore(self.project, self.queue)
        self.inbox = RestInbox(self.documents, self.rest_tasks, PATIENT)

    def _make_queues(self, service: CloudTasks) -> None:
        service.reset()
        for queue in self.QUEUES:
            service.create_queue(self.addressing.queue(queue), retry=RETRY)

    async def close(self) -> None:
        await self.inbox.close()
        await self.store.close()

    def now(self) -> datetime:
        return self.tasks.service.clock.now()

    async def pass_time(self, seconds: float) -> None:
        await self.tasks.advance(seconds, patience=PATIENT)

    def breaks(self, mode: Mode, times: int | None = None, seconds: float = 0.0) -> None:
        """Cloud Tasks fails from now on."""
        fault = Fault(mode, frozenset({"create_task"}), times, seconds=seconds)
        self.tasks.call(lambda service: service.faults.add(fault))

    def mends(self) -> None:
        """Cloud Tasks is whole again."""
        self.tasks.call(lambda service: service.faults.clear())

    def queued(self, queue: str) -> int:
        """How many tasks wait in one of our queues."""
        name = self.addressing.queue(queue)
        return self.tasks.call(lambda service: len(service.queue(name).tasks))
