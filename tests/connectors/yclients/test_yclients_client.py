"""What YCLIENTS' answers mean, and what our calls carry: against the stand-in, over HTTP on loopback."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from connectors.support import NOW, by_deed, calling
from simulators.serve import Running
from simulators.yclients.simulator import PARTNER_TOKEN, USER_TOKEN
from svyazka.connectors.yclients import client
from svyazka.connectors.yclients.facts import client_fact, final_attendance, record_fact
from svyazka.connectors.yclients.failures import FAILURES
from svyazka.connectors.yclients.failures import failure as meaning
from svyazka.connectors.yclients.schema import Change
from svyazka.connectors.yclients.settings import YclientsSettings
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.events import EventType
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry

SAMPLES = Path(__file__).parents[2] / "samples" / "yclients"
RECORDS = "/api/v1/records/*"


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"api-{name}.json").read_bytes())


def settings_for(salon: Running, **changes: Any) -> YclientsSettings:
    given = {
        "base_url": salon.base_url("yclients"), "company_id": 997441, "partner_token": PARTNER_TOKEN,
        "user_token": USER_TOKEN,
    }  # fmt: skip
    return YclientsSettings(**{**given, **changes})


async def records(salon: Running, **changes: Any) -> client.Page:
    settings = settings_for(salon, **changes)
    async with calling(settings, salon.base_url("yclients")) as call:
        return await client.records(call, NOW, 1)


async def failure(salon: Running, **changes: Any) -> Outcome:
    with pytest.raises(VendorFailure) as caught:
        await records(salon, **changes)
    assert str(caught.value)
    return caught.value.outcome


# The failure map, row by row


def test_the_rows_are_those_of_yclients_documentation() -> None:
    assert by_deed(FAILURES.statuses.items()) == {
        "block": {401, 402, 403}, "refuse": {400, 404, 409, 422}, "retry": {429, 500, 502, 503, 504},
    }  # fmt: skip
    assert by_deed(FAILURES.codes.items()) == {"refuse": {422, *range(431, 439)}}


@pytest.mark.parametrize(
    ("name", "status", "kind", "code"),
    [
        ("401", 401, Blocked, "401"), ("401", 200, Blocked, "401"), ("403", 403, Blocked, "403"),
        ("403", 200, Blocked, "403"), ("402-licence", 402, Blocked, "402"), ("402-licence", 403, Blocked, "402"),
        ("402-licence", 200, Blocked, "402"), ("record-404", 404, Refused, "404"),
        ("book-record-422-433", 422, Refused, "taken"), ("book-record-422-433", 200, Refused, "taken"),
    ],
)  # fmt: skip
async def test_a_sampled_failure_is_read_by_its_words_and_codes_even_in_disguise(
    salon: Running, name: str, status: int, kind: type, code: str
) -> None:
    salon.fault("yclients", kind="answer", path=RECORDS, status=status, body=sample(name))
    outcome = await failure(salon)
    assert isinstance(outcome, kind)
    assert getattr(outcome, "code", None) == code


async def test_a_dead_user_token_blocks_and_says_what_to_do(salon: Running) -> None:
    salon.of("yclients").user_token = "another since the password was changed"
    outcome = await failure(salon)
    assert isinstance(outcome, Blocked)
    assert "svyazka secret set" in outcome.remedy


async def test_a_salon_without_rights_or_licence_blocks_until_somebody_sees_to_it(salon: Running) -> None:
    assert getattr(await failure(salon, company_id=5), "code", None) == "403"
    salon.of("yclients").licence_paid = False
    assert getattr(await failure(salon), "code", None) == "402"
    salon.of("yclients").licence_paid = True
    assert (await records(salon)).total == 0


@pytest.mark.parametrize(("limit", "value"), [("a_second", 3), ("a_minute", 3)])
async def test_over_the_limit_for_an_address_we_wait_a_minute(salon: Running, limit: str, value: int) -> None:
    setattr(salon.of("yclients"), limit, value)
    salon.of("yclients")._asked.clear()
    for _ in range(3):
        await records(salon)
    outcome = await failure(salon)
    assert isinstance(outcome, Retry)
    assert (outcome.code, outcome.after) == ("429", 60.0)


async def test_a_validation_names_its_fields_and_nobodys_data() -> None:
    errors = {"client.phone": ["Клиент +79991234567 уже есть"]}
    outcome = meaning(422, {"message": "Клиент +79991234567 уже есть", "errors": errors})
    assert isinstance(outcome, Refused)
    assert outcome.message == "YCLIENTS doesn't take the data: client.phone"


async def test_a_phone_that_somebody_has_there_is_named_as_the_cause() -> None:
    said = "Клиент с указанным телефоном уже существует в базе"
    outcome = meaning(422, {"message": said, "errors": {"phone": [said]}})
    assert isinstance(outcome, Refused)
    assert (outcome.code, "makes no second one" in outcome.message) == ("phone_taken", True)


# What our calls carry


async def test_every_call_bears_both_tokens_the_version_and_its_turn(salon: Running) -> None:
    turns = []

    async def turn(patience: float) -> None:
        turns.append(1)

    async with calling(settings_for(salon), salon.base_url("yclients"), turn=turn) as call:
        await client.records(call, NOW, 1)
        await client.companies(call)
        (exchange, _) = call.http.log
    assert len(turns) == 2
    assert exchange.status == 200, "the stand-in takes nothing else than both tokens in one header"
    assert "changed_after=2026-03-14T16%3A00%3A00%2B00%3A00" in exchange.url, "a plus would be read as a space"


@pytest.mark.parametrize("missing", ["company_id", "partner_token", "user_token"])
async def test_what_is_missing_is_named(salon: Running, missing: str) -> None:
    outcome = await failure(salon, **{missing: None})
    assert isinstance(outcome, Blocked)
    assert missing in outcome.message


async def test_a_record_is_asked_for_by_its_id_and_another_is_not_taken_for_it(salon: Running) -> None:
    salon.of("yclients").salon.put_record(7, NOW, {})
    async with calling(settings_for(salon), salon.base_url("yclients")) as call:
        found = await client.record(call, "7")
        assert found is not None
        assert found["id"] == 7
        assert await client.record(call, "8") is None
        with pytest.raises(VendorFailure):
            await client.record(call, "../../companies?my=1")
        assert "record/997441/..%2F..%2Fcompanies%3Fmy%3D1" in call.http.log[-1].url, "an id stays an id"
        salon.fault("yclients", kind="answer", path="/api/v1/record/*", status=200, body={"success": True, "data": []})
        assert await client.record(call, "7") is None


# The other samples


def test_a_record_made_through_the_api_comes_back_with_our_handle_and_a_card_with_its_phone_as_a_number() -> None:
    (record,) = sample("record-post-201")["data"]
    booked = record_fact(Change.of_object("record", record), final_attendance(None))
    assert (booked.type, booked.data["api_id"]) == (EventType.APPOINTMENT_BOOKED, "hub-7f3a")
    card = client_fact(Change.of_object("client", sample("client-post-201")["data"]))
    assert card.contact is not None
    assert (card.contact.phone, card.contact.name) == ("79991234567", "Мария Иванова")
    assert str(card.occurred_at) == "2026-05-01 08:00:00+00:00"


NO_CALL_OF_OURS = {
    "auth-200-2fa", "auth-201", "book-dates-200", "book-record-201", "book-record-request", "book-services-200",
    "book-times-200", "book-times-unix-200", "clients-bulk-200", "clients-search-200", "record-post-request",
}  # fmt: skip
"""A person's sign-in, the booking form, imports: nothing here makes these calls."""

READ_BY_TESTS = {
    "401", "402-licence", "403", "429", "book-record-422-433", "client-post-201", "hooks-settings-get",
    "hooks-settings-post-request", "record-404", "record-post-201", "records-list-200",
}  # fmt: skip


def test_no_sample_of_an_answer_is_left_out() -> None:
    assert {path.stem.removeprefix("api-") for path in SAMPLES.glob("api-*")} == NO_CALL_OF_OURS | READ_BY_TESTS


def test_settings_take_a_salon_as_a_number_or_as_text() -> None:
    for given in (997441, "997441"):
        assert YclientsSettings(company_id=given).company_id == 997441  # type: ignore[arg-type]
