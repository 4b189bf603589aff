"""Asking an event's vendor how its object is now: a webhook's body is a hint (DESIGN 3)."""

from __future__ import annotations

from svyazka.catalogue import N_
from svyazka.engine.calling.call_factory import call_to
from svyazka.engine.calling.exchanges import exchanges
from svyazka.engine.contracts.flow import Facts
from svyazka.engine.hub import Hub
from svyazka.engine.outages.learning import Outages
from svyazka.engine.support.logs import log, where
from svyazka.engine.tenants.directory import Account
from svyazka.model.base import made_storable
from svyazka.model.errors import (
    ConfigError,
    LeaseTooShort,
    MaybeSent,
    NotSent,
    NotShown,
    SourceUnavailable,
    Unavailable,
)
from svyazka.model.events import Event
from svyazka.model.outcomes import Blocked
from svyazka.model.reasons import Reason


class Rereader:
    """Reads objects again where their connectors can."""

    def __init__(self, hub: Hub, outages: Outages) -> None:
        self._hub, self._outages = hub, outages

    async def reread(self, event: Event) -> Facts:
        """The event's object as its vendor shows it now; nothing where it can't be asked. Raises SourceUnavailable."""
        account = await self._hub.directory.account(event.tenant, event.connection) if event.entity else None
        reading = account.manifest.reading if account else None
        if account is None or event.entity is None or reading is None or not reading.ready(account.settings):
            return Facts()
        await self._leave_alone(account)
        call = call_to(self._hub, account, exchanges(self._hub, account), key=event.id)
        try:
            fresh = await reading.read(event.entity, call)
        except NotShown:
            return Facts()
        except (NotSent, MaybeSent, LeaseTooShort, SourceUnavailable) as error:
            await self._outages.learn(account, error, of_source=True)
            unavailable = SourceUnavailable(
                N_("{connection} could not be asked: {why}").format(connection=account.name, why=error)
            )
            unavailable.outcome = getattr(error, "outcome", None)
            raise unavailable from error
        except (Unavailable, ConfigError):
            raise
        except Exception as error:
            log("ERROR", "connector failed", vendor=account.vendor, error=type(error).__name__, where=where(error))
            raise SourceUnavailable(
                N_("{connection} could not be asked: our connector failed").format(connection=account.name)
            ) from error
        self._outages.answered(account)
        return Facts(fresh=made_storable(fresh) if fresh is not None else None, gone=fresh is None)

    async def _leave_alone(self, account: Account) -> None:
        """Raises SourceUnavailable while the source counts as in trouble: its outage's own probes see when that is
        over, and whatever waits goes on then."""
        held = await self._outages.of(account.tenant.id, account.name)
        if held is None:
            return
        outage = held.model
        unavailable = SourceUnavailable(
            N_("{connection} is {kind} at the moment: {why}").format(
                connection=account.name, kind=outage.kind, why=outage.message
            )
        )
        if outage.kind == "blocked":
            unavailable.outcome = Blocked(
                code=outage.code, message=outage.message, remedy=outage.remedy or "", reason=Reason.NO_ACCESS
            )
        unavailable.again_at = outage.next_probe_at
        raise unavailable
