"""What Bitrix24's answers mean, where a portal lives, and whose access a call carries: over real HTTP on loopback."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from connectors.support import NOW, calling, scripted
from simulators.bitrix24 import Bitrix24
from simulators.bitrix24.access import CLIENT_ID, CLIENT_SECRET, HOOK_CODE, HOOK_USER, MEMBER
from simulators.bitrix24.cards import CONTACT
from simulators.bitrix24.limits import Bucket
from simulators.serve import Running
from svyazka.connectors.bitrix24 import client
from svyazka.connectors.bitrix24.access import app_of, redirected
from svyazka.connectors.bitrix24.failures import FAILURES
from svyazka.connectors.bitrix24.manifest import MANIFEST
from svyazka.connectors.bitrix24.settings import Bitrix24Settings
from svyazka.engine.calling.oauth.endpoint import Failure, ask, code_fields, refresh_fields
from svyazka.engine.contracts.calls import Access, Authorisation
from svyazka.engine.contracts.oauth import AuthorisationCode, Rejected
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.engine.outbound.pacing import Limiter
from svyazka.model.grants import Pair
from svyazka.model.outcomes import Blocked, Outcome, Refused, Retry, Unclear

SAMPLES = Path(__file__).parents[2] / "samples" / "bitrix24"
HOOK = f"https://b24-demo0000.bitrix24.ru/rest/{HOOK_USER}/{HOOK_CODE}/"
APP = {"client_id": CLIENT_ID, "client_secret": CLIENT_SECRET, "domain": "b24-demo0000.bitrix24.ru"}
OUTCOMES = {"retry": Retry, "refuse": Refused, "block": Blocked, "unclear": Unclear}
PERSON = json.loads((SAMPLES / "api-item-add-contact-request.json").read_bytes())["fields"]


def sample(name: str) -> Any:
    return json.loads((SAMPLES / f"api-{name}.json").read_bytes())


def settings(portal: Running, **own: Any) -> Bitrix24Settings:
    return Bitrix24Settings(**{"base_url": portal.base_url("bitrix24"), "webhook_url": HOOK, **own})


async def outcome(portal: Running, status: int, body: Any, method: str = "profile", **around: Any) -> Outcome:
    portal.fault("bitrix24", kind="answer", path=f"*/{method}", status=status, body=body)
    async with calling(settings(portal), "", **around) as call:
        with pytest.raises(VendorFailure) as caught:
            await client.ask(call, method)
    return caught.value.outcome


# Failures


@pytest.mark.parametrize("code", FAILURES.codes)
@pytest.mark.parametrize("spelt", [str.upper, str.lower])
async def test_each_code_of_the_map_is_what_its_row_says_however_it_is_spelt_and_whatever_the_status(
    portal: Running, code: str, spelt: Any
) -> None:
    rule = FAILURES.codes[code]
    for status in (400, 200):
        found = await outcome(portal, status, {"error": spelt(code), "error_description": "так&nbsp;<br>он говорит"})
        assert type(found) is OUTCOMES[rule.do]
        assert found.message == f"{rule.what}: так он говорит"


@pytest.mark.parametrize(
    ("name", "status", "kind", "code"),
    [
        ("400-field-invalid", 400, Refused, "CRM_FIELD_ERROR_VALUE_NOT_VALID"),
        ("400-legacy-empty-code", 400, Refused, "http_400"), ("400-not-found", 400, Refused, "NOT_FOUND"),
        ("400-numeric-code", 400, Refused, "0"), ("401-expired-token", 401, Blocked, "EXPIRED_TOKEN"),
        ("401-no-auth-found", 401, Blocked, "NO_AUTH_FOUND"), ("403-commercial-plan", 403, Blocked, "no_plan"),
        ("403-insufficient-scope", 403, Blocked, "INSUFFICIENT_SCOPE"),
        ("429-operation-time-limit", 429, Retry, "OPERATION_TIME_LIMIT"),
        ("500-internal", 500, Unclear, "INTERNAL_SERVER_ERROR"), ("503-overload", 503, Blocked, "OVERLOAD_LIMIT"),
        ("503-query-limit", 503, Retry, "QUERY_LIMIT_EXCEEDED"), ("task-add-400", 400, Refused, "ERROR_CORE"),
    ],
)  # fmt: skip
async def test_each_error_sample_is_understood(portal: Running, name: str, status: int, kind: type, code: str) -> None:
    found = await outcome(portal, status, sample(name))
    assert (type(found), found.code) == (kind, code)


@pytest.mark.parametrize(
    ("status", "body", "method", "kind"),
    [
        (400, {"error": {"code": "NOT_FOUND", "message": "v3"}}, "profile", Refused),
        (400, {"error": "", "error_description": "Not found"}, "profile", Refused),
        (400, {"error": "ACCESS_DENIED"}, "crm.item.update", Refused),
        (400, {"error": "ACCESS_DENIED"}, "crm.item.add", Blocked),
        (401, "<html>войдите</html>", "profile", Retry), (403, "<html>Firewall</html>", "profile", Retry),
        (503, "<html>Maintenance</html>", "profile", Unclear), (200, "<html>", "profile", Unclear),
        (200, {"time": {}}, "profile", Unclear), (418, {"error": "NEW_ONE"}, "profile", Refused),
        (502, {"error": "NEW_ONE"}, "profile", Unclear), (302, "", "profile", Retry),
    ],
    ids=str,
)  # fmt: skip
async def test_what_comes_in_another_shape_blames_nobody_wrongly(
    portal: Running, status: int, body: Any, method: str, kind: type
) -> None:
    assert type(await outcome(portal, status, body, method)) is kind


@pytest.mark.parametrize("result", [False, 0, [], True, None, ""])
async def test_any_result_is_an_answer(portal: Running, result: object) -> None:
    portal.fault("bitrix24", kind="answer", path="*", status=200, body={"result": result})
    async with calling(settings(portal), "") as call:
        assert await client.ask(call, "x") == result


async def test_a_batch_that_succeeds_says_nothing_of_its_commands(portal: Running) -> None:
    portal.fault("bitrix24", kind="answer", path="*/batch", status=200, body=sample("batch-200-with-errors"))
    async with calling(settings(portal), "") as call:
        found = await client.batch(call, {"get_user": ("user.current", {}), "get_department": ("department.get", {})})
        for key in ("get_user", "get_department"):
            with pytest.raises(VendorFailure) as caught:
                found.one(key)
            assert isinstance(caught.value.outcome, Blocked)


async def test_a_command_of_a_batch_keeps_a_phones_plus_and_takes_what_the_one_before_it_gave(portal: Running) -> None:
    card = portal.of("bitrix24").portal.add(CONTACT, PERSON)
    wanted = json.loads((SAMPLES / "api-batch-request.json").read_bytes())["cmd"]
    find = {"type": "PHONE", "values": ["+79991234567"], "entity_type": "CONTACT"}
    async with calling(settings(portal), "") as call:
        found = await client.batch(call, {
            "find": ("crm.duplicate.findbycomm", find),
            "contact": ("crm.item.get", {"entityTypeId": 3, "id": "$result[find][CONTACT][0]"}),
        })  # fmt: skip
        assert json.loads(call.http.log[-1].request_body or "")["cmd"] == wanted
    assert found.one("contact")["item"]["id"] == card["id"]  # type: ignore[index]


async def test_a_method_that_has_worked_too_long_is_left_alone_until_its_time_and_no_other_is(portal: Running) -> None:
    sim: Bitrix24 = portal.of("bitrix24")
    sim.operating.costs["crm.item.list"] = 300.0
    memo: dict[str, Any] = {}
    async with calling(settings(portal), "", memo=memo) as call:
        for _ in range(2):
            await client.ask(call, "crm.item.list", {"entityTypeId": 2})
        for _ in range(3):
            with pytest.raises(VendorFailure) as caught:
                await client.ask(call, "crm.item.list", {"entityTypeId": 2})
            assert isinstance(caught.value.outcome, Retry)
            assert 595 < (caught.value.outcome.after or 0) <= 600
            assert not caught.value.outcome.outage
        await client.ask(call, "profile")
    assert len(sim.calls) == 4, "the first refusal is the only one that was asked for"


async def test_a_thousand_calls_never_overfill_the_bucket() -> None:
    clock = [0.0]

    async def rest(seconds: float) -> None:
        clock[0] += seconds

    bucket, limiter = Bucket(), Limiter(lambda: clock[0], rest)
    for _ in range(1000):
        await limiter.turn("portal", MANIFEST.limits, patience=1e9)
        assert bucket.takes(clock[0])
    assert bucket.highest < 40


# Where the portal lives


async def test_a_renamed_portal_is_followed_within_the_cloud_and_found_there_from_then_on(portal: Running) -> None:
    sim: Bitrix24 = portal.of("bitrix24")
    sim.moved_to = portal.base_url("bitrix24").replace("127.0.0.1", "localhost")
    async with calling(settings(portal), "") as call:
        for _ in range(2):
            assert (await client.ask(call, "profile"))["ID"] == str(HOOK_USER)  # type: ignore[index]
        warned = {finding.check: finding.message for finding in await MANIFEST.doctor.check(call)}  # type: ignore[union-attr]
        assert HOOK_CODE not in str(call.http.log)
    assert [call["method"] for call in sim.calls] == ["POST"] * 4, "asked at the old address once"
    assert "localhost" in warned["address"]


async def test_nothing_is_ever_sent_to_a_foreign_address(portal: Running) -> None:
    with scripted() as thief:
        there = thief.url.replace("127.0.0.1", "foreign.example")
        portal.of("bitrix24").moved_to = there
        async with calling(settings(portal), "") as call:
            with pytest.raises(VendorFailure) as caught:
                await client.ask(call, "profile")
            assert len(call.http.log) == 1
    assert isinstance(caught.value.outcome, Blocked)
    assert "foreign.example" in caught.value.outcome.message
    assert HOOK_CODE not in caught.value.outcome.message


@pytest.mark.parametrize(
    ("old", "new", "same"),
    [
        ("a.bitrix24.ru", "https://b.bitrix24.ru", True), ("a.bitrix24.ru", "http://b.bitrix24.ru", False),
        ("a.bitrix24.ru", "https://b.bitrix24.com", False), ("a.bitrix24.ru", "https://b.bitrix24.ru:8443", False),
        ("a.bitrix24.ru", "https://b.bitrix24.ru.evil.test", False), ("a.bitrix24.ru", "https://evil.test", False),
        ("crm.kofe.ru", "https://crm2.kofe.ru", False), ("a.bitrix24.ru", "https://x.y.bitrix24.ru", False),
    ],
)  # fmt: skip
def test_only_the_vendors_own_cloud_is_believed(old: str, new: str, same: bool) -> None:
    assert client.is_same_cloud(f"https://{old}", new) is same


# Access by OAuth


class Given(Authorisation):
    """Access that somebody has given."""

    def __init__(self, *tokens: tuple[str, str | None]) -> None:
        self.tokens, self.proven, self.refused = list(tokens), [], []  # type: ignore[var-annotated]

    async def access(self) -> Access:
        return Access(*self.tokens[0])

    async def renewed(self, refused: str) -> Access:
        self.refused.append(refused)
        self.tokens.pop(0)
        return Access(*self.tokens[0])

    async def worked(self, token: str) -> None:
        self.proven.append(token)


async def pair_of(portal: Running, **own: Any) -> Any:
    sim: Bitrix24 = portal.of("bitrix24")
    app = app_of(settings(portal, webhook_url=None, **APP, **own))
    assert app is not None
    async with calling(settings(portal, webhook_url=None, **APP), "") as call:
        code = sim.access.code(sim.now())
        found = await ask(call.http, app, None, code_fields(app, code), NOW)
        if isinstance(found, Pair) and found.refresh:
            found = await ask(call.http, app, None, refresh_fields(app, found.refresh), NOW)
            assert [one.method for one in call.http.log] == ["GET", "GET"]
            story = json.dumps([one.model_dump(mode="json") for one in call.http.log])
            for secret in (code, CLIENT_SECRET, "testrefresh", "testaccess"):
                assert secret not in story
        return found


async def test_a_code_and_a_refresh_token_are_exchanged_at_the_vendors_server_which_tells_the_address(
    portal: Running,
) -> None:
    found = await pair_of(portal)
    assert isinstance(found, Pair)
    assert found.base_url == f"{portal.base_url('bitrix24')}/rest/"


@pytest.mark.parametrize(
    ("sample_", "status", "do"),
    [
        ("oauth-400-invalid-grant", 400, "reauthorise"), ("oauth-401-not-installed", 401, "reauthorise"),
        ("oauth-payment-required", 401, "block"), ("oauth-payment-required", 402, "block"),
        ({"error": "wrong_client"}, 200, "block"), ({"error": "invalid_client"}, 400, "block"),
        ({"error": "invalid_client"}, 401, "block"), ({"error": "insufficient_scope"}, 403, "block"),
        ("<html>", 502, "retry"), ({"result": 1}, 200, "retry"),
    ],
)  # fmt: skip
async def test_each_refusal_of_access_is_understood(portal: Running, sample_: Any, status: int, do: str) -> None:
    body = sample(sample_) if isinstance(sample_, str) and sample_.startswith("oauth") else sample_
    portal.fault("bitrix24", kind="answer", path="/oauth/token/", status=status, body=body)
    found = await pair_of(portal)
    assert isinstance(found, Failure)
    assert found.do == do


async def test_an_expired_token_is_renewed_once_and_a_portal_that_moved_is_found_by_the_vendors_server(
    portal: Running,
) -> None:
    sim: Bitrix24 = portal.of("bitrix24")
    good = (await pair_of(portal)).access
    auth = Given(
        ("testaccess-old", f"{portal.base_url('bitrix24')}/rest/"), (good, f"{portal.base_url('bitrix24')}/rest/")
    )
    sim.access.tokens["testaccess-old"] = 0.0
    async with calling(settings(portal, webhook_url=None, **APP), "", auth=auth) as call:
        assert (await client.ask(call, "profile"))["ID"] == str(HOOK_USER)  # type: ignore[index]
    assert (auth.refused, auth.proven) == (["testaccess-old"], [good])


@pytest.mark.parametrize(
    ("own", "params", "taken"),
    [
        ({}, {}, True), ({}, {"domain": "other.bitrix24.ru"}, False),
        ({"member_id": MEMBER}, {"domain": "new.bitrix24.ru"}, True),
        ({"member_id": "f" * 32}, {}, False),
    ],
)  # fmt: skip
def test_a_code_is_taken_for_the_connections_own_portal_only(
    own: Mapping[str, str], params: Mapping[str, str], taken: bool
) -> None:
    query = (SAMPLES / "oauth-redirect.http").read_text().split()[1].partition("?")[2]
    given = dict(pair.split("=") for pair in query.split("&")) | params
    found = redirected(given, Bitrix24Settings(**APP, **own))
    assert isinstance(found, AuthorisationCode if taken else Rejected)


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ({"webhook_url": HOOK + "profile.json"}, {"webhook_url": HOOK}),
        ({"webhook_url": HOOK.rstrip("/")}, {"webhook_url": HOOK}),
        ({"webhook_url": "https://kofe.bitrix24.ru/"}, None),
        ({"domain": "https://Kofe.bitrix24.ru/crm/"}, {"domain": "kofe.bitrix24.ru"}),
        ({"domain": "kofe"}, {"domain": "kofe.bitrix24.ru"}),
        ({"category": 3}, {"category": "3"}),
        ({"category": "третья"}, None),
        ({"fields": {"telegram": "ufCrm_17206"}}, {"fields": {"telegram": "UF_CRM_17206"}}),
        ({"fields": {"x": "нет"}}, None),
    ],
)
def test_settings_are_taken_as_people_copy_them(given: Any, kept: Mapping[str, Any] | None) -> None:
    if kept is None:
        with pytest.raises(ValidationError):
            Bitrix24Settings(**given)
    else:
        found = Bitrix24Settings(**given)
        assert {name: getattr(found, name) for name in kept} == kept
