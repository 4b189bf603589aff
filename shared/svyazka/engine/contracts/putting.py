"""How a thing gets into a system once, whatever the system: look, compare, and at most one call that changes anything.

What the process' death means follows from the looking, which is done anew at each attempt: an object that an earlier
attempt made is found by our mark or by what it is told by, and what an earlier attempt wrote differs no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from time import monotonic
from typing import TYPE_CHECKING, Any

from svyazka.catalogue import N_
from svyazka.engine.contracts.capabilities.records import LinkTo, Records
from svyazka.engine.rules.what_differs import normal_element, shows, what_differs
from svyazka.model.commands import PutRecord
from svyazka.model.contacts import Contact, normalize_email, normalize_phone
from svyazka.model.errors import LeaseTooShort, MaybeSent, NoPlace, SourceUnavailable
from svyazka.model.names import company_name, same_person
from svyazka.model.outcomes import GaveBack, Outcome, Refused, Retry, Succeeded, Unclear, Unknown, in_doubt_of_nothing
from svyazka.model.reasons import Reason
from svyazka.model.records import (
    CLEARED,
    SETS,
    UNREAD,
    Key,
    KeyType,
    Match,
    Object,
    ObjectId,
    RecordKind,
    Value,
    Wanted,
    wanted_value,
)
from svyazka.model.references import Produced, given

if TYPE_CHECKING:
    from svyazka.engine.contracts.calls import Call

NOT_THERE, GONE = "not_there", "gone"
"""Codes: there is none to be changed, and none was to be made; the very one that was meant has been removed."""

FRESH = 2.0
"""Seconds for which what was read is written back: somebody may save the card in between."""

CLOCKS_DIFFER = timedelta(seconds=60)
"""By so much a vendor's clock may be behind ours."""


async def put(records: Records[Any], command: PutRecord, call: Call[Any]) -> Outcome:
    """Carry out a PutRecord. NotSent and MaybeSent of the one write may pass through; those of reads don't: nothing was
    changed by them."""
    call.only_read, begun = True, monotonic()
    try:
        found = await _Look(records, command, call).found()
        if isinstance(found, Object) and monotonic() - begun > FRESH:
            # What is sent back whole must be what stands there now, or somebody's save of a moment ago is lost.
            found = next(iter(await records.read_many(found.kind, [found.id], call)), None) or gone_meanwhile()
    except (LeaseTooShort, MaybeSent, SourceUnavailable) as error:
        return only_read(error)
    call.only_read = False
    if isinstance(found, Object):
        return await _brought_up_to_date(records, command, found, call)
    return found if found is not None else await _made(records, command, call)


def gone_meanwhile() -> Retry:
    """It was there a moment ago: to be looked for anew."""
    return Retry(
        code="gone_meanwhile", message=N_("it was removed just now"), reason=Reason.CONFLICT, outage=False, after=1.0
    )


def only_read(error: LeaseTooShort | MaybeSent | SourceUnavailable) -> Outcome:
    """What a failed look means: nothing was changed by it, whatever became of it."""
    if isinstance(error, LeaseTooShort):
        return GaveBack(after=error.wait if isinstance(error, NoPlace) else 0.0, message=str(error))
    if isinstance(error, MaybeSent):
        code = "timeout" if "timeout" in str(error).lower() else "no_answer"
        message = N_("no answer to a question ({what})").format(what=error)
        return Retry(code=code, message=message, reason=Reason.OUT_OF_SERVICE)
    outcome = error.outcome
    if isinstance(outcome, Unclear):
        return in_doubt_of_nothing(outcome)
    return outcome or Retry(code="unavailable", message=str(error), reason=Reason.OUT_OF_SERVICE)


async def card_of(records: Records[Any], person: Contact, call: Call[Any]) -> Object | None:
    """The person's card; None where there is none, or nothing tells it. Changes nothing. Raises as reads do."""
    command = PutRecord(record=RecordKind.CONTACT, person=person, create=False)
    return await _Look(records, command, call).by_keys()


# Making one


async def _made(records: Records[Any], command: PutRecord, call: Call[Any]) -> Outcome:
    if not command.create:
        message = N_("there is no such {kind} there").format(kind=command.record.value)
        return Refused(code=NOT_THERE, message=message, reason=Reason.NOT_FOUND)
    wanted = {**records.defaults(command.record, call.settings), **_derived(command), **_explicit(command)}
    fields = {name: value for name, value in wanted.items() if value is not CLEARED}
    given_mark = command.match.mark if command.match is not None else None
    try:
        made = await records.create(command.record, fields, _links(command), given_mark or call.mark, call)
    except LeaseTooShort as error:
        return only_read(error)
    outcome = made.outcome
    if isinstance(outcome, Succeeded) and outcome.external_id is not None:
        return _done(ObjectId(command.record, outcome.external_id), outcome)
    return outcome


# Bringing one up to date


async def _brought_up_to_date(records: Records[Any], command: PutRecord, there: Object, call: Call[Any]) -> Outcome:
    def keeps(name: str, value: Value) -> Value:
        return records.keeps(command.record, name, value)

    changes = {
        **what_differs(_derived(command), there, "empty", keeps),
        **what_differs(_explicit(command), there, command.overwrite, keeps),
    }
    links = [link for link in _links(command) if _is_missing(link.to, there, command.overwrite)]
    try:
        if changes:
            written = await records.update(there, changes, call)
            if written is None:
                return gone_meanwhile()
            updated = written.outcome
            if isinstance(updated, Succeeded) and links:
                return GaveBack(code="goes_on", message=N_("its fields are written, its links follow"))
            return _done(there.itself, updated)
        if links:
            return _done(there.itself, await records.link(there, links, call))
    except LeaseTooShort as error:
        return only_read(error)
    return _done(there.itself, Succeeded(already=True, message=N_("it is there already, with all that it shall hold")))


def _is_missing(to: ObjectId, there: Object, overwrite: str) -> bool:
    """A person may be added to a deal; a card that belongs to a company moves to another only where that is wanted."""
    if to in there.links:
        return False
    of_that_kind = any(link.kind is to.kind for link in there.links)
    return not of_that_kind or to.kind is RecordKind.CONTACT or overwrite == "differs"


def _done(object_: ObjectId, outcome: Outcome) -> Outcome:
    if not isinstance(outcome, Succeeded):
        return outcome
    produced = (Produced(kind=object_.kind.value, id=object_.id),)
    return outcome.model_copy(update={"external_id": object_.id, "produced": produced})


# What it shall hold


def _derived(command: PutRecord) -> dict[str, Wanted]:
    """What follows from whom it is about: it fills what is empty, and never replaces what people wrote."""
    person, wanted = command.person, dict[str, Wanted]()
    if person is None or command.record is RecordKind.COMPANY:
        return wanted
    if command.record is RecordKind.CONTACT:
        if person.name:
            wanted["name"] = person.name.strip()
        if person.phone and not person.proxy:
            wanted["phone"] = (normal_element("phone", person.phone),)
        if person.email:
            wanted["email"] = (normal_element("email", person.email),)
    explicit = command.fields
    chats = {vendor: chat for vendor, chat in person.chats.items() if chat}
    return {name: value for name, value in {**wanted, **chats}.items() if value and name not in explicit}


def _explicit(command: PutRecord) -> dict[str, Wanted]:
    wanted = {name: wanted_value(value) for name, value in command.fields.items()}
    return {name: (value,) if name in SETS and isinstance(value, str) else value
            for name, value in wanted.items()}  # fmt: skip


def _links(command: PutRecord) -> list[LinkTo]:
    return [LinkTo(ObjectId(link.kind, given(link.to)), link.main) for link in command.links]


# Which one it is


def keys_of(command: PutRecord) -> tuple[Key, ...]:
    """What the command's object is told by, the surest first; its own mark isn't among them unless a flow gave it."""
    match = command.match
    if match is None:
        if command.person is None or command.record is not RecordKind.CONTACT:
            return ()
        match = Match.of(command.person)
    keys = [Key(KeyType.MARK, match.mark)] if match.mark else []
    if phone := normalize_phone(match.phone):
        keys.append(Key(KeyType.PHONE, phone))
    if email := normalize_email(match.email):
        keys.append(Key(KeyType.EMAIL, email))
    if command.record is RecordKind.COMPANY and match.name:
        keys.append(Key(KeyType.NAME, company_name(match.name)))
    keys += [Key(KeyType.CHAT, f"{vendor}:{chat}") for vendor, chat in sorted(match.chats.items()) if chat]
    return tuple(keys)


@dataclass
class _Look:
    """One look at what is there."""

    records: Records[Any]
    command: PutRecord
    call: Call[Any]
    searched: set[KeyType] = field(default_factory=set)
    """By what kinds of keys the system could be asked."""

    async def found(self) -> Object | Outcome | None:
        """The object; None where there is none; or why that can't be said."""
        command, call = self.command, self.call
        if command.ref is not None:
            there = await self.records.read_many(command.record, [given(command.ref)], call)
            gone = Refused(code=GONE, message=N_("it has been removed there"), reason=Reason.NOT_FOUND)
            return there[0] if there else gone
        found = await self.by_keys() or await self._by_own_mark() or await self._among_linked()
        if found is not None or call.doubt_since is None or self.searched or not command.create:
            return found
        message = N_("an earlier try may have made it, and there is nothing to find it by")
        return Unknown(code="cannot_ask", message=message, reason=Reason.OUT_OF_SERVICE, outage=False)

    async def by_keys(self) -> Object | None:
        """First what we noted down, for the system's own search may not show it yet; then that search."""
        known = {key: self.call.known[key] for key in keys_of(self.command) if key in self.call.known}
        ids = list(dict.fromkeys(id_ for ids in known.values() for id_ in ids))
        read = await self.records.read_many(self.command.record, ids, self.call) if ids else ()
        by_id = {one.id: one for one in read}
        for key in keys_of(self.command):
            noted = [by_id[id_] for id_ in known.get(key, ()) if id_ in by_id and _shows(by_id[id_], key)]
            found = self._meant(noted, key) or self._meant(await self._search(key), key)
            if found is not None:
                return found
        return None

    async def _search(self, key: Key) -> tuple[Object, ...]:
        found = await self.records.find(self.command.record, key, self.call)
        if found is None:
            return ()
        self.searched.add(key.by)
        return found

    def _meant(self, objects: Iterable[Object], key: Key) -> Object | None:
        """Of all that show a key the one that is meant: who shares a phone and has another name is another person."""
        match = self.command.match or (Match.of(self.command.person) if self.command.person else Match())
        fit = [one for one in objects if key.by is KeyType.MARK or same_person(_name_of(one), match.name)]
        return max(fit, key=_newest, default=None)

    async def _by_own_mark(self) -> Object | None:
        """What an earlier try of this very command may have made."""
        is_first = self.call.maybe_sent_at is None and self.call.generation == 1
        given_mark = self.command.match is not None and self.command.match.mark is not None
        if is_first or given_mark:
            return None
        return self._meant(await self._search(key := Key(KeyType.MARK, self.call.mark)), key)

    async def _among_linked(self) -> Object | None:
        """For a deal: that of an earlier try where no mark can be kept, or an open one that this belongs to."""
        command, call = self.command, self.call
        if command.record is not RecordKind.DEAL or not command.links:
            return None
        doubted = call.maybe_sent_at is not None and KeyType.MARK not in self.searched
        person = next((link.to for link in _links(command) if link.to.kind is RecordKind.CONTACT), None)
        if person is None or (command.attach is None and not doubted):
            return None
        deals = await self.records.linked(command.record, person, call)
        if doubted:
            assert call.maybe_sent_at is not None
            self.searched.add(KeyType.MARK)
            since, title = call.vendor_time(call.maybe_sent_at) - CLOCKS_DIFFER, command.fields.get("title")
            ours = [one for one in deals if _is_since(one, since) and title in (None, one.shows("title"))]
            if ours:
                return max(ours, key=_newest)
        return self._to_attach_to(deals) if command.attach is not None else None

    def _to_attach_to(self, deals: Iterable[Object]) -> Object | None:
        assert self.command.attach is not None
        defaults: Mapping[str, Value] = self.records.defaults(self.command.record, self.call.settings)
        pipeline = self.command.fields.get("pipeline") or defaults.get("pipeline")
        since = self.call.vendor_time(self.call.now - self.command.attach)
        fit = [
            one
            for one in deals
            if one.is_open and _is_since(one, since) and (pipeline is None or one.shows("pipeline") == str(pipeline))
        ]
        return max(fit, key=_newest, default=None)


def _is_since(one: Object, since: Any) -> bool:
    return one.created_at is not None and one.created_at >= since


def _name_of(one: Object) -> str | None:
    name = one.shows("name")
    return name if isinstance(name, str) else None


def _newest(one: Object) -> tuple[float, int, str]:
    changed = one.changed_at.timestamp() if one.changed_at is not None else 0.0
    return (changed, -len(one.id), one.id)


def _shows(one: Object, key: Key) -> bool:
    """Whether an object that we noted under a key still shows it; what can't be seen is believed."""
    name = key.value.partition(":")[0] if key.by is KeyType.CHAT else key.by.value
    return key.by is KeyType.MARK or one.shows(name) is UNREAD or shows(one, key)
