"""What people answer to messages when they want no more of them, or want them again."""

from __future__ import annotations

import re
from enum import StrEnum


class Consent(StrEnum):
    """A person's own word on being written to."""

    WITHDRAWN = "withdrawn"
    GIVEN = "given"


WITHDRAWING = frozenset({"стоп", "stop", "отписаться", "отписка", "отпишите", "unsubscribe"})
GIVING = frozenset({"старт", "start", "подписаться", "subscribe"})

_WORD = re.compile(r"\w+")


def consent_in(text: str | None) -> Consent | None:
    """The consent that a message gives or withdraws when it holds nothing but the word: `Стоп!`, `/stop`.

    A bot's command may name the bot (`/stop@our_bot`) and carry a payload (`/start src_site`); in any other
    message a longer text is about something else ("стоп-лист обновили?").
    """
    if not text:
        return None
    command = text.strip()
    if command.startswith("/"):
        command = command.split(maxsplit=1)[0].partition("@")[0]
    words = _WORD.findall(command.casefold())
    if len(words) != 1:
        return None
    if words[0] in WITHDRAWING:
        return Consent.WITHDRAWN
    return Consent.GIVEN if words[0] in GIVING else None
