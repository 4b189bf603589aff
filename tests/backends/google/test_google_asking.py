"""What the front door asks of the worker on Google: under whose identity, at which paths, what counts as no answer."""

from __future__ import annotations

import asyncio
import json
from urllib.parse import parse_qs, urlsplit

import pytest

from backends.google.deployment import ACCOUNT
from backends.google.http_server import Asked, HttpServer, response, serving
from simulators.cloudtasks import Signer
from svyazka.backends.google.asking import HttpWorker
from svyazka.backends.google.oidc import CallerCheck
from svyazka.engine.journal.tasks import Asked as Question
from svyazka.engine.journal.tasks import Route
from svyazka.engine.ports.asking import NoReply

INGEST = "svyazka-ingest@loopback.iam.gserviceaccount.com"
SCHEDULER = "svyazka-scheduler@loopback.iam.gserviceaccount.com"
BODY = {"tenant": "kofe", "question": {"kind": "services"}}


class Metadata:
    """Signs for an audience; `lifetime`: of its tokens, in seconds."""

    def __init__(self, signer: Signer, lifetime: int = 3600) -> None:
        self.signer, self.lifetime, self.status = signer, lifetime, 200

    async def __call__(self, asked: Asked) -> bytes:
        given = {name: values[0] for name, values in parse_qs(urlsplit(asked.path).query).items()}
        assert asked.headers["metadata-flavor"] == "Google"
        full = given.get("format") == "full"
        token = self.signer.id_token(INGEST, given["audience"], lifetime=self.lifetime, full=full)
        return response(token.encode(), self.status)


class Checking:
    """A worker that looks at whoever calls, and answers as it is told."""

    def __init__(self) -> None:
        self.check: CallerCheck | None = None
        self.answers = [(200, b'{"value": [], "stale": false}')]
        self.refusing = 0
        self.waits: asyncio.Event | None = None

    async def __call__(self, asked: Asked) -> bytes | None:
        assert self.check is not None
        if self.waits is not None:
            await self.waits.wait()
        why = await self.check(asked.headers.get("authorization"), asked.path)
        if why is not None or self.refusing:
            self.refusing -= 1
            return response((why or "not now").encode(), 401)
        status, body = self.answers[0] if len(self.answers) == 1 else self.answers.pop(0)
        return response(body, status)


class House:
    """A worker, a metadata server, and the way between them."""

    def __init__(
        self, worker: HttpServer, metadata: HttpServer, google: HttpServer, checking: Checking, signs: Metadata
    ) -> None:
        self.worker, self.metadata, self.google, self.checking, self.signs = worker, metadata, google, checking, signs
        self.asker = HttpWorker(worker.url, metadata.url.removeprefix("http://"))
        checking.check = self.check_of(INGEST)

    def check_of(self, asking: str) -> CallerCheck:
        return CallerCheck(self.worker.url, frozenset({ACCOUNT, SCHEDULER}), f"{self.google.url}/certs", asking)


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.fixture
async def house(signer):
    checking, signs = Checking(), Metadata(signer)

    async def certificates(asked: Asked) -> bytes:
        return response(json.dumps(signer.certificates()).encode())

    async with serving(checking) as worker, serving(signs) as metadata, serving(certificates) as google:
        made = House(worker, metadata, google, checking, signs)
        yield made
        await made.asker.close()


@pytest.mark.parametrize("path", Question)
async def test_the_front_door_is_let_in_with_its_questions_and_asks_for_a_token_once(house, path):
    for _ in range(3):
        reply = await house.asker.ask(path, BODY, 5)
        assert (reply.status, reply.content) == (200, {"value": [], "stale": False})
    assert [json.loads(asked.body) for asked in house.worker.asked] == [BODY] * 3
    assert len(house.metadata.asked) == 1


@pytest.mark.parametrize("path", [*Question, *Route])
async def test_questions_are_the_front_doors_and_tasks_are_the_queues(house, signer, path):
    ours = {INGEST} if path in set(Question) else {ACCOUNT, SCHEDULER}
    let_in = {
        account for account in (INGEST, ACCOUNT, SCHEDULER, "somebody@else.iam.gserviceaccount.com")
        if await house.checking.check(f"Bearer {signer.id_token(account, house.worker.url)}", path) is None
    }  # fmt: skip
    assert let_in == ours


async def test_a_token_for_another_audience_or_of_nobody_is_refused_at_a_question_too(house, signer):
    check = house.checking.check
    assert await check(f"Bearer {signer.id_token(INGEST, house.worker.url + Question.ASK)}", Question.ASK)
    assert await check(f"Bearer {signer.id_token(INGEST, house.worker.url, full=False)}", Question.ASK)
    for account in (INGEST, ACCOUNT, ""):
        header = f"Bearer {signer.id_token(account, house.worker.url)}"
        assert await house.check_of("")(header, Question.ASK), "where there is no front door nobody asks"


async def test_a_token_that_is_nearly_over_is_not_kept(house):
    house.signs.lifetime = 120
    for _ in range(2):
        assert (await house.asker.ask(Question.ASK, BODY, 5)).status == 200
    assert len(house.metadata.asked) == 2


async def test_who_is_refused_comes_once_more_with_another_token_and_then_gives_up(house):
    house.checking.refusing = 1
    assert (await house.asker.ask(Question.ASK, BODY, 5)).status == 200
    assert len(house.metadata.asked) == 2
    house.checking.refusing = 9
    with pytest.raises(NoReply, match="401"):
        await house.asker.ask(Question.ASK, BODY, 5)
    assert len(house.worker.asked) == 4


@pytest.mark.parametrize(
    ("status", "body"), [(403, b"<html>Forbidden</html>"), (429, b"Rate exceeded."), (500, b""), (200, b"[]")]
)
async def test_the_platforms_own_pages_are_no_answer(house, status, body):
    house.checking.answers = [(status, body)]
    with pytest.raises(NoReply, match=str(status)):
        await house.asker.ask(Question.ASK, BODY, 5)


@pytest.mark.parametrize(("status", "body"), [(403, {"code": "no_session"}), (503, {"code": "busy", "retry_after": 3})])
async def test_the_workers_own_refusals_are_answers(house, status, body):
    house.checking.answers = [(status, json.dumps(body).encode())]
    reply = await house.asker.ask(Question.ASK, BODY, 5)
    assert (reply.status, reply.content) == (status, body)


async def test_who_is_silent_or_away_leaves_the_caller_free_in_time(house):
    house.checking.waits = asyncio.Event()
    with pytest.raises(NoReply):
        await house.asker.ask(Question.PERFORM_NOW, {"event": "evt_1"}, 0.05)
    house.signs.status = 500
    house.asker._identity.refused()
    with pytest.raises(NoReply, match="metadata"):
        await house.asker.ask(Question.ASK, BODY, 5)
    house.checking.waits.set()
    nobody = HttpWorker("http://127.0.0.1:1", house.metadata.url.removeprefix("http://"))
    house.signs.status = 200
    with pytest.raises(NoReply):
        await nobody.ask(Question.ASK, BODY, 5)
