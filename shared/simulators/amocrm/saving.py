"""Cards by the API: checked whole, then saved; linked, found again, put into the unsorted, merged by `complex`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from simulators.amocrm import fields
from simulators.amocrm.cards import UNSORTED, Card

if TYPE_CHECKING:
    from simulators.amocrm.simulator import AmocrmSimulator

Complaint = tuple[str, str, str]
"""A mistake's code, place and words."""

OF_TYPE_INT = "This value should be of type int."


def complaints(sim: AmocrmSimulator, kind: str, body: Any) -> list[Complaint]:
    """What is wrong with a card that is to be saved."""
    if not isinstance(body, dict):
        return [("InvalidType", "", "This value should be of type array.")]
    found = fields.complaints(sim.shown_fields(kind), body.get("custom_fields_values"))
    for name in ("price", "status_id", "pipeline_id", "responsible_user_id"):
        if body.get(name) is not None and (not isinstance(body[name], int) or isinstance(body[name], bool)):
            found.append(("InvalidType", name, OF_TYPE_INT))
    if isinstance(body.get("name"), str) and len(body["name"]) > 255:
        found.append(("TooLong", "name", "This value is too long. It should have 255 characters or less."))
    if isinstance(body.get("responsible_user_id"), int) and body["responsible_user_id"] not in sim.users:
        found.append((fields.NOT_A_CHOICE[0], "responsible_user_id", fields.NOT_A_CHOICE[1]))
    if kind == "leads":
        found += _stage_complaints(sim, body)
    for name, cards in (body.get("_embedded") or {}).items():
        if name in ("contacts", "companies"):
            for place, one in enumerate(cards):
                if "id" in one and one["id"] not in sim.cards[name]:
                    found.append((fields.NOT_A_CHOICE[0], f"_embedded.{name}.{place}.id", fields.NOT_A_CHOICE[1]))
    return found


def _stage_complaints(sim: AmocrmSimulator, body: Mapping[str, Any]) -> list[Complaint]:
    pipeline, stage = body.get("pipeline_id"), body.get("status_id")
    if isinstance(pipeline, int) and pipeline not in sim.pipelines:
        return [(fields.NOT_A_CHOICE[0], "pipeline_id", fields.NOT_A_CHOICE[1])]
    stages = sim.pipelines[pipeline] if isinstance(pipeline, int) else set().union(*sim.pipelines.values())
    if isinstance(stage, int) and stage not in stages:
        return [(fields.NOT_A_CHOICE[0], "status_id", fields.NOT_A_CHOICE[1])]
    return []


def made(sim: AmocrmSimulator, kind: str, body: Mapping[str, Any], by: int) -> Card:
    """A card by the API."""
    embedded = body.get("_embedded") or {}
    given = {name: value for name, value in body.items() if name not in ("custom_fields_values", "_embedded")}
    if kind == "leads" and "pipeline_id" in given and "status_id" not in given:
        given["status_id"] = next(iter(stage for stage in sim.pipelines[given["pipeline_id"]] if stage != UNSORTED))
    if kind == "leads" and given.get("status_id") in sim.stage_of:
        given.setdefault("pipeline_id", sim.stage_of[given["status_id"]])
    linked = sorted(embedded.get("contacts", ()), key=lambda one: not one.get("is_main"))
    given["contacts"] = [one["id"] for one in linked if "id" in one]
    card = sim.add(kind, given)
    card["created_by"] = card["updated_by"] = by
    fields.put(sim.fields[kind], card, _heard(sim, kind, body.get("custom_fields_values") or None))
    card["_embedded"]["companies"] = [{"id": one["id"]} for one in embedded.get("companies", ())]
    _tag(card, [*embedded.get("tags", ()), *(body.get("tags_to_add") or ())], ())
    if "source" in embedded:
        card["source"] = embedded["source"]
    sim.record("create", entity=kind, id=card["id"])
    return card


def changed(sim: AmocrmSimulator, kind: str, card: Card, body: Mapping[str, Any], by: int) -> None:
    """A card by PATCH; then whatever somebody was about to save."""
    if "custom_fields_values" in body:
        fields.put(sim.fields[kind], card, _heard(sim, kind, body["custom_fields_values"]))
    rest = {name: value for name, value in body.items() if name not in ("custom_fields_values", "_embedded")}
    kept = {name: _cut(sim, name, value) for name, value in rest.items() if name not in sim.deaf}
    _tag(card, body.get("tags_to_add") or (), body.get("tags_to_delete") or ())
    sim.change(kind, card, kept, by=by)
    sim.record("update", entity=kind, id=card["id"], fields=sorted(body))


def meddled(sim: AmocrmSimulator, kind: str, card: Card) -> None:
    """Somebody saves the card that was written just now."""
    due = next((one for one in sim.between if one[0] == kind), None)
    if due is not None:
        sim.between.remove(due)
        saved(sim, kind, card, due[1])


def saved(sim: AmocrmSimulator, kind: str, card: Card, given: Mapping[str, Any]) -> None:
    """A card by a person's hand: `custom_fields_values` are entries as the API takes them."""
    if "custom_fields_values" in given:
        fields.put(sim.fields[kind], card, given["custom_fields_values"])
    sim.change(kind, card, {name: value for name, value in given.items() if name != "custom_fields_values"})


def _heard(sim: AmocrmSimulator, kind: str, entries: Any) -> Any:
    """The entries without those that a deaf field ignores, cut where a field is short."""
    if entries is None:
        return None
    heard = []
    for entry in entries:
        one = fields.named(sim.fields[kind], entry)
        name = str(one["id"]) if one is not None else ""
        if name not in sim.deaf:
            values = [
                {**value, "value": _cut(sim, name, value["value"])} if "value" in value else value
                for value in entry.get("values") or ()
            ]
            heard.append({**entry, "values": values})
    return heard


def _cut(sim: AmocrmSimulator, name: str, value: Any) -> Any:
    return value[: sim.cuts[name]] if isinstance(value, str) and name in sim.cuts else value


def _tag(card: Card, new: Iterable[Card], gone: Iterable[Card]) -> None:
    out = {one["name"] for one in gone}
    kept = [one for one in card["_embedded"]["tags"] if one["name"] not in out]
    known = {one["name"] for one in kept}
    kept += [{"id": len(one["name"]), "name": one["name"]} for one in new if one["name"] not in known]
    card["_embedded"]["tags"] = kept


def linked(sim: AmocrmSimulator, kind: str, card: Card, to: Mapping[str, Any]) -> None:
    """One link, both ways."""
    other = sim.cards[to["to_entity_type"]][to["to_entity_id"]]
    main = bool((to.get("metadata") or {}).get("is_main"))
    _joined(card, to["to_entity_type"], other, main)
    _joined(other, kind, card, False)
    sim.record("link", entity=kind, id=card["id"], to=other["id"])


def _joined(card: Card, name: str, other: Card, main: bool) -> None:
    there = card["_embedded"].setdefault(name, [])
    if any(one["id"] == other["id"] for one in there):
        return
    entry: Card = {"id": other["id"]}
    if name == "contacts":
        entry["is_main"] = main or not there
        if main:
            for one in there:
                one["is_main"] = False
    there.append(entry)


def found(sim: AmocrmSimulator, kind: str, given: Mapping[str, str]) -> list[Card]:
    """Cards by `query` and filters. The search's index is behind by `sim.seen_after` seconds; ids are found at once."""
    cards = [card for card in sim.cards[kind].values() if not card["is_deleted"] and card["id"] not in sim.unseen]
    words = given.get("query", "").casefold()
    if words:
        cards = [card for card in cards if _is_indexed(sim, card) and words in _all_text(sim, kind, card)]
    if not sim.filters:
        return cards
    ids = {value for name, value in given.items() if name.startswith("filter[id][")}
    if ids:
        cards = [card for card in cards if str(card["id"]) in ids]
    for name, value in given.items():
        if name.startswith("filter[custom_fields_values]["):
            wanted = int(name.split("[")[2].rstrip("]"))
            cards = [card for card in cards if _is_indexed(sim, card) and value in _values(card, wanted)]
    return cards


def _is_indexed(sim: AmocrmSimulator, card: Card) -> bool:
    return bool(card["created_at"] + sim.seen_after <= sim.now())


def _all_text(sim: AmocrmSimulator, kind: str, card: Card) -> str:
    """What a search looks through, worked out once for a card as it is: whatever writes its fields makes a new list."""
    name, entries = card["name"], card["custom_fields_values"]
    known = sim.texts.get((kind, card["id"]))
    if known is not None and known[0] == name and known[1] is entries:
        return known[2]
    told = [name, *(value for one in entries or () for value in _texts(one))]
    # Digits are searched as digits too, however a phone is written.
    text = " ".join((*told, *("".join(filter(str.isdigit, one)) for one in told))).casefold()
    sim.texts[kind, card["id"]] = (name, entries, text)
    return text


def _texts(entry: Card) -> list[str]:
    return [str(value["value"]) for value in entry["values"]]


def _values(card: Card, field_id: int) -> list[str]:
    return [text for one in card["custom_fields_values"] or () if one["field_id"] == field_id for text in _texts(one)]


def complex_lead(sim: AmocrmSimulator, body: Mapping[str, Any], by: int) -> Card:
    """A deal with its contact and company; with `metadata` it goes through the control of duplicates: a person of the
    same phone who has an open deal gets no second one."""
    embedded = body.get("_embedded") or {}
    contacts, companies = list(embedded.get("contacts", ()))[:1], list(embedded.get("companies", ()))[:1]
    twin = _open_twin(sim, contacts) if embedded.get("metadata") else None
    if twin is not None:
        person = twin["_embedded"]["contacts"][0]["id"]
        return {**_shown(twin, person, None, body), "merged": True}
    ids = [one["id"] if "id" in one else made(sim, "contacts", one, by)["id"] for one in contacts]
    companies = [one["id"] if "id" in one else made(sim, "companies", one, by)["id"] for one in companies]
    deal = {**body, "_embedded": {"contacts": [{"id": one, "is_main": True} for one in ids],
                                  "companies": [{"id": one} for one in companies]}}  # fmt: skip
    lead = made(sim, "leads", deal, by)
    return {**_shown(lead, next(iter(ids), None), next(iter(companies), None), body), "merged": False}


def _shown(lead: Card, contact: int | None, company: int | None, body: Mapping[str, Any]) -> Card:
    ids = [body["request_id"]] if body.get("request_id") else []
    return {"id": lead["id"], "contact_id": contact, "company_id": company, "request_id": ids}


def _open_twin(sim: AmocrmSimulator, contacts: list[Any]) -> Card | None:
    phones = {
        "".join(filter(str.isdigit, value["value"]))[-10:]
        for one in contacts
        for entry in one.get("custom_fields_values") or ()
        if entry.get("field_code") == "PHONE"
        for value in entry["values"]
    }
    for lead in sim.cards["leads"].values():
        people = [sim.cards["contacts"][one["id"]] for one in lead["_embedded"]["contacts"]]
        if lead["closed_at"] is None and any(
            phone in _all_text(sim, "contacts", one) for one in people for phone in phones
        ):
            return lead
    return None
