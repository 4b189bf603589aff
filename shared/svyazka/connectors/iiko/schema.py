"""iiko's payloads as they are read: tolerant of everything that may be missing, null or of another type.

Plain dicts, not pydantic models: the webhook function starts cold, new fields appear weekly, and an order
holds a hundred of them of which we read twenty.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime

from svyazka.catalogue import N_
from svyazka.engine.contracts.untrusted import NOTHING, Section, section, sections, text, whole

ID_LIMIT = 200
EXTERNAL_LIMIT = 20

ORDER_PLACES = (("eventInfo", "order"), ("order",), ("deliveryOrder",))
"""Where an order stands: iiko's own place first, then the forms of hand-made and older senders."""

PHONE_PLACES = (
    ("order", "customer", "phone"),
    ("eventInfo", "order", "customer", "phone"),
    ("deliveryOrder", "customer", "phone"),
    ("customer", "phone"),
    ("phone",),
)
"""The phone's places of the brief, tried after the order's own `phone` (iiko's `customer` has none)."""

NAME_PLACES = tuple((*place[:-1], "name") for place in PHONE_PLACES[:-1])

LOCAL_TIMES = (
    "whenCreated", "whenConfirmed", "whenPrinted", "whenCookingCompleted", "whenPacked", "whenSended",
    "whenDelivered", "whenBillPrinted", "whenClosed",
)  # fmt: skip
"""What happened to an order and when, in the terminal group's local time without a zone. `completeBefore`,
`cookingStartTime` and `estimatedTime` are plans, so they aren't here."""


class NotUnderstood(ValueError):
    """One item of a request that can't be read; the others can."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change of an order or a reservation: a webhook's item, or `OrderInfo` as iiko's API answers it."""

    root: Section
    info: Section
    body: Section
    """The order or the reservation itself; empty while iiko has none (creationStatus isn't Success)."""
    id: str | None
    status: str | None
    timestamp: int | None
    """Of the newest change on iiko's server, in a unit that nobody states: only ever compared with other
    timestamps of the same object."""

    @classmethod
    def of_order(cls, root: Section) -> Change:
        """Raises NotUnderstood when there is neither an order nor an id of one."""
        info = section(root, "eventInfo")
        body = next((found for place in ORDER_PLACES if (found := section(root, *place))), NOTHING)
        if not body and not info and ("status" in root or "customer" in root):
            body = root
        return cls._of(root, info, body, "an order")

    @classmethod
    def of_reserve(cls, root: Section) -> Change:
        """Raises NotUnderstood when there is neither a reservation nor an id of one."""
        info = section(root, "eventInfo")
        return cls._of(root, info, section(info, "reserve") or section(root, "reserve"), "a reservation")

    @classmethod
    def _of(cls, root: Section, info: Section, body: Section, what: str) -> Change:
        identity = identifier(info.get("id")) or identifier(body.get("id"))
        if not body and identity is None:
            raise NotUnderstood(N_("expected {what} or its id, found neither").format(what=what))
        return cls(
            root=root, info=info, body=body, id=identity,
            status=text(body.get("status")), timestamp=whole(info.get("timestamp")),
        )  # fmt: skip

    @property
    def creation(self) -> str | None:
        """`Success`, `InProgress` or `Error`: whether the till has taken the object at all."""
        return text(self.info.get("creationStatus"))

    @property
    def error(self) -> Section:
        """`errorInfo` {code, message, ...} of a creation that failed."""
        return section(self.info, "errorInfo")

    def phone(self) -> str | None:
        """The guest's phone as it was written."""
        own = None if self.body is self.root else text(self.body.get("phone"))
        return own or self._first(PHONE_PLACES)

    def name(self) -> str | None:
        """The guest's first name; a surname is kept by iiko apart and isn't for addressing people."""
        return text(section(self.body, "customer").get("name")) or self._first(NAME_PLACES)

    def _first(self, places: tuple[tuple[str, ...], ...]) -> str | None:
        found = (text(section(self.root, *place[:-1]).get(place[-1])) for place in places)
        return next((value for value in found if value), None)

    def external_data(self) -> dict[str, str]:
        """What whoever created the order wrote on it: `externalData` [{key, value}]."""
        found: dict[str, str] = {}
        for entry in sections(self.body.get("externalData")):
            key, value = text(entry.get("key")), text(entry.get("value"))
            if key and value is not None and len(found) < EXTERNAL_LIMIT:
                found[key] = value
        return found

    def happened_locally(self) -> datetime | None:
        """The latest of the order's own times: local to its terminal group, without a zone."""
        times = [local_time(self.body.get(name)) for name in LOCAL_TIMES]
        times.append(local_time(section(self.body, "cancelInfo").get("whenCancelled")))
        return max((time for time in times if time is not None), default=None)


def identifier(value: object) -> str | None:
    """An id (a UUID of iiko's), never shortened: two long ones must not become one."""
    if isinstance(value, str) and len(value) > ID_LIMIT:
        raise NotUnderstood(
            N_("expected an id of at most {ID_LIMIT} characters, got {count}").format(
                ID_LIMIT=ID_LIMIT, count=len(value)
            )
        )
    return text(value)


def local_time(value: object) -> datetime | None:
    """`yyyy-MM-dd HH:mm:ss.fff` without a zone, or None; what has a zone after all isn't local."""
    try:
        found = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
    except ValueError:
        return None
    return found if found is not None and found.tzinfo is None else None


def utc_time(value: object) -> datetime | None:
    """`eventTime`, which is UTC and says so nowhere; an offset, where one stands, is believed."""
    try:
        found = datetime.fromisoformat(value.strip()) if isinstance(value, str) else None
        if found is None:
            return None
        return found.replace(tzinfo=UTC) if found.tzinfo is None else found.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
