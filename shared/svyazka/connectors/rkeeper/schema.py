"""r_keeper's payloads as they are read: tolerant of everything that may be missing, null or spelled otherwise.

The body of r_k Delivery's push is not published: the restaurant sees an example in its own admin panel, and
nobody else does. So values are looked for in the places below, in this order, and a connection's `paths`
replace them. Plain dicts, not pydantic models: the webhook function starts cold.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime

from svyazka.catalogue import N_
from svyazka.engine.contracts.untrusted import NOTHING, Section, text, zoned_time

ID_LIMIT = 200

_PEOPLE = ("order.customer", "order.client", "order.guest", "customer", "client", "guest")

PATHS: dict[str, tuple[str, ...]] = {
    "order": ("order.id", "order.orderId", "orderId", "id", "order.number"),
    "status": ("order.status", "order.orderStatusName", "status", "orderStatusName"),
    "status_id": ("order.orderStatusId", "orderStatusId", "order.status.id", "status.id"),
    "phone": (*(f"{person}.phone" for person in _PEOPLE), "order.phone", "phone"),
    "name": tuple(f"{person}.{field}" for person in _PEOPLE for field in ("name", "firstName")),
    "email": tuple(f"{person}.email" for person in _PEOPLE),
    "time": ("order.updatedAt", "order.completedAt", "updatedAt", "completedAt"),
}
"""What we look for -> where, the first that holds something. A status may be an object with a `name`."""

DETAILS: dict[str, tuple[str, ...]] = {
    "number": ("order.number", "number", "order.orderId", "orderId", "order.id"),
    "sum": ("order.amount", "amount", "order.fullAmount", "fullAmount"),
    "source": ("order.orderSourceName", "orderSourceName", "order.original.name", "original.name"),
    "restaurant": ("order.restaurantName", "restaurantName"),
}
"""What else an event brings, by the names of the documented order object."""

_GUID = re.compile(r"^[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}$", re.I)


class NotUnderstood(ValueError):
    """One item of a request that can't be read; the others can."""


def section(value: object, *path: str) -> Section:
    """The object at `path`, or an empty one."""
    for name in path:
        value = _field(value, name)
    return value if isinstance(value, Mapping) else NOTHING


def at(value: object, path: str) -> object:
    """What stands at a dotted path, None where nothing does. Letter case is not distinguished: r_keeper's own
    pages spell one field in two ways. A number picks from a list."""
    for name in path.split("."):
        value = _field(value, name)
    return value


def _field(value: object, name: str) -> object:
    if isinstance(value, Mapping):
        if name in value:
            return value[name]
        folded = name.casefold()
        return next((held for key, held in value.items() if isinstance(key, str) and key.casefold() == folded), None)
    if isinstance(value, list) and name.isdecimal() and int(name) < len(value):
        return value[int(name)]
    return None


def first_text(value: object, paths: Iterable[str]) -> str | None:
    """The first text or number at any of the paths; an object stands for its `name`."""
    for path in paths:
        found = at(value, path)
        held = text(_field(found, "name") if isinstance(found, Mapping) else found)
        if held is not None:
            return held
    return None


def order_key(value: object, paths: Sequence[str]) -> str | None:
    """The order's id: the shortest name that every path by which we learn of an order knows it by.

    The documented order object has two, `id` (a GUID) and `orderId` (the number that the API is asked by, and
    the only one in its lists): then it is `orderId`. Raises NotUnderstood for an endless one.
    """
    for path in paths:
        found = identifier(at(value, path))
        if found is None:
            continue
        owner, _, field = path.rpartition(".")
        if field == "id" and _GUID.match(found):
            return identifier(_field(at(value, owner) if owner else value, "orderId")) or found
        return found
    return None


def identifier(value: object) -> str | None:
    """An id, never shortened: two long ones must not become one."""
    found = text(value, ID_LIMIT + 1)
    if found is not None and len(found) > ID_LIMIT:
        raise NotUnderstood(N_("expected an order's id of at most {ID_LIMIT} characters").format(ID_LIMIT=ID_LIMIT))
    return found


def latest_time(value: object, paths: Iterable[str]) -> datetime | None:
    """The latest of the times at the paths: an order is completed after what `updatedAt` may still say."""
    found = (zoned_time(at(value, path)) for path in paths)
    return max((time for time in found if time is not None), default=None)


def leaves(value: object, limit: int = 300) -> list[tuple[str, object]]:
    """Every plain value of a body with its dotted path, at most `limit`."""
    found: list[tuple[str, object]] = []
    for leaf in _leaves(value, ()):
        if len(found) == limit:
            break
        found.append(leaf)
    return found


def _leaves(value: object, way: tuple[str, ...]) -> Iterator[tuple[str, object]]:
    if len(way) > 10:
        return
    if isinstance(value, Mapping):
        for key, held in value.items():
            yield from _leaves(held, (*way, str(key)[:60]))
    elif isinstance(value, list):
        for index, held in enumerate(value[:5]):
            yield from _leaves(held, (*way, str(index)))
    elif value is not None:
        yield ".".join(way), value


def paths_of(setting: object, name: str) -> tuple[str, ...]:
    """Where to look for a value: the connection's `paths.<name>`, one or a list, or the usual places."""
    given = setting.get(name) if isinstance(setting, Mapping) else None
    if isinstance(given, str):
        return (given,)
    if isinstance(given, list | tuple) and given:
        return tuple(str(path) for path in given)
    return PATHS[name]
