"""The kit of every fiscaliser: one document under one number, whatever is cut, and sums that are equal to the kopeck.

A vendor takes part by `fiscaliser` of its description (`tests/vendors/<vendor>.py`); one that registers receipts and
has none fails. What it promises with the engine: `test_receipts_house_kit.py`.
"""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from functools import partial
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from kits.registering import done, found, opened, read, receipt, receipts_of, seen_of, settings_of, story
from kits.rows import IN_PLACE_OF, PAGE, SAYING_NOTHING, not_as_their_rows
from simulators.serve import Running
from svyazka.connectors.registry import VENDORS, load_manifest
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.contacts import Contact
from svyazka.model.errors import MaybeSent, NotSent
from svyazka.model.money import Money
from svyazka.model.orders import LINES_MOST, Method, OrderLine, Seller, Subject, fitted
from svyazka.model.outcomes import Outcome, Refused, Retry, Unclear
from svyazka.model.receipts import ReceiptKind
from svyazka.model.seen import Shown
from svyazka.model.vat import Vat
from vendors import FISCALISERS

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAMES = sorted(name for name in VENDORS if load_manifest(name).receipts is not None)
EVERY = pytest.mark.parametrize("name", NAMES)


@EVERY
async def test_whoever_registers_receipts_takes_part(name: str) -> None:
    assert name in FISCALISERS, f"tests/vendors/{name}.py: {name} registers receipts: VENDOR wants `fiscaliser=...`"
    bare = load_manifest(name).settings.model_validate({})
    assert not receipts_of(name).ready(bare)
    assert receipts_of(name).ready(settings_of(name))
    assert receipts_of(name).safety(receipt()).repeat is FISCALISERS[name].repeat


# One document


@EVERY
@pytest.mark.parametrize("of", ReceiptKind)
@pytest.mark.parametrize("amount", ["1.00", "10.10", "1429.50", "123456.01"])
async def test_a_receipt_stands_there_once_with_its_sum(
    name: str, amount: str, of: ReceiptKind, vendors: Running
) -> None:
    command = receipt(of=of, amount=amount)
    seen = seen_of(await done(name, vendors, command))
    (there,) = vendors.of(name).documents.values()
    assert (there.number, there.total) == (command.number, command.amount.kopecks)
    assert ("refund" in there.operation) == (of is ReceiptKind.REFUND)
    report = await read(name, vendors, seen.external_id)
    assert report is not None
    assert (report.state, report.amount, report.number) == (Shown.DONE, command.amount, command.number)
    assert report.fiscal is not None
    assert report.fiscal.storage
    assert report.fiscal.document
    assert report.fiscal.sign


@EVERY
@pytest.mark.parametrize("fault", ["cut_before", "cut_after"])
async def test_after_an_answer_that_never_came_there_is_one_document(name: str, fault: str, vendors: Running) -> None:
    method, path = FISCALISERS[name].register
    vendors.fault(name, kind=fault, path=path, method=method)
    with pytest.raises(MaybeSent):
        await done(name, vendors, receipt())
    earlier = await found(name, vendors, receipt())
    again = earlier or await done(name, vendors, receipt(), "dlv_2.1")
    (there,) = vendors.of(name).documents.values()
    assert seen_of(again).external_id == there.uuid


@EVERY
async def test_the_same_number_registers_nothing_more_and_shows_what_stands_there(name: str, vendors: Running) -> None:
    first = seen_of(await done(name, vendors, receipt()))
    again = await done(name, vendors, receipt(), "dlv_other.1")
    assert seen_of(again).external_id == first.external_id
    await done(name, vendors, receipt(of=ReceiptKind.REFUND, amount="10.00"))
    await done(name, vendors, receipt(number=f"{receipt().number}-r2"))
    assert len(vendors.of(name).documents) == 3


@EVERY
async def test_every_try_sends_the_same_bytes(name: str, vendors: Running) -> None:
    for now in (timedelta(), timedelta(days=1)):
        async with opened(name, vendors) as call:
            call.now += now
            await receipts_of(name).register(receipt(), call)
    _, path = FISCALISERS[name].register
    sent = [one["body"] for one in vendors.of(name).calls if one["method"] == "POST" and '"external_id"' in one["body"]]
    assert path
    assert len(sent) == 2
    assert sent[0] == sent[1]


@EVERY
async def test_a_till_that_is_slow_isnt_asked_to_print_again(name: str, vendors: Running) -> None:
    vendors.of(name).lag = 300.0
    seen = seen_of(await done(name, vendors, receipt()))
    assert seen.state is Shown.WAITS
    report = await read(name, vendors, seen.external_id)
    assert report is not None
    assert report.state is Shown.WAITS
    assert vendors.of(name).printed() == []


@EVERY
async def test_how_a_document_fails_says_whether_it_may_be_tried_anew(name: str, vendors: Running) -> None:
    described = FISCALISERS[name]
    for n, end in enumerate((described.passing, described.lasting), start=1):
        vendors.of(name).ends.append(end)
        seen = seen_of(await done(name, vendors, receipt(n)))
        report = await read(name, vendors, seen.external_id)
        assert report is not None
        assert (report.state, report.again, report.fiscal) == (Shown.OVER, end == described.passing, None)
        assert report.code
    assert vendors.of(name).printed() == []


@EVERY
async def test_what_nobody_registered_is_provably_not_there(name: str, vendors: Running) -> None:
    assert await read(name, vendors, "404404404") is None


# What it says


@EVERY
@settings(
    max_examples=25, deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.differing_executors],
)  # fmt: skip
@given(data=some.data())
async def test_sums_are_equal_to_the_kopeck_whatever_the_discount(
    name: str, vendors: Running, data: some.DataObject
) -> None:
    vendors.of(name).reset()
    lines = tuple(
        OrderLine.of(f"Строка {n}", Money(kopecks=kopecks), quantity, vat=vat)
        for n, (kopecks, quantity, vat) in enumerate(
            data.draw(
                some.lists(
                    some.tuples(
                        some.integers(1, 10**7), some.sampled_from(["1", "3", "7", "0.350", "2.5"]),
                        some.sampled_from(Vat),
                    ),
                    min_size=1, max_size=12,
                )
            )
        )
    )  # fmt: skip
    total = sum(line.amount.kopecks for line in lines)
    if total < 100:
        return
    amount = Money(kopecks=data.draw(some.integers(100, total)))
    command = receipt(amount=amount.text, lines=fitted(lines, amount))
    outcome = await done(name, vendors, command)
    if isinstance(outcome, Refused):
        raise AssertionError(outcome)
    (there,) = vendors.of(name).documents.values()
    assert there.total == amount.kopecks


@EVERY
async def test_rates_of_2026_advances_agents_and_measures_are_taken(name: str, vendors: Running) -> None:
    seller = Seller(inn="7707083893", name="ООО «Поставщик»", phone="+79990000001")
    lines = [
        OrderLine.of(f"Ставка {vat}", Money.read("122.00"), vat=vat, seller=seller if n % 2 else None)
        for n, vat in enumerate(Vat)
    ]
    lines += [OrderLine.of("Сыр", Money.read("900.00"), "0.350", measure="kg", subject=one) for one in Subject]
    lines += [OrderLine.of("Аванс", Money.read("50.00"), method=one, vat=Vat.V22) for one in Method]
    lines += [OrderLine.of("Ткань", Money.read("10.00"), "2", measure="ell")]
    amount = Money(kopecks=sum(line.amount.kopecks for line in lines))
    seen_of(await done(name, vendors, receipt(amount=amount.text, lines=tuple(lines))))


@EVERY
async def test_more_lines_than_a_receipt_takes_are_put_together_or_refused(name: str, vendors: Running) -> None:
    equal = (OrderLine.of("Кофе", Money.read("2.00")),) * (LINES_MOST + 20)
    seen_of(await done(name, vendors, receipt(amount="240.00", lines=equal)))
    unlike = tuple(OrderLine.of(f"Товар {n}", Money.read("1.00")) for n in range(LINES_MOST + 1))
    outcome = await done(name, vendors, receipt(2, amount=f"{LINES_MOST + 1}.00", lines=unlike))
    assert isinstance(outcome, Refused)
    assert len(vendors.of(name).documents) == 1


@EVERY
async def test_who_cannot_be_sent_a_receipt_is_told_of_before_anything_is_sent(name: str, vendors: Running) -> None:
    for person in (None, Contact(name="Анна"), Contact(phone="12", email="nobody")):
        outcome = await done(name, vendors, receipt(person=person))
        assert isinstance(outcome, Refused)
        assert outcome.remedy
    assert vendors.of(name).calls == []
    for n, phone in enumerate(("8 (999) 123-45-67", "9991234567", "+371 2 1234567"), start=1):
        seen_of(await done(name, vendors, receipt(n, person=Contact(phone=phone))))


# Answers


async def answered(name: str, vendors: Running, status: int, content: object, **headers: str) -> Outcome | Exception:
    """What becomes of a receipt to which the vendor answers so."""
    method, path = FISCALISERS[name].register
    named = {header.replace("_", "-"): value for header, value in headers.items()}
    vendors.of(name).faults.clear()
    vendors.fault(name, kind="answer", path=path, method=method, status=status, body=content, headers=named, times=-1)
    try:
        return await done(name, vendors, receipt())
    except (NotSent, MaybeSent) as error:
        return error


@EVERY
async def test_every_row_of_the_failure_map_is_what_it_becomes(name: str, vendors: Running) -> None:
    table, described = load_manifest(name).failures, FISCALISERS[name]
    answers = partial(answered, name, vendors)
    assert await not_as_their_rows(table, described.says, described.changed, answers) == {}
    assert not vendors.of(name).documents


@EVERY
async def test_a_page_in_place_of_the_api_is_tried_again_and_blames_no_key(name: str, vendors: Running) -> None:
    for status in IN_PLACE_OF:
        outcome = await answered(name, vendors, status, PAGE, content_type="text/html", location="/elsewhere")
        assert isinstance(outcome, Retry), (status, outcome)


@EVERY
async def test_an_answer_that_says_neither_yes_nor_no_is_unclear(name: str, vendors: Running) -> None:
    for status in (200, 202, 500, 502, 504):
        for content in (*SAYING_NOTHING, PAGE):
            outcome = await answered(name, vendors, status, content, content_type="application/json")
            unclear = isinstance(outcome, Unclear) or (isinstance(outcome, Retry) and outcome.maybe_sent)
            assert unclear, (status, content, outcome)


@EVERY
async def test_silence_of_a_report_proves_nothing(name: str, vendors: Running) -> None:
    seen = seen_of(await done(name, vendors, receipt()))
    method, path = FISCALISERS[name].reading
    for status, content in ((500, {}), (404, PAGE), (200, "{}"), (200, "[]"), (403, PAGE), (200, {"status": "done"})):
        vendors.of(name).faults.clear()
        vendors.fault(name, kind="answer", path=path, method=method, status=status, body=content, times=-1)
        with pytest.raises(VendorFailure):
            await read(name, vendors, seen.external_id)


@EVERY
async def test_whoever_isnt_reached_has_registered_nothing(name: str, vendors: Running) -> None:
    with pytest.raises(NotSent):
        await done(name, vendors, receipt(), base_url="http://127.0.0.1:1")


@EVERY
async def test_no_credential_stands_in_a_story_or_a_log(
    name: str, vendors: Running, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    hook = "https://hub.example.org/webhook/k3y-0f-our-own"
    stories = [await story(name, vendors, receipt(), hook_url=hook)]
    for status in (200, 400, 401, 500):
        stories.append(repr(await answered(name, vendors, status, {})))
    vendors.of(name).faults.clear()
    async with opened(name, vendors) as call:
        await receipts_of(name).read("404404404", call)
        stories.append(json.dumps([one.model_dump(mode="json") for one in call.http.log]))
    everything = "\n".join([*stories, caplog.text])
    tokens = getattr(vendors.of(name), "tokens", {})
    for secret in (*FISCALISERS[name].secrets.values(), *tokens, hook):
        assert [word for word in (secret, quote(secret, safe="")) if word in everything] == []
