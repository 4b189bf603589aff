"""What people write to our number, in our words. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pydantic import JsonValue

from svyazka.catalogue import N_
from svyazka.connectors.whatsapp.schema import moment
from svyazka.connectors.whatsapp.statuses import person
from svyazka.engine.contracts.untrusted import Section, filled, number, section, sections, text
from svyazka.model.consent import consent_in
from svyazka.model.events import EventType, Fact, Unreadable

LONGEST = 4096
"""Characters of a text."""

Data = dict[str, JsonValue]


def message_facts(message: Section, card: Section) -> Iterator[Fact | Unreadable]:
    """A message; and a lead where it came by an advertisement."""
    id_ = text(message.get("id"), 200)
    if id_ is None:
        yield Unreadable(reason=N_("expected a message with its id"))
        return
    kind, at = text(message.get("type"), 40) or "unknown", moment(message.get("timestamp"))
    if kind in NOT_WORDS:
        yield Fact(type=EventType.OTHER, key=("message", id_), occurred_at=at, ignored=NOT_WORDS[kind])
        return
    read = READERS.get(kind, _of_no_kind)
    data: Data = {"kind": kind, **filled(read(message)), **filled(_around(message))}
    words = data.get("text")
    phone = text(message.get("from"), 40) or text(card.get("wa_id"), 40)
    user = text(message.get("from_user_id"), 150) or text(card.get("user_id"), 150)
    contact = person(phone, user, text(section(card.get("profile")).get("name"), 200))
    yield Fact(
        type=EventType.MESSAGE_RECEIVED,
        key=("message", id_),
        subject=f"message:{id_}",
        occurred_at=at,
        contact=contact,
        data=data,
        consent=consent_in(words if isinstance(words, str) else None),
    )
    if "source" in data:
        yield Fact(
            type=EventType.LEAD_CREATED, key=("lead", id_), subject=f"lead:{id_}", occurred_at=at, contact=contact,
            data={name: data[name] for name in ("source", "headline", "text") if name in data},
        )  # fmt: skip


def _around(message: Section) -> Data:
    """What a message answers, and the advertisement that it came by."""
    referral = section(message.get("referral"))
    kind, id_ = text(referral.get("source_type"), 40), text(referral.get("source_id"), 60)
    return {
        "reply_to": text(section(message.get("context")).get("id"), 200),
        "source": f"{kind or 'ad'} {id_}" if id_ else None,
        "headline": text(referral.get("headline"), 200),
    }


def _words(message: Section) -> Data:
    return {"text": text(section(message.get("text")).get("body"), LONGEST)}


def _quick_reply(message: Section) -> Data:
    button = section(message.get("button"))
    return {"text": text(button.get("text"), LONGEST), "button": text(button.get("payload"), 300)}


def _choice(message: Section) -> Data:
    interactive = section(message.get("interactive"))
    chosen = section(interactive.get(text(interactive.get("type"), 40) or ""))
    return {"text": text(chosen.get("title"), LONGEST), "button": text(chosen.get("id"), 300)}


def _file(message: Section) -> Data:
    media = section(message.get(text(message.get("type"), 40) or ""))
    return {
        "text": text(media.get("caption"), LONGEST),
        "file": text(media.get("id"), 100),
        "mime_type": text(media.get("mime_type"), 100),
    }


def _place(message: Section) -> Data:
    place = section(message.get("location"))
    return {
        "latitude": number(place.get("latitude")),
        "longitude": number(place.get("longitude")),
        "place": text(place.get("name"), 200) or text(place.get("address"), 200),
    }


def _shared_contacts(message: Section) -> Data:
    """Cards of other people: data of the message, and nobody's addresses to write to."""
    shared: list[JsonValue] = []
    for card in sections(message.get("contacts"))[:20]:
        phones: list[JsonValue] = [text(one.get("phone"), 40) for one in sections(card.get("phones"))[:10]]
        shared.append({"name": text(section(card.get("name")).get("formatted_name"), 200), "phones": phones})
    return {"shared": shared}


def _order(message: Section) -> Data:
    order = section(message.get("order"))
    items: list[JsonValue] = [
        {
            "product": text(one.get("product_retailer_id"), 100), "quantity": number(one.get("quantity")),
            "price": number(one.get("item_price")), "currency": text(one.get("currency"), 10),
        }
        for one in sections(order.get("product_items"))[:100]
    ]  # fmt: skip
    return {"items": items, "text": text(order.get("text"), LONGEST)}


def _of_no_kind(message: Section) -> Data:
    """What WhatsApp itself can't pass on, or a kind that is new: that somebody wrote is known all the same."""
    return {}


READERS: dict[str, Callable[[Section], Data]] = {
    "text": _words,
    "button": _quick_reply,
    "interactive": _choice,
    **dict.fromkeys(("image", "video", "document", "audio", "sticker"), _file),
    "location": _place,
    "contacts": _shared_contacts,
    "order": _order,
    "unsupported": _of_no_kind,
}

NOT_WORDS = {
    "reaction": N_("a reaction to a message"),
    "system": N_("WhatsApp tells of a changed number or identity"),
    "edit": N_("a message was edited"),
    "revoke": N_("a message was taken back"),
}
