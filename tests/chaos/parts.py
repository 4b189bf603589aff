"""What a chaos run is made of: sources that call us and messengers that we call, each over its stand-in."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simulators.serve import Running
from svyazka.engine.clock import Clock

SAMPLES = Path(__file__).parents[1] / "samples"


@dataclass(frozen=True)
class Source:
    """A vendor that tells of something done: the webhook of the n-th subject, about a person of his own."""

    vendor: str
    settings: Mapping[str, Any]
    webhook: Callable[[int, str], tuple[bytes, str]]
    """(n, phone) -> body, content type."""


@dataclass(frozen=True)
class Messenger:
    """A vendor that we send through."""

    vendor: str
    settings: Mapping[str, Any]
    secrets: Mapping[str, str]
    unsafe: bool
    """No client id: what is ambiguous becomes `unknown`, and only a receipt or a person settles it."""
    sent: Callable[[Running], Counter[str]]
    """Address -> how many messages the vendor really took."""
    receipts: Callable[[Running, str, Clock], None] | None = None
    """Have the vendor send receipts to this callback URL from now on, in business time."""
    extra: Mapping[str, Any] = field(default_factory=dict)


def phone(number: int) -> str:
    """The n-th guest's."""
    return f"+7999{number:07d}"


# iiko


def _closed_delivery(number: int, address: str) -> tuple[bytes, str]:
    body = json.loads((SAMPLES / "iiko" / "webhook-delivery-closed.json").read_bytes())
    info = body[0]["eventInfo"]
    info["id"] = f"00000000-0000-4000-8000-{number:012d}"
    info["order"]["phone"] = address
    info["order"]["customer"]["name"] = "Иван"
    return json.dumps(body, ensure_ascii=False).encode(), "application/json"


IIKO = Source("iiko", {}, _closed_delivery)


# sms.ru


def _sms_sent(running: Running) -> Counter[str]:
    return Counter(f"+{entry['to'].lstrip('+')}" for entry in running.of("smsru").effects if entry["kind"] == "message")


def _sms_receipts(running: Running, url: str, clock: Clock) -> None:
    """Register our callback; each message is then told of a fraction of a second after it was taken."""
    smsru = running.of("smsru")
    smsru.account(API_ID).callbacks.append(url)
    smsru.now = lambda: clock.now().timestamp()


API_ID = "C0FFEE00-1234-5678-9ABC-DEF012345678"
SMSRU = Messenger(
    "smsru",
    {"api_id": {"secret": "smsru-api-id"}, "sender": "KOFE", "limit": {"per_second": 500, "concurrency": 1}},
    {"smsru-api-id": API_ID},
    unsafe=True,
    sent=_sms_sent,
    receipts=_sms_receipts,
)

SOURCES = {source.vendor: source for source in (IIKO,)}
MESSENGERS = {messenger.vendor: messenger for messenger in (SMSRU,)}
