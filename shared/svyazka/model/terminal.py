"""Text from outside as a terminal may show it: signs that drive a terminal, turn a line around or hide are seen."""

from __future__ import annotations

import re

_UNSAFE = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)
"""Controls but tab and line feed, marks of direction (a name could show a line backwards), what nobody sees, and half
letters, which can't be printed."""


def plain(text: str) -> str:
    """With a replacement character in the place of each."""
    return _UNSAFE.sub("\N{REPLACEMENT CHARACTER}", text)


def escaped(dumped: str) -> str:
    """JSON that means the same, with each as an escape."""
    return _UNSAFE.sub(_escape, dumped)


def _escape(match: re.Match[str]) -> str:
    units = match[0].encode("utf-16-be", "surrogatepass")
    return "".join(f"\\u{units[place : place + 2].hex()}" for place in range(0, len(units), 2))
