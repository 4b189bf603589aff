"""Failure maps: what a vendor's refusals mean, as one typed table. Pure.

A vendor's folder holds its table (`FAILURES` in `failures.py`), checked line by line against the vendor's page; what
all tables have in common stands here. Light to import: receipts are read by a table too, in webhook functions. What
reads an answer stands in `vendor_answers.py`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry, Succeeded, Unclear
from svyazka.model.reasons import Reason


@dataclass(frozen=True, slots=True)
class Rule:
    """One row: what it does to a command, why, and in which words.

    What a row with a remedy says is told to the business in an alert, so it is in Russian; the others stay in the
    journal. `{code}` in its words is filled with the vendor's own code.
    """

    do: Literal["done", "retry", "refuse", "block", "unclear"]
    reason: Reason
    what: str
    remedy: str | None = None
    after: float | None = None
    """`retry`: seconds to wait at least."""
    outage: bool = True
    """`retry`: the trouble is the connection's, not this one command's."""
    maybe_sent: bool = False
    """`retry`: the vendor itself asks to repeat, though it may have acted on the call."""
    code: str | None = None
    """What attempts are filed under where it isn't the vendor's own code."""


class Case(NamedTuple):
    """By what an answer is recognised: the vendor's own code, or an HTTP status and part of what is said with it."""

    code: int | str | None = None
    status: int | None = None
    phrase: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureMap:
    """What one vendor's refusals mean. The code decides, then the words, then the status, then the class of either."""

    codes: Mapping[int | str, Rule] = field(default_factory=dict)
    """By the vendor's own code."""
    phrases: Mapping[tuple[int, str], Rule] = field(default_factory=dict)
    """By an HTTP status and part of what the answer says, in lower case; the first that fits."""
    statuses: Mapping[int, Rule] = field(default_factory=dict)
    """By the HTTP status."""
    classes: Mapping[range, Rule] = field(default_factory=dict)
    """By the class of a status, or of a code, that has no row of its own; the first that fits."""
    special: Mapping[str, Rule] = field(default_factory=dict)
    """By what only the vendor's folder can tell: the case in words -> the row."""
    other: Rule
    """What nothing above fits."""

    def rule_of(self, status: int | None = None, code: int | str | None = None, said: str | None = None) -> Rule:
        """The row for an answer."""
        if code is not None and code in self.codes:
            return self.codes[code]
        words = (said or "").casefold()
        by_words = (rule for (wanted, phrase), rule in self.phrases.items() if wanted == status and phrase in words)
        by_class = (rule for every, rule in self.classes.items() if code in every or status in every)
        found = next(by_words, None) or (self.statuses.get(status) if status is not None else None)
        return found or next(by_class, self.other)

    def rows(self) -> Iterator[tuple[Case, Rule]]:
        """Every row that stands for one answer of the vendor's, in the order in which they are looked through."""
        yield from ((Case(code=code), rule) for code, rule in self.codes.items())
        yield from ((Case(status=status, phrase=phrase), rule) for (status, phrase), rule in self.phrases.items())
        yield from ((Case(status=status), rule) for status, rule in self.statuses.items())

    def rules(self) -> Iterator[Rule]:
        """Every row."""
        yield from (rule for _, rule in self.rows())
        yield from (*self.classes.values(), *self.special.values(), self.other)


def outcome_of(rule: Rule, code: str, *, message: str | None = None, after: float | None = None) -> Outcome:
    """What a row means for a command. `message`: what is told in place of the row's words; `after`: seconds for
    which the vendor asks us to wait."""
    name, words = rule.code or code, message or words_of(rule, code)
    waits = [wait for wait in (rule.after, after) if wait is not None]
    match rule.do:
        case "done":
            return Succeeded(already=True, message=words)
        case "retry":
            return Retry(
                code=name, message=words, after=max(waits, default=None), outage=rule.outage,
                maybe_sent=rule.maybe_sent, reason=rule.reason,
            )  # fmt: skip
        case "unclear":
            after = max(waits, default=None)
            return Unclear(code=name, message=words, after=after, outage=rule.outage, reason=rule.reason)
        case "block":
            return Blocked(code=name, message=words, remedy=rule.remedy or "", reason=rule.reason)
        case "refuse":
            opt_out = rule.reason is Reason.OPT_OUT
            return Refused(code=name, message=words, opt_out=opt_out, remedy=rule.remedy, reason=rule.reason)


def words_of(rule: Rule, code: str) -> str:
    """A row's words, with the vendor's code where they have a place for it."""
    return rule.what.format(code=code) if "{code}" in rule.what else rule.what
