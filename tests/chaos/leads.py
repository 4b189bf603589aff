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

import httpx

from chaos.installation import TENANT, Journal, LocalInstallation, until
from chaos.leaks import leaks
from chaos.scenario import LAST_WORD, Failpoint, watch
from simulators.serve import Running
from svyazka.app import server_key_of
from svyazka.model.deliveries import Status
from svyazka.model.events import EventStatus
from vendors.parts import NAME, UNHURRIED, Crm, Guest, Source, Webhook

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

    def __init__(self, folder: Path, vendors: Running, crm: Crm) -> None:
        self.crm = crm
        super().__init__(folder, vendors, Source("site", webhook=lambda running, guest: Webhook(b"", {})), speed=SPEED)
        self.secrets = crm.vault()

    def tenant(self) -> dict[str, object]:
        crm = {"vendor": self.crm.vendor, "base_url": self.base_url(self.crm.vendor)}
        return {
            "id": TENANT, "name": "Кофейня на Покровке", "timezone": "Europe/Moscow",
            "connections": {
                "web": {"vendor": "site", "origins": ["https://example.test"]},
                "crm": {**crm, **self.crm.written(), **UNHURRIED},
            },
            "flows": [{"flow": "lead_intake", "from": ["web"], "via": ["crm"], "attach": "300d"}],
        }  # fmt: skip

    @property
    def secret(self) -> str:
        """The site's own server's key: nobody counts its calls."""
        key = server_key_of(self.keyring, "site", TENANT, "web", 1)
        assert key is not None
        return key


@dataclass
class Sent:
    """The sender's side of the story."""

    answers: Counter[int]
    ids: dict[Lead, set[str]]


async def send(installation: LeadInstallation, leads: Sequence[Lead], chance: random.Random) -> Sent:
    """Each lead is clicked twice at once and sent again until it is answered; some once more much later; a key that is
    used for other words is refused."""
    sent = Sent(Counter(), {lead: set() for lead in leads})
    waiting = list(leads)

    async def one(client: httpx.AsyncClient, lead: Lead, body: Mapping[str, Any]) -> int:
        headers = {"X-Site-Secret": installation.secret, **({"Idempotency-Key": lead.key} if lead.key else {})}
        while True:
            try:
                answer = await client.post(f"{installation.url}/ingest/lead", json=body, headers=headers)
            except httpx.HTTPError:
                sent.answers[0] += 1
            else:
                sent.answers[answer.status_code] += 1
                if answer.status_code < 300:
                    sent.ids[lead].add(answer.json()["id"])
                if answer.status_code < 500:
                    return answer.status_code
            await asyncio.sleep(0.1)

    async def visitor(client: httpx.AsyncClient) -> None:
        while waiting:
            lead = waiting.pop(0)
            await asyncio.gather(one(client, lead, lead.body), one(client, lead, lead.body))
            if lead.key and chance.random() < 0.2:
                assert await one(client, lead, lead.body) == 200, "sent again from the browser's memory"
                other = {**lead.body, "text": "другое"}
                assert await one(client, lead, other) == 422, "a key is of one call"

    async with installation.caller() as client:
        await asyncio.gather(*(visitor(client) for _ in range(6)))
    return sent


async def survive(
    installation: LeadInstallation, guests: int, failpoint: Failpoint, *, chance: random.Random, patience: float = 60.0
) -> Counter[str]:
    """A run after which the CRM and the journal agree; what happened to the processes."""
    leads = leads_of([Guest(number) for number in range(guests)])
    await installation.prepare()
    installation.crm.open(installation.vendors)
    installation.crm.lag(installation.vendors, LAG)
    done = asyncio.Event()
    try:
        async with asyncio.TaskGroup() as group:
            for name in ("accept", "work"):
                installation.start(name, failpoint(name))
            watching = group.create_task(watch(installation, 120 * installation.scale + 0.5, done, failpoint))
            await installation.ready()
            sent = await send(installation, leads, chance)
            await until(partial(_is_settled, installation), "everything settled", patience)
            await asyncio.sleep(LAST_WORD)
            await until(partial(_is_settled, installation), "everything stays settled", patience)
            done.set()
    finally:
        installation.stop()
    audit(installation, sent, await installation.journal(), guests)
    return watching.result()


async def _is_settled(installation: LeadInstallation) -> bool:
    journal = await installation.journal()
    planned = all(record.status is not EventStatus.ACCEPTED for record in journal.events)
    return planned and not installation.frozen() and not any(one.is_open for one in journal.deliveries)


def audit(installation: LeadInstallation, sent: Sent, journal: Journal, guests: int) -> None:
    """One contact and one deal for each person, one note for everything said, and nobody's name in an output."""
    assert all(len(ids) == 1 for ids in sent.ids.values()), "the same call is the same event"
    assert len(set().union(*sent.ids.values())) == len(sent.ids), "and no two calls are one"
    failed = Counter((one.step, one.status, one.last_error and one.last_error.code) for one in journal.deliveries
                     if one.status is not Status.SUCCEEDED)  # fmt: skip
    assert not failed, failed
    done = installation.crm.done(installation.vendors)
    made = {what: count for what, count in done.items() if what.split()[0] in ("create", "note")}
    assert made == {"create contact": guests, "create deal": guests, "note deal": len(sent.ids)}
    found = leaks(installation.spoken())
    assert not found, f"somebody was named in an output: {found[:3]}"
