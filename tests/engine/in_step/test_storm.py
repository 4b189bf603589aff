"""After any storm: equal under the rules, nothing made twice, no edit lost outside of the moment of a write."""

from __future__ import annotations

from pathlib import Path

import pytest

from beside import BesideLocal
from storm import Storm, storm
from svyazka.backends.local.store import LocalStore

TWO, THREE = ("salon", "crm"), ("salon", "crm", "accounts")
ROUNDS = len(THREE) + 1
"""Looks at everything until nothing is written any more: one for each side, and the last finds nothing."""


def checked(one: Storm) -> None:
    assert not one.faults()
    assert one.rounds <= ROUNDS
    assert one.done["edit"] > 10


@pytest.mark.parametrize(("names", "seed"), [(TWO, 1), (TWO, 2), (THREE, 3), (THREE, 10)])
async def test_a_storm_ends_in_agreement(
    names: tuple[str, ...], seed: int, capsys: pytest.CaptureFixture[str]
) -> None:  # fmt: skip
    one = await storm(names, seed, 150)
    capsys.readouterr()
    checked(one)


async def test_a_storm_over_sqlite(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    store = LocalStore.open(tmp_path)
    one = await storm(THREE, 5, 100, BesideLocal(store))
    capsys.readouterr()
    checked(one)
    await store.close()
