"""In which letters a text file is written: UTF-8 with and without its mark, UTF-16, the Russian encodings of
old, or two of them in one file, where somebody has put two exports together."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from svyazka.catalogue import _
from svyazka.importing.files.kinds import LIMITS, Limits, refused

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)  # fmt: skip
_RUSSIAN = ["cp1251", "koi8_r", "cp866", "mac_cyrillic"]
_USUAL = "cp1251"
"""Where nothing speaks for another: 1C and Excel in Russia write it."""
_SAMPLE = 64 * 2**10
_LEFT_OVER = re.compile("[\udc80-\udcff]")


@dataclass(frozen=True, slots=True)
class Encoding:
    """How a file's bytes become letters."""

    name: str
    other: str | None = None
    """The encoding of those lines that aren't in the first."""


def encoding_of(path: Path) -> Encoding:
    """By its mark, else UTF-8 where all or some lines are that, else the Russian encoding that it looks most like."""
    with path.open("rb") as file:
        head = file.read(4096)
        for mark, name in _MARKS:
            if head.startswith(mark):
                return Encoding(name, _USUAL if name == "utf-8-sig" else None)
        if zeros := _half_of_utf16(head):
            return Encoding(zeros)
        file.seek(0)
        in_utf8 = others = 0
        sample = bytearray()
        for line in file:
            if line.isascii():
                continue
            try:
                line.decode()
                in_utf8 += 1
            except UnicodeDecodeError:
                others += 1
                if len(sample) < _SAMPLE:
                    sample += line
    if not others:
        return Encoding("utf-8")
    single = _looks_like(bytes(sample))
    return Encoding("utf-8", single) if in_utf8 else Encoding(single)


def letters(path: Path, encoding: Encoding, limits: Limits = LIMITS) -> Iterator[tuple[str, bool]]:
    """The file's lines with their ends, and whether letters of one are lost."""
    with path.open(encoding=encoding.name, errors="surrogateescape", newline="") as file:
        number = 0
        while line := file.readline(limits.line):
            number += 1
            if len(line) >= limits.line:
                raise refused(
                    path,
                    _("line {number} is longer than {most} letters: that is no table", number=number, most=limits.line),
                )
            if line.isascii() or not _LEFT_OVER.search(line):
                yield line, "\ufffd" in line
                continue
            raw = line.encode("utf-8" if encoding.name == "utf-8-sig" else encoding.name, "surrogateescape")
            read = raw.decode(encoding.other or encoding.name, "replace")
            yield read, "\ufffd" in read


def _half_of_utf16(head: bytes) -> str | None:
    """UTF-16 without its mark: every second byte of what stands for Latin letters, digits and signs is zero."""
    if len(head) < 4 or b"\0" not in head:
        return None
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) * 5 < len(head) // 2:
        return None
    return "utf-16-le" if odd > even else "utf-16-be"


def _looks_like(sample: bytes) -> str:
    from charset_normalizer import from_bytes

    best = from_bytes(sample, cp_isolation=_RUSSIAN).best()
    return best.encoding if best is not None else _USUAL
