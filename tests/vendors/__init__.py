"""Every vendor's description; a vendor without one fails at once, with the name of the file that is missing."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from svyazka.connectors.registry import VENDORS as REGISTERED
from svyazka.model.records import RecordKind
from vendors.parts.calendars import Calendar, Journal
from vendors.parts.crms import Crm
from vendors.parts.hooks import Hooks, Source
from vendors.parts.messengers import Forwarder, Messenger
from vendors.parts.money import Fiscaliser, Provider, Tables
from vendors.parts.vendor import Vendor


def _described(name: str) -> Vendor:
    found = import_module(f"vendors.{name}").VENDOR
    assert isinstance(found, Vendor)
    assert found.name == name
    return found


VENDORS: Mapping[str, Vendor] = {name: _described(name) for name in sorted(REGISTERED)}
HOOKS: Mapping[str, Hooks] = {name: one.hooks for name, one in VENDORS.items() if one.hooks is not None}
SOURCES: Mapping[str, Source] = {name: one.source for name, one in VENDORS.items() if one.source is not None}
FORWARDERS: Mapping[str, Forwarder] = {
    name: one.forwarder for name, one in VENDORS.items() if one.forwarder is not None
}
MESSENGERS: Mapping[str, Messenger] = {
    **{name: one.as_messenger() for name, one in FORWARDERS.items()},
    **{name: one.messenger for name, one in VENDORS.items() if one.messenger is not None},
}
"""Whoever takes what we send, events too."""
CALENDARS: Mapping[str, Calendar] = {name: one.calendar for name, one in VENDORS.items() if one.calendar is not None}
JOURNALS: Mapping[str, Journal] = {name: one.journal for name, one in VENDORS.items() if one.journal is not None}
CRMS: Mapping[str, Crm] = {name: one.crm for name, one in VENDORS.items() if one.crm is not None}
PROVIDERS: Mapping[str, Provider] = {name: one.provider for name, one in VENDORS.items() if one.provider is not None}
TILLS: Mapping[str, Tables] = {name: one.tables for name, one in VENDORS.items() if one.tables is not None}
FISCALISERS: Mapping[str, Fiscaliser] = {
    name: one.fiscaliser for name, one in VENDORS.items() if one.fiscaliser is not None
}
LEAD_TAKERS: Mapping[str, Crm] = {name: one for name, one in CRMS.items() if RecordKind.DEAL in one.fields}
"""Those that keep deals too: a lead is given to them."""
