"""How long one try may take while somebody waits in front of a page."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from svyazka.engine.rules.deadlines import GIVES_WAY_AFTER
from svyazka.model.deliveries import Delivery
from svyazka.model.paying import MakeLink

_somebody_waits: ContextVar[bool] = ContextVar("somebody_waits", default=False)
"""Of the work that is done right now: it is carried out by several hands, and each of them would have to pass it on."""


@contextmanager
def while_somebody_waits() -> Iterator[None]:
    """What is carried out within is waited for."""
    before = _somebody_waits.set(True)
    try:
        yield
    finally:
        _somebody_waits.reset(before)


def at_most(delivery: Delivery) -> float | None:
    """Seconds for its calls, where that is less than its operation may take otherwise."""
    gives_way = isinstance(delivery.command, MakeLink) and bool(delivery.fallbacks)
    return GIVES_WAY_AFTER if gives_way and _somebody_waits.get() else None
