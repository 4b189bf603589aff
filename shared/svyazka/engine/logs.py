"""Structured logs: one JSON line a step, in Cloud Logging's format, never a payload.

Only the fields below are taken, so that no phone, name or key can reach a line by carelessness.
"""

from __future__ import annotations

import json
import sys
import time
from contextvars import ContextVar
from typing import IO, Literal

Severity = Literal["DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL"]
Field = Literal[
    "tenant", "connection", "vendor", "function", "event", "delivery", "type", "status", "reason", "code", "kind",
    "stage", "attempt", "count", "seconds", "age_seconds", "path", "queue", "error", "flow", "outage",
]  # fmt: skip

trace: ContextVar[str | None] = ContextVar("trace", default=None)
"""`projects/P/traces/T` of the request being served, for correlation."""

_stream: IO[str] | None = None
_quiet: bool = False


def configure(stream: IO[str] | None = None, quiet: bool = False) -> None:
    """Where lines go (stdout unless told); `quiet` keeps warnings and worse only."""
    global _stream, _quiet
    _stream, _quiet = stream, quiet


def log(severity: Severity, message: str, **fields: str | int | float | None) -> None:
    """One line. `message` is a fixed sentence of ours; what varies goes into fields."""
    if _quiet and severity in ("DEBUG", "INFO", "NOTICE"):
        return
    line: dict[str, object] = {"severity": severity, "message": message, "time": time.time()}
    current = trace.get()
    if current:
        line["logging.googleapis.com/trace"] = current
    line.update((name, value) for name, value in fields.items() if value is not None)
    print(json.dumps(line, ensure_ascii=False), file=_stream or sys.stdout, flush=True)
