"""Looks for card numbers in whatever an installation has kept or said: tables, sealed-in texts, packed bodies, logs.

    no_cards(data, log)

finds none, or fails with the place. A number is 13 to 19 digits, perhaps in groups, that begin as cards do and bear
their check digit.
"""

from __future__ import annotations

import base64
import binascii
import re
import sqlite3
import zlib
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

_RUN = re.compile(r"(?<![\w.])[2-6](?:[ -]?\d){12,18}(?![\w.])", re.ASCII)
_BASE64 = re.compile(r"[A-Za-z0-9+/_-]{24,}={0,2}")
DEEP = 4


def card_numbers(text: str) -> list[str]:
    """What in a text may be a card's number."""
    found = (re.sub(r"[ -]", "", run) for run in _RUN.findall(text))
    return [digits for digits in found if 13 <= len(digits) <= 19 and _checks(digits)]


def _checks(digits: str) -> bool:
    """Luhn."""
    doubled = [int(digit) * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
    return sum(one - 9 if one > 9 else one for one in doubled) % 10 == 0


def kept(data: Path) -> Iterator[tuple[str, str]]:
    """Each text that a data folder holds, unfolded, with its table."""
    for file in sorted(data.rglob("*.db")) + sorted(data.rglob("*.sqlite*")):
        if file.name.endswith(("-wal", "-shm")):
            continue
        with closing(sqlite3.connect(file)) as connection:
            tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
            for table in tables:
                for row in connection.execute(f'SELECT * FROM "{table}"'):
                    for value in row:
                        yield from ((table, text) for text in _unfolded(value, DEEP))


def _unfolded(value: object, deep: int) -> Iterator[str]:
    """A value as text, and the texts that are packed, coded or nested within."""
    if isinstance(value, bytes):
        yield from _unfolded(value.decode("utf-8", "replace"), deep)
        try:
            yield from _unfolded(zlib.decompress(value, 47), deep - 1)
        except zlib.error:
            return
    elif isinstance(value, str):
        yield value
        if deep > 0:
            for coded in _BASE64.findall(value):
                try:
                    yield from _unfolded(base64.b64decode(coded + "=" * (-len(coded) % 4), b"-_"), deep - 1)
                    yield from _unfolded(base64.b64decode(coded + "=" * (-len(coded) % 4)), deep - 1)
                except (ValueError, binascii.Error):
                    continue


def cards_in(data: Path, *logs: str) -> list[str]:
    """Where card numbers stand, by table; `log` for outputs."""
    found = [f"{table}: {number}" for table, text in kept(data) for number in card_numbers(text)]
    return sorted({*found, *(f"log: {number}" for text in logs for number in card_numbers(text))})


def no_cards(data: Path, *logs: str) -> None:
    """Fails where there is one."""
    assert cards_in(data, *logs) == []
