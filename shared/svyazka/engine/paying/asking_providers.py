"""What providers say of a payment now. Nothing is written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from svyazka.catalogue import N_
from svyazka.engine.calling.call_factory import call_to
from svyazka.engine.calling.exchanges import exchanges
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.payments import Can, Payments, Which
from svyazka.engine.hub import Hub
from svyazka.engine.outages.learning import Outages
from svyazka.engine.rules.paying import may_be_paid_late, may_come_yet, may_go_back_yet
from svyazka.engine.support.logs import log, where
from svyazka.engine.tenants.directory import Account
from svyazka.model.base import made_storable
from svyazka.model.deliveries import Delivery
from svyazka.model.errors import ConfigError, LeaseTooShort, MaybeSent, NotSent, SourceUnavailable, Unavailable
from svyazka.model.payments import IN_FLIGHT, Attempt, Payment, PaymentState, TransactionStatus
from svyazka.model.seen import PaymentSeen, ReceiptSeen, SeenState

ShownT = TypeVar("ShownT", PaymentSeen, ReceiptSeen)

CAME = (SeenState.PAID, SeenState.HELD)


@dataclass
class Asked:
    """What was learnt."""

    seen: dict[int, PaymentSeen] = field(default_factory=dict)
    """By attempt."""
    absent: set[int] = field(default_factory=set)
    """Attempts of which the provider has nothing, asked late enough for that to mean something."""
    beside: list[tuple[int, PaymentSeen]] = field(default_factory=list)
    """Further payments under an attempt's number, whose money came: a link may be one that can be paid many times."""
    former: dict[int, str] = field(default_factory=dict)
    """Ids that attempts had before: what was told of under another one was taken for their own money."""
    silent: SourceUnavailable | None = None
    """A provider that couldn't be asked."""


class Asking:
    """Reads of what a connection shows, from which outages are learnt."""

    def __init__(self, hub: Hub, outages: Outages) -> None:
        self._hub, self._outages = hub, outages

    async def asked(
        self, account: Account, key: str, ask: Callable[[Call[Any]], Awaitable[ShownT | None]]
    ) -> ShownT | None:
        """What it shows. Raises SourceUnavailable."""
        call = call_to(self._hub, account, exchanges(self._hub, account), key=key)
        call.only_read = True
        try:
            seen = await ask(call)
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


class Providers:
    """Asks the providers of a payment's attempts."""

    def __init__(self, hub: Hub, outages: Outages) -> None:
        self._hub, self._asking = hub, Asking(hub, outages)

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

    async def asked(
        self, payment: Payment, deliveries: dict[str, Delivery], *, told: bool, refund: str | None = None
    ) -> Asked:
        """Whatever may have changed. `told`: somebody said that something has, so that what is settled is asked too.
        `refund`: the provider's own id of one that was told of."""
        found = Asked()
        for attempt in payment.attempts:
            tried = attempt.external_id is not None or bool(payment.of_attempt(attempt.n))
            may_change = _may_change(payment, attempt) or may_be_paid_late(payment, attempt)
            may_change = may_change or any(may_come_yet(one) for one in payment.of_attempt(attempt.n))
            may_change = may_change or may_go_back_yet(payment, attempt)
            if not tried or not (told or may_change):
                continue
            account = await self.account(payment, attempt.connection)
            payments = account.manifest.payments if account is not None else None
            if account is None or payments is None or Can.READ not in payments.can:
                continue
            late_enough = self._was_sent(attempt, deliveries)
            if not payments.ready(account.settings) or not (late_enough or told):
                continue
            since = min((one.at for one in payment.of_attempt(attempt.n)), default=payment.created_at)
            which = Which(external_id=attempt.external_id, number=attempt.number, since=since, refund=refund)
            try:
                seen = await self.read(account, payments, which)
            except SourceUnavailable as error:
                found.silent = error
                continue
            if seen is not None:
                found.seen[attempt.n] = seen
            elif attempt.external_id is None and late_enough:
                found.absent.add(attempt.n)
            if payment.look_at_all and attempt.former is not None:
                await self.beside(payment, attempt.n, attempt.former, found)
        return found

    async def beside(self, payment: Payment, n: int, external_id: str, found: Asked, refund: str | None = None) -> None:
        """What was told of, where it is no payment that we know: another under the same number. One that was declined
        is none: whoever pays tries again. As long as no money is known to have come by the attempt, it is the attempt's
        own, by another id (a link's is that of whoever paid by it); what comes after that came once more, also
        where the first has gone again by now. `refund`: as in `asked`."""
        attempt = next((one for one in payment.attempts if one.n == n), None)
        known = {one.external_id for one in payment.attempts} | {one.external_id for one in found.seen.values()}
        if attempt is None or external_id in known or not payment.of_attempt(n):
            return
        account = await self.account(payment, attempt.connection)
        payments = account.manifest.payments if account is not None else None
        if account is None or payments is None or Can.READ not in payments.can:
            return
        try:
            seen = await self.read(account, payments, Which(external_id=external_id, refund=refund))
        except SourceUnavailable as error:
            found.silent = error
            return
        if seen is None or seen.number != attempt.number or seen.state not in CAME:
            return
        own = found.seen.get(n)
        moved = any(one.status is TransactionStatus.DONE for one in payment.of_attempt(n))
        if own is not None and (own.state in CAME or (moved and own.state is SeenState.OVER)):
            found.beside.append((n, seen))
        elif not moved:
            found.seen[n] = seen.model_copy(update={"link": attempt.external_id})
            if attempt.external_id is not None:
                found.former[n] = attempt.external_id
        else:
            why = N_("{connection} doesn't show now what it has shown before").format(connection=attempt.connection)
            found.silent = found.silent or SourceUnavailable(why)

    async def read(self, account: Account, payments: Payments, which: Which) -> PaymentSeen | None:  # type: ignore[type-arg]
        """One payment as its provider shows it. Raises SourceUnavailable."""
        key = which.number or which.external_id or ""
        return await self._asking.asked(account, key, lambda call: payments.read(which, call))

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
