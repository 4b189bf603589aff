"""What `show` says of a visit that is to be booked, moved or cancelled."""

from __future__ import annotations

import pytest

from svyazka.cli.commands.show import _visit_lines
from svyazka.model.bookings import WallTime
from svyazka.model.commands import BookVisit, CancelVisit, Command, MoveVisit, SendVisitCode
from svyazka.model.contacts import Contact

NOON = WallTime.read("2026-10-05T12:00", "Asia/Omsk")
ANNA = Contact(name="Анна", phone="+79991234567")
SHOWN: list[tuple[Command, list[str]]] = [
    (BookVisit(services=("331", "332"), staff="16", starts_at=NOON, person=ANNA, comment="Анна"),
     ["at 05.10.2026 12:00 (Asia/Omsk)", "services 331, 332, master 16"]),
    (BookVisit(services=("331",), starts_at=NOON, person=ANNA), ["at 05.10.2026 12:00 (Asia/Omsk)",
                                                                 "services 331, master —"]),
    (MoveVisit(visit="7", starts_at=NOON), ["at 05.10.2026 12:00 (Asia/Omsk)", "visit 7"]),
    (CancelVisit(visit="7"), ["visit 7"]),
    (CancelVisit(visit=""), []),
    (SendVisitCode(person=ANNA), []),
]  # fmt: skip


@pytest.mark.parametrize(("command", "lines"), SHOWN)
def test_a_visits_time_is_shown_on_its_places_clock_and_nobody_is_named(command: Command, lines: list[str]) -> None:
    assert list(_visit_lines(command)) == lines
