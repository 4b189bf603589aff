"""One machine: the accept path against bare store operations, and events end to end."""

from __future__ import annotations

import asyncio
import json
import subprocess
import tempfile
import time
import urllib.request
from pathlib import Path

from benchmarks.bare import STORES
from benchmarks.driver import Driven, drive
from benchmarks.processes import free_port, resident_mib, running, used_ms
from svyazka.app import build_hub
from svyazka.apply import commit_apply, plan_apply, set_secret
from svyazka.backends.local.queue import LocalQueue
from svyazka.backends.local.store import LocalStore
from svyazka.model.tenants import ConnectionSpec, FlowSpec, Tenant
from svyazka.settings import Settings
from svyazka.way_in import local_keyring

CONNECTIONS = 16
ROUNDS = 3
IDLE_SECONDS = 10


def webhook(number: int) -> bytes:
    """A distinct iiko webhook of a delivered order."""
    identity = f"00000000-0000-4000-8000-{number:012d}"
    phone = f"+7999{number % 10_000_000:07d}"
    order = {"id": identity, "status": "Delivered", "phone": phone, "customer": {"id": identity, "name": "Иван"}}
    body = {
        "eventType": "DeliveryOrderUpdate", "eventTime": "2026-01-15 14:30:00.000",
        "organizationId": "7bc05553-4b68-44e8-b7bc-37be63c6d9e9", "correlationId": identity,
        "eventInfo": {
            "id": identity, "posId": identity, "externalNumber": str(number), "timestamp": 1705318200000 + number,
            "organizationId": "7bc05553-4b68-44e8-b7bc-37be63c6d9e9", "creationStatus": "Success", "errorInfo": None,
            "order": order,
        },
    }  # fmt: skip
    return json.dumps([body], ensure_ascii=False).encode()


def tenant(sink: str) -> Tenant:
    """A till, a messenger at the sink, a review request at once."""
    limit = {"per_second": 100_000, "concurrency": 16}
    return Tenant(
        id="bench", name="Bench", timezone="Europe/Moscow",
        connections={
            "till": ConnectionSpec(vendor="iiko"),
            "sms": ConnectionSpec(
                vendor="smsru",
                settings={"api_id": {"secret": "api-id"}, "sender": "BENCH", "base_url": sink, "limit": limit},
            ),
        },
        flows=(
            FlowSpec(
                id="review_request", flow="review_request", sources=("till",), via=("sms",),
                settings={"text": "{name}, спасибо! {review_url}", "review_url": "https://example.org/r"},
            ),
        ),
    )  # fmt: skip


async def settle_in(data: Path, sink: str) -> str:
    """The tenant in a fresh data folder; the path of its till's webhook."""
    keyring, store = local_keyring(data), LocalStore.open(data)
    hub = build_hub(Settings(data=data), store=store, queue=LocalQueue(store), keyring=keyring)
    await commit_apply(store, hub.directory, await plan_apply(store, hub.directory, keyring, tenant(sink)))
    await set_secret(store, hub.directory, keyring, "bench", "api-id", "C0FFEE00-1234-5678-9ABC-DEF012345678")
    await store.close()
    return f"/webhook_iiko?key={keyring.mint('iiko', 'bench', 'till')}"


def milliseconds(driven: Driven) -> dict[str, float]:
    """Its rate, and how long its callers waited."""
    return {
        "per_second": round(driven.rate, 1),
        "p50_ms": round(driven.percentile(0.5) * 1e3, 2),
        "p99_ms": round(driven.percentile(0.99) * 1e3, 2),
    }


def accept_against_bare(count: int) -> dict[str, object]:
    """Interleaved rounds of the accept path and of the same store operations alone; the medians and their ratios."""
    driven: dict[str, list[Driven]] = {"accept": [], "plain": [], "grouped": []}
    for _ in range(ROUNDS):
        with tempfile.TemporaryDirectory() as folder:
            port, data = free_port(), Path(folder) / "data"
            path = asyncio.run(settle_in(data, "http://127.0.0.1:9"))
            server = ["-m", "svyazka.server", "accept", "--port", str(port)]
            with running(server, port, {"SVYAZKA_DATA": str(data)}):
                driven["accept"].append(_driven(f"http://127.0.0.1:{port}{path}", count))
        for store in STORES:
            with tempfile.TemporaryDirectory() as folder:
                port = free_port()
                with running(["-m", "benchmarks.bare", store, str(port), folder], port):
                    driven[store].append(_driven(f"http://127.0.0.1:{port}/", count))
    median = {name: sorted(runs, key=lambda run: run.rate)[ROUNDS // 2] for name, runs in driven.items()}
    ratios = {f"against_{store}": round(median["accept"].rate / median[store].rate, 3) for store in STORES}
    return {**{name: milliseconds(run) for name, run in median.items()}, **ratios}


def _driven(url: str, count: int) -> Driven:
    driven = asyncio.run(drive(url, webhook, count, CONNECTIONS))
    assert set(driven.statuses) == {200}, driven.statuses
    return driven


def end_to_end(count: int) -> dict[str, object]:
    """Accept and work as two processes, driver and sink on the same machine: events a second to the last call."""
    with tempfile.TemporaryDirectory() as folder:
        port, sink, data = free_port(), free_port(), Path(folder) / "data"
        path = asyncio.run(settle_in(data, f"http://127.0.0.1:{sink}"))
        environment = {"SVYAZKA_DATA": str(data)}
        with (
            running(["-m", "benchmarks.sink", str(sink)], sink),
            running(["-m", "svyazka.server", "accept", "--port", str(port)], port, environment) as accept,
            running(["-m", "svyazka.server", "work"], None, environment) as work,
        ):
            url = f"http://127.0.0.1:{port}{path}"
            asyncio.run(drive(url, lambda number: webhook(9_000_000 + number), 50, 4))
            wait_for(sink, 50)
            begun, used = time.perf_counter(), {process: used_ms(process) for process in (accept, work)}
            driven = asyncio.run(drive(url, webhook, count, CONNECTIONS))
            wait_for(sink, count + 50)
            seconds = time.perf_counter() - begun
            each = {process: round((used_ms(process) - before) / count, 3) for process, before in used.items()}
            memory = {"accept_mib": resident_mib(accept), "work_mib": resident_mib(work)}
            idle = _idle_percent(work)
    assert set(driven.statuses) == {200}, driven.statuses
    return {
        "events": count, "end_to_end_per_second": round(count / seconds, 1), "answers": milliseconds(driven),
        "accept_ms_per_event": each[accept], "work_ms_per_event": each[work], "work_idle_percent": idle, **memory,
    }  # fmt: skip


def _idle_percent(process: subprocess.Popen[bytes]) -> float:
    """Of one processor, what it uses while nothing comes."""
    time.sleep(1)
    before = used_ms(process)
    time.sleep(IDLE_SECONDS)
    return round((used_ms(process) - before) / IDLE_SECONDS / 10, 2)


def calls_in(sink: int) -> int:
    """How many calls have come to the sink."""
    with urllib.request.urlopen(f"http://127.0.0.1:{sink}/") as answer:
        return int(answer.read())


def wait_for(sink: int, count: int) -> None:
    """Until so many calls have come. Raises RuntimeError when none comes for half a minute."""
    last, moved = -1, time.monotonic()
    while time.monotonic() - moved < 30:
        seen = calls_in(sink)
        if seen >= count:
            return
        if seen != last:
            last, moved = seen, time.monotonic()
        time.sleep(0.02)
    raise RuntimeError(f"the sink has seen {last} of {count}")
