"""Pingo: what it is and can do."""

from __future__ import annotations

from svyazka.connectors.pingo.access import PingoAccess
from svyazka.connectors.pingo.calendar import PingoCalendar
from svyazka.connectors.pingo.doctor import PingoDoctor
from svyazka.connectors.pingo.failures import FAILURES
from svyazka.connectors.pingo.forwarder import PingoForwarder
from svyazka.connectors.pingo.messenger import PingoMessenger
from svyazka.connectors.pingo.payments import PingoPayments
from svyazka.connectors.pingo.polling import PingoPolling
from svyazka.connectors.pingo.reading import PingoReading
from svyazka.connectors.pingo.records import PingoRecords
from svyazka.connectors.pingo.settings import PingoSettings

from svyazka.engine.contracts.capabilities.payments import TELLS  # [payments]
from svyazka.engine.contracts.manifest import Credentials, Limits, Manifest

MANIFEST = Manifest(
    vendor="pingo",
    title="Pingo",
    settings=PingoSettings,
    base_url="https://api.pingo.example",
    # Which figure is published, and what it counts by.
    limits=Limits(per_second=1.0, concurrency=1),
    credentials=Credentials(
        # [carrying
        required=("api_key",),  # [keyed]
        either=(("api_key",), ("client_id", "client_secret")),  # [access]
        # carrying]
        secret=(
            "api_key",
            "client_secret",  # [access]
            "signing_secret",  # [signed]
        ),
    ),
    tells=TELLS,  # [payments]
    failures=FAILURES,
    messenger=PingoMessenger(),  # [messenger]
    forwarder=PingoForwarder(),  # [forwarder]
    records=PingoRecords(),  # [records]
    calendar=PingoCalendar(),  # [calendar]
    payments=PingoPayments(),  # [payments]
    reading=PingoReading(),  # [reading]
    polling=PingoPolling(),  # [polling]
    doctor=PingoDoctor(),
    access=PingoAccess(),  # [access]
)
