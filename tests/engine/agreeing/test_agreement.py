"""Every morning it is known that systems agree; what no webhook told of is found by lists, and mended."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from dying import Killed, dies_at
from fake_visits import FakeJournal, VisitHouse
from in_step_house import ivan
from listed_side import Listed
from svyazka.engine.agreeing import agreement
from svyazka.engine.agreeing.diffing import differences, summary
from svyazka.engine.agreeing.nightly import Nightly, begin, begin_check
from svyazka.engine.agreeing.standing import has_drifted
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import Page
from svyazka.engine.in_step.flows import in_step_flows
from svyazka.engine.in_step.prints import printer
from svyazka.engine.jobs import runner, steering
from svyazka.engine.journal import documents as journal
from svyazka.model.in_step import Record
from svyazka.model.jobs import JobState
from svyazka.model.records import CLEARED, RecordKind


def people(count: int) -> list[dict[str, Any]]:
    return [ivan(name=f"Иван {number}", phone=(f"+7999000{number:04}",)) for number in range(1, count + 1)]


async def in_step(count: int = 7, **settings: Any) -> tuple[Listed, list[tuple[str, ...]]]:
    """So many people in both systems, linked and agreed."""
    house = Listed(**settings)
    await house.settle_in()
    ids = [tuple(side.add(**one) for side in house.sides.values()) for one in people(count)]
    await house.quiet(0.2)
    for side in house.sides.values():
        side.writes.clear()
        side.reads = side.searches = 0
    return house, ids


async def test_systems_that_agree_are_known_to_without_reading_either_of_them_pair_by_pair() -> None:
    house, _ = await in_step()
    for name in house.sides:
        job = await house.night(name)
        assert (job.state, job.counts.read, job.counts.unchanged) == (JobState.DONE, 7, 7)
        told = job.result
        assert told["fields"] == told["agree"] == 28, "of four fields, two are agreed to be empty"
        assert (told["mended"], told["unlinked"], told["differs"]) == (0, 0, [])
    assert [(side.reads, side.searches, side.writes) for side in house.sides.values()] == [(0, 0, [])] * 2
    agreed = await house.agreed("crm")
    assert (agreed.objects, agreed.round_at) == (7, None)
    assert agreed.whole_at is not None
    assert agreed.last["agree"] == 28
    assert [(one.fields, one.same) for one in agreed.nights] == [(28, 28)]


@pytest.mark.parametrize("connection", ["salon", "crm"])
async def test_a_silent_change_is_found_and_mended(connection: str) -> None:
    house, ids = await in_step()
    salon, crm = ids[3]
    changed = {"salon": salon, "crm": crm}[connection]
    await house.night(connection)
    house.clock.step(86400)
    house.silently(connection, changed, name="Иван Изменённый")
    house.clock.step(3600)
    job = await house.night(connection)
    assert (job.counts.updated, job.result["mended"]) == (1, 1)
    assert job.result["differs"] == [[job.result["differs"][0][0], "name", "changed"]]  # type: ignore[index]
    assert house.salon.shows(salon, "name") == house.crm.shows(crm, "name") == "Иван Изменённый"
    assert house.writes() == 1
    house.clock.step(3600)
    again = await house.night(connection)
    assert (again.counts.updated, again.result["mended"]) == (0, 0)


async def test_in_seven_nights_everything_was_compared_though_the_list_of_changes_lies() -> None:
    house, ids = await in_step(14)
    house.crm.tells_changes = False  # type: ignore[attr-defined]
    await house.night("crm")
    house.silently("crm", ids[13][1], name="Последний")
    nights = 0
    while house.writes() == 0 and nights < 10:
        house.clock.step(86400)
        job = await house.night("crm")
        nights += 1
        assert 0 < job.counts.read <= 6, "a seventh of them, in whole pages"
    assert nights <= agreement.NIGHTS
    assert house.salon.shows(ids[13][0], "name") == "Последний"
    agreed = await house.agreed("crm")
    assert (agreed.objects, agreed.last["records"]) == (14, 14)


async def test_an_object_that_changed_and_is_met_again_by_its_id_is_counted_once() -> None:
    house, ids = await in_step(7)
    house.clock.step(7200)
    await house.night("crm")
    house.clock.step(86400)
    house.silently("crm", ids[0][1], name="Первый")
    house.clock.step(60)
    job = await house.night("crm")
    assert (job.counts.read, job.counts.updated, job.counts.unchanged) == (3, 1, 2)


async def test_whose_name_wasnt_shown_is_linked_in_the_night_after_it_is() -> None:
    house = Listed()
    house.salon.hidden = {"name"}
    await house.settle_in()
    for side in house.sides.values():
        side.add(**ivan())
    await house.quiet(0.2)
    await house.night("salon")
    assert {len(one.live) for one in house.records()} == {1}, "nobody can tell yet"
    house.salon.hidden.clear()
    house.clock.step(86400)
    job = await house.night("salon")
    assert (job.counts.updated, len(house.record().live)) == (1, 2)


async def began(house: Listed) -> None:
    (flow,) = await in_step_flows(house.hub, house.tenant)
    await begin(house.hub, house.tenant, flow, "crm", "tonight")


@pytest.mark.parametrize("point", ["job.before_claim", "job.after_claim", "job.before_commit", "job.after_commit"])
@pytest.mark.parametrize("at", [1, 2])
async def test_killed_anywhere_each_object_is_counted_once(
    monkeypatch: pytest.MonkeyPatch, point: str, at: int
) -> None:
    house, ids = await in_step(7)
    house.silently("crm", ids[2][1], name="Третий")
    left = dies_at(point, monkeypatch, at)
    monkeypatch.setattr(runner, "SLICE", 0.0)
    for _ in range(3):
        try:
            await house.night("crm", "one night")
        except Killed:
            house.start()
            house.clock.step(200)
    await house.quiet(2)
    (job,) = house.jobs()
    assert (job.state, job.counts.read) == (JobState.DONE, 7)
    assert job.counts.updated == 1 or (point, at) == ("job.before_commit", 1), "it was mended before it was recorded"
    assert house.writes() == 1
    assert left == []


# What a list doesn't show


async def test_a_list_that_shows_fewer_fields_leaves_the_others_unread() -> None:
    house, ids = await in_step(3)
    house.crm.carried = frozenset({"phone"})  # type: ignore[attr-defined]
    house.silently("crm", ids[0][1], name="Не видно")
    job = await house.night("crm")
    assert (job.result["fields"], job.result["agree"], job.counts.updated) == (3, 3, 0)
    assert house.writes() == 0


async def test_what_has_changed_and_is_shown_in_part_only_is_read_whole() -> None:
    house, ids = await in_step(4)
    house.crm.carried = frozenset({"phone"})  # type: ignore[attr-defined]
    house.clock.step(7200)
    await house.night("crm")
    house.clock.step(86400)
    house.silently("crm", ids[0][1], name="Не видно")
    house.clock.step(60)
    await house.night("crm")
    assert house.salon.shows(ids[0][0], "name") == "Не видно"
    assert house.salon.reads <= 2, "and nobody else was"
    assert house.writes() == 1


async def test_a_right_that_was_withdrawn_clears_nothing() -> None:
    house, ids = await in_step(4)
    house.salon.hidden.add("phone")
    job = await house.night("salon")
    assert (job.counts.updated, job.result["mended"]) == (0, 0)
    assert all(house.crm.shows(crm, "phone") is not CLEARED for _, crm in ids)
    assert house.writes() == 0


async def test_a_card_that_was_deleted_without_a_word_is_found_at_the_end_of_the_round() -> None:
    house, ids = await in_step(6)
    house.crm.hook = False
    house.crm.delete(ids[2][1])
    job = await house.night("crm")
    assert job.state is JobState.DONE
    assert job.result["differs"] == [[house_record(house, ids[2][1]), "", "missing"]]
    (record,) = [one for one in house.records() if one.sides["crm"].object == ids[2][1]]
    assert record.sides["crm"].state == "gone"
    assert len(house.salon.cards) == 6
    assert len(house.crm.cards) == 5, "nothing is made where it was deleted"


def house_record(house: Listed, object_: str) -> str:
    (link,) = [one for one in house.links() if one.object == object_]
    return link.record


@pytest.mark.parametrize("answer", ["apply", "leave"])
async def test_a_list_that_comes_back_half_is_held_and_nothing_is_done_before_somebody_has_said(answer: str) -> None:
    house, ids = await in_step(12)
    house.crm.unlisted |= {crm for _, crm in ids[6:]}  # type: ignore[attr-defined]
    job = await house.night("crm")
    assert (job.state, job.error and job.error.code) == (JobState.HELD, "missing")
    assert house.crm.reads == 0
    await steering.resume(house.hub, house.tenant, job.id, {"missing": answer})
    await house.quiet(0.2)
    (job,) = house.jobs()
    assert job.state is JobState.DONE
    assert (house.crm.reads > 0) is (answer == "apply"), "each is asked about by itself"
    assert all(one.sides["crm"].state == "live" for one in house.records()), "they are there, whatever the list says"
    assert house.writes() == 0


async def test_a_deletion_of_half_that_a_person_has_confirmed_is_held_by_nothing_any_more() -> None:
    house, ids = await in_step(36)
    house.crm.hook = False
    for _, crm in ids[2:]:
        house.crm.delete(crm)
    job = await house.night("crm")
    assert (job.state, job.error and job.error.code) == (JobState.HELD, "missing")
    await steering.resume(house.hub, house.tenant, job.id, {"missing": "apply"})
    await house.quiet(0.2)
    assert sum(one.sides["crm"].state == "gone" for one in house.records()) == 34
    assert not (await house.switch()).held


async def test_lists_that_lack_a_few_each_are_counted_over_the_day() -> None:
    house, ids = await in_step(12)
    for part, state in ((ids[:4], JobState.DONE), (ids[4:8], JobState.HELD)):
        house.crm.unlisted |= {crm for _, crm in part}  # type: ignore[attr-defined]
        job = await house.night("crm", full=True)
        assert job.state is state
        house.clock.step(60)


async def test_a_card_that_came_back_without_a_word_is_in_step_again() -> None:
    house, ids = await in_step(3)
    house.crm.delete(ids[1][1])
    await house.quiet(0.2)
    house.crm.hook = False
    house.crm.restore(ids[1][1])
    house.crm.hook = True
    await house.night("crm", full=True)
    assert all(one.sides["crm"].state == "live" for one in house.records())
    house.crm.edit(ids[1][1], name="Снова здесь")
    await house.quiet(0.2)
    assert house.salon.shows(ids[1][0], "name") == "Снова здесь"


# A calendar's lists, which show some weeks


class ListedJournal(FakeJournal):
    """Its lists show what `listed` names."""

    listed: frozenset[str] = frozenset()

    async def page(self, kind: RecordKind, after: str | None, call: Call[Any]) -> Page:
        return Page(tuple(one for id_, one in self.cards.items() if id_ in self.listed), None)

    async def changed(self, kind: RecordKind, since: datetime, after: str | None, call: Call[Any]) -> Page | None:
        return None


async def test_a_visit_that_lists_have_stopped_to_show_is_asked_for_once_and_closes_its_deal_where_it_is_gone() -> None:
    house = VisitHouse()
    house.journal.__class__ = ListedJournal
    await house.settle_in()
    past, over, gone, new = (
        house.journal.book(24 + number, name=f"Анна {number}", phone=(f"+799912300{number:02}",)) for number in range(4)
    )
    await house.quiet(0.2)
    house.journal.edit(over, status="completed")
    await house.quiet(0.2)
    stages = {house.record_of(id_).sides["crm"].object: id_ for id_ in (past, over, gone, new)}

    async def night(*listed: str) -> tuple[int, list[str]]:
        """What lists show these; how often a visit was read for it, and the visits whose deals are closed."""
        house.journal.listed, house.journal.reads = frozenset(listed), 0  # type: ignore[attr-defined]
        (flow,) = await in_step_flows(house.hub, house.tenant)
        house.clock.step(86400)
        await begin(house.hub, house.tenant, flow, "salon", house.clock.now().isoformat(), full=True)
        await house.quiet(0.2)
        closed = [stages[id_] for id_, deal in house.deals.cards.items() if deal.fields["stage"] == "lost"]
        return house.journal.reads, closed

    assert await night(past, over, gone, new) == (0, [])
    assert await night(gone, new) == (1, []), (
        "what has passed and was never marked is there; what was completed is over"
    )
    assert await night(gone, new) == (0, [])
    house.journal.hook = False
    house.journal.delete(gone)
    assert (await night(new))[1] == [gone]
    assert await night(new) == (0, [gone])


# What nobody has linked


async def test_a_new_card_without_a_webhook_is_met_and_linked() -> None:
    house, _ = await in_step(3, create="all")
    await house.night("salon")
    house.clock.step(86400)
    house.salon.hook = False
    house.salon.add(name="Новая", phone=("+79998887766",))
    house.salon.hook = True
    house.clock.step(60)
    job = await house.night("salon")
    assert job.counts.linked == 1
    assert len(house.crm.cards) == 4


async def test_before_a_flow_was_started_old_cards_are_left_to_the_first_link() -> None:
    house = Listed(mode="watch")
    await house.settle_in()
    for side in house.sides.values():
        side.hook = False
        for one in people(5):
            side.add(**one)
    house.clock.step(86400)
    job = await house.night("crm")
    assert (job.counts.skipped, job.result["unlinked"]) == (5, 5)
    assert house.records() == []
    assert house.salon.searches == 0


# When


async def test_each_night_has_one_job_a_side_and_no_more() -> None:
    house, _ = await in_step(1)
    house.clock.step((timedelta(days=1, hours=12)).total_seconds())  # 03:00 in Moscow
    begun = [await Nightly(house.hub).due() for _ in range(3)]
    assert begun == [2, 0, 0]
    by_day = Nightly(house.hub)
    house.clock.step(12 * 3600)
    assert await by_day.due() == 0
    house.clock.step(12 * 3600)
    assert await by_day.due() == 2
    assert {(job.kind, job.subject) for job in house.jobs()} == {
        ("agreement", "sync_contacts/salon"), ("agreement", "sync_contacts/crm"),
    }  # fmt: skip


async def test_once_a_week_some_are_compared_past_what_is_remembered_of_them() -> None:
    """What was last agreed is wrong, so that no night sees that the two differ: the check does."""
    house, ids = await in_step(6)
    salon, crm = ids[2]
    house.silently("crm", crm, name="Чужой")
    record = next(one for one in house.records() if one.sides["crm"].object == crm)
    base = printer(house.hub, "kofe", record.kind).prints("name", "Чужой")
    side = record.sides["crm"]
    wrong = side.model_copy(
        update={"bases": {**side.bases, "name": side.bases["name"].model_copy(update={"prints": base})}}
    )
    held = await journal.load(house.store, Record, record.id)
    assert held is not None
    bent = record.model_copy(update={"sides": {**record.sides, "crm": wrong}})
    await house.store.commit([journal.replace(bent, held.version)])
    for name in house.sides:
        assert (await house.night(name)).counts.updated == 0

    (flow,) = await in_step_flows(house.hub, house.tenant)
    await begin_check(house.hub, house.tenant, flow, "2026-W11")
    await house.quiet(0.2)
    (job,) = [one for one in house.jobs() if one.kind == "check"]
    assert (job.state, job.counts.read, job.counts.updated) == (JobState.DONE, 6, 1)
    assert job.result["differs"] == [[record.id, "name", "drift"]]
    assert house.doubts(), "unlike, and neither changed: somebody has to say"
    assert house.salon.shows(salon, "name") == "Иван 3"


async def test_systems_that_agree_pass_the_check_whatever_their_spellings() -> None:
    house, ids = await in_step(3)
    house.crm.edit(ids[0][1], phone=("8 (999) 000-00-01", "+79997776655"))
    await house.quiet(0.2)
    (flow,) = await in_step_flows(house.hub, house.tenant)
    await begin_check(house.hub, house.tenant, flow, "2026-W11")
    await house.quiet(0.2)
    (job,) = [one for one in house.jobs() if one.kind == "check"]
    assert (job.counts.read, job.counts.unchanged) == (3, 3)


async def test_a_field_whose_owner_isnt_shown_waits_for_it_and_nobody_is_asked() -> None:
    """A right withdrawn and given back: no hook tells of either."""
    house, ids = await in_step(1, fields={"name": "crm", "phone": "both"})
    salon = ids[0][0]
    house.crm.hidden.add("name")
    house.salon.edit(salon, name="Ваня")
    await house.quiet(0.2)
    assert (house.doubts(), house.salon.shows(salon, "name")) == ([], "Ваня")
    house.crm.hidden.clear()
    house.clock.step(3600)
    await house.night("salon")
    assert (house.doubts(), house.salon.shows(salon, "name")) == ([], "Иван 1")


async def test_the_tick_of_polls_begins_it() -> None:
    house, _ = await in_step(1)
    house.clock.step(timedelta(days=1, hours=12).total_seconds())
    await house.worker.handle("/poll", {})
    assert len(house.jobs()) == 2


async def test_while_a_system_is_down_its_side_waits_and_the_other_is_compared() -> None:
    house, _ = await in_step(4)
    house.crm.down = True
    job = await house.night("crm")
    assert (job.state, job.waits_on) == (JobState.RUNNING, "crm")
    assert (await house.night("salon", "x")).state is JobState.DONE or house.jobs()[0].state is JobState.DONE
    house.crm.down = False
    await house.quiet(3)
    assert {job.state for job in house.jobs()} == {JobState.DONE}


async def test_a_flow_that_was_taken_out_ends_its_job() -> None:
    house, _ = await in_step(1)
    await began(house)
    house.tenant = house.tenant.model_copy(update={"flows": ()})
    await house.settle_in()
    await house.run()
    assert house.jobs()[-1].state is JobState.DONE


# What people are shown


async def test_people_are_shown_how_much_agrees_how_fresh_that_is_and_where_it_does_not() -> None:
    house, ids = await in_step(4)
    flow = (await in_step_flows(house.hub, house.tenant))[0]
    before = await summary(house.hub, house.tenant, flow)
    assert [side.whole_at for side in before.sides] == [None, None]
    salon, crm = ids[1]
    house.silently("salon", salon, name="Пётр")
    house.silently("crm", crm, name="Павел")
    for name in house.sides:
        await house.night(name)
    found = await summary(house.hub, house.tenant, flow)
    assert (found.tally.records, found.tally.fields, found.tally.agree, found.tally.mended) == (8, 32, 30, 1)
    assert found.tally.asked == 1, "the second night finds it asked about"
    assert all(side.whole_at is not None and side.objects == 4 for side in found.sides)
    (one,) = await differences(house.hub, house.worker.outages, house.tenant, flow, 50)
    assert (one.field, one.cause) == ("name", "conflict")
    assert [(side.connection, side.object, side.value) for side in one.sides] == [
        ("crm", crm, "Павел"), ("salon", salon, "Пётр"),
    ]  # fmt: skip
    house.crm.down = True
    (one,) = await differences(house.hub, house.worker.outages, house.tenant, flow, 50)
    assert [side.value for side in one.sides] == [None, "Пётр"], "the other is shown all the same"


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [((10, 1000), (30, 1000), True), ((0, 1000), (20, 1000), True), ((0, 1000), (19, 1000), False),
     ((10, 1000), (20, 1000), False), ((10, 100), (30, 1000), False)],
)  # fmt: skip
def test_more_than_twice_the_differences_of_last_time_are_a_drift(
    before: tuple[int, int], after: tuple[int, int], told: bool
) -> None:
    tallies = [{"mended": unlike - 5, "asked": 5, "fields": fields} for unlike, fields in (before, after)]
    assert has_drifted(*tallies) is told


async def test_whom_only_leaves_out_is_not_looked_at_in_each_round() -> None:
    """Of fifty thousand cards of a CRM a tenth may be clients: the others cost a list, and no looks."""
    house = Listed(create="all", only={"crm": {"tag": "client"}})
    await house.settle_in()
    for one in people(3):
        house.crm.add(**one)
    client = house.crm.add(**ivan(tags=("client",)))
    await house.quiet(0.2)
    looked = len(house.deliveries())
    job = await house.night("crm", full=True)
    assert (job.counts.skipped, job.counts.unchanged) == (3, 1)
    assert len(house.deliveries()) == looked
    house.silently("crm", "c1", tags=("client",))
    await house.night("crm", full=True)
    assert len(house.salon.cards) == 2, "by now he takes part"
    house.silently("crm", client, tags=(), name="Поставщик")
    job = await house.night("crm", full=True)
    assert job.result["mended"] == 0, "what has left is no drift"
    house.crm.carried = frozenset({"name", "phone"})
    house.silently("crm", client, tags=("client",))
    await house.night("crm", full=True)
    assert house.salon.shows("s1", "name") == "Поставщик", "its list doesn't tell who has left"


async def test_however_many_a_list_lacks_their_ids_are_no_part_of_the_job(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fifty thousand of them are more than a document may hold where Firestore keeps it: then nobody would be told."""
    monkeypatch.setattr(runner, "SLICE", 0.0)
    monkeypatch.setattr(agreement, "LINKS_AT_ONCE", 2)
    house, ids = await in_step(9)
    house.crm.unlisted = {crm for _salon, crm in ids[1:]}
    job = await house.night("crm", full=True)
    assert (job.state, job.error and job.error.code) == (JobState.HELD, "missing")
    assert job.cursor is not None
    assert "rec_" not in job.cursor
    await steering.resume(house.hub, house.tenant, job.id, {"missing": "apply"})
    await house.quiet(0.2)
    done = next(one for one in house.jobs() if one.id == job.id)
    assert (done.state, done.result["mended"]) == (JobState.DONE, 8)
