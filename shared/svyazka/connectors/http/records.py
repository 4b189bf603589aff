"""People and companies in a business's own system, by the questions that `docs/in-step.md` describes.

What a system can't do stands in the connection's `records`: each is another one.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from pydantic import ValidationError

from svyazka.catalogue import N_, _
from svyazka.connectors.http import client
from svyazka.connectors.http.cards import deleted_of, is_deleted, keeps, mark_of, not_taken, object_of, sent
from svyazka.connectors.http.facts import id_of
from svyazka.connectors.http.settings import HttpSettings, OwnSystem
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import Fate, LinkTo, Operation, Page, Records, Written
from svyazka.engine.contracts.untrusted import NOTHING, Section, sections
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.rules.what_differs import shows
from svyazka.model.commands import Safety
from svyazka.model.outcomes import Outcome, Refused, Retry, Succeeded, Unclear
from svyazka.model.records import Key, KeyType, Object, ObjectId, RecordKind, Value, Wanted

AT_ONCE = 50
"""Ids that one question names at most."""

FATES = {"404": Fate.GONE, "410": Fate.DELETED, "403": Fate.HIDDEN}
"""What is said of one card -> what has become of it."""

GONE = ("404", "410")

SEARCH = ("mark", "phone", "email", "name")
TOLD_BY = {
    RecordKind.CONTACT: frozenset({"mark", "phone", "email"}),
    RecordKind.COMPANY: frozenset(SEARCH),
}
"""By what a card of a kind can be found again. Of people many bear the same name."""


class HttpRecords(Records[HttpSettings]):
    """Nothing is known of such a system but what its connection says; `under` makes the one of a connection."""

    kinds: Collection[RecordKind] = frozenset({RecordKind.CONTACT, RecordKind.COMPANY})  # type: ignore[misc]
    creating = Operation(Safety.checkable())
    updating = Operation(Safety.idempotent())
    reads_at_once = AT_ONCE

    def under(self, settings: Mapping[str, object]) -> Records[HttpSettings]:
        declared = settings.get("records")
        return _declared(json.dumps(declared, sort_keys=True)) if isinstance(declared, Mapping) else NOBODY

    def keeps(self, kind: RecordKind, field: str, value: Value) -> Value:
        return keeps(field, value, self._system)

    @property
    def _system(self) -> OwnSystem | None:
        """What its connection says of it."""
        return None

    # Reading

    async def find(self, kind: RecordKind, key: Key, call: Call[HttpSettings]) -> tuple[Object, ...] | None:
        system = client.system_of(call)
        if key.by.value not in system.search or (key.by is KeyType.NAME and kind is not RecordKind.COMPANY):
            return None
        answer = await client.ask(call, "GET", kind.value, params={key.by.value: key.value, "limit": AT_ONCE})
        objects, by_mark = _objects(kind, answer, system), key.by is KeyType.MARK
        found = tuple(one for one in objects if (mark_of(one.original) == key.value if by_mark else shows(one, key)))
        if len(found) < len(objects) and answer.get("next") is not None:
            # Its whole list, page by page: taken for "there is none", or no other, it would be made once more.
            raise VendorFailure(
                Unclear(code="not_searched", message=N_("the system shows all its cards, whatever it is asked for"))
            )
        return found

    async def linked(self, kind: RecordKind, to: ObjectId, call: Call[HttpSettings]) -> tuple[Object, ...]:
        asked = {"linked": f"{to.kind.value}:{to.id}", "limit": AT_ONCE}
        found = _objects(kind, await client.ask(call, "GET", kind.value, params=asked), client.system_of(call))
        return tuple(one for one in found if to in one.links)

    async def read_many(self, kind: RecordKind, ids: Sequence[str], call: Call[HttpSettings]) -> tuple[Object, ...]:
        wanted, found = list(dict.fromkeys(ids)), list[Object]()
        for first in range(0, len(wanted), AT_ONCE):
            some = wanted[first : first + AT_ONCE]
            answer = await client.ask(call, "GET", kind.value, params={"id": some, "limit": AT_ONCE})
            found += [one for one in _objects(kind, answer, client.system_of(call)) if one.id in some]
        return tuple(found)

    async def fate(self, kind: RecordKind, id: str, call: Call[HttpSettings]) -> Fate:
        try:
            card = await client.ask(call, "GET", client.card_path(kind, id), of_one=True)
        except VendorFailure as failure:
            if isinstance(failure.outcome, Refused) and failure.code in FATES:
                return FATES[failure.code]
            raise
        if id_of(card.get("id")) != id:
            # Anything with 200 may be a page of somebody's on the way, or another card.
            raise VendorFailure(Unclear(code="no_id", message=N_("the system answered without the card asked for")))
        return Fate.DELETED if is_deleted(card) else Fate.THERE

    async def page(self, kind: RecordKind, after: str | None, call: Call[HttpSettings]) -> Page:
        return await _page(kind, {}, after, call)

    async def changed(
        self, kind: RecordKind, since: datetime, after: str | None, call: Call[HttpSettings]
    ) -> Page | None:
        if not client.system_of(call).since:
            return None
        return (await changes(kind, since, after, call)).page

    # Writing

    async def create(
        self, kind: RecordKind, fields: Mapping[str, Value], links: Sequence[LinkTo], mark: str,
        call: Call[HttpSettings],
    ) -> Written:  # fmt: skip
        system = client.system_of(call)
        card = sent(fields, system)
        body = {**_quietly(call), "fields": card.fields, "links": _links(links)}
        if "mark" in system.search:
            body["mark"] = mark
        return await _written(kind, "POST", kind.value, body, card.left_out, call)

    async def update(self, object: Object, changes: Mapping[str, Wanted], call: Call[HttpSettings]) -> Written | None:
        card = sent(changes, client.system_of(call), object)
        if not card.fields:
            return Written(Succeeded(external_id=object.id, already=True), left_out=card.left_out)
        path = client.card_path(object.kind, object.id)
        written = await _written(
            object.kind, "PATCH", path, {**_quietly(call), "fields": card.fields}, card.left_out, call, object
        )
        return None if _says_gone(written.outcome) else written

    async def link(self, object: Object, links: Sequence[LinkTo], call: Call[HttpSettings]) -> Outcome:
        path, body = client.card_path(object.kind, object.id), {**_quietly(call), "links": _links(links)}
        return (await _written(object.kind, "PATCH", path, body, (), call, object)).outcome


class DeclaredRecords(HttpRecords):
    """Those of one connection."""

    def __init__(self, system: OwnSystem | None) -> None:
        self._own = system
        self.kinds = frozenset(map(RecordKind, system.kinds)) if system is not None else frozenset()
        self.singles = frozenset(system.one) if system is not None else frozenset()  # type: ignore[misc]
        self.read_only = frozenset(system.read_only) if system is not None else frozenset()  # type: ignore[misc]

    @property
    def _system(self) -> OwnSystem | None:
        return self._own

    def requires(self, kind: RecordKind) -> frozenset[str]:
        return frozenset(self._own.requires) if self._own is not None else frozenset()

    def not_searched(self, kind: RecordKind) -> str | None:
        told_by = TOLD_BY[kind]
        if self._own is None or not told_by.isdisjoint(self._own.search):
            return None
        listed = ", ".join(name for name in SEARCH if name in told_by)
        return _("its records.search has none of {listed}: list there what it finds by", listed=listed)


NOBODY = DeclaredRecords(None)
"""Where a connection says nothing of cards."""


@lru_cache(maxsize=256)
def _declared(records: str) -> DeclaredRecords:
    try:
        return DeclaredRecords(OwnSystem.model_validate_json(records))
    except ValidationError:
        return NOBODY  # a setting of another release's


# Answers


def _objects(kind: RecordKind, answer: Section, system: OwnSystem) -> list[Object]:
    if not isinstance(answer.get("objects"), list):
        raise VendorFailure(Unclear(code="no_objects", message=N_("the system answered without `objects`")))
    found = (object_of(kind, card, system) for card in sections(answer["objects"]))
    return list({one.id: one for one in found if one is not None}.values())


class Changes(NamedTuple):
    """A page of a list."""

    page: Page
    deleted: tuple[Object, ...]
    """Cards on it that say that they were deleted."""
    time: datetime | None
    """What its clock has, where it says so."""


async def changes(kind: RecordKind, since: datetime, after: str | None, call: Call[HttpSettings]) -> Changes:
    """What was changed since then, a page of it."""
    return await _listed(kind, {"since": since.isoformat().replace("+00:00", "Z")}, after, call)


async def _page(kind: RecordKind, wanted: Mapping[str, Any], after: str | None, call: Call[HttpSettings]) -> Page:
    return (await _listed(kind, wanted, after, call)).page


async def _listed(kind: RecordKind, wanted: Mapping[str, Any], after: str | None, call: Call[HttpSettings]) -> Changes:
    asked = {**wanted, "limit": client.system_of(call).page, **({"after": after} if after is not None else {})}
    answer, time = await client.ask_the_time(call, "GET", kind.value, params=asked)
    objects, further = _objects(kind, answer, client.system_of(call)), id_of(answer.get("next"))
    if further is not None and further == after:
        raise VendorFailure(Unclear(code="no_end", message=N_("the system gives the same page again and again")))
    last = next(reversed(sections(answer["objects"])), NOTHING)
    if answer.get("next") is not None and (further is None or further != id_of(last.get("id"))):
        message = N_("`next` isn't the id of the last card on its page: the cards between them would be passed over")
        raise VendorFailure(Unclear(code="wrong_next", message=message))
    system = client.system_of(call)
    deleted = (deleted_of(kind, card, system) for card in sections(answer["objects"]))
    return Changes(Page(tuple(objects), further), tuple(one for one in deleted if one is not None), time)


async def _written(
    kind: RecordKind, method: str, path: str, body: Mapping[str, Any], left_out: tuple[str, ...],
    call: Call[HttpSettings], there: Object | None = None,
) -> Written:  # fmt: skip
    """A card that was written; the answer shows it as it stands now."""
    version = there.version if there is not None else None
    try:
        card = await client.ask(call, method, path, json=body, of_one=there is not None, version=version)
    except VendorFailure as failure:
        return Written(_of_a_write(failure.outcome))
    shown = object_of(kind, card, client.system_of(call))
    if shown is None or (there is not None and shown.id != there.id):
        return Written(Unclear(code="no_id", message=N_("the system answered without the card that it wrote")))
    if "fields" not in card:
        return Written(Succeeded(external_id=shown.id), version=shown.version, left_out=left_out)
    untaken = not_taken(body.get("fields", {}), shown, client.system_of(call))
    message = None
    if left_out or untaken:
        names = ", ".join(sorted({*left_out, *untaken}))
        message = N_("the system has no field for {names}, or holds another value in it").format(names=names)
    return Written(
        Succeeded(external_id=shown.id, message=message), shown, shown.version, tuple(sorted({*left_out, *untaken}))
    )


def _of_a_write(outcome: Outcome) -> Outcome:
    """What failed on its side may have been done before it did."""
    if isinstance(outcome, Retry) and outcome.code.isdigit() and int(outcome.code) >= 500:
        return Unclear(code=outcome.code, message=outcome.message, reason=outcome.reason, after=outcome.after)
    return outcome


def _says_gone(outcome: Outcome) -> bool:
    return isinstance(outcome, Refused) and outcome.code in GONE


def _quietly(call: Call[HttpSettings]) -> dict[str, object]:
    return {"quiet": True} if call.quiet else {}


def _links(links: Sequence[LinkTo]) -> list[dict[str, object]]:
    return [{"kind": one.to.kind.value, "id": one.to.id, "main": one.main} for one in links]
