"""The kit of asking: reading an object again, polling what was missed, and doctors.

Whoever can be asked takes part by `asked` of its description (`tests/vendors/<vendor>.py`), or the build fails.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from fnmatch import fnmatch
from typing import Any

import pytest

from connectors.support import NOW, calling
from kits.rows import IN_PLACE_OF, PAGE, SAYING_NOTHING, is_as_its_row
from simulators.serve import Running
from svyazka.connectors.registry import CALLS_US, VENDORS, load_manifest, load_webhook
from svyazka.engine.contracts.calls import Call, TokenCache
from svyazka.engine.contracts.failures import Case
from svyazka.engine.contracts.learning import Finding, Polled
from svyazka.engine.contracts.webhook import Inbound, RawRequest
from svyazka.model.errors import MaybeSent, NotSent, SourceUnavailable
from svyazka.model.events import Entity, Fact
from svyazka.model.outcomes import Blocked, Outcome, Retry, Unclear
from svyazka.model.reasons import Reason
from vendors import VENDORS as DESCRIBED
from vendors.parts.asking import Asked, Question
from vendors.parts.base import HOOK_URL, WRONG, told

pytestmark = pytest.mark.asyncio(loop_scope="session")

MANIFESTS = {name: load_manifest(name) for name in sorted(VENDORS)}
READING = [name for name, one in MANIFESTS.items() if one.reading is not None]
POLLING = [name for name, one in MANIFESTS.items() if one.polling is not None and one.tells != frozenset()]
"""Those whose looks bring events; others only look whether all is as it was."""
DOCTORS = [name for name, one in MANIFESTS.items() if one.doctor is not None]
NETWORKED = [name for name in DOCTORS if name != "site"]
"""Those that ask somebody: behind a site there is nobody."""
ASKED: Mapping[str, Asked] = {name: one.asked for name, one in DESCRIBED.items() if one.asked is not None}
QUESTIONS = [(name, number) for name, asked in ASKED.items() for number in range(len(asked.questions))]
EVERY = pytest.mark.parametrize("name", ASKED)
EACH = pytest.mark.parametrize(("name", "number"), QUESTIONS, ids=[f"{name}-{number}" for name, number in QUESTIONS])
OF_ITS_PLACE = [status for status in IN_PLACE_OF if status != 401]
"""A 401 may make a token anew before it is believed."""


@pytest.mark.parametrize("name", sorted({*READING, *POLLING, *NETWORKED, *ASKED}))
async def test_whoever_can_be_asked_takes_part(name: str) -> None:
    described = (
        f"tests/vendors/{name}.py: {name} has reading, polling or a doctor, so that VENDOR wants `asked=Asked(...)`"
    )
    assert name in ASKED, described
    assert name in {*READING, *POLLING, *NETWORKED}, (
        f"tests/vendors/{name}.py: `asked` is of no use, nobody asks {name}"
    )
    assert ASKED[name].questions, f"{described} with `questions`: one of each product or protocol"
    assert name not in READING or ASKED[name].entity, f"{described} with `entity`: an object that `reading` may ask for"


def settings_of(name: str, **changes: Any) -> Any:
    return MANIFESTS[name].settings.model_validate({**ASKED[name].settings, **ASKED[name].secrets, **changes})


def call_to(
    name: str, vendors: Running, now: datetime = NOW, url: str | None = None, memo: dict[str, Any] | None = None,
    tokens: TokenCache | None = None, **changes: Any,
) -> AbstractAsyncContextManager[Call[Any]]:  # fmt: skip
    url = url or vendors.base_url(name)
    around: dict[str, Any] = {"memo": memo} if memo is not None else {}
    around |= {"tokens": tokens} if tokens is not None else {}
    return calling(settings_of(name, base_url=url, **changes), url, now=now, hook_url=HOOK_URL, **around)


def begun(name: str, vendors: Running) -> Asked:
    asked = ASKED[name]
    told(vendors, lambda: asked.begin(vendors, NOW))
    return asked


# What its refusals mean


async def refused(name: str, question: Question, vendors: Running, **changes: Any) -> tuple[Outcome | None, str]:
    """What an answer is taken for (None: an answer to the question), and all that is kept of it."""
    async with call_to(name, vendors, **changes) as call:
        try:
            await question.ask(call)
            outcome, error = None, ""
        except SourceUnavailable as failed:
            outcome, error = failed.outcome, str(failed)
        return outcome, f"{error} {outcome!r} {[one.model_dump_json() for one in call.http.log]}"


async def answered(
    name: str, question: Question, vendors: Running, status: int, content: object, **headers: str
) -> Outcome | None:
    vendors.of(name).faults.clear()
    named = {header.replace("_", "-"): value for header, value in headers.items()}
    vendors.fault(name, kind="answer", path=question.path, status=status, body=content, headers=named, times=-1)
    return (await refused(name, question, vendors))[0]


@EACH
async def test_every_row_of_the_failure_map_is_what_it_becomes(name: str, number: int, vendors: Running) -> None:
    question, wrong = begun(name, vendors).questions[number], {}
    table = MANIFESTS[name].failures
    assert table is not None
    for case, rule in table.rows():
        for status, content in question.says(case):
            outcome = await answered(name, question, vendors, status, content)
            gone = outcome is None and rule.reason is Reason.NOT_FOUND
            # Of a question that changes nothing "unclear" is no more than "not now".
            means = replace(rule, do="retry") if rule.do == "unclear" and isinstance(outcome, Retry) else rule
            if not gone and (outcome is None or not is_as_its_row(case, means, outcome, question.changed)):
                wrong[case, status] = outcome
    assert wrong == {}


@EVERY
async def test_no_row_is_said_by_nobody(name: str) -> None:
    table = MANIFESTS[name].failures
    assert table is not None
    sayers = [
        one.says
        for one in (
            *ASKED[name].questions,
            DESCRIBED[name].messenger,
            DESCRIBED[name].provider,
            DESCRIBED[name].fiscaliser,
        )
        if one is not None
    ]
    unsaid = {case for case, _ in table.rows() if not any(list(says(case)) for says in sayers)}
    assert unsaid <= {Case(status=401)}


@EACH
async def test_a_status_of_no_row_is_judged_by_its_class(name: str, number: int, vendors: Running) -> None:
    question, table = begun(name, vendors).questions[number], MANIFESTS[name].failures
    assert table is not None
    for unknown in (418, 409, 507, 599):
        if unknown in table.statuses:
            continue
        for status, content in question.says(Case(status=unknown)):
            if status == unknown:
                outcome = await answered(name, question, vendors, status, content)
                assert outcome is not None
                rule = table.rule_of(unknown)
                assert is_as_its_row(Case(status=unknown), rule, outcome, question.changed), outcome


@EACH
async def test_a_page_in_place_of_the_api_is_tried_again_and_blames_no_key(
    name: str, number: int, vendors: Running
) -> None:
    question = begun(name, vendors).questions[number]
    for status in set(OF_ITS_PLACE) - question.bodiless:
        outcome = await answered(name, question, vendors, status, PAGE, content_type="text/html")
        assert isinstance(outcome, Retry | Unclear), (status, outcome)
        assert outcome.outage


@EACH
async def test_an_answer_that_says_nothing_is_tried_again(name: str, number: int, vendors: Running) -> None:
    question = begun(name, vendors).questions[number]
    for content in (*SAYING_NOTHING[:4], SAYING_NOTHING[5], PAGE):
        outcome = await answered(name, question, vendors, 200, content, content_type="application/json")
        if question.drifts:
            assert isinstance(outcome, Blocked), (content, outcome)
            assert outcome.remedy
            continue
        assert isinstance(outcome, Retry | Unclear), (content, outcome)


@EACH
async def test_a_stated_wait_is_kept_and_never_undercut(name: str, number: int, vendors: Running) -> None:
    question, table = begun(name, vendors).questions[number], MANIFESTS[name].failures
    assert table is not None
    for status, content in question.says(Case(status=429)) if 429 in table.statuses else ():
        for given, waited in ((None, 0.0), ("5", 5.0), ("600", 600.0))[: 1 if question.waits_in_the_body else 3]:
            headers = {"retry_after": given} if given else {}
            outcome = await answered(name, question, vendors, status, content, **headers)
            assert isinstance(outcome, Retry)
            assert (outcome.after or 0) == max(waited, table.statuses[429].after or 0), given


@EACH
async def test_silence_is_told_from_a_connection_that_never_was(name: str, number: int, vendors: Running) -> None:
    question = begun(name, vendors).questions[number]
    for fault in ("cut_after", "cut_before"):
        vendors.of(name).faults.clear()
        vendors.fault(name, kind=fault, path=question.path, times=-1)
        async with call_to(name, vendors) as call:
            with pytest.raises(MaybeSent):
                await question.ask(call)
    async with call_to(name, vendors, url="http://127.0.0.1:1") as call:
        with pytest.raises(NotSent):
            await question.ask(call)


@EACH
async def test_no_credential_stands_in_the_story(name: str, number: int, vendors: Running) -> None:
    asked = begun(name, vendors)
    question, secrets = asked.questions[number], " ".join(asked.secrets.values())
    vendors.fault(name, kind="answer", path=question.path, status=400, body={"detail": secrets, "msg": secrets})
    _, story = await refused(name, question, vendors)
    assert given_away(name, story) == []


# Access


@EVERY
async def test_without_access_nobody_is_asked_and_it_is_said_what_is_missing(name: str, vendors: Running) -> None:
    asked, manifest = begun(name, vendors), MANIFESTS[name]
    ways = [way for way in (manifest.reading, manifest.polling, manifest.doctor) if way is not None]
    if manifest.forwarder is not None:
        ways.remove(manifest.doctor)  # the doctor of whom events are handed on to looks at settings, too
    assert [way.ready(settings_of(name)) for way in ways] == [True] * len(ways)
    none = dict.fromkeys(asked.secrets) if asked.lacking is None else dict(asked.lacking)
    assert [way.ready(settings_of(name, **none)) for way in ways] == [False] * len(ways)


SIGNING_IN = pytest.mark.parametrize("name", [name for name, asked in ASKED.items() if asked.signing_in])


class Shared(TokenCache):
    """What the store keeps for all instances."""

    def __init__(self) -> None:
        self.kept: dict[str, tuple[str, datetime]] = {}

    async def get(self, name: str) -> tuple[str, datetime] | None:
        return self.kept.get(name)

    async def put(self, name: str, value: str, until: datetime) -> None:
        self.kept[name] = value, until


def counted(name: str, vendors: Running, path: str) -> int:
    return sum(fnmatch(call["path"], path) for call in vendors.of(name).calls)


@SIGNING_IN
async def test_one_token_serves_all_who_ask_in_all_instances_and_goes_to_no_other_credentials(
    name: str, vendors: Running
) -> None:
    asked, shared, memo = begun(name, vendors), Shared(), dict[str, Any]()
    for _ in range(2):
        async with call_to(name, vendors, tokens=shared) as call:
            await asyncio.gather(*(asked.questions[0].ask(call) for _ in range(10)))
    assert counted(name, vendors, asked.signing_in) == 1
    async with call_to(name, vendors, tokens=shared, memo=memo) as call:
        await asked.questions[0].ask(call)
    wrong = {**dict.fromkeys(asked.secrets, WRONG), **asked.wrong}
    async with call_to(name, vendors, tokens=shared, memo=memo, **wrong) as call:
        with pytest.raises(SourceUnavailable):
            await asked.questions[0].ask(call)
    assert counted(name, vendors, asked.signing_in) == 2


@SIGNING_IN
async def test_a_token_is_renewed_before_its_end_and_once_where_it_is_refused(name: str, vendors: Running) -> None:
    asked, shared = begun(name, vendors), Shared()
    question = asked.questions[0]

    async def renewed() -> int:
        before = counted(name, vendors, asked.signing_in)
        async with call_to(name, vendors, tokens=shared) as call:
            await question.ask(call)
        return counted(name, vendors, asked.signing_in) - before

    assert [await renewed(), await renewed()] == [1, 0]
    ((key, (token, _)),) = shared.kept.items()
    shared.kept[key] = token, datetime.now(UTC) + timedelta(seconds=50)
    assert await renewed() == 1
    refusing: dict[str, Any] = {"kind": "answer", "path": question.path, "status": 401, "body": ""}
    vendors.fault(name, **refusing)
    assert await renewed() == 1, "refused once, and asked again with another"
    before = counted(name, vendors, question.path), counted(name, vendors, asked.signing_in)
    vendors.fault(name, **refusing, times=-1)
    with pytest.raises(SourceUnavailable) as caught:
        await renewed()
    assert isinstance(caught.value.outcome, Blocked)
    assert caught.value.outcome.remedy
    after = counted(name, vendors, question.path), counted(name, vendors, asked.signing_in)
    assert (after[0] - before[0], after[1] - before[1]) == (2, 1), "nothing goes round in circles"


# One fact, however it is learned


def meant(name: str, fact: Fact | None) -> tuple[object, ...]:
    assert fact is not None
    type_ = str(fact.type).replace("created", "changed") if ASKED[name].made_is_changed else fact.type
    return fact.key, type_, fact.subject, fact.ignored, fact.position, fact.entity


async def happened(name: str, vendors: Running, now: datetime) -> list[Fact]:
    """Something happens at the vendor; the facts of its webhooks, or of its objects where it sends none."""
    found: list[object] = []
    for told_by in told(vendors, lambda: ASKED[name].happens(vendors, now)):
        if isinstance(told_by, Entity):
            async with call_to(name, vendors, now + timedelta(seconds=1)) as call:
                found.append(await MANIFESTS[name].reading.read(told_by, call))  # type: ignore[union-attr]
        elif isinstance(told_by, Fact):
            found.append(told_by)
        else:
            found += load_webhook(name).parse(*_received(name, told_by.body, told_by.headers))  # type: ignore[union-attr]
    assert found
    assert [fact for fact in found if not isinstance(fact, Fact)] == []
    return [fact for fact in found if isinstance(fact, Fact)]


def _received(name: str, body: bytes, headers: Mapping[str, str]) -> tuple[RawRequest, Inbound]:
    pairs = [(header.lower().encode(), value.encode()) for header, value in headers.items()]
    public = {setting: settings_of(name).model_dump().get(setting) for setting in load_webhook(name).public_settings}
    return RawRequest("POST", "/hook", b"", pairs, body), Inbound(public, {}, now=NOW.timestamp())


async def looked(name: str, vendors: Running, cursor: str | None, now: datetime) -> tuple[list[Fact], str]:
    """One look, to its end."""
    polling, facts, more = MANIFESTS[name].polling, [], True
    assert polling is not None
    while more:
        async with call_to(name, vendors, now) as call:
            look: Polled = await polling.poll(cursor, call)
        facts, cursor, more = [*facts, *look.facts], look.cursor, look.more
    assert cursor is not None
    return facts, cursor


@pytest.mark.parametrize("name", [name for name in READING if name in CALLS_US])
async def test_a_fact_by_webhook_and_a_fact_by_reading_are_one(name: str, vendors: Running) -> None:
    begun(name, vendors)
    reading = MANIFESTS[name].reading
    assert reading is not None
    for fact in await happened(name, vendors, NOW):
        assert fact.entity is not None
        async with call_to(name, vendors, NOW + timedelta(minutes=1)) as call:
            assert meant(name, await reading.read(fact.entity, call)) == meant(name, fact)


@pytest.mark.parametrize("name", POLLING)
async def test_a_fact_by_webhook_and_a_fact_by_polling_are_one(name: str, vendors: Running) -> None:
    """And what happened before the first look is no news; a look that is repeated tells the same; a quiet one nothing
    new."""
    begun(name, vendors)
    first, cursor = await looked(name, vendors, None, NOW)
    assert first == []
    by_webhook = {meant(name, fact) for fact in await happened(name, vendors, NOW + timedelta(minutes=1))}
    later = NOW + timedelta(minutes=2)
    found, after = await looked(name, vendors, cursor, later)
    by_poll = {meant(name, fact) for fact in found}
    assert by_webhook <= by_poll
    again, _ = await looked(name, vendors, after, later + timedelta(minutes=1))
    assert {meant(name, fact) for fact in again} <= by_poll, "a quiet look may overlap and tells nothing new"


@pytest.mark.parametrize("name", POLLING)
async def test_a_look_that_fails_leaves_the_cursor_where_it_was(name: str, vendors: Running) -> None:
    asked = begun(name, vendors)
    _, cursor = await looked(name, vendors, None, NOW)
    by_webhook = {meant(name, fact) for fact in await happened(name, vendors, NOW + timedelta(minutes=1))}
    later = NOW + timedelta(minutes=2)
    changed = () if asked.told_once else ({"kind": "answer", "status": 404, "body": PAGE},)
    for fault in ({"kind": "answer", "status": 503, "body": {}}, *changed, {"kind": "cut_before"}):
        vendors.of(name).faults.clear()
        vendors.fault(name, path=asked.polling, times=-1, **fault)
        with pytest.raises((SourceUnavailable, NotSent, MaybeSent)):
            await looked(name, vendors, cursor, later)
    vendors.of(name).faults.clear()
    found, _ = await looked(name, vendors, cursor, later)
    assert by_webhook <= {meant(name, fact) for fact in found}


# Doctors


async def findings(name: str, vendors: Running, **changes: Any) -> tuple[list[Finding], str]:
    doctor = MANIFESTS[name].doctor
    assert doctor is not None
    async with call_to(name, vendors, **changes) as call:
        found = await doctor.check(call)
        told = json.dumps([str(finding) for finding in found]) + str(call.http.log)
    assert len({finding.check for finding in found}) == len(found), "each is named once"
    return found, told


def given_away(name: str, story: str) -> list[str]:
    return [secret for secret in ASKED[name].secrets.values() if secret in story]


@pytest.mark.parametrize("name", NETWORKED)
async def test_a_doctor_who_reaches_nobody_finds_so_and_tells_no_credential(name: str, vendors: Running) -> None:
    found, story = await findings(name, vendors, url="http://127.0.0.1:1")
    assert any(finding.status == "fail" and finding.stops for finding in found)
    assert given_away(name, story) == []


@pytest.mark.parametrize("name", NETWORKED)
async def test_a_doctor_whom_a_page_answers_blames_no_key(name: str, vendors: Running) -> None:
    vendors.fault(name, kind="answer", status=403, body=PAGE, headers={"content-type": "text/html"}, times=-1)
    found, story = await findings(name, vendors)
    assert any(finding.status == "fail" for finding in found)
    assert "secret set" not in " ".join(finding.remedy or "" for finding in found if finding.stops)
    assert given_away(name, story) == []


@pytest.mark.parametrize("name", NETWORKED)
async def test_a_doctor_whose_key_is_not_taken_says_what_to_do(name: str, vendors: Running) -> None:
    begun(name, vendors)
    found, _ = await findings(name, vendors, **{**dict.fromkeys(ASKED[name].secrets, WRONG), **ASKED[name].wrong})
    stopping = [finding for finding in found if finding.status == "fail" and finding.stops]
    assert stopping
    assert all(finding.remedy for finding in stopping)


@pytest.mark.parametrize("name", NETWORKED)
async def test_a_doctor_of_a_connection_in_order_finds_nothing_that_fails(name: str, vendors: Running) -> None:
    begun(name, vendors)
    hook = MANIFESTS[name].hook
    if hook is not None and hook.ready(settings_of(name)):
        async with call_to(name, vendors) as call:
            assert {finding.status for finding in await hook.register(call, HOOK_URL)} == {"ok"}
    found, story = await findings(name, vendors)
    assert {finding.status for finding in found} <= {"ok", "warn"}, found
    assert "ok" in {finding.status for finding in found}
    assert given_away(name, story) == []
