"""Somebody who looks after the hub, and what is said to him. What he may do and the engine never does by itself stands
beside: reopen, resolve, replay, send (DESIGN 5.6).

Everything there is by compare-and-set, leaves a note in the story, and gives the queue its task.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from svyazka.engine.contracts.webhook import Webhook
from svyazka.engine.hub import Hub


@dataclass(frozen=True, slots=True)
class Operator:
    """An operator's hand on the journal."""

    hub: Hub
    webhook_of: Callable[[str], Webhook | None]
    who: str
    """Stands in every note."""


@dataclass(frozen=True, slots=True)
class Done:
    """What was (or in a dry run would be) done about one id. `skipped` with the reason, or what was done."""

    id: str
    what: Literal["reopened", "planned", "parsed", "skipped"]
    reason: str | None = None

    @property
    def skipped(self) -> bool:
        return self.what == "skipped"


@dataclass(frozen=True, slots=True)
class How:
    """An operator's word on a replay."""

    again: bool = False
    """What succeeded is done once more."""
    ignore_age: bool = False
    """What is too old, or of unknown age, is sent all the same."""
    dry_run: bool = False
    why: str = "replay"
