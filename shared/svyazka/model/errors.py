"""One tree of errors. Each says what was expected, what came and what to do."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from svyazka.model.outcomes import Outcome


class SvyazkaError(Exception):
    """The root: anything that Svyazka raises on purpose."""


class IllegalTransition(SvyazkaError):
    """A delivery was asked to go where its state machine has no way. Always a bug of ours."""


class Unavailable(SvyazkaError):
    """The store or the queue could not make something durable in time. Nothing was half-written."""


class Unstorable(Unavailable):
    """What was to be written can't be, as it is (a text that is none, too large): to try again won't help."""


class Conflict(SvyazkaError):
    """A document changed, or exists already, or is gone: the compare-and-set did not hold."""

    def __init__(self, keys: list[tuple[str, str]]) -> None:
        super().__init__("changed meanwhile: " + ", ".join(f"{kind}/{key}" for kind, key in keys))
        self.keys = keys


class NothingMade(SvyazkaError):
    """A command refers to what an earlier step was to make, and that one made nothing that it could mean."""

    def __init__(self, step: str) -> None:
        super().__init__(f"what {step} was to make is needed, and isn't there")
        self.step = step


class WrittenByNewer(SvyazkaError):
    """A document that only a newer release may read or change. It is left as it is, its `wake_at` too."""

    def __init__(self, kind: str, key: str) -> None:
        super().__init__(f"{kind}/{key} was written by a newer version of svyazka, which has to see to it")
        self.kind, self.key = kind, key


class ConfigError(SvyazkaError):
    """Settings that can't be used. The message names the field, what was expected and what to do."""


class MissingSecret(ConfigError):
    """A setting names a secret that nobody has stored yet."""


class NotSent(SvyazkaError):
    """The call provably never reached the vendor (no connection): it may be repeated by anybody."""


class MaybeSent(SvyazkaError):
    """The call left, and no answer came: the vendor may or may not have acted on it."""


class NoToken(MaybeSent):
    """No answer came to a sign-in: what its token was wanted for hasn't left."""


class LeaseTooShort(SvyazkaError):
    """Too little of the lease is left to begin a call: the claim goes back, nothing was sent."""


class TooLate(LeaseTooShort):
    """What was read for the call is too old by now: it has to be read again first, and nothing was sent."""


class NoPlace(LeaseTooShort):
    """Others call the vendor at all the rate that it allows: nothing was sent, and `wait` seconds may help."""

    def __init__(self, message: str, wait: float) -> None:
        super().__init__(message)
        self.wait = wait


class SourceUnavailable(SvyazkaError):
    """A fact needed for planning couldn't be read from its source now; planning is tried again later."""

    outcome: Outcome | None = None
    """What it means for the connection, where its connector knows: a Blocked one is told at once."""
    again_at: datetime | None = None
    """Its outage is looked at again then: to ask earlier is for nothing."""


class NotAnswered(SvyazkaError):
    """A question for somebody who waits has no answer now. `code`: `down`, `blocked`, `slow` or `busy` (ask again in
    `retry_after` seconds), or `refused`, where the vendor won't answer this one: `why` is its outcome's code."""

    def __init__(self, code: str, message: str, retry_after: float, why: str | None = None) -> None:
        super().__init__(message)
        self.code, self.retry_after, self.why = code, retry_after, why


class NotShown(SvyazkaError):
    """The source doesn't let us see this object, now or later: what its webhook said is all that there is."""


class RefusedAddress(NotSent):
    """An address that a tenant supplied leads into a private network: never called."""


class PlainHttp(NotSent):
    """An address outside of private networks is to be called without encryption, and nobody has allowed that."""
