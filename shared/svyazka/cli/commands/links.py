"""`links`, `unmerge`, `sync revive`: which objects are one thing, taken apart, and made anew after a deletion."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Annotated

import typer

from svyazka.catalogue import N_, _
from svyazka.cli.options import AsJson, Yes
from svyazka.cli.output import confirm, lines, say, table
from svyazka.cli.session import Session, run
from svyazka.engine.in_step.flows import InStep, in_step_flows
from svyazka.engine.in_step.wanting import record_of
from svyazka.engine.journal import documents as journal
from svyazka.engine.operating import syncing, tombstones
from svyazka.model.errors import ConfigError
from svyazka.model.in_step import Link, Record, link_id
from svyazka.model.tenants import Tenant
from svyazka.reading.ids import whole_id

SHOWN = 200
"""Records that are listed for people; `--json` lists all."""

OfTenants = Annotated[str, typer.Argument(metavar="TENANT")]
FlowId = Annotated[str, typer.Argument(metavar="FLOW", help=N_("As in the tenant file: its id."))]
RecordId = Annotated[str, typer.Argument(metavar="RECORD", help=N_("As `links` lists it."))]
Cards = Annotated[
    list[str], typer.Argument(metavar="CARD...", help=N_("CONNECTION/ID: what belongs together, and not to the rest."))
]
OneCard = Annotated[
    str | None, typer.Option("--card", metavar="CONNECTION/ID", help=N_("Only the record of this object."))
]
Where = Annotated[str | None, typer.Option("--in", metavar="CONNECTION", help=N_("Left out: wherever it was deleted."))]


def links(tenant: OfTenants, card: OneCard = None, as_json: AsJson = False) -> None:
    """Which objects of which systems are one thing."""

    async def body(session: Session) -> None:
        owner, hub = await session.tenant(tenant), session.hub
        rows = []
        for flow in await in_step_flows(hub, owner):
            found = syncing.links(hub, owner, flow) if card is None else _of_card(session, owner, flow, card)
            async for record in found:
                if as_json:
                    lines([_row(flow, record)])
                    continue
                rows.append((record.id, flow.id, _sides(record), record.merged_into or record.household or ""))
                if len(rows) >= SHOWN:
                    break
        if not as_json:
            table((N_("Record"), N_("Flow"), N_("Cards"), N_("Joined to, household")), rows, _("nothing is linked"))

    run(body)


async def _of_card(session: Session, owner: Tenant, flow: InStep, card: str) -> AsyncIterator[Record]:
    connection, slash, object_ = card.partition("/")
    if not slash or connection not in owner.connections:
        known = ", ".join(owner.connections)
        raise ConfigError(_("--card: expected CONNECTION/ID of {known}, got {card!r}", known=known, card=card[:80]))
    link = await journal.load(session.hub.store, Link, link_id(owner.id, flow.rules.kind, connection, object_))
    if link is not None:
        yield (await record_of(session.hub.store, link.model.record)).model


def unmerge(tenant: OfTenants, flow: FlowId, record: RecordId, cards: Cards, yes: Yes = False) -> None:
    """Take cards apart that are not the same person's: our links only, the systems' own merges stay."""

    async def body(session: Session) -> None:
        owner, hub = await session.tenant(tenant), session.hub
        found = await syncing.flow_named(hub, owner, flow)
        id_ = await whole_id(hub.store, record, only="rec")
        confirm(
            _(
                "{cards} get a record of their own and are compared anew; a merge that was made in a system itself is "
                "not undone: take the card from its bin first. Go on?",
                cards=", ".join(cards),
            ),
            yes,
        )
        async with session.noting("unmerge", f"{owner.id}/{flow}/{id_}", cards=", ".join(cards)):
            made = await tombstones.unmerge(hub, owner, found, id_, cards)
        say(_("taken apart: {record} is its own record now", record=made))

    run(body)


def revive(tenant: OfTenants, flow: FlowId, record: RecordId, where: Where = None) -> None:
    """Let what was deleted be made anew where it is gone; a card that is there meanwhile is taken."""

    async def body(session: Session) -> None:
        owner, hub = await session.tenant(tenant), session.hub
        found = await syncing.flow_named(hub, owner, flow)
        id_ = await whole_id(hub.store, record, only="rec")
        async with session.noting("sync revive", f"{owner.id}/{flow}/{id_}", connection=where or ""):
            names = await tombstones.revive(hub, owner, found, id_, where)
        say(
            _(
                "{record} is looked for in {names}, and made there if there is none",
                record=id_,
                names=", ".join(names),
            )
        )

    run(body)


def _sides(record: Record) -> str:
    return ", ".join(
        f"{name}/{side.object}" + ("" if name in record.live else f" ({_('deleted')})")
        for name, side in sorted(record.sides.items())
    )


def _row(flow: InStep, record: Record) -> dict[str, object]:
    return {
        "record": record.id, "flow": flow.id, "kind": record.kind.value,
        "sides": [
            {"connection": name, "object": side.object, "state": side.state.value}
            for name, side in sorted(record.sides.items())
        ],
        "household": record.household, "merged_into": record.merged_into,
    }  # fmt: skip
