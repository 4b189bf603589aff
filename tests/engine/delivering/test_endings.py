"""Every end of a delivery goes through one function: whatever is to follow from an end hangs there."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import svyazka.engine
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.transition import Transition, replace_delivery
from svyazka.model.commands import Guards, Repeat, SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import AT_REST, FINAL, Delivery, Status

ENGINE = Path(svyazka.engine.__file__).parent

ENDED_BY = {
    "delivering/admission.py:_stopped",  # guards, expiry, a flow or tenant that is gone, giving way to the next channel
    "delivering/attempts.py:_give_up_waiting",  # no receipt in time
    "delivering/attempts.py:_looked_before",  # what goes before it in its plan failed, or took too long
    "delivering/lanes.py:_taken_away",  # superseded
    "delivering/recording.py:_record",  # settled
    "delivering/recording.py:_merged_late",
    "delivering/recording.py:record_lost",  # its worker was lost
    "in_step/preparing.py:_ended",  # systems agree already, or nothing is to be made there
    "operating/resolve.py:_commit_resolved",
    "paying/giving_way.py:give_way",  # no link by now, and somebody waits
    "paying/looking.py:_found_out",  # its provider was asked what had become of it
    "paying/receipts_by_hand.py:registered",  # somebody says it was registered otherwise
    "paying/subscription_words.py:_called_off",  # a charge that nobody has begun, of a subscription that is cancelled
    "planning/planner.py:_in_order",  # what goes before it had failed when it was planned
    "planning/receipts.py:apply",
    "telling/undelivered.py:_rerouted",
    "upkeep/forget.py:delivery",
}
"""Every way in which a delivery may end. A new one belongs here and calls `ended`."""

ENDS = {"stopped", "settled", "merged", "receipt_settles", "looked", "found_equal"}
"""Rules whose answer may have ended. Whoever calls them must hand it to `ended`."""


def calls(name: str) -> Iterator[tuple[str, str]]:
    """Where in the engine a function of this name is called: file and function."""
    for path in ENGINE.rglob("*.py"):
        for function in ast.walk(ast.parse(path.read_text())):
            if not isinstance(function, ast.FunctionDef | ast.AsyncFunctionDef):
                continue
            for node in ast.walk(function):
                called = node.func if isinstance(node, ast.Call) else None
                found = called.id if isinstance(called, ast.Name) else getattr(called, "attr", None)
                if found == name:
                    yield path.relative_to(ENGINE).as_posix(), function.name


def places(name: str) -> set[str]:
    return {f"{path}:{function}" for path, function in calls(name)}


def test_the_ways_to_end_are_these_and_each_goes_through_the_one_function() -> None:
    assert places("ended") == ENDED_BY


def test_whoever_asks_a_rule_that_ends_deliveries_hands_its_answer_over() -> None:
    asking = {place for name in ENDS for place in places(name) if not place.startswith("rules/")}
    elsewhere = {"operating/resolve.py:resolve_delivery", "in_step/ready.py:_agreed"}
    assert asking - ENDED_BY == elsewhere, "the one hands it to `_commit_resolved`, the other settles a comparison"


def test_nobody_else_writes_a_delivery_past_it() -> None:
    assert places("hears") | places("orphaned") == {"journal/sequences.py:those_after", "journal/sequences.py:looked"}
    assert places("those_after") == {"journal/transition.py:ended"}
    flagged = [path for path in ENGINE.rglob("*.py") if "seen_to=True" in path.read_text()]
    assert [path.name for path in flagged] == ["transition.py"]
    with pytest.raises(TypeError, match=r"transition[.]replace_delivery"):
        journal.replace(delivery(Status.PENDING), "1")


def delivery(status: Status) -> Delivery:
    return Delivery(
        id="dlv_1", event="evt_1", tenant="kofe", flow="notify", step="notify/sms", connection="sms", vendor="sms",
        subject="order:1", command=SendMessage(to=Contact(phone="+79991234567"), text="Спасибо!"),
        repeat=Repeat.UNSAFE, guards=Guards(), created_at="2026-03-14T12:00:00Z", base_at="2026-03-14T12:00:00Z",
        status=status,
    )  # fmt: skip


@pytest.mark.parametrize("status", list(Status))
def test_an_end_that_goes_past_it_is_refused_where_it_would_be_written(status: Status) -> None:
    held = Versioned(delivery(Status.PENDING), "1")
    if status in AT_REST:
        with pytest.raises(ValueError, match="past `ended`"):
            Transition(delivery(status))
        with pytest.raises(ValueError, match="ended`: nothing would follow"):
            replace_delivery(held, delivery(status))
    else:
        assert Transition(delivery(status)).over("1") == [replace_delivery(held, delivery(status))]
    replace_delivery(Versioned(delivery(status), "1"), delivery(status))  # what had ended may still be blanked
    assert FINAL | {Status.UNKNOWN} == AT_REST
