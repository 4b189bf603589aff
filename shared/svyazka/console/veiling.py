"""Ids that open something by themselves: whoever holds a booking's or a subscription's id moves or ends it at the front
door, as its client does by the link in a message. So no page shows one whole. It shows how the id begins, which is
enough for people and for the command line, and the rest under a key of ours, by which a link or a form of ours finds it
again.
"""

from __future__ import annotations

import re

from svyazka.engine.security.keyring import Keyring

WHOLE = {"evt": 32, "sub": 24}
"""Letters of an id after its kind; half of them are shown."""

_OPENING = re.compile(r"(evt|sub)_([0-9a-f]+)")
_VEILED = re.compile(r"(evt|sub)_([0-9a-f]+)-([0-9a-f]+)")


def veiled(keyring: Keyring, text: str) -> str:
    """A page with each such id veiled, wherever it stands: in a link, a message, what a vendor sent or answered."""

    def one(found: re.Match[str]) -> str:
        kind, letters = found[1], found[2]
        shown, rest = _halves(kind, letters)
        if not rest:
            return found[0]
        if len(letters) != WHOLE[kind]:  # what was cut off to be kept leads nowhere
            return f"{kind}_{shown}…"
        return f"{kind}_{shown}-{_turned(keyring, kind, shown, rest)}"

    return _OPENING.sub(one, text)


def unveiled(keyring: Keyring, text: str) -> str:
    """The id that a page of ours has veiled; anything else as it is."""
    found = _VEILED.fullmatch(text)
    if found is None or len(found[2]) != len(found[3]) or len(found[2]) * 2 != WHOLE[found[1]]:
        return text
    return f"{found[1]}_{found[2]}{_turned(keyring, found[1], found[2], found[3])}"


def beginning(text: str) -> str:
    """As much of an id as pages show: by what is longer, somebody could find out the rest letter by letter."""
    kind, _, letters = text.partition("_")
    return f"{kind}_{_halves(kind, letters)[0]}" if kind in WHOLE else text


def _halves(kind: str, letters: str) -> tuple[str, str]:
    half = WHOLE[kind] // 2
    return letters[:half], letters[half:]


def _turned(keyring: Keyring, kind: str, shown: str, rest: str) -> str:
    """There and back: each beginning has a key of its own."""
    key = keyring.mark("veiled id", kind, shown)[: len(rest)]
    return f"{int(rest, 16) ^ int(key, 16):0{len(rest)}x}"
