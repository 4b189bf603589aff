"""Structured logs: one JSON line a step, in Cloud Logging's format, never a payload.

Only the fields below are taken, so that no phone, name or key can reach a line by carelessness.
Source of the format: https://cloud.google.com/logging/docs/structured-logging#special-payload-fields
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime
from pathlib import PurePath
from traceback import extract_tb
from typing import Literal, Protocol, TypedDict, Unpack

Severity = Literal["DEBUG", "INFO", "NOTICE", "WARNING", "ERROR", "CRITICAL"]


class Fields(TypedDict, total=False):
    """What a line may say beside its sentence; None is left out. Dashboards and alerts count by these names."""

    tenant: str | None
    connection: str | None
    vendor: str | None
    function: str | None
    event: str | None
    delivery: str | None
    outage: str | None
    flow: str | None
    type: str | None
    status: str | None
    reason: str | None
    code: str | None
    kind: str | None
    stage: str | None
    attempt: int | None
    count: int | None
    seconds: float | None
    age_seconds: float | None
    path: str | None
    queue: str | None
    error: str | None
    where: str | None


trace: ContextVar[str | None] = ContextVar("trace", default=None)
"""`projects/P/traces/T` of the request being served, for correlation."""


_ENCODER = json.JSONEncoder(ensure_ascii=False)


def in_json(line: Mapping[str, object]) -> str:
    """A line as machines collect it."""
    return _ENCODER.encode(line)


Shape = Callable[[Mapping[str, object]], str | None]
"""How a line looks; None: it isn't shown."""


class Sink(Protocol):
    """Where lines go."""

    def write(self, text: str, /) -> object:
        """Take text."""

    def flush(self) -> object:
        """Let it out."""


_stream: Sink | None = None
_quiet: bool = False
_shape: Shape = in_json


def configure(stream: Sink | None = None, quiet: bool = False, shape: Shape = in_json) -> None:
    """Where lines go (stdout unless told) and how they look; `quiet` keeps warnings and worse only."""
    global _stream, _quiet, _shape
    _stream, _quiet, _shape = stream, quiet, shape


def log(severity: Severity, message: str, **fields: Unpack[Fields]) -> None:
    """One line; never raises. `message` is a fixed sentence of ours; what varies goes into fields, at least one.

    A line with nothing but its message would be kept as text, where no metric looks.
    """
    if _quiet and severity in ("DEBUG", "INFO", "NOTICE"):
        return
    line: dict[str, object] = {
        "severity": severity,
        "message": message,
        "time": datetime.now(UTC).isoformat(timespec="microseconds"),
    }
    current = trace.get()
    if current:
        line["logging.googleapis.com/trace"] = current
    line.update((name, value) for name, value in fields.items() if value is not None)
    try:
        shown = _shape(line)
    except Exception:  # what can't be shown nicely is shown all the same
        shown = json.dumps(line, default=repr)
    if shown is not None:
        say(shown, _stream)


_CODE = re.compile(r"\A(?!.{0,57}\d{7})[A-Za-z0-9_.:-]{1,64}")


def plain_code(code: str | None) -> str | None:
    """A vendor's code as a line, or a card that outlives contents, may show it: one that might hold somebody's phone,
    name or address is `other`."""
    return code if code is None or _CODE.fullmatch(code) else "other"


def say(text: str, stream: Sink | None = None) -> None:
    """One line, out at once (stdout unless told). Never raises: a full disk or a pipe that nobody reads any more
    costs the line and nothing else."""
    out = stream or sys.stdout
    with suppress(OSError, ValueError):
        try:
            out.write(f"{text}\n")
        except UnicodeError:
            out.write(f"{text.encode('ascii', 'backslashreplace').decode()}\n")
        out.flush()


def where(error: BaseException, depth: int = 4) -> str:
    """Where it was raised, innermost first: `perform.py:290 < worker.py:66`; its text may hold a payload."""
    frames = reversed(extract_tb(error.__traceback__)[-depth:])
    return " < ".join(f"{PurePath(frame.filename).name}:{frame.lineno}" for frame in frames)
