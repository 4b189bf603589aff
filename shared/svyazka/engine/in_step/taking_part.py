"""Who takes part: `only: {crm: {tag: client}}`. Pure."""

from __future__ import annotations

from collections.abc import Mapping

from svyazka.catalogue import N_
from svyazka.engine.in_step.reading import NotNow, Seen
from svyazka.model.in_step import Rules
from svyazka.model.records import Object

FIELD_OF = {"tag": "tags"}
"""Name in `only` -> field of an object, where they differ."""


def left_out(rules: Rules, seen: Mapping[str, Seen | NotNow]) -> str | None:
    """Why a record takes no part just now. Its links stay: it may come back."""
    for connection, wanted in rules.only.items():
        one = seen.get(connection)
        if isinstance(one, Seen) and one.object is not None and not _fits(one.object, wanted):
            return N_("{connection}: `only` leaves it out").format(connection=connection)
    return None


def _fits(one: Object, wanted: Mapping[str, str]) -> bool:
    return all(
        value.casefold() in {text.casefold() for text in one.elements(FIELD_OF.get(name, name))}
        for name, value in wanted.items()
    )


def besides(rules: Rules, connection: str) -> dict[str, str | tuple[str, ...]]:
    """What a new object needs so that it takes part."""
    found: dict[str, str | tuple[str, ...]] = {}
    for name, value in rules.only.get(connection, {}).items():
        found[FIELD_OF.get(name, name)] = (value,) if name == "tag" else value
    return found
