"""What no payment should show, told as cards: what it is, and what somebody can do about it."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.problems.cards import Sight, meet, over
from svyazka.engine.problems.kinds import PAYMENT
from svyazka.model.payments import Oddity, OddityKind, Payment, PaymentState, TransactionStatus

WORDS = {
    OddityKind.PAID_TWICE: N_(
        "{tenant}: заказ {order} оплачен дважды, всего {paid}. Верните вторую оплату: "
        "svyazka refund {payment} --amount {more}"
    ),
    OddityKind.PAID_AFTER_CANCEL: N_(
        "{tenant}: заказ {order} отменён, а потом его оплатили ({paid}). Верните деньги или верните заказ: "
        "svyazka refund {payment} --amount {paid}"
    ),
    OddityKind.PAID_LESS: N_("{tenant}: за заказ {order} пришло {paid} вместо {amount}"),
    OddityKind.PAID_MORE: N_("{tenant}: за заказ {order} пришло {paid} вместо {amount}"),
    OddityKind.OTHER_CURRENCY: N_("{tenant}: за заказ {order} платят в другой валюте; это не принято, сверьтесь"),
    OddityKind.TEST_ON_LIVE: N_(
        "{tenant}: за заказ {order} заплатили учебными деньгами, а подключение боевое (или наоборот); это не принято"
    ),
    OddityKind.SAID_OTHERWISE: N_(
        "{tenant}: касса сообщила, что деньги по заказу {order} прошли, а теперь говорит другое. Проверьте в кабинете"
    ),
    OddityKind.REFUND_REFUSED: N_(
        "{tenant}: возврат по заказу {order} не прошёл. Верните иначе: svyazka refund {payment} --dry-run"
    ),
    OddityKind.REFUNDED_MORE: N_("{tenant}: по заказу {order} вернулось больше, чем пришло: {refunded} из {paid}"),
    OddityKind.UNKNOWN_LONG: N_(
        "{tenant}: больше часа неизвестно, прошли ли деньги по заказу {order}. Касса не отвечает об этом платеже; само "
        "ничего не повторится. Проверьте в её кабинете, потом: svyazka resolve"
    ),
}


async def tell(hub: Hub, before: Payment, after: Payment) -> None:
    """Cards for what is odd now, and the end of those whose cause is gone. Told after the commit: whoever dies in
    between is made good for by the next look, which comes soon after anything odd."""
    open_now = {(one.kind, one.about) for one in after.oddities if not _is_mended(after, one)}
    was_open = {(one.kind, one.about) for one in before.oddities if not _is_mended(before, one)}
    if not open_now and not was_open:
        return
    tenant = await hub.directory.tenant(after.tenant)
    if tenant is None:
        return
    for kind, about in open_now:
        more = after.captured - after.refunded - after.amount
        text = WORDS[kind].format(
            tenant=tenant.name, order=after.order, payment=after.id, paid=after.captured.text, amount=after.amount.text,
            refunded=after.refunded.text, more=more.text,
        )  # fmt: skip
        sight = Sight(
            kind=PAYMENT, tenant=tenant, connection=_where(after, about), text=text, cause=f"{kind.value}:{after.id}",
            about=after.id, since=next(one.since for one in after.oddities if (one.kind, one.about) == (kind, about)),
        )  # fmt: skip
        await meet(hub, sight)
    for kind, about in was_open - open_now:
        await over(hub, tenant, _where(after, about), PAYMENT, f"{kind.value}:{after.id}")


def is_odd(payment: Payment, cause: str) -> bool:
    """Whether a card's cause is still there."""
    kind = cause.partition(":")[0]
    return any(one.kind == kind and not _is_mended(payment, one) for one in payment.oddities)


def _where(payment: Payment, about: str) -> str:
    """The provider's connection that an oddity is about: of a transaction, or of an attempt."""
    if about.startswith("t"):
        one = next((one for one in payment.transactions if one.id == about), None)
        number = one.attempt if one is not None else 1
    else:
        number = int(about)
    return next((one.connection for one in payment.attempts if one.n == number), payment.connection)


def _is_mended(payment: Payment, one: Oddity) -> bool:
    """Whether what was odd is so no more."""
    if one.closed:
        return True
    match one.kind:
        case OddityKind.PAID_TWICE | OddityKind.PAID_MORE:
            return payment.captured - payment.refunded <= payment.amount
        case OddityKind.PAID_AFTER_CANCEL:
            return payment.state is PaymentState.REFUNDED
        case OddityKind.UNKNOWN_LONG:
            return all(it.status is not TransactionStatus.UNKNOWN for it in payment.transactions if it.id == one.about)
        case OddityKind.REFUND_REFUSED:
            # Given back by another way since, or asked for once more.
            return any(
                it.kind == "refund" and it.status != "declined" and int(it.id[1:]) > int(one.about[1:])
                for it in payment.transactions
            )
    return False
