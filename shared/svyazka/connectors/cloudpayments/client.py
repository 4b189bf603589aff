"""Calls to CloudPayments: POST of JSON, HTTP Basic, our key in `X-Request-ID`.

`Success: false` comes with 200: with a `Model` it shows a payment, which is an answer; with words alone it refuses.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence

import httpx

from svyazka.connectors.cloudpayments.failures import FAILURES, NOT_TAKEN
from svyazka.connectors.cloudpayments.settings import CloudpaymentsSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.failures import outcome_of
from svyazka.engine.contracts.untrusted import NOTHING, Section, section, sections, text
from svyazka.engine.contracts.vendor_answers import VendorFailure, on_the_way, retry_after
from svyazka.model.money import amounts_as_text

NOT_FOUND = "not found"


class Refusal(VendorFailure):
    """CloudPayments' own no, with its words."""

    def __init__(self, said: str) -> None:
        self.said = said
        super().__init__(outcome_of(FAILURES.rule_of(code=NOT_TAKEN), NOT_TAKEN))


async def do(call: Call[CloudpaymentsSettings], path: str, what: Mapping[str, object]) -> Section:
    """Something that is done once, however often it is asked for within the hour. Raises as `ask` does."""
    return await ask(call, path, what, {"X-Request-ID": call.key})


async def ask(
    call: Call[CloudpaymentsSettings], path: str, what: Mapping[str, object], more: Mapping[str, str] | None = None
) -> Section:
    """One call; what it answers, whose `Success` may be false. A question bears no key: an answer of an hour ago would
    be told again. Raises Refusal, VendorFailure, NotSent, MaybeSent."""
    body = {name: value for name, value in what.items() if value is not None}
    response = await call.http.request("POST", path, json=body, headers={**_headers(call), **(more or {})})
    answer = _object(response)
    if response.status_code == httpx.codes.OK and isinstance(answer.get("Success"), bool):
        return _taken(answer)
    # Who isn't let in is told by the status alone, with an empty body; a page is somebody else's.
    status, own = response.status_code, not response.content.strip(b"{} \r\n")
    if response.is_server_error or (own and status in FAILURES.statuses):
        raise VendorFailure(outcome_of(FAILURES.rule_of(status), f"http_{status}", after=retry_after(response)))
    raise VendorFailure(on_the_way(response, "CloudPayments"))


def _taken(answer: Section) -> Section:
    if answer["Success"]:
        return answer
    if not answer.get("Model"):
        raise Refusal(text(answer.get("Message")) or "")
    code = text(section(answer["Model"]).get("ReasonCode"), 20) or ""
    if code.isdecimal() and int(code) in FAILURES.codes:
        raise VendorFailure(outcome_of(FAILURES.rule_of(code=int(code)), code))
    return answer


async def transaction(call: Call[CloudpaymentsSettings], id_: str) -> Section | None:
    """A transaction by its id; None: there is none. Raises as `ask` does."""
    return await _one(call, "payments/get", {"TransactionId": int(id_)})


async def last_payment(call: Call[CloudpaymentsSettings], number: str) -> Section | None:
    """The last payment under a number of ours; None: nobody has tried to pay by it. Raises as `ask` does."""
    return await _one(call, "payments/find", {"InvoiceId": number})


async def last_operation(call: Call[CloudpaymentsSettings], number: str) -> Section | None:
    """The same, refunds included."""
    return await _one(call, "v2/payments/find", {"InvoiceId": number})


async def of_day(call: Call[CloudpaymentsSettings], day: str) -> Sequence[Section]:
    """All transactions of a day, in UTC. Raises as `ask` does."""
    with call.reading():
        answer = await ask(call, "payments/list", {"Date": day, "TimeZone": "UTC"})
    return sections(answer.get("Model"))


async def probe(call: Call[CloudpaymentsSettings]) -> str:
    """Whether we are let in. Raises VendorFailure, NotSent, MaybeSent."""
    await ask(call, "test", {})
    return call.settings.public_id or ""


async def _one(call: Call[CloudpaymentsSettings], path: str, what: Mapping[str, object]) -> Section | None:
    try:
        # A payment that was declined is found with `Success: false`.
        with call.reading():
            found = section((await ask(call, path, what)).get("Model"))
    except Refusal as no:
        if no.said.strip().casefold() == NOT_FOUND:
            return None
        raise
    return found


def _object(response: httpx.Response) -> Section:
    """Sums stay the text that was sent."""
    try:
        return section(amounts_as_text(response.content))
    except (ValueError, RecursionError):
        return NOTHING


def _headers(call: Call[CloudpaymentsSettings]) -> dict[str, str]:
    pair = f"{call.settings.public_id}:{call.settings.api_secret}".encode()
    basic = base64.b64encode(pair).decode()
    call.http.hide(basic)
    return {"Authorization": f"Basic {basic}"}
