"""The first link of filled systems: all sides are read by lists, matched in memory, and a proposal is made.

It changes nothing, here or there. Cards and proposal lie sealed for a fortnight; `sync start` takes it (`linking.py`).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from pydantic import JsonValue, TypeAdapter

from svyazka.catalogue import N_
from svyazka.engine.agreeing.matching import Card, Proposal, card_of, proposed
from svyazka.engine.hub import Hub
from svyazka.engine.in_step.flows import InStep, in_step_flows
from svyazka.engine.jobs.asking import account_of, asking
from svyazka.engine.jobs.work import Failed, Patience, Slice, Waits, Work
from svyazka.engine.journal import documents as journal
from svyazka.engine.keeping.sealed import SealedValues
from svyazka.engine.outages.learning import Outages
from svyazka.engine.ports.blobs import Purpose
from svyazka.model.base import Stored
from svyazka.model.contacts import Contact
from svyazka.model.errors import NoPlace
from svyazka.model.in_step import Link, Record, is_file, link_id
from svyazka.model.jobs import Counts, Job, counted
from svyazka.model.records import Object
from svyazka.model.tenants import Tenant

KIND = "first_link"
BATCH = 100
"""Cards, or rows of a proposal, that are sealed together."""

AT_ONCE = 16
"""Batches that are read at once."""


class Reading(Stored):
    """How far the lists were read: the job's cursor."""

    between: tuple[str, ...] = ()
    """The flow's systems when it began: `side` counts them."""
    side: int = 0
    after: str | None = None
    read: int = 0
    batches: dict[str, tuple[str, ...]] = {}
    """By connection: its sealed cards."""
    last: tuple[str, ...] = ()
    """Ids of the last page: an object may come twice where pages meet."""


class FirstLink(Work):
    """Proposes which cards are the same person's."""

    kind = KIND
    title = "первое связывание"

    def __init__(self, hub: Hub, outages: Outages) -> None:
        self._hub, self._outages, self._sealed = hub, outages, SealedValues(hub)

    async def slice(self, job: Job, tenant: Tenant, patience: Patience) -> Slice:
        flow = await flow_of(self._hub, job, tenant)
        at = Reading.model_validate_json(job.cursor) if job.cursor else Reading(between=flow.rules.between)
        same_systems(flow, at.between)
        if at.side >= len(flow.rules.between):
            return await self._matched(job, tenant, flow, at)
        before = at
        while at.side < len(flow.rules.between):
            try:
                at = await self._page(job, tenant, flow, at)
            except (NoPlace, Waits) as error:
                if at is before:
                    raise
                wait = error.wait if isinstance(error, NoPlace) else 0.0
                return self._so_far(flow, at, wait)
            if patience.is_over():
                break
        return self._so_far(flow, at)

    def _so_far(self, flow: InStep, at: Reading, wait: float = 0.0) -> Slice:
        name = flow.rules.between[min(at.side, len(flow.rules.between) - 1)]
        return Slice(
            cursor=at.model_dump_json(exclude_none=True), phase=f"{name} {at.read}", again_in=wait,
        )  # fmt: skip

    async def _page(self, job: Job, tenant: Tenant, flow: InStep, at: Reading) -> Reading:
        """One page of one side, its cards sealed."""
        connection, kind = flow.rules.between[at.side], flow.rules.kind
        account = await account_of(self._hub, self._outages, tenant.id, connection)
        async with asking(self._hub, self._outages, account, key=f"{flow.id}.{connection}") as call:
            page = await flow.records(connection, account.manifest).page(kind, at.after, call)
        objects = list({one.id: one for one in page.objects if one.id not in at.last}.values())
        cards = await self._cards(tenant, flow, connection, objects)
        kept = list(at.batches.get(connection, ()))
        for start in range(0, len(cards), BATCH):
            part = cards[start : start + BATCH]
            key = f"{job.id}.{job.taken}.{connection}.{len(kept)}"
            kept.append(await self._sealed.keep(Purpose.PROPOSALS, tenant.id, key, [_sealed(card) for card in part]))
        end = page.next is None
        return at.model_copy(
            update={
                "batches": {**at.batches, connection: tuple(kept)}, "side": at.side + end,
                "after": None if end else page.next, "read": at.read + len(objects),
                "last": () if end else tuple(one.id for one in page.objects),
            }
        )  # fmt: skip

    async def _cards(
        self, tenant: Tenant, flow: InStep, connection: str, objects: Sequence[Object]
    ) -> list[Card]:  # fmt: skip
        """With the records of those that another system has already."""
        ids = [link_id(tenant.id, flow.rules.kind, connection, one.id) for one in objects]
        links = await self._hub.store.get_many([("links", id_) for id_ in ids])
        records = [journal.read(Link, one).model.record if one is not None else None for one in links]
        wanted = [record for record in records if record is not None]
        documents = await self._hub.store.get_many([("records", record) for record in wanted]) if wanted else []
        joined = {
            record: journal.read(Record, document).model.merged_into or record
            for record, document in zip(wanted, documents, strict=True)
            if document is not None and _is_settled(journal.read(Record, document).model)
        }
        return [
            card_of(one, connection, joined.get(record) if record is not None else None)
            for one, record in zip(objects, records, strict=True)
        ]

    # Matching

    async def _matched(self, job: Job, tenant: Tenant, flow: InStep, at: Reading) -> Slice:
        cards = await self._read(tenant, at)
        found = await asyncio.to_thread(proposed, cards)
        # Doubts first: until it is known what resembles a card, it could be made once more.
        rows = [("doubt", group, why) for group, why in found.doubts]
        rows += [("link", group, "") for group in found.links]
        rows += [("household", group, "") for group in found.households]
        batches: list[JsonValue] = []
        for start in range(0, len(rows), BATCH):
            part = rows[start : start + BATCH]
            contacts = [[_person(card) for card in group] for _what, group, _why in part]
            key = f"{job.id}.{job.taken}.rows.{start}"
            values = [_row(what, group, why) for what, group, why in part]
            batches.append(await self._sealed.keep(Purpose.PROPOSALS, tenant.id, key, values, contacts))
        result: dict[str, JsonValue] = {
            "flow": flow.id, "sides": list(flow.rules.between), "rows": batches,
            "linked": len(found.links) + len(found.linked), "proposed": len(found.links),
            "new": {name: len(found.new.get(name, ())) for name in flow.rules.between},
            "doubts": len(found.doubts), "households": len(found.households),
            "counts": {name: sum(card.connection == name for card in cards) for name in flow.rules.between},
        }  # fmt: skip
        return Slice(counts=_counted(found, len(cards)), result=result, total=len(cards), phase="", end=True)

    async def _read(self, tenant: Tenant, at: Reading) -> list[Card]:
        """All cards of all sides; whose batch has come to its end, or who was forgotten, isn't among them."""
        slots = asyncio.Semaphore(AT_ONCE)

        async def read(connection: str, batch: str) -> list[Card]:
            async with slots:
                values = await self._sealed.read(batch)
            if values is None:
                raise Failed("too_late", N_("the lists that were read are gone: begin anew with svyazka sync plan"))
            there = (value for value in values if isinstance(value, dict))
            return [_CARD.validate_python({**value, "connection": connection}) for value in there]

        ways = [read(connection, batch) for connection, kept in at.batches.items() for batch in kept]
        return [card for cards in await asyncio.gather(*ways) for card in cards]


async def flow_of(hub: Hub, job: Job, tenant: Tenant) -> InStep:
    """The flow that a job is about. Raises Failed where it is gone."""
    for one in await in_step_flows(hub, tenant):
        if one.id == job.parameters["flow"]:
            return one
    raise Failed("no_flow", N_("the flow {flow} isn't in the tenant's file any more").format(flow=job.subject))


def same_systems(flow: InStep, began_with: Sequence[object]) -> None:
    """Raises Failed where other systems are kept in step by now: lists half read, or cards of one that has left, would
    be taken for what they aren't."""
    if began_with and tuple(began_with) != flow.rules.between:
        raise Failed(
            "flow_changed", N_("the flow has other systems by now: make another proposal with svyazka sync plan")
        )


def _is_settled(record: Record) -> bool:
    """Whether it joins several systems already, or was deleted in one: nothing is proposed for it."""
    systems = sum(not is_file(name) for name in record.sides)
    return record.merged_into is not None or systems > 1 or record.forgotten_at is not None


_CARD = TypeAdapter(Card)


def _sealed(card: Card) -> JsonValue:
    """A card as it lies until all are read; its batch says at which connection."""
    found: JsonValue = _CARD.dump_python(card, mode="json", exclude={"connection"}, exclude_defaults=True)
    return found


def _row(what: str, group: Sequence[Card], why: str) -> JsonValue:
    """A row of the proposal: places of cards, nothing of what stands on them."""
    return {"what": what, "cards": [card.place for card in group], "why": why}


def _person(card: Card) -> Contact:
    """By whose address a card is found when its person asks to be forgotten."""
    email = next((key for key in card.keys if "@" in key), None)
    phone = next((key for key in card.keys if "@" not in key), None)
    return Contact(phone=phone, email=email)


def _counted(found: Proposal, total: int) -> Counts:
    """Each card is counted once."""
    linked = sum(map(len, found.links)) + sum(map(len, found.linked))
    doubt = sum(len(group) for group, _ in found.doubts)
    return counted(linked=linked, doubt=doubt, skipped=total - linked - doubt)
