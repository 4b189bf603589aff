"""Something that is done at a vendor, as its webhook tells it and as it is read again."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from vendors.parts.base import FORM, JSON, SAMPLES, Part

if TYPE_CHECKING:
    from matrix.hub import Machine


@dataclass(frozen=True, slots=True)
class Person:
    """Whom a source tells of: what stands in the message and where it may go."""

    name: str | None = None
    email: str | None = None
    phone: str | None = "79991234567"


@dataclass(frozen=True, slots=True)
class Body:
    """What a webhook holds."""

    content: bytes
    content_type: str = JSON


def sample(path: str) -> Body:
    """A vendor's own body."""
    return Body((SAMPLES / path).read_bytes(), FORM if path.endswith(".form") else JSON)


def body(content: object) -> Body:
    """A body of JSON."""
    return Body(json.dumps(content, ensure_ascii=False).encode())


async def _nothing(machine: Machine) -> None:
    """The stand-in knows nothing of it."""


@dataclass(frozen=True, kw_only=True)
class Done(Part):
    """Something that is done at a vendor, with or without credentials for reading again what its webhook told."""

    name: str
    now: str
    """When the webhook comes."""
    done: Body
    person: Person | None
    """Whom the message goes to; None where nobody's address is known."""
    not_done: Mapping[str, Body] = field(default_factory=dict)
    put: Callable[[Machine], Awaitable[None]] = _nothing
    """Lets the stand-in hold what the webhook told."""
    unsaid: Callable[[Machine], Awaitable[None]] | None = None
    """Lets it hold that it isn't done."""
    brief: Mapping[str, Any] | None = None
    """The body that the brief sends; None: the brief sends none of this kind."""
    brief_put: Callable[[Machine], Awaitable[None]] | None = None
    """Lets the stand-in hold what the brief's body names, where that has an id."""
    shown: Mapping[str, tuple[Body, Person]] = field(default_factory=dict)
    """Further payloads that the brief shows."""

    @property
    def start(self) -> datetime:
        return datetime.fromisoformat(self.now)
