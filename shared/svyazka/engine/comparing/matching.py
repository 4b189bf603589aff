"""Whether two cards that share a phone or an e-mail are one person's: one notion for looking for one card, and for
matching whole bases. Pure.

A phone can be two people's: another name, patronymic or birth date makes a household, and no match.
"""

from __future__ import annotations

from collections.abc import Iterable

from svyazka.engine.comparing.normalising import plain_day
from svyazka.model.names import company_name, patronymics_agree, plain_words, same_person
from svyazka.model.phones import SHORTEST
from svyazka.model.records import UNREAD, Object, RecordKind


def can_be_one(one: tuple[str | None, str | None], other: tuple[str | None, str | None]) -> bool:
    """Whether two names, each with a birth date, can be one person's. What isn't known contradicts nothing."""
    days = {plain_day(day) or day for day in (one[1], other[1]) if day}
    return len(days) < 2 and same_person(one[0], other[0]) and patronymics_agree(one[0], other[0])


def told_by(one: Object) -> tuple[str | None, str | None]:
    """A person's name, as far as it is shown, and birth date. A company has no names in parts: what it is called tells
    it as a date does, by being equal."""
    name, birthday = one.shows("name"), one.shows("birthday")
    if one.kind is RecordKind.COMPANY:
        return None, company_name(name) if isinstance(name, str) else None
    return name if isinstance(name, str) else one.called, birthday if isinstance(birthday, str) else None


def is_nameless(one: Object) -> bool:
    """Whether nobody can say what it is called: its name isn't shown (a right was taken away), which is something else
    than that it has none."""
    return one.shows("name") is UNREAD and one.called is None


def hides_phone(one: Object) -> bool:
    """Whether nobody can say by which phone it is found: none is shown, which is something else than that it has
    none."""
    return one.shows("phone") is UNREAD


def full_name(name: str | None) -> tuple[str, ...]:
    """A name's words in one order, where it has more than one: two cards that bear the same may be one person's."""
    words = tuple(sorted(plain_words(name)))
    return words if len(words) > 1 else ()


def resemble(
    one: tuple[str | None, str | None], keys: Iterable[str], other: tuple[str | None, str | None], others: Iterable[str]
) -> bool:
    """Whether two of one full name who share no phone or e-mail (`keys`) may be one person all the same: one birthday,
    or phones that are a slip apart. Nobody is told by that alone; but one asks before a second card is made."""
    near = any(is_near(ours, theirs) for ours in keys for theirs in others)
    return (near or (one[1] is not None and one[1] == other[1])) and can_be_one(one, other)


def is_near(one: str, other: str) -> bool:
    """Whether one digit of a phone is another, or two neighbours have changed places."""
    if len(one) != len(other) or len(one) < SHORTEST:
        return False
    apart = [place for place, (ours, theirs) in enumerate(zip(one, other, strict=True)) if ours != theirs]
    if len(apart) == 2 and apart[1] == apart[0] + 1:
        return one[apart[0]] == other[apart[1]] and one[apart[1]] == other[apart[0]]
    return len(apart) == 1
