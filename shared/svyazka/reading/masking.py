"""What may be shown of people: addresses and names masked in fields, texts and raw bodies (DESIGN 5.11).

Masking is a matter of output only: the journal keeps what replay needs. `--reveal` shows things as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from urllib.parse import quote, quote_plus

from pydantic import JsonValue

from svyazka.model.contacts import Contact, mask_email, mask_name, mask_phone, normalize_phone
from svyazka.model.phones import SHORTEST, SHORTEST_ABROAD, Number, runs, unescaped_with_places

_EMAIL_LIKE = re.compile(r"[\w.+-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}", re.I)
_SHORTEST_NAME = 2

Private = Contact | str | None
"""Whom a text may tell of; or a word that only whoever was sent it may read: a one-time code."""

PERSONAL_KEYS = frozenset({
    "surname", "firstname", "lastname", "middlename", "patronymic", "fullname", "displayname", "nickname",
    "birthdate", "birthday", "dateofbirth", "address", "deliverypoint", "coordinates", "comment", "passport",
})  # fmt: skip
"""Keys of a vendor's JSON under which a person is, whoever the vendor; compared without case, `_` and `-`."""

PERSON_KEYS = frozenset({"customer", "client", "courier", "guest", "contact", "maincontact", "user", "patient"})
"""Keys under which an object with a `name` is a person; so is any object with a phone or an e-mail in it."""

OPENING_KEYS = frozenset({"named"})
"""Keys whose value is nobody's to read: of what names a call of the front door its id can be worked out, and that opens
what was asked for (`door/visits.py`)."""


class Masker:
    """Masks for one command; `reveal` shows everything."""

    def __init__(self, reveal: bool = False) -> None:
        self.reveal = reveal

    def contact(self, contact: Contact | None) -> dict[str, JsonValue] | None:
        """`{name, phone, email}`, or None where an event tells of nobody."""
        if contact is None or contact == Contact():
            return None
        if self.reveal:
            return {"name": contact.name, "phone": contact.phone, "email": contact.email}
        return {
            "name": mask_name(contact.name),
            "phone": mask_phone(contact.phone),
            "email": mask_email(contact.email),
        }

    def text(self, text: str | None, about: Iterable[Private] = ()) -> str | None:
        """A text of anybody's; `about`: whom and what it may tell of that isn't for everybody."""
        if text is None or self.reveal:
            return text
        for pattern, mask in _known_words(about):
            text = re.sub(pattern, mask, text, flags=re.I)
        text = _EMAIL_LIKE.sub(lambda match: mask_email(match[0].replace("%40", "@")) or "•••", text)
        return _without_phones(text)

    def body(self, body: str | None, about: Iterable[Private] = ()) -> str | None:
        """A request's or an answer's body: JSON value by value, anything else as text."""
        if body is None or self.reveal:
            return body
        about = list(about)
        try:
            masked = self._value(json.loads(body), about, personal=False, person=False)
            shown = json.dumps(masked, ensure_ascii=False)
        except (ValueError, RecursionError):
            return self.text(body, about)
        # Half a surrogate pair, escaped in the body, is no letter that could be printed: it stays escaped.
        return shown.encode("utf-8", "backslashreplace").decode()

    def _value(self, value: JsonValue, about: list[Private], personal: bool, person: bool) -> JsonValue:
        """`personal`: whatever stands here is somebody's; `person`: an object here has somebody's name."""
        match value:
            case dict():
                return self._object(value, about, personal, person)
            case list():
                return [self._value(item, about, personal, person) for item in value]
            case str():
                return mask_name(value) if personal else self.text(value, about)
            case bool() | None:
                return value
            case _ if personal:
                return "•••"
            case int() | float():
                digits = str(int(value)) if float(value).is_integer() else ""
                return mask_phone(digits) if _is_phone(digits, plus=False) else value
        return value

    def _object(
        self, content: Mapping[str, JsonValue], about: list[Private], personal: bool, person: bool
    ) -> dict[str, JsonValue]:
        keys = {key: re.sub(r"[_-]", "", key.casefold()) for key in content}
        person = person or any("phone" in plain or "email" in plain for plain in keys.values())
        # A key can be an address too: sms.ru answers `{"sms": {"79991234567": ...}}`.
        shown: dict[str, JsonValue] = {}
        for (key, value), plain in zip(content.items(), keys.values(), strict=True):
            own = personal or plain in PERSONAL_KEYS or (person and plain == "name")
            found = self._value(value, about, own, plain in PERSON_KEYS) if plain not in OPENING_KEYS else "•••"
            shown[self.text(key) or key] = found
        return shown


def masked(name: str, value: str) -> str:
    """What stands in a field of a person's card, masked as people are."""
    return {"phone": mask_phone, "email": mask_email}.get(name, mask_name)(value) or "•••"


def _without_phones(text: str) -> str:
    """A text with every phone masked, whatever stands between its digits, and where it is escaped too."""
    read, places = unescaped_with_places(text)
    kept: list[str] = []
    done = end = 0
    for found in runs(read):
        number = next((one for one in found if one.start >= end and _is_phone(one.digits, one.plus)), None)
        if number is None:
            continue
        end = number.end
        kept += (text[done : places(number.start)], _masked(number))
        done = places(end)
    return "".join(kept) + text[done:]


def _masked(number: Number) -> str:
    return mask_phone(f"+{number.digits}" if number.plus else number.digits) or "•••"


@lru_cache(maxsize=4096)
def _is_phone(digits: str, plus: bool) -> bool:
    """Whether digits are somebody's phone rather than an id, a time or a sum: a `+`, the forms of Russian mobiles, or
    what a message could be sent to."""
    if plus and len(digits) >= SHORTEST:
        return True
    if (len(digits) == 11 and digits[0] in "78") or (len(digits) == 10 and digits[0] == "9"):
        return True
    return len(digits) >= SHORTEST_ABROAD and normalize_phone(f"+{digits}" if plus else digits) is not None


def _known_words(about: Iterable[Private]) -> list[tuple[str, str]]:
    """A pattern for each spelling of what is known of people, with its mask; the longest first."""
    words: dict[str, str] = {}
    spelled: dict[str, str] = {}
    for contact in about:
        if contact is None:
            continue
        if isinstance(contact, str):  # wherever it stands: in a form its edge may be the `%20` before it
            spelled |= {re.escape(form): "•••" for form in (contact, quote_plus(contact)) if contact}
            continue
        for name in (contact.name or "").split():
            if len(name) >= _SHORTEST_NAME:
                words[name] = mask_name(name) or ""
        for chat in contact.chats.values():
            words[chat] = "•••"
        # However it was spelled, it is known here.
        for address, mask in ((contact.phone, mask_phone(contact.phone)), (contact.email, mask_email(contact.email))):
            if address and len(address) >= SHORTEST_ABROAD:
                words[address] = mask or "•••"
    for word, mask in words.items():
        spelled[rf"(?<!\w){re.escape(word)}(?!\w)"] = mask
        # In a form or an escaped JSON text a letter is `%D0%98` or `\u0418`: there words have no edges to see.
        for form in {quote(word), quote_plus(word), json.dumps(word)[1:-1]} - {word}:
            spelled[re.escape(form)] = mask
    return sorted(spelled.items(), key=lambda pair: -len(pair[0]))
