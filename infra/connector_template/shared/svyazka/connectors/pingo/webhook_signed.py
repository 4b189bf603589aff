"""The way in from Pingo. Pure, and light to import.

How it signs, and by which page of its documentation.
"""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.engine.contracts.untrusted import Section, json_of
from svyazka.engine.contracts.webhook import Inbound, NotTheFormat, RawRequest, Webhook
from svyazka.model.events import Fact, Unreadable


class PingoWebhook(Webhook):
    """What Pingo tells."""

    vendor = "pingo"
    secret_settings = ("signing_secret",)
    # Until its page says otherwise: a refusal may make it switch the address off.
    tolerates_400 = False

    def verify(self, request: RawRequest, inbound: Inbound) -> str | None:
        """None when the signature is Pingo's, over `request.body` untouched."""
        return N_("how Pingo signs isn't written yet")

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        """The one item of a request."""
        told = json_of(request.body, request.header("content-type"))
        if not isinstance(told, dict):
            raise NotTheFormat(N_("expected an object, got {found}").format(found=type(told).__name__))
        return [_item(told)]


def _item(told: Section) -> Fact | Unreadable:
    return Unreadable(reason=N_("what Pingo tells isn't read yet"))


WEBHOOK = PingoWebhook()
