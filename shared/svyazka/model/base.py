"""What every stored model shares."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict
from pydantic_core import PydanticSerializationError

from svyazka.catalogue import N_

EARLIEST, LATEST = datetime(2, 1, 1, tzinfo=UTC), datetime(9998, 12, 31, tzinfo=UTC)
"""A year from the ends of what `datetime` can hold: such a moment can be shown in every zone."""


HTTPS = N_("an address that begins with https://")
RETURN_URL = r"^(https://\S|http://(localhost|127\.0\.0\.1)(:\d+)?/)\S*$"
"""Where a payer may be sent back to: encrypted, or this machine, where one tries things out."""

SKELETON = timedelta(days=400)
"""How long ids, states and times of what is settled live on."""


def _utc(value: datetime) -> datetime:
    if value.tzinfo is None:
        raise ValueError("expected a time with an offset, got a naive one")
    try:
        moment = value if value.tzinfo is UTC else value.astimezone(UTC)
        return moment if EARLIEST < moment < LATEST else min(max(moment, EARLIEST), LATEST)
    except OverflowError:  # .NET's DateTime.MinValue and MaxValue, in any zone but UTC
        return LATEST if value.year > EARLIEST.year else EARLIEST


Time = Annotated[datetime, AfterValidator(_utc)]
"""A moment, always with an offset, kept in UTC; the ends of time are moved to where they can be shown."""


def plausible(moment: datetime | None) -> datetime | None:
    """A stranger's time, if anything can have happened then. The ends of time (`9999-12-31`, `0001-01-01`) are how
    systems write "no time": an order by it would never change again, an age by it never end."""
    return moment if moment is not None and FIRST_YEAR <= moment.year < LAST_YEAR else None


FIRST_YEAR, LAST_YEAR = 1971, 2200


def storable(value: Any) -> Any:
    """Text, or JSON, as every store takes it: half a surrogate pair, which strangers can make in many ways (a JSON
    escape cut in two, UTF-7, an odd charset), becomes a question mark."""
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, Mapping):
        return {storable(key): storable(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [storable(one) for one in value]
    return value


ModelT = TypeVar("ModelT", bound=BaseModel)


def made_storable(model: ModelT) -> ModelT:
    """The model itself, where it can be written; else the same with every text made storable."""
    try:
        model.model_dump_json()
    except PydanticSerializationError:
        return type(model).model_validate(storable(model.model_dump(mode="python")))
    return model


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
