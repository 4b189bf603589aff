"""Contacts, companies and deals of Bitrix24, their comments and tasks."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from svyazka.catalogue import N_
from svyazka.connectors.bitrix24 import client
from svyazka.connectors.bitrix24.cards import (
    ESSENTIAL,
    LINE_LIMIT,
    ORIGINATOR,
    TEXT_LIMIT,
    changed_card,
    keeps,
    linked,
    mark_of,
    new_card,
    object_of,
)
from svyazka.connectors.bitrix24.dictionary import ENTITY, Field, fields_of
from svyazka.connectors.bitrix24.failures import FIELD_REFUSED, NOT_FOUND
from svyazka.connectors.bitrix24.settings import Bitrix24Settings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import LinkTo, Operation, Quiet, Records
from svyazka.engine.contracts.putting import only_read
from svyazka.engine.contracts.untrusted import Section, section, sections, text, zoned_time
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.rules.what_differs import shows
from svyazka.model.commands import AddNote, AddTask, Safety
from svyazka.model.errors import LeaseTooShort, MaybeSent
from svyazka.model.outcomes import Outcome, Refused, Succeeded, Unclear
from svyazka.model.records import Key, KeyType, Object, ObjectId, RecordKind, Value, Wanted

if TYPE_CHECKING:
    from svyazka.connectors.bitrix24.client import Params

LETTERS = {RecordKind.DEAL: "D", RecordKind.CONTACT: "C", RecordKind.COMPANY: "CO"}
"""By which a task names the cards that it belongs to."""

PAGES = 20
"""Pages of comments that are looked through at most: a thousand on one card since a minute ago."""


class Bitrix24Records(Records[Bitrix24Settings]):
    """Nothing of Bitrix24's recognises a repeat, so each write is looked for: a card by our mark, a comment and a task
    by what they say. Robots of a portal's owner start at every write of a card."""

    kinds = frozenset(ENTITY)
    creating = Operation(Safety.checkable(), quiet=Quiet.NO)
    updating = Operation(Safety.idempotent(), quiet=Quiet.NO)
    noting = Operation(Safety.checkable(), quiet=Quiet.UNKNOWN)
    tasking = Operation(Safety.checkable(), quiet=Quiet.NO)

    def keeps(self, kind: RecordKind, field: str, value: Value) -> Value:
        return keeps(kind, field, value)

    def defaults(self, kind: RecordKind, settings: Bitrix24Settings) -> Mapping[str, Value]:
        told = {"responsible": settings.responsible}
        if kind is RecordKind.DEAL:
            told |= {"pipeline": settings.category, "stage": settings.stage}
        return {name: value for name, value in told.items() if value is not None}

    # Reading

    async def find(self, kind: RecordKind, key: Key, call: Call[Bitrix24Settings]) -> tuple[Object, ...] | None:
        own = await fields_of(call, kind)
        cards = await _candidates(call, kind, key, own)
        if cards is None:
            return None
        found = ((object_of(kind, card, own, call.settings), card) for card in cards)
        return tuple(one for one, card in found if one is not None and _is_it(one, card, key))

    async def linked(self, kind: RecordKind, to: ObjectId, call: Call[Bitrix24Settings]) -> tuple[Object, ...]:
        """A deal is found by its main contact: by its others Bitrix24 isn't known to search."""
        own, by = await fields_of(call, kind), {RecordKind.CONTACT: "contactId", RecordKind.COMPANY: "companyId"}
        if to.kind not in by:
            return ()
        cards = await client.listed(call, ENTITY[kind], {f"={by[to.kind]}": int(to.id)}, "DESC")
        return tuple(one for card in cards if (one := object_of(kind, card, own, call.settings)) is not None)

    async def read_many(self, kind: RecordKind, ids: Sequence[str], call: Call[Bitrix24Settings]) -> tuple[Object, ...]:
        wanted = list(dict.fromkeys(int(id_) for id_ in ids if id_.isascii() and id_.isdigit()))
        if not wanted:
            return ()
        own = await fields_of(call, kind)
        found: list[Object] = []
        for first in range(0, len(wanted), client.AT_ONCE):
            cards = await client.listed(call, ENTITY[kind], {"@id": wanted[first : first + client.AT_ONCE]})
            found += [one for card in cards if (one := object_of(kind, card, own, call.settings)) is not None]
        return tuple(found)

    # Writing

    async def create(
        self, kind: RecordKind, fields: Mapping[str, Value], links: Sequence[LinkTo], mark: str,
        call: Call[Bitrix24Settings],
    ) -> Outcome:  # fmt: skip
        try:
            own = await fields_of(call, kind)
        except (LeaseTooShort, MaybeSent, VendorFailure) as error:
            return only_read(error)
        card = new_card(kind, fields, links, mark, own, call.settings)
        outcome = await _added(call, kind, card.fields, card.told())
        essential = {name: value for name, value in card.fields.items() if name in ESSENTIAL}
        if isinstance(outcome, Refused) and outcome.code == FIELD_REFUSED and essential != card.fields:
            # Nothing was made, and which field it was stands in words of the portal's language only.
            left_out = N_("written without its lesser fields: {why}").format(why=outcome.message)
            again = await _added(call, kind, essential, left_out)
            return again if not isinstance(again, Refused) else outcome
        return outcome

    async def update(
        self, object: Object, changes: Mapping[str, Wanted], call: Call[Bitrix24Settings]
    ) -> Outcome | None:
        try:
            own = await fields_of(call, object.kind)
        except (LeaseTooShort, MaybeSent, VendorFailure) as error:
            return only_read(error)
        card = changed_card(object.kind, changes, object, own, call.settings)
        if not card.fields:
            return Succeeded(external_id=object.id, already=True, message=card.told())
        outcome = await _changed(call, object, card.fields, card.told())
        return None if getattr(outcome, "code", None) == NOT_FOUND else outcome

    async def link(self, object: Object, links: Sequence[LinkTo], call: Call[Bitrix24Settings]) -> Outcome:
        fields = linked(object.kind, section(object.original), links)
        return await _changed(call, object, fields, None) if fields else Succeeded(external_id=object.id, already=True)

    # Comments and tasks

    async def note(self, on: ObjectId, command: AddNote, call: Call[Bitrix24Settings]) -> Outcome:
        comment = {"ENTITY_ID": int(on.id), "ENTITY_TYPE": on.kind.value, "COMMENT": command.text[:TEXT_LIMIT]}
        return await _written(call, "crm.timeline.comment.add", {"fields": comment}, "")

    async def find_note(
        self, on: ObjectId, command: AddNote, since: datetime, call: Call[Bitrix24Settings]
    ) -> Outcome | None:
        params = {"filter": {"ENTITY_ID": int(on.id), "ENTITY_TYPE": on.kind.value}, "order": {"ID": "DESC"}}
        async for one in _newest(call, "crm.timeline.comment.list", params, "", "CREATED", since):
            if _plain(text(one.get("COMMENT"), TEXT_LIMIT)) == _plain(command.text[:TEXT_LIMIT]):
                return Succeeded(external_id=text(one.get("ID")), already=True)
        return None

    async def task(self, on: ObjectId, command: AddTask, call: Call[Bitrix24Settings]) -> Outcome:
        try:
            responsible = command.responsible or call.settings.responsible or await _responsible_for(call, on)
        except (LeaseTooShort, MaybeSent, VendorFailure) as error:
            return only_read(error)
        task = {
            "TITLE": _title(command), "DESCRIPTION": command.text[:TEXT_LIMIT], "RESPONSIBLE_ID": responsible,
            "DEADLINE": command.due_at.isoformat(timespec="seconds"), "UF_CRM_TASK": [f"{LETTERS[on.kind]}_{on.id}"],
        }  # fmt: skip
        return await _written(call, "tasks.task.add", {"fields": task}, "task")

    async def find_task(
        self, on: ObjectId, command: AddTask, since: datetime, call: Call[Bitrix24Settings]
    ) -> Outcome | None:
        params = {
            "filter": {"UF_CRM_TASK": f"{LETTERS[on.kind]}_{on.id}"}, "order": {"ID": "desc"},
            "select": ["ID", "TITLE", "CREATED_DATE"],
        }  # fmt: skip
        async for one in _newest(call, "tasks.task.list", params, "tasks", "createdDate", since):
            if _plain(text(one.get("title"))) == _plain(_title(command)):
                return Succeeded(external_id=text(one.get("id")), already=True)
        return None


# The calls


async def _candidates(
    call: Call[Bitrix24Settings], kind: RecordKind, key: Key, own: Mapping[str, Field]
) -> list[Section] | None:
    """Cards among which those with this key are, the newest first; None where there is no way to ask."""
    match key.by:
        case KeyType.PHONE | KeyType.EMAIL:
            return await _by_communication(call, kind, key)
        case KeyType.MARK:
            wanted: Params = {"=originatorId": ORIGINATOR, "=originId": key.value}
        case KeyType.NAME if kind is RecordKind.COMPANY:
            wanted = {"%title": _telling_word(key.value)}
        case KeyType.CHAT:
            name, _, value = key.value.partition(":")
            if name not in own:
                return None
            wanted = {f"={own[name].code}": value}
        case _:
            return None
    return await client.listed(call, ENTITY[kind], wanted, "DESC")


async def _by_communication(call: Call[Bitrix24Settings], kind: RecordKind, key: Key) -> list[Section] | None:
    if kind is RecordKind.DEAL:
        return None
    values = _spellings(key.value) if key.by is KeyType.PHONE else [key.value]
    ids = await client.duplicates(call, kind.value.upper(), key.by.value.upper(), values)
    return await client.listed(call, ENTITY[kind], {"@id": ids}, "DESC") if ids else []


def _spellings(phone: str) -> list[str]:
    """A phone as cards may have it: how far the search itself knows one spelling from another isn't published."""
    digits = phone.removeprefix("+")
    russian = digits.startswith("7") and len(digits) == 11
    return [phone, *((f"8{digits[1:]}", digits[1:]) if russian else ())]


def _telling_word(name: str) -> str:
    """The longest word of a name; one without `е`, if there is any, for that may be written `ё`."""
    words = sorted(re.findall(r"\w+", name), key=len, reverse=True) or [name]
    return next((word for word in words if "е" not in word and len(word) > 2), str(words[0]))


def _is_it(one: Object, card: Section, key: Key) -> bool:
    return mark_of(card) == key.value if key.by is KeyType.MARK else shows(one, key)


async def _added(
    call: Call[Bitrix24Settings], kind: RecordKind, fields: Mapping[str, object], message: str | None
) -> Outcome:
    params = {"entityTypeId": ENTITY[kind], "fields": fields, **client.ORIGINAL}
    return await _written(call, "crm.item.add", params, "item", message)


async def _changed(
    call: Call[Bitrix24Settings], there: Object, fields: Mapping[str, object], message: str | None
) -> Outcome:
    params = {"entityTypeId": ENTITY[there.kind], "id": int(there.id), "fields": fields, **client.ORIGINAL}
    return await _written(call, "crm.item.update", params, "item", message)


async def _written(
    call: Call[Bitrix24Settings], method: str, params: Params, place: str, message: str | None = None
) -> Outcome:
    """One write. What says neither that it was done nor why not leaves it open."""
    try:
        result = await client.ask(call, method, params)
    except VendorFailure as failure:
        return failure.outcome
    made = section(result, place).get("id") if place else result
    id_ = text(made, 40)
    if id_ is None or id_ == "0":
        return Unclear(code="no_id", message=N_("Bitrix24 answered without the id of what it made"))
    return Succeeded(external_id=id_, message=message)


async def _responsible_for(call: Call[Bitrix24Settings], on: ObjectId) -> str | None:
    """Whose card it is."""
    cards = await client.listed(call, ENTITY[on.kind], {"@id": [int(on.id)]})
    return next((text(card.get("assignedById")) for card in cards), None)


async def _newest(
    call: Call[Bitrix24Settings], method: str, params: Params, place: str, made_at: str, since: datetime
) -> AsyncIterator[Section]:
    """What was made since then, the newest first."""
    for page in range(PAGES):
        result = await client.ask(call, method, {**params, "start": page * client.AT_ONCE})
        found = sections(section(result).get(place) if place else result)
        for one in found:
            moment = zoned_time(one.get(made_at))
            if moment is not None and moment < since:
                return
            yield one
        if len(found) < client.AT_ONCE:
            return


def _title(command: AddTask) -> str:
    """What a list of tasks shows: the first line; all of it stands in the description."""
    return next(iter(command.text.strip().splitlines()), "")[:LINE_LIMIT].strip()


def _plain(value: str | None) -> str:
    """A text without what Bitrix24 may have made of it: tags it takes out, and blanks."""
    return " ".join(re.sub(r"<[^<>]*>", "", html.unescape(value or "")).split())
