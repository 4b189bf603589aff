"""`ship`: what was paid for is handed over, and the provider that makes the closing documents is told."""

from __future__ import annotations

from typing import Annotated

import typer

from svyazka.catalogue import N_, _, told
from svyazka.cli.commands.payments import One, held_payment
from svyazka.cli.options import AsJson
from svyazka.cli.output import fail, line, say
from svyazka.cli.session import Session, run
from svyazka.engine.calling.call_factory import call_to
from svyazka.engine.calling.exchanges import exchanges
from svyazka.engine.outbound.pacing import CalledFor
from svyazka.engine.paying import shipping
from svyazka.model.errors import ConfigError, Conflict, LeaseTooShort, MaybeSent, NotSent, SourceUnavailable


def ship(
    which: One,
    document: Annotated[
        str | None, typer.Option("--document", metavar="1024", help=N_("The number of your own document, of today."))
    ] = None,
    as_json: AsJson = False,
) -> None:
    """What was paid for is handed over: the provider makes the closing documents. Once, however often it is run."""

    async def body(session: Session) -> None:
        held = await held_payment(session, which)
        tenant, id_ = await session.tenant(held.model.tenant), held.model.id
        telling = await shipping.prepared(session.hub, held.model, tenant, (document or "").strip()[:36] or None)
        if isinstance(telling, str):
            fail(_(shipping.WHY_NOT[telling]))
        vendor = telling.account.vendor
        call = call_to(session.hub, telling.account, exchanges(session.hub, telling.account, CalledFor.PERSON), key=id_)
        try:
            noted = session.audit_write("ship", id_)
            done = await shipping.told(session.hub, held, telling, call, session.who, noted)
        except Conflict:
            fail(_("it has changed in this moment: look again"))
        except SourceUnavailable as error:
            raise ConfigError(_("{vendor} refuses: {why}", vendor=vendor, why=told(str(error)))) from None
        except (NotSent, LeaseTooShort) as error:
            raise ConfigError(_("{vendor} doesn't answer: {why}", vendor=vendor, why=error)) from None
        except MaybeSent as error:
            raise ConfigError(
                _("{vendor}: no answer came, and it may have been done ({why}); run it again in two minutes: it looks "
                  "first", vendor=vendor, why=error)
            ) from None  # fmt: skip
        if as_json:
            line({"payment": id_, "shipment": done})
        else:
            say(_("{vendor} has the shipment ({id}): it makes the closing documents", vendor=vendor, id=done), "green")

    run(body)


__all__ = ["ship"]
