"""Two real systems, over HTTP at their stand-ins, linked for the first time and kept in agreement by their lists."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fakes import House
from simulators.serve import Running
from svyazka.connectors.registry import load_manifest
from svyazka.engine.agreeing import first_link, linking
from svyazka.engine.agreeing.nightly import begin
from svyazka.engine.in_step.flows import in_step_flows
from svyazka.engine.jobs.steering import start
from svyazka.engine.journal import documents as journal
from svyazka.engine.outbound.http_clients import Clients
from svyazka.model.in_step import Record
from svyazka.model.jobs import Job, JobState
from svyazka.model.records import RecordKind
from svyazka.model.tenants import ConnectionSpec, FlowSpec, Tenant
from vendors import CRMS

PAIRS = (("yclients", "amocrm"), ("yclients", "bitrix24"))
CONTACT = RecordKind.CONTACT
ROUNDS = 40


class Pair(House):
    """A house with two connectors over HTTP."""

    def __init__(self, names: tuple[str, str], vendors: Running) -> None:
        self.names, self.vendors, self.clients = names, vendors, Clients()
        super().__init__()
        for name in names:
            CRMS[name].open(vendors)
            self.manifests[name] = load_manifest(name)
        self.watch("watch")
        step = self.clock.step

        def together(seconds: float = 0.0) -> None:
            step(seconds)
            for name in names:
                vendors.of(name).ahead = self.clock.now().timestamp() - time.time()

        self.clock.step = together  # type: ignore[method-assign]
        together()

    def start(self) -> None:
        super().start()
        self.hub.clients = self.clients

    def watch(self, mode: str) -> None:
        flow = FlowSpec(
            id="sync_contacts", flow="sync_contacts", sources=self.names, via=(),
            settings={"between": list(self.names), "mode": mode, "fields": {"birthday": "off"}},
        )  # fmt: skip
        connections = {name: ConnectionSpec(vendor=name, settings=self.settings_of(name)) for name in self.names}
        self.tenant = Tenant(
            id="kofe", name="Салон", timezone="Europe/Moscow", connections=connections, flows=(flow,)
        )  # fmt: skip

    def settings_of(self, name: str) -> dict[str, Any]:
        settings = {**CRMS[name].settings, **CRMS[name].secrets, "base_url": self.vendors.base_url(name)}
        return {setting: value for setting, value in settings.items() if setting != "limit"}

    async def work(self, job: str) -> Job:
        """Let everything be done, until a job has ended and nothing follows from it."""
        for _ in range(ROUNDS):
            await self.run()
            await self.pass_time(120)
            held = await journal.load(self.store, Job, job)
            if held is not None and held.model.has_ended and not self.open():
                return held.model
        raise AssertionError(f"{job} never ends")

    def open(self) -> list[str]:
        return [one.id for one in self.deliveries() if one.is_open]

    def linked(self) -> set[tuple[str, ...]]:
        records = [journal.read(Record, one).model for one in self.store.documents.values() if one.kind == "records"]
        both = [one for one in records if len(one.live) == 2 and one.merged_into is None]
        return {tuple(one.live[name].object for name in self.names) for one in both}

    async def night(self, name: str, when: str) -> Job:
        (flow,) = await in_step_flows(self.hub, self.tenant)
        await begin(self.hub, self.tenant, flow, name, when, full=True)
        job = next(
            document.id for document in self.store.documents.values()
            if document.kind == "jobs" and f'"{flow.id}/{name}"' in document.data.decode()
            and document.fields["status"] == "planned"
        )  # fmt: skip
        return await self.work(job)


@pytest.fixture(params=PAIRS, ids="-".join)
async def pair(request: pytest.FixtureRequest, vendors: Running) -> AsyncIterator[Pair]:
    made = Pair(request.param, vendors)
    await made.settle_in()
    yield made
    await made.clients.close()


async def test_two_filled_systems_are_linked_agree_and_stay_so_without_webhooks(pair: Pair) -> None:
    same = set()
    for number in range(12):
        person = {"name": f"Мария Фамилия{'абвгдежзиклм'[number]}", "phones": [f"+7999300{number:04}"], "emails": []}
        names = pair.names if number % 3 else (pair.names[number % 2],)
        ids = tuple(CRMS[name].person(pair.vendors, person) for name in names)
        same |= {ids} if len(ids) == 2 else set()
    pair.clock.step(86400)

    flow = {"flow": "sync_contacts"}
    await start(pair.hub, "kofe", first_link.KIND, "sync_contacts", "job_plan", flow)
    plan = await pair.work("job_plan")
    assert (plan.state, plan.result["proposed"], plan.result["doubts"]) == (JobState.DONE, 8, 0)
    assert [CRMS[name].done(pair.vendors) for name in pair.names] == [{}, {}], "nothing is written by a proposal"

    pair.watch("on")
    await pair.settle_in()
    await start(pair.hub, "kofe", linking.KIND, "sync_contacts", "job_take", {**flow, "proposal": "job_plan"})
    taken = await pair.work("job_take")
    assert (taken.state, taken.counts.linked) == (JobState.DONE, 8)
    assert pair.linked() == same
    assert not any("create" in what for name in pair.names for what in CRMS[name].done(pair.vendors))

    for name in pair.names:
        night = await pair.night(name, "first")
        assert night.state is JobState.DONE
        assert night.result["mended"] == 0, night.result
    ids = sorted(same)[0]
    for at, name in enumerate(pair.names):
        pair.clock.step(86400)
        changed = f"Мария Новая{'ая'[at]}"
        CRMS[name].save(pair.vendors, CONTACT, ids[at], {"name": changed})
        night = await pair.night(name, f"after {name}")
        assert night.counts.updated == 1, night.result
        other = pair.names[1 - at]
        shown = await _name(pair, other, ids[1 - at])
        assert "Новая" in shown, f"{name} -> {other}: {shown}"


async def _name(pair: Pair, name: str, id_: str) -> str:
    from connectors.support import calling

    settings = load_manifest(name).settings.model_validate(pair.settings_of(name))
    async with calling(settings, pair.vendors.base_url(name)) as call:
        records = load_manifest(name).records
        assert records is not None
        (found,) = await records.read_many(CONTACT, [id_], call)
    return str(found.fields["name"])
