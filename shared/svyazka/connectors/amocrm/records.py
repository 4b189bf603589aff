"""Contacts, companies and deals of amoCRM, their notes and tasks.

Lists are given by pages' numbers, whole cards in them; a deletion is told by webhooks alone. Robots (Digital Pipeline)
watch deals; whether anything of amoCRM's own starts at a contact's change nobody says.
"""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import NamedTuple

from svyazka.catalogue import N_
from svyazka.connectors.amocrm import client
from svyazka.connectors.amocrm.cards import (
    Sent,
    changed_card,
    keeps,
    mark_of,
    new_card,
    object_of,
    told,
    unwritten,
    without_fields,
)
from svyazka.connectors.amocrm.dictionary import ENTITY, Fields, fields_of, forget_fields
from svyazka.connectors.amocrm.schema import moment, seconds_of, sections
from svyazka.connectors.amocrm.settings import AmocrmSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import (
    Fate,
    LinkTo,
    New,
    Operation,
    Page,
    Quiet,
    Records,
    Replaces,
    Written,
)
from svyazka.engine.contracts.changes import Change, Mark
from svyazka.engine.contracts.listing import Listed, walked
from svyazka.engine.contracts.untrusted import Section, section, text
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.rules.what_differs import shows
from svyazka.model.commands import AddNote, AddTask, Safety
from svyazka.model.errors import NotShown
from svyazka.model.outcomes import Blocked, Outcome, Refused, Succeeded, Unclear
from svyazka.model.records import Key, KeyType, Object, ObjectId, RecordKind, Value, Wanted

SEARCH_LAGS = timedelta(seconds=60)
"""So long a new card may be missing from what amoCRM's search shows (unknown: nobody says)."""

BATCH = 50
"""Cards of one call: amoCRM takes 250 and recommends no more than this."""

NOTE_LIMIT = 20_000
"""Characters of a note (from memory)."""

TASK_LIMIT = 10_000
CALL_TASK = 1
"""The type of task that every account has: a call, to get in touch."""

PHONE_DIGITS = 10
"""A phone is searched by so many of its last digits: what stands before them is written in many ways."""


_FIELD = re.compile(r"custom_fields_values\.(\d+)")


class Made(NamedTuple):
    """What amoCRM tells of a card that it took."""

    id: str
    version: str | None


_Send = Callable[[Sent], Awaitable[Made]]


class _Gone(Exception):
    """The card isn't there any more."""


class AmocrmRecords(Records[AmocrmSettings]):
    """Writes are refused whole or taken whole; nothing of amoCRM's recognises a repeat, so each is looked for."""

    kinds = frozenset(ENTITY)
    deal_id = "amo_lead_id"
    creating = Operation(Safety.checkable(SEARCH_LAGS), quiet=Quiet.NO)
    updating = Operation(Safety.idempotent(), quiet=Quiet.NO, replaces=Replaces.LIST)
    batch = BATCH
    reads_at_once = client.PAGE
    noting = Operation(Safety.checkable(SEARCH_LAGS), quiet=Quiet.YES)
    tasking = Operation(Safety.checkable(SEARCH_LAGS), quiet=Quiet.NO)

    def keeps(self, kind: RecordKind, field: str, value: Value) -> Value:
        return keeps(kind, field, value)

    def quiet(self, kind: RecordKind, operation: Operation) -> Quiet:
        on_cards = operation is self.creating or operation is self.updating
        return Quiet.UNKNOWN if on_cards and kind is not RecordKind.DEAL else operation.quiet

    def defaults(self, kind: RecordKind, settings: AmocrmSettings) -> Mapping[str, Value]:
        told = {"responsible": settings.responsible}
        if kind is RecordKind.DEAL:
            told |= {"pipeline": settings.pipeline, "stage": None if settings.unsorted else settings.status}
        return {name: value for name, value in told.items() if value is not None}

    # Reading

    async def find(self, kind: RecordKind, key: Key, call: Call[AmocrmSettings]) -> tuple[Object, ...] | None:
        fields = await fields_of(call, kind)
        question = await _question(call, kind, key, fields)
        if question is None:
            return None
        found: list[Object] = []
        async for body in client.every(call, ENTITY[kind], ENTITY[kind], {**question, **_with(kind)}):
            card = object_of(kind, body, fields, call.timezone)
            if card is not None and body.get("is_deleted") is not True and _shows(card, body, key, fields):
                found.append(card)
        return tuple(found)

    async def linked(self, kind: RecordKind, to: ObjectId, call: Call[AmocrmSettings]) -> tuple[Object, ...]:
        body = await _seen(call, f"{ENTITY[to.kind]}/{to.id}", {"with": "leads"})
        ids = [text(one.get("id")) for one in sections(section(body, "_embedded").get(ENTITY[kind]))]
        newest = sorted((id_ for id_ in ids if id_), key=lambda id_: (len(id_), id_))[-client.PAGE :]
        return await self.read_many(kind, newest, call) if newest else ()

    async def read_many(self, kind: RecordKind, ids: Sequence[str], call: Call[AmocrmSettings]) -> tuple[Object, ...]:
        fields = await fields_of(call, kind)
        bodies = [body async for body in _by_ids(call, kind, ids)]
        return _objects(kind, bodies, fields, call)

    async def fate(self, kind: RecordKind, id: str, call: Call[AmocrmSettings]) -> Fate:
        try:
            body = await client.ask(call, "GET", f"{ENTITY[kind]}/{id}")
        except VendorFailure as error:
            if error.code == "403" and isinstance(error.outcome, Blocked):
                return Fate.HIDDEN
            if error.code != "404":
                raise
            body = None
        if body is None:
            return Fate.GONE  # in the bin or not: who asks isn't told
        return Fate.DELETED if body.get("is_deleted") is True else Fate.THERE

    async def page(self, kind: RecordKind, after: str | None, call: Call[AmocrmSettings]) -> Page:
        fields = await fields_of(call, kind)

        async def read(number: int, length: int) -> Listed:
            return Listed(*await client.in_order(call, ENTITY[kind], number, length, _with(kind)))

        bodies, further = await walked(after, client.PAGE, read)
        return Page(_objects(kind, bodies, fields, call), further)

    async def changed(
        self, kind: RecordKind, since: datetime, after: str | None, call: Call[AmocrmSettings]
    ) -> Page | None:
        if not await client.filters_work(call):
            return None
        fields, mark = await fields_of(call, kind), Mark.going_on(since, after)
        found, more = await client.changed(call, ENTITY[kind], mark.at, mark.page, with_=_with(kind))
        further = mark.after([Change(text(one.get("id")), seconds_of(one.get("updated_at"))) for one in found], more)
        return Page(_objects(kind, found, fields, call), str(further) if more else None)

    # Writing

    async def create(
        self, kind: RecordKind, fields: Mapping[str, Value], links: Sequence[LinkTo], mark: str,
        call: Call[AmocrmSettings],
    ) -> Written:  # fmt: skip
        mapped = await fields_of(call, kind)
        card = new_card(kind, fields, links, mark, mapped, call.settings, call.timezone)
        if kind is RecordKind.DEAL and call.settings.unsorted:
            return await self._taken(call, kind, card, lambda one: _unsorted(call, one, mark))
        return await self._taken(call, kind, card, lambda one: _added(call, ENTITY[kind], one.body))

    async def create_many(
        self, kind: RecordKind, news: Sequence[New], call: Call[AmocrmSettings]
    ) -> Sequence[Written] | None:
        if len(news) == 1:
            return await super().create_many(kind, news, call)
        if kind is RecordKind.DEAL and call.settings.unsorted:
            return None  # those have a call of their own
        mapped = await fields_of(call, kind)
        cards = [new_card(kind, one.fields, (), one.mark, mapped, call.settings, call.timezone) for one in news]
        body = [{**card.body, "request_id": str(place)} for place, card in enumerate(cards)]
        try:
            answer = await client.ask(call, "POST", ENTITY[kind], json=body)
        except client.Invalid:
            return None  # one mistake refuses the whole batch, before anything is made
        return _written(cards, sections(section(answer, "_embedded").get(ENTITY[kind])))

    async def update(self, object: Object, changes: Mapping[str, Wanted], call: Call[AmocrmSettings]) -> Written | None:
        fields = await fields_of(call, object.kind)
        card = changed_card(object.kind, changes, object, fields, call.settings, call.timezone)
        if not card.body:
            nothing = Succeeded(external_id=object.id, already=True, message=told(card))
            return Written(nothing, left_out=unwritten(card))

        async def patch(one: Sent) -> Made:
            return Made(object.id, await _patched(call, object, one) if one.body else None)

        try:
            return await self._taken(call, object.kind, card, patch)
        except _Gone:
            return None

    async def _taken(self, call: Call[AmocrmSettings], kind: RecordKind, card: Sent, send: _Send) -> Written:
        """Sent; where amoCRM doesn't take a field (removed in the cabinet, another type by now), which it says before
        it does anything, the rest goes without it: a lead isn't lost for a field."""
        try:
            made = await send(card)
        except client.Invalid as error:
            places = [found[1] for path in error.paths if (found := _FIELD.search(path)) is not None]
            if len(places) < len(error.paths):
                return Written(error.outcome)
            forget_fields(call, kind)
            card = without_fields(card, map(int, places))
            try:
                made = await send(card)
            except VendorFailure as again:
                return Written(again.outcome)
        except VendorFailure as error:
            return Written(error.outcome)
        done = Succeeded(external_id=made.id, message=told(card))
        return Written(done, version=made.version, left_out=unwritten(card))

    async def link(self, object: Object, links: Sequence[LinkTo], call: Call[AmocrmSettings]) -> Outcome:
        body = [
            {
                "to_entity_id": int(one.to.id), "to_entity_type": ENTITY[one.to.kind],
                **({"metadata": {"is_main": True}} if one.main else {}),
            }
            for one in links
        ]  # fmt: skip
        try:
            await client.ask(call, "POST", f"{ENTITY[object.kind]}/{object.id}/link", json=body)
        except VendorFailure as error:
            return error.outcome
        return Succeeded()

    # Notes and tasks

    async def note(self, on: ObjectId, command: AddNote, call: Call[AmocrmSettings]) -> Outcome:
        body = {
            "note_type": "common", "params": {"text": command.text[:NOTE_LIMIT]},
            "is_need_to_trigger_digital_pipeline": False,
        }  # fmt: skip
        return await _put_on(call, f"{ENTITY[on.kind]}/{on.id}/notes", "notes", body)

    async def find_note(
        self, on: ObjectId, command: AddNote, since: datetime, call: Call[AmocrmSettings]
    ) -> Outcome | None:
        question: dict[str, str | int] = {"filter[note_type][]": "common", "order[id]": "desc"}
        wanted = _plain(command.text[:NOTE_LIMIT])
        async for one in client.every(call, f"{ENTITY[on.kind]}/{on.id}/notes", "notes", question):
            if _is_since(one, since) and _plain(text(section(one, "params").get("text"), NOTE_LIMIT)) == wanted:
                return Succeeded(external_id=text(one.get("id")), already=True)
        return None

    async def task(self, on: ObjectId, command: AddTask, call: Call[AmocrmSettings]) -> Outcome:
        responsible = command.responsible or call.settings.responsible
        body = {
            "text": command.text[:TASK_LIMIT], "complete_till": int(command.due_at.timestamp()),
            "entity_type": ENTITY[on.kind], "entity_id": int(on.id), "task_type_id": CALL_TASK,
            **({"responsible_user_id": int(responsible)} if responsible and responsible.isdigit() else {}),
        }  # fmt: skip
        return await _put_on(call, "tasks", "tasks", body)

    async def find_task(
        self, on: ObjectId, command: AddTask, since: datetime, call: Call[AmocrmSettings]
    ) -> Outcome | None:
        question: dict[str, str | int] = {
            "filter[entity_type]": ENTITY[on.kind], "filter[entity_id][]": on.id, "order[created_at]": "desc",
        }  # fmt: skip
        wanted = _plain(command.text[:TASK_LIMIT])
        async for one in client.every(call, "tasks", "tasks", question):
            ours = text(one.get("entity_id")) == on.id and _is_since(one, since)
            if ours and _plain(text(one.get("text"), TASK_LIMIT)) == wanted:
                return Succeeded(external_id=text(one.get("id")), already=True)
        return None


# The calls


def _with(kind: RecordKind) -> dict[str, str]:
    return {"with": "contacts"} if kind is RecordKind.DEAL else {}


async def _seen(call: Call[AmocrmSettings], path: str, params: Mapping[str, str | int]) -> Section | None:
    """One card; None where it is gone, or in a pipeline that this user never sees: then it is nothing to write into."""
    try:
        return await client.one(call, path, params)
    except NotShown:
        return None


async def _by_ids(call: Call[AmocrmSettings], kind: RecordKind, ids: Sequence[str]) -> AsyncIterator[Section]:
    """Cards by their ids, 250 in a call; one by one where the account has no filters."""
    path = ENTITY[kind]
    if len(ids) < 2 or not await client.filters_work(call):
        for id_ in ids:
            body = await _seen(call, f"{path}/{id_}", _with(kind))
            if body is not None:
                yield body
        return
    for first in range(0, len(ids), client.PAGE):
        some = ids[first : first + client.PAGE]
        wanted = {f"filter[id][{place}]": id_ for place, id_ in enumerate(some)}
        async for body in client.every(call, path, path, {**wanted, **_with(kind)}):
            if text(body.get("id")) in some:
                yield body


async def _question(
    call: Call[AmocrmSettings], kind: RecordKind, key: Key, fields: Fields
) -> Mapping[str, str | int] | None:
    """What amoCRM is asked to find cards by a key; its search looks into all fields and finds parts of words too."""
    match key.by:
        case KeyType.PHONE if "phone" in fields.by_name:
            return {"query": re.sub(r"\D", "", key.value)[-PHONE_DIGITS:]}
        case KeyType.EMAIL if "email" in fields.by_name:
            return {"query": key.value}
        case KeyType.NAME:
            return {"query": max(key.value.split(), key=len)}  # quotes and what stands between them vary
        case KeyType.CHAT:
            name, _, value = key.value.partition(":")
            field = fields.by_name.get(name)
        case KeyType.MARK:
            field, value = fields.mark, key.value
        case _:
            return None
    if field is None:
        return None
    if field.id is not None and await client.filters_work(call):
        return {f"filter[custom_fields_values][{field.id}][]": value}
    return {"query": value}


def _shows(card: Object, body: Section, key: Key, fields: Fields) -> bool:
    """Whether a card that was found is one of those that were meant."""
    if key.by is KeyType.MARK:
        return mark_of(body, fields) == key.value
    return shows(card, key)


def _objects(
    kind: RecordKind, bodies: Iterable[Section], fields: Fields, call: Call[AmocrmSettings]
) -> tuple[Object, ...]:
    found = (object_of(kind, body, fields, call.timezone) for body in bodies if body.get("is_deleted") is not True)
    return tuple(one for one in found if one is not None)


async def _added(call: Call[AmocrmSettings], entity: str, body: Mapping[str, object]) -> Made:
    answer = await client.ask(call, "POST", entity, json=[body])
    return _made(section(answer, "_embedded").get(entity))


def _written(cards: Sequence[Sent], made: Iterable[Section]) -> list[Written]:
    """What came of each card of a batch; amoCRM gives back the `request_id` that each was sent with."""
    by_place = {text(one.get("request_id")): one for one in made}
    found = []
    for place, card in enumerate(cards):
        try:
            one = _made([by_place.get(str(place))])
        except VendorFailure as error:
            found.append(Written(error.outcome))
            continue
        done = Succeeded(external_id=one.id, message=told(card))
        found.append(Written(done, version=one.version, left_out=unwritten(card)))
    return found


async def _unsorted(call: Call[AmocrmSettings], card: Sent, mark: str) -> Made:
    """A deal that a person accepts first; its contacts go along by their ids."""
    lead = {name: value for name, value in card.body.items() if name not in ("pipeline_id", "_embedded", "status_id")}
    embedded = section(card.body.get("_embedded"))
    contacts = [{"id": one.get("id")} for one in sections(embedded.get("contacts"))]
    sent_at = int(call.now.timestamp())
    body: dict[str, object] = {
        "source_name": "Svyazka", "source_uid": mark, "created_at": sent_at,
        "metadata": {
            "form_id": mark, "form_name": text(card.body.get("name")) or "Svyazka", "form_page": "svyazka",
            "form_sent_at": sent_at, "ip": "0.0.0.0", "referer": "",
        },
        "_embedded": {"leads": [lead], **({"contacts": contacts} if contacts else {})},
    }  # fmt: skip
    if "pipeline_id" in card.body:
        body["pipeline_id"] = card.body["pipeline_id"]
    answer = await client.ask(call, "POST", "leads/unsorted/forms", json=[body])
    made = next(iter(sections(section(answer, "_embedded").get("unsorted"))), None)
    return _made(section(made, "_embedded").get("leads"))


async def _patched(call: Call[AmocrmSettings], object_: Object, card: Sent) -> str | None:
    """The version that the card has now."""
    try:
        answer = await client.ask(call, "PATCH", f"{ENTITY[object_.kind]}/{object_.id}", json=card.body)
    except VendorFailure as error:
        if error.code == "404" and isinstance(error.outcome, Refused):
            raise _Gone from error
        raise
    if answer is None:
        raise _Gone
    return text(answer.get("updated_at"))


async def _put_on(call: Call[AmocrmSettings], path: str, entity: str, body: Mapping[str, object]) -> Outcome:
    try:
        answer = await client.ask(call, "POST", path, json=[body])
        return Succeeded(external_id=_made(section(answer, "_embedded").get(entity)).id)
    except VendorFailure as error:
        return error.outcome


def _made(made: object) -> Made:
    """The one that was made. Raises VendorFailure for an answer that tells none: it may be there."""
    first = next(iter(sections(made)), None)
    id_ = text(first.get("id")) if first is not None else None
    if first is None or id_ is None:
        raise VendorFailure(Unclear(code="no_id", message=N_("amoCRM took it and told no id")))
    return Made(id_, text(first.get("updated_at")))


def _is_since(one: Section, since: datetime) -> bool:
    made = moment(one.get("created_at"))
    return made is not None and made >= since.replace(microsecond=0)


def _plain(words: str | None) -> str:
    return " ".join((words or "").split())
