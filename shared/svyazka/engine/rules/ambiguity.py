"""A call that left and brought no answer: what that means, and since when (DESIGN 5.5). Pure."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from svyazka.catalogue import N_
from svyazka.model.commands import Repeat
from svyazka.model.deliveries import Delivery
from svyazka.model.errors import PlainHttp, RefusedAddress
from svyazka.model.outcomes import Blocked, Outcome, Retry, Unclear, Unknown


def no_answer(delivery: Delivery, what: str) -> Outcome:
    """The call left and no answer came: what that means depends on the command's repeat safety."""
    code = "timeout" if "timeout" in what.lower() or not what else "no_answer"
    if delivery.repeat is Repeat.UNSAFE:
        return Unknown(code=code, message=N_("no answer ({what}): the vendor may have acted on it").format(what=what))
    return Retry(code=code, message=N_("no answer ({what})").format(what=what), maybe_sent=True)


def resolved(delivery: Delivery, outcome: Outcome) -> Outcome:
    """What the vendor's answer means for this command: an unclear one means what silence would (DESIGN 5.5)."""
    if not isinstance(outcome, Unclear):
        return outcome
    if delivery.repeat is Repeat.UNSAFE:
        return Unknown(code=outcome.code, message=outcome.message)
    return Retry(
        code=outcome.code, message=outcome.message, after=outcome.after, outage=outcome.outage, maybe_sent=True
    )


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
        )
    return Blocked(
        code="refused_address",
        message=N_("base_url ведёт туда, куда вызовы не разрешены ({why})").format(why=error),
        remedy=N_("Исправьте base_url или разрешите эту сеть переменной SVYAZKA_ALLOWED_NETWORKS"),
    )


def doubt_since(delivery: Delivery) -> datetime | None:
    """When the first attempt of this generation began that may have had its effect unseen."""
    earlier = [a for a in delivery.attempts[:-1] if a.generation == delivery.generation]
    return min((a.started_at for a in earlier if a.outcome is None or a.maybe_sent), default=None)


def maybe_sent_at(delivery: Delivery) -> datetime | None:
    """When the latest earlier attempt began that may have had its effect unseen, of whatever generation."""
    return max((a.started_at for a in delivery.attempts[:-1] if a.outcome is None or a.maybe_sent), default=None)
