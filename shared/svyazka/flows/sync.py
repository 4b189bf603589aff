"""Things of one kind are the same in several systems, field by field: what `sync_contacts` does for people, for
companies too, with the fields that the flow names."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import Field

from svyazka.engine.contracts.flow import Flow
from svyazka.flows.sync_contacts import CONTACTS, SyncContactsSettings
from svyazka.model.events import EventType
from svyazka.model.in_step import Rules
from svyazka.model.records import RecordKind

KINDS = {"contact": RecordKind.CONTACT, "company": RecordKind.COMPANY}
"""Kinds whose objects are told by what stands on them. A deal is told by our own mark alone: two filled systems of
deals can't be linked."""


class SyncSettings(SyncContactsSettings):
    """`sync`: of which things, and which of their fields."""

    kind: Literal["contact", "company"] = "company"
    fields: dict[str, str] = Field(min_length=1)


class Sync(Flow[SyncSettings]):
    """Carried out by `engine/in_step`: an event only says which thing is to be looked at."""

    name = "sync"
    needs_sources = needs_channels = False
    in_step = True
    kept = RecordKind.COMPANY
    carries = ("SyncObject",)

    def settings_model(self) -> type[SyncSettings]:
        return SyncSettings

    def wants(self, settings: SyncSettings) -> frozenset[EventType]:
        return CONTACTS

    def rules(self, settings: SyncSettings) -> Rules:
        return settings.rules_of(KINDS[settings.kind], settings.fields)


FLOW: Flow[Any] = Sync()
