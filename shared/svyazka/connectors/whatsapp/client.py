"""Calls to Meta's Graph API: JSON over HTTPS, the token in a header."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Annotated, Any

import httpx
from pydantic import BeforeValidator, Field

from svyazka.catalogue import N_
from svyazka.connectors.whatsapp.failures import failure
from svyazka.connectors.whatsapp.schema import code_of, details_of
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.untrusted import Section, section, sections, text
from svyazka.engine.rules.on_the_way import on_the_way
from svyazka.model.errors import SourceUnavailable
from svyazka.model.outcomes import Outcome, Retry, Succeeded
from svyazka.model.tenants import ConnectionSettings

VERSION = "v25.0"
"""Of the Graph API; a version lives for about two years."""


def _as_text(value: object) -> object:
    """Ids are digits, and YAML reads those as a number."""
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class WhatsappSettings(ConnectionSettings):
    """`phone_number_id` and `access_token`: to send. `app_secret` and `verify_token`: to hear what became of it."""

    phone_number_id: Annotated[str | None, BeforeValidator(_as_text)] = Field(
        default=None, pattern=r"^\d{1,20}$", description="the number's id of Meta's, digits only (not the phone itself)"
    )
    access_token: str | None = Field(default=None, min_length=1)
    app_secret: str | None = Field(default=None, min_length=1)
    verify_token: str | None = Field(default=None, min_length=1)
    graph_version: str = Field(default=VERSION, pattern=r"^v\d{1,3}\.\d$")


class WhatsappFailure(SourceUnavailable):
    """Meta couldn't or wouldn't answer a question; `outcome` says what to make of it."""

    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome
        super().__init__(getattr(outcome, "message", None) or outcome.kind)


async def send(call: Call[WhatsappSettings], message: Mapping[str, Any]) -> Outcome:
    """One message. Raises NotSent, MaybeSent. Succeeded means that Meta took it, which is not delivery."""
    settings = call.settings
    path = f"{settings.graph_version}/{settings.phone_number_id}/messages"
    body = {"messaging_product": "whatsapp", **message, "biz_opaque_callback_data": call.key}
    response = await call.http.request("POST", path, json=body, headers=_headers(call))
    answer = _json(response)
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
    """What Meta says of our number. Raises WhatsappFailure, NotSent, MaybeSent."""
    settings = call.settings
    fields = {"fields": "display_phone_number,verified_name,status,name_status,quality_rating"}
    path = f"{settings.graph_version}/{settings.phone_number_id}"
    response = await call.http.request("GET", path, params=fields, headers=_headers(call))
    answer = _json(response)
    error = section(answer.get("error"))
    if error:
        raise WhatsappFailure(_refusal(response, error))
    if response.status_code != HTTPStatus.OK or not answer:
        raise WhatsappFailure(
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


def _json(response: httpx.Response) -> Section:
    """The answer's object; an empty one for anything else."""
    try:
        return section(response.json())
    except (ValueError, RecursionError):
        return section(None)
