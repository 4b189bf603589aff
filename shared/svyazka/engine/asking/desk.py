"""What the front door asks while somebody waits: about a calendar, about a booking, about whoever a session is of."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from svyazka.engine.asking.asker import Asker
from svyazka.engine.asking.bookings import booking_of
from svyazka.engine.asking.holds import Holds
from svyazka.engine.asking.my_money import my_payments, my_subscriptions
from svyazka.engine.asking.my_visits import MyVisits
from svyazka.engine.asking.proving import Born, Proving
from svyazka.engine.asking.sessions import person_in_app, session_of
from svyazka.engine.asking.tables import Tables
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.tasks import pay_task
from svyazka.engine.outages.learning import Outages
from svyazka.engine.paying.opening import payment_of
from svyazka.engine.paying.showing import shown_subscription, story
from svyazka.engine.paying.turning import held_of
from svyazka.engine.ports.asking import Reply
from svyazka.engine.rules.paying import may_change
from svyazka.engine.tenants.directory import Account
from svyazka.model.bookings import Slot
from svyazka.model.events import EventRecord
from svyazka.model.payments import Payment
from svyazka.model.questions import QUESTION, Answer, AskNearest, Question
from svyazka.model.standing import BookingShown, as_json
from svyazka.model.tenants import Tenant

MAY_BE_HELD = 2
"""So many more of the next free times are asked for as somebody may be waiting for."""

LOOKED_ANEW = timedelta(seconds=3)
"""So often at most a payment is looked at because somebody asks how it stands."""

NO_SUCH = Reply.why_not(404, "no_such_question")


class Desk:
    """Takes questions. Raises NotYours, NotAnswered, ConfigError, Unavailable; KeyError and ValueError for what is no
    question."""

    def __init__(self, hub: Hub, asker: Asker, outages: Outages) -> None:
        self._hub, self._asker, self._holds = hub, asker, Holds(hub)
        self._tables = Tables(hub, asker)
        self._mine, self._proving = MyVisits(hub, asker), Proving(hub, outages)
        self._looked: dict[str, datetime] = {}

    async def answer(self, body: Mapping[str, Any]) -> Reply:
        """One question of a site's (`by`)."""
        tenant, question = await self._hub.directory.tenant(str(body["tenant"])), body["question"]
        if tenant is None:
            return NO_SUCH
        by = str(body.get("by", ""))
        match question["kind"]:
            case "my_visits" | "my_bookings" | "born":
                return await self._of_session(tenant, question, by)
            case "booking":
                return await self._booking(tenant, by, str(question["booking"]))
            case "subscription":
                return await self._subscription(tenant, by, str(question["subscription"]))
            case "my_subscriptions" | "my_payments":
                session = await session_of(self._hub, tenant, str(question["session"]))
                shown = my_subscriptions if question["kind"] == "my_subscriptions" else my_payments
                now = self._hub.clock.now().isoformat()
                value = [as_json(one) for one in await shown(self._hub, tenant, session)]
                return Reply(200, {"value": value, "as_of": now, "stale": False})
            case "payment":
                return await self._payment(tenant, by, str(question["payment"]))
            case "table":
                return await self._tables.check(tenant, by, str(question["table"]), bool(question.get("anew")))
            case "init_data":
                bot, init_data = str(question["bot"]), str(question["init_data"])
                return Reply(200, {"person": await person_in_app(self._hub, tenant, bot, init_data)})
        name = str(body.get("connection") or "") or self._only_calendar(tenant)
        account = await self._hub.directory.account(tenant.id, name) if name else None
        if account is None:
            return Reply.why_not(404, "no_calendar")
        return Reply(200, (await self._offered(account, QUESTION.validate_python(question), by)).told())

    async def _offered(self, account: Account, question: Question, by: str) -> Answer:
        """The calendar's answer; of free times those that nobody else is waiting for."""
        wanted: int | None = None
        if isinstance(question, AskNearest):
            wanted = question.count
            question = question.model_copy(update={"count": min(wanted + MAY_BE_HELD, 10)})
        answer = await self._asker.ask(account, question, by)
        slots = [one for one in answer.value if isinstance(one, Slot)]
        if not slots:
            return answer
        spared = await self._holds.spared(account, slots)
        return answer.model_copy(update={"value": tuple(spared[:wanted])})

    async def _of_session(self, tenant: Tenant, question: Mapping[str, Any], by: str) -> Reply:
        session = await session_of(self._hub, tenant, str(question["session"]))
        match question["kind"]:
            case "my_visits":
                return Reply(200, (await self._mine.visits(tenant, session, by)).told())
            case "my_bookings":
                return Reply(200, (await self._mine.bookings(tenant, session)).told())
        born = Born.read(str(question["born"]))
        await self._proving.prove(tenant, session, born)
        return Reply(200, {"factor": born.factor.value})

    async def _booking(self, tenant: Tenant, site: str, id_: str) -> Reply:
        """A booking of this very site, by its id."""
        held = await journal.load(self._hub.store, EventRecord, id_)
        found = await booking_of(self._hub, tenant.id, id_)
        if held is None or found is None or held.model.event.connection != site:
            return Reply.why_not(404, "no_booking")
        starts_at = found.starts_at.iso if found.starts_at is not None else None
        booked = BookingShown(
            state=found.state, visit=found.visit, starts_at=starts_at, code=found.code, changing=found.changing,
            subject=held.model.event.subject,
        )  # fmt: skip
        return Reply(200, booked.model_dump(mode="json"))

    async def _subscription(self, tenant: Tenant, site: str, id_: str) -> Reply:
        """One that began by this very site, to whoever holds its id."""
        held = await held_of(self._hub, id_)
        if held is None or (held.stands.subscription.tenant, held.stands.subscription.connection) != (tenant.id, site):
            return Reply.why_not(404, "no_subscription")
        return Reply(200, as_json(shown_subscription(held.stands)))

    async def _payment(self, tenant: Tenant, site: str, id_: str) -> Reply:
        """A payment that this very site asked for, by its id or by that of the request; what isn't its own is as what
        isn't there. Whoever waits for its end has it looked at."""
        if id_.startswith("evt_"):
            asked = await journal.load(self._hub.store, EventRecord, id_)
            own = asked is not None and asked.model.event.tenant == tenant.id
            id_ = await payment_of(self._hub, asked.model.event) or "" if asked is not None and own else ""
        held = await journal.load(self._hub.store, Payment, id_) if id_ else None
        if held is None or held.model.tenant != tenant.id or held.model.connection != site:
            return Reply.why_not(404, "no_payment")
        payment, now = held.model, self._hub.clock.now()
        if may_change(payment) and payment.attempts and now - payment.changed_at >= LOOKED_ANEW:
            last = max(self._looked.get(id_, payment.changed_at), payment.changed_at)
            if now - last >= LOOKED_ANEW:
                self._looked = {id_: now, **dict(list(self._looked.items())[:1000])}
                await self._hub.queue.enqueue([pay_task(id_, payment.attempts[-1].vendor)])
        return Reply(200, as_json(story(payment)))

    def _only_calendar(self, tenant: Tenant) -> str | None:
        """The tenant's one connection that has a calendar; None where there are several, or none."""
        names = [
            name for name, spec in tenant.connections.items()
            if self._hub.directory.manifests(spec.vendor).calendar is not None
        ]  # fmt: skip
        return names[0] if len(names) == 1 else None
