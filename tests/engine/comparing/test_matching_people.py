"""Who is who in two systems: nobody is linked with another or made twice, and whatever is in doubt is listed."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest

from svyazka.engine.comparing.first_link import CROWD, Proposal, is_near, match_bases
from svyazka.engine.comparing.matching import Card, Evidence, Verdict, match
from svyazka.model.records import KeyType, Object, RecordKind

PHONE, OTHER = "+79990000100", "+79990000101"


def card(id: str, name: str | None = None, phone: str | None = None, email: str | None = None, **more: str) -> Card:
    phones, emails = frozenset({phone} if phone else ()), frozenset({email} if email else ())
    return Card(id, phones=phones, emails=emails, name=name, mark=more.get("mark"), birthday=more.get("birthday"))


ME = card("me", "Анна Петрова", PHONE, "anna@kofe.example", birthday="1990-12-31")

FOUND = [
    ([card("1", "петрова анна сергеевна", PHONE)], Verdict.MATCH, ("1",), KeyType.PHONE),
    ([card("1", "Аня", PHONE)], Verdict.MATCH, ("1",), KeyType.PHONE),
    ([card("1", None, PHONE)], Verdict.MATCH, ("1",), KeyType.PHONE),
    ([card("1", "Анна", email="anna@kofe.example")], Verdict.MATCH, ("1",), KeyType.EMAIL),
    ([card("1", "Пётр Петров", PHONE)], Verdict.HOUSEHOLD, ("1",), KeyType.PHONE),
    ([card("1", "Анна Петрова", PHONE, birthday="2012-01-01")], Verdict.HOUSEHOLD, ("1",), KeyType.PHONE),
    ([card("1", "Пётр", PHONE), card("2", "Анна", PHONE)], Verdict.MATCH, ("2",), KeyType.PHONE),
    ([card("1", "Анна", PHONE), card("2", "Анна Петрова", PHONE)], Verdict.SEVERAL, ("1", "2"), KeyType.PHONE),
    ([card("1", "Анна", PHONE), card("2", "Анна", email="anna@kofe.example")],
     Verdict.SEVERAL, ("1", "2"), KeyType.PHONE),
    ([card("1", "Анна Петрова", OTHER)], Verdict.NOBODY, (), None),
    ([], Verdict.NOBODY, (), None),
]  # fmt: skip


@pytest.mark.parametrize(("candidates", "verdict", "cards", "by"), FOUND)
def test_a_card_is_found_by_its_keys_and_told_apart_by_name_and_birthday(
    candidates: list[Card], verdict: Verdict, cards: tuple[str, ...], by: KeyType | None
) -> None:
    for listed in (candidates, candidates[::-1]):
        found = match(ME, listed)
        assert (found.verdict, found.cards, found.by) == (verdict, cards, by)


def test_our_own_mark_is_surer_than_any_name() -> None:
    marked = [card("1", "Пётр", mark="svz-1"), card("2", "Анна Петрова", PHONE)]
    assert match(replace(ME, mark="svz-1"), marked).cards == ("1",)


def test_father_and_son_are_told_apart_by_their_patronymics() -> None:
    father, son = card("1", "Иванов Пётр Ильич", PHONE), card("2", "Иванов Пётр Петрович", PHONE)
    assert match(father, [son]).verdict is Verdict.HOUSEHOLD
    assert match(father, [card("3", "Пётр Ильич Иванов", PHONE)]).verdict is Verdict.MATCH


def test_a_card_is_made_of_what_an_object_shows_in_any_spelling() -> None:
    fields = {"phone": ("8 (999) 000-01-00",), "email": ("Anna@Kofe.Example",), "birthday": "31.12.1990"}
    shown = Object(RecordKind.CONTACT, "7", fields, called="Анна")
    assert Card.of(shown) == replace(ME, id="7", name="Анна")


def test_a_phone_one_digit_off_is_near() -> None:
    assert is_near("+79990000100", "+79990000190")
    assert is_near("+79990000123", "+79990000132")
    assert not is_near("+79990000123", "+79990000134")
    assert not is_near(PHONE, PHONE)


FIRST_NAMES = ("Анна", "Мария", "Елена", "Ольга", "Татьяна", "Ирина", "Наталья", "Светлана", "Дарья", "Полина")
ROOTS = ("Петр", "Сидор", "Смирн", "Кузнец", "Попов", "Васил", "Соколов", "Лебед", "Козл", "Новик", "Морозов", "Волк",
         "Зайц", "Павл", "Семен", "Голубин", "Виноград", "Богдан", "Воробь", "Фед")  # fmt: skip
ENDINGS = ("ова", "ева", "ина", "ская")
PATRONYMICS = ("Сергеевна", "Ивановна", "Петровна", "Алексеевна")


def people(chance: random.Random, count: int, begin: int = 0) -> list[Card]:
    return [
        Card(
            id=str(number),
            phones=frozenset({f"+79{number * 7919 % 10**9:09}"}),
            emails=frozenset({f"p{number}@kofe.example"} if chance.random() < 0.4 else ()),
            name=f"{chance.choice(FIRST_NAMES)} {chance.choice(ROOTS)}{chance.choice(ENDINGS)}",
            birthday=f"{chance.randint(1950, 2005)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
            if chance.random() < 0.5
            else None,
        )
        for number in range(begin, begin + count)
    ]


def typed_by_another_hand(chance: random.Random, one: Card, id: str) -> Card:
    """The same person in the other system."""
    first, last = str(one.name).split()
    full, slipped = f"{last} {first} {chance.choice(PATRONYMICS)}", f"{first} {last[:4]}{last[5:]}"
    name = chance.choice((one.name, f"{last} {first}", full, first, slipped, full.upper(), f"{first[0]}. {last}"))
    birthday = one.birthday if chance.random() < 0.7 else None
    return replace(one, id=id, name=name, birthday=birthday)


def two_bases(size: int) -> tuple[list[Card], list[Card], dict[str, str], set[str], set[str]]:
    """Sixty of a hundred are in both; typos in phones, households, one person twice on one side. With them: who is who,
    who must be a doubt or linked, and who is in one base only."""
    chance = random.Random(7)
    ours = people(chance, size)
    common = ours[: size * 6 // 10]
    theirs = [typed_by_another_hand(chance, one, f"b{one.id}") for one in common]
    truth = {one.id: f"b{one.id}" for one in common}
    doubtful: set[str] = set()
    for place in range(0, len(common), 25):  # a digit that slipped; no e-mail to tell by
        one, other = common[place], theirs[place]
        (phone,) = other.phones
        slipped = phone[:-1] + str((int(phone[-1]) + 1) % 10)
        ours[place] = replace(one, emails=frozenset())
        theirs[place] = replace(other, phones=frozenset({slipped}), emails=frozenset(), name=one.name)
        doubtful.add(one.id)
    for place in range(5, len(common), 40):  # twice in the other system
        theirs.append(replace(theirs[place], id=f"twice{place}"))
        doubtful.add(common[place].id)
    for place in range(10, len(common), 30):  # her husband, in the same system, by her phone
        theirs.append(Card(f"husband{place}", phones=theirs[place].phones, name="Иван Грозный"))
    strangers = people(chance, size - len(common), begin=10 * size)
    theirs += [replace(one, id=f"new{one.id}") for one in strangers]
    alone = {one.id for one in ours[len(common) :]}
    chance.shuffle(theirs)
    return ours, theirs, truth, doubtful, alone


def assert_whole(found: Proposal, ours: list[Card], theirs: list[Card]) -> None:
    """Each card is in it once."""
    a = [link.a for link in found.links] + [doubt.a for doubt in found.doubts] + list(found.new_in_a)
    b = {*(link.b for link in found.links), *(one for doubt in found.doubts for one in doubt.b), *found.new_in_b}
    assert sorted(a) == sorted(one.id for one in ours)
    assert b == {one.id for one in theirs}


def test_the_first_link_of_two_filled_bases_links_nobody_wrongly_and_makes_nobody_twice() -> None:
    ours, theirs, truth, doubtful, alone = two_bases(2000)
    found = match_bases(ours, theirs)
    assert_whole(found, ours, theirs)
    assert [link for link in found.links if truth.get(link.a) != link.b] == []
    assert not set(found.new_in_a) & truth.keys(), "whoever would be made anew is in the other base already"
    doubts = {doubt.a: doubt for doubt in found.doubts}
    assert doubtful <= doubts.keys()
    assert all(truth[one] in doubts[one].b for one in doubtful)
    assert len(found.links) + len(doubtful) == len(truth)
    assert len(doubts.keys() & alone) <= len(alone) // 100, "few are asked about for nothing"
    assert len(found.households) == sum(place % 25 != 0 for place in range(10, len(truth), 30))
    assert match_bases(ours[::-1], theirs[::-1]) == found


def test_two_people_of_one_phone_are_linked_each_with_their_own() -> None:
    mine = [card("1", "Анна", PHONE), card("2", "Пётр", PHONE)]
    theirs = [card("a", "Пётр Иванов", PHONE), card("b", "Анна Иванова", PHONE)]
    found = match_bases(mine, theirs)
    assert [(link.a, link.b) for link in found.links] == [("1", "b"), ("2", "a")]
    assert [(one.a, one.b) for one in found.households] == [(("1", "2"), ("a", "b"))]


def test_a_number_on_a_crowd_of_cards_links_nobody_and_a_mark_links_whoever_bears_it() -> None:
    crowd = [card(str(number), None, PHONE) for number in range(CROWD + 1)]
    found = match_bases(crowd, [card("a", "Анна", PHONE)])
    assert (found.links, found.doubts) == ((), ())
    marked = match_bases([card("1", "Анна", mark="svz-1")], [card("a", "Пётр", mark="svz-1")])
    assert [(link.a, link.b, link.reasons[0]) for link in marked.links] == [("1", "a", Evidence.MARK)]
