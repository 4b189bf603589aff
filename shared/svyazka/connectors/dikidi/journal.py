"""The back office's journal as it is read, and what its changes mean: DIKIDI tells nobody of them. Pure.

Each look is compared with the one before (a snapshot without anybody's name). What isn't there any more was cancelled
only if a second look finds it missing too, and only a few at once: a journal that comes back half must not cancel
everybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import NamedTuple

from svyazka.connectors.dikidi.schema import CLOCK, clock_of, money
from svyazka.engine.contracts.untrusted import Section, filled, section, sections, text
from svyazka.model.contacts import Contact
from svyazka.model.events import Change, EventType, Fact, Hint

OURS = re.compile(r"#svz-[0-9a-f]{6,}")
"""Our mark in the comment of a booking that we made by the widget."""

BLOCKS = frozenset({"break", "personal", "block"})
LOST_MOST, LOST_SHARE = 3, 0.3
"""Visits that may be missing at once and be believed: the larger of so many and of this share."""

CAME, MISSED, OFF = "came", "missed", "off"


@dataclass(frozen=True, slots=True)
class Entry:
    """One visit as the journal shows it."""

    id: str
    starts: datetime
    master: str
    state: str
    """`new`, `confirmed`, `came`, `missed` or `off`."""
    body: Section

    @property
    def shown(self) -> str:
        """What is remembered of it."""
        return f"{self.starts:%Y%m%d%H%M}.{self.master}.{self.state}"


class Details(NamedTuple):
    """Whose visit it is and for what, as far as the journal says."""

    client: str | None
    name: str | None
    phone: str | None
    service: str | None
    cost: Decimal | None
    """Roubles."""
    minutes: int | None


NOTHING = Details(None, None, None, None, None, None)


class Journal(NamedTuple):
    """One look."""

    entries: Mapping[str, Entry]
    masters: frozenset[str]


class Kept(NamedTuple):
    """What is remembered of one visit: how often it changed, and as what it was seen last."""

    times: int
    shown: str

    def __str__(self) -> str:
        return f"{self.times}:{self.shown}"

    @classmethod
    def of(cls, told: str) -> Kept:
        times, _, shown = told.partition(":")
        return cls(int(times), shown)

    @property
    def day(self) -> date:
        return datetime.strptime(self.shown[:8], "%Y%m%d").date()

    @property
    def state(self) -> str:
        return self.shown.rpartition(".")[2]


@dataclass(frozen=True, slots=True)
class Compared:
    """What two looks make of each other."""

    facts: Sequence[Fact]
    seen: Mapping[str, str]
    """The snapshot to be kept."""
    missing: Sequence[str]
    """Ids that weren't there this time, to be believed at the next look."""
    doubted: int = 0
    """So many are missing that nothing of them is believed."""


def journal_of(answer: Section) -> Journal | None:
    """A look; None where the answer isn't a journal any more: without its records it would cancel everybody."""
    root = section(answer.get("masters")) or section(answer.get("master"))
    records, info = root.get("records"), section(root.get("info"))
    if not isinstance(records, dict) or "data" not in records:
        return None
    ids = info.get("ids")
    masters = frozenset(id_ for one in (ids if isinstance(ids, list) else ()) if (id_ := text(one, 40)))
    entries = {one.id: one for one in _entries(section(records.get("data")))}
    return Journal(entries, masters or frozenset(section(info.get("data"))))


def _entries(data: Section) -> Iterator[Entry]:
    for master, days in data.items():
        for day, records in section(days).items() if isinstance(days, dict) else ():
            for body in section(records).values():
                if isinstance(body, dict) and (one := _entry(body, str(master), str(day))) is not None:
                    yield one


def _entry(body: Section, master: str, day: str) -> Entry | None:
    info = section(body.get("info"))
    client, services = section(info.get("client")), sections(info.get("services"))
    named = any(text(value) for value in (info.get("client_name"), info.get("client_phone"), client.get("id")))
    if text(body.get("type")) in BLOCKS or (not named and not services):
        return None  # a master's own time
    id_ = text(body.get("id"), 40)
    begin = text(body.get("begin"), 40) or ""
    starts = clock_of(begin if len(begin) > len("10:00:00") else f"{text(body.get('date'), 20) or day} {begin}")
    if id_ is None or starts is None:
        return None
    return Entry(id_, starts, text(body.get("item_id"), 40) or master, _state(info), body)


def _state(info: Section) -> str:
    """`client_came_id` goes before `status_id`."""
    came, status = text(info.get("client_came_id"), 4), text(info.get("status_id"), 4)
    if status in ("4", "5"):
        return OFF
    if came in ("1", "2"):
        return CAME if came == "1" else MISSED
    return {"1": "confirmed", "2": CAME, "3": MISSED}.get(status or "", "new")


def details_of(entry: Entry) -> Details:
    """What stands under a visit; the same is spelled in two ways."""
    info = section(entry.body.get("info"))
    client, services = section(info.get("client")), list(sections(info.get("services")))
    titles = [title for one in services if (title := text(one.get("title")) or text(one.get("name")))]
    costs = [cost for one in services if (cost := money(one.get("cost")) or money(one.get("price"))) is not None]
    seconds = text(entry.body.get("duration"), 10)
    return Details(
        client=text(info.get("client_id"), 40) or text(client.get("id"), 40),
        name=text(info.get("client_name")) or text(client.get("name")),
        phone=text(info.get("client_phone")) or text(client.get("phone")),
        service=", ".join(titles)[:300] or text(info.get("services_title")),
        cost=sum(costs, Decimal()) if costs else None,
        minutes=int(seconds) // 60 if seconds and seconds.isdigit() and len(seconds) < 7 else None,
    )


# What has changed


def compared(seen: Mapping[str, str], missing: Sequence[str], now: Journal, first: date, last: date) -> Compared:
    """What became of the visits since the look before; `first` to `last`: the days that were asked for."""
    facts: list[Fact] = []
    kept: dict[str, str] = {}
    for id_, entry in now.entries.items():
        before = Kept.of(seen[id_]) if id_ in seen else None
        if before is not None and before.shown == entry.shown:
            kept[id_] = str(before)
            continue
        after = Kept(before.times + 1 if before is not None else 1, entry.shown)
        kept[id_] = str(after)
        type_ = _type(before, entry)
        if type_ is not None:
            facts.append(_fact(type_, id_, after.times, entry))
    gone = {id_: Kept.of(told) for id_, told in seen.items() if id_ not in now.entries}
    gone = {id_: one for id_, one in gone.items() if first <= one.day <= last}
    if _is_cut(seen, gone, now):
        return Compared(facts, {**{id_: str(one) for id_, one in gone.items()}, **kept}, (), doubted=len(gone))
    for id_, one in gone.items():
        if id_ not in missing:
            kept[id_] = str(one)
        elif one.state != OFF:
            facts.append(_fact(EventType.APPOINTMENT_CANCELLED, id_, one.times + 1, None))
    return Compared(facts, kept, sorted(set(gone) - set(missing)))


def _is_cut(seen: Mapping[str, str], gone: Mapping[str, Kept], now: Journal) -> bool:
    """Whether the journal has rather lost a part than these visits were cancelled."""
    masters = {one.shown.split(".")[1] for one in gone.values()}
    if gone and masters - now.masters:
        return True
    if len(gone) > 1 and len(gone) == len(seen):
        return True
    return len(gone) > max(LOST_MOST, LOST_SHARE * len(seen))


def _type(before: Kept | None, entry: Entry) -> EventType | None:
    if before is None:
        if entry.state == OFF or OURS.search(text(section(entry.body.get("info")).get("comment"), 2000) or ""):
            return None  # told nobody of before; or our own booking coming back
        return _ENDS.get(entry.state, EventType.APPOINTMENT_BOOKED)
    if before.state != entry.state:
        return _STATES[entry.state]
    return EventType.APPOINTMENT_CHANGED


_ENDS = {CAME: EventType.APPOINTMENT_COMPLETED, MISSED: EventType.APPOINTMENT_MISSED}
_STATES = {
    **_ENDS, OFF: EventType.APPOINTMENT_CANCELLED, "confirmed": EventType.APPOINTMENT_CONFIRMED,
    "new": EventType.APPOINTMENT_CHANGED,
}  # fmt: skip


def _fact(type_: EventType, id_: str, times: int, entry: Entry | None) -> Fact:
    """`times`: the how-manieth change of the visit it is, which names it: the journal numbers nothing."""
    shown = details_of(entry) if entry is not None else NOTHING
    return Fact(
        type=type_,
        key=("visit", id_, str(times)),
        subject=f"visit:{id_}",
        about=(Hint(kind="visit", id=id_, change=Change.UPDATED if entry is not None else Change.DELETED),),
        position=times,
        contact=Contact(name=shown.name, phone=shown.phone) if shown.name or shown.phone else None,
        data=filled(
            {
                "record": id_,
                "starts_at_local": entry.starts.strftime(CLOCK) if entry else None,
                "date": f"{entry.starts:%d.%m.%Y}" if entry else None,
                "time": f"{entry.starts:%H:%M}" if entry else None,
                "minutes": shown.minutes,
                "service": shown.service,
                "sum": float(shown.cost) if shown.cost is not None else None,
                "staff_id": entry.master if entry else None,
                "client": shown.client,
            }
        ),
    )
