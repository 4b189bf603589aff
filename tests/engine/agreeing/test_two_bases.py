"""Two bases of two thousand: nobody is linked with another or made twice, and whatever is in doubt is listed."""

from __future__ import annotations

import random

from svyazka.engine.agreeing.matching import proposed
from two_bases import two_bases


def test_the_first_link_of_two_filled_bases_links_nobody_wrongly_and_makes_nobody_twice() -> None:
    """Phones with a slip, husbands by their wives' phones, one person twice."""
    chance, size = random.Random(7), 2000
    bases = two_bases(chance, size)
    ours, theirs, common, doubtful = bases.ours, bases.theirs, bases.common, bases.doubtful

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
