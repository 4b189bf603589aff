"""What becomes of a payment: every pair of status and evidence, every way between states, sums never exceeded."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st

from svyazka.engine.paying.oddities import is_odd
from svyazka.engine.rules.paid_seen import with_found, with_refund_seen, with_seen
from svyazka.engine.rules.paying import (
    MERGED,
    PAID_STATES,
    WAYS,
    Found,
    free_to_refund,
    looks_again,
    next_id,
    refunded_by,
    state_of,
    why_no_attempt,
    with_oddity,
    with_patience_over,
    with_state,
)
from svyazka.model.money import Money
from svyazka.model.payments import (
    Attempt,
    By,
    OddityKind,
    Payment,
    PaymentState,
    Transaction,
    TransactionKind,
    TransactionStatus,
    attempt_number,
    numbered,
    refund_number,
)
from svyazka.model.seen import PaymentSeen, RefundSeen, RefundState

NOW = datetime(2026, 11, 2, 12, 0, tzinfo=UTC)
ID = "pay_" + "0a" * 12
HUNDRED = Money(kopecks=10_000)

T, K, S, O = TransactionStatus, TransactionKind, PaymentState, OddityKind  # noqa: E741

DECIDED = """
              not_sent    maybe_sent  waits     done   no
    pending     never_sent  unknown   pending   done   declined
    unknown     never_sent  unknown   pending   done   declined
    never_sent  never_sent  unknown   pending   done   declined
    declined    declined    declined  pending   done   declined
    done        done        done      done      done   done
"""


def test_every_pair_of_status_and_evidence_is_decided() -> None:
    head, *rows = [line.split() for line in DECIDED.strip().splitlines()]
    wanted = {(T(row[0]), Found(found)): T(after) for row in rows for found, after in zip(head, row[1:], strict=True)}
    assert wanted == MERGED
    assert set(wanted) == set(product(T, Found))


def payment(*kinds: By, two_step: bool = False, amount: Money = HUNDRED) -> Payment:
    """One with an attempt of each kind, none of them sent yet."""
    made = Payment(
        id=ID, tenant="kofe", connection="site", flow="pay", event="evt_1", order="42", amount=amount,
        two_step=two_step, created_at=NOW, changed_at=NOW,
    )  # fmt: skip
    for kind in kinds:
        made = with_attempt(made, kind)
    return with_state(made)


def with_attempt(made: Payment, kind: By = By.LINK) -> Payment:
    n = len(made.attempts) + 1
    attempt = Attempt(n=n, connection=f"p{n}", vendor="fake", by=kind, number=attempt_number(ID, n))
    first = Transaction(
        id=next_id(made), kind=K.AUTHORISE if made.two_step else K.PURCHASE, attempt=n, amount=made.amount, at=NOW
    )
    changes = {"attempts": (*made.attempts, attempt), "transactions": (*made.transactions, first)}
    return with_state(made.model_copy(update=changes))


def refunding(made: Payment, kopecks: int) -> Payment:
    by = refunded_by(made, Money(kopecks=kopecks))
    assert by is not None
    count = sum(1 for one in made.transactions if one.kind is K.REFUND) + 1
    one = Transaction(
        id=next_id(made), kind=K.REFUND, attempt=by.n, amount=Money(kopecks=kopecks), at=NOW,
        number=refund_number(ID, by.n, count), delivery=f"dlv_{count}",
    )  # fmt: skip
    return with_state(made.model_copy(update={"transactions": (*made.transactions, one)}))


def seen(state: str, n: int = 1, kopecks: int = 10_000, **more: object) -> PaymentSeen:
    given_ = {"external_id": f"ext{n}", "number": attempt_number(ID, n), "state": state, **more}
    return PaymentSeen.model_validate({"amount": Money(kopecks=kopecks), **given_})


def given(made: Payment, *states: str, n: int = 1) -> Payment:
    for state in states:
        made = with_seen(made, n, seen(state, n), NOW)
    return made


# States


@pytest.mark.parametrize(
    ("told", "state"),
    [
        ((), S.CREATED), (("waits",), S.WAITING), (("paid",), S.PAID), (("over",), S.FAILED),
        (("over", "paid"), S.PAID), (("paid", "over"), S.PAID), (("paid", "waits"), S.PAID),
        (("over", "waits"), S.WAITING), (("waits", "over", "over"), S.FAILED),
    ],
)  # fmt: skip
def test_a_payment_is_what_its_provider_shows(told: tuple[str, ...], state: PaymentState) -> None:
    assert given(payment(By.LINK), *told).state is state


@pytest.mark.parametrize(
    ("told", "state", "kinds"),
    [
        (("held",), S.HELD, {K.AUTHORISE}), (("held", "paid"), S.PAID, {K.AUTHORISE, K.CAPTURE}),
        (("paid",), S.PAID, {K.AUTHORISE, K.CAPTURE}), (("held", "over"), S.CANCELLED, {K.AUTHORISE, K.VOID}),
        (("over",), S.FAILED, set()), (("held", "held"), S.HELD, {K.AUTHORISE}),
    ],
)  # fmt: skip
def test_what_is_held_is_taken_or_let_go(told: tuple[str, ...], state: PaymentState, kinds: set[K]) -> None:
    made = given(payment(By.LINK, two_step=True), *told)
    assert made.state is state
    assert {one.kind for one in made.transactions if one.status is T.DONE} == kinds


def test_declined_and_then_paid_is_paid_and_paid_and_then_denied_stays_paid_with_a_card() -> None:
    assert given(payment(By.LINK), "over", "paid").oddities == ()
    for two_step in (False, True):
        made = given(payment(By.LINK, two_step=two_step), "paid", "over", "over")
        assert made.state is S.PAID
        assert [one.kind for one in made.oddities] == [O.SAID_OTHERWISE]


def test_a_link_whose_making_brought_no_answer_troubles_nobody() -> None:
    made = with_found(payment(By.LINK), "t1", Found.MAYBE_SENT, NOW)
    assert made.state is S.FAILED or made.state is S.CREATED
    beside = given(with_attempt(made), "waits", n=2)
    assert beside.state is S.WAITING
    assert given(beside, "paid", n=2).state is S.PAID


def test_a_charge_that_may_have_happened_is_unknown_and_stays_so_however_long_it_takes() -> None:
    made = with_found(payment(By.CHARGE), "t1", Found.MAYBE_SENT, NOW)
    assert made.state is S.UNKNOWN
    later = with_patience_over(made, NOW + timedelta(days=300))
    assert later.state is S.UNKNOWN
    assert [one.kind for one in later.oddities] == [O.UNKNOWN_LONG]
    assert looks_again(later.model_copy(update={"looks": 500})) == timedelta(days=1)


@pytest.mark.parametrize(
    ("taken", "proved"),
    [((True,), True), ((False,), False), ((True, True), False)],
    ids=["the only one", "its provider has not answered", "one of two"],
)
def test_that_a_part_went_back_proves_a_refund_only_where_it_can_be_no_other(
    taken: tuple[bool, ...], proved: bool
) -> None:
    made = given(payment(By.LINK), "paid")
    refunds = tuple(
        Transaction(
            id=f"t{n + 2}", kind=K.REFUND, attempt=1, amount=Money(kopecks=100), at=NOW, number=f"r{n}",
            external_id=f"r{n}" if known else None,
        )
        for n, known in enumerate(taken)
    )  # fmt: skip
    made = made.model_copy(update={"transactions": (*made.transactions, *refunds)})
    seen = PaymentSeen(external_id="1", state="paid", amount=HUNDRED, in_part=True)
    made = made.model_copy(update={"attempts": (made.attempts[0].model_copy(update={"external_id": "1"}),)})
    after = with_seen(made, 1, seen, NOW)
    assert (after.refunded.kopecks > 0) is proved
    waited = with_patience_over(after, NOW + timedelta(days=3))
    assert (O.REFUND_LONG in {one.kind for one in waited.oddities}) is not proved
    assert waited.state is after.state


def test_a_part_that_went_back_past_us_is_told_and_proves_no_refund_of_ours_since() -> None:
    made = given(payment(By.LINK), "paid")
    made = made.model_copy(update={"attempts": (made.attempts[0].model_copy(update={"external_id": "1"}),)})
    seen = PaymentSeen(external_id="1", state="paid", amount=HUNDRED, in_part=True)
    after = with_seen(made, 1, seen, NOW)
    assert [(one.kind, one.about) for one in after.oddities] == [(O.BACK_IN_PART, "t1")]
    ours = Transaction(
        id="t2", kind=K.REFUND, attempt=1, amount=Money(kopecks=100), at=NOW, number="r1", external_id="r1"
    )
    asked = after.model_copy(update={"transactions": (*after.transactions, ours)})
    assert with_seen(asked, 1, seen, NOW).refunded.kopecks == 0
    all_of_it = seen.model_copy(update={"in_part": False, "refunded": HUNDRED})
    ended = with_seen(after, 1, all_of_it, NOW)
    assert (ended.refunded, is_odd(after, "back_in_part:x"), is_odd(ended, "back_in_part:x")) == (HUNDRED, True, False)


@pytest.mark.parametrize(
    ("since", "mended"),
    [
        ((), False), ((("10.00", T.DONE),), False), ((("60.00", T.DONE),), True), ((("60.00", T.PENDING),), True),
        ((("60.00", T.NEVER_SENT),), False), ((("10.00", T.DONE), ("50.00", T.DONE)), True),
        ((("60.00", T.DECLINED), ("60.00", T.DONE)), True),
    ],
)  # fmt: skip
def test_a_refused_refund_is_a_card_until_as_much_goes_back(since: tuple[tuple[str, T], ...], mended: bool) -> None:
    made = given(payment(By.LINK), "paid")
    refunds = [
        Transaction(id=f"t{n}", kind=K.REFUND, attempt=1, amount=Money.read(amount), at=NOW, status=status)
        for n, (amount, status) in enumerate((("60.00", T.DECLINED), *since), 2)
    ]
    odd = with_oddity(
        made.model_copy(update={"transactions": (*made.transactions, *refunds)}), O.REFUND_REFUSED, "t2", NOW
    )
    assert is_odd(with_state(odd), "refund_refused:x") is not mended


def test_nobody_is_charged_beside_what_may_still_come_true() -> None:
    fresh, ways = payment(By.CHARGE), [
        ((Found.NO,), None), ((Found.NOT_SENT,), None), ((Found.MAYBE_SENT,), "in_progress"),
        ((Found.WAITS,), "in_progress"), ((Found.DONE,), "paid"), ((Found.MAYBE_SENT, Found.NO), None),
        ((Found.NO, Found.DONE), "paid"), ((), "in_progress"),
    ]  # fmt: skip
    for found, why in ways:
        made = fresh
        for one in found:
            made = with_found(made, "t1", one, NOW)
        assert why_no_attempt(made) == why, found
    assert why_no_attempt(payment()) is None
    assert why_no_attempt(payment().model_copy(update={"closed": True})) == "cancelled"


# Oddities


def test_money_that_came_twice_is_told_and_goes_back_where_it_came_second() -> None:
    made = given(given(payment(By.LINK, By.LINK), "paid", n=2), "paid", n=1)
    assert [one.kind for one in made.oddities] == [O.PAID_TWICE]
    assert (made.state, made.captured.text, made.paid_by and made.paid_by.n) == (S.PAID, "200.00", 1)
    back = refunding(made, 10_000)
    assert back.transactions[-1].attempt == 2
    done = with_refund_seen(back, 2, RefundSeen(external_id="r", state=RefundState.DONE, amount=HUNDRED), NOW)
    assert done.state is S.PAID


def test_one_link_that_is_paid_twice_is_two_payments() -> None:
    made = given(payment(By.LINK), "paid")
    again = with_seen(made, 1, seen("paid", external_id="ext-again"), NOW)
    assert [one.external_id for one in again.attempts] == ["ext1", "ext-again"]
    assert (again.captured.text, [one.kind for one in again.oddities]) == ("200.00", [O.PAID_TWICE])
    assert with_seen(again, 1, seen("paid", external_id="ext-again"), NOW) == again


@pytest.mark.parametrize(
    ("more", "odd", "state"),
    [
        ({"amount": Money(kopecks=10_000, currency="USD")}, O.OTHER_CURRENCY, S.CREATED),
        ({"test": True}, O.TEST_ON_LIVE, S.CREATED),
        ({"amount": Money(kopecks=9_999)}, O.PAID_LESS, S.PAID),
        ({"amount": Money(kopecks=10_001)}, O.PAID_MORE, S.PAID),
    ],
)  # fmt: skip
def test_what_no_payment_should_show_is_told(more: dict[str, object], odd: OddityKind, state: PaymentState) -> None:
    made = with_seen(payment(By.LINK), 1, seen("paid", **more), NOW, testing=False)
    assert ([one.kind for one in made.oddities], made.state) == ([odd], state)
    assert with_seen(made, 1, seen("paid", **more), NOW, testing=False).oddities == made.oddities


@pytest.mark.parametrize(
    ("testing", "begun", "paid"),
    [(False, O.TEST_BEGUN_ON_LIVE, O.TEST_ON_LIVE), (True, O.LIVE_BEGUN_ON_TEST, O.LIVE_ON_TEST)],
)
def test_money_of_the_other_kind_is_told_by_what_it_is_and_whether_any_came(
    testing: bool, begun: OddityKind, paid: OddityKind
) -> None:
    def there(one: Payment) -> list[OddityKind]:
        return [it.kind for it in one.oddities if not it.closed]

    made = with_seen(payment(By.LINK), 1, seen("waits", test=not testing), NOW, testing=testing)
    assert (there(made), made.state) == ([begun], S.CREATED)
    came = with_seen(made, 1, seen("paid", test=not testing), NOW, testing=testing)
    assert (there(came), came.state) == ([paid], S.CREATED)
    mended = with_seen(made, 1, seen("waits", test=testing), NOW, testing=testing)
    assert (there(mended), mended.state) == ([], S.WAITING)


def test_what_is_paid_after_it_was_called_off_is_told() -> None:
    made = given(payment(By.LINK), "waits").model_copy(update={"closed": True})
    after = given(with_state(made), "paid")
    assert (after.state, [one.kind for one in after.oddities]) == (S.PAID, [O.PAID_AFTER_CANCEL])


# Refunds


def test_what_is_on_its_way_back_or_may_be_is_not_free_any_more() -> None:
    made = refunding(refunding(given(payment(By.LINK), "paid"), 3_000), 2_000)
    assert free_to_refund(made).text == "50.00"
    unknown = with_found(made, "t2", Found.MAYBE_SENT, NOW)
    assert free_to_refund(unknown).text == "50.00"
    assert refunded_by(unknown, Money(kopecks=5_001)) is None
    number = refund_number(ID, 1, 1)
    told = RefundSeen(external_id="r", number=number, state=RefundState.OVER, amount=Money(kopecks=3_000))
    declined = with_refund_seen(unknown, 1, told, NOW)
    assert free_to_refund(declined).text == "80.00"
    assert [one.kind for one in declined.oddities] == [O.REFUND_REFUSED]


def test_a_refund_made_in_the_cabinet_is_noted_as_its_own() -> None:
    made = refunding(given(payment(By.LINK), "paid"), 3_000)
    other = RefundSeen(external_id="r9", state=RefundState.DONE, amount=Money(kopecks=1_000))
    after = with_seen(made, 1, seen("paid", refunds=(other,)), NOW)
    assert [(one.status, one.by) for one in after.transactions[1:]] == [(T.PENDING, None), (T.DONE, "provider")]
    assert after.state is S.PART_REFUNDED
    assert with_seen(after, 1, seen("paid", refunds=(other,)), NOW) == after


def test_where_only_the_sum_is_shown_it_proves_ours_first() -> None:
    made = refunding(refunding(given(payment(By.LINK), "paid"), 3_000), 3_000)
    one = with_seen(made, 1, seen("paid", refunded=Money(kopecks=3_000)), NOW)
    assert [it.status for it in one.transactions] == [T.DONE, T.DONE, T.PENDING]
    both = with_seen(one, 1, seen("paid", refunded=Money(kopecks=10_000)), NOW)
    assert [it.status for it in both.transactions] == [T.DONE, T.DONE, T.DONE, T.DONE]
    assert (both.state, both.transactions[-1].by) == (S.REFUNDED, "provider")


# Any order of anything

EVIDENCE = st.one_of(
    st.tuples(st.just("seen"), st.integers(1, 3), st.sampled_from(["waits", "held", "paid", "over"])),
    st.tuples(st.just("found"), st.integers(1, 3), st.sampled_from([Found.NOT_SENT, Found.MAYBE_SENT])),
    st.tuples(st.just("refund"), st.integers(1, 12_000), st.none()),
    st.tuples(st.just("refunded"), st.integers(0, 3), st.sampled_from(list(RefundState))),
    st.tuples(st.just("tries"), st.just(0), st.sampled_from(list(By))),
)


def step(made: Payment, kind: str, number: int, what: object) -> Payment:
    """One thing that happens; what can't is nothing."""
    if kind == "tries":
        assert isinstance(what, By)
        allowed = len(made.attempts) < 3 and (what is By.LINK or why_no_attempt(made) is None)
        return with_attempt(made, what) if allowed else made
    if kind == "refund":
        fits = refunded_by(made, Money(kopecks=number)) is not None and len(made.transactions) < 12
        return refunding(made, number) if fits else made
    if kind == "refunded":
        ours = [one for one in made.transactions if one.kind is K.REFUND]
        if number >= len(ours):
            return made
        one = ours[number]
        told = RefundSeen(external_id=one.id, number=one.number, state=RefundState(str(what)), amount=one.amount)
        return with_refund_seen(made, one.attempt, told, NOW)
    if number > len(made.attempts):
        return made
    if kind == "found":
        assert isinstance(what, Found)
        first = made.of_attempt(number)[0]
        # A delivery's own doubt is over once its provider has answered.
        answered = made.attempts[number - 1].external_id is not None
        return made if answered else with_found(made, first.id, what, NOW)
    return with_seen(made, number, seen(str(what), number), NOW)


@settings(max_examples=400, deadline=None)
@hypothesis_given(st.lists(EVIDENCE, max_size=25), st.booleans())
def test_whatever_comes_in_whatever_order_money_is_never_forgotten_nor_given_back_twice(
    happens: list[tuple[str, int, object]], two_step: bool
) -> None:
    made = payment(By.LINK, two_step=two_step)
    for kind, number, what in happens:
        before, made = made, step(made, kind, number, what)
        assert made.state is state_of(made)
        assert made.state in WAYS[before.state]
        assert made.captured >= before.captured
        assert made.refunded >= before.refunded
        odd = {one.kind for one in made.oddities}
        assert made.refunded <= made.captured or O.REFUNDED_MORE in odd
        assert free_to_refund(made).kopecks == 0 or free_to_refund(made) <= made.captured - made.refunded
        done = {one.id for one in before.transactions if one.status is T.DONE}
        assert done <= {one.id for one in made.transactions if one.status is T.DONE}
        charged = {one.attempt for one in made.transactions if one.kind is K.PURCHASE and one.status is T.DONE}
        assert len(charged) < 2 or O.PAID_TWICE in odd


def test_from_paid_no_way_leads_back_and_every_other_pair_is_a_way() -> None:
    for before, after in product(S, S):
        assert (after in WAYS[before]) is (before not in PAID_STATES or after in PAID_STATES)


def test_a_number_names_its_payment_without_a_search() -> None:
    for number, n in ((attempt_number(ID, 1), 1), (attempt_number(ID, 12), 12), (refund_number(ID, 3, 7), 3)):
        assert numbered(number) == (ID, n)
        assert len(number) <= 36
    for other in (None, "", "42", "p0a-1", attempt_number(ID, 1) + "x", "P" + attempt_number(ID, 1)[1:]):
        assert numbered(other) is None
