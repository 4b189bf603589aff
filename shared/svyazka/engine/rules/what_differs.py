"""What has to be written so that an object holds what a command wants: one way, against what stands there now. Pure.

Keeping several systems in step (who changed what since they agreed) is another question than this one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

from svyazka.model.contacts import normalize_email, normalize_phone
from svyazka.model.money import plain_amount
from svyazka.model.names import company_name
from svyazka.model.records import CLEARED, SETS, TELLING, UNREAD, Key, KeyType, Object, Shown, Value, Wanted

Keeps = Callable[[str, Value], Value]
"""A field's name and a value -> what the system makes of it."""

NEVER_CLEARED = TELLING | {"name", "title", "price", "stage", "pipeline"}
"""What is never emptied by a command: what a card is found by, what it is called, money, and where it stands."""


def what_differs(
    wanted: Mapping[str, Wanted], there: Object, overwrite: Literal["empty", "differs"], keeps: Keeps
) -> dict[str, Wanted]:
    """The fields to be written, as they are to be written. Sets are added to, and what was in them keeps its spelling.

    What can't be read is never written: nobody knows what would be lost.
    """
    changes: dict[str, Wanted] = {}
    for name, value in wanted.items():
        shown = there.shows(name)
        if shown is UNREAD:
            continue
        change = _change(name, value, shown, overwrite, keeps)
        if change is not None:
            changes[name] = change
    return changes


def _change(
    name: str, value: Wanted, shown: Shown, overwrite: Literal["empty", "differs"], keeps: Keeps
) -> Wanted | None:
    if value is CLEARED:
        may = overwrite == "differs" and name not in NEVER_CLEARED
        return CLEARED if may and shown is not CLEARED else None
    if name in SETS:
        return _added(name, value, shown, keeps)
    if shown is CLEARED:
        return value
    assert shown is not UNREAD
    if overwrite == "empty" or normal(name, keeps(name, value)) == normal(name, keeps(name, shown)):
        return None
    return value


def _added(name: str, value: Value, shown: Shown, keeps: Keeps) -> Value | None:
    """All that stands there and what is new; None where nothing is."""
    there = _elements(shown) if not isinstance(shown, bool) and shown not in (CLEARED, UNREAD) else ()
    known = {normal_element(name, keeps(name, one)) for one in there}
    new: list[str] = []
    for element in _elements(value):
        plain = normal_element(name, keeps(name, element))
        if plain not in known:
            known.add(plain)
            new.append(normal_element(name, element))
    return (*there, *new) if new else None


def _elements(value: object) -> tuple[str, ...]:
    if isinstance(value, tuple):
        return tuple(str(one) for one in value)
    return (value,) if isinstance(value, str) else ()


def normal(name: str, value: Value) -> Value:
    """The one spelling in which values of a field are compared."""
    if isinstance(value, tuple):
        return tuple(sorted({normal_element(name, one) for one in value}))
    return normal_element(name, value) if isinstance(value, str) else value


def normal_element(name: str, value: Value) -> str:
    """The one spelling of one value; what isn't what its field should hold is compared as it stands."""
    text = str(value)
    if name == "phone":
        return normalize_phone(text) or text.strip()
    if name == "email":
        return normalize_email(text) or text.strip().lower()
    if name == "price":
        return plain_amount(text) or text.strip()
    return " ".join(text.split())


def shows(one: Object, key: Key) -> bool:
    """Whether an object shows a key in any spelling. Our mark is none of its fields: who has kept it tells that."""
    if key.by is KeyType.NAME:
        return key.value in {company_name(name) for name in one.elements("name")}
    name, wanted = (key.by.value, key.value) if key.by is not KeyType.CHAT else key.value.split(":", 1)
    return wanted in {normal_element(name, element) for element in one.elements(name)}
