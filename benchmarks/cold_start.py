"""How long a function takes to be ready: import and app, in fresh processes, against an empty function."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

from benchmarks.processes import ROOT

EMPTY = """
import functions_framework.aio
from pydantic import BaseModel


class Order(BaseModel):
    id: str
    phone: str | None = None


class Webhook(BaseModel):
    kind: str
    order: Order


@functions_framework.aio.http
async def empty(request):
    return Webhook.model_validate_json(await request.body()).kind
"""

PROBE = """
import json, os, sys, time
begun, worked = time.perf_counter(), time.process_time()
from functions_framework.aio import create_asgi_app
create_asgi_app(target=sys.argv[1], source=sys.argv[2])
ready, work = time.perf_counter() - begun, time.process_time() - worked
pages = int(open("/proc/self/statm").read().split()[1])
print(json.dumps([ready * 1e3, pages * os.sysconf("SC_PAGE_SIZE") / 2**20, len(sys.modules), work * 1e3]))
"""
ROUNDS = 12


def ready(target: str, source: Path, environment: Mapping[str, str]) -> tuple[float, float, int, float]:
    """Milliseconds to ready, resident MiB, modules loaded, milliseconds of processor; in a process of its own."""
    printed = subprocess.run(
        [sys.executable, "-c", PROBE, target, str(source)], env={**os.environ, **environment}, cwd=ROOT,
        capture_output=True, check=True, text=True,
    ).stdout  # fmt: skip
    milliseconds, mib, modules, work = json.loads(printed.splitlines()[-1])
    return milliseconds, mib, modules, work


def against_empty(
    environment: Mapping[str, str], folder: Path, rounds: int = ROUNDS, pattern: str = "webhook_*"
) -> dict[str, dict[str, float]]:
    """Every webhook function against the empty one, rounds interleaved: medians, and the ratios of medians, of the
    fastest runs, and of the processor's least time (which other work on the machine disturbs least)."""
    empty = folder / "empty.py"
    empty.write_text(EMPTY)
    functions = {path.parent.name: path for path in sorted((ROOT / "functions").glob(f"{pattern}/main.py"))}
    seen: dict[str, list[tuple[float, float, int, float]]] = {name: [] for name in ("empty", *functions)}
    for _ in range(rounds):
        seen["empty"].append(ready("empty", empty, environment))
        for name, source in functions.items():
            seen[name].append(ready(name, source, environment))
    floor = statistics.median(run[0] for run in seen["empty"])
    fastest = min(run[0] for run in seen["empty"])
    least = min(run[3] for run in seen["empty"])
    return {
        name: {
            "ready_ms": round(statistics.median(run[0] for run in runs), 1),
            "ratio": round(statistics.median(run[0] for run in runs) / floor, 3),
            "fastest_ratio": round(min(run[0] for run in runs) / fastest, 3),
            "work_ratio": round(min(run[3] for run in runs) / least, 3),
            "resident_mib": round(statistics.median(run[1] for run in runs), 1),
            "modules": runs[0][2],
        }
        for name, runs in seen.items()
    }
