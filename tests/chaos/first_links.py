"""`python -m chaos --first-link`: two filled bases over the stand-ins of their vendors are linked for the first time:
nobody is linked with another or made twice, each doubt is listed, then both agree, and a change of which no hook told
is found by the night."""

from __future__ import annotations

import asyncio
import random
import time
from collections import Counter
from collections.abc import Iterator

from chaos.many import Filled
from simulators.registry import load_simulator
from simulators.serve import Running, serve
from svyazka.connectors.registry import load_manifest
from svyazka.engine.agreeing.diffing import Summary, summary
from svyazka.engine.agreeing.matching import Card
from svyazka.engine.in_step.flows import in_step_flows
from svyazka.model.jobs import Job, JobState
from svyazka.model.records import RecordKind
from two_bases import Bases, two_bases
from vendors import CRMS

CRM, SALON = NAMES = ("amocrm", "yclients")
FIELDS = {"name": CRM, "phone": "both", "email": "both", "birthday": "off"}
RULES = {"fields": FIELDS, "first": "owner", "create": "all"}
"""What a shop says whose managers keep the names: all that differs is settled."""


class TwoBases(Filled):
    """Both, and whose card each is."""

    def __init__(self, running: Running, bases: Bases) -> None:
        super().__init__(NAMES, running, **RULES)
        self.bases = bases
        for name in NAMES:
            self.manifests[name] = load_manifest(name)
        self.person: dict[tuple[str, str], str] = {}
        """Object -> whom it really is."""
        for name, cards in ((CRM, bases.ours), (SALON, bases.theirs)):
            for card in cards:
                self.person[name, self.put(name, card)] = card.id.removeprefix("twice")
        self.calls()

    def put(self, name: str, card: Card) -> str:
        phones, emails = [key for key in card.keys if "@" not in key], [key for key in card.keys if "@" in key]
        return CRMS[name].person(self.vendors, {"name": card.name, "phones": phones, "emails": emails or [""]})

    def linked(self) -> Iterator[dict[str, str]]:
        """The objects of each record that two systems have."""
        for record in self.records():
            if len(record.systems) > 1:
                yield {name: side.object for name, side in record.systems.items()}

    def audit(self) -> None:
        """Nobody is another, nobody is made who was there, everybody else is made once."""
        stand = {name: Counter(person for (where, _), person in self.person.items() if where == name) for name in NAMES}
        made = {name: Counter[str]() for name in NAMES}
        for sides in self.linked():
            people = {name: self.person.get((name, object_)) for name, object_ in sides.items()}
            known = set(people.values()) - {None}
            assert len(known) == 1, f"linked, and not one person: {sides}, {people}"
            for name, person in people.items():
                if person is None:
                    made[name][str(*known)] += 1
        for name in NAMES:
            doubly = sorted(made[name].keys() & stand[name].keys())
            assert not doubly, f"{name}: made, though there: {len(doubly)}, {doubly[:9]}"
            assert set(made[name].values()) <= {1}, f"{name}: made twice"
        self.made = {name: made[name].total() for name in NAMES}

    async def diff(self) -> Summary:
        (flow,) = await in_step_flows(self.hub, self.tenant)
        return await summary(self.hub, self.tenant, flow)


async def link_two_bases(running: Running, size: int, chance: random.Random) -> dict[str, object]:
    """All of it; what was found, and what it cost each vendor in calls."""
    bases = two_bases(chance, size)
    house, found = TwoBases(running, bases), dict[str, object]()
    try:
        await house.settle_in()
        taken = await house.link()
        assert taken.state is JobState.DONE, taken
        found["calls of the link"] = house.calls()
        for when in ("first", "second"):  # what the one has seen to, the other sees agree
            for name in NAMES:
                night: Job = await house.night(name, when)
                assert night.state is JobState.DONE, night
        house.audit()
        found["linked"], found["made"] = sum(1 for _ in house.linked()), house.made
        told = {house.person.get((CRM, sides[CRM])) for sides in house.linked() if sides[CRM]}
        assert bases.told <= told, f"{len(bases.told - told)} aren't linked: {sorted(bases.told - told)[:5]}"
        asked = {house.person[one] for row in house.doubts() for one in row.sides.items() if one in house.person}
        assert bases.doubtful <= asked, f"{len(bases.doubtful - asked)} doubts aren't listed"
        found["doubts"] = len(house.doubts())
        tally = (await house.diff()).tally
        assert tally.agree == tally.fields, tally
        found["diff"] = f"{tally.agree} of {tally.fields} fields of {tally.records} records, {tally.unlinked} unlinked"
        await _silently(house)
        found["calls in all"] = house.calls()
    finally:
        await house.clients.close()
    return found


async def _silently(house: TwoBases) -> None:
    """A phone is added on each side, of which no hook tells."""
    sides = next(sides for sides in house.linked() if house.person.get((CRM, sides[CRM])) in house.bases.told)
    for number, name in enumerate(NAMES):
        await house.pass_time(3600)  # nothing is to be looked at anew any more
        phone = f"+7495000000{number}"
        CRMS[name].save(house.vendors, RecordKind.CONTACT, sides[name], {"phone": phone})
        night = await house.night(name, f"after {name}")
        assert night.counts.updated >= 1, night.counts
        (other,) = set(NAMES) - {name}
        assert phone in house.sides[other].cards[sides[other]].elements("phone"), f"{name} told nobody"


def rehearse_first_link(size: int, chance: random.Random) -> None:
    """So many in each."""
    begun = time.monotonic()
    with serve([load_simulator(name) for name in NAMES]) as running:
        for what, said in asyncio.run(link_two_bases(running, size, chance)).items():
            print(f"  {what}: {said}", flush=True)
    print(f"{size} people in each, 60 of a hundred in both, in {time.monotonic() - begun:.0f} s")
