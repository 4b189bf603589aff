"""A function as the platform starts it: from its unpacked bundle, by its environment alone."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

START = 30.0
"""Seconds that a start may take before it is a failure."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A function that is up."""

    url: str
    output: Path
    process: int
    """Its id, and that of its group."""

    def lines(self) -> list[dict[str, object]]:
        """What it logged. Fails for a line that isn't one of ours."""
        return [json.loads(line) for line in self.output.read_text().splitlines()]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def serving(
    python: Path, bundle: Path, target: str, environment: Mapping[str, str], port: int | None = None
) -> Iterator[Instance]:
    """Start it, on a free port unless told, wait until it answers, stop it (or what is left of it)."""
    port = port or free_port()
    output = bundle.parent / f"{target}.{port}.log"
    given = {
        "FUNCTION_TARGET": target, "FUNCTION_SIGNATURE_TYPE": "http", "PORT": str(port), "HOST": "127.0.0.1",
        "FUNCTION_USE_ASGI": "true", "WORKERS": "1", "PYTHONUNBUFFERED": "1",
        "PYTHONTZPATH": "",  # the platform's image need not have time zones
        **environment,
    }  # fmt: skip
    with output.open("ab") as sink:
        process = subprocess.Popen(
            [python, "-m", "functions_framework"], cwd=bundle, env=given, stdout=sink, stderr=subprocess.STDOUT,
            start_new_session=True,
        )  # fmt: skip
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process, output)
        yield Instance(url, output, process.pid)
    finally:
        _stop(process)


def kill(instance: Instance) -> None:
    """As if the machine had lost its power."""
    os.killpg(instance.process, signal.SIGKILL)


def _stop(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(10)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _wait(url: str, process: subprocess.Popen[bytes], output: Path) -> None:
    until = time.monotonic() + START
    while time.monotonic() < until:
        if process.poll() is not None:
            break
        try:
            httpx.get(url, timeout=5, trust_env=False)
            return
        except httpx.TransportError:
            time.sleep(0.02)  # a process of its own is starting: nothing to wait on but its port
    raise AssertionError(f"it did not start: {output.read_text()[-3000:]}")
