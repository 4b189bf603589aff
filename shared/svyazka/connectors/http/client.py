"""Calls out: what goes over the wire, and what each answer means."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from svyazka.catalogue import N_
from svyazka.connectors.http.schema import HttpSettings, Unanswered, look
from svyazka.engine.contracts.untrusted import storable
from svyazka.engine.rules.retry import parse_retry_after
from svyazka.engine.security.standardwebhooks import signed_headers
from svyazka.model.commands import Forward
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry, Succeeded

ABORT = "abort-message"
"""`webhook-delivery` of an answer that wants this message no more (Svix's extension)."""


@dataclass(frozen=True, slots=True)
class Rule:
    """What an answer means for us."""

    do: Literal["done", "retry", "block"]
    what: str
    outage: bool = True
    """The trouble is the endpoint's, not this one message's."""
    remedy: str = ""


AUTHORISE = N_("the endpoint doesn't let us in: check `authorization` and the signing secret")

STATUSES: dict[int, Rule] = {
    401: Rule("retry", AUTHORISE),
    403: Rule("retry", AUTHORISE),
    404: Rule("retry", N_("there is nothing at this address: check `url`")),
    410: Rule(
        "block", N_("получатель больше не принимает сообщения"),
        remedy=N_("Уберите подключение из файла или впишите в `url` новый адрес"),
    ),
    429: Rule("retry", N_("the endpoint asks for fewer messages")),
}  # fmt: skip
"""What an endpoint refuses today it may take once it is mended, so even a 400 is repeated until the horizon
(Standard Webhooks)."""

CLASSES: dict[int, Rule] = {
    2: Rule("done", "taken"),
    3: Rule("retry", N_("the address redirects, which is never followed: set `url` to where it leads")),
    4: Rule("retry", N_("the endpoint doesn't take this message"), outage=False),
    5: Rule("retry", N_("the endpoint failed")),
}
OTHER = Rule("retry", N_("the endpoint answered with no status that HTTP knows"))


def rule_of(status: int) -> Rule:
    """The row for a status."""
    return STATUSES.get(status) or CLASSES.get(status // 100, OTHER)


def outcome_of(status: int, headers: Mapping[str, str], now: datetime) -> Outcome:
    """What an answer means; header names in lower case. `now`: real time, for a Retry-After that is a date."""
    rule = rule_of(status)
    code = str(status)
    if rule.do == "done":
        return Succeeded()
    if headers.get("webhook-delivery", "").strip().lower() == ABORT:
        return Refused(
            code=code,
            message=N_("the endpoint wants this message no more ({status}, {ABORT})").format(
                status=status, ABORT=ABORT
            ),
        )
    message = f"{rule.what} ({status})"
    if rule.do == "block":
        return Blocked(code=code, message=message, remedy=rule.remedy)
    after = parse_retry_after(headers.get("retry-after"), now)
    return Retry(code=code, message=message, after=after, outage=rule.outage)


def body_of(command: Forward, settings: HttpSettings) -> bytes:
    """The message's very bytes: minified JSON. Raises Unanswered where `body` can't be applied."""
    stamp = command.occurred_at.isoformat().replace("+00:00", "Z")
    whole: object = {"type": command.type, "timestamp": stamp, "data": command.payload}
    if settings.body is not None:
        whole = storable(look(settings.body, whole))
        if whole is None:
            raise Unanswered(N_("{body} makes nothing of it").format(body=settings.body))
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()


def headers_of(settings: HttpSettings, message: str, timestamp: int, body: bytes) -> dict[str, str]:
    """The message's headers, signed where a secret is set. Raises ConfigError for one that can't sign."""
    headers = {"Content-Type": "application/json", **settings.headers}
    if settings.authorization:
        headers["Authorization"] = settings.authorization
    if settings.outbound_secret:
        return {**headers, **signed_headers(settings.outbound_secret, message, timestamp, body)}
    # The id tells a receiver of a repeat even where nothing is signed.
    return {**headers, "webhook-id": message, "webhook-timestamp": str(timestamp)}
