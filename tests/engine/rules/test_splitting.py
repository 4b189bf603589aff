"""Shares and refunds of parts: exact sums, and never more back of a share, or a line, than came by it."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from svyazka.engine.rules.splitting import divided, lines_back, refunded_parts, rescaled, split_at, split_back
from svyazka.model.money import Money
from svyazka.model.orders import OrderLine, total_of
from svyazka.model.payments import Attempt, By, Payment, Transaction, TransactionStatus, attempt_number
from svyazka.model.shares import Dividing, Share

NOW = datetime(2026, 11, 2, tzinfo=UTC)
ID = "pay_" + "0a" * 12
KOPECKS = st.integers(1, 10**7)
PERCENT = st.decimals(0, 99, places=2)


def dividing(part: int = 0, fee: Decimal = Decimal(0), *connections: str) -> Dividing:
    return Dividing(accounts={name: f"{name}-1" for name in connections or ("kassa",)}, part=part, fee=fee)


@given(KOPECKS, st.lists(st.tuples(st.integers(0, 1000), PERCENT), min_size=1, max_size=6), KOPECKS)
@settings(max_examples=300, deadline=None)
def test_shares_by_parts_are_the_whole_and_fees_are_within_them(
    kopecks: int, told: list[tuple[int, Decimal]], again: int
) -> None:
    sellers = {f"s{place}": dividing(part, fee) for place, (part, fee) in enumerate(told)}
    shares = divided(Money(kopecks=kopecks), sellers, None)
    assert shares is not None
    if not any(part for part, _ in told):
        assert shares == ()
        return
    assert sum(one.amount.kopecks for one in shares) == kopecks
    scaled = rescaled(shares, Money(kopecks=again))
    assert sum(one.amount.kopecks for one in scaled) == again
    for one in (*shares, *scaled):
        assert one.fee is None or 0 <= one.fee.kopecks <= one.amount.kopecks


def test_what_is_said_must_be_the_whole_and_of_sellers_that_are_known() -> None:
    sellers = {"anna": dividing(), "boris": dividing()}
    amount, m = Money(kopecks=1000), lambda kopecks: Money(kopecks=kopecks)
    said = divided(amount, sellers, {"boris": m(300), "anna": m(700)})
    assert said is not None
    assert [(one.seller, one.amount.kopecks) for one in said] == [("anna", 700), ("boris", 300)]
    for wrong in ({"anna": m(999)}, {"anna": m(1001)}, {"vera": m(1000)}, {"anna": m(0), "boris": m(1000)}, {}):
        assert divided(amount, sellers, wrong) is None
    assert split_at(said, "elsewhere") is None
    told = split_at(said, "kassa")
    assert told is not None
    assert [(one.account, one.amount.kopecks) for one in told] == [("kassa-1", 700), ("kassa-1", 300)]


def paid(shares: list[tuple[int, int]], lines: list[int]) -> Payment:
    """A payment of these shares, each with its fee, and of these lines."""
    amount = Money(kopecks=sum(kopecks for kopecks, _ in shares) or sum(lines))
    attempt = Attempt(n=1, connection="kassa", vendor="fake", by=By.LINK, number=attempt_number(ID, 1))
    return Payment(
        id=ID, tenant="kofe", connection="site", flow="pay", event="evt_1", order="42", amount=amount,
        shares=tuple(
            Share(seller=f"s{n}", amount=Money(kopecks=kopecks), fee=Money(kopecks=fee), accounts={"kassa": f"a{n}"})
            for n, (kopecks, fee) in enumerate(shares)
        ),
        lines=tuple(OrderLine.of(f"l{place}", Money(kopecks=each)) for place, each in enumerate(lines)),
        attempts=(attempt,), transactions=(_moved("t1", "purchase", amount),), created_at=NOW, changed_at=NOW,
    )  # fmt: skip


def _moved(id_: str, kind: str, amount: Money, **more: object) -> Transaction:
    given_ = {"id": id_, "kind": kind, "attempt": 1, "status": "done", "amount": amount, "at": NOW, **more}
    return Transaction.model_validate(given_)


SHARES = st.lists(
    KOPECKS.flatmap(lambda whole: st.tuples(st.just(whole), st.integers(0, whole))), min_size=1, max_size=5
)


@given(SHARES, st.lists(st.integers(1, 1000), min_size=1, max_size=6), st.data())
@settings(max_examples=200, deadline=None)
def test_refunds_in_any_parts_take_of_no_share_and_no_line_more_than_is_left(
    shares: list[tuple[int, int]], weights: list[int], data: st.DataObject
) -> None:
    total = sum(kopecks for kopecks, _ in shares)
    lines = [one.kopecks for one in Money(kopecks=total).shared(weights) if one]
    payment, free = paid(shares, lines), total
    by_share, by_line, fees = [0] * len(shares), [0] * len(lines), [0] * len(shares)
    while free:
        kopecks = data.draw(st.integers(1, free)) if len(payment.transactions) < 6 else free
        amount = Money(kopecks=kopecks)
        of_shares, of_lines = refunded_parts(payment, 1, amount)
        assert sum(of_shares) == sum(of_lines) == kopecks
        told = split_back(payment, 1, "kassa", of_shares)
        assert sum(one.amount.kopecks for one in told) == kopecks
        assert total_of(lines_back(payment, of_lines)) == amount
        how = data.draw(st.sampled_from(["done", "unknown", "declined", "cabinet"]))
        if how == "cabinet" and len(payment.transactions) < 6:  # nobody says of whose share it was
            of_shares, of_lines, how = (), (), "done"
        status = TransactionStatus("done" if how == "cabinet" else how) if len(payment.transactions) < 12 else "done"
        one = _moved(
            f"t{len(payment.transactions) + 1}", "refund", amount, status=status, shares=of_shares, lines=of_lines
        )
        payment = payment.model_copy(update={"transactions": (*payment.transactions, one)})
        if status == "declined":
            continue
        free -= kopecks
        if not of_shares:
            by_share = by_line = fees = []  # type: ignore[assignment]
        for place, part in enumerate(of_shares if by_share else ()):
            by_share[place] += part
            fees[place] += next((it.fee.kopecks for it in told if it.account == f"a{place}" and it.fee), 0)
            assert by_share[place] <= shares[place][0]
            assert fees[place] <= shares[place][1]
        for place, part in enumerate(of_lines if by_line else ()):
            by_line[place] += part
            assert by_line[place] <= lines[place]
    if by_share:
        assert (by_share, by_line) == ([kopecks for kopecks, _ in shares], lines)
        assert fees == [fee for _, fee in shares]
