"""What the tenant's flows want done about an event: pure flows over fetched facts. Writes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import reduce
from operator import or_

from svyazka.catalogue import N_
from svyazka.engine.asking.asker import Asker
from svyazka.engine.asking.booked_here import visits_booked_by
from svyazka.engine.calling.cards import Cards
from svyazka.engine.calling.rereading import Rereader
from svyazka.engine.contracts.dispatch import carried
from svyazka.engine.contracts.flow import Decision, Facts, FlowContext, Needs
from svyazka.engine.delivering.admission import SEND_FLOW
from svyazka.engine.delivering.lanes import lane_of
from svyazka.engine.hub import Hub
from svyazka.engine.rules.beginning import Obligation
from svyazka.engine.rules.guards import addresses
from svyazka.engine.rules.sequences import deliveries_of
from svyazka.engine.security.keyring import PEOPLE_OF_AN_EVENT
from svyazka.engine.support.logs import log
from svyazka.engine.tenants.directory import Account, BoundFlow
from svyazka.model.commands import Guards, Plan, SendMessage, Stage, Step, person_of
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Delivery
from svyazka.model.errors import NotAnswered, SourceUnavailable
from svyazka.model.events import Event, EventRecord, EventType
from svyazka.model.giving_back import GiveBack
from svyazka.model.outcomes import Blocked
from svyazka.model.questions import Question, Told
from svyazka.model.tenants import Tenant

TRUST_BODY_AFTER = timedelta(hours=6)
"""How long planning waits for a source that can't be asked before it acts on what the webhook said."""


@dataclass
class Planned:
    """What planning found: deliveries to be, and a reason where there are none."""

    deliveries: list[Delivery] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    backs: list[tuple[str, GiveBack]] = field(default_factory=list)
    """Money that flows, by their ids, want to go back."""
    needs: Needs = field(default_factory=Needs)
    """What the flows had to know first, and what was found of it."""
    facts: Facts = field(default_factory=Facts)


class FlowsDecide:
    """Asks the flows."""

    def __init__(self, hub: Hub, rereader: Rereader, cards: Cards, asker: Asker) -> None:
        self._hub, self._rereader, self._cards, self._asker = hub, rereader, cards, asker

    async def decide(self, record: EventRecord, tenant: Tenant) -> Planned:
        """What the tenant's flows want done about an event. Writes nothing: `preview` uses it too."""
        event, planned = record.event, Planned()
        if event.type is EventType.SEND_REQUESTED and "flow" not in event.data:
            return self._requested(record, tenant)
        concerned = [
            flow
            for flow in await self._hub.directory.flows_of(tenant)
            if _concerns(event, flow) and event.type in flow.flow.wants(flow.settings)
        ]
        bound = [flow for flow in concerned if not flow.flow.in_step]
        if not concerned:
            planned.reasons.append(
                N_("no flow acts on {type} from {connection}").format(
                    type=event.type.value, connection=event.connection
                )
            )
        planned.needs = reduce(or_, (flow.flow.needs(event, flow.settings) for flow in bound), Needs())
        planned.facts = await self._fetched(event, planned.needs)
        for flow in bound:
            facts = await self._of_its_calendar(flow, event, planned.facts, tenant)
            decision = await self._ask(flow, event, facts, tenant)
            if decision.reason:
                planned.reasons.append(f"{flow.spec.id}: {decision.reason}")
            planned.deliveries += self._deliveries(decision.plans, flow.spec.id, record, tenant)
            if decision.back is not None:
                planned.backs.append((flow.spec.id, decision.back))
        return planned

    async def _fetched(self, event: Event, needs: Needs) -> Facts:
        """What is needed, where it can be had. Raises SourceUnavailable."""
        facts = await self.reread(event) if needs.reread else Facts()
        if not needs.cards:
            return facts
        person = (facts.fresh.contact if facts.fresh is not None else None) or event.contact or Contact()
        cards = {name: await self._cards.of(event.tenant, name, person) for name in sorted(needs.cards)}
        return replace(facts, cards=cards)

    async def _of_its_calendar(self, bound: BoundFlow, event: Event, facts: Facts, tenant: Tenant) -> Facts:
        """What the flow's own calendar says; a person waits, so that no answer in time is none."""
        needs = bound.flow.needs(event, bound.settings)
        if needs.ask is None and not needs.visits:
            return facts
        accounts = [await self._hub.directory.account(tenant.id, name) for name in bound.spec.via]
        calendar = next((one for one in accounts if one is not None and one.manifest.calendar is not None), None)
        if calendar is None:
            return facts
        answer = await self._answered(calendar, needs.ask, event) if needs.ask is not None else None
        person, visits = event.contact or Contact(), None
        if needs.visits:
            visits = await visits_booked_by(self._hub, self._asker, calendar, person, event.connection)
        return replace(facts, answer=answer, visits=None if visits is None else tuple(visits))

    async def _answered(self, calendar: Account, question: Question, event: Event) -> tuple[Told, ...] | None:
        try:
            return (await self._asker.ask(calendar, question, by=event.connection)).value
        except NotAnswered as error:
            log("NOTICE", "not answered", tenant=calendar.tenant.id, connection=calendar.name, code=error.code)
            return None

    async def reread(self, event: Event) -> Facts:
        """The event's object as its vendor shows it now, where it can be asked. Raises SourceUnavailable."""
        try:
            return await self._rereader.reread(event)
        except SourceUnavailable as error:
            waited = self._hub.clock.now() - event.received_at > TRUST_BODY_AFTER
            if not waited or _waits_for_source(event, error):
                raise
            log("WARNING", "acting on the webhook's word", tenant=event.tenant, event=event.id)
            return Facts()

    async def _ask(self, bound: BoundFlow, event: Event, facts: Facts, tenant: Tenant) -> Decision:
        if facts.gone and not bound.flow.acts_on_gone:
            return Decision(reason=N_("its object is gone at the source"))
        if facts.fresh is not None:
            if facts.fresh.type not in bound.flow.wants(bound.settings):
                return Decision(reason=N_("the source says {type} now").format(type=facts.fresh.type.value))
            contact = facts.fresh.contact or event.contact
            event = event.model_copy(update={"contact": contact, "data": {**event.data, **facts.fresh.data}})
        context = FlowContext(
            tenant=tenant.id,
            tenant_name=tenant.name,
            timezone=tenant.timezone,
            flow=bound.spec.id,
            channels=await self._hub.directory.channels(tenant, bound.spec.via),
            source_timezone=_zone_of(tenant, event.connection),
        )
        return bound.flow.plan(event, facts, bound.settings, context)

    def _deliveries(
        self, plans: Iterable[Plan], flow_id: str, record: EventRecord, tenant: Tenant
    ) -> Iterable[Delivery]:
        event, now = record.event, self._hub.clock.now()
        base = event.received_at if event.origin == "webhook" else (event.occurred_at or event.received_at)
        for plan in plans:
            shared = Obligation(
                tenant=tenant.id, flow=flow_id, subject=plan.subject, event=event.id, source=event.connection,
                guards=Guards(), base_at=base, people=self._people(plan, record), blank_at=now + tenant.retention,
            )  # fmt: skip
            yield from deliveries_of(self._in_lanes(plan, tenant), shared, now)

    def _in_lanes(self, plan: Plan, tenant: Tenant) -> Plan:
        """Whatever is wanted of one person follows in his lane."""

        def placed(stage: Stage) -> Stage:
            known = addresses(stage.person) if stage.person is not None else []
            if not known:
                return stage
            lane = lane_of(stage.step.connection, self._hub.keyring.person(tenant.id, known[0]))
            return stage.model_copy(update={"lane": lane})

        return plan.model_copy(update={"stages": tuple(map(placed, plan.stages))})

    def _people(self, plan: Plan, record: EventRecord) -> tuple[str, ...]:
        """Whose a delivery is: the source may have shown a person whom the request didn't name."""
        commands = [step.command for stage in plan.stages for step in stage.steps]
        told = "".join(command.model_dump_json() for command in commands).encode()
        contacts = [person for command in commands if (person := person_of(command)) is not None]
        own = self._hub.keyring.people(record.event.tenant, told, contacts)
        return tuple(dict.fromkeys((*own, *record.people)))[:PEOPLE_OF_AN_EVENT]

    def _requested(self, record: EventRecord, tenant: Tenant) -> Planned:
        """One message that somebody asked for, with its text: `svyazka send`."""
        event = record.event
        name = str(event.data["via"])
        spec = tenant.connections.get(name)
        if spec is None:
            return Planned(reasons=[N_("the tenant file has no connection {name}").format(name=name)])
        manifest = self._hub.directory.manifests(spec.vendor)
        command = SendMessage.model_validate({"to": (event.contact or Contact()).model_dump(), **_message_of(event)})
        life = event.data.get("expires_seconds")
        expires = event.received_at + timedelta(seconds=float(life)) if isinstance(life, int | float) else None
        step = Step.through(f"send/{name}", name, spec.vendor, command, carried(manifest, command).safety)
        guards = Guards(expires_at=expires, opt_out=not command.code)
        plan = Plan.of(event.subject, [step], guards)
        return Planned(list(self._deliveries([plan], SEND_FLOW, record, tenant)))


def _concerns(event: Event, bound: BoundFlow) -> bool:
    """A request names its flow; everything else comes from one of the flow's sources."""
    if event.type is EventType.SEND_REQUESTED:
        return event.data.get("flow") == bound.spec.id
    return event.connection in bound.spec.sources


def _zone_of(tenant: Tenant, connection: str) -> str:
    spec = tenant.connections.get(connection)
    zone = spec.settings.get("timezone") if spec is not None else None
    return zone if isinstance(zone, str) else tenant.timezone


def _waits_for_source(event: Event, error: SourceUnavailable) -> bool:
    """True if planning should keep waiting: the source is in an outage (down, or an operator must act), and the event
    has no contact, so acting on the webhook's body alone would reach no one."""
    in_trouble = error.again_at is not None or isinstance(error.outcome, Blocked)
    contact = event.contact
    return in_trouble and not (contact and (contact.phone or contact.email or contact.chats))


def _message_of(event: Event) -> dict[str, object]:
    names = ("text", "subject", "html", "template", "code")
    return {name: event.data[name] for name in names if event.data.get(name) is not None}
