"""A restaurant comes to Invoicebox through its partner, the operator of this hub: an invitation by e-mail, and then a
code by which the shop's id and token are had."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from hashlib import sha256

from svyazka.catalogue import N_
from svyazka.connectors.invoicebox import client
from svyazka.connectors.invoicebox.settings import InvoiceboxSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.onboarding import Onboarding
from svyazka.engine.contracts.untrusted import section, text
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.money import amounts_as_text
from svyazka.model.outcomes import Blocked, Unclear
from svyazka.model.reasons import Reason

INVITE = "notification/api/invite"
ACTIVATE = "billing/api/merchant/merchant-integration-setting/activation"

KEPT_FOR = timedelta(days=90)
"""So long a code's answer can be had again. Whether Invoicebox takes a code twice, it doesn't say."""


class InvoiceboxOnboarding(Onboarding[InvoiceboxSettings]):
    """Invitation and activation."""

    def ready(self, settings: InvoiceboxSettings) -> bool:
        return settings.partner_id is not None and settings.partner_token is not None

    async def invite(self, email: str, call: Call[InvoiceboxSettings]) -> str:
        body = {"partnerId": _partner(call), "type": "email", "identifier": email}
        response = await client.by_partner(call, INVITE, body)
        told = section(client.told(response))
        # The page's example shows a UUID, its table a number.
        id_ = text(told.get("id"), 64)
        if id_ is None:
            raise VendorFailure(_no_object())
        return id_

    async def activate(self, code: str, call: Call[InvoiceboxSettings]) -> Mapping[str, str]:
        name = f"activation-{sha256(code.encode()).hexdigest()[:32]}"
        kept = await call.kept(name)
        access = _access(kept) if kept is not None else None
        if access is not None:
            return access
        call.http.hide(code)
        body = {"partnerId": _partner(call), "activationCode": code}
        response = await client.by_partner(call, ACTIVATE, body)
        if response.is_success:
            # Before anything else: there may be no second answer.
            await call.keep(name, response.text, call.vendor_time(call.now) + KEPT_FOR)
        call.http.blank("response_body")
        client.told(response)
        access = _access(response.text)
        if access is None:
            raise VendorFailure(_no_object())
        return access


def _partner(call: Call[InvoiceboxSettings]) -> str:
    if call.settings.partner_id is None or call.settings.partner_token is None:
        message = N_("не заданы partner_id и partner_token: приглашает только партнёр Инвойсбокса")
        raise VendorFailure(Blocked(code="no_partner", message=message, remedy=N_("впишите их в подключение")))
    return call.settings.partner_id


def _access(answer: str) -> Mapping[str, str] | None:
    """The access that an answer holds. None where it holds none, as a page of somebody's on the way does: then the code
    may still be good."""
    try:
        told = section(amounts_as_text(answer), "data")
    except (ValueError, RecursionError):
        return None
    merchant, token = text(told.get("merchantId"), 64), told.get("token")
    if merchant is None or not isinstance(token, str) or not token:
        return None
    return {"merchant_id": merchant, "token": token}


def _no_object() -> Unclear:
    message = N_("Invoicebox's answer isn't the object that was asked for: what it did isn't known")
    return Unclear(code="no_object", message=message, reason=Reason.OUT_OF_SERVICE)
