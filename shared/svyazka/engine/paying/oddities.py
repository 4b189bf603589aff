"""What no payment should show, told as cards: what it is, and what somebody can do about it."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.engine.hub import Hub
from svyazka.engine.problems.cards import Sight, meet, over
from svyazka.engine.problems.kinds import PAYMENT
from svyazka.engine.rules.paying import GIVEN_UP, is_held
from svyazka.model.payments import IN_FLIGHT, Oddity, OddityKind, Payment, PaymentState, TransactionStatus

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
        "{tenant}: за заказ {order} заплатили учебными деньгами, а ключ подключения боевой. Настоящих денег не пришло, "
        "заказ оплаченным не считается: проверьте ключи подключения"
    ),
    OddityKind.LIVE_ON_TEST: N_(
        "{tenant}: за заказ {order} заплатили настоящими деньгами, а подключение учебное. Оплаченным он не считается: "
        "найдите платёж в кабинете платёжного сервиса и замените ключ подключения на боевой"
    ),
    OddityKind.TEST_BEGUN_ON_LIVE: N_(
        "{tenant}: платёжный сервис начал оплату заказа {order} как учебную, а ключ подключения боевой. Никто не "
        "заплатил, и ссылки плательщик не получил: проверьте ключи подключения"
    ),
    OddityKind.LIVE_BEGUN_ON_TEST: N_(
        "{tenant}: платёжный сервис начал оплату заказа {order} за настоящие деньги, а подключение учебное. Никто не "
        "заплатил, и ссылки плательщик не получил: проверьте ключи подключения"
    ),
    OddityKind.SAID_OTHERWISE: N_(
        "{tenant}: платёжный сервис сообщил, что деньги по заказу {order} прошли, а теперь говорит другое. Проверьте в "
        "его кабинете"
    ),
    OddityKind.REFUND_REFUSED: N_(
        "{tenant}: возврат по заказу {order} не прошёл. Верните иначе: svyazka refund {payment} --dry-run"
    ),
    OddityKind.HOLD_STAYS: N_(
        "{tenant}: деньги плательщика, задержанные за заказ {order}, больше не нужны (заказ отменён или оплачен "
        "иначе), а платёжный сервис их не отпускает. Мы просим его раз в сутки; если это срочно, отпустите их в его "
        "кабинете"
    ),
    OddityKind.HOLD_ENDS: N_(
        "{tenant}: деньги за заказ {order} задержаны и через сутки вернутся плательщику. Если заказ выполнен, спишите "
        "их в кабинете платёжного сервиса"
    ),
    OddityKind.REFUND_AFTER_ALL: N_(
        "{tenant}: возврат по заказу {order}, в котором платёжный сервис отказал, всё-таки прошёл; всего вернулось "
        "{refunded}. Проверьте, не вернули ли вы эти деньги иначе"
    ),
    OddityKind.REFUNDED_MORE: N_("{tenant}: по заказу {order} вернулось больше, чем пришло: {refunded} из {paid}"),
    OddityKind.BACK_IN_PART: N_(
        "{tenant}: часть денег за заказ {order} вернули мимо Связки, и платёжный сервис не говорит, сколько. "
        "Посмотрите в его кабинете: здесь по-прежнему числится, что возвращено {refunded} из {paid}"
    ),
    OddityKind.CHECK_COSTS_MORE: N_(
        "{tenant}: стол {table} оплачен по счёту ({paid}), а чек в кассе уже дороже. Возьмите доплату и закройте стол"
    ),
    OddityKind.CHECK_COSTS_LESS: N_(
        "{tenant}: стол {table} оплачен по счёту ({paid}), а чек в кассе уже дешевле. Закройте стол и верните лишнее: "
        "svyazka refund {payment} --dry-run"
    ),
    OddityKind.TABLE_LEFT_OPEN: N_(
        "{tenant}: стол {table} оплачен по счёту ({paid}), а в кассе не закрыт. Закройте его"
    ),
    OddityKind.UNKNOWN_LONG: N_(
        "{tenant}: больше часа неизвестно, прошли ли деньги по заказу {order}. Платёжный сервис не отвечает об этом "
        "платеже; само ничего не повторится. Проверьте в его кабинете, потом: svyazka resolve"
    ),
    OddityKind.CANCELLED_LATE: N_(
        "{tenant}: заказ {order} отменён позже срока (или срок не узнать), деньги сами не вернулись: {kept}. Решите, "
        "вернуть ли: svyazka refund {payment} --dry-run"
    ),
    OddityKind.BACK_OVER_LIMIT: N_(
        "{tenant}: заказ {order} отменён, но на сегодня предел возвратов исчерпан; за него осталось {kept}. Верните "
        "сами: svyazka refund {payment} --dry-run"
    ),
    OddityKind.NOT_GIVEN_BACK: N_(
        "{tenant}: заказ {order} отменён, а вернуть деньги сама Связка не может (наличные, задержанные деньги или "
        "платёжный сервис так не умеет); за него осталось {kept}. Верните сами: svyazka payments {payment}"
    ),
    OddityKind.REFUND_LONG: N_(
        "{tenant}: возврат по заказу {order} идёт больше трёх дней, и платёжный сервис не говорит, прошёл ли он. "
        "Проверьте в его кабинете; больше, чем осталось, вернуть не получится"
    ),
}


TITLES = {
    OddityKind.PAID_TWICE: N_("заказ {order} оплачен дважды"),
    OddityKind.PAID_AFTER_CANCEL: N_("отменённый заказ {order} оплатили"),
    OddityKind.PAID_LESS: N_("за заказ {order} заплатили меньше, чем он стоит"),
    OddityKind.PAID_MORE: N_("за заказ {order} заплатили больше, чем он стоит"),
    OddityKind.OTHER_CURRENCY: N_("за заказ {order} платят в другой валюте"),
    OddityKind.TEST_ON_LIVE: N_("за заказ {order} заплатили учебными деньгами, а ключ боевой"),
    OddityKind.LIVE_ON_TEST: N_("за заказ {order} заплатили настоящими деньгами, а подключение учебное"),
    OddityKind.TEST_BEGUN_ON_LIVE: N_("оплата заказа {order} начата как учебная, а ключ боевой"),
    OddityKind.LIVE_BEGUN_ON_TEST: N_("оплата заказа {order} начата как настоящая, а подключение учебное"),
    OddityKind.SAID_OTHERWISE: N_("платёжный сервис сперва подтвердил оплату заказа {order}, а теперь её отрицает"),
    OddityKind.REFUND_REFUSED: N_("возврат по заказу {order} не прошёл"),
    OddityKind.HOLD_STAYS: N_("платёжный сервис не отпускает деньги, задержанные за заказ {order}"),
    OddityKind.HOLD_ENDS: N_("деньги, задержанные за заказ {order}, скоро вернутся плательщику"),
    OddityKind.REFUND_AFTER_ALL: N_("возврат по заказу {order} прошёл после отказа"),
    OddityKind.REFUNDED_MORE: N_("по заказу {order} вернулось больше, чем пришло"),
    OddityKind.BACK_IN_PART: N_("часть денег за заказ {order} вернули мимо Связки"),
    OddityKind.CHECK_COSTS_MORE: N_("стол заказа {order} оплачен, а его чек уже дороже"),
    OddityKind.CHECK_COSTS_LESS: N_("стол заказа {order} оплачен, а его чек уже дешевле"),
    OddityKind.TABLE_LEFT_OPEN: N_("стол заказа {order} оплачен, а в кассе не закрыт"),
    OddityKind.UNKNOWN_LONG: N_("больше часа неизвестно, прошли ли деньги за заказ {order}"),
    OddityKind.CANCELLED_LATE: N_("заказ {order} отменён позже срока: вернуть ли деньги?"),
    OddityKind.BACK_OVER_LIMIT: N_("заказ {order} отменён, а предел возвратов на сегодня исчерпан"),
    OddityKind.NOT_GIVEN_BACK: N_("заказ {order} отменён, а деньги сами не вернутся"),
    OddityKind.REFUND_LONG: N_("возврат по заказу {order} идёт больше трёх дней"),
}
"""What each is called on its card."""


GAVE_BACK = frozenset({PaymentState.REFUNDED, PaymentState.CANCELLED})


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
            refunded=after.refunded.text, more=more.text, table=after.check.table if after.check is not None else "",
            kept=(after.captured - min(after.refunded, after.captured)).text,
        )  # fmt: skip
        sight = Sight(
            kind=PAYMENT, tenant=tenant, connection=_where(after, about), text=text,
            title=TITLES[kind].format(order=after.order), cause=f"{kind.value}:{after.id}",
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
        case OddityKind.PAID_AFTER_CANCEL | OddityKind.BACK_IN_PART:
            return payment.state is PaymentState.REFUNDED
        case OddityKind.HOLD_STAYS | OddityKind.HOLD_ENDS:
            return not is_held(payment, int(one.about))
        case OddityKind.UNKNOWN_LONG:
            return all(it.status is not TransactionStatus.UNKNOWN for it in payment.transactions if it.id == one.about)
        case OddityKind.CANCELLED_LATE | OddityKind.BACK_OVER_LIMIT | OddityKind.NOT_GIVEN_BACK:
            since = [it for it in payment.transactions if it.kind == "refund" and it.at >= one.since]
            return payment.state in GAVE_BACK or any(it.status is TransactionStatus.DONE for it in since)
        case OddityKind.REFUND_LONG:
            return all(it.status not in IN_FLIGHT for it in payment.transactions if it.id == one.about)
        case OddityKind.REFUND_REFUSED:
            # It has come true after all; or as much was given back, or asked for, since.
            refused = next(it for it in payment.transactions if it.id == one.about)
            since = [it for it in payment.transactions if it.kind == "refund" and int(it.id[1:]) > int(one.about[1:])]
            again = sum(it.amount.kopecks for it in since if it.status not in GIVEN_UP)
            done = refused.status is TransactionStatus.DONE or payment.state is PaymentState.REFUNDED
            return done or again >= refused.amount.kopecks
    return False
