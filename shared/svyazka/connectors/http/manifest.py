"""The generic pair: any webhook in, any HTTP call out."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.http.doctor import HttpDoctor
from svyazka.connectors.http.failures import FAILURES
from svyazka.connectors.http.forwarder import HttpForwarder
from svyazka.connectors.http.polling import HttpPolling
from svyazka.connectors.http.records import HttpRecords
from svyazka.connectors.http.settings import HttpSettings
from svyazka.engine.contracts.manifest import Credentials, Limits, Manifest, Network
from svyazka.engine.contracts.quality import Documented, Proof, Quality, Samples

MANIFEST = Manifest(
    vendor="http",
    title=N_("any system with a webhook or an API"),
    quality=Quality(
        documented=Documented.WHOLE,
        proof=Proof.PUBLISHED_VECTORS,
        samples=Samples.PUBLISHED,
    ),
    settings=HttpSettings,
    limits=Limits(per_second=10.0, concurrency=4),
    credentials=Credentials(
        if_named=("url", "authorization", "outbound_secret"),
        secret=("inbound_secret", "authorization", "outbound_secret"),
        optional={
            "url": N_("nothing can be sent through this connection, it only receives"),
            "outbound_secret": N_("what is sent isn't signed: its receiver can't tell it from a forgery"),
            "auth": N_("whoever knows the webhook's address can send events: nothing else proves them"),
        },
    ),
    failures=FAILURES,
    network=Network(tenant_addresses=True),
    forwarder=HttpForwarder(),
    records=HttpRecords(),
    polling=HttpPolling(),
    doctor=HttpDoctor(),
)
