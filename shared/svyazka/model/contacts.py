"""People's addresses: every way in which a Russian types a phone becomes E.164.

`phonenumbers` costs 40 ms at a cold start, so it is imported on first use: webhook functions keep
what the vendor wrote, the worker normalises.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

from svyazka.model.base import Stored
from svyazka.model.phones import ascii_digits, candidates, dialled_abroad

_EMAIL = re.compile(r"\A[^@\s,;<>\"]+@[^@\s,;<>\"]+\.[^@\s,;<>\".]{2,}")
_IN_BRACKETS = re.compile(r"\A[^<>]*<([^<>]*)>\s*")
_UNSEEN = re.compile(r"[\xad\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")


class Contact(Stored):
    """A person as an event tells of him, in the vendor's own spelling until planned.

    `proxy` marks an aggregator's or one-time number: it rings for one order only, and its owner agreed
    to nothing. It is never messaged.
    """

    name: str | None = None
    phone: str | None = None
    email: str | None = None
    chats: dict[str, str] = {}
    """Chat ids by vendor: {"telegram": "12345"}."""
    proxy: bool = False


@lru_cache(maxsize=4096)
def normalize_phone(text: str | None, region: str = "RU") -> str | None:
    """E.164 (`+79991234567`) of a phone however it was typed, or None when it can't be one.

    Takes `8 (999) 123-45-67`, `7999...`, `999 123 45 67`, `+7...`, `+8 (999)...`, `007...`, `8-10-375...`, a
    trailing `доб. 12` (dropped), of several numbers the first, full-width or Arabic digits, and `79991234567.0` as
    spreadsheets write it. Never a digit that isn't there.
    """
    if not text:
        return None
    found = (_e164(digits, plus, region) for digits, plus in candidates(text))
    return next((number for number in found if number is not None), None)


def _e164(digits: str, plus: bool, region: str) -> str | None:
    russian = region == "RU" and len(digits) == 11 and digits[0] == "8"
    if plus:
        # `+8 999...` is a mistake for `+7`, unless it is some country's: Viet Nam's numbers are as long.
        return _valid(digits) or (_valid("7" + digits[1:]) if russian else None)
    abroad = dialled_abroad(digits)
    if abroad is not None and (region == "RU" or digits.startswith("00")):
        return _valid(abroad)
    if russian:
        return _valid("7" + digits[1:])
    return _valid("7" + digits if region == "RU" and len(digits) == 10 else digits)


def _valid(digits: str) -> str | None:
    """E.164 of a whole number's digits, where its country knows such numbers."""
    number = _looked_up(digits)
    return number.e164 if number else None


MOBILE = 1
"""The `phonenumbers.PhoneNumberType` of every Russian number that begins with 9, but for some of 93: most that we meet,
and known without a look into the numbering plan. A test holds it against that."""


class _Number(NamedTuple):
    e164: str
    kind: int
    """One of `phonenumbers.PhoneNumberType`."""


@lru_cache(maxsize=4096)  # one event asks of the same number in several places, and an answer takes 0.1 ms
def _looked_up(digits: str) -> _Number | None:
    """What its country's numbering plan says of a whole number; None where that knows no such number."""
    if len(digits) == 11 and digits.startswith("79") and digits[2] != "3":
        return _Number(f"+{digits}", MOBILE)
    import phonenumbers

    if len(digits) == 11 and digits[0] == "7":  # no need to look for where its country's code ends
        parsed = phonenumbers.PhoneNumber(country_code=7, national_number=int(digits[1:]))
    else:
        try:
            parsed = phonenumbers.parse("+" + digits, None)
        except phonenumbers.NumberParseException:
            return None
    kind = phonenumbers.number_type(parsed)
    if kind == phonenumbers.PhoneNumberType.UNKNOWN:
        return None
    return _Number(phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164), kind)


def can_take_messages(phone: str) -> bool:
    """False for an E.164 number that no SMS can reach: a Russian land line or 8-800."""
    number = _looked_up(phone.removeprefix("+")) if phone.startswith("+7") else None
    if number is None:
        return True
    import phonenumbers

    return number.kind not in {
        phonenumbers.PhoneNumberType.FIXED_LINE,
        phonenumbers.PhoneNumberType.TOLL_FREE,
        phonenumbers.PhoneNumberType.PREMIUM_RATE,
    }


def normalize_email(text: str | None) -> str | None:
    """The one spelling of an address, or None when it isn't one.

    In lower case, without `mailto:`, brackets, a dot at its end and what nobody sees; a domain in its own letters.
    """
    if not text:
        return None
    address = _UNSEEN.sub("", text).strip()
    bracketed = _IN_BRACKETS.fullmatch(address)
    address = (bracketed[1] if bracketed else address).strip().lower()
    if address.startswith("mailto:"):
        address = address.removeprefix("mailto:").partition("?")[0]
    local, at, domain = address.partition("@")
    domain = domain.strip().rstrip(".")
    address = f"{local.strip()}{at}{_in_its_letters(domain) if 'xn--' in domain else domain}"
    return address if _EMAIL.fullmatch(address) else None


def _in_its_letters(domain: str) -> str:
    try:
        return domain.encode("ascii").decode("idna")
    except ValueError:
        return domain


AUTOMATIC = frozenset({
    "mailer-daemon", "postmaster", "noreply", "no-reply", "no_reply", "donotreply", "do-not-reply", "bounce", "bounces",
})  # fmt: skip
"""Before the `@` of an address that is a mail server's or a robot's."""


def is_automatic(address: str | None) -> bool:
    """Whether an e-mail address is no person's: who bounces a letter or sends notices reads no answers."""
    local = (normalize_email(address) or (address or "").strip().lower()).partition("@")[0]
    return re.split(r"[+=]", local, maxsplit=1)[0] in AUTOMATIC


def mask_phone(phone: str | None) -> str | None:
    """`+79991234567` -> `+7999•••4567`; anything else keeps its two ends only."""
    if not phone:
        return phone
    first = next(candidates(phone), None)
    digits = first[0] if first else ascii_digits(phone)
    if len(digits) == 11 and digits[0] in "78":
        return f"+7{digits[1:4]}•••{digits[-4:]}"
    return f"{phone[:2]}•••{phone[-2:]}" if len(phone) > 6 else "•••"


def mask_email(email: str | None) -> str | None:
    """`ivan@mail.ru` -> `i•••@mail.ru`."""
    if not email or "@" not in email:
        return "•••" if email else email
    local, _, domain = email.rpartition("@")
    return f"{local[:1]}•••@{domain}"


def mask_name(name: str | None) -> str | None:
    """`Иван Петров` -> `И•••`."""
    return f"{name[:1]}•••" if name else name
