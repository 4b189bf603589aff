"""Links to pay by, refunds, and what Pingo shows of both."""

from __future__ import annotations

from datetime import datetime

from svyazka.connectors.pingo.settings import PingoSettings

from svyazka.catalogue import N_
from svyazka.engine.contracts.calls import Call
from svyazka.engine.contracts.capabilities.payments import Can, Payments, SeenPage, Which
from svyazka.engine.contracts.vendor_answers import VendorFailure
from svyazka.model.commands import Deadline, Repeat, Safety
from svyazka.model.outcomes import Outcome, Refused, Unclear
from svyazka.model.paying import CancelPayment, CapturePayment, ChargeSaved, MakeLink, MoneyCommand, RefundPayment
from svyazka.model.seen import PaymentSeen

NOT_WRITTEN = Refused(code="not_written", message=N_("paying by Pingo isn't written yet"))


class PingoPayments(Payments[PingoSettings]):
    """Pingo. `can` says what its API offers: the kit asks for each of these."""

    can = frozenset({Can.LINK, Can.REFUND, Can.PART_REFUND, Can.READ, Can.LIST})

    def ready(self, settings: PingoSettings) -> bool:
        return settings.api_key is not None  # [keyed]
        return settings.api_key is not None or settings.client_secret is not None  # [access]

    def testing(self, settings: PingoSettings) -> bool | None:
        """Whether its money is play money, where the credentials show that."""
        return None

    def safety(self, command: MoneyCommand) -> Safety:
        """Whether it can be asked by our number, or keeps a key of ours (`IDEMPOTENT`, and for how long); of a link
        somebody waits on a page."""
        deadline = Deadline.CALL if isinstance(command, MakeLink) else Deadline.MONEY
        return Safety(repeat=Repeat.CHECKABLE, deadline=deadline)

    # Commands: whatever object it answers with is `Succeeded(external_id=..., seen=...)`, a declined one too

    async def make_link(self, command: MakeLink, call: Call[PingoSettings]) -> Outcome:
        return NOT_WRITTEN

    async def charge(self, command: ChargeSaved, call: Call[PingoSettings]) -> Outcome:
        return NOT_WRITTEN

    async def capture(self, command: CapturePayment, call: Call[PingoSettings]) -> Outcome:
        return NOT_WRITTEN

    async def cancel(self, command: CancelPayment, call: Call[PingoSettings]) -> Outcome:
        return NOT_WRITTEN

    async def refund(self, command: RefundPayment, call: Call[PingoSettings]) -> Outcome:
        return NOT_WRITTEN

    # Questions: None is proof that it has no such

    async def find(self, command: MoneyCommand, call: Call[PingoSettings]) -> Outcome | None:
        raise _not_written()

    async def read(self, which: Which, call: Call[PingoSettings]) -> PaymentSeen | None:
        raise _not_written()

    async def list(self, first: datetime, until: datetime, cursor: str | None, call: Call[PingoSettings]) -> SeenPage:
        raise _not_written()


def _not_written() -> VendorFailure:
    return VendorFailure(Unclear(code="not_written", message=N_("asking Pingo for payments isn't written yet")))
