"""What is made once for all processes of a test run: one of them makes it, the others wait."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest


def shared_folder(paths: pytest.TempPathFactory, name: str) -> Path:
    """Of this run: each of its processes gets the same."""
    base = paths.getbasetemp()
    return (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / name


@contextmanager
def turn(folder: Path, name: str) -> Iterator[Path]:
    """One process at a time; the file whose being there says that it is done."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder / name
