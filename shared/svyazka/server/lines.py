"""Log lines written a few times a second instead of one by one: a system call each would cost a tenth of a request.

What is lost when the process is killed is the last moment's lines; the journal is the truth.
"""

from __future__ import annotations

import atexit
import io
import threading
from collections import deque
from typing import IO

EVERY = 0.1
"""Seconds between two writings."""


class Lines(io.TextIOBase):
    """A text stream that writes to another in the background."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._waiting: deque[str] = deque()
        self._more = threading.Event()
        atexit.register(self.write_out)
        threading.Thread(target=self._run, name="lines", daemon=True).start()

    def write(self, text: str) -> int:
        """Keep it for the next writing."""
        self._waiting.append(text)
        if not self._more.is_set():
            self._more.set()
        return len(text)

    def write_out(self) -> None:
        """Write what waits."""
        waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
        if waiting:
            self._stream.write("".join(waiting))
            self._stream.flush()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            self._more.wait()
            pause.wait(EVERY)
            self._more.clear()
            self.write_out()
