"""Which vendors there are: names only; a vendor's modules are imported when they are used."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from svyazka.catalogue import _
from svyazka.engine.contracts.manifest import Manifest
from svyazka.engine.contracts.webhook import Webhook
from svyazka.model.errors import ConfigError

VENDORS: dict[str, str] = {
    "amocrm": "svyazka.connectors.amocrm",
    "exolve": "svyazka.connectors.exolve",
    "http": "svyazka.connectors.http",
    "iiko": "svyazka.connectors.iiko",
    "max": "svyazka.connectors.max",
    "resend": "svyazka.connectors.resend",
    "rkeeper": "svyazka.connectors.rkeeper",
    "smsru": "svyazka.connectors.smsru",
    "telegram": "svyazka.connectors.telegram",
    "whatsapp": "svyazka.connectors.whatsapp",
    "yclients": "svyazka.connectors.yclients",
}

CALLS_US: dict[str, str] = {
    "amocrm": "webhook_amocrm",
    "exolve": "webhook_exolve",
    "http": "webhook_http",
    "iiko": "webhook_iiko",
    "max": "webhook_max",
    "resend": "webhook_resend",
    "rkeeper": "webhook_rkeeper",
    "smsru": "webhook_smsru",
    "telegram": "webhook_telegram",
    "whatsapp": "webhook_whatsapp",
    "yclients": "webhook_yclients",
}
"""Vendors that call us, and the function that they call."""


def _module(vendor: str) -> str:
    try:
        return VENDORS[vendor]
    except KeyError:
        raise ConfigError(
            _("vendor: expected one of {names}, got {vendor!r}", names=", ".join(sorted(VENDORS)), vendor=vendor)
        ) from None


@cache
def load_manifest(vendor: str) -> Manifest[Any]:
    """What a vendor is and can do. Raises ConfigError for one that we don't have."""
    manifest: Manifest[Any] = import_module(_module(vendor) + ".manifest").MANIFEST
    return manifest


@cache
def load_webhook(vendor: str) -> Webhook | None:
    """The way in from a vendor, or None for one that never calls us."""
    if vendor not in CALLS_US:
        _module(vendor)
        return None
    webhook: Webhook = import_module(_module(vendor) + ".webhook").WEBHOOK
    return webhook
