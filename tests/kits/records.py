"""What the kits of people, companies and deals share: a vendor's stand-in called by its own connector."""

from __future__ import annotations

from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import pytest

from connectors.support import calling, perform
from simulators.serve import Running
from svyazka.connectors.registry import VENDORS, load_manifest
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import Records
from svyazka.engine.rules.what_differs import normal
from svyazka.model.commands import Command, PutRecord
from svyazka.model.contacts import Contact
from svyazka.model.outcomes import Succeeded
from svyazka.model.records import Match, Object, RecordKind
from vendors import CRMS

CONTACT, COMPANY, DEAL = RecordKind.CONTACT, RecordKind.COMPANY, RecordKind.DEAL
NAMES = sorted(name for name in VENDORS if load_manifest(name).records is not None)
EVERY = pytest.mark.parametrize("name", NAMES)
KINDS = pytest.mark.parametrize(
    ("name", "kind"), [(name, kind) for name in NAMES if name in CRMS for kind in CRMS[name].fields]
)
PHONE, MAIL = "+79991234567", "anna@example.test"
ANNA = Contact(name="Анна Петрова", phone="8 (999) 123-45-67", email="Anna@Example.test")
ANNAS = PutRecord(record=CONTACT, person=ANNA)
ODD = "Ёлка «№ 7» & <b>Ко</b> 100% \u00a0 😀 \" ' \\ O'Нил"


def records_of(name: str) -> Records[Any]:
    found = load_manifest(name).records
    assert found is not None
    return found


def keeping(kind: RecordKind) -> Any:
    """Those that keep such cards."""
    return pytest.mark.parametrize("name", [name for name in NAMES if kind in records_of(name).kinds])


def settings_of(name: str, vendors: Running) -> dict[str, Any]:
    return {**CRMS[name].settings, **CRMS[name].secrets, "base_url": vendors.base_url(name)}


@asynccontextmanager
async def connected(name: str, vendors: Running, **around: Any) -> AsyncIterator[Call[Any]]:
    """A call to the vendor's stand-in, which lets us in."""
    CRMS[name].open(vendors)
    settings = load_manifest(name).settings.model_validate(settings_of(name, vendors))
    async with calling(settings, vendors.base_url(name), **around) as call:
        yield call


async def read(name: str, call: Call[Any], kind: RecordKind, id_: str) -> Object:
    (found,) = await records_of(name).read_many(kind, [id_], call)
    return found


async def done(name: str, call: Call[Any], command: Command) -> str:
    """Carried out; the id of what it found or made."""
    outcome = await perform(load_manifest(name), command, call)
    assert isinstance(outcome, Succeeded), outcome
    assert outcome.external_id is not None
    return outcome.external_id


def main_kind(name: str) -> RecordKind:
    """What it is for: sales where it has some, else people."""
    return DEAL if DEAL in records_of(name).kinds else CONTACT


def title_of(kind: RecordKind) -> str:
    return "title" if kind is DEAL else "name"


def new(vendor: str, kind: RecordKind, mark: str | None = "m-1", /, **fields: Any) -> PutRecord:
    """A card of which no more is said than its system wants, and these fields."""
    least = {one: CRMS[vendor].fields[kind][one] for one in records_of(vendor).requires(kind)}
    match = Match(mark=mark) if mark is not None else None
    return PutRecord(record=kind, match=match, fields=as_given({**least, **fields}))


def writes(name: str, vendors: Running) -> Counter[str]:
    return CRMS[name].done(vendors)


def same(kind: RecordKind, name: str, shown: Mapping[str, object], wanted: Mapping[str, Any]) -> list[str]:
    """Fields that don't show what was written, as the system keeps it."""
    keeps = records_of(name).keeps
    return [
        field
        for field, value in wanted.items()
        if normal(field, shown.get(field, "")) != normal(field, keeps(kind, field, value))  # type: ignore[arg-type]
    ]


def as_given(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {field: list(value) if isinstance(value, tuple) else value for field, value in fields.items()}
