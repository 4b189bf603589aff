"""`replay` and `resolve`: an operator's second chance for what failed, expired or could not be read."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from datetime import datetime
from enum import StrEnum
from typing import Annotated

import typer

from svyazka.catalogue import N_, _, told
from svyazka.cli.filters import mistyped, owner_of, parse_since
from svyazka.cli.options import AsJson, DryRun, OfConnection, OfTenant, Since
from svyazka.cli.output import lines, note, progress, say, table
from svyazka.cli.session import Noting, Session, run
from svyazka.engine.operating.operator import Done, How, Operator
from svyazka.engine.operating.reopen import reopen
from svyazka.engine.operating.replay import replay_event, replay_raw
from svyazka.engine.operating.resolve import resolve_delivery
from svyazka.engine.ports.store import Document
from svyazka.model.deliveries import Status
from svyazka.model.errors import ConfigError, Conflict
from svyazka.model.events import EventStatus
from svyazka.model.references import Produced
from svyazka.reading import lists
from svyazka.reading.ids import whole_id
from svyazka.reading.lists import Filter

IDS_IN_AUDIT = 20


class Resolution(StrEnum):
    """What `resolve --as` takes."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    RETRY = "retry"


def replay(
    ids: Annotated[
        list[str] | None,
        typer.Argument(metavar="ID...", help=N_("evt_..., dlv_..., raw_..., or how one of them begins.")),
    ] = None,
    status: Annotated[
        list[str] | None,
        typer.Option("--status", help=N_("Everything in this state: failed, dead, quarantined, ...; several times.")),
    ] = None,
    tenant: OfTenant = None,
    connection: OfConnection = None,
    since: Since = None,
    dry_run: DryRun = False,
    again: Annotated[bool, typer.Option("--again", help=N_("Also what succeeded: it is done once more."))] = False,
    ignore_age: Annotated[
        bool, typer.Option("--ignore-age", help=N_("Also what is too old, or of unknown age."))
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Do it anew: reopen final deliveries, plan events again, parse again what could not be read.

    Exit status 1 when an id that was named could not be replayed.
    """
    if bool(ids) == bool(status):
        raise typer.BadParameter(_("expected ids, or --status to choose by"), param_hint="ID...")
    unknown = sorted(set(status or ()) - set(Status) - set(EventStatus))
    if unknown:
        raise typer.BadParameter(
            _(
                "{unknown!r} is no state; expected one of {names}",
                unknown=unknown[0],
                names=", ".join(sorted({*Status, *EventStatus})),
            ),
            param_hint="--status",
        )

    async def body(session: Session) -> list[Done]:
        moment = parse_since(since, session.hub.clock.now()) if since else None
        wanted = Filter(*owner_of(tenant, connection), frozenset(status or ()), since=moment)
        wanted = wanted.narrowed((await session.tenants()).values())
        chosen = [await whole_id(session.store, id_) for id_ in ids or ()] or await _chosen(session, wanted)
        how = How(again=again, ignore_age=ignore_age, dry_run=dry_run)
        noted = session.noting(
            "replay", " ".join([*chosen[:IDS_IN_AUDIT], *(["..."] if len(chosen) > IDS_IN_AUDIT else [])]),
            count=len(chosen), status=",".join(status or ()), again=again, ignore_age=ignore_age,
        )  # fmt: skip
        done: list[Done] = []
        async with nullcontext(Noting()) if dry_run or not chosen else noted as noting:
            with progress(_("replaying")) as bar:
                task = bar.add_task("", total=len(chosen))
                for id_ in chosen:
                    done += await _one(session.operator, id_, how)
                    bar.advance(task)
            noting.refused = all(one.skipped for one in done)
        nothing = mistyped(wanted, (await session.tenants()).values()) or _("nothing in that state")
        _tell(done, dry_run, as_json, nothing)
        return done

    done = run(body)
    if ids and any(one.skipped for one in done):
        raise typer.Exit(1)


async def _chosen(session: Session, wanted: Filter) -> list[str]:
    """Ids in these states, oldest first: what waited longest goes first."""
    found: set[tuple[datetime, str]] = set()  # what moved meanwhile may come twice
    if wanted.statuses & set(Status):
        found |= {_place(one, "created_at") async for one in lists.delivery_documents(session.store, wanted)}
    if wanted.statuses & set(EventStatus):
        found |= {_place(one, "received_at") async for one in lists.event_documents(session.store, wanted)}
        found |= {(one.received_at, one.id) async for one in lists.quarantined_raws(session.store, wanted)}
    return [id_ for _, id_ in sorted(found)]


def _place(document: Document, name: str) -> tuple[datetime, str]:
    moment = document.fields[name]
    assert isinstance(moment, datetime)
    return moment, document.id


async def _one(operator: Operator, id_: str, how: How) -> list[Done]:
    try:
        match id_.partition("_")[0]:
            case "evt":
                return await replay_event(operator, id_, how)
            case "raw":
                return await replay_raw(operator, id_, how)
            case "dlv":
                return [await reopen(operator, id_, how)]
        return [Done(id_, "skipped", _("expected an id such as evt_..., dlv_... or raw_..."))]
    except Conflict:
        return [Done(id_, "skipped", _("it changed in this very moment: look at it again"))]
    except ConfigError as error:
        return [Done(id_, "skipped", str(error))]


def _tell(done: Sequence[Done], dry_run: bool, as_json: bool, nothing: str) -> None:
    if as_json:
        lines({"id": one.id, "what": one.what, "reason": one.reason} for one in done)
        return
    table((N_("Id"), N_("What"), N_("Why")), ((one.id, one.what, one.reason) for one in done), nothing)
    moved = sum(not one.skipped for one in done)
    if done:
        note(
            _("{moved} would be replayed, {skipped} skipped", moved=moved, skipped=len(done) - moved)
            if dry_run
            else _("{moved} replayed, {skipped} skipped", moved=moved, skipped=len(done) - moved),
            None,
        )


def resolve(
    given: Annotated[str, typer.Argument(metavar="DELIVERY", help=N_("dlv_..., or how it begins."))],
    as_: Annotated[Resolution, typer.Option("--as", help=N_("What became of it; retry sends it again."))],
    ignore_age: Annotated[bool, typer.Option("--ignore-age", help=N_("With retry: also when it is too old."))] = False,
    made: Annotated[
        list[str] | None,
        typer.Option("--made", metavar="KIND=ID", help=N_("With succeeded: what it made, such as contact=77.")),
    ] = None,
) -> None:
    """Say what became of a delivery of which nobody knows (`unknown`)."""

    async def body(session: Session) -> None:
        id_ = await whole_id(session.store, given, only="dlv")
        try:
            resolved = await resolve_delivery(
                session.operator, id_, as_.value, How(ignore_age=ignore_age, why="resolve"), [*map(_made, made or ())]
            )
        except Conflict:
            raise ConfigError(_("{id} changed in this very moment: svyazka show {id}", id=id_)) from None
        await session.audit("resolve", id_, resolution=as_.value)
        say(_("{id} is {status}", id=id_, status=told(resolved.status.value)))

    run(body)


def _made(text: str) -> Produced:
    kind, _sign, id_ = text.partition("=")
    if not kind or not id_:
        raise typer.BadParameter(_("expected KIND=ID such as contact=77, got {text!r}", text=text), param_hint="--made")
    return Produced(kind=kind, id=id_)
