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
