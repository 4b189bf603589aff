"""What every stored model shares."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("expected a time with an offset, got a naive one")
    return value.astimezone(UTC)


Time = Annotated[datetime, AfterValidator(_utc)]
"""A moment, always with an offset, kept in UTC."""


class Frozen(BaseModel):
    """Immutable, strict about unknown keys: what we write ourselves holds no surprises."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Stored(BaseModel):
    """Immutable, and part of a document in the store: what it doesn't know, it keeps.

    Two releases work side by side for minutes of each deployment, and after a step back the newer one's documents are
    still there. A field that only the newer release knows survives being read and written back by the older one, at
    every level. (Spelling mistakes in our own code are caught by the type checker: `init_forbid_extra`.)
    """

    model_config = ConfigDict(frozen=True, extra="allow")
