"""Receipts: whoever registers fiscal receipts with the tax service for money that somebody else has taken.

Command: `RegisterReceipt`, for a sale, for the settlement of an advance, for a refund.

A number of ours stands for one document for ever, or for as long as `safety` says. Whatever the fiscaliser shows of it
is `Succeeded(seen=...)`, also that it has failed: the command was carried out, and what it came to is in what is seen.
`Refused` is for a receipt that isn't taken at all: then nothing stands under its number.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, Protocol, TypeVar

if TYPE_CHECKING:
    from svyazka.engine.contracts.calls import Call
    from svyazka.model.commands import Safety
    from svyazka.model.outcomes import Outcome
    from svyazka.model.receipts import ReceiptKind, RegisterReceipt
    from svyazka.model.seen import ReceiptSeen
    from svyazka.model.tenants import ConnectionSettings

SettingsT = TypeVar("SettingsT", bound="ConnectionSettings")


class Receipts(Protocol[SettingsT]):
    """One fiscaliser. Stateless. Reads raise VendorFailure, NotSent, MaybeSent; of commands NotSent and MaybeSent may
    pass through."""

    kinds: ClassVar[frozenset[ReceiptKind]]
    """What it registers."""
    kept_days: ClassVar[int | None]
    """For so many days a report can be read; None: for as long as anybody asks."""

    def ready(self, settings: SettingsT) -> bool:
        """Whether the credentials are there."""
        raise NotImplementedError

    def safety(self, command: RegisterReceipt) -> Safety:
        """How it may be repeated, for how long its number is known, and how patient one try is. Pure."""
        raise NotImplementedError

    async def register(self, command: RegisterReceipt, call: Call[SettingsT]) -> Outcome:
        """One receipt under one number: the same number again registers nothing, and shows what stands under it."""
        raise NotImplementedError

    async def find(self, command: RegisterReceipt, call: Call[SettingsT]) -> Outcome | None:
        """What an earlier try that is in doubt came to: Succeeded(seen=...), or None where the fiscaliser provably has
        nothing of it. Where the same call is the question, it is None."""
        raise NotImplementedError

    async def read(self, external_id: str, call: Call[SettingsT]) -> ReceiptSeen | None:
        """A receipt's report as it is now; None where there is none under that id, or none any more."""
        raise NotImplementedError
