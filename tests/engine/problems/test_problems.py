"""One cause is one card: opened once, told once, closed when it is over, whoever dies and however often it comes."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from fakes import START, House, order
from svyazka.engine.journal import documents as journal
from svyazka.engine.operating.operator import How, Operator
from svyazka.engine.operating.resolve import resolve_delivery
from svyazka.engine.ports.store import Put
from svyazka.engine.problems.cards import Sight, all_over, meet, over
from svyazka.engine.problems.holding import holds
from svyazka.engine.problems.kinds import BLOCKED, DOWN, GAP, NO_ACCESS, REFUSED, SILENT, UNKNOWN, Kind
from svyazka.engine.rules.transitions import receipt_settles
from svyazka.engine.worker import Worker
from svyazka.model.deliveries import Status
from svyazka.model.errors import MaybeSent
from svyazka.model.events import ReceiptState
from svyazka.model.outcomes import Refused, Retry
from svyazka.model.problems import FOLDED, Problem

HOUR, DAY = 3600.0, 86400.0


async def at_home() -> House:
    house = House()
    await house.settle_in()
    return house


async def seen(house: House, kind: Kind = BLOCKED, cause: str = "", **more: Any) -> bool:
    sight = Sight(
        kind=kind, tenant=house.tenant, connection="sms", vendor="sms", text="Слова", since=house.clock.now(),
        cause=cause, **more,
    )  # fmt: skip
    return await meet(house.hub, sight)


async def gone(house: House, kind: Kind = BLOCKED, cause: str = "") -> bool:
    return await over(house.hub, house.tenant, "sms", kind, cause)


def problem(house: House) -> Problem:
    (one,) = house.problems()
    return one


def told(house: House) -> list[str]:
    return [alert.stage for alert in sorted(house.alerts(), key=lambda alert: alert.created_at)]


# Beginnings


async def test_many_who_meet_a_cause_at_once_open_one_problem_and_tell_it_once() -> None:
    house = await at_home()
    new = await asyncio.gather(*(seen(house) for _ in range(20)))
    assert sum(new) == 1
    assert (problem(house).occurrence, told(house)) == (1, ["blocked"])
    assert house.alerts()[0].problem == problem(house).id


@pytest.mark.parametrize("after", [False, True], ids=["before it is written", "once it is written"])
async def test_who_dies_while_opening_it_leaves_it_told_once(after: bool) -> None:
    house = await at_home()
    commit = house.store.commit

    async def dies(*args: Any) -> list[str]:
        house.store.commit = commit  # type: ignore[method-assign]
        if after:
            await commit(*args)
        raise SystemExit

    house.store.commit = dies  # type: ignore[method-assign,assignment]
    with pytest.raises(SystemExit):
        await seen(house)
    house.start()
    assert await seen(house) is not after
    await house.pass_time(DAY)
    assert told(house) == ["blocked"]


async def test_what_must_last_before_it_is_told_is_told_by_the_sweep_and_not_if_it_was_short() -> None:
    house = await at_home()
    await seen(house, DOWN, after=timedelta(hours=3))
    await house.pass_time(2 * HOUR)
    assert told(house) == []
    await gone(house, DOWN)
    await house.pass_time(5 * HOUR)
    assert (told(house), problem(house).state) == ([], "closed")
    await seen(house, DOWN, after=timedelta(hours=3))
    await house.pass_time(4 * HOUR)
    assert told(house) == ["down"]


async def test_what_is_met_all_the_time_is_written_once_an_hour() -> None:
    house = await at_home()
    await seen(house, UNKNOWN)
    writes = house.store.writes
    for _ in range(59):
        house.clock.step(60)
        await seen(house, UNKNOWN)
    assert house.store.writes == writes
    house.clock.step(60)
    assert await seen(house, UNKNOWN)
    assert house.store.writes == writes + 1


# Ends


async def test_it_is_over_when_it_was_absent_for_a_while_and_that_is_told_once() -> None:
    house = await at_home()
    await seen(house)
    assert await gone(house)
    assert not await gone(house)
    assert (problem(house).is_open, told(house)) == (True, ["blocked"])
    assert problem(house).shown_state(house.clock.now()) == "mended"
    await house.pass_time(20 * 60)
    assert (problem(house).state, told(house)) == ("closed", ["blocked", "recovered"])
    await house.pass_time(DAY)
    assert told(house) == ["blocked", "recovered"]


async def test_back_before_that_it_was_never_gone() -> None:
    house = await at_home()
    await seen(house)
    for _ in range(20):
        house.clock.step(300)
        await gone(house)
        await house.pass_time(300)
        await seen(house)
    assert (problem(house).occurrence, told(house)) == (1, ["blocked"])


@pytest.mark.parametrize(("lasts", "stages"), [(50 * 60, []), (70 * 60, ["blocked"])], ids=["short", "stays"])
async def test_back_within_the_hour_it_is_the_same_occurrence_and_told_only_if_it_stays(
    lasts: float, stages: list[str]
) -> None:
    house = await at_home()
    await seen(house)
    await gone(house)
    await house.pass_time(40 * 60)
    assert problem(house).state == "closed"
    await seen(house)
    await house.pass_time(lasts)
    assert told(house) == ["blocked", "recovered", *stages]
    await gone(house)
    await house.pass_time(HOUR)
    assert told(house) == ["blocked", "recovered", *stages, *["recovered" for _ in stages]]


async def test_what_comes_and_goes_is_told_as_that_once_and_then_once_a_day() -> None:
    house = await at_home()
    for _ in range(24):
        await seen(house)
        house.clock.step(60)
        await gone(house)
        await house.pass_time(2 * HOUR)
    stages = told(house)
    assert stages[:7] == ["blocked", "recovered"] * 3 + ["flapping"]
    assert set(stages[7:]) <= {"flapping"}
    assert 1 <= len(stages[7:]) <= 2, "two days"
    assert problem(house).shown_state(house.clock.now()) == "closed"
    await seen(house)
    assert problem(house).shown_state(house.clock.now()) == "flapping"
    await house.pass_time(2 * HOUR)
    assert told(house)[-1] == "blocked", "now it stays"


async def test_a_connection_that_left_the_file_takes_its_problems_with_it_in_silence() -> None:
    house = await at_home()
    await seen(house)
    connections = {name: spec for name, spec in house.tenant.connections.items() if name != "sms"}
    house.tenant = house.tenant.model_copy(update={"connections": connections})
    await house.settle_in()
    await house.pass_time(2 * DAY, step=HOUR)
    assert (problem(house).state, told(house)) == ("closed", ["blocked"])


async def test_a_kind_that_only_a_newer_release_knows_is_left_alone() -> None:
    house = await at_home()
    await seen(house)
    newer = problem(house).model_copy(update={"kind": "tides", "wake_at": START})
    await house.store.commit([journal.replace(newer, house.store.documents["problems", newer.id].version)])
    await house.pass_time(DAY, step=HOUR)
    assert (problem(house).kind, problem(house).state) == ("tides", "open")


# Many of a kind


async def test_more_than_twenty_of_a_kind_are_one_card_with_a_count() -> None:
    house = await at_home()
    for number in range(30):
        await seen(house, GAP, f"{number}")
    for number in range(30):
        assert not await seen(house, GAP, f"{number}"), "known"
    shown = [one for one in house.problems() if one.is_open]
    assert [(one.cause, one.folded) for one in shown] == [(FOLDED, 30)]
    assert shown[0].title.endswith("30")
    assert len(house.alerts()) == 21, "twenty, and that there are many"
    await house.pass_time(9 * DAY, step=HOUR)
    assert [one for one in house.problems() if one.is_open] == []


async def test_every_cause_of_a_kind_ends_together() -> None:
    house = await at_home()
    for cause in ("a", "b"):
        await seen(house, NO_ACCESS, cause)
    await seen(house, SILENT)
    await all_over(house.hub, house.tenant, "sms", NO_ACCESS)
    await house.pass_time(20 * 60)
    assert {one.cause: one.state for one in house.problems()} == {"a": "closed", "b": "closed", "": "open"}


# As the engine meets them


async def test_unknown_deliveries_are_one_card_that_says_what_it_holds_and_closes_when_they_are_resolved() -> None:
    house = await at_home()
    house.sms.script.extend([MaybeSent("timeout")] * 2)
    await house.post([order(number, phone=f"+7999123450{number}") for number in range(2)])
    await house.run()
    one = problem(house)
    assert (one.kind, one.severity, one.connection) == ("unknown", "error", "sms")
    held = await holds(house.store, one, house.tenant)
    assert (held.deliveries, held.oldest) == (2, START)
    await house.pass_time(2 * HOUR)
    assert problem(house).is_open
    for delivery in house.deliveries():
        await house.store.commit([Put(journal.document(delivery.moved(Status.SUCCEEDED)))])
    await house.pass_time(2 * HOUR)
    assert problem(house).state == "closed"
    assert (await holds(house.store, problem(house), house.tenant)).deliveries == 0


@pytest.mark.parametrize("said", ["retry", "succeeded", "failed", "receipt"])
async def test_the_card_of_what_was_unknown_is_gone_minutes_after_it_was_answered(said: Any) -> None:
    house = await at_home()
    house.sms.script.append(MaybeSent("timeout"))
    await house.post([order(1)])
    await house.run()
    await house.pass_time(5 * HOUR + 120)
    (delivery,) = house.deliveries()
    assert (delivery.status, problem(house).is_open) == (Status.UNKNOWN, True)
    if said == "receipt":
        settled = receipt_settles(delivery, ReceiptState.DELIVERED, house.clock.now())
        await house.store.commit([Put(journal.document(settled))])
    else:
        await resolve_delivery(Operator(house.hub, lambda vendor: None, "me"), delivery.id, said, How(why="asked"))
    await house.pass_time((11 if said == "receipt" else 1) * 60)
    assert house.deliveries()[0].status is (Status.FAILED if said == "failed" else Status.SUCCEEDED)
    assert problem(house).state == "closed"


async def test_a_vendors_words_and_a_persons_data_are_in_no_title_and_no_cause() -> None:
    house = await at_home()
    house.sms.script.append(
        Refused(code="имя не прошло", message="Иван +79991234567", remedy="зайдите: https://sms.example/names.")
    )
    await house.post(order())
    await house.run()
    one = problem(house)
    assert (one.kind, one.cause) == (REFUSED.name, "other")
    assert "Иван" not in one.title + one.id + one.cause
    assert one.remedy.link == "https://sms.example/names"
    assert "Иван" in house.alerts()[0].text, "who is told reads all of it"


async def test_a_command_that_a_connectors_table_names_is_the_remedy() -> None:
    house = await at_home()
    await seen(house, advice="Токен отозван: svyazka auth kofe/sms")
    assert problem(house).remedy.command == "svyazka auth kofe/sms"


async def test_three_answers_prove_an_outage_over_without_any_more_waiting() -> None:
    house = House(flow={"expires_after": "30d"})
    await house.settle_in()
    house.sms.script.extend([Retry(code="503", message="down")] * 10_000)
    await house.post([order(number) for number in range(5)])
    await house.pass_time(4 * HOUR)
    assert (told(house), problem(house).kind) == (["down"], "down")
    held = await holds(house.store, problem(house), house.tenant)
    assert held.deliveries == 5
    house.sms.script.clear()
    await house.worker.outages.close(house.tenant, "sms")
    await house.pass_time(60)
    assert (told(house), problem(house).state) == (["down", "recovered"], "closed")


async def test_two_workers_that_meet_an_outage_at_once_open_one_problem() -> None:
    house = await at_home()
    account = await house.hub.directory.account("kofe", "sms")
    assert account is not None
    workers = [Worker(house.hub) for _ in range(10)]
    await asyncio.gather(*(one.outages.open(account, "blocked", "201", "no money", remedy="top up") for one in workers))
    assert (problem(house).occurrence, told(house)) == (1, ["blocked"])
