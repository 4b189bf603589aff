"""What somebody asks for at the console. The console has no hand of its own: the worker looks at each request again,
carries it out and answers it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Literal

from svyazka.model.base import Stored, Time


class Role(StrEnum):
    """What somebody may do: each may also do what those before it may."""

    LOOKER = "looker"
    OPERATOR = "operator"
    OWNER = "owner"

    def covers(self, needed: Role) -> bool:
        """Whether this role is enough for what needs another."""
        order = list(Role)
        return order.index(self) >= order.index(needed)


class Wish(StrEnum):
    """What can be asked for."""

    RETRY = "retry"
    """Try a connection in trouble now."""
    REPLAY = "replay"
    """Do a final delivery anew."""
    RESOLVE = "resolve"
    """Say what became of a delivery of which nobody knows."""
    PAUSE = "pause"
    RESUME = "resume"
    RELEASE = "release"
    """Let go on what a connection holds back for a person to decide."""
    DISCARD = "discard"
    """End what a connection holds back."""


NEEDED: Mapping[Wish, Role] = dict.fromkeys(Wish, Role.OPERATOR)
"""The least role for each."""


class SignedIn(Stored):
    """Somebody who has come in, until it expires; `id` is the hash of what his browser holds."""

    id: str
    who: str
    role: Role
    tenant: str | None = None
    """None: all of them."""
    began_at: Time
    expire_at: Time

    def may(self, tenant: str, needed: Role) -> bool:
        """Whether this role is given for this tenant, and is enough."""
        return self.tenant in (None, tenant) and self.role.covers(needed)


class Request(Stored):
    """One wish. Its id comes from its form, so that a form that is sent twice is one wish."""

    id: str
    session: str
    who: str
    tenant: str
    wish: Wish
    about: str
    """A connection or flow by name, or a delivery's id; the tenant's id for the whole of it."""
    arguments: dict[str, str] = {}
    asked_at: Time
    state: Literal["asked", "done", "refused"] = "asked"
    answer: str = ""
    answered_at: Time | None = None
    wake_at: Time | None = None
    wake_step: int = 0
    expire_at: Time
