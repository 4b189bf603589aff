"""Long work followed and steered, and all of a filter done anew with the count first."""

from __future__ import annotations

import pytest

from console.visitor import Visitor
from fakes import House, order
from svyazka.engine.jobs import steering
from svyazka.engine.jobs.work import Patience, Slice, Work
from svyazka.engine.journal import documents as journal
from svyazka.model.deliveries import Status
from svyazka.model.jobs import Job, JobState, counted
from svyazka.model.outcomes import Refused
from svyazka.model.tenants import Tenant

NO = Refused(code="202", message="bad number")


class Rows(Work):
    """Ten rows, two a slice."""

    kind, title = "import", "rows"

    async def slice(self, job: Job, tenant: Tenant, patience: Patience) -> Slice:
        return Slice(counted(created=1, skipped=1), again_in=60, end=job.counts.read >= 8)


async def failed(house: House, count: int) -> None:
    house.sms.script.extend([NO] * count)
    for number in range(count):
        await house.post(order(number + 1))
    await house.run()


def statuses(house: House) -> list[Status]:
    return [one.status for one in house.deliveries()]


async def test_all_of_a_filter_is_counted_first_and_then_done_once(house: House, visitor: Visitor) -> None:
    await failed(house, 3)
    before = house.sms.calls
    listed = await visitor.page("/deliveries?tenant=kofe&connection=sms&status=failed")
    assert "/again?tenant=kofe&amp;connection=sms&amp;status=failed" in listed
    page = await visitor.page("/again?tenant=kofe&connection=sms&status=failed")
    assert "<b>3</b>" in page
    assert house.sms.calls == before  # to count does nothing
    where = [await visitor.press(page, "Попробовать ещё раз: 3") for _ in range(2)]
    assert len(set(where)) == 1
    await house.run()
    assert statuses(house) == [Status.SUCCEEDED] * 3
    assert house.sms.calls == before + 3
    answer = await visitor.page(where[0])
    (job,) = {key for kind, key in house.store.documents if kind == "jobs"}
    assert f'href="/jobs/{job}"' in answer
    followed = await visitor.page(f"/jobs/{job}")
    assert "3 из 3" in followed
    assert "<b>0</b>" in await visitor.page("/again?tenant=kofe&connection=sms&status=failed")


async def test_what_fails_once_more_is_not_tried_for_ever(house: House, visitor: Visitor) -> None:
    await failed(house, 2)
    house.sms.script.extend([NO] * 10)
    before = house.sms.calls
    await visitor.press(await visitor.page("/again?tenant=kofe&status=failed"), "Попробовать ещё раз: 2")
    await house.run()
    assert house.sms.calls == before + 2
    assert statuses(house) == [Status.FAILED] * 2


@pytest.mark.parametrize("query", ["status=succeeded", "status=no", "days=x", "connection=bar"])
async def test_only_what_ended_without_success_can_be_chosen(visitor: Visitor, query: str) -> None:
    await visitor.page(f"/again?tenant=kofe&{query}", 404)


async def test_long_work_is_followed_paused_resumed_and_ended(house: House, visitor: Visitor) -> None:
    house.worker.jobs.works[Rows.kind] = Rows()
    await steering.start(house.hub, "kofe", Rows.kind, "clients.xlsx", "job_1", total=10)
    await house.run()
    page = await visitor.page("/jobs")
    assert "clients.xlsx" in page
    assert 'max="10" value="2"' in page
    for label, state in (
        ("Пауза", JobState.PAUSED),
        ("Продолжить", JobState.RUNNING),
        ("Закончить", JobState.CANCELLED),
    ):
        where = await visitor.press(await visitor.page("/jobs/job_1"), label)
        await house.run()
        assert "Готово" in await visitor.page(where)
        held = await journal.load(house.store, Job, "job_1")
        assert held is not None
        assert held.model.state is state
    assert "Пауза" not in await visitor.page("/jobs/job_1")


async def test_a_whole_business_is_paused_and_goes_on(house: House, visitor: Visitor) -> None:
    await visitor.press(await visitor.page("/"), "Остановить всё")
    await house.run()
    await house.post(order())
    await house.run()
    assert house.sms.calls == 0
    house.clock.step(10)
    visitor.around.forget_tenants()
    await visitor.press(await visitor.page("/"), "Пусть всё идёт дальше")
    await house.run()
    tenant = await house.hub.directory.tenant("kofe")
    assert tenant is not None
    assert not tenant.paused
