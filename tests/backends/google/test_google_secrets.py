"""Does an operator's command line find a deployment's keys, as far as he may read them?"""

from __future__ import annotations

import json
from concurrent import futures

import grpc
import pytest
from google.auth.exceptions import DefaultCredentialsError
from google.cloud.secretmanager_v1 import AccessSecretVersionRequest, AccessSecretVersionResponse
from google.cloud.secretmanager_v1 import SecretManagerServiceClient as Client
from google.cloud.secretmanager_v1.services.secret_manager_service.transports import SecretManagerServiceGrpcTransport

from svyazka.app import settings_keyring
from svyazka.backends.google import secrets
from svyazka.backends.google.secrets import read_keys
from svyazka.engine.security.keyring import Keyring
from svyazka.model.errors import ConfigError
from svyazka.settings import Settings

ROOT = "projects/p/secrets/svyazka-{}/versions/latest"


class SecretManager(grpc.GenericRpcHandler):
    """What `values` holds, by full name; a status code in place of a value is raised."""

    def __init__(self) -> None:
        self.values: dict[str, str | grpc.StatusCode] = {}

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler | None:
        if not details.method.endswith("/AccessSecretVersion"):
            return None
        return grpc.unary_unary_rpc_method_handler(
            self._access, AccessSecretVersionRequest.deserialize, AccessSecretVersionResponse.serialize
        )

    def _access(
        self, request: AccessSecretVersionRequest, context: grpc.ServicerContext
    ) -> AccessSecretVersionResponse:
        value = self.values.get(request.name, grpc.StatusCode.NOT_FOUND)
        if isinstance(value, grpc.StatusCode):
            context.abort(value, "refused")
        return AccessSecretVersionResponse(name=request.name, payload={"data": value.encode()})


@pytest.fixture
def manager():
    made = SecretManager()
    server = grpc.server(futures.ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((made,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    with grpc.insecure_channel(f"127.0.0.1:{port}") as channel:
        made.client = Client(transport=SecretManagerServiceGrpcTransport(channel=channel))
        yield made
    server.stop(None)


@pytest.fixture
def keys() -> dict[str, str]:
    return {name: Keyring.generate() for name in ("mint", "verify", "vault")}


async def test_the_newest_version_of_each_is_read(manager, keys):
    manager.values = {ROOT.format(name): text for name, text in keys.items()}
    assert read_keys("p", manager.client) == keys


@pytest.mark.parametrize("refusal", [grpc.StatusCode.PERMISSION_DENIED, grpc.StatusCode.FAILED_PRECONDITION, None])
async def test_what_he_may_not_read_or_is_not_there_is_left_out(manager, keys, refusal):
    manager.values = {ROOT.format("mint"): keys["mint"]}
    if refusal:
        manager.values[ROOT.format("vault")] = refusal
    assert read_keys("p", manager.client) == {"mint": keys["mint"]}


async def test_none_at_all_says_what_to_do(manager):
    with pytest.raises(ConfigError, match="operators"):
        read_keys("p", manager.client)


async def test_trouble_of_another_kind_is_said_as_such(manager):
    manager.values = {ROOT.format("mint"): grpc.StatusCode.UNAUTHENTICATED}
    with pytest.raises(ConfigError, match="Unauthenticated"):
        read_keys("p", manager.client)


def test_without_credentials_it_says_what_to_do(monkeypatch):
    def nobody() -> None:
        raise DefaultCredentialsError("none")

    monkeypatch.setattr(secrets, "SecretManagerServiceClient", nobody)
    with pytest.raises(ConfigError, match="gcloud auth"):
        read_keys("p")


def test_a_command_line_without_keys_reads_them_from_the_deployment(manager, keys, monkeypatch):
    manager.values = {ROOT.format(name): text for name, text in keys.items()}
    monkeypatch.setattr(secrets, "SecretManagerServiceClient", lambda: manager.client)
    keyring = settings_keyring(Settings(backend="google", project="p"))
    given = Keyring.from_json(keys)
    assert keyring.read("iiko", given.mint("iiko", "kofe", "till")) is not None
    assert keyring.unseal("vault", given.seal("vault", "plain", "kofe.sms"), "kofe.sms") == "plain"


def test_one_that_was_given_some_asks_for_none(keys, monkeypatch):
    """A function has just the keys of its role."""
    monkeypatch.setattr(secrets, "SecretManagerServiceClient", lambda: pytest.fail("asked"))
    keyring = settings_keyring(Settings(backend="google", project="p", mint_keys=keys["mint"]))
    assert keyring.newest("mint")[0] == max(json.loads(keys["mint"]))
    with pytest.raises(ConfigError):
        keyring.newest("vault")
