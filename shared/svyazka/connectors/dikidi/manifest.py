"""DIKIDI: what it is and can do."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.dikidi.calendar import DikidiCalendar
from svyazka.connectors.dikidi.doctor import DikidiDoctor
from svyazka.connectors.dikidi.failures import FAILURES
from svyazka.connectors.dikidi.polling import DikidiPolling
from svyazka.connectors.dikidi.settings import DikidiSettings
from svyazka.connectors.dikidi.visits import DikidiVisits
from svyazka.engine.contracts.manifest import Credentials, Limits, Manifest
from svyazka.engine.contracts.quality import Documented, Proof, Quality, Samples
from svyazka.model.events import EventType

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
    # Of the journal's changes, where an employee's access is given.
    tells=frozenset(
        {
            EventType.APPOINTMENT_BOOKED,
            EventType.APPOINTMENT_CHANGED,
            EventType.APPOINTMENT_CONFIRMED,
            EventType.APPOINTMENT_CANCELLED,
            EventType.APPOINTMENT_COMPLETED,
            EventType.APPOINTMENT_MISSED,
            EventType.CONNECTION_DISABLED,
            EventType.CONNECTION_ENABLED,
        }
    ),
    # Nothing is published. A visitor's page makes a call or two a second, and one after the other.
    limits=Limits(per_second=2.0, concurrency=1, scope="ip"),
    credentials=Credentials(
        required=("company", "unofficial"),
        secret=("login", "password"),
        optional={
            "login": N_("visits that others book, move and cancel in DIKIDI aren't known of"),
            "password": N_("visits that others book, move and cancel in DIKIDI aren't known of"),
        },
    ),
    failures=FAILURES,
    calendar=DikidiCalendar(),
    visits=DikidiVisits(),
    polling=DikidiPolling(),
    doctor=DikidiDoctor(),
)
