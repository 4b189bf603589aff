"""A request's parameters, from its body and its query."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

_FOR_NUMBER = re.compile(r"(?:to|multi)\[(.+)\]")


@dataclass(frozen=True, slots=True)
class Form:
    """Parameters by name, and the texts that were given number by number."""

    values: dict[str, str]
    texts: list[tuple[str, str]]

    @classmethod
    def of(cls, *encoded: bytes) -> Form:
        """Raises UnicodeDecodeError for what isn't UTF-8."""
        pairs = [
            (name.encode("latin-1").decode(), value.encode("latin-1").decode())
            for part in encoded
            for name, value in parse_qsl(part.decode("latin-1"), keep_blank_values=True, encoding="latin-1")
        ]
        texts = [(found[1], value) for name, value in pairs if (found := _FOR_NUMBER.fullmatch(name))]
        return cls(dict(pairs), texts)

    def get(self, name: str) -> str:
        """A parameter, `` where it isn't given."""
        return self.values.get(name, "")

    def on(self, name: str) -> bool:
        """A switch such as `test=1`."""
        return self.get(name) not in ("", "0")

    def listed(self, name: str) -> list[str]:
        """A parameter of several values joined with commas."""
        return [item.strip() for item in self.get(name).split(",") if item.strip()]

    def recipients(self) -> list[tuple[str, str]]:
        """Number and text of each message: `to` with `msg` (or `text`), or `to[NUMBER]`, `multi[NUMBER]`."""
        text = self.get("msg") or self.get("text")
        return self.texts or [(number, text) for number in self.listed("to")]
