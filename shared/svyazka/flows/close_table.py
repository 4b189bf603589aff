"""A table that was paid for past the till is closed there; where that can't be done, its waiters are told at once.

The till decides: it is read before anything is written, and a check that costs something else by now, or that the staff
has open on a screen, is left to people.
"""

from __future__ import annotations

from datetime import timedelta

from pydantic import Field

from svyazka.catalogue import N_
from svyazka.engine.contracts.flow import Channel, Decision, Facts, Flow, FlowContext
from svyazka.flows.messages import TextSettings, composer, message_steps, values_of
from svyazka.flows.notify import Staff
from svyazka.model.checks import SettleCheck
from svyazka.model.commands import Guards, Plan, Step
from svyazka.model.contacts import Contact
from svyazka.model.events import Event, EventType
from svyazka.model.money import Money
from svyazka.model.tenants import Duration

PLACEHOLDERS = TextSettings.placeholders | {"table"}


class CloseTableSettings(TextSettings):
    """`close_table`: from providers, via tills, and messengers that reach the staff."""

    placeholders = PLACEHOLDERS

    text: str = "{business}: стол {table} оплачен по счёту, {sum} ₽, а закрыть чек в кассе не вышло. Закройте его сами"
    staff: Staff
    told_after: Duration = Field(default=timedelta(minutes=5), gt=timedelta())
    """Guests want to go: so long the till is tried before the staff is told."""


class CloseTable(Flow[CloseTableSettings]):
    """One payment closes its check once."""

    name = "close_table"
    of_payments = True
    carries = ("SendMessage", "SettleCheck")

    def settings_model(self) -> type[CloseTableSettings]:
        return CloseTableSettings

    def wants(self, settings: CloseTableSettings) -> frozenset[EventType]:
        return frozenset({EventType.PAYMENT_SUCCEEDED})

    def plan(self, event: Event, facts: Facts, settings: CloseTableSettings, context: FlowContext) -> Decision:
        check, till = event.data.get("check"), event.data.get("till")
        if not isinstance(check, str) or not isinstance(till, str):
            return Decision(reason=N_("no table was paid for"))
        if event.data.get("twice"):
            return Decision(reason=N_("money came twice: whoever sees to the card decides what the payer is told"))
        steps = [_settling(one, event, check, context) for one in context.channels if one.connection == till]
        steps += self._to_staff(event, settings, context)
        if not steps:
            return Decision(reason=N_("neither its till nor anybody who could close the table is among the channels"))
        guards = Guards(expires_at=event.received_at + settings.expires_after)
        return Decision([Plan.of(event.subject, steps, guards, settings.told_after)])

    def _to_staff(self, event: Event, settings: CloseTableSettings, context: FlowContext) -> list[Step]:
        staff = settings.staff
        person = Contact(phone=staff.phone, email=staff.email, chats=staff.chats)
        values = {**values_of(event, person), "table": str(event.data.get("table") or "")}
        compose = composer(settings, values, {"business": context.tenant_name}, person)
        return list(message_steps(context.flow, context.channels, person, compose))


def _settling(till: Channel, event: Event, check: str, context: FlowContext) -> Step:
    command = SettleCheck(
        check=check, table=str(event.data.get("table") or ""), amount=Money.read(str(event.data["paid"])),
        payment=str(event.data["payment"]),
    )  # fmt: skip
    return till.step(context.flow, command)


FLOW = CloseTable()
