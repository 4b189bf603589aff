"""Calls out: what goes over the wire."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

from svyazka.catalogue import N_
from svyazka.connectors.http.failures import refused
from svyazka.connectors.http.schema import Unanswered, can_be_header, look
from svyazka.connectors.http.settings import HttpSettings, OwnSystem
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.untrusted import Section, storable, text
from svyazka.engine.contracts.vendor_answers import VendorFailure, json_object, on_the_way, retry_after
from svyazka.engine.security.standardwebhooks import signed_headers
from svyazka.model.commands import Forward
from svyazka.model.records import RecordKind

CALL_TIMEOUT = 15.0
THEY = N_("the system")


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


# A business's own system


def system_of(call: Call[HttpSettings]) -> OwnSystem:
    """What the connection says of it."""
    assert call.settings.records is not None, "isn't asked without `records`"
    return call.settings.records


async def ask(
    call: Call[HttpSettings], method: str, path: str, *, params: Mapping[str, Any] | None = None, json: object = None,
    of_one: bool = False, version: str | None = None,
) -> Section:  # fmt: skip
    """What it answers, an object. `of_one`: the path names one card. `version`: of the card that is to be changed, as
    it was read.

    Raises VendorFailure, NotSent, MaybeSent.
    """
    answer, _ = await ask_the_time(
        call, method, path, params=params, json=json, of_one=of_one, version=version
    )  # fmt: skip
    return answer


async def ask_the_time(
    call: Call[HttpSettings], method: str, path: str, *, params: Mapping[str, Any] | None = None, json: object = None,
    of_one: bool = False, version: str | None = None,
) -> tuple[Section, datetime | None]:  # fmt: skip
    """The same, and what time its clock has, where it says so."""
    settings, system = call.settings, system_of(call)
    headers = {"Accept": "application/json", **settings.headers}
    if settings.authorization:
        headers["Authorization"] = settings.authorization
    if version is not None and can_be_header(version) and '"' not in version:
        headers["If-Match"] = f'"{version}"'
    response = await call.http.request(
        method, f"{system.url.rstrip('/')}/{path}", params=params, headers=headers, json=json,
        timeout=CALL_TIMEOUT,
    )  # fmt: skip
    answer = json_object(response)
    if response.is_success and answer:
        return answer, _date(response.headers.get("date"))
    if response.is_success or text(answer.get("error")) is None:
        raise VendorFailure(on_the_way(response, THEY))
    raise VendorFailure(
        refused(response.status_code, answer, retry_after(response), of_one=of_one, of_data=json is not None)
    )


def _date(told: str | None) -> datetime | None:
    """Of an HTTP header; https://www.rfc-editor.org/rfc/rfc9110#section-6.6.1."""
    try:
        return parsedate_to_datetime(told).astimezone(UTC) if told else None
    except (ValueError, OverflowError):
        return None


def card_path(kind: RecordKind, id_: str) -> str:
    """Where one card stands."""
    return f"{kind.value}/{quote(id_, safe='')}"
