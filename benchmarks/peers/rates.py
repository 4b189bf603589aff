"""Rates of all that are there, round by round beside each other: the machine's hours differ more than its minutes."""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.driver import drive
from benchmarks.local import CONNECTIONS, ROUNDS, calls_in, wait_for, webhook
from benchmarks.peers.hubs import HUBS, Failed, Hub
from benchmarks.processes import free_port, running

WARM_UP = 100


def rates(scale: float) -> dict[str, object]:
    """Of each the medians of the rounds that it lived through; None for whoever isn't there."""
    seen: dict[type[Hub], list[dict[str, float]]] = {hub: [] for hub in HUBS if hub.version()}
    failed: dict[str, dict[str, object]] = {}
    for _ in range(ROUNDS):
        for hub in [hub for hub in seen if hub.name not in failed]:
            try:
                seen[hub].append(_measured(hub, max(int(hub.events * scale), WARM_UP)))
                print(f"  {hub.name}: {seen[hub][-1]}", file=sys.stderr, flush=True)
            except (Failed, RuntimeError) as error:
                failed[hub.name] = {"version": hub.version(), "failed": str(error)}
    measured = {hub.name: {**failed.get(hub.name, {}), **_medians(hub, runs)} for hub, runs in seen.items() if runs}
    return {**{hub.name: None for hub in HUBS}, **failed, **measured}


def _measured(kind: type[Hub], count: int) -> dict[str, float]:
    sink = free_port()
    with tempfile.TemporaryDirectory() as folder, running(["-m", "benchmarks.sink", str(sink)], sink):
        hub = kind(Path(folder), f"http://127.0.0.1:{sink}")
        hub.prepare()
        hub.begin()
        try:
            asyncio.run(drive(hub.url, lambda number: webhook(9_000_000 + number), WARM_UP, 4))
            wait_for(sink, WARM_UP)
            before, begun = calls_in(sink), time.perf_counter()
            driven = asyncio.run(drive(hub.url, webhook, count, CONNECTIONS))
            wait_for(sink, before + count)
            seconds = time.perf_counter() - begun
            memory = hub.resident_mib()
        finally:
            hub.end()
    assert set(driven.statuses) == {200}, driven.statuses
    return {
        "end_to_end_per_second": count / seconds, "answers_per_second": driven.rate,
        "p50_ms": driven.percentile(0.5) * 1e3, "p99_ms": driven.percentile(0.99) * 1e3, "resident_mib": memory,
    }  # fmt: skip


def _medians(hub: type[Hub], runs: list[dict[str, float]]) -> dict[str, object]:
    medians = {name: round(statistics.median(run[name] for run in runs), 1) for name in runs[0]}
    return {"version": hub.version(), **medians}
