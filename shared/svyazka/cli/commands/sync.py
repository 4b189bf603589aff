"""`sync`: systems that are kept in step: how they stand, what a person has to say, and from when on we write."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from svyazka.catalogue import N_, _, ngettext, told
from svyazka.cli.commands.links import revive
from svyazka.cli.commands.sync_held import held, let_go
from svyazka.cli.commands.sync_plan import plan, take
from svyazka.cli.group import Command, Family
from svyazka.cli.options import AsJson, Yes
from svyazka.cli.output import confirm, lines, note, progress, say, stamp, table
from svyazka.cli.session import Session, run
from svyazka.engine.agreeing.diffing import cards_now
from svyazka.engine.in_step.flows import in_step_flows, switch_of, writes_toward
from svyazka.engine.journal.kinds import STANDINGS
from svyazka.engine.operating import answering, on_the_way, syncing
from svyazka.engine.operating.on_the_way import Waits
from svyazka.model.deliveries import Status
from svyazka.model.in_step import Doubt, Record
from svyazka.model.records import Object
from svyazka.model.tenants import Tenant
from svyazka.reading.ids import whole_id
from svyazka.reading.masking import masked

READ_NOW = 10
"""Records of which the systems are asked while somebody waits: it costs calls at their rate."""

SHOWN = 50
"""Records and doubts that are listed."""

OfTenants = Annotated[str, typer.Argument(metavar="TENANT")]
FlowId = Annotated[str, typer.Argument(metavar="FLOW", help=N_("As in the tenant file: its id."))]
Toward = Annotated[
    list[str] | None,
    typer.Option("--toward", metavar="CONNECTION", help=N_("Only what is written there; left out: everywhere.")),
]

RecordId = Annotated[str, typer.Argument(metavar="RECORD", help=N_("As `sync status` lists it."))]
OfField = Annotated[str, typer.Argument(metavar="FIELD")]
Said = Annotated[str, typer.Argument(metavar="ANSWER", help=N_("One of those that `sync status` names beside it."))]
OfCause = Annotated[str | None, typer.Option("--cause", metavar="WHY", help=N_("Only what is asked for this."))]
OnlyField = Annotated[str | None, typer.Option("--field", metavar="FIELD", help=N_("Only what is asked of this."))]
DryRun = Annotated[bool, typer.Option("--dry-run", help=N_("Only say how many records it concerns."))]

family = typer.Typer(
    cls=Family, no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
)  # fmt: skip
family.callback(help=N_("Systems that are kept in step with one another."))(lambda: None)
family.command("plan", cls=Command, help=N_(
    "Read all sides and propose which cards are the same person's; nothing is linked or written.",
))(plan)  # fmt: skip
family.command("held", cls=Command, help=N_(
    "What waits for a person because it happened to many records at once.",
))(held)  # fmt: skip
family.command("revive", cls=Command, help=N_(
    "Let what was deleted be made anew where it is gone; a card that is there meanwhile is taken.",
))(revive)  # fmt: skip
family.command("let-go", cls=Command, help=N_("Say what becomes of what is held: of all of it at once."))(let_go)


@family.command("status", cls=Command, help=N_("How they stand: linked, waiting for you, and what would be written."))
def status(tenant: OfTenants, as_json: AsJson = False) -> None:
    """How they stand: linked, waiting for you, and what would be written."""

    async def body(session: Session) -> None:
        owner, hub = await session.tenant(tenant), session.hub
        flows = await in_step_flows(hub, owner)
        if not flows:
            note(_("{tenant} has no flow that keeps systems in step", tenant=owner.id))
        for flow in flows:
            switch = await switch_of(hub, owner.id, flow.id)
            on = [name for name in flow.rules.between if writes_toward(flow, switch, name)]
            counts = await syncing.counts(hub, owner, flow)
            watched = [one async for one in syncing.records(hub, owner, flow, "watched")][:SHOWN]
            doubts = [one async for one in syncing.doubts(hub, owner, flow)][:SHOWN]
            going = await on_the_way.on_the_way(hub.store, owner, flow)
            waits = await on_the_way.waits_of(hub.store, doubts)
            if as_json:
                lines(
                    [{"tenant": owner.id, "flow": flow.id, "kind": flow.rules.kind.value, "writes_toward": on,
                      **{name: counts.get(name, 0) for name in STANDINGS}, "on_the_way": sum(going.values())}]
                )  # fmt: skip
                lines([_watched_row(flow.id, one) for one in watched])
                lines([_doubt_row(one) for one in doubts])
                continue
            linked = counts.get("linked", 0) + counts.get("watched", 0)
            say(
                _(
                    "{flow}: {linked} linked, {single} in one only, {asked} waiting for you; writes toward: {on}",
                    flow=flow.id, linked=linked, single=counts.get("single", 0), asked=counts.get("asked", 0),
                    on=", ".join(on) or _("nobody, it only watches"),
                )
            )  # fmt: skip
            hindered = await on_the_way.hindrances(hub.store, owner, flow)
            if going:
                say(_("on the way: {count} ({why})", count=sum(going.values()), why=_why(going, hindered)))
            if watched or not going:
                # Values aren't kept: those of the first few are read now. Some systems show one card by a call.
                first = watched[:READ_NOW]
                shown = await cards_now(hub, session.worker.outages, owner, flow, first) if first else {}
                table(
                    (N_("Record"), N_("Whose"), N_("Cards"), N_("Would write")),
                    [(one.id, _whose(one, shown), _sides(one), _would(one, shown)) for one in watched],
                    _("nothing would be written"),
                )  # fmt: skip
                if any(not _whose(one, shown) for one in first):
                    note(_("cards that can't be read just now are named by their ids: look at them in their systems"))
                if len(watched) > len(first):
                    note(_("of the first {count} it is said whose they are; the others are named by their ids",
                           count=len(first)))  # fmt: skip
            table(
                (N_("Record"), N_("Field"), N_("Why"), N_("Cards"), N_("Answers")),
                [(one.record, one.field, _cause(one), _cards(one), _answers(one, waits, owner)) for one in doubts],
                _("nothing waits for you"),
            )  # fmt: skip

    run(body)


@family.command(
    "start", cls=Command, help=N_("Write from now on, after a time of watching; what differs is looked at anew.")
)
def start(tenant: OfTenants, flow: FlowId, toward: Toward = None, yes: Yes = False) -> None:
    """Write from now on, after a time of watching; what differs is looked at anew."""

    async def body(session: Session) -> None:
        owner, hub = await session.tenant(tenant), session.hub
        found = await syncing.flow_named(hub, owner, flow)
        counts = await syncing.counts(hub, owner, found)
        there = ", ".join(toward or found.rules.between)
        would = counts.get("watched", 0)
        confirm(_("Write toward {there}? {count} records would be written at once.", there=there, count=would), yes)
        async with session.noting("sync start", f"{owner.id}/{flow}", toward=there):
            await syncing.switched(hub, owner, found, toward or (), on=True)
        if await take(session, owner, flow):
            return  # the job looks at them once it is known what resembles them
        with progress(_("looking anew")) as bar:
            task, done = bar.add_task("", total=would), 0
            async for _id in syncing.look_anew(hub, owner, found):
                done += 1
                bar.advance(task)
        say(ngettext("{count} record is looked at anew", "{count} records are looked at anew", done))

    run(body)


@family.command(
    "answer", cls=Command,
    help=N_("Answer what is asked: whose value holds, whose card it is, that a difference stays, that it goes on."),
)  # fmt: skip
def answer(tenant: OfTenants, flow: FlowId, record: RecordId, field: OfField, said: Said) -> None:
    """Answer what is asked: whose value holds, whose card it is, that a difference stays, that it goes on."""

    async def body(session: Session) -> None:
        owner, hub = await session.tenant(tenant), session.hub
        found = await syncing.flow_named(hub, owner, flow)
        id_ = await whole_id(hub.store, record, only="rec")
        await answering.answer(hub, owner, found, id_, field, said)
        await session.audit("sync answer", f"{owner.id}/{flow}/{id_}", field=field, said=said)
        say(_("taken down; {record} is looked at anew", record=id_))
        for one in await on_the_way.hindrances(hub.store, owner, found):
            say(_("it is done once {connection} goes again: {why}", connection=one.connection, why=told(one.why)))

    run(body)


@family.command("answer-all", cls=Command, help=N_("Answer at once all that is asked and that one answer fits."))
def answer_all(
    tenant: OfTenants, flow: FlowId, said: Said, field: OnlyField = None, cause: OfCause = None,
    dry_run: DryRun = False, yes: Yes = False,
) -> None:  # fmt: skip
    """Answer at once all that is asked and that one answer fits."""

    async def body(session: Session) -> None:
        owner, hub = await session.tenant(tenant), session.hub
        found = await syncing.flow_named(hub, owner, flow)

        def rows(dry: bool) -> AsyncIterator[answering.Answered]:
            return answering.answer_all(hub, owner, found, said, field=field, cause=cause, dry_run=dry)

        count = len([one async for one in rows(True) if one.skipped is None])
        if dry_run:
            say(ngettext("{count} row would be answered so", "{count} rows would be answered so", count))
            return
        confirm(_("Answer {said} to {count} rows?", said=said, count=count), yes)
        given = {"said": said, "field": field or "", "cause": cause or ""}
        async with session.noting("sync answer-all", f"{owner.id}/{flow}", **given):
            done = len([one async for one in rows(False) if one.skipped is None])
        say(ngettext("{count} row is answered", "{count} rows are answered", done))

    run(body)


@family.command("stop", cls=Command, help=N_("Only watch again: nothing is written, and nothing is unlinked."))
def stop(tenant: OfTenants, flow: FlowId, toward: Toward = None, yes: Yes = False) -> None:
    """Only watch again: nothing is written, and nothing is unlinked."""

    async def body(session: Session) -> None:
        owner, hub = await session.tenant(tenant), session.hub
        found = await syncing.flow_named(hub, owner, flow)
        there = ", ".join(toward or found.rules.between)
        async with session.noting("sync stop", f"{owner.id}/{flow}", toward=there):
            await syncing.switched(hub, owner, found, toward or (), on=False)
        if found.rules.writes:
            note(_("the tenant file says mode: on, so it writes all the same: change it there and `svyazka apply`"))
        else:
            say(_("{flow} only watches now", flow=flow))

    run(body)


def _sides(one: Record) -> str:
    return ", ".join(f"{name}/{side.object}" for name, side in sorted(one.live.items()))


def _whose(one: Record, shown: Mapping[tuple[str, str], Object]) -> str:
    """Name and phone, masked, by the first card that shows them."""
    cards = [shown[name, side.object] for name, side in sorted(one.live.items()) if (name, side.object) in shown]
    told = {field: [text for card in cards for text in card.elements(field)] for field in ("name", "phone")}
    return ", ".join(masked(field, texts[0]) for field, texts in told.items() if texts)


def _would(one: Record, shown: Mapping[tuple[str, str], Object]) -> str:
    """Field by field what stands there, and what the other cards show, from which it follows."""
    return "; ".join(
        f"{name}: " + ", ".join(_change(one, shown, name, field) for field in fields)
        for name, fields in sorted(one.would.items())
    )


def _change(one: Record, shown: Mapping[tuple[str, str], Object], toward: str, field: str) -> str:
    stands = {
        name: ", ".join(masked(field, text) for text in shown[name, side.object].elements(field)) or "—"
        for name, side in sorted(one.live.items()) if (name, side.object) in shown
    }  # fmt: skip
    there = stands.pop(toward, None)
    others = ", ".join(f"{name} {texts}" for name, texts in stands.items())
    return f"{field} {there} ← {others}" if there is not None and others else field


def _cause(one: Doubt) -> str:
    refused = _("no other card was made: {why}", why=told(one.refusal)) if one.refusal else ""
    return f"{one.cause}; {refused}" if refused else one.cause


def _cards(one: Doubt) -> str:
    own = [f"{name}/{object_}" for name, object_ in sorted(one.sides.items())]
    return ", ".join([*own, *(f"{candidate}?" for candidate in one.candidates)])


def _answers(one: Doubt, waits: Mapping[str, Waits], owner: Tenant) -> str:
    """What may be said; or what was, when, and what it waits for."""
    if one.decision is None:
        return ", ".join(answering.choices(one))
    said = _("answered: {said}, {time}", said=one.decision, time=stamp(one.decided_at, ZoneInfo(owner.timezone)) or "")
    held = waits.get(one.record)
    if held is None:
        return said
    return _("{said}; waits for {connection}: {why}", said=said, connection=held.connection, why=told(held.why))


def _why(going: Mapping[str, int], hindered: Sequence[Waits]) -> str:
    """What those that are on the way wait for: systems that are paused or away, else by how they stand."""
    found = [f"{one.connection}: {told(one.why)}" for one in hindered]
    stands = [] if found else [told(on_the_way.STANDS[Status(name)]) + f" {count}" for name, count in going.items()]
    return "; ".join([*found, *stands])


def _watched_row(flow: str, one: Record) -> dict[str, object]:
    return {"flow": flow, "record": one.id, "would": {name: list(fields) for name, fields in one.would.items()}}


def _doubt_row(one: Doubt) -> dict[str, object]:
    return {
        "flow": one.flow, "record": one.record, "field": one.field, "cause": one.cause, "sides": one.sides,
        "candidates": list(one.candidates), "refusal": one.refusal or None, "since": one.since.isoformat(),
        "choices": list(answering.choices(one)),
        "said": one.decision, "said_at": one.decided_at.isoformat() if one.decided_at else None,
    }  # fmt: skip
