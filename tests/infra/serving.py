"""A function as the platform starts it: from its unpacked bundle, by its environment alone."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import httpx

from chaos.installation import free_port
from infra.unpacked import Unpacked

START = 100.0
"""Seconds that a start may take before it is a failure."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A function that is up."""

    url: str
    output: Path

    def lines(self) -> list[dict[str, object]]:
        """What it logged. Fails for a line that isn't one of ours."""
        return [json.loads(line) for line in self.output.read_text().splitlines()]


def start(unpacked: Unpacked, environment: Mapping[str, str], port: int, output: BinaryIO) -> subprocess.Popen[bytes]:
    """Start it with one worker, unless its environment says otherwise."""
    given = {
        "FUNCTION_TARGET": unpacked.function.name, "FUNCTION_SIGNATURE_TYPE": "http", "FUNCTION_USE_ASGI": "true",
        "HOST": "127.0.0.1", "PORT": str(port), "WORKERS": "1", "PYTHONUNBUFFERED": "1",
        "PYTHONTZPATH": "",  # the platform's image need not have time zones
        **environment,
    }  # fmt: skip
    command = [str(unpacked.python), "-m", "functions_framework"]
    return subprocess.Popen(command, cwd=unpacked.workspace, env=given, stdout=output, stderr=output)


@contextmanager
def serving(
    unpacked: Unpacked, environment: Mapping[str, str], folder: Path, port: int | None = None
) -> Iterator[Instance]:
    """Start it, on a free port unless told, wait until it answers, stop it; its output goes into the folder."""
    port, output = port or free_port(), folder / "output.log"
    with output.open("ab") as sink:
        process = start(unpacked, environment, port, sink)
    url = f"http://127.0.0.1:{port}"
    try:
        _wait(url, process, output)
        yield Instance(url, output)
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
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
