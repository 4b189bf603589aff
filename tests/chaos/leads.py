"""Leads at the front door while processes are lost: each person stands in the CRM once, with one deal, and one note for
everything said."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from chaos.google import Cloud, GoogleInstallation
from chaos.installation import TENANT, Journal, LocalInstallation, until
from chaos.leaks import leaks
from chaos.scenario import Failpoint
from chaos.site import SITE, WEB, Site, live_through
from chaos.takers import taker
from simulators.serve import Running
from svyazka.model.deliveries import Status
from vendors.parts.base import NAME, UNHURRIED, Guest
from vendors.parts.crms import Crm

SPEED = 10.0
"""Of business time: whoever clicks twice does so within ten minutes of it, however often our processes die."""

LAG = 0.5
"""Seconds by which the CRM's search is behind."""

AGAIN = 5
"""Every so many people come back with other words, and their phone in another spelling."""


@dataclass(frozen=True)
class Lead:
    """What somebody sends."""

    guest: Guest
    number: int = 0

    @property
    def body(self) -> dict[str, Any]:
        phone = self.guest.phone if not self.number else f"8 ({self.guest.phone[2:5]}) {self.guest.phone[5:]}"
        return {"name": NAME, "phone": phone, "text": f"{self.number + 1}: перезвоните мне", "source": "landing"}

    @property
    def key(self) -> str | None:
        """Half of them name their calls, as a page of ours does; a form without JavaScript can't."""
        return f"lead-{self.guest.number}-{self.number}" if self.guest.number % 2 else None


def leads_of(guests: Sequence[Guest]) -> list[Lead]:
    """Everybody's, and those of who comes again."""
    return [*map(Lead, guests), *(Lead(guest, 1) for guest in guests if guest.number % AGAIN == 0)]


class LeadInstallation(LocalInstallation):
    """A site, the flow `lead_intake` and a CRM."""

    rates: Mapping[str, Any] = UNHURRIED
    """Settings of the CRM's connection; none: its vendor's own rates."""

    told_again: frozenset[int] = frozenset({200})
    """How a call that comes again is answered."""

    def __init__(self, folder: Path, vendors: Running, crm: Crm, **given: Any) -> None:
        self.crm = crm
        super().__init__(folder, vendors, SITE, taker(crm), **given)

    def tenant(self) -> dict[str, object]:
        crm = {"vendor": self.crm.vendor, "base_url": self.base_url(self.crm.vendor)}
        return {
            "id": TENANT, "name": "Кофейня на Покровке", "timezone": "Europe/Moscow",
            "connections": {"web": WEB, "crm": {**crm, **self.crm.written(), **self.rates}},
            "flows": [{"flow": "lead_intake", "from": ["web"], "via": ["crm"], "attach": "300d"}],
        }  # fmt: skip


class CloudLeads(LeadInstallation, GoogleInstallation):
    """The same as it stands in the cloud."""

    told_again = frozenset({200, 202})
    """202 where the journal was away and the queue alone has it: the id is the same."""

    def __init__(self, folder: Path, vendors: Running, crm: Crm, cloud: Cloud) -> None:
        super().__init__(folder, vendors, crm, cloud=cloud)


Ids = Mapping[Lead, set[str]]
"""Under which ids each was accepted."""


async def send(leads: Sequence[Lead], chance: random.Random, told_again: frozenset[int], site: Site) -> Ids:
    """Each lead is clicked twice at once and sent again until it is answered; some once more much later; a key that is
    used for other words is refused."""
    ids: dict[Lead, set[str]] = {lead: set() for lead in leads}
    waiting = list(leads)

    async def one(lead: Lead) -> int:
        answer = await site.post("lead", lead.body, lead.key)
        if answer.status_code < 300:
            ids[lead].add(answer.json()["id"])
        return answer.status_code

    async def visitor() -> None:
        while waiting:
            lead = waiting.pop(0)
            await asyncio.gather(one(lead), one(lead))
            if lead.key and chance.random() < 0.2:
                assert await one(lead) in told_again, "sent again from the browser's memory"
                other = await site.post("lead", {**lead.body, "text": "другое"}, lead.key)
                assert other.status_code == 422, "a key is of one call"

    await asyncio.gather(*(visitor() for _ in range(6)))
    await done(site, min(ids[leads[0]]))
    return ids


async def done(site: Site, id_: str) -> None:
    """Somebody's page asks what has become of it, until it has become something."""

    async def has_become_something() -> bool:
        found = await site.get(f"status/{id_}")
        return found.json()["status"] not in ("accepted", 404)  # by the queue, not journaled yet

    await until(has_become_something, f"{id_} is done", patience=120)


async def survive(
    installation: LeadInstallation, guests: int, failpoint: Failpoint, *, chance: random.Random, patience: float = 60.0
) -> Counter[str]:
    """A run after which the CRM and the journal agree; what happened to the processes."""
    leads = leads_of([Guest(number) for number in range(guests)])
    await installation.prepare()
    installation.crm.open(installation.vendors)
    installation.crm.lag(installation.vendors, LAG)
    ids, seen = await live_through(
        installation, failpoint, partial(send, leads, chance, installation.told_again), patience
    )
    audit(installation, ids, await installation.journal(), guests)
    return seen


def audit(installation: LeadInstallation, ids: Ids, journal: Journal, guests: int) -> None:
    """One contact and one deal for each person, one note for everything said, and nobody's name in an output."""
    assert all(len(of_one) == 1 for of_one in ids.values()), "the same call is the same event"
    assert len(set().union(*ids.values())) == len(ids), "and no two calls are one"
    failed = Counter((one.step, one.status, one.last_error and one.last_error.code) for one in journal.deliveries
                     if one.status is not Status.SUCCEEDED)  # fmt: skip
    assert not failed, failed
    done = installation.crm.done(installation.vendors)
    made = {what: count for what, count in done.items() if what.split()[0] in ("create", "note")}
    assert made == {"create contact": guests, "create deal": guests, "note deal": len(ids)}, made
    found = leaks(installation.spoken())
    assert not found, f"somebody was named in an output: {found[:3]}"
