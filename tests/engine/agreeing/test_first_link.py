"""Two filled systems are linked for the first time: no wrong link, no double made, every doubt listed, nothing changed
before somebody says so."""

from __future__ import annotations

import random
from datetime import timedelta
from typing import Any

import pytest

from dying import Killed, strikes
from in_step_house import ivan
from listed_side import Listed
from svyazka.engine.agreeing import first_link, linking
from svyazka.engine.agreeing.matching import Card, proposed
from svyazka.engine.comparing import holds
from svyazka.engine.comparing.holds import Threshold
from svyazka.engine.jobs import runner
from svyazka.engine.jobs.steering import start
from svyazka.engine.keeping.sealed import SealedValues
from svyazka.engine.upkeep.forget import Forgetting
from svyazka.model.events import Hint
from svyazka.model.jobs import Job, JobState


def card(place: str, *keys: str, name: str | None = None, birthday: str | None = None, **more: Any) -> Card:
    connection, _, id_ = place.partition("/")
    return Card(connection, id_, keys, name, birthday, **more)


def told(*cards: Card) -> dict[str, Any]:
    found = proposed(cards)
    mixed = proposed(random.Random(7).sample(cards, len(cards)))
    assert mixed == found, "the order of cards makes no difference"
    return {
        "links": [[one.place for one in group] for group in found.links],
        "doubts": [([one.place for one in group], why) for group, why in found.doubts],
        "households": [[one.place for one in group] for group in found.households],
        "new": {name: [one.id for one in group] for name, group in found.new.items()},
    }


MARIA = {"name": "Мария Иванова"}

CASES = {
    "a phone and a name": (
        [card("crm/1", "+7", **MARIA), card("salon/1", "+7", name="Маша")],
        {"links": [["crm/1", "salon/1"]]},
    ),
    "a name that one of them lacks": (
        [card("crm/1", "+7"), card("salon/1", "+7", **MARIA)], {"links": [["crm/1", "salon/1"]]},
    ),
    "a name that nobody may see": (
        [card("crm/1", "+7", nameless=True), card("salon/1", "+7", **MARIA)],
        {"doubts": [(["crm/1", "salon/1"], "unread")]},
    ),
    "an e-mail, where the phones differ": (
        [card("crm/1", "+7", "m@x.org", **MARIA), card("salon/1", "+8", "m@x.org", **MARIA)],
        {"links": [["crm/1", "salon/1"]]},
    ),
    "a household": (
        [card("crm/1", "+7", name="Олег"), card("salon/1", "+7", **MARIA)],
        {"households": [["crm/1", "salon/1"]], "new": {"crm": ["1"], "salon": ["1"]}},
    ),
    "a household whose members are in both": (
        [card("crm/1", "+7", name="Олег"), card("crm/2", "+7", **MARIA), card("salon/1", "+7", name="Маша"),
         card("salon/2", "+7", name="Олег")],
        {"links": [["crm/1", "salon/2"], ["crm/2", "salon/1"]],
         "households": [["crm/1", "crm/2", "salon/1", "salon/2"]]},
    ),
    "another birthday": (
        [card("crm/1", "+7", birthday="1990-01-01", **MARIA), card("salon/1", "+7", birthday="1960-01-01", **MARIA)],
        {"households": [["crm/1", "salon/1"]], "new": {"crm": ["1"], "salon": ["1"]}},
    ),
    "one person twice on one side": (
        [card("crm/1", "+7", **MARIA), card("salon/1", "+7", **MARIA), card("salon/2", "+7", name="Маша")],
        {"doubts": [(["crm/1", "salon/1", "salon/2"], "several")]},
    ),
    "one person twice, and nowhere else": (
        [card("salon/1", "+7", **MARIA), card("salon/2", "+7", **MARIA)],
        {"doubts": [(["salon/1", "salon/2"], "twice")]},
    ),
    "a card without a name between two people": (
        [card("accounts/1", "+7", **MARIA), card("crm/1", "+7"), card("salon/1", "+7", name="Олег Петров")],
        {"doubts": [(["accounts/1", "crm/1", "salon/1"], "unlike")], "households": [["accounts/1", "salon/1"]]},
    ),
    "three systems": (
        [card("accounts/1", "m@x.org", **MARIA), card("crm/1", "+7", "m@x.org", **MARIA),
         card("salon/1", "+7", **MARIA)],
        {"links": [["accounts/1", "crm/1", "salon/1"]]},
    ),
    "nothing in common": (
        [card("crm/1", "+7", **MARIA), card("salon/1", "+8", **MARIA)], {"new": {"crm": ["1"], "salon": ["1"]}},
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_who_is_one_person(case: str) -> None:
    cards, expected = CASES[case]
    assert told(*cards) == {"links": [], "doubts": [], "households": [], "new": {}, **expected}


def test_a_phone_of_a_whole_firm_tells_nobody_from_anybody() -> None:
    cards = [card(f"{side}/{n}", "+7", name="Мария") for side in ("crm", "salon") for n in range(40)]
    assert told(*cards)["doubts"] == []
    assert told(*cards)["links"] == []


FIRST = ("Анна", "Мария", "Ольга", "Ирина", "Светлана", "Елена", "Наталья", "Юлия", "Олег", "Иван", "Пётр", "Денис")
LAST = ("Иванов", "Петров", "Сидоров", "Козлов", "Волков", "Зайцев", "Орлов", "Котов", "Белов", "Рыбаков", "Гусев")


def test_two_bases_of_two_thousand_have_no_wrong_link_and_every_doubt_is_listed() -> None:
    """60 % overlap, typos, short names, households, people who are twice on one side."""
    chance, bases, same = random.Random(11), {"crm": [], "salon": []}, set()
    number = {"crm": 0, "salon": 0}
    cards: dict[str, list[Card]] = bases

    def add(side: str, *keys: str, name: str) -> str:
        number[side] += 1
        cards[side].append(card(f"{side}/{number[side]}", *keys, name=name))
        return f"{side}/{number[side]}"

    twice, people = set(), 0
    while min(number.values()) < 2000:
        people += 1
        name = f"{chance.choice(FIRST)} {chance.choice(LAST)}{people:04}".replace("0", "а").replace("1", "к")
        phone = f"+7999{people * 7919 % 10**7:07}"  # no two are a slip of a finger apart
        written = name if chance.random() < 0.7 else chance.choice([name.upper(), " ".join(name.split()[::-1])])
        where = chance.random()
        if where < 0.6:
            pair = (add("crm", phone, name=name), add("salon", phone, name=written))
            same.add(pair)
            if chance.random() < 0.03:
                twice.add(frozenset((*pair, add("salon", phone, name=name))))
            if chance.random() < 0.05:
                add("salon", phone, name="Ребёнок Другой")
        else:
            add("crm" if where < 0.8 else "salon", phone, name=name)
    found = proposed([*cards["crm"], *cards["salon"]])
    links = {tuple(one.place for one in group) for group in found.links}
    assert links <= same, "no wrong link"
    doubtful = {frozenset(one.place for one in group) for group, _ in found.doubts}
    assert doubtful == twice
    assert same - links == {pair for pair in same if any(set(pair) <= group for group in twice)}
    assert len(found.households) > 50


# The job


async def filled(count: int = 12, **settings: Any) -> tuple[Listed, set[tuple[str, str]]]:
    """Two systems that were filled before the hub came; who is the same in both."""
    house = Listed(mode="watch", **settings)
    await house.settle_in()
    for side in house.sides.values():
        side.hook = False
    same = set()
    for number in range(count):
        one = ivan(name=f"Имя{'абвгдежзиклмнопрст'[number % 18]} Фамилия{number}", phone=(f"+7999100{number:04}",))
        if number % 3:
            same.add((house.salon.add(**one), house.crm.add(**one)))
        else:
            (house.salon if number % 2 else house.crm).add(**one)
    house.clock.step(86400)
    return house, same


async def plan(house: Listed, job: str = "job_plan") -> Job:
    await start(house.hub, "kofe", first_link.KIND, "sync_contacts", job, {"flow": "sync_contacts"})
    await house.quiet(0.2)
    return next(one for one in house.jobs() if one.id == job)


async def take(house: Listed, proposal: str = "job_plan", job: str = "job_take") -> Job:
    parameters = {"flow": "sync_contacts", "proposal": proposal}
    await start(house.hub, "kofe", linking.KIND, "sync_contacts", job, parameters)
    await house.quiet(1)
    return next(one for one in house.jobs() if one.id == job)


def linked(house: Listed) -> set[tuple[str, str]]:
    found = [one.live for one in house.records() if len(one.live) == 2]
    return {(sides["salon"].object, sides["crm"].object) for sides in found}


async def test_a_proposal_says_what_is_the_same_and_changes_nothing() -> None:
    house, _ = await filled()
    job = await plan(house)
    assert (job.state, job.counts.read, job.counts.linked) == (JobState.DONE, 20, 16)
    assert (job.result["linked"], job.result["doubts"], job.result["households"]) == (8, 0, 0)
    assert job.result["new"] == {"salon": 2, "crm": 2}
    assert (house.records(), house.links(), house.writes()) == ([], [], 0)
    for secret in (b"\\u0424", "Фамилия".encode(), b"+7999100"):
        assert not any(secret in document.data for document in house.store.documents.values())
    assert not any("Фамилия".encode() in content for content, _ in house.blobs.kept.values())


async def test_whose_name_nobody_may_see_is_in_doubt_also_once_the_lists_have_lain_sealed() -> None:
    house, same = await filled()
    house.crm.hidden = {"name"}
    job = await plan(house)
    assert (job.result["linked"], job.result["doubts"]) == (0, len(same))


async def test_taken_it_links_what_was_proposed_and_meets_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(holds, "MADE", Threshold(0, 0))
    house, same = await filled(create="all")
    await plan(house)
    house.bind(mode="on")
    await house.settle_in()
    job = await take(house)
    assert (job.state, job.counts.linked) == (JobState.DONE, 8)
    assert same <= linked(house)
    assert len(house.salon.cards) == len(house.crm.cards) == 12, "what one had alone, the other has now"
    assert len(house.salon.made) == len(house.crm.made) == 2, "however many: a person was shown the number"
    again = await take(house, job="job_again")
    assert (again.counts.linked, again.counts.unchanged) == (0, 8)


async def test_what_one_of_the_two_lacks_is_filled_from_the_other_whichever_it_is() -> None:
    house, _ = await filled(0)
    house.clock.step(-86400)
    salon = house.salon.add(**ivan(birthday="1990-01-01"))
    crm = house.crm.add(**ivan(email=("ivan@example.org",)))
    house.clock.step(86400)
    await plan(house)
    house.bind(mode="on")
    await house.settle_in()
    await take(house)
    assert house.crm.shows(crm, "birthday") == "1990-01-01"
    assert house.salon.shows(salon, "email") == ("ivan@example.org",)


async def test_what_changed_since_is_looked_at_anew_and_not_linked_by_the_proposal() -> None:
    house, same = await filled()
    await plan(house)
    house.clock.step(3600)
    salon, crm = sorted(same)[0]
    house.salon.edit(salon, name="Совсем Другой", phone=("+79995550000",))
    house.bind(mode="on")
    await house.settle_in()
    job = await take(house)
    assert (job.counts.linked, job.counts.doubt) == (7, 1)
    assert linked(house) == same - {(salon, crm)}
    assert house.crm.shows(crm, "name") != "Совсем Другой"


async def test_doubts_are_listed_and_nothing_is_made_for_them() -> None:
    house, _ = await filled(3, create="all")
    house.clock.step(-86400)
    for _ in range(2):
        house.salon.add(name="Анна Дважды", phone=("+79997770000",))
    house.crm.add(name="Анна Дважды", phone=("+79997770000",))
    house.clock.step(86400)
    job = await plan(house)
    assert job.result["doubts"] == 1
    made = (len(house.salon.cards), len(house.crm.cards))
    house.bind(mode="on")
    await house.settle_in()
    await take(house)
    assert house.doubts()
    assert (len(house.salon.cards), len(house.crm.cards)) == (made[0] + 1, made[1] + 0), "only the one who was alone"


@pytest.mark.parametrize("answer", ["same", "new"])
@pytest.mark.parametrize("watched", [False, True], ids=["fresh", "watched for a while"])
async def test_a_slip_in_a_phone_is_asked_about_and_makes_nobody_twice(watched: bool, answer: str) -> None:
    """No search by phone finds the other card: only the lists show that two resemble each other."""
    house, _ = await filled(0, create="all")
    for side in house.sides.values():
        side.hook = watched
    salon = house.salon.add(name="Анна Петрова", phone=("+79997770001",))
    crm = house.crm.add(name="Петрова Анна", phone=("+79997770002",))
    await house.quiet()
    house.clock.step(86400)
    assert (await plan(house)).result["doubts"] == 1
    house.bind(mode="on")
    await house.settle_in()
    await take(house)
    assert {one.cause for one in house.doubts()} == {"resemble"}
    assert (len(house.salon.cards), len(house.crm.cards)) == (1, 1)
    await house.answer(salon, "@crm", f"crm/{crm}" if answer == "same" else "new")
    if answer == "new":
        await house.answer(crm, "@salon", "new")
    await house.quiet()
    assert house.doubts() == [], "one answer is enough"
    together = {(salon, crm)} if answer == "same" else set()
    assert {pair for pair in linked(house) if pair[0] == salon and pair[1] == crm} == together
    assert len(house.salon.cards) == len(house.crm.cards) == (1 if answer == "same" else 2)


async def test_who_was_forgotten_meanwhile_is_not_linked() -> None:
    house, same = await filled(4)
    await plan(house)
    salon, _crm = sorted(same)[0]
    phone = house.salon.shows(salon, "phone")[0]
    done = await Forgetting(house.hub).forget(house.tenant, phone)
    assert done.kept >= 3, "two cards, and the row that joins them"
    house.bind(mode="on")
    await house.settle_in()
    job = await take(house)
    assert (job.counts.linked, job.counts.skipped) == (1, 1)


@pytest.mark.parametrize("point", ["job.after_claim", "job.before_commit", "job.after_commit"])
@pytest.mark.parametrize("at", [1, 3])
async def test_killed_anywhere_everybody_is_linked_once(monkeypatch: pytest.MonkeyPatch, point: str, at: int) -> None:
    house, same = await filled(create="all")
    passed = 0

    def die(name: str) -> None:
        nonlocal passed
        passed += name == point
        if name == point and passed in (at, at + 6):
            raise Killed

    strikes(die, monkeypatch)
    monkeypatch.setattr(runner, "SLICE", 0.0)
    monkeypatch.setattr(first_link, "BATCH", 2)
    house.bind(mode="on")
    await house.settle_in()
    for step in (plan, take):
        done = False
        while not done:
            try:
                done = (await step(house)).state is JobState.DONE
            except Killed:
                house.start()
            house.clock.step(200)
    await house.quiet(3)
    assert {job.state for job in house.jobs()} == {JobState.DONE}
    assert same <= linked(house)
    assert len(house.salon.cards) == len(house.crm.cards) == 12
    assert len(house.salon.made) == len(house.crm.made) == 2, "however many: a person was shown the number"
    assert passed > at


@pytest.mark.parametrize("half_read", [True, False])
async def test_where_the_flow_has_other_systems_by_now_a_proposal_is_made_anew(
    half_read: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    house, _ = await filled()
    if half_read:
        house.crm.down = True
    assert (await plan(house)).state is (JobState.RUNNING if half_read else JobState.DONE)
    house.bind(between=["crm", "salon"])
    await house.settle_in()
    house.crm.down = False
    job = next(iter(house.jobs())) if half_read else await take(house)
    await house.quiet(1)
    job = next(one for one in house.jobs() if one.id == job.id)
    assert (job.state, job.error.code if job.error else "") == (JobState.FAILED, "flow_changed")
    assert not house.records()


async def test_a_proposal_that_is_too_old_is_gone_and_says_so() -> None:
    house, _ = await filled(3)
    job = await plan(house)
    sealed = SealedValues(house.hub)
    for batch in job.result["rows"]:  # type: ignore[union-attr]
        await sealed.drop(str(batch))
    taken = await take(house)
    assert (taken.state, taken.error and taken.error.code) == (JobState.FAILED, "too_late")


async def test_whose_card_is_being_made_is_linked_once_that_is_over() -> None:
    """Two records, of which one is writing: joined meanwhile, the other would make the person once more."""
    house = Listed("salon", "crm", "accounts", mode="watch", create="crm")
    await house.settle_in()
    for name in ("salon", "accounts"):
        house.sides[name].searchable = house.sides[name].hook = False
    house.crm.hook, house.crm.seen_after = False, timedelta(minutes=5)
    salon, account = house.salon.add(**ivan()), house.accounts.add(**ivan())
    house.clock.step(86400)
    assert (await plan(house)).result["linked"] == 1
    await house.tell("salon", Hint(kind="contact", id=salon))
    await house.quiet()
    house.bind(mode="on")
    await house.settle_in()
    create = house.crm.create

    async def while_others_link(*args: Any, **more: Any) -> Any:
        house.crm.create = create  # type: ignore[method-assign]
        parameters = {"flow": "sync_contacts", "proposal": "job_plan"}
        await start(house.hub, "kofe", linking.KIND, "sync_contacts", "job_take", parameters)
        await house.run()
        return await create(*args, **more)

    house.crm.create = while_others_link  # type: ignore[method-assign]
    await house.tell("accounts", Hint(kind="contact", id=account))
    await house.quiet()
    (job,) = [one for one in house.jobs() if one.id == "job_take"]
    assert (job.state, job.counts.linked) == (JobState.DONE, 1)
    assert len(house.crm.cards) == 1
    assert {one.object for one in house.record().live.values()} == {salon, account, *house.crm.cards}
