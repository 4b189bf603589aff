"""Messenger: carries messages to people. Commands: `SendMessage`."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

from svyazka.catalogue import N_

if TYPE_CHECKING:
    from svyazka.engine.contracts.calls import Call
    from svyazka.model.commands import Safety, SendMessage
    from svyazka.model.contacts import Contact
    from svyazka.model.outcomes import Outcome
    from svyazka.model.tenants import ConnectionSettings

SettingsT = TypeVar("SettingsT", bound="ConnectionSettings")


class Messenger(Protocol[SettingsT]):
    """One vendor's way to people. Stateless; what a call needs comes in `Call`."""

    reaches: ClassVar[str]
    """Which address of a contact it uses: `phone`, `email`, or a vendor's name in `Contact.chats`."""

    needs_receipt: ClassVar[bool] = False
    """True where what was taken often never arrives. A flow must then name another channel after this one and
    `fallback_after`: with no receipt of delivery by then the other one tries."""

    shows_buttons: ClassVar[bool] = False
    """Whether `SendMessage.buttons` are shown, and a press comes back as an event; else they are left out."""

    no_address: ClassVar[str] = N_("the contact has no address that this channel can use")
    """What is recorded when `address` finds nothing."""

    def address(self, contact: Contact) -> str | None:
        """The contact's address that this messenger can use, normalised, or None. Pure."""
        raise NotImplementedError

    def safety(self, message: SendMessage) -> Safety:
        """What a crash or a silent time-out in the middle of sending means. Pure."""
        raise NotImplementedError

    async def send(self, message: SendMessage, to: str, call: Call[SettingsT]) -> Outcome:
        """Send to `to`, which `address` found. NotSent and MaybeSent may pass through: the engine knows what they
        mean."""
        raise NotImplementedError

    async def find_sent(self, message: SendMessage, to: str, call: Call[SettingsT]) -> Outcome | None:
        """Where safety is checkable: Succeeded if the vendor has it, None if it provably hasn't. VendorFailure may pass
        through: a question that is refused says nothing of the message."""
        contradiction = N_("{found} calls itself checkable, and can't be asked").format(found=type(self).__name__)
        raise NotImplementedError(contradiction)
