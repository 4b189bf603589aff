"""One value a side: the rules of comparison, from the top, the first that fits.

Each row is a function that answers None where it doesn't fit. What a row means for a business is said in its
docstring; `holds` makes of "this side's value holds" what is written to whom.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from itertools import combinations

from svyazka.engine.comparing.case import Case, State, owed_to_those_away
from svyazka.engine.comparing.fields import Clear, Compared, Conflicts, Reason, Verdict
from svyazka.engine.comparing.newest import newest
from svyazka.engine.comparing.normalising import FieldType
from svyazka.model.bases import Accepted, AcceptedFor, FieldBase
from svyazka.model.records import CLEARED, Blank, Wanted

Row = Callable[[Case], Compared | None]


def compare_values(case: Case) -> Compared:
    """What follows for a field that holds one value on each side."""
    return next(compared for row in ROWS if (compared := row(case)) is not None)


# The rows


def fewer_than_two(case: Case) -> Compared | None:
    """One side alone says nothing about another: bases stay."""
    if len(case.taking) < 2:
        return Compared(Verdict.UNSEEN, accepted=case.accepted)
    return None


def nobody_shows_what_was_agreed(case: Case) -> Compared | None:
    """Whoever is to hold it shows what it did before, or was edited without knowing of it; and who holds it can't be
    read: what the others have in common is old, or a stranger's, and their edit is one of two. Bases stay, or it would
    be taken for agreed and written over what is newer."""
    unknowing = (*case.those(State.OWED), *unaware(case))
    known = [name for name in case.those(State.UNCHANGED, State.CHANGED) if name not in unknowing]
    if not unknowing or known or case.decided is not None or case.rule.owner in unaware(case):
        return None
    holders = [base for name in case.unread if (base := case.sides[name].base) is not None and base.owed is None]
    return Compared(Verdict.UNSEEN, accepted=case.accepted) if holders else None


def all_equal(case: Case) -> Compared | None:
    """Whatever happened, they hold the same."""
    return holds(case, case.taking[0], None) if case.all_same(case.taking) else None


def an_accepted_difference(case: Case) -> Compared | None:
    """These very values may differ: it was found out, or said, before."""
    if case.accepted is None or case.those(State.OWED):
        return None
    if not all(case.same(*pair) or case.excused(*pair) for pair in combinations(case.taking, 2)):
        return None
    bases, restamped = case.news({name: case.as_read(name) for name in case.taking})
    return Compared(
        Verdict.ACCEPTED, Reason(case.accepted.why), bases=bases, accepted=case.accepted, restamped=restamped
    )


def a_person_decided(case: Case) -> Compared | None:
    """Somebody saw these very values and said whose holds."""
    return holds(case, case.winner, Reason.DECIDED) if case.winner is not None else None


def the_owner_leads(case: Case) -> Compared | None:
    """The others are made as the owner is. One who has never agreed leads only where the flow says so."""
    owner = case.rule.owner
    if owner is None or owner not in case.sides or owner in case.gone:
        return None
    if owner in case.unread:
        return Compared(Verdict.HELD, Reason.OWNER_UNREAD, open={owner: Reason.OWNER_UNREAD}, accepted=case.accepted)
    if case.shown(owner) is CLEARED:
        return _without_a_value(case, owner)
    if case.states[owner] is State.FRESH and not case.leads_at_first:
        return None
    return holds(case, owner, Reason.OWNER)


def _without_a_value(case: Case, owner: str) -> Compared | None:
    """An owner that is empty erases nothing: it is filled by what follows from the others, if all of them agree."""
    if case.states[owner] is State.CHANGED:
        return cleared(case, (owner,))
    values = case.valued(case.taking)
    if case.valued(case.those(State.FRESH)) and not case.all_same(values):
        return asked(Reason.FIRST, values)
    return None


def one_changed(case: Case) -> Compared | None:
    """One side changed it, or several alike: the others follow."""
    changed = differing(case)
    if not changed or not case.all_same(changed):
        return None
    if case.shown(changed[0]) is CLEARED:
        return cleared(case, changed)
    return holds(case, changed[0], Reason.CHANGED)


def what_is_owed(case: Case) -> Compared | None:
    """Nobody changed it, and one side doesn't hold yet what was agreed: it is written there, and nowhere else."""
    owed = case.those(State.OWED)
    if not owed or differing(case):
        return None
    for holder in case.those(State.UNCHANGED):
        if any(is_owed(case, name, holder) for name in owed):
            return holds(case, holder, Reason.OWED, only=owed)
    return None


def only_spelled_differently(case: Case) -> Compared | None:
    """Different hands typed the same: nobody is asked, nothing is written."""
    pairs = combinations(case.taking, 2)
    if case.those(State.OWED) or not all(case.same(*pair) or case.spelled(*pair) for pair in pairs):
        return None
    bases, restamped = case.news({name: case.as_read(name) for name in case.taking})
    return Compared(Verdict.ACCEPTED, Reason.SPELLING, bases=bases, restamped=restamped)


def several_changed(case: Case) -> Compared | None:
    """Unlike changes: a value is more than a clearing; of several values the flow's rule tells, or a person."""
    changed = differing(case)
    if not changed:
        return None
    valued = case.valued(changed)
    if len(valued) < len(changed) and case.clear is not Clear.KEEP:
        return asked(Reason.CLEARED, changed)
    if case.all_same(valued):
        return holds(case, valued[0], Reason.CHANGED)
    if case.type is FieldType.MONEY:
        return asked(Reason.MONEY, valued)
    if case.rule.conflicts is Conflicts.NEWEST:
        windows = {name: case.sides[name].window for name in valued}
        latest = newest(windows, [frozenset(other for other in valued if case.same(name, other)) for name in valued])
        if latest is not None:
            return holds(case, latest, Reason.NEWEST)
    if case.rule.conflicts is not Conflicts.ASK and case.rule.prefer in valued:
        return holds(case, case.rule.prefer, Reason.PREFERRED)
    return asked(Reason.CONFLICT, valued)


def nobody_changed_it(case: Case) -> Compared:
    """Sides that have never agreed, or whose agreement was lost: what is empty is filled, what is unlike is asked, and
    nothing is overwritten."""
    values = case.valued(case.taking)
    known = [name for name in values if case.states[name] is not State.FRESH and case.sides[name].writable]
    for agreed in (values, known):
        # A short side may fit two long ones that don't fit each other: it doesn't tell which of them holds.
        fitting = [name for name in values if agreed and case.same(name, agreed[0])]
        if fitting and case.all_same(agreed) and case.all_same(fitting):
            return holds(case, agreed[0], Reason.FILLED, only=())
    return asked(Reason.FIRST if case.those(State.FRESH) else Reason.DISAGREEMENT, values)


ROWS: tuple[Row, ...] = (
    fewer_than_two,
    nobody_shows_what_was_agreed,
    all_equal,
    an_accepted_difference,
    a_person_decided,
    the_owner_leads,
    one_changed,
    what_is_owed,
    only_spelled_differently,
    several_changed,
    nobody_changed_it,
)


# What the rows share


def differing(case: Case) -> tuple[str, ...]:
    """The sides that changed it. What the others agreed on while one of these couldn't be read, or wasn't written yet,
    is a change that it didn't know of."""
    changed = case.those(State.CHANGED)
    return tuple(sorted((*changed, *case.those(State.UNCHANGED)))) if unaware(case) else changed


def unaware(case: Case) -> tuple[str, ...]:
    """The sides that were edited before what the others had agreed on was ever written there."""
    bases = {name: case.sides[name].base for name in case.those(State.CHANGED)}
    return tuple(name for name, base in bases.items() if base and base.owed and base.owed.times == 0)


def is_owed(case: Case, name: str, holder: str) -> bool:
    """Whether what one side is owed is what another shows."""
    base = case.sides[name].base
    return base is not None and bool(
        case.printer.shows(base.prints, case.field, case.kept(name, case.shown(holder)), case.type)
    )


def asked(reason: Reason, sides: Iterable[str]) -> Compared:
    """A person has to say; bases stay."""
    return Compared(Verdict.ASKED, reason, open=dict.fromkeys(sides, reason))


def cleared(case: Case, sides: Collection[str]) -> Compared:
    """A value was cleared here. To keep it means that the others go on among themselves; once they have settled, the
    difference is an accepted one. Where a field has an owner, only the owner's clearing means anything."""
    if case.rule.owner in case.taking and case.rule.owner not in sides:
        return nobody_changed_it(case)
    if case.clear is Clear.ASK:
        return asked(Reason.CLEARED, sides)
    if case.clear is Clear.MIRROR:
        return holds(case, next(iter(sides)), Reason.CHANGED)
    others = compare_values(case.without(sides))
    if others.verdict.standing.is_open:
        return others
    bases, _ = case.news(dict(others.bases) | {name: case.as_read(name) for name in case.taking})
    return Compared(Verdict.ACCEPTED, Reason.KEPT, bases=bases, accepted=case.accept(AcceptedFor.KEPT, others.bases))


def holds(case: Case, winner: str, reason: Reason | None, only: Collection[str] | None = None) -> Compared:
    """One side's value holds: who is written, who stays apart, what each has agreed on.

    `only`: of the sides with a value those that may be written; empty ones always may.
    """
    source = fullest(case, winner)
    value = case.shown(source)
    writes: dict[str, Wanted] = {}
    bases: dict[str, FieldBase] = {}
    stay: dict[str, Reason] = {}
    accepted: dict[str, Reason] = {}
    for name in case.taking:
        apart = _apart(case, source, name, reason, only)
        if apart is None and not case.same(name, source):
            writes[name] = case.kept(name, value)
            bases[name] = case.owing(name, case.prints(writes[name]))
        elif apart is None or apart in _ACCEPTED:
            bases[name] = case.as_read(name)
            accepted |= {name: apart} if apart else {}
        else:
            stay[name] = apart
    if Reason.NARROW in stay.values() or (value is CLEARED and stay):
        # It isn't settled: whoever changed it has still changed it.
        bases = {name: base for name, base in bases.items() if case.states[name] is not State.CHANGED}
    else:
        bases |= owed_to_those_away(case, value)
    stored = any(why in (Reason.LEFT, Reason.KEPT) or case.accepted for why in accepted.values())
    difference = case.accepted if stored else case.still_accepted()
    if value is CLEARED and case.hidden:
        difference = case.accept(AcceptedFor.KEPT, bases)
    return concluded(case, reason, writes, bases, stay, accepted, difference)


_ACCEPTED = (Reason.READ_ONLY, Reason.SPELLING, Reason.LEFT, Reason.KEPT)


def _apart(case: Case, source: str, name: str, reason: Reason | None, only: Collection[str] | None) -> Reason | None:
    """Why one side isn't made as the source is; None where it is, or already was."""
    if case.same(name, source):
        return None
    state, target = case.states[name], case.sides[name]
    decided, empty = reason is Reason.DECIDED, isinstance(target.shown, Blank)
    if case.accepted is not None and case.excused(name, source) and not decided:
        return Reason(case.accepted.why)
    if not target.writable:
        return Reason.READ_ONLY if state is not State.FRESH or empty or decided else Reason.FIRST
    quiet = State.CHANGED not in (state, case.states[source]) and state is not State.OWED
    if quiet and case.spelled(name, source) and not decided:
        return Reason.SPELLING
    if state is State.FRESH and not (empty or decided or (reason is Reason.OWNER and case.leads_at_first)):
        return Reason.FIRST
    if only is not None and name not in only and not empty:
        return Reason.DISAGREEMENT
    if reason not in (Reason.OWNER, Reason.DECIDED) and case.narrow(source, name):
        return Reason.NARROW
    wanted = case.kept(name, case.shown(source))
    if (wanted is CLEARED and case.shown(source) is not CLEARED) or case.not_taken(name, case.prints(wanted)):
        return Reason.NOT_TAKEN
    return None


def concluded(
    case: Case,
    reason: Reason | None,
    writes: Mapping[str, Wanted],
    bases: Mapping[str, FieldBase],
    stay: Mapping[str, Reason],
    accepted: Mapping[str, Reason],
    difference: Accepted | None,
) -> Compared:
    """The verdict over all sides: what stays apart first, then what is written, then what may differ."""
    new, restamped = case.news(bases)
    known = not case.those(State.FRESH, State.CHANGED, State.OWED)
    if stay:
        verdict = Verdict.HELD if set(stay.values()) == {Reason.NOT_TAKEN} else Verdict.ASKED
        if not writes:
            reason = next(why for why in stay.values() if verdict is Verdict.HELD or why is not Reason.NOT_TAKEN)
    elif writes:
        verdict = Verdict.WRITES
    elif accepted:
        verdict, reason = Verdict.ACCEPTED, next(iter(accepted.values()))
    else:
        verdict, reason = Verdict.EQUAL if known else Verdict.CONVERGED, None
    return Compared(verdict, reason, writes, new, stay, difference, restamped and not writes)


def fullest(case: Case, winner: str) -> str:
    """Of the sides that hold what the winner holds, one whose value is no reduced image of another's: another side may
    have room for what the winner had to cut. One that has never agreed with the others stands for none of them."""
    stranger = case.states[winner] is State.FRESH
    agreed = [name for name in case.taking if stranger or case.states[name] is not State.FRESH]
    alike = [name for name in agreed if case.same(name, winner)]
    whole = [name for name in alike if not any(_is_image(case, name, other) for other in alike)]
    return max(
        whole or [winner],
        key=lambda name: (
            name == winner,
            case.states[name] is State.CHANGED,
            len(case.normal(case.shown(name)) or ""),
        ),
    )


def _is_image(case: Case, name: str, other: str) -> bool:
    """Whether a side shows less of what another shows: all that it can hold of it."""
    image, whole = case.normal(case.shown(name)), case.normal(case.shown(other))
    return image != whole and case.normal(case.kept(name, case.shown(other))) == image
