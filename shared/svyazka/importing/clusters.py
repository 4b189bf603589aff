"""Lines of one file that may be one person: shown together with the reasons, and never merged unasked. Pure.

Who shares a phone under another name is another person of the same household: both are taken, each for himself.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations
from typing import NamedTuple

from svyazka.catalogue import N_
from svyazka.engine.comparing.matching import can_be_one, full_name
from svyazka.importing.rows import Row
from svyazka.model.names import patronymic_of, plain_words

CROWD = 5
"""A phone or an address that more lines share is a firm's, or one that somebody types to fill the field."""


class Reason(StrEnum):
    """Why two lines may be one person."""

    CODE = "same_code"
    PHONE = "same_phone"
    PHONE_NO_NAME = "same_phone_no_name"
    MAIL = "same_mail"
    NAME_AND_BIRTHDAY = "same_name_and_birthday"
    CROWD = "shared_by_many"


REASONS: Mapping[Reason, str] = {
    Reason.CODE: N_("the same code, with something else beside it"),
    Reason.PHONE: N_("the same phone, and names that can be one person's"),
    Reason.PHONE_NO_NAME: N_("the same phone or address, and one of them bears no name"),
    Reason.MAIL: N_("the same address, and names that can be one person's"),
    Reason.NAME_AND_BIRTHDAY: N_("the same name and birthday, no phone or address in common"),
    Reason.CROWD: N_("a phone or an address that many lines share"),
}


class Known(NamedTuple):
    """What is remembered of a line while the others are read: enough to compare it, and no more."""

    number: int
    code: str | None
    phones: tuple[str, ...]
    mails: tuple[str, ...]
    name: str | None
    birthday: str | None

    @property
    def told(self) -> tuple[str | None, str | None]:
        """Name and birth date: what tells people of one phone apart."""
        return self.name, self.birthday

    @classmethod
    def of(cls, row: Row) -> Known:
        """Of a line that tells of a person."""
        return cls(
            row.number, row.text("code"), row.texts("phone"), row.texts("email"), row.text("name"), row.text("birthday")
        )


@dataclass(frozen=True, slots=True)
class Cluster:
    """Lines that may be one person."""

    lines: tuple[int, ...]
    reasons: frozenset[Reason]
    alike: bool
    """Whether each of them can be each other: names and birthdays contradict nowhere."""
    id: str
    """The same for the same people in the next file."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a file's lines have in common."""

    clusters: tuple[Cluster, ...]
    households: tuple[tuple[int, ...], ...]
    """Lines that share a phone or an address under other names: each is taken for himself."""


def clusters(known: Sequence[Known]) -> Found:
    """All clusters, in the order of their first lines."""
    joined, households = _Union(), []
    by_number = {one.number: one for one in known}
    for reason, group in _groups(known):
        if reason is Reason.NAME_AND_BIRTHDAY:
            joined.all([group[0], *(one for one in group[1:] if not _share(one, group[0]))], reason)
        elif reason is Reason.CODE:
            joined.all(group, reason)
        elif len(group) > CROWD:
            joined.all(group, Reason.CROWD)
        elif not _pairs(group, reason, joined):
            households.append(tuple(one.number for one in group))
    found = tuple(
        _cluster([by_number[number] for number in sorted(numbers)], reasons) for numbers, reasons in joined.groups()
    )
    return Found(tuple(sorted(found, key=lambda one: one.lines)), tuple(sorted(set(households))))


def _groups(known: Sequence[Known]) -> Iterator[tuple[Reason, list[Known]]]:
    """Lines by what they share, wherever two do. Nearly every value is one line's alone: it costs no list."""
    first: dict[Reason, dict[str, Known]] = {reason: {} for reason in Reason}
    shared: dict[tuple[Reason, str], list[Known]] = {}
    for one in known:
        for reason, value in _values(one):
            earlier = first[reason].setdefault(value, one)
            if earlier is not one:
                shared.setdefault((reason, value), [earlier]).append(one)
    for (reason, _value), group in shared.items():
        yield reason, group


def _values(one: Known) -> Iterator[tuple[Reason, str]]:
    """What a line may share with another."""
    if one.code:
        yield Reason.CODE, one.code.casefold()
    for phone in one.phones:
        yield Reason.PHONE, phone
    for mail in one.mails:
        yield Reason.MAIL, mail
    words = full_name(one.name) if one.birthday else ()
    if words:
        yield Reason.NAME_AND_BIRTHDAY, " ".join([one.birthday or "", *words, patronymic_of(one.name) or ""])


def _pairs(group: list[Known], reason: Reason, joined: _Union) -> bool:
    """Join those of a group who can be one; whether there were any."""
    any_joined = False
    for one, other in combinations(group, 2):
        if not can_be_one(one.told, other.told):
            continue
        nameless = not plain_words(one.name) or not plain_words(other.name)
        joined.join(one.number, other.number, Reason.PHONE_NO_NAME if nameless else reason)
        any_joined = True
    return any_joined


def _share(one: Known, other: Known) -> bool:
    """Whether a phone or an address ties them already."""
    return not {*one.phones, *one.mails}.isdisjoint((*other.phones, *other.mails))


def _cluster(members: list[Known], reasons: frozenset[Reason]) -> Cluster:
    pairs: Iterable[tuple[Known, Known]] = combinations(members[: CROWD + 1], 2)
    alike = Reason.CROWD not in reasons and all(can_be_one(one.told, other.told) for one, other in pairs)
    said = "\n".join(sorted(f"{one.code}|{one.name}|{','.join(sorted(one.phones + one.mails))}" for one in members))
    name = hashlib.blake2b(said.encode(), digest_size=8).hexdigest()
    return Cluster(tuple(one.number for one in members), reasons, alike, name)


class _Union:
    """Union-find over numbers of lines, with the reasons on the way."""

    def __init__(self) -> None:
        self._above: dict[int, int] = {}
        self._why: list[tuple[int, Reason]] = []

    def all(self, group: Sequence[Known], reason: Reason) -> None:
        for other in group[1:]:
            self.join(group[0].number, other.number, reason)

    def join(self, one: int, other: int, reason: Reason) -> None:
        self._why.append((one, reason))
        top, below = sorted((self._top(one), self._top(other)))
        self._above[below] = top
        self._above.setdefault(top, top)

    def groups(self) -> Iterator[tuple[list[int], frozenset[Reason]]]:
        numbers: dict[int, list[int]] = defaultdict(list)
        reasons: dict[int, set[Reason]] = defaultdict(set)
        for number in self._above:
            numbers[self._top(number)].append(number)
        for number, reason in self._why:
            reasons[self._top(number)].add(reason)
        return ((members, frozenset(reasons[top])) for top, members in numbers.items())

    def _top(self, number: int) -> int:
        above = self._above.get(number, number)
        while above != self._above.get(above, above):
            above = self._above[above]
        return above
