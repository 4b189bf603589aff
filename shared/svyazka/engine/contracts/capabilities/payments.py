"""Payments: links to pay by, charges of saved methods, what is held, refunds, and what a provider shows of all that.

Commands: `MakeLink`, `ChargeSaved`, `CapturePayment`, `CancelPayment`, `RefundPayment`.

Whatever object the provider answers with is `Succeeded(seen=...)`, a declined charge or a cancelled refund too: the
command was carried out, and what it came to is in what is seen. `Refused` is for a request that isn't taken at all.
Numbers of ours are unique at the provider, and travel in whatever it keeps for us and shows again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

from svyazka.model.base import Frozen, Time
from svyazka.model.events import EventType
from svyazka.model.money import Money

if TYPE_CHECKING:
    from svyazka.engine.contracts.calls import Call
    from svyazka.model.commands import Safety
    from svyazka.model.outcomes import Outcome
    from svyazka.model.paying import CancelPayment, CapturePayment, ChargeSaved, MakeLink, MoneyCommand, RefundPayment
    from svyazka.model.seen import PaymentSeen, RefundSeen
    from svyazka.model.tenants import ConnectionSettings

SettingsT = TypeVar("SettingsT", bound="ConnectionSettings")


TELLS = frozenset({
    EventType.PAYMENT_CHANGED, EventType.PAYMENT_SUCCEEDED, EventType.PAYMENT_FAILED, EventType.PAYMENT_REFUNDED,
    EventType.OTHER,
})  # fmt: skip
"""What every provider's connection brings: its notifications, and what reading a payment has shown."""


class Can(StrEnum):
    """What a provider's API can do."""

    LINK = "link"
    CHARGE = "charge"
    """Take money by a saved method."""
    SAVE = "save"
    HOLD = "hold"
    REFUND = "refund"
    PART_REFUND = "part_refund"
    CALL_OFF = "call_off"
    """A link that nobody has paid can be cancelled there."""
    SPLIT = "split"
    RECEIPT = "receipt"
    """It registers the fiscal receipt."""
    SHOWS_RECEIPT = "shows_receipt"
    """What becomes of that one is shown with the payment; else nobody but its cabinet says so."""
    SHIP = "ship"
    """It makes the closing documents, once it is told what was handed over."""
    READ = "read"
    """A payment can be asked for; else its signed notifications have to do."""
    LIST = "list"


class Which(Frozen):
    """One payment at a provider: by its own id there, else by our number."""

    external_id: str | None = None
    number: str | None = None
    since: Time | None = None
    """It wasn't made before: for a provider whose lists have to be looked through for a number."""
    refund: str | None = None
    """The provider's own id of a refund that it has told of, which its lists needn't show yet."""


class Handed(Frozen):
    """What was handed over to whoever has paid: closing documents are made of it."""

    external_id: str
    """The payment's."""
    amount: Money
    """What was paid and didn't go back."""
    day: date
    document: str | None = None
    """The number of the business's own document."""


@dataclass(frozen=True, slots=True)
class SeenPage:
    """A slice of a provider's list; `cursor` goes on, None at the end."""

    payments: tuple[PaymentSeen, ...] = ()
    refunds: tuple[tuple[str, RefundSeen], ...] = ()
    """Each with its payment's id, where the provider lists them apart."""
    cursor: str | None = None


class Payments(Protocol[SettingsT]):
    """One provider. Stateless. Reads raise VendorFailure, NotSent, MaybeSent; of commands NotSent and MaybeSent may
    pass through."""

    can: ClassVar[frozenset[Can]]
    shop: ClassVar[str | None] = None
    """The setting by which its shops are told apart there: two connections that share one hear of each other's money,
    and list it. None: it doesn't say."""
    ours_alone: ClassVar[bool] = False
    """Whatever it tells us of is an order that we should know: others' payments through the same shop aren't told."""

    def ready(self, settings: SettingsT) -> bool:
        """Whether the credentials are there."""
        raise NotImplementedError

    def till(self, settings: SettingsT) -> str | None:
        """The connection whose tables' checks are paid by it; None: none in particular."""
        return None

    def testing(self, settings: SettingsT) -> bool | None:
        """Whether its money is play money; None: the settings don't say. What is seen of the other kind isn't ours."""
        raise NotImplementedError

    def safety(self, command: MoneyCommand) -> Safety:
        """How this operation may be repeated, for how long its key lives, how long what was done may not be shown, and
        how patient one try is. Pure."""
        raise NotImplementedError

    async def make_link(self, command: MakeLink, call: Call[SettingsT]) -> Outcome:
        """A link. Nothing at the provider sends it to the payer: whether anybody sees it is decided here."""
        raise NotImplementedError

    async def charge(self, command: ChargeSaved, call: Call[SettingsT]) -> Outcome:
        """Charge a saved method."""
        raise NotImplementedError

    async def capture(self, command: CapturePayment, call: Call[SettingsT]) -> Outcome:
        """Take what is held, or a part: the rest is let go."""
        raise NotImplementedError

    async def cancel(self, command: CancelPayment, call: Call[SettingsT]) -> Outcome:
        """Let go of what is held, or call off a link; one that is over already is what is seen."""
        raise NotImplementedError

    async def refund(self, command: RefundPayment, call: Call[SettingsT]) -> Outcome:
        """Give back: `seen` is a `RefundSeen`, or the payment where the provider answers with that."""
        raise NotImplementedError

    async def find(self, command: MoneyCommand, call: Call[SettingsT]) -> Outcome | None:
        """What an earlier try that is in doubt came to, asked by our number: Succeeded(seen=...), or None where the
        provider provably has nothing of it."""
        raise NotImplementedError

    async def read(self, which: Which, call: Call[SettingsT]) -> PaymentSeen | None:
        """A payment as it is now, with its refunds; None where there is none."""
        raise NotImplementedError

    async def shipment(self, external_id: str, call: Call[SettingsT]) -> str | None:
        """The id of a shipment that it has of a payment; None where it provably has none. For those that can SHIP."""
        return None

    async def ship(self, what: Handed, call: Call[SettingsT]) -> str:
        """Tell what was handed over; the shipment's id. Raises VendorFailure too."""
        assert Can.SHIP in self.can, "asked only of those that can"
        raise NotImplementedError

    async def list(self, first: datetime, until: datetime, cursor: str | None, call: Call[SettingsT]) -> SeenPage:
        """What was made, paid or given back from `first` to before `until`, for comparing a month."""
        raise NotImplementedError
