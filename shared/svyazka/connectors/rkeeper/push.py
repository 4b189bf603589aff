"""r_k Delivery's orders as facts: the same from a push, from a poll and from reading one again."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import JsonValue

from svyazka.catalogue import N_
from svyazka.connectors.rkeeper.capture import no_phone, no_status
from svyazka.connectors.rkeeper.schema import DETAILS, PATHS, at, first_text, latest_time, order_key, paths_of
from svyazka.connectors.rkeeper.statuses import TYPES, Status, StatusMap
from svyazka.engine.contracts.untrusted import Section, number
from svyazka.model.contacts import Contact
from svyazka.model.events import Entity, EventType, Fact, Unreadable

AGGREGATORS = re.compile(
    r"(яндекс|yandex)\W*(еда|eda|food)|delivery\W*club|деливери\W*клаб|сбер\W*маркет|sber\W*market|^\W*(купер|kuper)\W*$",
    re.I,
)
"""Order sources whose guests are the aggregator's: the number is a one-time one, its owner agreed to nothing."""

EXTENSION = re.compile(r"доб|ext|[,;#x]\s*\d", re.I)
"""A phone that is reached through an extension is an aggregator's too."""


@dataclass(frozen=True, slots=True)
class Reading:
    """How a connection reads its orders."""

    statuses: StatusMap
    paths: Mapping[str, tuple[str, ...]]
    phone_is_set: bool = False
    """The tenant's settings say where the phone stands."""

    @classmethod
    def of(cls, settings: Mapping[str, object]) -> Reading:
        """From the plain settings of a connection."""
        own = settings.get("paths")
        return cls(
            statuses=StatusMap.of(settings.get("status_map"), settings.get("final_statuses")),
            paths={name: paths_of(own, name) for name in PATHS},
            phone_is_set=isinstance(own, Mapping) and bool(own.get("phone")),
        )

    def of_api(self) -> Reading:
        """The same for the documented order object: `paths` are the push's."""
        return Reading(self.statuses, PATHS, phone_is_set=True)


def order_fact(body: Section, reading: Reading) -> Fact | Unreadable:
    """One order in our words. Raises NotUnderstood."""
    paths = reading.paths
    status = Status(first_text(body, paths["status"]), first_text(body, paths["status_id"]))
    if status.name is None and status.id is None:
        return Unreadable(reason=no_status(body, reading.statuses))
    order = order_key(body, paths["order"])
    key = ("order", order, status.key) if order else None
    occurred_at = latest_time(body, paths["time"])
    meaning = reading.statuses.delivery(status)
    contact = _contact(body, paths)
    if meaning is None:
        return _unexplained(status, key, order)
    if meaning == "completed" and not reading.phone_is_set and (contact is None or contact.phone is None):
        proposal = no_phone(body)
        if proposal:
            return Unreadable(reason=proposal, key=("unread", *key) if key else None)
    return Fact(
        type=TYPES[meaning],
        key=key,
        subject=f"order:{order}" if order else None,
        occurred_at=occurred_at,
        contact=contact,
        position=int(occurred_at.timestamp() * 1_000_000) if occurred_at else None,
        entity=Entity(kind="order", id=order) if order else None,
        data=_data(body, order, status),
        ignored=N_("status_map says that {status} is of no interest").format(status=status)
        if meaning == "ignored"
        else None,
    )


def _unexplained(status: Status, key: tuple[str, ...] | None, order: str | None) -> Fact:
    """Kept and not acted on. An identity of its own, so that the same order isn't taken for a repeat once the
    status has been explained."""
    word = status.name or status.id or ""
    return Fact(
        type=EventType.OTHER,
        key=("unexplained", *key) if key else None,
        ignored=N_(
            'status {status} is unknown here: add status_map: {{"{word}": MEANING}} to this connection, '
            "MEANING being one of {TYPES}, then `svyazka apply` and `svyazka replay` of this event"
        ).format(status=status, word=word, TYPES=", ".join(TYPES)),
        data={"unexplained": word, **({"number": order} if order else {})},
    )


def _contact(body: Section, paths: Mapping[str, tuple[str, ...]]) -> Contact | None:
    phone, name = first_text(body, paths["phone"]), first_text(body, paths["name"])
    email = first_text(body, paths["email"])
    if not (phone or name or email):
        return None
    sources = (first_text(body, (place,)) for place in DETAILS["source"])
    proxy = any(AGGREGATORS.search(source) for source in sources if source) or bool(EXTENSION.search(phone or ""))
    return Contact(name=name, phone=phone, email=email, proxy=proxy)


def _data(body: Section, order: str | None, status: Status) -> dict[str, JsonValue]:
    sums = (number(at(body, place)) for place in DETAILS["sum"])
    found: dict[str, JsonValue] = {
        "number": first_text(body, DETAILS["number"]) or order,
        "status": status.name,
        "status_id": status.id,
        "sum": next((value for value in sums if value is not None), None),
        "source": first_text(body, DETAILS["source"]),
        "restaurant": first_text(body, DETAILS["restaurant"]),
    }
    return {name: value for name, value in found.items() if value is not None}
