"""How many parts a text makes, and how it looks in Latin letters."""

from __future__ import annotations

_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
"""GSM 03.38, one septet each."""
_GSM_EXTENDED = frozenset("^{}\\[~]|€\f")
"""Two septets each."""

_LATIN = dict(
    zip(
        "абвгдеёжзийклмнопрстуфхцчшщъыьэюя",
        ["a", "b", "v", "g", "d", "e", "e", "zh", "z", "i", "y", "k", "l", "m", "n", "o", "p", "r", "s", "t", "u", "f",
         "h", "c", "ch", "sh", "sch", "", "y", "", "e", "yu", "ya"],
        strict=True,
    )
)  # fmt: skip


def parts(text: str) -> int:
    """160 septets in one part or 153 in each of several; one other character makes it 70 and 67 UTF-16 units."""
    if all(sign in _GSM or sign in _GSM_EXTENDED for sign in text):
        length, one, many = sum(1 + (sign in _GSM_EXTENDED) for sign in text), 160, 153
    else:
        length, one, many = len(text.encode("utf-16-le")) // 2, 70, 67
    return 1 if length <= one else -(-length // many)


def transliterated(text: str) -> str:
    """Cyrillic in Latin letters."""
    return "".join(_latin(sign) for sign in text)


def _latin(sign: str) -> str:
    found = _LATIN.get(sign.lower(), sign)
    return found.capitalize() if sign.isupper() else found
