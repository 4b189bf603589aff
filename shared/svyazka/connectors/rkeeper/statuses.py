"""What r_keeper's statuses mean in our words. Restaurants rename theirs, so a connection's map goes first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from svyazka.model.events import EventType

Meaning = Literal["created", "changed", "completed", "cancelled", "ignored"]
"""What a `status_map` may say of a status."""

TYPES: dict[Meaning, EventType] = {
    "created": EventType.ORDER_CREATED,
    "changed": EventType.ORDER_CHANGED,
    "completed": EventType.ORDER_COMPLETED,
    "cancelled": EventType.ORDER_CANCELLED,
    "ignored": EventType.OTHER,
}

DELIVERY_NAMES: dict[str, Meaning] = {
    "новый": "created",
    "подтвержден": "changed",
    "принят в ресторане": "changed",
    "передан на кухню": "changed",
    "готовится": "changed",
    "приготовлен": "changed",
    "сборка заказа": "changed",
    "собран": "changed",
    "у курьера": "changed",
    "в пути": "changed",
    "заказ в пути": "changed",
    "processing": "changed",  # until the till has answered
    "доставлен": "completed",
    "выполнен": "completed",
    "отменен": "cancelled",
}
"""r_k Delivery's statuses as they are before a restaurant renames them (docs.rkeeper.ru/delivery, «Статусы
заказа» and «Поиск заказов»), folded: lower case, е for ё."""

DELIVERY_IDS: dict[str, Meaning] = {
    "1": "created",
    "2": "changed", "3": "changed", "4": "changed", "5": "changed", "6": "changed", "7": "changed", "8": "changed",
    "9": "changed", "10": "changed",
    "11": "completed", "13": "completed",
    "12": "cancelled",
}  # fmt: skip
"""The same by their ids, which stay when a name is changed («Поиск заказов», includeStatusIds). A name that we
know goes before its id."""

WHITE_SERVER: dict[str, Meaning] = {
    "created": "created",
    "canceled": "cancelled",
    "cancelled": "cancelled",
    "complited": "completed",  # the vendor's own spelling
    "completed": "completed",
    "issuedout": "completed",  # the last one where a kitchen display is in use: `Complited` then never comes
}
"""White Server's `status.value`, folded (docs.rkeeper.ru/ws, «Статусы заказа»). Kitchen statuses in between
are changes."""


def folded(status: str) -> str:
    """A status as it is compared: trimmed, lower case, ё = е."""
    return " ".join(status.casefold().replace("ё", "е").split())


@dataclass(frozen=True, slots=True)
class Status:
    """A status as an event names it."""

    name: str | None = None
    id: str | None = None

    @property
    def key(self) -> str:
        """The same on every path by which we learn of it: its name, folded; an id only where there is no name."""
        return folded(self.name) if self.name else f"#{self.id}"

    def __str__(self) -> str:
        return f"«{self.name}»" + (f" (id {self.id})" if self.id else "") if self.name else f"with id {self.id}"


@dataclass(frozen=True, slots=True)
class StatusMap:
    """A connection's own view of statuses over the usual one."""

    own: Mapping[str, Meaning]
    final: frozenset[str] | None

    @classmethod
    def of(cls, status_map: object, final_statuses: object) -> StatusMap:
        """From the settings as they stand in the compiled connection."""
        pairs = status_map.items() if isinstance(status_map, Mapping) else ()
        own = {folded(str(status)): meaning for status, meaning in pairs if meaning in TYPES}
        given = final_statuses if isinstance(final_statuses, list | tuple) else ()
        return cls(own, frozenset(folded(str(status)) for status in given) or None)

    def delivery(self, status: Status) -> Meaning | None:
        """What a status of r_k Delivery means; None for one that nobody has explained yet."""
        name = folded(status.name or "")
        usual = DELIVERY_NAMES.get(name) or DELIVERY_IDS.get(status.id or "")
        return self._meaning(name, status.id, usual)

    def white_server(self, value: str) -> Meaning:
        """What White Server's `status.value` means."""
        name = folded(value)
        return self._meaning(name, None, WHITE_SERVER.get(name, "changed")) or "changed"

    def _meaning(self, name: str, id_: str | None, usual: Meaning | None) -> Meaning | None:
        own = self.own.get(id_ or "") or self.own.get(name)
        if own is not None:
            return own
        if self.final is None:
            return usual
        if name in self.final or (id_ or "") in self.final:
            return "completed"
        return "changed" if usual == "completed" else usual
