"""Whose prints: each tenant's and kind's are their own."""

from __future__ import annotations

from svyazka.engine.comparing.prints import Printer
from svyazka.engine.hub import Hub
from svyazka.model.records import RecordKind


def printer(hub: Hub, tenant: str, kind: RecordKind) -> Printer:
    """What makes and reads the prints of a tenant's records."""
    return Printer(hub.keyring.print_keys(), tenant, kind.value)
