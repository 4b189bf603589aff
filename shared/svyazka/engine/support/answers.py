"""An answer's body, read so that no answer can harm us: in pieces, to a limit, whatever its headers say of it.

What a server says of its body is often not so: `gzip` over plain text, a length that is never reached, a charset
that no text has. The status has come by then and stands; what is wrong with the body is said beside it.
"""

from __future__ import annotations

import codecs
import zlib
from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

from svyazka.catalogue import N_

if TYPE_CHECKING:
    import httpx

OFFERED = "gzip, deflate"
"""Encodings that we ask for: those that are unpacked here, and no others."""

MOST_LAYERS = 2
"""Encodings one over another that are unpacked."""

GZIP_MAGIC = b"\x1f\x8b"

FLAW = "svyazka.flaw"
"""In a response's extensions: what is wrong with its body, None for a whole one."""

LATE = N_("not whole in time")
"""A flaw: it had begun, and its end didn't come within the call's limit."""

CHARSETS = frozenset({"utf-8", "utf-16", "utf-16-le", "utf-16-be", "iso8859-1", "cp1251", "koi8-r", "cp866", "ascii"})
"""Charsets that an answer's text is read in; any other name (`utf-7`, `base64`, `unicode_escape`) is no text's."""


class _Packed:
    """gzip (of several members too) or deflate (with zlib's head or without), unpacked as far as is asked for.

    What isn't packed, though its header says so, is taken as it is.
    """

    def __init__(self, encoding: str) -> None:
        self._gzip = encoding == "gzip"
        self._inner: zlib._Decompress | None = None
        self._head = b""
        self._plain = False

    def feed(self, data: bytes, most: int) -> bytes:
        if self._inner is None and not self._plain:
            data, self._head = self._head + data, b""
            if len(data) < 2:
                self._head = data  # too little to tell what it is
                return b""
            self._begin(data)
        if self._plain:
            return data[:most]
        return self._unpacked(data, most)

    @property
    def held(self) -> bytes:
        """What is too little to be anything packed."""
        return self._head

    def _begin(self, data: bytes) -> None:
        if self._gzip:
            self._plain = not data.startswith(GZIP_MAGIC)
            self._inner = None if self._plain else zlib.decompressobj(31)
        else:
            with_head = data[0] & 0x0F == 8 and (data[0] << 8 | data[1]) % 31 == 0  # RFC 1950, 2.2
            self._inner = zlib.decompressobj(15 if with_head else -15)

    def _unpacked(self, data: bytes, most: int) -> bytes:
        out = bytearray()
        while data and len(out) < most:
            assert self._inner is not None
            out += self._inner.decompress(data, most - len(out))
            if not self._inner.eof:
                break  # all of it is in, or the limit is reached
            data = self._inner.unused_data
            if not self._gzip or not data.startswith(GZIP_MAGIC):
                break  # the end; what follows is no other member
            self._inner = zlib.decompressobj(31)
        return bytes(out)


def _layers(encodings: str) -> Sequence[_Packed] | None:
    """What undoes a Content-Encoding, outermost first; None for one that we never offered."""
    names = [name.strip().lower().removeprefix("x-") for name in encodings.split(",")]
    wanted = [name for name in reversed(names) if name and name != "identity"]
    known = all(name in ("gzip", "deflate") for name in wanted) and len(wanted) <= MOST_LAYERS
    return [_Packed(name) for name in wanted] if known else None


class Gathered:
    """A body as it comes in: no more than `most` bytes of it, packed or unpacked."""

    def __init__(self, encodings: str, most: int) -> None:
        layers = _layers(encodings)
        self.flaw: str | None = None if layers is not None else N_("in an encoding that we don't ask for")
        """What is wrong with it; None so far."""
        self._layers = layers or []
        self._most = most
        self._came = 0
        self._kept = bytearray()

    def take(self, chunk: bytes) -> bool:
        """One piece more; False when no more is wanted."""
        self._came += len(chunk)
        piece = chunk
        try:
            for layer in self._layers:
                # One byte past the limit tells a body that just fits from one that is cut.
                piece = layer.feed(piece, self._most + 1)
        except zlib.error:
            self.flaw = N_("not packed as its header says")
            self._kept += b"" if self._kept else chunk[: self._most]
            return False
        self._kept += piece[: self._most + 1 - len(self._kept)]
        if len(self._kept) > self._most or self._came > self._most:
            self.flaw = N_("longer than {_most} bytes").format(_most=self._most)
            return False
        return True

    @property
    def body(self) -> bytes:
        """What came of it so far."""
        held = self._layers[0].held if self._layers else b""
        return bytes(self._kept[: self._most]) or held


def text_of(response: httpx.Response, most: int) -> str:
    """The answer's text, the first `most` characters of it, whatever charset it claims."""
    body = response.content[: 4 * most]  # no charset of ours takes more bytes for a character
    return body.decode(_charset(response.headers.get("content-type", "")), "replace")[:most]


@lru_cache(maxsize=256)  # a vendor's answers are all of one type, and to read that costs more than to read the answer
def _charset(content_type: str) -> str:
    import httpx

    claimed = httpx.Response(200, headers=[(b"content-type", content_type.encode())]).charset_encoding
    try:
        name = codecs.lookup(claimed or "utf-8").name
    except (LookupError, ValueError):
        return "utf-8"
    return name if name in CHARSETS else "utf-8"


__all__ = ["FLAW", "LATE", "OFFERED", "Gathered", "text_of"]
