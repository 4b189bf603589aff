"""`receipts` and `reconcile receipts`: what is owed, what a person decides, and the month's page."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cli.conftest import Installation
from svyazka.engine.journal import documents as journal
from svyazka.engine.rules.receipts import begun_anew, with_state
from svyazka.engine.rules.receipts_due import owed
from svyazka.model.money import Money
from svyazka.model.payments import Attempt, By, Payment, Transaction, TransactionKind, TransactionStatus
from svyazka.model.receipts import Fiscaliser, ReceiptIntent, TryState

NOW = datetime.now(UTC)


def paid(n: int, prepaid: bool = False) -> tuple[Payment, ReceiptIntent]:
    """A payment of which the money came, and the receipt that it owes."""
    amount = Money(kopecks=10_000 + n)
    purchase = Transaction(id="t1", kind=TransactionKind.PURCHASE, attempt=1, status=TransactionStatus.DONE,
                           amount=amount, at=NOW)  # fmt: skip
    before = Payment(
        id=f"pay_{n:024x}", tenant="kofe", connection="site", flow="pay", event="evt_1", order=str(n), amount=amount,
        fiscaliser=Fiscaliser(connection="cheki", vendor="atol"), prepaid=prepaid, created_at=NOW, changed_at=NOW,
        attempts=(Attempt(n=1, connection="kassa", vendor="yookassa", by=By.LINK, number="p-1"),),
        transactions=(purchase,),
    )  # fmt: skip
    payment, (intent,) = owed(before, NOW)
    return payment, intent


def refused(intent: ReceiptIntent, code: str = "agent_2009") -> ReceiptIntent:
    one = begun_anew(intent, NOW)
    last = one.tries[0].model_copy(update={"state": TryState.FAILED, "code": code, "external_id": "u-1"})
    return with_state(one.model_copy(update={"tries": (last,)}))


def put(hub: Installation, *models: Payment | ReceiptIntent) -> None:
    hub.opened(lambda worker, store: store.commit([journal.create(one) for one in models]))


def test_a_refused_receipt_is_tried_anew_or_noted_by_hand_and_nothing_else_is(hub: Installation) -> None:
    first, one = paid(1)
    second, two = paid(2)
    third, three = paid(3, prepaid=True)
    put(hub, first, refused(one), second, refused(two), third, three)
    listed = [json.loads(row) for row in hub.svyazka("receipts", "--tenant", "kofe", "--json").stdout.splitlines()]
    assert {row["id"]: row["state"] for row in listed} == {
        one.id: "refused", two.id: "refused", three.id: "waiting"
    }  # fmt: skip
    for command, words in (
        (("receipts", "--tenant", "kofe"), ("sale", "not registered", "waits for its turn")),
        (("payments", first.id), ("begun", "Payment", "went through")),
    ):
        said = hub.svyazka(*command).stdout
        assert [one for one in words if one not in said] == []
    hub.svyazka("receipts", one.id, "--again")
    (row,) = [json.loads(row) for row in hub.svyazka("receipts", one.id, "--json").stdout.splitlines()]
    assert (row["tries"], row["number"][-3:]) == (2, "-r2")
    hub.svyazka("receipts", one.id, "--again", status=1)
    hub.svyazka("receipts", two.id, "--done", "касса № 2, чек 17")
    assert "касса № 2, чек 17" in hub.svyazka("receipts", two.id).stdout
    hub.svyazka("receipts", two.id, "--again", status=1)
    hub.svyazka("receipts", third.id, "--settle")
    hub.svyazka("receipts", third.id, "--settle", status=1)
    hub.svyazka("receipts", first.id, "--settle", status=1)


def test_the_month_says_what_is_missing_and_is_written_as_a_page(hub: Installation) -> None:
    first, one = paid(1)
    put(hub, first, refused(one))
    page = hub.folder / "reports" / "month.html"
    month = f"{NOW.astimezone(ZoneInfo('Europe/Moscow')):%Y-%m}"
    result = hub.svyazka(
        "reconcile", "receipts", "kofe", "--month", month, "--report", str(page), "--json", status=1
    )  # fmt: skip
    told = json.loads(result.stdout)
    assert (told["money"], told["ours"], told["theirs"]) == ("100.01", "0.00", "0.00")
    assert [row["cause"] for row in told["differences"]] == ["refused"]
    assert one.id in page.read_text("utf-8")
    assert page.stat().st_mode & 0o077 == 0
