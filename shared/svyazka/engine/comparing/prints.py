"""Prints: keyed fingerprints of values. They tell whether a value is the same as before, and nothing else.

A print belongs to one tenant, kind and field: the same phone of two tenants, or in two fields, has nothing in common.
It says which key and which normaliser made it, so that a change of either makes no side look changed.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from hashlib import blake2b
from typing import NamedTuple

from svyazka.catalogue import N_
from svyazka.engine.comparing.normalising import NORMALISERS, FieldType, Normaliser, elements, field_type
from svyazka.model.bases import Prints
from svyazka.model.errors import ConfigError
from svyazka.model.records import UNREAD, Blank, Shown

DIGEST_BYTES = 16


class Print(NamedTuple):
    """One fingerprint, stored as one short text: `3.1.` and 22 letters."""

    key: str
    normaliser: int
    digest: str

    def __str__(self) -> str:
        return f"{self.key}.{self.normaliser}.{self.digest}"

    @classmethod
    def read(cls, text: str) -> Print:
        """From its stored text. Raises ValueError for what is none."""
        key, normaliser, digest = text.split(".")
        return cls(key, int(normaliser), digest)


class Stamp:
    """Prints one field's values by one key and one normaliser."""

    def __init__(
        self, key: tuple[str, bytes], normaliser: Normaliser, domain: str, field: str, type: FieldType
    ) -> None:
        self._name = f"{key[0]}.{normaliser.version}."
        self._normaliser, self._type = normaliser, type
        self._begun = blake2b(f"{domain}{field}\0".encode(), key=key[1], digest_size=DIGEST_BYTES)
        """Key and domain are taken in once: that is half of the time of a print."""

    def __call__(self, value: str | bool) -> str:
        """The print of one value, or of one element of a set."""
        hashed = self._begun.copy()
        hashed.update(self._normaliser(self._type, value).encode("utf-8", "surrogatepass"))
        return self._name + base64.urlsafe_b64encode(hashed.digest())[:22].decode()

    def of(self, shown: Shown) -> Prints:
        """The prints of what a field shows, each once."""
        if isinstance(shown, Blank):
            return ()
        if isinstance(shown, bool):
            return (self(shown),)
        return tuple(dict.fromkeys(self(element) for element in elements(shown)))

    def made(self, prints: Prints) -> bool:
        """Whether these are by this key and normaliser."""
        return all(text.startswith(self._name) for text in prints)


class Printer:
    """Makes prints of one kind of one tenant, and knows again what it printed under its older keys and normalisers."""

    def __init__(
        self, keys: Mapping[str, bytes], tenant: str, kind: str, normalisers: Sequence[Normaliser] = NORMALISERS
    ) -> None:
        """`keys`: all that are still there, by their number (`Keyring.print_keys`)."""
        if not keys:
            raise ConfigError(N_("prints need a key: the `mint` secret isn't there"))
        self._keys = keys
        self._newest_key = max(keys, key=int)
        self._normalisers = {one.version: one for one in normalisers}
        self._newest = normalisers[-1]
        self._domain = f"print\0{tenant}\0{kind}\0"
        self._stamps: dict[tuple[str, int, str, FieldType], Stamp] = {}

    @property
    def normaliser(self) -> Normaliser:
        """By which values are compared now."""
        return self._newest

    def stamp(self, field: str, type: FieldType | None = None) -> Stamp:
        """What prints a field's values now."""
        return self._stamp(self._newest_key, self._newest, field, type or field_type(field))

    def stamp_of(self, prints: Prints, field: str, type: FieldType | None = None) -> Stamp | None:
        """What made these prints, which are always made at once. None: its key or its normaliser is gone."""
        if not prints:
            return self.stamp(field, type)
        key, normaliser, _ = Print.read(prints[0])
        made_by = self._normalisers.get(normaliser)
        if key not in self._keys or made_by is None:
            return None
        stamp = self._stamp(key, made_by, field, type or field_type(field))
        return stamp if stamp.made(prints) else None

    def prints(self, field: str, shown: Shown, type: FieldType | None = None) -> Prints:
        """Of what a field shows now; of CLEARED, as of UNREAD, there are none."""
        return self.stamp(field, type).of(shown)

    def shows(self, prints: Prints, field: str, shown: Shown, type: FieldType | None = None) -> bool | None:
        """Whether a field shows what these are prints of. None: nobody can say, it is unread or their key is gone."""
        stamp = self.stamp_of(prints, field, type)
        if stamp is None or shown is UNREAD:
            return None
        return set(stamp.of(shown)) == set(prints)

    def _stamp(self, key: str, normaliser: Normaliser, field: str, type: FieldType) -> Stamp:
        known = (key, normaliser.version, field, type)
        stamp = self._stamps.get(known)
        if stamp is None:
            stamp = Stamp((key, self._keys[key]), normaliser, self._domain, field, type)
            self._stamps[known] = stamp
        return stamp
