"""A payment is begun: its document stands before any provider is called, in the commit that plans the request.

Nothing that a browser says decides what is paid: by the public key only an order that we know with its amount.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from svyazka.catalogue import N_
from svyazka.engine.contracts.capabilities.payments import Can
from svyazka.engine.contracts.untrusted import zoned_time
from svyazka.engine.hub import Hub
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.paying.addressing import is_reached, readdressed
from svyazka.engine.paying.charging import link_under_way, payment_for
from svyazka.engine.paying.refunding import WHY_NOT as NO_REFUND
from svyazka.engine.paying.subscription_words import WHY_NOT as NO_SUBSCRIPTION
from svyazka.engine.paying.subscription_words import is_of
from svyazka.engine.paying.turning import held_of, latest_payment
from svyazka.engine.ports.store import Write
from svyazka.engine.rules.paying import is_orphan, with_state
from svyazka.engine.rules.splitting import divided, split_at
from svyazka.engine.security.keyring import PEOPLE_OF_AN_EVENT
from svyazka.model.agreements import Agreed, Every, Wanted
from svyazka.model.base import SKELETON, plausible
from svyazka.model.commands import Step
from svyazka.model.contacts import Contact
from svyazka.model.deliveries import Delivery
from svyazka.model.events import Event, EventRecord
from svyazka.model.ids import delivery_id
from svyazka.model.money import Money
from svyazka.model.orders import KnownBy, Order, OrderLine, fitted, order_id, total_of
from svyazka.model.paying import MakeLink
from svyazka.model.payments import IN_FLIGHT, Attempt, By, Payment, PaymentState, attempt_number, payment_id
from svyazka.model.shares import Dividing
from svyazka.model.subscriptions import PeriodState

LOOKED_AFTER = timedelta(minutes=2)
"""So long a payment's links may take before it is looked at, whatever became of whoever makes them."""

WHY_NOT = {
    "unknown_order": N_(
        "no order of this number is known with its amount: its server, till or CRM has to say it first"
    ),
    "other_amount": N_("the order costs another amount"),
    "cancelled": N_("the order is cancelled"),
    "paid": N_("it is paid already"),
    "no_amount": N_("expected `amount`, or the lines that it consists of"),
    "no_receipt_address": N_("a receipt goes to an e-mail or a phone: one of them is needed before the link"),
    "no_consent": N_("nobody is charged again and again without the words that they agreed to"),
    **{code: NO_SUBSCRIPTION[code] for code in ("no_subscription", "over", "nothing_due")},
    "other_split": N_("the shares name somebody unknown, or don't add up to the amount"),
    "no_split": N_("none of its providers can divide this payment among these sellers: see `sellers` at take_payment"),
    "no_provider": N_("none of its connections makes links to pay by"),
}
"""Why no link is made: code -> words."""


@dataclass
class Opened:
    """What is written with the plan."""

    deliveries: list[Delivery]
    writes: list[Write] = field(default_factory=list)
    reasons: list[str] = field(default_factory=list)
    payment: str | None = None


class Opening:
    """Begins payments."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub

    async def opened(self, event: Event, deliveries: Sequence[Delivery]) -> Opened:
        """What a request for a payment becomes. `deliveries`: a flow's, that would make links."""
        links = [one for one in deliveries if isinstance(one.command, MakeLink)]
        if event.data.get("subscription") is not None:
            return await self._by_another_card(event, links)
        number = event.data.get("order")
        if not isinstance(number, str) or not number:
            return Opened([], reasons=[WHY_NOT["unknown_order"]])
        part = str(event.data.get("part") or "")
        key = order_id(event.tenant, event.connection, number)
        known = await journal.load(self._hub.store, Order, key)
        order = self._order(event, known.model if known else None, key, number, part)
        if isinstance(order, str):
            return Opened([], reasons=[WHY_NOT[order]])
        id_ = order.payments.get(part) or payment_id(
            self._hub.keyring.mark("payment", event.tenant, event.connection, number, part, event.id)
        )
        held = await journal.load(self._hub.store, Payment, id_)
        amount = self._amount(event, order, part)
        if amount is None:
            return Opened([], reasons=[WHY_NOT["other_amount"]])
        payer = await self._payer(event, order)
        anew = self._readdressed(event, held.model, payer) if held is not None else None
        if held is not None and (why := await self._no_new_link(anew or held.model, amount)) is not None:
            writes = [self._over(held, anew)] if anew is not None else []
            return Opened([], writes, [WHY_NOT[why]] if why in WHY_NOT else [], payment=id_)
        if not links:
            return Opened([], reasons=[WHY_NOT["no_provider"]])
        draft = links[0].command
        assert isinstance(draft, MakeLink)
        if payer is not None:
            draft = draft.model_copy(update={"person": payer})
            people = self._hub.keyring.people(event.tenant, b"", [payer])
            links = [links[0].model_copy(update={"command": draft, "people": people}), *links[1:]]
        if (draft.receipt or draft.fiscaliser) and not (draft.person and (draft.person.email or draft.person.phone)):
            return Opened([], reasons=[WHY_NOT["no_receipt_address"]])
        if held is None and event.data.get("recurring") is not None and wanted_by(event, amount) is None:
            return Opened([], reasons=[WHY_NOT["no_consent"]])
        payment = anew or (held.model if held is not None else None)
        if payment is None:
            payment = self._payment(event, order, part, amount, links[0], id_)
            by_server = event.data.get("by") == "server" and payment.person is not None and is_reached(payment.person)
            payment = payment.model_copy(update={"named": payer is not None or by_server})
            shares = divided(amount, await self._sellers(event.tenant, links[0].flow), _split_said(event))
            if shares is None:
                return Opened([], reasons=[WHY_NOT["other_split"]])
            payment = payment.model_copy(update={"shares": shares})
        links = self._able(payment, links)
        if not links:
            return Opened([], reasons=[WHY_NOT["no_split"]])
        payment, numbered = self._numbered(payment, links)
        writes = [self._over(held, payment)]
        with_it = order.model_copy(update={"payments": {**order.payments, part: id_}})
        if known is None or with_it != known.model:
            writes.append(journal.replace(with_it, known.version) if known else journal.create(with_it))
        return Opened(numbered, writes, payment=id_)

    async def _by_another_card(self, event: Event, links: Sequence[Delivery]) -> Opened:
        """A link for the period of a subscription that is due: its payment is the one that was charged in vain."""
        held = await held_of(self._hub, str(event.data.get("subscription")))
        if held is None or not is_of(held.stands.subscription, event):
            return Opened([], reasons=[WHY_NOT["no_subscription"]])
        subscription, period, known = held.stands.subscription, held.stands.period, held.stands.payment
        if subscription.is_over:
            return Opened([], reasons=[WHY_NOT["over"]])
        if period is None or period.state is not PeriodState.OPEN:
            return Opened([], reasons=[WHY_NOT["nothing_due"]])
        tenant = await self._hub.directory.tenant(event.tenant)
        if tenant is None or not links:
            return Opened([], reasons=[WHY_NOT["no_provider"]])
        now = self._hub.clock.now()
        payment = known or payment_for(self._hub, subscription, period.n, tenant, now)
        if (why := await self._no_new_link(payment, payment.amount)) is not None:
            return Opened([], reasons=[WHY_NOT[why]] if why in WHY_NOT else [], payment=payment.id)
        links = self._able(payment, links)
        if not links:
            return Opened([], reasons=[WHY_NOT["no_split"]])
        back = event.data.get("return_url")
        if isinstance(back, str):
            payment = payment.model_copy(update={"return_url": back})
        payment, numbered = self._numbered(payment, links)
        writes = [self._over(held.payment, payment)]
        if known is None and held.period is not None:
            writes.append(journal.replace(period.model_copy(update={"payment": payment.id}), held.period.version))
        return Opened(numbered, writes, payment=payment.id)

    # The order

    def _order(self, event: Event, known: Order | None, key: str, number: str, part: str) -> Order | str:
        """The order as it is known, or by a server's word becomes so; else why it can't be paid for."""
        if known is not None:
            return "cancelled" if known.cancelled else known
        if event.data.get("by") != "server":
            return "unknown_order"
        lines = _lines(event)
        amount = _said(event) or (total_of(lines) if lines else None)
        if amount is None or not amount or part:
            return "no_amount" if not part else "unknown_order"
        now = self._hub.clock.now()
        return Order(
            id=key, tenant=event.tenant, connection=event.connection, number=number, amount=amount,
            lines=lines if lines and total_of(lines) == amount else (), known_by=KnownBy.SERVER, created_at=now,
            changed_at=now, expire_at=now + SKELETON,
        )  # fmt: skip

    def _amount(self, event: Event, order: Order, part: str) -> Money | None:
        """What is to be paid; None where the request says something else. Only a server may ask for a part."""
        said = _said(event)
        if part:
            allowed = event.data.get("by") == "server" and said is not None and said <= order.amount
            return said if allowed and said else None
        return order.amount if said is None or said == order.amount else None

    async def _payer(self, event: Event, order: Order) -> Contact | None:
        """Whose the order is by its own server's word, where a browser asks: whoever knows its number could otherwise
        have the receipt sent to themselves. None where the server has named nobody, or it is blanked by now."""
        if event.data.get("by") == "server" or order.told_by is None:
            return None
        told = await journal.load(self._hub.store, EventRecord, order.told_by)
        named = told.model.event.contact if told is not None else None
        return named if named is not None and is_reached(named) else None

    def _readdressed(self, event: Event, payment: Payment, payer: Contact | None) -> Payment | None:
        """As the one's who is named now; None where that is nobody else, or too late."""
        person = payer or event.contact
        if person is None:
            return None
        people = self._hub.keyring.people(event.tenant, b"", [person])
        named = payer is not None or event.data.get("by") == "server"
        return readdressed(payment, person, people, named=named)

    # The payment

    def _payment(self, event: Event, order: Order, part: str, amount: Money, link: Delivery, id_: str) -> Payment:
        draft = link.command
        assert isinstance(draft, MakeLink)
        now = self._hub.clock.now()
        lines = order.lines or draft.lines
        return Payment(
            id=id_, tenant=event.tenant, connection=event.connection, flow=link.flow, event=event.id,
            order=order.number, part=part, amount=amount, description=draft.description, check=order.check,
            lines=fitted(lines, amount) if lines else (), person=draft.person, inn=draft.inn,
            return_url=draft.return_url, two_step=not draft.capture, save=draft.save, receipt=draft.receipt,
            begins=wanted_by(event, amount),
            fiscaliser=draft.fiscaliser, prepaid=draft.prepaid,
            created_at=now, changed_at=now, people=link.people, blank_at=link.blank_at,
        )  # fmt: skip

    async def _sellers(self, tenant_id: str, flow: str) -> Mapping[str, Dividing]:
        tenant = await self._hub.directory.tenant(tenant_id)
        for bound in await self._hub.directory.flows_of(tenant) if tenant is not None else ():
            if bound.spec.id == flow:
                return bound.flow.sellers(bound.settings)
        return {}

    async def _no_new_link(self, payment: Payment, amount: Money) -> str | None:
        """Why there is nothing more to begin; `under_way` where a link is there, or being made."""
        if payment.closed:
            return "cancelled"
        if payment.captured or payment.state is PaymentState.HELD:
            return "paid"
        if payment.amount != amount:
            return "other_amount"
        wanted = tuple(one for one in payment.attempts if not one.elsewhere)
        numbers = {one.n for one in wanted}
        alive = [one for one in payment.transactions if one.status in IN_FLIGHT and one.attempt in numbers]
        waiting = any(not is_orphan(payment, one) for one in alive)
        begun = payment.model_copy(update={"attempts": wanted})
        return "under_way" if waiting or await link_under_way(self._hub, begun) else None

    def _able(self, payment: Payment, links: Sequence[Delivery]) -> list[Delivery]:
        """The link by those providers that can make it: of what is divided, whoever divides and knows all sellers."""
        if not payment.shares:
            return list(links)
        for link in links[:1]:
            steps = [one for one in (_step_of(link), *link.fallbacks) if self._divides(payment, one)]
            if steps:
                first = {name: getattr(steps[0], name) for name in Step.model_fields if name != "name"}
                id_ = delivery_id(link.tenant, link.flow, link.subject, steps[0].name)
                changes = {**first, "step": steps[0].name, "id": id_, "fallbacks": tuple(steps[1:])}
                return [link.model_copy(update=changes)]
        return []

    def _divides(self, payment: Payment, step: Step) -> bool:
        payments = self._hub.directory.manifests(step.vendor).payments
        able = payments is not None and Can.SPLIT in payments.can
        return able and split_at(payment.shares, step.connection) is not None

    def _numbered(self, payment: Payment, links: Sequence[Delivery]) -> tuple[Payment, list[Delivery]]:
        """Each link, and each that would take its place, is a try of its own under a number of its own."""
        attempts, ready = list(payment.attempts), []
        for link in links[:1]:
            steps = [_step_of(link), *link.fallbacks]
            filled = []
            for step in steps:
                n = len(attempts) + 1
                command = _filled(step.command, payment, n, step.connection)
                filled.append(step.model_copy(update={"command": command}))
                attempts.append(
                    Attempt(
                        n=n, connection=step.connection, vendor=step.vendor, by=By.LINK,
                        number=attempt_number(payment.id, n),
                        delivery=delivery_id(link.tenant, link.flow, link.subject, step.name),
                    )
                )  # fmt: skip
            changes = {
                "command": filled[0].command, "fallbacks": tuple(filled[1:]),
                "people": tuple(dict.fromkeys((*payment.people, *link.people)))[:PEOPLE_OF_AN_EVENT],
            }  # fmt: skip
            ready.append(link.model_copy(update=changes))
        return with_state(payment.model_copy(update={"attempts": tuple(attempts)})), ready

    def _over(self, held: Versioned[Payment] | None, payment: Payment) -> Write:
        now = self._hub.clock.now()
        if held is None:
            # Whoever dies before the link's answer is taken in: the sweep looks.
            return journal.create(payment.model_copy(update={"wake_at": now + LOOKED_AFTER}))
        changed = {"changed_at": now, "looks": 0, "wake_at": now + LOOKED_AFTER, "expire_at": None}
        return journal.replace(payment.model_copy(update=changed), held.version)


def order_told(event: Event, known: Order | None, key: str) -> Order | None:
    """The order as a system of the business tells of it; None where it says nothing that is needed."""
    number, total = event.data.get("number"), event.data.get("sum")
    trusted = event.data.get("by", "server") == "server"
    if not trusted or not isinstance(number, str):
        return None
    if event.type == "order.cancelled":
        return known.model_copy(update={"cancelled": True, "changed_at": event.received_at}) if known else None
    lines = _lines(event)
    try:
        amount = Money.read(total) if isinstance(total, str) else total_of(lines) if lines else None
    except ValueError:
        return None
    if not amount:
        return None
    said = {"amount": amount, "lines": lines if lines and total_of(lines) == amount else (), "cancelled": False}
    if event.contact is not None and is_reached(event.contact):
        said["told_by"] = event.id
    if known is not None:
        return known.model_copy(update={**said, "changed_at": event.received_at})
    return Order(
        id=key, tenant=event.tenant, connection=event.connection, number=number, known_by=KnownBy.SERVER,
        created_at=event.received_at, changed_at=event.received_at, expire_at=event.received_at + SKELETON, **said,
    )  # fmt: skip


async def payment_of(hub: Hub, event: Event) -> str | None:
    """The id of the payment that a request was about; None where there is none."""
    named = event.data.get("payment")
    if isinstance(named, str):
        return named
    if event.data.get("subscription") is not None:
        return await latest_payment(hub, str(event.data["subscription"]))
    number, part = event.data.get("order"), str(event.data.get("part") or "")
    if not isinstance(number, str):
        return None
    order = await journal.load(hub.store, Order, order_id(event.tenant, event.connection, number))
    return order.model.payments.get(part) if order is not None else None


def refusal_in(reason: str | None) -> tuple[str, str] | tuple[None, None]:
    """Why nothing was begun, out of an event's reason: the code and its words."""
    known = {**WHY_NOT, **NO_REFUND}
    return next(((code, words) for code, words in known.items() if reason and words in reason), (None, None))


def _step_of(link: Delivery) -> Step:
    return Step(
        name=link.step, connection=link.connection, vendor=link.vendor, command=link.command, repeat=link.repeat,
        key_life=link.key_life, ask_after=link.ask_after, needs_receipt=link.needs_receipt,
    )  # fmt: skip


def _filled(command: object, payment: Payment, n: int, connection: str) -> MakeLink:
    """The command with what the payment says, whatever the request said."""
    assert isinstance(command, MakeLink)
    return command.model_copy(
        update={
            "payment": payment.id, "number": attempt_number(payment.id, n), "order": payment.order,
            "amount": payment.amount, "lines": payment.lines, "person": payment.person, "inn": payment.inn,
            "description": payment.description or command.description, "return_url": payment.return_url,
            "split": split_at(payment.shares, connection) or (), "capture": not payment.two_step,
            "receipt": payment.receipt, "save": payment.save,
        }
    )  # fmt: skip


def _said(event: Event) -> Money | None:
    text = event.data.get("amount") or event.data.get("shown")
    try:
        return Money.read(text, str(event.data.get("currency") or "RUB")) if isinstance(text, str) else None
    except ValueError:
        return None


def wanted_by(event: Event, amount: Money) -> Wanted | None:
    """What is to be charged again and again, by a server's word and with what its payer agreed to; else None."""
    said, consent = event.data.get("recurring"), event.data.get("consent")
    if event.data.get("by") != "server" or not isinstance(said, dict) or not isinstance(consent, dict):
        return None
    words, each = consent.get("text"), said.get("amount")
    if not isinstance(words, str) or not words.strip():
        return None
    at = plausible(zoned_time(consent.get("at"))) or event.received_at
    agreed = Agreed(text=words, at=at, where=str(event.data.get("page") or event.connection), event=event.id)
    try:
        every = Every(str(said.get("every")))
        return Wanted(every=every, amount=Money.read(each) if isinstance(each, str) else amount, agreed=agreed)
    except ValueError:
        return None


def _split_said(event: Event) -> dict[str, Money] | None:
    """Shares by a server's word; None where it says nothing of them. What is no sum is nobody's."""
    told = event.data.get("split")
    if not isinstance(told, dict) or event.data.get("by") != "server":
        return None
    try:
        return {name: Money.read(str(said)) for name, said in told.items()}
    except ValueError:
        return {}


def _lines(event: Event) -> tuple[OrderLine, ...]:
    """Lines by a trusted word; none where one of them has no price."""
    told = event.data.get("items")
    if not isinstance(told, list) or event.data.get("by", "server") != "server":
        return ()
    lines = []
    for one in told:
        if not isinstance(one, dict) or not isinstance(one.get("price"), str):
            return ()
        try:
            lines.append(
                OrderLine.of(
                    str(one.get("name") or one.get("sku") or "—")[:128], Money.read(str(one["price"])),
                    str(one.get("quantity") or 1), sku=one.get("sku"),
                )
            )  # fmt: skip
        except ValueError:
            return ()
    return tuple(lines)
