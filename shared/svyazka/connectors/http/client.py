"""Calls out: what goes over the wire."""

from __future__ import annotations

import json

from svyazka.catalogue import N_
from svyazka.connectors.http.schema import Unanswered, look
from svyazka.connectors.http.settings import HttpSettings
from svyazka.engine.contracts.untrusted import storable
from svyazka.engine.security.standardwebhooks import signed_headers
from svyazka.model.commands import Forward


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
