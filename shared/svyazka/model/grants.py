"""A grant: what an account's owner allowed us by OAuth, and the one document that instances share of it."""

from __future__ import annotations

from typing import Literal

from svyazka.model.base import Stored, Time


class Pair(Stored):
    """An access token and the refresh token that came with it; stored sealed only."""

    access: str
    refresh: str | None = None
    renew_at: Time
    """From then on it isn't used any more, some time before its end. Real time: tokens live in the vendor's."""
    base_url: str | None = None
    """Where the account lived when these were given, where the vendor tells that with them."""


class Trouble(Stored):
    """Why there is no access: a code, words, and what helps."""

    code: str
    message: str
    remedy: str = ""


class CodeUse(Stored):
    """What became of the authorization code that came last. A code is good for one exchange."""

    hash: str
    state: Literal["asked", "taken", "refused"]
    trouble: Trouble | None = None


class Grant(Stored):
    """One connection's grant. `lease_until` and `issued_at` are real time, `wake_at` is business time."""

    tenant: str
    connection: str
    vendor: str
    client_id: str
    """Whose tokens these are: those of another integration are of no use to this one."""
    base_url: str | None = None
    """Where the account lives, as the redirect told."""
    sealed: str | None = None
    """The present pair; None while there is none."""
    spares: tuple[str, ...] = ()
    """Sealed pairs that may still be good, newest first: kept until the present pair has worked once."""
    worked: bool = False
    issued_at: Time | None = None
    dead: bool = False
    """No pair is good any more: only a new authorisation helps."""
    trouble: Trouble | None = None
    """Why the last renewal failed."""
    again_at: Time | None = None
    """Before then nobody asks for a pair again: the last renewal was refused. Real time."""
    asked_with: str | None = None
    """Tells the settings that were refused from others, which may be asked with at once."""
    needs_hand: bool = False
    """Whether a person has to mend what was refused (a wrong client_secret); else time is enough."""
    claim: int = 0
    """Numbers the claims: whoever settles with an older number is late, and is merged."""
    lease_until: Time | None = None
    """Somebody is asking the vendor for a pair; absolute, as a delivery's."""
    code: CodeUse | None = None
    wake_at: Time | None = None
    wake_step: int = 0

    @property
    def id(self) -> str:
        return f"{self.tenant}.{self.connection}"
