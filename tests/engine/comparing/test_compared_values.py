"""What follows when systems hold this and held that: the rules of comparison, row by row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from world_of_sides import agreed, cut, printer, seen

from svyazka.engine.comparing.compare import compare_field
from svyazka.engine.comparing.fields import Clear, Compared, Conflicts, FieldRule, First, Reason, Seen, Verdict, Window
from svyazka.model.bases import Accepted, AcceptedFor, Decided, FieldBase, Owed
from svyazka.model.records import CLEARED, UNREAD, Shown

BOTH = FieldRule()
CRM = FieldRule(owner="crm")
MIRROR, ASK = FieldRule(clear=Clear.MIRROR), FieldRule(clear=Clear.ASK)
NEWEST = FieldRule(conflicts=Conflicts.NEWEST, prefer="crm")
PREFER = FieldRule(conflicts=Conflicts.PREFER, prefer="crm")
NEVER = None
"""A side that has never agreed."""

Sides = dict[str, tuple[Shown, Shown | None]]
"""What each shows, and what it showed when they agreed."""


def compared(field: str, rule: FieldRule, sides: Sides, **more: Any) -> Compared:
    return compare_field(field, {name: seen(field, *one) for name, one in sides.items()}, rule, printer(), **more)


TABLE: list[tuple[str, FieldRule, Sides, Verdict, Reason | None, dict[str, Shown]]] = [
    # fewer than two
    ("about", BOTH, {"crm": ("new", "old"), "salon": (UNREAD, "old")}, Verdict.UNSEEN, None, {}),
    # all equal, whatever happened
    ("about", BOTH, {"crm": ("a", "a"), "salon": ("a", "a")}, Verdict.EQUAL, None, {}),
    ("about", BOTH, {"crm": ("a", "b"), "salon": ("a", "c")}, Verdict.CONVERGED, None, {}),
    ("about", BOTH, {"crm": ("a", NEVER), "salon": ("a", NEVER)}, Verdict.CONVERGED, None, {}),
    ("about", BOTH, {"crm": (CLEARED, "a"), "salon": (CLEARED, "a")}, Verdict.CONVERGED, None, {}),
    ("price", BOTH, {"crm": ("1049.30", NEVER), "salon": ("1 049,3", NEVER)}, Verdict.CONVERGED, None, {}),
    ("birthday", BOTH, {"crm": ("31.12.1990", NEVER), "salon": ("1990-12-31", NEVER)}, Verdict.CONVERGED, None, {}),
    # its owner leads
    ("about", CRM, {"crm": ("new", "old"), "salon": ("old", "old")}, Verdict.WRITES, Reason.OWNER, {"salon": "new"}),
    ("about", CRM, {"crm": ("old", "old"), "salon": ("new", "old")}, Verdict.WRITES, Reason.OWNER, {"salon": "old"}),
    ("about", CRM, {"crm": ("a", NEVER), "salon": ("b", NEVER)}, Verdict.ASKED, Reason.FIRST, {}),
    ("about", FieldRule(owner="crm", first=First.OWNER), {"crm": ("a", NEVER), "salon": ("b", NEVER)},
     Verdict.WRITES, Reason.OWNER, {"salon": "a"}),
    ("about", CRM, {"crm": (UNREAD, "a"), "salon": ("b", "a"), "till": ("a", "a")},
     Verdict.HELD, Reason.OWNER_UNREAD, {}),
    ("about", CRM, {"salon": ("b", "a"), "till": ("a", "a")}, Verdict.WRITES, Reason.CHANGED, {"till": "b"}),
    ("price", FieldRule(owner="salon", first=First.OWNER),
     {"crm": ("9", NEVER), "salon": (CLEARED, NEVER), "till": ("2", CLEARED)}, Verdict.ASKED, Reason.FIRST, {}),
    # its owner has none: it is filled; was it cleared there, the rule for clearing tells
    ("about", CRM, {"crm": (CLEARED, CLEARED), "salon": ("a", CLEARED)}, Verdict.WRITES, Reason.CHANGED, {"crm": "a"}),
    ("about", CRM, {"crm": (CLEARED, NEVER), "salon": ("a", NEVER)}, Verdict.WRITES, Reason.FILLED, {"crm": "a"}),
    ("about", CRM, {"crm": (CLEARED, "a"), "salon": ("a", "a")}, Verdict.ACCEPTED, Reason.KEPT, {}),
    ("about", FieldRule(owner="crm", clear=Clear.MIRROR), {"crm": (CLEARED, "a"), "salon": ("a", "a")},
     Verdict.WRITES, Reason.CHANGED, {"salon": CLEARED}),
    ("phone", CRM, {"crm": (CLEARED, CLEARED), "salon": (("+79990000107",), NEVER)},
     Verdict.WRITES, Reason.OWNER, {"crm": ("+79990000107",)}),
    # one changed, or several alike
    ("about", BOTH, {"crm": ("new", "old"), "salon": ("old", "old")}, Verdict.WRITES, Reason.CHANGED, {"salon": "new"}),
    ("about", BOTH, {"crm": ("new", "old"), "salon": ("new", "old"), "till": ("old", "old")},
     Verdict.WRITES, Reason.CHANGED, {"till": "new"}),
    ("name", BOTH, {"crm": ("Мария", "мария"), "salon": ("мария", "мария")},
     Verdict.WRITES, Reason.CHANGED, {"salon": "Мария"}),
    ("agreed", BOTH, {"crm": (False, True), "salon": (True, True)}, Verdict.WRITES, Reason.CHANGED, {"salon": False}),
    ("about", BOTH, {"crm": (CLEARED, "a"), "salon": ("a", "a")}, Verdict.ACCEPTED, Reason.KEPT, {}),
    ("about", MIRROR, {"crm": (CLEARED, "a"), "salon": ("a", "a")}, Verdict.WRITES, Reason.CHANGED, {"salon": CLEARED}),
    ("about", ASK, {"crm": (CLEARED, "a"), "salon": ("a", "a")}, Verdict.ASKED, Reason.CLEARED, {}),
    # what a card is found by, what it is called, and money is never cleared
    ("phone", MIRROR, {"crm": (CLEARED, ("+79990000107",)), "salon": (("+79990000107",), ("+79990000107",))},
     Verdict.ACCEPTED, Reason.KEPT, {}),
    ("price", MIRROR, {"crm": (CLEARED, "5"), "salon": ("5", "5")}, Verdict.ACCEPTED, Reason.KEPT, {}),
    ("name", MIRROR, {"crm": (CLEARED, "a"), "salon": ("a", "a")}, Verdict.ACCEPTED, Reason.KEPT, {}),
    # several changed, unlike
    ("about", BOTH, {"crm": ("a", "x"), "salon": ("b", "x")}, Verdict.ASKED, Reason.CONFLICT, {}),
    ("about", PREFER, {"crm": ("a", "x"), "salon": ("b", "x")}, Verdict.WRITES, Reason.PREFERRED, {"salon": "a"}),
    ("about", PREFER, {"crm": ("x", "x"), "salon": ("b", "x"), "till": ("c", "x")}, Verdict.ASKED, Reason.CONFLICT, {}),
    ("about", NEWEST, {"crm": ("a", "x"), "salon": ("b", "x")}, Verdict.WRITES, Reason.PREFERRED, {"salon": "a"}),
    ("price", PREFER, {"crm": ("1", "5"), "salon": ("2", "5")}, Verdict.ASKED, Reason.MONEY, {}),
    ("about", BOTH, {"crm": (CLEARED, "x"), "salon": ("b", "x")}, Verdict.WRITES, Reason.CHANGED, {"crm": "b"}),
    ("about", MIRROR, {"crm": (CLEARED, "x"), "salon": ("b", "x")}, Verdict.ASKED, Reason.CLEARED, {}),
    ("name", BOTH, {"crm": ("Анна Петрова", "x"), "salon": ("петрова анна", "x")},
     Verdict.ACCEPTED, Reason.SPELLING, {}),
    # nobody changed it
    ("about", BOTH, {"crm": ("a", "a"), "salon": ("b", "b")}, Verdict.ASKED, Reason.DISAGREEMENT, {}),
    ("about", BOTH, {"crm": ("a", NEVER), "salon": ("b", NEVER)}, Verdict.ASKED, Reason.FIRST, {}),
    ("about", BOTH, {"crm": ("a", NEVER), "salon": (CLEARED, NEVER)}, Verdict.WRITES, Reason.FILLED, {"salon": "a"}),
    ("about", BOTH, {"crm": ("a", "a"), "salon": (CLEARED, CLEARED)}, Verdict.WRITES, Reason.FILLED, {"salon": "a"}),
    ("name", BOTH, {"crm": ("ПЁТР ИВАНОВ", NEVER), "salon": ("Иванов Петр", NEVER)},
     Verdict.ACCEPTED, Reason.SPELLING, {}),
    ("starts_at", BOTH, {"crm": ("2026-10-05T12:00 Europe/Moscow", NEVER),
                         "salon": ("2026-10-05T12:00 Europe/Samara", NEVER)}, Verdict.ASKED, Reason.FIRST, {}),
    # one is new among sides that agree: it is asked about, and holds up none of the others
    ("about", BOTH, {"crm": ("new", "old"), "salon": ("old", "old"), "till": ("c", NEVER)},
     Verdict.ASKED, Reason.CHANGED, {"salon": "new"}),
    ("about", BOTH, {"crm": ("a", "a"), "salon": ("a", "a"), "till": (CLEARED, NEVER)},
     Verdict.WRITES, Reason.FILLED, {"till": "a"}),
]  # fmt: skip


@pytest.mark.parametrize(("field", "rule", "sides", "verdict", "reason", "writes"), TABLE)
def test_what_sides_hold_and_held_says_what_is_written_to_whom(
    field: str, rule: FieldRule, sides: Sides, verdict: Verdict, reason: Reason | None, writes: dict[str, Shown]
) -> None:
    found = compared(field, rule, sides)
    assert (found.verdict, found.reason, dict(found.writes)) == (verdict, reason, writes)


NOON = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


def between(start: int, end: int) -> Window:
    return Window(NOON + timedelta(minutes=start), NOON + timedelta(minutes=end))


@pytest.mark.parametrize(
    ("crm", "salon", "written"),
    [
        (between(0, 5), between(6, 9), {"crm": "b"}),
        (between(6, 9), between(0, 5), {"salon": "a"}),
        (between(0, 6), between(5, 9), {"salon": "a"}),  # they meet: `prefer` tells
        (None, between(5, 9), {"salon": "a"}),
    ],
)
def test_the_newest_of_two_changes_holds_where_the_times_tell(
    crm: Window | None, salon: Window | None, written: dict[str, str]
) -> None:
    sides = {"crm": seen("about", "a", "x", window=crm), "salon": seen("about", "b", "x", window=salon)}
    assert compare_field("about", sides, NEWEST, printer()).writes == written


def test_an_accepted_difference_stands_until_a_side_shows_another_value() -> None:
    prints = printer().prints
    accepted = Accepted(
        sides={"crm": prints("about", "Long"), "salon": prints("about", "LONG!")}, why=AcceptedFor.SPELLING
    )
    stands = compared("about", BOTH, {"crm": ("Long", "Long"), "salon": ("LONG!", "LONG!")}, accepted=accepted)
    assert (stands.verdict, stands.reason, stands.accepted) == (Verdict.ACCEPTED, Reason.SPELLING, accepted)
    later = compared("about", BOTH, {"crm": ("Longer", "Long"), "salon": ("LONG!", "LONG!")}, accepted=accepted)
    assert (later.verdict, later.writes, later.accepted) == (Verdict.WRITES, {"salon": "Longer"}, None)


def test_what_a_person_decided_holds_as_long_as_the_sides_show_what_the_person_saw() -> None:
    prints = printer().prints
    decided = Decided(winner="salon", sides={"crm": prints("about", "a"), "salon": prints("about", "b")})
    taken = compared("about", BOTH, {"crm": ("a", "x"), "salon": ("b", "x")}, decided=decided)
    assert (taken.verdict, taken.reason, taken.writes) == (Verdict.WRITES, Reason.DECIDED, {"crm": "b"})
    later = compared("about", BOTH, {"crm": ("c", "x"), "salon": ("b", "x")}, decided=decided)
    assert later.verdict is Verdict.ASKED


def test_a_person_may_decide_against_a_side_that_is_never_written() -> None:
    """It stays as it is, and nobody is asked once more, though it has never agreed."""
    prints = printer().prints
    decided = Decided(winner="crm", sides={"crm": prints("about", "a"), "file": prints("about", "b")})
    sides = {"crm": seen("about", "a", NEVER), "file": seen("about", "b", NEVER, writable=False)}
    taken = compare_field("about", sides, BOTH, printer(), decided=decided)
    assert (taken.verdict, taken.reason, taken.writes) == (Verdict.ACCEPTED, Reason.READ_ONLY, {})
    assert all(base.owed is None for base in taken.bases.values())


def test_values_are_compared_as_far_as_both_sides_can_hold_them() -> None:
    text = "A long story about coffee"
    short = {"crm": seen("about", text, text), "salon": seen("about", text[:10], text[:10], keeps=cut(10))}
    assert compare_field("about", short, BOTH, printer()).verdict is Verdict.EQUAL
    edited = {**short, "crm": seen("about", "Another story", text)}
    assert compare_field("about", edited, BOTH, printer()).writes == {"salon": "Another st"}


def test_the_end_of_a_text_is_not_lost_to_an_edit_of_its_beginning() -> None:
    text = "A long story about coffee"
    sides = {
        "crm": seen("about", text, text),
        "salon": seen("about", "A new tale", text[:10], keeps=cut(10)),
        "till": seen("about", text[:10], text[:10], keeps=cut(10)),
    }
    found = compare_field("about", sides, BOTH, printer())
    assert (found.verdict, found.reason, found.open) == (Verdict.ASKED, Reason.CHANGED, {"crm": Reason.NARROW})
    assert found.writes == {"till": "A new tale"}
    assert "salon" not in found.bases, "it has still changed it"
    led = compare_field("about", sides, FieldRule(owner="salon"), printer())
    assert led.writes == {"crm": "A new tale", "till": "A new tale"}


def test_a_side_that_was_short_of_room_is_given_what_another_has_whole() -> None:
    text = "A new tale of coffee"
    sides = {
        "crm": seen("about", "old", "old"),
        "salon": seen("about", text[:10], "old", keeps=cut(10)),
        "till": seen("about", text, "old"),
    }
    assert compare_field("about", sides, BOTH, printer()).writes == {"crm": text}


def test_a_file_is_never_written_and_what_it_changed_since_is() -> None:
    file = {"crm": seen("about", "crm's own", "from the file"),
            "file": seen("about", "from the file", "from the file", writable=False)}  # fmt: skip
    kept = compare_field("about", file, BOTH, printer())
    assert (kept.verdict, kept.reason, kept.writes) == (Verdict.ACCEPTED, Reason.READ_ONLY, {})
    corrected = {"crm": seen("about", "crm's own", "crm's own"),
                 "file": seen("about", "corrected", "from the file", writable=False)}  # fmt: skip
    assert compare_field("about", corrected, BOTH, printer()).writes == {"crm": "corrected"}


def owing(shown: Shown, before: Shown, owed: Shown, times: int = 0) -> Seen:
    prints = printer().prints
    return Seen(
        shown, FieldBase(prints=prints("about", owed), owed=Owed(before=(prints("about", before),), times=times))
    )


def test_a_side_that_was_down_is_written_what_the_others_agreed_on_meanwhile() -> None:
    away = {
        "crm": seen("about", "new", "old"),
        "salon": seen("about", "old", "old"),
        "till": seen("about", UNREAD, "old"),
    }
    found = compare_field("about", away, BOTH, printer())
    assert found.writes == {"salon": "new"}
    back = {"crm": seen("about", "new", "new"), "salon": seen("about", "new", "new"),
            "till": Seen("old", found.bases["till"])}  # fmt: skip
    mended = compare_field("about", back, BOTH, printer())
    assert (mended.verdict, mended.reason, mended.writes) == (Verdict.WRITES, Reason.OWED, {"till": "new"})
    edited = {**back, "till": Seen("its own", found.bases["till"])}
    both = compare_field("about", edited, BOTH, printer())
    assert (both.verdict, both.reason) == (Verdict.ASKED, Reason.CONFLICT), "neither knew of the other's change"


def test_what_is_old_is_agreed_by_nobody_while_whoever_holds_the_new_cannot_be_read() -> None:
    """One is owed the new value and shows the old; a card that was linked just now happens to show the old, too."""
    base = owing("old", "old", "new").base
    away = {"crm": seen("about", UNREAD, "new"), "till": Seen("old", base), "salon": seen("about", "old", NEVER)}
    found = compare_field("about", away, BOTH, printer())
    assert (found.verdict, found.writes, found.bases) == (Verdict.UNSEEN, {}, {})
    back = {**away, "crm": seen("about", "new", "new")}
    assert compare_field("about", back, BOTH, printer()).writes == {"till": "new"}


def test_an_edit_that_knew_nothing_of_another_waits_until_that_one_can_be_read_again() -> None:
    """One was owed the other's new value and was edited before it was written; a third one would hand it on."""
    crm, salon = seen("about", "new", "new"), owing("own", "old", "new")
    away = {"crm": seen("about", UNREAD, "new"), "salon": salon, "till": seen("about", CLEARED, NEVER)}
    found = compare_field("about", away, BOTH, printer())
    assert (found.verdict, found.writes, found.bases) == (Verdict.UNSEEN, {}, {})
    back = compare_field("about", {**away, "crm": crm}, BOTH, printer())
    assert (back.verdict, back.reason) == (Verdict.ASKED, Reason.CONFLICT)
    led = compare_field("about", away, FieldRule(owner="salon"), printer())
    assert led.writes == {"till": "own"}, "its owner need know of nobody"


def test_what_was_deleted_and_is_restored_is_brought_to_what_was_agreed_meanwhile() -> None:
    sides = {"crm": seen("about", "new", "old"), "salon": seen("about", "old", "old"),
             "till": seen("about", UNREAD, "old", gone=True)}  # fmt: skip
    found = compare_field("about", sides, BOTH, printer())
    assert found.writes == {"salon": "new"}
    agreed_on = {"crm": seen("about", "new", "new"), "salon": seen("about", "new", "new")}
    back = compare_field("about", {**agreed_on, "till": Seen("old", found.bases["till"])}, BOTH, printer())
    assert back.writes == {"till": "new"}
    edited = compare_field("about", {**agreed_on, "till": Seen("own", found.bases["till"])}, BOTH, printer())
    assert edited.reason is Reason.CONFLICT, "whoever edits it there hasn't seen what was agreed"
    led = compare_field("about", sides, FieldRule(owner="till"), printer())
    assert led.writes == {"salon": "new"}, "a deleted owner holds nothing up"


def test_a_field_that_shows_its_old_value_after_two_writes_is_not_taken_and_written_no_more() -> None:
    def again(times: int) -> Compared:
        sides = {"crm": seen("about", "new", "new"), "salon": owing("old", "old", "new", times)}
        return compare_field("about", sides, BOTH, printer())

    assert again(1).writes == {"salon": "new"}
    assert (again(2).verdict, again(2).reason, again(2).writes) == (Verdict.HELD, Reason.NOT_TAKEN, {})
    other = {"crm": seen("about", "newer", "new"), "salon": owing("old", "old", "new", 2)}
    assert compare_field("about", other, BOTH, printer()).writes == {"salon": "newer"}, "another value is another try"


def test_an_edit_after_our_write_is_a_change_and_one_before_it_a_conflict() -> None:
    after = {"crm": seen("about", "new", "new"), "salon": owing("later", "old", "new", times=1)}
    assert compare_field("about", after, BOTH, printer()).writes == {"crm": "later"}
    before = {"crm": seen("about", "new", "new"), "salon": owing("at once", "old", "new", times=0)}
    assert compare_field("about", before, BOTH, printer()).verdict is Verdict.ASKED


def test_a_value_that_was_kept_where_another_side_cleared_it_stays_kept() -> None:
    sides: Sides = {"crm": (CLEARED, "a"), "salon": ("a", "a")}
    found = compared("about", BOTH, sides)
    assert found.accepted is not None
    assert found.accepted.why is AcceptedFor.KEPT
    again: Sides = {"crm": (CLEARED, CLEARED), "salon": ("a", "a")}
    assert compared("about", BOTH, again, accepted=found.accepted).reason is Reason.KEPT
    edited: Sides = {"crm": (CLEARED, CLEARED), "salon": ("b", "a")}
    assert compared("about", BOTH, edited, accepted=found.accepted).writes == {"crm": "b"}


def test_bases_say_what_was_agreed_and_keep_no_value() -> None:
    found = compared("about", BOTH, {"crm": ("new", "old"), "salon": ("old", "old")})
    assert found.bases["crm"] == agreed("about", "new")
    owed = found.bases["salon"].owed
    assert found.bases["salon"].prints == agreed("about", "new").prints
    assert owed is not None
    assert owed.before == (agreed("about", "old").prints,)
    assert "new" not in "".join(base.model_dump_json() for base in found.bases.values())


def test_a_side_that_has_never_agreed_stands_for_no_other_though_it_fits_the_owner() -> None:
    sides = {
        "crm": seen("about", "alpha", "alpha"),
        "salon": seen("about", "alphabet"),
        "till": seen("about", "alpha", "alpha", keeps=cut(5)),
    }
    found = compare_field("about", sides, FieldRule(owner="till"), printer())
    assert not found.writes


def test_a_side_that_cuts_makes_no_spelling_of_two_long_ones_that_differ() -> None:
    sides = {
        "crm": seen("name", "alpha", "alpha", keeps=cut(5)),
        "salon": seen("name", "alphabetical", "alphabetical"),
        "till": seen("name", "alphabet", keeps=cut(8)),
    }
    assert compare_field("name", sides, BOTH, printer()).verdict is Verdict.CONVERGED
    apart = {**sides, "till": seen("name", "alpha", keeps=cut(8))}
    assert compare_field("name", apart, BOTH, printer()).verdict is Verdict.ASKED


@pytest.mark.parametrize("rule", [BOTH, CRM, FieldRule(owner="salon")])
def test_a_short_side_does_not_tell_which_of_two_long_ones_holds(rule: FieldRule) -> None:
    sides = {
        "crm": seen("about", "alpha"), "salon": seen("about", "alphabet"),
        "till": seen("about", "alpha", "alpha", keeps=cut(5)),
    }  # fmt: skip
    found = compare_field("about", sides, rule, printer())
    assert (found.verdict, found.reason, dict(found.writes), dict(found.bases)) == (
        Verdict.ASKED, Reason.FIRST, {}, {},
    )  # fmt: skip
