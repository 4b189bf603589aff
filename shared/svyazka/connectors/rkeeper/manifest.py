"""r_keeper (r_k Delivery and White Server): what it is and can do.

A table's check that was paid past the till gets that payment noted and is closed, through White Server. Creating orders
(from a Mini App) will be a command of its own; its failure map lies ready in `failures.py`.
"""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.rkeeper.doctor import RKeeperDoctor, silence
from svyazka.connectors.rkeeper.failures import FAILURES
from svyazka.connectors.rkeeper.polling import RKeeperPolling
from svyazka.connectors.rkeeper.reading import RKeeperReading
from svyazka.connectors.rkeeper.settings import RKeeperSettings
from svyazka.connectors.rkeeper.tills import RKeeperTills
from svyazka.engine.contracts.manifest import Credentials, Limits, Manifest
from svyazka.engine.contracts.quality import Documented, Proof, Quality, Samples

MANIFEST = Manifest(
    vendor="rkeeper",
    title="r_keeper",
    quality=Quality(
        documented=Documented.PARTLY,
        proof=Proof.UNPUBLISHED,
        samples=Samples.PUBLISHED,
        unknown=N_("the body and the header of the Delivery push, and how White Server signs"),
    ),
    settings=RKeeperSettings,
    # White Server: 360 a minute (5 with a test licence: `limit`). Delivery publishes none.
    limits=Limits(per_second=5.0, concurrency=2, per_minute=350),
    credentials=Credentials(
        secret=("client_secret", "token", "signature_key"),
        optional={
            "client_id": N_(
                "with client_secret: without them orders made through the API connection of r_k Delivery aren't "
                "read again before acting, and what a lost push told isn't found by polling"
            ),
            "object_id": N_("events of other restaurants of the same White Server licence aren't told apart"),
            "token": N_("events of White Server hold no phone, and without it the guest's can't be read"),
            "signature_recipe": N_(
                "with signature_key: White Server's signature isn't checked (its recipe is unpublished), so "
                "whoever knows the webhook's address can send events"
            ),
        },
    ),
    failures=FAILURES,
    tills=RKeeperTills(),
    reading=RKeeperReading(),
    polling=RKeeperPolling(),
    doctor=RKeeperDoctor(),
    silence=silence,
)
