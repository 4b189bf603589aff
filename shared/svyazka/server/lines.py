"""Log lines written a few times a second instead of one by one: a system call each would cost a tenth of a request.

What is lost when the process is killed is the last moment's lines; the journal is the truth.
"""

from __future__ import annotations

import atexit
import io
import threading
from collections import deque
from contextlib import suppress
from typing import IO

EVERY = 0.1
"""Seconds between two writings."""

KEPT = 100_000
"""Pieces of lines that wait at most, where nobody reads for a while: the oldest go."""


class Lines(io.TextIOBase):
    """A text stream that writes to another in the background."""

    def __init__(self, stream: IO[str]) -> None:
        self._stream = stream
        self._waiting: deque[str] = deque(maxlen=KEPT)
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
        if not waiting:
            return
        with suppress(OSError, ValueError):  # a full disk, a pipe that nobody reads any more: these lines are lost
            text = "".join(waiting)
            try:
                self._stream.write(text)
            except UnicodeError:
                self._stream.write(text.encode("ascii", "backslashreplace").decode())
            self._stream.flush()

    def _run(self) -> None:
        pause = threading.Event()
        while True:
            self._more.wait()
            pause.wait(EVERY)
            self._more.clear()
            self.write_out()
