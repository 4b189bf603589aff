"""What to tell an operator whose restaurant's push isn't in the form that we know: where things seem to stand.

Nobody but the restaurant sees its push before the first one comes. Nothing has to be switched on for that
first one: what can't be read is kept whole, and its reason, which holds names of fields and never their
values, proposes the `paths` that would read it.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from svyazka.connectors.rkeeper.schema import PATHS, leaves
from svyazka.connectors.rkeeper.statuses import Status, StatusMap
from svyazka.engine.contracts.untrusted import Section, text

NAMES_SHOWN = 40

_STATUS = re.compile(r"stat(us|e)|статус", re.I)
_ORDER = re.compile(r"(^|\.)(order|zakaz|заказ)?_?(id|guid|num(ber)?|no|номер)$", re.I)
_PHONE = re.compile(r"phone|tel|mobile|msisdn|contact|телефон", re.I)
_PHONE_VALUE = re.compile(r"^\+?[78][\s(-]*9\d{2}([\s()-]*\d){7}$")
_NOT_THE_GUESTS = re.compile(r"restaurant|courier|manager|waiter|user|employee|operator|corporation|company", re.I)

_THEN = "then `svyazka apply` and `svyazka replay` of this event"


def no_status(body: Section, statuses: StatusMap) -> str:
    """The reason for an order whose status stands in none of the usual places, with a proposal."""
    found = leaves(body)
    explained = [path for path, value in found if _is_explained(statuses, value)]
    proposed = {
        "order": _first(found, lambda path, _: bool(_ORDER.search(path))),
        "status": next(iter(explained), None) or _first(found, lambda path, _: bool(_STATUS.search(path))),
        "phone": _guests_phone(found),
    }
    names = ", ".join(path for path, _ in found[:NAMES_SHOWN]) or "none"
    reason = f"expected an order's status at {', '.join(PATHS['status'])}; the fields here are: {names}."
    return f"{reason}{_proposal(proposed)}"


def no_phone(body: Section) -> str | None:
    """The reason for a finished order whose phone stands in none of the usual places but seems to be somewhere;
    None when there is none."""
    found = _guests_phone(leaves(body))
    if found is None:
        return None
    return f"expected the guest's phone at {', '.join(PATHS['phone'])}.{_proposal({'phone': found})}"


def _is_explained(statuses: StatusMap, value: object) -> bool:
    word = text(value) if isinstance(value, str) else None
    return word is not None and statuses.delivery(Status(word)) is not None


def _guests_phone(found: list[tuple[str, object]]) -> str | None:
    def is_it(path: str, value: object) -> bool:
        like_one = _PHONE_VALUE.match(text(value) or "")
        return bool(like_one and _PHONE.search(path)) and not _NOT_THE_GUESTS.search(path)

    return _first(found, is_it)


def _first(found: list[tuple[str, object]], wanted: Callable[[str, object], bool]) -> str | None:
    return next((path for path, value in found if wanted(path, value)), None)


def _proposal(proposed: dict[str, str | None]) -> str:
    pairs = ", ".join(f"{name}: {path}" for name, path in proposed.items() if path)
    if not pairs:
        return f" Say where they stand by `paths` of this connection, {_THEN}"
    return f" It looks like paths: {{{pairs}}}: put that into this connection, {_THEN}"
