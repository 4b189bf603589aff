"""What became of one attempt, in words that every connector shares."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from svyazka.model.base import Frozen
from svyazka.model.reasons import Reason
from svyazka.model.references import Produced
from svyazka.model.seen import Seen


class Succeeded(Frozen):
    """The vendor took it. `already` = it had been done before and the vendor said so."""

    kind: Literal["succeeded"] = "succeeded"
    external_id: str | None = None
    produced: tuple[Produced, ...] = ()
    """What was made, or found there, where later steps may refer to it; empty: `external_id` alone."""
    seen: Seen | None = None
    """Of a command that moves money: what its provider shows of the payment, or of the refund, now."""
    cost: float | None = None
    already: bool = False
    message: str | None = None


class Retry(Frozen):
    """Not now. `after`: seconds, where the vendor said when.

    `outage`: the trouble is the connection's, not this command's (a number's daily cap is the command's).
    `maybe_sent`: the call left and no answer came, so it may have had its effect (a checkable or idempotent
    command; an unsafe one is Unknown, unless the vendor itself asks to repeat).
    """

    kind: Literal["retry"] = "retry"
    code: str
    message: str
    reason: Reason = Reason.OTHER
    after: float | None = None
    outage: bool = True
    maybe_sent: bool = False


class Refused(Frozen):
    """No, for good: the vendor will never take this command. `opt_out`: the person doesn't want any.

    `remedy`: what somebody at the business has to mend (a text, a sender's registration), or the next ones
    fail alike; they are told at the first of a day. The connection goes on: others may pass.
    """

    kind: Literal["refused"] = "refused"
    code: str
    message: str
    reason: Reason = Reason.OTHER
    opt_out: bool = False
    remedy: str | None = None


class Blocked(Frozen):
    """The connection can't work until somebody gives it an authorisation, money or a setting."""

    kind: Literal["blocked"] = "blocked"
    code: str
    message: str
    reason: Reason = Reason.OTHER
    remedy: str


class WaitsFor(Frozen):
    """Another connection has to be well first (the other side of a record, a source that must be read): nothing was
    called here. It counts as no failure of the command's own; an outage of that other connection parks it."""

    kind: Literal["waits_for"] = "waits_for"
    connection: str
    code: str
    message: str


class Unclear(Frozen):
    """An answer came, and it says neither yes nor no: what was asked for may have been done.

    The engine makes of it what it makes of silence, by the command's repeat safety: asked about or repeated where
    that can be, else Unknown.
    """

    kind: Literal["unclear"] = "unclear"
    code: str
    message: str
    reason: Reason = Reason.OTHER
    after: float | None = None
    outage: bool = True


def in_doubt_of_nothing(asked: Unclear) -> Retry:
    """What an unclear answer means where nothing could have been done by what was asked: it is asked again."""
    return Retry(code=asked.code, message=asked.message, after=asked.after, outage=asked.outage, reason=asked.reason)


class Unknown(Frozen):
    """Nothing proves what became of it, and only a person can tell: nothing is asked or repeated unasked.

    `outage`: as in Retry; False where the vendor wasn't called.
    """

    kind: Literal["unknown"] = "unknown"
    code: str
    message: str
    reason: Reason = Reason.OTHER
    outage: bool = True


class GaveBack(Frozen):
    """Too little of the lease was left before the first byte, or no place at the vendor's rate for `after` seconds:
    provably nothing was sent. Or a part of it is done and safely so, and what is left is the next attempt's."""

    kind: Literal["gave_back"] = "gave_back"
    after: float = 0.0
    code: str = "lease_too_short"
    message: str = "the claim was given back before anything was sent"


Outcome = Annotated[
    Succeeded | Retry | Refused | Blocked | Unclear | Unknown | WaitsFor | GaveBack, Field(discriminator="kind")
]
