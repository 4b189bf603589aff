"""A business's own system as it is: its cards, what it has no room for, what it hides, and who is told of changes."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

Card = dict[str, Any]
COLUMNS = {"contact": ("name", "phone", "email", "birthday"), "company": ("name", "phone", "email")}
"""What every card has, empty or not; others come as they are written."""
SETS = ("phone", "email", "tags")


class OwnSystem:
    """Cards by kind and id. `changed`: who is told what became of one."""

    def __init__(self, now: Callable[[], float], changed: Callable[[str, str, str, str | None], None]) -> None:
        self.now, self.changed = now, changed
        self.cards: dict[str, dict[str, Card]] = {kind: {} for kind in COLUMNS}
        self.bin: dict[str, dict[str, Card]] = {kind: {} for kind in COLUMNS}
        self.last = 0
        self.hidden: set[str] = set()
        """Fields that we aren't shown, and can't write."""
        self.deaf: set[str] = set()
        """Fields that take nothing of ours, without a word."""
        self.cuts: dict[str, int] = {}
        self.unseen: set[str] = set()
        """Ids of cards that we aren't shown."""
        self.between: list[tuple[str, Card]] = []
        """What somebody saves right after our next write of that kind."""
        self.lag = 0.0
        """Seconds until a search finds what was made."""

    # What people and we do

    def add(
        self, kind: str, fields: Mapping[str, Any], mark: str | None = None, links: list[Card] | None = None,
        ours: bool = False,
    ) -> Card:  # fmt: skip
        self.last += 1
        card: Card = {
            "id": str(self.last), "version": 1, "made_at": self.now(), "saved_at": self.now(), "mark": mark,
            "fields": dict.fromkeys(COLUMNS[kind]), "links": links or [],
        }  # fmt: skip
        self._put(card, fields, ours)
        self.cards[kind][card["id"]] = card
        self.changed(kind, card["id"], "created", "1")
        return card

    def change(
        self, kind: str, id_: str, fields: Mapping[str, Any], links: list[Card] | None = None, ours: bool = False
    ) -> Card:
        card = self.cards[kind][id_]
        self._put(card, fields, ours)
        card["links"] += [one for one in links or [] if one not in card["links"]]
        card["version"] += 1
        card["saved_at"] = self.now()
        self.changed(kind, id_, "updated", str(card["version"]))
        return card

    def delete(self, kind: str, id_: str) -> None:
        self.bin[kind][id_] = self.cards[kind].pop(id_)
        self.changed(kind, id_, "deleted", None)

    def restore(self, kind: str, id_: str) -> None:
        card = self.cards[kind][id_] = self.bin[kind].pop(id_)
        card["version"] += 1
        card["saved_at"] = self.now()
        self.changed(kind, id_, "restored", str(card["version"]))

    def merge(self, kind: str, into: str, loser: str) -> None:
        """The loser's phones and addresses go over, and it is deleted."""
        kept, lost = self.cards[kind][into]["fields"], self.cards[kind][loser]["fields"]
        both = {name: list(dict.fromkeys([*(kept.get(name) or ()), *(lost.get(name) or ())])) for name in SETS}
        self.delete(kind, loser)
        self.change(kind, into, {name: value for name, value in both.items() if value})

    def _put(self, card: Card, fields: Mapping[str, Any], ours: bool) -> None:
        for name, value in fields.items():
            if ours and (name in self.deaf or name in self.hidden):
                continue
            most = self.cuts.get(name) if ours else None
            card["fields"][name] = value[:most] if most is not None and isinstance(value, str) else value

    # What it shows

    def there(self, kind: str) -> Iterator[Card]:
        """In the order of their ids."""
        return (card for id_, card in sorted(self.cards[kind].items(), key=_in_order) if id_ not in self.unseen)

    def shown(self, card: Card) -> Card:
        """A card as it is told."""
        fields = {name: value for name, value in card["fields"].items() if name not in self.hidden}
        return {
            "id": card["id"], "version": str(card["version"]), "created_at": _zoned(card["made_at"]),
            "changed_at": _zoned(card["saved_at"]), "fields": fields, "links": card["links"],
            **({"mark": card["mark"]} if card["mark"] else {}),
        }  # fmt: skip

    def found(self, kind: str, by: str, wanted: str) -> Iterator[Card]:
        """Cards that show it, once the search knows of them."""
        for card in self.there(kind):
            if self.lag and self.now() - card["made_at"] < self.lag:
                continue
            held = card["mark"] if by == "mark" else card["fields"].get(by)
            if any(
                _plain(by, one) == _plain(by, wanted) for one in (held if isinstance(held, list) else [held]) if one
            ):
                yield card


def _plain(by: str, value: str) -> str:
    if by == "phone":
        return re.sub(r"\D", "", value)[-10:]
    return " ".join(re.sub("[\"'«»„“”]", " ", value.casefold().replace("ё", "е")).split())


def _in_order(one: tuple[str, Card]) -> int:
    return int(one[0])


def _zoned(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat().replace("+00:00", "Z")
