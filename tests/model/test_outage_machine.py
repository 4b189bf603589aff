"""An outage's states: every way that its table has is gone, and no other."""

from __future__ import annotations

from datetime import UTC, datetime
from itertools import product

import pytest

from svyazka.model.errors import IllegalTransition
from svyazka.model.outages import TRANSITIONS, Outage, OutageState

NOW = datetime(2026, 3, 14, tzinfo=UTC)

IN = {
    OutageState.OPEN: {"kind": "down", "probe": None, "closed_at": None, "releasing": False},
    OutageState.PROBING: {"kind": "down", "probe": "dlv_1", "closed_at": None, "releasing": False},
    OutageState.BLOCKED: {"kind": "blocked", "probe": None, "closed_at": None, "releasing": False},
    OutageState.RELEASING: {"kind": "down", "probe": None, "closed_at": NOW, "releasing": True},
    OutageState.CLOSED: {"kind": "down", "probe": None, "closed_at": NOW, "releasing": False},
}  # fmt: skip
"""What makes each state."""


def outage(state: OutageState) -> Outage:
    begun = {"tenant": "kofe", "connection": "sms", "vendor": "sms", "since": NOW, "code": "503", "message": "down"}
    return Outage.model_validate({"id": "out_1", "next_probe_at": NOW, **begun, **IN[state]})


def test_every_state_has_its_ways_and_its_marks() -> None:
    assert set(TRANSITIONS) == set(IN) == set(OutageState)
    assert [outage(state).state for state in OutageState] == list(OutageState)


@pytest.mark.parametrize(("before", "after"), product(OutageState, OutageState))
def test_it_moves_as_the_table_says(before: OutageState, after: OutageState) -> None:
    if after in TRANSITIONS[before]:
        assert outage(before).moved(**IN[after]).state is after
    else:
        with pytest.raises(IllegalTransition):
            outage(before).moved(**IN[after])
