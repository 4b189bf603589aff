"""Bitrix24's cards as our objects, and what of ours goes into a card. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal

from svyazka.catalogue import N_
from svyazka.connectors.bitrix24.dictionary import CURRENCY, Field
from svyazka.connectors.bitrix24.facts import values_of
from svyazka.connectors.bitrix24.settings import Bitrix24Settings
from svyazka.engine.contracts.capabilities.records import LinkTo
from svyazka.engine.contracts.untrusted import Section, section, text, zoned_time
from svyazka.engine.rules.what_differs import normal_element
from svyazka.model.money import plain_amount
from svyazka.model.names import parts_of
from svyazka.model.records import CLEARED, Object, ObjectId, RecordKind, Shown, Value, Wanted

ORIGINATOR = "svyazka"
"""`originatorId` of what we made; `originId` is our mark. Neither is unique there, and both may be searched by."""

NAME_LIMIT, LINE_LIMIT = 50, 255
"""Characters of each part of a person's name and of a title or other line (from memory: no page says it)."""

TEXT_LIMIT = 60_000

IN_WORK = "P"
"""`stageSemanticId` of a deal that is neither won nor lost."""

UTM = {f"utm_{part}": f"utm{part.capitalize()}" for part in ("source", "medium", "campaign", "content", "term")}
_ALL = {**UTM, "responsible": "assignedById", "source": "sourceId"}
NATIVE: Mapping[RecordKind, Mapping[str, str]] = {
    RecordKind.CONTACT: {**_ALL, "birthday": "birthdate"},
    RecordKind.COMPANY: {**_ALL, "name": "title"},
    RecordKind.DEAL: {
        **_ALL, "title": "title", "price": "opportunity", "stage": "stageId", "pipeline": "categoryId",
        "page": "sourceDescription",
    },
}  # fmt: skip
"""What every portal's cards have: our name -> Bitrix24's."""

COMMUNICATION = {"phone": ("PHONE", "MOBILE"), "email": ("EMAIL", "WORK")}
"""Kept among multi-fields: our name -> type, and the sort that a new value is."""

_NAMES = ("name", "secondName", "lastName")


@dataclass(frozen=True, slots=True)
class Sent:
    """A card's part to be sent, and what of ours couldn't be put into it."""

    fields: dict[str, object]
    left_out: tuple[str, ...] = ()

    def told(self) -> str | None:
        """What a story says of it."""
        if not self.left_out:
            return None
        names = ", ".join(sorted(self.left_out))
        return N_("Bitrix24 has no field for {names}, or doesn't take the value").format(names=names)


def keeps(kind: RecordKind, name: str, value: Value) -> Value:
    """Kopecks are kept, lines aren't longer than a line, and a birthday is a date."""
    if not isinstance(value, str):
        return value
    if name == "price" and (amount := plain_amount(value)) is not None:
        return format(Decimal(amount).quantize(Decimal("0.01"), ROUND_HALF_UP).normalize(), "f")
    if name == "birthday":
        return value[:10]
    if name == "name" and kind is RecordKind.CONTACT:
        return " ".join(part for part in _parts(value).values() if part)
    return _cut(value) if name in NATIVE[kind] else value


def _cut(value: str, limit: int = LINE_LIMIT) -> str:
    return value[:limit].strip()


def _parts(name: str) -> dict[str, str]:
    return {code: _cut(part, NAME_LIMIT) for code, part in zip(_NAMES, parts_of(name), strict=True)}


ESSENTIAL = frozenset({
    "title", "name", "lastName", "fm", "opportunity", "currencyId", "isManualOpportunity", "contactIds", "companyIds",
    "companyId", "originatorId", "originId",
})  # fmt: skip
"""What a card is worth having for, though Bitrix24 refuses a value of something else."""


ESSENTIAL_OF_OURS = frozenset({"title", "name", "phone", "email", "price"})
"""The same by our names."""


# A card as an object


def object_of(kind: RecordKind, card: Section, own: Mapping[str, Field], settings: Bitrix24Settings) -> Object | None:
    """A card; None for what has no id."""
    id_ = text(card.get("id"), 40)
    if id_ is None:
        return None
    shown = {name: _native(name, card[code], settings) for name, code in NATIVE[kind].items() if code in card}
    if kind is RecordKind.CONTACT and "name" in card:
        shown["name"] = " ".join(filter(None, (text(card.get(part)) for part in _NAMES))) or CLEARED
    if "fm" in card:
        shown |= {name: _values(card, type_) for name, (type_, _) in COMMUNICATION.items()}
    shown |= {name: field.shown(card[field.code]) for name, field in own.items() if field.code in card}
    meaning = text(card.get("stageSemanticId"))
    return Object(
        kind=kind, id=id_, fields=shown, links=_links(kind, card), version=text(card.get("updatedTime")),
        created_at=zoned_time(card.get("createdTime")), changed_at=zoned_time(card.get("updatedTime")),
        is_open=meaning == IN_WORK if meaning else None, original=card,
    )  # fmt: skip


def _native(name: str, raw: object, settings: Bitrix24Settings) -> Shown:
    plain = text(raw, TEXT_LIMIT)
    if plain is None or (plain == "0" and name in ("responsible", "price")):
        return CLEARED
    match name:
        case "price":
            amount = plain_amount(plain)
            return amount if amount not in (None, "0") else CLEARED
        case "birthday":
            # A date comes as a moment of the portal's own zone.
            return plain[:10]
        case "source":
            return next((ours for ours, code in settings.sources.items() if code == plain), plain)
    return plain


def _values(card: Section, type_: str) -> Shown:
    return tuple(value for one in values_of(card, type_) if (value := text(one.get("value")))) or CLEARED


def _links(kind: RecordKind, card: Section) -> frozenset[ObjectId]:
    found = {ObjectId(RecordKind.CONTACT, id_) for id_ in ids_of(card, "contactIds", "contactId")}
    if kind is not RecordKind.COMPANY:
        found |= {ObjectId(RecordKind.COMPANY, id_) for id_ in ids_of(card, "companyIds", "companyId")}
    return frozenset(found)


def ids_of(card: Section, many: str, one: str) -> list[str]:
    """Ids of linked cards, the main one first; 0 and null mean none."""
    listed = card.get(many)
    given = [card.get(one), *(listed if isinstance(listed, list) else [])]
    return list(dict.fromkeys(id_ for id_ in map(text, given) if id_ and id_ != "0"))


def mark_of(card: Section) -> str | None:
    """Our mark on a card."""
    return text(card.get("originId")) if card.get("originatorId") == ORIGINATOR else None


# What goes into a card


def new_card(
    kind: RecordKind, values: Mapping[str, Value], links: Sequence[LinkTo], mark: str, own: Mapping[str, Field],
    settings: Bitrix24Settings,
) -> Sent:  # fmt: skip
    """A whole card, with our mark."""
    card = changed_card(kind, values, None, own, settings)
    marked = {"originatorId": ORIGINATOR, "originId": mark}
    return Sent({**card.fields, **marked, **linked(kind, {}, links)}, card.left_out)


def changed_card(
    kind: RecordKind, values: Mapping[str, Wanted], there: Object | None, own: Mapping[str, Field],
    settings: Bitrix24Settings,
) -> Sent:  # fmt: skip
    """Only what is to be changed."""
    fields: dict[str, object] = {}
    added: list[dict[str, str]] = []
    removed: dict[str, dict[str, str]] = {}
    left_out: list[str] = []
    for name, value in values.items():
        if name in own:
            sent = {own[name].code: own[name].sent(value)}
        elif name in COMMUNICATION:
            added += _new_values(name, value, there)
            removed |= _old_values(name, value, there)
            continue
        elif name == "name" and kind is RecordKind.CONTACT:
            sent = _name(value, there)
        else:
            sent = _own_values(kind, name, value, settings)
        if not sent or None in sent.values():
            left_out.append(name)
        else:
            fields |= sent
    if added or removed:
        # Whatever is told without an id of its own is added, and what isn't told of stays as it is.
        fields["fm"] = {**{f"n{place}": one for place, one in enumerate(added)}, **removed}
    pipeline = there.shows("pipeline") if there is not None else None
    return Sent(_in_one_pipeline(fields, pipeline), tuple(left_out))


def _own_values(kind: RecordKind, name: str, value: Wanted, settings: Bitrix24Settings) -> dict[str, object]:
    code = NATIVE[kind].get(name)
    if code is None or isinstance(value, bool | tuple):
        return {}
    if value is CLEARED:
        return {code: ""}
    kept = keeps(kind, name, value)
    assert isinstance(kept, str)
    special = _SPECIAL.get(name)
    return {code: kept} if special is None else special(code, kept, settings)


def _amount(code: str, value: str, settings: Bitrix24Settings) -> dict[str, object]:
    amount = plain_amount(value)
    # Unless it is said to be set by hand, the sum is worked out from the deal's products.
    return {code: float(amount), "currencyId": CURRENCY, "isManualOpportunity": "Y"} if amount is not None else {}


def _number(code: str, value: str, settings: Bitrix24Settings) -> dict[str, object]:
    return {code: int(value)} if value.isascii() and value.isdigit() else {}


def _source(code: str, value: str, settings: Bitrix24Settings) -> dict[str, object]:
    # An unknown code is taken, and shown as nothing.
    known = settings.sources.get(value) or (value if value in settings.sources.values() else None)
    return {code: known} if known is not None else {}


_SPECIAL: Mapping[str, Callable[[str, str, Bitrix24Settings], dict[str, object]]] = {
    "price": _amount, "responsible": _number, "pipeline": _number, "source": _source,
}  # fmt: skip


def _name(value: Wanted, there: Object | None) -> dict[str, object]:
    if not isinstance(value, str):
        return {}
    parts: dict[str, object] = {**_parts(value)}
    return parts if there is not None else {part: word for part, word in parts.items() if word}


def _new_values(name: str, value: Wanted, there: Object | None) -> list[dict[str, str]]:
    """Those that don't stand there yet: a phone that is sent a second time is kept a second time."""
    type_, sort = COMMUNICATION[name]
    known = {normal_element(name, one) for one in there.elements(name)} if there is not None else set()
    given = value if isinstance(value, tuple) else (value,) if isinstance(value, str) else ()
    new = [one for one in dict.fromkeys(given) if normal_element(name, one) not in known]
    return [{"typeId": type_, "valueType": sort, "value": one} for one in new]


def _old_values(name: str, value: Wanted, there: Object | None) -> dict[str, dict[str, str]]:
    """Those that aren't wanted any more, by their ids: an empty value takes one away."""
    type_, _ = COMMUNICATION[name]
    wanted = {normal_element(name, one) for one in value} if isinstance(value, tuple) else set()
    if there is None or (value is not CLEARED and not wanted):
        return {}
    return {
        id_: {"typeId": type_, "value": ""}
        for one in values_of(section(there.original), type_)
        if (id_ := text(one.get("id"))) and normal_element(name, text(one.get("value")) or "") not in wanted
    }


def _in_one_pipeline(fields: dict[str, object], now: Shown | None) -> dict[str, object]:
    """A stage of another pipeline would have the whole card refused: its own is told with it, or, where another one is
    wanted, that one's first stage is taken. `now`: the pipeline in which the card stands."""
    stage, pipeline = fields.get("stageId"), fields.get("categoryId")
    if stage is None:
        return fields
    prefix, colon, _ = str(stage).partition(":")
    of = int(prefix[1:]) if colon and prefix[1:].isdigit() else 0
    if pipeline is None:
        return fields if now == str(of) else {**fields, "categoryId": of}
    return fields if pipeline == of else {name: value for name, value in fields.items() if name != "stageId"}


_LINKED = ((RecordKind.CONTACT, "contactIds", "contactId"), (RecordKind.COMPANY, "companyIds", "companyId"))


def linked(kind: RecordKind, card: Section, links: Sequence[LinkTo]) -> dict[str, object]:
    """The links of a card with new ones among them: a list is sent whole."""
    made: dict[str, object] = {}
    for of, many, one in (
        (RecordKind.CONTACT, "contactIds", "contactId"),
        (RecordKind.COMPANY, "companyIds", "companyId"),
    ):
        new = [link for link in links if link.to.kind is of]
        if not new or of is kind:
            continue
        main, others = [link.to.id for link in new if link.main], [link.to.id for link in new if not link.main]
        if kind is RecordKind.DEAL and of is RecordKind.COMPANY:
            made[one] = int((main or others)[0])
        else:
            made[many] = [int(id_) for id_ in dict.fromkeys([*main, *ids_of(card, many, one), *others])]
    return made
