"""References of a command to what an earlier step makes: found and filled in at any depth."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from svyazka.model.base import Stored
from svyazka.model.commands import STAGES_MOST, Plan, Repeat, SendMessage, Stage, Step
from svyazka.model.contacts import Contact
from svyazka.model.errors import NothingMade
from svyazka.model.references import Existing, Produced, Ref, Result, filled, given, results_in


class Link(Stored):
    kind: str
    to: Ref


class Put(Stored):
    of: Ref | None = None
    links: tuple[Link, ...] = ()
    on: Ref = Existing(id="1")
    title: str = "a"


CONTACT = Result(step="intake/crm/contact")
MADE = {"intake/crm/contact": (Produced(kind="contact", id="77"), Produced(kind="company", id="78"))}


def of(made: dict[str, tuple[Produced, ...]], command: Put) -> Put:
    return filled(command, lambda result: result.among(made.get(result.step, ())))


def test_results_are_found_and_filled_in_wherever_they_stand() -> None:
    put = Put(of=CONTACT, links=(Link(kind="contact", to=CONTACT), Link(kind="deal", to=Existing(id="5"))), on=CONTACT)
    assert list(results_in(put)) == [CONTACT] * 3
    done = of(MADE, put)
    assert list(results_in(done)) == []
    assert done.of is not None
    assert (given(done.of), given(done.links[0].to), given(done.links[1].to), given(done.on)) == ("77", "77", "5", "77")
    assert Put.model_validate_json(put.model_dump_json()) == put, "stored and read again it is the same"


@pytest.mark.parametrize(
    ("made", "found"),
    [(None, "77"), ("contact", "77"), ("company", "78"), ("deal", None)],
)
def test_a_step_that_makes_several_is_asked_by_kind(made: str | None, found: str | None) -> None:
    assert Result(step="s", made=made).among(MADE["intake/crm/contact"]) == found
    assert Result(step="s", made=made).among((Produced(kind="", id="9"),)) == "9", "an id of which no kind was said"


def test_what_isnt_needed_falls_away_and_what_is_says_so() -> None:
    maybe = Result(step="x", needed=False)
    link = Link(kind="contact", to=maybe)
    assert of({}, Put(of=maybe, links=(link, Link(kind="deal", to=Existing(id="5"))))) == Put(
        links=(Link(kind="deal", to=Existing(id="5")),)
    )
    for command in (Put(of=CONTACT), Put(on=maybe), Put(links=(Link(kind="contact", to=CONTACT),))):
        with pytest.raises(NothingMade):
            of({}, command)
    with pytest.raises(TypeError, match="was not filled in"):
        given(CONTACT)


def stage(name: str, connection: str = "crm", **given: object) -> Stage:
    command = SendMessage(to=Contact(phone="+79991234567"), text="a")
    step = Step(name=name, connection=connection, vendor="amocrm", command=command, repeat=Repeat.IDEMPOTENT)
    return Stage.model_validate({"step": step, **given})


def test_a_stage_goes_after_the_one_before_it_or_those_that_it_names() -> None:
    plan = Plan(subject="s", stages=(stage("a"), stage("b"), stage("c", after=("a",)), stage("d", after=())))
    assert [plan.before(one) for one in plan.stages] == [(), ("a",), ("a",), ()]


@pytest.mark.parametrize(
    ("stages", "why"),
    [
        ((), "1 to 10 stages"),
        (tuple(stage(str(n)) for n in range(STAGES_MOST + 1)), "got 11"),
        ((stage("a"), stage("a")), "a twice"),
        ((stage("a", after=("b",)), stage("b")), "no earlier stage"),
    ],
)
def test_a_plan_without_an_order_is_refused(stages: tuple[Stage, ...], why: str) -> None:
    with pytest.raises(ValidationError, match=why):
        Plan(subject="s", stages=stages)
