"""A call becomes an event: named so that its repeats are known, kept in its envelope, held back in a flood."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from svyazka.connectors.site.schema import Body, Envelope, Happening
from svyazka.connectors.site.webhook import contact_of
from svyazka.door.callers import Caller
from svyazka.engine.contracts.webhook import RawRequest
from svyazka.engine.intake.receive import Receiver
from svyazka.engine.ports.store import Document
from svyazka.engine.security.keyring import Keyring
from svyazka.model.phones import key as phone_key

KEY_KEPT = 24 * 3600.0
SAME_WORDS, SAME_HAPPENING, SAME_ID = 600.0, 60.0, 400 * 86400.0
"""Seconds in which a person's same words, or the very same body, are a repeat; and a happening's own id."""


@dataclass(frozen=True, slots=True)
class Named:
    """What tells a call by, and for how long."""

    mark: str
    seconds: float
    by_key: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A call in the journal."""

    id: str
    fresh: bool
    """False: it was there already."""
    mistaken: bool = False
    """The same key had come with another body."""


def name_of(keyring: Keyring, caller: Caller, call: str, body: Body, said: Mapping[str, Any], key: str | None) -> Named:
    """By its own key; else a happening by its id, a person's words by both, and anything else by its whole body.

    What comes by the public key has names of its own: nobody can take the name that a back end will use.
    """
    owner = f"{caller.owner}.{caller.by}"
    if key is not None:
        return Named(keyring.mark("idempotency", owner, call, key), KEY_KEPT, by_key=True)
    if isinstance(body, Happening):
        if body.id is not None:
            return Named(keyring.mark("happening", owner, body.type, body.id), SAME_ID)
        return Named(keyring.mark("body", owner, call, _canonical(said)), SAME_HAPPENING)
    who = contact_of(body)
    address = ""
    if who is not None:
        chat = next((f"{vendor}:{chat}" for vendor, chat in who.chats.items()), "")
        address = (who.phone and (phone_key(who.phone) or who.phone)) or (who.email or "").lower() or chat
    if not address:
        return Named(keyring.mark("body", owner, call, _canonical(said)), SAME_WORDS)
    return Named(keyring.mark("words", owner, call, address, body.text or ""), SAME_WORDS)


def print_of(keyring: Keyring, caller: Caller, said: Mapping[str, Any]) -> str:
    """What tells two bodies apart; how long the form was open is no difference."""
    return keyring.mark("print", caller.owner, _canonical({k: v for k, v in said.items() if k != "took"}))


def _canonical(said: Mapping[str, Any]) -> str:
    return json.dumps(said, sort_keys=True, ensure_ascii=False, default=str)


async def enter(receiver: Receiver, caller: Caller, envelope: Envelope, due: datetime | None = None) -> Entry:
    """Make a call durable. Raises Unavailable. `due`: see `Receiver.accepted`."""
    body = envelope.model_dump_json().encode()
    request = RawRequest("POST", f"/ingest/{envelope.call}", b"", [(b"content-type", b"application/json")], body)
    accepted = await receiver.accepted(request, caller.site, receiver.inbound(caller.site), due=due)
    (item,) = accepted.found.items
    there = accepted.present[0] if accepted.present is not None else None
    if there is None:
        return Entry(item.record.event.id, fresh=True)
    before = _print_in(there)
    return Entry(there.id, fresh=False, mistaken=before is not None and before != envelope.print)


def _print_in(document: Document) -> str | None:
    """The print of the body that a journaled call had; None where its contents were blanked."""
    request = json.loads(document.data).get("request")
    if not isinstance(request, dict):
        return None
    found = json.loads(request["body"]).get("print")
    return found if isinstance(found, str) else None
