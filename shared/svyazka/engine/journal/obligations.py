"""Whose an obligation is: vendors count for themselves, so an order's number means something within its connection.

A delivery's name is made of its flow, its subject and its step (DESIGN 5.3). Where another connection's obligation
bears that name already, the connection becomes part of the subject: `shop/order:1001`. Not from the first, for two
reasons: what was planned before connections were told apart bears the short name, and so does what a worker of the
release before plans beside us during a deployment. One name to look under keeps each of them from being sent twice,
and costs no read where nothing is in the way.
"""

from __future__ import annotations

from svyazka.engine.journal import documents as journal
from svyazka.engine.ports.store import Store
from svyazka.model.deliveries import Delivery
from svyazka.model.events import EventRecord
from svyazka.model.ids import delivery_id


async def source_of(store: Store, delivery: Delivery) -> str | None:
    """The connection whose event a delivery answers; None where nobody knows any more, or where it answers none."""
    if delivery.source is not None:
        return delivery.source
    held = await journal.load(store, EventRecord, delivery.event)
    return held.model.event.connection if held is not None else None


async def still_to_make(store: Store, delivery: Delivery) -> Delivery | None:
    """A delivery as it may be created; None where the obligation is there already."""
    present = await journal.load(store, Delivery, delivery.id)
    if present is None:
        return delivery
    owner, ours = await source_of(store, present.model), await source_of(store, delivery)
    if owner is None or ours is None or owner == ours:
        return None
    apart = _named_apart(delivery, ours)
    return apart if await store.get("deliveries", apart.id) is None else None


def _named_apart(delivery: Delivery, source: str) -> Delivery:
    subject = f"{source}/{delivery.subject}"
    id_ = delivery_id(delivery.tenant, delivery.flow, subject, delivery.step)
    return delivery.model_copy(update={"id": id_, "subject": subject})
