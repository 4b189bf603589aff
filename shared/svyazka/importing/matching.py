"""Who of a file stands in the system already: all its cards are listed once, and each row looked up in memory."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from svyazka.importing.rows import Row
from svyazka.model.contacts import normalize_email, normalize_phone
from svyazka.model.names import patronymic_of, same_person
from svyazka.model.records import Object


@dataclass(slots=True)
class Cards:
    """The cards of a system, by what people are told by."""

    by_id: dict[str, Object] = field(default_factory=dict)
    _by_phone: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    _by_mail: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))

    def add(self, objects: Iterable[Object]) -> None:
        """Remember these; one that came before is replaced."""
        for one in objects:
            if one.id in self.by_id:
                self._drop(one.id)
            self.by_id[one.id] = one
            for phone in _phones(one):
                self._by_phone[phone].append(one.id)
            for mail in _mails(one):
                self._by_mail[mail].append(one.id)

    def same(self, row: Row) -> list[Object]:
        """The cards that are this person's: they share a phone, else an address, and their names can be one's."""
        for values, index in ((row.texts("phone"), self._by_phone), (row.texts("email"), self._by_mail)):
            ids = dict.fromkeys(id_ for value in values for id_ in index.get(value, ()))
            found = [self.by_id[id_] for id_ in ids if is_same(row, self.by_id[id_])]
            if found:
                return found
        return []

    def made_as(self, row: Row, since: datetime) -> list[Object]:
        """The cards that may have been made of this row since then: they show all that it says of phones and
        addresses, and its name."""
        name = row.text("name")
        return [
            one
            for one in self.by_id.values()
            if (one.created_at is None or one.created_at >= since)
            and set(row.texts("phone")) <= set(_phones(one))
            and set(row.texts("email")) <= set(_mails(one))
            and (
                _words(called(one)) == _words(name) or (name is None and bool(row.texts("phone") or row.texts("email")))
            )
        ]

    def _drop(self, id_: str) -> None:
        one = self.by_id[id_]
        for phone in _phones(one):
            self._by_phone[phone].remove(id_)
        for mail in _mails(one):
            self._by_mail[mail].remove(id_)


def is_same(row: Row, card: Object) -> bool:
    """Whether a card that shares an address with a row can be the same person's: a household shares a phone."""
    name, shown = row.text("name"), called(card)
    ours, theirs = patronymic_of(name), patronymic_of(shown)
    born, told = row.text("birthday"), card.shows("birthday")
    contradicts = born is not None and isinstance(told, str) and born != told
    return same_person(name, shown) and not contradicts and (ours is None or theirs is None or ours == theirs)


def called(card: Object) -> str | None:
    """What a card is called."""
    shown = card.shows("name")
    return shown if isinstance(shown, str) else card.called


def _words(name: str | None) -> list[str]:
    return sorted((name or "").casefold().split())


def _phones(card: Object) -> list[str]:
    return list(dict.fromkeys(filter(None, map(normalize_phone, card.elements("phone")))))


def _mails(card: Object) -> list[str]:
    return list(dict.fromkeys(filter(None, map(normalize_email, card.elements("email")))))
