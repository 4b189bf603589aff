"""sms.ru: what it is and can do."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.smsru.doctor import SmsruDoctor, silence
from svyazka.connectors.smsru.failures import FAILURES
from svyazka.connectors.smsru.hook import SmsruHook
from svyazka.connectors.smsru.messenger import SmsruMessenger
from svyazka.connectors.smsru.reading import SmsruReading
from svyazka.connectors.smsru.settings import SmsruSettings
from svyazka.engine.contracts.manifest import Credentials, Limits, Manifest
from svyazka.engine.contracts.quality import Documented, Proof, Quality, Samples
from svyazka.model.events import EventType

MANIFEST = Manifest(
    vendor="smsru",
    title="SMS.ru",
    proposed=10,
    quality=Quality(
        documented=Documented.WHOLE,
        proof=Proof.OWN_BYTES,
        samples=Samples.RECORDED,
        unknown=N_("how many calls a second it takes"),
    ),
    settings=SmsruSettings,
    base_url="https://sms.ru",
    tells=frozenset(
        {EventType.MESSAGE_SENT, EventType.MESSAGE_DELIVERED, EventType.MESSAGE_READ, EventType.MESSAGE_FAILED}
    ),
    # No figure is published; about 10 a second is what integrators keep below.
    limits=Limits(per_second=8.0, concurrency=4),
    credentials=Credentials(
        required=("api_id",),
        secret=("api_id",),
        optional={"sender": N_("messages go out under the account's default name, if it has an approved one")},
        environment={"api_id": "SMSRU_API_KEY", "sender": "SMSRU_SENDER"},
    ),
    failures=FAILURES,
    messenger=SmsruMessenger(),
    reading=SmsruReading(),
    doctor=SmsruDoctor(),
    hook=SmsruHook(),
    silence=silence,
)
