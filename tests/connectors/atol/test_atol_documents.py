"""What АТОЛ Онлайн is told and tells, against its own samples; its token; both tables of failures, row by row."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from kits.registering import done, opened, read, receipt, seen_of, settings_of
from simulators.atol import PRINTS_IN
from simulators.serve import Running
from svyazka.connectors.atol import client
from svyazka.connectors.atol.document import document, fits, number
from svyazka.connectors.atol.failures import AGAIN_OF_AGENT, may_pass
from svyazka.connectors.atol.schema import NotAReport, report_seen
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.contacts import Contact
from svyazka.model.errors import NoToken
from svyazka.model.money import Money
from svyazka.model.orders import OrderLine, Subject
from svyazka.model.outcomes import Blocked, Retry, Unclear
from svyazka.model.receipts import ReceiptKind
from svyazka.model.seen import Shown
from svyazka.model.vat import Vat

NAME = "atol"
SAMPLES = Path(__file__).parents[2] / "samples" / "atol"
GROUP = "pekarnya-example_4179"
UUID = "2ea26f17-0884-4f08-b120-306fc096a58f"


@pytest.fixture
def vendors(stand_in: Callable[[str], Running]) -> Running:
    return stand_in(NAME)


def sample(name: str) -> Any:
    text = (SAMPLES / name).read_text("utf-8")
    return json.loads(text if name.endswith(".json") else text.partition("\n\n")[2], parse_float=str)


def settings(version: str) -> Any:
    return settings_of(NAME, {"version": version, "tax_system": "usn_income", "group_code": GROUP})


AT = {
    "sell_v4_request.json": datetime(2026, 11, 20, 10, 45, 7, tzinfo=UTC),
    "sell_v5_request.json": datetime(2026, 11, 20, 11, 2, 11, tzinfo=UTC),
    "sell_refund_v4_request.json": datetime(2026, 11, 20, 12, 10, tzinfo=UTC),
    "prepayment_then_offset_v4_second_request.json": datetime(2026, 11, 25, 16, 0, tzinfo=UTC),
}


def line(name: str, price: str, quantity: str = "1", subject: Subject = Subject.COMMODITY, **more: Any) -> OrderLine:
    return OrderLine.of(name, Money.read(price), quantity, subject=subject, **more)


LINES = {
    "sell_v4_request.json": (
        line("Пицца «Маргарита» 30 см", "540.00", "2"), line("Морс клюквенный, 0,5 л", "150.50"),
        line("Доставка", "199.00", subject=Subject.SERVICE, measure=""),
    ),
    "sell_v5_request.json": (
        line("Стрижка женская", "2500.00", subject=Subject.SERVICE, vat=Vat.V5),
        line("Шампунь 250 мл", "890.00", vat=Vat.V5),
    ),
    "sell_refund_v4_request.json": (line("Морс клюквенный, 0,5 л", "150.50"),),
    "prepayment_then_offset_v4_second_request.json": (
        line("Курс «Английский A1», 8 занятий", "8000.00", subject=Subject.SERVICE, measure=""),
    ),
}  # fmt: skip
KINDS = {"sell_refund": ReceiptKind.REFUND, "prepayment": ReceiptKind.SETTLEMENT}


@pytest.mark.parametrize("name", sorted(LINES))
def test_a_document_is_its_sample_to_the_field(name: str) -> None:
    wanted = json.loads((SAMPLES / name).read_text("utf-8"))
    client_said = wanted["receipt"]["client"]
    kind = next((kind for begins, kind in KINDS.items() if name.startswith(begins)), ReceiptKind.SALE)
    amount = Money(kopecks=round(wanted["receipt"]["total"] * 100))
    version = "v5" if "v5" in name else "v4"
    command = receipt(
        amount=amount.text, of=kind, at=AT[name], lines=LINES[name], number=wanted["external_id"],
        person=Contact(email=client_said.get("email"), phone=client_said.get("phone")),
    )  # fmt: skip
    own = settings(version).model_copy(
        update={"payment_address": "https://pekarnya.example", "email": "chek@pekarnya.example"}
    )
    if version == "v5":
        own = own.model_copy(update={"tax_system": None})
    told = document(command, own, "Europe/Moscow", wanted["service"]["callback_url"])
    if version == "v5":
        wanted["receipt"]["company"].pop("sno")
    assert told == wanted


def test_numbers_are_never_what_adding_floats_makes_of_them() -> None:
    for kopecks in (1, 10, 29, 105, 110, 3010, 104_930, 4_294_967_295):
        assert f"{number(Money(kopecks=kopecks)):.2f}" == Money(kopecks=kopecks).text
        assert len(json.dumps(number(Money(kopecks=kopecks))).partition(".")[2]) <= 2


@pytest.mark.parametrize(
    ("name", "state"),
    [("report_done_v4.json", Shown.DONE), ("report_wait_34.json", Shown.WAITS), ("callback_done.http", Shown.DONE)],
)
def test_a_report_is_read(name: str, state: Shown) -> None:
    seen = report_seen(sample(name), UUID, GROUP, "Europe/Moscow")
    assert seen.state is state
    if state is Shown.DONE:
        assert (seen.number, seen.amount) == ("hub-order-10482-sell", Money.read("1429.50"))
        assert seen.fiscal is not None
        assert (seen.fiscal.storage, seen.fiscal.document, seen.fiscal.sign, seen.fiscal.till) == (
            "9999078900001234", "133", "3449555941", "0000111118041361",
        )  # fmt: skip
        assert seen.fiscal.at == datetime(2026, 11, 20, 10, 46, tzinfo=UTC)


def test_a_report_of_a_failure_and_one_of_another_document() -> None:
    failed = report_seen(sample("report_fail_agent_2009.json"), "f0269dc9-3050-470a-9542-d9c20bf103a3", GROUP, "UTC")
    assert (failed.state, failed.again, failed.code) == (Shown.OVER, False, "agent_2009")
    with pytest.raises(NotAReport):
        report_seen(sample("report_done_v4.json"), "another", GROUP, "UTC")
    with pytest.raises(NotAReport):
        report_seen(sample("report_done_v4.json"), UUID, "another_1", "UTC")


# Each row of the reports' table: ATOL's protocol, «Коды ошибок».
OF_THE_RECEIPT = (
    13, 16, 17, 23, 24, 27, 41, 48, 52, 53, 60, 66, 98, 110, 128, 143, 144, 145, 147, 161, 163, 193, 215, 216, 217, 228,
    231, 243, 244, 261, 265, 405, 408, 409, 412,
)  # fmt: skip


def test_every_row_of_how_a_document_fails() -> None:
    assert may_pass("timeout", 1)
    assert {code: may_pass("agent", code) for code in AGAIN_OF_AGENT} == {
        2003: False, 2004: True, 2005: True, 2006: False, 2007: False, 2009: False
    }  # fmt: skip
    assert not any(may_pass("driver", code) for code in OF_THE_RECEIPT)
    assert all(may_pass("driver", code) for code in (36, 40, 1, 2, 9, 68, 104, 142, 262, 402))
    for type_ in ("system", "unknown", None):
        assert not any(may_pass(type_, code) for code in (-2146233033, 0, 34, 36))


# The token


async def test_a_token_is_asked_for_once_and_anew_when_it_is_over(vendors: Running) -> None:
    stand_in = vendors.of(NAME)
    async with opened(NAME, vendors) as call:
        for n in (1, 2):
            await client.register(call, "sell", document(receipt(n), call.settings, "UTC", None))
        assert [one["path"].rpartition("/")[2] for one in stand_in.calls].count("getToken") == 1
        for token in list(stand_in.tokens):
            stand_in.tokens[token] = stand_in.now() - 1
        await client.register(call, "sell", document(receipt(3), call.settings, "UTC", None))
        assert [one["path"].rpartition("/")[2] for one in stand_in.calls].count("getToken") == 2
    assert len(stand_in.documents) == 3


@pytest.mark.parametrize("code", [10, 11])
async def test_a_token_that_isnt_taken_is_renewed_once_and_then_somebody_is_called(code: int, vendors: Running) -> None:
    body = {"error": {"code": code, "type": "system", "text": "..."}}
    vendors.fault(NAME, kind="answer", path="/v5/*/sell", status=401, body=body, times=-1)
    outcome = await done(NAME, vendors, receipt())
    assert isinstance(outcome, Blocked)
    assert [one["path"].rpartition("/")[2] for one in vendors.of(NAME).calls].count("sell") == 2


@pytest.mark.parametrize("fault", [{"kind": "answer", "status": 503, "body": {}}, {"kind": "cut_before"}])
async def test_who_gets_no_token_has_sent_no_receipt(fault: dict[str, Any], vendors: Running) -> None:
    vendors.fault(NAME, path="/v5/getToken", times=-1, **fault)
    with suppress(NoToken):
        outcome = await done(NAME, vendors, receipt())
        assert isinstance(outcome, Retry)
        assert not outcome.maybe_sent
    assert vendors.of(NAME).documents == {}


async def test_a_wrong_password_and_a_group_of_the_other_protocol_stop_the_connection(vendors: Running) -> None:
    for wrong in ({"password": "not-the-one"}, {"version": "v4"}, {"group_code": "another_1"}):
        outcome = await done(NAME, vendors, receipt(), settings=settings_of(NAME, wrong))
        assert isinstance(outcome, Blocked), wrong
        assert outcome.remedy
    assert vendors.of(NAME).documents == {}


async def test_both_protocols_are_spoken(vendors: Running) -> None:
    for n, version in enumerate(("v4", "v5"), start=1):
        vendors.of(NAME).version = version
        own = settings_of(NAME, {"version": version})
        seen = seen_of(await done(NAME, vendors, receipt(n), settings=own))
        report = await read(NAME, vendors, seen.external_id, settings=own)
        assert report is not None
        assert report.state is Shown.DONE
    assert len(vendors.of(NAME).printed()) == 2


async def test_a_number_that_is_taken_and_not_named_is_asked_about_again(vendors: Running) -> None:
    body = {"error": {"code": 33, "type": "system", "text": "..."}}
    vendors.fault(NAME, kind="answer", path="/v5/*/sell", status=400, body=body)
    assert isinstance(await done(NAME, vendors, receipt()), Unclear)


async def test_a_report_that_is_kept_no_more_says_nothing(vendors: Running) -> None:
    seen = seen_of(await done(NAME, vendors, receipt()))
    vendors.of(NAME).gone.add(seen.external_id)
    assert await read(NAME, vendors, seen.external_id) is None


@pytest.mark.parametrize("type_", ["system", "unknown", None])
@pytest.mark.parametrize("code", [1, 20, 50])
async def test_an_error_of_the_service_is_no_documents_failure(code: int, type_: str | None, vendors: Running) -> None:
    seen = seen_of(await done(NAME, vendors, receipt()))
    body = {"status": "fail", "error": {"code": code, "type": type_, "text": "..."}}
    vendors.fault(NAME, kind="answer", path="*/report/*", status=400, body=body)
    with pytest.raises(VendorFailure):
        await read(NAME, vendors, seen.external_id)


def test_an_address_that_its_mask_lets_through_is_told_and_no_other() -> None:
    good = "https://europe-west1-demo.cloudfunctions.net/webhook_atol?key=k3y-of&x=1%20"
    for hook, told in ((good, True), (f"{good}~", False), ("ftp://x.example", False), (f"{good}{'a' * 256}", False)):
        assert fits(hook) is told
        assert ("service" in document(receipt(), settings_of(NAME), "UTC", hook)) is told


async def test_for_whoever_tries_things_out_it_prints_by_itself_after_some_seconds(vendors: Running) -> None:
    stand_in = vendors.of(NAME)
    stand_in.lets_anybody_in = True
    own = settings_of(NAME, {"group_code": GROUP})
    seen = seen_of(await done(NAME, vendors, receipt(), settings=own))
    waits = await read(NAME, vendors, seen.external_id, settings=own)
    stand_in.ahead += PRINTS_IN
    printed = await read(NAME, vendors, seen.external_id, settings=own)
    assert waits is not None
    assert printed is not None
    assert (waits.state, printed.state) == (Shown.WAITS, Shown.DONE)
