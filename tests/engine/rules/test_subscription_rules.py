"""When subscriptions are due, and what follows from what is found: every pair of state and happening is decided."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from itertools import product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from svyazka.engine.rules.subscription_moves import moved
from svyazka.engine.rules.subscriptions import BECOMES, Found, Happening, Standing, due_at, found
from svyazka.model.agreements import Agreed, Every
from svyazka.model.money import Money
from svyazka.model.payments import Attempt, By, Payment, Transaction, TransactionStatus, attempt_number
from svyazka.model.seen import Decline
from svyazka.model.subscriptions import Dunning, Period, PeriodState, Subscription, SubscriptionState, Why

S, H, T = SubscriptionState, Happening, TransactionStatus
NOW = datetime(2026, 2, 28, 7, 0, tzinfo=UTC)
HUNDRED = Money(kopecks=10_000)
ID = "pay_" + "0a" * 12

DECIDED = """
              nothing      due          missed       late         try          paid         again        no_card      owner        given_up  cancel     go_on    skip
  active        active       active       active       needs_owner  active       active       retrying     needs_card   needs_owner  stopped   cancelled  active   active
  retrying      retrying     retrying     retrying     needs_owner  retrying     active       retrying     needs_card   needs_owner  stopped   cancelled  active   active
  needs_card    needs_card   needs_card   needs_card   needs_owner  needs_card   active       needs_card   needs_card   needs_owner  stopped   cancelled  active   active
  needs_owner   needs_owner  needs_owner  needs_owner  needs_owner  needs_owner  active       retrying     needs_card   needs_owner  stopped   cancelled  active   active
  stopped       stopped      stopped      stopped      stopped      stopped      stopped      stopped      stopped      stopped      stopped   stopped    stopped  stopped
  cancelled     cancelled    cancelled    cancelled    cancelled    cancelled    cancelled    cancelled    cancelled    cancelled    cancelled cancelled  cancelled cancelled
"""  # noqa: E501


def test_every_pair_of_state_and_happening_is_decided() -> None:
    head, *rows = [line.split() for line in DECIDED.strip().splitlines()]
    wanted = {(S(row[0]), H(what)): S(after) for row in rows for what, after in zip(head, row[1:], strict=True)}
    assert set(wanted) == set(product(S, H))
    assert wanted == BECOMES


def subscribed(anchor: str = "2026-01-31", every: Every = Every.MONTH, **more: object) -> Subscription:
    made = Subscription(
        id="sub_1", tenant="kofe", connection="site", flow="pay", event="evt_1", number="42", every=every,
        amount=HUNDRED, agreed=Agreed(text="Согласна", at=NOW, where="site", event="evt_1"), first="pay_1",
        zone="Europe/Moscow", anchor=anchor, due_at=NOW, since=NOW, created_at=NOW, changed_at=NOW,
    ).model_copy(update=more)  # fmt: skip
    return made if "due_at" in more else made.model_copy(update={"due_at": due_at(made, made.n)})


@pytest.mark.parametrize(
    ("anchor", "every", "days"),
    [
        ("2026-01-31", "month", ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]),
        ("2028-01-30", "month", ["2028-02-29", "2028-03-30"]),
        ("2026-12-15", "month", ["2027-01-15", "2027-02-15"]),
        ("2028-02-29", "year", ["2029-02-28", "2030-02-28", "2031-02-28", "2032-02-29"]),
        ("2026-12-28", "week", ["2027-01-04", "2027-01-11"]),
    ],
)  # fmt: skip
def test_periods_are_due_on_days_counted_from_the_first(anchor: str, every: str, days: list[str]) -> None:
    one = subscribed(anchor, Every(every))
    local = [due_at(one, n).astimezone(ZoneInfo(one.zone)) for n in range(2, 2 + len(days))]
    assert [f"{at:%Y-%m-%d %H:%M}" for at in local] == [f"{day} 10:00" for day in days]


def test_the_hour_is_that_of_the_wall_also_where_it_is_missing_or_comes_twice() -> None:
    berlin = {"zone": "Europe/Berlin", "hour": "02:30"}
    assert due_at(subscribed("2026-02-28", **berlin), 2) == datetime(2026, 3, 28, 1, 30, tzinfo=UTC)
    assert due_at(subscribed("2026-02-28", **berlin), 3) == datetime(2026, 4, 28, 0, 30, tzinfo=UTC)
    assert due_at(subscribed("2026-02-28", **berlin), 1) == datetime(2026, 2, 28, 1, 30, tzinfo=UTC)
    assert due_at(subscribed("2026-02-22", Every.WEEK, **berlin), 6) == datetime(2026, 3, 29, 1, 30, tzinfo=UTC)
    assert due_at(subscribed("2026-10-18", Every.WEEK, **berlin), 2) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


@given(st.dates(date(2024, 1, 1), date(2040, 1, 1)), st.sampled_from(Every), st.integers(1, 60),
       st.sampled_from(["Europe/Moscow", "Europe/Berlin", "Asia/Kamchatka", "America/New_York"]))  # fmt: skip
@settings(max_examples=200, deadline=None)
def test_periods_follow_one_another_and_never_skip_a_month(anchor: date, every: Every, n: int, zone: str) -> None:
    one = subscribed(anchor.isoformat(), every, zone=zone)
    this, following = due_at(one, n), due_at(one, n + 1)
    assert this < following
    local, after = this.astimezone(ZoneInfo(zone)), following.astimezone(ZoneInfo(zone))
    if every is Every.MONTH:
        assert (after.year * 12 + after.month) - (local.year * 12 + local.month) == 1
    assert local.day <= anchor.day or every is Every.WEEK


def charged(*ends: tuple[TransactionStatus, Decline | None]) -> Payment:
    """A period's payment with so many charges."""
    attempts = tuple(
        Attempt(n=n, connection="kassa", vendor="fake", by=By.CHARGE, number=attempt_number(ID, n))
        for n in range(1, len(ends) + 1)
    )
    moved_ = tuple(
        Transaction(id=f"t{n}", kind="purchase", attempt=n, status=status, amount=HUNDRED, at=NOW, why=why)
        for n, (status, why) in enumerate(ends, 1)
    )
    return Payment(
        id=ID, tenant="kofe", connection="site", flow="pay", event="evt_1", order="42/2", amount=HUNDRED,
        attempts=attempts, transactions=moved_, created_at=NOW, changed_at=NOW,
    )  # fmt: skip


def opened(**more: object) -> Period:
    return Period(
        id="per_1", tenant="kofe", subscription="sub_1", n=2, due_at=NOW, since=NOW, payment=ID
    ).model_copy(update=more)  # fmt: skip


D = Decline
FOLLOWS = [
    (D.NO_MONEY, 0, H.AGAIN, 1), (D.NO_MONEY, 1, H.AGAIN, 3), (D.NO_MONEY, 2, H.AGAIN, 5),
    (D.NO_MONEY, 3, H.NO_CARD, 0),
    (D.LATER, 0, H.AGAIN, 1), (D.OTHER, 0, H.AGAIN, 1), (D.PAYER_LEFT, 0, H.AGAIN, 1), (D.CARD_GONE, 0, H.NO_CARD, 0),
    (D.OTHER_CARD, 0, H.NO_CARD, 0), (D.RISK, 0, H.OWNER, 0), (D.SETUP, 0, H.OWNER, 0), (D.SHOP, 0, H.OWNER, 0),
]  # fmt: skip


def test_each_reason_of_a_decline_has_what_follows() -> None:
    assert {why for why, *_ in FOLLOWS} == set(Decline)


@pytest.mark.parametrize(("why", "judged", "what", "days"), FOLLOWS)
def test_what_follows_a_decline_is_by_what_it_means(why: Decline, judged: int, what: Happening, days: int) -> None:
    payment = charged(*[(T.DECLINED, D.NO_MONEY)] * judged, (T.DECLINED, why))
    stands = Standing(subscribed(), opened(judged=judged), payment)
    seen = found(stands, NOW + timedelta(minutes=1), Dunning())
    assert seen.what is what
    assert seen.at == (NOW + timedelta(days=days) if days else None)
    after = moved(stands, seen, NOW)
    assert found(after, NOW + timedelta(minutes=2), Dunning()).what is H.NOTHING, "and it is decided once"


@pytest.mark.parametrize("status", [T.PENDING, T.UNKNOWN])
@pytest.mark.parametrize("state", list(S))
def test_nothing_is_tried_or_given_up_beside_what_may_still_bring_money(status: TransactionStatus, state: S) -> None:
    stands = Standing(subscribed(state=state), opened(again_at=NOW), charged((status, None)))
    for days in (0, 1, 30, 400):
        assert found(stands, NOW + timedelta(days=days), Dunning()) == Found(H.NOTHING)


@pytest.mark.parametrize(
    ("after", "what"),
    [
        (timedelta(minutes=-1), H.NOTHING), (timedelta(), H.DUE), (timedelta(days=3), H.DUE),
        (timedelta(days=3, minutes=1), H.LATE), (timedelta(days=31), H.MISSED), (timedelta(days=300), H.MISSED),
    ],
)  # fmt: skip
def test_after_an_outage_one_charge_and_none_without_asking_when_it_is_late(after: timedelta, what: Happening) -> None:
    one = subscribed()
    assert found(Standing(one), one.due_at + after, Dunning()).what is what


@pytest.mark.parametrize("after", [timedelta(), timedelta(days=3), timedelta(days=3, minutes=1), timedelta(days=20)])
def test_a_further_try_that_is_found_late_is_asked_about_too(after: timedelta) -> None:
    stands = Standing(subscribed(), opened(judged=1, again_at=NOW), charged((T.DECLINED, D.NO_MONEY)))
    seen = found(stands, NOW + after, Dunning())
    late = after > timedelta(days=3)
    assert seen == (Found(H.OWNER, Why.LATE) if late else Found(H.TRY))
    if late:
        waits = moved(stands, seen, NOW + after)
        assert waits.subscription.state is S.NEEDS_OWNER
        assert found(waits, NOW + after + timedelta(days=30), Dunning()) == Found(H.NOTHING)


def test_all_periods_of_a_long_outage_are_told_and_the_last_is_asked_about() -> None:
    stands, now, told = Standing(subscribed()), NOW + timedelta(days=100), []
    for _ in range(10):
        seen = found(stands, now, Dunning())
        if seen.what is H.NOTHING:
            break
        after = moved(stands, seen, now)
        assert after.period is not None
        told.append((after.period.n, after.period.state))
        open_ = after.period.state is PeriodState.OPEN
        stands = Standing(after.subscription, after.period if open_ else None)
    assert told == [(2, "skipped"), (3, "skipped"), (4, "skipped"), (5, "open")]
    assert (stands.subscription.state, stands.subscription.why) == (S.NEEDS_OWNER, "late")


ENDS = st.sampled_from(
    [(T.DECLINED, why) for why in Decline]
    + [(T.PENDING, None), (T.UNKNOWN, None), (T.NEVER_SENT, None), (T.DONE, None)]
)


@given(st.lists(ENDS, max_size=4), st.integers(0, 3), st.sampled_from(S), st.integers(0, 500))
@settings(max_examples=400, deadline=None)
def test_a_charge_is_only_tried_where_none_before_took_money_or_still_may(
    ends: list[tuple[TransactionStatus, Decline | None]], judged: int, state: SubscriptionState, hours: int
) -> None:
    stands = Standing(subscribed(state=state), opened(judged=judged, again_at=NOW), charged(*ends))
    seen = found(stands, NOW + timedelta(hours=hours), Dunning())
    if seen.what is H.TRY:
        assert {status for status, _ in ends} <= {T.DECLINED, T.NEVER_SENT}
        assert not stands.subscription.is_over
    if any(status is T.DONE for status, _ in ends):
        assert seen.what is H.PAID
