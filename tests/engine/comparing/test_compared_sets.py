"""Phones, e-mails and tags: nobody's number is lost, and nobody's is added twice."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from world_of_sides import PHONES, System, World, printer, seen, some

from svyazka.engine.comparing.compare import compare_field
from svyazka.engine.comparing.fields import Clear, Compared, FieldRule, First, Reason, Seen, Verdict
from svyazka.model.bases import AcceptedFor, Decided, FieldBase
from svyazka.model.records import CLEARED, UNREAD, Shown

BOTH = FieldRule()
P1, P2, P3, P4, P5, P6 = PHONES
NEVER = None

Sides = dict[str, tuple[Shown, Shown | None]]

SETS: list[tuple[str, FieldRule, Sides, Verdict, Reason | None, dict[str, Shown]]] = [
    # order and spelling are nothing
    ("phone", BOTH, {"crm": ((P1, P2), NEVER), "till": (("8 (999) 000-01-01", P1), NEVER)},
     Verdict.CONVERGED, None, {}),
    ("email", BOTH, {"crm": (("A@kofe.ru",), NEVER), "till": (("a@kofe.ru",), NEVER)}, Verdict.CONVERGED, None, {}),
    # what one added is added everywhere, in the spelling that stands there
    ("phone", BOTH, {"crm": ((P1, P2), (P1,)), "till": (("8 999 000-01-00",), (P1,))},
     Verdict.WRITES, Reason.MERGED, {"till": ("8 999 000-01-00", P2)}),
    # two add at once: both hold both
    ("phone", BOTH, {"crm": ((P1, P2), (P1,)), "till": ((P1, P3), (P1,))},
     Verdict.WRITES, Reason.MERGED, {"crm": (P1, P2, P3), "till": (P1, P3, P2)}),
    # what one removed is removed everywhere; what one adds while another removes it stays
    ("phone", BOTH, {"crm": ((P1,), (P1, P2)), "till": ((P1, P2), (P1, P2))},
     Verdict.WRITES, Reason.MERGED, {"till": (P1,)}),
    ("phone", BOTH, {"crm": ((P1, P2), (P1,)), "till": ((P1,), (P1, P2))},
     Verdict.WRITES, Reason.MERGED, {"till": (P1, P2)}),
    # the last number is never taken away
    ("phone", BOTH, {"crm": ((P1,), (P1, P2)), "till": ((P2,), (P1, P2))}, Verdict.ASKED, Reason.CLEARED, {}),
    ("phone", BOTH, {"crm": (CLEARED, (P1, P2)), "till": ((P1, P2), (P1, P2))}, Verdict.ACCEPTED, Reason.KEPT, {}),
    ("tags", FieldRule(clear=Clear.MIRROR), {"crm": (CLEARED, ("vip",)), "till": (("vip",), ("vip",))},
     Verdict.WRITES, Reason.MERGED, {"till": CLEARED}),
    # sides that have never agreed are added to, and lose nothing
    ("phone", BOTH, {"crm": ((P1, P2), NEVER), "till": ((P1, P3), NEVER)},
     Verdict.WRITES, Reason.MERGED, {"crm": (P1, P2, P3), "till": (P1, P3, P2)}),
    # a view agrees with every set that has its value
    ("phone", BOTH, {"crm": ((P1, P2), NEVER), "salon": ((P2,), NEVER)}, Verdict.CONVERGED, None, {}),
    ("phone", BOTH, {"crm": ((P1, P2, P3), (P1, P2)), "salon": ((P1,), (P1,))}, Verdict.CONVERGED, None, {}),
    # its new value takes the place of the one that it showed, and leaves the rest
    ("phone", BOTH, {"crm": ((P1, P2), (P1, P2)), "salon": ((P4,), (P1,))},
     Verdict.WRITES, Reason.MERGED, {"crm": (P2, P4)}),
    # a number that was replaced is replaced there; one that was removed stays: nothing is cleared
    ("phone", BOTH, {"crm": ((P2, P4), (P1, P2)), "salon": ((P1,), (P1,))},
     Verdict.WRITES, Reason.MERGED, {"salon": (P4,)}),
    ("phone", BOTH, {"crm": ((P2,), (P1, P2)), "salon": ((P1,), (P1,))}, Verdict.ACCEPTED, Reason.KEPT, {}),
    ("phone", BOTH, {"crm": ((P1, P2), (P1, P2)), "salon": (CLEARED, (P1,))}, Verdict.ACCEPTED, Reason.KEPT, {}),
    ("phone", BOTH, {"crm": ((P1, P2), NEVER), "salon": (CLEARED, NEVER)},
     Verdict.WRITES, Reason.MERGED, {"salon": (P1,)}),
    ("phone", BOTH, {"crm": ((P1,), (P1,)), "salon": ((P2,), (P1,)), "till": ((P3,), (P1,))},
     Verdict.WRITES, Reason.MERGED, {"crm": (P3, P2), "till": (P3, P2)}),
    # two views of a set that can't be read say nothing to each other
    ("phone", BOTH, {"crm": (UNREAD, (P1, P2)), "salon": ((P1,), (P1,)), "shop": ((P2,), (P2,))},
     Verdict.UNSEEN, None, {}),
    # where each side holds one value it is a plain field
    ("phone", BOTH, {"salon": ((P2,), (P1,)), "shop": ((P1,), (P1,))}, Verdict.WRITES, Reason.CHANGED, {"shop": (P2,)}),
    ("phone", BOTH, {"salon": ((P2,), (P1,)), "shop": ((P3,), (P1,))}, Verdict.ASKED, Reason.CONFLICT, {}),
    # an owner leads: others' numbers go; of an owner's view the number must be among them
    ("phone", FieldRule(owner="crm"), {"crm": ((P1,), (P1,)), "till": ((P1, P2), (P1,))},
     Verdict.WRITES, Reason.OWNER, {"till": (P1,)}),
    ("phone", FieldRule(owner="salon"), {"crm": ((P2,), (P1, P2)), "salon": ((P1,), (P1,))},
     Verdict.WRITES, Reason.OWNER, {"crm": (P2, P1)}),
    ("phone", FieldRule(owner="crm"), {"crm": ((P1,), NEVER), "salon": ((P2,), NEVER)},
     Verdict.ASKED, Reason.FIRST, {}),
    ("phone", FieldRule(owner="crm", first=First.OWNER), {"crm": ((P1,), NEVER), "salon": ((P2,), NEVER)},
     Verdict.WRITES, Reason.OWNER, {"salon": (P1,)}),
    # too many to be somebody's
    ("tags", BOTH, {"crm": (tuple(map(str, range(21))), ("1",)), "till": (("1",), ("1",))},
     Verdict.HELD, Reason.TOO_MANY, {}),
]  # fmt: skip

VIEWS = ("salon", "shop")


@pytest.mark.parametrize(("field", "rule", "sides", "verdict", "reason", "writes"), SETS)
def test_sets_are_merged_by_element_and_views_show_one_of_them(
    field: str,
    rule: FieldRule,
    sides: Sides,
    verdict: Verdict,
    reason: Reason | None,
    writes: dict[str, Shown],
) -> None:
    given_sides = {name: seen(field, *one, one_value=name in VIEWS) for name, one in sides.items()}
    found = compare_field(field, given_sides, rule, printer())
    assert (found.verdict, found.reason, dict(found.writes)) == (verdict, reason, writes)


def compared(**sides: Any) -> Compared:
    return compare_field("phone", sides, BOTH, printer())


def test_a_persons_word_holds_among_sets_while_they_show_what_the_person_saw() -> None:
    """Of a set its numbers and no others; a view's number beside those of the sets: it has no place for them."""
    crm, salon = seen("phone", (P1, P2), NEVER), seen("phone", (P3,), NEVER, one_value=True)
    saw = {"crm": printer().prints("phone", (P1, P2)), "salon": printer().prints("phone", (P3,))}
    rule = FieldRule(owner="crm")
    for winner, writes in (("crm", {"salon": (P1,)}), ("salon", {"crm": (P1, P2, P3)})):
        decided = Decided(winner=winner, sides=saw)
        found = compare_field("phone", {"crm": crm, "salon": salon}, rule, printer(), decided=decided)
        assert (found.reason, dict(found.writes)) == (Reason.DECIDED, writes)
        edited = {"crm": seen("phone", (P4,), NEVER), "salon": salon}
        assert compare_field("phone", edited, rule, printer(), decided=decided).verdict is Verdict.ASKED


def test_what_was_removed_while_a_side_was_down_does_not_come_back_with_it() -> None:
    away = compared(crm=seen("phone", (P1, P3), (P1, P2)), till=seen("phone", (P1, P2), (P1, P2)),
                    base=seen("phone", UNREAD, (P1, P2)))  # fmt: skip
    assert away.writes == {"till": (P1, P3)}
    back = compared(
        crm=seen("phone", (P1, P3), (P1, P3)),
        till=seen("phone", (P1, P3), (P1, P3)),
        base=Seen((P1, P2), away.bases["base"]),
    )
    assert (back.writes, back.open) == ({"base": (P1, P3)}, {})


def test_what_a_set_is_owed_is_not_forgotten_at_a_second_look_nor_by_an_edit_in_between() -> None:
    rules = {"phone": BOTH}
    world = World(
        {"crm": System({"phone": (P1, P3)}), "salon": System({"phone": (P2,)}, one_value=frozenset({"phone"}))}, rules
    )
    for system in world.systems.values():
        system.bases = {"phone": FieldBase(prints=world.printer.prints("phone", (P1,)))}
    world.deliver("salon")  # nothing to write there; what the CRM is owed is noted
    again = world.compared()
    assert again.writes("crm") == {"phone": (P3, P2)}
    assert again.intent("crm") == {"phone": world.printer.prints("phone", (P3, P2))}
    world.systems["crm"].holds["phone"] = (P1, P3, P5)
    world.round()
    assert world.systems["crm"].holds["phone"] == (P3, P5, P2)


def test_what_others_removed_does_not_come_back_from_a_file_and_what_the_file_adds_comes() -> None:
    world = World(
        {"crm": System({"tags": ("vip", "old")}), "file": System({"tags": ("vip", "old")}, read_only=True)},
        {"tags": BOTH},
    )
    world.round()
    world.systems["crm"].holds["tags"] = ("vip",)
    assert [world.round(), world.round()] == [0, 0]
    world.systems["file"].holds["tags"] = ("vip", "old", "new")
    world.round()
    assert world.systems["crm"].holds["tags"] == ("vip", "new")


def test_a_set_that_was_not_taken_is_no_removal_of_what_it_lacks() -> None:
    world = World(
        {"crm": System({"phone": (P1,)}), "till": System({"phone": (P1,)}, ignores=frozenset({"phone"}))},
        {"phone": BOTH},
    )
    world.round()
    world.systems["crm"].holds["phone"] = (P1, P2)
    assert [world.round() for _ in range(4)] == [1, 1, 0, 0]
    assert world.systems["crm"].holds["phone"] == (P1, P2)
    assert world.compared().fields["phone"].reason is Reason.NOT_TAKEN


def test_a_number_that_somebody_adds_during_our_write_is_kept_and_spread() -> None:
    world = World({"crm": System({"phone": (P1,)}), "till": System({"phone": (P1,)})}, {"phone": BOTH})
    world.round()
    world.systems["crm"].holds["phone"] = (P1, P2)
    before = world.compared()
    world.systems["till"].holds["phone"] = (P1, P2, P5)
    settled = before.settled("till", {"phone": (P1, P2, P5)}, world.printer)
    for name, bases in settled.bases.items():
        world.systems[name].bases = dict(bases)
    world.round()
    assert {frozenset(shown) for shown in world.shown("phone").values() if isinstance(shown, tuple)} == {
        frozenset((P1, P2, P5))
    }


def test_a_vendors_own_spelling_of_what_we_wrote_is_an_accepted_difference() -> None:
    world = World({"crm": System({"tags": ("new one",)}), "till": System({"tags": ("vip",)})}, {"tags": BOTH})
    compared_before = world.compared()
    settled = compared_before.settled("till", {"tags": ("vip", "new_one")}, world.printer)
    assert settled.accepted["tags"].why is AcceptedFor.SPELLING


sets_of_phones = st.lists(st.sampled_from(PHONES), min_size=1, max_size=4, unique=True).map(tuple)


@given(sets_of_phones, st.sampled_from(PHONES), st.data())
@some(25)
def test_what_is_put_into_a_view_is_shown_by_it_and_what_it_shows_changes_nothing(
    phones: tuple[str, ...], new: str, data: st.DataObject
) -> None:
    """Put-get, get-put, and that a view leaves alone what it doesn't show."""
    shown = data.draw(st.sampled_from(phones))
    world = World(
        {"crm": System({"phone": phones}), "salon": System({"phone": (shown,)}, one_value=frozenset({"phone"}))},
        {"phone": BOTH},
    )
    for system in world.systems.values():
        system.bases = {"phone": FieldBase(prints=world.printer.prints("phone", system.holds["phone"]))}
    assert world.round() == 0
    assert world.systems["crm"].holds["phone"] == phones
    world.systems["salon"].holds["phone"] = (new,)
    world.round()
    crm = world.systems["crm"].holds["phone"]
    assert isinstance(crm, tuple)
    assert world.systems["salon"].holds["phone"] == (new,)
    assert set(crm) == (set(phones) - {shown}) | {new}


@given(sets_of_phones, sets_of_phones, sets_of_phones)
@some(25)
def test_two_sides_add_different_numbers_at_once_and_both_hold_both(
    common: tuple[str, ...], ours: tuple[str, ...], theirs: tuple[str, ...]
) -> None:
    world = World({"crm": System({"phone": common}), "till": System({"phone": common})}, {"phone": BOTH})
    world.round()
    for name, added in (("crm", ours), ("till", theirs)):
        world.systems[name].holds["phone"] = tuple(dict.fromkeys((*common, *added)))
    world.round()
    assert {frozenset(shown) for shown in world.shown("phone").values() if isinstance(shown, tuple)} == {
        frozenset((*common, *ours, *theirs))
    }
