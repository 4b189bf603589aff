"""A call that left and brought no answer: what that means, and since when (DESIGN 5.5). Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from svyazka.catalogue import N_
from svyazka.model.commands import Repeat
from svyazka.model.deliveries import Attempt, Delivery
from svyazka.model.errors import PlainHttp, RefusedAddress
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry, Succeeded, Unclear, Unknown
from svyazka.model.reasons import Reason


def no_answer(delivery: Delivery, what: str) -> Outcome:
    """The call left and no answer came: what that means depends on the command's repeat safety."""
    code = "timeout" if "timeout" in what.lower() or not what else "no_answer"
    if delivery.repeat is Repeat.UNSAFE:
        message = N_("no answer ({what}): the vendor may have acted on it").format(what=what)
        return Unknown(code=code, message=message, reason=Reason.OUT_OF_SERVICE)
    message = N_("no answer ({what})").format(what=what)
    return Retry(code=code, message=message, maybe_sent=True, reason=Reason.OUT_OF_SERVICE)


def resolved(delivery: Delivery, outcome: Outcome) -> Outcome:
    """What the vendor's answer means for this command: an unclear one means what silence would (DESIGN 5.5)."""
    if not isinstance(outcome, Unclear):
        return outcome
    if delivery.repeat is Repeat.UNSAFE:
        return Unknown(code=outcome.code, message=outcome.message, reason=outcome.reason)
    return Retry(
        code=outcome.code, message=outcome.message, after=outcome.after, outage=outcome.outage, maybe_sent=True,
        reason=outcome.reason,
    )  # fmt: skip


def in_doubt(outcome: Outcome) -> Outcome:
    """What a failure means that came once something of the same attempt may have been done: of that it says nothing,
    neither that it wasn't nor that it won't be."""
    if isinstance(outcome, Succeeded | Unclear | Unknown) or (isinstance(outcome, Retry) and outcome.maybe_sent):
        return outcome
    code, message = getattr(outcome, "code", outcome.kind), outcome.message
    reason, outage = getattr(outcome, "reason", Reason.OTHER), getattr(outcome, "outage", True)
    return Unclear(code=code, message=message, reason=reason, outage=outage, after=getattr(outcome, "after", None))


def not_all(outcome: Outcome, wrote_before: int) -> Outcome:
    """What an attempt of several requests came to: "not now" is said of the last of them, and one before it may have
    been taken."""
    return in_doubt(outcome) if isinstance(outcome, Retry) and wrote_before else outcome


def not_said(asked: Outcome | None) -> Outcome | None:
    """What the answer means to the question whether an earlier try was taken. Refused, it says nothing of that: the
    command itself isn't refused, or the next channel would do it twice."""
    if not isinstance(asked, Refused):
        return asked
    message = N_("an earlier try may have been taken, and its vendor doesn't say: {why}").format(why=asked.message)
    return Unknown(code=asked.code, message=message, reason=asked.reason)


def in_plain(outcome: Outcome, cut: Callable[[str], str]) -> Outcome:
    """The outcome as it may be kept and told: `cut` takes credentials out of its words."""
    message = getattr(outcome, "message", None)
    return outcome.model_copy(update={"message": cut(message)}) if message else outcome


def not_called(error: RefusedAddress | PlainHttp) -> Blocked:
    """An address that isn't called until its settings say otherwise."""
    if isinstance(error, PlainHttp):
        return Blocked(
            code="plain_http",
            message=N_("адрес открыт всем по дороге, он начинается с http:// ({why})").format(why=error),
            remedy=N_("Впишите https:// или, если иначе нельзя, plain_http: true у подключения"),
            reason=Reason.SETTING,
        )
    return Blocked(
        code="refused_address",
        message=N_("base_url ведёт туда, куда вызовы не разрешены ({why})").format(why=error),
        remedy=N_("Исправьте base_url или разрешите эту сеть переменной SVYAZKA_ALLOWED_NETWORKS"),
        reason=Reason.SETTING,
    )


def doubt_since(delivery: Delivery) -> datetime | None:
    """When the first attempt of this generation began that may have had its effect unseen; the last is the present."""
    return min((a.started_at for a in _doubtful(delivery.attempts[:-1], delivery.generation)), default=None)


def maybe_sent_at(delivery: Delivery) -> datetime | None:
    """When the latest earlier attempt began that may have had its effect unseen, of whatever generation."""
    return max((a.started_at for a in _doubtful(delivery.attempts[:-1])), default=None)


KEY_TRUSTED = 0.9
"""The part of a key's life for which we rely on it: the call takes time, and clocks differ."""


def repeat_now(delivery: Delivery, since: datetime, now: datetime, key_life: timedelta | None) -> Repeat:
    """How a command whose effect is in doubt `since` then may be repeated now: a key that its vendor may have forgotten
    protects no longer, so the vendor has to be asked."""
    if delivery.repeat is Repeat.IDEMPOTENT and key_life is not None and now - since > KEY_TRUSTED * key_life:
        return Repeat.CHECKABLE
    return delivery.repeat


def ask_at(delivery: Delivery) -> datetime | None:
    """From when on its vendor can be asked what became of the attempts so far: till then it may not show them yet, and
    "there is none" would mean nothing. None where no attempt is in doubt or asking isn't the way."""
    if delivery.repeat is not Repeat.CHECKABLE:
        return None
    ends = [
        a.started_at if a.outcome == "lost" else a.ended_at or a.started_at
        for a in _doubtful(delivery.attempts, delivery.generation)
    ]
    return max(ends) + delivery.ask_after if ends else None


def cannot_ask(delivery: Delivery) -> Unknown:
    """In doubt, not safe to repeat, and its vendor can't be asked."""
    if delivery.repeat is Repeat.IDEMPOTENT:
        message = N_("an earlier try may have been taken, and it is too long ago for its vendor to recognise a repeat")
        return Unknown(code="key_forgotten", message=message, reason=Reason.OUT_OF_SERVICE, outage=False)
    message = N_("an earlier try may have been taken, and its vendor can't be asked")
    return Unknown(code="cannot_ask", message=message, reason=Reason.OUT_OF_SERVICE, outage=False)


def _doubtful(attempts: Iterable[Attempt], generation: int | None = None) -> list[Attempt]:
    """Those that may have had their effect unseen, of one generation or of all."""
    of = [a for a in attempts if generation is None or a.generation == generation]
    return [a for a in of if a.outcome is None or a.maybe_sent]
