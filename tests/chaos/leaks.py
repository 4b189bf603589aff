"""What no output of any process may hold: the guests of these runs, webhook keys, and every vendor's credentials."""

from __future__ import annotations

import re

from vendors import MESSENGERS, SOURCES
from vendors.parts.base import NAME, Part

PARTS: list[Part] = [*SOURCES.values(), *MESSENGERS.values()]
CREDENTIALS = sorted({secret for part in PARTS for secret in part.secrets.values()})

PERSONAL = re.compile(
    "|".join(
        (
            r"(?:%2b|(?<![\da-f]))7999\d{7}(?![\da-f])",  # phones; ids hold such digits by chance
            r"guest\d+@",
            r"(?<![\da-f.])50000\d{5}(?![\da-f])",  # chats
            NAME,
            r"\b1\.kofe\.\w+\.\d+\.[a-z2-7]{32}",  # webhook keys
            r"eyJ0eXAi\.access|def50200(?:refresh|0000code)|jwt-[\da-f]{32}",  # what stand-ins give for credentials
            *map(re.escape, CREDENTIALS),
        )
    )
)


def leaks(text: str) -> list[str]:
    """Personal data and secrets in an output."""
    return PERSONAL.findall(text)
