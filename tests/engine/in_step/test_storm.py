"""After any storm: equal under the rules, nothing made twice, no edit lost outside of the moment of a write."""

from __future__ import annotations

import pytest

from storm import storm


@pytest.mark.parametrize("names", [("salon", "crm"), ("salon", "crm", "accounts")], ids=len)
@pytest.mark.parametrize("seed", range(4))
async def test_a_storm_ends_in_agreement(names: tuple[str, ...], seed: int, capsys: pytest.CaptureFixture[str]) -> None:
    one = await storm(names, seed, 150)
    capsys.readouterr()
    assert not one.faults()
