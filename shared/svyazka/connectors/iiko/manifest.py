"""iikoCloud: what it is and can do.

A table's check that was paid past the till gets that payment noted and is closed. Creating deliveries and crediting
bonuses will be commands of their own, with `order.id` as the idempotency key; their failure map lies ready in
`failures.py`.
"""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.iiko.doctor import IikoDoctor
from svyazka.connectors.iiko.failures import FAILURES
from svyazka.connectors.iiko.hook import IikoHook
from svyazka.connectors.iiko.polling import IikoPolling
from svyazka.connectors.iiko.reading import IikoReading
from svyazka.connectors.iiko.settings import IikoSettings
from svyazka.connectors.iiko.tills import IikoTills
from svyazka.engine.contracts.manifest import Credentials, Limits, Manifest
from svyazka.engine.contracts.quality import Documented, Proof, Quality, Samples

MANIFEST = Manifest(
    vendor="iiko",
    title="iiko",
    quality=Quality(
        documented=Documented.WHOLE,
        proof=Proof.TOKEN,
        samples=Samples.RECORDED,
        unknown=N_("how often and for how long it repeats a webhook, and what switches it off"),
    ),
    settings=IikoSettings,
    base_url="https://api-ru.iiko.services",
    # iiko publishes no figures, and blocks logins for many identical requests.
    limits=Limits(per_second=2.0, concurrency=2),
    credentials=Credentials(
        advice=N_(
            "iiko recommends API keys: app_id and client_secret from public-api.iikoweb.ru/portal, api_key from "
            "iikoWeb, API Keys. api_login is the old way: leave it empty unless you have it already"
        ),
        secret=("api_key", "client_secret", "api_login", "auth_token"),
        optional={
            "organization_id": N_("events of other organizations of the same API login aren't told apart"),
            "auth_token": N_("whoever knows the webhook's address can send events: nothing else proves them"),
            "api_credentials": N_(
                "with neither api_key, app_id and client_secret nor api_login orders aren't read again before "
                "acting, and what a lost webhook told isn't found by polling"
            ),
        },
    ),
    failures=FAILURES,
    tills=IikoTills(),
    reading=IikoReading(),
    polling=IikoPolling(),
    doctor=IikoDoctor(),
    hook=IikoHook(),
)
