"""What is wrong with a fiscal receipt, told as cards: what it is, and what somebody can do about it."""

from __future__ import annotations

from datetime import datetime

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.problems.cards import Sight, meet, over
from svyazka.engine.problems.kinds import RECEIPT
from svyazka.engine.rules.receipts import OTHER_AMOUNT, RED, is_late
from svyazka.model.receipts import IntentState, ReceiptIntent

REFUSED, REFUSED_THERE = "receipt_refused", "receipt_not_made"
LATE_CAUSE, RED_CAUSE = "receipt_late", "receipt_missing"
OTHER, TWICE = "receipt_other_sum", "receipt_twice"

WORDS = {
    REFUSED: N_(
        "{tenant}: чек по заказу {order} на {amount} не пробит: {why}. Исправьте причину и повторите: "
        "svyazka receipts {id} --again. Если чек пробит иначе: svyazka receipts {id} --done «чем и когда»"
    ),
    REFUSED_THERE: N_(
        "{tenant}: «{connection}» взяла деньги по заказу {order} ({amount}), а чек не пробила. Пробейте его в её "
        "кабинете и отметьте: svyazka receipts {id} --done «чем и когда»"
    ),
    LATE_CAUSE: N_(
        "{tenant}: по заказу {order} на {amount} нет чека уже больше 12 часов. Закон даёт срок до конца следующего "
        "рабочего дня: svyazka receipts {id}"
    ),
    RED_CAUSE: N_(
        "{tenant}: по заказу {order} на {amount} нет чека больше суток. Если его нет и в кабинете, пробейте сами и "
        "отметьте: svyazka receipts {id} --done «чем и когда»"
    ),
    OTHER: N_(
        "{tenant}: онлайн-касса показывает чек по заказу {order} на другую сумму, чем {amount}. Сверьте его в "
        "кабинете: svyazka receipts {id}"
    ),
    TWICE: N_(
        "{tenant}: по заказу {order} на {amount} пробиты два чека. Лишний исправляют чеком коррекции: позовите "
        "бухгалтера, номера показывает svyazka receipts {id}"
    ),
}


def causes_of(intent: ReceiptIntent, now: datetime) -> set[str]:
    """What is wrong with it now."""
    found = set()
    if intent.state is IntentState.REFUSED:
        found.add(REFUSED_THERE if intent.by_provider else REFUSED)
    elif is_late(intent, now):
        found.add(RED_CAUSE if now - intent.owed_since >= RED else LATE_CAUSE)
    if intent.state is not IntentState.DONE and any(one.code == OTHER_AMOUNT for one in intent.tries):
        found.add(OTHER)
    there = sum(1 for one in intent.tries if one.state == "done")
    if there > 1 or (there and intent.by_hand is not None):
        found.add(TWICE)
    return found


async def tell(hub: Hub, before: ReceiptIntent, after: ReceiptIntent, now: datetime) -> None:
    """Cards for what is wrong now, and the end of those whose cause is gone. Told after the commit: whoever dies in
    between is made good for by the next look."""
    open_now = causes_of(after, now)
    was_open = {*causes_of(before, now), LATE_CAUSE, RED_CAUSE} if is_over(before, after) else causes_of(before, now)
    if not open_now and not was_open:
        return
    tenant = await hub.directory.tenant(after.tenant)
    if tenant is None:
        return
    for cause in open_now:
        last = after.last
        why = (last.why or last.code if last else None) or N_("причина не названа")
        text = WORDS[cause].format(
            tenant=tenant.name, order=after.order, amount=after.amount.text, id=after.id, why=why,
            connection=after.connection,
        )  # fmt: skip
        sight = Sight(
            kind=RECEIPT, tenant=tenant, connection=after.connection, text=text, cause=f"{cause}:{after.id}",
            about=after.id, since=after.owed_since,
        )  # fmt: skip
        await meet(hub, sight)
    for cause in was_open - open_now:
        await over(hub, tenant, after.connection, RECEIPT, f"{cause}:{after.id}")


def is_over(before: ReceiptIntent, after: ReceiptIntent) -> bool:
    return after.state is IntentState.DONE and before.state is not IntentState.DONE


def is_wrong(intent: ReceiptIntent, cause: str, now: datetime) -> bool:
    """Whether a card's cause is still there."""
    return cause.partition(":")[0] in causes_of(intent, now)
