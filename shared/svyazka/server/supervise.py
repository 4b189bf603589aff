"""Two processes, accept and work, and the console as a third, kept alive; SIGTERM and Ctrl-C stop them cleanly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from types import FrameType

from svyazka.engine.support.logs import configure, log
from svyazka.server.console import shape_for
from svyazka.settings import Settings

PROCESSES = ("accept", "work", "console")
PATIENCE = 20.0
"""Seconds that a process gets to finish what it has begun."""

LONGEST_PAUSE = 30.0


class Supervisor:
    """Starts each process, starts it again when it dies (with growing pauses), stops all at a signal."""

    def __init__(self, commands: dict[str, Sequence[str]], environment: dict[str, str]) -> None:
        self._commands = commands
        self._environment = environment
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._deaths: dict[str, list[float]] = {name: [] for name in commands}
        self._not_before: dict[str, float] = {}
        self._stopping = False

    def run(self) -> int:
        """Until a signal; 0 when everything ended cleanly."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._stop)
        for name in self._commands:
            self._start(name)
        while not self._stopping:
            for name, child in list(self._children.items()):
                if child.poll() is not None:
                    self._died(name, child.returncode)
            for name, moment in list(self._not_before.items()):
                if time.monotonic() >= moment:
                    del self._not_before[name]
                    self._start(name)
            time.sleep(0.1)
        return self._end()

    def _start(self, name: str) -> None:
        # Their stdin is a pipe from us and never written to: its end tells them that we are gone, however we went.
        self._children[name] = subprocess.Popen(
            self._commands[name], env=self._environment, stdin=subprocess.PIPE, start_new_session=True
        )

    def _died(self, name: str, code: int) -> None:
        del self._children[name]
        recent = [moment for moment in self._deaths[name] if moment > time.monotonic() - 300]
        self._deaths[name] = [*recent, time.monotonic()]
        pause = min(0.2 * 2 ** len(recent), LONGEST_PAUSE)
        self._not_before[name] = time.monotonic() + pause
        log("ERROR", "process died, starting it again", function=name, code=str(code), seconds=pause)

    def _stop(self, number: int, frame: FrameType | None) -> None:
        self._stopping = True

    def _end(self) -> int:
        for child in self._children.values():
            child.terminate()
        deadline = time.monotonic() + PATIENCE
        clean = True
        for child in self._children.values():
            try:
                child.wait(max(deadline - time.monotonic(), 0.1))
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                clean = False
        return 0 if clean else 1


def supervise(settings: Settings, host: str, port: int, console_port: int | None = None) -> int:
    """Run the processes over one data folder; the console too, where it has a port."""
    environment = {
        **os.environ,
        "SVYAZKA_DATA": str(settings.data),
        "SVYAZKA_SPEED": str(settings.speed),
        "SVYAZKA_PUBLIC_URL": settings.public_url,
        "SVYAZKA_PRINT_MESSAGES": "true" if settings.print_messages else "false",
    }
    configure(shape=shape_for(sys.stdout))
    base = [sys.executable, "-m", "svyazka.server"]
    commands: dict[str, Sequence[str]] = {
        "accept": [*base, "accept", "--supervised", "--host", host, "--port", str(port)],
        "work": [*base, "work", "--supervised"],
    }
    if console_port is not None:
        console = [sys.executable, "-m", "svyazka.console", "--supervised", "--port", str(console_port)]
        commands["console"] = console
    return Supervisor(commands, environment).run()
