"""What things about money are called for people, at the console and by the command line; scripts get the codes."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.engine.rules.reconciling import What
from svyazka.model.agreements import Every
from svyazka.model.payments import OddityKind, PaymentState, TransactionKind, TransactionStatus
from svyazka.model.receipts import IntentState, ReceiptKind
from svyazka.model.seen import Decline
from svyazka.model.subscriptions import PeriodState, SubscriptionState, Why

STATES = {
    PaymentState.CREATED: N_("begun"), PaymentState.WAITING: N_("waits to be paid"),
    PaymentState.HELD: N_("held, not taken yet"), PaymentState.PAID: N_("paid"),
    PaymentState.PART_REFUNDED: N_("given back in part"), PaymentState.REFUNDED: N_("given back"),
    PaymentState.CANCELLED: N_("called off"), PaymentState.FAILED: N_("not paid"),
    PaymentState.UNKNOWN: N_("nobody knows whether it was paid"),
}  # fmt: skip

MOVES = {
    TransactionKind.AUTHORISE: N_("Holding the money"), TransactionKind.PURCHASE: N_("Payment"),
    TransactionKind.CAPTURE: N_("Taking what was held"), TransactionKind.VOID: N_("Letting go what was held"),
    TransactionKind.REFUND: N_("Refund"), TransactionKind.CHARGEBACK: N_("The payer's bank took it back"),
}  # fmt: skip

MOVED = {What.PAYMENT: MOVES[TransactionKind.PURCHASE], What.REFUND: MOVES[TransactionKind.REFUND]}

MOVE_STATES = {
    TransactionStatus.PENDING: N_("under way"), TransactionStatus.DONE: N_("went through"),
    TransactionStatus.DECLINED: N_("didn't go through"), TransactionStatus.NEVER_SENT: N_("wasn't even asked for"),
    TransactionStatus.UNKNOWN: N_("nobody knows"),
}  # fmt: skip

METHODS = {
    "bank_card": N_("by card"), "card": N_("by card"), "sbp": N_("by SBP"), "sberbank": N_("by SberPay"),
    "sber_pay": N_("by SberPay"), "tinkoff_bank": N_("by T-Pay"), "tpay": N_("by T-Pay"),
    "yoo_money": N_("from a YooMoney wallet"), "mir_pay": N_("by Mir Pay"),
}  # fmt: skip
"""By what somebody paid, as providers say it; what isn't here is shown as it is."""

DECLINES = {
    Decline.NO_MONEY: N_("not enough money on the card"),
    Decline.LATER: N_("the bank is away, or a limit of the day is used up"),
    Decline.CARD_GONE: N_("the saved card is of no use any more"),
    Decline.OTHER_CARD: N_("this card won't do, another may"), Decline.RISK: N_("the bank suspects fraud"),
    Decline.PAYER_LEFT: N_("nobody paid in time"), Decline.SHOP: N_("called off by the business"),
    Decline.SETUP: N_("something isn't switched on at the provider"), Decline.OTHER: N_("the bank didn't say why"),
}  # fmt: skip

RECEIPT_KINDS = {
    ReceiptKind.SALE: N_("Receipt of the sale"), ReceiptKind.SETTLEMENT: N_("Receipt of the handing over"),
    ReceiptKind.REFUND: N_("Receipt of the refund"),
}  # fmt: skip
RECEIPT_STATES = {
    IntentState.WAITING: N_("waits for its turn"), IntentState.REGISTERING: N_("is being registered"),
    IntentState.UNKNOWN: N_("nobody knows whether it is registered"), IntentState.REFUSED: N_("not registered"),
    IntentState.DONE: N_("registered"),
}  # fmt: skip

SUBSCRIPTION_STATES = {
    SubscriptionState.ACTIVE: N_("goes on"), SubscriptionState.RETRYING: N_("declined; tried again later"),
    SubscriptionState.NEEDS_CARD: N_("its payer was asked for another card"),
    SubscriptionState.NEEDS_OWNER: N_("waits for your word"), SubscriptionState.STOPPED: N_("over: it wasn't paid"),
    SubscriptionState.CANCELLED: N_("over: cancelled"),
}  # fmt: skip
EVERY = {Every.WEEK: N_("every week"), Every.MONTH: N_("every month"), Every.YEAR: N_("every year")}
WHY = {
    Why.NO_MONEY: N_("not enough money on the card"), Why.CARD_GONE: N_("the saved card is of no use any more"),
    Why.OTHER_CARD: N_("this card won't do, another may"),
    Why.NOT_SAVED: N_("it was paid by what can't be kept"), Why.RISK: N_("the bank suspects fraud"),
    Why.SETUP: N_("something isn't switched on at the provider"),
    Why.NOT_SENT: N_("the provider could not be reached in time"),
    Why.LATE: N_("found due only days later: is it still to be charged?"),
    Why.NO_FLOW: N_("nothing in the settings charges it any more"), Why.UNPAID: N_("a period wasn't paid"),
    Why.BY_CLIENT: N_("by its payer"), Why.BY_OWNER: N_("by you"), Why.FORGOTTEN: N_("its payer was forgotten"),
}  # fmt: skip
PERIOD_STATES = {
    PeriodState.OPEN: N_("to be paid"), PeriodState.PAID: N_("paid"), PeriodState.UNPAID: N_("not paid"),
    PeriodState.SKIPPED: N_("nobody was charged"),
}  # fmt: skip

ODDITIES = {
    OddityKind.PAID_TWICE: (
        N_("Paid twice"), N_("Two payments came for one order. Give the second one back."),
    ),
    OddityKind.PAID_AFTER_CANCEL: (
        N_("Paid after it was cancelled"), N_("Give the money back, or bring the order back to life."),
    ),
    OddityKind.PAID_LESS: (
        N_("Less came than it costs"), N_("Ask for the rest, or let it be and press «Seen to»."),
    ),
    OddityKind.PAID_MORE: (
        N_("More came than it costs"), N_("Give back what is too much."),
    ),
    OddityKind.OTHER_CURRENCY: (
        N_("Paid in another currency"), N_("It wasn't taken into account. Look in the provider's cabinet."),
    ),
    OddityKind.TEST_ON_LIVE: (
        N_("Paid in play money"),
        N_("The connection's key is for real money, and none came. It wasn't taken into account: look at the "
           "connection's keys."),
    ),
    OddityKind.LIVE_ON_TEST: (
        N_("Paid in real money with a test connection"),
        N_("It wasn't taken into account. Find it in the provider's cabinet, and give the connection a live key."),
    ),
    OddityKind.TEST_BEGUN_ON_LIVE: (
        N_("Begun in play money with a live key"),
        N_("Nobody has paid, and the payer got no link: look at the connection's keys."),
    ),
    OddityKind.LIVE_BEGUN_ON_TEST: (
        N_("Begun in real money with a test connection"),
        N_("Nobody has paid, and the payer got no link: look at the connection's keys."),
    ),
    OddityKind.SAID_OTHERWISE: (
        N_("The provider has changed its mind"),
        N_("It said that the money came, and now says that it didn't. Look in its cabinet."),
    ),
    OddityKind.REFUND_REFUSED: (
        N_("A refund didn't go through"), N_("Try once more, or give the money back another way and press «Seen to»."),
    ),
    OddityKind.HOLD_STAYS: (
        N_("The provider doesn't let go of what is held"),
        N_("It is asked once a day; or let go of it in its cabinet."),
    ),
    OddityKind.HOLD_ENDS: (
        N_("A hold ends within a day"), N_("Take the money in the provider's cabinet, or let it go back."),
    ),
    OddityKind.REFUND_AFTER_ALL: (
        N_("A refund that was refused went back after all"),
        N_("See whether that money went back another way too, then press «Seen to»."),
    ),
    OddityKind.REFUNDED_MORE: (
        N_("More went back than had come"), N_("Look in the provider's cabinet, and write to the payer."),
    ),
    OddityKind.BACK_IN_PART: (
        N_("A part went back past us"),
        N_("The provider doesn't say how much. Look in its cabinet, and press «Seen to»."),
    ),
    OddityKind.CHECK_COSTS_MORE: (
        N_("The table's check costs more by now"), N_("Take the rest at the table, close it, and press «Seen to»."),
    ),
    OddityKind.CHECK_COSTS_LESS: (
        N_("The table's check costs less by now"), N_("Close the table, and give back what is too much."),
    ),
    OddityKind.TABLE_LEFT_OPEN: (
        N_("Paid, and the table isn't closed"), N_("Close it in the till, and press «Seen to»."),
    ),
    OddityKind.UNKNOWN_LONG: (
        N_("Nobody knows for more than an hour"),
        N_("The provider doesn't say. Nothing is repeated by itself: ask it now, or look in its cabinet."),
    ),
    OddityKind.CANCELLED_LATE: (
        N_("Cancelled after the deadline"),
        N_("The money doesn't go back by itself: give it back, or press «Seen to»."),
    ),
    OddityKind.BACK_OVER_LIMIT: (
        N_("Cancelled, and over the day's limit"),
        N_("More than goes back by itself in a day: look at it, and give it back."),
    ),
    OddityKind.NOT_GIVEN_BACK: (
        N_("Cancelled, and not given back"),
        N_("Nobody but you can give it back: cash, money that is held, or a provider that gives back the whole only."),
    ),
    OddityKind.REFUND_LONG: (
        N_("A refund has been on its way for days"),
        N_("The provider doesn't say whether it came through. Look in its cabinet, and press «Seen to»."),
    ),
}  # fmt: skip
"""What each is called, and what is to be done."""
