"""Lists over a large journal: the processor time of each command, its process's start included."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.filled import fill, tenant_of

COMMANDS = (
    ("stats",), ("stats", "--json"), ("events", "--status", "quarantined"), ("deliveries", "--status", "dead"),
    ("deliveries", "--connection", f"{tenant_of(7)}/sms"), ("replay", "--status", "dead", "--dry-run"), ("urls",),
    ("doctor",), ("doctor", tenant_of(7)), ("alerts",),
)  # fmt: skip


def lists(events: int, tenants: int) -> dict[str, object]:
    """Processor seconds of each command over a journal of so many events; `--help` is the start alone."""
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "data"
        begun = time.perf_counter()
        fill(data, events, tenants)
        filled = round(time.perf_counter() - begun, 1)
        took = {" ".join(command): _seconds(data, command) for command in (("--help",), *COMMANDS)}
    return {"events": events, "tenants": tenants, "filled_in_seconds": filled, "processor_seconds": took}


def _seconds(data: Path, command: tuple[str, ...]) -> float:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(
        [sys.executable, "-m", "svyazka.cli", *command],
        env={**os.environ, "SVYAZKA_DATA": str(data)}, capture_output=True, timeout=300, check=False,
    )  # fmt: skip
    if done.returncode not in (0, 1):
        raise RuntimeError(f"{command}: {done.stderr.decode()[-500:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return round(after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, 2)
