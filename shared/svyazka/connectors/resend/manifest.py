"""Resend: what it is and can do."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.resend.doctor import ResendDoctor
from svyazka.connectors.resend.failures import FAILURES
from svyazka.connectors.resend.messenger import ResendMessenger
from svyazka.connectors.resend.reading import ResendReading
from svyazka.connectors.resend.settings import ResendSettings
from svyazka.engine.contracts.manifest import Credentials, Limits, Manifest
from svyazka.engine.contracts.quality import Documented, Proof, Quality, Samples
from svyazka.model.events import EventType

MANIFEST = Manifest(
    vendor="resend",
    title="Resend",
    proposed=30,
    quality=Quality(
        documented=Documented.WHOLE,
        proof=Proof.PUBLISHED_VECTORS,
        samples=Samples.PUBLISHED,
        unknown=N_("its rate: 2, 5 and 10 calls a second are named"),
    ),
    settings=ResendSettings,
    base_url="https://api.resend.com",
    tells=frozenset(
        {
            EventType.MESSAGE_SENT,
            EventType.MESSAGE_DELIVERED,
            EventType.MESSAGE_FAILED,
            EventType.MESSAGE_RECEIVED,
            EventType.CONNECTION_DISABLED,
            EventType.CONTACT_CHANGED,
        }
    ),
    # The figure is disputed (2, 5 or 10 a second for the whole team); 429 says when to go on.
    limits=Limits(per_second=2.0, concurrency=2),
    credentials=Credentials(
        required=("api_key", "sender"),
        secret=("api_key", "signing_secret"),
        optional={"signing_secret": N_("what became of letters isn't heard, and they have no link to unsubscribe")},
        environment={"api_key": "RESEND_API_KEY", "sender": "RESEND_FROM"},
    ),
    failures=FAILURES,
    messenger=ResendMessenger(),
    reading=ResendReading(),
    doctor=ResendDoctor(),
)
