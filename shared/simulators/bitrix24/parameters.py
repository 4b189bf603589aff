"""Parameters as Bitrix24 takes them: JSON, or PHP's brackets in a query and in the commands of a batch."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import parse_qsl

Params = dict[str, Any]

_KEYS = re.compile(r"\[([^\]]*)\]")


def of_query(query: str) -> Params:
    """`a=1&b[c]=2&b[d][]=3`, once decoded."""
    found: Params = {}
    for name, value in parse_qsl(query, keep_blank_values=True):
        head, keys = name.partition("[")[0], _KEYS.findall(name)
        _put(found, [head, *keys], value)
    return {name: _listed(value) for name, value in found.items()}


def _put(into: Params, path: list[str], value: str) -> None:
    *way, last = path
    for name in way:
        into = into.setdefault(name, {})
    into[last if last else str(len(into))] = value


def _listed(value: Any) -> Any:
    """PHP's arrays that are lists: numbered from 0."""
    if not isinstance(value, dict):
        return value
    inner = {name: _listed(one) for name, one in value.items()}
    return list(inner.values()) if list(inner) == [str(place) for place in range(len(inner))] else inner


def items(value: object) -> Iterable[Any]:
    """The values of a list, or of a map with numbers for keys."""
    return value.values() if isinstance(value, Mapping) else value if isinstance(value, list | tuple) else ()


_REFERENCE = re.compile(r"\$result((?:\[[^\]]*\])+)")


def filled(command: str, results: Mapping[str, Any]) -> str:
    """A batch's command with `$result[find][CONTACT][0]` replaced by what an earlier one gave; nothing by nothing."""

    def value(found: re.Match[str]) -> str:
        here: Any = results
        for key in _KEYS.findall(found[1]):
            try:
                here = here[int(key)] if isinstance(here, list) else here[key]
            except (KeyError, IndexError, TypeError, ValueError):
                return ""
        return "" if here is None else str(here)

    return _REFERENCE.sub(value, command)
