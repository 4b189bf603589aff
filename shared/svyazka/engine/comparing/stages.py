"""A visit's status and a deal's stage: which stage means which status, what a move of the deal says of the visit, and
where the deal goes when the visit moves on.

The stages between are the CRM's own ("call back", "prepaid"): a stage is written only where the status that it means is
another one, so that a manager's move within a status stays.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from svyazka.catalogue import N_
from svyazka.model.bookings import VisitStatus
from svyazka.model.errors import ConfigError
from svyazka.model.records import UNREAD, Blank

STEPS: Mapping[VisitStatus, frozenset[VisitStatus]] = {
    VisitStatus.BOOKED: frozenset(
        {VisitStatus.CONFIRMED, VisitStatus.COMPLETED, VisitStatus.MISSED, VisitStatus.CANCELLED}
    ),
    VisitStatus.CONFIRMED: frozenset({VisitStatus.COMPLETED, VisitStatus.MISSED, VisitStatus.CANCELLED}),
    VisitStatus.COMPLETED: frozenset(),
    VisitStatus.MISSED: frozenset(),
    VisitStatus.CANCELLED: frozenset(),
}
"""Where a status goes at a deal's word. Back, and to anywhere, it goes at the calendar's only."""

ATTENDANCE = frozenset({VisitStatus.COMPLETED, VisitStatus.MISSED})
"""Whether somebody came is known at the place: a deal that is won before the visit says nothing of it."""


class Silent(StrEnum):
    """Why a deal's stage says nothing of the visit."""

    NOT_OURS = "not_ours"
    """The stage isn't in the table."""
    NOT_ITS_TO_SAY = "not_its_to_say"
    """The status doesn't go there at a deal's word."""
    AMBIGUOUS = "ambiguous"
    """It means several statuses, each of which it could be."""


@dataclass(frozen=True, slots=True)
class Reading:
    """What a deal's stage says."""

    status: VisitStatus | Blank
    why: Silent | None = None


@dataclass(frozen=True, slots=True)
class StageTable:
    """The stages of one pipeline. Several may mean one status, and one may mean several."""

    stages: Mapping[VisitStatus, tuple[str, ...]]
    """By status; the first is the one that is written."""

    @classmethod
    def of(cls, given: Mapping[str, str | Sequence[str]]) -> StageTable:
        """From a tenant file: `{booked: "80953554", cancelled: ["143", "80953560"]}`. Raises ConfigError where a status
        has no stage, or isn't one."""
        stages: dict[VisitStatus, tuple[str, ...]] = {}
        for name, value in given.items():
            if name not in set(VisitStatus):
                raise ConfigError(
                    N_("stages: expected statuses of {known}, got {name!r}").format(
                        known=", ".join(VisitStatus), name=name
                    )
                )
            stages[VisitStatus(name)] = (value,) if isinstance(value, str) else tuple(map(str, value))
        for status in VisitStatus:
            if not stages.get(status):
                raise ConfigError(
                    N_("stages: {status!r} has no stage: name the one that a deal is to be moved to").format(
                        status=str(status)
                    )
                )
        return cls(stages)

    def means(self, stage: str) -> tuple[VisitStatus, ...]:
        """Each status that a stage may stand for, in their order."""
        return tuple(status for status in VisitStatus if stage in self.stages[status])

    def to_write(self, status: VisitStatus, stage: str | None) -> str | None:
        """The stage that a deal is to be moved to; None where it stands in one that means this status."""
        return None if stage is not None and stage in self.stages[status] else self.stages[status][0]

    def read(
        self,
        stage: str,
        calendar: VisitStatus,
        agreed: Callable[[VisitStatus], bool],
        *,
        attendance_both: bool = False,
    ) -> Reading:
        """What a deal says of its visit, given what the calendar says and what the two last agreed on.

        `agreed` tells whether a status is that one (bases keep prints, not values); `attendance_both`: managers may say
        in the CRM who came.
        """
        means = self.means(stage)
        if not means:
            return Reading(UNREAD, Silent.NOT_OURS)
        for status in means:
            if status is calendar or agreed(status):
                return Reading(status)
        said = [status for status in means if attendance_both or status not in ATTENDANCE]
        steps = [status for status in said if status in STEPS[calendar]]
        if len(steps) == 1:
            return Reading(steps[0])
        return Reading(UNREAD, Silent.AMBIGUOUS if steps else Silent.NOT_ITS_TO_SAY)
