"""`svyazka partner`: a restaurant is invited, its code becomes its access once, and a month's money is summed up."""

from __future__ import annotations

from datetime import UTC, date, datetime
from zoneinfo import ZoneInfo

from cli.conftest import Installation
from simulators.invoicebox import ACTIVATION, MERCHANT, PARTNER, PARTNER_TOKEN, TOKEN
from simulators.registry import load_simulator
from simulators.serve import serve
from svyazka.backends.local.store import LocalStore
from svyazka.cli.filters import parse_month
from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Put
from svyazka.engine.worker import Worker
from svyazka.model.money import Money
from svyazka.model.payments import Attempt, By, Payment, Transaction, TransactionKind, TransactionStatus, attempt_number

FILE = """\
id: kofe
name: Кофейня
timezone: Europe/Moscow
connections:
  scheta:
    vendor: invoicebox
    base_url: "%s"
    partner_id: "%s"
    partner_token: {secret: partner}
    token: {secret: shop}
"""
ACCESS = "/v3/billing/api/merchant/merchant-integration-setting/activation"


def test_the_last_month_is_the_one_that_is_over_where_the_business_is() -> None:
    evening = datetime(2026, 10, 31, 21, 30, tzinfo=UTC)
    assert parse_month(None, evening, ZoneInfo("Europe/Moscow")) == date(2026, 10, 1)
    assert parse_month(None, evening, UTC) == date(2026, 9, 1)
    assert parse_month("2026-02", evening, UTC) == date(2026, 2, 1)


def test_a_code_becomes_a_shops_access_even_where_its_answer_was_lost(bare: Installation) -> None:
    with serve([load_simulator("invoicebox")]) as running:
        bare.file.write_text(FILE % (running.base_url("invoicebox"), PARTNER), "utf-8")
        bare.svyazka("apply", str(bare.file), "--yes")
        lacking = bare.svyazka("partner", "invite", "scheta", "owner@example.org", status=1)
        assert "credentials aren't set" in lacking.stderr
        bare.svyazka("secret", "set", "kofe", "partner", given=PARTNER_TOKEN)
        bare.svyazka("partner", "invite", "scheta", "nobody", status=1)
        bare.svyazka("partner", "invite", "kofe/scheta", "owner@example.org")
        (invited,) = [one for one in running.of("invoicebox").effects if one["kind"] == "invited"]
        assert invited["to"] == "owner@example.org"
        assert bare.svyazka("partner", "activate", "scheta", given="999\n", status=1).stderr
        page = "<html>Проверка, что вы не робот</html>"
        running.fault("invoicebox", kind="answer", status=200, body=page, path=ACCESS)
        assert bare.svyazka("partner", "activate", "scheta", given=f"{ACTIVATION}\n", status=1).stderr
        running.fault("invoicebox", kind="cut_before", path=ACCESS)
        silent = bare.svyazka("partner", "activate", "scheta", given=f"{ACTIVATION}\n", status=1)
        assert "run it again" in silent.stderr
        said = bare.svyazka("partner", "activate", "scheta", given=f"{ACTIVATION}\n")
        assert f"merchant_id: '{MERCHANT}'" in said.stderr
        again = bare.svyazka("partner", "activate", "scheta", given=f"{ACTIVATION}\n")
        assert "has its access" in again.output
        assert len([one for one in running.of("invoicebox").effects if one["kind"] == "activated"]) == 1
    shop = {row["name"]: row["set"] for row in bare.rows("secret", "list", "kofe")}
    assert shop == {"partner": True, "shop": True}
    assert [one for one in bare.audit() if one[0].startswith("partner")] == [
        ("partner invite", "kofe/scheta"), *[("partner activate", "kofe/scheta")] * 5,
    ]  # fmt: skip
    stored = b"".join(path.read_bytes() for path in bare.data.rglob("*") if path.is_file())
    for secret in (TOKEN, PARTNER_TOKEN, ACTIVATION):
        assert secret not in "".join(bare.outputs)
        assert secret.encode() not in stored


def _paid(n: int, sum_: str, back: str, at: datetime) -> Payment:
    id_ = f"pay_{n:024x}"
    attempt = Attempt(n=1, connection="scheta", vendor="invoicebox", by=By.LINK, number=attempt_number(id_, 1))
    done = {"attempt": 1, "status": TransactionStatus.DONE, "at": at}
    moved = [Transaction(id="t1", kind=TransactionKind.PURCHASE, amount=Money.read(sum_), **done)]
    if back:
        moved.append(Transaction(id="t2", kind=TransactionKind.REFUND, amount=Money.read(back), **done))
    return Payment(
        id=id_, tenant="kofe", connection="site", flow="pay", event="evt_1", order=str(n), amount=Money.read(sum_),
        attempts=(attempt,), transactions=tuple(moved), created_at=at, changed_at=at,
    )  # fmt: skip


def test_a_months_money_and_the_partners_share_to_the_kopeck(bare: Installation) -> None:
    bare.file.write_text(FILE % ("http://127.0.0.1:9", PARTNER), "utf-8")
    bare.svyazka("apply", str(bare.file), "--yes")
    months = {
        1: ("1049.30", "", datetime(2026, 9, 30, 21, 0, tzinfo=UTC)),  # the first of October in Moscow
        2: ("2000.01", "500.00", datetime(2026, 10, 14, 9, 0, tzinfo=UTC)),
        3: ("777.00", "", datetime(2026, 10, 31, 21, 0, tzinfo=UTC)),
    }

    async def put(worker: Worker, store: LocalStore) -> None:
        await store.commit([Put(journal.document(_paid(n, *one))) for n, one in months.items()])

    bare.opened(put)
    (row,) = bare.rows("partner", "turnover", "--month", "2026-10", "--percent", "1.5")
    assert row == {
        "tenant": "kofe", "connection": "scheta", "month": "2026-10", "payments": 2, "paid": "3049.31",
        "refunded": "500.00", "stayed": "2549.31", "share": "38.23",
    }  # fmt: skip
    assert "2549.31" in bare.svyazka("partner", "turnover", "--month", "2026-10").output
    bare.svyazka("partner", "turnover", "--percent", "101", status=2)
    bare.svyazka("partner", "turnover", "--vendor", "tbank", status=1)
