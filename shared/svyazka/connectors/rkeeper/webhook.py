"""The way in from r_keeper: who may knock, and what each request means in our words. Pure, and light to import.

Two products call one address. r_k Delivery pushes an order when a template's condition holds ("status equals
«Выполнен»"): an unpublished body, no signature, no repeats known of. White Server tells of every change at
the till in a documented envelope, with a `Signature` whose recipe is not published.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from collections.abc import Callable, Mapping

from svyazka.catalogue import N_
from svyazka.connectors.rkeeper.events import ENVELOPE, event_fact, object_ids
from svyazka.connectors.rkeeper.push import Reading, order_fact
from svyazka.connectors.rkeeper.schema import NotUnderstood
from svyazka.engine.contracts.untrusted import json_of
from svyazka.engine.contracts.webhook import Inbound, NotTheFormat, RawRequest, Webhook
from svyazka.model.events import Fact, Unreadable

RECIPES: dict[str, Callable[[bytes, bytes], bytes]] = {
    "hmac-sha256": lambda key, body: hmac.digest(key, body, "sha256"),
    "sha256-key-body": lambda key, body: hashlib.sha256(key + body).digest(),
    "sha256-body-key": lambda key, body: hashlib.sha256(body + key).digest(),
}
"""How White Server's `Signature` may be made: base64 of 32 bytes is all that its pages say. Which one it is,
is to be asked of its team (integrations@rkeeper.ru); until a connection names one, nothing is checked."""

XML = ("application/xml", "text/xml")


class RKeeperWebhook(Webhook):
    """Pushes of r_k Delivery and events of White Server."""

    vendor = "rkeeper"
    content_types = ("application/json", "text/json", "text/plain", *XML)
    # White Server deletes an address that fails for 7 days; what Delivery does to one, nobody says.
    tolerates_400 = False
    secret_settings = ("signature_key",)
    public_settings = ("final_statuses", "status_map", "paths", "object_id", "signature_recipe")

    def verify(self, request: RawRequest, inbound: Inbound) -> str | None:
        """White Server's signature, where the connection says how it is made. Pushes are never signed: our key
        in their address is what proves them."""
        recipe = RECIPES.get(str(inbound.public.get("signature_recipe")))
        if recipe is None or not _has_events(request):
            return None
        key = inbound.secrets.get("signature_key")
        if not key:
            return N_("signature_recipe is set and signature_key is not: nothing can be checked by it")
        try:
            given = base64.b64decode(request.header("signature") or "", validate=True)
        except (binascii.Error, ValueError):
            given = b""
        if hmac.compare_digest(given, recipe(key.encode(), request.body)):
            return None
        return N_("the Signature header isn't that of this body under signature_recipe and signature_key")

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        """Each item in our words; one that can't be read doesn't take the others with it."""
        reading, ours = Reading.of(inbound.public), object_ids(inbound.public.get("object_id"))
        return [_item(item, reading, ours) for item in _items(request)]


def _items(request: RawRequest) -> list[object]:
    content_type = request.header("content-type") or ""
    if request.body.lstrip()[:1] == b"<":
        raise NotTheFormat(
            N_("expected JSON, got XML: ask White Server's team for events of API v2, v1 isn't read here")
        )
    content = json_of(request.body, content_type)
    if isinstance(content, Mapping):
        return [content]
    if isinstance(content, list):
        return content
    raise NotTheFormat(N_("expected an order or an event, got {found}").format(found=type(content).__name__))


def _has_events(request: RawRequest) -> bool:
    try:
        return any(isinstance(item, Mapping) and ENVELOPE in item for item in _items(request))
    except NotTheFormat:
        return False  # parse will say so


def _item(item: object, reading: Reading, ours: frozenset[str]) -> Fact | Unreadable:
    if not isinstance(item, Mapping):
        return Unreadable(reason=N_("expected an order or an event, got {found}").format(found=type(item).__name__))
    try:
        return event_fact(item, reading.statuses, ours) if ENVELOPE in item else order_fact(item, reading)
    except NotUnderstood as error:
        return Unreadable(reason=str(error))


WEBHOOK = RKeeperWebhook()
