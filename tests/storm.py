"""Months in a shop with several systems, in seconds: people edit, make, delete and merge cards, hooks are lost, doubled
and reordered, systems fail and lose answers, workers die; then it is quiet, and everything must agree.

What is true is known from outside: which person each card is of, and every edit with what its maker saw.
"""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from typing import Any, TypeVar

import pytest

from dying import Killed, strikes
from fake_side import FakeSide
from in_step_house import POINTS, InStep
from svyazka.engine.comparing.matching import can_be_one, told_by
from svyazka.engine.comparing.normalising import NORMALISERS, FieldType, Normaliser, plain_text
from svyazka.engine.comparing.prints import Printer
from svyazka.engine.in_step import preparing, wanting
from svyazka.engine.in_step.flows import in_step_flows
from svyazka.engine.in_step.wanting import Wanting
from svyazka.engine.ports.store import Task
from svyazka.engine.rules.what_differs import normal_element
from svyazka.engine.security.keyring import Keyring
from svyazka.model.errors import Unavailable
from svyazka.model.in_step import Record
from svyazka.model.records import CLEARED, SETS, RecordKind

FoundT = TypeVar("FoundT")

NAMES = [
    "Иван",
    "Пётр",
    "Анна",
    "Мария",
    "Олег",
    "Семён",
    "Юлия",
    "Вера",
    "Глеб",
    "Нина",
    "Артём",
    "Зоя",
    "Марк",
    "Лев",
    "Ада",
    "Яна",
]
SURNAMES = ["Орлов", "Жуков", "Белых", "Седых", "Чиж", "Кузьмин", "Ильин", "Гусев", "Дроздов", "Лунин"]

SECOND = Normaliser(2, {**NORMALISERS[0].rules, FieldType.NAME: lambda text: plain_text(text).replace("ё", "е")})
"""A release that spells names otherwise than the one before."""


@dataclass
class Edit:
    """One change that a person made to one field of one card."""

    side: str
    card: str
    name: str
    before: Any
    after: Any
    in_window: bool
    """Between our reading and our writing: it may be overwritten, and is then found where its vendor tells."""


@dataclass
class Truth:
    """What nobody told the hub."""

    person_of: dict[tuple[str, str], int] = field(default_factory=dict)
    """Of each card that a person made."""
    edits: list[Edit] = field(default_factory=list)
    people: int = 0
    names: dict[int, set[str]] = field(default_factory=dict)
    phones: dict[int, set[str]] = field(default_factory=dict)
    """Of each person, whatever any card of theirs ever showed."""

    def met(self, person: int, name: Any, phones: Sequence[str]) -> None:
        """A card of theirs shows this."""
        self.names.setdefault(person, set()).update([name] if isinstance(name, str) else [])
        self.phones.setdefault(person, set()).update(normal_element("phone", one) for one in phones)

    def told_by(self, name: Any, phones: Sequence[str]) -> set[int]:
        """Whom a name and phones could be of."""
        told, shown = (name if isinstance(name, str) else None, None), {normal_element("phone", one) for one in phones}
        theirs = [person for person, known in self.phones.items() if known & shown]
        return {one for one in theirs if any(can_be_one((known, None), told) for known in self.names[one])}


class Storm:
    """One storm, by its seed."""

    def __init__(self, house: InStep, chance: random.Random, keys: bool = True) -> None:
        self.house, self.chance, self.keys = house, chance, keys
        self.truth = Truth()
        self.late: list[tuple[str, Any]] = []
        """Hooks on their way."""
        self.done: Counter[str] = Counter()
        self.normalisers: Sequence[Normaliser] = NORMALISERS
        self.point = ""
        self.rounds = 0
        """Times that everything had to be looked at until nothing was written any more."""
        self.ignored: set[tuple[str, str]] = set()
        """Fields that a system took without effect at some time."""
        self._patch = pytest.MonkeyPatch()
        strikes(self._reach, self._patch)
        for module in (wanting, preparing):  # where the release's normaliser is chosen
            self._patch.setattr(module, "printer", self._printer)

    def over(self) -> None:
        """Failpoints and printers are the engine's own again."""
        self._patch.undo()

    def _reach(self, point: str) -> None:
        if point == self.point:
            self.point = ""
            self.done["died"] += 1
            raise Killed(point)

    def _printer(self, hub: Any, tenant: str, kind: RecordKind) -> Printer:
        return Printer(hub.keyring.print_keys(), tenant, kind.value, self.normalisers)

    # What happens

    async def rage(self, steps: int) -> None:
        """So many things happen."""
        acts: list[tuple[int, Callable[[], Any]]] = [
            (6, self.make), (24, self.edit), (3, self.delete), (2, self.restore), (2, self.merge),
            (1, self.twin), (2, self.respell), (2, self.rights), (2, self.cannot_write), (2, self.down),
            (1, self.day_away), (3, self.cut), (3, self.throttle),
            (3, self.in_window), (3, self.kill), (1, self.freeze), (30, self.work), (12, self.time),
        ]  # fmt: skip
        if self.keys:
            acts += [(1, self.rotate), (1, self.release)]
        await self._acts(acts, steps)

    async def _acts(self, acts: Sequence[tuple[int, Callable[[], Any]]], steps: int) -> None:
        weights = [weight for weight, _ in acts]
        for _ in range(steps):
            act = self.chance.choices(acts, weights)[0][1]
            self.done[act.__name__] += 1
            done = act()
            if asyncio.iscoroutine(done):
                await done

    def side(self) -> FakeSide:
        return self.chance.choice(list(self.house.sides.values()))

    def card(self) -> tuple[FakeSide, str] | None:
        side = self.side()
        return (side, self.chance.choice(sorted(side.cards))) if side.cards else None

    def make(self) -> None:
        side = self.side()
        person, phone = self.truth.people, f"+7999{self.truth.people:07d}"
        self.truth.people += 1
        name = f"{NAMES[person % len(NAMES)]} {SURNAMES[person // len(NAMES) % len(SURNAMES)]}"
        if self.chance.random() < 0.15 and (other := self.card()) is not None:
            phones = other[0].cards[other[1]].elements("phone")[:1]
            # A household; but a namesake of the same phone is somebody else to nobody.
            phone = phones[0] if phones and not self.truth.told_by(name, phones) else phone
        self.truth.met(person, name, (phone,))
        self.truth.person_of[side.name, side.add(name=name, phone=(phone,))] = person

    def twin(self) -> None:
        """Somebody who has a card in a system is given a second one there."""
        if (found := self.card()) is None or (person := self.truth.person_of.get((found[0].name, found[1]))) is None:
            return
        side, card = found[0], found[0].cards[found[1]]
        if card.fields["name"] is not CLEARED and (phone := card.elements("phone")):
            self.truth.met(person, card.fields["name"], phone[:1])
            self.truth.person_of[side.name, side.add(name=card.fields["name"], phone=phone[:1])] = person

    def respell(self) -> None:
        """The same phone, as another hand writes it: nothing follows from that."""
        if (found := self.card()) is None or "phone" in found[0].hidden:
            return
        side, id_ = found
        phones = side.cards[id_].elements("phone")
        if phones and len(digits := re.sub(r"\D", "", phones[0])) == 11:
            first = f"8 ({digits[1:4]}) {digits[4:7]}-{digits[7:9]}-{digits[9:]}"
            side.edit(id_, phone=(first, *phones[1:]))

    def edit(self) -> None:
        if (found := self.card()) is not None:
            self.change(*found, in_window=False)

    def change(self, side: FakeSide, id_: str, in_window: bool) -> None:
        card, name = side.cards[id_], self.chance.choice(side.editable)
        if name in side.hidden:
            return
        before = card.fields[name]
        after = self._other(name, before, side, card.fields)
        if after == before or (name in ("name", "phone") and not self._tells({**card.fields, name: after}, side, id_)):
            return
        side.edit(id_, **{name: after})
        self.truth.edits.append(Edit(side.name, id_, name, before, after, in_window))

    def _tells(self, fields: Mapping[str, Any], side: FakeSide, id_: str) -> bool:
        """Whether a card would show a name and phones that are nobody else's, as far as anybody can tell."""
        card = side.cards[id_]
        known = self.truth.person_of.get((side.name, id_))
        people = {known} if known is not None else self.truth.told_by(card.fields["name"], card.elements("phone"))
        if len(people) != 1:
            return False
        (person,) = people
        phones = fields["phone"] if isinstance(fields["phone"], tuple) else ()
        if self.truth.told_by(fields["name"], (*phones, *self.truth.phones[person])) - people:
            return False
        self.truth.met(person, fields["name"], phones)
        return True

    def _other(self, name: str, before: Any, side: FakeSide, fields: Mapping[str, Any]) -> Any:
        number = self.chance.randrange(10**6)
        if name == "name":
            words = str(before).split() if before is not CLEARED else ["Кто-то"]
            return f"{words[0]} {self.chance.choice(SURNAMES)}{'' if self.chance.random() < 0.7 else number}"
        if name == "birthday":
            return f"19{self.chance.randrange(50, 99)}-0{self.chance.randrange(1, 9)}-1{self.chance.randrange(0, 9)}"
        new = f"+7988{number:07d}" if name == "phone" else f"p{number}@example.org"
        there = before if isinstance(before, tuple) else ()
        if name in side.singles or not there or not side.adds:
            return (new,)
        return (*there, new)

    def delete(self) -> None:
        if (found := self.card()) is not None:
            found[0].delete(found[1])

    def restore(self) -> None:
        side = self.side()
        if side.bin:
            side.restore(self.chance.choice(sorted(side.bin)))

    def merge(self) -> None:
        side = self.side()
        cards = sorted(side.cards)
        mine = {id_: self.truth.person_of.get((side.name, id_)) for id_ in cards}
        pairs = [(a, b) for a in mine for b in mine if a < b and mine[a] is not None and mine[a] == mine[b]]
        if pairs:
            side.merge(*self.chance.choice(pairs))

    def rights(self) -> None:
        side, name = self.side(), self.chance.choice(("phone", "email", "name"))
        side.hidden ^= {name}

    def cannot_write(self) -> None:
        side, name = self.side(), self.chance.choice(("birthday", "email"))
        side.ignores ^= {name}
        self.ignored.add((side.name, name))

    def down(self) -> None:
        side = self.side()
        side.down = not side.down

    async def day_away(self) -> None:
        """Nobody can reach a system for a day, and people go on."""
        side = self.side()
        side.down = True
        for _ in range(6):
            await self._passing(4 * 3600)
            self.edit()
            await self.work()
        side.down = False

    def cut(self) -> None:
        self.side().cut.append(self.chance.choice(("before", "after")))

    def throttle(self) -> None:
        self.side().busy = self.chance.randrange(1, 4)

    def in_window(self) -> None:
        """Somebody saves the very card, or another one, while we write."""
        side = self.side()

        def saved() -> None:
            if (found := self.card()) is not None:
                self.change(*found, in_window=True)

        side.meanwhile.append(saved)

    def kill(self) -> None:
        self.point = self.chance.choice(POINTS)

    def freeze(self) -> None:
        """The worker stands still in the middle of a write until its lease is long over."""
        self.side().meanwhile.append(lambda: self.house.clock.step(200))

    def rotate(self) -> None:
        secrets = dict(self.house.keyring._secrets)
        mint = dict(secrets["mint"])
        mint[str(len(mint) + 1)] = bytes([self.chance.randrange(256) for _ in range(32)])
        self.house.keyring = Keyring({**secrets, "mint": mint})
        self.house.start()

    def release(self) -> None:
        self.normalisers = (NORMALISERS[0], SECOND)

    async def time(self) -> None:
        await self._passing(self.chance.choice((5, 30, 90, 400, 4000)))

    async def _passing(self, seconds: float) -> None:
        self.house.clock.step(seconds)
        self.house.worker.outages._cache.clear()
        with suppress(Killed):
            await self.house.worker.handle("/sweep", {})
            return
        self.house.start()

    async def work(self) -> None:
        """Hooks arrive, some of them, in any order; and some of what is due is done, several at once."""
        await self.hooks()
        await self.together(self.chance.randrange(1, 12), self.chance.randrange(1, 5))

    async def hooks(self, all_of_them: bool = False) -> None:
        for name, side in self.house.sides.items():
            self.late += [(name, hint) for hint in side.told]
            side.told.clear()
        self.chance.shuffle(self.late)
        stay: list[tuple[str, Any]] = []
        for name, hint in self.late:
            fate = 1.0 if all_of_them else self.chance.random()
            if fate < 0.1:
                continue  # lost
            if fate < 0.3:
                stay.append((name, hint))
                continue
            await patient(partial(self.house.tell, name, hint))
            if 0.3 < fate < 0.36:
                await patient(partial(self.house.tell, name, hint, fresh=False))
        self.late = stay

    async def together(self, most: int, at_once: int) -> int:
        """So many of the tasks that are due, some at once; a death takes all of them along."""
        done = 0
        while done < most:
            now = self.house.clock.now()
            due = [task for task in self.house.store.tasks if task.due is None or task.due <= now]
            if not due:
                return done
            batch = self.chance.sample(due, min(at_once, len(due)))
            for task in batch:
                self.house.store.tasks.remove(task)
            await self._batch(batch)
            done += len(batch)
        return done

    async def _batch(self, batch: list[Task]) -> None:
        running = [asyncio.ensure_future(self.house.worker.handle(task.path, task.body)) for task in batch]
        finished, others = await asyncio.wait(running, return_when=asyncio.FIRST_EXCEPTION)
        died = any(isinstance(one.exception(), Killed) for one in finished)
        for one in others:
            one.cancel()
        await asyncio.gather(*running, return_exceptions=True)
        for task, one in zip(batch, running, strict=True):
            if one.cancelled() or isinstance(one.exception(), Killed):
                self.house.store.tasks.append(task)  # the queue hasn't heard that it was done
            elif one.exception() is not None:
                raise one.exception()  # type: ignore[misc]
            elif one.result() >= 300:
                self.house.store.tasks.append(replace(task, due=self.house.clock.now() + timedelta(seconds=10)))
        if died:
            self.house.start()

    # Quiet

    async def calm(self) -> int:
        """All is well again, what was lost is found by looking at everything, until nothing more is written; how many
        rounds that took."""
        self.point = ""
        for side in self.house.sides.values():
            side.down, side.busy = False, 0
            side.cut.clear()
            side.meanwhile.clear()
            side.hidden = set()
            side.ignores = set()
        for rounds in range(1, 12):
            before = sum(len(side.writes) + len(side.made) for side in self.house.sides.values())
            await self.look_at_everything()
            await self.settle()
            if sum(len(side.writes) + len(side.made) for side in self.house.sides.values()) == before:
                return rounds
        raise AssertionError("writes never end")

    async def fetched(self) -> None:
        """What is in the store, where looking at it takes a call."""
        await patient(self.house.store.fetched)

    async def look_at_everything(self) -> None:
        """What the nightly comparison does."""
        await self.fetched()
        hub = self.house.hub
        tenant = await hub.directory.tenant("kofe")
        assert tenant is not None
        (flow,) = await in_step_flows(hub, tenant)
        wants = Wanting(hub)
        for side in self.house.sides.values():
            for id_ in list(side.cards) if flow.kind.begins(side.name) else ():
                record = await patient(partial(wants.met, tenant, flow, side.name, id_))
                await patient(partial(wants.wish, tenant, flow, record))
        for one in self.house.records():
            await patient(partial(wants.wish, tenant, flow, one.id))

    async def settle(self) -> None:
        for _ in range(400):
            await self.hooks(all_of_them=True)
            await self.together(10**6, 3)
            if not self.late and not any(side.told for side in self.house.sides.values()):
                await self.fetched()
                open_ = [one for one in self.house.deliveries() if one.is_open]
                if not open_:
                    return
            await self._passing(120)
        left = [(one.id, one.status, one.last_error) for one in self.house.deliveries() if one.is_open]
        raise AssertionError(f"never at rest: {left[:5]}")

    # What must be true then

    def faults(self) -> list[str]:
        """All that is wrong."""
        return [*self._wrong_links(), *self._doubles(), *self._unequal(), *self._lost()]

    def _whose(self) -> dict[tuple[str, str], int]:
        """The person of every card that is known, by the record that it is linked in."""
        found, known = dict(self.truth.person_of), self.truth.person_of
        of_record: dict[str, list[tuple[str, str]]] = {}
        for link in self.house.links():
            of_record.setdefault(link.record, []).append((link.connection, link.object))
        for cards in of_record.values():
            people = {known[card] for card in cards if card in known}
            if len(people) == 1:
                (person,) = people
                found |= dict.fromkeys(cards, person)
        return found

    def _wrong_links(self) -> list[str]:
        found = []
        for record in self.house.records():
            people = {self.truth.person_of.get((name, side.object)) for name, side in record.sides.items()} - {None}
            if len(people) > 1:
                found.append(f"{record.id} holds several people: {record.sides.keys()} {people}")
        return found

    def _doubles(self) -> list[str]:
        whose, found = self._whose(), []
        for side in self.house.sides.values():
            count: Counter[int] = Counter(whose[side.name, id_] for id_ in side.cards if (side.name, id_) in whose)
            for id_ in side.made:
                person = whose.get((side.name, id_))
                if id_ in side.cards and person is not None and count[person] > 1 and self._is_second(side, id_, whose):
                    found.append(f"{side.name}/{id_}: person {person} has {count[person]} cards there")
        return found

    def _is_second(self, side: FakeSide, id_: str, whose: Mapping[tuple[str, str], int]) -> bool:
        """Whether a person had a card with that phone and name there before. (By another name or birthday, on any card
        of the record that it was made for, it is somebody else's, as far as anybody can tell; and nobody finds a card
        by a phone that another system shows, and this one doesn't yet.)"""
        cards, person = side.cards, whose[side.name, id_]
        found = side.found.get(id_, frozenset(cards))
        others = [one for one in found if one in cards and whose.get((side.name, one)) == person]
        records = [one for one in self.house.records() if side.name in one.sides]
        record = next(one for one in records if one.sides[side.name].object == id_)
        own = [
            told_by(there[one.object]) for name, one in record.sides.items()
            if one.object in (there := self.house.sides[name].cards)
        ]  # fmt: skip
        return any(
            set(_phones(side, id_)) & set(_phones(side, one))
            and all(can_be_one(mine, told_by(cards[one])) for mine in own)
            for one in others
        )

    def _unequal(self) -> list[str]:
        found = []
        for record in self.house.records():
            for name in ("name", "phone", "email", "birthday"):
                shown = {
                    connection: self.house.sides[connection].cards[side.object].fields[name]
                    for connection, side in record.live.items() if side.object in self.house.sides[connection].cards
                }  # fmt: skip
                if not self._agree(record, name, shown):
                    bases = {one: (side.state.value, side.bases.get(name)) for one, side in record.sides.items()}
                    found.append(f"{record.id} {name}: {shown}, asked {record.asked}, agreed {bases}")
        return found

    def _agree(self, record: Record, name: str, shown: Mapping[str, Any]) -> bool:
        if len(shown) < 2 or name in record.asked or name in record.accepted or name in record.stopped:
            return True
        if name not in SETS:
            return len(set(map(str, shown.values()))) == 1
        held = {
            one: frozenset(normal_element(name, each) for each in value) if isinstance(value, tuple) else frozenset()
            for one, value in shown.items()
        }
        whole = {held[one] for one in shown if name not in self.house.sides[one].singles}
        views = [held[one] for one in shown if name in self.house.sides[one].singles]
        return len(whole) <= 1 and all(not whole or view <= next(iter(whole)) for view in views)

    def _lost(self) -> list[str]:
        """Edits that nobody overwrote knowingly, and that stand nowhere. (Of sets elements are added only, and they
        must agree.)"""
        whose, found = self._whose(), []
        edits = [(whose.get((one.side, one.card)), one) for one in self.truth.edits]
        for place, (person, edit) in enumerate(edits):
            later = [one for who, one in edits[place + 1 :] if who == person and one.name == edit.name]
            if person is None or edit.in_window or edit.name in SETS or edit.card in self.house.sides[edit.side].bin:
                continue
            if any(one.before == edit.after or one.in_window or one.card == edit.card for one in later):
                continue  # whoever came next saw it, or it was in the way of one who saved while we wrote
            earlier = [one for who, one in edits[:place] if who == person and one.name == edit.name]
            if any(edit.after in (one.before, one.after) for one in earlier):
                continue  # back to what stood there before: where that was agreed, nothing has changed
            if any((one.side, one.name) in self.ignored for one in later):
                continue  # its system took our write and kept nothing of it: whoever came next never saw it
            standing = {
                str(self.house.sides[name].cards[id_].fields[edit.name])
                for (name, id_), who in whose.items() if who == person and id_ in self.house.sides[name].cards
            }  # fmt: skip
            asked = any(
                edit.name in record.asked
                for record in self.house.records()
                if person in {whose.get((name, side.object)) for name, side in record.sides.items()}
            )
            if standing and str(edit.after) not in standing and not asked:
                found.append(f"person {person}: {edit}, stands {standing}, later {later}")
        return found


def _phones(side: FakeSide, id_: str) -> list[str]:
    return [normal_element("phone", one) for one in side.cards[id_].elements("phone")]


async def patient(do: Callable[[], Awaitable[FoundT]]) -> FoundT:
    """What vendors, and whoever looks at everything, do once more where the store is slow: it may be a real one, on a
    machine that has other work too."""
    for _ in range(PATIENCE):
        with suppress(Unavailable):
            return await do()
    return await do()


PATIENCE = 12


async def storm(names: Sequence[str], seed: int, steps: int, store: Any = None, **settings: Any) -> Storm:
    """A storm, and the calm after it."""
    return await storm_over(InStep(names, store, create="all", **settings), seed, steps)


async def storm_over(house: InStep, seed: int, steps: int) -> Storm:
    """The same over a house that is there."""
    await patient(house.settle_in)
    one = Storm(house, random.Random(seed))
    await through(one, steps)
    return one


async def through(one: Storm, steps: int) -> None:
    """It rages for so many steps, and calms down."""
    try:
        await one.rage(steps)
        one.rounds = await one.calm()
        await one.fetched()
    finally:
        one.over()


__all__ = ["Storm", "patient", "storm", "storm_over", "through"]
