"""One call, let in, and what reads it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from svyazka.door.answers import wrong
from svyazka.door.bodies import sent
from svyazka.door.callers import Caller
from svyazka.engine.contracts.webhook import Answer, RawRequest

LONGEST_TEXT = 4096


@dataclass(frozen=True, slots=True)
class Call:
    """One call, let in."""

    caller: Caller
    request: RawRequest
    rest: str
    """What follows the call's name in its path."""


Handler = Callable[[Call], Awaitable[Answer]]


def texts_in(request: RawRequest, *names: str) -> dict[str, str] | Answer:
    """A body of a few texts, each of them there."""
    said = sent(request)
    if isinstance(said, Answer):
        return said
    for name in names:
        if not isinstance(said.get(name), str) or not 0 < len(said[name]) <= LONGEST_TEXT:
            return wrong(name, "expected a text")
    return {name: said[name] for name in names}


def name_in(path: str) -> tuple[str, str]:
    """`/ingest/me/visits` -> `me/visits`; what follows the name of a call stands apart."""
    parts = [part for part in path.split("/") if part]
    while parts and parts[0] in ("api", "ingest"):
        parts.pop(0)
    if not parts:
        return "", ""
    if (parts[0] in ("me", "code", "booking", "session") and len(parts) > 1) or parts[:2] == ["subscription", "cancel"]:
        return "/".join(parts[:2]), "/".join(parts[2:])
    return parts[0], "/".join(parts[1:])
