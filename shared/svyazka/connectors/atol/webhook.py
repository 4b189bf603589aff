"""The way in from АТОЛ Онлайн. Pure, and light to import.

Nothing is signed: the key in our address keeps strangers out, and a callback only says which receipt's report is to be
read. Its body is the report itself, and none of it is believed.
"""

from __future__ import annotations

import re

from svyazka.catalogue import N_
from svyazka.engine.contracts.untrusted import Section, json_of, text
from svyazka.engine.contracts.webhook import Inbound, NotTheFormat, RawRequest, Webhook
from svyazka.model.events import Entity, EventType, Fact, Unreadable

_OUR_NUMBER = re.compile(r"p[0-9a-f]{24}-(?:t\d{1,3}-)?(?:sale|settlement|refund)(?:-r\d{1,2})?", re.ASCII)


class AtolWebhook(Webhook):
    """What АТОЛ Онлайн tells of documents."""

    vendor = "atol"
    # What it makes of another answer than 200 isn't said.
    tolerates_400 = False

    def parse(self, request: RawRequest, inbound: Inbound) -> list[Fact | Unreadable]:
        """One document's end."""
        told = json_of(request.body, request.header("content-type"))
        if not isinstance(told, dict):
            raise NotTheFormat(N_("expected an object, got {found}").format(found=type(told).__name__))
        return [_item(told)]


def _item(told: Section) -> Fact | Unreadable:
    uuid, status, number = text(told.get("uuid"), 128), text(told.get("status"), 20), text(told.get("external_id"), 128)
    if uuid is None or status is None:
        return Unreadable(reason=N_("expected `uuid` and `status`"))
    ours = number if number is not None and _OUR_NUMBER.fullmatch(number) else None
    words = N_("a document that was not asked for here")
    return Fact(
        type=EventType.RECEIPT_CHANGED, key=(uuid, status), subject=f"receipt:{uuid}",
        entity=Entity(kind="receipt", id=uuid), data={"told": status, **({"number": ours} if ours else {})},
        ignored=words if number is not None and ours is None else None,
    )  # fmt: skip


WEBHOOK = AtolWebhook()
