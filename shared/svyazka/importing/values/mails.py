"""E-mail addresses as they stand in a cell. A misspelled one is only said: nobody knows whose it would be."""

from __future__ import annotations

import re

from svyazka.importing.remarks import Read, Remark, Why
from svyazka.model.contacts import normalize_email
from svyazka.model.lookalikes import in_latin

_BETWEEN = re.compile(r"(?<![,;|\n])[,;|\n]++\s*+(?=[^\s,;|]+@)|[;|\n/]+|(?<!\s)\s++(?=[^\s@]+@)")
_WELL_KNOWN = (
    "gmail.com", "mail.ru", "yandex.ru", "ya.ru", "bk.ru", "list.ru", "inbox.ru", "rambler.ru", "icloud.com",
    "outlook.com", "hotmail.com", "yahoo.com", "yandex.com", "vk.com", "internet.ru", "me.com", "live.com", "live.ru",
)  # fmt: skip
_OTHERS_OWN = frozenset(
    {
        "mail.com",
        "email.com",
        "gmx.com",
        "gmx.ru",
        "ro.ru",
        "yandex.by",
        "yandex.kz",
        "yandex.ua",
        "email.ru",
        "gmail.ru",
        "yahoo.ru",
        "vk.ru",
    }
)
"""Domains of somebody's that are a letter away from a well-known one."""
_MISSED_DOT = re.compile(r",(?=[a-zа-я]{2,4}\Z)|(?<=[a-z])\s+(?=(?:ru|com)\Z)", re.I)


def mails(text: str) -> Read[tuple[str, ...]]:
    """Every address of a cell, in its order, each once."""
    found: dict[str, None] = {}
    remarks: list[Remark] = []
    for piece in filter(None, (piece.strip(" ,") for piece in _BETWEEN.split(text))):
        address = normalize_email(piece)
        meant = _meant(address or piece.casefold())
        if address is None:
            remarks.append(Remark(Why.TYPO if meant else Why.NO_MAIL, piece, meant))
            continue
        found[address] = None
        if meant is not None:
            remarks.append(Remark(Why.TYPO, address, meant))
        elif address != piece:
            remarks.append(Remark(Why.SPELLING, piece, address))
    if len(found) > 1:
        remarks.append(Remark(Why.SEVERAL, text, ", ".join(found)))
    return Read(tuple(found), tuple(remarks))


def _meant(typed: str) -> str | None:
    """The address that may have been meant; None where nothing looks wrong, or nothing better is known."""
    plain = _MISSED_DOT.sub(".", in_latin(typed)).replace(" ", "")
    local, at, domain = plain.rpartition("@")
    if not at or not local:
        return None
    if domain not in _WELL_KNOWN and domain not in _OTHERS_OWN:
        domain = next((known for known in _WELL_KNOWN if _one_slip(domain, known)), domain)
    better = normalize_email(f"{local}@{domain}")
    return better if better != typed else None


def _one_slip(one: str, other: str) -> bool:
    """One letter too many, missing, other, or two that changed places."""
    if one == other or abs(len(one) - len(other)) > 1 or len(other) < 7:
        return False
    shorter, longer = sorted((one, other), key=len)
    at = next((place for place, (a, b) in enumerate(zip(shorter, longer, strict=False)) if a != b), len(shorter))
    if len(shorter) < len(longer):
        return shorter[at:] == longer[at + 1 :]
    swapped = shorter[at + 1 : at + 2] + shorter[at : at + 1] == longer[at : at + 2]
    return shorter[at + 1 :] == longer[at + 1 :] or (swapped and shorter[at + 2 :] == longer[at + 2 :])
