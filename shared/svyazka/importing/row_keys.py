"""What a row is known by from one file to the next: its own code, else its strongest key, else its name. Pure."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping
from typing import NamedTuple, Protocol


class Told(Protocol):
    """What of a line tells whose it is."""

    @property
    def code(self) -> str | None: ...
    @property
    def phones(self) -> tuple[str, ...]: ...
    @property
    def mails(self) -> tuple[str, ...]: ...
    @property
    def name(self) -> str | None: ...
    @property
    def birthday(self) -> str | None: ...


class RowKey(NamedTuple):
    """One row's."""

    digest: str
    """Of what it is told by."""
    is_code: bool
    """The file's own word: whoever bears it is the same, whatever he is called by now."""


class RowKeys:
    """The keys of a file's rows. Which rows share one is known beforehand, so that their order means nothing: else a
    file that was sorted anew would take one of a household for the other."""

    def __init__(self, lines: Iterable[Told]) -> None:
        seen: Counter[bytes] = Counter()
        seen.update(_hidden(_key(one)[0]) for one in lines)
        self._shared = frozenset(key for key, times in seen.items() if times > 1)
        self._taken: Counter[bytes] = Counter()

    def again(self) -> RowKeys:
        """For going over the file once more."""
        keys = RowKeys(())
        keys._shared = self._shared
        return keys

    def of(self, one: Told) -> RowKey:
        """The next row's."""
        key, is_code = _key(one)
        if _hidden(key) not in self._shared:
            return RowKey(_hidden(key).hex(), is_code)
        whole = _hidden("\n".join((key, *(str(said) for said in (one.name, one.birthday, one.phones, one.mails)))))
        self._taken[whole] += 1
        times = self._taken[whole]
        return RowKey(_hidden(f"{whole.hex()}\n{times}").hex(), is_code)


def _key(one: Told) -> tuple[str, bool]:
    strongest: Mapping[str, str | None] = {
        "code": one.code, "phone": next(iter(one.phones), None), "email": next(iter(one.mails), None),
    }  # fmt: skip
    for name, value in strongest.items():
        if value:
            return f"{name}:{value.casefold()}", name == "code"
    return f"person:{one.name}\n{one.birthday}", False


def _hidden(key: str) -> bytes:
    return hashlib.blake2b(key.encode(), digest_size=12).digest()
