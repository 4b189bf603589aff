"""Calls to T-Bank: POST of JSON with the token in the body; 200 also for a refusal, whose `ErrorCode` decides."""

from __future__ import annotations

from collections.abc import Mapping

import httpx

from svyazka.connectors.tbank.failures import FAILURES, NOT_FOUND, NOT_THERE
from svyazka.connectors.tbank.settings import TbankSettings
from svyazka.connectors.tbank.signing import TOKEN, token_of
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.failures import outcome_of
from svyazka.engine.contracts.untrusted import Section, sections, text, whole
from svyazka.engine.contracts.vendor_answers import VendorFailure, json_object, on_the_way, retry_after
from svyazka.model.outcomes import Outcome

FINE = "0"

PROBE = "svyazka-doctor"
"""A number that no order of ours can have."""


class Refusal(VendorFailure):
    """T-Bank's own no. `answer`: what came with it, for that of a declined charge shows the payment."""

    def __init__(self, answer: Section, error: str) -> None:
        self.answer, self.error = answer, error
        rule = NOT_THERE if error in NOT_FOUND else FAILURES.rule_of(code=int(error) if error.isdecimal() else error)
        super().__init__(outcome_of(rule, error))


async def ask(call: Call[TbankSettings], method: str, fields: Mapping[str, object]) -> Section:
    """One call of T-Bank's API. Raises Refusal, VendorFailure, NotSent, MaybeSent."""
    body = {"TerminalKey": call.settings.terminal_key, **{name: value for name, value in fields.items() if value}}
    body[TOKEN] = token_of(body, call.settings.password or "")
    response = await call.http.request("POST", method, json=body)
    answer = json_object(response)
    error = error_of(answer)
    if error is None:
        raise VendorFailure(_not_its_own(response))
    if error != FINE or answer.get("Success") is False:
        raise Refusal(answer, error)
    return answer


async def payment(call: Call[TbankSettings], id_: str) -> Section | None:
    """A payment as it is now; None: there is none. Raises as `ask` does."""
    try:
        with call.reading():
            return await ask(call, "GetState", {"PaymentId": id_})
    except Refusal as no:
        if text(no.answer.get("Status")) is not None:
            return no.answer  # a declined one is shown with the code of its decline
        _nothing(no)
        return None


async def payments_of(call: Call[TbankSettings], number: str) -> list[Section]:
    """All tries under one number of ours. Raises as `ask` does."""
    try:
        with call.reading():
            answer = await ask(call, "CheckOrder", {"OrderId": number})
    except Refusal as no:
        _nothing(no)
        return []
    return sections(answer.get("Payments"))


async def saved_cards(call: Call[TbankSettings], customer: str) -> list[Section]:
    """A customer's cards: a bare array, where all else is an object; none where there is no such customer. The answer
    isn't kept in the story: whoever reads its tokens could charge by them. Raises VendorFailure, NotSent, MaybeSent."""
    body: dict[str, object] = {"TerminalKey": call.settings.terminal_key, "CustomerKey": customer}
    body[TOKEN] = token_of(body, call.settings.password or "")
    response = await call.http.request("POST", "GetCardList", json=body, changes=False)
    call.http.blank("response_body")
    if response.is_success and response.content.lstrip()[:1] == b"[":
        return sections(response.json())
    if error_of(json_object(response)) is None:
        raise VendorFailure(_not_its_own(response))
    return []


async def account(call: Call[TbankSettings]) -> str:
    """The terminal, where it lets us in: it is asked for an order that nobody has. Raises VendorFailure, NotSent,
    MaybeSent."""
    await payments_of(call, PROBE)
    return call.settings.terminal_key or ""


def error_of(answer: Section) -> str | None:
    """`ErrorCode`: a string, in CheckOrder a number; None: the answer isn't T-Bank's."""
    return text(answer.get("ErrorCode"), 20)


def id_of(answer: Section) -> str | None:
    """`PaymentId`: a string in answers, a number in notifications."""
    id_ = answer.get("PaymentId")
    return text(id_, 40) if isinstance(id_, str) else str(whole(id_)) if whole(id_) is not None else None


def _nothing(no: Refusal) -> None:
    """Its word that it has no such thing; any other is raised."""
    if no.error not in NOT_FOUND:
        raise no


def _not_its_own(response: httpx.Response) -> Outcome:
    status = response.status_code
    if status == httpx.codes.TOO_MANY_REQUESTS or status >= httpx.codes.INTERNAL_SERVER_ERROR:
        return outcome_of(FAILURES.rule_of(status), f"http_{status}", after=retry_after(response))
    return on_the_way(response, "T-Bank")
