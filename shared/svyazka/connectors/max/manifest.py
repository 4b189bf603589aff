"""MAX: what it is and can do."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.max.authority import RUSSIAN_TRUSTED_ROOT_CA
from svyazka.connectors.max.doctor import MaxDoctor
from svyazka.connectors.max.failures import FAILURES
from svyazka.connectors.max.hook import MaxHook
from svyazka.connectors.max.identity import MaxIdentity
from svyazka.connectors.max.messenger import MaxMessenger
from svyazka.connectors.max.polling import MaxPolling
from svyazka.connectors.max.settings import MaxSettings
from svyazka.engine.contracts.manifest import Credentials, Limits, Manifest, Network
from svyazka.engine.contracts.quality import Documented, Proof, Quality, Samples
from svyazka.model.events import EventType

MANIFEST = Manifest(
    vendor="max",
    title="MAX",
    quality=Quality(
        documented=Documented.WHOLE,
        proof=Proof.TOKEN,
        samples=Samples.PUBLISHED,
        unknown=N_("to which ports it calls and how often it repeats: its pages contradict each other"),
    ),
    settings=MaxSettings,
    base_url="https://platform-api2.max.ru",
    tells=frozenset({EventType.MESSAGE_RECEIVED, EventType.CONNECTION_DISABLED}),
    # 30 calls a second.
    limits=Limits(per_second=25.0, concurrency=4),
    credentials=Credentials(required=("bot_token",), secret=("bot_token", "webhook_secret")),
    failures=FAILURES,
    network=Network(ca_pem=RUSSIAN_TRUSTED_ROOT_CA),
    messenger=MaxMessenger(),
    identity=MaxIdentity(),
    polling=MaxPolling(),
    doctor=MaxDoctor(),
    hook=MaxHook(),
)
