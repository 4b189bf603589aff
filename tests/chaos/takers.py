"""CRMs and calendars as an installation's channels."""

from __future__ import annotations

from dataclasses import dataclass

from vendors.parts.base import Part

STEPS = ("contact", "deal", "note")
RULE = {"flow": "lead_intake", "from": ["source"], "note": True}


@dataclass(frozen=True, kw_only=True)
class Taker(Part):
    """A CRM, or a calendar, in a messenger's place."""

    has_receipts: bool = False


def taker(part: Part) -> Taker:
    """This one."""
    return Taker(part.vendor, part.settings, part.secrets)
