"""Whoever brings the next channel is lost doing it: one message by it all the same, and never two."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from chaos.installation import Journal, LocalInstallation
from chaos.leaks import leaks
from chaos.scenario import failpoints, have_struck, in_turn, owed, run, settled
from simulators.exolve import Exolve
from simulators.serve import Running
from svyazka.model.deliveries import Status
from vendors import MESSENGERS, SOURCES
from vendors.parts.base import Guest
from vendors.parts.messengers import Messenger

EVENTS = 8
GUESTS = [Guest(number) for number in range(EVENTS)]
FIRST, SECOND = MESSENGERS["exolve"], MESSENGERS["resend"]
"""Neither leaves anything unknown, whatever else is lost with the process."""


@dataclass(frozen=True)
class Ending:
    """How every message of the first channel ends, so that the second has its turn."""

    name: str
    script: Callable[[Exolve], None]
    status: Status
    taken: int


def _refused(first: Exolve) -> None:
    first.refusals["*"] = "destination is not permitted for delivery"


def _undelivered(first: Exolve) -> None:
    first.final = "FAILED"


REFUSED = Ending("refused for good", _refused, Status.FAILED, 0)
UNDELIVERED = Ending("taken and not delivered", _undelivered, Status.SUCCEEDED, 1)


def fallen_back(journal: Journal, messenger: Messenger, events: int) -> bool:
    """Each channel has had its turn with everybody."""
    return settled(journal, messenger, 2 * events)


@pytest.mark.parametrize(
    ("action", "ending"), [("kill", REFUSED), ("kill", UNDELIVERED), ("stop", REFUSED)],
    ids=lambda part: part if isinstance(part, str) else part.name,
)  # fmt: skip
async def test_before_a_fallback(action: str, ending: Ending, tmp_path: Path, vendors: Callable[..., Running]) -> None:
    parts = (SOURCES["http"], FIRST, SECOND)
    running = vendors(*parts)
    ending.script(running.of(FIRST.vendor))
    installation = LocalInstallation(tmp_path, running, *parts)
    planned = failpoints(f"{action} fallback.before")
    outcome = await run(installation, events=EVENTS, failpoint=in_turn(planned), is_settled=fallen_back)
    have_struck(outcome.seen, planned)
    assert outcome.sent == [
        {guest.phone: ending.taken for guest in GUESTS if ending.taken}, {guest.email: 1 for guest in GUESTS}
    ]  # fmt: skip
    states = Counter((delivery.vendor, delivery.status) for delivery in owed(outcome.journal, FIRST))
    assert states == {(FIRST.vendor, ending.status): EVENTS, (SECOND.vendor, Status.SUCCEEDED): EVENTS}
    assert not leaks(installation.spoken())
