"""`subscriptions`: what is charged again and again, how it stands, and what the business may do with it."""

from __future__ import annotations

from typing import Annotated

import typer

from svyazka.catalogue import N_, _, told
from svyazka.cli.group import Command, Family
from svyazka.cli.options import AsJson, Limit, OfTenant
from svyazka.cli.output import fail, line, lines, say, short_time, table
from svyazka.cli.session import Session, run
from svyazka.cli.views import period_row, subscription_row
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.kinds import (
    PERIODS_OF_SUBSCRIPTION,
    RECENT_SUBSCRIPTIONS,
    SUBSCRIPTIONS_BY_STATUS,
    SUBSCRIPTIONS_OF_TENANT,
)
from svyazka.engine.paying.subscription_words import WHY_NOT, wanted
from svyazka.engine.paying.turning import Held, held_of
from svyazka.engine.rules.subscriptions import Happening
from svyazka.model.errors import ConfigError, Conflict
from svyazka.model.subscriptions import Period, Subscription, SubscriptionState, Why
from svyazka.reading import lists
from svyazka.reading.ids import whole_id
from svyazka.reading.paid_words import PERIOD_STATES, SUBSCRIPTION_STATES, WHY

Which = Annotated[str, typer.Argument(metavar="SUBSCRIPTION", help=N_("Its id, or the beginning of it."))]
InState = Annotated[
    SubscriptionState | None, typer.Option("--status", help=N_("In this state only, of the tenant named."))
]

family = typer.Typer(
    cls=Family, invoke_without_command=True, add_completion=False, rich_markup_mode=None,
    pretty_exceptions_enable=False,
)  # fmt: skip


@family.callback(help=N_("What is charged again and again. Without a command: what there is, newest first."))
def subscriptions(
    context: typer.Context, tenant: OfTenant = None, status: InState = None, limit: Limit = 50, as_json: AsJson = False
) -> None:
    """What there is, newest first: how each stands, what is due of it and when."""
    if context.invoked_subcommand is not None:
        return
    if status is not None and tenant is None:
        raise typer.BadParameter(_("expected --tenant with it"), param_hint="--status")

    async def body(session: Session) -> None:
        query, where = RECENT_SUBSCRIPTIONS, {}
        if tenant:
            await session.tenant(tenant)
            query, where = SUBSCRIPTIONS_OF_TENANT, {"tenant": tenant}
        if tenant and status is not None:
            query, where = SUBSCRIPTIONS_BY_STATUS, {"tenant": tenant, "status": status.value}
        found: list[Subscription] = []
        async for document in lists.pages(session.store, query, where):
            found += [one.model for one in journal.known(Subscription, [document])]
            if len(found) >= limit:
                break
        if as_json:
            lines([subscription_row(one, await session.zone(one.tenant)) for one in found[:limit]])
            return
        rows = [
            (one.id, f"{one.tenant}/{one.number}", str(one.amount), _(EVERY[one.every]), SUBSCRIPTION_STATES[one.state],
             told(WHY[one.why]) if one.why else "",
             "" if one.is_over else short_time(one.due_at, await session.zone(one.tenant)))
            for one in found[:limit]
        ]  # fmt: skip
        columns = (N_("Id"), N_("Order"), N_("Amount"), N_("Every"), N_("Status"), N_("Why"), N_("Due"))
        table(columns, rows, _("no subscriptions yet: they begin by POST /ingest/payment with `recurring`"))

    run(body)


EVERY = {"week": N_("week"), "month": N_("month"), "year": N_("year")}


@family.command("show", cls=Command, help=N_("One of them: what its payer agreed to, and each period."))
def show(subscription: Which, as_json: AsJson = False) -> None:
    """One of them: what its payer agreed to, and each period."""

    async def body(session: Session) -> None:
        one = (await _held(session, subscription)).subscription.model
        zone = await session.zone(one.tenant)
        periods = [
            held.model
            async for document in lists.pages(session.store, PERIODS_OF_SUBSCRIPTION, {"subscription": one.id})
            for held in journal.known(Period, [document])
        ]
        if as_json:
            line({**subscription_row(one, zone), "periods": [period_row(each, zone) for each in periods]})
            return
        method = one.method.saved.title if one.method is not None else None
        say(_("{id}: {amount}, every {every}, {state}", id=one.id, amount=one.amount, every=_(EVERY[one.every]),
              state=told(SUBSCRIPTION_STATES[one.state])))  # fmt: skip
        say(_("agreed to on {at}, {where}: {text}", at=short_time(one.agreed.at, zone), where=one.agreed.where,
              text=one.agreed.text))  # fmt: skip
        if one.method is not None:
            say(_("charged: {method}, {connection}", method=method or "—", connection=one.method.connection))
        rows = [
            (each.n, short_time(each.due_at, zone), PERIOD_STATES[each.state], each.payment or "",
             short_time(each.again_at, zone) if each.again_at else "")
            for each in periods
        ]  # fmt: skip
        table((N_("Period"), N_("Due"), N_("Status"), N_("Payment"), N_("Again")), rows, _("nothing yet"))

    run(body)


@family.command("cancel", cls=Command, help=N_("End it: nobody is charged any more. What was paid stays paid."))
def cancel(subscription: Which) -> None:
    """End it: nobody is charged any more. What was paid stays paid."""
    _say(subscription, "cancel", Happening.CANCEL, N_("{id} is over: nobody is charged any more"), Why.BY_OWNER)


@family.command("charge", cls=Command, help=N_("Charge the period that is due now, whatever it waited for."))
def charge(subscription: Which) -> None:
    """Charge the period that is due now, whatever it waited for."""
    _say(subscription, "charge", Happening.GO_ON, N_("{id} is charged: svyazka subscriptions show {id}"))


@family.command("skip", cls=Command, help=N_("Charge nobody for the period that is due; the next comes at its time."))
def skip(subscription: Which) -> None:
    """Charge nobody for the period that is due; the next comes at its time."""
    _say(subscription, "skip", Happening.SKIP, N_("nobody is charged for this period of {id}"))


def _say(given: str, action: str, what: Happening, done: str, why: Why | None = None) -> None:
    async def body(session: Session) -> None:
        held = await _held(session, given)
        one = held.subscription.model
        move = await wanted(session.hub, held, await session.tenant(one.tenant), what, why)
        if isinstance(move, str):
            fail(_(WHY_NOT[move]))
        audit = session.audit_write(f"subscriptions {action}", one.id, amount=one.amount.text)
        try:
            await session.store.commit([*move.writes, audit], move.tasks)
        except Conflict:
            fail(_("it has changed in this moment: look at it, and try again"))
        say(_(done, id=one.id))

    run(body)


async def _held(session: Session, given: str) -> Held:
    held = await held_of(session.hub, await whole_id(session.store, given, only="sub"))
    if held is None:
        raise ConfigError(_("no subscription {id}: svyazka subscriptions lists them", id=given))
    return held
