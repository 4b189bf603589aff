"""Clients' cards of YCLIENTS as our objects, and what of ours goes into one. Pure.

A card is written whole. What is sent back is what was read, key by key, also where we don't know the key: nobody says
what becomes of a key that is left out.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from svyazka.connectors.yclients.schema import identifier, moment, spelled_once
from svyazka.engine.contracts.untrusted import Section, sections, text
from svyazka.engine.rules.what_differs import normal, normal_element
from svyazka.model.contacts import normalize_phone
from svyazka.model.names import parts_of
from svyazka.model.records import CLEARED, UNREAD, Object, RecordKind, Shown, Value, Wanted

PLAIN = {"birthday": "birth_date", "comment": "comment", "card": "card"}
"""Our name -> the vendor's, of what stands in one field as it is."""

NAMES = ("name", "patronymic", "surname")
"""A name's parts in the order in which we say them."""

KEPT = (*NAMES, "phone", "email", *PLAIN.values(), "discount", "sex_id", "importance_id", "categories", "custom_fields")
"""What every card has, and a write sets."""

COUNTED = frozenset({
    "id", "company_id", "display_name", "sex", "importance", "visits", "paid", "success_visits_count",
    "fail_visits_count", "is_new", "last_change_date", "last_visit_date", "first_visit_date", "deleted",
})  # fmt: skip
"""What YCLIENTS works out by itself."""

NAME_LIMIT, COMMENT_LIMIT = 255, 10_000
"""Characters of a whole name and of a comment that we send (from memory: no page says what is kept)."""

_MASKS = {"phone": re.compile(r"[*•xXхХ]"), "email": re.compile(r"[*•]")}


class Sent(NamedTuple):
    """A card to be sent, and our names of what couldn't be put into it."""

    body: dict[str, object]
    left_out: tuple[str, ...]


def object_of(card: Section) -> Object | None:
    """A card; None for what has no id. Keys that aren't in it are UNREAD."""
    id_ = identifier(card.get("id"))
    if id_ is None:
        return None
    fields: dict[str, Shown] = {
        name: _shown(name, card[theirs]) for name, theirs in PLAIN.items() if theirs in card
    }  # fmt: skip
    fields |= {name: _one(name, card[name]) for name in _MASKS if name in card}
    if "categories" in card:
        fields["tags"] = tuple(title for each in sections(card["categories"]) if (title := _title(each))) or CLEARED
    if "name" in card and "surname" in card:
        fields["name"] = " ".join(part for name in NAMES if (part := text(card.get(name)))) or CLEARED
    changed = card.get("last_change_date")
    return Object(
        kind=RecordKind.CONTACT, id=id_, fields=fields, version=spelled_once(changed), changed_at=moment(changed),
        called=text(card.get("name")), original=card,
    )  # fmt: skip


def keeps(name: str, value: Value) -> Value:
    """A phone is its digits, a birthday a date; a name is its first name, patronymic and surname, in that order."""
    if not isinstance(value, str):
        return value
    if name == "phone":
        return normalize_phone(value) or value
    if name == "birthday":
        return value[:10]
    return str(parts_of(value))[:NAME_LIMIT].strip() if name == "name" else value[:COMMENT_LIMIT]


def is_masked(name: str, value: object) -> bool:
    """Whether a phone or an address is shown in part only: this user has no right to see it."""
    return _MASKS[name].search(text(value) or "") is not None


def _shown(name: str, value: object) -> Shown:
    plain = text(value, COMMENT_LIMIT)
    if plain is None or (name == "birthday" and plain == "0"):
        return CLEARED
    return plain[:10] if name == "birthday" else plain


def _one(name: str, value: object) -> Shown:
    plain = text(value)
    return CLEARED if plain in (None, "0") else UNREAD if is_masked(name, plain) else (str(plain),)


def _title(category: Section) -> str | None:
    return text(category.get("title")) or text(category.get("name"))


# What goes into a card


def new_card(values: Mapping[str, Value]) -> Sent:
    """A whole card."""
    body, left_out = _theirs(values, None)
    return Sent(body, left_out)


def changed_card(card: Section, values: Mapping[str, Wanted]) -> Sent:
    """The card as it was read, with these fields changed."""
    body, left_out = _theirs(values, object_of(card))
    return Sent({**_sent_back(card), **body}, left_out)


def cannot_send_back(card: Section) -> list[str]:
    """Keys of a card that would be lost or spoilt by sending back what was read: what this user isn't shown whole."""
    return [name for name in KEPT if name not in card or (name in _MASKS and is_masked(name, card[name]))]


def has_changed(name: str, there: Object, now: Object) -> bool:
    """Whether a field shows something else now than when it was read before."""
    one, other = there.shows(name), now.shows(name)
    if isinstance(one, str | bool | tuple) and isinstance(other, str | bool | tuple):
        return normal(name, one) != normal(name, other)
    return one is not other and UNREAD not in (one, other)


def _sent_back(card: Section) -> dict[str, object]:
    body = {name: value for name, value in card.items() if name not in COUNTED}
    if isinstance(categories := card.get("categories"), list):
        # It shows categories as objects, and takes their ids (from memory: no example shows them).
        body["categories"] = [each.get("id") if isinstance(each, Mapping) else each for each in categories]
    if body.get("custom_fields") == []:
        del body["custom_fields"]  # an empty map
    return body


def _theirs(values: Mapping[str, Wanted], there: Object | None) -> tuple[dict[str, object], tuple[str, ...]]:
    body: dict[str, object] = {}
    left_out: list[str] = []
    for name, value in values.items():
        if name == "name" and isinstance(value, str):
            body |= dict(zip(NAMES, parts_of(str(keeps(name, value))), strict=True))
        elif name in _MASKS:
            found = _the_one(name, value, there)
            body |= {name: found} if found is not None else {}
            left_out += [] if found is not None else [name]
        elif name in PLAIN and not isinstance(value, bool | tuple):
            body[PLAIN[name]] = "" if value is CLEARED else keeps(name, value)
        else:
            left_out.append(name)
    return body, tuple(sorted(left_out))


def _the_one(name: str, value: Wanted, there: Object | None) -> str | None:
    """The element of a set that a card is to hold. Of several the one that it holds already, else the first; None where
    that leaves another one out that was to be added."""
    if value is CLEARED:
        return ""
    elements = value if isinstance(value, tuple) else (str(value),)
    shown = {normal_element(name, one) for one in there.elements(name)} if there is not None else set()
    if not elements or (len(elements) > 1 and any(normal_element(name, one) in shown for one in elements)):
        return None
    plain = normal_element(name, elements[0])
    # Digits alone: two spellings of a phone make two clients of one.
    return plain.removeprefix("+") if name == "phone" else plain
