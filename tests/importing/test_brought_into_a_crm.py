"""A file brought into amoCRM's stand-in: each line once, whoever dies when; the next file changes what it corrects."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from bringing import Brings, written
from dying import Killed, strikes
from shop import Shop
from simulators.amocrm.simulator import AmocrmSimulator
from simulators.registry import load_simulator
from simulators.serve import Running, serve
from svyazka.connectors.registry import load_manifest
from svyazka.engine.jobs import steering
from svyazka.engine.jobs.runner import Jobs
from svyazka.engine.journal import documents as journal
from svyazka.engine.upkeep.forget import Forgetting
from svyazka.importing.carrying import Importing, chunk_id
from svyazka.importing.planning import Planned
from svyazka.importing.starting import begin, job_id, write_down
from svyazka.model.imports import Chunk
from svyazka.model.jobs import JobState
from vendors import CRMS


class Bringing(Brings, Shop):
    """The engine with amoCRM's stand-in, and an import's way into it."""

    def start(self) -> None:
        super().start()
        self.worker.jobs = Jobs(self.hub, self.worker.outages, [Importing(self.hub, self.worker.outages)])


@pytest.fixture(scope="module")
def running() -> Iterator[Running]:
    with serve([load_simulator("amocrm")]) as up:
        yield up


@pytest.fixture
def vendors(running: Running) -> Running:
    running.of("amocrm").clear()
    return running


@pytest.fixture
async def crm(vendors: Running) -> AsyncIterator[tuple[Bringing, AmocrmSimulator]]:
    known = CRMS["amocrm"]
    known.open(vendors)
    settings = {**known.settings, **known.secrets, "base_url": vendors.base_url("amocrm")}
    house = Bringing(load_manifest("amocrm"), settings)
    await house.settle_in()
    simulator, step = vendors.of("amocrm"), house.clock.step

    def together(seconds: float = 0.0) -> None:
        step(seconds)
        simulator.ahead = house.clock.now().timestamp() - time.time()

    house.clock.step = together  # type: ignore[method-assign]
    together()
    yield house, simulator
    await house.clients.close()


def base(count: int) -> list[str]:
    return [f"{n};Иванов Иван {chr(1040 + n % 32)}{chr(1072 + n // 32)}ич;8916{n:07};i{n}@ya.ru;" for n in range(count)]


def names(simulator: AmocrmSimulator) -> Counter[str]:
    return Counter(card["name"] for card in simulator.cards["contacts"].values() if not card["is_deleted"])


def id_of(simulator: AmocrmSimulator, name: str) -> int:
    return next(id_ for id_, card in simulator.cards["contacts"].items() if card["name"] == name)


def writes(simulator: AmocrmSimulator) -> int:
    return sum(one.get("entity") == "contacts" for one in simulator.effects)


async def test_every_line_is_brought_over_once_and_the_dry_run_says_the_same_before(crm: Any, tmp_path: Path):
    house, simulator = crm
    lines = [*base(120), ";;;;", "7;Иванов Иван Ааич;8 916 000-00-07;i7@ya.ru;", "Итого;;;;", "9999;Без телефона;;;"]
    foreseen = Counter(one.what for one in await house.plan(written(tmp_path, lines)))
    assert writes(simulator) == 0
    job = await house.bring(written(tmp_path, lines))
    assert job.state is JobState.DONE
    assert job.counts.read == len(lines) + 1 == sum(foreseen.values())
    assert (job.counts.created, job.counts.doubt) == (foreseen["would_create"], foreseen["doubt"]) == (120, 2)
    assert max(names(simulator).values()) == 1
    assert len(names(simulator)) == 120


async def test_people_who_are_there_are_filled_up_and_never_overwritten(crm: Any, tmp_path: Path):
    house, simulator = crm
    known = simulator.add("contacts", {"name": "Ваня Иванов", "phone": ["8 (916) 000-00-01"]})
    kin = simulator.add("contacts", {"name": "Иванова Анна", "phone": ["+79160000002"]})
    job = await house.bring(written(tmp_path, [
        "1;Иванов Иван;8 916 000 00 01, 8 903 765-43-22;i@ya.ru;", "2;Иванов Пётр;89160000002;;",
    ]))  # fmt: skip
    assert (job.counts.updated, job.counts.created) == (1, 1)
    assert known["name"] == "Ваня Иванов"
    values = {
        field["field_code"]: [value["value"] for value in field["values"]] for field in known["custom_fields_values"]
    }
    assert values == {"PHONE": ["8 (916) 000-00-01", "+79037654322"], "EMAIL": ["i@ya.ru"]}
    assert kin["name"] == "Иванова Анна"
    assert names(simulator) == {"Ваня Иванов": 1, "Иванова Анна": 1, "Иванов Пётр": 1}


async def test_what_the_crm_has_no_place_for_is_told_before_and_afterwards(crm: Any, tmp_path: Path):
    """A column of comments was called brought over, and was nowhere."""
    house, simulator = crm
    simulator.add("contacts", {"name": "Иванов Иван", "phone": ["+79160000001"]})
    head = "Код;ФИО;Телефон;День рождения;Комментарий\n"
    file = written(tmp_path, ["1;Иванов Иван;89160000001;;VIP", "2;Петров Пётр;89160000002;14.02.1985;чай"], head)
    assert [one.left_out for one in await house.plan(file)] == [(), ("comment",), ("comment",)]
    job = await house.begin(file)
    await house.carry(job)
    chunk = await journal.load(house.hub.store, Chunk, chunk_id((await house.job(job)).parameters["plan"], 0))
    assert [one.left_out for one in chunk.model.outcomes.values()] == [("comment",)] * 2
    assert [one.left_out for one in await house.plan(file)] == [(), ("comment",), ("comment",)]


async def test_a_corrected_file_changes_only_what_was_corrected(crm: Any, tmp_path: Path):
    house, simulator = crm
    lines = base(60)
    await house.bring(written(tmp_path, lines))
    edited = id_of(simulator, "Иванов Иван Аа" + "ич")
    simulator.change("contacts", simulator.cards["contacts"][edited], {"name": "Правка менеджера"})
    before = writes(simulator)

    assert (await house.bring(written(tmp_path, [*lines, ";;;;"]))).counts.unchanged == 60
    assert writes(simulator) == before, "a file that says nothing new writes nothing, and undoes nobody's edit"

    lines[5] = lines[5].replace("Иванов", "Кузнецов")
    lines[9] = lines[9].replace("i9@ya.ru", "nine@ya.ru")
    job = await house.bring(written(tmp_path, [*lines, "700;Новый Олег;89031112233;;"]))
    assert (job.counts.updated, job.counts.created, job.counts.unchanged) == (2, 1, 58)
    assert simulator.cards["contacts"][edited]["name"] == "Правка менеджера"
    assert writes(simulator) == before + 3


async def test_a_batch_that_one_row_spoils_is_halved_down_to_it(crm: Any, tmp_path: Path):
    house, simulator = crm
    lines = base(50)
    lines[17] += "14.02.1985"
    job = await house.begin(written(tmp_path, lines))
    del simulator.fields["contacts"][500003]  # the birthday's field is removed in the cabinet
    ended = await house.carry(job)
    assert (ended.state, ended.counts.created) == (JobState.DONE, 50)
    assert max(names(simulator).values()) == 1
    assert 5 < sum(one["path"].endswith("/contacts") and one["method"] == "POST" for one in simulator.calls) < 20


async def test_a_row_that_the_crm_refuses_is_told_with_its_reason(crm: Any, tmp_path: Path, vendors: Running):
    house, _simulator = crm
    wrong = {"code": "InvalidType", "path": "name", "detail": "not so"}
    body = {"status": 400, "validation-errors": [{"request_id": "0", "errors": [wrong]}]}
    vendors.fault("amocrm", kind="answer", status=400, body=body, path="*/contacts", method="POST")
    job = await house.bring(written(tmp_path, base(1)))
    assert (job.counts.failed, job.counts.created, job.counts.read) == (1, 0, 2)


async def test_killed_anywhere_and_gone_on_with_nobody_is_made_twice(crm: Any, tmp_path: Path, monkeypatch: Any):
    house, simulator = crm
    lines = base(110)
    job = await house.begin(written(tmp_path, lines))
    passed, died = 0, 0

    def reach(point: str) -> None:
        nonlocal passed, died
        passed += 1
        if passed % 2 == 0 and died < 20:
            died += 1
            raise Killed(point)

    strikes(reach, monkeypatch)
    while True:
        try:
            ended = await house.carry(job)
            break
        except Killed:
            house.start()
    assert died >= 10
    assert ended.state is JobState.DONE
    assert (ended.counts.read, ended.counts.created) == (111, 110)
    assert max(names(simulator).values()) == 1
    assert len(names(simulator)) == 110


TROUBLE = [
    {"kind": "cut_after"}, {"kind": "cut_before"}, {"kind": "answer", "status": 503},
    {"kind": "answer", "status": 504}, {"kind": "answer", "status": 200, "body": "<html>"},
]  # fmt: skip


@pytest.mark.parametrize("fault", TROUBLE, ids=lambda fault: " ".join(map(str, fault.values())))
async def test_whatever_becomes_of_an_answer_nobody_is_made_twice_or_left_out(
    fault: dict[str, Any], crm: Any, tmp_path: Path, vendors: Running
):
    house, simulator = crm
    job = await house.begin(written(tmp_path, base(70)))
    simulator.seen_after = 45.0  # so long what was made isn't in its lists
    vendors.fault("amocrm", path="*/contacts", method="POST", **fault)
    ended = await house.carry(job)
    assert (ended.counts.created, ended.state) == (70, JobState.DONE)
    assert (len(names(simulator)), max(names(simulator).values())) == (70, 1)


async def test_trouble_while_it_is_asked_what_became_of_a_chunk_makes_nobody_twice(
    crm: Any, tmp_path: Path, vendors: Running
):
    house, simulator = crm
    job = await house.begin(written(tmp_path, base(50)))
    vendors.fault("amocrm", path="*/contacts", method="POST", kind="cut_after")
    vendors.fault("amocrm", path="*/contacts", method="GET", kind="answer", skip=1, status=503, times=2)
    ended = await house.carry(job)
    assert (ended.counts.created, len(names(simulator))) == (50, 50)


async def test_whoever_is_forgotten_on_the_way_isnt_brought_over(crm: Any, tmp_path: Path):
    house, _simulator = crm
    file = written(tmp_path, base(4))
    job = await house.begin(file)
    await Forgetting(house.hub).forget(house.tenant, "+79160000002")
    ended = await house.carry(job)
    assert (ended.counts.created, ended.counts.skipped) == (3, 2)
    await Forgetting(house.hub).forget(house.tenant, "+79160000003")
    foreseen = Counter(one.what for one in await house.plan(file))
    assert (foreseen["skipped"], foreseen["unchanged"], foreseen["would_create"]) == (2, 2, 0)


async def test_whoever_is_forgotten_while_a_plan_is_written_down_isnt_brought_over(crm: Any, tmp_path: Path):
    """A large file's plan takes minutes: his row was looked through, and lies nowhere yet where he could be found."""
    house, simulator = crm
    file = written(tmp_path, base(4))
    target, lines, at = await house.looked_through(file)
    planned = [one async for one in lines]
    await Forgetting(house.hub).forget(house.tenant, "+79160000002")

    async def again() -> AsyncIterator[Planned]:
        for one in planned:
            yield one

    job = await job_id(target, "its content")
    await begin(target, await write_down(target, again()), job, at)
    ended = await house.carry(job)
    assert (ended.counts.created, ended.counts.skipped, len(names(simulator))) == (3, 2, 3)


async def test_whoever_was_forgotten_comes_back_in_no_file_though_nothing_is_left_of_him(crm: Any, tmp_path: Path):
    house, _simulator = crm
    await Forgetting(house.hub).forget(house.tenant, "+79160000002")
    foreseen = [one.what for one in await house.plan(written(tmp_path, base(4)), "another")]
    assert foreseen == ["heading", "would_create", "would_create", "skipped", "would_create"]


async def test_whoever_is_forgotten_while_an_answer_is_out_leaves_the_others_in_doubt(
    crm: Any, tmp_path: Path, vendors: Running
):
    house, simulator = crm
    job = await house.begin(written(tmp_path, base(4)))
    vendors.fault("amocrm", path="*/contacts", method="POST", kind="cut_after")
    await house.worker.handle("/job", {"job": job})
    await Forgetting(house.hub).forget(house.tenant, "+79160000002")
    ended = await house.carry(job)
    assert (ended.counts.created, ended.counts.skipped) == (3, 2)
    assert (len(names(simulator)), max(names(simulator).values())) == (4, 1)


async def test_whoever_comes_into_the_crm_meanwhile_isnt_made_a_second_time(crm: Any, tmp_path: Path):
    house, simulator = crm
    job = await house.begin(written(tmp_path, base(3)))
    simulator.add("contacts", {"name": "Иванов Иван", "phone": ["+79160000001"]})
    ended = await house.carry(job)
    assert (ended.counts.created, ended.counts.updated) == (2, 1)


async def test_cancelled_it_sends_no_more_and_accounts_for_all(crm: Any, tmp_path: Path):
    house, simulator = crm
    id_ = await house.begin(written(tmp_path, base(10)))
    await steering.cancel(house.hub, house.tenant, id_, "ivan@server")
    job = await house.carry(id_)
    assert (job.state, job.counts.skipped, job.counts.read) == (JobState.CANCELLED, 11, 11)
    assert writes(simulator) == 0


async def test_the_same_file_twice_at_once_is_one_job(crm: Any, tmp_path: Path):
    house, simulator = crm
    file = written(tmp_path, base(4))
    first, second = await house.begin(file), await house.begin(file)
    assert first == second
    assert (await house.carry(first)).counts.created == 4
    assert max(names(simulator).values()) == 1


async def test_a_card_that_was_deleted_in_the_crm_isnt_made_anew(crm: Any, tmp_path: Path):
    house, simulator = crm
    await house.bring(written(tmp_path, base(3)))
    simulator.delete("contacts", simulator.cards["contacts"][id_of(simulator, "Иванов Иван Аа" + "ич")])
    job = await house.bring(written(tmp_path, [*base(3), ";;;;"]))
    assert (job.counts.created, job.counts.doubt, job.counts.unchanged) == (0, 1, 2)
