"""amoCRM and Kommo, API v4: what it is and can do."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.amocrm.access import AmocrmAccess
from svyazka.connectors.amocrm.doctor import AmocrmDoctor
from svyazka.connectors.amocrm.failures import FAILURES
from svyazka.connectors.amocrm.hook import AmocrmHook
from svyazka.connectors.amocrm.polling import AmocrmPolling
from svyazka.connectors.amocrm.reading import AmocrmReading
from svyazka.connectors.amocrm.records import AmocrmRecords
from svyazka.connectors.amocrm.settings import AmocrmSettings
from svyazka.engine.contracts.manifest import Credentials, Limits, Manifest
from svyazka.engine.contracts.quality import Documented, Proof, Quality, Samples

MANIFEST = Manifest(
    vendor="amocrm",
    title="amoCRM",
    quality=Quality(
        documented=Documented.WHOLE,
        proof=Proof.NONE,
        samples=Samples.RECORDED,
        unknown=N_(
            "when it switches a webhook off, what it tells of merged cards, how far its search is behind, how long a "
            "note or a name may be"
        ),
    ),
    settings=AmocrmSettings,
    # amoCRM counts 7 in any second for an integration and account. A little less, for calls that leave evenly arrive
    # a little unevenly, and a wall of hours stands at the end of too many.
    limits=Limits(per_second=6.0, concurrency=4),
    credentials=Credentials(
        secret=("token", "client_secret"),
        optional={
            "subdomain": N_(
                "with a long-lived token nothing can be asked of amoCRM; with OAuth any account may be connected"
            ),
            "account_id": N_("events of another account aren't told apart"),
            "token": N_(
                "without it (or client_id, client_secret and redirect_uri in its place) deals aren't read again, "
                "so nobody's phone is known, and what a lost webhook told isn't found by polling"
            ),
        },
    ),
    failures=FAILURES,
    records=AmocrmRecords(),
    reading=AmocrmReading(),
    polling=AmocrmPolling(),
    doctor=AmocrmDoctor(),
    hook=AmocrmHook(),
    access=AmocrmAccess(),
)
