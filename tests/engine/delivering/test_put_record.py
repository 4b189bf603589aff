"""A person's card and his deal stand in the CRM once, whatever breaks, lags or is asked twice."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest

from dying import Killed, dies_at
from shop import POINTS, Shop
from svyazka.engine.contracts import putting
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import perform_task
from svyazka.engine.journal.transition import replace_delivery
from svyazka.engine.upkeep.forget import Forgetting
from svyazka.model.commands import AddNote, PutRecord
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Delivery, Status
from svyazka.model.outcomes import Refused
from svyazka.model.records import CLEARED, Link, Match, RecordKind, Target
from svyazka.model.references import Existing, Produced

CONTACT, DEAL = RecordKind.CONTACT, RecordKind.DEAL
IVAN = Contact(name="Иван Петров", phone="8 (999) 123-45-67", email="Ivan@Example.org", chats={"telegram": "77"})
IVANS = PutRecord(record=CONTACT, person=IVAN)


@pytest.fixture
async def shop() -> Shop:
    shop = Shop()
    await shop.settle_in()
    return shop


# Found or made, and only what differs is written


async def test_who_is_not_there_is_made_once_with_what_is_known_of_him(shop: Shop) -> None:
    done = await shop.put(IVANS)
    assert (done.status, done.produced) == (Status.SUCCEEDED, (Produced(kind="contact", id="100"),))
    (card,) = shop.crm.cards.values()
    told = {name: value for name, value in card.fields.items() if value is not CLEARED}
    assert told == {
        "name": "Иван Петров", "phone": ("+79991234567",), "email": ("ivan@example.org",), "telegram": "77",
    }  # fmt: skip
    assert (await shop.put(IVANS)).produced == done.produced
    assert shop.crm.writes == ["create contact"]


@pytest.mark.parametrize(
    "there",
    [
        {"phone": ("+7 999 123-45-67",)}, {"phone": ("+79160000000", "89991234567")}, {"email": ("IVAN@example.org",)},
        {"telegram": "77"},
    ],
)  # fmt: skip
async def test_whoever_is_there_is_found_by_whatever_tells_him_and_gets_only_what_he_lacks(
    shop: Shop, there: dict[str, Any]
) -> None:
    card = shop.crm.holds(name="Петров Иван Ильич", **there)
    done = await shop.put(IVANS)
    assert done.produced == (Produced(kind="contact", id=card.id),)
    assert len(shop.crm.writes) == 1
    after = shop.crm.cards[card.id]
    assert after.shows("name") == "Петров Иван Ильич"
    for name, value in there.items():
        shown = after.shows(name)
        assert shown[: len(value)] == value if isinstance(shown, tuple) else shown == value, "its spelling stays"
    await shop.put(IVANS)
    assert len(shop.crm.writes) == 1


async def test_who_shares_a_phone_and_has_another_name_is_another_person(shop: Shop) -> None:
    anna = shop.crm.holds(name="Анна Петрова", phone=("+79991234567",))
    first = await shop.put(PutRecord(record=CONTACT, person=Contact(name="Пётр", phone="+79991234567")))
    assert first.produced[0].id != anna.id
    again = [
        (await shop.put(PutRecord(record=CONTACT, person=Contact(name=name, phone="+79991234567")))).produced[0].id
        for name in ("Петя", "Аня", "Петр Петрович")
    ]
    assert again == [first.produced[0].id, anna.id, first.produced[0].id]
    assert len(shop.crm.cards) == 2


async def test_what_cannot_be_read_is_never_written(shop: Shop) -> None:
    shop.crm.holds(name="Иван Петров", phone=("+79991234567",), email=("old@example.org",))
    shop.crm.hidden = frozenset({"email", "telegram"})
    done = await shop.put(IVANS)
    assert (done.status, shop.crm.writes) == (Status.SUCCEEDED, [])


@pytest.mark.parametrize(
    ("overwrite", "fields", "written"),
    [
        ("empty", {"stage": "won", "source": "site"}, ["source"]),
        ("differs", {"stage": "won", "source": "site"}, ["source", "stage"]),
        ("differs", {"price": "1 000,00", "title": "x" * 50}, []),
        ("differs", {"stage": None, "pipeline": None, "price": None}, []),
        ("differs", {"birthday": None}, ["birthday"]),
        ("empty", {"birthday": None}, []),
    ],
)
async def test_what_may_be_changed_is_said_by_the_command(
    shop: Shop, overwrite: Any, fields: dict[str, Any], written: list[str]
) -> None:
    shop.crm.holds(DEAL, "5", stage="new", price="1000", title="x" * 40, birthday="1990-01-01", pipeline="7")
    await shop.put(PutRecord(record=DEAL, ref=Existing(id="5"), fields=fields, overwrite=overwrite))
    assert shop.crm.writes == ([f"update {written}"] if written else [])


async def test_where_nothing_may_be_made_nothing_is(shop: Shop) -> None:
    absent = await shop.put(IVANS.model_copy(update={"create": False}))
    gone = await shop.put(PutRecord(record=CONTACT, ref=Existing(id="999"), fields={"name": "Иван"}))
    assert [(one.status, one.last_error.code) for one in (absent, gone) if one.last_error] == [
        (Status.FAILED, "not_there"), (Status.FAILED, "gone"),
    ]  # fmt: skip
    assert shop.crm.writes == []


async def test_a_deal_joins_the_open_one_of_the_same_person_or_is_made(shop: Shop) -> None:
    ivan = (await shop.put(IVANS)).produced[0].id
    links = (Link(kind=CONTACT, to=Existing(id=ivan), main=True),)
    deal = PutRecord(record=DEAL, fields={"title": "Заказ"}, links=links, attach=timedelta(days=7))
    first = await shop.put(deal)
    shop.clock.step(86400)
    assert (await shop.put(deal)).produced == first.produced
    shop.clock.step(8 * 86400)
    assert (await shop.put(deal)).produced != first.produced
    (card, *_) = [one for one in shop.crm.cards.values() if one.kind is DEAL]
    assert (card.shows("pipeline"), card.shows("stage")) == ("7", "new"), "as the connection's settings say"


async def test_fields_and_a_missing_link_are_two_calls_of_two_attempts(shop: Shop) -> None:
    ivan, deal = shop.crm.holds(name="Иван"), shop.crm.holds(DEAL)
    links = (Link(kind=CONTACT, to=Existing(id=ivan.id)),)
    await shop.put(PutRecord(record=DEAL, ref=Existing(id=deal.id), fields={"source": "site"}, links=links))
    assert shop.crm.writes == ["update ['source']"]
    await shop.pass_time(30, step=5)
    assert shop.crm.writes == ["update ['source']", "link"]
    assert shop.deliveries()[-1].status is Status.SUCCEEDED


async def test_what_was_read_long_ago_is_read_again_before_it_is_written(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = shop.crm.holds(name="Иван Петров", phone=("+79991234567",))
    moments = iter([0.0, 3.0])
    monkeypatch.setattr(putting, "monotonic", lambda: next(moments))
    find = shop.crm.find

    async def slowly(*asked: Any) -> Any:
        found = await find(*asked)
        shop.crm.holds(id_=card.id, name="Иван Петров", phone=("+79991234567",), email=("wife@example.org",))
        return found

    shop.crm.find = slowly  # type: ignore[method-assign]
    await shop.put(IVANS)
    assert shop.crm.cards[card.id].elements("email") == ("wife@example.org", "ivan@example.org")


# Once, whatever happens


@pytest.mark.parametrize("keeps_marks", [True, False])
@pytest.mark.parametrize("cut", ["before", "after"])
@pytest.mark.parametrize("kind", [CONTACT, DEAL])
async def test_after_a_cut_answer_it_is_looked_for_once_it_can_be_seen(
    shop: Shop, kind: RecordKind, cut: str, keeps_marks: bool
) -> None:
    shop.crm.keeps_marks, shop.crm.seen_after = keeps_marks, timedelta(seconds=55)
    ivan = shop.crm.holds(name="Иван") if kind is DEAL else None
    links = (Link(kind=CONTACT, to=Existing(id=ivan.id)),) if ivan else ()
    command = PutRecord(record=DEAL, fields={"title": "Заказ"}, links=links) if ivan else IVANS
    shop.crm.cut.append(cut)
    id_ = await shop.give(command)
    await shop.pass_time(600, step=5)
    assert shop.of(id_).status is Status.SUCCEEDED
    assert len([one for one in shop.crm.cards.values() if one.kind is kind]) == 1


async def test_what_nobody_can_find_again_is_not_repeated(shop: Shop) -> None:
    shop.crm.keeps_marks = False
    shop.crm.cut.append("after")
    id_ = await shop.give(PutRecord(record=DEAL, fields={"title": "Заказ"}))
    await shop.pass_time(600, step=5)
    assert (shop.of(id_).status, shop.crm.writes) == (Status.UNKNOWN, ["create deal"])


async def test_a_question_without_an_answer_leaves_no_doubt(shop: Shop) -> None:
    shop.crm.keeps_marks = False
    shop.crm.cut_reads.extend(["cut"])
    id_ = await shop.give(IVANS)
    await shop.run()
    assert (shop.of(id_).status, shop.of(id_).attempts[-1].maybe_sent) == (Status.RETRYING, False)
    await shop.pass_time(120, step=5)
    assert (shop.of(id_).status, shop.crm.writes) == (Status.SUCCEEDED, ["create contact"])


async def test_two_at_once_of_one_person_meet_though_no_search_shows_the_first(shop: Shop) -> None:
    shop.crm.seen_after = timedelta(hours=1)
    ids = []
    for person in (
        IVAN, Contact(name="Ваня", phone="+79991234567"), Contact(chats={"telegram": "77"}),
        Contact(name="Иван П.", email="ivan@example.org"),
    ):  # fmt: skip
        ids.append(await shop.give(PutRecord(record=CONTACT, person=person)))
        shop.clock.step(0.001)
    await shop.pass_time(60, step=5)
    assert {shop.of(id_).produced for id_ in ids} == {(Produced(kind="contact", id="100"),)}
    assert len(shop.crm.cards) == 1


async def test_what_was_noted_and_is_gone_or_another_by_now_is_not_believed(shop: Shop) -> None:
    first = (await shop.put(IVANS)).produced[0].id
    del shop.crm.cards[first]
    shop.crm.holds(id_="7", name="Иван Петров", phone=("+79991234567",))
    assert (await shop.put(IVANS)).produced[0].id == "7"


@pytest.mark.parametrize("keeps_marks", [True, False])
@pytest.mark.parametrize("point", POINTS)
async def test_killed_anywhere_it_is_there_once(
    shop: Shop, point: str, keeps_marks: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.crm.keeps_marks = keeps_marks
    left = dies_at(point, monkeypatch)
    id_ = await shop.give(IVANS)
    with pytest.raises(Killed):
        await shop.run()
    shop.start()
    await shop.pass_time(1200, step=10)
    assert left == []
    assert shop.of(id_).status is Status.SUCCEEDED
    assert shop.crm.writes == ["create contact"]
    assert (await shop.put(IVANS)).produced == shop.of(id_).produced


@pytest.mark.parametrize("behind", [timedelta(), timedelta(hours=3)])
@pytest.mark.parametrize("cut", ["before", "after"])
async def test_a_note_stands_on_the_card_once(shop: Shop, cut: str, behind: timedelta) -> None:
    """Also where business time has run ahead of the vendor's, as `--speed` lets it."""
    shop.clock.frozen_real = -behind
    card = shop.crm.holds(name="Иван")
    shop.crm.cut.append(cut)
    id_ = await shop.give(AddNote(on=Target(kind=CONTACT, to=Existing(id=card.id)), text="Перезвоните"))
    await shop.pass_time(600, step=5)
    assert (shop.of(id_).status, shop.crm.writes) == (Status.SUCCEEDED, ["note"])


async def test_begun_anew_by_an_operator_it_meets_what_it_made_before(shop: Shop) -> None:
    command = PutRecord(record=DEAL, fields={"title": "Заказ"})
    id_ = (await shop.put(command)).id
    held = await journal.load(shop.store, Delivery, id_)
    assert held is not None
    again = held.model.reopened("operator", "again", shop.clock.now())
    await shop.store.commit([replace_delivery(held, again)], [perform_task(again)])
    await shop.run()
    assert shop.crm.writes == ["create deal"]


# What we note down


async def test_notes_hold_no_address_and_are_forgotten_with_the_person(shop: Shop) -> None:
    await shop.put(IVANS)
    told = [one for one in shop.store.documents.values() if one.kind == "keys"]
    assert len(told) == 4
    everything = json.dumps([[one.id, str(one.fields), one.data.decode()] for one in told]).lower()
    assert not any(word in everything for word in ("9991234567", "ivan", "telegram:77"))
    for address in ("+7 999 123 45 67", "ivan@example.org", "telegram:77"):
        await Forgetting(shop.hub).forget(shop.tenant, address)
    assert [one.fields["people"] for one in shop.store.documents.values() if one.kind == "keys"] == [()]


async def test_a_flows_own_mark_finds_what_bears_it(shop: Shop) -> None:
    command = PutRecord(record=DEAL, match=Match(mark="order:1001"), fields={"title": "Заказ 1001"})
    first = (await shop.put(command)).produced
    changed = command.model_copy(update={"fields": {"title": "Заказ 1001", "price": "900"}})
    assert (await shop.put(changed)).produced == first
    assert shop.crm.writes == ["create deal", "update ['price']"]


async def test_what_the_crm_does_not_take_is_somebodys_to_mend_and_what_a_flow_foresees_is_not(
    shop: Shop,
) -> None:
    shop.crm.refusal = Refused(code="400", message="there is no such pipeline")
    done = await shop.put(IVANS)
    (card,) = shop.problems()
    assert (done.status, card.kind, card.cause) == (Status.FAILED, "refused", "400")
    assert f"svyazka replay {done.id}" in shop.alerts()[0].text
    await shop.put(IVANS.model_copy(update={"create": False}))
    await shop.put(PutRecord(record=CONTACT, ref=Existing(id="404"), fields={"name": "Иван"}))
    assert len(shop.problems()) == 1
