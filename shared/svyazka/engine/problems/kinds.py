"""Every kind of problem: how bad it is, what it is called, what mends it, and who closes it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from svyazka.catalogue import N_
from svyazka.model.deliveries import Status
from svyazka.model.problems import Severity

HOUR, DAY, WEEK = timedelta(hours=1), timedelta(days=1), timedelta(days=7)


class Closer(StrEnum):
    """Who sees that a cause is gone."""

    SUCCESS = "success"
    """A successful call, told by whoever made it."""
    EVENT = "event"
    """Something that happens and says so, told by whoever hears of it."""
    LOOK = "look"
    """A look of its own (`upkeep/problem_looks.py`), every `look_every`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind. Texts may have the gaps {connection}, {vendor}, {tenant}, {cause} and {about}."""

    name: str
    severity: Severity
    title: str
    closed_by: Closer
    look_every: timedelta | None = None
    """For what is closed by an event too: it may be lost."""
    command: str = ""
    person: str = ""
    holds: tuple[Status, ...] = ()
    """Deliveries of its connection in these states wait for its end."""
    alert: tuple[str, str]
    """Kind and stage under which its beginning is told."""
    daily: bool = False
    """Seen anew on another day, it is told again: one message a day at most."""
    end: str = ""
    """The words in which its end is told; none: it isn't."""


def _doctor(live: bool = False) -> str:
    return "svyazka doctor {tenant} --live" if live else "svyazka doctor {tenant}"


CABINET = N_("тот, кто ведёт кабинет {vendor}")

RECOVERED = N_("{tenant}: {name} снова работает (перебой с {since}); накопленное отправляется.")

DOWN = Kind(
    name="down", severity="warning", title=N_("«{connection}» ({vendor}) не отвечает; всё ждёт и уйдёт само"),
    closed_by=Closer.SUCCESS, command="svyazka retry {tenant}/{connection}", holds=(Status.PARKED, Status.BLOCKED),
    alert=("outage", "down"), end=RECOVERED,
)  # fmt: skip
BLOCKED = Kind(
    name="blocked", severity="error", title=N_("«{connection}» ({vendor}) не принимает вызовы"),
    closed_by=Closer.SUCCESS, command="svyazka retry {tenant}/{connection}", person=CABINET,
    holds=(Status.PARKED, Status.BLOCKED), alert=("outage", "blocked"), end=RECOVERED,
)  # fmt: skip
UNKNOWN = Kind(
    name="unknown", severity="error", title=N_("«{connection}»: неизвестно, выполнено ли; само не повторяется"),
    closed_by=Closer.LOOK, look_every=timedelta(minutes=10),
    command="svyazka deliveries --connection {tenant}/{connection} --status unknown", holds=(Status.UNKNOWN,),
    alert=("unknown", "first"), daily=True,
)  # fmt: skip
DEAD = Kind(
    name="dead", severity="error", title=N_("«{connection}»: не удалось за весь срок повторов"),
    closed_by=Closer.LOOK, look_every=DAY,
    command="svyazka deliveries --connection {tenant}/{connection} --status dead", holds=(Status.DEAD,),
    alert=("dead", "first"), daily=True,
)  # fmt: skip
REFUSED = Kind(
    name="refused", severity="error", title=N_("«{connection}» ({vendor}) отказывает, код {cause}"),
    closed_by=Closer.LOOK, look_every=DAY, command="svyazka show {about}", person=CABINET,
    alert=("refused {cause}", "first"), daily=True,
)  # fmt: skip
TWICE = Kind(
    name="duplicate_effect", severity="error", title=N_("«{connection}»: что-то выполнено дважды"),
    closed_by=Closer.LOOK, look_every=DAY, command="svyazka show {about}",
    alert=("duplicate_effect", "first"), daily=True,
)  # fmt: skip
QUARANTINED = Kind(
    name="quarantined", severity="error",
    title=N_("«{connection}»: пришло то, что не удалось прочитать; оно сохранено"),
    closed_by=Closer.LOOK, look_every=HOUR,
    command="svyazka events --connection {tenant}/{connection} --status quarantined",
    alert=("quarantined", "first"), daily=True,
)  # fmt: skip
FLOOD = Kind(
    name="flood", severity="error",
    title=N_("«{connection}»: за час пришло во много раз больше обычного; лишнее ждёт вас"),
    closed_by=Closer.LOOK, look_every=HOUR, command="svyazka held {tenant}/{connection}",
    alert=("flood", "first"), daily=True,
)  # fmt: skip
QUICK = Kind(
    name="min_fill", severity="warning",
    title=N_("«{connection}»: форму заполнили быстрее, чем руками; она сохранена и ждёт"),
    closed_by=Closer.LOOK, look_every=HOUR, command="svyazka held {tenant}/{connection}",
    alert=("min_fill", "first"), daily=True,
)  # fmt: skip
CODES = Kind(
    name="codes", severity="warning", title=N_("«{connection}»: с одноразовыми кодами что-то не так ({cause})"),
    closed_by=Closer.LOOK, look_every=DAY, command="svyazka events --connection {tenant}/{connection}",
    alert=("codes {cause}", "first"), daily=True,
)  # fmt: skip
SETTINGS = Kind(
    name="settings", severity="error", title=N_("настройки не годятся: всё, чему они нужны, ждёт"),
    closed_by=Closer.LOOK, look_every=HOUR, command=_doctor(), holds=(Status.BLOCKED,),
    alert=("settings", "first"), daily=True,
)  # fmt: skip
FOREIGN = Kind(
    name="foreign", severity="warning", title=N_("к «{connection}» приходят события чужого аккаунта"),
    closed_by=Closer.LOOK, look_every=DAY, command=_doctor(), alert=("foreign", "first"),
)  # fmt: skip
HOOK = Kind(
    name="hook", severity="error", title=N_("«{connection}»: {vendor} сообщает о том, что требует вас"),
    closed_by=Closer.EVENT, look_every=HOUR, command="svyazka show {about}", person=CABINET,
    alert=("hook", "disabled"),
)  # fmt: skip
POLL = Kind(
    name="poll", severity="warning", title=N_("«{connection}» ({vendor}) не удаётся опросить; спрашиваем дальше"),
    closed_by=Closer.SUCCESS, command=_doctor(live=True), alert=("poll", "failing"),
    end=N_("{tenant}: {name} снова опрашивается (не удавалось с {since}); пропущенное дочитывается."),
)  # fmt: skip
GAP = Kind(
    name="gap", severity="warning", title=N_("«{connection}»: часть событий ({vendor}) уже не восстановить"),
    closed_by=Closer.LOOK, look_every=DAY, command="svyazka events --connection {tenant}/{connection}", person=CABINET,
    alert=("gap", "first"),
)  # fmt: skip
SILENT = Kind(
    name="silent", severity="warning", title=N_("от «{connection}» ({vendor}) давно нет событий"),
    closed_by=Closer.LOOK, look_every=HOUR, command=_doctor(), alert=("silent", "first"),
)  # fmt: skip
ENDS = Kind(
    name="access_ends", severity="warning", title=N_("доступ к «{connection}» ({vendor}) скоро кончится"),
    closed_by=Closer.LOOK, look_every=DAY, command="svyazka secret set {tenant}", person=CABINET,
    alert=("access", "ends"),
)  # fmt: skip
NO_ACCESS = Kind(
    name="access_refused", severity="error", title=N_("доступ к «{connection}» ({vendor}) не получен"),
    closed_by=Closer.EVENT, look_every=DAY, command="svyazka auth {tenant}/{connection}", person=CABINET,
    alert=("access", "refused"),
)  # fmt: skip

JOB_HELD = Kind(
    name="job_held", severity="error", title=N_("работа «{cause}» ждёт вашего решения"),
    closed_by=Closer.EVENT, look_every=HOUR, command="svyazka jobs resume {about}", alert=("job {cause}", "held"),
)  # fmt: skip
JOB_FAILED = Kind(
    name="job_failed", severity="error", title=N_("работа «{cause}» не удалась"),
    closed_by=Closer.EVENT, look_every=DAY, command="svyazka jobs resume {about}", alert=("job {cause}", "failed"),
)  # fmt: skip
IN_STEP_WAITS = Kind(
    name="in_step_waits", severity="warning",
    title=N_("«{connection}» ({vendor}) молчит больше недели: правки из других систем ждут"),
    closed_by=Closer.LOOK, look_every=HOUR, command="svyazka retry {tenant}/{connection}", person=CABINET,
    holds=(Status.PARKED, Status.BLOCKED), alert=("in_step_waits", "first"),
)  # fmt: skip
IN_STEP_ASKS = Kind(
    name="in_step_asks", severity="warning", title=N_("«{cause}»: системы расходятся, и решить можете только вы"),
    closed_by=Closer.LOOK, look_every=HOUR, command="svyazka sync status {tenant}", alert=("in_step_asks", "first"),
)  # fmt: skip
IN_STEP_HELD = Kind(
    name="in_step_held", severity="error",
    title=N_("«{cause}»: одно и то же случилось сразу со многими записями и ждёт вашего решения"),
    closed_by=Closer.LOOK, look_every=HOUR, command="svyazka sync held {tenant} {cause}",
    alert=("in_step_held", "first"), daily=True,
)  # fmt: skip
PAYMENT = Kind(
    name="payment", severity="error", title=N_("«{connection}»: с платежом что-то не так ({cause})"),
    closed_by=Closer.LOOK, look_every=DAY, command="svyazka payments {about}", alert=("payment {cause}", "first"),
)  # fmt: skip
NO_ORDER = Kind(
    name="no_order", severity="error", title=N_("«{connection}»: пришли деньги, а заказа на них у нас нет"),
    closed_by=Closer.LOOK, look_every=DAY, command="svyazka events --connection {tenant}/{connection}",
    alert=("no_order {cause}", "first"),
)  # fmt: skip
SUBSCRIPTION = Kind(
    name="subscription", severity="error", title=N_("подписка ждёт вашего решения"),
    closed_by=Closer.LOOK, look_every=DAY, command="svyazka subscriptions show {about}",
    alert=("subscription {cause}", "first"),
)  # fmt: skip
RECEIPT = Kind(
    name="receipt", severity="error", title=N_("«{connection}»: с чеком что-то не так ({cause})"),
    closed_by=Closer.LOOK, look_every=DAY, command="svyazka receipts {about}", alert=("receipt {cause}", "first"),
)  # fmt: skip
IN_STEP_DRIFTS = Kind(
    name="in_step_drifts", severity="warning",
    title=N_("«{cause}»: системы расходятся больше, чем раньше"),
    closed_by=Closer.LOOK, look_every=DAY, command="svyazka diff {tenant} --flow {cause}",
    alert=("in_step_drifts", "first"),
)  # fmt: skip

KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        BLOCKED, DOWN, UNKNOWN, DEAD, REFUSED, TWICE, QUARANTINED, SETTINGS, HOOK, NO_ACCESS, FOREIGN, POLL, SILENT,
        ENDS, GAP, FLOOD, QUICK, CODES, JOB_HELD, JOB_FAILED,
        IN_STEP_WAITS, IN_STEP_ASKS, IN_STEP_HELD, IN_STEP_DRIFTS, PAYMENT, NO_ORDER, SUBSCRIPTION, RECEIPT,
    )
}  # fmt: skip
"""All of them."""
