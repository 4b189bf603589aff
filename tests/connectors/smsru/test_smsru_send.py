"""One message through sms.ru, and what each of its answers means: against the stand-in, over real HTTP."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest

from connectors.support import NOW, calling, perform
from simulators.serve import Running
from svyazka.connectors.smsru.failures import FAILURES, failure, seconds_to_new_day
from svyazka.connectors.smsru.manifest import MANIFEST
from svyazka.connectors.smsru.settings import SmsruSettings
from svyazka.model.commands import SendMessage
from svyazka.model.contacts import Contact
from svyazka.model.errors import MaybeSent
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry, Succeeded, Unclear, Unknown

SAMPLES = Path(__file__).parents[2] / "samples" / "smsru"
KEY = "00000000-AAAA-BBBB-CCCC-000000000001"
SETTINGS = SmsruSettings(api_id=KEY, sender="UTRO")
IVAN = "+79991234567"
TEXT = "Ждём вас завтра в 12:00. Кофейня «Утро»"


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"{name}.json").read_bytes())


def message(phone: str | None = IVAN, text: str = TEXT, **more: Any) -> SendMessage:
    return SendMessage(to=Contact(phone=phone), text=text, **more)


async def sent(
    smsru: Running, command: SendMessage | None = None, settings: SmsruSettings = SETTINGS, **around: Any
) -> Outcome:
    async with calling(settings, smsru.base_url("smsru"), **around) as call:
        return await perform(MANIFEST, command or message(), call)


async def answered(smsru: Running, body: Any, status: int = 200, phone: str = IVAN, **headers: str) -> Outcome:
    """What becomes of a message to which sms.ru answers so."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    smsru.fault("smsru", kind="answer", path="/sms/send", status=status, body=body, headers=named)
    return await sent(smsru, message(phone))


def ledger(smsru: Running) -> list[dict[str, Any]]:
    return [effect for effect in smsru.of("smsru").effects if effect["kind"] == "message"]


def asked(smsru: Running) -> dict[str, str]:
    """Parameters of the last call."""
    return dict(parse_qsl(smsru.of("smsru").calls[-1]["body"], keep_blank_values=True))


# The request


async def test_the_request_is_the_samples(smsru: Running) -> None:
    await sent(smsru)
    assert asked(smsru) == dict(parse_qsl((SAMPLES / "send_request.form").read_text()))
    assert smsru.of("smsru").calls[-1]["method"] == "POST"


async def test_without_a_sender_the_accounts_own_name_is_left_to_sms_ru(smsru: Running) -> None:
    await sent(smsru, settings=SmsruSettings(api_id=KEY))
    assert "from" not in asked(smsru)


async def test_a_one_time_code_lives_for_minutes_and_any_other_message_as_long_as_sms_ru_likes(smsru: Running) -> None:
    await sent(smsru, message(code=True))
    assert asked(smsru)["ttl"] == "10"
    await sent(smsru, message())
    assert "ttl" not in asked(smsru)


# Whom


@pytest.mark.parametrize("typed", ["8 800 555-35-35", "+7 495 123-45-67", "8 (812) 123 45 67", "12345", "", None])
async def test_a_land_line_an_8_800_and_no_number_are_never_called(smsru: Running, typed: str | None) -> None:
    assert MANIFEST.address(Contact(phone=typed)) is None
    outcome = await sent(smsru, message(typed))
    assert isinstance(outcome, Refused)
    assert outcome.code == "no_address"
    assert smsru.of("smsru").calls == []


async def test_a_number_abroad_goes_out_with_its_country_code(smsru: Running) -> None:
    assert isinstance(await sent(smsru, message("+375 29 123-45-67")), Succeeded)
    assert ledger(smsru)[0]["to"] == "375291234567"


# Answers of the samples


async def test_send_ok(smsru: Running) -> None:
    outcome = await answered(smsru, sample("send_ok"))
    assert outcome == Succeeded(external_id="202626-1000001")


async def test_send_mixed_is_read_number_by_number(smsru: Running) -> None:
    assert await answered(smsru, sample("send_mixed")) == Succeeded(external_id="202626-1000002")
    other = sample("send_mixed")
    other["sms"]["79990000000"] = other["sms"].pop("74990000000")
    refused = await answered(smsru, other, phone="+79990000000")
    assert isinstance(refused, Refused)
    assert refused.code == "207"


async def test_send_error_outer(smsru: Running) -> None:
    outcome = await answered(smsru, sample("send_error_outer"))
    assert isinstance(outcome, Blocked)
    assert outcome.code == "200"


async def test_send_error_sender_221_is_no_success_although_it_bears_an_id(smsru: Running) -> None:
    outcome = await answered(smsru, sample("send_error_sender_221"))
    assert isinstance(outcome, Blocked)
    assert outcome.code == "221"
    assert "отправител" in outcome.remedy


async def test_send_error_no_money_201(smsru: Running) -> None:
    outcome = await answered(smsru, sample("send_error_no_money_201"))
    assert isinstance(outcome, Blocked)
    assert "Пополните" in outcome.remedy


async def test_send_key_normalised_is_matched_to_the_number_that_was_sent(smsru: Running) -> None:
    outcome = await answered(smsru, sample("send_key_normalised"), phone="8 (999) 111-22-33")
    assert outcome == Succeeded(external_id="202626-1000050")
    other = sample("send_key_normalised")
    other["sms"] = {"8 999 111 22 33": other["sms"].pop("79991112233")}
    assert await answered(smsru, other, phone="8 (999) 111-22-33") == Succeeded(external_id="202626-1000050")


@pytest.mark.parametrize(("given", "cost"), [("1.74", 1.74), (3.48, 3.48), (0, 0.0), (None, None), ("free", None)])
async def test_the_cost_is_kept_where_sms_ru_tells_it(smsru: Running, given: object, cost: float | None) -> None:
    body = sample("send_ok")
    body["sms"]["79991234567"].update(cost=given, sms_id=2026261000001, status_code="100")
    assert await answered(smsru, body) == Succeeded(external_id="2026261000001", cost=cost)


# The failure map, row by row, as the sheet has it


BUG, FOR_GOOD, OPT_OUT = ("refused",), ("refused",), ("refused", "opt-out")
TELL = ("refused", "tell")
BLOCKED = ("blocked",)
TOMORROW = 5 * 3600.0 + 300.0  # from 19:00 in Moscow, and the margin
MAP: dict[int, tuple[object, ...]] = {
    -1: FOR_GOOD, 200: BLOCKED, 201: BLOCKED, 202: FOR_GOOD, 203: BUG, 204: TELL, 205: TELL,
    206: ("retry", TOMORROW, "outage"), 207: FOR_GOOD, 208: BUG, 209: OPT_OUT, 210: BUG, 211: BUG, 212: BUG, 213: BUG,
    214: FOR_GOOD, 215: OPT_OUT, 216: TELL, 217: TELL, 220: ("retry", None, "outage"), 221: BLOCKED,
    230: ("retry", TOMORROW), 231: ("retry", 65.0), 232: FOR_GOOD, 233: ("retry", 600.0),
    300: BLOCKED, 301: BLOCKED, 302: BLOCKED, 303: FOR_GOOD,
    304: ("retry", 900.0, "outage"), 305: ("retry", 900.0, "outage"), 500: ("retry", None, "outage", "maybe"),
    501: ("retry", 900.0, "outage"), 502: ("retry", 900.0, "outage"), 503: ("retry", 900.0, "outage"),
    504: ("retry", 900.0, "outage"), 505: ("retry", 900.0, "outage"), 506: ("retry", 900.0, "outage"), 507: BUG,
    508: ("retry", 900.0, "outage"), 550: FOR_GOOD, 901: BUG, 902: BUG,
    # statuses of a message, where one is refused with them
    104: FOR_GOOD, 105: FOR_GOOD, 106: FOR_GOOD, 107: FOR_GOOD, 108: FOR_GOOD, 150: FOR_GOOD,
    # no row: by the class of the code
    299: TELL, 399: TELL, 999: TELL, 599: ("retry", None, "outage", "maybe"), 199: ("unclear",),
    # these contradict an ERROR
    100: ("unclear",), 101: ("unclear",), 102: ("unclear",), 103: ("unclear",), 110: ("unclear",),
}  # fmt: skip


def row(outcome: Outcome) -> tuple[object, ...]:
    """An outcome as the map writes it."""
    match outcome:
        case Retry():
            marks = [mark for mark, on in (("outage", outcome.outage), ("maybe", outcome.maybe_sent)) if on]
            return ("retry", outcome.after, *marks)
        case Refused():
            marks = [mark for mark, on in (("opt-out", outcome.opt_out), ("tell", outcome.remedy)) if on]
            return ("refused", *marks)
        case _:
            return (outcome.kind,)


def test_no_row_is_left_untested() -> None:
    assert set(FAILURES.codes) <= set(MAP)


@pytest.mark.parametrize("code", MAP)
async def test_each_code_of_one_number_is_what_the_sheet_says(smsru: Running, code: int) -> None:
    smsru.of("smsru").account(KEY).refusals["79991234567"] = code
    outcome = await sent(smsru)
    assert row(outcome) == MAP[code]
    assert ledger(smsru) == []


@pytest.mark.parametrize("code", MAP)
async def test_each_code_of_the_whole_request_is_what_the_sheet_says(smsru: Running, code: int) -> None:
    smsru.of("smsru").account(KEY).outer = code
    outcome = await sent(smsru)
    assert row(outcome) == MAP[code]


@pytest.mark.parametrize("code", MAP)
async def test_an_outcome_bears_sms_rus_own_code_and_words_for_a_person(smsru: Running, code: int) -> None:
    smsru.of("smsru").account(KEY).outer = code
    outcome = await sent(smsru)
    assert not isinstance(outcome, Succeeded)
    assert getattr(outcome, "code", None) == str(code)
    assert getattr(outcome, "message", None)


@pytest.mark.parametrize(
    ("now", "hours"),
    [
        (datetime(2026, 3, 14, 20, 59, tzinfo=UTC), 1 / 60),
        (datetime(2026, 3, 14, 21, 0, tzinfo=UTC), 24),
        (datetime(2026, 12, 31, 12, 0, tzinfo=UTC), 9),
    ],
)
def test_the_next_day_begins_at_midnight_in_moscow_and_a_little_later(now: datetime, hours: float) -> None:
    assert seconds_to_new_day(now) == pytest.approx(hours * 3600 + 300)


async def test_the_same_text_within_a_minute_may_be_our_own_earlier_try(smsru: Running) -> None:
    smsru.of("smsru").account(KEY).duplicates = True
    smsru.fault("smsru", kind="cut_after", path="/sms/send")
    with pytest.raises(MaybeSent):
        await sent(smsru)
    again = await sent(smsru, maybe_sent_at=NOW - timedelta(seconds=40))
    assert isinstance(again, Unknown)
    assert again.code == "231"
    assert len(ledger(smsru)) == 1


async def test_the_same_text_within_a_minute_is_waited_for_where_no_try_of_ours_can_be_meant(smsru: Running) -> None:
    smsru.of("smsru").account(KEY).duplicates = True
    await sent(smsru)
    for doubt in (None, NOW - timedelta(minutes=5)):
        outcome = await sent(smsru, maybe_sent_at=doubt)
        assert isinstance(outcome, Retry)
        assert outcome.after is not None
        assert outcome.after >= 60
        assert not outcome.outage


@pytest.mark.parametrize("sms", [[], {}, None, {"1": {"status": "OK", "status_code": 100}, "2": {}}])
async def test_an_answer_without_our_number_is_unknown(smsru: Running, sms: object) -> None:
    assert isinstance(await answered(smsru, {"status": "OK", "status_code": 100, "sms": sms}), Unclear)


# Not the API


@pytest.mark.parametrize(("headers", "after"), [({}, None), ({"retry_after": "120"}, 120.0)])
async def test_too_many_requests_are_waited_for(smsru: Running, headers: dict[str, str], after: float | None) -> None:
    outcome = await answered(smsru, "slow down", 429, **headers)
    assert isinstance(outcome, Retry)
    assert (outcome.code, outcome.after) == ("429", after)


async def test_the_apis_word_counts_whatever_the_http_status(smsru: Running) -> None:
    assert isinstance(await answered(smsru, sample("send_ok"), 500), Succeeded)
    assert isinstance(await answered(smsru, sample("send_error_outer"), 503), Blocked)


def test_words_of_sms_ru_are_shown_for_codes_that_we_do_not_know() -> None:
    outcome = failure({"status": "ERROR", "status_code": "299", "status_text": "Новое правило"}, NOW)
    assert isinstance(outcome, Refused)
    assert "Новое правило" in outcome.message
