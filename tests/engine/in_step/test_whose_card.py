"""Whose card it is: found, made once, or asked."""

from __future__ import annotations

from datetime import timedelta

import pytest

import in_step_house
from fakes import START
from in_step_house import InStep, ivan
from svyazka.engine.in_step.joining import links_of, take_in
from svyazka.engine.in_step.noting import is_made
from svyazka.engine.in_step.wanting import begun_with
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.operating import syncing
from svyazka.model.bases import FieldBase
from svyazka.model.events import Change, EventType, Hint
from svyazka.model.in_step import Intent, Record, Running, Side, SideState
from svyazka.model.outcomes import Refused
from svyazka.model.reasons import Reason
from svyazka.model.records import CLEARED, RecordKind


async def house_of(*names: str, **settings: object) -> InStep:
    house = InStep(names or ("salon", "crm"), **settings)
    await house.settle_in()
    return house


def refused(house: InStep) -> dict[str, str]:
    return {f"{name}": why for one in house.records() for name, why in one.refused.items()}


async def test_the_same_person_is_found_by_phone_in_any_spelling_and_what_is_empty_is_filled() -> None:
    house = await house_of()
    salon = house.salon.add(name="Петров Иван", phone=("8 999 123-45-67",))
    crm = house.crm.add(name="Иван Петров", phone=("+7 (999) 123-45-67",), email=("ivan@example.org",))
    await house.quiet()
    assert len(house.record().live) == 2
    assert house.salon.shows(salon, "email") == ("ivan@example.org",)
    assert house.crm.shows(crm, "phone") == ("+7 (999) 123-45-67",), "an equal value keeps its spelling"


async def test_two_people_of_one_phone_are_a_household_and_no_match() -> None:
    house = await house_of(create="all")
    house.salon.add(**ivan())
    house.crm.add(name="Анна Петрова", phone=("+79991234567",))
    await house.quiet()
    assert sorted(card.fields["name"] for card in house.crm.cards.values()) == ["Анна Петрова", "Иван Петров"]
    assert sorted(card.fields["name"] for card in house.salon.cards.values()) == ["Анна Петрова", "Иван Петров"]
    assert len(house.records()) == 2


@pytest.mark.parametrize("blind", ["salon", "crm"])
async def test_who_shares_a_phone_with_a_name_that_isnt_shown_is_linked_once_it_is(blind: str) -> None:
    """A right that was taken away makes no two people of a household one."""
    house = await house_of(create="all")
    house.sides[blind].hidden = {"name"}
    house.salon.add(**ivan())
    house.crm.add(name="Анна Петрова", phone=("+79991234567",))
    await house.quiet()
    assert all(len(one.live) == 1 for one in house.records())
    assert "unread" in refused(house).values()
    assert not house.doubts()
    house.sides[blind].hidden.clear()
    for name, id_ in (("salon", "s1"), ("crm", "c1")):
        await house.tell(name, Hint(kind="contact", id=id_))
    await house.quiet()
    for side in house.sides.values():
        assert sorted(card.fields["name"] for card in side.cards.values()) == ["Анна Петрова", "Иван Петров"]
    assert not refused(house)


async def renamed_in_the_crm_only() -> tuple[InStep, str]:
    """Somebody who is in both, was renamed in the CRM, and the salon doesn't take it yet."""
    house = await house_of("salon", "crm", "accounts", create="all")
    house.salon.hidden = {"name"}
    house.accounts.down = True
    crm = house.crm.add(**ivan())
    house.salon.add(**ivan())
    house.salon.hidden = set()
    await house.quiet()
    house.salon.hidden = {"name"}
    house.crm.edit(crm, name="Иван Седых")
    await house.quiet()
    assert house.salon.shows("s1", "name") == "Иван Петров"
    house.salon.hidden = set()
    return house, crm


async def test_a_second_card_of_somebody_who_was_renamed_is_not_made_where_his_old_name_still_stands() -> None:
    house, _crm = await renamed_in_the_crm_only()
    twin = house.crm.add(name="Иван Седых", phone=ivan()["phone"])
    await house.tell("crm", Hint(kind="contact", id=twin, change=Change.CREATED))
    house.crm.told.clear()
    await house.quiet(0.1)
    assert len(house.salon.cards) == 1
    assert {(one.cause, one.candidates) for one in house.doubts()} == {("taken", ("salon/s1",))}
    await house.answer(twin, "@salon", "new")
    await house.quiet(0.1)
    assert [card.fields["name"] for card in house.salon.cards.values()] == ["Иван Петров", "Иван Седых"]


async def test_no_card_is_made_while_the_phone_that_would_tell_whose_it_is_is_not_shown() -> None:
    """Else the person's next card, whose phone is shown, would find none and make a second."""
    house = await house_of(create="all")
    house.crm.hidden = {"phone"}
    first = house.crm.add(**ivan())
    await house.quiet()
    assert (house.salon.cards, set(refused(house).values())) == ({}, {"unread"})
    house.crm.hidden.clear()
    await house.tell("crm", Hint(kind="contact", id=first))
    await house.quiet()
    assert [card.elements("phone") for card in house.salon.cards.values()] == [ivan()["phone"]]
    assert not refused(house)
    house.crm.add(name="Без телефона")
    await house.quiet()
    assert len(house.salon.cards) == 2, "who has none has none"


async def test_of_several_that_fit_a_person_says_which_and_nothing_is_made() -> None:
    house = await house_of(create="all")
    house.crm.hook = False
    house.crm.add(**ivan())
    house.crm.add(**ivan())
    house.salon.add(**ivan())
    await house.quiet()
    assert (len(house.crm.cards), len(house.salon.cards)) == (2, 1)
    (doubt,) = house.doubts()
    assert (doubt.cause, len(doubt.candidates)) == ("several", 2)


async def test_a_second_card_of_one_person_in_one_system_makes_no_second_card_elsewhere() -> None:
    house = await house_of(create="all")
    house.salon.add(**ivan())
    await house.quiet()
    house.salon.add(**ivan())
    await house.quiet()
    assert (len(house.crm.cards), len(house.salon.cards)) == (1, 2)
    assert [doubt.cause for doubt in house.doubts()] == ["taken"]


@pytest.mark.parametrize("lag", [0, 50])
async def test_one_person_made_in_both_at_once_is_one_person(lag: int) -> None:
    house = await house_of(create="all")
    for side in house.sides.values():
        side.seen_after = timedelta(seconds=lag)
    house.salon.add(**ivan())
    house.crm.add(**ivan())
    await house.quiet()
    assert (len(house.crm.cards), len(house.salon.cards)) == (1, 1)
    assert len(house.record().live) == 2


async def test_two_cards_of_one_person_whose_first_tries_failed_make_one_card_when_both_are_tried_again_at_once() -> (
    None
):
    house = await house_of(create="all")
    for _ in range(2):
        house.salon.add(**ivan())
    await house.hooks()
    await house.run()
    house.clock.step(61)
    house.crm.refusal = Refused(code="closed", message="not now", reason=Reason.OTHER)
    await house.run()
    assert not house.crm.cards
    house.crm.refusal = None
    for id_ in ("s1", "s2"):
        await house.tell("salon", Hint(kind="contact", id=id_))
    await house.run_together()
    await house.quiet()
    assert len(house.crm.cards) == 1
    assert [doubt.cause for doubt in house.doubts()] == ["taken"]


@pytest.mark.parametrize("cut", ["before", "after"])
@pytest.mark.parametrize("marks", [True, False])
async def test_a_made_card_whose_answer_was_lost_is_found_and_not_made_again(cut: str, marks: bool) -> None:
    house = await house_of(create="crm")
    house.crm.seen_after, house.crm.marks_kept, house.crm.hook = timedelta(seconds=45), marks, False
    house.crm.cut.append(cut)
    house.salon.add(**ivan())
    await house.quiet()
    assert len(house.crm.cards) == 1
    assert len(house.record().live) == 2


async def test_nobody_is_made_in_a_system_that_cannot_be_asked_whom_it_has() -> None:
    house = await house_of(create="crm")
    house.crm.searchable = house.crm.hook = False
    house.crm.add(**ivan())
    house.salon.add(**ivan())
    await house.quiet()
    assert len(house.crm.cards) == 1
    assert house.record().refused == {"crm": "not_searched"}
    assert not house.doubts()


async def test_a_made_card_whose_answer_was_lost_and_that_nothing_tells_is_left_to_a_person() -> None:
    house = await house_of(create="crm")
    house.crm.marks_kept = house.crm.hook = False
    house.crm.cut.append("after")
    house.salon.add(name="Иван Петров")
    await house.quiet()
    assert len(house.crm.cards) == 1
    (doubt,) = house.doubts()
    assert (doubt.field, doubt.cause) == ("@crm", "cannot_ask")
    await house.answer("s1", "@crm", "crm/c1")
    await house.quiet()
    assert len(house.crm.cards) == 1
    assert len(house.record().live) == 2
    assert not house.doubts()


async def test_a_made_card_whose_answer_was_lost_is_ours_by_its_mark_whatever_it_is_called_by_then() -> None:
    house = await house_of(create="crm")
    house.crm.hook = False
    house.crm.cut.append("after")
    house.salon.add(**ivan())
    await house.hooks()
    await house.run()
    house.clock.step(61)
    await house.run()
    house.crm.edit("c1", name="Иван Жуков")
    await house.quiet()
    assert len(house.crm.cards) == 1
    assert len(house.record().live) == 2


async def test_our_own_card_that_is_told_of_before_we_settle_belongs_to_its_record() -> None:
    house = await house_of(create="crm")

    async def told_early() -> None:
        await house.hooks()

    create = house.crm.create

    async def create_and_tell(*args: object, **more: object) -> object:
        done = await create(*args, **more)  # type: ignore[arg-type]
        await told_early()
        await house.run()
        return done

    house.crm.create = create_and_tell  # type: ignore[method-assign, assignment]
    house.salon.add(**ivan())
    await house.quiet()
    assert len(house.crm.cards) == 1
    assert len(house.record().live) == 2


async def test_three_systems_get_one_card_each() -> None:
    house = await house_of("salon", "crm", "accounts", create="all")
    house.salon.add(**ivan())
    await house.quiet()
    assert [len(side.cards) for side in house.sides.values()] == [1, 1, 1]
    assert len(house.record().live) == 3
    house.accounts.edit(next(iter(house.accounts.cards)), name="Пётр")
    await house.quiet()
    assert {card.fields["name"] for side in house.sides.values() for card in side.cards.values()} == {"Пётр"}
    assert house.writes() == 2


async def test_where_nothing_is_to_be_made_nothing_is() -> None:
    house = await house_of()
    house.salon.add(**ivan())
    await house.quiet()
    assert not house.crm.cards
    assert refused(house) == {"crm": "not_there"}


async def test_what_lacks_a_field_that_the_system_wants_is_counted_and_no_failure() -> None:
    house = await house_of(create="salon")
    house.salon.needs = frozenset({"name", "phone"})
    house.crm.add(name="Иван")
    await house.quiet()
    assert not house.salon.cards
    assert refused(house) == {"salon": "lacks:phone"}
    house.crm.edit("c1", phone=("+79991234567",))
    await house.quiet()
    assert len(house.salon.cards) == 1
    assert not refused(house)


async def test_only_who_fits_takes_part_and_a_new_card_is_made_to_fit() -> None:
    house = await house_of(create="all", only={"crm": {"tag": "client"}})
    house.crm.add(name="Поставщик", phone=("+79990000001",))
    house.salon.add(**ivan())
    await house.quiet()
    assert len(house.salon.cards) == 1
    (made,) = [card for card in house.crm.cards.values() if card.fields["name"] == "Иван Петров"]
    assert made.fields["tags"] == ("client",)
    house.crm.edit(made.id, tags=())
    house.salon.edit("s1", name="Пётр")
    await house.quiet()
    assert house.crm.shows(made.id, "name") == "Иван Петров", "its links stay, nothing is written"
    assert len(house.links()) == 3


async def test_a_refused_card_is_told_and_comes_with_the_next_edit() -> None:
    house = await house_of(create="crm")
    house.crm.refusal = Refused(code="422", message="no")
    house.salon.add(**ivan())
    await house.quiet()
    assert refused(house) == {"crm": "422"}
    house.crm.refusal = None
    house.salon.edit("s1", birthday="1990-01-01")
    await house.quiet()
    assert len(house.crm.cards) == 1


async def test_watching_writes_nothing_and_lists_what_it_would_write() -> None:
    house = await house_of(mode="watch", create="all")
    house.salon.add(**ivan())
    await house.quiet()
    assert not house.crm.cards
    assert house.record().would == {"crm": ("+",)}
    house.crm.add(**ivan(email=("ivan@example.org",)))
    await house.quiet()
    assert house.record().would == {"salon": ("email",)}
    assert house.writes() == 0


async def test_what_was_watched_is_what_is_written_once_it_is_switched_on_and_only_that_way() -> None:
    house = await house_of(mode="watch", create="all")
    ids = [house.salon.add(name=f"Человек {number}", phone=(f"+7999000000{number}",)) for number in range(3)]
    house.crm.add(name="Человек 0", phone=("+79990000000",), email=("p@example.org",))
    await house.quiet()
    assert sorted(would for one in house.records() for would in one.would.items()) == [
        ("crm", ("+",)), ("crm", ("+",)), ("salon", ("email",)),
    ]  # fmt: skip
    flow = await syncing.flow_named(house.hub, house.tenant, "sync_contacts")
    assert await syncing.counts(house.hub, house.tenant, flow) == {"watched": 3, "merged": 1}
    await syncing.switched(house.hub, house.tenant, flow, ["crm"], on=True)
    assert len([id_ async for id_ in syncing.look_anew(house.hub, house.tenant, flow)]) == 3
    await house.quiet()
    assert (len(house.crm.cards), house.salon.shows(ids[0], "email")) == (3, CLEARED)
    assert await syncing.counts(house.hub, house.tenant, flow) == {"watched": 1, "linked": 2, "merged": 1}
    await syncing.switched(house.hub, house.tenant, flow, [], on=False)
    house.salon.edit(ids[1], name="Другой")
    await house.quiet()
    assert {card.fields["name"] for card in house.crm.cards.values()} == {"Человек 0", "Человек 1", "Человек 2"}


@pytest.mark.parametrize(("type_", "made"), [(EventType.LEAD_CREATED, 1), (EventType.CONTACT_CREATED, 0)])
async def test_once_lead_makes_a_card_at_a_lead_only(
    type_: EventType, made: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = await house_of(create={"crm": {"once": "lead"}})
    monkeypatch.setitem(in_step_house.TYPES, Change.CREATED, type_)
    house.salon.add(**ivan())
    await house.quiet()
    assert len(house.crm.cards) == made


@pytest.mark.parametrize("version", [True, False])
async def test_what_a_card_was_made_with_and_somebody_emptied_stays_empty(version: bool) -> None:
    """The answer to the making showed no card, and no hook told of one."""
    house = await house_of(create="crm")
    house.crm.hook, house.crm.tells_version = False, version
    salon = house.salon.add(**ivan(email=("ivan@example.org",), birthday="1990-01-01"))
    await house.hooks()
    await house.run()
    house.clock.step(61)
    await house.run()
    assert house.crm.shows("c1", "email") == ("ivan@example.org",)
    house.clock.step(90)
    house.crm.edit("c1", email=CLEARED, birthday=CLEARED)
    house.salon.edit(salon, name="Иван Жуков")
    await house.quiet()
    assert house.crm.shows("c1", "name") == "Иван Жуков"
    assert (house.crm.shows("c1", "email"), house.crm.shows("c1", "birthday")) == (CLEARED, CLEARED)


def test_what_joins_another_record_has_agreed_with_nobody_there() -> None:
    """A card was merged into one that had a pair of its own: an edit made before is one of two."""

    def record(id_: str, **sides: str) -> Record:
        agreed = {"name": FieldBase(prints=(f"print of {id_}",))}
        known = {name: Side(object=one, bases=agreed) for name, one in sides.items()}
        return Record(id=id_, tenant="kofe", kind=RecordKind.CONTACT, sides=known, created_at=START)

    into, other = record("rec_1", crm="c2", accounts="a1"), record("rec_2", salon="s1")
    joined, _writes = take_in(into, Versioned(other, "1"), [], START)
    assert joined.sides["salon"] == Side(object="s1")
    assert joined.sides["crm"] == into.sides["crm"]


def test_what_was_deleted_stays_so_in_the_record_that_takes_it_in() -> None:
    """Else it would be made there again: whoever is the older of two decides nothing about that."""
    gone = Side(object="s1", state=SideState.GONE, gone_at=START)
    kept = {"tenant": "kofe", "kind": RecordKind.CONTACT, "created_at": START}
    into = Record(id="rec_1", sides={"accounts": Side(object="a1")}, **kept)
    other = Record(id="rec_2", sides={"crm": Side(object="c1"), "salon": gone}, said={"@till": "none"}, **kept)
    joined, _writes = take_in(into, Versioned(other, "1"), [], START)
    assert (joined.has_gone, joined.sides["salon"].object, sorted(joined.live)) == (True, "s1", ["accounts", "crm"])
    assert joined.said == {"@till": "none"}, "a person has said so"


def test_a_record_that_takes_in_one_that_is_being_written_waits_for_that() -> None:
    """An import puts a row and its card together while a flow makes that card's person elsewhere."""
    kept = {"tenant": "kofe", "kind": RecordKind.CONTACT, "created_at": START}
    running = Running(delivery="dlv_1", toward="salon", lease_until=START + timedelta(minutes=1))
    intent = Intent(toward="salon", prints={}, mark="svz-1")
    into = Record(id="rec_1", sides={"file:base": Side(object="r1")}, **kept)
    other = Record(id="rec_2", sides={"crm": Side(object="c1")}, running=running, intent=intent, **kept)
    joined, _writes = take_in(into, Versioned(other, "1"), [], START)
    assert is_made(joined, "salon", START)
    own = running.model_copy(update={"delivery": "dlv_2", "toward": "accounts"})
    joined, _writes = take_in(into.model_copy(update={"running": own}), Versioned(other, "1"), [], START)
    assert joined.running == own, "its own isn't let go either"


async def test_a_record_that_gets_a_card_while_one_is_made_for_it_keeps_the_one_it_got() -> None:
    house = await house_of(create={"crm": "always"})
    house.crm.hook = False
    card = house.crm.add(**ivan(name="Иван П.", phone=("+79990000777",), email=("ivan@example.org",)))
    house.crm.hook = True
    salon = house.salon.add(**ivan())
    create = house.crm.create

    async def create_and_join(*args: object, **more: object) -> object:
        done = await create(*args, **more)  # type: ignore[arg-type]
        new, link = begun_with("kofe", RecordKind.CONTACT, "crm", card, house.clock.now(), None)
        await house.store.commit([journal.create(new), journal.create(link)])
        into, other = [await journal.load(house.store, Record, id_) for id_ in (house.record_of(salon).id, new.id)]
        assert into is not None
        assert other is not None
        links = await links_of(house.store, other.model)
        joined, writes = take_in(into.model, other, links, house.clock.now())
        await house.store.commit([journal.replace(joined, into.version), *writes])
        return done

    house.crm.create = create_and_join  # type: ignore[method-assign, assignment]
    await house.quiet()
    record = house.record_of(salon)
    assert (record.sides["crm"].object, record.running, record.intent) == (card, None, None)
    assert house.salon.shows(salon, "email") == ("ivan@example.org",), "its own cards are compared"
    assert house.crm.shows(card, "phone") == ("+79990000777", "+79991234567")


# Who was deleted in one system, and is new in another


@pytest.mark.parametrize("deleted_in", ["salon", "crm"])
@pytest.mark.parametrize("beside", ["shown", "down", "nameless"])
async def test_who_was_deleted_in_one_of_three_systems_is_not_made_there_for_the_thirds_card(
    deleted_in: str, beside: str
) -> None:
    """Whichever of the two is looked at first; also where the one that still has him can't be asked just now, or
    doesn't show who that is."""
    house = await house_of("salon", "crm", "accounts", create="all")
    house.accounts.down = True
    ids = {name: house.sides[name].add(**ivan()) for name in ("salon", "crm")}
    await house.quiet(0.1)
    house.sides[deleted_in].delete(ids.pop(deleted_in))
    await house.quiet(0.2)
    (still,) = ids
    house.sides[still].down = beside == "down"
    house.sides[still].hidden = {"name"} if beside == "nameless" else set()
    house.accounts.down = False
    await house.pass_time(4 * 3600, 60)
    assert not house.accounts.cards, "nothing is made of who was deleted"
    third = house.accounts.add(**ivan())
    await house.quiet(0.5)
    assert not house.sides[deleted_in].cards
    house.sides[still].down, house.sides[still].hidden = False, set()
    await house.tell("accounts", Hint(kind="contact", id=third))
    await house.pass_time(4 * 3600, 60)
    await house.quiet(0.5)
    assert not house.sides[deleted_in].cards
    assert len(house.record().live) == 2


async def test_somebody_else_with_the_phone_of_a_deleted_one_is_made() -> None:
    house = await house_of("salon", "crm", "accounts", create="all")
    house.salon.add(**ivan())
    await house.quiet(0.2)
    house.crm.delete(next(iter(house.crm.cards)))
    await house.quiet(0.2)
    house.accounts.add(name="Анна Петрова", phone=ivan()["phone"])
    await house.quiet(0.2)
    assert [card.fields["name"] for card in house.crm.cards.values()] == ["Анна Петрова"]
    assert len(house.salon.cards) == 2
