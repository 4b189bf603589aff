"""T-Bank's token, its samples, and what only T-Bank does."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from typing import Any

import pytest

from connectors.support import NOW, Scripted, calling, perform, posted, scripted
from simulators.tbank import PASSWORD, TERMINAL
from svyazka.connectors.tbank.manifest import MANIFEST
from svyazka.connectors.tbank.settings import TbankSettings
from svyazka.connectors.tbank.signing import token_of
from svyazka.connectors.tbank.webhook import WEBHOOK
from svyazka.engine.contracts.capabilities.payments import Which
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.contracts.webhook import Inbound
from svyazka.model.contacts import Contact
from svyazka.model.money import Money
from svyazka.model.orders import OrderLine
from svyazka.model.outcomes import Blocked, Outcome, Refused, Succeeded
from svyazka.model.paying import CancelPayment, ChargeSaved, MakeLink, RefundPayment, Split
from svyazka.model.seen import Decline, PaymentSeen, RefundSeen, RefundState, SeenState
from svyazka.model.vat import Vat
from vendors.parts.base import SAMPLES

HERE = SAMPLES / "tbank"
SETTINGS = TbankSettings(terminal_key=TERMINAL, password=PASSWORD, taxation="usn_income")
NUMBER = "p" + "0" * 23 + "1-1"
LINK = MakeLink(
    payment="pay_" + "0" * 23 + "1", number=NUMBER, order="42", amount=Money.read("1000.00"), description="Заказ 42",
    person=Contact(phone="8 999 000-00-01"),
)  # fmt: skip
CHARGE = ChargeSaved(**LINK.model_dump(exclude={"kind", "return_url", "save", "ends_at"}), token="3207469334")


def sample(name: str) -> Any:
    return json.loads((HERE / name).read_bytes())


@pytest.fixture
def bank() -> Iterator[Scripted]:
    with scripted() as vendor:
        yield vendor


async def done(bank: Scripted, command: Any, settings: TbankSettings = SETTINGS, **around: Any) -> Outcome:
    async with calling(settings, bank.url, **around) as call:
        return await perform(MANIFEST, command, call)


# The token


@pytest.mark.parametrize(
    ("fields", "password", "token"),
    [
        (
            {"TerminalKey": "MerchantTerminalKey", "Amount": 19200, "OrderId": "00000",
             "Description": "Подарочная карта на 1000 рублей"},
            "11111111111111", "72dd466f8ace0a37a1f740ce5fb78101712bc0665d91a8108c7c8a0ccd426db2",
        ),
        (
            {"TerminalKey": "MerchantTerminalKey", "Amount": 19200, "OrderId": "21090",
             "Description": "Подарочная карта на 1000 рублей"},
            "usaf8fw8fsw21g", "0024a00af7c350a3a67ca168ce06502aa72772456662e38696d48b56ee9c97d9",
        ),
        (
            {"TerminalKey": "1234567890DEMO", "OrderId": "000000", "Success": True, "Status": "AUTHORIZED",
             "PaymentId": "0000000", "ErrorCode": "0", "Amount": 1111, "CardId": "000000",
             "Pan": "200000******0000", "ExpDate": "1111", "RebillId": "000000"},
            "11111111111", "1c0964277d0213349243065a0d5b838b8e90d2d25f740d0f2767836e710e80c8",
        ),
    ],
)  # fmt: skip
def test_the_token_is_that_of_the_published_vectors(fields: dict[str, object], password: str, token: str) -> None:
    assert token_of(fields, password) == token
    assert token_of({**fields, "Receipt": {"a": 1}, "Shops": [1], "Empty": "", "Nothing": None}, password) == token


@pytest.mark.parametrize("path", sorted(HERE.glob("*.json")), ids=lambda path: path.stem)
def test_every_sample_bears_a_valid_token_where_it_bears_one(path: Any) -> None:
    told = json.loads(path.read_bytes())
    if isinstance(told, dict) and "Token" in told:
        assert token_of(told, PASSWORD) == told["Token"]


INBOUND = Inbound({"terminal_key": TERMINAL}, {"password": PASSWORD}, NOW.timestamp())


@pytest.mark.parametrize("path", sorted(HERE.glob("notification_*.json")), ids=lambda path: path.stem)
def test_a_notification_is_let_in_as_it_is_written_and_not_when_anything_is_changed(path: Any) -> None:
    told = json.loads(path.read_bytes())
    assert WEBHOOK.verify(posted(path.read_bytes()), INBOUND) is None
    assert WEBHOOK.answer(posted(path.read_bytes()), []).body == b"OK"  # type: ignore[union-attr]
    for name in told:
        if isinstance(told[name], dict):
            continue
        changed = {**told, name: f"{told[name]}1"}
        assert WEBHOOK.verify(posted(json.dumps(changed).encode()), INBOUND) is not None, name
    for more in ({"Extra": "1"}, {"TerminalKey": "1700000000001DEMO"}, {"Token": None}, {"Token": "жук"}):
        assert WEBHOOK.verify(posted(json.dumps({**told, **more}).encode()), INBOUND) is not None
    for secrets in ({}, {"password": ""}, {"password": PASSWORD + "8"}):
        assert WEBHOOK.verify(posted(path.read_bytes()), Inbound({}, secrets, 0)) is not None


def test_numbers_are_signed_as_they_are_written() -> None:
    told = {"TerminalKey": TERMINAL, "PaymentId": "12345678901234567890", "Amount": "1111.0", "Status": "CONFIRMED"}
    body = json.dumps({**told, "Token": token_of(told, PASSWORD)})
    bare = body.replace('"12345678901234567890"', "12345678901234567890").replace('"1111.0"', "1111.0")
    assert WEBHOOK.verify(posted(bare.encode()), INBOUND) is None
    (fact,) = WEBHOOK.parse(posted(bare.encode()), INBOUND)
    assert fact.entity.id == "12345678901234567890"  # type: ignore[union-attr]


def test_another_terminals_notification_is_refused_though_its_password_is_the_same() -> None:
    told = {**sample("notification_confirmed.json"), "TerminalKey": "other"}
    told["Token"] = token_of(told, PASSWORD)
    assert WEBHOOK.verify(posted(json.dumps(told).encode()), INBOUND) is not None


# Its answers, as its samples have them


async def test_a_link_is_what_init_answers(bank: Scripted) -> None:
    bank.on("/Init", 200, sample("init_response.json"))
    outcome = await done(bank, LINK, hook_url="https://hub.example/tbank?key=k")
    assert isinstance(outcome, Succeeded)
    assert isinstance(outcome.seen, PaymentSeen)
    assert (outcome.external_id, outcome.seen.state) == ("3093639567", SeenState.WAITS)
    assert outcome.seen.url == "https://securepay.tinkoff.ru/new/fU1ppgqa"
    (asked,) = bank.asked("/Init")
    assert asked["Token"] == token_of(asked, PASSWORD)
    assert {**asked, "Token": ""} == {
        "TerminalKey": TERMINAL, "Amount": 100000, "OrderId": NUMBER, "Description": "Заказ 42", "PayType": "O",
        "NotificationURL": "https://hub.example/tbank?key=k",
        "DATA": {"order": "42", "OperationInitiatorType": "0"}, "Token": "",
    }  # fmt: skip


async def test_what_a_link_says_of_receipt_split_hold_and_card(bank: Scripted) -> None:
    bank.on("/Init", 200, sample("init_response.json"))
    lines = (
        OrderLine.of("Кофе", Money.read("100.00"), "2", vat=Vat.V22),
        OrderLine.of("Зерно", Money.read("1600.00"), "0.500", vat=Vat.V22_122),
    )
    split = (Split(account="700456", amount=Money.read("900.00"), fee=Money.read("1.00")),)
    more = {"lines": lines, "receipt": True, "split": split, "capture": False, "save": True}
    await done(bank, LINK.model_copy(update=more))
    (asked,) = bank.asked("/Init")
    assert (asked["PayType"], asked["Recurrent"], asked["CustomerKey"]) == ("T", "Y", LINK.payment)
    assert asked["DATA"]["OperationInitiatorType"] == "1"
    assert asked["Receipt"]["Phone"] == "+79990000001"
    assert [(one["Quantity"], one["Amount"], one["Tax"]) for one in asked["Receipt"]["Items"]] == [
        (2, 20000, "vat22"), (0.5, 80000, "vat122"),
    ]  # fmt: skip
    assert asked["Shops"] == [{"ShopCode": "700456", "Amount": 90000, "Name": None, "Fee": "100"}]


@pytest.mark.parametrize(
    ("answer", "kind", "code"),
    [("init_error_token.json", Blocked, "204"), ("init_error_validation.json", Refused, "251")],
)
async def test_a_refusal_means_what_its_code_says(bank: Scripted, answer: str, kind: type, code: str) -> None:
    bank.on("/Init", 200, sample(answer))
    outcome = await done(bank, LINK)
    assert isinstance(outcome, kind)
    assert getattr(outcome, "code", None) == code


@pytest.mark.parametrize(
    ("answer", "state", "why"),
    [
        ("charge_response_confirmed.json", SeenState.PAID, None),
        ("charge_response_rejected.json", SeenState.OVER, Decline.NO_MONEY),
    ],
)
async def test_a_charge_is_done_whatever_it_comes_to(
    bank: Scripted, answer: str, state: SeenState, why: Decline | None
) -> None:
    bank.on("/Init", 200, sample("init_response.json")).on("/Charge", 200, sample(answer))
    outcome = await done(bank, CHARGE)
    assert isinstance(outcome, Succeeded)
    assert isinstance(outcome.seen, PaymentSeen)
    assert (outcome.seen.state, outcome.seen.why) == (state, why)
    assert bank.asked("/Charge")[0]["RebillId"] == "3207469334"
    assert bank.asked("/Init")[0]["DATA"]["OperationInitiatorType"] == "R"


async def test_a_charge_that_was_begun_is_gone_on_with_and_never_begun_anew(bank: Scripted) -> None:
    begun = {**sample("checkorder_response.json"), "Payments": [{"PaymentId": "7", "Amount": 100000, "Status": "NEW"}]}
    bank.on("/CheckOrder", 200, begun).on("/Charge", 200, sample("charge_response_confirmed.json"))
    outcome = await done(bank, CHARGE, doubt_since=NOW)
    assert isinstance(outcome, Succeeded)
    assert (bank.asked("/Init"), bank.asked("/Charge")[0]["PaymentId"]) == ([], "7")
    bank.answers.clear()
    bank.on("/CheckOrder", 200, sample("checkorder_response.json"))
    outcome = await done(bank, CHARGE, doubt_since=NOW)
    assert isinstance(outcome, Succeeded)
    assert (outcome.external_id, len(bank.asked("/Charge"))) == ("3093639567", 1)


@pytest.mark.parametrize(
    ("answers", "command", "wrote", "before"),
    [
        ({"/Charge": (200, {"Success": False, "ErrorCode": "8"}), "/CheckOrder": (503, {})}, CHARGE, 2, 2),
        ({"/Charge": (429, {})}, CHARGE, 1, 1),  # the payment is begun, and is to be gone on with
        ({"/Init": (503, {})}, CHARGE, 1, 0),
        ({"/GetState": (503, {})}, CancelPayment(payment=LINK.payment, number=NUMBER, external_id="3093639567"), 0, 0),
    ],
    ids=["a look after a refusal", "the second of two", "the first", "a question"],
)
async def test_what_may_have_been_done_is_counted_whatever_fails_after_it(
    bank: Scripted, answers: dict[str, Any], command: Any, wrote: int, before: int
) -> None:
    bank.answers["/Init"] = [(200, sample("init_response.json"), {})]
    bank.answers |= {path: [(*answer, {})] for path, answer in answers.items()}
    async with calling(SETTINGS, bank.url) as call:
        with suppress(VendorFailure):
            await perform(MANIFEST, command, call)
        assert (call.http.wrote, call.http.wrote_before) == (wrote, before)


async def test_a_payment_is_read_by_its_number_where_another_try_under_it_was_paid(bank: Scripted) -> None:
    rejected = {**sample("getstate_response.json"), "Status": "REJECTED", "PaymentId": "3093639500"}
    bank.on("/GetState", 200, rejected).on("/CheckOrder", 200, sample("checkorder_response.json"))
    bank.on("/GetCardList", 200, sample("getcardlist_response.json"))
    async with calling(SETTINGS, bank.url) as call:
        seen = await MANIFEST.payments.read(Which(external_id="3093639500", number=NUMBER), call)  # type: ignore[union-attr]
        story = json.dumps([one.model_dump(mode="json") for one in call.http.log])
    assert seen is not None
    assert (seen.external_id, seen.state, seen.saved and seen.saved.token) == (
        "3093639567",
        SeenState.PAID,
        "3207469334",
    )
    assert "3207469334" not in story


async def test_what_was_taken_back_isnt_hidden_by_another_payment_under_its_number(bank: Scripted) -> None:
    reversed_ = {**sample("getstate_response.json"), "Status": "REVERSED", "PaymentId": "3093639500"}
    bank.on("/GetState", 200, reversed_).on("/CheckOrder", 200, sample("checkorder_response.json"))
    async with calling(SETTINGS, bank.url) as call:
        seen = await MANIFEST.payments.read(Which(external_id="3093639500", number=NUMBER), call)  # type: ignore[union-attr]
    assert seen is not None
    assert (seen.external_id, seen.state) == ("3093639500", SeenState.OVER)


async def test_money_that_was_paid_in_this_very_moment_is_not_given_back_by_calling_off(bank: Scripted) -> None:
    bank.on("/GetState", 200, sample("getstate_response.json"))
    outcome = await done(bank, CancelPayment(payment="p", number=NUMBER, external_id="3093639567"))
    assert isinstance(outcome, Succeeded)
    assert isinstance(outcome.seen, PaymentSeen)
    assert (outcome.seen.state, bank.asked("/Cancel")) == (SeenState.PAID, [])


REFUND = RefundPayment(
    payment="p", number=f"{NUMBER}-r1", external_id="3093639567", amount=Money.read("250.00"), whole=False
)


async def test_a_part_goes_back_under_our_number(bank: Scripted) -> None:
    bank.on("/Cancel", 200, sample("cancel_response.json"))
    outcome = await done(bank, REFUND)
    assert isinstance(outcome, Succeeded)
    assert isinstance(outcome.seen, RefundSeen)
    assert (outcome.seen.state, outcome.seen.amount) == (RefundState.DONE, Money.read("250.00"))
    (asked,) = bank.asked("/Cancel")
    assert (asked["ExternalRequestId"], asked["Amount"]) == (REFUND.number, 25000)


@pytest.mark.parametrize(
    ("status", "source", "found"),
    [
        ("CONFIRMED", "cards", None), ("CONFIRMED", "qrsbp", None), ("PARTIAL_REFUNDED", "cards", None),
        ("PARTIAL_REFUNDED", "qrsbp", "unknown"), ("REFUNDED", "qrsbp", "succeeded"),
        ("ASYNC_REFUNDING", "qrsbp", "succeeded"),
    ],
)  # fmt: skip
async def test_a_doubtful_refund_is_repeated_only_where_that_gives_back_no_second_time(
    bank: Scripted, status: str, source: str, found: str | None
) -> None:
    """A card's is known again by our number; of the fast payment system's only the status tells."""
    told = {**sample("getstate_response.json"), "Status": status, "Params": [{"Key": "Source", "Value": source}]}
    bank.on("/GetState", 200, told)
    async with calling(SETTINGS, bank.url) as call:
        outcome = await MANIFEST.payments.find(REFUND, call)  # type: ignore[union-attr]
    assert (outcome.kind if outcome is not None else None) == found
