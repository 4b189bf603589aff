"""Deterministic identity: the same facts give the same id on every path and at every repeat."""

from __future__ import annotations

import hashlib
import json
from typing import NewType

_PACKED = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))

TenantId = NewType("TenantId", str)
ConnectionName = NewType("ConnectionName", str)
EventId = NewType("EventId", str)
DeliveryId = NewType("DeliveryId", str)


def stable_id(prefix: str, *parts: str) -> str:
    """`prefix` + 128 bits of SHA-256 over `parts`, unambiguous in where one part ends."""
    packed = _PACKED.encode(parts).encode("utf-8", "surrogatepass")
    return f"{prefix}_{hashlib.sha256(packed).hexdigest()[:32]}"


def event_id(tenant: str, connection: str, *natural_key: str) -> EventId:
    """Identity of facts, not of requests (DESIGN 5.3)."""
    return EventId(stable_id("evt", tenant, connection, *natural_key))


def delivery_id(tenant: str, flow: str, subject: str, step: str) -> DeliveryId:
    """One obligation per business fact: every event about one subject meets in one delivery."""
    return DeliveryId(stable_id("dlv", tenant, flow, subject, step))


def connection_id(tenant: str, connection: str) -> str:
    """The document id of a connection; tenant ids and connection names hold no dot."""
    return f"{tenant}.{connection}"


def mark_of(delivery: str) -> str:
    """What marks an object at a vendor as this delivery's: short enough for any field."""
    return "svz-" + delivery.removeprefix("dlv_")[:12]
