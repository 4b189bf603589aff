"""Which vendors there are: the folders beside this file. A vendor's modules are imported when they are used."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

from svyazka.catalogue import _
from svyazka.engine.contracts.manifest import Manifest
from svyazka.engine.contracts.webhook import Webhook
from svyazka.model.errors import ConfigError


def _folders_with(module: str) -> tuple[str, ...]:
    # What is left of a vendor that was taken away (its compiled files) holds no such module.
    return tuple(sorted(path.parent.name for path in Path(__file__).parent.glob(f"*/{module}.py")))


VENDORS = _folders_with("manifest")
"""All that this installation knows; the bundle of a webhook function holds the other half of a vendor only."""

CALLED = _folders_with("failures")
"""Vendors that we call: each has a table of what its refusals mean, and a stand-in."""

FRONT_DOOR = "site"
"""A business's own site: it calls a surface of many paths, not one address."""

CALLS_US = {vendor: "ingest" if vendor == FRONT_DOOR else f"webhook_{vendor}" for vendor in _folders_with("webhook")}
"""Vendors that call us, and the function that they call."""


def package_of(vendor: str) -> str:
    """Where a vendor's modules are."""
    return f"{__package__}.{vendor}"


def _module(vendor: str, name: str) -> Any:
    if vendor not in VENDORS and vendor not in CALLS_US:
        raise ConfigError(_("vendor: expected one of {names}, got {vendor!r}", names=", ".join(VENDORS), vendor=vendor))
    return import_module(f"{package_of(vendor)}.{name}")


@cache
def load_manifest(vendor: str) -> Manifest[Any]:
    """What a vendor is and can do. Raises ConfigError for one that we don't have."""
    manifest: Manifest[Any] = _module(vendor, "manifest").MANIFEST
    return manifest


@cache
def load_webhook(vendor: str) -> Webhook | None:
    """The way in from a vendor, or None for one that never calls us."""
    if vendor in VENDORS and vendor not in CALLS_US:
        return None
    webhook: Webhook = _module(vendor, "webhook").WEBHOOK
    return webhook
