"""Which cards of filled systems are one person's: in memory, by what they share. Pure.

Cards that share a phone or an e-mail, whose names can be one person's and whose birthdays don't differ, are one person;
with other names they are a household. Where a system has several cards of one person, or the cards can't all be one
person's, somebody has to say: a wrong link is worse than none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations, pairwise

from svyazka.engine.comparing.matching import can_be_one, full_name, is_nameless, resemble, told_by
from svyazka.engine.rules.what_differs import normal_element
from svyazka.model.in_step import UNSHOWN
from svyazka.model.names import company_name
from svyazka.model.records import Object, RecordKind

RESEMBLE = "resemble"
"""Why cards are in doubt that share no phone or e-mail: of one full name, with one birthday or a slip in a phone."""

SHARED_MOST = 50
"""More cards that share one phone or e-mail: it is the firm's own, or a dummy, and tells nobody from anybody."""


@dataclass(frozen=True, slots=True)
class Card:
    """What of an object tells whose it is."""

    connection: str
    id: str
    keys: tuple[str, ...]
    """Phones and e-mails, each in its one spelling."""
    name: str | None = None
    birthday: str | None = None
    record: str | None = None
    """The record that it belongs to already together with another system's."""
    nameless: bool = False
    """Its name isn't shown, which is something else than that it has none."""

    @property
    def place(self) -> str:
        """Its name in a proposal."""
        return f"{self.connection}/{self.id}"


def card_of(one: Object, connection: str, record: str | None = None) -> Card:
    """An object as a card."""
    keys = dict.fromkeys(normal_element(name, text) for name in ("phone", "email") for text in one.elements(name))
    if one.kind is RecordKind.COMPANY:
        keys |= dict.fromkeys(company_name(text) for text in one.elements("name"))
    name, birthday = told_by(one)
    return Card(connection, one.id, tuple(key for key in keys if key), name, birthday, record, is_nameless(one))


@dataclass
class Proposal:
    """What two systems, or more, have in common."""

    links: list[tuple[Card, ...]] = field(default_factory=list)
    """One card of each system that has one."""
    doubts: list[tuple[tuple[Card, ...], str]] = field(default_factory=list)
    """Cards that may be one person's, and why nobody but a person can tell."""
    households: list[tuple[Card, ...]] = field(default_factory=list)
    """Cards that share a phone and are different people."""
    new: dict[str, list[Card]] = field(default_factory=lambda: defaultdict(list))
    """By system: cards that no other system has."""
    linked: list[tuple[Card, ...]] = field(default_factory=list)
    """Those that are linked already."""


def proposed(cards: Iterable[Card]) -> Proposal:
    """What the cards of all systems have in common; their order makes no difference."""
    all_ = sorted(cards, key=lambda card: (card.connection, len(card.id), card.id))
    found = Proposal()
    free: list[Card] = []
    by_record: dict[str, list[Card]] = defaultdict(list)
    for card in all_:
        (by_record[card.record] if card.record is not None else free).append(card)
    found.linked = [tuple(group) for group in by_record.values()]
    shared = _shared(free)
    groups = list(_groups(free, _one_by_keys(shared)))
    for group in groups:
        if len({card.connection for card in group}) > 1:
            _judge(group, found)
    _judge_alone([group for group in groups if len({card.connection for card in group}) == 1], found)
    found.households = list(_households(shared))
    return found


def _shared(cards: Sequence[Card]) -> dict[str, list[Card]]:
    """Cards by what they show, where more than one does."""
    by_key: dict[str, list[Card]] = defaultdict(list)
    for card in cards:
        for key in card.keys:
            by_key[key].append(card)
    return {key: group for key, group in by_key.items() if 1 < len(group) <= SHARED_MOST}


def is_one(one: Card, other: Card) -> bool:
    """Whether two cards that share something can be one person's."""
    return can_be_one((one.name, one.birthday), (other.name, other.birthday))


def _one_by_keys(shared: Mapping[str, Sequence[Card]]) -> Iterator[tuple[Card, Card]]:
    """Every two that share a key and can be one person's."""
    for group in shared.values():
        yield from (pair for pair in combinations(group, 2) if is_one(*pair))


def _groups(cards: Sequence[Card], joined: Iterable[tuple[Card, Card]]) -> Iterator[list[Card]]:
    """Cards that hang together, each group once."""
    leader = {card.place: card.place for card in cards}

    def find(place: str) -> str:
        while leader[place] != place:
            leader[place] = leader[leader[place]]
            place = leader[place]
        return place

    for one, other in joined:
        first, second = find(one.place), find(other.place)
        if first != second:
            leader[second] = first
    groups: dict[str, list[Card]] = defaultdict(list)
    for card in cards:
        groups[find(card.place)].append(card)
    yield from groups.values()


def _judge(group: list[Card], found: Proposal) -> None:
    """A link, a doubt, or somebody whom only one system has."""
    if len(group) == 1:
        found.new[group[0].connection].append(group[0])
        return
    systems = {card.connection for card in group}
    if len(systems) < len(group):
        found.doubts.append((tuple(group), "twice" if len(systems) == 1 else "several"))
    elif any(card.nameless for card in group):
        found.doubts.append((tuple(group), UNSHOWN))
    elif not all(is_one(one, other) for one, other in combinations(group, 2)):
        found.doubts.append((tuple(group), "unlike"))
    else:
        found.links.append(tuple(group))


def _judge_alone(groups: Sequence[Sequence[Card]], found: Proposal) -> None:
    """Cards that share a key with no other system's, and may be one person's all the same: of one full name, with one
    birthday or phones that are a slip apart. Else a typing mistake would make somebody twice."""
    cards = [card for group in groups for card in group]
    tied = [pair for group in groups for pair in pairwise(group)]
    for group in _groups(cards, [*tied, *_resembling(cards)]):
        if len({card.connection for card in group}) > 1:
            found.doubts.append((tuple(group), RESEMBLE))
        else:
            _judge(group, found)


def _resembling(cards: Iterable[Card]) -> Iterator[tuple[Card, Card]]:
    by_name: dict[tuple[str, ...], list[Card]] = defaultdict(list)
    for card in cards:
        words = full_name(card.name)
        if words:
            by_name[words].append(card)
    for group in by_name.values():
        for one, other in combinations(group[:SHARED_MOST], 2):
            told = (one.name, one.birthday), (other.name, other.birthday)
            if one.connection != other.connection and resemble(told[0], one.keys, told[1], other.keys):
                yield one, other


def _households(shared: Mapping[str, Sequence[Card]]) -> Iterator[tuple[Card, ...]]:
    told: set[tuple[str, ...]] = set()
    for group in shared.values():
        members: dict[str, Card] = {}
        for one, other in combinations(group, 2):
            if not is_one(one, other):
                members |= {one.place: one, other.place: other}
        key = tuple(members)
        if members and key not in told:
            told.add(key)
            yield tuple(members.values())
