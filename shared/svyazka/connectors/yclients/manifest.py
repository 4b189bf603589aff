"""YCLIENTS: what it is and can do."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.yclients.calendar import YclientsCalendar
from svyazka.connectors.yclients.doctor import YclientsDoctor
from svyazka.connectors.yclients.failures import FAILURES
from svyazka.connectors.yclients.hook import YclientsHook
from svyazka.connectors.yclients.polling import YclientsPolling
from svyazka.connectors.yclients.reading import YclientsReading
from svyazka.connectors.yclients.records import YclientsRecords
from svyazka.connectors.yclients.settings import YclientsSettings
from svyazka.connectors.yclients.signing_in import YclientsSigningIn
from svyazka.connectors.yclients.visits import YclientsVisits
from svyazka.engine.contracts.manifest import Credentials, Limits, Manifest
from svyazka.engine.contracts.quality import Documented, Proof, Quality, Samples

UNREAD = N_("records aren't read again before acting, and what a lost webhook told isn't found by polling")

MANIFEST = Manifest(
    vendor="yclients",
    title="YCLIENTS",
    quality=Quality(
        documented=Documented.WHOLE,
        proof=Proof.NONE,
        samples=Samples.PUBLISHED,
        unknown=N_("how it delivers webhooks: that is known of its twin platform Altegio only"),
    ),
    settings=YclientsSettings,
    base_url="https://api.yclients.ru",
    # 200 a minute and 5 a second, counted by IP address: all salons of one installation share them. A little less,
    # for calls that leave evenly arrive a little unevenly.
    limits=Limits(per_second=4.5, concurrency=2, scope="ip", per_minute=195),
    credentials=Credentials(
        secret=("partner_token", "user_token"),
        optional={
            "company_id": N_("events of other salons aren't told apart, and nothing can be asked or booked"),
            "partner_token": N_("nothing can be asked or booked"),
            "user_token": UNREAD,
        },
    ),
    failures=FAILURES,
    calendar=YclientsCalendar(),
    records=YclientsRecords(),
    visits=YclientsVisits(),
    reading=YclientsReading(),
    polling=YclientsPolling(),
    doctor=YclientsDoctor(),
    hook=YclientsHook(),
    signing_in=YclientsSigningIn(),
)
