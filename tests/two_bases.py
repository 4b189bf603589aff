"""Two filled bases of one shop, and the truth about them: who is in both, typed by another hand there; whose phone has
a slip; who stands in one twice; who shares a phone with another of the household."""

from __future__ import annotations

import random
from dataclasses import dataclass, field, replace

from svyazka.engine.agreeing.matching import Card

FIRST_NAMES = ("Анна", "Мария", "Елена", "Ольга", "Татьяна", "Ирина", "Наталья", "Светлана", "Дарья", "Полина")
ROOTS = ("Петр", "Сидор", "Смирн", "Кузнец", "Попов", "Васил", "Соколов", "Лебед", "Козл", "Новик", "Морозов", "Волк",
         "Зайц", "Павл", "Семен", "Голубин", "Виноград", "Богдан", "Воробь", "Фед")  # fmt: skip
ENDINGS = ("ова", "ева", "ина", "ская")
PATRONYMICS = ("Сергеевна", "Ивановна", "Петровна", "Алексеевна")


@dataclass
class Bases:
    """What stands in each, by the same number where it is the same person."""

    ours: list[Card]
    theirs: list[Card] = field(default_factory=list)
    common: int = 0
    """The first so many of ours are in theirs too."""
    doubtful: set[str] = field(default_factory=set)
    """Of ours: nobody but a person can say which card there is theirs."""

    @property
    def told(self) -> set[str]:
        """Of ours: cards of both show it beyond doubt."""
        return {card.id for card in self.ours[: self.common]} - self.doubtful


def people(chance: random.Random, count: int, connection: str, begin: int = 0) -> list[Card]:
    """So many, each with a phone of her own."""
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


def two_bases(chance: random.Random, size: int) -> Bases:
    """So many in each, sixty of a hundred in both."""
    found = Bases(people(chance, size, "crm"), common=size * 6 // 10)
    ours, common = found.ours, found.common
    theirs = found.theirs = [typed_by_another_hand(chance, one) for one in ours[:common]]
    for place in range(0, common, 25):  # a digit that slipped, and no e-mail to tell by
        phone = theirs[place].keys[0]
        slipped = phone[:-1] + str((int(phone[-1]) + 1) % 10)
        ours[place] = replace(ours[place], keys=(phone,))
        theirs[place] = replace(theirs[place], keys=(slipped,), name=ours[place].name)
        found.doubtful.add(ours[place].id)
    for place in range(5, common, 40):
        theirs.append(replace(theirs[place], id=f"twice{place}"))
        found.doubtful.add(ours[place].id)
    for place in range(10, common, 30):
        theirs.append(Card("salon", f"husband{place}", theirs[place].keys, "Иван Грозный"))
    theirs += people(chance, size - common, "salon", begin=10 * size)
    return found
