"""What providers say of a payment now. Nothing is written."""

from __future__ import annotations

from dataclasses import dataclass, field

from svyazka.catalogue import N_
from svyazka.engine.calling.call_factory import call_to
from svyazka.engine.calling.exchanges import exchanges
from svyazka.engine.contracts.capabilities.payments import Can, Payments, Which
from svyazka.engine.hub import Hub
from svyazka.engine.outages.learning import Outages
from svyazka.engine.support.logs import log, where
from svyazka.engine.tenants.directory import Account
from svyazka.model.base import made_storable
from svyazka.model.deliveries import Delivery
from svyazka.model.errors import ConfigError, LeaseTooShort, MaybeSent, NotSent, SourceUnavailable, Unavailable
from svyazka.model.payments import IN_FLIGHT, Attempt, Payment, PaymentSeen, PaymentState, TransactionStatus


@dataclass
class Asked:
    """What was learnt."""

    seen: dict[int, PaymentSeen] = field(default_factory=dict)
    """By attempt."""
    absent: set[int] = field(default_factory=set)
    """Attempts of which the provider has nothing, asked late enough for that to mean something."""
    silent: SourceUnavailable | None = None
    """A provider that couldn't be asked."""


class Providers:
    """Asks the providers of a payment's attempts."""

    def __init__(self, hub: Hub, outages: Outages) -> None:
        self._hub, self._outages = hub, outages

    async def account(self, payment: Payment, connection: str) -> Account | None:
        """A provider's account, where it is still there and can be worked with."""
        try:
            found = await self._hub.directory.account(payment.tenant, connection)
        except ConfigError:
            return None
        return found if found is not None and found.manifest.payments is not None else None

    async def testing(self, payment: Payment) -> dict[str, bool | None]:
        """By connection: whether its money is play money."""
        found: dict[str, bool | None] = {}
        for name in {one.connection for one in payment.attempts}:
            account = await self.account(payment, name)
            payments = account.manifest.payments if account is not None else None
            found[name] = payments.testing(account.settings) if account is not None and payments is not None else None
        return found

    async def asked(self, payment: Payment, deliveries: dict[str, Delivery], *, told: bool) -> Asked:
        """Whatever may have changed. `told`: somebody said that something has, so that what is settled is asked too."""
        found = Asked()
        for attempt in payment.attempts:
            tried = attempt.external_id is not None or bool(payment.of_attempt(attempt.n))
            if not tried or not (told or _may_change(payment, attempt)):
                continue
            account = await self.account(payment, attempt.connection)
            payments = account.manifest.payments if account is not None else None
            if account is None or payments is None or Can.READ not in payments.can:
                continue
            late_enough = self._was_sent(attempt, deliveries)
            if not payments.ready(account.settings) or not (late_enough or told):
                continue
            try:
                seen = await self.read(account, payments, Which(external_id=attempt.external_id, number=attempt.number))
            except SourceUnavailable as error:
                found.silent = error
                continue
            if seen is not None:
                found.seen[attempt.n] = seen
            elif attempt.external_id is None and late_enough:
                found.absent.add(attempt.n)
        return found

    async def read(self, account: Account, payments: Payments, which: Which) -> PaymentSeen | None:  # type: ignore[type-arg]
        """One payment as its provider shows it. Raises SourceUnavailable."""
        call = call_to(self._hub, account, exchanges(self._hub, account), key=which.number or which.external_id or "")
        call.only_read = True
        try:
            seen = await payments.read(which, call)
        except (NotSent, MaybeSent, LeaseTooShort, SourceUnavailable) as error:
            await self._outages.learn(account, error, of_source=True)
            why = N_("{connection} could not be asked: {why}").format(connection=account.name, why=error)
            silent = SourceUnavailable(why)
            silent.outcome = getattr(error, "outcome", None)
            raise silent from error
        except (Unavailable, ConfigError):
            raise
        except Exception as error:
            log("ERROR", "connector failed", vendor=account.vendor, error=type(error).__name__, where=where(error))
            why = N_("{connection} could not be asked: our connector failed").format(connection=account.name)
            raise SourceUnavailable(why) from error
        self._outages.answered(account)
        return made_storable(seen) if seen is not None else None

    def _was_sent(self, attempt: Attempt, deliveries: dict[str, Delivery]) -> bool:
        """Whether the provider can know of it. While a delivery is at work on it, that one asks."""
        if attempt.external_id is not None:
            return True
        delivery = deliveries.get(attempt.delivery or "")
        if delivery is None or not delivery.attempts or (delivery.is_open and delivery.status != "unknown"):
            return False
        last = delivery.attempts[-1]
        return self._hub.clock.now() - (last.ended_at or last.started_at) >= delivery.ask_after


def _may_change(payment: Payment, attempt: Attempt) -> bool:
    own = payment.of_attempt(attempt.n)
    held = payment.state is PaymentState.HELD and any(one.status is TransactionStatus.DONE for one in own)
    return held or any(one.status in IN_FLIGHT for one in own)
