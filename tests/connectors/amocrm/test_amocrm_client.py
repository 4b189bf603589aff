"""What amoCRM's answers mean, and whose token a call carries: over real HTTP on loopback."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.conftest import TOKEN
from connectors.support import by_deed, calling
from simulators.serve import Running
from svyazka.connectors.amocrm import access, client
from svyazka.connectors.amocrm.access import ERRORS
from svyazka.connectors.amocrm.failures import FAILURES
from svyazka.connectors.amocrm.settings import AmocrmSettings
from svyazka.engine.calling.oauth.endpoint import Failure, ask, code_fields, refresh_fields
from svyazka.engine.contracts.calls import Access, Authorisation
from svyazka.engine.contracts.oauth import AuthorisationCode, Rejected, Withdrawal
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.errors import NotShown
from svyazka.model.grants import Pair
from svyazka.model.outcomes import Blocked, Refused, Retry, Unclear

SAMPLES = Path(__file__).parents[2] / "samples" / "amocrm"
ACCOUNT = "/api/v4/account"
CLIENT = {
    "client_id": "01d01160-0000-4000-8000-6a1bb83fcd1d",
    "client_secret": "test-secret-not-real",
    "redirect_uri": "https://hub.example.test/oauth/amocrm",
}


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"api-{name}.json").read_bytes())


def settings(amo: Running, **own: Any) -> AmocrmSettings:
    return AmocrmSettings(**{"base_url": amo.base_url("amocrm"), "token": TOKEN, **own})


async def failure(amo: Running, status: int, body: Any = None, **headers: str) -> VendorFailure:
    amo.fault("amocrm", kind="answer", path=ACCOUNT, status=status, body=body, headers=headers)
    async with calling(settings(amo), amo.base_url("amocrm")) as call:
        with pytest.raises(VendorFailure) as caught:
            await client.account(call)
    return caught.value


# The failure map, row by row


def test_the_rows_are_those_of_amocrms_pages() -> None:
    assert by_deed(FAILURES.statuses.items()) == {
        "block": {301, 302, 401, 402, 403}, "refuse": {400, 404, 422}, "retry": {429}, "unclear": {500, 502, 503, 504},
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "status", "kind"),
    [
        ("400-empty", 400, Refused), ("400-validation", 400, Refused), ("401", 401, Blocked), ("402", 402, Blocked),
        ("404", 404, Refused), ("422", 422, Refused), ("429", 429, Retry), ("500", 500, Unclear),
    ],
)  # fmt: skip
async def test_each_error_sample_is_understood(amo: Running, name: str, status: int, kind: type) -> None:
    assert isinstance((await failure(amo, status, sample(name))).outcome, kind)


async def test_a_refused_body_is_told_with_the_place_of_each_mistake(amo: Running) -> None:
    told = str(await failure(amo, 400, sample("400-validation")))
    assert "custom_fields_values.0.field_id: The value you selected is not a valid choice." in told
    assert "_embedded.contacts.0.responsible_user_id" in told


@pytest.mark.parametrize(
    ("status", "body", "headers", "waited"),
    [
        (429, sample("429"), {}, 300),
        (429, "Too many requests", {}, 60),
        (429, {"retry_after": 5}, {}, 60),
        (429, "slow down", {"Retry-After": "120"}, 120),
        (403, (SAMPLES / "api-403-blocked.http").read_text().partition("\n\n")[2], {}, 3600),
        (403, "Error happen", {}, 3600),
    ],
    ids=["429 of the sample", "429 as text", "too short a wait", "the header", "the wall", "the wall as text"],
)
async def test_too_fast_means_that_nothing_more_goes_out_for_a_while(
    amo: Running, status: int, body: Any, headers: dict[str, str], waited: float
) -> None:
    amo.fault("amocrm", kind="answer", path=ACCOUNT, status=status, body=body, headers=headers)
    memo: dict[str, Any] = {}
    for _ in range(3):
        async with calling(settings(amo), amo.base_url("amocrm"), memo=memo) as call:
            with pytest.raises(VendorFailure) as caught:
                await client.account(call)
        outcome = caught.value.outcome
        assert isinstance(outcome, Retry)
        assert outcome.after == pytest.approx(waited, abs=5)
    assert len(amo.of("amocrm").calls) == 1
    memo["amocrm.quiet_until"] = datetime.now(UTC) - timedelta(seconds=1)
    async with calling(settings(amo), amo.base_url("amocrm"), memo=memo) as call:
        assert await client.account(call)


async def test_a_deal_that_this_user_may_not_see_says_nothing_of_the_connection(amo: Running) -> None:
    refusal = {"title": "Forbidden", "status": 403, "detail": "no rights"}
    amo.fault("amocrm", kind="answer", path="/api/v4/leads/1", status=403, body=refusal)
    async with calling(settings(amo), amo.base_url("amocrm")) as call:
        with pytest.raises(NotShown):
            await client.lead(call, "1")


@pytest.mark.parametrize("answer", [{"status": 204}, {"status": 404, "body": sample("404")}])
async def test_a_thing_that_is_not_there_is_none(amo: Running, answer: dict[str, Any]) -> None:
    amo.fault("amocrm", kind="answer", path="/api/v4/leads/1", **answer)
    async with calling(settings(amo), amo.base_url("amocrm")) as call:
        assert await client.lead(call, "1") is None


# Access


class Given(Authorisation):
    """Tokens in a row; what was asked and told."""

    def __init__(self, *tokens: str) -> None:
        self.tokens = list(tokens)
        self.told: list[tuple[str, str]] = []

    async def access(self) -> Access:
        return Access(self.tokens[0])

    async def renewed(self, refused: str) -> Access:
        self.told.append(("refused", refused))
        self.tokens.pop(0)
        return Access(self.tokens[0])

    async def worked(self, token: str) -> None:
        self.told.append(("worked", token))


async def test_a_refused_token_is_renewed_once_and_the_call_repeated_once(amo: Running) -> None:
    auth = Given("expired", TOKEN)
    async with calling(settings(amo, token=None), amo.base_url("amocrm"), auth=auth) as call:
        assert await client.account(call)
    assert auth.told == [("refused", "expired"), ("worked", TOKEN)]


async def test_a_second_401_blocks_the_connection_and_is_not_taken_for_success(amo: Running) -> None:
    auth = Given("expired", "not good either")
    async with calling(settings(amo, token=None), amo.base_url("amocrm"), auth=auth) as call:
        with pytest.raises(VendorFailure, match="401 Unauthorized") as caught:
            await client.account(call)
    assert isinstance(caught.value.outcome, Blocked)
    assert "svyazka auth" in caught.value.outcome.remedy
    assert auth.told == [("refused", "expired")]


async def test_a_dead_long_lived_token_blocks_with_where_to_get_another(amo: Running) -> None:
    async with calling(settings(amo, token="revoked-by-a-button"), amo.base_url("amocrm")) as call:
        with pytest.raises(VendorFailure, match="401 Unauthorized") as caught:
            await client.account(call)
    assert isinstance(caught.value.outcome, Blocked)
    assert "svyazka secret set" in caught.value.outcome.remedy
    assert len(amo.of("amocrm").calls) == 1


@pytest.mark.parametrize(
    ("own", "words"), [({"token": None}, "не заданы token"), ({"base_url": None}, "не указан адрес")]
)
async def test_what_is_missing_is_named(amo: Running, own: dict[str, Any], words: str) -> None:
    async with calling(settings(amo, **own), amo.base_url("amocrm")) as call:
        with pytest.raises(VendorFailure, match=words) as caught:
            await client.account(call)
    assert isinstance(caught.value.outcome, Blocked)


async def test_a_redirect_is_not_followed_with_the_token(amo: Running) -> None:
    elsewhere = f"{amo.base_url('amocrm')}/api/v4/leads"
    failed = await failure(amo, 301, "", Location=elsewhere)
    assert isinstance(failed.outcome, Blocked)
    assert [call["path"] for call in amo.of("amocrm").calls] == [ACCOUNT]


# OAuth as data: every sample, every row


def test_the_requests_are_those_of_the_samples() -> None:
    app = access.app_of(AmocrmSettings(subdomain="kofeinya-test", **CLIENT))
    assert app is not None
    assert (app.base_url, app.token_path) == ("https://kofeinya-test.amocrm.ru", "/oauth2/access_token")
    assert code_fields(app, "def502000000test") == sample("oauth-token-request-code")
    assert refresh_fields(app, "def50200refreshtest") == sample("oauth-token-request-refresh")


async def token_answer(amo: Running, status: int, body: Any) -> Pair | Failure:
    app = access.app_of(settings(amo, token=None, **CLIENT))
    assert app is not None
    amo.fault("amocrm", kind="answer", path="/oauth2/access_token", status=status, body=body)
    async with calling(settings(amo), amo.base_url("amocrm")) as call:
        return await ask(call.http, app, app.base_url, code_fields(app, "c"), datetime(2026, 3, 14, tzinfo=UTC))


@pytest.mark.parametrize(
    ("life", "renewed_after"),
    [(86400, timedelta(hours=23, minutes=55)), (60, timedelta(seconds=30)), (None, timedelta(hours=23, minutes=55)),
     (-1, timedelta(hours=23, minutes=55)), (1e99, timedelta(hours=23, minutes=55))],
)  # fmt: skip
async def test_a_token_is_renewed_before_its_end(amo: Running, life: Any, renewed_after: timedelta) -> None:
    pair = await token_answer(amo, 200, {**sample("oauth-token-200"), "expires_in": life})
    assert isinstance(pair, Pair)
    assert pair.renew_at == datetime(2026, 3, 14, tzinfo=UTC) + renewed_after


async def test_a_pair_is_read_from_the_sample(amo: Running) -> None:
    pair = await token_answer(amo, 200, sample("oauth-token-200"))
    assert isinstance(pair, Pair)
    assert (pair.access[-9:], pair.refresh) == ("test.test", "def50200refreshtest2")


@pytest.mark.parametrize(
    ("name", "code", "do"),
    [
        ("400-code-expired", "code_expired", "reauthorise"),
        ("400-code-used", "code_used", "reauthorise"),
        ("400-cannot-decrypt-code", "code_unreadable", "reauthorise"),
        ("400-redirect-uri", "redirect_uri", "block"),
        ("400-invalid-account", "invalid_account", "block"),
        ("401-token-revoked", "refresh_token_dead", "reauthorise"),
        ("401-incorrect-client", "incorrect_client", "block"),
    ],
)
async def test_each_oauth_error_sample_is_named_with_its_remedy(amo: Running, name: str, code: str, do: str) -> None:
    answer = await token_answer(amo, int(name[:3]), sample(f"oauth-{name}"))
    assert isinstance(answer, Failure)
    assert (answer.trouble.code, answer.do) == (code, do)
    assert answer.trouble.remedy


@pytest.mark.parametrize("status", [301, 302, 404])
async def test_an_account_that_was_renamed_is_told_by_its_old_address(amo: Running, status: int) -> None:
    answer = await token_answer(amo, status, {"title": "Not found"} if status == 404 else "<html>")
    assert isinstance(answer, Failure)
    assert (answer.do, "subdomain" in answer.trouble.remedy) == ("block", True), "the tokens may be good"


def test_a_dead_refresh_token_may_be_a_renamed_accounts() -> None:
    (row,) = (row for row in ERRORS if row.code == "refresh_token_dead")
    assert "переименовали" in row.what
    assert "subdomain" in row.remedy


def test_the_four_errors_of_the_brief_are_explained_by_name() -> None:
    named = {row.code: (row.what, row.remedy) for row in ERRORS}
    assert "Incorrect client" in named["incorrect_client"][0]
    assert "svyazka auth" in named["incorrect_client"][1]
    assert "Cannot decrypt the authorization code" in named["code_unreadable"][0]
    assert "redirect_uri" in named["code_unreadable"][1]
    assert "токен обновления больше не действует" in named["refresh_token_dead"][0]
    assert "401 Unauthorized" in FAILURES.statuses[401].what


# The redirect


@pytest.mark.parametrize(
    ("own", "params", "expected"),
    [
        ({}, {}, AuthorisationCode("c", "https://kofe.amocrm.ru")),
        ({"subdomain": "kofe"}, {}, AuthorisationCode("c", "https://kofe.amocrm.ru")),
        (
            {"subdomain": "kofe.kommo.com"},
            {"referer": "kofe.kommo.com"},
            AuthorisationCode("c", "https://kofe.kommo.com"),
        ),
        ({"subdomain": "chay"}, {}, Rejected),
        ({}, {"client_id": "another"}, Rejected),
        ({}, {"client_id": None}, AuthorisationCode("c", "https://kofe.amocrm.ru")),
        ({}, {"referer": "evil.example"}, Rejected),
        ({}, {"referer": "evil.example#.amocrm.ru"}, Rejected),
        ({}, {"referer": "evil.example/.amocrm.ru"}, Rejected),
        ({}, {"referer": "a@evil.amocrm.ru"}, Rejected),
        ({}, {"referer": "evil.example:80.amocrm.ru"}, Rejected),
        ({}, {"referer": "x.y.amocrm.ru"}, Rejected),
        ({}, {"referer": ".amocrm.ru"}, Rejected),
        ({}, {"referer": "amocrm.ru"}, Rejected),
        ({}, {"referer": None}, Rejected),
    ],
)
def test_only_an_account_of_amocrms_is_ever_shown_the_client_secret(
    own: dict[str, Any], params: dict[str, Any], expected: Any
) -> None:
    given = {"code": "c", "referer": "kofe.amocrm.ru", "client_id": CLIENT["client_id"], **params}
    brought = access.redirected(
        {name: value for name, value in given.items() if value is not None}, AmocrmSettings(**CLIENT, **own)
    )
    assert isinstance(brought, expected) if isinstance(expected, type) else brought == expected


def test_the_vendors_own_notice_of_disabling_is_proved() -> None:
    line = (SAMPLES / "wh-integration-disabled.http").read_text().split()[1]
    params = dict(pair.split("=") for pair in line.partition("?")[2].split("&"))
    assert isinstance(access.redirected(params, AmocrmSettings(**CLIENT)), Withdrawal)
    for spoilt in ({"signature": "0" * 64}, {"account_id": "1"}, {"client_uuid": "x"}, {"signature": "é"}):
        assert isinstance(access.redirected({**params, **spoilt}, AmocrmSettings(**CLIENT)), Rejected)
    another = AmocrmSettings(**CLIENT, account_id=1)
    assert isinstance(access.redirected(params, another), Rejected)
    assert isinstance(access.redirected(params, AmocrmSettings(token="t")), Rejected)


# Settings


@pytest.mark.parametrize(
    ("given", "host"),
    [
        ("kofe", "kofe.amocrm.ru"), ("new599bd9d13818a", "new599bd9d13818a.amocrm.ru"),
        ("Kofe.amocrm.ru", "kofe.amocrm.ru"),
        ("https://kofe.kommo.com/", "kofe.kommo.com"),
    ],
)  # fmt: skip
def test_a_subdomain_is_taken_in_every_way_people_write_it(given: str, host: str) -> None:
    assert AmocrmSettings(subdomain=given).host() == host


@pytest.mark.parametrize(
    "wrong",
    [
        {"subdomain": "evil.example"}, {"subdomain": "a.b.amocrm.ru"}, {"account_id": "x"}, {"won_statuses": []},
        {"won_statuses": ["won"]}, {"redirect_uri": "hub.example"}, {"pipeline": True}, {"unknown": 1},
    ],
)  # fmt: skip
def test_a_setting_that_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        AmocrmSettings(**wrong)


def test_the_briefs_values_are_taken_as_they_stand() -> None:
    own = AmocrmSettings(
        subdomain="new599bd9d13818a", pipeline=10226282, status=80953554, responsible=12380450,
        fields={"serial_number": 712629, "model": "712631", "telegram": 712633}, won_statuses=[142, "10226282:142"],
    )  # fmt: skip
    assert (own.pipeline, own.fields["model"], own.won_statuses) == ("10226282", "712631", ("142", "10226282:142"))


@pytest.mark.parametrize(
    ("own", "oauth"),
    [
        ({"token": "t"}, False), ({**CLIENT}, True), ({**CLIENT, "token": "t"}, False),
        ({"client_id": "c"}, False), ({}, False),
    ],
)  # fmt: skip
def test_a_long_lived_token_goes_before_an_integration(own: dict[str, Any], oauth: bool) -> None:
    assert (access.app_of(AmocrmSettings(**own)) is not None) is oauth


def test_a_long_lived_token_says_when_it_ends() -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": 1928000000}).encode()).decode().rstrip("=")
    assert access.token_end(f"e30.{claims}.x") == datetime.fromtimestamp(1928000000, UTC)
    for opaque in ("", "opaque", "a.b.c", "a.e30.c", "a.eyJleHAiOiAxZTk5OX0.c"):
        assert access.token_end(opaque) is None
