"""ЮKassa: what it is and can do."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.yookassa.doctor import YookassaDoctor
from svyazka.connectors.yookassa.failures import FAILURES
from svyazka.connectors.yookassa.payments import YookassaPayments
from svyazka.connectors.yookassa.settings import YookassaSettings
from svyazka.engine.contracts.capabilities.payments import TELLS
from svyazka.engine.contracts.manifest import Credentials, Limits, Manifest
from svyazka.engine.contracts.quality import Documented, Proof, Quality, Samples

MANIFEST = Manifest(
    vendor="yookassa",
    title=N_("YooKassa"),
    quality=Quality(
        documented=Documented.WHOLE,
        proof=Proof.NONE,
        samples=Samples.PUBLISHED,
        unknown=N_("how long its lists lag, how often it repeats a notification, its rate limit"),
    ),
    settings=YookassaSettings,
    base_url="https://api.yookassa.ru/v3",
    tells=TELLS,
    # No figure is published; 429 says when it is too much.
    limits=Limits(per_second=5.0, concurrency=4),
    credentials=Credentials(
        required=("shop_id", "secret_key"),
        secret=("secret_key",),
        environment={"shop_id": "YOOKASSA_SHOP_ID", "secret_key": "YOOKASSA_SECRET_KEY"},
    ),
    failures=FAILURES,
    payments=YookassaPayments(),
    doctor=YookassaDoctor(),
)
