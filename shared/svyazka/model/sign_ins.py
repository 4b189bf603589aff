"""Coming into the console by a code."""

from __future__ import annotations

from svyazka.model.base import Stored, Time

PLACES = 3
"""Codes of one asking: as many for an address that nobody has as for one that several people have."""


class CodeOf(Stored):
    """One code and whose it is; where nobody's, of a code that nobody has."""

    tenant: str = ""
    name: str = ""
    proof: str = ""
    print: str


class SignInAsked(Stored):
    """Somebody typed who they are. Looks and costs the same whether or not anybody is known by that."""

    id: str
    """The hash of a word that the asking browser alone holds."""
    sealed: str | None = None
    """What was typed, sealed to the vault's lock; gone once the worker has looked."""
    codes: tuple[CodeOf, ...] = ()
    tries: int = 0
    asked_at: Time
    expire_at: Time


class CodesOfPerson(Stored):
    """When somebody was sent codes, for as long as it counts."""

    id: str
    """Keyed hash of the address."""
    sent: tuple[Time, ...] = ()
    expire_at: Time
