"""A lead's way into a CRM, killed and frozen at each step: one card, one deal on it and one note on that, each."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest

from chaos.installation import Journal, LocalInstallation
from chaos.leaks import leaks
from chaos.scenario import failpoints, have_struck, in_turn, run, settled
from simulators.serve import Running
from svyazka.model.commands import Repeat
from svyazka.model.deliveries import Status
from vendors import CRMS, SOURCES
from vendors.parts import Part, Stage

EVENTS = 4
STEPS = ("contact", "deal", "note")
STRIKES = (
    ("kill plan.before_commit", "kill perform.before_call", "kill settle.before"),
    ("kill plan.after_commit", "kill perform.after_call", "kill settle.after"),
    ("stop perform.before_call",), ("stop perform.after_call",),
)  # fmt: skip

RUNS = [*(("amocrm", strikes) for strikes in STRIKES), *((one, STRIKES[1]) for one in CRMS if one != "amocrm")]
"""One CRM at every step, each other one where its own repeat safety shows."""

SITE = replace(SOURCES["http"], settings={**SOURCES["http"].settings, "types": {"sold": "lead.created"}})


@dataclass(frozen=True, kw_only=True)
class Taker(Part):
    """A CRM in a messenger's place."""

    begin: Callable[[Stage], None]
    flow: str = "lead_intake"
    repeat: Repeat = Repeat.CHECKABLE
    has_receipts: bool = False
    backed_by: str | None = None
    sent: Callable[[Running], Mapping[str, int]]


def taker(vendor: str) -> Taker:
    crm = CRMS[vendor]
    return Taker(crm.vendor, crm.settings, crm.secrets, begin=lambda stage: crm.open(stage.running), sent=crm.done)


class Leads(LocalInstallation):
    """Leads of a site on their way into one CRM."""

    def rule(self, *via: Any, names: Sequence[str] = (), **settings: Any) -> dict[str, object]:
        return {"flow": "lead_intake", "id": "lead_intake", "from": ["source"], "via": ["messenger"], "note": True}


def all_done(journal: Journal, messenger: Any, events: int) -> bool:
    """Each lead's three steps have ended."""
    return settled(journal, messenger, len(STEPS) * events)


@pytest.mark.parametrize(
    ("vendor", "strikes"), RUNS, ids=lambda part: part if isinstance(part, str) else ", ".join(part)
)
async def test_each_lead_stands_in_the_crm_once(
    vendor: str, strikes: tuple[str, ...], tmp_path: Path, vendors: Callable[..., Running]
) -> None:
    crm: Any = taker(vendor)
    running = vendors(SITE, crm)
    await stands_once(Leads(tmp_path, running, SITE, crm), strikes, work=3)


async def stands_once(installation: LocalInstallation, strikes: tuple[str, ...], work: int) -> None:
    """A run with these failpoints, and what stands in the CRM after it."""
    planned = failpoints(*strikes, accept=2, work=work)
    outcome = await run(
        installation, events=EVENTS, failpoint=in_turn(planned), is_settled=all_done, one_at_a_time=False, patience=150
    )
    have_struck(outcome, planned)
    assert {one.status for one in outcome.journal.deliveries} == {Status.SUCCEEDED}
    written = CRMS[installation.messenger.vendor].done(installation.vendors)
    assert {what: count for what, count in written.items() if not what.startswith("link")} == {
        "create contact": EVENTS, "create deal": EVENTS, "note deal": EVENTS,
    }  # fmt: skip
    assert not leaks(installation.spoken())
