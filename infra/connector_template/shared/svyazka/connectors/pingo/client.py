"""Calls to Pingo."""

from __future__ import annotations

from svyazka.connectors.pingo.settings import PingoSettings

from svyazka.catalogue import N_
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.commands import Forward
from svyazka.model.outcomes import Outcome, Refused, Unclear


# [messenger
async def send(call: Call[PingoSettings], to: str, words: str) -> Outcome:
    """One message to one phone. Raises NotSent, MaybeSent: the engine knows what they mean."""
    return Refused(code="not_written", message=N_("sending by Pingo isn't written yet"))


# messenger]


# [forwarder
async def hand_on(call: Call[PingoSettings], event: Forward) -> Outcome:
    """One event, whole. Raises NotSent, MaybeSent: the engine knows what they mean."""
    return Refused(code="not_written", message=N_("handing events on to Pingo isn't written yet"))


# forwarder]


async def account(call: Call[PingoSettings]) -> str:
    """Whose credentials these are: it costs nothing and changes nothing. Raises VendorFailure, NotSent, MaybeSent."""
    raise VendorFailure(Unclear(code="not_written", message=N_("asking Pingo isn't written yet")))


# [keyed
def headers(call: Call[PingoSettings]) -> dict[str, str]:
    """What lets a call in."""
    return {"Authorization": f"Bearer {call.settings.api_key}"}


# keyed]


# [access
async def access_headers(call: Call[PingoSettings]) -> dict[str, str]:
    """What lets a call in: its owner's own key, or a token that the engine keeps fresh. Raises SourceUnavailable.

    To a 401 that its vendor gives a good token, ask once for another: `await call.auth.renewed(token)`.
    """
    token = call.settings.api_key
    if token is None and call.auth is not None:
        token = (await call.auth.access()).token
    return {"Authorization": f"Bearer {token}"}


# access]
