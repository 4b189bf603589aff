"""АТОЛ Онлайн: what it is and can do."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.atol.doctor import AtolDoctor
from svyazka.connectors.atol.failures import FAILURES
from svyazka.connectors.atol.receipts import AtolReceipts
from svyazka.connectors.atol.settings import AtolSettings
from svyazka.engine.contracts.manifest import Credentials, Limits, Manifest
from svyazka.engine.contracts.quality import Documented, Proof, Quality, Samples
from svyazka.model.events import EventType

MANIFEST = Manifest(
    vendor="atol",
    title=N_("ATOL Online"),
    quality=Quality(
        documented=Documented.PARTLY,
        proof=Proof.NONE,
        samples=Samples.PUBLISHED,
        unknown=N_("protocol v5 (its document isn't public), whether a callback that wasn't taken comes again"),
    ),
    settings=AtolSettings,
    base_url="https://online.atol.ru/possystem",
    tells=frozenset({EventType.RECEIPT_CHANGED, EventType.RECEIPT_REGISTERED}),
    # One report a second and till; of registering no figure is published.
    limits=Limits(per_second=1.0, concurrency=1),
    credentials=Credentials(
        required=("login", "password", "group_code", "inn", "payment_address", "email"),
        secret=("password",),
        environment={"login": "ATOL_LOGIN", "password": "ATOL_PASSWORD", "group_code": "ATOL_GROUP_CODE"},
        not_proposed=N_("who registers receipts is decided once: by ATOL, or by the provider that takes the money"),
    ),
    failures=FAILURES,
    receipts=AtolReceipts(),
    doctor=AtolDoctor(),
)
