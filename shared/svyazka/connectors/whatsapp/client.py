"""Calls to Meta's Graph API: JSON over HTTPS, the token in a header."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import httpx

from svyazka.catalogue import N_
from svyazka.connectors.whatsapp.failures import failure
from svyazka.connectors.whatsapp.schema import code_of, details_of
from svyazka.connectors.whatsapp.settings import WhatsappSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.untrusted import Section, section, sections, text
from svyazka.engine.contracts.vendor_answers import VendorFailure, json_object, on_the_way
from svyazka.model.outcomes import Outcome, Retry, Succeeded


async def send(call: Call[WhatsappSettings], message: Mapping[str, Any]) -> Outcome:
    """One message. Raises NotSent, MaybeSent. Succeeded means that Meta took it, which is not delivery."""
    settings = call.settings
    path = f"{settings.graph_version}/{settings.phone_number_id}/messages"
    body = {"messaging_product": "whatsapp", **message, "biz_opaque_callback_data": call.key}
    response = await call.http.request("POST", path, json=body, headers=_headers(call))
    answer = json_object(response)
    error = section(answer.get("error"))
    if error:
        return _refusal(response, error)
    id_, state = next(
        ((text(m.get("id"), 200), m.get("message_status")) for m in sections(answer.get("messages"))), (None, None)
    )
    if response.status_code == HTTPStatus.OK and id_ is not None:
        held = state == "held_for_quality_assessment"
        return Succeeded(external_id=id_, message=N_("Meta holds it to assess its template") if held else None)
    return on_the_way(response, "Meta's API")


async def phone_number(call: Call[WhatsappSettings]) -> Section:
    """What Meta says of our number. Raises VendorFailure, NotSent, MaybeSent."""
    settings = call.settings
    fields = {"fields": "display_phone_number,verified_name,status,name_status,quality_rating"}
    path = f"{settings.graph_version}/{settings.phone_number_id}"
    response = await call.http.request("GET", path, params=fields, headers=_headers(call))
    answer = json_object(response)
    error = section(answer.get("error"))
    if error:
        raise VendorFailure(_refusal(response, error))
    if response.status_code != HTTPStatus.OK or not answer:
        raise VendorFailure(
            Retry(code=f"http_{response.status_code}", message=N_("expected Meta's JSON, got something else"))
        )
    return answer


def _refusal(response: httpx.Response, error: Section) -> Outcome:
    code = code_of(error)
    if code is None:
        return on_the_way(response, "Meta's API")
    return failure(code, details_of(error), error.get("is_transient") is True)


def _headers(call: Call[WhatsappSettings]) -> dict[str, str]:
    return {"Authorization": f"Bearer {call.settings.access_token}"}
