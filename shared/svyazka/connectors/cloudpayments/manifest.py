"""CloudPayments: what it is and can do."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.cloudpayments.doctor import CloudpaymentsDoctor
from svyazka.connectors.cloudpayments.failures import FAILURES
from svyazka.connectors.cloudpayments.hook import CloudpaymentsHook
from svyazka.connectors.cloudpayments.payments import CloudpaymentsPayments
from svyazka.connectors.cloudpayments.settings import CloudpaymentsSettings
from svyazka.engine.contracts.capabilities.payments import TELLS
from svyazka.engine.contracts.manifest import Credentials, Limits, Manifest
from svyazka.engine.contracts.quality import Documented, Proof, Quality, Samples

MANIFEST = Manifest(
    vendor="cloudpayments",
    title="CloudPayments",
    quality=Quality(
        documented=Documented.WHOLE,
        proof=Proof.OWN_BYTES,
        samples=Samples.PUBLISHED,
        unknown=N_("whether a refund keeps our number, how late its lists are, whether links end by themselves"),
    ),
    settings=CloudpaymentsSettings,
    base_url="https://api.cloudpayments.ru",
    tells=TELLS,
    # It counts what is under way: 5 for a site in test mode, 30 for a live one.
    limits=Limits(per_second=10.0, concurrency=5),
    credentials=Credentials(
        required=("public_id", "api_secret"),
        secret=("api_secret",),
        environment={"public_id": "CLOUDPAYMENTS_PUBLIC_ID", "api_secret": "CLOUDPAYMENTS_API_SECRET"},
    ),
    failures=FAILURES,
    payments=CloudpaymentsPayments(),
    doctor=CloudpaymentsDoctor(),
    hook=CloudpaymentsHook(),
)
