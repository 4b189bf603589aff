"""`receipts`: fiscal receipts that are owed and registered, and what a person decides about one."""

from __future__ import annotations

from typing import Annotated

import typer

from svyazka.catalogue import N_, _, told
from svyazka.cli.options import AsJson, Limit, OfTenant
from svyazka.cli.output import fail, line, lines, say, short_time, table
from svyazka.cli.receipts_report import KINDS
from svyazka.cli.session import Session, run
from svyazka.cli.views import receipt_row
from svyazka.engine.journal import documents as journal
from svyazka.engine.journal.documents import Versioned
from svyazka.engine.journal.kinds import RECEIPTS_BY_STATUS, RECEIPTS_OF_TENANT, RECENT_RECEIPTS
from svyazka.engine.paying import receipts_by_hand
from svyazka.engine.paying.receipts_by_hand import WHY_NOT, Deed, again, registered
from svyazka.model.errors import ConfigError, Conflict
from svyazka.model.payments import Payment
from svyazka.model.receipts import IntentState, ReceiptIntent
from svyazka.reading import lists
from svyazka.reading.ids import whole_id
from svyazka.reading.paid_words import RECEIPT_STATES

Which = Annotated[
    str | None,
    typer.Argument(metavar="[RECEIPT|PAYMENT]", help=N_("A receipt's id, or a payment's for all of its receipts.")),
]


def receipts(
    which: Which = None,
    tenant: OfTenant = None,
    status: Annotated[IntentState | None, typer.Option("--status", help=N_("Only those; with --tenant."))] = None,
    try_again: Annotated[
        bool, typer.Option("--again", help=N_("Try it anew under a new number, once its cause is mended."))
    ] = False,
    done: Annotated[
        str | None, typer.Option("--done", metavar="WORDS", help=N_("It was registered otherwise: by what, and when."))
    ] = None,
    settle: Annotated[
        bool, typer.Option("--settle", help=N_("What this payment was in advance for is handed over."))
    ] = False,
    limit: Limit = 50,
    as_json: AsJson = False,
) -> None:
    """Fiscal receipts, newest first; of one, each of its tries."""
    if sum((try_again, done is not None, settle)) > (1 if which else 0):
        raise typer.BadParameter(_("expected one receipt, and one of --again, --done and --settle"))
    if status is not None and (tenant is None or which is not None):
        raise typer.BadParameter(_("expected --tenant beside it, and no id"), param_hint="--status")

    async def body(session: Session) -> None:
        if try_again or done is not None or settle:
            await _decided(session, which or "", done, settle, as_json)
            return
        found = await _found(session, which, tenant, status, limit)
        if as_json:
            lines([receipt_row(one, await session.zone(one.tenant)) for one in found])
            return
        rows = [
            (one.id, short_time(one.owed_since, await session.zone(one.tenant)), f"{one.tenant}/{one.order}",
             told(KINDS[one.kind]), one.connection, str(one.amount), RECEIPT_STATES[one.state],
             (one.fiscal.document if one.fiscal else None) or "", _why(one))
            for one in found
        ]  # fmt: skip
        columns = (
            N_("Id"), N_("Owed since"), N_("Order"), N_("Kind"), N_("Fiscaliser"), N_("Amount"), N_("Status"),
            N_("Document"), N_("Note"),
        )  # fmt: skip
        table(columns, rows, _("no receipts yet: put a connection that registers them into `via` of take_payment"))
        if which is not None and len(found) == 1:
            await _story(session, found[0])

    run(body)


async def _found(
    session: Session, which: str | None, tenant: str | None, status: IntentState | None, limit: int
) -> list[ReceiptIntent]:
    if which is not None:
        id_ = await whole_id(session.store, which)
        keys = (await _payment(session, id_)).model.receipts if id_.startswith("pay_") else (id_,)
        documents = await session.store.get_many([("receipts", key) for key in keys]) if keys else []
        found = [one.model for one in journal.known(ReceiptIntent, [it for it in documents if it is not None])]
        if not found and not id_.startswith("pay_"):
            raise ConfigError(_("no receipt {id}", id=which))
        return found
    if tenant:
        await session.tenant(tenant)
    query, where = (RECEIPTS_OF_TENANT, {"tenant": tenant}) if tenant else (RECENT_RECEIPTS, {})
    if status is not None and tenant:
        query, where = RECEIPTS_BY_STATUS, {"tenant": tenant, "status": status.value}
    found = []
    async for document in lists.pages(session.store, query, where):
        found += [one.model for one in journal.known(ReceiptIntent, [document])]
        if len(found) >= limit:
            break
    return found


async def _story(session: Session, intent: ReceiptIntent) -> None:
    zone = await session.zone(intent.tenant)
    rows = [
        (one.number, short_time(one.at, zone), one.state.value, one.external_id or "", one.code or "",
         one.deliveries[-1] if one.deliveries else "")
        for one in intent.tries
    ]  # fmt: skip
    columns = (N_("Number"), N_("Begun"), N_("Status"), N_("External id"), N_("Code"), N_("Delivery"))
    table(columns, rows, _("nothing was asked for yet"))
    if intent.by_hand is not None:
        say(_("registered otherwise, as {words}", words=intent.by_hand))
    if intent.fiscal is not None and intent.fiscal.url is not None:
        say(intent.fiscal.url)


async def _decided(session: Session, which: str, done: str | None, settle: bool, as_json: bool) -> None:
    id_ = await whole_id(session.store, which)
    now = session.hub.clock.now()
    if settle:
        deed, action = receipts_by_hand.settle(await _payment(session, id_), now), "settle"
    else:
        held = await journal.load(session.store, ReceiptIntent, id_)
        if held is None:
            raise ConfigError(_("no receipt {id}", id=which))
        deed = again(held, now) if done is None else await registered(session.store, held, session.who, done, now)
        action = "register again" if done is None else "registered"
    if not isinstance(deed, Deed):
        fail(_(WHY_NOT[deed]))
    noted = session.audit_write(action, id_, **({"words": done} if done else {}))
    try:
        await session.store.commit([*deed.writes, noted], deed.tasks)
    except Conflict:
        fail(_("it has changed in this moment: look again"))
    if as_json:
        line({"id": id_, "action": action})
    else:
        say(_("noted: svyazka receipts {id}", id=id_))


async def _payment(session: Session, id_: str) -> Versioned[Payment]:
    held = await journal.load(session.store, Payment, id_)
    if held is None:
        raise ConfigError(_("no payment {id}", id=id_))
    return held


def _why(one: ReceiptIntent) -> str:
    last = one.last
    if one.by_hand is not None:
        return one.by_hand
    return (last.code or "") if last is not None and one.state is not IntentState.DONE else ""


__all__ = ["receipts"]
