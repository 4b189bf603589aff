"""`payments`, `refund`: what was paid, by whom it is held up, and money that goes back in two steps."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from svyazka.catalogue import N_, _, told
from svyazka.cli.options import AsJson, Limit, OfTenant
from svyazka.cli.output import fail, line, lines, say, short_time, table
from svyazka.cli.session import Session, run
from svyazka.cli.views import payment_row
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.kinds import PAYMENTS_OF_TENANT, RECENT_PAYMENTS
from svyazka.engine.paying.refunding import WHY_NOT, Refund, Refunding
from svyazka.engine.rules.paying import free_to_refund
from svyazka.model.errors import ConfigError, Conflict
from svyazka.model.money import Money
from svyazka.model.payments import Payment
from svyazka.reading import lists
from svyazka.reading.ids import whole_id
from svyazka.reading.paid_words import MOVE_STATES, MOVES, ODDITIES, STATES

Which = Annotated[str | None, typer.Argument(metavar="[PAYMENT]", help=N_("Its id, or the beginning of it."))]
One = Annotated[str, typer.Argument(metavar="PAYMENT", help=N_("Its id, or the beginning of it."))]

STANDS_FOR = 900.0
"""Seconds for which the word of a first step is good."""


def payments(which: Which = None, tenant: OfTenant = None, limit: Limit = 50, as_json: AsJson = False) -> None:
    """Payments, newest first; of one, its whole story."""

    async def body(session: Session) -> None:
        if which is not None:
            found = [(await held_payment(session, which)).model]
        else:
            if tenant:
                await session.tenant(tenant)
            query, where = (PAYMENTS_OF_TENANT, {"tenant": tenant}) if tenant else (RECENT_PAYMENTS, {})
            found = []
            async for document in lists.pages(session.store, query, where):
                found += [one.model for one in journal.known(Payment, [document])]
                if len(found) >= limit:
                    break
        if as_json:
            lines([payment_row(one, await session.zone(one.tenant)) for one in found[:limit]])
            return
        rows = [
            (one.id, short_time(one.created_at, await session.zone(one.tenant)), f"{one.tenant}/{one.order}",
             one.paid_by.connection if one.paid_by else "", str(one.amount), STATES[one.state],
             one.refunded.text if one.refunded else "", ", ".join(told(ODDITIES[odd.kind][0]) for odd in one.oddities))
            for one in found[:limit]
        ]  # fmt: skip
        columns = (
            N_("Id"), N_("Begun"), N_("Order"), N_("Provider"), N_("Amount"), N_("Status"), N_("Refunded"), N_("Note"),
        )  # fmt: skip
        table(columns, rows, _("no payments yet: sites ask for them by POST /ingest/payment"))
        if which is not None:
            await _story(session, found[0])

    run(body)


async def _story(session: Session, payment: Payment) -> None:
    zone = await session.zone(payment.tenant)
    connection = {one.n: one.connection for one in payment.attempts}
    rows = [
        (one.id, short_time(one.at, zone), told(MOVES[one.kind]), connection.get(one.attempt, ""), str(one.amount),
         MOVE_STATES[one.status], one.external_id or "", one.delivery or "")
        for one in payment.transactions
    ]  # fmt: skip
    columns = (
        N_("Id"), N_("Begun"), N_("Kind"), N_("Provider"), N_("Amount"), N_("Status"), N_("External id"),
        N_("Delivery"),
    )  # fmt: skip
    table(columns, rows, _("nothing has moved yet"))
    if (shipment := payment.shipment) is not None:
        known = shipment.external_id or _("whether that came through isn't known")
        when = short_time(shipment.asked_at, zone)
        say(
            _("handed over, as {connection} was told {when}: {id}", connection=shipment.connection, when=when, id=known)
        )


def refund(
    which: One,
    amount: Annotated[
        str | None, typer.Option("--amount", metavar="1049.30", help=N_("So much; all that is free without it."))
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help=N_("Say what would go back, and the word that lets it go."))
    ] = False,
    confirm: Annotated[
        str | None, typer.Option("--confirm", metavar="WORD", help=N_("The word that --dry-run has said."))
    ] = None,
    over_limit: Annotated[
        bool,
        typer.Option("--over-limit", help=N_("Past what an operator may give back in a day; the audit says who did.")),
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Money back to whoever has paid: said first, done with the word that this gave."""
    if dry_run == (confirm is not None):
        raise typer.BadParameter(
            _("expected --dry-run first, and then --confirm with the word that it says"), param_hint="--confirm"
        )
    try:
        wanted = Money.read(amount.replace(",", ".", 1)) if amount is not None else None
    except ValueError:
        raise typer.BadParameter(_("expected an amount such as 1049.30"), param_hint="--amount") from None

    async def body(session: Session) -> None:
        held = await held_payment(session, which)
        begun = await _begun(session, held, wanted, over_limit)
        now = session.hub.clock.now()
        if confirm is None:
            would = {
                "payment": held.model.id, "order": held.model.order, "provider": begun.attempt.connection,
                "amount": begun.amount.text, "currency": begun.amount.currency,
                "left": (free_to_refund(held.model) - begun.amount).text, "confirm": _word(session, held, begun, now),
            }  # fmt: skip
            if as_json:
                line(would)
                return
            say(_("{amount} of order {order} would go back through {provider}; {left} would be left", **_plain(would)))
            say(_("to do it, within 15 minutes: svyazka refund {payment} --amount {amount} --confirm {confirm}",
                  **_plain(would)) + (" --over-limit" if over_limit else ""))  # fmt: skip
            return
        known = {_word(session, held, begun, now), _word(session, held, begun, now, -1)}
        if confirm not in known:
            fail(_("this word is over: something has changed, or 15 minutes have gone by. Begin with --dry-run"))
        audit = session.audit_write(
            "refund",
            held.model.id,
            amount=begun.amount.text,
            provider=begun.attempt.connection,
            **({"over_limit": True} if over_limit else {}),
        )
        try:
            await session.store.commit([*begun.writes, audit], begun.tasks)
        except Conflict:
            fail(_("the payment has changed in this moment: ask anew with --dry-run"))
        if as_json:
            line({"payment": held.model.id, "amount": begun.amount.text, "delivery": begun.delivery.id})
        else:
            say(_("{amount} is on its way back: svyazka payments {payment}", amount=begun.amount,
                  payment=held.model.id))  # fmt: skip

    run(body)


def _plain(would: dict[str, str]) -> dict[str, object]:
    return dict(would)


async def held_payment(session: Session, which: str) -> Versioned[Payment]:
    """By its id, or the beginning of it. Raises ConfigError."""
    id_ = await whole_id(session.store, which, only="pay")
    held = await journal.load(session.store, Payment, id_)
    if held is None:
        raise ConfigError(_("no payment {id}", id=which))
    return held


async def _begun(session: Session, held: Versioned[Payment], amount: Money | None, over_limit: bool) -> Refund:
    tenant, refunding = await session.tenant(held.model.tenant), Refunding(session.hub)
    limit = None if over_limit else await refunding.limit_of_operators(tenant, held.model)
    begun = await refunding.refund(held, tenant, amount, by=session.who, event=held.model.event, limit=limit)
    if begun == "over_limit":
        assert limit is not None
        fail(_("more than {limit} a day (`operator_refunds_a_day` of the flow): --over-limit does it, and the audit "
               "says who", limit=limit.text))  # fmt: skip
    if isinstance(begun, str):
        free = free_to_refund(held.model)
        fail(_("{why}; free to give back: {free}", why=_(WHY_NOT[begun]), free=free))
    return begun


def _word(session: Session, held: Versioned[Payment], begun: Refund, now: datetime, shift: int = 0) -> str:
    """Good for this sum of this payment as it stands now, and once: a refund changes the payment."""
    slot = int(now.timestamp() // STANDS_FOR) + shift
    parts = (held.model.id, str(len(held.model.transactions)), begun.amount.text, str(slot))
    return session.hub.keyring.mark("refund", *parts)[:12]


__all__ = ["payments", "refund"]
