"""What a payer agrees to before anything is charged without them: how often, how much, and the words that said so."""

from __future__ import annotations

from enum import StrEnum

from pydantic import field_validator

from svyazka.model.base import Stored, Time
from svyazka.model.money import Money


class Every(StrEnum):
    """How often."""

    WEEK = "week"
    MONTH = "month"
    YEAR = "year"


class Agreed(Stored):
    """What the payer agreed to: the words, when, and where they were shown. Nobody is charged without."""

    text: str
    at: Time
    where: str
    """The page, or else the connection that told of it."""
    event: str
    """In which it came."""

    @field_validator("text")
    @classmethod
    def _says_something(cls, value: str) -> str:
        if not value.strip():
            raise ValueError("expected the words that were agreed to")
        return value


class Wanted(Stored):
    """What a first payment is to begin, once it is paid."""

    every: Every
    amount: Money
    """Of each further period."""
    agreed: Agreed
