"""The same installation as it stands in the cloud: functions from their bundles, Firestore's emulator, Cloud Tasks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property, partial
from itertools import count
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import psutil

from backends.google.deployment import ACCOUNT
from chaos.armed import armed
from chaos.installation import TENANT, LocalInstallation, free_port, is_frozen
from infra.serving import start
from infra.unpacked import Bundles
from simulators.cloudtasks import Clock, CloudTasks, RetryConfig
from simulators.cloudtasks.testing import Running as RunningTasks
from simulators.cloudtasks.testing import serve as serve_tasks
from simulators.serve import Running
from svyazka.app import build_hub, open_backend
from svyazka.connectors.registry import CALLS_US
from svyazka.engine.ports.clock import SystemClock
from svyazka.engine.ports.store import Store, Task
from svyazka.engine.security.keyring import SECRET_NAMES, Keyring, SecretName
from svyazka.model.errors import SvyazkaError
from svyazka.settings import Settings
from vendors.parts.hooks import Source
from vendors.parts.messengers import Messenger

SCALE = 0.05
"""Of the table of time limits: a lease of 3 s; business time can't run faster than real time here."""

SWEEP_EVERY = 0.5
QUICK = RetryConfig(-1, timedelta(0), timedelta(seconds=0.3), timedelta(seconds=5), 3)
"""As Terraform makes every queue, but for the backoff: nobody waits for it here."""


ANEW = httpx.Limits(max_connections=None, max_keepalive_connections=0)
"""Whoever calls a function opens a connection each time: a worker told to end while it accepts one serves that one for
as long as anything comes by it."""


@dataclass(frozen=True)
class Cloud:
    """What an installation stands on."""

    bundles: Bundles
    firestore: str
    tasks: RunningTasks


@contextlib.contextmanager
def stand_in_cloud(bundles: Bundles, firestore: str, clock: Clock) -> Iterator[Cloud]:
    """One over an emulator that runs, with a Cloud Tasks of this clock."""
    client = httpx.AsyncClient(trust_env=False, timeout=None, limits=ANEW)
    with serve_tasks(clock=clock, client=client, grpc=True, require_auth=True) as tasks:
        yield Cloud(bundles, firestore, tasks)


class GoogleInstallation(LocalInstallation):
    """Each function under functions-framework with two workers, so that one goes on while the other is frozen."""

    def __init__(
        self, folder: Path, vendors: Running, source: Source, *via: Messenger, cloud: Cloud,
        flow: Mapping[str, Any] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(folder, vendors, source, *via, speed=1.0, scale=SCALE, flow=flow)
        self.bundles, self.tasks = cloud.bundles, cloud.tasks
        self.armed: dict[str, tuple[str, Path]] = {}
        """How the failpoint of each will strike, and the mark that it will leave."""
        self.marks = count()
        self.waiting: dict[str, str] = {}
        """The next failpoint of who is frozen."""
        self.successors: dict[str, str] = {}
        """The failpoint of who follows a server that is ending."""
        self.project = f"t-{uuid4().hex[:20]}"
        self.keys = {name: Keyring.generate() for name in SECRET_NAMES}
        self.clock = SystemClock()
        channels = [messenger.vendor for messenger in via]
        self.ports = {"accept": self.port, "work": free_port(), **{vendor: free_port() for vendor in channels}}
        self.functions = {
            "accept": CALLS_US[source.vendor], "work": "sync_worker",
            **{vendor: f"webhook_{vendor}" for vendor in channels},
        }  # fmt: skip
        """Of each channel the one that takes its receipts."""
        tasks = cloud.tasks
        self.environment = {
            "SVYAZKA_BACKEND": "google",
            "SVYAZKA_PROJECT": self.project,
            "SVYAZKA_REGION": "europe-west1",
            "SVYAZKA_WORKER_URL": f"http://127.0.0.1:{self.ports['work']}",
            "SVYAZKA_WORKER_ACCOUNT": ACCOUNT,
            "SVYAZKA_INGEST_ACCOUNT": "worker@loopback.iam.gserviceaccount.com",  # whoever the metadata server says
            "SVYAZKA_PUBLIC_URL": self.url,
            "SVYAZKA_ALLOWED_NETWORKS": "127.0.0.0/8",
            "SVYAZKA_TASKS_URL": tasks.url,
            "SVYAZKA_TASKS_GRPC": tasks.grpc_target or "",
            "SVYAZKA_CERTS_URL": tasks.certs_url,
            "SVYAZKA_DEADLINE_SCALE": str(SCALE),
            "GCE_METADATA_HOST": tasks.metadata_host,
            "FIRESTORE_EMULATOR_HOST": cloud.firestore,
            "WORKERS": "2",
        }
        for queue in {"plan", "salvage", source.vendor, *channels}:
            name = f"projects/{self.project}/locations/europe-west1/queues/svyazka-{queue}"
            tasks.call(partial(CloudTasks.create_queue, name=name, retry=QUICK))

    @cached_property
    def keyring(self) -> Keyring:
        return Keyring.from_json(self.keys)

    def with_keys(self, *names: SecretName) -> dict[str, str]:
        """The environment of who holds these."""
        return {**self.environment, **{f"SVYAZKA_{name.upper()}_KEYS": self.keys[name] for name in names}}

    async def prepare(self) -> None:
        with self._as_operator():
            settings = Settings()
            self.opened, self.queue = open_backend(settings)
            hub = build_hub(settings, store=self.opened, queue=self.queue, clock=self.clock, keyring=self.keyring)
            await self.put_in_order(hub)
        self.sweeping = asyncio.create_task(self.sweep_regularly())

    async def sweep_regularly(self) -> None:
        """What Cloud Scheduler does each minute, quicker."""
        while True:
            with contextlib.suppress(SvyazkaError):
                await self.sweep()
            await asyncio.sleep(SWEEP_EVERY)

    async def sweep(self) -> None:
        """Have a round made."""
        await self.queue.enqueue([Task("plan", "/sweep", {})])

    @contextlib.contextmanager
    def _as_operator(self) -> Iterator[None]:
        """The clients read their addresses from the environment."""
        before = dict(os.environ)
        os.environ.update(self.environment)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def caller(self) -> httpx.AsyncClient:
        return httpx.AsyncClient(trust_env=False, timeout=3, limits=ANEW)

    def hook_url(self, connection: str, vendor: str) -> str:
        key = self.keyring.mint(vendor, TENANT, connection)
        port = self.ports["accept" if connection == "source" else vendor]
        return f"http://127.0.0.1:{port}/?key={key}"

    def start(self, name: str, failpoint: str = "", port: int | None = None) -> subprocess.Popen[bytes]:
        unpacked = self.bundles.of(self.functions[name])
        environment = self.with_keys(*unpacked.secrets)
        if failpoint:
            mark = self.folder / f"struck-{next(self.marks)}"
            self.armed[name] = failpoint.split(":")[0], mark
            environment |= armed(f"{failpoint}:{mark}")
        process = start(unpacked, environment, port or self.ports[name], self.log)
        self.processes.append((name, process))
        if name == "work":
            for vendor in (messenger.vendor for messenger in self.via if messenger.has_receipts):
                if not self._servers(vendor):
                    self.start(vendor)
        return process

    def _servers(self, name: str) -> list[subprocess.Popen[bytes]]:
        return [process for other, process in self.processes if other == name]

    def _struck(self, action: str) -> list[str]:
        return [name for name, (how, mark) in self.armed.items() if how == action and mark.exists()]

    def revive(self, failpoint: Callable[[str], str] = lambda name: "") -> list[str]:
        """The platform starts another instance by itself; here its server does. Told once, by the mark left behind."""
        for name, process in list(self.processes):
            if name in self.successors:
                _end(process)
                if process.poll() is not None:
                    self.processes.remove((name, process))
                    self.start(name, self.successors.pop(name))
        dead = self._struck("kill")
        for name in dead:
            self._replace(name, failpoint(name))
        return dead

    def _replace(self, name: str, failpoint: str) -> None:
        """Whoever is to be struck anew is another server: this one ends what it has begun and goes."""
        del self.armed[name]
        if failpoint:
            self.successors[name] = failpoint

    def frozen(self) -> list[tuple[str, int]]:
        found = []
        for name in self._struck("stop"):
            for process in self._servers(name):
                with contextlib.suppress(psutil.NoSuchProcess):
                    found += [(name, child.pid) for child in psutil.Process(process.pid).children()]
        return [(name, pid) for name, pid in found if is_frozen(pid)]

    def stand_in_for(self, name: str, failpoint: str) -> None:
        """The function's other worker is there already."""
        self.waiting[name] = failpoint

    def retire(self, name: str, pid: int) -> None:
        """It goes on serving, unless there is more to come."""
        self._replace(name, self.waiting.pop(name))

    @asynccontextmanager
    async def store(self) -> AsyncIterator[Store]:
        yield self.opened

    def stop(self) -> None:
        self.sweeping.cancel()
        for _, pid in self.frozen():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 18)
        super().stop()


def _end(process: subprocess.Popen[bytes]) -> None:
    """A server and its workers: one that it is just forking doesn't hear what it tells them."""
    with contextlib.suppress(psutil.NoSuchProcess):
        server = psutil.Process(process.pid)
        for each in (server, *server.children()):
            each.terminate()
