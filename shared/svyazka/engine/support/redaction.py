"""Credentials cut out of texts, in whatever spelling they stand there. Pure.

A secret comes back to us in other dress than we sent it in: percent-encoded in a URL, escaped in JSON, inside the
base64 of a Basic header, its host in small letters or Punycode, cut in the middle by somebody's length limit. Each
dress is a `Form`: a row of places, each with the ways in which its character may be written.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from html import escape
from urllib.parse import parse_qsl, unquote, urlsplit

CUT = "•••"
SHORTEST = 4
"""Characters: what is shorter stands in every other word."""

ENOUGH = 8
"""So many first characters of a secret give it away where the rest was cut off."""

LONG = 12
"""From this length on a secret is also looked for by its beginning."""

_WORD = re.compile(r"[a-z]{1,15}", re.ASCII)
_SCHEME = re.compile(r"(?:bearer|basic|token|apikey|api-key|oauth)\s+(\S.*)", re.IGNORECASE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Form:
    """One dress of a secret. `begin` finds it, or its first characters; `places` tell how far it goes."""

    begin: re.Pattern[str]
    places: tuple[tuple[str, ...], ...]
    known: int
    """Places that `begin` covers."""
    letters: str | None
    """What `begin` looks for, in small letters, where that is written in one way only."""

    def cut(self, text: str) -> str:
        # Most texts hold no secret, and a search within small letters takes a tenth of the pattern's. (Beyond ASCII the
        # pattern also finds letters that are no other's small ones.)
        if self.letters is not None and text.isascii() and self.letters not in text.lower():
            return text
        kept, at = [], 0
        while found := self.begin.search(text, at):
            kept += [text[at : found.start()], CUT]
            at = self._end(text, found.end())
        return "".join([*kept, text[at:]]) if kept else text

    def _end(self, text: str, at: int) -> int:
        for ways in self.places[self.known :]:
            for way in ways:
                if text[at : at + len(way)].lower() == way:
                    at += len(way)
                    break
            else:
                break
        return at


def redact(text: str, secrets: Iterable[str]) -> str:
    """`text` without any of the credentials, in any spelling of theirs."""
    for secret in secrets:
        for form in _forms(secret):
            text = form.cut(text)
    return text


def shown(text: str, secrets: Sequence[str], most: int) -> str:
    """The first `most` characters of a text without credentials: cut out first, and cut off then, so that none is
    left that was cut in two."""
    longest = max((longest_form(secret) for secret in secrets), default=0)
    window = text[: most + 2 * longest]
    clean = redact(window, secrets)
    if len(window) < len(text):
        clean = clean[: max(len(clean) - longest, 0)]  # where it ends a secret may begin
    return clean[:most]


@lru_cache(maxsize=4096)
def longest_form(secret: str) -> int:
    """How long the longest spelling of a secret may be."""
    return max((sum(max(map(len, ways)) for ways in form.places) for form in _forms(secret)), default=0)


@lru_cache(maxsize=4096)
def _forms(secret: str) -> tuple[_Form, ...]:
    """Every dress, the longest first: what is part of another is found after it."""
    if len(secret.strip()) < SHORTEST:
        return ()
    parts: dict[str, bool] = {}
    """Text -> whether its beginning alone gives it away."""
    for whole in dict.fromkeys((secret, secret.strip(), unquote(secret))):
        if "://" in whole:
            parts |= _of_address(whole)
        else:
            parts.setdefault(whole, True)
        if scheme := _SCHEME.fullmatch(whole):
            parts.setdefault(scheme[1], True)
    packed = [form for part in list(parts) for form in _packed(part)]
    forms = [_form(part, alone) for part, alone in parts.items() if len(part) >= SHORTEST]
    forms += [_form(part, True) for part in packed]
    return tuple(sorted(forms, key=lambda form: -len(form.places)))


def _of_address(url: str) -> dict[str, bool]:
    """A URL that is a secret: as a whole, as it is called, and what in it is secret by itself."""
    found = {url: False}
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        ascii_host = host if host.isascii() else host.encode("idna").decode("ascii")
        port = f":{parts.port}" if parts.port else ""
    except (ValueError, UnicodeError):
        return found
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    for name in (host, ascii_host):
        found[f"{parts.scheme}://{name}{port}{target}"] = False
        found[f"{parts.scheme}://{name}{target}"] = False
    own = [target, parts.path, *parts.path.split("/"), *(value for _, value in parse_qsl(parts.query))]
    for part in (*own, *(unquote(one) for one in own), parts.password or ""):
        if len(part) > 4 and not _WORD.fullmatch(part.strip("/")):
            found.setdefault(part, not part.startswith("/"))
    return found


def _packed(part: str) -> list[str]:
    """What it is inside of base64, wherever it begins there, and in hexadecimal."""
    raw = part.encode("utf-8", "replace")
    if len(raw) < 6:
        return []
    found = []
    for before in range(3):
        packed = b64encode(bytes(before) + raw).decode()
        first = (0, 2, 3)[before]  # characters that also hold bits of what stands before
        last = len(packed.rstrip("=")) - (1 if (before + len(raw)) % 3 else 0)
        found.append(packed[first:last])
    found += [one.translate(str.maketrans("+/", "-_")) for one in found if "+" in one or "/" in one]
    return [*found, raw.hex()]


def _form(part: str, alone: bool) -> _Form:
    places = tuple(_ways(character) for character in part)
    telling = alone and len(places) >= LONG and not _WORD.fullmatch(part[:ENOUGH])
    known = ENOUGH if telling else len(places)
    pattern = "".join(
        re.escape(ways[0]) if len(ways) == 1 else f"(?:{'|'.join(map(re.escape, ways))})" for ways in places[:known]
    )
    begin = [ways[0] for ways in places[:known]]
    letters = "".join(begin) if all(len(ways) == 1 for ways in places[:known]) else None
    return _Form(re.compile(pattern, re.IGNORECASE), places, known, letters)


@lru_cache(maxsize=1024)
def _ways(character: str) -> tuple[str, ...]:
    """How a character may be written, in small letters, the longest first."""
    plain = character.lower()
    if character.isascii() and character.isalnum():
        return (plain,)
    percent = "".join(f"%{byte:02x}" for byte in character.encode("utf-8", "replace"))
    units = character.encode("utf-16-be", "surrogatepass").hex()
    escaped = "".join(f"\\u{units[at : at + 4]}" for at in range(0, len(units), 4))
    more = {" ": ("+",), '"': ('\\"',), "/": ("\\/",), "\\": ("\\\\",), "\n": ("\\n",), "\t": ("\\t",), "\r": ("\\r",)}
    twice = percent.replace("%", "%25")
    ways = {plain, percent, twice, escaped, f"\\{escaped}", escape(character), f"&#{ord(character)};"}
    return tuple(sorted({*ways, *more.get(character, ())}, key=lambda way: -len(way)))


__all__ = ["longest_form", "redact", "shown"]
