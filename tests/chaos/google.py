"""The same installation as it stands in the cloud: functions as processes, Firestore's emulator, a Cloud Tasks."""

from __future__ import annotations

import asyncio
import contextlib
import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from uuid import uuid4

import psutil
import yaml

from backends.google.deployment import ACCOUNT
from chaos.installation import TENANT, Journal, LocalInstallation, free_port, is_frozen
from chaos.parts import Messenger, Source
from simulators.cloudtasks import RetryConfig
from simulators.cloudtasks.testing import Running as CloudTasks
from simulators.serve import Running
from svyazka.app import build_hub, open_backend
from svyazka.apply import commit_apply, plan_apply, set_secret
from svyazka.engine import journal
from svyazka.engine.clock import SystemClock
from svyazka.engine.keys import Keyring
from svyazka.engine.store import RECENT_DELIVERIES, RECENT_EVENTS, Store, Task
from svyazka.model.deliveries import Delivery
from svyazka.model.events import EventRecord
from svyazka.settings import Settings
from svyazka.tenantfile import read_tenant_file

SCALE = 0.05
"""Of the table of time limits: a lease of 3 s; business time can't run faster than real time here."""

SWEEP_EVERY = 0.5
QUICK = RetryConfig(-1, timedelta(0), timedelta(seconds=0.3), timedelta(seconds=5), 3)
"""As Terraform makes every queue, but for the backoff: nobody waits for it here."""


class GoogleInstallation(LocalInstallation):
    """Each function under functions-framework with two workers, so that one goes on while the other is frozen."""

    def __init__(
        self, folder: Path, vendors: Running, source: Source, messenger: Messenger, *, firestore: str,
        tasks: CloudTasks, flow: Mapping[str, object] | None = None,
    ) -> None:  # fmt: skip
        super().__init__(folder, vendors, source, messenger, speed=1.0, scale=SCALE, flow=flow)
        self.tasks = tasks
        self.doomed: str | None = None
        """Whose failpoint has not struck yet."""
        self.struck = folder / "struck"
        self.project = f"t-{uuid4().hex[:20]}"
        keys = {name: Keyring.generate() for name in ("mint", "verify", "vault")}
        self.keyring = Keyring.from_json(keys)  # type: ignore[arg-type]
        self.clock = SystemClock()
        self.ports = {"accept": self.port, "receipts": free_port(), "work": free_port()}
        self.functions = {
            "accept": f"webhook_{source.vendor}", "receipts": f"webhook_{messenger.vendor}", "work": "sync_worker"
        }  # fmt: skip
        self.environment = {
            "PATH": os.environ["PATH"],
            "SVYAZKA_BACKEND": "google",
            "SVYAZKA_PROJECT": self.project,
            "SVYAZKA_REGION": "europe-west1",
            "SVYAZKA_WORKER_URL": f"http://127.0.0.1:{self.ports['work']}",
            "SVYAZKA_WORKER_ACCOUNT": ACCOUNT,
            "SVYAZKA_PUBLIC_URL": self.url,
            "SVYAZKA_TASKS_URL": tasks.url,
            "SVYAZKA_TASKS_GRPC": tasks.grpc_target or "",
            "SVYAZKA_CERTS_URL": tasks.certs_url,
            "SVYAZKA_DEADLINE_SCALE": str(SCALE),
            "GCE_METADATA_HOST": tasks.metadata_host,
            "FIRESTORE_EMULATOR_HOST": firestore,
            **{f"SVYAZKA_{name.upper()}_KEYS": text for name, text in keys.items()},
        }
        for queue in ("plan", "salvage", source.vendor, messenger.vendor):
            name = f"projects/{self.project}/locations/europe-west1/queues/svyazka-{queue}"
            tasks.call(lambda service, name=name: service.create_queue(name, retry=QUICK))

    async def prepare(self) -> None:
        with self._as_operator():
            settings = Settings()
            store, queue = open_backend(settings)
            hub = build_hub(settings, store=store, queue=queue, keyring=self.keyring)
            file = self.folder / f"{TENANT}.yaml"
            file.write_text(yaml.safe_dump(self.tenant(), allow_unicode=True), "utf-8")
            plan = await plan_apply(store, hub.directory, self.keyring, read_tenant_file(file))
            await commit_apply(store, hub.directory, plan)
            for name, value in self.secrets.items():
                await set_secret(store, hub.directory, self.keyring, TENANT, name, value)
        self.store: Store = store
        self.sweeping = asyncio.create_task(self._sweep_regularly(queue.enqueue))

    async def _sweep_regularly(self, enqueue: Callable[[list[Task]], object]) -> None:
        """What Cloud Scheduler does each minute, quicker."""
        while True:
            with contextlib.suppress(Exception):
                await enqueue([Task("plan", "/sweep", {})])  # type: ignore[misc]
            await asyncio.sleep(SWEEP_EVERY)

    @contextlib.contextmanager
    def _as_operator(self):  # type: ignore[no-untyped-def]
        """The clients read their addresses from the environment."""
        before = dict(os.environ)
        os.environ.update(self.environment)
        try:
            yield
        finally:
            os.environ.clear()
            os.environ.update(before)

    def hook_url(self, connection: str, vendor: str) -> str:
        key = self.keyring.mint(vendor, TENANT, connection)
        port = self.ports["accept" if connection == "source" else "receipts"]
        return f"http://127.0.0.1:{port}/?key={key}"

    def start(self, name: str, failpoint: str = "") -> subprocess.Popen[bytes]:
        function = self.functions[name]
        environment = {
            **self.environment, "FUNCTION_TARGET": function, "FUNCTION_SOURCE": f"functions/{function}/main.py",
            "PORT": str(self.ports[name]), "FUNCTION_SIGNATURE_TYPE": "http", "FUNCTION_USE_ASGI": "true",
            "WORKERS": "2", "HOST": "127.0.0.1",
        }  # fmt: skip
        if failpoint:
            self.doomed = name
            environment["SVYAZKA_FAILPOINT"] = f"{failpoint}:{self.struck}"
        command = [sys.executable, "-m", "functions_framework"]
        process = subprocess.Popen(command, env=environment, stdout=self.log, stderr=self.log)
        self.processes.append((name, process))
        if name == "accept":
            self.start("receipts")
        return process

    def _workers(self) -> list[tuple[str, int]]:
        found = []
        for name, process in self.processes:
            with contextlib.suppress(psutil.NoSuchProcess):
                found += [(name, child.pid) for child in psutil.Process(process.pid).children()]
        return found

    def revive(self, failpoint: Callable[[str], str] = lambda name: "") -> list[str]:
        """The platform starts another instance by itself; here its server does. Told once, by the mark left behind."""
        if self.doomed is None or not self.struck.exists() or self.frozen():
            return []
        name, self.doomed = self.doomed, None
        return [name]

    def frozen(self) -> list[tuple[str, int]]:
        return [(name, pid) for name, pid in self._workers() if is_frozen(pid)]

    def stand_in_for(self, name: str, failpoint: str) -> None:
        """The function's other worker is there already."""

    def retire(self, pid: int) -> None:
        """It goes on serving."""

    async def journal(self) -> Journal:
        events = (await self.store.find(RECENT_EVENTS, limit=10_000)).documents
        deliveries = (await self.store.find(RECENT_DELIVERIES, limit=10_000)).documents
        return Journal(
            [journal.read(EventRecord, document).model for document in events],
            [journal.read(Delivery, document).model for document in deliveries],
        )

    def stop(self) -> None:
        self.sweeping.cancel()
        for _, pid in self.frozen():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, 18)
        super().stop()

    async def close(self) -> None:
        """Let go of the clients."""
        await self.store.close()
