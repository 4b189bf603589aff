"""`reconcile`: a month's money as we know it beside what each provider lists, each difference with its cause."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

import typer

from svyazka.catalogue import N_, _, told
from svyazka.cli import receipts_report
from svyazka.cli.filters import parse_month
from svyazka.cli.options import AsJson, OfConnection
from svyazka.cli.output import fail, line, note, say, table
from svyazka.cli.session import Session, run
from svyazka.engine.contracts.capabilities.payments import Can
from svyazka.engine.outages.learning import Outages
from svyazka.engine.paying.month import looked_into, month_of
from svyazka.engine.paying.receipts_month import receipts_of_month
from svyazka.engine.rules.reconciling import Cause, Month
from svyazka.engine.tenants.directory import Account
from svyazka.model.errors import ConfigError, MaybeSent, NotSent, SourceUnavailable
from svyazka.model.money import Money
from svyazka.model.tenants import Tenant
from svyazka.reading.paid_words import MOVED

CAUSES: Mapping[Cause, str] = {
    Cause.OVER_THE_EDGE: N_("on the other side of the month's midnight"),
    Cause.NOT_THERE: N_("the provider doesn't list it"),
    Cause.NOT_HERE: N_("it isn't done here, and the provider lists it"),
    Cause.REFUSED_HERE: N_("refused as far as we knew, and the provider lists it as done"),
    Cause.NOT_OURS: N_("begun past Svyazka"),
    Cause.OTHER_AMOUNT: N_("another amount"),
    Cause.PLAY_MONEY: N_("play money"),
}

NEEDS_NOBODY = frozenset({Cause.OVER_THE_EDGE, Cause.NOT_OURS})
"""What explains itself."""

Whose = Annotated[str, typer.Argument(metavar="TENANT")]
Which = Annotated[
    str | None, typer.Option("--month", metavar="2026-10", help=N_("The month; the last whole one without it."))
]


def reconcile(
    what: Annotated[
        Literal["payments", "receipts"], typer.Argument(metavar="payments|receipts", help=N_("What is compared."))
    ],
    tenant: Whose,
    month: Which = None,
    connection: OfConnection = None,
    report: Annotated[
        Path | None, typer.Option("--report", metavar="FILE.html", help=N_("A page with a chart besides."))
    ] = None,
    as_json: AsJson = False,
) -> None:
    """A month of payments and refunds, here and at each provider, or of fiscal receipts beside the money; exit status 1
    where somebody has to look."""

    async def body(session: Session) -> None:
        owner = await session.tenant(tenant)
        first = parse_month(month, session.hub.clock.now(), await session.zone(owner.id))
        if what == "receipts":
            await _receipts(session, owner, first, connection, report, as_json)
            return
        looked, odd, found = 0, False, list[tuple[str, Month]]()
        for name in sorted(owner.connections):
            if connection not in (None, name):
                continue
            account = await session.hub.directory.account(owner.id, name)
            if account is None or account.manifest.payments is None:
                continue
            looked += 1
            if Can.LIST not in account.manifest.payments.can:
                note(_("{name}: its provider lists no payments: there is only what we know", name=name))
                continue
            found.append((name, await _compared(session, account, first)))
            odd |= _told(owner, account, first, found[-1][1], as_json)
        if not looked:
            fail(_("{tenant} has no such connection that takes payments", tenant=owner.id))
        if report is not None and found:
            from svyazka.cli.month_report import write

            write(report, owner.name, first, found, CAUSES)
            note(str(report))
        if odd:
            raise typer.Exit(1)

    run(body)


async def _compared(session: Session, account: Account, first: date) -> Month:
    """Raises ConfigError where the provider can't be asked."""
    try:
        found = await month_of(session.hub, account, first)
        await looked_into(session.hub, Outages(session.hub), account, found)
        return found
    except (SourceUnavailable, NotSent, MaybeSent) as error:
        raise ConfigError(_("{name} could not be asked: {why}", name=account.name, why=error)) from None


def _told(owner: Tenant, account: Account, first: date, found: Month, as_json: bool) -> bool:
    """Says it; whether somebody has to look."""
    odd = any(one.cause not in NEEDS_NOBODY for one in found.differences)
    if as_json:
        line({
            "tenant": owner.id, "connection": account.name, "month": f"{first:%Y-%m}", "ours": _text(found.ours),
            "theirs": _text(found.theirs), "fees": _text(found.fees), "agreed": found.agreed,
            "differences": [
                {"cause": one.cause.value, "kind": one.what.value, "external_id": one.external_id,
                 "payment": one.payment, "amount": _text(one.kopecks)}
                for one in found.differences
            ],
        })  # fmt: skip
        return odd
    columns = (N_("Provider"), N_("Month"), N_("Here"), N_("There"), N_("Difference"), N_("Fees"), N_("Agree"))
    rest = _text(found.ours - found.theirs)
    row = (account.name, f"{first:%Y-%m}", _text(found.ours), _text(found.theirs), rest, _text(found.fees),
           found.agreed)  # fmt: skip
    if not found.differences and not found.agreed:
        what = _("{name}: no payments in {month}, neither here nor there", name=account.name, month=f"{first:%Y-%m}")
        say(what)
        return odd
    table(columns, [row], "")
    if not found.differences:
        say(_("{name}: it adds up to 0.00", name=account.name))
        return odd
    rows = [
        (told(CAUSES[one.cause]), told(MOVED[one.what]), _text(one.kopecks), one.payment or "", one.external_id)
        for one in found.differences
    ]
    table((N_("Cause"), N_("Kind"), N_("Difference"), N_("Payment"), N_("External id")), rows, "")
    return odd


async def _receipts(
    session: Session, owner: Tenant, first: date, connection: str | None, report: Path | None, as_json: bool
) -> None:
    try:
        found = await receipts_of_month(session.hub, owner, first, connection)
    except (SourceUnavailable, NotSent, MaybeSent) as error:
        raise ConfigError(_("{name} could not be asked: {why}", name=owner.id, why=error)) from None
    if report is not None:
        receipts_report.write(report, owner.name, first, found, session.hub.clock.now())
        note(_("the report: {path}", path=report))
    if as_json:
        line({
            "tenant": owner.id, "connection": connection, "month": f"{first:%Y-%m}", "money": _text(found.money),
            "ours": _text(found.here), "theirs": _text(found.there), "agreed": found.agreed,
            "differences": [
                {"cause": one.lack.value if one.lack else None, "kind": one.kind.value, "receipt": one.receipt,
                 "payment": one.payment, "amount": one.amount.text}
                for one in found.differences
            ],
        })  # fmt: skip
    else:
        columns = (
            N_("Month"),
            N_("Money"),
            N_("Receipts here"),
            N_("At the fiscaliser"),
            N_("Difference"),
            N_("Agree"),
        )
        table(columns, [(f"{first:%Y-%m}", _text(found.money), _text(found.here), _text(found.there),
                         _text(found.money - found.there), found.agreed)], "")  # fmt: skip
        rows = [receipts_report.cells_of(one) for one in found.differences]
        heads = (
            N_("Cause"),
            N_("Kind"),
            N_("Order"),
            N_("Amount"),
            N_("Money"),
            N_("At the fiscaliser"),
            N_("Receipt"),
        )
        if rows:
            table(heads, rows, "")
        else:
            say(_("{name}: it adds up to 0.00", name=owner.id))
    if any(one.lack not in receipts_report.EXPLAINED for one in found.differences):
        raise typer.Exit(1)


def _text(kopecks: int) -> str:
    return Money(kopecks=kopecks).text


__all__ = ["reconcile"]
