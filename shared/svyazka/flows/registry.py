"""Which flows there are: names only, imported on use."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from typing import Any

from svyazka.catalogue import N_, _
from svyazka.engine.contracts.flow import Flow
from svyazka.model.errors import ConfigError

FLOWS: dict[str, str] = {
    "another_card": "svyazka.flows.another_card",
    "booking": "svyazka.flows.booking",
    "booking_bot": "svyazka.flows.booking_bot",
    "close_table": "svyazka.flows.close_table",
    "enrich": "svyazka.flows.enrich",
    "forward": "svyazka.flows.forward",
    "lead_intake": "svyazka.flows.lead_intake",
    "new_user_is_lead": "svyazka.flows.new_user_is_lead",
    "notify": "svyazka.flows.notify",
    "one_time_code": "svyazka.flows.one_time_code",
    "paid_order": "svyazka.flows.paid_order",
    "refund_on_cancel": "svyazka.flows.refund_on_cancel",
    "review_request": "svyazka.flows.review_request",
    "sync": "svyazka.flows.sync",
    "sync_appointments": "svyazka.flows.sync_appointments",
    "sync_contacts": "svyazka.flows.sync_contacts",
    "take_payment": "svyazka.flows.take_payment",
}

DOES: dict[str, str] = {
    "another_card": N_("asks subscribers whose card brings no money for another"),
    "booking": N_("books, moves and cancels visits that people ask for, and tells them"),
    "booking_bot": N_("lets people book by the buttons of a bot"),
    "close_table": N_("closes the table in the till that was paid for by bill, or tells its waiters"),
    "enrich": N_("writes what a person ordered, visited or did onto the card in the CRM"),
    "forward": N_("passes events on to a system of your own, as signed HTTP calls"),
    "lead_intake": N_("puts leads into the CRM: a contact, a deal with its source, a note"),
    "new_user_is_lead": N_("puts new users of an app or a site into the CRM as leads"),
    "notify": N_("tells the staff of events"),
    "one_time_code": N_("delivers a code or a confirmation letter that another system asks for"),
    "paid_order": N_("moves the deal of a paid order on in the CRM, and tells the payer"),
    "refund_on_cancel": N_("gives money back for orders and visits that are cancelled in time"),
    "review_request": N_("asks for a review after an order, a visit or a deal"),
    "sync": N_("keeps companies the same in two systems or more, field by field"),
    "sync_appointments": N_("shows the visits of a calendar as deals in the CRM, and keeps the two in step"),
    "sync_contacts": N_("keeps people the same in several systems"),
    "take_payment": N_("makes links to pay by, through one provider or the next, and gives money back"),
}
"""What each is for, in a line: `svyazka init` says it where one chooses."""


@cache
def load_flow(name: str) -> Flow[Any]:
    """A flow by its name. Raises ConfigError for one that we don't have."""
    try:
        module = FLOWS[name]
    except KeyError:
        raise ConfigError(
            _("flow: expected one of {names}, got {name!r}", names=", ".join(sorted(FLOWS)), name=name)
        ) from None
    flow: Flow[Any] = import_module(module).FLOW
    return flow
