"""Contacts, companies and deals of Bitrix24, their comments and tasks."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from svyazka.catalogue import N_
from svyazka.connectors.bitrix24 import client
from svyazka.connectors.bitrix24.cards import (
    ESSENTIAL,
    ESSENTIAL_OF_OURS,
    LINE_LIMIT,
    ORIGINATOR,
    TEXT_LIMIT,
    Sent,
    changed_card,
    keeps,
    linked,
    mark_of,
    new_card,
    object_of,
)
from svyazka.connectors.bitrix24.dictionary import ENTITY, Field, fields_of
from svyazka.connectors.bitrix24.failures import DENIED, FIELD_REFUSED, NOT_FOUND
from svyazka.connectors.bitrix24.settings import Bitrix24Settings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import Fate, LinkTo, New, Operation, Page, Quiet, Records, Written
from svyazka.engine.contracts.changes import Change, Mark
from svyazka.engine.contracts.putting import only_read
from svyazka.engine.contracts.untrusted import Section, section, sections, text, zoned_time
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.rules.what_differs import shows
from svyazka.model.commands import AddNote, AddTask, Safety
from svyazka.model.errors import LeaseTooShort, MaybeSent, NoPlace, NotSent
from svyazka.model.outcomes import GaveBack, Outcome, Refused, Succeeded, Unclear
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
    reads_at_once = client.AT_ONCE
    batch = 20
    """Of the 50 commands that a batch may have: each is carried out by itself, and all of them must be done before the
    call's time is over. How long one takes isn't published."""

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
            found += _objects(kind, cards, own, call)
        return tuple(found)

    async def fate(self, kind: RecordKind, id: str, call: Call[Bitrix24Settings]) -> Fate:
        """What its bin holds isn't told."""
        try:
            await client.ask(call, "crm.item.get", {"entityTypeId": ENTITY[kind], "id": id, **client.ORIGINAL})
        except VendorFailure as failure:
            if failure.code == NOT_FOUND:
                return Fate.GONE
            if failure.code == DENIED:
                return Fate.HIDDEN
            raise
        return Fate.THERE

    async def page(self, kind: RecordKind, after: str | None, call: Call[Bitrix24Settings]) -> Page:
        own = await fields_of(call, kind)
        cards = await client.listed(call, ENTITY[kind], {">id": int(after or 0)})
        found = tuple(_objects(kind, cards, own, call))
        # A short page is no proof of the end: cards that this employee isn't shown may be left out of it.
        return Page(found, found[-1].id if found else None)

    async def changed(
        self, kind: RecordKind, since: datetime, after: str | None, call: Call[Bitrix24Settings]
    ) -> Page | None:
        own, mark = await fields_of(call, kind), Mark.going_on(since, after)
        cards, more = await client.changed(call, ENTITY[kind], datetime.fromtimestamp(mark.at, UTC), mark.page)
        found = tuple(_objects(kind, cards, own, call))
        times = (Change(one.id, int(one.changed_at.timestamp()) if one.changed_at else None) for one in found)
        return Page(found, str(mark.after(list(times), more)) if more else None)

    # Writing

    async def create(
        self, kind: RecordKind, fields: Mapping[str, Value], links: Sequence[LinkTo], mark: str,
        call: Call[Bitrix24Settings],
    ) -> Written:  # fmt: skip
        try:
            own = await fields_of(call, kind)
        except (LeaseTooShort, MaybeSent, VendorFailure) as error:
            return Written(only_read(error))
        card = new_card(kind, fields, links, mark, own, call.settings)
        written = await _added(call, kind, card, own)
        essential = {name: value for name, value in card.fields.items() if name in ESSENTIAL}
        if isinstance(written.outcome, Refused) and written.outcome.code == FIELD_REFUSED and essential != card.fields:
            # Nothing was made, and which field it was stands in words of the portal's language only.
            why = N_("written without its lesser fields: {why}").format(why=written.outcome.message)
            lesser = tuple(name for name in fields if name not in ESSENTIAL_OF_OURS)
            again = await _added(call, kind, Sent(essential, (*card.left_out, *lesser)), own, why)
            return again if not isinstance(again.outcome, Refused) else written
        return written

    async def create_many(
        self, kind: RecordKind, news: Sequence[New], call: Call[Bitrix24Settings]
    ) -> Sequence[Written] | None:
        """Each by a command of one batch, with a result or a failure of its own."""
        if len(news) == 1:
            return await super().create_many(kind, news, call)
        own = await fields_of(call, kind)
        cards = [new_card(kind, one.fields, (), one.mark, own, call.settings) for one in news]
        told = await client.batch(
            call, {f"n{place}": ("crm.item.add", _adding(kind, card)) for place, card in enumerate(cards)}
        )
        written: list[Written] = []
        for place, card in enumerate(cards):
            try:
                written.append(_saved_as(section(section(told.one(f"n{place}")).get("item")), kind, card, own, call))
            except VendorFailure as failure:
                written.append(Written(failure.outcome))
        return [
            await self._alone(kind, new, call) if _is_for_a_field(one.outcome) else one
            for new, one in zip(news, written, strict=True)
        ]

    async def _alone(self, kind: RecordKind, new: New, call: Call[Bitrix24Settings]) -> Written:
        """One that was refused for a field, by a call of its own, which leaves lesser fields out."""
        try:
            return await self.create(kind, new.fields, (), new.mark, call)
        except (LeaseTooShort, NoPlace, NotSent):
            return Written(GaveBack(code="not_sent", message=N_("it was not sent again")))
        except MaybeSent as error:
            return Written(Unclear(code=str(error.args[0]) if error.args else "cut", message=str(error)))

    async def update(
        self, object: Object, changes: Mapping[str, Wanted], call: Call[Bitrix24Settings]
    ) -> Written | None:
        try:
            own = await fields_of(call, object.kind)
        except (LeaseTooShort, MaybeSent, VendorFailure) as error:
            return Written(only_read(error))
        card = changed_card(object.kind, changes, object, own, call.settings)
        if not card.fields:
            nothing = Succeeded(external_id=object.id, already=True, message=card.told())
            return Written(nothing, left_out=card.left_out)
        written = await _changed(call, object, card, own)
        return None if getattr(written.outcome, "code", None) == NOT_FOUND else written

    async def link(self, object: Object, links: Sequence[LinkTo], call: Call[Bitrix24Settings]) -> Outcome:
        fields = linked(object.kind, section(object.original), links)
        if not fields:
            return Succeeded(external_id=object.id, already=True)
        return (await _changed(call, object, Sent(fields), {})).outcome

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


def _objects(
    kind: RecordKind, cards: Iterable[Section], own: Mapping[str, Field], call: Call[Bitrix24Settings]
) -> list[Object]:
    return [one for card in cards if (one := object_of(kind, card, own, call.settings)) is not None]


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
    call: Call[Bitrix24Settings], kind: RecordKind, card: Sent, own: Mapping[str, Field], message: str | None = None
) -> Written:
    return await _saved(call, "crm.item.add", _adding(kind, card), kind, card, own, message)


def _adding(kind: RecordKind, card: Sent) -> Params:
    return {"entityTypeId": ENTITY[kind], "fields": card.fields, **client.ORIGINAL}


def _is_for_a_field(outcome: Outcome) -> bool:
    return isinstance(outcome, Refused) and outcome.code == FIELD_REFUSED


async def _changed(call: Call[Bitrix24Settings], there: Object, card: Sent, own: Mapping[str, Field]) -> Written:
    params = {"entityTypeId": ENTITY[there.kind], "id": int(there.id), "fields": card.fields, **client.ORIGINAL}
    return await _saved(call, "crm.item.update", params, there.kind, card, own)


async def _saved(
    call: Call[Bitrix24Settings], method: str, params: Params, kind: RecordKind, card: Sent, own: Mapping[str, Field],
    message: str | None = None,
) -> Written:  # fmt: skip
    """A card that was written; Bitrix24 answers with the whole of it, so that nobody has come between."""
    try:
        item = section(await client.ask(call, method, params), "item")
    except VendorFailure as failure:
        return Written(failure.outcome)
    return _saved_as(item, kind, card, own, call, message)


def _saved_as(
    item: Section, kind: RecordKind, card: Sent, own: Mapping[str, Field], call: Call[Bitrix24Settings],
    message: str | None = None,
) -> Written:  # fmt: skip
    shown = object_of(kind, item, own, call.settings)
    outcome = _with_id(item.get("id"), message or card.told())
    return Written(outcome, shown, shown.version if shown is not None else None, card.left_out)


async def _written(call: Call[Bitrix24Settings], method: str, params: Params, place: str) -> Outcome:
    """A comment or a task that was written."""
    try:
        result = await client.ask(call, method, params)
    except VendorFailure as failure:
        return failure.outcome
    return _with_id(section(result, place).get("id") if place else result)


def _with_id(told: object, message: str | None = None) -> Outcome:
    """What says neither that it was done nor why not leaves it open."""
    id_ = text(told, 40)
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
