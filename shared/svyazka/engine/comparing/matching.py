"""Whether two systems' cards are one person's: by our mark, then a phone, then an e-mail; told apart by name and birth
date. Pure.

A phone can be two people's: another name, or another birth date, makes a household and no match. Where several cards
fit, nobody guesses: it is a doubt.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from svyazka.engine.comparing.normalising import FIRST, FieldType, plain_day
from svyazka.model.names import patronymics_agree, plain_words, same_person
from svyazka.model.records import KeyType, Object


@dataclass(frozen=True, slots=True)
class Card:
    """What a person is told by at one system. Keys are in their one spelling, or prints of it."""

    id: str
    mark: str | None = None
    phones: frozenset[str] = frozenset()
    emails: frozenset[str] = frozenset()
    name: str | None = None
    birthday: str | None = None

    @classmethod
    def of(cls, object: Object, mark: str | None = None) -> Card:
        """Of what a system shows. `mark`: ours, where it is kept."""
        return cls(
            id=object.id,
            mark=mark,
            phones=frozenset(FIRST(FieldType.PHONE, one) for one in object.elements("phone")),
            emails=frozenset(FIRST(FieldType.EMAIL, one) for one in object.elements("email")),
            name=next(iter(object.elements("name")), None) or object.called,
            birthday=next((plain_day(one) for one in object.elements("birthday")), None),
        )


class Evidence(StrEnum):
    """What speaks for two cards being one person's, or against it."""

    MARK = "mark"
    PHONE = "phone"
    EMAIL = "email"
    SAME_NAME = "same_name"
    ALIKE_NAME = "alike_name"
    """A short form, another order, a misspelled letter; or one of them is more of a name than the other."""
    NO_NAME = "no_name"
    SAME_BIRTHDAY = "same_birthday"
    NEAR_PHONE = "near_phone"
    """One digit is another, or two have changed places."""
    OTHER_NAME = "other_name"
    OTHER_BIRTHDAY = "other_birthday"
    SEVERAL = "several"
    """More than one card fits."""


AGAINST = frozenset({Evidence.OTHER_NAME, Evidence.OTHER_BIRTHDAY})


class Verdict(StrEnum):
    """What a search for a person's card found."""

    MATCH = "match"
    SEVERAL = "several"
    """A doubt: ask."""
    HOUSEHOLD = "household"
    """Other people with the same phone or e-mail: another card, which is no double."""
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True)
class Found:
    """The cards that were found, and why."""

    verdict: Verdict
    cards: tuple[str, ...] = ()
    by: KeyType | None = None
    reasons: tuple[Evidence, ...] = ()


def match(one: Card, candidates: Iterable[Card]) -> Found:
    """The card among these that is the same person's. Candidates that share no key with it are none."""
    listed = list(candidates)
    marked = [other for other in listed if one.mark is not None and other.mark == one.mark]
    if marked:
        return _of_several(KeyType.MARK, marked, (Evidence.MARK,))
    shares = [(other, key) for other in listed if (key := shared_key(one, other)) is not None]
    fits = [(other, key) for other, key in shares if not AGAINST & set(evidence(one, other))]
    if fits:
        by = KeyType.PHONE if any(key is KeyType.PHONE for _, key in fits) else KeyType.EMAIL
        cards = sorted((other for other, _ in fits), key=lambda card: card.id)
        return _of_several(by, cards, evidence(one, cards[0]))
    if shares:
        others = sorted((other for other, _ in shares), key=lambda card: card.id)
        return Found(Verdict.HOUSEHOLD, tuple(card.id for card in others), shares[0][1], evidence(one, others[0]))
    return Found(Verdict.NOBODY)


def _of_several(by: KeyType, cards: list[Card], reasons: tuple[Evidence, ...]) -> Found:
    ids = tuple(dict.fromkeys(card.id for card in cards))
    if len(ids) == 1:
        return Found(Verdict.MATCH, ids, by, reasons)
    return Found(Verdict.SEVERAL, ids, by, (*reasons, Evidence.SEVERAL))


def shared_key(one: Card, other: Card) -> KeyType | None:
    """The strongest key that two cards share."""
    if one.mark is not None and one.mark == other.mark:
        return KeyType.MARK
    if one.phones & other.phones:
        return KeyType.PHONE
    return KeyType.EMAIL if one.emails & other.emails else None


def evidence(one: Card, other: Card) -> tuple[Evidence, ...]:
    """What speaks for and against them being one person's."""
    keys = (
        (Evidence.PHONE, bool(one.phones & other.phones)),
        (Evidence.EMAIL, bool(one.emails & other.emails)),
    )
    found = [which for which, holds in keys if holds]
    found.append(_of_names(one.name, other.name))
    if one.birthday and other.birthday:
        found.append(Evidence.SAME_BIRTHDAY if one.birthday == other.birthday else Evidence.OTHER_BIRTHDAY)
    return tuple(found)


def _of_names(one: str | None, other: str | None) -> Evidence:
    ours, theirs = sorted(plain_words(one)), sorted(plain_words(other))
    if not ours or not theirs:
        return Evidence.NO_NAME
    if not patronymics_agree(one, other):
        return Evidence.OTHER_NAME
    if ours == theirs:
        return Evidence.SAME_NAME
    return Evidence.ALIKE_NAME if same_person(one, other) else Evidence.OTHER_NAME
