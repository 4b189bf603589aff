"""Failure maps: which row an answer falls under, and what a row makes of it; and that every vendor's holds together."""

from __future__ import annotations

import re
from typing import Any

import pytest

from svyazka.connectors.registry import CALLED, load_manifest
from svyazka.engine.contracts.failures import Case, FailureMap, Rule, outcome_of
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry, Succeeded, Unclear
from svyazka.model.reasons import Reason


def row(what: str, **more: Any) -> Rule:
    return Rule("refuse", Reason.OTHER, what, **more)


MAP = FailureMap(
    codes={17: row("code"), "seventeen": row("word")},
    phrases={(400, "no such number"): row("phrase"), (400, "number"): row("a later phrase")},
    statuses={400: row("status")},
    classes={range(500, 600): row("class"), range(1700, 1800): row("class of codes")},
    other=row("other {code}"),
)


@pytest.mark.parametrize(
    ("status", "code", "said", "found"),
    [
        (400, 17, "No such number", "code"),
        (500, "seventeen", None, "word"),
        (400, "unheard of", "There is NO SUCH NUMBER here", "phrase"),
        (400, None, "a number", "a later phrase"),
        (403, None, "no such number", "other {code}"),
        (400, None, None, "status"),
        (503, 18, "", "class"),
        (None, 1717, None, "class of codes"),
        (None, None, None, "other {code}"),
    ],
)
def test_the_code_decides_then_the_words_then_the_status_then_the_class(
    status: int | None, code: int | str | None, said: str | None, found: str
) -> None:
    assert MAP.rule_of(status, code, said).what == found


def test_each_row_can_be_walked_with_the_case_that_it_stands_for() -> None:
    assert [case for case, _ in MAP.rows()] == [
        Case(code=17), Case(code="seventeen"), Case(status=400, phrase="no such number"),
        Case(status=400, phrase="number"), Case(status=400),
    ]  # fmt: skip
    assert all(MAP.rule_of(case.status, case.code, case.phrase) is rule for case, rule in MAP.rows())


TOO_MUCH = Rule("retry", Reason.TOO_MUCH, "w", after=60)


@pytest.mark.parametrize(
    ("rule", "after", "outcome"),
    [
        (Rule("done", Reason.DUPLICATE, "w"), None, Succeeded(already=True, message="w")),
        (
            Rule("retry", Reason.TOO_MUCH, "w", after=60),
            5.0,
            Retry(code="c", message="w", after=60, reason=Reason.TOO_MUCH),
        ),
        (
            Rule("retry", Reason.TOO_MUCH, "w", after=60),
            600.0,
            Retry(code="c", message="w", after=600, reason=Reason.TOO_MUCH),
        ),
        (
            Rule("retry", Reason.OTHER, "w", outage=False, maybe_sent=True),
            None,
            Retry(code="c", message="w", outage=False, maybe_sent=True),
        ),
        (
            Rule("unclear", Reason.OUT_OF_SERVICE, "w", code="mine"),
            5.0,
            Unclear(code="mine", message="w", after=5, reason=Reason.OUT_OF_SERVICE),
        ),
        (
            Rule("block", Reason.NO_MONEY, "w", "do it"),
            None,
            Blocked(code="c", message="w", remedy="do it", reason=Reason.NO_MONEY),
        ),
        (
            Rule("refuse", Reason.OPT_OUT, "w"),
            None,
            Refused(code="c", message="w", opt_out=True, reason=Reason.OPT_OUT),
        ),
        (Rule("refuse", Reason.OTHER, "w {code}", "r"), None, Refused(code="c", message="w c", remedy="r")),
    ],
)
def test_what_a_row_makes_of_a_command(rule: Rule, after: float | None, outcome: Outcome) -> None:
    assert outcome_of(rule, "c", after=after) == outcome


RUSSIAN = re.compile(r"[А-я]{4}")


@pytest.mark.parametrize("vendor", CALLED)
def test_every_vendor_says_what_its_refusals_mean(vendor: str) -> None:
    """Who has to do something is told what, in Russian; what only the journal keeps is in English."""
    failures = load_manifest(vendor).failures
    assert failures is not None, f"{vendor}: manifest.py names no failures"
    for rule in failures.rules():
        assert rule.remedy or rule.do != "block", f"{vendor}: {rule.what}: somebody has to do something: what?"
        told = RUSSIAN.search(rule.what), RUSSIAN.search(rule.remedy or "")
        assert all(told) if rule.remedy else not any(told), f"{vendor}: {rule.what} / {rule.remedy}"
    assert all(failures.rule_of(case.status, case.code, case.phrase) is rule for case, rule in failures.rows())
