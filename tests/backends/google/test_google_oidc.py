"""Does the worker let in the queue and the scheduler, and nobody else?"""

from __future__ import annotations

import asyncio
import base64
import hmac
import json

import pytest

from backends.google.deployment import ACCOUNT, WORKER_URL
from backends.google.http_server import Asked, response, serving
from simulators.cloudtasks import Signer
from svyazka.backends.google import oidc
from svyazka.backends.google.oidc import CallerCheck
from svyazka.engine.ports.store import Task
from svyazka.model.errors import ConfigError
from svyazka.settings import Settings

SCHEDULER = "svyazka-scheduler@loopback.iam.gserviceaccount.com"


class Certificates:
    """Google's certificates, of `signer`; `status` other than 200 when they can't be had."""

    def __init__(self, signer: Signer) -> None:
        self.signer, self.status, self.headers = signer, 200, ("Cache-Control: public, max-age=3600",)

    async def __call__(self, asked: Asked) -> bytes:
        return response(json.dumps(self.signer.certificates()).encode(), self.status, *self.headers)


@pytest.fixture(scope="module")
def signer() -> Signer:
    return Signer()


@pytest.fixture(scope="module")
def stranger() -> Signer:
    return Signer()


@pytest.fixture
async def google_certs(signer):
    made = Certificates(signer)
    async with serving(made) as server:
        made.server = server
        yield made


@pytest.fixture
def check(google_certs) -> CallerCheck:
    return CallerCheck(WORKER_URL, frozenset({ACCOUNT, SCHEDULER}), f"{google_certs.server.url}/oauth2/v1/certs")


@pytest.mark.parametrize("account", [ACCOUNT, SCHEDULER])
async def test_our_own_callers_come_in(check, signer, account):
    assert await check(f"Bearer {signer.id_token(account, WORKER_URL)}") is None
    assert await check(f"bearer {signer.id_token(account, WORKER_URL)}") is None


async def test_a_real_task_of_the_queue_comes_in(google):
    settings = Settings(
        backend="google", worker_url=WORKER_URL, worker_account=ACCOUNT, certs_url=google.tasks.certs_url
    )
    await google.queue.enqueue([Task("plan", "/plan", {"event": "a"})])
    await google.deliver()
    (request,) = google.target.requests
    assert await CallerCheck.from_settings(settings)(request.headers["authorization"]) is None


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Basic abc", "Bearer abc", "Bearer a.b.c", "ey.ey.ey"]
)
async def test_what_is_no_token_stays_out(check, header):
    assert await check(header) is not None


async def test_what_is_for_another_service_stays_out(check, signer):
    assert await check(f"Bearer {signer.id_token(ACCOUNT, 'https://other.run.app')}") is not None
    assert await check(f"Bearer {signer.id_token(ACCOUNT, WORKER_URL + '/plan')}") is not None


async def test_another_identity_of_google_stays_out(check, signer):
    refused = await check(f"Bearer {signer.id_token('somebody@else.iam.gserviceaccount.com', WORKER_URL)}")
    assert refused == "this identity may not call the worker"


async def test_a_token_that_has_ended_stays_out(check, signer):
    assert await check(f"Bearer {signer.id_token(ACCOUNT, WORKER_URL, lifetime=-60)}") is not None


async def test_a_token_that_somebody_else_signed_stays_out(check, stranger):
    assert await check(f"Bearer {stranger.id_token(ACCOUNT, WORKER_URL)}") is not None


def part(content: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(content).encode()).rstrip(b"=").decode()


def forged(signer: Signer, head: dict[str, object], **claims: object) -> str:
    """A token whose claims are changed and whose signature stays."""
    kept, content, signature = signer.id_token(ACCOUNT, WORKER_URL).split(".")
    said = json.loads(base64.urlsafe_b64decode(content + "=" * (-len(content) % 4)))
    return f"{part(head) if head else kept}.{part({**said, **claims})}.{signature}"


async def test_claims_that_were_changed_stay_out(check, signer):
    assert await check(f"Bearer {forged(signer, {}, email=SCHEDULER)}") is not None


async def test_no_signature_at_all_stays_out(check, signer):
    head = {"alg": "none", "kid": signer.key_id, "typ": "JWT"}
    unsigned = forged(signer, head).rpartition(".")[0]
    assert await check(f"Bearer {unsigned}.") is not None
    assert await check(f"Bearer {unsigned}") is not None


async def test_the_public_key_as_a_shared_secret_stays_out(check, signer):
    head = {"alg": "HS256", "kid": signer.key_id, "typ": "JWT"}
    unsigned = forged(signer, head).rpartition(".")[0]
    secret = signer.certificates()[signer.key_id].encode()
    mac = base64.urlsafe_b64encode(hmac.digest(secret, unsigned.encode(), "sha256")).rstrip(b"=").decode()
    assert await check(f"Bearer {unsigned}.{mac}") is not None


async def test_an_issuer_that_is_not_google_stays_out(check, signer, monkeypatch):
    monkeypatch.setattr("simulators.cloudtasks.oidc.ISSUER", "https://evil.example")
    assert await check(f"Bearer {signer.id_token(ACCOUNT, WORKER_URL)}") == "not an identity of Google's"


# Certificates


async def test_certificates_are_fetched_once_for_many(check, google_certs, signer):
    header = f"Bearer {signer.id_token(ACCOUNT, WORKER_URL)}"
    assert await asyncio.gather(*[check(header) for _ in range(20)]) == [None] * 20
    assert len(google_certs.server.asked) == 1


async def test_a_new_key_of_googles_is_fetched_and_an_invented_one_not_again_and_again(
    check, google_certs, signer, stranger, monkeypatch
):
    await check(f"Bearer {signer.id_token(ACCOUNT, WORKER_URL)}")
    google_certs.signer = stranger
    header = f"Bearer {stranger.id_token(ACCOUNT, WORKER_URL)}"
    for _ in range(5):
        assert await check(header) is not None
    assert len(google_certs.server.asked) == 1
    monkeypatch.setattr(oidc, "FETCH_AGAIN", 0.0)
    assert await check(header) is None
    assert len(google_certs.server.asked) == 2


async def test_they_are_fetched_anew_when_their_time_is_over(check, google_certs, signer, monkeypatch):
    google_certs.headers = ("Cache-Control: public, max-age=0, must-revalidate",)
    monkeypatch.setattr(oidc, "FETCH_AGAIN", 0.0)
    for _ in range(2):
        assert await check(f"Bearer {signer.id_token(ACCOUNT, WORKER_URL)}") is None
    assert len(google_certs.server.asked) == 2


async def test_old_ones_serve_while_no_new_ones_are_to_be_had(check, google_certs, signer, monkeypatch):
    google_certs.headers = ("Cache-Control: max-age=0",)
    monkeypatch.setattr(oidc, "FETCH_AGAIN", 0.0)
    header = f"Bearer {signer.id_token(ACCOUNT, WORKER_URL)}"
    assert await check(header) is None
    google_certs.status = 500
    assert await check(header) is None


async def test_without_any_nobody_comes_in(check, google_certs, signer):
    google_certs.status = 500
    header = f"Bearer {signer.id_token(ACCOUNT, WORKER_URL)}"
    assert await check(header) == "the certificates can't be read just now"
    google_certs.status = 200
    assert await check(header) is None


async def test_the_loop_goes_on_while_they_are_fetched(signer):
    let_go = asyncio.Event()

    async def slow(asked: Asked) -> bytes:
        await let_go.wait()
        return response(json.dumps(signer.certificates()).encode())

    async with serving(slow) as server:
        check = CallerCheck(WORKER_URL, frozenset({ACCOUNT}), server.url + "/certs")
        checking = asyncio.create_task(check(f"Bearer {signer.id_token(ACCOUNT, WORKER_URL)}"))
        while not server.asked:
            await asyncio.sleep(0)
        let_go.set()
        assert await checking is None


@pytest.mark.parametrize("missing", ["worker_url", "worker_account"])
def test_a_check_that_would_let_in_anybody_is_not_made(missing):
    given = {"worker_url": WORKER_URL, "worker_account": ACCOUNT, missing: ""}
    with pytest.raises(ConfigError, match="SVYAZKA_WORKER"):
        CallerCheck.from_settings(Settings(backend="google", **given))
