"""The first screen: three numbers, and a card for each thing that is wrong.

The numbers count systems (a business's connections), each where its worst open problem puts it, so that they add up to
all of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from starlette.exceptions import HTTPException
from starlette.responses import Response

from svyazka.console.links import Mending, mending
from svyazka.console.rendering import page
from svyazka.console.surroundings import Visit
from svyazka.engine.journal import documents as journal
from svyazka.engine.problems.holding import holds
from svyazka.model.problems import Problem
from svyazka.model.tenants import Tenant
from svyazka.reading.lists import open_problems

CARDS_MOST = 60

ASKS = frozenset({"in_step_asks"})
"""Kinds that are no harm, and that nobody but a person can end."""


@dataclass(frozen=True, slots=True)
class Card:
    """One problem as it is shown."""

    problem: Problem
    tenant: Tenant
    mending: Mending
    state: str

    @property
    def needs_you(self) -> bool:
        asks = self.problem.severity == "error" or self.problem.kind in ASKS
        return asks and self.problem.absent_since is None


@dataclass(frozen=True, slots=True)
class System:
    """One connection, or a business itself where something of the whole of it is wrong."""

    tenant: Tenant
    name: str | None
    problems: Sequence[Card] = ()
    paused: bool = False

    @property
    def vendor(self) -> str:
        return self.tenant.connections[self.name].vendor if self.name else ""

    @property
    def stands(self) -> str:
        """`needs`, `mends` or `fine`."""
        if any(one.needs_you for one in self.problems):
            return "needs"
        return "mends" if self.problems else "fine"


@dataclass(frozen=True, slots=True)
class Overview:
    """Everything on the first screen."""

    systems: Sequence[System]
    needs: Sequence[Card] = field(default_factory=list)
    mends: Sequence[Card] = field(default_factory=list)

    def count(self, stands: str, tenant: str | None = None) -> int:
        """Systems that stand so: of all, or of one business."""
        return sum(one.stands == stands for one in self.systems if tenant in (None, one.tenant.id))

    def ranked(self, tenants: Iterable[Tenant]) -> Sequence[Tenant]:
        """Businesses that need somebody first, then those that mend themselves."""
        return sorted(tenants, key=lambda one: (-self.count("needs", one.id), -self.count("mends", one.id), one.name))


async def overview(visit: Visit, tenant: str | None) -> Overview:
    """Of one tenant, or of all that he may see. One query beside the tenants."""
    chosen = {id_: one for id_, one in visit.tenants.items() if tenant in (None, id_)}
    now = visit.around.clock.now()
    cards = [
        Card(one, chosen[one.tenant], mending(one), one.shown_state(now))
        async for one in open_problems(visit.store, tenant) if one.tenant in chosen
    ]  # fmt: skip
    cards.sort(key=lambda one: (not one.needs_you, one.problem.since))
    return Overview(
        systems_of(chosen, cards), [one for one in cards if one.needs_you], [one for one in cards if not one.needs_you]
    )


def systems_of(tenants: Mapping[str, Tenant], cards: Sequence[Card]) -> list[System]:
    """Each connection with its problems; and the business itself, where a problem is of no connection."""
    found = []
    for tenant in tenants.values():
        mine = [one for one in cards if one.problem.tenant == tenant.id]
        for name in tenant.connections:
            paused = tenant.paused or name in tenant.paused_connections
            found.append(System(tenant, name, [one for one in mine if one.problem.connection == name], paused))
        whole = [one for one in mine if one.problem.connection not in tenant.connections]
        if whole:
            found.append(System(tenant, None, whole))
    return found


async def first(visit: Visit) -> Response:
    """`/`."""
    tenant = visit.tenant()
    seen = await overview(visit, tenant)
    return page("first.html", visit, {"seen": seen, "tenant": tenant, "most": CARDS_MOST})


async def problem(visit: Visit) -> Response:
    """`/problems/<id>`: one card with what it holds up, its words and its remedy."""
    held = await journal.load(visit.store, Problem, visit.request.path_params["id"])
    if held is None:
        raise HTTPException(404)
    visit.check(held.model.tenant)
    tenant = visit.tenants[held.model.tenant]
    card = Card(held.model, tenant, mending(held.model), held.model.shown_state(visit.around.clock.now()))
    waiting = await holds(visit.store, held.model, tenant)
    return page("problem.html", visit, {"card": card, "waiting": waiting, "tenant": tenant.id})


async def systems(visit: Visit) -> Response:
    """`/systems`: every connection and how it stands."""
    tenant = visit.tenant()
    seen = await overview(visit, tenant)
    stands = visit.asked("stands")
    shown = [one for one in seen.systems if stands in ("", one.stands)]
    return page("systems.html", visit, {"systems": shown, "seen": seen, "tenant": tenant, "stands": stands})
