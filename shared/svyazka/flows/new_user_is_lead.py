"""Whoever signs up in an app or on a site is a lead: his card and a deal, once a user."""

from __future__ import annotations

from svyazka.engine.contracts.flow import Decision, Facts, Flow, FlowContext
from svyazka.flows.leads import CARRIES, LeadSettings, lane_person, lead_plans
from svyazka.model.contacts import Contact
from svyazka.model.events import Event, EventType


class NewUserSettings(LeadSettings):
    """`new_user_is_lead`: as `lead_intake`, with a title of its own and no note."""

    title: str = "Новый пользователь: {name|без имени}"
    note: bool = False


class NewUserIsLead(Flow[NewUserSettings]):
    """A user is told of as `contact.created`; one without phone, e-mail and chat can't be called back."""

    name = "new_user_is_lead"
    carries = (CARRIES,)

    def settings_model(self) -> type[NewUserSettings]:
        return NewUserSettings

    def wants(self, settings: NewUserSettings) -> frozenset[EventType]:
        return frozenset({EventType.CONTACT_CREATED})

    def plan(self, event: Event, facts: Facts, settings: NewUserSettings, context: FlowContext) -> Decision:
        if lane_person(event.contact or Contact()) is None:
            return Decision(reason="the user has no phone, e-mail or chat: nobody could answer")
        return Decision(lead_plans(event, settings, context, event.subject))


FLOW = NewUserIsLead()
