"""WhatsApp by Meta's Cloud API: what it is and can do."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.whatsapp.doctor import WhatsappDoctor
from svyazka.connectors.whatsapp.failures import FAILURES
from svyazka.connectors.whatsapp.messenger import WhatsappMessenger
from svyazka.connectors.whatsapp.settings import WhatsappSettings
from svyazka.engine.contracts.manifest import Credentials, Limits, Manifest
from svyazka.engine.contracts.quality import Documented, Proof, Quality, Samples
from svyazka.model.events import EventType

MANIFEST = Manifest(
    vendor="whatsapp",
    title="WhatsApp",
    quality=Quality(
        documented=Documented.WHOLE,
        proof=Proof.OWN_BYTES,
        samples=Samples.RECORDED,
        unknown=N_("with which HTTP statuses some failures come"),
    ),
    settings=WhatsappSettings,
    base_url="https://graph.facebook.com",
    tells=frozenset(
        {
            EventType.MESSAGE_SENT,
            EventType.MESSAGE_DELIVERED,
            EventType.MESSAGE_FAILED,
            EventType.MESSAGE_RECEIVED,
            EventType.CONNECTION_DISABLED,
            EventType.MESSAGE_READ,
            EventType.CONTACT_CHANGED,
            EventType.LEAD_CREATED,
        }
    ),
    # 80 a second for a number, 20 for one that is shared with the WhatsApp Business application.
    limits=Limits(per_second=15.0, concurrency=4),
    credentials=Credentials(
        required=("phone_number_id", "access_token"),
        secret=("access_token", "app_secret", "verify_token"),
        optional={
            "app_secret": N_("no receipt is believed, so that the next channel of a flow sends as well"),
            "verify_token": N_("WhatsApp's webhook can't be registered"),
        },
        environment={
            "phone_number_id": "META_WHATSAPP_PHONE_NUMBER_ID",
            "access_token": "META_WHATSAPP_ACCESS_TOKEN",
        },
        not_proposed=N_(
            "it needs an approved `template` in its flow (a plain text arrives only within 24 hours of the "
            "client's own message), a deadline and another channel after it"
        ),
    ),
    failures=FAILURES,
    messenger=WhatsappMessenger(),
    doctor=WhatsappDoctor(),
)
