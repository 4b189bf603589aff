"""A payment's way from the front door to the provider and back, with processes lost at each step of it (short form)."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.payments import TELLER, PaymentInstallation, survive
from chaos.scenario import failpoints, have_struck, in_turn
from chaos.takers import taker
from simulators.serve import Running
from vendors import PROVIDERS

BILLS = 4
STRUCK = (
    ("kill accept.after", "kill pay.before_commit"),
    ("stop perform.after_call",),
)
"""What is left of the places is passed in the long form, and all of them as deployed."""

Vendors = Callable[..., Running]


@pytest.mark.parametrize("strikes", STRUCK, ids=", ".join)
async def test_nobody_is_charged_twice_and_no_money_is_lost_though_processes_are_lost_at(
    strikes: tuple[str, ...], tmp_path: Path, vendors: Vendors
) -> None:
    provider = PROVIDERS["yookassa"]
    installation = PaymentInstallation(tmp_path, vendors(taker(provider), TELLER), provider)
    planned = failpoints(*strikes, accept=3)
    have_struck(await survive(installation, BILLS, in_turn(planned), chance=random.Random(7)), planned)
