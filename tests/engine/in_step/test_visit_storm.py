"""After any storm each visit is one deal, which says what the visit does; managers' moves reach it where they may."""

from __future__ import annotations

from pathlib import Path

import pytest

from beside import BesideLocal
from svyazka.backends.local.store import LocalStore
from visit_storm import VisitStorm, visit_storm

ROUNDS = 3
"""Looks at everything until nothing is written any more."""


def checked(one: VisitStorm) -> None:
    assert not one.faults()
    assert one.rounds <= ROUNDS
    assert one.done["edit"] > 10
    assert one.house.deals.made


@pytest.mark.parametrize("seed", [1, 10])
async def test_a_storm_of_visits_ends_in_agreement(seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    one = await visit_storm(seed, 150)
    capsys.readouterr()
    checked(one)


async def test_a_storm_of_visits_over_sqlite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = LocalStore.open(tmp_path)
    one = await visit_storm(5, 80, BesideLocal(store))
    capsys.readouterr()
    checked(one)
    await store.close()
