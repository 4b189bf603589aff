"""Whether `svyazka run` is at work over a data folder: it holds a lock on a file there as long as it lives."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from svyazka.catalogue import _
from svyazka.model.errors import ConfigError

FILE = "run.lock"


@contextmanager
def held(data: Path) -> Iterator[None]:
    """Hold the lock; the system lets go of it whatever becomes of the process. Raises ConfigError."""
    descriptor = os.open(data / FILE, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        if not _lock(descriptor):
            raise ConfigError(
                _("{data}: `svyazka run` is at work here already; --data takes another folder", data=data.absolute())
            )
        yield
    finally:
        os.close(descriptor)


def is_running(data: Path) -> bool:
    """Whether somebody holds it."""
    try:
        descriptor = os.open(data / FILE, os.O_RDWR)
    except OSError:
        return False
    try:
        return not _lock(descriptor)
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
