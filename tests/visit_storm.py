"""Months at a salon whose visits are deals in a CRM: booked, moved, cancelled, missed, deleted; managers move deals and
delete them; everything else goes wrong as in `storm.py`. Then it is quiet, and each deal says what its visit does."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any
from zoneinfo import ZoneInfo

from fake_visits import STAGES, THEIRS, ZONES, VisitHouse
from storm import NAMES, SURNAMES, Storm, patient, through
from svyazka.engine.comparing.stages import ATTENDANCE, STEPS
from svyazka.model.bookings import VisitStatus, WallTime
from svyazka.model.in_step import Record
from svyazka.model.records import CLEARED, Object

MEANS = {stage: VisitStatus(status) for status, stages in STAGES.items() for stage in stages}
SAME = ("starts_at", "ends_at", "service", "staff", "price")
"""The calendar's own fields, and what a deal shows of them."""
DAY = 24


@dataclass
class Said:
    """What people did to one visit and its deal."""

    last: str = "salon"
    """Which of the two was changed last."""
    in_window: bool = False
    """And that this was while we wrote there: it may have been overwritten."""
    stages: set[str] = field(default_factory=set)
    """To which managers moved the deal."""
    times: list[datetime] = field(default_factory=list)
    """To which it was put off, at either place; one that was chosen while we wrote is forgotten, with those before."""
    stood: set[str] = field(default_factory=set)
    """Where the visit has stood before: back there, it may look as if it had never gone anywhere."""


class VisitStorm(Storm):
    """One storm, by its seed."""

    house: VisitHouse

    def __init__(self, house: VisitHouse, chance: random.Random, keys: bool = True) -> None:
        super().__init__(house, chance, keys)
        self.said: dict[str, Said] = {}
        """By visit."""
        self.dropped: set[str] = set()
        """Deals that managers deleted at some time."""

    # What happens

    async def rage(self, steps: int) -> None:
        acts: list[tuple[int, Callable[[], Any]]] = [
            (7, self.book), (24, self.edit), (2, self.purge), (1, self.restore), (1, self.drop), (1, self.take_back),
            (2, self.rights), (2, self.down), (1, self.day_away), (3, self.cut), (3, self.throttle),
            (3, self.in_window), (3, self.kill), (1, self.freeze), (30, self.work), (12, self.time),
        ]  # fmt: skip
        if self.keys:
            acts += [(1, self.rotate), (1, self.release)]
        await self._acts(acts, steps)

    def book(self) -> None:
        """Each time somebody new, so that nobody's deals are another visit's; one in ten leaves no phone."""
        person = self.truth.people
        self.truth.people += 1
        name = f"{NAMES[person % len(NAMES)]} {SURNAMES[person // len(NAMES) % len(SURNAMES)]}"
        phone = CLEARED if self.chance.random() < 0.1 else (f"+7999{person:07d}",)
        self.said[self.house.journal.book(0, **self._when(), name=name, phone=phone)] = Said()

    def edit(self) -> None:
        self._change(in_window=False)

    def change(self, side: Any, id_: str, in_window: bool) -> None:
        self._change(in_window)

    def _change(self, in_window: bool) -> None:
        """At either place."""
        both = self.house.settings["fields"].get("starts_at") == "both"
        acts = (self._moved, self._went_on, self._staged, self._titled, self._put_off)
        self.chance.choices(acts, (3, 5, 5, 1, 2 * both))[0](in_window)

    def _visit(self) -> tuple[str, Object] | None:
        cards = self.house.journal.cards
        return (id_, cards[id_]) if cards and (id_ := self.chance.choice(sorted(cards))) else None

    def _moved(self, in_window: bool) -> None:
        if (found := self._visit()) is not None:
            when = self._when()
            self._at(found[0], when, in_window)
            self.house.journal.edit(found[0], **when)

    def _when(self) -> dict[str, str]:
        """Some time in the next month; often in the night in which the clocks change."""
        change = _changes_after(self.house.clock.now(), self.house.journal.zone) if self.chance.random() < 0.2 else None
        if change is None:
            return self.house.journal.at(self.chance.randrange(1, 30 * DAY))
        return self.house.journal.by_clock(change + timedelta(minutes=15 * self.chance.randrange(-12, 13)))

    def _went_on(self, in_window: bool) -> None:
        """Its calendar says where it stands: anywhere, and back."""
        if (found := self._visit()) is None:
            return
        status = self.chance.choice([one.value for one in VisitStatus if one.value != found[1].fields["status"]])
        self._by("salon", found[0], in_window)
        self.said[found[0]].stood.add(str(found[1].fields["status"]))
        self.house.journal.edit(found[0], status=status)

    def _staged(self, in_window: bool) -> None:
        if (found := self._deal()) is None:
            return
        visit, id_ = found
        others = [one for one in (*MEANS, THEIRS) if one != self.house.deals.cards[id_].fields["stage"]]
        stage = self.chance.choice(others)
        self._by("crm", visit, in_window)
        self.said[visit].stages.add(stage)
        self.house.deals.edit(id_, stage=stage)

    def _titled(self, in_window: bool) -> None:
        if (found := self._deal()) is not None:
            self.house.deals.edit(found[1], title=f"срочно {self.chance.randrange(100)}")

    def _put_off(self, in_window: bool) -> None:
        """A manager moves the deal's time."""
        if (found := self._deal()) is not None:
            when = self._when()
            self._at(found[0], when, in_window)
            self.house.deals.edit(found[1], starts_at=WallTime.heard(when["starts_at"]).moment.isoformat())

    def _at(self, visit: str, when: dict[str, str], in_window: bool) -> None:
        times = self.said[visit].times
        times.append(WallTime.heard(when["starts_at"]).moment)
        if in_window:
            times.clear()

    def _deal(self) -> tuple[str, str] | None:
        """A deal, and its visit: by its title and mark nobody but us can tell, so it is by whose card it belongs to."""
        cards = self.house.deals.cards
        if not cards:
            return None
        id_ = self.chance.choice(sorted(cards))
        return (visit, id_) if (visit := self._visit_of(cards[id_])) is not None else None

    def _visit_of(self, deal: Object) -> str | None:
        phones = {self.house.deals.people[one.id].fields["phone"] for one in deal.links}
        every = {**self.house.journal.bin, **self.house.journal.cards}
        return next((id_ for id_, one in every.items() if one.fields["phone"] in phones), None)

    def _by(self, side: str, visit: str, in_window: bool) -> None:
        said = self.said[visit]
        said.last, said.in_window = side, in_window

    def purge(self) -> None:
        """A visit isn't shown any more."""
        if (found := self._visit()) is not None:
            self._by("salon", found[0], in_window=False)
            self.said[found[0]].stood.add(str(found[1].fields["status"]))
            self.house.journal.delete(found[0])

    def restore(self) -> None:
        there = self.house.journal.bin
        if there:
            id_ = self.chance.choice(sorted(there))
            self._by("salon", id_, in_window=False)
            self.said[id_].stood.add(VisitStatus.CANCELLED.value)
            self.house.journal.restore(id_)

    def drop(self) -> None:
        """A manager deletes a deal."""
        if (found := self._deal()) is not None:
            self.dropped.add(found[1])
            self.house.deals.delete(found[1])

    def take_back(self) -> None:
        there = self.house.deals.bin
        if there:
            self.house.deals.restore(self.chance.choice(sorted(there)))

    def rights(self) -> None:
        side = self.side()
        side.hidden ^= {self.chance.choice(("stage", "title") if side is self.house.deals else ("phone", "service"))}

    # What must be true then

    def faults(self) -> list[str]:
        return [*self._twice(), *self._missing(), *self._apart(), *self._unasked()]

    def _twice(self) -> list[str]:
        deals, people = self.house.deals, self.house.deals.people
        # One whose answer was lost, and that was deleted before anybody could find it, nobody knows of.
        linked = {one.object for one in self.house.links() if one.connection == "crm"}
        known = [id_ for id_ in (*deals.cards, *deals.bin) if id_ in linked or id_ not in self.dropped]
        by_mark = Counter(deals.marks[id_] for id_ in known)
        by_phone = Counter(str(one.fields["phone"]) for one in people.values())
        found = [f"{count} deals of one mark {mark}" for mark, count in by_mark.items() if count > 1]
        return found + [f"{count} cards of {phone}" for phone, count in by_phone.items() if count > 1]

    def _missing(self) -> list[str]:
        """Each visit has its deal, or a reason."""
        found, known = list[str](), {one.sides["salon"].object: one for one in self.house.records()}
        for id_ in self.house.journal.cards:
            record = known.get(id_)
            if record is None:
                found.append(f"nobody has heard of visit {id_}")
            elif "crm" not in record.sides and not record.refused and not record.has_gone:
                found.append(f"visit {id_} has no deal and no reason: {record.model_dump_json(exclude_defaults=True)}")
        return found

    def _pairs(self) -> list[tuple[Record, Object | None, Object]]:
        """What is linked: its record, its visit (None: it is gone) and its deal."""
        found = []
        for record in self.house.records():
            deal = self.house.deals.cards.get(record.live["crm"].object) if "crm" in record.live else None
            if deal is not None:
                found.append((record, self.house.journal.cards.get(record.sides["salon"].object), deal))
        return found

    def _apart(self) -> list[str]:
        found = []
        for record, visit, deal in self._pairs():
            excused = {*record.asked, *record.stopped, *record.accepted}
            if "status" not in excused and (why := self._stage_is_wrong(record, visit, deal)):
                found.append(f"{record.id} {record.sides['salon'].object}: {why}, {self._of(record)}")
            if visit is None:
                continue
            for name in SAME:
                ours, shown = (self._told(name, one.fields[name]) for one in (visit, deal))
                if name not in excused and ours != shown:
                    found.append(f"{record.id} {name}: {ours} is {shown}, {self._of(record)}")
            last = self._of(record).times[-1:]
            if "starts_at" not in excused and last and self._told("starts_at", visit.fields["starts_at"]) != last[0]:
                found.append(f"{record.id} is at {visit.fields['starts_at']}, {self._of(record)}")
            # What was written there before anybody knew whose deal it is stays a manager's.
            theirs = "title" in excused or "title" not in record.sides["crm"].bases
            title = f"{visit.fields['service']}: {visit.fields['name']}"
            if not theirs and deal.fields["title"] != title:
                found.append(f"{record.id} is called {deal.fields['title']}, {self._of(record)}")
        return found

    def _told(self, name: str, shown: Any) -> Any:
        """A time as the moment that it is: a deal knows no clock."""
        if name not in ("starts_at", "ends_at") or not isinstance(shown, str):
            return shown
        clock, _, zone = shown.partition(" ")
        return WallTime.read(clock, zone or self.house.journal.zone).moment

    def _of(self, record: Record) -> Said:
        return self.said[record.sides["salon"].object]

    def _stage_is_wrong(self, record: Record, visit: Object | None, deal: Object) -> str:
        """The stage says what the visit does; but for a manager's last word that says nothing of a visit."""
        status = VisitStatus(str(visit.fields["status"])) if visit is not None else VisitStatus.CANCELLED
        said, means = self._of(record), MEANS.get(str(deal.fields["stage"]))
        if means in (status, None):
            return ""
        of_both = self.house.settings.get("attendance") == "both"
        told = means in STEPS[status] and (of_both if means in ATTENDANCE else not self._is_over(visit))
        if not told and (said.last == "crm" or status in said.stood):
            return ""
        return "" if said.in_window else f"{status} and a deal at {deal.fields['stage']}"

    def _is_over(self, visit: Object | None) -> bool:
        return visit is None or WallTime.heard(str(visit.fields["ends_at"])).moment < self.house.clock.now()

    def _unasked(self) -> list[str]:
        """No visit is brought anywhere but by its deal's own stages."""
        found = []
        for record, visit, _deal in self._pairs():
            if visit is None or self._of(record).last == "salon":
                continue
            meant = {MEANS.get(one) for one in self._of(record).stages}
            written = [one for one in self.house.journal.writes if one.split()[0] == visit.id and "status" in one]
            if written and not meant - {None}:
                found.append(f"{visit.id} was brought to {visit.fields['status']}: no manager said so")
        return found


def _changes_after(moment: datetime, zone: str) -> datetime | None:
    """The clock there, as it is next changed within a month."""
    hours = [(moment.replace(minute=0, second=0, microsecond=0) + timedelta(hours=one)) for one in range(30 * DAY)]
    there = [one.astimezone(ZoneInfo(zone)) for one in hours]
    return next(
        (later.replace(tzinfo=None) for one, later in pairwise(there) if one.utcoffset() != later.utcoffset()), None
    )


async def visit_storm(seed: int, steps: int, store: Any = None, **settings: Any) -> VisitStorm:
    """A storm, and the calm after it; each seed's at another place, some where managers say who came, or put visits
    off."""
    zone = random.Random(f"zone {seed}").choice(ZONES)
    attendance = random.Random(f"attendance {seed}").choice(("calendar", "both"))
    fields = random.Random(f"fields {seed}").choice(({}, {}, {"starts_at": "both"}))
    house = VisitHouse(store, zone, **{"attendance": attendance, "fields": fields, **settings})
    await patient(house.settle_in)
    one = VisitStorm(house, random.Random(seed))
    await through(one, steps)
    return one


__all__ = ["VisitStorm", "visit_storm"]
