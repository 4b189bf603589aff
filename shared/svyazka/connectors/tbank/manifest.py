"""T-Bank: what it is and can do."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.tbank.doctor import TbankDoctor
from svyazka.connectors.tbank.failures import FAILURES
from svyazka.connectors.tbank.payments import TbankPayments
from svyazka.connectors.tbank.settings import TbankSettings
from svyazka.engine.contracts.capabilities.payments import TELLS
from svyazka.engine.contracts.manifest import Credentials, Limits, Manifest
from svyazka.engine.contracts.quality import Documented, Proof, Quality, Samples

MANIFEST = Manifest(
    vendor="tbank",
    title=N_("T-Bank"),
    quality=Quality(
        documented=Documented.WHOLE,
        proof=Proof.PUBLISHED_VECTORS,
        samples=Samples.PUBLISHED,
        unknown=N_("its rate; what it shows of a payment of which a part went back; how late CheckOrder may be"),
    ),
    settings=TbankSettings,
    base_url="https://securepay.tinkoff.ru/v2",
    tells=TELLS,
    # No figure is published; what integrators keep below.
    limits=Limits(per_second=10.0, concurrency=4),
    credentials=Credentials(
        required=("terminal_key", "password"),
        secret=("password",),
        optional={"taxation": N_("T-Bank registers no fiscal receipts")},
        environment={"terminal_key": "TBANK_TERMINAL_KEY", "password": "TBANK_PASSWORD"},
    ),
    failures=FAILURES,
    payments=TbankPayments(),
    doctor=TbankDoctor(),
)
