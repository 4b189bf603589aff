"""A lead's way from the front door to the CRM, with processes lost at each step of it (short form)."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest

from chaos.google import Cloud
from chaos.leads import SPEED, CloudLeads, LeadInstallation, survive
from chaos.scenario import failpoints, have_struck, in_turn
from simulators.serve import Running
from svyazka.connectors.registry import VENDORS, load_manifest
from vendors import LEAD_TAKERS

GUESTS, IN_THE_CLOUD = 10, 4
STRIKES = (
    ("kill accept.before", "kill perform.after_call"),
    ("kill accept.after", "kill settle.before"),
    ("kill answer.before", "kill plan.before_commit", "kill settle.after"),
    ("stop perform.after_call",),
)
"""Each step that a sequence adds something to."""


STRUCK = [("amocrm", strikes) for strikes in STRIKES] + [("bitrix24", STRIKES[0])]


@pytest.mark.parametrize(("crm", "strikes"), STRUCK, ids=str)
async def test_each_person_stands_in_the_crm_once_though_processes_are_lost_at(
    crm: str, strikes: tuple[str, ...], tmp_path: Path, vendors: Callable[..., Running]
) -> None:
    part = LEAD_TAKERS[crm]
    installation = LeadInstallation(tmp_path, vendors(part), part, speed=SPEED)
    planned = failpoints(*strikes, work=4)
    have_struck(await survive(installation, GUESTS, in_turn(planned), chance=random.Random(1)), planned)


@pytest.mark.timeout(240)
async def test_it_does_so_as_deployed(tmp_path: Path, vendors: Callable[..., Running], cloud: Cloud) -> None:
    part = LEAD_TAKERS["amocrm"]
    installation = CloudLeads(tmp_path, vendors(part), part, cloud)
    planned = failpoints("kill accept.before", "kill perform.after_call", accept=2, work=2)
    seen = await survive(installation, IN_THE_CLOUD, in_turn(planned), chance=random.Random(1), patience=120)
    have_struck(seen, planned)


def test_every_crm_takes_part() -> None:
    assert {crm for crm, _ in STRUCK} == {name for name in VENDORS if load_manifest(name).carries("PutRecord")}
