"""`forget`: everything about one person is blanked, and he is never contacted again."""

from __future__ import annotations

from typing import Annotated

import typer

from svyazka.catalogue import _
from svyazka.cli.options import AsJson, OfTenant, Yes
from svyazka.cli.output import confirm, lines, note, progress, say
from svyazka.cli.session import Session, run
from svyazka.engine.upkeep.forget import Forgetting, Forgotten
from svyazka.model.contacts import normalize_email, normalize_phone
from svyazka.model.errors import ConfigError


def forget(
    address: Annotated[str, typer.Argument(metavar="PHONE|EMAIL")],
    tenant: OfTenant = None,
    yes: Yes = False,
    as_json: AsJson = False,
) -> None:
    """Blank a person's data in every event, request and delivery, and leave a hashed do-not-contact mark.

    Exit status 1 while a message to him is being sent in this moment: run it again then.
    """

    async def body(session: Session) -> list[Forgotten]:
        plain = normalize_email(address) or normalize_phone(address)
        if plain is None:
            raise ConfigError(_("expected a phone such as +7 999 000-00-00 or an e-mail address, got something else"))
        owners = [await session.tenant(tenant)] if tenant else list((await session.tenants()).values())
        forgetting = Forgetting(session.hub)
        found = [await forgetting.forget(owner, plain, dry_run=True) for owner in owners]
        things = sum(one.events + one.requests + one.deliveries + one.kept for one in found)
        where = ", ".join(owner.id for owner in owners)
        confirm(
            _(
                "Blank {things} things of this person at {where}, and never contact him again? Not to be undone.",
                things=things,
                where=where,
            ),
            yes,
        )
        done = []
        with progress(_("forgetting")) as bar:
            task = bar.add_task("", total=len(owners))
            for owner in owners:
                # The person stands in the log by the same keyed hash by which he is found.
                await session.audit("forget", f"{owner.id}/{session.hub.keyring.person(owner.id, plain)}")
                done.append(await forgetting.forget(owner, plain))
                bar.advance(task)
        return done

    done = run(body)
    if as_json:
        lines(
            {"tenant": one.tenant, "events": one.events, "requests": one.requests, "deliveries": one.deliveries,
             "cancelled": one.cancelled, "in_flight": one.in_flight, "kept": one.kept,
             "cards": list(one.cards)} for one in done
        )  # fmt: skip
    else:
        for one in done:
            say(
                _(
                    "{tenant}: blanked {events} events, {requests} requests, {deliveries} deliveries ({cancelled} of "
                    "them cancelled), {kept} sealed values; never to be contacted again",
                    tenant=one.tenant,
                    events=one.events,
                    requests=one.requests,
                    deliveries=one.deliveries,
                    cancelled=one.cancelled,
                    kept=one.kept,
                )
            )
        cards = sorted({card for one in done for card in one.cards})
        if cards:
            note(_("his cards in other systems stay: delete them there ({cards})", cards=", ".join(cards)))
    if any(one.in_flight for one in done):
        note(_("a message to this person is being sent right now: run this again in two minutes"), "red")
        raise typer.Exit(1)
