"""A business's own site: it only calls us."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.connectors.site.doctor import SiteDoctor
from svyazka.connectors.site.settings import SiteSettings
from svyazka.engine.contracts.manifest import Credentials, Manifest
from svyazka.engine.contracts.quality import Documented, Proof, Quality, Samples
from svyazka.model.events import EventType

MANIFEST = Manifest(
    vendor="site",
    title=N_("your own site, bot or app"),
    quality=Quality(documented=Documented.WHOLE, proof=Proof.NONE, samples=Samples.OURS),
    settings=SiteSettings,
    tells=frozenset(EventType) - {EventType.PAYMENT_SUCCEEDED, EventType.PAYMENT_FAILED, EventType.PAYMENT_REFUNDED},
    credentials=Credentials(
        optional={
            "origins": N_("no page can read an answer: forms without JavaScript and servers only"),
            "bot": N_("a Mini App's users are known by a one-time code only"),
        },
    ),
    doctor=SiteDoctor(),
)
