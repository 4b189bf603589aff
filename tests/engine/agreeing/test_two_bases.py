"""Two bases of two thousand: nobody is linked with another or made twice, and whatever is in doubt is listed."""

from __future__ import annotations

import random
from dataclasses import replace

from svyazka.engine.agreeing.matching import Card, proposed

FIRST_NAMES = ("Анна", "Мария", "Елена", "Ольга", "Татьяна", "Ирина", "Наталья", "Светлана", "Дарья", "Полина")
ROOTS = ("Петр", "Сидор", "Смирн", "Кузнец", "Попов", "Васил", "Соколов", "Лебед", "Козл", "Новик", "Морозов", "Волк",
         "Зайц", "Павл", "Семен", "Голубин", "Виноград", "Богдан", "Воробь", "Фед")  # fmt: skip
ENDINGS = ("ова", "ева", "ина", "ская")
PATRONYMICS = ("Сергеевна", "Ивановна", "Петровна", "Алексеевна")


def people(chance: random.Random, count: int, connection: str, begin: int = 0) -> list[Card]:
    found = []
    for number in range(begin, begin + count):
        keys = [f"+79{number * 7919 % 10**9:09}"] + [f"p{number}@kofe.example"] * (chance.random() < 0.4)
        name = f"{chance.choice(FIRST_NAMES)} {chance.choice(ROOTS)}{chance.choice(ENDINGS)}"
        born = f"{chance.randint(1950, 2005)}-{chance.randint(1, 12):02}-{chance.randint(1, 28):02}"
        found.append(Card(connection, str(number), tuple(keys), name, born if chance.random() < 0.5 else None))
    return found


def typed_by_another_hand(chance: random.Random, one: Card) -> Card:
    """The same person in the other system."""
    first, last = str(one.name).split()
    full, slipped = f"{last} {first} {chance.choice(PATRONYMICS)}", f"{first} {last[:4]}{last[5:]}"
    name = chance.choice((one.name, f"{last} {first}", full, first, slipped, full.upper(), f"{first[0]}. {last}"))
    return replace(one, connection="salon", name=name, birthday=one.birthday if chance.random() < 0.7 else None)


def test_the_first_link_of_two_filled_bases_links_nobody_wrongly_and_makes_nobody_twice() -> None:
    """Sixty of a hundred are in both; phones with a slip, husbands by their wives' phones, one person twice."""
    chance, size = random.Random(7), 2000
    ours = people(chance, size, "crm")
    common = size * 6 // 10
    theirs = [typed_by_another_hand(chance, one) for one in ours[:common]]
    doubtful: set[str] = set()
    for place in range(0, common, 25):  # a digit that slipped, and no e-mail to tell by
        phone = theirs[place].keys[0]
        slipped = phone[:-1] + str((int(phone[-1]) + 1) % 10)
        ours[place] = replace(ours[place], keys=(phone,))
        theirs[place] = replace(theirs[place], keys=(slipped,), name=ours[place].name)
        doubtful.add(ours[place].id)
    for place in range(5, common, 40):
        theirs.append(replace(theirs[place], id=f"twice{place}"))
        doubtful.add(ours[place].id)
    for place in range(10, common, 30):
        theirs.append(Card("salon", f"husband{place}", theirs[place].keys, "Иван Грозный"))
    theirs += people(chance, size - common, "salon", begin=10 * size)

    found = proposed(chance.sample([*ours, *theirs], len(ours) + len(theirs)))
    assert [group for group in found.links if len({card.id for card in group}) > 1] == []
    both = {str(number) for number in range(common)}
    assert not {card.id for card in found.new["crm"]} & both, "whoever would be made anew is in the other base already"
    in_doubt = {card.id: group for group, _ in found.doubts for card in group if card.connection == "crm"}
    assert doubtful <= in_doubt.keys()
    assert all({"crm", "salon"} <= {card.connection for card in in_doubt[id]} for id in doubtful)
    assert len(found.links) + len(doubtful) == common
    assert len(in_doubt.keys() - both) <= (size - common) // 100, "few are asked about for nothing"
    cards = [
        card.place for groups in (found.links, [one for one, _ in found.doubts]) for group in groups for card in group
    ]
    cards += [card.place for alone in found.new.values() for card in alone]
    assert sorted(cards) == sorted(card.place for card in (*ours, *theirs)), "each is accounted for once"
