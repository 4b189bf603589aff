"""`partner`: businesses that a vendor's partner brings in, and what went through them in a month."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Annotated, Any

import typer

from svyazka.catalogue import N_, _, told
from svyazka.cli.commands.secrets import change
from svyazka.cli.filters import parse_month
from svyazka.cli.group import Command, Family
from svyazka.cli.options import AsJson, OfTenant
from svyazka.cli.output import fail, line, note, say, table
from svyazka.cli.session import Session, run
from svyazka.engine.calling.call_factory import call_to
from svyazka.engine.calling.exchanges import exchanges
from svyazka.engine.contracts.capabilities.onboarding import Onboarding
from svyazka.engine.outbound.pacing import CalledFor
from svyazka.engine.paying.month import moved_in
from svyazka.engine.rules.reconciling import Moved, What
from svyazka.engine.tenants.directory import Account, is_secret
from svyazka.model.contacts import normalize_email
from svyazka.model.errors import ConfigError, LeaseTooShort, MaybeSent, NotSent, SourceUnavailable, Unavailable
from svyazka.model.money import Money

Connection = Annotated[str, typer.Argument(metavar="CONNECTION", help=N_("NAME or TENANT/NAME."))]

family = typer.Typer(
    cls=Family, no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
)  # fmt: skip
family.callback(help=N_("For a vendor's partner: bring businesses in, and what went through them."))(lambda: None)


@family.command("invite", cls=Command, help=N_("Have the vendor write to a business: it registers there by itself."))
def invite(
    connection: Connection,
    email: Annotated[str, typer.Argument(metavar="E-MAIL", help=N_("Of whoever signs for the business."))],
    tenant: OfTenant = None,
) -> None:
    """Have the vendor write to a business: it registers there by itself."""

    async def body(session: Session) -> None:
        address = normalize_email(email)
        if address is None:
            raise ConfigError(_("expected an address such as owner@example.org"))
        account, onboarding = await _account(session, connection, tenant)
        async with session.noting("partner invite", f"{account.tenant.id}/{account.name}"):
            id_ = await _asked(session, account, onboarding.invite, address)
        say(_("{email} is invited ({id}); the letter's code goes to: svyazka partner activate", email=address, id=id_))

    run(body)


@family.command("activate", cls=Command, help=N_("Take a business's code: its access is kept for its connection."))
def activate(connection: Connection, tenant: OfTenant = None) -> None:
    """Take a business's code, which is asked for unseen: its access is kept for its connection."""

    async def body(session: Session) -> None:
        account, onboarding = await _account(session, connection, tenant)
        code = str(typer.prompt(_("Code of activation"), hide_input=True)).strip()
        if not code:
            raise ConfigError(_("expected the code of activation, got nothing"))
        whole = f"{account.tenant.id}/{account.name}"
        async with session.noting("partner activate", whole):
            access = await _asked(session, account, onboarding.activate, code)
            for setting, value in access.items():
                await _kept(session, account, setting, value)
        say(_("{whole} has its access", whole=whole), "green")

    run(body)


@family.command("turnover", cls=Command, help=N_("A month's money through each business, and the partner's share."))
def turnover(
    month: Annotated[
        str | None, typer.Option("--month", metavar="2026-10", help=N_("The month; the last whole one without it."))
    ] = None,
    percent: Annotated[
        str, typer.Option("--percent", metavar="1.5", help=N_("The partner's share of what stayed, by its contract."))
    ] = "0",
    vendor: Annotated[str, typer.Option("--vendor", help=N_("Whose partner."))] = "invoicebox",
    as_json: AsJson = False,
) -> None:
    """A month's money through each business, and the partner's share: as our journal has it."""

    async def body(session: Session) -> None:
        first = parse_month(month, session.hub.clock.now(), await session.own_zone())
        basis_points = _basis_points(percent)
        rows = []
        for owner in sorted((await session.tenants()).values(), key=lambda one: one.id):
            for name, spec in sorted(owner.connections.items()):
                account = await session.hub.directory.account(owner.id, name) if spec.vendor == vendor else None
                if account is not None and account.manifest.payments is not None:
                    rows.append(_row(account, await moved_in(session.hub, account, first), basis_points, first))
        if not rows:
            fail(_("nobody here takes payments by {vendor}", vendor=vendor))
        if as_json:
            for row in rows:
                line(row)
            return
        names = ("tenant", "connection", "payments", "paid", "refunded", "stayed", "share")
        columns = (
            N_("Tenant"),
            N_("Connection"),
            N_("Payments"),
            N_("Paid"),
            N_("Refunded"),
            N_("Stayed"),
            N_("Share"),
        )
        total = ("", _("in all"), sum(row["payments"] for row in rows), *(
            _together(rows, name) for name in ("paid", "refunded", "stayed", "share")
        ))  # fmt: skip
        table(columns, [*(tuple(row[name] for name in names) for row in rows), total], "")

    run(body)


def _row(account: Account, moved: Sequence[Moved], basis_points: int, first: date) -> dict[str, Any]:
    paid = sum(one.amount.kopecks for one in moved if one.what is What.PAYMENT)
    back = sum(one.amount.kopecks for one in moved if one.what is What.REFUND)
    stayed = paid - back
    return {
        "tenant": account.tenant.id, "connection": account.name, "month": f"{first:%Y-%m}",
        "payments": sum(one.what is What.PAYMENT for one in moved), "paid": _text(paid), "refunded": _text(back),
        "stayed": _text(stayed), "share": _text(max(stayed, 0) * basis_points // 10_000),
    }  # fmt: skip


def _together(rows: Sequence[dict[str, Any]], name: str) -> str:
    return _text(sum(_kopecks(str(row[name])) for row in rows))


def _kopecks(text: str) -> int:
    return -Money.read(text[1:]).kopecks if text.startswith("-") else Money.read(text).kopecks


async def _account(session: Session, connection: str, tenant: str | None) -> tuple[Account, Onboarding[Any]]:
    owner, name = await session.connection_of(connection, tenant)
    account = await session.hub.directory.account(owner.id, name)
    onboarding = account.manifest.onboarding if account is not None else None
    if account is None or onboarding is None:
        raise ConfigError(_("{owner}/{name}: its vendor has no partners", owner=owner.id, name=name))
    if not onboarding.ready(account.settings):
        raise ConfigError(_("{owner}/{name}: the partner's own credentials aren't set", owner=owner.id, name=name))
    return account, onboarding


async def _asked(session: Session, account: Account, what: Any, given: str) -> Any:
    """Raises ConfigError where the vendor refuses or is silent, Unavailable where it may have done it."""
    call = call_to(session.hub, account, exchanges(session.hub, account, CalledFor.PERSON), key="partner")
    try:
        return await what(given, call)
    except SourceUnavailable as error:
        raise ConfigError(_("{vendor} refuses: {why}", vendor=account.vendor, why=told(str(error)))) from None
    except (NotSent, LeaseTooShort) as error:
        raise ConfigError(_("{vendor} doesn't answer: {why}", vendor=account.vendor, why=error)) from None
    except MaybeSent as error:
        raise Unavailable(
            _("{vendor}: no answer came, and it may have been done ({why}); run it again, and if it refuses, ask it",
              vendor=account.vendor, why=error)
        ) from None  # fmt: skip


async def _kept(session: Session, account: Account, setting: str, value: str) -> None:
    """As the secret that the tenant file names for a setting; what it names none for is said, to be written there."""
    named = account.tenant.connections[account.name].settings.get(setting)
    if is_secret(named):
        await change(session, account.tenant.id, str(named["secret"]), value)
        say(_("secret {name} is set", name=str(named["secret"])))
        return
    if setting in account.manifest.credentials.secret:
        name = f"{account.name}-{setting}".replace("_", "-")
        await change(session, account.tenant.id, name, value)
        note(_("secret {name} is set: write {setting}: {{secret: {name}}} into the tenant file", name=name,
               setting=setting))  # fmt: skip
    elif named != value:
        note(_("write {setting}: {value} into the tenant file", setting=setting, value=repr(value)))


def _basis_points(percent: str) -> int:
    """`1.5` -> 150. Raises BadParameter."""
    try:
        points = Money.read(percent).kopecks
    except ValueError:
        points = -1
    if not 0 <= points <= 10_000:
        raise typer.BadParameter(_("expected a share such as 1.5"), param_hint="--percent")
    return points


def _text(kopecks: int) -> str:
    return Money(kopecks=kopecks).text


__all__ = ["family"]
