"""Values that must be kept for a while, sealed, and found again when one of their people asks to be forgotten."""

from __future__ import annotations

from pydantic import JsonValue

from svyazka.model.base import Stored, Time


class SealedValue(Stored):
    """One value, as it lies in its blob, with whom it mentions."""

    people: tuple[str, ...] = ()
    """Keyed hashes."""
    value: JsonValue = None
    """None: it was forgotten. Its place stays, so that what counts places goes on counting."""


class SealedBatch(Stored):
    """Values that were kept together: which blob has them, and until when."""

    id: str
    tenant: str
    purpose: str
    blob: str
    old: tuple[str, ...] = ()
    """Blobs that this one has replaced and that may still be there."""
    count: int
    people: tuple[str, ...] = ()
    """Keyed hashes of all whom its values mention."""
    made_at: Time
    blank_at: Time
    """The end of its life."""
