"""What may be shown of people: addresses and names masked in fields, texts and raw bodies (DESIGN 5.11).

Masking is a matter of output only: the journal keeps what replay needs. `--reveal` shows things as they are.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from urllib.parse import quote, quote_plus

from pydantic import JsonValue

from svyazka.model.contacts import Contact, mask_email, mask_name, mask_phone

_PHONE_LIKE = re.compile(r"(?:(?<!\w)|(?<=%2B))(?:\+|%2B)?\(?\d[\d\s()\u00a0.\-]{8,18}\d(?!\w)", re.I)
_EMAIL_LIKE = re.compile(r"[\w.+-]{1,64}(?:@|%40)[\w-]{1,63}(?:\.[\w-]{1,63}){1,5}", re.I)
_NOT_DIGITS = re.compile(r"\D")
_SHORTEST_NAME = 2

PERSONAL_KEYS = frozenset({
    "surname", "firstname", "lastname", "middlename", "patronymic", "fullname", "displayname", "nickname",
    "birthdate", "birthday", "dateofbirth", "address", "deliverypoint", "coordinates", "comment", "passport",
})  # fmt: skip
"""Keys of a vendor's JSON under which a person is, whoever the vendor; compared without case, `_` and `-`."""

PERSON_KEYS = frozenset({"customer", "client", "courier", "guest", "contact", "maincontact", "user", "patient"})
"""Keys under which an object with a `name` is a person; so is any object with a phone or an e-mail in it."""


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

    def text(self, text: str | None, about: Iterable[Contact | None] = ()) -> str | None:
        """A text of anybody's; `about`: the people whose names may stand in it."""
        if text is None or self.reveal:
            return text
        text = _EMAIL_LIKE.sub(lambda match: mask_email(match[0].replace("%40", "@")) or "•••", text)
        text = _PHONE_LIKE.sub(_masked_phone, text)
        for pattern, mask in _known_words(about):
            text = re.sub(pattern, mask, text, flags=re.I)
        return text

    def body(self, body: str | None, about: Iterable[Contact | None] = ()) -> str | None:
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

    def _value(self, value: JsonValue, about: list[Contact | None], personal: bool, person: bool) -> JsonValue:
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
            case int() if _is_phone(str(value)):
                return mask_phone(str(value))
        return value

    def _object(
        self, content: Mapping[str, JsonValue], about: list[Contact | None], personal: bool, person: bool
    ) -> dict[str, JsonValue]:
        keys = {key: re.sub(r"[_-]", "", key.casefold()) for key in content}
        person = person or any("phone" in plain or "email" in plain for plain in keys.values())
        # A key can be an address too: sms.ru answers `{"sms": {"79991234567": ...}}`.
        return {
            self.text(key) or key: self._value(
                value, about, personal or plain in PERSONAL_KEYS or (person and plain == "name"), plain in PERSON_KEYS
            )
            for (key, value), plain in zip(content.items(), keys.values(), strict=True)
        }


def _masked_phone(match: re.Match[str]) -> str:
    found = match[0]
    return (mask_phone(found.replace("%2B", "+").replace("%2b", "+")) or found) if _is_phone(found) else found


def _is_phone(text: str) -> bool:
    """Whether digits are somebody's phone rather than an id, a time or a sum: `+`, or the Russian forms."""
    plus = "+" in text or "%2b" in text.casefold()
    digits = _NOT_DIGITS.sub("", re.sub("%2b", "+", text, flags=re.I))
    if plus:
        return 10 <= len(digits) <= 15
    return (len(digits) == 11 and digits[0] in "78") or (len(digits) == 10 and digits[0] == "9")


def _known_words(about: Iterable[Contact | None]) -> list[tuple[str, str]]:
    """A pattern for each spelling of what is known of people, with its mask; the longest first."""
    words: dict[str, str] = {}
    for contact in about:
        if contact is None:
            continue
        for name in (contact.name or "").split():
            if len(name) >= _SHORTEST_NAME:
                words[name] = mask_name(name) or ""
        for chat in contact.chats.values():
            words[chat] = "•••"
    spelled: dict[str, str] = {}
    for word, mask in words.items():
        spelled[rf"(?<!\w){re.escape(word)}(?!\w)"] = mask
        # In a form or an escaped JSON text a letter is `%D0%98` or `\u0418`: there words have no edges to see.
        for form in {quote(word), quote_plus(word), json.dumps(word)[1:-1]} - {word}:
            spelled[re.escape(form)] = mask
    return sorted(spelled.items(), key=lambda pair: -len(pair[0]))
