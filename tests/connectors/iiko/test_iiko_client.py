"""What iiko's answers mean, and whose token a call carries: over real HTTP on loopback."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.support import Scripted, calling, scripted
from svyazka.connectors.iiko import client, reads
from svyazka.connectors.iiko.failures import failure as meaning
from svyazka.connectors.iiko.settings import IikoSettings
from svyazka.connectors.iiko.tables import place_of
from svyazka.engine.contracts.calls import TokenCache
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.outcomes import Blocked, Retry, Succeeded, Unclear

SAMPLES = Path(__file__).parents[2] / "samples" / "iiko"
V1, V2, ASKED = "/api/1/access_token", "/api/v2/access_token", "/api/1/organizations"
LOGIN = IikoSettings(api_login="api-login-for-tests")


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"api-{name}.json").read_bytes())


def jwt(seconds: float) -> str:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": time.time() + seconds}).encode()).decode().rstrip("=")
    return f"e30.{claims}.x"


@pytest.fixture
def iiko() -> Iterator[Scripted]:
    with scripted() as vendor:
        yield vendor


async def failure(vendor: Scripted) -> VendorFailure:
    async with calling(LOGIN, vendor.url) as call:
        with pytest.raises(VendorFailure) as caught:
            await reads.organizations(call)
    return caught.value


class Shared(TokenCache):
    """A store of tokens that several processes share."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[str, datetime]] = {}

    async def get(self, name: str) -> tuple[str, datetime] | None:
        return self.kept.get(name)

    async def put(self, name: str, value: str, until: datetime) -> None:
        self.kept[name] = (value, until)


# Where a table is

GROUPS = {"terminalGroups": [{"organizationId": "o", "items": [{"id": "bar"}, {"id": "terrace"}]}]}
BAR = {"terminalGroupId": "bar", "tables": [{"id": "B5", "number": 5, "name": "5"}, {"id": "B6", "number": 6}]}
TERRACE = {"terminalGroupId": "terrace", "tables": [{"id": "T5", "number": 5, "name": "5"}]}
FIVE = "ac87b2b2-0158-5e7e-8eb5-000000000005"


@pytest.mark.parametrize(
    ("halls", "table", "where"),
    [
        ([BAR, TERRACE], "6", ("bar", "B6")),
        ([BAR, TERRACE], "5", None),  # of which hall?
        ([BAR, {**TERRACE, "tables": [{"id": FIVE.upper(), "number": 5}]}], "веранда 5", ("terrace", FIVE.upper())),
        ([TERRACE], "веранда 5", ("terrace", FIVE)),
        ([], "веранда 5", ("bar", FIVE)),  # none may be reserved, so none is listed
    ],
)
async def test_a_table_is_found_by_its_number_or_by_the_id_that_somebody_named(
    halls: list[object], table: str, where: tuple[str, str] | None, iiko: Scripted
) -> None:
    iiko.on(V1, 200, {"token": "t1-for-tests"}).on("/api/1/terminal_groups", 200, GROUPS)
    iiko.on("/api/1/reserve/available_restaurant_sections", 200, {"restaurantSections": halls})
    named = IikoSettings(api_login="api-login-for-tests", organization_id=FIVE, tables={"веранда 5": FIVE})
    async with calling(named, iiko.url) as call:
        if where is None:
            with pytest.raises(VendorFailure) as caught:
                await place_of(call, table)
            assert caught.value.code == "no_table"
        else:
            found = await place_of(call, table)
            assert (found.terminal_group, found.table) == where


# The failure map, row by row


async def test_over_quota_nobody_asks_before_iikos_time_is_up(iiko: Scripted) -> None:
    iiko.on(V1, 200, {"token": "t1-for-tests"}).on(ASKED, 429, b"", retry_after="600")
    memo: dict[str, Any] = {}
    for _ in range(3):
        async with calling(LOGIN, iiko.url, memo=memo) as call:
            with pytest.raises(VendorFailure) as caught:
                await reads.organizations(call)
        assert isinstance(caught.value.outcome, Retry)
        assert 590 < (caught.value.outcome.after or 0) <= 600
    assert len(iiko.asked(ASKED)) == 1


async def test_a_quota_is_a_quota_whatever_code_comes_with_it(iiko: Scripted) -> None:
    iiko.on(V1, 200, {"token": "t1-for-tests"}).on(ASKED, 429, {"error": "Common", "errorDescription": "slow down"})
    outcome = (await failure(iiko)).outcome
    assert isinstance(outcome, Retry)
    assert (outcome.after, outcome.code) == (60, "429")


async def test_a_wait_that_no_quota_can_mean_is_cut_to_an_hour(iiko: Scripted) -> None:
    iiko.on(V1, 200, {"token": "t1-for-tests"}).on(ASKED, 429, b"", retry_after="9999999")
    memo: dict[str, Any] = {}
    for _ in range(2):
        async with calling(LOGIN, iiko.url, memo=memo) as call:
            with pytest.raises(VendorFailure) as caught:
                await reads.organizations(call)
    assert isinstance(caught.value.outcome, Retry)
    assert 3590 < (caught.value.outcome.after or 0) <= 3600


async def test_the_organizations_of_other_credentials_are_asked_for_anew(iiko: Scripted) -> None:
    iiko.on(V1, 200, {"token": "t1-for-tests"}).on(ASKED, 200, {"organizations": [{"id": "o1"}]})
    iiko.on(ASKED, 200, {"organizations": [{"id": "o2"}]})
    memo: dict[str, Any] = {}
    seen = []
    for settings in (LOGIN, LOGIN, IikoSettings(api_login="another-login")):
        async with calling(settings, iiko.url, memo=memo) as call:
            seen += await reads.organization_ids(call)
    assert seen == ["o1", "o1", "o2"]


def test_a_command_to_which_the_till_did_not_answer_is_unclear() -> None:
    assert isinstance(meaning(408, None, None), Unclear)


def test_an_order_that_exists_already_is_a_success() -> None:
    outcome = meaning(400, "DuplicatedOrderId", None)
    assert isinstance(outcome, Succeeded)
    assert outcome.already


# Tokens


async def test_the_current_way_of_signing_in_is_used_where_its_three_are_there(iiko: Scripted) -> None:
    wanted = sample("access-token-v2-request")
    settings = IikoSettings(
        api_key=wanted["apiKey"], app_id=wanted["appId"], client_secret=wanted["clientSecret"], api_login="also there"
    )
    iiko.on(V2, 200, sample("access-token-v2-response")).on(ASKED, 200, sample("organizations-response"))
    async with calling(settings, iiko.url) as call:
        assert await reads.organizations(call) == {"7bc05553-4b68-44e8-b7bc-37be63c6d9e9": "Пиццерия на Тверской"}
    assert iiko.asked(V2) == [wanted]
    assert iiko.asked(V1) == []


async def test_an_api_login_signs_in_the_old_way_and_the_call_names_its_time_limit(iiko: Scripted) -> None:
    iiko.on(V1, 200, sample("access-token-v1-response")).on(ASKED, 200, sample("organizations-response"))
    async with calling(LOGIN, iiko.url) as call:
        await reads.organizations(call)
    assert iiko.asked(V1) == [sample("access-token-v1-request")]
    headers = iiko.seen[-1][2]
    assert headers["authorization"] == "Bearer opaque-session-token-for-tests"
    assert headers["timeout"] == str(client.TILL_TIMEOUT)


def test_a_token_lives_as_long_as_it_says_or_a_quarter_of_an_hour() -> None:
    now = datetime.now(UTC)
    assert now + timedelta(minutes=59) < client.token_end(jwt(3600), now) < now + timedelta(minutes=61)
    for token in ("opaque", "a.b.c", "a.e30.c", "", jwt(-5), "a.eyJleHAiOiAxZTk5OX0.c"):
        assert client.token_end(token, now) == now + client.TOKEN_LIFE


async def test_a_refused_token_is_renewed_once_and_the_call_repeated_once(iiko: Scripted) -> None:
    expired = sample("error-401-token-expired")
    iiko.on(V1, 200, {"token": "first-token"}).on(V1, 200, {"token": "second-token"})
    iiko.on(ASKED, 401, expired).on(ASKED, 200, sample("organizations-response"))
    shared = Shared()
    async with calling(LOGIN, iiko.url, tokens=shared) as call:
        assert await reads.organizations(call)
    assert [headers.get("authorization") for path, _, headers in iiko.seen if path == ASKED] == [
        "Bearer first-token",
        "Bearer second-token",
    ]


@pytest.mark.parametrize("status", [400, 401, 403])
async def test_wrong_credentials_block_the_connection(iiko: Scripted, status: int) -> None:
    iiko.on(V1, status, {"errorDescription": "Login api-login-for-tests is not authorized."})
    failed = await failure(iiko)
    assert isinstance(failed.outcome, Blocked)
    assert "api-login-for-tests" not in str(failed)


async def test_a_failing_sign_in_is_tried_again(iiko: Scripted) -> None:
    iiko.on(V1, 503, b"")
    assert isinstance((await failure(iiko)).outcome, Retry)


async def test_missing_credentials_block_with_their_names() -> None:
    async with calling(IikoSettings(api_key="only-one-of-three"), "http://127.0.0.1:1") as call:
        with pytest.raises(VendorFailure, match="app_id и client_secret") as caught:
            await reads.organizations(call)
    assert isinstance(caught.value.outcome, Blocked)


async def test_no_credential_and_no_token_stays_in_the_story(iiko: Scripted) -> None:
    token = jwt(3600)
    iiko.on(V1, 200, {"token": token}).on(ASKED, 400, {"errorDescription": f"bad token {token}"})
    async with calling(LOGIN, iiko.url) as call:
        with pytest.raises(VendorFailure) as caught:
            await reads.organizations(call)
        story = str(call.http.log) + str(caught.value) + repr(caught.value.outcome)
    assert token not in story
    assert "api-login-for-tests" not in story
