"""Calls to White Server API v2: JSON-RPC over one address; the HTTP status is always 200.

The restaurant's agent may be silent for minutes. A call here asks for an answer within seconds, and planning
comes again later: no worker waits for a till that is off.
"""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.rkeeper.client import host
from svyazka.connectors.rkeeper.events import Order
from svyazka.connectors.rkeeper.failures import CREDENTIALS, in_its_place, of_white_server
from svyazka.connectors.rkeeper.schema import section
from svyazka.connectors.rkeeper.settings import RKeeperSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.untrusted import Section, text
from svyazka.engine.contracts.vendor_answers import VendorFailure, json_object, retry_after
from svyazka.model.outcomes import Blocked, Refused, Retry

ADDRESS = "/wsserverlp/api/v2/aggregators/Create"

AGENT_TIMEOUT = 8
"""Seconds that White Server may wait for the restaurant's agent (its own default is 120)."""

CALL_TIMEOUT = AGENT_TIMEOUT + 10.0
SYSTEMS = ("agentError", "rkError", "shError", "wsError")
"""Where an error's codes stand, the innermost system first. Codes are declared as numbers and seen as words."""


async def order(call: Call[RKeeperSettings], wanted: Order) -> Section | None:
    """An order as its till has it now; None when White Server knows none of that GUID.

    Raises VendorFailure, NotSent, MaybeSent.
    """
    try:
        answer = await ask(call, "GetOrder", wanted.object_id, orderGuid=wanted.guid)
    except VendorFailure as error:
        if isinstance(error.outcome, Refused) and error.code == "NotFound":
            return None
        raise
    found = section(answer, "taskResponse", "order")
    if not found:
        raise VendorFailure(Retry(code="no_order", message=N_("White Server answered without an order"), outage=False))
    return found


async def ask(call: Call[RKeeperSettings], task: str, object_id: str, **params: object) -> Section:
    """One synchronous task at a restaurant. Raises VendorFailure, NotSent, MaybeSent."""
    token, scheme = call.settings.token, call.settings.token_scheme
    if token is None:
        message = N_("не задан token White Server")
        raise VendorFailure(Blocked(code="no_credentials", message=message, remedy=CREDENTIALS))
    restaurant = int(object_id) if object_id.isdecimal() else object_id
    body = {"taskType": task, "params": {"sync": {"objectId": restaurant, "timeout": AGENT_TIMEOUT}, **params}}
    headers = {"AggregatorAuthentication": f"{scheme} {token}" if scheme else token}
    url = host(call, "white_server") + ADDRESS
    response = await call.http.request("POST", url, json=body, headers=headers, timeout=CALL_TIMEOUT)
    content = json_object(response)
    if not response.is_success or not content:
        raise VendorFailure(in_its_place(response.status_code, retry_after(response)))
    if content.get("error"):
        raise _failure(call, section(content, "error"))
    return content


def _failure(call: Call[RKeeperSettings], error: Section) -> VendorFailure:
    codes = [code for system in SYSTEMS if (code := text(section(error, system).get("code")))]
    ws_error = section(error, "wsError")
    said = [text(section(error, system).get("desc")) for system in SYSTEMS] + [text(ws_error.get("extCode"))]
    detail = call.http.cut("; ".join(word for word in said if word)) or None
    return VendorFailure(of_white_server(codes, detail))
