"""The way in from Pingo. Pure, and light to import.

Nothing is signed: the key in our address is all the proof there is.
"""

from __future__ import annotations

from urllib.parse import parse_qsl

from svyazka.catalogue import N_
from svyazka.engine.contracts.forms import urlencoded
from svyazka.engine.contracts.untrusted import Section, decoded
from svyazka.engine.contracts.webhook import FORM, MULTIPART, Inbound, RawRequest, Webhook
from svyazka.model.events import Fact, Unreadable


class PingoWebhook(Webhook):
    """What Pingo tells."""

    vendor = "pingo"
    content_types = (FORM, MULTIPART)
    # Until its page says otherwise: a refusal may make it switch the address off.
    tolerates_400 = False

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        """The one item of a request."""
        form = decoded(urlencoded(request.body, request.header("content-type")), None)
        return [_item(dict(parse_qsl(form, keep_blank_values=True)))]


def _item(told: Section) -> Fact | Unreadable:
    return Unreadable(reason=N_("what Pingo tells isn't read yet"))


WEBHOOK = PingoWebhook()
