"""A file's way into a CRM, the process that brings it killed on it (short form)."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

import messy_rows
from chaos.imports import MOST, RATE, ImportInstallation, survive
from simulators.serve import Running
from vendors import LEAD_TAKERS

DIES_AT = ("chunk.after_call", "chunk.in_book")


@pytest.mark.timeout(300)
def test_each_line_is_brought_over_once_though_whoever_brings_it_is_killed(
    tmp_path: Path, vendors: Callable[..., Running]
) -> None:
    part = LEAD_TAKERS["amocrm"]
    installation = ImportInstallation(tmp_path, vendors(part), part)
    made = messy_rows.messy(120, seed=8, doubles=0.05)
    seen = survive(installation, made, len(DIES_AT), random.Random(1), DIES_AT)
    assert seen.deaths.keys() == set(DIES_AT)
    assert seen.peak <= MOST
    assert seen.calls / RATE < len(made) / 5000 * 180 + 10, "5 000 are to be there within three minutes"
    installation.stop()
