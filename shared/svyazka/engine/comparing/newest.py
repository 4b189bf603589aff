"""Which of several changes is the newest, where that can be known. Clocks of two systems are never compared closer than
they can be trusted."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta

from svyazka.engine.comparing.fields import Window
from svyazka.model.records import Object

WIDENED = timedelta(seconds=60)
"""How far a vendor's clock, and ours, may be off."""


def change_window(last_as_base: datetime, first_changed: datetime, vendor_time: datetime | None = None) -> Window:
    """When a field was changed: after we last saw it as it was agreed, before we first saw it otherwise.

    `vendor_time`: when the vendor says that the *object* was last changed, which was no earlier than the field. A time
    before we saw the field unchanged says only that its clock can't be used.
    """
    until = first_changed
    if vendor_time is not None and last_as_base <= vendor_time < first_changed:
        until = vendor_time
    return Window(last_as_base - WIDENED, until + WIDENED)


def saved_since(version: str | None, seen_at: datetime | None, there: Object) -> bool:
    """Whether somebody has saved an object since it had this version, or, where none was told, since that time."""
    if version is not None and there.version is not None:
        return there.version != version
    return seen_at is not None and there.changed_at is not None and there.changed_at > seen_at + WIDENED


def newest(windows: Mapping[str, Window | None], alike: Collection[frozenset[str]]) -> str | None:
    """The side whose change came after all others, those that made the same change apart; None where two windows
    meet or one isn't known. `alike`: the sides, those of the same value together."""
    for group in sorted(alike, key=sorted):
        others = [name for other in alike if other != group for name in other]
        for name in sorted(group):
            if _is_after(windows.get(name), [windows.get(other) for other in others]):
                return name
    return None


def _is_after(one: Window | None, others: Collection[Window | None]) -> bool:
    return one is not None and all(other is not None and other.until < one.after for other in others)
