"""Cyrillic letters that look like Latin ones: in an id they are another letter, and nobody sees it. Pure."""

from __future__ import annotations

import re

from svyazka.catalogue import _

PAIRS = str.maketrans("аеорсухіјѕкмтвнАВЕКМНОРСТХУЅІЈ", "aeopcyxijskmtbhABEKMHOPCTXYSIJ")
"""As they look on a screen (in small letters: roughly)."""

_CYRILLIC = re.compile("[\u0400-\u04ff]")


def in_latin(text: str) -> str:
    """The text as it looks."""
    return text.translate(PAIRS)


def lookalike(text: str) -> str | None:
    """What to say of a word that looks Latin and has Cyrillic letters in it; None for every other."""
    found = sorted(set(_CYRILLIC.findall(text)))
    latin = in_latin(text)
    if not found or _CYRILLIC.search(latin):
        return None
    letters = ", ".join(f"«{letter}» (U+{ord(letter):04X})" for letter in found)
    return _(
        "{letters} in {text!r} is Cyrillic and only looks Latin: type {latin} on a Latin keyboard",
        letters=letters,
        text=text,
        latin=latin,
    )
