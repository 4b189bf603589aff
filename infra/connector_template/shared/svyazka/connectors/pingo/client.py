"""Calls to Pingo."""

from __future__ import annotations

from svyazka.connectors.pingo.settings import PingoSettings

from svyazka.catalogue import N_
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.outcomes import Outcome, Refused, Unclear


# [messenger
async def send(call: Call[PingoSettings], to: str, words: str) -> Outcome:
    """One message to one phone. Raises NotSent, MaybeSent: the engine knows what they mean."""
    return Refused(code="not_written", message=N_("sending by Pingo isn't written yet"))


# messenger]


async def account(call: Call[PingoSettings]) -> str:
    """Whose credentials these are: it costs nothing and changes nothing. Raises VendorFailure, NotSent, MaybeSent."""
    raise VendorFailure(Unclear(code="not_written", message=N_("asking Pingo isn't written yet")))


def headers(call: Call[PingoSettings]) -> dict[str, str]:
    """What lets a call in."""
    return {"Authorization": f"Bearer {call.settings.api_key}"}
