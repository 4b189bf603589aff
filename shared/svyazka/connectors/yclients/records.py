"""Clients' cards of YCLIENTS: found, listed, read and written.

A card is told by its phone: no field of it takes a mark of ours. Its list shows phone and address, and of the name what
may be a part only; there is no reading of several cards by one call. A card is put back whole, so that a save of
somebody's between our reading and our writing is lost: the two are never further apart than FRESH.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from svyazka.catalogue import N_
from svyazka.connectors.yclients import client
from svyazka.connectors.yclients.cards import (
    cannot_send_back,
    changed_card,
    has_changed,
    keeps,
    new_card,
    object_of,
)
from svyazka.connectors.yclients.schema import identifier, truth
from svyazka.connectors.yclients.settings import YclientsSettings
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.records import (
    Fate,
    LinkTo,
    Operation,
    Page,
    Quiet,
    Records,
    Replaces,
    Written,
)
from svyazka.engine.contracts.listing import Listed, walked
from svyazka.engine.contracts.putting import FRESH, only_read
from svyazka.engine.contracts.untrusted import Section
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.rules.what_differs import shows
from svyazka.model.commands import Safety
from svyazka.model.errors import LeaseTooShort, MaybeSent, TooLate
from svyazka.model.outcomes import GaveBack, Outcome, Refused, Succeeded, Unclear
from svyazka.model.reasons import Reason
from svyazka.model.records import Key, KeyType, Object, ObjectId, RecordKind, Value, Wanted

PHONE_DIGITS = 10
"""A phone is searched by so many of its last digits: what stands before them is written in many ways."""

LISTED = frozenset({"phone", "email"})
"""What of a card its list shows for sure."""


class YclientsRecords(Records[YclientsSettings]):
    """One kind of objects: clients."""

    kinds = frozenset({RecordKind.CONTACT})
    creating = Operation(Safety.checkable(), quiet=Quiet.UNKNOWN)
    updating = Operation(Safety.idempotent(), quiet=Quiet.UNKNOWN, replaces=Replaces.OBJECT)
    singles = frozenset({"phone", "email"})
    read_only = frozenset({"tags"})

    def keeps(self, kind: RecordKind, field: str, value: Value) -> Value:
        return keeps(field, value)

    def requires(self, kind: RecordKind) -> frozenset[str]:
        return frozenset({"name", "phone"})

    def carries(self, kind: RecordKind, settings: YclientsSettings) -> frozenset[str] | None:
        return LISTED

    # Reading

    async def find(self, kind: RecordKind, key: Key, call: Call[YclientsSettings]) -> tuple[Object, ...] | None:
        match key.by:
            case KeyType.PHONE:
                listed = await client.clients_in_order(
                    call, 1, client.SEARCH_PAGE, "".join(filter(str.isdigit, key.value))[-PHONE_DIGITS:]
                )
            case KeyType.EMAIL:
                try:
                    listed = await client.clients_by_email(call, key.value)
                except VendorFailure as failure:
                    if client.not_open(failure):
                        return None
                    raise
            case _:
                return None
        found = (one for item in listed.items if (one := object_of(item)) is not None and shows(one, key))
        return await self.read_many(kind, [one.id for one in found], call)

    async def linked(self, kind: RecordKind, to: ObjectId, call: Call[YclientsSettings]) -> tuple[Object, ...]:
        return ()

    async def read_many(self, kind: RecordKind, ids: Sequence[str], call: Call[YclientsSettings]) -> tuple[Object, ...]:
        found = [await _card(call, id_) for id_ in dict.fromkeys(ids)]
        return tuple(one for card in found if card is not None and (one := object_of(card)) is not None)

    async def fate(self, kind: RecordKind, id: str, call: Call[YclientsSettings]) -> Fate:
        card = await client.client_card(call, id)
        return Fate.GONE if card is None else Fate.DELETED if truth(card.get("deleted")) else Fate.THERE

    async def page(self, kind: RecordKind, after: str | None, call: Call[YclientsSettings]) -> Page:
        async def read(number: int, length: int) -> Listed:
            found = await client.clients_in_order(call, number, length)
            more = len(found.items) >= length if found.total is None else number * length < found.total
            return Listed(found.items, more and bool(found.items))

        items, further = await walked(after, client.SEARCH_PAGE, read)
        return Page(tuple(_in_short(one) for item in items if (one := object_of(item)) is not None), further)

    async def changed(
        self, kind: RecordKind, since: datetime, after: str | None, call: Call[YclientsSettings]
    ) -> Page | None:
        """The order of that list isn't stated, and a card that is changed while pages are turned may push another over
        the edge of one already read: so a list of several pages is read twice."""
        turn, _, number = (after or "1.1").partition(".")
        try:
            found = await client.clients(call, since, int(number))
        except VendorFailure as failure:
            if client.not_open(failure):
                return None
            raise
        objects = tuple(one for item in found.items if (one := object_of(item)) is not None)
        if not found.is_last(int(number)):
            return Page(objects, f"{turn}.{int(number) + 1}")
        return Page(objects, "2.1" if turn == "1" and int(number) > 1 else None)

    # Writing

    async def create(
        self, kind: RecordKind, fields: Mapping[str, Value], links: Sequence[LinkTo], mark: str,
        call: Call[YclientsSettings],
    ) -> Written:  # fmt: skip
        card = new_card(fields)
        lacking = sorted(name for name in self.requires(kind) if not card.body.get(name))
        if lacking:
            why = N_("YCLIENTS takes no client without {names}").format(names=", ".join(lacking))
            return Written(Refused(code="lacking", message=why, reason=Reason.BAD_REQUEST))
        try:
            made = await client.add_client(call, card.body)
        except VendorFailure as failure:
            return Written(failure.outcome)
        if identifier(made.get("id")) is None:
            return Written(Unclear(code="no_id", message=N_("YCLIENTS took it and told no id")))
        return _written(made, identifier(made.get("id")) or "", card.left_out)

    async def update(
        self, object: Object, changes: Mapping[str, Wanted], call: Call[YclientsSettings]
    ) -> Written | None:
        try:
            card, read_at = await _read_again(call, object.id), call.http.left_at
        except (LeaseTooShort, MaybeSent, VendorFailure) as error:
            return Written(only_read(error))
        if card is None:
            return None
        now = object_of(card)
        assert now is not None
        if any(has_changed(name, object, now) for name in changes):
            return Written(GaveBack(code="changed_meanwhile", message=N_("somebody has just changed it")))
        if spoilt := cannot_send_back(card):
            names = ", ".join(spoilt)
            why = N_("this user isn't shown {names}: the card can't be put back whole").format(names=names)
            return Written(Refused(code="cannot_send_back", message=why, reason=Reason.NO_ACCESS))
        wanted = changed_card(card, changes)
        if not wanted.body.get("phone"):
            why = N_("YCLIENTS takes no client without {names}").format(names="phone")
            return Written(Refused(code="lacking", message=why, reason=Reason.BAD_REQUEST))
        if set(wanted.left_out) >= set(changes):
            return Written(Succeeded(external_id=object.id, already=True), left_out=wanted.left_out)
        try:
            shown = await client.put_client(call, object.id, wanted.body, read_at + FRESH)
        except TooLate:
            return Written(GaveBack(code="too_late", message=N_("it was read too long ago to be put back whole")))
        except VendorFailure as failure:
            gone = isinstance(failure.outcome, Refused) and failure.code == "404"
            return None if gone else Written(failure.outcome)
        return _written(shown, object.id, wanted.left_out)

    async def link(self, object: Object, links: Sequence[LinkTo], call: Call[YclientsSettings]) -> Outcome:
        why = N_("YCLIENTS' cards have no links to others")
        return Refused(code="not_supported", message=why, reason=Reason.SETTING)


# The calls


async def _card(call: Call[YclientsSettings], id_: str) -> Section | None:
    card = await client.client_card(call, id_)
    return None if card is None or truth(card.get("deleted")) else card


async def _read_again(call: Call[YclientsSettings], id_: str) -> Section | None:
    """The card as it is now. That nothing came back of this question leaves no doubt."""
    with call.reading():
        return await _card(call, id_)


def _in_short(one: Object) -> Object:
    """A card as the list shows it."""
    return replace(one, fields={name: shown for name, shown in one.fields.items() if name in LISTED or name == "name"})


def _written(shown: Section, id_: str, left_out: tuple[str, ...]) -> Written:
    """What the answer proves: all of the card, where it bears the card."""
    one = object_of(shown)
    message = None
    if left_out:
        message = N_("YCLIENTS has no field for {names}, or holds another value in it").format(
            names=", ".join(left_out)
        )
    outcome = Succeeded(external_id=id_, message=message)
    if one is None or one.id != id_:
        return Written(outcome, left_out=left_out)
    return Written(outcome, one, one.version, left_out)
