"""Who takes part: `only: {crm: {tag: client}}`. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from svyazka.catalogue import N_
from svyazka.model.in_step import Rules
from svyazka.model.records import UNREAD, Object

FIELD_OF = {"tag": "tags"}
"""Name in `only` -> field of an object, where they differ."""


def left_out(rules: Rules, cards: Mapping[str, Object]) -> str | None:
    """Why a record takes no part just now. Its links stay: it may come back."""
    for connection, wanted in rules.only.items():
        one = cards.get(connection)
        if one is not None and not _fits(one, wanted):
            return N_("{connection}: `only` leaves it out").format(connection=connection)
    return None


def is_listed_as_left_out(rules: Rules, connection: str, one: Object) -> bool:
    """Whether it is left out by what a list shows of it, which needn't be all."""
    wanted = rules.only.get(connection, {})
    shown = {name: value for name, value in wanted.items() if one.shows(_field(name)) is not UNREAD}
    return not _fits(one, shown)


def _fits(one: Object, wanted: Mapping[str, str]) -> bool:
    return all(
        value.casefold() in {text.casefold() for text in one.elements(_field(name))} for name, value in wanted.items()
    )


def besides(rules: Rules, connection: str) -> dict[str, str | tuple[str, ...]]:
    """What a new object needs so that it takes part."""
    found: dict[str, str | tuple[str, ...]] = {}
    for name, value in rules.only.get(connection, {}).items():
        found[_field(name)] = (value,) if name == "tag" else value
    return found


def _field(name: str) -> str:
    return FIELD_OF.get(name, name)
