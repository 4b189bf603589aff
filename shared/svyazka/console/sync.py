"""Systems kept in step: how far they agree, what would be written, and doubts, decided with both cards side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from starlette.exceptions import HTTPException
from starlette.responses import Response

from svyazka.console.charting import agreements
from svyazka.console.pictures import number
from svyazka.console.rendering import page
from svyazka.console.surroundings import Visit
from svyazka.console.turning import turned
from svyazka.engine.agreeing.standing import Tally
from svyazka.engine.in_step.doubting import GO_ON, LEAVE, WHOSE
from svyazka.engine.in_step.flows import InStep, kept_by
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import DOUBTS_BY_STATUS, RECORDS_BY_STANDING, STANDINGS
from svyazka.engine.operating.answering import choices
from svyazka.engine.operating.holding import choices_of
from svyazka.engine.operating.on_the_way import STANDS, hindered, on_the_way, outage_keys, waits_of
from svyazka.engine.operating.showing import Cards
from svyazka.engine.ports.schema import Query
from svyazka.flows.registry import load_flow
from svyazka.model.agreeing import Agreed, agreed_id
from svyazka.model.in_step import Doubt, Record, Switch, switch_id
from svyazka.model.requests import Request
from svyazka.model.tenants import Tenant
from svyazka.reading.masking import masked

ROWS = 50


@dataclass(frozen=True, slots=True)
class Agreement:
    """How far the sides of a flow agree, as the nights found it."""

    tally: Tally
    sides: Mapping[str, Agreed]

    @property
    def percent(self) -> float | None:
        """Of the fields that are compared; None: nothing is compared yet."""
        tally = self.tally
        return 100 * (tally.agree + tally.accepted) / tally.fields if tally.fields else None


@dataclass(frozen=True, slots=True)
class Alike:
    """Rows of one kind that one answer fits: so many of those on the page."""

    field: str
    cause: str
    count: int
    choices: Sequence[str]


def alike(rows: Sequence[Doubt]) -> list[Alike]:
    """Those of which there are several, the most first. Whose card somebody is, is said one by one."""
    kinds: dict[tuple[str, str], list[Doubt]] = {}
    for one in rows:
        kinds.setdefault((one.field, one.cause), []).append(one)
    found = []
    for (field, cause), same in kinds.items():
        fitting = [said for said in choices(same[0]) if all(said in choices(one) for one in same) and "/" not in said]
        if len(same) > 1 and fitting:
            found.append(Alike(field, cause, len(same), fitting))
    return sorted(found, key=lambda one: -one.count)


def flow_of(tenant: Tenant, record: Record) -> str | None:
    """Which flow keeps a record in step."""
    return next((one.id for one in flows_of(tenant) if one.rules.kind is record.kind), None)


def flows_of(tenant: Tenant) -> list[InStep]:
    """A tenant's flows that keep systems in step."""
    found = []
    for spec in tenant.flows:
        flow = load_flow(spec.flow)
        if flow.in_step:
            found.append(kept_by(spec.id, flow, flow.settings_model().model_validate(spec.settings), tenant))
    return found


def agreement(flow: InStep, agreed: Sequence[Agreed]) -> Agreement:
    """From what is written down of each side."""
    sides = {one.connection: one for one in agreed if one.flow == flow.id}
    found = Tally()
    for one in sides.values():
        told = one.last or one.tally
        found += Tally(
            **{name: value for name, value in told.items() if name in vars(found) and isinstance(value, int)}
        )
    return Agreement(found, sides)


def _asked(visit: Visit) -> tuple[Tenant, InStep]:
    tenant, name = visit.request.path_params["tenant"], visit.request.path_params["flow"]
    visit.check(tenant)
    flow = next((one for one in flows_of(visit.tenants[tenant]) if one.id == name), None)
    if flow is None:
        raise HTTPException(404)
    return visit.tenants[tenant], flow


async def flows(visit: Visit) -> Response:
    """`/sync`: every flow that keeps systems in step."""
    tenant = visit.tenant()
    chosen = [visit.tenants[tenant]] if tenant else list(visit.tenants.values())
    found = [(one, flow) for one in chosen for flow in flows_of(one)]
    return page("sync_flows.html", visit, {"tenant": tenant, "found": found})


async def flow(visit: Visit) -> Response:
    """`/sync/<tenant>/<flow>`: how it stands."""
    tenant, asked = _asked(visit)
    where = {"tenant": tenant.id, "kind": asked.rules.kind.value}
    counts = await visit.store.tally(RECORDS_BY_STANDING, STANDINGS, equal=where)
    going = await on_the_way(visit.store, tenant, asked)
    sides = [("agreed", agreed_id(tenant.id, asked.id, name)) for name in asked.rules.between]
    keys = [("switches", switch_id(tenant.id, asked.id)), *sides, *outage_keys(tenant, asked)]
    found, *beside = await visit.store.get_many(keys)
    switch = journal.read(Switch, found) if found is not None else None
    on = set(switch.model.on) if switch else set()
    known = [one for one in beside[: len(sides)] if one is not None]
    agreed = agreement(asked, [one.model for one in journal.known(Agreed, known)])
    nights = [(one.at, one.fields, one.same) for side in agreed.sides.values() for one in side.nights]
    picture = agreements(nights, visit.zone(tenant.id))
    held = switch.model.held if switch else {}
    writes = {name: asked.rules.writes or name in on for name in asked.rules.between}
    return page(
        "sync.html", visit,
        {"tenant": tenant.id, "owner": tenant, "flow": asked, "tab": "", "counts": counts, "agreed": agreed,
         "picture": picture, "number": number, "writes": writes, "held": held,
         "choices": {what: choices_of(asked, what) for what in held}, "going": going,
         "stands": {one.value: why for one, why in STANDS.items()},
         "hindered": hindered(tenant, asked, beside[len(sides) :]),
         "silent": [name for name, writing in writes.items() if not writing]},
    )  # fmt: skip


async def doubts(visit: Visit) -> Response:
    """`/sync/<tenant>/<flow>/doubts`: the oldest first."""
    tenant, asked = _asked(visit)
    where = {"tenant": tenant.id, "flow": asked.id, "status": "open"}
    found, more = await _rows(visit, DOUBTS_BY_STATUS, where, Doubt)
    rows = [one for one in found if isinstance(one, Doubt)]
    whose = {one.id: choices(one) for one in rows if one.field.startswith(WHOSE)}
    return page(
        "sync_doubts.html", visit,
        {"tenant": tenant.id, "owner": tenant, "flow": asked, "tab": "doubts", "doubts": rows, "whose": whose,
         "alike": alike(rows), "more": more, "waits": await waits_of(visit.store, rows)},
    )  # fmt: skip


async def record(visit: Visit) -> Response:
    """`/sync/<tenant>/<flow>/cards/<record>`: whose cards are one person's, to be shown, taken apart, made anew."""
    tenant, asked = _asked(visit)
    held = await journal.load(visit.store, Record, visit.request.path_params["record"])
    if held is None or held.model.tenant != tenant.id or held.model.kind is not asked.rules.kind:
        raise HTTPException(404)
    return page(
        "sync_record.html", visit,
        {"tenant": tenant.id, "owner": tenant, "flow": asked, "tab": "cards", "record": held.model},
    )  # fmt: skip


async def watched(visit: Visit) -> Response:
    """`/sync/<tenant>/<flow>/watched`: what would be written, where it only watches."""
    tenant, asked = _asked(visit)
    where = {"tenant": tenant.id, "kind": asked.rules.kind.value, "status": "watched"}
    rows, more = await _rows(visit, RECORDS_BY_STANDING, where, Record)
    return page(
        "sync_watched.html", visit,
        {"tenant": tenant.id, "owner": tenant, "flow": asked, "tab": "watched", "records": rows, "more": more},
    )  # fmt: skip


async def _rows(
    visit: Visit, query: Query, where: dict[str, str], model: type[Doubt] | type[Record]
) -> tuple[list[Doubt | Record], str | None]:
    found = await turned(visit, query, where, ROWS)
    return [one.model for one in journal.known(model, found.documents)], found.more


@dataclass(frozen=True, slots=True)
class SideBySide:
    """The cards of a record as the worker read them, and what may be said."""

    fields: Sequence[str]
    """Those that differ first."""
    cards: Cards
    asked: Mapping[str, Sequence[str]]
    """By field that is asked: the answers."""
    flow: str
    reveal: bool

    def texts(self, connection: str, field: str) -> str:
        """What stands there, masked unless it was asked to be shown."""
        found = next((one.fields.get(field, ()) for one in self.cards.cards if one.connection == connection), ())
        return ", ".join(found if self.reveal else (masked(field, one) for one in found))

    def differs(self, field: str) -> bool:
        return len({tuple(sorted(one.fields.get(field, ()))) for one in self.cards.cards}) > 1


async def side_by_side(visit: Visit, request: Request, cards: Cards, reveal: bool) -> SideBySide:
    """What a request to show cards brought, with what is asked of them now."""
    held = await journal.load(visit.store, Record, request.about)
    record = held.model if held else None
    asked = {name: (*saw, LEAVE) for name, saw in record.saw.items()} if record else {}
    asked |= dict.fromkeys(record.stopped, (GO_ON,)) if record else {}
    names = list(dict.fromkeys(name for one in cards.cards for name, texts in one.fields.items() if texts))
    names += [name for name in asked if name not in names]
    found = SideBySide(names, cards, asked, request.arguments.get("flow", ""), reveal)
    names.sort(key=lambda name: (name not in asked, not found.differs(name)))
    return found
