"""CRMs as an installation's channels."""

from __future__ import annotations

from dataclasses import dataclass

from vendors import LEAD_TAKERS
from vendors.parts import Part

STEPS = ("contact", "deal", "note")
RULE = {"flow": "lead_intake", "from": ["source"], "note": True}


@dataclass(frozen=True, kw_only=True)
class Taker(Part):
    """A CRM in a messenger's place."""

    has_receipts: bool = False


def taker(vendor: str) -> Taker:
    """The CRM of this vendor."""
    crm = LEAD_TAKERS[vendor]
    return Taker(crm.vendor, crm.settings, crm.secrets)
