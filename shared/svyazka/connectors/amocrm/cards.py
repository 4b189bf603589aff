"""amoCRM's cards as our objects, and what of ours goes into a card. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from svyazka.catalogue import N_
from svyazka.connectors.amocrm.dictionary import CustomField, Fields
from svyazka.connectors.amocrm.schema import moment, sections, split_values
from svyazka.connectors.amocrm.settings import AmocrmSettings
from svyazka.connectors.amocrm.values import Entry, sent, shown
from svyazka.engine.contracts.capabilities.records import LinkTo
from svyazka.engine.contracts.untrusted import Section, section, text
from svyazka.engine.rules.what_differs import normal_element
from svyazka.model.money import plain_amount
from svyazka.model.records import CLEARED, TELLING, UNREAD, Object, ObjectId, RecordKind, Shown, Value, Wanted

WON, LOST = "142", "143"
"""The last two stages: the same ids in every pipeline."""

NATIVE: Mapping[RecordKind, Mapping[str, str]] = {
    RecordKind.CONTACT: {"name": "name", "responsible": "responsible_user_id"},
    RecordKind.COMPANY: {"name": "name", "responsible": "responsible_user_id"},
    RecordKind.DEAL: {
        "title": "name", "price": "price", "stage": "status_id", "pipeline": "pipeline_id",
        "responsible": "responsible_user_id",
    },
}  # fmt: skip
"""What stands in a card itself and not among its fields: our name -> amoCRM's."""

NAME_LIMIT = 255
"""Characters of a card's name (from memory: no page says it)."""

SOURCE, TAGS = "source", "tags"
MARK = "mark"
"""Our mark among what couldn't be written."""


@dataclass(frozen=True, slots=True)
class Sent:
    """A card's part to be sent, and what of ours couldn't be put into it."""

    body: dict[str, object]
    names: tuple[str, ...] = ()
    """Our names of its custom fields, in their order there."""
    left_out: tuple[str, ...] = ()


def keeps(kind: RecordKind, name: str, value: Value) -> Value:
    """A price is whole roubles, a name isn't longer than a line."""
    if not isinstance(value, str):
        return value
    if kind is RecordKind.DEAL and name == "price":
        amount = plain_amount(value)
        return str(Decimal(amount).quantize(Decimal(1), ROUND_HALF_UP)) if amount is not None else value
    return value[:NAME_LIMIT] if name in ("name", "title") else value


def object_of(kind: RecordKind, body: Section, fields: Fields, zone: str) -> Object | None:
    """A card; None for what has no id."""
    id_ = text(body.get("id"))
    if id_ is None:
        return None
    own = {name: _native(name, body.get(theirs)) for name, theirs in NATIVE[kind].items() if theirs in body}
    stage, linked = text(body.get("status_id")), section(body, "_embedded")
    if TAGS in linked:
        own[TAGS] = tuple(name for one in sections(linked[TAGS]) if (name := text(one.get("name")))) or CLEARED
    return Object(
        kind=kind, id=id_, fields={**own, **_custom(body, fields, zone)}, links=_links(body),
        version=text(body.get("updated_at")), created_at=moment(body.get("created_at")),
        changed_at=moment(body.get("updated_at")),
        is_open=stage not in (WON, LOST) if kind is RecordKind.DEAL and stage else None, original=body,
    )  # fmt: skip


def _native(name: str, value: object) -> Shown:
    plain = text(value)
    if plain is None or (name == "responsible" and plain == "0"):
        return CLEARED
    if name == "price":
        amount = plain_amount(plain)
        return CLEARED if amount in (None, "0") else amount or CLEARED
    return plain


def _custom(body: Section, fields: Fields, zone: str) -> dict[str, Shown]:
    """What stands in its custom fields. Null says that all are empty; a list says so of those that aren't in it,
    unless nobody told us which fields there are."""
    if "custom_fields_values" not in body:
        return {}
    entries = list(sections(body.get("custom_fields_values")))
    found: dict[str, Shown] = {}
    for name, field in fields.by_name.items():
        entry = next((one for one in entries if field.is_it(one)), None)
        if entry is None:
            found[name] = CLEARED if fields.seen or name in TELLING else UNREAD
            continue
        value = shown(field, entry, zone)
        # People write several numbers into one value.
        found[name] = _apart(value) if name in TELLING and isinstance(value, tuple) else value
    return found


def _apart(values: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(part for value in values for part in split_values(value) if part)


def _links(body: Section) -> frozenset[ObjectId]:
    linked = section(body, "_embedded")
    kinds = {"contacts": RecordKind.CONTACT, "companies": RecordKind.COMPANY, "leads": RecordKind.DEAL}
    return frozenset(
        ObjectId(kind, id_)
        for name, kind in kinds.items()
        for one in sections(linked.get(name))
        if (id_ := text(one.get("id"))) is not None
    )


def mark_of(body: Section, fields: Fields) -> str | None:
    """Our mark on a card."""
    if fields.mark is None:
        return None
    mark, entries = fields.mark, sections(body.get("custom_fields_values"))
    values = next((section({"values": one.get("values")}) for one in entries if mark.is_it(one)), None)
    first = next(iter(sections(values.get("values"))), None) if values else None
    return text(first.get("value")) if first is not None else None


# Sending


def new_card(
    kind: RecordKind, values: Mapping[str, Value], links: Sequence[LinkTo], mark: str, fields: Fields,
    settings: AmocrmSettings, zone: str,
) -> Sent:  # fmt: skip
    """A whole card."""
    card = changed_card(kind, dict(values), None, fields, settings, zone)
    body, names, left_out = dict(card.body), list(card.names), list(card.left_out)
    if fields.mark is not None:
        entry: Entry = {**fields.mark.named(), "values": [{"value": mark}]}
        body["custom_fields_values"] = [*_list(body.get("custom_fields_values")), entry]
        names.append(MARK)
    embedded = _embedded(kind, links)
    source = values.get(SOURCE)
    if kind is RecordKind.DEAL and isinstance(source, str) and source in settings.sources:
        embedded["source"] = {"external_id": settings.sources[source], "type": "widget"}
        left_out = [name for name in left_out if name != SOURCE]
    if embedded:
        body["_embedded"] = embedded
    return Sent(body, tuple(names), tuple(left_out))


def changed_card(
    kind: RecordKind, values: Mapping[str, Wanted], there: Object | None, fields: Fields, settings: AmocrmSettings,
    zone: str,
) -> Sent:  # fmt: skip
    """Only what is to be changed. A field's values replace all that stood in it, so those come along."""
    body: dict[str, object] = {}
    custom: list[Entry] = []
    names: list[str] = []
    left_out: list[str] = []
    for name, value in values.items():
        theirs = NATIVE[kind].get(name)
        if theirs is not None:
            own = _own_value(kind, name, value)
            body.update({theirs: own} if own is not None else {})
            left_out += [] if own is not None else [name]
        elif name in fields.by_name:
            field = fields.by_name[name]
            entries = _entries(name, value, field, there, zone)
            if entries is None and value is not CLEARED:
                left_out.append(name)
                continue
            if there is not None and _stands(entries, field, there):
                continue
            custom.append({**field.named(), "values": entries})
            names.append(name)
        elif name == TAGS and not isinstance(value, bool):
            body |= _tags(value, there)
        else:
            left_out.append(name)
    if custom:
        body["custom_fields_values"] = custom
    return Sent(body, tuple(names), tuple(left_out))


def _tags(value: Wanted, there: Object | None) -> dict[str, object]:
    """Tags are added and taken away one by one: those that people put on meanwhile stay."""
    wanted = {} if value is CLEARED else {normal_element(TAGS, one): one for one in _listed(value)}
    known = {normal_element(TAGS, one): one for one in (there.elements(TAGS) if there is not None else ())}
    changes = {
        "tags_to_add": [{"name": one} for plain, one in wanted.items() if plain not in known],
        "tags_to_delete": [{"name": one} for plain, one in known.items() if plain not in wanted],
    }
    return {name: tags for name, tags in changes.items() if tags}


def _listed(value: Value) -> tuple[str, ...]:
    return value if isinstance(value, tuple) else (str(value),)


def _own_value(kind: RecordKind, name: str, value: Wanted) -> object:
    if value is CLEARED or isinstance(value, bool | tuple):
        return None
    kept = keeps(kind, name, value)
    assert isinstance(kept, str)
    if name in ("name", "title"):
        return kept
    return int(kept) if re.fullmatch(r"-?\d{1,18}", kept, re.ASCII) else None


def _entries(name: str, value: Wanted, field: CustomField, there: Object | None, zone: str) -> list[Entry] | None:
    if value is CLEARED:
        return None
    if name not in TELLING or there is None or not isinstance(value, tuple):
        return sent(field, value, zone)
    present = next((one for one in _fields_of(there) if field.is_it(one)), None)
    wanted = {normal_element(name, one): one for one in value}
    kept: list[Entry] = []
    known: set[str] = set()
    for one in sections(present.get("values")) if present is not None else ():
        parts = [part for part in split_values(str(one.get("value", ""))) if part]
        staying = [part for part in parts if normal_element(name, part) in wanted]
        known.update(normal_element(name, part) for part in staying)
        if staying:
            kept.append(_as_it_was(one) if staying == parts else {**_as_it_was(one), "value": ", ".join(staying)})
    new = tuple(one for plain, one in wanted.items() if plain not in known)
    return [*kept, *(sent(field, new, zone) or ())]


def _stands(entries: list[Entry] | None, field: CustomField, there: Object) -> bool:
    """Whether these very choices are made already, however they are spelled."""
    chosen = {entry.get("enum_id") for entry in entries or ()}
    present = next((one for one in _fields_of(there) if field.is_it(one)), None)
    made = {one.get("enum_id") for one in sections(present.get("values"))} if present is not None else set()
    return bool(field.enums) and None not in chosen and chosen == made and field.type != "multitext"


def _as_it_was(entry: Section) -> Entry:
    """A value that stands there, to be sent back with its label."""
    return {name: entry[name] for name in ("value", "enum_id") if entry.get(name) is not None}


def _fields_of(there: Object) -> Iterable[Section]:
    return sections(there.original.get("custom_fields_values")) if isinstance(there.original, dict) else ()


def _embedded(kind: RecordKind, links: Sequence[LinkTo]) -> dict[str, object]:
    contacts = [
        {"id": int(one.to.id), **({"is_main": True} if one.main else {})}
        for one in links
        if one.to.kind is RecordKind.CONTACT and kind is RecordKind.DEAL
    ]
    companies = [
        {"id": int(one.to.id)}
        for one in links
        if one.to.kind is RecordKind.COMPANY and kind is not RecordKind.COMPANY
    ]  # fmt: skip
    return {**({"contacts": contacts} if contacts else {}), **({"companies": companies[:1]} if companies else {})}


def _list(value: object) -> list[Entry]:
    return value if isinstance(value, list) else []


def without_fields(card: Sent, places: Iterable[int]) -> Sent:
    """The card without those of its fields that amoCRM doesn't take."""
    out = frozenset(places)
    entries = _list(card.body.get("custom_fields_values"))
    kept = [one for place, one in enumerate(entries) if place not in out]
    body = {**card.body, "custom_fields_values": kept}
    if not kept:
        del body["custom_fields_values"]
    names = tuple(name for place, name in enumerate(card.names) if place not in out)
    return Sent(body, names, (*card.left_out, *(name for name in card.names if name not in names)))


def unwritten(card: Sent) -> tuple[str, ...]:
    """Our names of what couldn't be written."""
    return tuple(sorted(name for name in card.left_out if name != MARK))


def told(card: Sent) -> str | None:
    """What a story says of it."""
    names = unwritten(card)
    return (
        N_("amoCRM has no field for {names}, or doesn't take the value").format(names=", ".join(names))
        if names
        else None
    )
