"""What an endpoint's answers mean: statuses as a table. Pure.

What an endpoint refuses today it may take once it is mended, so even a 400 is repeated until the horizon (Standard
Webhooks).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from svyazka.catalogue import N_
from svyazka.engine.contracts.failures import FailureMap, Rule, outcome_of
from svyazka.engine.contracts.untrusted import Section
from svyazka.engine.rules.retry import parse_retry_after
from svyazka.model.outcomes import Outcome, Refused, Retry, Succeeded
from svyazka.model.reasons import Reason

ABORT = "abort-message"
"""`webhook-delivery` of an answer that wants this message no more (Svix's extension)."""

_AUTHORISE = Rule(
    "retry", Reason.NO_ACCESS, N_("the endpoint doesn't let us in: check `authorization` and the signing secret")
)

FAILURES = FailureMap(
    statuses={
        401: _AUTHORISE,
        403: _AUTHORISE,
        404: Rule("retry", Reason.SETTING, N_("there is nothing at this address: check `url`")),
        410: Rule(
            "block",
            Reason.SETTING,
            N_("получатель больше не принимает сообщения"),
            N_("Уберите подключение из файла или впишите в `url` новый адрес"),
        ),
        429: Rule("retry", Reason.TOO_MUCH, N_("the endpoint asks for fewer messages")),
    },
    classes={
        range(300, 400): Rule(
            "retry",
            Reason.SETTING,
            N_("the address redirects, which is never followed: set `url` to where it leads"),
        ),
        # One message's trouble.
        range(400, 500): Rule("retry", Reason.BAD_CONTENT, N_("the endpoint doesn't take this message"), outage=False),
        range(500, 600): Rule("retry", Reason.OUT_OF_SERVICE, N_("the endpoint failed")),
    },
    other=Rule("retry", Reason.OUT_OF_SERVICE, N_("the endpoint answered with no status that HTTP knows")),
)

OF_ONE_CARD = FailureMap(
    statuses={
        400: Rule("refuse", Reason.BAD_REQUEST, N_("the system doesn't take the data")),
        403: Rule("refuse", Reason.NO_ACCESS, N_("the system doesn't show us this card")),
        404: Rule("refuse", Reason.NOT_FOUND, N_("the system has no such card")),
        409: Rule("refuse", Reason.CONFLICT, N_("the system has another card with these data")),
        410: Rule("refuse", Reason.NOT_FOUND, N_("the card is deleted there")),
        422: Rule("refuse", Reason.BAD_REQUEST, N_("the system doesn't take the data")),
    },
    other=Rule("refuse", Reason.OTHER, N_("the system refuses the request")),
)
"""What a system that keeps cards says of the data, or of one card: repeated, it says the same."""

CHANGED_MEANWHILE = 412


def refused(status: int, answer: Section, after: float | None, *, of_one: bool, of_data: bool) -> Outcome:
    """What a refusal of a system that keeps cards means, in its own shape: `{"error": ...}`. What it says in words may
    name a client and isn't passed on; the names of fields are. `of_data`: data were sent."""
    if status == CHANGED_MEANWHILE:
        # Counted as a failure: there is no end to it where a system says so of whatever version it has shown.
        message = N_("somebody has just changed it")
        return Retry(code="changed_meanwhile", message=message, outage=False, reason=Reason.CONFLICT)
    of_data = of_data and status in (400, 409, 422)
    table = OF_ONE_CARD if of_data or (of_one and status in OF_ONE_CARD.statuses) else FAILURES
    rule = table.rule_of(status)
    given = answer.get("fields")
    names = ", ".join(str(name)[:40] for name in given[:5]) if of_data and isinstance(given, list) else ""
    return outcome_of(rule, str(status), message=f"{rule.what}: {names}" if names else rule.what, after=after)


def answered(status: int, headers: Mapping[str, str], now: datetime) -> Outcome:
    """What an answer means; header names in lower case. `now`: real time, for a Retry-After that is a date."""
    if 200 <= status < 300:
        return Succeeded()
    if headers.get("webhook-delivery", "").strip().lower() == ABORT:
        return Refused(
            code=str(status),
            message=N_("the endpoint wants this message no more ({status}, {ABORT})").format(
                status=status, ABORT=ABORT
            ),
        )
    rule = FAILURES.rule_of(status)
    after = parse_retry_after(headers.get("retry-after"), now) if rule.do == "retry" else None
    return outcome_of(rule, str(status), message=f"{rule.what} ({status})", after=after)
