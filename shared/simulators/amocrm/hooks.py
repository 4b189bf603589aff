"""amoCRM's webhooks: who is told what, repeats by its timetable, and the end of an address that answers badly."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

PATIENCE = 2.0
"""Seconds within which an answer must come."""

WINDOW, BAD_LIMIT = 2 * 3600.0, 100
"""More bad answers than this within the window, and the last one bad: switched off."""

REPEATS = (300.0, 900.0, 900.0, 3600.0)
SERVER_ERRORS = frozenset({499, *range(500, 600)})
"""The fourth and fifth attempts are made only after these."""


@dataclass
class Hook:
    """A registered address."""

    id: int
    destination: str
    settings: list[str]
    made: int
    disabled: bool = False
    bad: list[float] = field(default_factory=list)

    def shown(self) -> dict[str, Any]:
        return {
            "id": self.id, "destination": self.destination, "created_at": self.made, "updated_at": self.made,
            "account_id": 31500000, "created_by": 9100009, "sort": 10, "disabled": self.disabled,
            "settings": self.settings,
        }  # fmt: skip

    def answered(self, status: int, now: float) -> None:
        """Count an answer; 0 is none at all."""
        if is_good(status):
            return
        self.bad = [*(moment for moment in self.bad if moment > now - WINDOW), now]
        self.disabled = self.disabled or len(self.bad) > BAD_LIMIT


@dataclass
class Repeat:
    """A webhook that is to be sent again."""

    hook: int
    body: bytes
    tries: int
    due: float


def is_good(status: int) -> bool:
    return 100 <= status < 300


def next_repeat(hook: Hook, body: bytes, tries: int, status: int, now: float) -> Repeat | None:
    """When a webhook comes again after `tries` attempts of which the last was answered so."""
    if is_good(status) or tries > len(REPEATS) or (tries >= 3 and status not in SERVER_ERRORS):
        return None
    return Repeat(hook.id, body, tries, now + REPEATS[tries - 1])
