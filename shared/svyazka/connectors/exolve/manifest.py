"""MTS Exolve: what it is and can do."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.exolve.doctor import ExolveDoctor
from svyazka.connectors.exolve.failures import FAILURES
from svyazka.connectors.exolve.messenger import ExolveMessenger
from svyazka.connectors.exolve.settings import ExolveSettings
from svyazka.engine.contracts.manifest import Credentials, Limits, Manifest
from svyazka.engine.contracts.quality import Documented, Proof, Quality, Samples
from svyazka.model.events import EventType

MANIFEST = Manifest(
    vendor="exolve",
    title="МТС Exolve",
    proposed=20,
    quality=Quality(
        documented=Documented.PARTLY,
        proof=Proof.NONE,
        samples=Samples.PUBLISHED,
        unknown=N_("its events: their values, repeats and time limits are known from others' code only"),
    ),
    settings=ExolveSettings,
    base_url="https://api.exolve.ru",
    tells=frozenset(
        {
            EventType.MESSAGE_SENT,
            EventType.MESSAGE_DELIVERED,
            EventType.MESSAGE_FAILED,
            EventType.MESSAGE_RECEIVED,
            EventType.CONNECTION_DISABLED,
        }
    ),
    # No figure is published; 429 says when it is too much.
    limits=Limits(per_second=5.0, concurrency=4),
    credentials=Credentials(
        required=("api_key",),
        secret=("api_key",),
        optional={"sender": N_("messages go out from the application's own number, if Exolve lets them")},
        environment={"api_key": "EXOLVE_WHATSAPP_API_KEY", "whatsapp_sender": "EXOLVE_WHATSAPP_SENDER_ID"},
        not_proposed=N_(
            "its WhatsApp API, of which these variables speak, has no public documentation and isn't used; "
            "for SMS set `sender`, the application's number or name"
        ),
    ),
    failures=FAILURES,
    messenger=ExolveMessenger(),
    doctor=ExolveDoctor(),
)
