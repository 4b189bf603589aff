"""Bitrix24: what it is and can do."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.bitrix24.access import Bitrix24Access
from svyazka.connectors.bitrix24.doctor import Bitrix24Doctor
from svyazka.connectors.bitrix24.failures import FAILURES
from svyazka.connectors.bitrix24.polling import Bitrix24Polling
from svyazka.connectors.bitrix24.reading import Bitrix24Reading
from svyazka.connectors.bitrix24.records import Bitrix24Records
from svyazka.connectors.bitrix24.settings import Bitrix24Settings
from svyazka.engine.contracts.manifest import Credentials, Limits, Manifest, Network
from svyazka.engine.contracts.quality import Documented, Proof, Quality, Samples

MANIFEST = Manifest(
    vendor="bitrix24",
    title=N_("Bitrix24"),
    quality=Quality(
        documented=Documented.WHOLE,
        proof=Proof.NONE,
        samples=Samples.PUBLISHED,
        unknown=N_("whether a used refresh token is good once more, and how long duplicates take to be found"),
    ),
    settings=Bitrix24Settings,
    # A bucket of 50 from which 2 a second leak: 110 calls at three a second fill it to 37, and by the next minute it
    # is empty again. What is left is for the client's other programs at the same address.
    limits=Limits(per_second=3.0, concurrency=4, per_minute=110),
    credentials=Credentials(
        advice=N_(
            "an incoming webhook is enough to write into CRM; make it under an employee of its own, for it has that "
            "employee's rights and ends with that employee"
        ),
        secret=("webhook_url", "client_secret", "application_token"),
        optional={
            "webhook_url": N_(
                "without it (or client_id, client_secret and domain in its place) nothing is read or written"
            ),
        },
    ),
    # The portal may stand on the business's own machine, at an address that the tenant file names.
    network=Network(tenant_addresses=True),
    failures=FAILURES,
    records=Bitrix24Records(),
    reading=Bitrix24Reading(),
    polling=Bitrix24Polling(),
    doctor=Bitrix24Doctor(),
    access=Bitrix24Access(),
)
