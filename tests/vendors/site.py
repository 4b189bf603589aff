"""A business's own site, as the tests know it: the envelopes in which the front door hands its calls on.

It is no source of the matrix: what its callers say goes through the front door (`tests/door`), not to one address.
"""

from __future__ import annotations

from vendors.parts.hooks import Hooks
from vendors.parts.vendor import Vendor

HOOKS = Hooks(
    samples="site",
    told={
        "lead.json": ["lead.created (no time)"],
        "lead-robot.json": ["lead.created (no time): honeypot"],
        "lead-flood.json": ["lead.created (no time)"],
        "order.json": ["order.completed order:1001 (no time)"],
        "order-public.json": ["order.created (no time)"],
        "message.json": ["message.received (no time)"],
        "event.json": ["activity.recorded"],
        "event-contact.json": ["contact.created contact:77 (no time)"],
        "booking.json": ["booking.requested (no time)"],
        "code.json": ["message.requested (no time)"],
    },
)

VENDOR = Vendor(name="site", hooks=HOOKS)
