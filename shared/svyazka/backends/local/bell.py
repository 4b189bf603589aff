"""Wakes the working process when another one has queued something: a named pipe in the data folder.

It only spares waiting: the tasks themselves are durable before it is rung, and whoever listens looks now and then
anyway, so a ring that is lost costs a moment. Where no pipe can be made (a file system without them), nobody hears.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

NAME = "wake"
RINGS = 4096
"""Bytes that are taken out of the pipe at once: each ring is one, and says no more than the last."""


class Bell:
    """One process's end of the pipe."""

    def __init__(self, data: Path) -> None:
        self._path = data / NAME
        self._pipe: int | None = None

    def ring(self) -> None:
        """Wake whoever listens. Never waits and never raises."""
        try:
            if self._pipe is None:
                self._pipe = os.open(self._path, os.O_WRONLY | os.O_NONBLOCK)
            os.write(self._pipe, b"\n")
        except BlockingIOError:
            return  # full of rings that nobody has heard yet
        except OSError:
            self.close()  # nobody listens, or somebody else by now: the next ring looks for the pipe again

    @contextmanager
    def heard(self, by: Callable[[], None]) -> Iterator[bool]:
        """Call `by` in this loop for each ring, or for several at once; False where nothing can be heard."""
        pipe = self._listening()
        if pipe is None:
            yield False
            return

        def take() -> None:
            with suppress(BlockingIOError):
                os.read(pipe, RINGS)
            by()

        loop = asyncio.get_running_loop()
        loop.add_reader(pipe, take)
        try:
            yield True
        finally:
            loop.remove_reader(pipe)
            os.close(pipe)
            self._path.unlink(missing_ok=True)

    def _listening(self) -> int | None:
        try:
            if not self._path.is_fifo():  # one of a process that was killed does
                os.mkfifo(self._path, 0o600)
            # For writing too: the pipe of a reader alone would be at its end whenever the last writer goes.
            return os.open(self._path, os.O_RDWR | os.O_NONBLOCK)
        except (OSError, AttributeError):  # Windows knows none
            return None

    def close(self) -> None:
        """Let go of the pipe."""
        if self._pipe is not None:
            os.close(self._pipe)
            self._pipe = None
