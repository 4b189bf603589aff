"""Processes that die at the named places on their way (`failpoints`)."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from random import Random

import pytest

from svyazka.engine.support import failpoints


class Killed(BaseException):
    """The process is gone."""


def strikes(reach: Callable[[str], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever passes a named place calls this: it may raise."""
    for name, module in list(sys.modules.items()):
        if name.startswith("svyazka.") and module is not failpoints and hasattr(module, "reach"):
            monkeypatch.setattr(module, "reach", reach)


def dies_at(point: str, monkeypatch: pytest.MonkeyPatch, nth: int = 1) -> list[str]:
    """The process that is the nth to pass this place is gone; what comes back is empty once that has happened."""
    left = [point] * nth

    def reach(at: str) -> None:
        if at in left:
            left.remove(at)
            if not left:
                raise Killed(at)

    strikes(reach, monkeypatch)
    return left


@contextmanager
def dies_once(point: str) -> Iterator[list[str]]:
    """The same of the first one, within the block alone."""
    with pytest.MonkeyPatch.context() as patch:
        yield dies_at(point, patch)


@contextmanager
def dying(chance: Random, share: float, points: Sequence[str]) -> Iterator[None]:
    """A process dies at this share of all these places that it passes."""

    def reach(at: str) -> None:
        if at in points and chance.random() < share:
            raise Killed(at)

    with pytest.MonkeyPatch.context() as patch:
        strikes(reach, patch)
        yield
