"""Forms with PHP's brackets: `leads[status][0][id]=1` -> nested maps. Pure, and bounded in every direction.

PHP's http_build_query makes them. Numeric keys stay keys of a map: a list up to the largest index would be a
gift to whoever sends `leads[add][999999999][id]`.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import unquote_to_bytes

from svyazka.catalogue import N_
from svyazka.engine.contracts.webhook import NotTheFormat

DEPTH_LIMIT = 12
PAIRS_LIMIT = 20_000
NAME_LIMIT = 500
"""Characters of a whole name with its brackets."""

Tree = dict[str, Any]
"""Maps of maps, with text at the leaves."""


def parsed(body: bytes) -> Tree:
    """The form as nested maps. Raises NotTheFormat, which quotes nothing of the body.

    A later value replaces an earlier one of the same name, and a map replaces a text, as in PHP. What is left
    of a name after its brackets is dropped, as there.
    """
    pairs = [pair for pair in body.split(b"&", PAIRS_LIMIT + 1) if pair]
    if len(pairs) > PAIRS_LIMIT:
        raise NotTheFormat(N_("expected at most {PAIRS_LIMIT} form fields, got more").format(PAIRS_LIMIT=PAIRS_LIMIT))
    tree: Tree = {}
    for pair in pairs:
        name, _, value = pair.partition(b"=")
        _put(tree, _path(_text(name)), _text(value))
    return tree


def _text(raw: bytes) -> str:
    return unquote_to_bytes(raw.replace(b"+", b" ")).decode("utf-8", "replace")


def _path(name: str) -> list[str]:
    if len(name) > NAME_LIMIT:
        raise NotTheFormat(
            N_("expected names of at most {NAME_LIMIT} characters, got a longer one").format(NAME_LIMIT=NAME_LIMIT)
        )
    head, bracket, rest = name.partition("[")
    path = [head]
    while bracket:
        key, closed, rest = rest.partition("]")
        if not closed:
            break  # PHP takes an unclosed bracket for a part of the name; no vendor's names have one
        path.append(key)
        _, bracket, rest = rest.partition("[")
    if len(path) > DEPTH_LIMIT:
        raise NotTheFormat(
            N_("expected at most {DEPTH_LIMIT} levels of brackets, got {count}").format(
                DEPTH_LIMIT=DEPTH_LIMIT, count=len(path)
            )
        )
    return path


def _put(tree: Tree, path: list[str], value: str) -> None:
    *way, last = path
    for key in way:
        key = _key(tree, key)
        below = tree.get(key)
        if not isinstance(below, dict):
            below = tree[key] = {}
        tree = below
    tree[_key(tree, last)] = value


def _key(tree: Tree, key: str) -> str:
    """`[]` takes a place of its own, after those before it."""
    return key or f"+{len(tree)}"


def members(group: object) -> list[object]:
    """The items of an action. Some senders write one item in place of a list: a bare id, or an object."""
    if isinstance(group, str | int) and not isinstance(group, bool):
        return [group] if group != "" else []
    if isinstance(group, dict) and not all(_is_place(key) for key in group):
        return [group]
    return items(group)


def _is_place(key: object) -> bool:
    return str(key).lstrip("+").isdigit()


def items(value: object) -> list[object]:
    """The members of a list, or of a map that stands for one, in the order of its numbers."""
    if isinstance(value, list):
        return value
    if not isinstance(value, dict):
        return []
    # By length first: numbers of any size compare as text, and none of a thousand digits is ever computed.
    return [value[key] for key in sorted(value, key=lambda key: (len(key), key))]
