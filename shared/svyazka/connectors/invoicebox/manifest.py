"""Invoicebox: what it is and can do."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.invoicebox.doctor import InvoiceboxDoctor
from svyazka.connectors.invoicebox.failures import FAILURES
from svyazka.connectors.invoicebox.onboarding import InvoiceboxOnboarding
from svyazka.connectors.invoicebox.payments import InvoiceboxPayments
from svyazka.connectors.invoicebox.settings import InvoiceboxSettings
from svyazka.engine.contracts.capabilities.payments import TELLS
from svyazka.engine.contracts.manifest import Credentials, Limits, Manifest
from svyazka.engine.contracts.quality import Documented, Proof, Quality, Samples

MANIFEST = Manifest(
    vendor="invoicebox",
    title=N_("Invoicebox"),
    quality=Quality(
        documented=Documented.PARTLY,
        proof=Proof.PUBLISHED_VECTORS,
        samples=Samples.PUBLISHED,
        unknown=N_(
            "whether a number of ours may come twice, how lists are paged, how long they lag, what `hold` and `draft` "
            "mean, how its ten repeats are spread over the day"
        ),
    ),
    settings=InvoiceboxSettings,
    base_url="https://api.invoicebox.ru",
    tells=TELLS,
    # 100 in 30 s by account; 500 by address, which other installations may share.
    limits=Limits(per_second=2.0, concurrency=2),
    credentials=Credentials(
        required=("merchant_id", "token", "notification_key"),
        secret=("token", "notification_key", "partner_token"),
        environment={
            "merchant_id": "INVOICEBOX_MERCHANT_ID",
            "token": "INVOICEBOX_TOKEN",
            "notification_key": "INVOICEBOX_NOTIFICATION_KEY",
        },
    ),
    failures=FAILURES,
    payments=InvoiceboxPayments(),
    onboarding=InvoiceboxOnboarding(),
    doctor=InvoiceboxDoctor(),
)
