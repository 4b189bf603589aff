"""Calls to White Server API v2: JSON-RPC over one address; the HTTP status is always 200.

The restaurant's agent may be silent for minutes. A call here asks for an answer within seconds, and planning
comes again later: no worker waits for a till that is off.
"""

from __future__ import annotations

from datetime import UTC, datetime

from svyazka.catalogue import N_
from svyazka.connectors.rkeeper.client import (
    CREDENTIALS,
    OTHER_5XX,
    RKeeperFailure,
    RKeeperSettings,
    host,
    outcome_of,
    white_server_rule,
)
from svyazka.connectors.rkeeper.events import Order
from svyazka.connectors.rkeeper.schema import section
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.untrusted import Section, text
from svyazka.engine.rules.retry import parse_retry_after
from svyazka.model.outcomes import Blocked, Refused, Retry

ADDRESS = "/wsserverlp/api/v2/aggregators/Create"

AGENT_TIMEOUT = 8
"""Seconds that White Server may wait for the restaurant's agent (its own default is 120)."""

CALL_TIMEOUT = AGENT_TIMEOUT + 10.0
SYSTEMS = ("agentError", "rkError", "shError", "wsError")
"""Where an error's codes stand, the innermost system first. Codes are declared as numbers and seen as words."""


async def order(call: Call[RKeeperSettings], wanted: Order) -> Section | None:
    """An order as its till has it now; None when White Server knows none of that GUID.

    Raises RKeeperFailure, NotSent, MaybeSent.
    """
    try:
        answer = await ask(call, "GetOrder", wanted.object_id, orderGuid=wanted.guid)
    except RKeeperFailure as failure:
        if isinstance(failure.outcome, Refused) and failure.outcome.code == "NotFound":
            return None
        raise
    found = section(answer, "taskResponse", "order")
    if not found:
        raise RKeeperFailure(Retry(code="no_order", message=N_("White Server answered without an order"), outage=False))
    return found


async def ask(call: Call[RKeeperSettings], task: str, object_id: str, **params: object) -> Section:
    """One synchronous task at a restaurant. Raises RKeeperFailure, NotSent, MaybeSent."""
    token, scheme = call.settings.token, call.settings.token_scheme
    if token is None:
        message = N_("не задан token White Server")
        raise RKeeperFailure(Blocked(code="no_credentials", message=message, remedy=CREDENTIALS))
    restaurant = int(object_id) if object_id.isdecimal() else object_id
    body = {"taskType": task, "params": {"sync": {"objectId": restaurant, "timeout": AGENT_TIMEOUT}, **params}}
    headers = {"AggregatorAuthentication": f"{scheme} {token}" if scheme else token}
    url = host(call, "white_server") + ADDRESS
    response = await call.http.request("POST", url, json=body, headers=headers, timeout=CALL_TIMEOUT)
    try:
        content = response.json()
    except (ValueError, RecursionError):
        content = None
    if not response.is_success or not isinstance(content, dict):
        # Not White Server speaking: something before it.
        after = parse_retry_after(response.headers.get("retry-after"), datetime.now(UTC))
        raise RKeeperFailure(outcome_of(OTHER_5XX, str(response.status_code), N_("no JSON-RPC answer"), after))
    if content.get("error"):
        raise _failure(call, section(content, "error"))
    return content


def _failure(call: Call[RKeeperSettings], error: Section) -> RKeeperFailure:
    codes = [code for system in SYSTEMS if (code := text(section(error, system).get("code")))]
    ws_error = section(error, "wsError")
    said = [text(section(error, system).get("desc")) for system in SYSTEMS] + [text(ws_error.get("extCode"))]
    detail = call.http.cut("; ".join(word for word in said if word)) or None
    rule = white_server_rule(codes)
    return RKeeperFailure(outcome_of(rule, codes[0] if codes else "unknown", detail))
