"""As deployed: a webhook function against one that does its calls of Firestore and Cloud Tasks and nothing else, over
Firestore's emulator and the stand-in for Cloud Tasks."""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from backends.google.emulator import emulator
from benchmarks.driver import drive
from benchmarks.local import CONNECTIONS, ROUNDS, webhook
from benchmarks.processes import ROOT, free_port, running, used_ms
from simulators.cloudtasks.testing import Running as CloudTasks
from simulators.cloudtasks.testing import serve
from svyazka.backends.google.tasks import Addressing
from svyazka.engine.security.keyring import Keyring

TENANT = """
id: bench
name: Bench
timezone: Europe/Moscow
connections:
  till: {vendor: iiko}
  sms: {vendor: smsru, api_id: {secret: api-id}}
flows:
  - {flow: review_request, from: [till], via: [sms], text: "Спасибо!", review_url: "https://example.org/r"}
"""
ADDRESSING = Addressing("bench", "europe-west1", "https://worker.invalid", "worker@bench.invalid")
FUNCTIONS = {"webhook_iiko": ROOT / "functions/webhook_iiko/main.py", "bare": ROOT / "benchmarks/bare_function.py"}


def processor_time(count: int) -> dict[str, float]:
    """Milliseconds of processor time for a webhook, in interleaved rounds the median; and the ratio.

    Not a rate: over the emulator that is mostly the emulator's.
    """
    seen: dict[str, list[float]] = {name: [] for name in FUNCTIONS}
    with _project() as (environment, key):
        for number in range(ROUNDS):
            for name, source in FUNCTIONS.items():
                port = free_port()
                given = {
                    **environment, "FUNCTION_TARGET": name, "FUNCTION_SOURCE": str(source), "PORT": str(port),
                    "FUNCTION_USE_ASGI": "true", "HOST": "127.0.0.1", "WORKERS": "1",
                }  # fmt: skip
                first, url = (number + 1) * 1_000_000, f"http://127.0.0.1:{port}/?key={key}"
                with running(["-m", "functions_framework"], port, given) as process:
                    _drive(url, first - 100, 50)
                    before = used_ms(process)
                    _drive(url, first, count)
                    seen[name].append((used_ms(process) - before) / count)
    accept, bare = (statistics.median(seen[name]) for name in FUNCTIONS)
    return {"accept_ms": round(accept, 3), "bare_ms": round(bare, 3), "ratio": round(bare / accept, 3)}


def _drive(url: str, first: int, count: int) -> None:
    driven = asyncio.run(drive(url, lambda number: webhook(first + number), count, CONNECTIONS))
    assert set(driven.statuses) == {200}, driven.statuses


@contextmanager
def _project() -> Iterator[tuple[Mapping[str, str], str]]:
    """A project with the tenant in it, its queue paused: the environment of its functions and the till's key."""
    with emulator() as firestore, serve(grpc=True) as tasks, tempfile.TemporaryDirectory() as folder:
        _make_queue(tasks)
        environment = {
            "SVYAZKA_BACKEND": "google", "SVYAZKA_PROJECT": ADDRESSING.project, "SVYAZKA_REGION": ADDRESSING.region,
            "SVYAZKA_WORKER_URL": ADDRESSING.worker_url, "SVYAZKA_WORKER_ACCOUNT": ADDRESSING.worker_account,
            "SVYAZKA_TASKS_URL": tasks.url, "SVYAZKA_TASKS_GRPC": tasks.grpc_target or "",
            "GCE_METADATA_HOST": tasks.metadata_host, "FIRESTORE_EMULATOR_HOST": firestore,
            **{f"SVYAZKA_{name}_KEYS": Keyring.generate() for name in ("MINT", "VERIFY", "VAULT")},
        }  # fmt: skip
        file = Path(folder) / "bench.yaml"
        file.write_text(TENANT, "utf-8")
        _svyazka(environment, "apply", str(file), "--yes")
        urls = map(json.loads, _svyazka(environment, "urls", "bench", "--json").splitlines())
        yield environment, next(url["key"] for url in urls if url["connection"] == "till")


def _make_queue(tasks: CloudTasks) -> None:
    queue = ADDRESSING.queue("plan")
    tasks.call(lambda service: service.create_queue(queue))
    tasks.call(lambda service: service.pause(queue))


def _svyazka(environment: Mapping[str, str], *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "svyazka.cli", *arguments], env={**os.environ, **environment}, check=True,
        capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    return done.stdout
