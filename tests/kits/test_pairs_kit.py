"""Any two systems that keep people, kept in step with one another over their stand-ins."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from itertools import combinations
from typing import Any

import pytest

from in_step_house import InStep
from real_side import storm_at_vendors
from simulators.serve import Running
from svyazka.connectors.registry import load_manifest
from svyazka.engine.calling.call_factory import call_to
from svyazka.engine.calling.exchanges import exchanges
from svyazka.engine.comparing.matching import can_be_one, told_by
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import Records
from svyazka.engine.in_step.noting import keys_of
from svyazka.engine.outbound.http_clients import Clients
from svyazka.engine.rules.what_differs import normal_element
from svyazka.engine.upkeep.forget import Forgetting
from svyazka.model.events import Change, Hint
from svyazka.model.in_step import SideState
from svyazka.model.outcomes import Succeeded
from svyazka.model.records import Object, RecordKind
from svyazka.model.tenants import ConnectionSpec
from vendors import CRMS

CONTACT = RecordKind.CONTACT
PAIRS = [*combinations(sorted(CRMS), 2), tuple(sorted(CRMS))]
PERSON = {"name": "Анна Петрова", "phones": ["+79991234567"], "emails": ["anna@example.test"]}


class Real(InStep):
    """The house with connectors in place of its fakes; each connection bears its vendor's name."""

    kind = CONTACT

    def __init__(self, names: Sequence[str], vendors: Running, **settings: Any) -> None:
        self.vendors, self.names, self.clients = vendors, tuple(names), Clients()
        super().__init__((), **settings)
        self.settings["between"] = list(names)
        self.manifests |= {name: load_manifest(name) for name in names}
        for name in names:
            CRMS[name].open(vendors)
        self.bind()
        specs = {
            name: ConnectionSpec(
                vendor=name,
                settings={**CRMS[name].settings, **CRMS[name].secrets, "base_url": vendors.base_url(name)},
            )
            for name in names
        }
        flow = self.tenant.flows[0].model_copy(update={"sources": self.names})
        self.tenant = self.tenant.model_copy(
            update={"connections": {**self.tenant.connections, **specs}, "flows": (flow,)}
        )

    def start(self) -> None:
        super().start()
        self.hub.clients = self.clients

    async def call(self, name: str) -> Call[Any]:
        account = await self.hub.directory.account("kofe", name)
        assert account is not None
        return call_to(self.hub, account, exchanges(self.hub, account), key="test")

    def ways(self, name: str) -> Records[Any]:
        records = load_manifest(name).records
        assert records is not None
        return records

    async def card(self, name: str, id_: str) -> Object | None:
        return next(iter(await self.ways(name).read_many(self.kind, [id_], await self.call(name))), None)

    async def hinted(self, name: str, id_: str, change: Change = Change.UPDATED) -> None:
        await self.tell(name, Hint(kind=self.kind.value, id=id_, change=change))
        await self.run()
        await self.pass_time(600)

    def done(self) -> dict[str, int]:
        """What was written so far, by all of them."""
        found = {name: CRMS[name].done(self.vendors) for name in self.names}
        return {f"{name}: {what}": count for name, done in found.items() for what, count in done.items()}


@pytest.fixture
async def house(names: tuple[str, ...], vendors: Running) -> AsyncIterator[Real]:
    made = Real(names, vendors, create="all")
    await made.settle_in()
    yield made
    await made.clients.close()


@pytest.mark.parametrize("names", PAIRS, ids="-".join)
async def test_a_person_is_made_once_and_each_ones_edits_reach_the_others(
    house: Real, names: tuple[str, ...], vendors: Running
) -> None:  # fmt: skip
    first, *others = names
    ids = {first: CRMS[first].person(vendors, PERSON)}
    await house.hinted(first, ids[first], Change.CREATED)
    record = house.record()
    assert set(record.live) == set(names), (record.refused, [one.last_error for one in house.deliveries()])
    ids = {name: side.object for name, side in record.sides.items()}
    for name in names:
        card = await house.card(name, ids[name])
        assert card is not None
        phones = {normal_element("phone", one) for one in card.elements("phone")}
        assert (card.shows("name"), phones) == ("Анна Петрова", {"+79991234567"}), name
    assert all(CRMS[name].done(vendors)["create contact"] == 1 for name in others)
    for number, name in enumerate(names):
        CRMS[name].save(vendors, CONTACT, ids[name], {"name": f"Анна Иванова {'абвг'[number]}"})
        await house.hinted(name, ids[name])
        shown = {other: (await house.card(other, ids[other])).shows("name") for other in names}  # type: ignore[union-attr]
        assert set(shown.values()) == {f"Анна Иванова {'абвг'[number]}"}, (name, shown)
    written = house.done()
    for name in names:
        await house.hinted(name, ids[name])
    assert house.done() == written, "our own changes coming back change nothing"
    assert not house.doubts()


@pytest.mark.parametrize("names", PAIRS[:-1], ids="-".join)
async def test_two_cards_of_a_person_are_linked_and_one_that_is_deleted_stays_so(
    house: Real, names: tuple[str, ...], vendors: Running
) -> None:  # fmt: skip
    ids = {name: CRMS[name].person(vendors, PERSON) for name in names}
    for name in names:
        await house.hinted(name, ids[name], Change.CREATED)
    assert {name: side.object for name, side in house.record().sides.items()} == ids
    assert not any(CRMS[name].done(vendors)["create contact"] for name in names)
    gone, left = names
    CRMS[gone].remove(vendors, CONTACT, ids[gone])
    await house.hinted(gone, ids[gone], Change.DELETED)
    assert house.record().sides[gone].state is SideState.GONE
    CRMS[left].save(vendors, CONTACT, ids[left], {"name": "Анна Иванова"})
    await house.hinted(left, ids[left])
    assert not CRMS[gone].done(vendors)["create contact"]
    assert await house.card(left, ids[left]) is not None


@pytest.mark.parametrize("names", PAIRS[-1:], ids="-".join)
async def test_a_storm_over_all_of_them_ends_in_agreement(names: tuple[str, ...], vendors: Running) -> None:
    one = await storm_at_vendors(names, vendors, seed=4, steps=60)
    assert not one.faults()
    assert one.rounds <= len(names) + 1


@pytest.mark.parametrize("names", PAIRS[:-1], ids="-".join)
async def test_a_right_withdrawn_clears_nothing_and_who_was_forgotten_never_rises(
    house: Real, names: tuple[str, ...], vendors: Running
) -> None:  # fmt: skip
    ids = {name: CRMS[name].person(vendors, PERSON) for name in names}
    for name in names:
        await house.hinted(name, ids[name], Change.CREATED)
    before = house.done()
    for name in names:
        unsee = CRMS[name].unsee
        if unsee is not None:
            unsee(vendors, CONTACT, ids[name])
            await house.hinted(name, ids[name], Change.DELETED)
            assert house.record().sides[name].state is SideState.SUSPECT, "not shown isn't deleted"
    assert house.done() == before
    await Forgetting(house.hub).forget(house.tenant, "8 999 123-45-67")
    CRMS[names[-1]].save(vendors, CONTACT, ids[names[-1]], {"name": "Анна Иванова"})
    for name in names:
        await house.hinted(name, ids[name])
    assert house.done() == before
    assert {side.state for side in house.record().sides.values()} == {SideState.GONE}


KEEP_COMPANIES = tuple(name for name in sorted(CRMS) if RecordKind.COMPANY in CRMS[name].fields)


class Companies(Real):
    """The same, of companies."""

    flow, kind = "sync", RecordKind.COMPANY


@pytest.mark.parametrize("names", [KEEP_COMPANIES], ids="-".join)
async def test_companies_are_linked_by_name_made_once_and_each_ones_edits_reach_the_others(
    names: tuple[str, ...], vendors: Running
) -> None:  # fmt: skip
    house = Companies(names, vendors, create="all", fields={"name": "both", "phone": "both"})
    await house.settle_in()
    try:
        first, second, *_ = names
        calls = {name: await house.call(name) for name in names}
        ids = {}
        for name in (first, second):
            fields = {"name": "ООО «Ромашка»"}
            made = await house.ways(name).create(house.kind, fields, (), f"theirs-{name}", calls[name])
            assert isinstance(made.outcome, Succeeded)
            ids[name] = made.outcome.external_id or ""
        for name, id_ in ids.items():
            await house.hinted(name, id_, Change.CREATED)
        (record,) = [one for one in house.records() if one.merged_into is None]
        assert set(record.live) == set(names), (record.refused, [one.last_error for one in house.deliveries()])
        assert {name: record.sides[name].object for name in ids} == ids, "linked by its name"
        for name in names:
            id_ = record.sides[name].object
            (there,) = await house.ways(name).read_many(house.kind, [id_], calls[name])
            assert await house.ways(name).update(there, {"name": f"ООО Лютик {name}"}, calls[name])
            await house.hinted(name, id_)
            shown = {other: await house.card(other, record.sides[other].object) for other in names}
            assert {one.shows("name") for one in shown.values() if one} == {f"ООО Лютик {name}"}
        other = await house.ways(first).create(
            house.kind, {"name": f"ООО Лютик {names[-1]}-2"}, (), "theirs-2", calls[first]
        )
        assert isinstance(other.outcome, Succeeded)
        await house.hinted(first, other.outcome.external_id or "", Change.CREATED)
        assert len([one for one in house.records() if one.merged_into is None]) == 2, "another name: another company"
    finally:
        await house.clients.close()


def test_a_companys_name_tells_it_in_any_quotes_and_a_part_of_it_does_not() -> None:
    one, same, longer = (
        Object(RecordKind.COMPANY, "7", {"name": name, "phone": ("+74951234567",)})
        for name in ('ООО "Ромашка"', "ооо «РОМАШКА»", "ООО Ромашка-2")
    )
    assert set(keys_of([one])) == set(keys_of([same])) != set(keys_of([longer]))
    assert can_be_one(told_by(one), told_by(same))
    assert not can_be_one(told_by(one), told_by(longer)), "though they share a phone"
