"""Failure maps: what a vendor's refusals mean, as one typed table, and the reading of an answer by it. Pure.

A vendor's folder holds its table (`FAILURES` in `failures.py`), checked line by line against the vendor's page; what
all tables have in common stands here. Light to import: receipts are read by a table too, in webhook functions.

A status is believed only in the vendor's own shape of answer: a proxy, a firewall or an operator's page may speak in
its place. Such a page with 403 says nothing of a key, and one with 404 nothing of a chat: what is wrong is the way,
and it is tried again when that may have been mended (`on_the_way`).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from http import HTTPStatus
from typing import TYPE_CHECKING, Literal, NamedTuple

from svyazka.catalogue import N_
from svyazka.engine.contracts.untrusted import Section, section
from svyazka.engine.rules.retry import parse_retry_after
from svyazka.model.errors import SourceUnavailable
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry, Succeeded, Unclear

if TYPE_CHECKING:
    import httpx


class Reason(StrEnum):
    """Why, in words that statistics and people share, whatever the vendor calls it."""

    NO_MONEY = "no_money"
    """The account has to be topped up, paid for or given a larger plan."""
    NO_ACCESS = "no_access"
    """A key, a token or a right is missing, wrong or at its end."""
    ACCOUNT = "account"
    """The account itself isn't confirmed, or is suspended."""
    SETTING = "setting"
    """Something is switched off, not chosen or wrong, at the vendor or in the tenant file."""
    SENDER = "sender"
    """The sender's name, number or domain isn't approved."""
    BAD_ADDRESS = "bad_address"
    """The recipient can't be reached at this address."""
    OPT_OUT = "opt_out"
    """The recipient doesn't want any messages: no further one is sent to this address."""
    BAD_CONTENT = "bad_content"
    """The text, the template or a file isn't taken."""
    BAD_REQUEST = "bad_request"
    """The vendor doesn't take our request: most often a mistake of ours."""
    TOO_MUCH = "too_much"
    """A limit of calls or messages is used up."""
    NOT_FOUND = "not_found"
    """The object doesn't exist."""
    CONFLICT = "conflict"
    """Somebody else has changed or taken it, or is about to."""
    DUPLICATE = "duplicate"
    """It has been done already."""
    OUT_OF_SERVICE = "out_of_service"
    """The vendor, or what stands behind it, fails or is silent."""
    OTHER = "other"


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
                maybe_sent=rule.maybe_sent,
            )  # fmt: skip
        case "unclear":
            return Unclear(code=name, message=words, after=max(waits, default=None), outage=rule.outage)
        case "block":
            return Blocked(code=name, message=words, remedy=rule.remedy or "")
        case "refuse":
            opt_out = rule.reason is Reason.OPT_OUT
            return Refused(code=name, message=words, opt_out=opt_out, remedy=rule.remedy)


def words_of(rule: Rule, code: str) -> str:
    """A row's words, with the vendor's code where they have a place for it."""
    return rule.what.format(code=code) if "{code}" in rule.what else rule.what


class VendorFailure(SourceUnavailable):
    """A vendor couldn't or wouldn't answer a question; `outcome` says what to make of it."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome: Outcome = outcome
        super().__init__(getattr(outcome, "message", None) or outcome.kind)

    @property
    def code(self) -> str | None:
        """The code of its outcome: that of the row, or the vendor's own."""
        return getattr(self.outcome, "code", None)


def json_object(response: httpx.Response) -> Section:
    """The answer's object; an empty one for anything else (a wrong address answers in plain text)."""
    try:
        return section(json.loads(response.content))
    except (ValueError, RecursionError):
        return section(None)


def retry_after(response: httpx.Response) -> float | None:
    """Seconds that `Retry-After` asks for, in either of its forms."""
    return parse_retry_after(response.headers.get("retry-after"), datetime.now(UTC))


def on_the_way(response: httpx.Response, vendor: str) -> Retry | Unclear:
    """What an answer means that isn't the vendor's own: a 3xx or 4xx turned the call away; anything else may have
    passed it on before."""
    status, after = response.status_code, retry_after(response)
    if turned_away(status):
        code = "429" if status == HTTPStatus.TOO_MANY_REQUESTS else f"http_{status}"
        message = N_(
            "something on the way answered {status} in place of {vendor}: see base_url, proxies and firewalls"
        ).format(status=status, vendor=vendor)
        return Retry(code=code, message=message, after=after)
    message = N_(
        "expected {vendor}'s own answer, got something else with {status}: it may have been passed on before"
    ).format(vendor=vendor, status=status)
    return Unclear(code=f"http_{status}", message=message, after=after)


def turned_away(status: int) -> bool:
    """Whether a status says that the call went no further; a 408 doesn't."""
    return 300 <= status < 500 and status != HTTPStatus.REQUEST_TIMEOUT
