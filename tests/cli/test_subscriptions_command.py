"""`subscriptions`: as people see them, and end, charge and leave them out."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cli.conftest import Installation
from svyazka.engine.journal import documents as journal
from svyazka.model.agreements import Agreed
from svyazka.model.money import Money
from svyazka.model.subscriptions import Period, Subscription, period_id

ID = "sub_" + "0a" * 12
THEN = datetime(2026, 3, 14, 12, 0, tzinfo=UTC)


def begun(hub: Installation, state: str = "active", *, due: bool = False) -> None:
    agreed = Agreed(text="Согласна на 100 ₽ в месяц", at=THEN, where="https://kofe.example/abo", event="evt_1")
    one = Subscription(
        id=ID, tenant="kofe", connection="site", flow="pay", event="evt_1", number="42", every="month",
        amount=Money(kopecks=10_000), agreed=agreed, first="pay_" + "0" * 24, zone="Europe/Moscow",
        anchor="2026-03-14", state=state, due_at=THEN, since=THEN, created_at=THEN, changed_at=THEN,
    )  # fmt: skip
    period = Period(id=period_id(ID, 2), tenant="kofe", subscription=ID, n=2, due_at=THEN, since=THEN)
    documents = [journal.create(one), *([journal.create(period)] if due else [])]
    hub.opened(lambda worker, store: store.commit(documents))


def test_what_there_is_and_what_was_agreed_to(hub: Installation) -> None:
    assert "no subscriptions yet" in hub.svyazka("subscriptions").output
    begun(hub, due=True)
    (row,) = hub.rows("subscriptions", "--tenant", "kofe")
    assert (row["state"], row["every"], row["amount"], row["n"]) == ("active", "month", "100.00", 2)
    assert hub.rows("subscriptions", "--tenant", "kofe", "--status", "stopped") == []
    shown = hub.svyazka("subscriptions", "show", ID[:9]).output
    for said in ("100 ₽ в месяц", "https://kofe.example/abo", "to be paid"):
        assert said in shown


@pytest.mark.parametrize(
    ("action", "state", "period"),
    [("cancel", "cancelled", "unpaid"), ("charge", "active", "open"), ("skip", "active", "skipped")],
)
def test_what_the_business_may_do_with_it(hub: Installation, action: str, state: str, period: str) -> None:
    begun(hub, "needs_owner", due=True)
    hub.svyazka("subscriptions", action, ID)
    (row,) = hub.rows("subscriptions", "show", ID)
    assert (row["state"], row["periods"][0]["state"]) == (state, period)
    assert hub.rows("audit")[0]["action"] == f"subscriptions {action}"


@pytest.mark.parametrize(
    ("action", "state", "why"),
    [("cancel", "cancelled", "over already"), ("charge", "active", "nothing of it is due"),
     ("skip", "active", "nothing of it is due")],
)  # fmt: skip
def test_what_makes_no_sense_is_said(hub: Installation, action: str, state: str, why: str) -> None:
    begun(hub, state)
    assert why in hub.svyazka("subscriptions", action, ID, status=1).output
