"""Where a table is: people say its number, iiko wants ids of its own.

The list of halls and tables (`available_restaurant_sections`) knows only tables that may be reserved, so that
a connection's `tables` can name the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from svyazka.catalogue import N_
from svyazka.connectors.iiko.client import ask, remembered
from svyazka.connectors.iiko.reads import organization_ids
from svyazka.connectors.iiko.settings import IikoSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.untrusted import sections, text
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.outcomes import Refused
from svyazka.model.reasons import Reason


@dataclass(frozen=True, slots=True)
class Place:
    """A table, and the group of tills in whose hall it stands."""

    organization: str
    terminal_group: str
    table: str


@dataclass(frozen=True, slots=True)
class Halls:
    """Tables by name and by id. `tills`: an organization and its group of tills, for a table that isn't listed."""

    by_name: Mapping[str, Place]
    by_id: Mapping[str, Place]
    tills: tuple[str, str] | None

    def with_id(self, table: str) -> Place | None:
        """Where a table is that somebody has named by its id."""
        return self.by_id.get(table.lower()) or (Place(*self.tills, table) if self.tills is not None else None)


async def place_of(call: Call[IikoSettings], table: str) -> Place:
    """Raises VendorFailure, also where there is no such table."""
    named = call.settings.tables.get(table)
    halls = await remembered(call, f"tables of {call.settings.organization_id}", lambda: _halls(call))
    found = halls.with_id(named) if named else halls.by_name.get(_folded(table))
    if found is None:
        message = N_("iiko shows no table {table}; name its id in `tables` of this connection").format(table=table)
        raise VendorFailure(Refused(code="no_table", message=message, reason=Reason.NOT_FOUND))
    return found


async def _halls(call: Call[IikoSettings]) -> Halls:
    """Two tables of one number (in two halls) are told apart by their names only, or by their ids."""
    by_name: dict[str, Place] = {}
    by_id: dict[str, Place] = {}
    twice: set[str] = set()
    tills: list[tuple[str, str]] = []
    for organization in await organization_ids(call):
        groups = await ask(call, "/api/1/terminal_groups", {"organizationIds": [organization]})
        ids = [
            id_ for owner in sections(groups.get("terminalGroups")) for one in sections(owner.get("items"))
            if (id_ := text(one.get("id")))
        ]  # fmt: skip
        tills += [(organization, id_) for id_ in ids]
        answer = await ask(
            call, "/api/1/reserve/available_restaurant_sections", {"terminalGroupIds": ids, "returnSchema": False}
        )
        for hall in sections(answer.get("restaurantSections")):
            group = text(hall.get("terminalGroupId"))
            for table in sections(hall.get("tables")):
                id_ = text(table.get("id"))
                if group is None or id_ is None or table.get("isDeleted") is True:
                    continue
                place = by_id[id_.lower()] = Place(organization, group, id_)
                names = {_folded(text(table.get(name)) or "") for name in ("number", "name")} - {""}
                twice |= names & by_name.keys()
                by_name |= dict.fromkeys(names, place)
    named = {name: place for name, place in by_name.items() if name not in twice}
    listed = [(place.organization, place.terminal_group) for place in by_id.values()]
    return Halls(named, by_id, next(iter((*listed, *tills)), None))


def _folded(name: str) -> str:
    return " ".join(name.casefold().split())
