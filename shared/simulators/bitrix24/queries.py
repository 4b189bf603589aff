"""Filters of `crm.item.list`: a prefix and a field, `@` for one of several, `logic` for OR."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from simulators.bitrix24.cards import Card, Refusal
from simulators.bitrix24.parameters import items

_FIELD = re.compile(r"(!=%|!%=|!@|!%|!=|=%|%=|>=|<=|>|<|@|%|=|!)?(\w+)")


def fits(card: Mapping[str, Any], wanted: object) -> bool:
    """Whether a card passes a filter."""
    if not isinstance(wanted, dict):
        return True
    given = dict(wanted)
    every = any if given.pop("logic", "AND") == "OR" else all
    return every(_condition(card, name, value) for name, value in given.items()) if given else True


def _condition(card: Mapping[str, Any], name: str, value: object) -> bool:
    if name.isdigit():
        return fits(card, value)
    found = _FIELD.fullmatch(name)
    if found is None or found[2] not in card:
        raise Refusal(400, "0", f"Field {name} is not allowed in filter")
    how, has = found[1] or "=", card[found[2]]
    negated = how.startswith("!")
    how = how.removeprefix("!") or "="
    if how == "=" and isinstance(value, list | dict):
        how = "@"
    return _COMPARE[how](has, value) != negated


def _same(has: object, wanted: object) -> bool:
    if isinstance(has, list):
        return any(_same(one, wanted) for one in has)
    return str("" if has is None else has).casefold() == str("" if wanted is None else wanted).casefold()


def _order(has: object) -> Any:
    text = str(has)
    try:
        return datetime.fromisoformat(text).timestamp()
    except ValueError:
        return float(text) if re.fullmatch(r"-?\d+(\.\d+)?", text) else text


def _like(has: object, wanted: object) -> bool:
    pattern = "".join(".*" if char == "%" else re.escape(char) for char in str(wanted))
    return re.fullmatch(pattern, str(has or ""), re.I) is not None


_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": _same,
    "@": lambda has, wanted: any(_same(has, one) for one in items(wanted)),
    ">": lambda has, wanted: has is not None and _order(has) > _order(wanted),
    ">=": lambda has, wanted: has is not None and _order(has) >= _order(wanted),
    "<": lambda has, wanted: has is not None and _order(has) < _order(wanted),
    "<=": lambda has, wanted: has is not None and _order(has) <= _order(wanted),
    "%": lambda has, wanted: str(wanted).casefold() in str(has or "").casefold(),
    "=%": _like,
    "%=": _like,
}


def ordered(found: list[Card], order: object) -> list[Card]:
    """By the fields of `order`, ids going up where it says nothing."""
    given = order if isinstance(order, dict) and order else {"id": "ASC"}
    for name, way in reversed(list(given.items())):
        found = sorted(found, key=lambda card: _order(card.get(name) or 0), reverse=str(way).upper() == "DESC")
    return found
