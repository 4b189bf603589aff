"""DIKIDI: what it is and can do."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.dikidi.calendar import DikidiCalendar
from svyazka.connectors.dikidi.doctor import DikidiDoctor
from svyazka.connectors.dikidi.failures import FAILURES
from svyazka.connectors.dikidi.polling import DikidiPolling
from svyazka.connectors.dikidi.settings import DikidiSettings
from svyazka.engine.contracts.manifest import Credentials, Limits, Manifest
from svyazka.engine.contracts.quality import Documented, Proof, Quality, Samples

MANIFEST = Manifest(
    vendor="dikidi",
    title="DIKIDI",
    quality=Quality(
        documented=Documented.NOT,
        proof=Proof.NONE,
        samples=Samples.MADE_UP,
        unknown=N_("everything: there is no public API, what is called was read in others' programs"),
    ),
    settings=DikidiSettings,
    base_url="https://dikidi.net",
    tells=frozenset(),
    # Nothing is published. A visitor's page makes a call or two a second, and one after the other.
    limits=Limits(per_second=2.0, concurrency=1, scope="ip"),
    credentials=Credentials(required=("company", "unofficial"), secret=("login", "password")),
    failures=FAILURES,
    calendar=DikidiCalendar(),
    polling=DikidiPolling(),
    doctor=DikidiDoctor(),
)
