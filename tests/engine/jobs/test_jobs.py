"""Long work: whoever dies, freezes, comes second or is told to stop, each row is counted once."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest

from dying import Killed, strikes
from engine.jobs.rows_support import JOB, Working
from engine.outages.test_probing import NO_ENTRY, Told
from svyazka.engine.jobs import runner, steering
from svyazka.engine.jobs.work import Failed, Hold, Slice, Waits
from svyazka.engine.journal import documents as journal
from svyazka.engine.support import failpoints
from svyazka.model.errors import ConfigError, Conflict, NoPlace, Unavailable
from svyazka.model.jobs import Counts, Job, JobState, counted
from svyazka.model.problems import Problem

DONE = Counts(read=23, created=12, unchanged=11)


@pytest.fixture
async def house() -> Working:
    house = Working()
    await house.settle_in()
    return house


def cards(house: Working) -> dict[str, str]:
    found = [journal.read(Problem, one).model for (kind, _), one in house.store.documents.items() if kind == "problems"]
    return {one.kind: one.shown_state(house.clock.now()) for one in found}


async def test_it_goes_on_slice_by_slice_to_its_end(house: Working) -> None:
    assert await house.begin()
    await house.run()
    job = await house.job()
    assert (job.state, job.counts, job.total, job.slices, job.wake_at) == (JobState.DONE, DONE, 23, 5, None)
    assert await house.seen() == house.rows.rows
    assert job.expire_at == house.clock.now() + timedelta(days=90)
    assert not await house.begin(), "of one id there is one"


async def test_what_does_not_add_up_is_never_written_down(house: Working, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValueError, match="3 were read, and 2 accounted for"):
        Counts(read=3, created=1, unchanged=1)
    assert counted(created=1, doubt=2) + counted(failed=1) == Counts(read=4, created=1, doubt=2, failed=1)


POINTS = (*failpoints.JOB_POINTS, "in the slice", "in the commit", "after the commit")


@pytest.mark.parametrize("point", POINTS)
@pytest.mark.parametrize("at", [1, 3, 5])
async def test_whoever_is_killed_leaves_it_to_the_next_and_each_row_is_counted_once(
    house: Working, monkeypatch: pytest.MonkeyPatch, point: str, at: int
) -> None:
    passed, real = 0, house.store.commit

    def die(name: object) -> None:
        nonlocal passed
        passed += name == point
        if passed == at and name == point:
            raise Killed

    async def commit(writes, tasks=()):
        if any(write.document.kind == "meta" for write in writes if hasattr(write, "document")):
            die("in the commit")
            done = await real(writes, tasks)
            die("after the commit")
            return done
        return await real(writes, tasks)

    strikes(die, monkeypatch)
    house.rows.on_slice = lambda job: die("in the slice")
    house.store.commit = commit
    await house.begin()
    try:
        await house.run()
    except Killed:
        house.start()
    await house.pass_time(3600)
    job = await house.job()
    assert (job.state, job.counts) == (JobState.DONE, DONE)
    assert await house.seen() == house.rows.rows
    assert passed >= at or (at == 5 and "commit" in point), "the point was reached"


async def test_of_two_workers_one_reads_and_the_other_leaves_it_alone(house: Working) -> None:
    await house.begin()
    await asyncio.gather(*(house.slice() for _ in range(8)))
    assert house.rows.reads == 1
    assert (await house.job()).counts.read == 5


async def test_whoever_froze_over_its_lease_throws_its_reading_away(house: Working) -> None:
    """A second worker took it over and is further on."""
    await house.begin()
    second = Working(house.store)
    second.clock = house.clock
    second.start()

    async def overtaken() -> None:
        house.clock.step(runner.LEASE + 1)
        await second.slice()
        await second.slice()

    real = house.rows.slice

    async def slow(job, tenant, patience):
        done = await real(job, tenant, patience)
        await overtaken()
        return done

    house.rows.slice = slow  # type: ignore[method-assign]
    await house.slice()
    job = await house.job()
    assert (job.counts.read, job.taken) == (10, 3)
    await second.run()
    assert (await house.job()).counts == DONE
    assert await house.seen() == house.rows.rows


async def test_stray_tasks_make_no_second_chain(house: Working) -> None:
    await house.begin()
    for _ in range(20):
        await house.store.enqueue([steering.job_task(JOB)])
    await house.run()
    assert house.rows.reads == 5


async def test_what_the_queue_forgot_the_sweep_finds(house: Working) -> None:
    house.store.forget_tasks = True
    await house.begin()
    house.store.forget_tasks = False
    await house.pass_time(300)
    assert (await house.job()).counts == DONE


# Told to stop


async def test_paused_it_waits_and_resumed_it_goes_on_from_there(house: Working) -> None:
    await house.begin()
    await house.slice()
    await steering.pause(house.hub, house.tenant, JOB)
    await house.pass_time(86400, step=3600)
    job = await house.job()
    assert (job.state, job.counts.read, job.wake_at) == (JobState.PAUSED, 5, None)
    with pytest.raises(ConfigError, match="paused"):
        await steering.pause(house.hub, house.tenant, JOB)
    await steering.resume(house.hub, house.tenant, JOB)
    await house.run()
    assert (await house.job()).counts == DONE
    for change in (steering.pause, steering.resume):
        with pytest.raises(ConfigError, match="done"):
            await change(house.hub, house.tenant, JOB)


async def test_a_slice_under_way_when_it_is_paused_counts_for_nothing_and_is_done_again(house: Working) -> None:
    await house.begin()
    real = house.rows.slice

    async def meanwhile(job, tenant, patience):
        done = await real(job, tenant, patience)
        house.rows.slice = real  # type: ignore[method-assign]
        await steering.pause(house.hub, house.tenant, JOB)
        return done

    house.rows.slice = meanwhile  # type: ignore[method-assign]
    await house.slice()
    assert (await house.job()).counts.read == 0
    await steering.resume(house.hub, house.tenant, JOB)
    await house.run()
    assert (await house.job()).counts == DONE


@pytest.mark.parametrize("stopped", ["running", "paused", "held", "waiting"])
async def test_cancelled_it_wraps_up_and_ends(house: Working, stopped: str) -> None:
    def stop(job: Job) -> None:
        if stopped == "held":
            raise Hold("choose", "which column is the phone?")
        if stopped == "waiting":
            raise Waits("till", "down", "no answer")

    await house.begin()
    await house.slice()
    house.rows.on_slice = stop
    await (steering.pause(house.hub, house.tenant, JOB) if stopped == "paused" else house.slice())
    counted_so_far = (await house.job()).counts
    await steering.cancel(house.hub, house.tenant, JOB, "ivan@server")
    await house.run()
    job = await house.job()
    assert (job.state, job.counts, job.result) == (JobState.CANCELLED, counted_so_far, {"wrapped_up": True})
    assert (job.cancelled_by, job.ended_at) == ("ivan@server", house.clock.now())
    assert "open" not in cards(house).values()
    with pytest.raises(ConfigError, match="cancelled already"):
        await steering.cancel(house.hub, house.tenant, JOB, "ivan@server")


async def test_there_is_no_other(house: Working) -> None:
    with pytest.raises(ConfigError, match="there is no job job_2"):
        await steering.cancel(house.hub, house.tenant, "job_2", "ivan@server")


# What may come of a slice


async def down(house: Working) -> None:
    """The vendor is blocked, and stays so whoever looks."""
    account = await house.hub.directory.account("kofe", "sms")
    assert account is not None
    house.sms.doctor = Told((NO_ENTRY,))
    await house.worker.outages.open(account, "blocked", "401", "no entry", remedy="copy the key")


async def test_a_vendor_that_is_down_parks_it_and_its_recovery_lets_it_go_on(house: Working) -> None:
    asked, up = 0, False

    def ask(job: Job) -> None:
        nonlocal asked
        asked += 1
        if not up:
            raise Waits("sms", "401", "no entry")

    house.rows.on_slice = ask
    await house.begin()
    await house.pass_time(3600)
    before = asked
    assert before == 4, "a minute later, five, a quarter of an hour, an hour"
    await down(house)
    await house.pass_time(2 * 86400, step=3600)
    job = await house.job()
    assert (job.state, job.waits_on, job.tries, asked) == (JobState.RUNNING, "sms", 0, before)
    assert job.not_before is not None
    assert job.error is not None
    assert job.error.code == "401"

    up = True
    await house.worker.outages.close(house.tenant, "sms")
    await house.run()
    job = await house.job()
    assert (job.counts, job.waits_on, job.error) == (DONE, None, None)
    assert cards(house).get("job_failed") is None


async def test_where_a_vendor_has_no_place_it_comes_back_when_there_is_one(house: Working) -> None:
    full = [True, True]

    def ask(job: Job) -> None:
        if full and full.pop():
            raise NoPlace("others call it", 30.0)

    house.rows.on_slice = ask
    await house.begin()
    await house.run()
    assert (await house.job()).counts.read == 0
    await house.pass_time(90, step=10)
    assert (await house.job()).counts == DONE


async def test_what_wants_a_decision_is_held_with_one_card_until_it_is_made(house: Working) -> None:
    def ask(job: Job) -> None:
        if "phone" not in job.parameters:
            raise Hold("choose", "which column is the phone?", "svyazka jobs resume job_1")

    house.rows.on_slice = ask
    await house.begin()
    await house.run()
    assert ((await house.job()).state, cards(house)) == (JobState.HELD, {"job_held": "open"})
    await house.pass_time(86400, step=3600)
    assert cards(house) == {"job_held": "open"}
    await steering.resume(house.hub, house.tenant, JOB, {"phone": 3})
    await house.run()
    await house.pass_time(3600)
    assert ((await house.job()).counts, cards(house)) == (DONE, {"job_held": "closed"})


async def test_what_can_not_be_done_has_failed_and_is_told_and_a_later_one_ends_the_card(house: Working) -> None:
    def ask(job: Job) -> None:
        if job.id == JOB:
            raise Failed("no_file", "the file is gone")

    house.rows.on_slice = ask
    await house.begin()
    await house.run()
    job = await house.job()
    assert (job.state, job.error and job.error.code) == (JobState.FAILED, "no_file")
    assert cards(house) == {"job_failed": "open"}
    await house.begin("job_2")
    await house.run()
    await house.pass_time(3600)
    assert cards(house) == {"job_failed": "closed"}


async def test_a_bug_of_ours_is_tried_again_and_then_it_has_failed(house: Working) -> None:
    tried = 0

    def ask(job: Job) -> None:
        nonlocal tried
        tried += 1
        raise RuntimeError("Анна +79990000108")

    house.rows.on_slice = ask
    await house.begin()
    await house.pass_time(6 * 3600)
    job = await house.job()
    assert (job.state, tried) == (JobState.FAILED, runner.TRIES)
    assert "Анна" not in job.model_dump_json(), "an exception's words may name people"
    house.rows.on_slice = lambda job: None
    await steering.resume(house.hub, house.tenant, JOB)
    await house.run()
    assert (await house.job()).counts == DONE


async def test_one_stumble_is_forgotten_by_the_next_slice(house: Working) -> None:
    stumbles = [1, 3, 5]

    def ask(job: Job) -> None:
        if job.taken in stumbles:
            raise RuntimeError

    house.rows.on_slice = ask
    await house.begin()
    await house.pass_time(3600)
    job = await house.job()
    assert (job.state, job.tries, job.counts) == (JobState.DONE, 0, DONE)


async def test_a_slice_without_end_is_broken_off(house: Working, monkeypatch: pytest.MonkeyPatch) -> None:
    async def endless(job, tenant, patience):
        await asyncio.Event().wait()

    monkeypatch.setattr(runner, "LIMIT", 0.01)
    house.rows.slice = endless  # type: ignore[method-assign]
    await house.begin()
    await house.slice()
    assert (await house.job()).tries == 1


async def test_a_store_that_is_down_is_no_failure_of_its_own(house: Working) -> None:
    await house.begin()

    def ask(job: Job) -> None:
        raise Unavailable("down")

    house.rows.on_slice = ask
    assert await house.slice() == 503
    house.rows.on_slice = lambda job: None
    await house.pass_time(600)
    assert (await house.job()).counts == DONE


async def test_what_lies_beside_it_and_was_changed_meanwhile_makes_another_slice(house: Working) -> None:
    await house.begin()
    real, once = house.store.commit, [True]

    async def commit(writes, tasks=()):
        if len(writes) > 1 and once:
            once.clear()
            raise Conflict([("meta", "seen")])
        return await real(writes, tasks)

    house.store.commit = commit
    await house.pass_time(60)
    job = await house.job()
    assert (job.counts, house.rows.reads) == (DONE, 6)


@pytest.mark.parametrize("count", [20, 21])
async def test_a_slice_is_one_commit(house: Working, count: int) -> None:
    async def many(job, tenant, patience):
        from svyazka.engine.ports.store import Create, Document

        return Slice(end=True, writes=[Create(Document("meta", f"m{n}", {}, b"{}")) for n in range(count)])

    house.rows.slice = many  # type: ignore[method-assign]
    await house.begin()
    await house.slice()
    assert (await house.job()).state is (JobState.DONE if count == 20 else JobState.RUNNING)


async def test_a_kind_of_a_newer_release_is_left_to_it(house: Working) -> None:
    await steering.start(house.hub, "kofe", "from_tomorrow", "", "job_3")
    before = await house.job("job_3")
    assert await house.slice("job_3") == 204
    assert await house.job("job_3") == before


async def test_of_a_tenant_that_is_gone_nothing_goes_on(house: Working) -> None:
    await steering.start(house.hub, "salon", "rows", "", "job_4")
    await house.slice("job_4")
    assert (await house.job("job_4")).state is JobState.CANCELLED


async def test_how_quick_it_is_and_how_long_it_takes_yet() -> None:
    job = Job(
        id=JOB, kind="rows", tenant="kofe", made_at="2026-03-14T12:00:00Z", total=100, worked=4.0,
        counts=counted(created=20), state=JobState.RUNNING,
    )  # fmt: skip
    assert (job.rate, job.left()) == (5.0, 16.0)
    assert job.model_copy(update={"total": None}).left() is None
    assert job.model_copy(update={"state": JobState.DONE}).left() is None
    assert job.model_copy(update={"counts": Counts()}).rate is None
