"""What is to be done with each row of a file in a system: made anew, brought up to date, left, or asked about.

Nothing is written here: a dry run is this, and stops after it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, cast

from pydantic import JsonValue

from svyazka.engine.contracts.capabilities.records import Records
from svyazka.engine.hub import Hub
from svyazka.engine.jobs.asking import account_of, asking
from svyazka.engine.journal import documents as journal
from svyazka.engine.outages.learning import Outages
from svyazka.engine.tenants.directory import Account
from svyazka.importing.differing import differences, said_now
from svyazka.importing.matching import Cards
from svyazka.importing.outcomes import Outcome
from svyazka.importing.rows import Row
from svyazka.importing.survey import Survey
from svyazka.model.errors import ConfigError
from svyazka.model.ids import stable_id
from svyazka.model.imports import Imported
from svyazka.model.records import RecordKind

AT_ONCE = 100
"""Rows of which it is looked up at a time what they were linked with."""
KIND = RecordKind.CONTACT


COUNTED = {
    "heading": "skipped", "blank": "skipped", "total": "skipped", "group": "skipped", "repeat": "skipped",
    "skipped": "skipped", "merged": "linked", "doubt": "doubt", "many_there": "doubt", "gone": "doubt",
    "unusable": "failed", "broken": "failed", "unchanged": "unchanged",
}  # fmt: skip
"""What a line that nothing is written for comes to in a job's counts."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a file goes, and under which name it is remembered."""

    hub: Hub
    account: Account
    name: str
    """Of the file, from one export to the next (`--as`)."""

    @property
    def records(self) -> Records[Any]:
        """The system's records. Raises ConfigError where it keeps none."""
        records = self.account.manifest.records
        if records is None or KIND not in records.kinds:
            raise ConfigError(f"{self.account.name}: {self.account.vendor} keeps no contacts")
        return records

    def keeps(self, name: str, value: Any) -> Any:
        """What the system makes of a value."""
        return self.records.keeps(KIND, name, value)

    def prints(self, name: str, value: str) -> str:
        """The keyed hash of one value."""
        return self.hub.keyring.mark("imported", self.account.tenant.id, name, value)[:22]

    def row_id(self, key: str) -> str:
        """A row's link: the same for the same row of the next file, and nobody's address in it."""
        tenant = self.account.tenant.id
        hidden = self.hub.keyring.mark("row", tenant, key)
        return stable_id("imp", tenant, self.account.name, self.name, hidden)


@dataclass(frozen=True, slots=True)
class Planned:
    """A row, and what is to be done with it."""

    row: Row
    what: str
    """An outcome of the file alone, or of the system (`report.page.DONE`)."""
    id: str = ""
    """Its link."""
    object: str | None = None
    said: Mapping[str, tuple[str, ...]] | None = None
    """Prints of what the file said of it last."""
    left: tuple[str, ...] = ()
    is_carried: bool = False
    """Whether something is to be written for it, in the system or in our own store."""

    @property
    def counted_as(self) -> str:
        """Under which of a job's counts it comes, where nothing is carried."""
        return COUNTED[self.what]

    def as_json(self) -> dict[str, JsonValue]:
        """As it lies in a sealed batch until it is carried over."""
        said = None if self.said is None else {name: list(prints) for name, prints in self.said.items()}
        fields = self.row.fields.items()
        return {
            "row": self.row.number, "id": self.id, "object": self.object, "said": cast("JsonValue", said),
            "fields": {name: list(value) if isinstance(value, tuple) else value for name, value in fields},
            "mark": "svz-" + self.id.removeprefix("imp_")[:12],
        }  # fmt: skip


async def listed(hub: Hub, outages: Outages, account: Account, records: Records[Any]) -> tuple[Cards, datetime]:
    """All cards of the system, and the time before which it was begun to list them. Raises Waits."""
    cards, began, after = Cards(), hub.clock.now(), None
    while True:
        async with asking(hub, outages, account, f"import:{account.name}") as call:
            page = await records.page(KIND, after, call)
        cards.add(page.objects)
        after = page.next
        if after is None:
            return cards, began


async def target_of(hub: Hub, outages: Outages, tenant: str, connection: str, name: str) -> Target:
    """A connection that is written into. Raises ConfigError, Waits, Failed."""
    target = Target(hub, await account_of(hub, outages, tenant, connection), name)
    assert target.records is not None
    return target


async def planned(survey: Survey, cards: Cards, target: Target) -> AsyncIterator[Planned]:
    """Every line of the file, in its order."""
    keys = _Keys()
    for some in _parted(survey.rows(), AT_ONCE):
        ids = [target.row_id(keys.of(row)) if row.outcome is Outcome.READY else "" for row in some]
        held = await target.hub.store.get_many([("imported", id_) for id_ in ids if id_])
        known = {one.model.id: one.model for one in journal.known(Imported, filter(None, held))}
        for row, id_ in zip(some, ids, strict=True):
            yield _planned(row, id_, known.get(id_), cards, target) if id_ else Planned(row, row.outcome.value)


def _planned(row: Row, id_: str, link: Imported | None, cards: Cards, target: Target) -> Planned:
    if link is not None and link.forgotten:
        return Planned(row, "skipped", id_)
    card = cards.by_id.get(link.object) if link is not None else None
    if link is not None and card is None:
        return Planned(row, "gone", id_, link.object)
    if card is None:
        found = cards.same(row)
        if len(found) > 1:
            return Planned(row, "many_there", id_)
        if not found:
            return Planned(row, "would_create", id_, is_carried=True)
        card = found[0]
    said = link.said if link is not None else None
    differ = differences(row.fields, card, said, target.keeps, target.prints, target.records.singles)
    what = "would_update" if differ.changes else "unchanged"
    same = said == said_now(row.fields, target.keeps, target.prints)
    return Planned(row, what, id_, card.id, said, differ.left, is_carried=bool(differ.changes) or not same)


class _Keys:
    """What a row is known by from one file to the next: its own code, else its strongest key, else all that it says."""

    def __init__(self) -> None:
        self._taken: dict[str, int] = {}

    def of(self, row: Row) -> str:
        key = _key(row)
        times = self._taken[key] = self._taken.get(key, 0) + 1
        if times == 1:
            return key
        whole = f"{key}\n{row.text('name')}"
        times = self._taken[whole] = self._taken.get(whole, 0) + 1
        return whole if times == 1 else f"{whole}\n{times}"


def _key(row: Row) -> str:
    for name in ("code", "phone", "email"):
        value = row.text(name)
        if value:
            return f"{name}:{value.casefold()}"
    return f"person:{row.text('name')}\n{row.text('birthday')}"


def _parted(rows: Iterable[Row], size: int) -> Iterator[Sequence[Row]]:
    some: list[Row] = []
    for row in rows:
        some.append(row)
        if len(some) == size:
            yield some
            some = []
    if some:
        yield some
