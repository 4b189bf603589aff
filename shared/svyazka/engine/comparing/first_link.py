"""Two filled systems, matched in memory: who is who, who is in doubt, who is new. Nothing is changed by it.

A pair is linked only if each is the other's only candidate. All else that looks like one person is a doubt, so that
neither a wrong link nor a double is made unasked: also cards that share no key but a name, with a birthday or a phone
that is one digit off.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass

from svyazka.engine.comparing.matching import AGAINST, Card, Evidence, evidence
from svyazka.model.names import plain_words, same_person

CROWD = 20
"""A phone or e-mail on more cards of one system than this is nobody's: the salon's own number, `no@mail.ru`."""


@dataclass(frozen=True, slots=True)
class Linked:
    """Two cards that are one person's."""

    a: str
    b: str
    reasons: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Doubt:
    """A card, and those on the other side of which one may be the same person's."""

    a: str
    b: tuple[str, ...]
    reasons: tuple[Evidence, ...]


@dataclass(frozen=True, slots=True)
class Household:
    """Different people who share a phone or an e-mail."""

    a: tuple[str, ...]
    b: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a first link would do. Each card of either side is in it once: linked, in doubt, or new."""

    links: tuple[Linked, ...]
    doubts: tuple[Doubt, ...]
    households: tuple[Household, ...]
    new_in_a: tuple[str, ...]
    new_in_b: tuple[str, ...]


def match_bases(a: Iterable[Card], b: Iterable[Card]) -> Proposal:
    """Propose links between two systems' cards; the order in which these come doesn't matter."""
    ours, theirs = {card.id: card for card in a}, {card.id: card for card in b}
    shares = _sharing(ours, theirs)
    marked = {pair for pair, found in shares.items() if Evidence.MARK in found}
    fits = {pair: found for pair, found in shares.items() if not AGAINST & set(found)} | {
        pair: shares[pair] for pair in marked
    }
    taken_a, taken_b = {one for one, _ in marked}, {other for _, other in marked}
    fits = {
        pair: found for pair, found in fits.items() if pair in marked or not (pair[0] in taken_a or pair[1] in taken_b)
    }
    of_a, of_b = _by_side(fits)
    links = [Linked(one, other, found) for (one, other), found in fits.items()
             if len(of_a[one]) == 1 and len(of_b[other]) == 1]  # fmt: skip
    linked_a, linked_b = {link.a for link in links}, {link.b for link in links}
    doubtful = {pair: (*found, Evidence.SEVERAL) for pair, found in fits.items() if pair[0] not in linked_a}
    seen_a, seen_b = linked_a | {one for one, _ in doubtful}, linked_b | {other for _, other in doubtful}
    doubtful |= _resembling(
        [card for card in ours.values() if card.id not in seen_a],
        [card for card in theirs.values() if card.id not in seen_b],
    )
    doubt_a, doubt_b = {one for one, _ in doubtful}, {other for _, other in doubtful}
    return Proposal(
        links=tuple(sorted(links, key=lambda link: (link.a, link.b))),
        doubts=tuple(_doubts(doubtful)),
        households=tuple(_households(shares, {pair for pair, why in shares.items() if AGAINST & set(why)} - marked)),
        new_in_a=tuple(sorted(ours.keys() - linked_a - doubt_a)),
        new_in_b=tuple(sorted(theirs.keys() - linked_b - doubt_b)),
    )


Pair = tuple[str, str]


def _sharing(ours: Mapping[str, Card], theirs: Mapping[str, Card]) -> dict[Pair, tuple[Evidence, ...]]:
    """Every two cards that share a key, and what speaks for them and against."""
    found: dict[Pair, tuple[Evidence, ...]] = {}
    known = _index(theirs.values())
    for key, mine in _index(ours.values()).items():
        if len(mine) > CROWD or len(known.get(key, ())) > CROWD:
            continue
        for one in mine:
            for other in known.get(key, ()):
                if (one, other) not in found:
                    found[one, other] = evidence(ours[one], theirs[other])
                if key[0] == "mark":
                    found[one, other] = (Evidence.MARK, *found[one, other])
    return found


def _index(cards: Iterable[Card]) -> dict[tuple[str, str], list[str]]:
    index: dict[tuple[str, str], list[str]] = defaultdict(list)
    for card in cards:
        if card.mark is not None:
            index["mark", card.mark].append(card.id)
        for phone in card.phones:
            index["phone", phone].append(card.id)
        for email in card.emails:
            index["email", email].append(card.id)
    return index


def _by_side(pairs: Iterable[Pair]) -> tuple[dict[str, set[str]], dict[str, set[str]]]:
    of_a: dict[str, set[str]] = defaultdict(set)
    of_b: dict[str, set[str]] = defaultdict(set)
    for one, other in pairs:
        of_a[one].add(other)
        of_b[other].add(one)
    return of_a, of_b


def _resembling(ours: Collection[Card], theirs: Collection[Card]) -> dict[Pair, tuple[Evidence, ...]]:
    """Cards without a common key that may all the same be one person's."""
    found: dict[Pair, tuple[Evidence, ...]] = {}
    for one, other in _with_a_common_trait(ours, theirs):
        if (one.id, other.id) in found:
            continue
        names = evidence(one, other)
        reasons = tuple(
            reason
            for reason, holds in (
                (Evidence.SAME_BIRTHDAY, Evidence.SAME_BIRTHDAY in names),
                (Evidence.NEAR_PHONE, any(is_near(ours, theirs) for ours in one.phones for theirs in other.phones)),
            )
            if holds
        )
        if reasons and not AGAINST & set(names) and same_person(one.name, other.name):
            found[one.id, other.id] = (*names, *(reason for reason in reasons if reason not in names))
    return found


def _with_a_common_trait(ours: Iterable[Card], theirs: Iterable[Card]) -> Iterator[tuple[Card, Card]]:
    """Those whose full name, or birthday, is the same: all others are never compared."""
    known: dict[tuple[str, ...], list[Card]] = defaultdict(list)
    for card in theirs:
        for trait in _traits(card):
            known[trait].append(card)
    for card in ours:
        for trait in _traits(card):
            if len(known[trait]) <= CROWD:
                yield from ((card, other) for other in known[trait])


def _traits(card: Card) -> Iterator[tuple[str, ...]]:
    words = sorted(plain_words(card.name))
    if len(words) > 1:
        yield ("name", *words)
        if card.birthday:
            yield ("birthday", card.birthday)


def is_near(one: str, other: str) -> bool:
    """Whether one digit of a phone is another, or two neighbours have changed places."""
    if len(one) != len(other):
        return False
    apart = [place for place, (ours, theirs) in enumerate(zip(one, other, strict=True)) if ours != theirs]
    if len(apart) == 2 and apart[1] == apart[0] + 1:
        return one[apart[0]] == other[apart[1]] and one[apart[1]] == other[apart[0]]
    return len(apart) == 1


def _doubts(pairs: Mapping[Pair, tuple[Evidence, ...]]) -> Iterator[Doubt]:
    of_a, _ = _by_side(pairs)
    for one in sorted(of_a):
        others = tuple(sorted(of_a[one]))
        reasons = dict.fromkeys(reason for other in others for reason in pairs[one, other])
        yield Doubt(one, others, tuple(reasons))


def _households(pairs: Iterable[Pair], apart: Collection[Pair]) -> Iterator[Household]:
    """All who share something, directly or by one another, wherever two of them are different people."""
    of_a, of_b = _by_side(pairs)
    left = {one for one, _ in apart}
    while left:
        mine, begun = set[str](), [min(left)]
        while begun:
            one = begun.pop()
            if one not in mine:
                mine.add(one)
                begun += (neighbour for other in of_a[one] for neighbour in of_b[other])
        left -= mine
        yield Household(tuple(sorted(mine)), tuple(sorted(set[str]().union(*(of_a[one] for one in mine)))))
