"""What holds for any number of systems, whatever they hold and held."""

from __future__ import annotations

import random
from collections.abc import Callable

from hypothesis import given, note
from hypothesis import strategies as st
from world_of_sides import PHONES, TAGS, TEXTS, System, World, cut, printer, some

from svyazka.engine.comparing.case import Case, State
from svyazka.engine.comparing.compare import compare_record
from svyazka.engine.comparing.fields import Clear, Conflicts, FieldRule, First, Reason, Verdict
from svyazka.engine.comparing.normalising import SET_TYPES, field_type
from svyazka.model.bases import FieldBase
from svyazka.model.records import CLEARED, UNREAD, Shown, Value

NAMES = ("crm", "salon", "till", "file")
FIELDS = ("about", "name", "price", "phone", "tags")

KEEPS: dict[str, Callable[[Value], Value]] = {
    "all": lambda value: value,
    "short": cut(5),
    "longer": cut(8),
    "small": lambda value: value.lower() if isinstance(value, str) else value,
}

texts = st.sampled_from((*TEXTS, CLEARED))
amounts = st.sampled_from(("100", "250.5", "999", CLEARED))


def sets(of: tuple[str, ...]) -> st.SearchStrategy[Shown]:
    return st.lists(st.sampled_from(of), max_size=3, unique=True).map(lambda found: tuple(found) or CLEARED)


def values(field: str, one_value: bool = False) -> st.SearchStrategy[Shown]:
    """What a person can put into a field."""
    if field_type(field) not in SET_TYPES:
        return amounts if field == "price" else texts
    of = PHONES if field == "phone" else TAGS
    return sets(of) if not one_value else st.sampled_from((CLEARED, *((one,) for one in of)))


def rules(names: tuple[str, ...]) -> st.SearchStrategy[FieldRule]:
    return st.builds(
        FieldRule,
        owner=st.sampled_from((None, None, *names)),
        clear=st.sampled_from(Clear),
        conflicts=st.sampled_from(Conflicts),
        prefer=st.sampled_from(names),
        first=st.sampled_from(First),
    )


@st.composite
def worlds(draw: st.DrawFn, *, unread: bool = True, agreed: bool | None = None) -> World:
    """Two to four systems, in any state of agreement with what they showed before."""
    names = NAMES[: draw(st.integers(2, 4))]
    fields = draw(st.lists(st.sampled_from(FIELDS), min_size=1, max_size=2, unique=True))
    systems: dict[str, System] = {}
    for name in names:
        one_value = frozenset({"phone"} if draw(st.booleans()) else ())
        keeps = KEEPS[draw(st.sampled_from(tuple(KEEPS)))]
        system = System({}, keeps, one_value, read_only=name == "file" and draw(st.booleans()))
        for field in fields:
            system.holds[field] = kept(system, draw(values(field, field in one_value)))
            base = draw(values(field, field in one_value))
            if agreed or (agreed is None and draw(st.booleans())):
                system.bases[field] = FieldBase(prints=printer().prints(field, kept(system, base)))
        system.unread = unread and draw(st.integers(0, 5)) == 0
        systems[name] = system
    world = World(systems, {field: draw(rules(names)) for field in fields})
    note(repr(world))
    return world


def kept(system: System, shown: Shown) -> Shown:
    """As it would stand in that system."""
    return (
        tuple(str(system.keeps(one)) for one in shown)
        if isinstance(shown, tuple)
        else (shown if not isinstance(shown, str) else system.keeps(shown))
    )


@given(worlds(), st.randoms(use_true_random=False))
@some(25)
def test_neither_the_order_of_sides_nor_of_fields_matters(world: World, chance: random.Random) -> None:
    sides = {name: system.side() for name, system in world.systems.items()}
    mixed = dict(sorted(sides.items(), key=lambda _: chance.random()))
    turned = dict(reversed(world.rules.items()))
    assert dict(compare_record(mixed, turned, world.printer).fields) == dict(world.compared().fields)


@given(worlds())
@some(60)
def test_a_second_run_over_unchanged_sides_writes_nothing_and_stores_nothing(world: World) -> None:
    world.round()
    assert world.round() == 0
    again = world.compared()
    assert [one for one in again.fields.values() if one.bases] == []


@given(worlds())
@some(40)
def test_each_written_value_is_some_sides_as_the_other_keeps_it_and_what_is_unread_is_never_written(
    world: World,
) -> None:
    compared = world.compared()
    for name, field in compared.fields.items():
        shown = {side: one.fields.get(name, UNREAD) for side, one in compared.sides.items()}
        for side, written in field.writes.items():
            system = world.systems[side]
            assert not system.unread
            assert not system.read_only
            elements = written if isinstance(written, tuple) else (written,)
            known = [one for other in shown.values() for one in (other if isinstance(other, tuple) else (other,))]
            assert all(
                element is CLEARED or element in (known + [system.keeps(one) for one in known if isinstance(one, str)])
                for element in elements
            )


@given(worlds())
@some(40)
def test_nothing_that_changed_is_overwritten_but_by_the_owner_or_a_rule(world: World) -> None:
    compared = world.compared()
    for name, field in compared.fields.items():
        if field_type(name) in SET_TYPES:
            continue
        seen = {side: one.seen(name) for side, one in compared.sides.items()}
        states = Case(name, field_type(name), seen, world.rules[name], world.printer).states
        for side, written in field.writes.items():
            if states[side] is State.CHANGED and seen[side].shown is not CLEARED:
                assert field.reason in (Reason.OWNER, Reason.NEWEST, Reason.PREFERRED)
            assert written is not CLEARED or world.rules[name].clear is Clear.MIRROR


@given(worlds())
@some(40)
def test_whoever_has_lost_all_bases_writes_only_where_nothing_stands(world: World) -> None:
    for system in world.systems.values():
        system.bases = {}
    compared = world.compared()
    for name, field in compared.fields.items():
        if world.rules[name].first is First.OWNER:
            continue
        for side, written in field.writes.items():
            shown = world.systems[side].holds[name]
            held = shown if isinstance(shown, tuple) else ()
            assert shown is CLEARED or (isinstance(written, tuple) and set(held) <= set(written))


@given(worlds())
@some(30)
def test_a_field_in_dispute_holds_up_no_other(world: World) -> None:
    sides = {name: system.side() for name, system in world.systems.items()}
    apart = {name: compare_record(sides, {name: rule}, world.printer) for name, rule in world.rules.items()}
    assert dict(world.compared().fields) == {name: one.fields[name] for name, one in apart.items()}


edits = st.tuples(
    st.sampled_from(NAMES),
    st.sampled_from(("edit", "deliver", "down", "up", "silent", "proving", "deleted", "restored")),
    st.integers(0, 5),
)


@given(worlds(unread=False), st.lists(edits, max_size=12), st.data())
@some(80)
def test_after_any_storm_writes_end_within_as_many_rounds_as_there_are_sides(
    world: World, storm: list[tuple[str, str, int]], data: st.DataObject
) -> None:
    for side, what, number in storm:
        system = world.systems.get(side)
        if system is None:
            continue
        if what == "edit":
            field = list(system.holds)[number % len(system.holds)]
            system.holds[field] = kept(system, data.draw(values(field, field in system.one_value)))
        elif what == "deliver":
            world.deliver(side)
        elif what in ("down", "up"):
            system.unread = what == "down"
        elif what in ("deleted", "restored"):
            system.gone = what == "deleted"
        else:
            system.proves = what == "proving"
    for system in world.systems.values():
        system.unread = system.gone = False
    rounds = 0
    while world.round():
        rounds += 1
        assert rounds <= len(world.systems)
    for name, field in world.compared().fields.items():
        assert field.verdict in (Verdict.EQUAL, Verdict.ACCEPTED, Verdict.ASKED), (name, field)
        assert not field.bases
        if field.verdict is Verdict.EQUAL:
            assert_equal(world, name)


def assert_equal(world: World, name: str) -> None:
    """What is called equal is."""
    listed = list(world.systems.values())
    for one in listed:
        for other in listed:
            ours, theirs = one.holds[name], other.holds[name]
            if isinstance(ours, tuple) and isinstance(theirs, tuple):
                if not (one.one_value or other.one_value):
                    assert {other.keeps(x) for x in ours} == {one.keeps(x) for x in theirs}
                elif one.one_value and not other.one_value:
                    assert {other.keeps(x) for x in ours} <= {one.keeps(x) for x in theirs}, "a view shows one of them"
            else:
                assert kept(other, ours) == kept(one, theirs)


@given(worlds(unread=False, agreed=True), st.data())
@some(40)
def test_one_edit_after_the_other_reaches_every_side_and_nobody_is_asked(world: World, data: st.DataObject) -> None:
    """Also while one of the sides is down for some of them."""
    for field in list(world.rules):
        world.rules[field] = FieldRule()
        for system in world.systems.values():
            system.read_only, system.keeps = False, KEEPS["all"]
            start = ("+79990000199",) if field == "phone" else "start"
            system.holds[field] = start if field != "tags" else ("start",)
            system.bases[field] = FieldBase(prints=printer().prints(field, system.holds[field]))
    away = data.draw(st.sampled_from(list(world.systems)))
    world.systems[away].unread = len(world.systems) > 2
    field = data.draw(st.sampled_from(list(world.rules)))
    last: Shown = CLEARED
    for editor in data.draw(st.lists(st.sampled_from([name for name in world.systems if name != away]), max_size=4)):
        system = world.systems[editor]
        last = data.draw(values(field, field in system.one_value).filter(lambda one: one is not CLEARED))
        system.holds[field] = last
        world.round()
        assert not world.compared().open
    world.systems[away].unread = False
    world.round()
    compared = world.compared()
    assert not compared.open
    assert compared.fields[field].verdict in (Verdict.EQUAL, Verdict.ACCEPTED)
    if isinstance(last, str):
        assert set(world.shown(field).values()) == {last}
